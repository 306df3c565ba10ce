"""What only the catalog knows: `asof search`, training sets in `list` and `plan`, who did what and why, catalogs of older
programs."""
import sqlite3
import unittest

from project import DEFINITIONS, ORDERS, Project, environment
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


class WhoAndWhy(unittest.TestCase):
    def setUp(self):
        self.shop = Project()
        self.addCleanup(self.shop.remove)

    def does(self, *args, user="ada@lab"):
        self.shop.done(*args, "-q", env=environment(ASOF_USER=user))

    def told(self):
        return {(item["view"], item["version"]): (item["made_by"], item["reason"]) for item in answer(self.shop, "list", "versions")["versions"]}

    def test_runs_and_versions_tell_them_and_the_log_of_the_lake_has_them_too(self):
        self.does("apply", "--reason", "a first try")
        self.does("build", "last", "--reason", "June's prices")
        self.does("materialize", "last", "--reason", "for \"shop\"", user="grace@lab")
        self.shop.write("data/orders.csv", ORDERS.replace("10.5", "11.5"))
        self.does("build", "last", user="grace@lab")
        self.does("rollback", "last@1.0.0", "--reason", "the prices were wrong")
        runs = [(item["job"], item["version"], item["made_by"], item["reason"]) for item in answer(self.shop, "list", "runs")["runs"]]
        self.assertEqual(runs, [("rollback", "1.0.0", "ada@lab", "the prices were wrong"), ("build", "1.0.1", "grace@lab", ""),
                                ("materialize", "1.0.0", "grace@lab", 'for "shop"'), ("build", "1.0.0", "ada@lab", "June's prices"),
                                ("apply", "", "ada@lab", "a first try")])
        self.assertIn("last 1.0", answer(self.shop, "list", "runs")["runs"][-1]["message"])
        expected = {("last", "1.0.1"): ("grace@lab", ""), ("last", "1.0.0"): ("ada@lab", "June's prices")}
        self.assertEqual(self.told(), expected)
        shown = answer(self.shop, "show", "last@1.0.0")
        self.assertEqual((shown["made_by"], shown["reason"]), ("ada@lab", "June's prices"))
        text = self.shop.done("show", "last")
        for said in ("ada@lab", "June's prices"):
            self.assertIn(said, text)
        self.assertIn("the prices were wrong", self.shop.done("list", "runs"))
        (self.shop.dir / "catalog.db").unlink()
        self.assertEqual(self.told(), expected)
        (self.shop.dir / "catalog.db").unlink()
        self.shop.run("doctor", "--repair")
        self.assertEqual(self.told(), expected)

    def test_without_ASOF_USER_it_is_the_user_at_this_host(self):
        env = {name: value for name, value in environment(USER="me").items() if name != "ASOF_USER"}
        self.shop.done("build", env=env)
        self.assertRegex(self.told()["last", "1.0.0"][0], r"^me@.+")
        self.assertRegex(answer(self.shop, "list", "runs")["runs"][0]["made_by"], r"^me@.+")

    def test_a_reason_is_one_line_of_text(self):
        self.assertIn("the reason has a control character at byte 2", refused(self, 2, self.shop, "build", "--reason", "a\nb"))
        self.assertIn("the reason has 1001 bytes, 1000 may be", refused(self, 2, self.shop, "build", "--reason", "x" * 1001))
        said = refused(self, 2, self.shop, "build", env=environment(ASOF_USER="a\tb"))
        self.assertIn("the environment variable 'ASOF_USER' has a control character", said)


class Schema(unittest.TestCase):
    def test_the_catalog_of_an_older_program_is_brought_up_to_date_and_a_newer_one_refused(self):
        with Project() as shop:
            build(shop)
            before = answer(shop, "list", "versions")["versions"]
            unknown = [{**item, "made_by": "", "reason": ""} for item in before]
            self.assertNotEqual(before, unknown)
            without = "".join(f"alter table {table} drop column {column};" for table in ("run", "version") for column in ("made_by", "reason"))
            for older in ("pragma user_version = 2", "drop table training_set; pragma user_version = 1"):
                with catalog(shop) as db:
                    db.executescript(without + older)
                self.assertEqual(answer(shop, "list", "training-sets"), {"training-sets": []})
                self.assertEqual(answer(shop, "list", "versions")["versions"], unknown)
            shop.write("data/orders.csv", ORDERS.replace("10.5", "11.5"))
            shop.done("build", "last", "--reason", "new prices")
            self.assertEqual(answer(shop, "show", "last")["reason"], "new prices")
            with catalog(shop) as db:
                db.execute("pragma user_version = 99")
            self.assertIn("schema 99, this program reads 3", refused(self, 2, shop, "list"))


if __name__ == "__main__":
    unittest.main()
