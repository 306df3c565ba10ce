"""What only the catalog knows: `asof search`, training sets in `list` and `plan`, catalogs of older programs."""
import sqlite3
import unittest

from project import DEFINITIONS, Project
from steps import answer, build, refused

DESCRIBED = DEFINITIONS.replace("  spending:\n", "  spending:\n    description: What a customer spends\n    owner: me@example.com\n    tags: [money]\n")


def catalog(shop):
    return sqlite3.connect(shop.dir / "catalog.db")


class Search(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Project(DESCRIBED)
        cls.addClassCleanup(cls.shop.remove)
        cls.shop.done("apply", "-q")

    def found(self, text):
        return [(item["kind"], item["name"]) for item in answer(self.shop, "search", text)["found"]]

    def test_names_are_found_in_either_case_the_exact_one_first(self):
        self.assertEqual(self.found("spending")[0], ("view", "spending"))
        self.assertEqual(self.found("SPENDING"), self.found("spending"))
        self.assertEqual(self.found("price")[0], ("feature", "last.price"))
        self.assertEqual(self.found("spending.amount")[0], ("feature", "spending.amount"))
        self.assertEqual(self.found("orders")[:2], [("feature", "spending.orders"), ("source", "orders")])
        self.assertIn(("service", "model"), self.found("model"))

    def test_descriptions_owners_tags_and_columns_are_found(self):
        for text in ("customer spends", "me@example.com", "money"):
            self.assertEqual(self.found(text), [("view", "spending")], text)
        self.assertEqual({name for kind, name in self.found("amount") if kind == "feature"}, {"spending.amount", "last.price"})
        self.assertEqual(self.found("ordered_at"), [("source", "orders")])

    def test_what_is_not_there_is_answered_with_the_nearest(self):
        self.assertEqual(answer(self.shop, "search", "spendng"), {"found": [], "suggestion": "spending"})
        self.assertEqual(self.shop.done("search", "spendng"), "nothing found (did you mean 'spending'?)\n")
        self.assertEqual(answer(self.shop, "search", "zzzzzzzz"), {"found": [], "suggestion": None})
        self.assertIn("nothing to look for", refused(self, 2, self.shop, "search", ""))

    def test_people_get_a_table(self):
        self.assertRegex(self.shop.done("search", "money"), r"(?m)^view +spending +tags +money")


class TrainingSets(unittest.TestCase):
    def setUp(self):
        self.shop = Project()
        self.addCleanup(self.shop.remove)
        build(self.shop)
        with catalog(self.shop) as db:
            db.execute("insert into training_set values ('/t/a.parquet', '/s.csv', 'model', '{\"last\":\"1.0.0\"}', '[\"last.price\"]', 4,"
                       " 1704067200000000, 'me@here')")
            db.execute("insert into training_set values ('/t/b.parquet', '/s.csv', '', '{\"spending\":null}', '[]', 5, 1704067200000001, '')")

    def test_they_are_listed_newest_first(self):
        sets = answer(self.shop, "list", "training-sets")["training-sets"]
        self.assertEqual([item["path"] for item in sets], ["/t/b.parquet", "/t/a.parquet"])
        self.assertEqual(sets[1], {"path": "/t/a.parquet", "rows": 4, "views": {"last": "1.0.0"}, "made": "2024-01-01T00:00:00Z",
                                   "made_by": "me@here", "spine": "/s.csv", "service": "model", "features": ["last.price"]})
        self.assertIn("/t/a.parquet", self.shop.done("list", "training-sets"))

    def test_plan_names_those_that_a_change_touches(self):
        self.shop.write("features/shop.yaml", DEFINITIONS.replace("default: 0", "default: 7"))
        plan = {item["name"]: item for item in answer(self.shop, "plan")["changes"]}
        self.assertEqual((plan["last"]["training_sets"], plan["last"]["services"]), (["/t/a.parquet"], ["model"]))
        self.assertEqual(plan["spending"]["training_sets"], [])
        self.assertIn("last: training set /t/a.parquet", self.shop.done("plan"))


class Schema(unittest.TestCase):
    def test_the_catalog_of_an_older_program_is_brought_up_to_date_and_a_newer_one_refused(self):
        with Project() as shop:
            build(shop)
            before = answer(shop, "list", "versions")
            with catalog(shop) as db:
                db.executescript("drop table training_set; pragma user_version = 1")
            self.assertEqual(answer(shop, "list", "training-sets"), {"training-sets": []})
            self.assertEqual(answer(shop, "list", "versions"), before)
            with catalog(shop) as db:
                db.execute("pragma user_version = 99")
            self.assertIn("schema 99, this program reads 2", refused(self, 2, shop, "list"))


if __name__ == "__main__":
    unittest.main()
