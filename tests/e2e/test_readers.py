"""Tables of every kind that asof writes, read row for row equal by deltalake, by DuckDB's delta_scan and by Spark."""
import datetime
import json
import shutil
import subprocess
import sys
import unittest

import duckdb
import pyarrow
from deltalake import DeltaTable

import orders
import project
from orders import VIEWS
from project import Project
from steps import build, rows, write_parquet
from test_lake import EXTENSION

DEFINITIONS = orders.definitions("[amount, note, is_paid, paid_on]",
                                 "{orders: {agg: count, windows: [1d]}, amount: {column: amount, agg: [sum, max], windows: [1d]}}")
EVOLVED = DEFINITIONS.replace("is_paid, paid_on]", "is_paid, paid_on, pieces]")
FROM_SPARK = """
entities:
  customer: {keys: {id: int64}}
sources:
  orders: {path: data/orders, format: delta, event_time: ordered_at}
views:
  last: {entity: customer, source: orders, features: [amount, shop]}
"""
KEYS = 5
BATCHES = 12


def add(shop, number):
    at = datetime.datetime(2024, 1, 1, 10, 30, 0, 123456) + datetime.timedelta(days=number)
    write_parquet(shop, f"data/b-{number:03}.parquet",
                  {"id": list(range(KEYS)), "ordered_at": [at] * KEYS, "amount": [number + 0.1, None, -0.0, 1e300, 2.5],
                   "note": ["Z\u00fcrich \"1\"", None, f"n{number}", "", "a\nb"], "is_paid": [True, None, False, True, False],
                   "paid_on": [datetime.date(1969, 12, 31), None, datetime.date(2024, 2, 29), at.date(), at.date()],
                   "pieces": pyarrow.array([number, None, -1, 2 ** 40, 0], pyarrow.int64())})


def shown(columns, found):
    """Rows of texts in one order."""
    return sorted(json.dumps(dict(zip(columns, row)), sort_keys=True) for row in found)


def as_text(kind, value):
    if value is None:
        return None
    if pyarrow.types.is_timestamp(kind):
        value = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return str((value - datetime.datetime.fromtimestamp(0, datetime.timezone.utc)) // datetime.timedelta(microseconds=1))
    if pyarrow.types.is_boolean(kind):
        return str(value).lower()
    return repr(value) if pyarrow.types.is_floating(kind) else str(value)


def of_arrow(table):
    kinds = [field.type for field in table.schema]
    return table.column_names, [[as_text(kind, value) for kind, value in zip(kinds, row.values())] for row in table.to_pylist()]


class Spark:
    """Spark in a process of its own; None from start() where something is missing, which is said."""

    def __init__(self, process, versions):
        self.process, self.versions = process, versions

    @classmethod
    def start(cls):
        where = [str(project.ROOT / "scripts" / "venv.sh"), "--where", str(project.ROOT / "tests" / "requirements-spark.txt")]
        python = subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip()
        missing = None
        if not shutil.which("java"):
            missing = "no java on the PATH"
        elif subprocess.run([python, "-c", "import delta, pyspark"], capture_output=True, check=False).returncode != 0:
            missing = "no PySpark in the cache (scripts/spark.sh)"
        if missing:
            return cls.is_missing(missing)
        process = subprocess.Popen([python, str(project.ROOT / "tests" / "e2e" / "spark_jobs.py")], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/tmp")
        first = process.stdout.readline()
        if not first:
            return cls.is_missing("it does not start: " + process.communicate()[1].strip()[-600:])
        return cls(process, json.loads(first))

    @staticmethod
    def is_missing(why):
        print(f"\nSKIPPED: Spark: {why}: nothing was read by Spark", file=sys.stderr)

    def ask(self, **job):
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "failed" in answer:
            raise AssertionError(f"Spark: {job}: {answer['failed']}")
        return answer

    def read(self, path, version=None):
        answer = self.ask(read=str(path), version=version)
        return answer["columns"], answer["rows"]

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.stderr.close()
        self.process.wait()


class Readers(unittest.TestCase):
    """The same on each table: what is compared is every column that is stored, ours that are hidden too."""
    spark = None

    def setUp(self):
        self.shop = Project(DEFINITIONS)
        self.addCleanup(self.shop.remove)

    def built(self, *numbers):
        for number in numbers:
            add(self.shop, number)
            build(self.shop)

    def path(self, view):
        return self.shop.dir / "lake" / view

    def same_everywhere(self, count, version=None):
        for view in VIEWS:
            table = DeltaTable(str(self.path(view)), version=version).to_pyarrow_table()
            self.assertEqual(table.num_rows, count, view)
            columns, found = of_arrow(table)
            expected = shown(columns, found)
            for name, (their_columns, theirs) in self.others(view, version):
                self.assertEqual(sorted(their_columns), sorted(columns), f"{name}, {view}")
                self.assertEqual(self.numbers(shown(their_columns, theirs)), self.numbers(expected), f"{name}, {view}")
        if version is None:
            self.assertEqual(rows(self.shop, "select count(*) from last"), [(count,)])

    def others(self, view, version):
        if EXTENSION:
            db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
            db.execute(f"set timezone = 'UTC'; load '{EXTENSION}'")
            at = f", version := {version}" if version is not None else ""
            yield "delta_scan", of_arrow(db.execute(f"from delta_scan('{self.path(view)}'{at})").to_arrow_table())
        if self.spark:
            yield "Spark", self.spark.read(self.path(view), version)

    @staticmethod
    def numbers(lines):
        """Floats alike, however they are written: 1e300 and 1.0E300."""
        def one(text):
            try:
                return repr(float(text)) if any(mark in text for mark in ".eE") else text
            except (TypeError, ValueError):
                return text
        return sorted(json.dumps({name: one(value) if isinstance(value, str) else value for name, value in json.loads(line).items()},
                                 sort_keys=True) for line in lines)

    def test_a_first_build_appends_and_a_late_file(self):
        self.built(1)
        self.same_everywhere(KEYS)
        self.built(2, 0)
        self.same_everywhere(3 * KEYS)
        self.same_everywhere(KEYS, 0)

    def test_a_checkpoint_an_evolved_schema_an_overwrite_and_a_vacuum(self):
        self.built(*range(BATCHES))
        self.same_everywhere(BATCHES * KEYS)
        self.same_everywhere(11 * KEYS, 10)
        self.shop.write("features/shop.yaml", EVOLVED)
        build(self.shop)
        self.built(BATCHES)
        self.same_everywhere((BATCHES + 1) * KEYS)
        self.assertIn("pieces", DeltaTable(str(self.path("last"))).to_pyarrow_table().column_names)
        self.shop.done("build", "-q", "--full")
        self.same_everywhere((BATCHES + 1) * KEYS)
        self.shop.done("vacuum", "-q", "--retention", "1s", "--force")
        self.same_everywhere((BATCHES + 1) * KEYS)


class ReadBySpark(Readers):
    @classmethod
    def setUpClass(cls):
        cls.spark = Spark.start()
        if not cls.spark:
            raise unittest.SkipTest("no Spark")
        cls.addClassCleanup(cls.spark.stop)

    def test_what_spark_writes_is_read_row_for_row(self):
        """Checkpoints, partitions and deletion vectors; first whole, then only what has changed."""
        self.shop = Project(FROM_SPARK)
        self.addCleanup(self.shop.remove)
        table = f"delta.`{self.shop.dir}/data/orders`"
        self.spark.ask(sql=[f"create table {table} (id bigint, shop string, amount bigint, ordered_at timestamp) using delta partitioned by "
                            "(shop) tblproperties ('delta.enableDeletionVectors' = 'true', 'delta.checkpointInterval' = '3')"])
        for number in range(1, 6):
            self.spark.ask(sql=[f"insert into {table} select id, concat('s ', id % 3), id, timestamp_seconds(1704067200 + 60 * id) "
                                f"from range({number * 100}, {number * 100 + 100}, 1, 1)"])
        self.assertTrue(list(self.shop.dir.glob("data/orders/_delta_log/*.checkpoint*.parquet")), "Spark wrote no checkpoint")
        self.as_spark_reads(500)
        self.spark.ask(sql=[f"delete from {table} where id % 7 = 0"])
        self.assertTrue(list(self.shop.dir.glob("data/orders/**/deletion_vector_*.bin")), "Spark wrote no deletion vector")
        self.as_spark_reads(429)
        self.spark.ask(sql=[f"update {table} set amount = -amount where id % 10 = 1"])
        self.as_spark_reads(429)

    def as_spark_reads(self, count):
        build(self.shop)
        columns, found = self.spark.read(self.shop.dir / "data/orders")
        theirs = sorted((int(row["id"]), row["shop"], int(row["amount"])) for row in (dict(zip(columns, row)) for row in found))
        self.assertEqual(len(theirs), count)
        self.assertEqual(sorted(rows(self.shop, "select id, shop, amount from orders")), theirs)
        self.assertEqual(sorted(rows(self.shop, "select id, shop, amount from last")), theirs)


if __name__ == "__main__":
    unittest.main()
