"""`asof validate`: checks that pass, and checks that fail with 3."""
import json
import unittest

import project
from project import Project
from steps import answer, build, refused


def checked(text):
    return project.DEFINITIONS.replace("checks: {orders_count_1d: not_null}", f"checks: {text}")


class Validate(unittest.TestCase):
    def results(self, checks, status):
        with Project(checked(checks)) as shop:
            build(shop)
            result = shop.run("validate", "--json", "spending")
            self.assertEqual(result.returncode, status, result.stderr)
            document = json.loads(result.stdout)
            self.assertIs(document["passed"], status == 0)
            return [(item["feature"], item["check"].split()[0].split(":")[0], item["passed"], item["bad_rows"])
                    for item in document["views"][0]["checks"]]

    def test_each_check_passes_on_good_data(self):
        self.assertEqual(self.results("{orders_count_1d: [not_null, {in: [1, 2]}], amount_sum_1d: [unique, {between: [7, 15]}]}", 0),
                         [("orders_count_1d", "not_null", True, 0), ("orders_count_1d", "in", True, 0),
                          ("amount_sum_1d", "unique", True, 0), ("amount_sum_1d", "between", True, 0)])

    def test_each_check_counts_the_rows_that_fail_it(self):
        self.assertEqual(self.results("{orders_count_1d: [unique, {in: [2]}], amount_sum_1d: [{between: [8, 12]}, not_null]}", 3),
                         [("orders_count_1d", "unique", False, 4), ("orders_count_1d", "in", False, 2),
                          ("amount_sum_1d", "between", False, 2), ("amount_sum_1d", "not_null", True, 0)])

    def test_null_fails_not_null_alone(self):
        text = project.DEFINITIONS.replace("      note: {column: note}\n",
                                           "      note: {column: note}\n    checks: {note: [not_null, {in: [first, 'a, \"b\"', Z\u00fcrich]}]}\n")
        with Project(text) as shop:
            build(shop)
            result = shop.run("validate", "--json", "last")
            self.assertEqual([(item["passed"], item["bad_rows"]) for item in json.loads(result.stdout)["views"][0]["checks"]],
                             [(False, 1), (True, 0)])
            self.assertEqual(result.returncode, 3)

    def test_only_the_views_named_are_checked(self):
        with Project(checked("{amount_max_1d: {between: [0, 5]}}")) as shop:
            build(shop)
            self.assertIs(answer(shop, "validate", "last")["passed"], True)
            result = shop.run("validate")
            self.assertEqual(result.returncode, 3)
            self.assertIn("FAILED", result.stdout)
            self.assertIn("'last'", refused(self, 2, shop, "validate", "lats"))

    def test_mistakes_come_before_checks(self):
        with Project() as shop:
            build(shop)
            shop.write("features/shop.yaml", project.DEFINITIONS.replace("column: note", "column: nte"))
            self.assertRegex(refused(self, 2, shop, "validate"), r"(?m)^features/shop\.yaml:\d+:\d+: .*'nte'")


if __name__ == "__main__":
    unittest.main()
