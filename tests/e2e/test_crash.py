"""`kill -9` at any moment, and at each named point: what was published stays readable, the next run completes, nothing is doubled."""
import json
import random
import subprocess
import time
import unittest

import duckdb
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

import orders
import project
from project import Project, run
from steps import build, rows, start, versions

KEYS = 50
MOMENTS = 50
BUILD_POINTS = ["lake.commit.before_sync", "lake.commit.before_put", "lake.commit.after_put", "build.before_file", "build.before_commit", "build.after_commit",
                "blob.put.before_sync", "blob.put.before_link", "blob.put.after_link"]
MATERIALIZE_POINTS = ["materialize.batch", "materialize.before_commit", "materialize.after_commit", "store.load.begun",
                      "store.front.indexed", "store.front.sealed", "store.load.before_switch", "store.load.after_switch"]


def add(shop, number):
    orders.add_batch(shop, number, KEYS)


def make():
    shop = Project(orders.definitions())
    add(shop, 0)
    return shop


def day(number):
    return time.strftime("%Y-%m-%dT12:00:00Z", time.gmtime(1_704_067_200 + number * 86_400))


class Case(unittest.TestCase):
    def setUp(self):
        self.shop = make()
        self.addCleanup(self.shop.remove)
        self.random = random.Random(20240101)
        self.killed = 0

    def killed_after(self, seconds, *args):
        """Was it still running when it was killed?"""
        process = start(self.shop, *args)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        self.killed += process.wait() == -9

    def killed_at(self, point, *args):
        """Die at a named point; False where it is never passed."""
        result = self.shop.run(*args, env=project.environment(ASOF_FAULT=f"{point}=kill"))
        self.assertIn(result.returncode, (0, -9), (point, result.stderr))
        return result.returncode == -9


class Build(Case):
    def batches(self, view):
        """The batches in a lake table; each must be there whole and once."""
        try:
            table = DeltaTable(str(self.shop.dir / "lake" / view)).to_pyarrow_table()
        except TableNotFoundError:
            return 0
        self.assertEqual(table.num_rows % KEYS, 0, "a part of a batch")
        pairs = set(zip(table.column("id").to_pylist(), table.column("event_time").to_pylist()))
        self.assertEqual(len(pairs), table.num_rows, "a row is doubled")
        return table.num_rows // KEYS

    def old_or_new(self, before):
        for view in ("spending", "last"):
            self.assertIn(self.batches(view), (before, before + 1))

    def completes(self, count):
        for view in build(self.shop).values():
            self.assertEqual(view["rows_total"], count * KEYS)
        for view in ("spending", "last"):
            self.assertEqual(self.batches(view), count)

    def all_of_it(self, count):
        """Versions without a gap, and every batch once, as asof sees it."""
        for view in ("spending", "last"):
            self.assertEqual(versions(self.shop, view), [f"1.0.{patch}" for patch in range(count)])
        self.assertEqual(rows(self.shop, "select count(*), count(distinct (id, event_time)), sum(batch) from last"),
                         [(count * KEYS, count * KEYS, KEYS * sum(range(count)))])
        self.assertEqual(rows(self.shop, "select sum(_count), max(_count) from spending__tiles"), [(count * KEYS, 1)])
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"none"})

    def test_at_random_moments(self):
        build(self.shop)
        add(self.shop, 1)
        began = time.monotonic()
        build(self.shop)
        seconds = time.monotonic() - began
        for number in range(2, MOMENTS + 2):
            add(self.shop, number)
            self.killed_after(self.random.uniform(0, seconds), "build", "-q")
            self.old_or_new(number)
            if number % 10 == 0:
                found = rows(self.shop, "select count(*), max(batch) from last")
                self.assertIn(found, ([(number * KEYS, number - 1)], [((number + 1) * KEYS, number)]))
            self.completes(number + 1)
        self.assertGreater(self.killed, MOMENTS // 4, "it was rarely killed: nothing was tested")
        self.all_of_it(MOMENTS + 2)

    def test_at_each_named_point(self):
        build(self.shop)
        passed = 0
        for number, point in enumerate(BUILD_POINTS, 1):
            with self.subTest(point):
                add(self.shop, number)
                passed += self.killed_at(point, "build", "-q")
                self.old_or_new(number)
                found = rows(self.shop, "select count(*), count(distinct (id, event_time)) from last")
                self.assertIn(found, [[(number * KEYS,) * 2], [((number + 1) * KEYS,) * 2]])
                self.completes(number + 1)
        self.assertEqual(passed, len(BUILD_POINTS))
        self.all_of_it(len(BUILD_POINTS) + 1)

    def test_a_first_build_that_was_killed_leaves_nothing_or_all(self):
        for point in BUILD_POINTS:
            with self.subTest(point), make() as self.shop:
                self.assertTrue(self.killed_at(point, "build", "-q"))
                self.old_or_new(0)
                self.completes(1)
                self.assertEqual((versions(self.shop, "last"), versions(self.shop, "spending")), (["1.0.0"], ["1.0.0"]))

    def test_a_failure_there_is_an_error_and_no_half(self):
        build(self.shop)
        for number, point in enumerate(BUILD_POINTS, 1):
            with self.subTest(point):
                add(self.shop, number)
                result = self.shop.run("build", env=project.environment(ASOF_FAULT=f"{point}=fail"))
                self.assertEqual((result.returncode, result.stdout), (1, ""))
                self.assertIn(point, result.stderr)
                self.old_or_new(number)
                self.completes(number + 1)


class Chain(Case):
    """A view that reads a view that reads a view: each stands at a version of what it reads, wherever the building ended."""
    POINTS = ["lake.commit.before_put", "lake.commit.after_put", "build.before_commit", "build.after_commit"]

    def setUp(self):
        self.shop = Project(orders.chain())
        self.addCleanup(self.shop.remove)
        self.random = random.Random(20240102)
        self.killed = 0
        add(self.shop, 0)
        build(self.shop)

    def stand(self):
        return orders.chain_batches(self, rows(self.shop, orders.CHAIN_COUNTS)[0], KEYS)

    def completes(self, number):
        """Only what was added is read, and the values are those of a build of everything."""
        self.assertLessEqual({view["mode"] for view in build(self.shop).values()}, {"append", "none"})
        self.assertEqual(self.stand(), [number + 1] * 3)
        for view in orders.CHAIN:
            self.assertEqual(versions(self.shop, view), [f"1.0.{patch}" for patch in range(number + 1)])
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"none"})

    def ends_like_a_full_build(self):
        before = {view: rows(self.shop, f"from {view} order by all") for view in orders.CHAIN}
        build(self.shop, "--full")
        for view, found in before.items():
            self.assertEqual([row[:2] + row[3:] for row in rows(self.shop, f"from {view} order by all")], [row[:2] + row[3:] for row in found])

    def test_killed_in_the_middle_the_next_build_goes_on_from_there(self):
        cases = [(point, nth) for point in self.POINTS for nth in (1, 2, 3)]
        for number, (point, nth) in enumerate(cases, 1):
            with self.subTest(point=point, nth=nth):
                add(self.shop, number)
                self.assertTrue(self.killed_at(f"{point}:{nth}", "build", "-q"))
                built = nth if point.endswith((".after_put", ".after_commit")) else nth - 1
                self.assertEqual(self.stand(), [number + 1] * built + [number] * (3 - built))
                self.completes(number)
        self.ends_like_a_full_build()

    def test_at_random_moments(self):
        began, count = time.monotonic(), MOMENTS // 4
        add(self.shop, 1)
        self.completes(1)
        seconds = time.monotonic() - began
        for number in range(2, count + 2):
            add(self.shop, number)
            self.killed_after(self.random.uniform(0, seconds / 2), "build", "-q")
            self.assertLessEqual({batches - number for batches in self.stand()}, {0, 1})
            self.completes(number)
        self.assertGreater(self.killed, 0, "it was never killed: nothing was tested")
        self.ends_like_a_full_build()


class Materialize(Case):
    SAMPLE = (0, KEYS - 1)

    def served(self, at):
        """What each of some keys is answered, and that it is whole: the windows and the row of one day."""
        found = {json.loads(self.shop.done("get", "last", f"id={key}", "--at", at))["features"]["batch"] for key in self.SAMPLE}
        self.assertEqual(len(found), 1, "old and new are mixed")
        return found.pop()

    def days(self, count):
        for number in range(1, count):
            add(self.shop, number)
        build(self.shop)

    def moves(self, number, kill):
        """Go from one day to the next through a death."""
        kill()
        self.assertIn(self.served(day(number - 1)), (number - 1, number))
        self.shop.done("materialize", "-q", "--at", day(number))
        self.assertEqual(self.served(day(number)), number)

    def test_at_random_moments(self):
        self.days(MOMENTS + 2)
        self.shop.done("materialize", "-q", "--at", day(0))
        began = time.monotonic()
        self.shop.done("materialize", "-q", "--at", day(1))
        seconds = time.monotonic() - began
        for number in range(2, MOMENTS + 2):
            self.moves(number, lambda at=day(number): self.killed_after(self.random.uniform(0, seconds), "materialize", "-q", "--at", at))
        self.assertGreater(self.killed, MOMENTS // 4, "it was rarely killed: nothing was tested")
        row = json.loads(self.shop.done("get", "spending", "id=0", "--at", day(MOMENTS + 1)))
        self.assertEqual(row["features"], {"orders_count_1d": 1})

    def test_at_each_named_point(self):
        self.days(len(MATERIALIZE_POINTS) + 1)
        self.shop.done("materialize", "-q", "--at", day(0))
        for number, point in enumerate(MATERIALIZE_POINTS, 1):
            with self.subTest(point):
                at = day(number)
                self.moves(number, lambda point=point, at=at: self.assertTrue(self.killed_at(point, "materialize", "-q", "--at", at)))

    def test_a_killed_load_goes_on_and_ends_as_if_nothing_had_been(self):
        keys = 40_000   # a chunk is 16 MiB
        (self.shop.dir / "data/b-00000.parquet").unlink()
        duckdb.sql(f"copy (select id, timestamp '2024-01-01 10:30:00' as ordered_at, repeat('x', 1000) || id as batch from "
                   f"range({keys}) k(id)) to '{self.shop.dir}/data/large.parquet' (format parquet)")
        build(self.shop)
        killed = self.shop.run("materialize", "-q", "last", "--at", day(0), env=project.environment(ASOF_FAULT="store.load.chunk:2=kill"))
        self.assertEqual(killed.returncode, -9)
        again = json.loads(self.shop.done("materialize", "last", "--at", day(0), "--json"))
        self.assertEqual(again["views"][0]["rows"], keys)
        runs = json.loads(self.shop.done("list", "runs", "--json"))
        self.assertRegex(json.dumps(runs), r"[1-9]\d+ of the rows by a run that was killed or interrupted")
        for key in (0, keys // 2, keys - 1):
            found = json.loads(self.shop.done("get", "last", f"id={key}", "--at", day(0)))
            self.assertEqual(found["features"]["batch"][1000:], str(key))

    def test_between_the_chunks_of_a_large_load(self):
        keys = 20_000   # a chunk is 16 MiB
        (self.shop.dir / "data/b-00000.parquet").unlink()
        duckdb.sql(f"copy (select id, timestamp '2024-01-01 10:30:00' + to_days(n) as ordered_at, repeat('x', 1000) || n as batch from "
                   f"range({keys}) k(id), range(2) b(n)) to '{self.shop.dir}/data/large.parquet' (format parquet)")
        build(self.shop)
        self.shop.done("materialize", "-q", "last", "--at", day(0))
        ends = []
        for kill in (True, False):
            if kill:
                self.assertTrue(self.killed_at("store.load.chunk", "materialize", "-q", "last", "--at", day(1)))
            else:
                self.shop.done("materialize", "-q", "last", "--at", day(1))
            found = {json.loads(self.shop.done("get", "last", f"id={key}", "--at", day(0)))["features"]["batch"][1000:]
                     for key in (0, keys // 2, keys - 1)}
            self.assertEqual(len(found), 1, "old and new are mixed")
            ends.append(found.pop())
        self.assertEqual(ends, ["0", "1"])

    def test_a_failure_there_is_an_error_and_no_half(self):
        self.days(len(MATERIALIZE_POINTS) + 1)
        self.shop.done("materialize", "-q", "--at", day(0))

        def fail(point, at):
            result = self.shop.run("materialize", "--at", at, env=project.environment(ASOF_FAULT=f"{point}=fail"))
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            self.assertIn(point, result.stderr)

        for number, point in enumerate(MATERIALIZE_POINTS, 1):
            with self.subTest(point):
                self.moves(number, lambda point=point, at=day(number): fail(point, at))

    def test_the_first_that_was_killed_serves_nothing_or_all(self):
        build(self.shop)
        for point in MATERIALIZE_POINTS:
            with self.subTest(point):
                self.assertTrue(self.killed_at(point, "materialize", "-q", "--at", day(0)))
                result = run("get", "last", "id=0", cwd=self.shop.dir)
                self.assertTrue(result.returncode == 2 or json.loads(result.stdout)["features"] == {"batch": 0}, result.stderr)
                self.shop.done("materialize", "-q", "--at", day(0))
                self.assertEqual(self.served(day(0)), 0)
                for path in (self.shop.dir / "online").iterdir():
                    path.unlink()


if __name__ == "__main__":
    unittest.main()
