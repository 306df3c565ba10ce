"""Lake tables as others read them: the package deltalake, DuckDB's delta_scan, and the Parquet files themselves."""
import datetime
import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

import duckdb
import pyarrow
import pyarrow.parquet
from deltalake import DeltaTable

import project
from project import ORDERS, ROOT, Project
from steps import build, rows, versions

UTC = datetime.timezone.utc


def extension():
    """DuckDB's extension `delta`; None, and a line that says so, where there is none."""
    found = None
    folder = os.environ.get("ASOF_EXT_DIR")
    if folder:
        found = next(Path(folder).rglob("delta.duckdb_extension"), None)
    if not found:
        cache = Path(os.environ.get("ASOF_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "asof")
        if subprocess.run([ROOT / "scripts" / "fetch-duckdb.sh", "delta"], capture_output=True, check=False).returncode == 0:
            found = next(cache.glob("duckdb-*/ext/**/delta.duckdb_extension"), None)
    if not found:
        print("SKIPPED: delta_scan; run scripts/fetch-duckdb.sh delta", file=sys.stderr)
    return found


EXTENSION = extension()


def shown(table):
    """A table's rows as texts in one order, for comparing readers."""
    return sorted(json.dumps({name: str(value) for name, value in row.items()}, sort_keys=True) for row in table.to_pylist())


class Lake(unittest.TestCase):
    def setUp(self):
        self.shop = Project(project.DEFINITIONS.replace("data/orders.csv", "data/*.csv"))
        self.addCleanup(self.shop.remove)
        build(self.shop)

    def append(self):
        self.shop.write("data/more.csv", "id,ordered_at,amount,note\n3,2024-01-03 10:30:00,2.25,new\n1,2024-01-01 10:45:00,1.0,late\n,2024-01-03,1,keyless\n")
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"append"})

    def overwrite(self):
        self.shop.write("data/orders.csv", ORDERS.replace("10.5", "11.5"))
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"full"})

    def path(self, view):
        return str(self.shop.dir / "lake" / view)

    def delta(self, view, version=None):
        return DeltaTable(self.path(view), version=version).to_pyarrow_table()

    def log(self, view, version):
        text = (Path(self.path(view)) / "_delta_log" / f"{version:020d}.json").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def same_everywhere(self, count):
        """What asof says is what deltalake and delta_scan say, and has so many rows."""
        for view, name in (("spending", "spending__tiles"), ("last", "last")):
            out = self.shop.dir / f"{view}.parquet"
            out.unlink(missing_ok=True)
            self.shop.done("sql", f"copy (from {name}) to '{view}.parquet' (format parquet)")
            own = pyarrow.parquet.read_table(out)
            other = self.delta(view)
            hidden = [column for column in other.column_names if column not in own.column_names]
            self.assertTrue(all(column.startswith("_") for column in hidden), hidden)
            self.assertEqual(own.num_rows, count[view])
            self.assertEqual(shown(self.in_utc(other.drop_columns(hidden))), shown(self.in_utc(own)))
            if EXTENSION:
                db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
                db.execute(f"load '{EXTENSION}'")
                scanned = db.execute(f"from delta_scan('{self.path(view)}')").to_arrow_table()
                self.assertEqual(shown(self.in_utc(scanned)), shown(self.in_utc(other)))

    @staticmethod
    def in_utc(table):
        kinds = {pyarrow.timestamp("us"): pyarrow.timestamp("us", "UTC")}
        fields = [field.with_type(pyarrow.timestamp("us", "UTC")) if pyarrow.types.is_timestamp(field.type)
                  else field.with_type(kinds.get(field.type, field.type)) for field in table.schema]
        return table.cast(pyarrow.schema([pyarrow.field(field.name, field.type) for field in fields]))

    def test_other_readers_agree_before_and_after_an_append_and_an_overwrite(self):
        self.same_everywhere({"spending": 4, "last": 4})
        self.append()
        self.same_everywhere({"spending": 6, "last": 6})
        self.overwrite()
        self.same_everywhere({"spending": 5, "last": 6})

    def test_old_versions_are_read_by_time_travel(self):
        self.append()
        self.overwrite()
        self.assertEqual(versions(self.shop, "last"), ["1.0.0", "1.0.1", "1.0.2"])
        self.assertEqual([self.delta("last", version).num_rows for version in (0, 1, 2)], [4, 6, 6])
        prices = [sorted(self.delta("last", version).column("price").to_pylist()) for version in (0, 1, 2)]
        self.assertEqual(prices, [[1, 4.5, 7, 10.5], [1, 1, 2.25, 4.5, 7, 10.5], [1, 1, 2.25, 4.5, 7, 11.5]])

    def test_each_build_is_one_commit(self):
        self.append()
        for view in ("spending", "last"):
            names = sorted(os.listdir(Path(self.path(view)) / "_delta_log"))
            self.assertEqual(names, ["00000000000000000000.json", "00000000000000000001.json"])
            actions = [next(iter(action)) for action in self.log(view, 1)]
            self.assertEqual((actions.count("add"), actions.count("remove"), actions.count("metaData")), (1, 0, 0))
        self.overwrite()
        actions = [next(iter(action)) for action in self.log("last", 2)]
        self.assertEqual((actions.count("add"), actions.count("remove")), (1, 2))

    def test_times_are_timestamps_in_utc(self):
        for view in ("spending", "last"):
            fields = {field.name: field.type for field in DeltaTable(self.path(view)).schema().fields}
            for name in ("event_time", "created_time"):
                self.assertEqual(fields[name].type, "timestamp")
        times = self.delta("last").column("event_time")
        self.assertEqual(str(times.type), "timestamp[us, tz=UTC]")
        self.assertEqual(min(times.to_pylist()), datetime.datetime(2024, 1, 1, 10, 30, tzinfo=UTC))

    def test_the_log_has_the_least_and_the_greatest_of_each_column(self):
        stats = [json.loads(action["add"]["stats"]) for action in self.log("last", 0) if "add" in action][0]
        self.assertEqual(stats["numRecords"], 4)
        self.assertEqual((stats["minValues"]["id"], stats["maxValues"]["id"]), (1, 2))
        self.assertEqual((stats["minValues"]["price"], stats["maxValues"]["price"]), (1, 10.5))
        self.assertEqual((stats["minValues"]["note"], stats["maxValues"]["note"]), ("Z\u00fcrich", "first"))
        self.assertEqual((stats["minValues"]["event_time"][:19], stats["maxValues"]["event_time"][:19]),
                         ("2024-01-01T10:30:00", "2024-01-02T09:00:00"))
        self.assertEqual((stats["nullCount"]["note"], stats["nullCount"]["id"]), (1, 0))

    def test_readers_may_skip_by_the_statistics(self):
        self.append()
        found = DeltaTable(self.path("last")).to_pyarrow_table(filters=[("id", "=", 3)])
        self.assertEqual(found.column("price").to_pylist(), [2.25])

    def test_columns_are_keys_times_features_and_bookkeeping_in_this_order(self):
        self.assertEqual([name for name in self.delta("last").column_names if not name.startswith("_")],
                         ["id", "event_time", "created_time", "price", "note"])
        self.assertEqual(self.delta("spending").column_names[:3], ["id", "event_time", "created_time"])


class Files(unittest.TestCase):
    def test_files_are_lz4_raw_and_clustered_by_key_and_time(self):
        with Project(project.DEFINITIONS.replace("orders.csv", "orders.parquet")) as shop:
            duckdb.sql("copy (select (i * 7919) % 997 as id, timestamp '2024-01-01' + to_seconds((i * 104729) % 900000) as ordered_at, "
                       f"i / 8 as amount, 'n' || i as note from range(60000) r(i)) to '{shop.dir}/data/orders.parquet' (format parquet)")
            build(shop)
            for view in ("spending", "last"):
                parts = list((shop.dir / "lake" / view).glob("*.parquet"))
                self.assertEqual(len(parts), 1)
                file = pyarrow.parquet.ParquetFile(parts[0])
                codecs = {file.metadata.row_group(g).column(c).compression
                          for g in range(file.metadata.num_row_groups) for c in range(file.metadata.num_columns)}
                self.assertEqual(codecs, {"LZ4"}, "pyarrow's word for LZ4_RAW")
                table = file.read(columns=["id", "event_time"])
                order = list(zip(table.column("id").to_pylist(), table.column("event_time").to_pylist()))
                self.assertEqual(order, sorted(order))
            self.assertEqual(rows(shop, "select sum(_count) from spending__tiles"), [(60000,)])


if __name__ == "__main__":
    unittest.main()
