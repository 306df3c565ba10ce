"""`asof sql`: sources, views and tiles by name, and what a query may do."""
import csv
import io
import unittest

import project
from project import ORDERS, Project
from steps import answer, build, files, refused, rows


class Sql(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Project(project.DEFINITIONS.replace("data/orders.csv", "data/*.csv"))
        cls.addClassCleanup(cls.shop.remove)
        build(cls.shop)

    def test_a_source_is_its_rows(self):
        self.assertEqual(rows(self.shop, "select id, amount, note from orders order by ordered_at, id limit 2"), [(1, 10.5, "first"), (2, 7, "Z\u00fcrich")])

    def test_a_plain_view_is_its_rows(self):
        self.assertEqual(rows(self.shop, "select id, event_time, price from last order by all"),
                         [(1, "2024-01-01T10:30:00Z", 10.5), (1, "2024-01-01T12:15:00Z", 4.5), (2, "2024-01-01T11:00:00Z", 7),
                          (2, "2024-01-02T09:00:00Z", 1)])

    def test_a_view_with_windows_is_its_values_at_the_end_of_each_tile(self):
        self.assertEqual(rows(self.shop, "select id, event_time, orders_count_1d, amount_sum_1d, amount_max_1d from spending order by all"),
                         [(1, "2024-01-01T11:00:00Z", 1, 10.5, 10.5), (1, "2024-01-01T13:00:00Z", 2, 15, 10.5),
                          (2, "2024-01-01T11:00:00Z", 1, 7, 7), (2, "2024-01-02T09:00:00Z", 2, 8, 7)])

    def test_tiles_are_shown_as_stored(self):
        document = answer(self.shop, "sql", "from spending__tiles order by id, event_time")
        self.assertEqual([column["name"] for column in document["columns"]][:3], ["id", "event_time", "created_time"])
        self.assertTrue(all(column["name"].startswith(("_", "amount__")) for column in document["columns"][3:]), document["columns"])
        self.assertEqual([(row["id"], row["_count"], row["amount__sum"]) for row in document["rows"]],
                         [(1, 1, 10.5), (1, 1, 4.5), (2, 1, 7), (2, 1, 1)])

    def test_sources_and_views_join(self):
        self.assertEqual(rows(self.shop, "select count(*) from orders o join last l on o.id = l.id and o.ordered_at = l.event_time"), [(4,)])

    def test_of_rows_with_one_key_and_time_the_one_that_counts_is_shown(self):
        with Project(files={"data/orders.csv": ORDERS + "1,2024-01-01 10:30:00,99.0,again\n"}) as shop:
            build(shop)
            self.assertEqual(rows(shop, "select price from last where id = 1 order by event_time"), [(99,), (4.5,)])
            self.assertEqual(rows(shop, "select orders_count_1d from spending where id = 1 order by event_time"), [(2,), (3,)])

    def test_copy_to_writes_a_file(self):
        for form, suffix in (("parquet", "parquet"), ("csv, header", "csv"), ("json", "json")):
            self.shop.done("sql", f"copy (from last) to 'copy.{suffix}' (format {form})")
            self.assertEqual(rows(self.shop, f"select count(*) from '{self.shop.dir}/copy.{suffix}'"), [(4,)])

    def test_csv_output_is_read_back(self):
        text = self.shop.done("sql", "select id, note from orders order by ordered_at desc, id", "--csv")
        self.assertEqual(list(csv.reader(io.StringIO(text)))[0], ["id", "note"])
        self.assertEqual(list(csv.reader(io.StringIO(text)))[2], ["1", 'a, "b"'])

    def test_values_of_every_type_have_their_json_form(self):
        query = """select 9007199254740993 as big, 1.50::decimal(9,2) as price, 'nan'::double as nan, '-inf'::double as low, 0.1::double as
            tenth, timestamp '2001-06-30 12:00:00.5' as at_, date '2001-06-30' as on_, null::int as nothing, [1, 2] as many, true as yes"""
        text = self.shop.done("--json", "sql", query)
        self.assertIn('{"big": 9007199254740993, "price": 1.50, "nan": "NaN", "low": "-Infinity", "tenth": 0.1, "at_": "2001-06-30T12:00:00.5Z", '
                      '"on_": "2001-06-30", "nothing": null, "many": [1, 2], "yes": true}', text.replace("[1,2]", "[1, 2]"))

    def test_a_query_from_standard_input(self):
        self.assertEqual(self.shop.done("sql", "-", "--csv", stdin="select 1 as a\n"), "a\n1\n")

    def test_what_is_wrong_is_said(self):
        for query, word in (("selec 1", "selec"), ("select * from ordrs", "ordrs"), ("select amont from orders", "amount"), ("", "")):
            with self.subTest(query):
                self.assertIn(word, refused(self, 2, self.shop, "sql", query))

    def test_a_view_that_was_never_built_is_no_table_yet_and_its_source_is(self):
        with Project() as shop:
            self.assertIn("last", refused(self, 2, shop, "sql", "select * from last"))
            self.assertEqual(rows(shop, "select count(*) from orders"), [(4,)])

    def test_a_query_changes_nothing_of_the_project(self):
        before = files(self.shop)
        self.shop.run("sql", "delete from last")
        self.shop.run("sql", "drop view last")
        self.shop.run("sql", "create table t as select 1")
        self.assertEqual({path: data for path, data in files(self.shop).items() if not path.startswith("catalog.db")},
                         {path: data for path, data in before.items() if not path.startswith("catalog.db")})
        self.assertEqual(rows(self.shop, "select count(*) from last"), [(4,)])


if __name__ == "__main__":
    unittest.main()
