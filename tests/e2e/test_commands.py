"""Each command on a small project: what it does, and what it prints for people."""
import csv
import json
import re
import unittest

from project import DEFINITIONS, Project

MEASURE = re.compile(r"\d+(?:\.\d+)? (?:ms|s|B|kB|MB)\b")


def plain(text):
    """Times and sizes differ from run to run."""
    return MEASURE.sub("#", text)


class Commands(unittest.TestCase):
    def setUp(self):
        self.shop = Project()
        self.addCleanup(self.shop.remove)

    def test_init_makes_a_project_that_builds(self):
        text = self.shop.done("init", "new")
        self.assertTrue(text.startswith("made a project in new:\n  "), text)
        self.assertTrue(text.endswith("next: asof -C new build\n"), text)
        for name in re.findall(r"^  (\S+)$", text, re.M):
            self.assertTrue((self.shop.dir / "new" / name).is_file(), name)
        self.assertIn("built ", self.shop.done("-C", "new", "build"))
        (self.shop.dir / "here").mkdir()
        self.assertTrue(self.shop.done("-C", "here", "init").endswith("next: asof build\n"))

    def test_plan_shows_what_is_new_and_apply_registers_it(self):
        text = self.shop.done("plan")
        self.assertEqual(text.splitlines()[0].split(), ["change", "kind", "name", "from", "to", "data", "services"])
        self.assertRegex(text, r"(?m)^new +view +spending +- +1\.0 +build +model$")
        self.assertRegex(self.shop.done("apply"), r"(?m)^new +view +last ")
        self.assertEqual(self.shop.done("plan"), "no changes\n")
        self.shop.done("build", "-q")
        self.shop.write("features/shop.yaml", DEFINITIONS.replace("agg: [sum, max]", "agg: [sum]"))
        text = self.shop.done("plan")
        self.assertRegex(text, r"(?m)^major +view +spending ")
        self.assertRegex(text, r"(?m)^spending: .*amount_max_1d")

    def test_build_publishes_once_and_then_what_is_new(self):
        text = plain(self.shop.done("build"))
        self.assertEqual(text, "built spending 1.0.0: 4 rows in #, #\nbuilt last 1.0.0: 4 rows in #, #\n2 views in #\n")
        text = plain(self.shop.done("build"))
        self.assertEqual(text, "kept spending 1.0.0: nothing new\nkept last 1.0.0: nothing new\n2 views in #\n")
        self.shop.write("data/orders.csv", (self.shop.dir / "data/orders.csv").read_text() + "3,2024-01-03 00:00:00,2,\n")
        self.assertIn("built last 1.0.1: ", self.shop.done("build", "last", "--tag", "nightly"))
        versions = json.loads(self.shop.done("list", "versions", "--json"))["versions"]
        self.assertIn("nightly", [version["tag"] for version in versions])

    def test_join_keeps_the_spine_and_its_manifest_repeats_it(self):
        self.shop.done("build", "-q")
        text = plain(self.shop.done("join", "--spine", "spine.csv", "--service", "model", "--out", "train.csv"))
        self.assertTrue(text.startswith("joined train.csv: 4 rows, 5 columns in #, #\n"), text)
        self.assertIn("  spending 1.0.0: 2 rows matched (50.0 %)\n", text)
        with open(self.shop.dir / "train.csv", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([(row["id"], row["label"]) for row in rows], [("1", "0"), ("2", "1"), ("3", "0"), ("1", "1")])
        self.assertEqual([row["last__price"] for row in rows], ["4.5", "7.0", "0.0", "0.0"])
        self.assertEqual([row["spending__amount_sum_1d"] for row in rows], ["15.0", "7.0", "", ""])
        self.shop.done("join", "--from-manifest", "train.csv.asof.json", "--out", "again.csv")
        self.assertEqual((self.shop.dir / "again.csv").read_bytes(), (self.shop.dir / "train.csv").read_bytes())

    def test_join_takes_features_one_by_one(self):
        self.shop.done("build", "-q")
        self.shop.done("join", "--spine", "spine.csv", "--features", "last.price,spending.orders_count_1d", "--features", "last.note",
                       "--out", "train.csv", "--known-at", "2030-01-01", "--time-column", "event_time")
        with open(self.shop.dir / "train.csv", encoding="utf-8") as file:
            self.assertEqual(file.readline().strip(), "id,event_time,label,last__price,spending__orders_count_1d,last__note")

    def test_materialize_then_get_at_a_clock(self):
        self.shop.done("build", "-q")
        text = plain(self.shop.done("materialize", "--at", "2024-01-01T12:00:00Z"))
        self.assertIn("materialized last 1.0.0 at 2024-01-01T12:00:00Z: 2 rows in #, #\n", text)
        row = json.loads(self.shop.done("get", "spending", "id=1", "--at", "2024-01-01T12:00:00Z"))
        self.assertEqual(row["features"], {"orders_count_1d": 1, "amount_sum_1d": 10.5, "amount_max_1d": 10.5})
        self.assertEqual(row["event_time"], "2024-01-01T11:00:00Z")
        later = json.loads(self.shop.done("get", "spending", "id=1", "--at", "2024-01-05"))
        self.assertEqual(later["features"]["orders_count_1d"], 0)     # the window has drained
        missing = json.loads(self.shop.done("get", "last", "id=99"))
        self.assertEqual((missing["statuses"]["note"], missing["event_time"]), ("NOT_FOUND", None))

    def test_list_and_show_are_tables_and_pairs(self):
        self.shop.done("build", "-q")
        text = self.shop.done("list")
        for kind in ("views", "services", "sources", "entities"):
            self.assertIn(f"{kind}:\n", text)
        self.assertRegex(self.shop.done("list", "views"), r"(?m)^spending +customer +id: int64 +orders +1h ")
        self.assertRegex(self.shop.done("list", "runs"), r"(?m)^build +last +1\.0\.0 +done ")
        text = self.shop.done("show", "last")
        self.assertRegex(text, r"(?m)^version +1\.0\.0$")
        self.assertRegex(text, r"(?m)^price +float64 ")
        self.assertEqual(self.shop.done("show", "last@1"), self.shop.done("show", "last@latest"))

    def test_sql_prints_tables_csv_and_json(self):
        self.shop.done("build", "-q")
        query = "select id, note, amount from orders order by ordered_at"
        self.assertEqual(self.shop.done("sql", query), ("id  note    amount\n"
                                                        " 1  first     10.5\n"
                                                        " 2  Z\u00fcrich       7\n"
                                                        ' 1  a, "b"     4.5\n'
                                                        " 2  NULL         1\n"))
        self.assertEqual(self.shop.done("sql", "-", "--csv", stdin=query), ('id,note,amount\n1,first,10.5\n2,Z\u00fcrich,7\n'
                                                                           '1,"a, ""b""",4.5\n2,,1\n'))
        document = json.loads(self.shop.done("sql", query, "--json"))
        self.assertEqual([column["name"] for column in document["columns"]], ["id", "note", "amount"])
        self.assertEqual(document["rows"][3], {"id": 2, "note": None, "amount": 1.0})
        count = json.loads(self.shop.done("sql", "select count(*) as n from last", "--json"))
        self.assertEqual(count["rows"], [{"n": 4}])

    def test_validate_reports_each_check(self):
        self.shop.done("build", "-q")
        text = self.shop.done("validate")
        self.assertRegex(text, r"(?m)^spending +orders_count_1d +not_null +passed +0$")
        self.assertTrue(text.endswith(": passed\n"))

    def test_schema_is_the_json_schema_of_the_definitions(self):
        schema = json.loads(self.shop.done("schema"))
        self.assertEqual(schema["type"], "object")
        self.assertIn("views", schema["properties"])
        self.assertEqual(self.shop.done("schema", "--json"), self.shop.done("schema"))


if __name__ == "__main__":
    unittest.main()
