"""A feature with another name: the data stays where it is, and every reader finds it under the new name."""
import datetime
import json
import unittest

import duckdb
import pyarrow
from deltalake import DeltaTable, QueryBuilder, write_deltalake

from project import Project
from steps import answer, build, files, refused, rows, versions
from test_lake import EXTENSION
from test_vacuum import age

DEFINITIONS = """
entities:
  customer: {keys: {id: int64}}
sources:
  orders: {path: data/orders*.csv, event_time: ordered_at, created_time: seen_at}
views:
  last:
    entity: customer
    source: orders
    features:
      note: {column: note}
      price: {column: amount}
  spending:
    entity: customer
    source: orders
    step: 1h
    features:
      amount: {column: amount, agg: [sum, max], windows: [1d]}
"""
PARTITIONED = DEFINITIONS.replace("features:\n      note", "partition: [month(event_time)]\n    features:\n      note")
HEAD = "id,ordered_at,seen_at,amount,note\n"
SPINE = "id,event_time\n" + "".join(f"{key},2024-0{month}-05 00:00:00\n" for key in (1, 2, 3) for month in (1, 2, 3))


def orders(batch):
    lines = [f"{key},2024-0{1 + (batch + key) % 2}-{1 + batch:02} 1{key}:30:00,2024-03-{1 + batch:02} 00:00:00,{batch + key / 10},n{batch}"
             for key in (1, 2, 3)]
    return HEAD + "\n".join(lines) + "\n"


class Renamed(unittest.TestCase):
    definitions = DEFINITIONS

    def setUp(self):
        self.shop = Project(self.definitions, files={"data/orders.csv": orders(0), "spine.csv": SPINE})
        self.addCleanup(self.shop.remove)
        build(self.shop)

    def define(self, old, new):
        self.definitions = self.definitions.replace(old, new)
        self.shop.write("features/shop.yaml", self.definitions)

    def rename(self):
        self.define("price: {column: amount}", "cost: {column: amount, renamed_from: price}")
        self.shop.done("apply", "-q", "--yes")
        return build(self.shop, "last")["last"]

    def add(self, batch):
        self.shop.write(f"data/orders{batch}.csv", orders(batch))
        return build(self.shop, "last")["last"]

    def joined(self, feature, *options):
        """The training set as bytes, its column's name set aside."""
        self.shop.done("join", "--spine", "spine.csv", "--features", f"{feature},{feature.rpartition(chr(46))[0]}.note", "--out", "out.csv", *options)
        head, rest = (self.shop.dir / "out.csv").read_text().split("\n", 1)
        self.assertIn("last__" + feature.split(".")[-1], head)
        return rest

    def same_joined(self, feature):
        one = self.joined(feature)
        for options in (("--engine", "sql"), ("--known-at", "label")):
            with self.subTest(options):
                other = self.joined(feature, *options)
                if options[0] == "--engine":
                    self.assertEqual(other, one)
        return one

    def parts(self):
        return sorted(str(path) for path in (self.shop.dir / "lake" / "last").rglob("part-*.parquet"))

    def log(self, version):
        text = (self.shop.dir / "lake" / "last" / "_delta_log" / f"{version:020d}.json").read_text()
        return {name: value for line in text.splitlines() for name, value in json.loads(line).items()}

    def read_by_others(self, is_mapped=True):
        """Rows of (cost, note) as others have them; they are what asof says."""
        own = sorted(map(tuple, rows(self.shop, "select cost, note from last")))
        path = str(self.shop.dir / "lake" / "last")
        if EXTENSION:
            db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
            db.execute(f"load '{EXTENSION}'")
            self.assertEqual(sorted(db.execute(f"select cost, note from delta_scan('{path}')").fetchall()), own)
        asked = QueryBuilder().register("last", DeltaTable(path)).execute("select cost, note from last").read_all()
        self.assertEqual(sorted(zip(*(column.to_pylist() for column in asked.columns))), own)
        if not is_mapped:
            table = DeltaTable(path).to_pyarrow_table()
            self.assertEqual(sorted(zip(table.column("cost").to_pylist(), table.column("note").to_pylist())), own)
            self.assertEqual(DeltaTable(path).protocol()[:2], (1, 2))

    def test_plan_says_it_and_apply_asks_and_nothing_is_read_or_written(self):
        before = self.same_joined("last.price")
        parts = self.parts()
        self.define("price: {column: amount}", "cost: {column: amount, renamed_from: price}")
        item = {item["name"]: item for item in answer(self.shop, "plan")["changes"]}["last"]
        self.assertEqual((item["change"], item["to"], item["data"]), ("major", "2.0", "none"))
        self.assertEqual(item["reasons"], ["feature 'price' is renamed to 'cost', its data is kept",
                                           "column 'cost' is mapped to 'price' of the table's files: some programs that read Delta tables "
                                           "refuse that, or show NULL; `asof build last --full` writes it under its own name"])
        self.assertIn("renamed to 'cost', its data is kept", self.shop.done("plan"))
        self.assertIn("apply --yes", refused(self, 3, self.shop, "apply"))
        report = self.rename()
        self.assertEqual((report["mode"], report["version"]), ("none", "2.0.0"))
        self.assertEqual(self.parts(), parts)
        self.assertEqual(self.same_joined("last.cost"), before)
        self.assertEqual(self.joined("last@1.0.0.price"), before)
        self.read_by_others()
        self.assertEqual(build(self.shop, "last")["last"]["version"], "2.0.0")

    def test_a_table_has_column_mapping_from_its_first_rename_on_and_not_before(self):
        self.add(1)
        self.assertEqual(self.log(0)["protocol"], {"minReaderVersion": 1, "minWriterVersion": 2})
        self.rename()
        entry = self.log(2)
        self.assertEqual(entry["protocol"], {"minReaderVersion": 2, "minWriterVersion": 5})
        self.assertNotIn("add", entry)
        fields = json.loads(entry["metaData"]["schemaString"])["fields"]
        stored = {field["name"]: field["metadata"]["delta.columnMapping.physicalName"] for field in fields}
        numbers = [field["metadata"]["delta.columnMapping.id"] for field in fields]
        self.assertEqual(stored["cost"], "price")
        self.assertTrue(all(name == stored[name] for name in stored if name != "cost"), stored)
        self.assertEqual(sorted(numbers), list(range(1, len(fields) + 1)))
        self.assertEqual({name: value for name, value in entry["metaData"]["configuration"].items() if name.startswith("delta.")},
                         {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": str(len(fields))})
        self.add(2)
        stats = json.loads(self.log(3)["add"]["stats"])
        self.assertIn("price", stats["maxValues"])
        self.assertNotIn("cost", stats["maxValues"])
        self.assertNotIn("protocol", self.log(3))
        with Project(DEFINITIONS, files={"data/orders.csv": orders(0)}) as other:
            build(other)
            self.assertNotIn(b"columnMapping", b"".join(text for name, text in files(other).items() if name.startswith("lake/")))

    def test_appends_and_compaction_after_it_are_as_a_full_build(self):
        self.add(1)
        self.rename()
        for batch in range(2, 6):
            self.assertEqual(self.add(batch)["mode"], "append")
        self.read_by_others()
        before = self.same_joined("last.cost")
        if "partition" not in self.definitions:
            self.assertGreater(answer(self.shop, "compact", "last")["views"][0]["files_merged"], 0)
        self.assertEqual(self.same_joined("last.cost"), before)
        self.read_by_others()
        self.assertEqual(self.add(6)["mode"], "append")
        before = self.same_joined("last.cost")
        self.assertEqual(build(self.shop, "--full", "last")["last"]["mode"], "full")
        self.assertEqual(self.same_joined("last.cost"), before)
        self.read_by_others(is_mapped=False)
        self.assertEqual(self.add(7)["mode"], "append")
        self.read_by_others(is_mapped=False)

    def test_snapshots_and_checkpoints_know_it(self):
        self.rename()
        for batch in range(1, 12):
            self.add(batch)
        self.assertTrue(list((self.shop.dir / "lake" / "last" / "_delta_log").glob("*.checkpoint.parquet")))
        self.assertEqual(len(rows(self.shop, "select cost from last where cost is not null")), len(rows(self.shop, "from last")))
        self.read_by_others()

    def test_it_may_be_renamed_again_and_back(self):
        before = self.joined("last.price")
        self.rename()
        for old, new in (("cost: {column: amount, renamed_from: price}", "fee: {column: amount, renamed_from: cost}"),
                         ("fee: {column: amount, renamed_from: cost}", "price: {column: amount, renamed_from: fee}")):
            self.define(old, new)
            self.shop.done("apply", "-q", "--yes")
            self.assertEqual(build(self.shop, "last")["last"]["mode"], "none")
            self.assertEqual(self.joined("last." + new.split(":")[0]), before)
        self.assertEqual(versions(self.shop, "last"), ["1.0.0", "2.0.0", "3.0.0", "4.0.0"])

    def test_older_versions_have_the_old_name_after_rollback_and_vacuum(self):
        before = self.joined("last.price")
        self.rename()
        self.add(1)
        after = self.joined("last.cost")
        self.shop.done("rollback", "-q", "last@1.0.0")
        self.assertEqual(self.joined("last.price"), before)
        self.shop.done("rollback", "-q", "last@2.0.1")
        age(self.shop, "last", 30)
        self.shop.done("vacuum", "-q")
        self.assertEqual(self.joined("last.cost"), after)

    def test_a_range_is_spliced_into_what_was_renamed(self):
        self.add(1)
        self.rename()
        before = self.same_joined("last.cost")
        self.assertEqual(build(self.shop, "last", "--from", "2024-01-01", "--to", "2024-01-03")["last"]["mode"], "range")
        self.assertEqual(self.same_joined("last.cost"), before)
        self.read_by_others(is_mapped=False)

    def test_a_rename_and_new_rows_are_one_build(self):
        self.shop.write("data/orders1.csv", orders(1))
        report = self.rename()
        self.assertEqual((report["mode"], report["version"]), ("append", "2.0.0"))
        self.read_by_others()
        self.assertEqual(len(rows(self.shop, "from last")), 6)

    def test_rows_before_the_retention_are_folded_under_both_names(self):
        self.define("  last:\n    entity: customer\n", "  last:\n    entity: customer\n    known_at_retention: 90d\n")
        self.shop.write("data/orders-again.csv", orders(0).replace(",2024-03-01", ",2024-03-02").replace(",n0", ",n1"))
        build(self.shop, "last")
        self.rename()
        before = self.joined("last.cost")
        answer(self.shop, "compact", "last")
        self.assertEqual(self.joined("last.cost"), before)
        self.read_by_others()
        self.assertEqual(self.add(2)["mode"], "append")
        self.read_by_others()

    def test_a_name_that_another_feature_had_is_no_rename(self):
        """Or the other's data would be taken for that of the one that is new."""
        self.define("price: {column: amount}", "price: {column: amount}\n      cost: {column: amount}")
        self.shop.done("apply", "-q", "--yes")
        build(self.shop, "last")
        self.define("price: {column: amount}\n      cost: {column: amount}", "cost: {column: amount, renamed_from: price}\n      more: {column: id}")
        item = {item["name"]: item for item in answer(self.shop, "plan")["changes"]}["last"]
        self.assertEqual((item["data"], item["reasons"]), ("build", ["feature 'price' disappears", "feature 'more' is new"]))
        self.shop.done("apply", "-q", "--yes")
        self.assertEqual(build(self.shop, "last")["last"]["mode"], "full")
        self.assertEqual(rows(self.shop, "select count(*) from last where cost is null or more is null"), [(0,)])

    def test_a_rename_of_what_was_never_built_is_a_full_build(self):
        self.define("price: {column: amount}", "cost: {column: amount, renamed_from: price}")
        self.shop.done("apply", "-q", "--yes")
        self.define("cost: {column: amount, renamed_from: price}", "fee: {column: amount, renamed_from: cost}")
        self.shop.done("apply", "-q", "--yes")
        self.assertEqual(build(self.shop, "last")["last"]["mode"], "full")
        self.assertEqual(rows(self.shop, "select count(*) from last where fee is null"), [(0,)])

    def test_it_is_served_under_its_new_name(self):
        self.shop.done("materialize", "-q", "last")
        before = answer(self.shop, "get", "last", "id=1")["features"]
        self.rename()
        self.shop.done("materialize", "-q", "last")
        self.assertEqual(answer(self.shop, "get", "last", "id=1")["features"], {"note": before["note"], "cost": before["price"]})

    def test_a_view_that_reads_it_goes_on_under_the_new_name(self):
        self.definitions += "  above: {entity: customer, view: last, features: [price]}\n"
        self.shop.write("features/shop.yaml", self.definitions)
        build(self.shop)
        before = rows(self.shop, "select price from above order by all")
        self.define("features: [price]}", "features: [cost]}")
        self.rename()
        build(self.shop)
        self.assertEqual(rows(self.shop, "select cost from above order by all"), before)
        self.add(1)
        self.assertEqual(build(self.shop)["above"]["mode"], "append")
        self.assertEqual(len(rows(self.shop, "select cost from above where cost is not null")), 6)

    def test_what_is_computed_otherwise_is_built_again(self):
        self.define("price: {column: amount}", "cost: {column: id, renamed_from: price}")
        item = {item["name"]: item for item in answer(self.shop, "plan")["changes"]}["last"]
        self.assertEqual((item["change"], item["data"]), ("major", "build"))
        self.define("cost: {column: id, renamed_from: price}", "cost: {column: amount, renamed_from: prize}")
        item = {item["name"]: item for item in answer(self.shop, "plan")["changes"]}["last"]
        self.assertEqual(item["data"], "build")
        self.assertIn("feature 'cost' is new: no 'prize' was published that it could be renamed from", item["reasons"])
        self.shop.done("apply", "-q", "--yes")
        self.assertEqual(build(self.shop, "last")["last"]["mode"], "full")

    def test_tiles_hang_on_columns_and_their_data_stays_too(self):
        self.define("amount: {column: amount, agg", "paid: {renamed_from: amount, column: amount, agg")
        item = {item["name"]: item for item in answer(self.shop, "plan")["changes"]}["spending"]
        self.assertEqual((item["change"], item["data"]), ("major", "none"))
        self.assertIn("feature 'amount_sum_1d' is renamed to 'paid_sum_1d', its data is kept", item["reasons"])
        self.shop.done("apply", "-q", "--yes")
        self.assertEqual(build(self.shop, "spending")["spending"]["mode"], "none")
        self.assertEqual(len(rows(self.shop, "select paid_sum_1d from spending")), 3)


class RenamedOfATableOfOthers(unittest.TestCase):
    def test_rows_that_the_source_deletes_leave_the_renamed_column(self):
        definitions = DEFINITIONS.replace("path: data/orders*.csv", "path: data/orders, format: delta")
        with Project(definitions) as shop:
            source = str(shop.dir / "data" / "orders")

            def change(first, count):
                times = [datetime.datetime(2024, 1, 1 + n, tzinfo=datetime.timezone.utc) for n in range(first, first + count)]
                write_deltalake(source, pyarrow.table({"id": [n % 3 for n in range(count)], "ordered_at": times, "seen_at": times,
                                                       "amount": [first + n / 10 for n in range(count)], "note": ["n"] * count}), mode="append")
                return build(shop)["last"]["mode"]

            change(0, 9)
            shop.write("features/shop.yaml", definitions.replace("price: {column: amount}", "cost: {column: amount, renamed_from: price}"))
            shop.done("apply", "-q", "--yes")
            self.assertEqual(change(10, 6), "append")
            DeltaTable(source).delete("id = 1")
            self.assertEqual(build(shop)["last"]["mode"], "replace")
            found = rows(shop, "select id, cost, event_time from last order by all")
            self.assertEqual((len(found), [row for row in found if row[1] is None or row[0] == 1]), (10, []))
            build(shop, "--full")
            self.assertEqual(rows(shop, "select id, cost, event_time from last order by all"), found)


class RenamedInPartitions(Renamed):
    definitions = PARTITIONED


if __name__ == "__main__":
    unittest.main()
