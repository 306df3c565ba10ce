"""`asof plan` and `asof apply`: what a change of the definitions is called, and what becomes of it."""
import unittest

import project
from project import DEFINITIONS, Project, environment
from steps import answer, build, files, refused, versions

SPENDING = "spending:\n    entity: customer"


def changed(old, new):
    if old not in DEFINITIONS:
        raise AssertionError(f"the definitions hold no {old!r}")
    return DEFINITIONS.replace(old, new)


class Changes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Project()
        cls.addClassCleanup(cls.shop.remove)
        cls.shop.done("apply", "-q")
        cls.shop.done("build", "-q")

    def plan(self, definitions):
        self.shop.write("features/shop.yaml", definitions)
        document = answer(self.shop, "plan")
        self.assertEqual(self.shop.run("plan", "--check", "-q").returncode, 3 if document["is_different"] else 0)
        return {item["name"]: item for item in document["changes"]}

    def test_what_people_read_makes_no_difference(self):
        for definitions in (
                "# a comment\n" + DEFINITIONS,
                changed(SPENDING, "spending:\n    description: What is spent\n    owner: a@example.com\n    tags: [x, y]\n"
                                  "    entity: customer"),
                changed("orders: {path: data/orders.csv, event_time: ordered_at}",
                        "orders: {event_time: ordered_at, description: Orders, path: data/orders.csv}"),
                changed("agg: [sum, max]", "agg: [max, sum]"),
                changed("      price: {column: amount, default: 0}\n      note: {column: note}\n",
                        "      note: {column: note}\n      price: {default: 0, column: amount}\n"),
                changed("    checks: {orders_count_1d: not_null}\n", "")):
            with self.subTest(definitions):
                plan = self.plan(definitions)
                self.assertEqual({item["change"] for item in plan.values()}, {"none"})

    def test_a_new_window_is_minor_and_needs_no_data(self):
        plan = self.plan(changed("windows: [1d]}\n    checks", "windows: [1d, 7d]}\n    checks"))
        self.assertEqual((plan["spending"]["change"], plan["spending"]["from"], plan["spending"]["to"], plan["spending"]["data"]),
                         ("minor", "1.0.0", "1.1", "none"))
        self.assertEqual(plan["spending"]["services"], ["model"])
        self.assertTrue(any("7d" in reason for reason in plan["spending"]["reasons"]), plan)
        self.assertEqual(plan["last"]["change"], "none")

    def test_other_values_of_the_same_features_are_minor(self):
        for old, new, view in (("step: 1h", "step: 30m", "spending"),
                               ("step: 1h", "step: 1h\n    max_age: 30d", "spending"),
                               ("step: 1h", "step: 1h\n    available_after: 3h", "spending"),
                               ("default: 0", "default: 1", "last"),
                               ("  last:\n", "  last:\n    max_age: 1d\n", "last")):
            with self.subTest(new):
                plan = self.plan(changed(old, new))
                self.assertEqual((plan[view]["change"], plan[view]["to"]), ("minor", "1.1"))

    def test_a_change_of_the_source_reaches_the_views_on_it(self):
        plan = self.plan(changed("event_time: ordered_at}", "event_time: ordered_at, filter: amount > 1}"))
        for view in ("spending", "last"):
            self.assertEqual((plan[view]["change"], plan[view]["data"]), ("minor", "build"))

    def test_what_readers_would_miss_is_major(self):
        for old, new, view, reason in (
                ("agg: [sum, max]", "agg: [sum]", "spending", "amount_max_1d"),
                ("      note: {column: note}\n", "", "last", "note"),
                ("note: {column: note}", "text: {column: note}", "last", "note"),
                ("price: {column: amount, default: 0}", "price: {column: id}", "last", "price")):
            with self.subTest(new):
                item = self.plan(changed(old, new))[view]
                self.assertEqual((item["change"], item["to"], item["services"]), ("major", "2.0", ["model"]))
                self.assertTrue(any(reason in text for text in item["reasons"]), item)

    def test_another_key_is_major_for_every_view_of_the_entity(self):
        plan = self.plan(changed("{id: int64}", "{id: string}"))
        self.assertEqual({plan["spending"]["change"], plan["last"]["change"]}, {"major"})

    def test_a_service_changes_by_itself(self):
        plan = self.plan(changed("[spending.amount_sum_1d, last.price]", "[last.price]"))
        self.assertNotEqual(plan["model"]["change"], "none")
        self.assertEqual({plan["spending"]["change"], plan["last"]["change"]}, {"none"})

    def test_a_view_that_is_gone_is_said_to_be_removed(self):
        gone = DEFINITIONS[:DEFINITIONS.index("  last:")] + "services:\n  model: {features: [spending.amount_sum_1d]}\n"
        self.assertEqual(self.plan(gone)["last"]["change"], "removed")

    def test_plan_changes_nothing(self):
        with Project() as shop:
            before = {path for path in files(shop) if not path.startswith("catalog.db")}
            shop.done("plan", "-q")
            self.assertEqual({path for path in files(shop) if not path.startswith("catalog.db")}, before)
            self.assertEqual(shop.run("plan", "--check", "-q").returncode, 3)


class Apply(unittest.TestCase):
    def setUp(self):
        self.shop = Project()
        self.addCleanup(self.shop.remove)

    def test_it_registers_once_and_the_first_build_is_1_0_0(self):
        self.assertIs(answer(self.shop, "apply")["is_different"], True)
        self.assertIs(answer(self.shop, "apply")["is_different"], False)
        self.assertEqual({view["version"] for view in build(self.shop).values()}, {"1.0.0"})

    def test_a_minor_change_needs_no_consent(self):
        self.shop.done("build", "-q")
        self.shop.write("features/shop.yaml", changed("agg: [sum, max]", "agg: [sum, max, mean]"))
        self.shop.done("apply", "-q")
        self.shop.done("plan", "--check")
        self.assertEqual(build(self.shop)["spending"]["version"], "1.1.0")

    def test_a_major_change_needs_consent_and_becomes_2_0_0(self):
        self.shop.done("apply", "-q")
        self.shop.done("build", "-q")
        self.shop.write("features/shop.yaml", changed("agg: [sum, max]", "agg: [sum]"))
        before = answer(self.shop, "list", "versions")
        for command in ("apply", "build"):
            said = refused(self, 3, self.shop, command)
            self.assertIn("asof apply --yes", said)
            self.assertIn("spending", said)
        self.assertEqual(answer(self.shop, "list", "versions"), before)
        self.shop.done("apply", "--yes", "-q")
        built = build(self.shop)
        self.assertEqual((built["spending"]["version"], built["last"]["version"]), ("2.0.0", "1.0.0"))
        self.assertEqual(versions(self.shop, "spending"), ["1.0.0", "2.0.0"])

    def test_a_refused_apply_registers_nothing_of_the_rest(self):
        self.shop.done("apply", "-q")
        self.shop.done("build", "-q")
        both = changed("agg: [sum, max]", "agg: [sum]").replace("default: 0", "default: 1")
        self.shop.write("features/shop.yaml", both)
        before = answer(self.shop, "plan")
        refused(self, 3, self.shop, "apply")
        self.assertEqual(answer(self.shop, "plan"), before)

    def test_the_old_major_can_still_be_read(self):
        self.shop.done("build", "-q")
        self.shop.write("features/shop.yaml", changed("agg: [sum, max]", "agg: [sum]"))
        self.shop.done("apply", "--yes", "-q")
        self.shop.done("build", "-q")
        self.shop.done("join", "-q", "--spine", "spine.csv", "--features", "spending@1.amount_max_1d", "--out", "old.csv")
        self.assertIn("spending__amount_max_1d", (self.shop.dir / "old.csv").read_text())
        self.assertIn("amount_max_1d", self.shop.done("show", "spending@1.0.0", "--json"))
        self.assertNotIn('"amount_max_1d"', self.shop.done("show", "spending", "--json"))


class Settings(unittest.TestCase):
    SETTINGS = project.SETTINGS + 'profiles:\n  prod: {lake: "${PLACE}/lake", catalog: "sqlite:${PLACE}/c.db"}\n'

    def test_a_profile_has_a_lake_and_a_catalog_of_its_own(self):
        with Project(settings=self.SETTINGS) as shop:
            shop.done("build", "-q")
            (shop.dir / "there").mkdir()
            env = environment(PLACE="./there")
            self.assertEqual(answer(shop, "--profile", "prod", "list", "versions", env=env)["versions"], [])
            shop.done("--profile", "prod", "build", "-q", env=env)
            self.assertTrue((shop.dir / "there" / "lake" / "last" / "_delta_log").is_dir())
            self.assertTrue((shop.dir / "there" / "c.db").is_file())

    def test_what_is_not_set_is_a_mistake_only_where_it_is_used(self):
        with Project(settings=self.SETTINGS) as shop:
            shop.done("plan")
            said = refused(self, 2, shop, "--profile", "prod", "plan")
            self.assertRegex(said, r"(?m)^asof\.yaml:6:\d+: .*PLACE")

    def test_an_unknown_profile_exits_2_and_names_those_there_are(self):
        with Project(settings=self.SETTINGS) as shop:
            self.assertIn("prod", refused(self, 2, shop, "--profile", "prd", "plan"))

    def test_a_catalog_in_memory_reads_the_record_from_the_lake(self):
        with Project(settings=project.SETTINGS.replace("sqlite:./catalog.db", "memory")) as shop:
            self.assertEqual({view["version"] for view in build(shop).values()}, {"1.0.0"})
            self.assertEqual({view["mode"] for view in build(shop).values()}, {"none"})
            self.assertEqual(versions(shop, "last"), ["1.0.0"])
            shop.done("join", "-q", "--spine", "spine.csv", "--features", "last.price", "--out", "t.csv")
            shop.done("materialize", "-q")
            self.assertIn("PRESENT", shop.done("get", "last", "id=1"))
            self.assertFalse((shop.dir / "catalog.db").exists())


if __name__ == "__main__":
    unittest.main()
