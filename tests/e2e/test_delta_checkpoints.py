"""Tables with checkpoints as others read them, without our own snapshots, and with a log that was cleaned up."""
import datetime
import json
import shutil
import unittest

import duckdb
import pyarrow
from deltalake import DeltaTable, write_deltalake

from project import Project
from steps import build, refused, rows, write_parquet
from test_lake import EXTENSION, shown

DEFINITIONS = """
entities:
  customer: {keys: {id: int64}}
sources:
  orders: {path: data/*.parquet, event_time: ordered_at}
views:
  last: {entity: customer, source: orders, features: [amount, note]}
"""
BUILDS = 25
KEYS = 3
UTC = datetime.timezone.utc


class Table(unittest.TestCase):
    """A view of 25 builds; each test may damage it."""

    @classmethod
    def setUpClass(cls):
        cls.shop = Project(DEFINITIONS)
        cls.addClassCleanup(cls.shop.remove)
        for number in range(BUILDS):
            at = datetime.datetime(2024, 1, 1, 10, 30) + datetime.timedelta(days=number)
            write_parquet(cls.shop, f"data/b-{number:03}.parquet",
                          {"id": list(range(KEYS)), "ordered_at": [at] * KEYS, "amount": [number + 0.5] * KEYS,
                           "note": ["Z\u00fcrich \"1\"", None, f"n{number}"]})
            build(cls.shop)
        cls.path = cls.shop.dir / "lake" / "last"
        cls.log = cls.path / "_delta_log"

    def setUp(self):
        self.kept = self.shop.dir / "kept"
        shutil.copytree(self.path, self.kept)
        self.addCleanup(self.put_back)

    def put_back(self):
        shutil.rmtree(self.path)
        self.kept.rename(self.path)

    def clean_up(self, before):
        """The entries before a version, as a clean-up leaves a log."""
        for entry in self.log.glob("*.json"):
            if entry.name.split(".")[1] == "json" and int(entry.name[:20]) < before:
                entry.unlink()

    def others(self, version=None):
        """What deltalake and delta_scan read; equal."""
        table = DeltaTable(str(self.path), version=version).to_pyarrow_table()
        if EXTENSION:
            db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
            db.execute(f"set timezone = 'UTC'; load '{EXTENSION}'")
            at = f", version := {version}" if version is not None else ""
            scanned = db.execute(f"from delta_scan('{self.path}'{at})").to_arrow_table()
            self.assertEqual(sorted(scanned.column("amount").to_pylist()), sorted(table.column("amount").to_pylist()))
            self.assertEqual(shown(scanned.select(["id", "note", "amount"])), shown(table.select(["id", "note", "amount"])))
        return table

    def same(self, builds, version=None):
        table = self.others(version)
        self.assertEqual(table.num_rows, builds * KEYS)
        self.assertEqual(sorted(set(table.column("amount").to_pylist())), [number + 0.5 for number in range(builds)])

    def own(self):
        return rows(self.shop, "select count(*), count(distinct (id, event_time)), sum(amount), count(note) from last")

    OWN = [(BUILDS * KEYS, BUILDS * KEYS, KEYS * sum(number + 0.5 for number in range(BUILDS)), 2 * BUILDS)]


class Checkpoints(Table):
    def test_a_checkpoint_is_written_after_every_tenth_commit(self):
        names = {path.name for path in self.log.iterdir()}
        for version in (10, 20):
            self.assertIn(f"{version:020}.checkpoint.parquet", names)
            self.assertIn(f"{version:020}.asof.json", names)
        self.assertEqual(sum(name.endswith(".checkpoint.parquet") for name in names), 2)
        self.assertEqual(json.loads((self.log / "_last_checkpoint").read_text())["version"], 20)

    def test_all_read_the_same_now_and_then(self):
        self.same(BUILDS)
        for version in (0, 9, 10, 11, 20, 23):
            self.same(version + 1, version)
        self.assertEqual(self.own(), self.OWN)

    def test_all_read_the_same_from_the_checkpoint_alone(self):
        self.clean_up(20)
        self.same(BUILDS)
        self.same(21, 20)
        self.assertEqual(self.own(), self.OWN)
        for snapshot in self.log.glob("*.asof.json"):
            snapshot.unlink()
        self.same(BUILDS)
        self.assertEqual(self.own(), self.OWN)
        self.assertEqual(build(self.shop)["last"]["mode"], "none")
        error = refused(self, 2, self.shop, "join", "--spine", "spine.csv", "--features", "last@1.0.4.amount", "--out", "o.parquet")
        self.assertIn("version 1.0.4 was vacuumed (kept: ", error)
        self.assertIn("1.0.20", error)

    def test_a_checkpoint_of_another_writer_is_read(self):
        for path in (*self.log.glob("*.asof.json"), *self.log.glob("*.checkpoint.parquet"), self.log / "_last_checkpoint"):
            path.unlink()
        DeltaTable(str(self.path)).create_checkpoint()
        self.clean_up(BUILDS - 1)
        self.same(BUILDS)
        self.assertEqual(self.own(), self.OWN)

    def test_the_statistics_survive_a_checkpoint(self):
        self.clean_up(20)
        found = DeltaTable(str(self.path)).to_pyarrow_table(filters=[("amount", "=", 3.5)])
        self.assertEqual(found.num_rows, KEYS)
        stats = duckdb.sql(f"select min(\"add\".stats->>'$.numRecords'), count(*) from '{self.log}/{20:020}.checkpoint.parquet' "
                           "where \"add\" is not null").fetchone()
        self.assertEqual(stats, (str(KEYS), 21))


class Foreign(unittest.TestCase):
    """A table that somebody else put where a view's would be."""

    def setUp(self):
        self.shop = Project(DEFINITIONS)
        self.addCleanup(self.shop.remove)
        write_parquet(self.shop, "data/b.parquet", {"id": [1], "ordered_at": [datetime.datetime(2024, 1, 1)], "amount": [1.5], "note": ["a"]})

    def refused(self, status, text):
        self.assertIn(text, refused(self, status, self.shop, "build"))

    def test_a_partitioned_one_is_refused(self):
        write_deltalake(str(self.shop.dir / "lake/last"), pyarrow.table({"id": [1, 2], "p": ["x", "y"]}), partition_by=["p"])
        self.refused(2, "the table is partitioned")

    def test_one_with_features_of_newer_readers_is_refused(self):
        path = str(self.shop.dir / "lake/last")
        write_deltalake(path, pyarrow.table({"id": [1], "t": [datetime.datetime(2024, 1, 1)]}))   # timestampNtz
        self.refused(2, "the table wants a reader of protocol 3, this is one of 2")

    def test_one_that_is_plain_is_not_taken_for_ours(self):
        path = str(self.shop.dir / "lake/last")
        for number in range(3):
            write_deltalake(path, pyarrow.table({"id": [number]}), mode="append")
        DeltaTable(path).create_checkpoint()
        self.refused(4, "'last' was published meanwhile")
        self.assertEqual(DeltaTable(path).to_pyarrow_table().num_rows, 3)


if __name__ == "__main__":
    unittest.main()
