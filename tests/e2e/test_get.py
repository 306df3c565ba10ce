"""`asof get`: one row with its statuses, at any clock, equal to the join."""
import datetime
import json
import unittest

import project
from project import Project
from steps import build, read_parquet, refused, write_parquet

DEFINITIONS = """
entities:
  customer: {keys: {id: int64}}
  pair: {keys: {name: string, day: date}}
sources:
  orders: {path: data/orders.csv, event_time: ordered_at}
  pairs: {path: data/pairs.csv, event_time: seen}
views:
  spending:
    entity: customer
    source: orders
    step: 1h
    features:
      orders: {agg: count, windows: [1h, 1d]}
      amount: {column: amount, agg: [sum, mean, std, min, max, first, last, median, count_distinct], windows: [1h, 1d]}
  fresh:
    entity: customer
    source: orders
    max_age: 1d
    features:
      price: {column: amount, default: -1}
      note: {column: note, default: nothing}
  pair:
    entity: pair
    source: pairs
    features: [flag, small, stamp, share]
"""
PAIRS = 'name,day,seen,flag,small,stamp,share\n"a,b",2024-01-01,2024-01-01,true,9007199254740993,2024-01-01T00:00:00.5Z,0.1\n'


class Get(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Project(DEFINITIONS, files={"data/pairs.csv": PAIRS})
        cls.addClassCleanup(cls.shop.remove)
        build(cls.shop)
        cls.shop.done("materialize", "-q", "--at", "2024-01-02T09:00:00Z")

    def get(self, view, *keys, at="2024-01-02T09:00:00Z"):
        return json.loads(self.shop.done("get", view, *keys, "--at", at))

    def test_a_row_is_what_the_server_would_answer(self):
        row = self.get("fresh", "id=1")
        self.assertEqual(row, {"view": "fresh", "version": "1.0.0", "key": {"id": 1},
                               "features": {"price": 4.5, "note": 'a, "b"'}, "statuses": {"price": "PRESENT", "note": "PRESENT"},
                               "event_time": "2024-01-01T12:15:00Z"})

    def test_four_ways_to_have_no_value(self):
        self.assertEqual((self.get("fresh", "id=2")["features"]["note"], self.get("fresh", "id=2")["statuses"]["note"]), (None, "NULL_VALUE"))
        missing = self.get("fresh", "id=77")
        self.assertEqual((missing["features"], missing["statuses"], missing["event_time"]),
                         ({"price": -1, "note": "nothing"}, {"price": "NOT_FOUND", "note": "NOT_FOUND"}, None))
        stale = self.get("fresh", "id=1", at="2024-01-02T12:15:00.000001Z")
        self.assertEqual((stale["features"]["price"], stale["statuses"]["price"]), (-1, "OUTSIDE_MAX_AGE"))
        self.assertEqual(self.get("fresh", "id=1", at="2024-01-02T12:15:00Z")["statuses"]["price"], "PRESENT")

    def test_windows_drain_while_nothing_is_written(self):
        counts = [self.get("spending", "id=2", at=at)["features"]["orders_count_1d"]
                  for at in ("2024-01-02T10:59:59Z", "2024-01-02T11:00:00Z", "2024-01-03T08:59:59Z", "2024-01-03T09:00:00Z")]
        self.assertEqual(counts, [2, 1, 1, 0])
        row = self.get("spending", "id=2", at="2030-01-01")
        self.assertEqual((row["features"]["amount_sum_1d"], row["statuses"]["amount_sum_1d"], row["statuses"]["orders_count_1d"],
                          row["event_time"]), (None, "NULL_VALUE", "PRESENT", "2024-01-02T09:00:00Z"))

    def test_online_equals_the_join_at_every_clock(self):
        clocks = [datetime.datetime(2024, 1, 2, 9, tzinfo=datetime.timezone.utc) + datetime.timedelta(minutes=95 * i) for i in range(8)]
        keys = [1, 2, 3]
        write_parquet(self.shop, "s.parquet", {"id": [key for _ in clocks for key in keys], "event_time": [clock for clock in clocks for _ in keys]})
        self.shop.done("join", "-q", "--spine", "s.parquet", "--features", "spending.*,fresh.*", "--out", "train.parquet")
        for row in read_parquet(self.shop, "train.parquet"):
            at = row["event_time"].strftime("%Y-%m-%dT%H:%M:%SZ")
            for view in ("spending", "fresh"):
                features = self.get(view, f"id={row['id']}", at=at)["features"]
                self.assertEqual(features, {name: row[f"{view}__{name}"] for name in features}, (view, row["id"], at))

    def test_composite_keys_in_any_order_and_all_digits(self):
        row = self.get("pair", "day=2024-01-01", "name=a,b")
        self.assertEqual((row["key"], row["features"]), ({"name": "a,b", "day": "2024-01-01"}, {
            "flag": True, "small": 9007199254740993, "stamp": "2024-01-01T00:00:00.5Z", "share": 0.1}))

    def test_a_version_that_is_online_may_be_named(self):
        for name in ("fresh@1", "fresh@1.0.0", "fresh@latest"):
            self.assertEqual(self.get(name, "id=1")["version"], "1.0.0")
        self.assertIn("1.0.7", refused(self, 2, self.shop, "get", "fresh@1.0.7", "id=1"))

    def test_what_is_wrong_is_said(self):
        for args, word in ((("fesh", "id=1"), "'fresh'"), (("fresh", "idd=1"), "id"), (("fresh", "id=x"), "'x'"), (("fresh", "id=1.5"), "1.5"),
                           (("pair", "name=a"), "day"), (("fresh", "id=1", "id=2"), "id"), (("pair", "name=a", "day=noon"), "noon")):
            with self.subTest(args):
                self.assertIn(word, refused(self, 2, self.shop, "get", *args))
        self.assertEqual(self.get("fresh", "id=1.0")["key"], {"id": 1})


if __name__ == "__main__":
    unittest.main()
