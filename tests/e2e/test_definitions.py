"""Mistakes in definitions: all of them in one run, each at its place, and nothing done."""
import json
import re
import unittest

import duckdb

import project
from project import Project, environment
from steps import refused

SETTINGS = project.SETTINGS

# Mistakes of the text and, further down, against the columns that data/orders.csv really has.
WRONG = """entities:
  customer: {keys: {id: int64}}
sources:
  orders: {path: data/orders.csv, event_time: ordered_att}
  gone: {path: data/nothing-*.parquet, event_time: at}
  worse: {path: data/orders.csv, event_time: ordered_at, filter: "sum(amount) > 3"}
  typed: {path: data/orders.csv, event_time: amount}
  open: {path: data/orders.csv, event_time: ordered_at, select: {twice: "amuont * 2"}}
  fine: {path: data/orders.csv, event_time: ordered_at}
views:
  one:
    entity: customer
    source: fine
    features: {price: {column: amont}}
  two:
    entity: custmer
    source: fine
    features: [note]
  three:
    entity: customer
    source: fine
    step: 1h
    features:
      sums: {column: note, agg: sum, windows: [1d]}
      days: {agg: count, windows: [24h, 1d]}
      half: {agg: count, windows: [90m]}
  four:
    entity: customer
    source: fine
    descripton: a word
    keys: {id: identity}
    features: [note]
services:
  model: {features: [one.prize]}
"""

# line and column of each, and a word that its message holds
MISTAKES = [(4, 47, "'ordered_at'"), (5, 16, "data/nothing-*.parquet"), (6, 67, "aggregate"), (7, 46, "not a time"),
            (8, 74, "'amount'"), (14, 32, "'amount'"), (16, 13, "'customer'"), (24, 33, "'sum'"), (25, 41, "'1d'"), (26, 36, "1h"),
            (30, 5, "'description'"), (31, 16, "'identity'"), (34, 22, "'price'")]


class Mistakes(unittest.TestCase):
    def make(self, *args, **options):
        shop = Project(*args, **options)
        self.addCleanup(shop.remove)
        return shop

    def told(self, shop, command="plan", **options):
        """(file, line, column, message) of each mistake."""
        lines = refused(self, 2, shop, command, **options).splitlines()
        found = [re.fullmatch(r"([^:]+):(\d+):(\d+): (\S.*)", line) for line in lines]
        self.assertTrue(all(found), lines)
        return [(match[1], int(match[2]), int(match[3]), match[4]) for match in found]

    def test_all_are_told_in_one_run_in_order(self):
        shop = self.make(WRONG)
        told = self.told(shop)
        self.assertEqual({file for file, *_ in told}, {"features/shop.yaml"})
        self.assertEqual(told, sorted(told, key=lambda item: item[1:3]))
        for line, column, word in MISTAKES:
            with self.subTest(line=line):
                here = [item for item in told if item[1] == line]
                self.assertEqual(len(here), 1, told)
                self.assertIn(word, here[0][3])
                self.assertEqual(here[0][2], column, here)
        self.assertEqual({item[1] for item in told}, {line for line, *_ in MISTAKES})

    def test_each_command_that_needs_them_tells_the_same_and_does_nothing(self):
        shop = self.make(WRONG)
        told = self.told(shop)
        for command in ("apply", "build", "validate"):
            self.assertEqual(self.told(shop, command), told)
        self.assertFalse((shop.dir / "lake").exists())

    def test_as_json_they_are_a_list(self):
        shop = self.make(WRONG)
        error = json.loads(refused(self, 2, shop, "--json", "plan"))["error"]
        self.assertEqual(error["mistakes"], [f"{file}:{line}:{column}: {text}" for file, line, column, text in self.told(shop)])

    def test_mistakes_of_several_files_are_told_together(self):
        text = project.DEFINITIONS.replace("column: note", "column: nte")
        shop = self.make(text, SETTINGS + "inclde: [x.yaml]\n", {"features/more.yaml": "views:\n  spending: {}\n"})
        self.assertEqual({file for file, *_ in self.told(shop)}, {"asof.yaml", "features/more.yaml", "features/shop.yaml"})

    def test_a_name_declared_twice_is_wrong_at_the_second_place(self):
        shop = self.make(files={"features/zoo.yaml": "entities:\n  customer: {keys: {id: int64}}\n"})
        self.assertEqual([item[:3] for item in self.told(shop)], [("features/zoo.yaml", 2, 3)])

    def test_an_empty_file_that_is_included_is_fine_and_an_empty_project_is_not(self):
        shop = self.make(files={"features/empty.yaml": ""})
        shop.done("plan")
        shop.write("asof.yaml", "")
        self.assertIn("asof.yaml", refused(self, 2, shop, "plan"))

    def test_a_variable_that_is_not_set_is_a_mistake_at_its_place(self):
        shop = self.make(settings=SETTINGS.replace("./lake", "${ASOF_TEST_PLACE}/lake"))
        told = self.told(shop)
        self.assertEqual([item[:2] for item in told], [("asof.yaml", 2)])
        self.assertIn("ASOF_TEST_PLACE", told[0][3])
        shop.done("plan", env=environment(ASOF_TEST_PLACE="."))

    def test_only_connections_may_hold_variables(self):
        shop = self.make(project.DEFINITIONS.replace("data/orders.csv", "${HOME}/orders.csv"))
        self.assertEqual(self.told(shop)[0][:2], ("features/shop.yaml", 5))

    def test_expressions_may_not_do_more_than_compute(self):
        for expression in ("count(*)", "(select 1)", "read_csv('x')", "row_number() over ()", "1; drop table x", "sum(amount)",
                           "amount from orders", "unnest([1])", "getenv('HOME')", "amount)"):
            with self.subTest(expression):
                shop = self.make(project.DEFINITIONS.replace("event_time: ordered_at}", f'event_time: ordered_at, select: {{more: "{expression}"}}}}'))
                self.assertEqual({item[:2] for item in self.told(shop)}, {("features/shop.yaml", 5)})

    def test_two_outputs_of_one_name_are_a_mistake(self):
        shop = self.make(project.DEFINITIONS.replace("      price: {column: amount, default: 0}", "      price: {column: amount}\n      price: {column: id}"))
        self.assertEqual([item[1] for item in self.told(shop)], [20])

    def test_a_column_of_the_wrong_kind_is_told_with_its_type(self):
        shop = self.make(project.DEFINITIONS.replace("amount: {column: amount", "amount: {column: note"))
        told = self.told(shop)
        self.assertTrue(any("string" in item[3] for item in told), told)


class Worlds(unittest.TestCase):
    def test_a_path_that_matches_nothing_exits_2(self):
        for path in ("data/none.csv", "none/*.parquet", "data/*.parquet"):
            with Project(project.DEFINITIONS.replace("data/orders.csv", path)) as shop:
                for command in ("plan", "build"):
                    self.assertRegex(refused(self, 2, shop, command), rf"^features/shop\.yaml:5:18: .*{re.escape(path)}")

    def test_bytes_that_do_not_decode_exit_1_and_name_the_file(self):
        for name, data in (("data/bad.parquet", b"PAR1" + bytes(range(256)) + b"PAR1"), ("data/short.parquet", b"PAR1"), ("data/empty.parquet", b""),
                           ("data/bad.csv.gz", b"\x1f\x8b\x08 none"), ("data/bad.json", b'{"id": 1,'), ("data/bad.csv", b"id,ordered_at,amount,note\n1,2024-01-01 10:00:00,1,\xff\xfe\n")):
            with self.subTest(name), Project(project.DEFINITIONS.replace("data/orders.csv", name), files={name: ""}) as shop:
                (shop.dir / name).write_bytes(data)
                for command in ("plan", "build"):
                    self.assertIn(name, refused(self, 1, shop, command))

    def test_a_damaged_page_is_an_error_and_never_a_value(self):
        with Project(project.DEFINITIONS.replace("orders.csv", "orders.parquet")) as shop:
            shop.write("data/raw.csv", "id,ordered_at,amount,note\n" + "".join(f"{i},2024-01-01 10:00:00,{i}.5,note {i}\n" for i in range(3000)))
            duckdb.sql(f"copy (from '{shop.dir}/data/raw.csv') to '{shop.dir}/data/orders.parquet' (format parquet)")
            path = shop.dir / "data/orders.parquet"
            data = bytearray(path.read_bytes())
            for i in range(40, len(data) // 2):
                data[i] ^= 0x5A
            path.write_bytes(data)
            self.assertIn("orders", refused(self, 1, shop, "build"))
            self.assertFalse(list(shop.dir.glob("lake/*/_delta_log/*.json")))


if __name__ == "__main__":
    unittest.main()
