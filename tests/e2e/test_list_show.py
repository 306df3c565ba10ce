"""`asof list` and `asof show`: what there is, as it is and as it was."""
import unittest

import project
from project import Project
from steps import answer, build, refused


class ListAndShow(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        described = project.DEFINITIONS.replace("  spending:\n", "  spending:\n    description: What is spent\n    owner: me@example.com\n"
                                                                "    tags: [money]\n    available_after: 2h\n    max_age: 30d\n")
        cls.shop = Project(described)
        cls.addClassCleanup(cls.shop.remove)
        build(cls.shop, "--tag", "first")
        cls.shop.write("features/shop.yaml", described.replace("[sum, max]", "[sum, max, min]").replace("max_age: 30d", "max_age: 60d"))
        build(cls.shop)
        cls.shop.done("materialize", "-q", "last")

    def test_each_kind_lists_everything_of_it(self):
        names = {kind: [item.get("name") for item in answer(self.shop, "list", kind)[kind]]
                 for kind in ("views", "features", "entities", "sources", "services")}
        self.assertEqual(names, {"views": ["spending", "last"], "entities": ["customer"], "sources": ["orders"], "services": ["model"],
                                 "features": ["orders_count_1d", "amount_sum_1d", "amount_max_1d", "amount_min_1d", "price", "note"]})
        overview = answer(self.shop, "list")
        for kind in ("views", "entities", "sources", "services"):
            self.assertEqual(overview[kind], answer(self.shop, "list", kind)[kind])

    def test_versions_and_runs_are_all_there(self):
        found = {(item["view"], item["version"]): item for item in answer(self.shop, "list", "versions")["versions"]}
        self.assertEqual(sorted(found), [("last", "1.0.0"), ("spending", "1.0.0"), ("spending", "1.1.0")])
        self.assertEqual([found["spending", version]["current"] for version in ("1.0.0", "1.1.0")], [False, True])
        self.assertEqual(found["spending", "1.0.0"]["tag"], "first")
        runs = answer(self.shop, "list", "runs")["runs"]
        self.assertEqual(sorted((run["job"], run["name"], run["state"]) for run in runs),
                         [("build", "last", "done")] * 2 + [("build", "spending", "done")] * 2 + [("materialize", "last", "done")])
        self.assertEqual([run["started"] for run in runs], sorted((run["started"] for run in runs), reverse=True))

    def test_a_view_is_shown_with_all_that_is_known_of_it(self):
        shown = answer(self.shop, "show", "spending")
        self.assertEqual((shown["kind"], shown["name"], shown["version"], shown["step"], shown["max_age"], shown["available_after"],
                          shown["rows"]), ("view", "spending", "1.1.0", "1h", "60d", "2h", 4))
        self.assertEqual((shown["description"], shown["owner"], shown["tags"]), ("What is spent", "me@example.com", ["money"]))
        self.assertEqual([item["version"] for item in shown["versions"]], ["1.1.0", "1.0.0"])
        self.assertIsNone(shown.get("online"))
        self.assertEqual(answer(self.shop, "show", "last")["online"]["version"], "1.0.0")

    def test_a_version_is_shown_as_it_was(self):
        shown = answer(self.shop, "show", "spending@1.0.0")
        self.assertEqual((shown["version"], shown["max_age"], [feature["name"] for feature in shown["features"]]),
                         ("1.0.0", "30d", ["orders_count_1d", "amount_sum_1d", "amount_max_1d"]))
        for name in ("spending@1", "spending@latest", "spending@1.1.0", "spending@1.1"):
            self.assertEqual(answer(self.shop, "show", name)["version"], "1.1.0", name)

    def test_other_kinds_are_shown(self):
        self.assertEqual({name: answer(self.shop, "show", name)["kind"] for name in ("customer", "orders", "model")},
                         {"customer": "entity", "orders": "source", "model": "service"})
        self.assertEqual(answer(self.shop, "show", "orders")["columns"],
                         {"id": "int64", "ordered_at": "timestamp", "amount": "float64", "note": "string"})

    def test_what_is_not_there_exits_2_with_the_nearest(self):
        for name, word in (("spendin", "'spending'"), ("spending@3", "3"), ("spending@1.0.9", "1.0.9"), ("spending@x", "x"), ("modle", "'model'")):
            self.assertIn(word, refused(self, 2, self.shop, "show", name))

    def test_people_get_tables(self):
        self.assertRegex(self.shop.done("list", "views"), r"(?m)^name +entity")
        self.assertRegex(self.shop.done("list", "views"), r"(?m)^spending +customer")
        self.assertIn("1.1.0", self.shop.done("show", "spending"))

    def test_before_anything_was_built_everything_is_there_but_versions(self):
        with Project() as shop:
            self.assertEqual([(view["name"], view["version"]) for view in answer(shop, "list", "views")["views"]],
                             [("spending", None), ("last", None)])
            self.assertEqual(answer(shop, "list", "versions"), {"versions": []})
            self.assertEqual(answer(shop, "list", "runs"), {"runs": []})
            self.assertIsNone(answer(shop, "show", "last")["version"])


if __name__ == "__main__":
    unittest.main()
