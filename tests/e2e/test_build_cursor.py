"""Sources whose new rows are told by a time: what is read, what replaces itself, what is not seen, and builds that die."""
import unittest

import project
from project import Project
from steps import answer, build, refused, rows, versions

HEAD = "id,ordered_at,loaded_at,amount\n"
DEFINITIONS = """
entities:
  customer: {keys: {id: int64}}
sources:
  orders: {path: data/orders.csv, event_time: ordered_at, created_time: loaded_at, cursor: created_time, lateness: 1h}
views:
  spending:
    entity: customer
    source: orders
    step: 1h
    features: {amount: {column: amount, agg: sum, windows: [1d]}}
  last:
    entity: customer
    source: orders
    features: [amount]
"""
POINTS = ["build.before_write", "build.before_write:2", "build.before_file:2", "build.before_commit", "lake.commit.before_put",
          "lake.commit.after_put", "build.after_commit"]


def order(key, event, loaded, amount):
    return f"{key},2024-01-01 {event}:00,{f'2024-01-01 {loaded}:00' if loaded else ''},{amount}\n"


FIRST = [order(1, "08:00", "08:10", 1), order(2, "09:00", "09:30", 2), order(1, "10:00", "10:10", 4)]
CHANGED = [FIRST[0], order(2, "09:00", "09:30", 20), order(1, "11:00", "11:10", 8), order(2, "08:30", "11:20", 16)]


class Cursor(unittest.TestCase):
    def setUp(self):
        self.shop = Project(DEFINITIONS, files={"data/orders.csv": HEAD + "".join(FIRST)})
        self.addCleanup(self.shop.remove)

    def put(self, orders, name="orders.csv"):
        self.shop.write(f"data/{name}", HEAD + "".join(orders))

    def holds(self, amounts):
        """Every row once, in rows and in tiles."""
        self.assertEqual(rows(self.shop, "select amount from last order by amount"), [(amount,) for amount in sorted(amounts)])
        self.assertEqual(rows(self.shop, "select sum(_count) from spending__tiles"), [(len(amounts),)])

    def test_rows_within_the_lateness_replace_themselves(self):
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"full"})
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"none"})
        self.put(CHANGED)
        for view in build(self.shop).values():
            self.assertEqual(view["mode"], "cursor")
            self.assertEqual(view["reason"], "rows with created_time after 2024-01-01T09:10:00Z")
            self.assertEqual(view["source_rows"], 3)
        self.holds([1, 20, 8, 16])

    def test_older_rows_are_seen_by_a_full_build_only(self):
        build(self.shop)
        late = [*FIRST, order(1, "08:20", "09:00", 64)]
        self.put(late)
        build(self.shop)
        self.holds([1, 2, 4])
        build(self.shop, "--full")
        self.holds([1, 2, 4, 64])

    def test_older_rows_of_new_files_are_counted(self):
        self.shop.write("features/shop.yaml", DEFINITIONS.replace("orders.csv", "*.csv"))
        build(self.shop)
        self.put([order(1, "07:00", "07:10", 64), order(1, "12:00", "12:10", 32)], "more.csv")
        for view in build(self.shop).values():
            self.assertEqual(view["late_rows"], 1)
        self.holds([1, 2, 4, 32])

    def test_rows_without_the_time_never_settle(self):
        self.put([*FIRST, order(1, "07:00", "", 64)])
        build(self.shop)
        self.put([*CHANGED, order(1, "07:00", "", 65)])
        build(self.shop)
        self.holds([1, 20, 8, 16, 65])

    def test_another_cursor_reads_everything(self):
        build(self.shop)
        self.shop.write("features/shop.yaml", DEFINITIONS.replace("cursor: created_time", "cursor: event_time"))
        for view in build(self.shop).values():
            self.assertEqual((view["mode"], view["reason"]), ("full", "the source's cursor has changed"))
        self.holds([1, 2, 4])

    def test_a_range_takes_no_row_that_the_cursor_has_not_come_to(self):
        self.shop.write("features/shop.yaml", DEFINITIONS.replace(", lateness: 1h", ""))
        build(self.shop)
        self.put([*FIRST, order(1, "10:30", "11:00", 8)])
        build(self.shop, "--from", "2024-01-01T10:00:00Z", "--to", "2024-01-01T12:00:00Z")
        build(self.shop)
        self.holds([1, 2, 4, 8])

    def test_lists_say_the_cursor(self):
        found = answer(self.shop, "list", "sources")["sources"][0]
        self.assertEqual((found["cursor"], found["lateness"]), ("created_time", "1h"))

    def test_a_lateness_wants_a_cursor(self):
        self.shop.write("features/shop.yaml", DEFINITIONS.replace("cursor: created_time, ", ""))
        self.assertIn("'lateness' goes with 'cursor: created_time' or 'cursor: event_time' only",
                      refused(self, 2, self.shop, "build"))

    def test_killed_anywhere_the_next_build_completes_it(self):
        build(self.shop)
        killed = 0
        for number, point in enumerate(POINTS):
            orders = CHANGED if number % 2 == 0 else [*CHANGED, order(1, "11:30", "11:40", 100 + number)]
            self.put(orders + [order(1, "11:50", "11:50", 200 + number)])
            env = project.environment(ASOF_FAULT=f"{point}=kill")
            killed += self.shop.run("build", env=env).returncode == -9
            build(self.shop)
            wanted = [1, 20, 8, 16, 200 + number] + ([] if number % 2 == 0 else [100 + number])
            self.holds(wanted)
        self.assertEqual(killed, len(POINTS))
        found = versions(self.shop, "last")
        self.assertEqual(found, [f"1.0.{patch}" for patch in range(len(found))])


if __name__ == "__main__":
    unittest.main()
