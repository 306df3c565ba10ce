"""A build writes several files near a target size: clustered, with statistics of their own, in one commit."""
import datetime
import json
import random
import unittest

import pyarrow.parquet
from deltalake import DeltaTable

import orders
import project
from orders import joined, random_orders, random_times
from project import Project
from steps import build, files, refused, rows, write_parquet

COUNT = 20_000
START = datetime.datetime(2024, 1, 1)


def make(size, keys=500):
    shop = Project(orders.definitions("[amount, note]", orders.TOTALLED), project.SETTINGS + f"file_size: {size}\n")
    dice = random.Random(7)
    write_parquet(shop, "data/orders.parquet", random_orders(dice, COUNT, START, 90, keys))
    write_parquet(shop, "spine.parquet", {"id": [dice.randrange(keys) for _ in range(2000)], "event_time": random_times(dice, 2000, START, 90)})
    return shop


def adds(shop, view, version=0):
    """The add actions of a version, in order."""
    lines = (shop.dir / "lake" / view / "_delta_log" / f"{version:020}.json").read_text().splitlines()
    return [json.loads(line)["add"] for line in lines if line.startswith('{"add"')]


class Files(unittest.TestCase):
    def shop(self, *args):
        shop = make(*args)
        self.addCleanup(shop.remove)
        return shop

    def check_files(self, shop, view, rows_expected):
        """Files follow each other in the order of key and time, and the log's statistics are what they hold."""
        found = adds(shop, view)
        before = None
        for add in found:
            table = pyarrow.parquet.read_table(shop.dir / "lake" / view / add["path"])
            stats = json.loads(add["stats"])
            places = list(zip(table["id"].to_pylist(), table["event_time"].to_pylist()))
            self.assertEqual(places, sorted(places))
            self.assertTrue(before is None or before <= places[0], (before, places[0]))
            before = places[-1]
            self.assertEqual((stats["numRecords"], stats["minValues"]["id"], stats["maxValues"]["id"]),
                             (table.num_rows, places[0][0], places[-1][0]))
            self.assertEqual(add["size"], (shop.dir / "lake" / view / add["path"]).stat().st_size)
        self.assertEqual(sum(json.loads(add["stats"])["numRecords"] for add in found), rows_expected)
        return found

    def test_both_ways_write_several_files_near_the_size(self):
        for options in ((), ("--engine", "sql")):
            with self.subTest(options=options):
                shop = self.shop("64KiB")
                done = build(shop, *options)
                for view, report in done.items():
                    found = self.check_files(shop, view, report["rows_total"])
                    self.assertGreater(len(found), 3)
                    self.assertEqual((len(found), sum(add["size"] for add in found)), (report["files"], report["bytes"]))
                    self.assertLess(max(add["size"] for add in found), 3 * 64 * 1024)

    def test_an_entity_stands_in_one_file_unless_it_is_too_large(self):
        shop = self.shop("64KiB")
        build(shop)
        ends = [json.loads(add["stats"]) for add in adds(shop, "last")]
        for one, next_one in zip(ends, ends[1:]):
            self.assertLess(one["maxValues"]["id"], next_one["minValues"]["id"])
        alone = self.shop("64KiB", 1)
        report = build(alone)["last"]
        self.assertGreater(len(self.check_files(alone, "last", report["rows_total"])), 3)

    def test_joins_and_tables_are_the_same_as_from_one_file(self):
        one, several = self.shop("1GiB"), self.shop("64KiB")
        self.assertEqual({view["files"] for view in build(one).values()}, {1})
        build(several)
        for options in ((), ("--engine", "sql")):
            self.assertEqual(joined(one, *options), joined(several, *options), options)
        query = 'SELECT * EXCLUDE (created_time) FROM last ORDER BY ALL'
        self.assertEqual(rows(one, query), rows(several, query))
        mine = DeltaTable(str(several.dir / "lake" / "last")).to_pyarrow_table().drop_columns(["created_time"])
        other = DeltaTable(str(one.dir / "lake" / "last")).to_pyarrow_table().drop_columns(["created_time"])
        self.assertEqual(mine.sort_by("_order"), other.sort_by("_order"))

    def test_a_failure_between_files_leaves_none_behind(self):
        for options in ((), ("--engine", "sql")):
            for point in ("build.before_file:3", "build.before_commit"):
                with self.subTest(options=options, point=point):
                    shop = self.shop("64KiB")
                    before = {name for name in files(shop) if "/part-" in name}
                    refused(self, 1, shop, "build", "last", *options, env=project.environment(ASOF_FAULT=f"{point}=fail"))
                    self.assertEqual({name for name in files(shop) if "/part-" in name}, before)
                    self.assertEqual(build(shop, "last", *options)["last"]["rows_total"], COUNT)

    def test_a_build_killed_between_files_is_not_seen_and_done_again(self):
        shop = self.shop("64KiB")
        result = shop.run("build", "last", env=project.environment(ASOF_FAULT="build.before_file:3=kill"))
        self.assertEqual(result.returncode, -9)
        self.assertFalse((shop.dir / "lake" / "last" / "_delta_log").exists())
        self.assertEqual(build(shop, "last")["last"]["rows_total"], COUNT)
        self.check_files(shop, "last", COUNT)

    def test_a_size_that_is_none_says_what_to_write(self):
        for size in ("large", "1KiB", "0"):
            shop = self.shop(size)
            self.assertIn("write 256MiB, 1GiB or the like", refused(self, 2, shop, "validate"))


if __name__ == "__main__":
    unittest.main()
