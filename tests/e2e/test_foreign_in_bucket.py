"""Delta and Iceberg tables that others write into a bucket, as sources: read, and read on, as in a directory."""
import os
import sys
import unittest

import pyarrow
from deltalake import DeltaTable, QueryBuilder, write_deltalake
from pyiceberg.catalog.sql import SqlCatalog

import project
import test_s3
from project import Project
from steps import build
from test_foreign_tables import DEFINITIONS, SCHEMA, SPINE, data, ours, theirs

SERVER = None


def setUpModule():
    global SERVER
    SERVER = test_s3.Server()
    if not SERVER.is_there():
        SERVER.stop()
        print("\nSKIPPED: no MinIO on this machine (scripts/servers.sh): tables of others in a bucket were not tested", file=sys.stderr)
        raise unittest.SkipTest("no MinIO")


def tearDownModule():
    SERVER.stop()


class InBucket(unittest.TestCase):
    def setUp(self):
        self.endpoint = f"http://127.0.0.1:{SERVER.port}"
        os.environ.update(AWS_ACCESS_KEY_ID="testkey", AWS_SECRET_ACCESS_KEY=test_s3.SECRET)
        self.place = f"s3://lake/{self._testMethodName}/orders"
        settings = project.SETTINGS.replace("./lake", f"s3://lake/{self._testMethodName}/lake?endpoint={self.endpoint}")
        self.shop = Project((DEFINITIONS % "").replace("data/orders", f"\"{self.place}\""), settings, files={"spine.csv": SPINE})
        self.addCleanup(self.shop.remove)

    def joined(self, *args):
        self.shop.done("join", "--spine", "spine.csv", "--features", "last.*,spending.*", "--out", "out.csv", *args)
        return (self.shop.dir / "out.csv").read_text()

    def goes_on(self, append, delete, read, after_delete):
        """A first build, one of what was appended and one of what was deleted, each as a join from the source has it."""
        append(data(0, 10))
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"full"})
        append(data(10, 5))
        for view in build(self.shop).values():
            self.assertEqual((view["mode"], view["source_rows"]), ("append", 5), view)
        self.same(read, 15)
        delete("amount = 7")
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {after_delete})
        self.same(read, 14)
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"none"})

    def same(self, read, count):
        found = ours(self.shop)
        self.assertEqual((found, len(found)), (read(), count))
        wanted = self.joined()
        self.assertEqual(self.joined("--direct"), wanted)
        self.assertNotEqual(wanted.splitlines()[1].split(",")[2:], [""] * 5)

    def test_a_delta_table(self):
        options = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1", "AWS_CONDITIONAL_PUT": "etag",
                   "AWS_ACCESS_KEY_ID": "testkey", "AWS_SECRET_ACCESS_KEY": test_s3.SECRET}

        def table():
            return DeltaTable(self.place, storage_options=options)

        def read():
            return theirs(pyarrow.table(QueryBuilder().register("t", table()).execute("select id, shop, amount, ordered_at from t").read_all()))

        self.goes_on(lambda more: write_deltalake(self.place, more, mode="append", storage_options=options),
                     lambda which: table().delete(which), read, "replace")

    def test_an_iceberg_table(self):
        catalog = SqlCatalog("c", **{"uri": f"sqlite:///{self.shop.dir}/iceberg.db", "warehouse": f"s3://lake/{self._testMethodName}",
                                     "s3.endpoint": self.endpoint, "s3.access-key-id": "testkey", "s3.region": "us-east-1",
                                     "s3.secret-access-key": test_s3.SECRET, "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO"})
        self.addCleanup(catalog.close)
        catalog.create_namespace("n")
        table = catalog.create_table("n.orders", schema=SCHEMA, location=self.place)
        self.goes_on(table.append, table.delete, lambda: theirs(table.scan().to_arrow()), "full")


if __name__ == "__main__":
    unittest.main()
