"""`asof join --direct`: from the sources, without a build, what a build and a join give."""
import datetime
import decimal
import json
import random
import unittest

import pyarrow

import project
from project import Project
from steps import answer, build, read_parquet, refused, write_parquet

DEFINITIONS = """
entities:
  customer: {keys: {id: int64}}
  place: {keys: {city: string, day: date}}
sources:
  orders: {path: data/orders*.parquet, event_time: at, created_time: loaded, on_bad_row: skip}
  visits: {path: data/visits.csv, event_time: seen, filter: "score <> 13"}
views:
  last:
    entity: customer
    source: orders
    max_age: 3d
    available_after: 30m
    features: {amount: {column: amount, default: -1}, note: {column: note}, tags: {column: tags}, price: {column: price}}
  hourly:
    entity: customer
    source: orders
    step: 1h
    available_after: 10m
    features:
      orders: {agg: count, windows: [1h, 1d]}
      amount: {column: amount, agg: [sum, mean, min, max, std, median], windows: [6h, 1d]}
      note: {column: note, agg: [first, last, count_distinct], windows: [1d]}
      price: {column: price, agg: [sum, max], windows: [1d]}
  exact:
    entity: customer
    source: orders
    step: event
    max_age: 2d
    features:
      amount: {column: amount, agg: [sum, min, last, count], windows: [90m, 7d], default: 0}
      note: {column: note, agg: [first, last], windows: [5h]}
  town:
    entity: place
    source: visits
    features: {score: {column: score}}
  towns:
    entity: place
    source: visits
    step: 1d
    features: {score: {column: score, agg: [sum, count], windows: [2d]}}
services:
  model: {features: [exact.amount_sum_7d, last.note, towns.score_sum_2d, last.amount]}
"""
ALL = "last.*,hourly.*,exact.*,town.*,towns.*"
START = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
CITIES = ["Zürich", "a", "", "b:c"]


def instant(chance, days=10, step_s=1):
    """Often the same one, so that ties are met."""
    return START + datetime.timedelta(seconds=chance.randrange(0, days * 86400, step_s))


def orders(chance, count):
    at = [None if chance.random() < 0.02 else instant(chance, step_s=1800) for _ in range(count)]
    return {
        "id": pyarrow.array([None if chance.random() < 0.03 else chance.randrange(12) for _ in at], pyarrow.int64()),
        "at": pyarrow.array(at, pyarrow.timestamp("us", "UTC")),
        "loaded": pyarrow.array([None if time is None else time + datetime.timedelta(minutes=chance.choice((0, 1, 50, 3000)))
                                 for time in at], pyarrow.timestamp("us", "UTC")),
        "amount": pyarrow.array([chance.choice((None, float("nan"), -0.0, 0.1, 0.2, 1e9, -7.5)) for _ in at], pyarrow.float64()),
        "note": [chance.choice((None, "", "x", "Zürich", "long " * 9)) for _ in at],
        "tags": [chance.choice((None, [], ["a"], ["b", None])) for _ in at],
        "price": pyarrow.array([chance.choice((None, decimal.Decimal("1.25"), decimal.Decimal("-3.10"))) for _ in at],
                               pyarrow.decimal128(12, 2)),
    }


def make(case, count=600, spine_count=400, seed=7):
    chance = random.Random(seed)
    shop = Project(DEFINITIONS)
    case.addCleanup(shop.remove)
    (shop.dir / "data/orders.csv").unlink()
    for number in (1, 2):
        write_parquet(shop, f"data/orders{number}.parquet", orders(chance, count))
    lines = [f"{chance.choice(CITIES)},2024-01-0{chance.randrange(1, 4)},{instant(chance):%Y-%m-%d %H:%M:%S},{chance.randrange(20)}"
             for _ in range(count)]
    shop.write("data/visits.csv", "city,day,seen,score\n" + "\n".join(lines) + "\n")
    write_parquet(shop, "spine.parquet", {
        "id": pyarrow.array([None if chance.random() < 0.05 else chance.randrange(14) for _ in range(spine_count)], pyarrow.int64()),
        "city": [chance.choice(CITIES) for _ in range(spine_count)],
        "day": pyarrow.array([datetime.date(2024, 1, chance.randrange(1, 5)) for _ in range(spine_count)], pyarrow.date32()),
        "event_time": pyarrow.array([None if chance.random() < 0.05 else instant(chance, days=12, step_s=600)
                                     for _ in range(spine_count)], pyarrow.timestamp("us", "UTC")),
        "label": list(range(spine_count))})
    return shop


def values(rows):
    """Rows that compare equal where they are: NaN is not equal to itself."""
    return [{name: repr(value) for name, value in row.items()} for row in rows]


class Case(unittest.TestCase):
    def join(self, shop, *args, out="out.parquet"):
        self.report = answer(shop, "join", "--spine", "spine.parquet", "--out", out, *args)
        return values(read_parquet(shop, out)) if out.endswith(".parquet") else (shop.dir / out).read_text()

    def matched(self):
        return {view["view"]: view["matched"] for view in self.report["views"]}


class Values(Case):
    @classmethod
    def setUpClass(cls):
        cls.shop = make(cls)
        cls.addClassCleanup(cls.shop.remove)
        build(cls.shop)

    @classmethod
    def addCleanup(cls, function):
        """A project of the class, made by make()."""

    def test_they_are_those_of_a_build_and_a_join(self):
        for args in ((), ("--known-at", "label"), ("--known-at", "2024-01-05T10:20:00Z")):
            features = ALL if not args else "last.*,hourly.*,exact.*"
            with self.subTest(args):
                built = self.join(self.shop, "--features", features, *args)
                counts = self.matched()
                self.assertTrue(all(counts.values()), counts)
                for how in (("--direct",), ("--engine", "sql"), ("--direct", "--engine", "sql")):
                    with self.subTest(how):
                        self.assertEqual(self.join(self.shop, "--features", features, *args, *how), built)
                        self.assertEqual(self.matched(), counts)

    def test_threads_make_no_difference(self):
        first = self.join(self.shop, "--features", ALL, "--direct", "--threads", "1", out="t1.csv")
        for threads in ("2", "3", "8"):
            self.assertEqual(self.join(self.shop, "--features", ALL, "--direct", "--threads", threads, out=f"t{threads}.csv"), first)
            self.assertEqual(self.join(self.shop, "--features", ALL, "--threads", threads, out=f"b{threads}.csv"), first)

    def test_one_feature_is_the_same_alone(self):
        whole = self.join(self.shop, "--features", ALL, "--direct")
        for feature in ("exact.note_last_5h", "hourly.amount_std_1d", "last.tags", "towns.score_sum_2d"):
            name = feature.replace(".", "__")
            self.assertEqual([row[name] for row in self.join(self.shop, "--features", feature, "--direct")], [row[name] for row in whole])

    def test_a_service_works_and_the_report_says_direct(self):
        built = self.join(self.shop, "--service", "model")
        self.assertEqual(self.join(self.shop, "--service", "model", "--direct"), built)
        self.assertEqual({view["version"] for view in self.report["views"]}, {None})
        text = self.shop.done("join", "--spine", "spine.parquet", "--service", "model", "--direct", "--out", "text.csv")
        self.assertIn("exact direct: ", text)

    def test_rows_without_a_time_are_counted(self):
        self.join(self.shop, "--features", "last.note", "--direct")
        self.assertTrue(any("'orders'" in note and "without event_time" in note for note in self.report["notes"]), self.report)


class Rules(Case):
    def setUp(self):
        self.shop = Project()
        self.addCleanup(self.shop.remove)

    def direct(self, *args, out="out.csv"):
        self.report = answer(self.shop, "join", "--spine", "spine.csv", "--direct", "--out", out, *args)
        return (self.shop.dir / out).read_text()

    def test_neither_lake_nor_catalog_nor_store_is_made(self):
        self.direct("--service", "model")
        self.assertEqual({path.name for path in self.shop.dir.iterdir()},
                         {"asof.yaml", "features", "data", "spine.csv", "out.csv", "out.csv.asof.json"})

    def test_versions_and_times_of_versions_are_refused(self):
        for args in (("--features", "last@1.0.0.price"), ("--features", "last.price", "--as-of", "2024-01-01")):
            said = refused(self, 2, self.shop, "join", "--spine", "spine.csv", "--direct", "--out", "x.csv", *args)
            self.assertIn("direct", said)
            self.assertFalse((self.shop.dir / "x.csv").exists())
        self.assertIn("'price'", refused(self, 2, self.shop, "join", "--spine", "spine.csv", "--direct", "--out", "x.csv",
                                         "--features", "last.prise"))

    def test_mistakes_in_definitions_are_told(self):
        self.shop.write("features/shop.yaml", project.DEFINITIONS.replace("column: note", "column: notes"))
        self.assertIn("'notes'", refused(self, 2, self.shop, "join", "--spine", "spine.csv", "--direct", "--out", "x.csv",
                                         "--features", "last.price"))

    def test_a_row_without_a_time_fails_as_a_build_does(self):
        self.shop.write("data/orders.csv", project.ORDERS + "2,,3.0,timeless\n")
        said = refused(self, 1, self.shop, "join", "--spine", "spine.csv", "--direct", "--out", "x.csv", "--features", "last.price")
        self.assertIn("1 rows without event_time, the first is 'data/orders.csv' row 5", said)
        self.assertEqual(said.split("source 'orders': ")[-1], refused(self, 1, self.shop, "build").split("source 'orders': ")[-1])

    def test_without_created_time_known_at_hides_nothing_and_says_so(self):
        plain = self.direct("--features", "last.price,spending.*")
        for known_at in ("label", "2023-01-01"):
            for engine in ("kernel", "sql"):
                self.assertEqual(self.direct("--features", "last.price,spending.*", "--known-at", known_at, "--engine", engine), plain)
                self.assertTrue(any("--known-at" in note for note in self.report["notes"]))

    def test_a_manifest_repeats_it_while_definition_and_files_stand(self):
        first = self.direct("--service", "model", out="first.csv")
        manifest = json.loads((self.shop.dir / "first.csv.asof.json").read_text())
        self.assertIs(manifest["direct"], True)
        self.assertEqual([(file["file"], file["bytes"]) for file in manifest["source_files"]],
                         [("data/orders.csv", len(project.ORDERS.encode()))])
        self.assertTrue(all(view["version"] is None and len(view["definition_hash"]) == 32 for view in manifest["views"]))
        again = answer(self.shop, "join", "--from-manifest", "first.csv.asof.json", "--out", "again.csv")
        self.assertEqual((again["notes"], (self.shop.dir / "again.csv").read_text()), ([], first))

        self.shop.write("data/orders.csv", project.ORDERS + "1,2024-01-01 12:30:00,99.0,new\n")
        again = answer(self.shop, "join", "--from-manifest", "first.csv.asof.json", "--out", "again.csv")
        self.assertTrue(any("changed" in note for note in again["notes"]))
        self.assertNotEqual((self.shop.dir / "again.csv").read_text(), first)

        self.shop.write("features/shop.yaml", project.DEFINITIONS.replace("windows: [1d]", "windows: [2d, 1d]"))
        said = refused(self, 2, self.shop, "join", "--from-manifest", "first.csv.asof.json", "--out", "x.csv")
        self.assertIn("'spending'", said)
        self.assertFalse((self.shop.dir / "x.csv").exists())


if __name__ == "__main__":
    unittest.main()
