"""Online values in PostgreSQL: what holds for every store, and what people, deaths and lost servers do to this one."""
import json
import os
import re
import signal
import unittest
import uuid

import project
import test_materialize
import test_serve_while_materialized
from project import Project
from real_servers import Postgres
from steps import build, refused, start

GUIDE = (project.ROOT / "docs" / "guide" / "online-stores.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.S | re.M)
KILLED_AT = ["store.load.begun", "store.load.chunk", "store.load.before_switch", "materialize.before_commit",
             "store.load.after_switch", "materialize.after_commit"]


def blocks(kind, start_of_it):
    """The guide's blocks of a kind that begin so."""
    return [text for found, text in BLOCK.findall(GUIDE) if found == kind and text.startswith(start_of_it)]


class OnPostgres:
    """One server for a class; each test has a schema of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Postgres.start_or_skip()
        cls.addClassCleanup(cls.server.stop)
        os.environ["ASOF_TEST_PASSWORD"] = cls.server.password
        cls.addClassCleanup(os.environ.pop, "ASOF_TEST_PASSWORD")

    def settings(self, user="asof"):
        """Without the password."""
        self.schema = f"s{uuid.uuid4().hex}"
        uri = f"postgres://{user}@127.0.0.1:{self.server.port}/asof?password_env=ASOF_TEST_PASSWORD&schema={self.schema}"
        return project.SETTINGS.replace("lmdb:./online", uri)

    def start_again(self):
        """After a kill: until it takes statements."""
        self.server.start()
        self.assertTrue(self.server.is_there())


class Materialize(OnPostgres, test_materialize.Materialize):
    """All that is promised of `materialize`, here."""


class ServeWhileMaterialized(OnPostgres, test_serve_while_materialized.ServeWhileMaterialized):
    """All that is promised of a server beside it, here."""

    def test_a_server_of_the_store_that_starts_again_costs_no_answer(self):
        self.assertEqual(self.ask("/features/last/1")[0], 200)
        self.server.kill()
        self.start_again()
        status, row = self.ask("/features/last/1")
        self.assertEqual((status, row["features"]["price"]), (200, 4.5))


class Online(OnPostgres, unittest.TestCase):
    def setUp(self):
        self.shop = Project(settings=self.settings())
        self.addCleanup(self.shop.remove)
        build(self.shop)

    def price(self, key=1):
        return json.loads(self.shop.done("get", "last", f"id={key}", "--at", "2024-01-09"))["features"]["price"]

    def ask(self, sql):
        return self.server.ask(sql, self.schema)

    def test_people_select_features_by_their_names(self):
        self.shop.done("materialize", "-q", "--at", "2024-01-03")
        self.assertEqual(self.ask("select id, price, note, event_time from online_last order by id"),
                         ['1|4.5|a, "b"|2024-01-01 12:15:00+00', "2|1||2024-01-02 09:00:00+00"])
        self.assertEqual(self.ask("select id, orders_count_1d, amount_sum_1d from online_spending order by id"), ["1|0|", "2|1|1"])
        self.ask("create view dear as select id from online_last where price > 4")
        self.shop.done("materialize", "-q", "--at", "2024-01-04")
        self.assertEqual(self.ask("select * from dear"), ["1"])

    def test_another_type_of_a_feature_is_another_column(self):
        self.shop.done("materialize", "-q", "last")
        self.shop.write("features/shop.yaml", project.DEFINITIONS.replace(
            "price: {column: amount, default: 0}", "price: {column: note}"))
        self.shop.done("apply", "--yes", "-q")
        build(self.shop)
        self.ask("create view mine as select price from online_last")
        said = refused(self, 4, self.shop, "materialize", "last")
        self.assertIn("somebody's view 'mine' reads it: drop that view", said)
        self.ask("drop view mine")
        self.shop.done("materialize", "-q", "last")
        self.assertEqual(self.ask("select id, price from online_last order by id"), ['1|a, "b"', "2|"])

    def test_a_killed_materialization_leaves_the_old_values_or_the_new_ones(self):
        self.shop.done("materialize", "-q", "last", "--at", "2024-01-01T11:00:00Z")
        for at, point in enumerate(KILLED_AT):
            with self.subTest(point=point):
                killed = start(self.shop, "materialize", "last", "--at", f"2024-01-01T13:00:0{at}Z", ASOF_FAULT=f"{point}=kill")
                self.assertEqual(killed.wait(project.DEADLINE_S), -signal.SIGKILL)
                self.assertEqual(self.price(), 4.5 if "after" in point else 10.5)
        again = self.shop.run("materialize", "-q", "last", "--at", "2024-01-02")
        while again.returncode != 0 and "another load" in again.stderr:
            again = self.shop.run("materialize", "-q", "last", "--at", "2024-01-02")
        self.assertEqual((again.returncode, self.price()), (0, 4.5), again.stderr)
        self.assertEqual(self.ask("select count(*) from asof_online_generation"), ["1"])

    def test_a_store_that_is_away_is_named_and_no_password_told(self):
        self.shop.done("materialize", "-q", "last")
        self.server.kill()
        try:
            said = refused(self, 1, self.shop, "get", "last", "id=1")
        finally:
            self.start_again()
        self.assertIn(f"127.0.0.1:{self.server.port}", said)
        self.assertIn("is it running", said)
        self.assertNotIn(self.server.password, said)
        self.assertEqual(self.price(), 4.5)
        for env, words in (({"ASOF_TEST_PASSWORD": "hunter2"}, "check the user, and the password"), ({}, "which is not set: export it")):
            without = {name: value for name, value in project.environment(**env).items() if env or name != "ASOF_TEST_PASSWORD"}
            said = refused(self, 2, self.shop, "get", "last", "id=1", env=without)
            self.assertIn(words, said)
            self.assertNotIn("hunter2", said)


class Guide(OnPostgres, unittest.TestCase):
    def test_the_rows_that_people_see_are_those_of_the_guide(self):
        (definitions,), (data,), (shown,) = blocks("yaml", "entities:"), blocks("csv", "id,"), blocks("text", "# select")
        with Project(definitions, self.settings()) as shop:
            shop.write("logins.csv", data)
            build(shop)
            shop.done("materialize", "-q")
            statement, *expected = shown.splitlines()
            printed = self.server.show(statement[2:], self.schema).strip("\n").splitlines()
            self.assertEqual([re.sub(r" +", " ", line).strip() for line in printed], [re.sub(r" +", " ", line).strip() for line in expected])

    def test_its_users_have_the_rights_they_need(self):
        grants = re.sub(r"\bonline\b", "{schema}", "".join(blocks("sql", "-- once")))
        with Project(settings=self.settings("loader")) as shop:
            os.environ["ASOF_TEST_PASSWORD"] = "secret"
            self.addCleanup(os.environ.__setitem__, "ASOF_TEST_PASSWORD", self.server.password)
            build(shop)
            said = refused(self, 2, shop, "materialize")
            self.assertIn("authentication failed", said)
            self.server.ask(grants.format(schema=self.schema))
            shop.done("materialize", "-q")
            self.server.ask("".join(blocks("sql", "-- then")).replace("online.", f"{self.schema}.").replace(
                "schema online", f"schema {self.schema}"))
            shop.done("materialize", "-q", "--at", "2030-01-01")
            settings = shop.dir / "asof.yaml"
            settings.write_text(settings.read_text().replace("loader@", "reader@"))
            self.assertEqual(json.loads(shop.done("get", "last", "id=1"))["features"]["price"], 4.5)
            self.assertIn("a user needs", refused(self, 2, shop, "materialize", "--at", "2031-01-01"))
            self.assertEqual(self.server.ask(f"set role analyst; select price from {self.schema}.online_last where id = 1"), ["4.5"])


if __name__ == "__main__":
    unittest.main()
