"""The online store in Redis: what docs/guide/online-stores.md says of it, a server over it, and what happens when it goes away."""
import json
import os
import re
import signal
import unittest

import project
from project import Project
from real_servers import Redis
from serving import CLOCK, ServerCase
from steps import answer, build, refused

GUIDE = (project.ROOT / "docs" / "guide" / "online-stores.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.S | re.M)


def blocks(kind, start):
    """The guide's blocks of a kind that begin so."""
    return [text for found, text in BLOCK.findall(GUIDE) if found == kind and text.startswith(start)]


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Redis.start_or_skip()
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        self.server.cli("FLUSHALL")

    def settings(self, user="", rest=""):
        uri = f"redis://{user}127.0.0.1:{self.server.port}/0{rest}"
        return f"project: shop\nlake: ./lake\nonline: {uri}\ncatalog: sqlite:./catalog.db\n"

    def shop(self, *args, **options):
        shop = Project(*args, settings=self.settings(**options))
        self.addCleanup(shop.remove)
        return shop


class Guide(Case):
    def test_the_hash_of_a_key_is_the_one_of_the_guide(self):
        (definitions,), (data,), (shown,) = blocks("yaml", "entities:"), blocks("csv", "id,"), blocks("text", "$ redis-cli")
        shop = self.shop(definitions)
        shop.write("logins.csv", data)
        build(shop)
        shop.done("materialize", "-q")
        command, *expected = shown.splitlines()
        self.assertEqual(command.split()[:2], ["$", "redis-cli"])
        printed, key = self.server.cli(*command.split()[2:]), command.split()[-1]
        for name, value in zip(expected[::2], expected[1::2]):
            self.assertRegex(printed, f"(?s)(^|\n){name}\n" + re.escape(value).replace(r"\.\.\.", ".*") + "\n")
        self.assertEqual(set(self.server.cli("HKEYS", key).split()), set(expected[::2]))
        self.assertEqual(self.server.cli("HGET", "asof:profile:1:7", "country"), '"São Tomé"\n')
        self.assertEqual(self.server.cli("HGET", "asof:profile:1:7", "score"), "null\n")

    def test_its_users_have_the_rights_they_need(self):
        writer, reader = blocks("text", "ACL SETUSER")
        for line in (writer, reader):
            self.server.cli(*line.split())
        shop = self.shop(user="features@", rest="?password_env=REDIS_PASSWORD")
        build(shop)
        environment = project.environment(REDIS_PASSWORD="secret")
        for _ in range(2):
            shop.done("materialize", "-q", env=environment)
        self.assertEqual(json.loads(shop.done("get", "last", "id=1", env=environment))["features"]["price"], 4.5)
        shop.write("asof.yaml", self.settings("reader@", "?password_env=REDIS_PASSWORD"))
        self.assertEqual(json.loads(shop.done("get", "last", "id=1", env=environment))["features"]["price"], 4.5)
        said = refused(self, 2, shop, "materialize", env=environment)
        self.assertIn("NOPERM", said)
        self.assertIn("ACL SETUSER", said)
        self.assertNotIn("secret", said)


class Materialize(Case):
    def test_a_second_materialization_leaves_one_generation(self):
        shop = self.shop()
        build(shop)
        shop.done("materialize", "-q")
        keys = int(self.server.cli("DBSIZE"))
        for _ in range(2):
            shop.done("materialize", "-q")
            self.assertEqual(int(self.server.cli("DBSIZE")), keys)
        self.assertEqual(self.server.cli("HGET", "asof:last", "current"), "3\n")
        self.assertEqual(self.server.cli("HGET", "asof:last:3:2", "note"), "null\n")

    def test_a_kill_leaves_the_old_values(self):
        shop = self.shop(rest="?lease=1")
        build(shop)
        shop.done("materialize", "-q", "--at", "2024-01-01T11:00:00Z")
        for point in "materialize.before_commit", "store.load.before_switch", "store.load.chunk":
            killed = shop.run("materialize", "-q", env=project.environment(ASOF_FAULT=f"{point}=kill"))
            self.assertEqual(killed.returncode, -signal.SIGKILL)
            row = json.loads(shop.done("get", "last", "id=1", "--at", "2024-01-01T11:00:00Z"))
            self.assertEqual(row["features"]["price"], 10.5)
            self.take_over(shop, "2024-01-01T11:00:00Z")
        self.take_over(shop, "2024-01-03T00:00:00Z")
        self.assertEqual(answer(shop, "get", "last", "id=1")["features"]["price"], 4.5)

    def take_over(self, shop, at):
        """Once the lease of the dead one has ended."""
        for _ in range(50):
            done = shop.run("materialize", "-q", "--at", at)
            if done.returncode == 0:
                return
            self.assertIn("if it was killed, its lease ends in", done.stderr)
        self.fail(done.stderr)

    def test_a_server_that_is_not_there_is_named(self):
        shop = self.shop()
        build(shop)
        with_password = self.settings(user="features:hunter2@").replace(str(self.server.port), "1")
        shop.write("asof.yaml", with_password)
        result = shop.run("materialize")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("127.0.0.1:1: Connection refused (is the server running?)", result.stderr)
        self.assertNotIn("hunter2", result.stderr)


class Serve(ServerCase):
    @classmethod
    def setUpClass(cls):
        cls.redis = Redis.start_or_skip()
        cls.addClassCleanup(cls.redis.stop)
        super().setUpClass()

    @classmethod
    def run_program(cls, command, *args):
        settings = cls.directory / "asof.yaml"
        text = settings.read_text()
        settings.write_text(re.sub("(?m)^online: .*$", f"online: redis://127.0.0.1:{cls.redis.port}/2", text))
        return super().run_program(command, *args)

    def delays(self):
        body = {"features": ["last.delay", "departures.flights_count_1d"], "entities": {"origin": ["ABE", "ORD", "none"]}}
        status, found, _ = self.ask("POST", "/features/batch", body)
        return status, [row["features"] for row in found.get("results", [])]

    def test_it_answers_from_redis_also_after_a_restart(self):
        before = self.delays()
        self.assertEqual(before[0], 200)
        self.assertEqual(before[1][0], {"last.delay": 10, "departures.flights_count_1d": 2})
        self.redis.kill()
        self.assertEqual(self.delays()[0], 503)
        self.redis.start()
        self.assertTrue(self.redis.is_there())
        self.assertEqual(self.delays(), before)
        self.run_program("materialize", "--at", CLOCK)
        self.assertEqual(self.delays(), before)


if __name__ == "__main__":
    unittest.main()
