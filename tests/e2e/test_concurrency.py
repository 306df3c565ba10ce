"""Several builders and a reader at once: every commit is somebody's, once, and no reader ever sees a part of one.

Eight seconds for each kind of lake and catalog; ASOF_TEST_LONG=1 takes a minute.
"""
import datetime
import json
import os
import subprocess
import sys
import threading
import time
import unittest
import urllib.parse

import orders
import project
import test_s3
from project import Project
from real_servers import ATTACHED
from steps import build, read_parquet, rows, versions

KEYS = 20
SECONDS = 60 if os.environ.get("ASOF_TEST_LONG") else 8
COMMITS_AT_LEAST = 4
GIVE_UP_S = 300
CONFLICT_EXIT = 4


def add(shop, number):
    orders.add_batch(shop, number, KEYS, datetime.timedelta(hours=1))


class Builder(threading.Thread):
    """Builds again and again, each in a process of its own."""

    def __init__(self, shop, stop):
        super().__init__(daemon=True)
        self.shop, self.stop_asked = shop, stop
        self.published, self.conflicts, self.failed = [], 0, []

    def run(self):
        while not self.stop_asked.is_set() and not self.failed:
            done = subprocess.run([project.BIN, "--json", "build"], cwd=self.shop.dir, env=project.environment(), input="",
                                  capture_output=True, encoding="utf-8", check=False)
            if done.returncode == 0:
                self.published += [(view["view"], view["version"], view["rows_total"]) for view in json.loads(done.stdout)["views"]
                                   if view["published"]]
            elif done.returncode == CONFLICT_EXIT:
                self.conflicts += 1
            else:
                self.failed.append((done.returncode, done.stderr))


class Builders(unittest.TestCase):
    views = orders.VIEWS
    definitions = orders.definitions(spending="{orders: {agg: count, windows: [36500d]}}")

    def setUp(self):
        self.shop = None
        self.seen = dict.fromkeys(self.views, 0)

    def make(self, settings):
        self.shop = Project(self.definitions, settings)
        self.addCleanup(self.shop.remove)
        add(self.shop, 0)
        build(self.shop)
        self.shop.write("spine.csv", "id,event_time\n" + "".join(f"{key},2100-01-01 00:00:00\n" for key in range(KEYS)))

    # ---- the reader ----

    def advances(self, view, batches):
        self.assertGreaterEqual(batches, self.seen[view], f"{view} went back")
        self.seen[view] = batches

    def read_sql(self):
        count, newest, distinct = rows(self.shop, "select count(*), max(batch), count(distinct (id, batch)) from last")[0]
        self.assertEqual((count, distinct), (KEYS * (newest + 1),) * 2, "a part of a build, or one of it twice")
        self.advances("last", newest + 1)
        least, most, total = rows(self.shop, "select min(n), max(n), count(*) from (select id, sum(_count) n from spending__tiles "
                                             "group by all)")[0]
        self.assertEqual((least, total), (most, KEYS), "a part of a build")
        self.advances("spending", int(most))

    def read_join(self):
        self.shop.done("join", "-q", "--spine", "spine.csv", "--features", "last.batch,spending.orders_count_36500d",
                       "--out", "out.parquet")
        found = read_parquet(self.shop, "out.parquet")
        self.assertEqual(len(found), KEYS)
        batches, counts = ({row[name] for row in found} for name in list(found[0])[-2:])
        self.assertEqual((len(batches), len(counts)), (1, 1), "a mix of versions")
        self.advances("last", batches.pop() + 1)
        self.advances("spending", counts.pop())

    def read_list(self):
        for view in self.views:
            found = versions(self.shop, view)
            self.assertEqual(found, [f"1.0.{patch}" for patch in range(len(found))], "a version is missing, or there twice")

    # ---- all together ----

    def run_all(self, builders):
        stop = threading.Event()
        team = [Builder(self.shop, stop) for _ in range(builders)]
        for one in team:
            one.start()
        began, number, reads = time.monotonic(), 0, 0
        try:
            while self.goes_on(team, time.monotonic() - began):
                number += 1
                add(self.shop, number)
                (self.read_sql, self.read_join, self.read_list)[number % 3]()
                reads += 1
        finally:
            stop.set()
            for one in team:
                one.join()
        self.assertEqual([failure for one in team for failure in one.failed], [])
        self.accounted_for(team, number)
        print(f"\n{builders} builders: {sum(len(one.published) for one in team)} commits, {sum(one.conflicts for one in team)} "
              f"conflicts, {reads} reads", file=sys.stderr)

    def goes_on(self, team, seconds):
        if any(one.failed for one in team):
            return False
        return seconds < SECONDS or (sum(len(one.published) for one in team) < COMMITS_AT_LEAST and seconds < GIVE_UP_S)

    def accounted_for(self, team, number):
        """Each version was published by one, or by one that was told of a conflict elsewhere afterwards; none is lost."""
        claimed = [(view, version) for one in team for view, version, _ in one.published]
        self.assertEqual(len(claimed), len(set(claimed)), "a version has two makers")
        self.assertGreaterEqual(len(claimed), COMMITS_AT_LEAST, "nothing was built: nothing was tested")
        for view in self.views:
            found = versions(self.shop, view)
            self.assertEqual(found, [f"1.0.{patch}" for patch in range(len(found))])
            unclaimed = set(found[1:]) - {version for name, version in claimed if name == view}
            self.assertLessEqual(len(unclaimed), sum(one.conflicts for one in team), "a version is nobody's")
            self.assertLessEqual({version for name, version in claimed if name == view}, set(found), "a commit was lost")
        totals = {view["view"]: view["rows_total"] for view in build(self.shop).values()}
        self.assertEqual(totals, dict.fromkeys(self.views, KEYS * (number + 1)))
        self.read_sql()
        self.assertEqual(self.seen, dict.fromkeys(self.views, number + 1))
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"none"})
        self.assertEqual(self.shop.done("doctor"), "nothing is wrong\n")


class Kinds(Builders):
    def test_a_directory_and_sqlite(self):
        self.make(project.SETTINGS)
        self.run_all(8 if os.environ.get("ASOF_TEST_LONG") else 4)

    def test_a_directory_and_postgres(self):
        server = Postgres()
        self.addCleanup(server.stop)
        if not server.is_there():
            print("\nSKIPPED: no PostgreSQL on this machine (packages.txt): builders beside it were not tested", file=sys.stderr)
            self.skipTest("no PostgreSQL")
        self.make(project.SETTINGS.replace("sqlite:./catalog.db", server.uri))
        self.run_all(4 if os.environ.get("ASOF_TEST_LONG") else 2)

    def test_a_bucket(self):
        server = test_s3.Server()
        self.addCleanup(server.stop)
        if not server.is_there():
            print("\nSKIPPED: no MinIO on this machine (scripts/servers.sh): builders in a bucket were not tested", file=sys.stderr)
            self.skipTest("no MinIO")
        os.environ.update(AWS_ACCESS_KEY_ID="testkey", AWS_SECRET_ACCESS_KEY=test_s3.SECRET)
        self.make(project.SETTINGS.replace("./lake", f"s3://lake/busy?endpoint=http://127.0.0.1:{server.port}"))
        self.run_all(4 if os.environ.get("ASOF_TEST_LONG") else 2)


class Chain(Builders):
    """Views that read views: what each was made from is a version of the one before it, and never a mix."""
    views = orders.CHAIN
    definitions = orders.chain()

    def read_sql(self):
        found = rows(self.shop, orders.CHAIN_COUNTS)[0]
        for view, batches in zip(self.views, orders.chain_batches(self, found, KEYS)):
            self.advances(view, batches)

    def read_join(self):
        self.shop.done("join", "-q", "--spine", "spine.csv", "--features", "last.batch,counted.batch_max_36500d,top.batch_max_36500d",
                       "--out", "out.parquet")
        found = read_parquet(self.shop, "out.parquet")
        self.assertEqual(len(found), KEYS)
        newest = [{row[name] for row in found} for name in list(found[0])[-3:]]
        self.assertEqual([len(batches) for batches in newest], [1, 1, 1], "a mix of versions")
        for view, batches in zip(self.views, newest):
            self.advances(view, batches.pop() + 1)

    def test_two_builders_of_a_chain(self):
        self.make(project.SETTINGS)
        self.run_all(4 if os.environ.get("ASOF_TEST_LONG") else 2)


class Postgres(test_s3.Server):
    """PostgreSQL on a port of its own."""

    def start(self):
        script = project.ROOT / "tests" / "servers" / "postgres.sh"
        os.chmod(self.dir, 0o755)
        self.process = subprocess.Popen([*ATTACHED, "sh", script, self.dir, str(self.port)], start_new_session=True,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.uri = f"postgres://asof:{urllib.parse.quote('s3cret/pass', safe='')}@127.0.0.1:{self.port}/asof"

    def is_there(self):
        """Once asof can use it; False only where there is none on this machine."""
        deadline = time.monotonic() + 180
        with Project(settings=project.SETTINGS.replace("sqlite:./catalog.db", self.uri)) as shop:
            while time.monotonic() < deadline and self.process.poll() is None:
                if shop.run("list", "versions").returncode == 0:
                    return True
                test_s3.pause()
        if self.process.poll() == test_s3.ABSENT:
            return False
        raise AssertionError("PostgreSQL is here and does not start")


if __name__ == "__main__":
    unittest.main()
