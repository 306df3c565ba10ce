"""Views whose source is another view: what they compute, in which order, under which versions, and when they are behind."""
import json
import unittest

from project import Project
from steps import answer, build, refused, rows, versions

DEFINITIONS = """
entities:
  airport: {keys: {origin: string}}
sources:
  flights: {path: "data/flights*.csv", event_time: date, created_time: made}
  busy: {view: departures, filter: "delay_sum_2h > 5", select: {twice: "2 * delay_sum_2h"}}
views:
  top: {entity: airport, view: daily, features: [delay_sum_1d]}
  daily: {entity: airport, view: delays, step: 1h, features: {delay: {column: delay, agg: [count, sum], windows: [1d]}}}
  above: {entity: airport, source: busy, features: [twice, delay_max_1h]}
  delays: {entity: airport, source: flights, features: [delay]}
  departures:
    entity: airport
    source: flights
    step: 1h
    available_after: 3h
    features: {delay: {column: delay, agg: [sum, max], windows: [1h, 2h]}}
"""

HEAD = "origin,date,delay,made\n"
FLIGHTS = HEAD + """A,2001-01-01T00:10:00Z,5,2001-01-01T00:20:00Z
A,2001-01-01T00:50:00Z,7,2001-01-01T01:00:00Z
B,2001-01-01T02:10:00Z,9,2001-01-01T02:20:00Z
A,2001-01-01T03:10:00Z,1,2001-01-01T03:20:00Z
A,2001-01-01T03:10:00Z,2,2001-01-01T09:20:00Z
"""
NEWER = HEAD + "A,2001-01-01T06:10:00Z,5,2001-01-01T06:20:00Z\n"
MORE = NEWER.replace(",5,", ",8,")
LATER = HEAD + "A,2001-01-01T05:10:00Z,5,2001-01-01T06:20:00Z\n"
CORRECTED = HEAD + "A,2001-01-01T00:10:00Z,50,2001-01-02T00:00:00Z\n"


class ViewSources(unittest.TestCase):
    def setUp(self):
        self.shop = Project(DEFINITIONS, files={"data/flights1.csv": FLIGHTS})
        self.addCleanup(self.shop.remove)

    def define(self, before, after):
        self.assertIn(before, DEFINITIONS)
        self.shop.write("features/shop.yaml", DEFINITIONS.replace(before, after))

    def modes(self, *args):
        return {view: (made["mode"], made["version"]) for view, made in build(self.shop, *args).items()}

    def values(self, view, columns="*"):
        return rows(self.shop, f"select {columns} from {view} order by all")

    def test_build_goes_from_what_is_read_to_what_reads_it(self):
        made = [view["view"] for view in answer(self.shop, "build")["views"]]
        self.assertEqual(sorted(made), ["above", "daily", "delays", "departures", "top"])
        self.assertLess(made.index("departures"), made.index("above"))
        self.assertLess(made.index("delays"), made.index("daily"))
        self.assertLess(made.index("daily"), made.index("top"))

    def test_a_windowed_view_gives_its_values_at_each_end_once_they_can_be_seen(self):
        build(self.shop)
        self.assertEqual(self.values("above", "origin, event_time, twice, delay_max_1h"),
                         [("A", "2001-01-01T04:00:00Z", 24, 7), ("B", "2001-01-01T06:00:00Z", 18, 9)])

    def test_an_event_time_of_ones_own_is_held_back_too(self):
        self.define("filter:", "event_time: \"event_time - interval 1 day\", created_time: \"event_time\", filter:")
        build(self.shop)
        self.assertEqual(self.values("above", "origin, event_time, created_time"),
                         [("A", "2001-01-01T04:00:00Z", "2001-01-01T04:00:00Z"), ("B", "2001-01-01T06:00:00Z", "2001-01-01T06:00:00Z")])

    def test_a_plain_view_gives_the_rows_that_count(self):
        build(self.shop)
        self.assertEqual(self.values("daily"),
                         [("A", "2001-01-01T01:00:00Z", "2001-01-01T01:00:00Z", 2, 12),
                          ("A", "2001-01-01T04:00:00Z", "2001-01-01T09:20:00Z", 3, 14),
                          ("B", "2001-01-01T03:00:00Z", "2001-01-01T02:20:00Z", 1, 9)])
        self.assertEqual(self.values("top", "origin, event_time, delay_sum_1d"),
                         [("A", "2001-01-01T01:00:00Z", 12), ("A", "2001-01-01T04:00:00Z", 14), ("B", "2001-01-01T03:00:00Z", 9)])

    def test_a_source_that_is_a_view_can_be_asked_by_its_name(self):
        build(self.shop)
        self.assertEqual(rows(self.shop, "select origin, event_time, twice from busy order by all"),
                         [("A", "2001-01-01T01:00:00Z", 24), ("B", "2001-01-01T03:00:00Z", 18)])

    def test_both_engines_build_the_same(self):
        build(self.shop)
        before = {view: self.values(view) for view in ("above", "daily", "top")}
        build(self.shop, "--full", "--engine", "sql")
        self.assertEqual({view: self.values(view) for view in before}, before)

    def test_new_rows_of_upstream_are_appended_and_nothing_new_publishes_nothing(self):
        build(self.shop)
        self.assertEqual(set(self.modes().values()), {("none", "1.0.0")})
        self.shop.write("data/flights2.csv", NEWER)
        self.assertEqual(set(self.modes().values()), {("append", "1.0.1")})
        appended = {view: self.values(view) for view in ("above", "daily", "top")}
        build(self.shop, "--full")
        self.assertEqual({view: self.values(view) for view in appended}, appended)

    def test_compaction_of_upstream_is_nothing_new_and_rows_after_it_are_appended(self):
        build(self.shop)
        for number, hour in ((2, 6), (3, 9)):
            self.shop.write(f"data/flights{number}.csv", MORE.replace("T06", f"T{hour:02}"))
            build(self.shop)
        before = {view: self.values(view) for view in ("above", "daily", "top")}
        merged = {view["view"]: view["files_merged"] for view in answer(self.shop, "compact", "delays", "departures", "daily")["views"]}
        self.assertEqual(merged, {"delays": 3, "departures": 3, "daily": 3})
        self.assertNotIn("stale", self.shop.done("plan"))
        self.assertEqual(set(self.modes().values()), {("none", "1.0.2")})
        self.shop.write("data/flights4.csv", MORE.replace("T06", "T12"))
        self.assertEqual(set(self.modes().values()), {("append", "1.0.3")})
        appended = {view: self.values(view) for view in before}
        self.assertEqual({view: len(found) for view, found in appended.items()}, {view: len(found) + 1 for view, found in before.items()})
        build(self.shop, "--full")
        self.assertEqual({view: self.values(view) for view in appended}, appended)

    def test_rows_read_and_unread_in_one_compacted_file_are_read_again(self):
        build(self.shop)
        self.shop.write("data/flights2.csv", MORE)
        build(self.shop, "departures")
        answer(self.shop, "compact", "departures")
        made = build(self.shop, "above")["above"]
        self.assertEqual((made["mode"], made["rows_total"]), ("full", 3))
        self.shop.write("data/flights3.csv", MORE.replace("T06", "T09"))
        build(self.shop, "departures")
        self.assertEqual(build(self.shop, "above")["above"]["mode"], "append")

    def test_a_compaction_that_the_log_does_not_tell_of_any_more_is_read_again(self):
        build(self.shop)
        self.shop.write("data/flights2.csv", NEWER)
        build(self.shop)
        answer(self.shop, "compact", "delays")
        log = self.shop.dir / "lake" / "delays" / "_delta_log"
        for number in range(3, 12):
            self.shop.write(f"data/flights{number}.csv", NEWER.replace("T06:10", f"T06:{number + 10}"))
            build(self.shop, "delays")
        self.assertTrue((log / f"{10:020}.checkpoint.parquet").exists())
        for version in range(10):
            (log / f"{version:020}.json").unlink()
        self.assertEqual(build(self.shop, "daily")["daily"]["mode"], "full")

    def test_late_rows_of_upstream_rebuild_what_stands_on_its_windows(self):
        build(self.shop)
        self.shop.write("data/flights2.csv", NEWER)
        build(self.shop)
        self.shop.write("data/flights3.csv", LATER)
        modes = {view: mode for view, (mode, _) in self.modes().items()}
        self.assertEqual(modes, {"delays": "append", "departures": "append", "daily": "append", "above": "full", "top": "full"})
        self.assertIn(("A", "2001-01-01T10:00:00Z", 20), self.values("above", "origin, event_time, twice"))

    def test_a_corrected_row_of_upstream_counts_once(self):
        build(self.shop)
        self.shop.write("data/flights2.csv", CORRECTED)
        modes = {view: mode for view, (mode, _) in self.modes().items()}
        self.assertEqual((modes["daily"], modes["top"]), ("full", "full"))
        self.assertIn(("A", "2001-01-01T01:00:00Z", 2, 57), self.values("daily", "origin, event_time, delay_count_1d, delay_sum_1d"))

    def test_known_at_goes_through_the_chain(self):
        build(self.shop)
        self.shop.write("spine.csv", "origin,event_time\nA,2001-01-02T00:00:00Z\n")
        for known_at, expected in (("2001-01-01T04:00:00Z", 12), ("2001-01-01T10:00:00Z", 14)):
            self.shop.done("join", "--spine", "spine.csv", "--features", "daily.delay_sum_1d", "--out", "out.csv", "--known-at", known_at)
            self.assertEqual((self.shop.dir / "out.csv").read_text().splitlines()[1].split(",")[-1], str(expected), known_at)

    def test_a_direct_join_computes_from_what_upstream_has_published(self):
        self.shop.write("spine.csv", "origin,event_time\nA,2001-01-01T03:59:59Z\nA,2001-01-01T04:00:00Z\n")
        said = refused(self, 2, self.shop, "join", "--direct", "--spine", "spine.csv", "--features", "above.twice", "--out", "out.csv")
        self.assertIn("asof build departures", said)
        build(self.shop, "departures")
        self.shop.done("join", "--direct", "--spine", "spine.csv", "--features", "above.twice", "--out", "out.csv")
        self.assertEqual([line.split(",")[-1] for line in (self.shop.dir / "out.csv").read_text().splitlines()[1:]], ["", "24"])

    def test_one_view_is_built_of_what_is_published_or_says_what_to_do(self):
        said = refused(self, 2, self.shop, "build", "above")
        self.assertIn("upstream 'departures' has no published version: run `asof build departures` first, or build with --upstream", said)
        self.assertEqual(sorted(build(self.shop, "top", "--upstream")), ["daily", "delays", "top"])
        build(self.shop, "departures")
        self.shop.write("data/flights2.csv", NEWER)
        made = build(self.shop, "above")["above"]
        self.assertEqual((made["upstream"], made["version"]), ("departures@1.0.0", "1.0.0"))
        self.assertEqual(made["upstream_note"], "upstream 'departures' is stale (its source has other files since it was built): "
                                                "`asof build above --upstream` builds it first")
        self.assertEqual(build(self.shop, "above", "--upstream")["above"]["upstream"], "departures@1.0.1")

    def test_a_minor_change_of_upstream_is_one_of_the_reader(self):
        build(self.shop)
        self.define("windows: [1h, 2h]", "windows: [1h, 2h, 6h]")
        plan = {change["name"]: change for change in answer(self.shop, "plan")["changes"]}
        self.assertEqual((plan["above"]["change"], plan["above"]["to"], plan["above"]["reasons"]),
                         ("minor", "1.1", ["upstream 'departures' changes"]))
        self.assertEqual(plan["daily"]["change"], "none")
        made = self.modes()
        self.assertEqual((made["departures"][1], made["above"], made["top"][1]), ("1.1.0", ("full", "1.1.0"), "1.0.0"))
        self.assertEqual(answer(self.shop, "plan")["is_different"], False)

    def test_a_comment_upstream_changes_nothing(self):
        build(self.shop)
        self.define("    available_after: 3h", "    description: Delays.\n    available_after: 3h")
        self.assertEqual(answer(self.shop, "plan")["is_different"], False)

    def test_a_column_that_upstream_has_no_more_is_a_mistake_where_it_is_used(self):
        build(self.shop)
        self.define("windows: [1h, 2h]", "windows: [2h]")
        said = refused(self, 2, self.shop, "plan")
        self.assertRegex(said, r"shop.yaml:10:\d+: no column 'delay_max_1h' in source 'busy' \(did you mean 'delay_max_2h'\?\)")

    def test_a_column_that_upstream_has_not_yet_published_names_the_remedy(self):
        build(self.shop)
        changed = DEFINITIONS.replace("windows: [1h, 2h]", "windows: [1h, 2h, 6h]").replace("[twice, delay_max_1h]", "[twice, delay_max_6h, delay_max_1h]")
        self.shop.write("features/shop.yaml", changed)
        said = refused(self, 2, self.shop, "build", "above")
        self.assertIn("upstream 'departures' 1.0.0 has no column 'delay_max_6h', its definition of today has: run `asof build departures` first, "
                      "or `asof build above --upstream`", said)
        self.assertEqual(build(self.shop, "above", "--upstream")["above"]["version"], "1.1.0")

    def test_a_roll_back_of_upstream_is_followed(self):
        build(self.shop)
        self.shop.write("data/flights2.csv", NEWER)
        build(self.shop)
        self.shop.done("rollback", "delays@1.0.0")
        made = build(self.shop, "daily")["daily"]
        self.assertEqual((made["mode"], made["version"], made["upstream"]), ("full", "1.0.2", "delays@1.0.0"))
        self.assertEqual(len(self.values("daily")), 3)
        self.assertEqual(versions(self.shop, "daily"), ["1.0.0", "1.0.1", "1.0.2"])

    def test_a_circle_is_named_whole_beside_all_other_mistakes(self):
        self.define("view: delays", "view: top")
        said = refused(self, 2, self.shop, "plan")
        self.assertRegex(said, r"shop.yaml:8:\d+: views read each other in a circle: 'top' -> 'daily' -> 'top'")
        self.define("view: daily, features: [delay_sum_1d]", "view: top, features: [nothing]")
        self.assertIn("'top' -> 'top'", refused(self, 2, self.shop, "build"))

    def test_the_range_of_a_reader_is_built_from_what_it_has_read(self):
        build(self.shop)
        self.assertEqual(build(self.shop, "daily", "--from", "2001-01-01T00:00:00Z", "--to", "2001-01-01T02:00:00Z")["daily"]["mode"], "range")
        self.shop.write("data/flights2.csv", NEWER)
        build(self.shop, "delays")
        said = refused(self, 2, self.shop, "build", "daily", "--from", "2001-01-01T00:00:00Z", "--to", "2001-01-01T02:00:00Z")
        self.assertIn("upstream 'delays' has published since 'daily' was built: run `asof build daily` first", said)

    def test_a_reader_is_materialized_and_got_like_any_view(self):
        build(self.shop)
        self.shop.done("materialize", "--at", "2001-01-01T05:30:00Z")
        row = json.loads(self.shop.done("get", "daily", "origin=A", "--at", "2001-01-01T05:30:00Z"))
        self.assertEqual((row["features"]["delay_sum_1d"], row["event_time"]), (14, "2001-01-01T04:00:00Z"))

    def test_an_instant_inside_a_step_reads_what_the_version_was_made_from(self):
        build(self.shop)
        self.shop.write("data/flights2.csv", CORRECTED)
        build(self.shop, "delays")
        self.shop.done("materialize", "daily", "--at", "2001-01-01T00:30:00Z")
        row = json.loads(self.shop.done("get", "daily", "origin=A", "--at", "2001-01-01T01:00:00Z"))
        self.assertEqual(row["features"], {"delay_count_1d": 1, "delay_sum_1d": 5})

    def test_what_is_behind_is_told_until_it_follows(self):
        build(self.shop)
        self.shop.write("data/flights2.csv", NEWER)
        build(self.shop, "delays")
        self.assertIn("daily: stale, upstream 'delays' is at 1.0.1, not 1.0.0: `asof build daily` follows", self.shop.done("plan"))
        self.assertIn("top: stale, upstream 'delays' is at 1.0.1, not 1.0.0", self.shop.done("plan"))
        shown = answer(self.shop, "show", "daily")
        self.assertEqual((shown["upstream"], shown["stale"]), ("delays@1.0.0", "upstream 'delays' is at 1.0.1, not 1.0.0"))
        build(self.shop)
        self.assertNotIn("stale", self.shop.done("plan"))
        self.assertNotIn("stale", answer(self.shop, "show", "daily"))

    def test_a_manifest_has_the_versions_below(self):
        build(self.shop)
        self.shop.write("spine.csv", "origin,event_time\nA,2001-01-02T00:00:00Z\n")
        self.shop.done("join", "--spine", "spine.csv", "--features", "top.delay_sum_1d", "--out", "out.parquet")
        manifest = json.loads((self.shop.dir / "out.parquet.asof.json").read_text())
        self.assertEqual(manifest["views"][0]["upstream"], ["daily@1.0.0", "delays@1.0.0"])
        self.shop.write("data/flights2.csv", CORRECTED)
        build(self.shop)
        self.shop.done("join", "--from-manifest", "out.parquet.asof.json", "--out", "again.parquet")
        self.assertEqual((self.shop.dir / "out.parquet").read_bytes(), (self.shop.dir / "again.parquet").read_bytes())


if __name__ == "__main__":
    unittest.main()
