"""`compact`: fewer files and the same answers, beside builds and killed anywhere; what is folded, and who is told."""
import json
import os
import signal
import unittest

import deltalake
import duckdb

import project
from project import Project, environment
from steps import answer, build, files, refused, rows, start, versions
import test_lake
import test_terminal
from test_lake import EXTENSION, shown
from test_vacuum import age

DEFINITIONS = """
entities:
  customer: {keys: {id: int64}}
sources:
  orders: {path: data/orders*.csv, event_time: ordered_at, created_time: seen_at}
views:
  spending:
    entity: customer
    source: orders
    step: 1h
    known_at_retention: 90d
    features:
      orders: {agg: count, windows: [1d, 7d]}
      amount: {column: amount, agg: [sum, mean, min, max, std, median, first, last, count_distinct], windows: [1d, 7d]}
      note: {column: note, agg: [first, last, count_distinct], windows: [7d]}
  last:
    entity: customer
    source: orders
    known_at_retention: 90d
    features: [amount, note]
services:
  model: {features: [spending.*, last.*]}
"""
HEAD = "id,ordered_at,seen_at,amount,note\n"
VIEWS = ("last", "spending")


def orders(batch, price=1):
    """A batch of late orders: every batch has the same hours, seen a day later than the batch before."""
    lines = [f"{key},2024-01-01 {hour:02}:30:00,2024-01-{batch + 2:02} {hour:02}:00:00,{price * (batch + hour) / 10},n{(batch * hour) % 5}"
             for key in (1, 2, 3) for hour in range(6)]
    return HEAD + "\n".join(lines) + "\n"


def spine():
    lines = [f"{key},2024-01-{day:02} {hour:02}:15:00" for key in (1, 2, 3, 4) for day in (1, 2, 5, 20) for hour in (0, 3, 7)]
    return "id,event_time\n" + "\n".join(lines) + "\n"


class Compacting(unittest.TestCase):
    definitions = DEFINITIONS.replace("    known_at_retention: 90d\n", "")
    batches = 4

    def setUp(self):
        self.shop = Project(self.definitions, files={"data/orders.csv": HEAD, "spine.csv": spine()})
        self.addCleanup(self.shop.remove)
        for batch in range(self.batches):
            self.add(batch)

    def add(self, batch):
        self.shop.write(f"data/orders-{batch}.csv", orders(batch))
        return build(self.shop)

    def compact(self, *args):
        return {view["view"]: view for view in answer(self.shop, "compact", *args)["views"]}

    def parts(self, view):
        return sorted(path.name for path in (self.shop.dir / "lake" / view).glob("*.parquet"))

    def join(self, out, *args):
        self.shop.done("join", "--spine", "spine.csv", "--service", "model", "--out", out, *args)
        return (self.shop.dir / out).read_bytes()

    def entry(self, view, version):
        path = self.shop.dir / f"lake/{view}/_delta_log/{version:020}.json"
        return [json.loads(line) for line in path.read_text().splitlines()]

    def table_version(self, view, version):
        listed = answer(self.shop, "list", "versions")["versions"]
        return next(item["table_version"] for item in listed if (item["view"], item["version"]) == (view, version))


class Merging(Compacting):
    def test_the_same_rows_in_one_file_are_no_new_version(self):
        before = {view: rows(self.shop, f"select * from {view} order by all") for view in VIEWS}
        known = self.join("known.csv", "--known-at", "2024-01-03T12:00:00Z")
        label = self.join("label.csv", "--known-at", "label")
        plain = self.join("plain.csv")
        done = self.compact()
        for view in VIEWS:
            self.assertEqual((done[view]["version"], done[view]["published"]), ("1.0.3", False))
            self.assertEqual((done[view]["files_before"], done[view]["files_after"], done[view]["files_merged"]), (4, 1, 4))
            self.assertEqual(versions(self.shop, view), ["1.0.0", "1.0.1", "1.0.2", "1.0.3"])
            self.assertEqual((self.table_version(view, "1.0.3"), self.table_version(view, "1.0.2")), (4, 2))
            self.assertEqual(rows(self.shop, f"select * from {view} order by all"), before[view])
        self.assertEqual(self.join("again.csv"), plain)
        self.assertEqual(self.join("again.csv", "--known-at", "2024-01-03T12:00:00Z"), known)
        self.assertEqual(self.join("again.csv", "--known-at", "label"), label)
        self.assertEqual({view["files_merged"] for view in self.compact().values()}, {0})
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"none"})

    def test_no_data_has_changed_says_the_log(self):
        self.compact("last")
        actions = self.entry("last", 4)
        self.assertEqual([action["add"]["dataChange"] for action in actions if "add" in action], [False])
        self.assertEqual([action["remove"]["dataChange"] for action in actions if "remove" in action], [False] * 4)
        self.assertEqual(next(action for action in actions if "commitInfo" in action)["commitInfo"]["asof"]["version"], "1.0.3")

    def test_others_read_the_same_rows(self):
        before = {view: deltalake.DeltaTable(str(self.shop.dir / "lake" / view)).to_pyarrow_table() for view in VIEWS}
        self.compact()
        for view in VIEWS:
            path = str(self.shop.dir / "lake" / view)
            table = deltalake.DeltaTable(path)
            order = [("id", "ascending"), ("event_time", "ascending"), ("created_time", "ascending")]
            self.assertEqual(len(table.file_uris()), 1)
            if EXTENSION:
                db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
                db.execute(f"set timezone = 'UTC'; load '{EXTENSION}'")
                scanned = db.execute(f"from delta_scan('{path}')").to_arrow_table()
                self.assertEqual(shown(test_lake.Lake.in_utc(scanned)), shown(test_lake.Lake.in_utc(table.to_pyarrow_table())))
            self.assertEqual(table.to_pyarrow_table().sort_by(order), before[view].sort_by(order))

    def test_the_next_build_adds_to_the_merged_file(self):
        self.compact()
        self.assertEqual({view["mode"] for view in self.add(4).values()}, {"append"})
        self.assertEqual(len(deltalake.DeltaTable(str(self.shop.dir / "lake/last")).file_uris()), 2)
        joined = self.join("merged.csv")
        build(self.shop, "--full")
        self.assertEqual(self.join("full.csv"), joined)

    def test_a_training_set_is_made_again_byte_for_byte(self):
        made = self.join("train.parquet")

        def assert_made_again():
            again = answer(self.shop, "join", "--from-manifest", "train.parquet.asof.json", "--out", "again.parquet")
            self.assertEqual((self.shop.dir / "again.parquet").read_bytes(), made)
            self.assertIs(again["same_bytes"], True)

        self.compact()
        assert_made_again()
        for view in VIEWS:
            age(self.shop, view, 30)
        self.shop.done("vacuum")
        self.assertEqual([len(self.parts(view)) for view in VIEWS], [1, 1])
        assert_made_again()
        self.add(4)
        assert_made_again()
        self.compact()
        self.shop.write("data/orders-4.csv", orders(4, price=7))
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"full"})
        assert_made_again()
        self.shop.done("rollback", "last@1.0.4")
        assert_made_again()

    def test_files_are_filled_up_to_the_target_in_their_order(self):
        size = max(os.path.getsize(self.shop.dir / "lake/last" / part) for part in self.parts("last"))
        done = self.compact("last", "--target-size", str(2 * size + 2))["last"]
        self.assertEqual((done["files_before"], done["files_after"]), (4, 2))
        self.assertIn("option '--target-size'", refused(self, 2, self.shop, "compact", "--target-size", "0"))
        self.assertIn("no view 'nothing'", refused(self, 2, self.shop, "compact", "nothing"))

    def test_killed_anywhere_the_version_is_what_it_was_and_the_next_one_ends_it(self):
        joined = self.join("before.csv")
        for number, point in enumerate(("compact.before_write", "compact.before_commit", "lake.commit.before_sync", "lake.commit.before_put",
                      "lake.commit.after_put", "compact.after_commit", "catalog.before_write")):
            with self.subTest(point):
                result = self.shop.run("compact", "last", env=environment(ASOF_FAULT=f"{point}=kill"))
                self.assertEqual(result.returncode, -9)
                self.assertEqual(self.join("after.csv"), joined)
                self.assertEqual(len(versions(self.shop, "last")), 4 + number)
                self.compact("last")
                self.assertEqual(len(deltalake.DeltaTable(str(self.shop.dir / "lake/last")).file_uris()), 1)
                self.assertEqual(self.table_version("last", f"1.0.{3 + number}"), deltalake.DeltaTable(str(self.shop.dir / "lake/last")).version())
                self.add(10 + number)
                joined = self.join("before.csv")

    def test_builds_and_compactions_at_once_lose_nothing(self):
        running = start(self.shop, "compact")
        for batch in range(4, 12):
            self.assertEqual({view["mode"] for view in self.add(batch).values()}, {"append"})
            if running.poll() is not None:
                self.assertEqual(running.returncode, 0)
                running = start(self.shop, "compact")
        self.assertEqual(running.wait(project.DEADLINE_S), 0)
        for view in VIEWS:
            table = deltalake.DeltaTable(str(self.shop.dir / "lake" / view))
            self.assertEqual(versions(self.shop, view), [f"1.0.{number}" for number in range(12)])
            self.assertEqual(self.table_version(view, "1.0.11"), table.version())
            self.assertGreater(table.version(), 11)
        joined = self.join("merged.csv")
        build(self.shop, "--full")
        self.assertEqual(self.join("full.csv"), joined)

    def test_a_failure_leaves_no_file_behind(self):
        before = files(self.shop)
        self.shop.run("compact", "last", env=environment(ASOF_FAULT="compact.before_commit=fail"))
        after = files(self.shop)
        self.assertEqual([name for name in after if name.endswith(".parquet") and name not in before], [])

    def test_a_catalog_made_anew_knows_the_versions_as_they_stand(self):
        self.compact()
        listed = answer(self.shop, "list", "versions")["versions"]
        (self.shop.dir / "catalog.db").unlink()
        again = answer(self.shop, "list", "versions")["versions"]
        self.assertEqual([(item["view"], item["version"], item["table_version"], item["published"], item["rows"]) for item in again],
                         [(item["view"], item["version"], item["table_version"], item["published"], item["rows"]) for item in listed])

    def test_a_build_says_when_it_is_worth_while(self):
        for batch in range(4, 16):
            built = self.add(batch)
            self.assertNotIn("compaction", built["last"])
        self.assertEqual(self.add(16)["last"]["compaction"], "16 small files: `asof compact last` makes 1 of them")

    def test_people_are_told(self):
        text = self.shop.done("compact")
        self.assertIn("last@1.0.3: 1 file (", text)
        self.assertIn(", before 4 files (", text)
        self.assertIn("last@1.0.3: nothing to do, 1 file\n", self.shop.done("compact"))


class Folding(Compacting):
    definitions = DEFINITIONS

    def test_joins_stay_and_what_was_known_before_is_refused_with_what_would_do(self):
        plain = self.join("plain.csv")
        self.join("known.parquet", "--known-at", "2024-01-03T12:00:00Z")
        done = self.compact()
        for view in VIEWS:
            self.assertEqual((done[view]["version"], done[view]["published"]), ("1.0.4", True))
            self.assertEqual((done[view]["rows"], done[view]["rows_folded"]), (18, 54))
            self.assertEqual(rows(self.shop, f"select count(*) from {view}__tiles" if view == "spending" else "select count(*) from last"), [(18,)])
        self.assertEqual(self.join("again.csv"), plain)
        self.assertEqual(self.join("again.csv", "--engine", "sql"), plain)
        error = refused(self, 2, self.shop, "join", "--spine", "spine.csv", "--service", "model", "--known-at", "2024-01-03T12:00:00Z", "--out", "x.csv")
        self.assertRegex(error, r"view '(last|spending)' 1\.0\.4 tells what was known from \S+Z on, not at 2024-01-03T12:00:00Z")
        self.assertRegex(error, r"ask for a later time, or for (last|spending)@1\.0\.3")
        error = refused(self, 2, self.shop, "join", "--spine", "spine.csv", "--service", "model", "--known-at", "label", "--out", "x.csv")
        self.assertIn("not at 2024-01-01T00:15:00Z", error)
        self.assertFalse((self.shop.dir / "x.csv").exists())
        self.join("now.csv", "--known-at", done["last"]["known_at_from"])
        self.assertEqual((self.shop.dir / "now.csv").read_bytes(), plain)
        # older versions, and the training sets of them, still tell
        known = (self.shop.dir / "known.parquet").read_bytes()
        self.shop.done("join", "--from-manifest", "known.parquet.asof.json", "--out", "again.parquet")
        self.assertEqual((self.shop.dir / "again.parquet").read_bytes(), known)

    def test_it_is_done_once_and_later_rows_wait_their_time(self):
        self.compact()
        self.assertEqual({view["rows_folded"] for view in self.compact().values()}, {0})
        self.add(4)
        self.add(5)
        plain = self.join("plain.csv")
        done = self.compact()
        self.assertEqual({view["version"] for view in done.values()}, {"1.0.7"})
        self.assertEqual(done["last"]["rows_folded"], 36)
        self.assertEqual(self.join("again.csv"), plain)
        build(self.shop, "--full")
        self.assertEqual(self.join("full.csv"), plain)
        self.join("known.csv", "--known-at", "2024-01-03T12:00:00Z")  # a full build has all of it again

    def test_a_spliced_range_still_says_what_was_folded(self):
        self.compact()
        build(self.shop, "--from", "2024-01-01T02:00:00Z", "--to", "2024-01-01T03:00:00Z")
        self.assertIn("tells what was known from", refused(self, 2, self.shop, "join", "--spine", "spine.csv", "--service", "model",
                                                           "--known-at", "2024-01-03T12:00:00Z", "--out", "x.csv"))

    def test_a_view_that_was_rolled_back_is_not_folded(self):
        self.shop.done("rollback", "last@1.0.1")
        done = self.compact("last")["last"]
        self.assertEqual((done["rows_folded"], done["version"]), (0, "1.0.3"))
        self.assertIn("rolled back", done["reason"])

    def test_killed_anywhere_it_is_done_once(self):
        plain = self.join("plain.csv")
        self.shop.run("compact", "last", env=environment(ASOF_FAULT="compact.before_commit=kill"))
        self.assertEqual(versions(self.shop, "last")[-1], "1.0.3")
        self.shop.run("compact", "last", env=environment(ASOF_FAULT="compact.after_commit=kill"))
        self.assertEqual(versions(self.shop, "last")[-1], "1.0.4")
        self.assertEqual(self.compact("last")["last"]["rows_folded"], 0)
        self.assertEqual(self.join("again.csv"), plain)


    def served(self):
        """What `get` says of every key at times before, in and behind the rows, after the tables went online."""
        self.shop.done("materialize", "-q")
        return {(view, key, at): answer(self.shop, "get", view, f"id={key}", "--at", at)["features"]
                for view in VIEWS for key in (1, 2, 3, 4) for at in ("2024-01-01T03:30:00Z", "2024-01-02T02:00:00Z", "2024-01-05T00:00:00Z")}

    def test_a_folded_table_goes_online_as_before(self):
        before = self.served()
        self.assertEqual({view["rows_folded"] for view in self.compact().values()}, {54})
        self.assertEqual(self.served(), before)
        (self.shop.dir / "online").rename(self.shop.dir / "was")  # a store that knows nothing of the rows before
        self.assertEqual(self.served(), before)


class Interrupted(unittest.TestCase):
    BATCHES, ROWS = 3, 1_500_000

    def test_ctrl_c_leaves_the_table_as_it_was(self):
        shop = Project(DEFINITIONS.split("  last:")[0].replace("orders*.csv", "orders*.parquet"))
        self.addCleanup(shop.remove)
        for batch in range(self.BATCHES):
            duckdb.sql(f"copy (select (i * 7919) % 200000 as id, timestamp '2024-01-01' + to_seconds(i) as ordered_at, timestamp '2024-02-0{batch + 1}' as seen_at, "
                       f"(i % 1000) / 8 as amount, 'n' || i % 7 as note from range({self.ROWS}) r(i)) to '{shop.dir}/data/orders-{batch}.parquet' (format parquet)")
            build(shop)
        before, listed = files(shop), versions(shop, "spending")
        process = start(shop, "compact", "-q")
        test_terminal.Long.wait_busy(process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(project.DEADLINE_S), 130)
        self.assertEqual(versions(shop, "spending"), listed)
        kept = [name for name in before if name.startswith("lake/")]
        after = files(shop)
        self.assertEqual({name: after.get(name) for name in kept}, {name: before[name] for name in kept})
        self.assertEqual([name for name in after if name.startswith("lake/") and name not in before], [])
        done = answer(shop, "compact")["views"][0]
        self.assertGreater(done["rows_folded"], 0)


class Manifests(Compacting):
    def test_a_spine_that_has_changed_or_gone_is_told(self):
        self.join("train.parquet")
        manifest = json.loads((self.shop.dir / "train.parquet.asof.json").read_text())
        self.assertEqual(manifest["spine_file"]["bytes"], len(spine()))
        again = ("join", "--from-manifest", "train.parquet.asof.json", "--out", "again.parquet")
        self.shop.write("spine.csv", spine().replace("4,2024-01-20", "5,2024-01-20"))
        error = refused(self, 2, self.shop, *again)
        self.assertIn("spine.csv' has changed since 'train.parquet.asof.json' was made (as many bytes, but others): put back", error)
        self.shop.write("spine.csv", spine() + "1,2024-01-01 00:00:00\n")
        self.assertIn(f"{len(spine()) + 22} bytes, then {len(spine())}", refused(self, 2, self.shop, *again))
        (self.shop.dir / "spine.csv").unlink()
        self.assertIn("spine.csv' of 'train.parquet.asof.json' is gone: put it back", refused(self, 2, self.shop, *again))
        self.assertFalse((self.shop.dir / "again.parquet").exists())
        self.shop.write("spine.csv", spine())
        self.assertIs(answer(self.shop, *again)["same_bytes"], True)

    def test_a_training_set_whose_version_was_vacuumed_says_what_is_missing_and_since_when(self):
        self.join("train.parquet")
        self.compact()
        build(self.shop, "--full")
        for view in VIEWS:
            age(self.shop, view, 30)
        for args in (("--dry-run",), ()):
            told = {view["view"]: view for view in answer(self.shop, "vacuum", *args)["views"]}
            for view in VIEWS:
                self.assertEqual(told[view]["training_sets"], [{"path": str((self.shop.dir / "train.parquet").resolve()), "version": "1.0.3"}])
        error = refused(self, 2, self.shop, "join", "--from-manifest", "train.parquet.asof.json", "--out", "again.parquet")
        self.assertRegex(error, r"training set of 'train.parquet.asof.json': view 'spending': version 1\.0\.3 was vacuumed \(kept: 1\.0\.4\): "
                                r"1 of its 1 files is gone, the first 'spending/part-\S+\.parquet'; last vacuum at \S+Z")
        self.assertEqual(answer(self.shop, "vacuum")["views"][0]["training_sets"], [])

    def test_people_are_told_which_training_sets_go(self):
        self.join("train.parquet")
        build(self.shop, "--full")
        for view in VIEWS:
            age(self.shop, view, 30)
        self.assertRegex(self.shop.done("vacuum", "--dry-run"), r"  training set \S+train.parquet could not be made again: it is of version 1\.0\.3\n")
        self.assertRegex(self.shop.done("vacuum"), r"  training set \S+train.parquet cannot be made again: it is of version 1\.0\.3\n")


if __name__ == "__main__":
    unittest.main()
