"""`asof rollback` and `asof diff`: which version is current, and what is different about it."""
import unittest

from project import DEFINITIONS, SETTINGS, Project
from steps import answer, build, refused, rows, versions


class Rollback(unittest.TestCase):
    def setUp(self):
        self.shop = Project()
        self.addCleanup(self.shop.remove)
        build(self.shop)
        self.shop.write("features/shop.yaml", DEFINITIONS.replace("default: 0", "default: 7"))
        build(self.shop)

    def current(self):
        return {item["view"]: item["version"] for item in answer(self.shop, "list", "versions")["versions"] if item["current"]}

    def test_it_moves_the_current_version_back_and_forth(self):
        self.assertEqual(self.current(), {"spending": "1.0.0", "last": "1.1.0"})
        before = answer(self.shop, "list", "versions")["versions"]
        self.assertEqual(answer(self.shop, "rollback", "last@1.0.0"), {"view": "last", "from": "1.1.0", "to": "1.0.0", "moved": True})
        self.assertEqual(self.current(), {"spending": "1.0.0", "last": "1.0.0"})
        self.assertEqual(answer(self.shop, "rollback", "last@1.0.0")["moved"], False)
        self.assertEqual(answer(self.shop, "rollback", "last@1.1")["to"], "1.1.0")
        self.assertEqual(answer(self.shop, "list", "versions")["versions"], before)
        moves = [(run["version"], run["message"]) for run in answer(self.shop, "list", "runs")["runs"] if run["job"] == "rollback"]
        self.assertEqual(moves, [("1.1.0", "current was 1.0.0"), ("1.0.0", "current was 1.1.0")])

    def test_readers_follow_and_plan_says_so(self):
        self.shop.done("rollback", "-q", "last@1.0.0")
        self.assertEqual(answer(self.shop, "show", "last")["version"], "1.0.0")
        joined = answer(self.shop, "join", "--spine", "spine.csv", "--features", "last.price", "--out", "t.parquet")
        self.assertEqual([view["version"] for view in joined["views"]], ["1.0.0"])
        self.assertEqual(answer(self.shop, "materialize", "last")["views"][0]["version"], "1.0.0")
        self.assertEqual(self.shop.run("plan", "--check", "-q").returncode, 3)
        plan = {item["name"]: item["change"] for item in answer(self.shop, "plan")["changes"]}
        self.assertEqual((plan["last"], plan["spending"]), ("rolled_back", "none"))
        self.shop.done("rollback", "-q", "last@1.1.0")
        self.shop.done("plan", "--check", "-q")

    def test_what_cannot_be_current_is_refused(self):
        for name, word in (("last", "names no version"), ("last@", "names no version"), ("last@9", "1.1.0, 1.0.0"), ("nothing@1", "nothing"),
                           ("last@x", "no version")):
            self.assertIn(word, refused(self, 2, self.shop, "rollback", name))
        self.assertIn("did you mean 'last'?", refused(self, 2, self.shop, "rollback", "lsat@1.0.0"))
        with Project(settings=SETTINGS.replace("sqlite:./catalog.db", "memory")) as shop:
            build(shop)
            self.assertIn("catalog: memory", refused(self, 2, shop, "rollback", "last@1.0.0"))
        self.assertEqual(self.current(), {"spending": "1.0.0", "last": "1.1.0"})


class Diff(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Project()
        cls.addClassCleanup(cls.shop.remove)
        build(cls.shop)
        cls.shop.write("features/shop.yaml", DEFINITIONS.replace("      note: {column: note}\n", "      seller: {column: id}\n"))
        cls.shop.done("apply", "-q", "--yes")
        orders = (cls.shop.dir / "data/orders.csv").read_text(encoding="utf-8")
        cls.shop.write("data/orders.csv", orders + "3,2024-01-03 09:00:00,100.25,last\n")
        build(cls.shop)

    def test_definition_columns_rows_and_values_are_compared(self):
        diff = answer(self.shop, "diff", "last@1.0.0", "last@2.0.0")
        self.assertEqual((diff["from"]["version"], diff["to"]["version"], diff["change"]), ("1.0.0", "2.0.0", "major"))
        self.assertEqual((diff["from"]["rows"], diff["to"]["rows"]), (4, 5))
        self.assertTrue(any("note" in reason for reason in diff["reasons"]), diff)
        columns = {column["name"]: column for column in diff["columns"]}
        self.assertEqual({name: column["change"] for name, column in columns.items()},
                         {"id": "none", "price": "none", "note": "removed", "seller": "added"})
        price = columns["price"]
        self.assertEqual({name: price["from"][name] for name in ("type", "count", "nulls", "min", "max", "mean")},
                         {"type": "float64", "count": 4, "nulls": 0, "min": 1.0, "max": 10.5, "mean": 5.75})
        self.assertEqual((price["to"]["count"], price["to"]["max"]), (5, 100.25))
        self.assertEqual((columns["note"]["from"]["count"], columns["note"]["from"]["nulls"], columns["note"]["from"]["mean"]), (3, 1, None))
        self.assertIsNone(columns["note"]["to"])

    def test_figures_are_those_of_the_rows(self):
        spending = {column["name"]: column["to"] for column in answer(self.shop, "diff", "spending@1.0.0", "spending@1.0.1")["columns"]}
        found = rows(self.shop, "select count(amount_sum_1d), min(amount_sum_1d), max(amount_sum_1d) from spending")
        figures = spending["amount_sum_1d"]
        self.assertEqual([(figures["count"], figures["min"], figures["max"])], found)

    def test_a_version_is_compared_with_the_definition_as_it_stands(self):
        for words in (("last@1.0.0",), ("last@1.0.0", "last")):
            diff = answer(self.shop, "diff", *words)
            self.assertEqual((diff["to"], diff["change"]), ({"version": None}, "major"))
            self.assertEqual({column["name"]: column["to"] for column in diff["columns"]}["seller"], {"type": "int64"})
        same = answer(self.shop, "diff", "last@2.0.0")
        self.assertEqual((same["change"], same["reasons"]), ("none", []))

    def test_people_get_a_table(self):
        said = self.shop.done("diff", "last@1.0.0", "last@2.0.0")
        self.assertIn("last: 1.0.0 -> 2.0.0, definition: major, rows: 4 -> 5", said)
        self.assertRegex(said, r"(?m)^price +float64 +4 -> 5 +0 ")

    def test_what_cannot_be_compared_is_refused(self):
        self.assertIn("two views", refused(self, 2, self.shop, "diff", "last@1.0.0", "spending@1.0.0"))
        self.assertIn("1.0.9", refused(self, 2, self.shop, "diff", "last@1.0.9", "last"))
        self.assertIn("'last'", refused(self, 2, self.shop, "diff", "lst", "lst"))
        self.assertEqual(versions(self.shop, "last"), ["1.0.0", "2.0.0"])


if __name__ == "__main__":
    unittest.main()
