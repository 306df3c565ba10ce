"""Joins that do not fit at once: in ranges of the spine, by the reference SQL, and what is left behind when one dies."""
import datetime
import fcntl
import os
import unittest

import pyarrow

import project
from project import Project
from steps import answer, build, read_parquet, write_parquet

DEFINITIONS = """
entities: {u: {keys: {id: int64}}}
sources: {s: {path: data/events.parquet, event_time: at}}
views:
  plain: {entity: u, source: s, max_age: 30d, features: {v: {column: v}, name: {column: name, default: none}}}
  hourly: {entity: u, source: s, step: 1h, features: {v: {column: v, agg: [sum, mean, max], windows: [6h, 2d]}}}
  exact: {entity: u, source: s, step: event, features: {v: {column: v, agg: [sum, last, count], windows: [1d]}}}
"""
START = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
EVENTS, ROWS, KEYS = 20_000, 140_000, 500
ALL = "plain.*,hourly.*,exact.*"


def make():
    shop = Project(DEFINITIONS)
    zone = pyarrow.timestamp("us", "UTC")
    start = int(START.timestamp()) * 1_000_000
    write_parquet(shop, "data/events.parquet", {
        "id": [i * 7919 % KEYS for i in range(EVENTS)],
        "at": pyarrow.array([start + i * 104_729 % 2_592_000 * 1_000_000 for i in range(EVENTS)], zone),
        "v": [i % 1000 / 8 for i in range(EVENTS)],
        "name": [f"name {i % 77}" for i in range(EVENTS)]})
    for name, count in (("spine", ROWS), ("small", 1000)):
        write_parquet(shop, f"{name}.parquet", {
            "id": [i * 31 % (KEYS + 9) for i in range(count)],
            "event_time": pyarrow.array([start + i * 15_485_863 % 2_592_000 * 1_000_000 for i in range(count)], zone),
            "label": list(range(count))})
    lines = "\n".join(f"{i * 31 % (KEYS + 9)},2024-01-{1 + i % 28:02} 12:00:00,{i}" for i in range(ROWS))
    shop.write("spine.csv", "id,event_time,label\n" + lines + "\n")
    return shop


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = make()
        cls.addClassCleanup(cls.shop.remove)
        build(cls.shop)
        cls.temp = cls.shop.dir / "temp"
        cls.temp.mkdir()

    def setUp(self):
        for path in self.shop.dir.glob("out*"):
            path.unlink()

    def env(self, fault=None):
        env = project.environment(TMPDIR=str(self.temp))
        return {**env, "ASOF_FAULT": fault} if fault else env

    def join(self, *args, fault=None, out="out.parquet", spine="spine.parquet"):
        self.report = answer(self.shop, "join", "--spine", spine, "--out", out, "--features", ALL, *args, env=self.env(fault))
        self.assertEqual(list(self.temp.iterdir()), [], "temporary files are left")
        return read_parquet(self.shop, out) if out.endswith(".parquet") else (self.shop.dir / out).read_text()

    def matched(self):
        return [view["matched"] for view in self.report["views"]]


class Ranges(Case):
    def test_ranges_make_no_difference(self):
        for spine, out in (("spine.parquet", "out.parquet"), ("spine.csv", "out.csv")):
            for how in ((), ("--direct",)):
                with self.subTest(spine=spine, how=how):
                    whole = self.join(*how, spine=spine, out=out)
                    matched = self.matched()
                    self.assertEqual(self.join(*how, spine=spine, out=out, fault="join.no_room=fail"), whole)
                    self.assertEqual((self.matched(), self.report["notes"]), (matched, []))

    def test_what_has_no_room_in_any_range_is_joined_by_the_reference(self):
        for how in ((), ("--direct",)):
            whole = self.join(*how, spine="small.parquet")
            matched = self.matched()
            self.assertEqual(self.join(*how, spine="small.parquet", fault="join.no_room=fail"), whole)
            self.assertEqual(self.matched(), matched)
            self.assertTrue(any("reference SQL" in note for note in self.report["notes"]), self.report)


class Leftovers(Case):
    POINTS = ("join.temp.opened", "join.range_written", "join.before_rename")

    def fault(self, point, action):
        return f"join.no_room=fail,{point}={action}"

    def run_join(self, fault, out):
        return self.shop.run("join", "-q", "--spine", "spine.parquet", "--out", out, "--features", "plain.*", env=self.env(fault))

    def test_a_failure_leaves_nothing(self):
        for point in self.POINTS:
            with self.subTest(point):
                result = self.run_join(self.fault(point, "fail"), "out.parquet")
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertIn(point, result.stderr)
                self.assertEqual(list(self.temp.iterdir()), [])
                self.assertEqual(list(self.shop.dir.glob("out*")), [])

    def test_what_a_killed_join_leaves_the_next_one_removes(self):
        for point in self.POINTS:
            with self.subTest(point):
                self.assertEqual(self.run_join(self.fault(point, "kill"), "out.parquet").returncode, -9)
                self.assertFalse((self.shop.dir / "out.parquet").exists())
                self.assertTrue([path for path in self.temp.iterdir() if path.name.startswith("asof-join-")])
        self.assertEqual(self.run_join("join.no_room=fail", "out.parquet").returncode, 0)
        self.assertEqual([path for path in self.temp.iterdir() if path.name.startswith("asof-join-")], [])

    def test_a_directory_in_use_is_left_alone(self):
        held = self.temp / "asof-join-held"
        held.mkdir()
        lock = os.open(held / "lock", os.O_CREAT | os.O_RDWR)
        self.addCleanup(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        (held / "range-0.parquet").write_text("in use")
        self.assertEqual(self.run_join("join.no_room=fail", "out.parquet").returncode, 0)
        self.assertTrue((held / "range-0.parquet").exists())
        fcntl.flock(lock, fcntl.LOCK_UN)
        self.assertEqual(self.run_join("join.no_room=fail", "out.parquet").returncode, 0)
        self.assertFalse(held.exists())


if __name__ == "__main__":
    unittest.main()
