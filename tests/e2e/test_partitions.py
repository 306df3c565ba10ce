"""Partitioned tables: the same rows and joins in other files, as Delta readers know them."""
import datetime
import json
import random
import unittest

import duckdb
from deltalake import DeltaTable

import orders
import project
from orders import joined, random_orders, random_times
from project import Project
from steps import answer, build, refused, write_parquet
from test_lake import EXTENSION

DEFINITIONS = orders.definitions("[amount, note]", orders.TOTALLED, "{id: int64, shop: string}")
SHOPS = ["north", "south", "a/b", "Z\u00fcrich", "x" * 100]
COUNT = 6000
START = datetime.datetime(2024, 1, 15)
FORMS = {"month(event_time)": "[month(event_time)]", "day": "[year(event_time), day(event_time)]", "shop": "[shop, month(event_time)]"}


def add(shop, name, count, seed, days=60):
    write_parquet(shop, f"data/{name}.parquet", random_orders(random.Random(seed), count, START, days, 40, SHOPS))


def make(partition=None, settings=""):
    text = DEFINITIONS if partition is None else DEFINITIONS.replace("    source: orders\n", f"    source: orders\n    partition: {partition}\n")
    shop = Project(text, project.SETTINGS + settings)
    add(shop, "a", COUNT, 1)
    dice = random.Random(5)
    write_parquet(shop, "spine.parquet", {"id": [dice.randrange(45) for _ in range(1000)], "shop": [dice.choice(SHOPS) for _ in range(1000)],
                                          "event_time": random_times(dice, 1000, START, 70)})
    return shop


def log(shop, view, version=0):
    text = (shop.dir / "lake" / view / "_delta_log" / f"{version:020}.json").read_text()
    return [json.loads(line) for line in text.splitlines()]


class Partitions(unittest.TestCase):
    def shop(self, *args):
        shop = make(*args)
        self.addCleanup(shop.remove)
        return shop

    def test_joins_are_the_same_byte_for_byte(self):
        plain = self.shop()
        build(plain)
        expected = {options: joined(plain, *options) for options in ((), ("--engine", "sql"), ("--direct",))}
        for name, form in FORMS.items():
            for how in ("kernel", "sql"):
                with self.subTest(partition=name, how=how):
                    shop = self.shop(form)
                    report = build(shop, "--engine", how)
                    self.assertGreater(report["last"]["files"], 2)
                    for options, answers in expected.items():
                        self.assertEqual(joined(shop, *options), answers, options)

    def test_rows_stand_in_their_directories_in_order(self):
        shop = self.shop("[month(event_time)]")
        build(shop)
        for add_action in (line["add"] for line in log(shop, "last") if "add" in line):
            month = add_action["partitionValues"]["_event_month"]
            self.assertTrue(add_action["path"].startswith(f"event_month={month}/part-"), add_action["path"])
            found = duckdb.read_parquet(str(shop.dir / "lake" / "last" / add_action["path"]), hive_partitioning=False)
            self.assertNotIn("_event_month", found.columns)
            self.assertEqual({time.strftime("%Y-%m") for time, in found.project("event_time::TIMESTAMP").fetchall()}, {month})
            keys = found.project("id, shop, event_time").fetchall()
            self.assertEqual(keys, sorted(keys))

    def test_others_read_rows_and_partition_values(self):
        for form in FORMS.values():
            with self.subTest(partition=form):
                shop = self.shop(form)
                build(shop)
                path = str(shop.dir / "lake" / "last")
                files = sorted(str(file) for file in (shop.dir / "lake" / "last").rglob("part-*.parquet"))
                mine = duckdb.read_parquet(files, hive_partitioning=False).project("id, shop, amount, note").order("ALL").fetchall()
                self.assertEqual(len(mine), COUNT)
                others = DeltaTable(path).to_pyarrow_table()
                self.assertEqual(duckdb.sql("SELECT id, shop, amount, note FROM others ORDER BY ALL").fetchall(), mine)
                self.check_values(duckdb.sql("SELECT * FROM others"))
                if not EXTENSION:
                    continue
                other = duckdb.connect(config={"allow_unsigned_extensions": "false"})
                other.load_extension(str(EXTENSION))
                other.sql("SET TimeZone = 'UTC'")
                self.assertEqual(other.sql(f"SELECT id, shop, amount, note FROM delta_scan('{path}') ORDER BY ALL").fetchall(), mine)
                self.check_values(other.sql(f"SELECT * FROM delta_scan('{path}')"))

    def check_values(self, found):
        expected = {"_event_month": "strftime(event_time::TIMESTAMP, '%Y-%m')", "_event_year": "strftime(event_time::TIMESTAMP, '%Y')",
                    "_event_day": "strftime(event_time::TIMESTAMP, '%Y-%m-%d')", "_by_shop": "shop"}
        columns = [name for name in found.columns if name in expected]
        self.assertTrue(columns)
        for column in columns:
            self.assertEqual(found.filter(f'"{column}" IS DISTINCT FROM {expected[column]}').fetchall(), [])

    def test_what_is_added_follows_the_table(self):
        shop, plain = self.shop("[month(event_time)]"), self.shop()
        for one in (shop, plain):
            build(one)
            add(one, "b", 500, 9)
            self.assertEqual(build(one)["last"]["mode"], "append")
        self.assertTrue(all(line["add"]["partitionValues"]["_event_month"] for line in log(shop, "last", 1) if "add" in line))
        self.assertEqual(joined(shop), joined(plain))
        shop.done("build", "--from", "2024-02-01", "--to", "2024-02-10")
        plain.done("build", "--from", "2024-02-01", "--to", "2024-02-10")
        self.assertEqual(joined(shop), joined(plain))

    def test_a_change_is_told_by_plan_and_writes_all_anew(self):
        shop = self.shop()
        build(shop)
        before = joined(shop)
        text = (shop.dir / "features/shop.yaml").read_text()
        shop.write("features/shop.yaml", text.replace("    source: orders\n", "    source: orders\n    partition: [month(event_time)]\n"))
        changes = {item["name"]: item for item in answer(shop, "plan")["changes"]}
        self.assertEqual((changes["last"]["change"], changes["last"]["data"]), ("minor", "build"))
        self.assertIn("'partition' changes, all files are written again: none -> month(event_time)", changes["last"]["reasons"])
        self.assertEqual(build(shop)["last"]["mode"], "full")
        self.assertEqual(joined(shop), before)
        shop.write("features/shop.yaml", text)
        self.assertEqual(build(shop)["last"]["mode"], "full")
        self.assertEqual([line["metaData"]["partitionColumns"] for line in log(shop, "last", 2) if "metaData" in line], [[]])
        self.assertEqual(joined(shop), before)

    def test_checkpoints_keep_partitions(self):
        shop, plain = self.shop("[month(event_time)]"), self.shop()
        for one in (shop, plain):
            build(one)
            for number in range(11):
                add(one, f"more-{number:02}", 20, number)
                build(one, "last")
        self.assertTrue((shop.dir / "lake/last/_delta_log/00000000000000000010.asof.json").exists())
        for number in range(10):
            (shop.dir / f"lake/last/_delta_log/{number:020}.json").unlink()
        self.assertEqual(joined(shop), joined(plain))
        self.assertEqual(DeltaTable(str(shop.dir / "lake/last")).to_pyarrow_table().num_rows, COUNT + 220)

    def test_auto_says_what_and_why(self):
        small = self.shop("auto")
        report = build(small)["last"]
        self.assertEqual((report["partition"], report["files"]), ("none", 1))
        self.assertIn("told apart by their statistics", report["partition_reason"])
        large = self.shop("auto", "file_size: 4KiB\n")
        add(large, "b", COUNT, 3)
        report = build(large)["last"]
        self.assertEqual((report["partition"], report["partition_reason"].split(" files of ")[1]), ("month(event_time)", "2 months"))
        planned = {item["name"]: (item["partition"], item["partition_reason"].split(" files of ")[1]) for item in answer(large, "plan")["changes"]}
        self.assertEqual(planned["last"], ("month(event_time)", "2 months"))
        plain = self.shop()
        add(plain, "b", COUNT, 3)
        build(plain)
        self.assertEqual(joined(large), joined(plain))

    def test_plan_says_what_auto_chooses_before_anything_is_built(self):
        large = self.shop("auto", "file_size: 4KiB\n")
        add(large, "b", COUNT, 3)
        planned = {item["name"]: item for item in answer(large, "plan")["changes"]}
        self.assertEqual(planned["last"]["partition"], "month(event_time)")
        self.assertRegex(planned["last"]["partition_reason"], r"^about \d+ files of 2 months$")
        self.assertEqual((planned["spending"]["partition"], planned["spending"]["partition_reason"]), ("none", "decided by its first build"))
        small = answer(self.shop("auto"), "plan")["changes"]
        self.assertEqual({item["partition"] for item in small}, {"none"})
        self.assertTrue(all(item["partition_reason"].startswith("about 1 files: ") for item in small))

    def test_a_build_killed_between_partitions_is_done_again(self):
        shop = self.shop("[month(event_time)]")
        result = shop.run("build", "last", env=project.environment(ASOF_FAULT="build.before_file:2=kill"))
        self.assertEqual(result.returncode, -9)
        self.assertFalse((shop.dir / "lake/last/_delta_log").exists())
        self.assertEqual(build(shop, "last")["last"]["rows_total"], COUNT)
        self.assertEqual(DeltaTable(str(shop.dir / "lake/last")).to_pyarrow_table().num_rows, COUNT)

    def grown(self, partition, batches=4, settings=""):
        """Tables to which each batch has added a file of every partition."""
        shop = self.shop(partition, settings)
        build(shop)
        for number in range(batches):
            add(shop, f"more-{number}", 200, 20 + number)
            build(shop)
        return shop

    def scanned(self, shop, view):
        """The rows as deltalake and delta_scan read them, which are the same."""
        path = str(shop.dir / "lake" / view)
        scanned = DeltaTable(path).to_pyarrow_table()
        found = duckdb.sql("SELECT id, shop, event_time::TIMESTAMP AS at, amount, note FROM scanned ORDER BY ALL").fetchall()
        if DeltaTable(path).metadata().partition_columns:
            self.check_values(duckdb.sql("SELECT * FROM scanned"))
        if EXTENSION:
            other = duckdb.connect(config={"allow_unsigned_extensions": "false"})
            other.load_extension(str(EXTENSION))
            other.sql("SET TimeZone = 'UTC'")
            columns = "id, shop, event_time::TIMESTAMP AS at, amount, note"
            self.assertEqual(other.sql(f"SELECT {columns} FROM delta_scan('{path}') ORDER BY ALL").fetchall(), found)
            if DeltaTable(path).metadata().partition_columns:
                self.check_values(other.sql(f"SELECT * FROM delta_scan('{path}')"))
        return found

    def files_of(self, shop, view):
        """How many files of the table each partition has."""
        counts = {}
        for uri in DeltaTable(str(shop.dir / "lake" / view)).file_uris():
            directory = uri.split(f"/lake/{view}/")[1].rpartition("/")[0]
            counts[directory] = counts.get(directory, 0) + 1
        return counts

    def test_compaction_merges_within_a_partition_and_joins_are_those_of_a_plain_table(self):
        plain = self.grown(None, batches=2)
        expected = {options: joined(plain, *options) for options in ((), ("--engine", "sql"))}
        for form in FORMS.values():
            with self.subTest(partition=form):
                shop = self.grown(form, batches=2)
                before, rows_before = self.files_of(shop, "last"), self.scanned(shop, "last")
                self.assertGreater(min(before.values()), 1)
                done = {view["view"]: view for view in answer(shop, "compact")["views"]}
                self.assertEqual((done["last"]["files_before"], done["last"]["files_after"]), (sum(before.values()), len(before)))
                self.assertEqual((done["last"]["version"], done["last"]["published"]), ("1.0.2", False))
                self.assertEqual(self.files_of(shop, "last"), dict.fromkeys(before, 1))
                self.assertEqual(self.scanned(shop, "last"), rows_before)
                for options, answers in expected.items():
                    self.assertEqual(joined(shop, *options), answers, options)
                self.assertEqual({view["files_merged"] for view in answer(shop, "compact")["views"]}, {0})
                add(shop, "after", 100, 50)
                self.assertEqual(build(shop)["last"]["mode"], "append")
                self.assertGreater(len(self.scanned(shop, "last")), len(rows_before))

    def test_compaction_stops_at_the_target_within_a_partition(self):
        shop = self.grown("[month(event_time)]")
        partitions = len(self.files_of(shop, "last"))
        smallest = sorted(path.stat().st_size for path in (shop.dir / "lake/last").rglob("part-*.parquet"))
        done = answer(shop, "compact", "last", "--target-size", str(2 * smallest[len(smallest) // 2] + 2))["views"][0]
        self.assertGreater(done["files_after"], partitions)
        self.assertLess(done["files_after"], done["files_before"])

    def test_a_build_says_when_a_partitioned_table_is_worth_compacting(self):
        shop = self.grown("[month(event_time)]", batches=6)
        add(shop, "last", 50, 90)
        self.assertRegex(build(shop)["last"]["compaction"], r"^\d+ small files: `asof compact last` makes 3 of them$")

    def test_folding_keeps_partitions_and_joins(self):
        seen = ("event_time: ordered_at}", "event_time: ordered_at, created_time: seen_at}")
        text = DEFINITIONS.replace(*seen).replace("    source: orders\n", "    source: orders\n    known_at_retention: 90d\n")
        shops = []
        for form in ("none", "[month(event_time), shop]"):
            shop = Project(text.replace("    source: orders\n", f"    source: orders\n    partition: {form}\n"))
            self.addCleanup(shop.remove)
            shops.append(shop)
            for batch in range(3):
                dice = random.Random(3)  # the same keys and times, seen a day later with other amounts
                times = [START + datetime.timedelta(hours=dice.randrange(60 * 24)) for _ in range(300)]
                write_parquet(shop, f"data/{batch}.parquet", {
                    "id": [dice.randrange(40) for _ in times], "shop": [dice.choice(SHOPS) for _ in times], "ordered_at": times,
                    "seen_at": [time + datetime.timedelta(days=batch) for time in times],
                    "amount": [dice.random() + batch for _ in times], "note": [f"note {batch}" for _ in times]})
                build(shop)
            write_parquet(shop, "spine.parquet", {"id": list(range(40)) * 5, "shop": [name for name in SHOPS for _ in range(40)],
                                                  "event_time": [START + datetime.timedelta(days=day % 70) for day in range(200)]})
        plain, shop = shops
        before = {options: joined(plain, *options) for options in ((), ("--engine", "sql"))}
        self.assertEqual(joined(shop), before[()])
        directories = set(self.files_of(shop, "last"))
        done = [{view["view"]: view for view in answer(one, "compact")["views"]} for one in shops]
        for view in ("last", "spending"):
            self.assertGreater(done[0][view]["rows_folded"], 0)
            for key in ("version", "rows", "rows_folded", "published"):
                self.assertEqual(done[1][view][key], done[0][view][key], (view, key))
        self.assertEqual(self.files_of(shop, "last"), dict.fromkeys(directories, 1))
        for options, answers in before.items():
            self.assertEqual(joined(shop, *options), answers, options)
        self.assertEqual(self.scanned(shop, "last"), self.scanned(plain, "last"))
        self.assertIn("tells what was known from", refused(self, 2, shop, "join", "--spine", "spine.parquet", "--features", "last.*",
                                                           "--known-at", "2024-01-20T00:00:00Z", "--out", "x.parquet"))
        self.assertEqual({view["mode"] for view in build(shop).values()}, {"none"})

    def test_a_compaction_killed_between_partitions_leaves_the_table_as_it_was(self):
        shop = self.grown("[month(event_time)]", batches=2)
        before, found = self.files_of(shop, "last"), self.scanned(shop, "last")
        result = shop.run("compact", "last", env=project.environment(ASOF_FAULT="compact.before_write:2=kill"))
        self.assertEqual(result.returncode, -9)
        self.assertEqual((self.files_of(shop, "last"), self.scanned(shop, "last")), (before, found))
        answer(shop, "compact", "last")
        self.assertEqual((set(self.files_of(shop, "last").values()), self.scanned(shop, "last")), ({1}, found))

    def test_what_is_no_partition_says_what_is_one(self):
        for form in ("[hour(event_time)]", "[sho]", "[month(event_time), month(event_time)]", "[]", "monthly"):
            shop = self.shop(form)
            self.assertIn("partition", refused(self, 2, shop, "validate"))


if __name__ == "__main__":
    unittest.main()
