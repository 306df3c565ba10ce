"""`asof materialize`: offline to online, as the world was at an instant, and nothing newer is lost."""
import json
import re
import unittest

import project
from project import Project
from steps import answer, build, refused


TRIES = 10


class Materialize(unittest.TestCase):
    """Also on the stores that are servers: test_online_*.py."""

    def settings(self):
        return project.SETTINGS

    def setUp(self):
        self.shop = Project(project.DEFINITIONS.replace("data/orders.csv", "data/*.csv"), self.settings())
        self.addCleanup(self.shop.remove)
        build(self.shop)

    def get(self, view, key, at):
        return json.loads(self.shop.done("get", view, f"id={key}", "--at", at))

    def price(self, key, at="2024-01-01T00:00:00Z"):
        return self.get("last", key, at)["features"]["price"]

    def test_each_key_has_its_newest_row_until_then(self):
        report = answer(self.shop, "materialize", "--at", "2024-01-01T12:00:00Z")
        self.assertEqual(report["at"], "2024-01-01T12:00:00Z")
        for view in report["views"]:
            self.assertEqual((view["version"], view["written"], view["rows"]), ("1.0.0", True, 2))
        self.assertEqual((self.price(1), self.price(2)), (10.5, 7))

    def test_without_at_it_is_now(self):
        self.assertGreater(answer(self.shop, "materialize")["at"], "2024")
        self.assertEqual((self.price(1), self.price(2)), (4.5, 1))

    def test_only_the_views_named_are_written(self):
        report = answer(self.shop, "materialize", "last")
        self.assertEqual([view["view"] for view in report["views"]], ["last"])
        self.assertIn("asof materialize", refused(self, 2, self.shop, "get", "spending", "id=1"))
        self.assertIn("'last'", refused(self, 2, self.shop, "materialize", "lost"))

    def test_twice_is_once(self):
        self.shop.done("materialize", "-q", "--at", "2024-01-02")
        before = self.get("spending", 1, "2024-01-02"), self.get("last", 1, "2024-01-02")
        answer(self.shop, "materialize", "--at", "2024-01-02")
        self.assertEqual((self.get("spending", 1, "2024-01-02"), self.get("last", 1, "2024-01-02")), before)

    def test_an_earlier_instant_takes_nothing_back(self):
        self.shop.done("materialize", "-q", "--at", "2024-01-03")
        self.shop.done("materialize", "-q", "--at", "2024-01-01T11:00:00Z")
        self.assertEqual((self.price(1), self.price(2)), (4.5, 1))
        self.assertEqual(self.get("spending", 2, "2024-01-02T09:00:00Z")["features"]["orders_count_1d"],
                         self.get("spending", 2, "2024-01-03T00:00:00Z")["features"]["orders_count_1d"])

    def test_a_late_row_is_merged_into_its_own_step_once(self):
        self.shop.done("materialize", "-q", "--at", "2024-01-02T10:00:00Z")
        self.shop.write("data/late.csv", "id,ordered_at,amount,note\n2,2024-01-01 12:30:00,100.0,late\n")
        build(self.shop)
        for _ in range(2):
            self.shop.done("materialize", "-q", "--at", "2024-01-02T10:00:00Z")
            row = self.get("spending", 2, "2024-01-02T10:00:00Z")
            self.assertEqual(row["features"], {"orders_count_1d": 3, "amount_sum_1d": 108, "amount_max_1d": 100})
            self.assertEqual((row["version"], self.price(2)), ("1.0.1", 1))

    def test_an_entity_of_a_new_file_appears(self):
        self.shop.done("materialize", "-q")
        self.shop.write("data/new.csv", "id,ordered_at,amount,note\n9,2024-01-05 10:00:00,3.0,new\n")
        build(self.shop)
        self.assertEqual(self.get("last", 9, "2024-01-06")["statuses"]["price"], "NOT_FOUND")
        self.shop.done("materialize", "-q")
        self.assertEqual(self.price(9), 3)

    def interrupted(self, at):
        """How many rows it kept, and the arguments that go on. The end that is set to a command that was interrupted, a second, may
        come before it has said so, where the machine is busy."""
        for _ in range(TRIES):
            result = self.shop.run("materialize", "last", "--at", at, env=project.environment(ASOF_FAULT="materialize.batch:3=interrupt"))
            self.assertEqual((result.returncode, result.stdout), (130, ""))
            said = re.fullmatch(r"asof: interrupted: (\d+) rows are kept, `asof (materialize last --at \S+)` goes on behind them\n",
                                result.stderr)
            if said:
                return int(said[1]), said[2].split()
        self.fail(result.stderr)

    def test_interrupted_it_is_gone_on_with(self):
        keys = 5000
        self.shop.write("data/many.csv", "id,ordered_at,amount,note\n" +
                        "".join(f"{1000 + key},2024-01-01 10:00:00,{key}.5,many\n" for key in range(keys)))
        build(self.shop)
        self.shop.done("materialize", "-q", "last", "--at", "2024-01-01T11:00:00Z")
        kept, goes_on = self.interrupted("2024-01-03T00:00:00Z")
        self.assertTrue(0 < kept < keys)
        self.assertEqual((self.price(1), self.price(1000 + keys - 1)), (10.5, keys - 0.5))
        view, = answer(self.shop, *goes_on)["views"]
        self.assertEqual((view["rows"], view["resumed_rows"]), (keys + 2, kept))
        for key in (0, 1, kept - 3, kept - 2, kept - 1, kept, keys - 1):
            self.assertEqual(self.price(1000 + key), key + 0.5)
        self.assertEqual((self.price(1), self.price(2)), (4.5, 1))
        self.interrupted("2024-01-03T00:00:00Z")
        self.assertIn("gone on behind the", self.shop.done(*goes_on))
        self.interrupted("2024-01-03T00:00:00Z")
        view, = answer(self.shop, "materialize", "last", "--at", "2024-01-04")["views"]
        self.assertEqual((view["rows"], view["resumed_rows"]), (keys + 2, 0))

    def test_what_was_never_built_exits_2(self):
        with Project() as shop:
            self.assertIn("asof build", refused(self, 2, shop, "materialize"))

    def test_a_new_definition_serves_once_it_is_materialized(self):
        self.shop.done("materialize", "-q")
        self.shop.write("features/shop.yaml", project.DEFINITIONS.replace("data/orders.csv", "data/*.csv")
                        .replace("agg: [sum, max]", "agg: [sum]"))
        self.shop.done("apply", "--yes", "-q")
        build(self.shop)
        self.assertEqual(self.get("spending", 1, "2024-01-03")["version"], "1.0.0")
        self.shop.done("materialize", "-q")
        row = self.get("spending", 1, "2024-01-03")
        self.assertEqual((row["version"], sorted(row["features"])), ("2.0.0", ["amount_sum_1d", "orders_count_1d"]))


class InMemory(unittest.TestCase):
    def test_online_in_memory_is_materialized_by_those_who_read(self):
        with Project(settings=project.SETTINGS.replace("lmdb:./online", "memory")) as shop:
            build(shop)
            for at, price, count in (("2024-01-01T11:00:00Z", 10.5, 1), ("2024-01-01T13:00:00Z", 4.5, 2), ("2024-01-09", 4.5, 0)):
                self.assertEqual(json.loads(shop.done("get", "last", "id=1", "--at", at))["features"]["price"], price)
                self.assertEqual(json.loads(shop.done("get", "spending", "id=1", "--at", at))["features"]["orders_count_1d"], count)
            self.assertFalse((shop.dir / "online").exists())


if __name__ == "__main__":
    unittest.main()
