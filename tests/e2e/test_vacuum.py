"""`vacuum`: what it frees and what it keeps, what older versions say afterwards, and that a build under way is safe."""
import json
import os
import time
import unittest

import project
from project import ORDERS, Project
from steps import answer, build, refused, rows, versions

DAY_S = 86_400


def age(shop, view, days):
    """Make a table, as it stands, so many days older: its commits and its files."""
    table = shop.dir / "lake" / view
    for entry in sorted((table / "_delta_log").glob("*.json")):
        lines = [json.loads(line) for line in entry.read_text().splitlines()]
        for line in lines:
            commit = line.get("commitInfo")
            if commit:
                commit["timestamp"] -= days * DAY_S * 1000
                commit["asof.committed_us"] -= days * DAY_S * 1_000_000
        entry.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for path in table.rglob("*"):
        if path.is_file():
            then = time.time() - days * DAY_S
            os.utime(path, (then, then))


class Vacuum(unittest.TestCase):
    def setUp(self):
        self.shop = Project(project.DEFINITIONS.replace("data/orders.csv", "data/*.csv"))
        self.addCleanup(self.shop.remove)
        build(self.shop)

    def overwrite(self, price):
        self.shop.write("data/orders.csv", ORDERS.replace("10.5", str(price)))
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"full"})

    def parts(self, view):
        return sorted(path.name for path in (self.shop.dir / "lake" / view).glob("*.parquet"))

    def vacuum(self, *args):
        return {view["view"]: view for view in answer(self.shop, "vacuum", *args)["views"]}

    def prices(self, name):
        return rows(self.shop, f'select max(price) from "{name}"')

    def test_versions_within_the_retention_stay_and_older_ones_say_that_they_are_gone(self):
        old = self.parts("last")
        self.overwrite(11.5)
        for view in ("last", "spending"):
            age(self.shop, view, 30)
        self.overwrite(12.5)
        self.overwrite(13.5)
        self.assertEqual(len(self.parts("last")), 4)

        would = self.vacuum("--dry-run", "last")
        self.assertEqual(would["last"]["removed"], [f"last/{name}" for name in old])
        self.assertEqual((would["last"]["data_files"], would["last"]["kept_from"]), (1, "1.0.1"))
        self.assertEqual(len(self.parts("last")), 4)

        done = self.vacuum("last")
        self.assertEqual(done["last"]["removed"], would["last"]["removed"])
        self.assertGreater(done["last"]["bytes"], 0)
        self.assertEqual((len(self.parts("last")), len(self.parts("spending"))), (3, 4))
        self.assertEqual(versions(self.shop, "last"), ["1.0.0", "1.0.1", "1.0.2", "1.0.3"])
        self.assertEqual(self.vacuum("last")["last"]["removed"], [])

        self.shop.done("join", "--spine", "spine.csv", "--features", "last@1.0.1.price", "--out", "kept.parquet")
        error = refused(self, 2, self.shop, "join", "--spine", "spine.csv", "--features", "last@1.0.0.price", "--out", "gone.parquet")
        self.assertIn("version 1.0.0 was vacuumed (kept: ", error)
        for version in ("1.0.1", "1.0.2", "1.0.3"):
            self.assertIn(version, error.split("kept:")[1])
        self.assertFalse((self.shop.dir / "gone.parquet").exists())

    def test_orphans_and_temporary_files_go_when_they_are_old(self):
        table = self.shop.dir / "lake/last"
        for name in ("part-died.parquet", ".asof-tmp-died", "_delta_log/.asof-tmp-died", "part-running.parquet"):
            (table / name).write_text("x")
        for name in ("part-died.parquet", ".asof-tmp-died", "_delta_log/.asof-tmp-died"):
            os.utime(table / name, (0, 0))
        done = self.vacuum()
        self.assertEqual((done["last"]["data_files"], done["last"]["temporary_files"]), (1, 2))
        self.assertEqual(done["spending"]["removed"], [])
        self.assertTrue((table / "part-running.parquet").exists())
        self.assertFalse((table / "_delta_log/.asof-tmp-died").exists())
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"none"})

    def test_a_retention_of_less_than_an_hour_needs_force(self):
        self.overwrite(11.5)
        error = refused(self, 2, self.shop, "vacuum", "--retention", "59m")
        self.assertIn("a retention of 59m is shorter than an hour", error)
        self.assertIn("--force", error)
        self.assertEqual(len(self.parts("last")), 2)
        self.assertIn("option '--retention'", refused(self, 2, self.shop, "vacuum", "--retention", "soon"))
        refused(self, 2, self.shop, "vacuum", "nothing")
        for view in ("last", "spending"):
            age(self.shop, view, 1)
        self.assertEqual(self.vacuum("--retention", "1s", "--force")["last"]["data_files"], 1)
        self.assertEqual(rows(self.shop, "select count(*) from last"), [(4,)])

    def test_people_are_told_what_was_freed(self):
        self.assertIn("last: nothing to remove", self.shop.done("vacuum"))
        self.overwrite(11.5)
        for view in ("last", "spending"):
            age(self.shop, view, 30)
        self.assertIn("last: would remove 1 data file (", self.shop.done("vacuum", "--dry-run"))
        text = self.shop.done("vacuum")
        self.assertIn("last: removed 1 data file (", text)
        self.assertIn("kept from 1.0.1 on", text)
        self.assertIn("freed with a retention of 1w", text)

    def test_killed_anywhere_it_leaves_a_table_that_reads_and_the_next_one_ends_it(self):
        for point in ("lake.vacuum.before_remove", "lake.vacuum.after_remove"):
            for price in (11.5, 12.5):
                self.overwrite(price)
            for view in ("last", "spending"):
                age(self.shop, view, 30)
            result = self.shop.run("vacuum", env=project.environment(ASOF_FAULT=f"{point}=kill"))
            self.assertEqual(result.returncode, -9)
            self.assertEqual(rows(self.shop, "select count(*), max(price) from last"), [(4, 12.5)])
            self.vacuum()
            self.assertEqual((len(self.parts("last")), len(self.parts("spending"))), (1, 1))


if __name__ == "__main__":
    unittest.main()
