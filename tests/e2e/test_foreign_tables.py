"""Delta and Iceberg tables that others write, as sources: every row that their own libraries read, and no other."""
import datetime
import json
import shutil
import unittest

import deltalake
import duckdb
import pyarrow
import pyarrow.parquet
from deltalake import DeltaTable, QueryBuilder, write_deltalake
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.transforms import IdentityTransform

import tables_by_hand as by_hand
from project import Project
from steps import answer, build, refused, rows

DEFINITIONS = """
entities:
  customer: {keys: {id: string}}
sources:
  orders: {path: data/orders, event_time: ordered_at%s}
views:
  last: {entity: customer, source: orders, features: [amount, shop]}
  spending:
    entity: customer
    source: orders
    step: 1h
    features:
      amount: {column: amount, agg: [sum, count, last], windows: [1d]}
"""
SETTINGS = "project: shop\nlake: ./lake\nonline: lmdb:./online\ncatalog: sqlite:./catalog.db\n"
SCHEMA = pyarrow.schema([("id", pyarrow.string()), ("shop", pyarrow.string()), ("amount", pyarrow.int64()),
                         ("ordered_at", pyarrow.timestamp("us", "UTC"))])
SPINE = "id,event_time\na,2024-01-01 03:00:00\nb,2024-01-01 12:00:00\nc,2024-01-02 23:00:00\na,2024-01-02 01:30:00\n"


def hour(number):
    return datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(hours=number)


def data(first, count, shops=("Z\u00fcrich 1", "b/c")):
    numbers = range(first, first + count)
    return pyarrow.table({"id": [("a", "b", "c")[n % 3] for n in numbers], "shop": [shops[n % len(shops)] for n in numbers],
                          "amount": list(numbers), "ordered_at": [hour(n) for n in numbers]}, schema=SCHEMA)


def theirs(table):
    """The rows of an Arrow table as `asof sql` shows them."""
    return sorted((row["id"], row["shop"], row["amount"], row["ordered_at"].strftime("%Y-%m-%dT%H:%M:%SZ")) for row in table.to_pylist())


def delta(path, version=None):
    """What delta-rs reads."""
    read = QueryBuilder().register("t", DeltaTable(str(path), version=version)).execute("select id, shop, amount, ordered_at from t")
    return theirs(pyarrow.table(read.read_all()))


def ours(shop):
    return sorted(rows(shop, "select id, shop, amount, ordered_at from orders"))


class Shop(unittest.TestCase):
    """A project over data/orders."""

    def setUp(self):
        self.shop = Project(DEFINITIONS % "", SETTINGS, files={"spine.csv": SPINE})
        self.addCleanup(self.shop.remove)
        self.path = self.shop.dir / "data" / "orders"

    def define(self, more):
        self.shop.write("features/shop.yaml", DEFINITIONS % more)

    def append(self, *args, **options):
        write_deltalake(str(self.path), data(*args), mode="append", **options)

    def joined(self, *args):
        self.shop.done("join", "--spine", "spine.csv", "--features", "last.*,spending.*", "--out", "out.csv", *args)
        return (self.shop.dir / "out.csv").read_text()

    def agrees(self):
        """By lake and directly, by kernels and by SQL: one answer."""
        build(self.shop, "--full")
        wanted = self.joined()
        self.assertEqual(self.joined("--direct"), wanted)
        build(self.shop, "--full", "--engine", "sql")
        self.assertEqual(self.joined("--engine", "sql"), wanted)
        return wanted


class DeltaTest(Shop):
    def test_a_partitioned_table_is_read_as_delta_rs_reads_it(self):
        self.append(0, 10, partition_by=["shop"])
        self.append(10, 10)
        self.assertEqual(ours(self.shop), delta(self.path))
        self.assertEqual(len(ours(self.shop)), 20)
        self.agrees()

    def test_a_table_with_checkpoints_is_read_whole(self):
        for number in range(25):
            self.append(number, 1, partition_by=["shop"])
        table = DeltaTable(str(self.path))
        table.create_checkpoint()
        self.append(25, 2)
        self.assertEqual(ours(self.shop), delta(self.path))
        for version in range(20):
            by_hand.entry(self.path, version).unlink()
        self.assertEqual(ours(self.shop), delta(self.path))
        self.assertEqual(len(ours(self.shop)), 27)

    def test_overwritten_deleted_updated_and_merged_rows_are_as_they_are_now(self):
        self.append(0, 10)
        write_deltalake(str(self.path), data(5, 10), mode="overwrite")
        self.assertEqual(ours(self.shop), delta(self.path))
        DeltaTable(str(self.path)).delete("amount = 7")
        self.assertEqual(ours(self.shop), delta(self.path))
        DeltaTable(str(self.path)).update(updates={"amount": "amount + 1000"}, predicate="id = 'b'")
        self.assertEqual(ours(self.shop), delta(self.path))
        merge = DeltaTable(str(self.path)).merge(data(12, 6), "s.ordered_at = t.ordered_at", source_alias="s", target_alias="t")
        merge.when_matched_update_all().when_not_matched_insert_all().execute()
        self.assertEqual(ours(self.shop), delta(self.path))
        self.assertEqual(len(ours(self.shop)), 12)
        self.agrees()

    def test_rows_of_a_deletion_vector_are_gone(self):
        self.append(0, 10)
        self.append(10, 10)
        path = sorted(by_hand.active(self.path, 1))[0]
        by_hand.delete_rows(self.path, 2, path, [0, 3, 9])
        self.assertEqual(len(ours(self.shop)), 17)
        self.assertEqual(ours(self.shop), delta(self.path))
        by_hand.delete_rows(self.path, 3, path, [4], old=[0, 3, 9])
        self.assertEqual(len(ours(self.shop)), 16)
        self.assertEqual(ours(self.shop), delta(self.path))
        self.agrees()

    def test_columns_with_other_names_in_the_files_have_those_of_the_table(self):
        by_hand.mapped_table(self.path, data(0, 10), {"id": "col-1", "shop": "col-2", "amount": "col-3", "ordered_at": "col-4"})
        self.assertEqual(ours(self.shop), theirs(data(0, 10)))
        self.agrees()

    def test_what_duckdb_appends_is_read(self):
        self.append(0, 4)
        db = duckdb.connect(config={"extension_directory": self.extensions()})
        db.execute(f"load delta; set timezone = 'UTC'; attach '{self.path}' as t (type delta)")
        db.execute("insert into t select 'c', 'x', 99, timestamptz '2024-01-03 00:00:00+00'")
        self.assertEqual(len(ours(self.shop)), 5)
        self.assertEqual(ours(self.shop), delta(self.path))

    def extensions(self):
        from test_lake import EXTENSION
        if not EXTENSION:
            self.skipTest("no extensions of DuckDB")
        return str(EXTENSION).rsplit("/", 3)[0]

    def test_an_empty_table_has_no_rows_and_its_columns(self):
        DeltaTable.create(str(self.path), deltalake.Schema.from_arrow(SCHEMA))
        self.assertEqual(build(self.shop)["last"]["rows_total"], 0)
        self.append(0, 3)
        self.assertEqual(build(self.shop)["last"]["rows_total"], 3)

    def test_a_version_is_pinned(self):
        self.append(0, 4)
        self.append(4, 4)
        self.define(", version: 0")
        self.assertEqual(ours(self.shop), delta(self.path, 0))
        self.assertEqual(len(ours(self.shop)), 4)
        self.append(8, 4)
        self.assertEqual(build(self.shop)["last"]["rows_total"], 4)
        self.assertEqual(build(self.shop)["last"]["mode"], "none")

    def test_of_rows_that_tie_the_one_that_was_written_later_counts(self):
        for amount in range(6):
            same = pyarrow.table({"id": ["a", "a"], "shop": ["x", "y"], "amount": [10 * amount, 10 * amount + 1],
                                  "ordered_at": [hour(1), hour(1)]}, schema=SCHEMA)
            write_deltalake(str(self.path), same, mode="append")
        self.assertEqual([line.split(",")[2:] for line in self.agrees().splitlines() if line.startswith("a,2024-01-01")],
                         [["51", "y", "306", "12", "51"]])

    def test_the_format_may_be_said(self):
        self.append(0, 4)
        self.define(", format: delta")
        self.assertEqual(answer(self.shop, "show", "orders")["format"], "delta")
        self.assertEqual(ours(self.shop), delta(self.path))


class DeltaCursorTest(Shop):
    """What the next build reads of a table that has moved on. Joins are those after a full rebuild, whatever was done."""

    def builds(self, mode, reason, read=None):
        done = build(self.shop)
        for view in done.values():
            self.assertEqual((view["mode"], reason in view["reason"]), (mode, True), view)
            if read is not None:
                self.assertEqual(view["source_rows"], read)
        after = self.joined()
        self.assertEqual(self.joined("--direct"), after)
        build(self.shop, "--full")
        self.assertEqual(self.joined(), after)

    def test_appended_files_alone_are_read(self):
        self.append(0, 10, partition_by=["shop"])
        self.builds("full", "first build", 10)
        self.append(10, 4)
        self.append(14, 2)
        self.builds("append", "new files", 6)
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"none"})

    def test_a_table_that_is_only_written_anew_changes_nothing(self):
        for number in range(4):
            self.append(3 * number, 3)
        build(self.shop)
        DeltaTable(str(self.path)).optimize.compact()
        self.assertEqual({(view["mode"], view["reason"]) for view in build(self.shop).values()}, {("none", "nothing new")})
        self.append(12, 3)
        self.builds("append", "new files", 3)

    def test_rows_appended_and_compacted_before_they_were_read_are_read(self):
        self.append(0, 3)
        build(self.shop)
        self.append(3, 3)
        self.append(6, 3)
        DeltaTable(str(self.path)).optimize.compact()
        build(self.shop)
        self.assertEqual(sorted(rows(self.shop, "select amount from last")), [(n,) for n in range(9)])
        self.assertEqual(self.joined(), self.joined("--direct"))

    def test_deleted_and_updated_rows_are_no_longer_there(self):
        self.append(0, 20)
        build(self.shop)
        DeltaTable(str(self.path)).delete("amount = 7")
        self.assertEqual(build(self.shop)["last"]["mode"], "replace")
        self.assertEqual(self.joined(), self.joined("--direct"))
        self.assertEqual(rows(self.shop, "select count(*) from last"), [(19,)])
        DeltaTable(str(self.path)).update(updates={"amount": "amount + 1000"}, predicate="id = 'b'")
        build(self.shop)
        self.assertEqual(self.joined(), self.joined("--direct"))
        self.assertEqual(rows(self.shop, "select count(*) from last where amount >= 1000"), [(6,)])

    def test_rows_of_a_new_deletion_vector_are_no_longer_there(self):
        self.append(0, 10)
        self.append(10, 10)
        build(self.shop)
        path = sorted(by_hand.active(self.path, 1))[0]
        by_hand.delete_rows(self.path, 2, path, [1, 2])
        self.assertEqual(build(self.shop)["last"]["mode"], "replace")
        self.assertEqual(rows(self.shop, "select count(*) from last"), [(18,)])
        by_hand.delete_rows(self.path, 3, path, [5], old=[1, 2])
        build(self.shop)
        self.assertEqual(rows(self.shop, "select count(*) from last"), [(17,)])
        self.assertEqual(self.joined(), self.joined("--direct"))

    def test_a_source_that_was_vacuumed_is_read_whole(self):
        self.append(0, 20)
        build(self.shop)
        DeltaTable(str(self.path)).delete("amount = 7")
        DeltaTable(str(self.path)).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
        self.builds("full", "those of version 0 can no longer be read", 19)

    def test_a_log_that_was_cleaned_up_is_read_whole(self):
        self.append(0, 4)
        build(self.shop)
        self.append(4, 4)
        self.append(8, 4)
        DeltaTable(str(self.path)).create_checkpoint()
        for version in (0, 1):
            by_hand.entry(self.path, version).unlink()
        self.builds("full", "version 1 is not in the log of 'data/orders' any more", 12)

    def test_another_table_in_its_place_is_read_whole(self):
        self.append(0, 4)
        build(self.shop)
        shutil.rmtree(self.path)
        self.append(4, 4)
        self.append(8, 4)
        self.builds("full", "'data/orders' is another table now", 8)

    def test_a_new_column_has_the_table_read_whole(self):
        self.append(0, 4)
        build(self.shop)
        more = data(4, 4).append_column("note", pyarrow.array(["x"] * 4))
        write_deltalake(str(self.path), more, mode="append", schema_mode="merge")
        self.builds("full", "version 1 of 'data/orders' changes the table itself", 8)

    def test_a_direct_join_is_made_again_after_the_table_has_moved_on(self):
        self.append(0, 10)
        before = self.joined("--direct")
        recorded = json.loads((self.shop.dir / "out.csv.asof.json").read_text())
        self.assertEqual(recorded["source_tables"], [{"source": "orders", "version": 0}])
        self.append(10, 10)
        DeltaTable(str(self.path)).delete("amount = 2")
        again = answer(self.shop, "join", "--from-manifest", "out.csv.asof.json", "--out", "again.csv")
        self.assertIs(again["same_bytes"], True)
        self.assertEqual((self.shop.dir / "again.csv").read_text(), before)
        self.assertNotEqual(self.joined("--direct"), before)
        self.shop.write("gone.asof.json", json.dumps({**recorded, "source_tables": [{"source": "orders", "version": 7}]}))
        self.assertIn("source 'orders': the Delta table 'data/orders' has no version 7: its log has 0 to 2",
                      refused(self, 2, self.shop, "join", "--from-manifest", "gone.asof.json", "--out", "gone.csv"))

    def test_an_instant_inside_a_step_is_materialized_from_the_version_that_was_built(self):
        self.append(0, 4)
        build(self.shop)
        self.append(4, 4)
        self.shop.done("materialize", "--at", "2024-01-01T02:30:00Z")
        got = answer(self.shop, "get", "spending", "id=c", "--at", "2024-01-01T02:30:00Z")
        self.assertEqual(got["features"]["amount_sum_1d"], 2)


class RefusedDeltaTest(Shop):
    def says(self, status, *parts):
        said = refused(self, status, self.shop, "plan")
        for part in parts:
            self.assertIn(part, said)

    def test_no_table_is_told_with_the_place(self):
        self.says(2, "features/shop.yaml:5:18", "'data/orders' does not tell what it holds, and it is no table")
        self.define(", format: delta")
        self.says(2, "features/shop.yaml:5:18", "'data/orders' is no Delta table: there is no _delta_log/")

    def test_a_version_that_is_not_there_is_told_with_those_that_are(self):
        self.append(0, 4)
        self.append(4, 4)
        self.define(", version: 7")
        self.says(2, "features/shop.yaml:5:18", "the Delta table 'data/orders' has no version 7: its log has 0 to 1")

    def test_an_entry_that_does_not_decode_is_named(self):
        self.append(0, 4)
        self.append(4, 4)
        with by_hand.entry(self.path, 1).open("a") as log:
            log.write('{"add": {\n')
        self.says(1, "the Delta table 'data/orders'", "00000000000000000001.json")

    def test_an_entry_that_is_missing_is_named(self):
        for number in range(3):
            self.append(number, 1)
        by_hand.entry(self.path, 1).unlink()
        self.says(1, "the Delta table 'data/orders'", "00000000000000000001.json", "missing")

    def test_a_feature_that_nobody_here_knows_is_named(self):
        self.append(0, 4)
        by_hand.commit(self.path, 1, {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["timeTravelMachine"],
                                                   "writerFeatures": ["timeTravelMachine"]}})
        self.says(2, "features/shop.yaml:5:18", "timeTravelMachine", "drop the feature")

    def test_a_data_file_that_is_gone_is_named(self):
        self.append(0, 4)
        gone = next(self.path.glob("*.parquet"))
        gone.unlink()
        self.assertIn(gone.name, refused(self, 2, self.shop, "build"))


class IcebergTest(Shop):
    def setUp(self):
        super().setUp()
        (self.shop.dir / "data").mkdir(exist_ok=True)
        self.catalog = SqlCatalog("c", uri=f"sqlite:///{self.shop.dir}/iceberg.db", warehouse=f"file://{self.shop.dir}/data")
        self.catalog.create_namespace("n")
        self.table = self.catalog.create_table("n.orders", schema=SCHEMA, location=f"file://{self.path}")
        self.addCleanup(self.catalog.close)

    def same(self, count):
        self.assertEqual(ours(self.shop), theirs(self.table.scan().to_arrow()))
        self.assertEqual(len(ours(self.shop)), count)

    def test_appended_deleted_and_overwritten_rows_are_as_pyiceberg_reads_them(self):
        self.table.append(data(0, 10))
        self.same(10)
        self.table.append(data(10, 10))
        self.same(20)
        self.table.delete("amount = 12")
        self.same(19)
        self.agrees()
        self.table.overwrite(data(3, 5))
        self.same(5)
        self.agrees()

    def test_appended_files_alone_are_read_and_what_is_deleted_has_all_read(self):
        self.table.append(data(0, 10))
        build(self.shop)
        self.table.append(data(10, 5))
        done = build(self.shop)["last"]
        self.assertEqual((done["mode"], done["source_rows"]), ("append", 5))
        self.assertEqual(self.joined(), self.joined("--direct"))
        self.assertEqual(build(self.shop)["last"]["mode"], "none")
        first = self.table.current_snapshot().snapshot_id
        self.table.delete("amount = 12")
        done = build(self.shop)["last"]
        self.assertEqual((done["mode"], done["reason"], done["source_rows"]),
                         ("full", f"rows of 'data/orders' were deleted or changed since snapshot {first}", 14))

    def test_a_partitioned_table_and_one_with_a_new_column_is_read(self):
        self.table.append(data(0, 10))
        with self.table.update_spec() as spec:
            spec.add_field("shop", IdentityTransform(), "shop")
        self.table.append(data(10, 10))
        with self.table.update_schema() as schema:
            schema.rename_column("amount", "price")
        with self.table.update_schema() as schema:
            schema.rename_column("price", "amount")
        self.same(20)

    def test_a_table_without_a_snapshot_is_empty(self):
        self.assertEqual(ours(self.shop), [])
        self.assertEqual(build(self.shop)["last"]["rows_total"], 0)

    def test_a_direct_join_is_made_again_of_the_snapshot_that_it_read(self):
        self.table.append(data(0, 10))
        before = self.joined("--direct")
        self.table.append(data(10, 5))
        self.table.delete("amount = 2")
        again = answer(self.shop, "join", "--from-manifest", "out.csv.asof.json", "--out", "again.csv")
        self.assertIs(again["same_bytes"], True)
        self.assertEqual((self.shop.dir / "again.csv").read_text(), before)

    def test_a_snapshot_is_pinned(self):
        self.table.append(data(0, 4))
        first = self.table.current_snapshot().snapshot_id
        self.table.append(data(4, 4))
        self.define(f", format: iceberg, version: {first}")
        self.assertEqual(len(ours(self.shop)), 4)
        self.define(", format: iceberg, version: 1")
        self.assertIn("the Iceberg table 'data/orders' has no snapshot 1", refused(self, 2, self.shop, "plan"))

    def test_the_metadata_file_may_be_named_and_two_of_one_number_must(self):
        self.table.append(data(0, 4))
        last = sorted((self.path / "metadata").glob("*.metadata.json"))[-1]
        shutil.copy(last, last.with_name(last.name[:6] + "0" * 8 + last.name[14:]))
        said = refused(self, 2, self.shop, "plan")
        self.assertIn("two metadata files of number 1", said)
        self.assertIn(last.name, said)
        self.shop.write("features/shop.yaml", (DEFINITIONS % ", format: iceberg").replace(
            "path: data/orders", f"path: data/orders/metadata/{last.name}"))
        self.same(4)
        (self.path / "metadata" / "version-hint.text").write_text(last.name.removesuffix(".metadata.json"))
        self.define("")
        self.same(4)

    def test_metadata_that_does_not_decode_is_named(self):
        self.table.append(data(0, 4))
        last = sorted((self.path / "metadata").glob("*.metadata.json"))[-1]
        last.write_text(last.read_text()[:100])
        self.assertIn(last.name, refused(self, 1, self.shop, "plan"))

    def test_no_table_is_told(self):
        shutil.rmtree(self.path)
        self.define(", format: iceberg")
        self.assertIn("'data/orders' is no Iceberg table: there is no metadata/*.metadata.json", refused(self, 2, self.shop, "plan"))


if __name__ == "__main__":
    unittest.main()
