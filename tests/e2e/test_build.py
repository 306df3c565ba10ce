"""`asof build`: versions, what is read again and what is not, sources of every kind, interrupts and rivals."""
import datetime
import gzip
import json
import signal
import time
import unittest

import duckdb
import pyarrow

import project
from project import ORDERS, Project
from steps import answer, build, refused, rows, start, versions, write_parquet

UTC = datetime.timezone.utc
HEAD = "id,ordered_at,amount,note\n"


def definitions(source="path: data/*.csv, event_time: ordered_at", key="int64"):
    return f"""
entities:
  customer: {{keys: {{id: {key}}}}}
sources:
  orders: {{{source}}}
views:
  spending:
    entity: customer
    source: orders
    step: 1h
    features:
      orders: {{agg: count, windows: [1d]}}
      amount: {{column: amount, agg: [sum, max], windows: [1d]}}
  last:
    entity: customer
    source: orders
    features: {{price: {{column: amount}}}}
"""


def plain(source, key="int64"):
    """One view of plain columns."""
    text = definitions(source, key)
    return text[:text.index("  spending:")] + text[text.index("  last:"):].replace("column: amount}", "column: note}")


class Case(unittest.TestCase):
    def make(self, *args, **options):
        shop = Project(*args, **options)
        self.addCleanup(shop.remove)
        return shop


class LostCursors(Case):
    """A table whose last commit does not say what it was made from."""

    def setUp(self):
        self.shop = self.make(definitions())
        build(self.shop)

    def lose(self, view, change):
        """Change what the first commit says; `change` takes the texts of asof and returns them."""
        entry = self.shop.dir / f"lake/{view}/_delta_log/{0:020}.json"
        actions = [json.loads(line) for line in entry.read_text().splitlines()]
        for action in actions:
            if "commitInfo" in action:
                action["commitInfo"]["asof"] = change(action["commitInfo"]["asof"])
        entry.write_text("".join(json.dumps(action) + "\n" for action in actions))

    def test_everything_is_built_again_and_nothing_is_there_twice(self):
        before = [rows(self.shop, f"select count(*), sum({column}) from {table}")
                  for table, column in (("last", "price"), ("spending__tiles", "_count"))]
        changes = {"last": lambda texts: {name: text for name, text in texts.items() if name != "cursor"},
                   "spending": lambda texts: {**texts, "cursor": texts["cursor"][:-9]}}
        for view, change in changes.items():
            self.lose(view, change)
        self.shop.write("data/more.csv", HEAD + "9,2024-03-01 10:00:00,1,x\n")
        built = build(self.shop)
        self.assertEqual({view["mode"] for view in built.values()}, {"full"})
        self.assertEqual(built["last"]["reason"], "the last commit does not say what the table was made from")
        self.assertIn("cursor of the last build: ", built["spending"]["reason"])
        after = [rows(self.shop, f"select count(*), sum({column}) from {table}")
                 for table, column in (("last", "price"), ("spending__tiles", "_count"))]
        self.assertEqual([found[0][1] - found[0][0] for found in after], [found[0][1] - found[0][0] for found in before])
        self.assertEqual([found[0][0] for found in after], [found[0][0] + 1 for found in before])
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"none"})
        self.assertEqual(self.shop.done("doctor"), "nothing is wrong\n")

    def test_no_range_is_spliced_into_it(self):
        self.lose("last", lambda texts: {**texts, "cursor": ""})
        said = refused(self, 2, self.shop, "build", "last", "--from", "2024-01-01", "--to", "2024-01-02")
        self.assertIn("does not say what the table was made from: run `asof build last --full` first", said)
        self.assertEqual(versions(self.shop, "last"), ["1.0.0"])

    def test_no_unfinished_step_is_guessed_online(self):
        self.lose("spending", lambda texts: {**texts, "cursor": ""})
        said = refused(self, 1, self.shop, "materialize", "spending", "--at", "2024-01-01T10:40:00Z")
        self.assertIn("does not say what the table was made from", said)


class Increments(Case):
    def setUp(self):
        self.shop = self.make(definitions())
        self.first = build(self.shop)

    def same_as_full(self):
        """What is stored equals what a full rebuild stores, commit times aside."""
        spending = "select * exclude (created_time) from spending order by all"
        last = "select * exclude (created_time) from last order by all"
        before = rows(self.shop, spending), rows(self.shop, last)
        full = build(self.shop, "--full")
        self.assertEqual({view["mode"] for view in full.values()}, {"full"})
        self.assertEqual((rows(self.shop, spending), rows(self.shop, last)), before)
        return before

    def test_the_first_is_1_0_0_of_all_rows(self):
        for view in self.first.values():
            self.assertEqual((view["version"], view["published"], view["mode"], view["source_rows"], view["rows_total"]),
                             ("1.0.0", True, "full", 4, 4))

    def test_nothing_new_publishes_nothing(self):
        before = answer(self.shop, "list", "versions")
        for view in build(self.shop).values():
            self.assertEqual((view["version"], view["published"], view["mode"], view["rows"], view["rows_total"]),
                             ("1.0.0", False, "none", 0, 4))
        self.assertEqual(answer(self.shop, "list", "versions"), before)

    def test_a_new_file_is_appended_as_the_next_patch(self):
        self.shop.write("data/orders-2.csv", HEAD + "1,2024-01-03 08:00:00,2.0,x\n3,2024-01-03 09:30:00,5.0,y\n")
        for view in build(self.shop).values():
            self.assertEqual((view["version"], view["mode"], view["source_rows"], view["rows"], view["rows_total"]),
                             ("1.0.1", "append", 2, 2, 6))
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"none"})
        self.assertEqual(versions(self.shop, "last"), ["1.0.0", "1.0.1"])
        self.assertEqual(rows(self.shop, "select price from last where id = 3"), [(5,)])
        self.same_as_full()

    def test_late_rows_correct_their_own_step(self):
        self.shop.write("data/late.csv", HEAD + "1,2024-01-01 10:45:00,100.0,late\n1,2024-01-01 12:15:00,9.0,again\n")
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"append"})
        tiles, plain_rows = self.same_as_full()
        self.assertIn((1, 2, 110.5, 100), [(row[0], *row[2:]) for row in tiles if row[1] == "2024-01-01T11:00:00Z"])
        self.assertEqual([row[2] for row in plain_rows if row[:2] == (1, "2024-01-01T12:15:00Z")], [9])

    def test_a_file_that_changed_is_read_again(self):
        self.shop.write("data/orders.csv", ORDERS.replace("10.5", "11.5"))
        for view in build(self.shop).values():
            self.assertEqual((view["version"], view["mode"], view["rows_total"]), ("1.0.1", "full", 4))
            self.assertIn("data/orders.csv", view["reason"])
        self.assertEqual(rows(self.shop, "select price from last where id = 1 order by event_time"), [(11.5,), (4.5,)])

    def test_a_file_that_is_gone_takes_its_rows_along(self):
        self.shop.write("data/orders-2.csv", HEAD + "3,2024-01-03 09:30:00,5.0,y\n")
        build(self.shop)
        (self.shop.dir / "data/orders-2.csv").unlink()
        for view in build(self.shop).values():
            self.assertEqual((view["version"], view["rows_total"]), ("1.0.2", 4))
        self.assertEqual(rows(self.shop, "select * from last where id = 3"), [])

    def test_full_computes_everything_again(self):
        for view in build(self.shop, "--full").values():
            self.assertEqual((view["version"], view["mode"], view["source_rows"], view["rows_total"]), ("1.0.1", "full", 4, 4))

    def test_only_the_views_named_are_built(self):
        self.shop.write("data/orders-2.csv", HEAD + "3,2024-01-03 09:30:00,5.0,y\n")
        self.assertEqual(list(build(self.shop, "last")), ["last"])
        self.assertEqual((versions(self.shop, "last")[-1], versions(self.shop, "spending")[-1]), ("1.0.1", "1.0.0"))

    def test_an_unknown_view_exits_2_with_the_nearest(self):
        self.assertIn("'spending'", refused(self, 2, self.shop, "build", "spendin"))
        self.assertEqual(versions(self.shop, "last"), ["1.0.0"])

    def test_a_tag_is_kept_with_the_version(self):
        build(self.shop, "--full", "--tag", "june")
        self.assertEqual({item["version"]: item.get("tag") or None for item in answer(self.shop, "list", "versions")["versions"]},
                         {"1.0.0": None, "1.0.1": "june"})

    def test_a_minor_change_is_built_as_1_1_0(self):
        self.shop.write("features/shop.yaml", definitions().replace("[sum, max]", "[sum, max, min]"))
        built = build(self.shop)
        self.assertEqual((built["spending"]["version"], built["spending"]["mode"]), ("1.1.0", "full"))
        self.assertEqual((built["last"]["version"], built["last"]["published"]), ("1.0.0", False))
        self.shop.done("plan", "--check")

    def test_a_new_window_is_published_without_a_rebuild(self):
        self.shop.write("features/shop.yaml", definitions().replace("max], windows: [1d]", "max], windows: [1d, 7d]"))
        view = build(self.shop)["spending"]
        self.assertEqual((view["version"], view["published"], view["mode"], view["source_rows"], view["rows"], view["rows_total"]),
                         ("1.1.0", True, "none", 0, 0, 4))
        self.assertEqual(rows(self.shop, "select amount_sum_7d from spending where id = 2 order by event_time"), [(7,), (8,)])

    def test_an_old_version_stays_as_it_was(self):
        spine, out = ("--spine", "spine.csv"), ("--out", "train.csv")
        self.shop.done("join", "-q", *spine, "--features", "last.price", *out)
        before = (self.shop.dir / "train.csv").read_bytes()
        self.shop.write("data/orders.csv", ORDERS.replace("4.5", "5.5"))
        build(self.shop)
        self.shop.done("join", "-q", *spine, "--features", "last@1.0.0.price", *out)
        self.assertEqual((self.shop.dir / "train.csv").read_bytes(), before)
        self.shop.done("join", "-q", *spine, "--features", "last.price", *out)
        self.assertNotEqual((self.shop.dir / "train.csv").read_bytes(), before)


class NewFiles(Case):
    """Columns have the types that all files give them, whichever of them a build reads."""

    CASES = {
        "csv": (HEAD + "1,2024-01-01 10:00:00,1.5,abc\n",
                [HEAD + "2,2024-01-02 10:00:00,2,1.50\n", HEAD + "3,2024-01-03 10:00:00,2,true\n",
                 "note,id,ordered_at\n2024-01-05,4,2024-01-04 10:00:00\n", "id,ordered_at,amount\n5,2024-01-05 10:00:00,7\n"]),
        "json": ('{"id": 1, "ordered_at": "2024-01-01T10:00:00Z", "amount": 1.5, "note": "abc"}\n',
                 ['{"id": 2, "ordered_at": "2024-01-02T10:00:00Z", "amount": 2, "note": "1.50"}\n',
                  '{"id": 4, "ordered_at": "2024-01-04T10:00:00Z", "note": "2024-01-01"}\n',
                  '{"id": 5, "ordered_at": "2024-01-05T10:00:00Z", "amount": 2}\n']),
    }

    def test_each_is_read_as_in_a_full_build(self):
        for ending, (old, new) in self.CASES.items():
            text = definitions(f"path: data/in/*.{ending}, event_time: ordered_at") + "      note: {column: note}\n"
            text = text.replace("features: {price: {column: amount}}", "features:\n      price: {column: amount}")
            with self.subTest(ending):
                shop = self.make(text, files={f"data/in/a.{ending}": old})
                build(shop)
                for number, more in enumerate(new):
                    shop.write(f"data/in/b-{number}.{ending}", more)
                    for view in build(shop).values():
                        self.assertEqual((view["mode"], view["source_rows"], view["rows"]), ("append", 1, 1))
                queries = ("select * exclude (created_time) from last order by all", "select * exclude (created_time) from spending__tiles order by all")
                appended = [rows(shop, query) for query in queries]
                build(shop, "--full")
                self.assertEqual([rows(shop, query) for query in queries], appended)
                self.assertEqual([len(found) for found in appended], [len(new) + 1] * 2)


class Ranges(Case):
    def test_a_range_alone_is_all_there_is_until_a_build_without(self):
        shop = self.make(definitions())
        view = build(shop, "last", "--from", "2024-01-01T11:00:00Z", "--to", "2024-01-02")["last"]
        self.assertEqual((view["version"], view["rows_total"]), ("1.0.0", 2))
        self.assertEqual(rows(shop, "select id from last order by id"), [(1,), (2,)])
        view = build(shop, "last")["last"]
        self.assertEqual((view["version"], view["rows_total"]), ("1.0.1", 4))

    def test_steps_that_are_touched_are_whole(self):
        shop = self.make(definitions())
        build(shop, "spending", "--from", "2024-01-01T10:45:00Z", "--to", "2024-01-01T11:00:01Z")
        self.assertEqual(rows(shop, "select id, event_time, orders_count_1d from spending order by all"),
                         [(1, "2024-01-01T11:00:00Z", 1), (2, "2024-01-01T11:00:00Z", 1)])

    def test_a_range_of_a_table_that_exists_leaves_the_rest(self):
        shop = self.make(definitions())
        build(shop)
        before = rows(shop, "select * exclude (created_time) from spending order by all")
        for view in build(shop, "--from", "2024-01-01T11:00:00Z", "--to", "2024-01-01T12:30:00Z").values():
            self.assertEqual((view["version"], view["published"], view["rows_total"]), ("1.0.1", True, 4))
        self.assertEqual(rows(shop, "select * exclude (created_time) from spending order by all"), before)
        self.assertEqual({view["mode"] for view in build(shop).values()}, {"none"})


class BadRows(Case):
    BAD = ORDERS + "1,,3.0,no time\n,2024-01-02 10:00:00,3.0,no key\n2,2024-01-05 10:00:00,3.0,good\n"

    def make_with(self, policy):
        source = "path: data/orders.csv, event_time: ordered_at" + (f", on_bad_row: {policy}" if policy else "")
        return self.make(definitions(source), files={"data/orders.csv": self.BAD})

    def test_fail_is_the_default_and_names_the_row(self):
        for policy in (None, "fail"):
            shop = self.make_with(policy)
            said = refused(self, 1, shop, "build")
            self.assertIn("data/orders.csv", said)
            self.assertIn("row 5", said)
            self.assertEqual(versions(shop, "last"), [])

    def test_skip_leaves_them_out_and_counts_them(self):
        shop = self.make_with("skip")
        for view in build(shop).values():
            self.assertEqual((view["source_rows"], view["bad_rows"], view["null_key_rows"]), (7, 1, 1))
        self.assertEqual(rows(shop, "select count(*) from last where event_time is null"), [(0,)])
        self.assertEqual(rows(shop, "select count(*) from last"), [(5,)])
        self.assertIn("without a key", shop.done("build", "--full"))

    def test_quarantine_keeps_them_to_look_at(self):
        shop = self.make_with("quarantine")
        for view in build(shop).values():
            self.assertEqual((view["bad_rows"], view["null_key_rows"]), (1, 1))
        kept = list((shop.dir / "lake/_quarantine/last").glob("*.parquet"))
        self.assertEqual(len(kept), 1)
        found = rows(shop, f"select note from read_parquet('{kept[0]}')")
        self.assertEqual(found, [("no time",)])

    def test_a_filter_runs_before(self):
        shop = self.make(definitions("path: data/orders.csv, event_time: ordered_at, filter: ordered_at is not null"),
                         files={"data/orders.csv": self.BAD})
        for view in build(shop).values():
            self.assertEqual((view["bad_rows"], view["null_key_rows"], view["rows_total"]), (0, 1, 5))


class FileCase(Case):
    def last(self, source, key="int64", files=None, parquet=None, raw=None, definition=plain):
        """Keys and notes of the view `last` over a source."""
        shop = self.make(definition(source, key), files=files)
        for path, columns in (parquet or {}).items():
            write_parquet(shop, path, columns)
        for path, data in (raw or {}).items():
            (shop.dir / path).write_bytes(data)
        self.shop, self.report = shop, build(shop)["last"]
        return rows(shop, "select id, event_time, price from last order by all")


class Files(FileCase):
    def test_a_key_of_digits_stays_a_string_where_it_is_declared_one(self):
        text = HEAD + "007,2024-01-01,1,x\n7,2024-01-01,2,y\n"
        found = self.last("path: data/k.csv, event_time: ordered_at", "string", {"data/k.csv": text})
        self.assertEqual(found, [("007", "2024-01-01T00:00:00Z", "x"), ("7", "2024-01-01T00:00:00Z", "y")])
        self.shop.done("materialize", "-q")
        self.assertEqual(json.loads(self.shop.done("get", "last", "id=007"))["features"], {"price": "x"})

    def test_a_quoted_empty_field_is_the_empty_string_and_an_unquoted_one_is_null(self):
        text = HEAD + '"",2024-01-01,1,""\n"a",2024-01-01,1,\n,2024-01-01,1,gone\n'
        found = self.last("path: data/k.csv, event_time: ordered_at", "string", {"data/k.csv": text})
        self.assertEqual(found, [("", "2024-01-01T00:00:00Z", ""), ("a", "2024-01-01T00:00:00Z", None)])
        self.assertEqual(self.report["null_key_rows"], 1)

    def test_a_key_may_be_a_selected_column(self):
        source = """path: data/k.csv, event_time: ordered_at, select: {id: "upper(code)"}"""
        found = self.last(source, "string", {"data/k.csv": "code,ordered_at,note\nab,2024-01-01,x\n"})
        self.assertEqual(found, [("AB", "2024-01-01T00:00:00Z", "x")])

    def test_a_key_that_is_no_column_is_a_mistake_at_its_place(self):
        shop = self.make(plain("path: data/orders.csv, event_time: ordered_at"), files={"data/orders.csv": "idd,ordered_at,note\n1,2024-01-01,x\n"})
        self.assertRegex(refused(self, 2, shop, "build"), r"(?m)^features/shop\.yaml:\d+:\d+: no column 'id' in source 'orders'.*'idd'")

    def test_compressed_csv(self):
        found = self.last("path: data/orders.csv.gz, event_time: ordered_at",
                          raw={"data/orders.csv.gz": gzip.compress(ORDERS.encode())})
        self.assertEqual(len(found), 4)
        self.assertIn((2, "2024-01-01T11:00:00Z", "Z\u00fcrich"), found)

    def test_json_lines_and_a_json_array(self):
        items = [{"id": 1, "ordered_at": "2024-01-01T10:00:00Z", "note": "x"}, {"id": 2, "ordered_at": "2024-01-01T11:00:00Z", "note": None}]
        expected = [(1, "2024-01-01T10:00:00Z", "x"), (2, "2024-01-01T11:00:00Z", None)]
        for text in ("".join(json.dumps(item) + "\n" for item in items), json.dumps(items)):
            self.assertEqual(self.last("path: data/o.json, event_time: ordered_at", files={"data/o.json": text}), expected)

    def test_a_directory_stands_for_its_files(self):
        files = {"data/in/a.csv": HEAD + "1,2024-01-01,1,x\n", "data/in/deep/b.csv": HEAD + "2,2024-01-02,1,y\n",
                 "data/in/.hidden.csv": "nothing,like,it\n", "data/in/readme.txt": "text\n"}
        found = self.last("path: data/in, format: csv, event_time: ordered_at", files=files)
        self.assertEqual([row[2] for row in found], ["x", "y"])

    def test_a_pattern_over_directories(self):
        files = {f"data/{year}/o.csv": HEAD + f"1,{year}-01-01,1,{year}\n" for year in (2021, 2022, 2023)}
        self.assertEqual([row[2] for row in self.last("path: data/*/o.csv, event_time: ordered_at", files=files)],
                         [2021, 2022, 2023])

    def test_among_equal_times_the_later_file_wins_by_its_path(self):
        files = {f"data/t/{name}.csv": HEAD + f"1,2024-01-01,1,{name}\n" for name in ("b", "a", "B")}
        self.assertEqual(self.last("path: data/t/*.csv, event_time: ordered_at", files=files), [(1, "2024-01-01T00:00:00Z", "b")])

    def test_a_source_without_rows_builds_an_empty_view(self):
        empty = {"id": pyarrow.array([], pyarrow.int64()), "ordered_at": pyarrow.array([], pyarrow.timestamp("us")),
                 "amount": pyarrow.array([], pyarrow.float64()), "note": pyarrow.array([], pyarrow.string())}
        source = "path: data/e.parquet, event_time: ordered_at"
        self.assertEqual(self.last(source, parquet={"data/e.parquet": empty}, definition=definitions), [])
        self.assertEqual((self.report["version"], self.report["rows_total"]), ("1.0.0", 0))
        self.shop.done("join", "-q", "--spine", "spine.csv", "--features", "last.price,spending.orders_count_1d", "--out", "t.csv")
        self.shop.done("materialize", "-q")
        self.assertIn("NOT_FOUND", self.shop.done("get", "last", "id=1"))
        self.assertEqual(build(self.shop)["last"]["mode"], "none")

    def test_a_csv_of_its_head_alone_builds_an_empty_view(self):
        found = self.last("path: data/e.csv, event_time: ordered_at::timestamp", files={"data/e.csv": HEAD})
        self.assertEqual(found, [])

    def test_a_csv_of_its_head_alone_among_others_changes_nothing(self):
        for name in ("a", "z"):
            files = {"data/h/m.csv": HEAD + "1,2024-01-01,1.5,x\n", f"data/h/{name}.csv": HEAD}
            self.assertEqual(self.last("path: data/h/*.csv, event_time: ordered_at", files=files, definition=definitions),
                             [(1, "2024-01-01T00:00:00Z", 1.5)])

    def test_a_filter_that_keeps_nothing_builds_an_empty_view(self):
        found = self.last("path: data/orders.csv, event_time: ordered_at, filter: amount > 1000", definition=definitions)
        self.assertEqual(found, [])
        self.assertEqual((self.report["version"], self.report["rows_total"]), ("1.0.0", 0))

    def test_selected_columns_and_expressions_for_times(self):
        text = "id,day,hour,amount\n1,2024-01-01,5,3.0\n"
        source = ('path: data/s.csv, event_time: "day + to_hours(hour)", select: {note: "amount * 2 || \'!\'"}')
        self.assertEqual(self.last(source, files={"data/s.csv": text}), [(1, "2024-01-01T05:00:00Z", "6.0!")])


class Times(FileCase):
    def parquet(self, values, kind, more=""):
        columns = {"id": [1] * len(values), "at": pyarrow.array(values, kind), "note": [str(i) for i in range(len(values))]}
        return [row[1] for row in self.last("path: data/t.parquet, event_time: '\"at\"'" + more, parquet={"data/t.parquet": columns})]

    NAIVE = datetime.datetime(2024, 7, 1, 12, 0, 0, 250000)

    def test_naive_times_are_utc(self):
        self.assertEqual(self.parquet([self.NAIVE], pyarrow.timestamp("us")), ["2024-07-01T12:00:00.25Z"])
        self.assertEqual(self.parquet([self.NAIVE], pyarrow.timestamp("ms")), ["2024-07-01T12:00:00.25Z"])

    def test_naive_times_are_of_the_zone_that_the_source_says(self):
        self.assertEqual(self.parquet([self.NAIVE, datetime.datetime(2024, 1, 1, 12)], pyarrow.timestamp("us"),
                                      ", time_zone: Europe/Zurich"), ["2024-01-01T11:00:00Z", "2024-07-01T10:00:00.25Z"])

    def test_zoned_times_are_converted_whatever_the_source_says(self):
        zoned = self.NAIVE.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=5)))
        for more in ("", ", time_zone: Europe/Zurich"):
            self.assertEqual(self.parquet([zoned], pyarrow.timestamp("us", "Asia/Karachi"), more), ["2024-07-01T07:00:00.25Z"])

    def test_zoned_texts_of_csv_are_converted(self):
        text = HEAD + "1,2024-07-01T12:00:00+02:00,1,x\n1,2024-07-01T12:00:00Z,1,y\n"
        self.assertEqual([row[1] for row in self.last("path: data/z.csv, event_time: ordered_at", files={"data/z.csv": text})],
                         ["2024-07-01T10:00:00Z", "2024-07-01T12:00:00Z"])

    def test_nanoseconds_are_floored_and_counted(self):
        base = 1_704_067_200_000_000_000
        self.assertEqual(self.parquet([base + 1999, base + 5000, -1], pyarrow.timestamp("ns")),
                         ["1969-12-31T23:59:59.999999Z", "2024-01-01T00:00:00.000001Z", "2024-01-01T00:00:00.000005Z"])
        self.assertEqual(self.report["floored_rows"], 2)

    def test_a_date_is_its_midnight(self):
        self.assertEqual(self.parquet([datetime.date(2024, 2, 29)], pyarrow.date32()), ["2024-02-29T00:00:00Z"])


class CreatedTimes(Case):
    def test_the_greatest_created_time_wins_whatever_was_read_first(self):
        head = "id,ordered_at,amount,loaded_at\n"
        shop = self.make(definitions("path: data/c/*.csv, event_time: ordered_at, created_time: loaded_at"),
                         files={"data/c/a.csv": head + "1,2024-01-01,5,2024-01-09\n1,2024-01-01,6,2024-01-03\n"})
        build(shop)
        self.assertEqual(rows(shop, "select price, created_time from last"), [(5, "2024-01-09T00:00:00Z")])
        shop.write("data/c/b.csv", head + "1,2024-01-01,7,2024-01-08\n")
        build(shop)
        self.assertEqual(rows(shop, "select price from last"), [(5,)])
        shop.write("data/c/c.csv", head + "1,2024-01-01,8,2024-01-09\n")
        build(shop)
        self.assertEqual(rows(shop, "select price from last"), [(8,)])


class Interrupted(Case):
    ROWS = 4_000_000

    def test_ctrl_c_exits_130_within_a_second_and_publishes_nothing(self):
        shop = self.make(definitions("path: data/big.parquet, event_time: ordered_at"))
        duckdb.sql(f"copy (select (i * 7919) % 200000 as id, timestamp '2024-01-01' + to_seconds(i) as ordered_at, (i % 1000) / 8 "
                   f"as amount from range({self.ROWS}) r(i)) to '{shop.dir}/data/big.parquet' (format parquet)")
        ends = []
        for seconds in (0.4, 0.7, 1.0):
            process = start(shop, "build", "-q")
            time.sleep(seconds)     # this is what is tested: an interrupt at some moment
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            status = process.wait(project.DEADLINE_S)
            ends.append((status, time.monotonic() - began))
            if status != 130:
                break
            self.assertEqual(answer(shop, "list", "versions")["versions"], [])
            self.assertEqual([str(path) for path in (shop.dir / "lake").rglob("*.parquet")], [])
        self.assertEqual(ends[0][0], 130, ends)
        self.assertLess(min(took for status, took in ends if status == 130), 1.0, ends)
        view = build(shop, "last")["last"]
        self.assertEqual((view["version"], view["source_rows"]), ("1.0.0", self.ROWS))


class Rivals(Case):
    def test_two_builders_at_once_lose_and_double_nothing(self):
        shop = self.make(definitions())
        for i in range(6):
            shop.write(f"data/more-{i}.csv", HEAD + "".join(f"{10 + k},2024-02-0{i + 1} 0{k}:30:00,1.0,r{i}\n" for k in range(5)))
            both = [start(shop, "build", "-q") for _ in range(2)]
            self.assertLessEqual({process.wait(project.DEADLINE_S) for process in both}, {0, 4})
        build(shop)
        for view in ("spending", "last"):
            found = versions(shop, view)
            self.assertEqual(found, [f"1.0.{i}" for i in range(len(found))])
            self.assertEqual(rows(shop, f"select count(*), count(distinct (id, event_time)) from {view}"), [(34, 34)])
        self.assertEqual(rows(shop, "select sum(_count) from spending__tiles"), [(34,)])
        self.assertEqual({view["mode"] for view in build(shop).values()}, {"none"})


if __name__ == "__main__":
    unittest.main()
