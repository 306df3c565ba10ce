"""`asof explain`: what a join would read and how, and with --analyze what it took."""
import datetime
import re
import unittest

import pyarrow

import project
from project import Project
from steps import answer, build, refused, write_parquet

ARGS = ("--spine", "spine.csv", "--features", "spending.*,last.price")
VIEW = {"view", "version", "algorithm", "reason", "files", "files_read", "row_groups", "row_groups_read", "rows", "from", "to", "skipped", "keys",
        "sql"}


class Explain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Project()
        cls.addClassCleanup(cls.shop.remove)
        build(cls.shop)

    def explain(self, *args, **options):
        return answer(self.shop, "explain", *ARGS, *args, **options)

    def test_each_view_has_its_algorithm_and_says_why(self):
        found = self.explain()
        self.assertEqual([(view["view"], view["version"], view["algorithm"]) for view in found["views"]],
                         [("spending", "1.0.0", "window sweep"), ("last", "1.0.0", "point-in-time stream")])
        self.assertEqual((found["engine"], found["reason"], found["ranges"]), ("kernels", None, 1))
        for view in found["views"]:
            self.assertEqual(set(view), VIEW)
            self.assertTrue(view["reason"])
            self.assertEqual((view["files"], view["files_read"], view["row_groups"], view["row_groups_read"]), (1, 1, 1, 1))
            self.assertIn("SELECT", view["sql"])
        self.assertEqual(found["spine"], {"path": str((self.shop.dir / "spine.csv").resolve()), "rows": 4, "time_column": "event_time",
                                          "from": "2024-01-01T10:00:00Z", "to": "2024-01-01T13:00:00Z"})
        self.assertNotIn("stages", found)

    def test_the_reference_is_explained_too(self):
        found = self.explain("--engine", "sql")
        self.assertEqual((found["engine"], found["reason"]), ("sql", "asked for"))
        self.assertEqual({(view["algorithm"], view["reason"], view["sql"]) for view in found["views"]}, {("reference sql", "asked for", None)})

    def test_nothing_is_written(self):
        before = {path: path.stat().st_mtime_ns for path in self.shop.dir.rglob("*") if path.is_file()}
        self.explain("--analyze")
        self.explain("--direct", "--analyze")
        self.assertEqual({path: path.stat().st_mtime_ns for path in self.shop.dir.rglob("*") if path.is_file()}, before)

    def test_analyze_says_what_each_stage_took(self):
        for how, read in (((), 3), (("--direct",), 4)):
            found = self.explain("--analyze", *how)
            stages = {(stage["stage"], stage["view"]): stage for stage in found["stages"]}
            self.assertEqual(set(stages), {("count spine", None), ("scan spine", None), ("index spine", None), ("write", None),
                                           *((stage, view) for stage in ("scan", "finish") for view in ("spending", "last"))})
            self.assertEqual((stages["write", None]["rows"], found["rows"], stages["scan", "last"]["rows"]), (4, 4, read))
            self.assertTrue(all(stage["seconds"] >= 0 for stage in found["stages"]))
            self.assertGreater(found["kernel_peak_bytes"], 0)
            self.assertGreater(found["bytes"], 0)

    def test_a_fallback_is_told_with_its_reason(self):
        found = self.explain("--analyze", env=project.environment(ASOF_FAULT="join.no_room=fail"))
        self.assertEqual(found["engine"], "sql")
        self.assertIn("--memory", found["reason"])

    def test_people_get_a_table(self):
        text = self.shop.done("explain", *ARGS)
        self.assertIn("spine.csv: 4 rows, time 'event_time' from 2024-01-01T10:00:00Z to 2024-01-01T13:00:00Z", text)
        self.assertIn("engine  kernels", text)
        self.assertRegex(text, r"(?m)^spending +1\.0\.0 +window sweep +1 of 1 +1 of 1 ")
        self.assertRegex(text, r"(?m)^last +1\.0\.0 +point-in-time stream +1 of 1 +1 of 1 ")
        self.assertNotIn("SELECT", text)
        self.assertIn("\n-- last\nSELECT", self.shop.done("explain", "-v", *ARGS))
        self.assertRegex(self.shop.done("explain", *ARGS, "--direct", "--analyze"), r"(?m)^write +- +4 ")

    def test_what_is_wrong_is_said(self):
        self.assertIn("'last'", refused(self, 2, self.shop, "explain", "--spine", "spine.csv", "--features", "lst.price"))
        self.assertIn("--spine", refused(self, 2, self.shop, "explain", "--features", "last.price"))
        self.assertIn("none.csv", refused(self, 2, self.shop, "explain", "--spine", "none.csv", "--features", "last.price"))


class Skipping(unittest.TestCase):
    """Files and row groups that cannot hold a row of use."""
    DEFINITIONS = """
entities: {u: {keys: {id: int64}}}
sources: {s: {path: data/*.parquet, event_time: at}}
views:
  new: {entity: u, source: s, max_age: 10d, features: {v: {column: v}}}
  any: {entity: u, source: s, features: {v: {column: v}}}
  sums: {entity: u, source: s, step: 1h, features: {v: {column: v, agg: sum, windows: [1d]}}}
"""

    def setUp(self):
        self.shop = Project(self.DEFINITIONS)
        self.addCleanup(self.shop.remove)
        zone = pyarrow.timestamp("us", "UTC")
        for month in (1, 2, 3, 4):
            at = [datetime.datetime(2024, month, 1 + i % 28, tzinfo=datetime.timezone.utc) for i in range(1000)]
            write_parquet(self.shop, f"data/{month}.parquet", {"id": [i % 10 for i in range(1000)], "at": pyarrow.array(at, zone),
                                                               "v": list(range(1000))})
            build(self.shop)
        write_parquet(self.shop, "march.parquet", {"id": list(range(12)), "event_time": pyarrow.array(
            [datetime.datetime(2024, 3, 15 + i % 5, tzinfo=datetime.timezone.utc) for i in range(12)], zone)})

    def views(self, *args):
        found = answer(self.shop, "explain", "--spine", "march.parquet", "--features", "new.*,any.*,sums.*", *args)
        return {view["view"]: view for view in found["views"]}

    def test_what_lies_outside_is_not_read_and_nothing_changes(self):
        views = self.views()
        self.assertEqual({name: (view["files"], view["files_read"]) for name, view in views.items()},
                         {"new": (4, 1), "any": (4, 3), "sums": (4, 3)})
        self.assertEqual({name: (view["from"], view["to"]) for name, view in views.items()},
                         # `any`: too few of the rows that are left lie outside
                         {"new": ("2024-03-05T00:00:00Z", "2024-03-19T00:00:00Z"), "any": (None, None),
                          "sums": ("2024-03-14T00:00:00Z", "2024-03-19T00:00:00Z")})
        direct = self.views("--direct")
        self.assertEqual({name: (view["row_groups"], view["row_groups_read"]) for name, view in direct.items()},
                         {"new": (4, 1), "any": (4, 3), "sums": (4, 1)})
        texts = set()
        for how in ((), ("--direct",), ("--engine", "sql"), ("--direct", "--engine", "sql")):
            self.shop.done("join", "-q", "--spine", "march.parquet", "--features", "new.*,any.*,sums.*", "--out", "out.csv", *how)
            texts.add((self.shop.dir / "out.csv").read_text())
        self.assertEqual(len(texts), 1)
        self.assertEqual(len(re.findall(r"\n\d+,", texts.pop())), 12)


class Build(unittest.TestCase):
    """What a build would do, and why."""
    MEMBERS = {"view", "mode", "reason", "engine", "engine_reason", "algorithm", "scan", "files", "files_read", "rows", "row_groups", "bytes",
               "planned_bytes"}

    def setUp(self):
        self.shop = Project(Skipping.DEFINITIONS)
        self.addCleanup(self.shop.remove)
        self.add_month(1)

    def add_month(self, month):
        at = [datetime.datetime(2024, month, 1 + i % 28, tzinfo=datetime.timezone.utc) for i in range(1000)]
        write_parquet(self.shop, f"data/{month}.parquet", {"id": [i % 10 for i in range(1000)],
                                                           "at": pyarrow.array(at, pyarrow.timestamp("us", "UTC")), "v": list(range(1000))})

    def views(self, *args):
        return {view["view"]: view for view in answer(self.shop, "explain", "build", *args)["views"]}

    def facts(self, *args):
        return {name: (view["mode"], view["reason"], view["files_read"], view["files"]) for name, view in self.views(*args).items()}

    def test_it_says_what_a_build_then_does(self):
        for step in ("first", "nothing new", "new files", "a file has changed"):
            with self.subTest(step):
                if step == "new files":
                    self.add_month(2)
                if step == "a file has changed":
                    (self.shop.dir / "data/1.parquet").unlink()
                said = self.views()
                done = build(self.shop)
                self.assertEqual({name: (view["mode"], view["reason"], view["engine"]) for name, view in said.items()},
                                 {name: (view["mode"], view["reason"], view.get("engine")) for name, view in done.items()})
                self.assertTrue(all(set(view) == self.MEMBERS for view in said.values()))

    def test_files_rows_and_memory_are_those_that_are_read(self):
        self.assertEqual(self.facts(), dict.fromkeys(("new", "any", "sums"), ("full", "first build", 1, 1)))
        build(self.shop)
        self.add_month(2)
        self.assertEqual(self.facts("new"), {"new": ("append", "new files", 1, 2)})
        view = self.views("new")["new"]
        self.assertEqual((view["rows"], view["row_groups"], view["algorithm"]), (1000, 1, "rows kept, then sorted"))
        self.assertGreater(view["planned_bytes"], 1000 * 8)
        self.assertGreater(view["bytes"], 1000)
        self.assertEqual({view["rows"] for view in self.views("--full").values()}, {2000})

    def test_views_of_one_source_share_a_scan(self):
        self.assertEqual({view["scan"] for view in self.views().values()}, {1})
        self.assertEqual({(view["engine"], view["engine_reason"], view["scan"]) for view in self.views("--engine", "sql").values()},
                         {("sql", "asked for", None)})
        build(self.shop, "new")
        self.add_month(2)
        self.assertEqual({name: view["scan"] for name, view in self.views().items()}, {"new": 1, "any": 2, "sums": 2})

    def test_a_range_that_is_spliced_is_done_by_sql(self):
        build(self.shop)
        view = self.views("sums", "--from", "2024-01-02", "--to", "2024-01-03")["sums"]
        self.assertEqual((view["mode"], view["engine"], view["engine_reason"]), ("range", "sql", "a range is spliced into the table"))

    def test_what_readers_would_break_on_is_told(self):
        build(self.shop)
        self.shop.write("features/shop.yaml", Skipping.DEFINITIONS.replace("  new: {entity: u, source: s, max_age: 10d, features: {v:",
                                                                           "  new: {entity: u, source: s, max_age: 10d, features: {w:"))
        view = self.views("new")["new"]
        self.assertEqual((view["mode"], view["engine"], view["scan"], view["files_read"]), ("refused", None, None, 0))
        self.assertIn("asof apply --yes", view["reason"])

    def test_analyze_does_it_and_keeps_nothing(self):
        build(self.shop, "new")
        before = {path: path.stat().st_mtime_ns for path in self.shop.dir.rglob("*") if path.is_file()}
        for engine, stages in (("kernel", {"scan", "sort", "write"}), ("sql", {"write"})):
            found = answer(self.shop, "explain", "build", "--full", "--analyze", "--engine", engine)
            self.assertEqual({stage["stage"] for stage in found["stages"]}, stages)
            written = {stage["views"][0]: stage["rows"] for stage in found["stages"] if stage["stage"] == "write"}
            self.assertEqual(written, {"new": 1000, "any": 1000, "sums": 140})
            self.assertTrue(all(stage["seconds"] >= 0 for stage in found["stages"]))
        self.assertEqual({path: path.stat().st_mtime_ns for path in self.shop.dir.rglob("*") if path.is_file()}, before)

    def test_people_get_a_table(self):
        text = self.shop.done("explain", "build", "--analyze")
        self.assertRegex(text, r"(?m)^sums +full +kernel +1 +1 of 1 +1,000 .*first build; rows merged into tiles as they come")
        self.assertRegex(text, r"(?m)^scan +new, any, sums +1,000 ")
        self.assertIn("nothing published", text)

    def test_what_is_wrong_is_said(self):
        self.assertIn("'nwe'", refused(self, 2, self.shop, "explain", "build", "nwe"))
        self.assertIn("'builds'", refused(self, 2, self.shop, "explain", "builds"))
        self.assertIn("--spine", refused(self, 2, self.shop, "explain", "build", "--spine", "x.csv"))
        self.assertIn("explain build", refused(self, 2, self.shop, "explain", "--full"))
        self.assertIn("--to", refused(self, 2, self.shop, "explain", "build", "--from", "2024-01-02"))


if __name__ == "__main__":
    unittest.main()
