"""Whatever comes, changes and goes between builds, in whichever order: joins after any sequence of incremental
builds are, byte for byte, those after a full rebuild. Also as they were known at a time, where rows say when they
were known."""

import random
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import runner
from runner import subprocess

CASES = 4
STEPS = 4
MINUTE = 60_000_000
START = 1_704_067_200_000_000  # 2024-01-01T00:00:00Z
KEYS = ["a", "b", "a\x00b", "ä", ""]

VIEWS = """
  {name}_rows: {{entity: e, source: {name}, features: [x, s]}}
  {name}_tiles: {{entity: e, source: {name}, step: {step}, features: {{x: {{column: x, agg: [sum, count, std, median,
    first, last], windows: [{step}, {window}]}}, f: {{column: f, agg: [sum, mean], windows: [{window}]}}}}}}
  {name}_events: {{entity: e, source: {name}, step: event, features: {{s: {{column: s, agg: [first, last,
    count_distinct], windows: [90m, 5h]}}}}}}
"""


class Source:
    """Rows in files. `by` is the cursor: only rows whose time is later than the greatest one at the last build less
    the lateness are touched; by files, any file may come, and now and then one changes, which rebuilds everything."""

    def __init__(self, rng, name, by, has_created):
        self.rng = rng
        self.name = name
        self.by = by
        self.has_created = has_created
        self.format = rng.choice(["csv", "parquet"])
        self.lateness = rng.choice([0, 30, 120, 600]) if by else 0  # minutes
        self.files = {}  # name -> rows
        self.watermark = None

    def definition(self):
        lines = [f"  {self.name}:", f"    path: {self.name}/*.{self.format}", "    event_time: t"]
        if self.has_created:
            lines.append("    created_time: c")
        if self.by:
            lines.append(f"    cursor: {self.by}")
        if self.lateness:
            lines.append(f"    lateness: {self.lateness}m")
        return "\n".join(lines) + "\n"

    def time_of(self, row):
        return row["c"] if self.by == "created_time" else row["t"]

    def is_open(self, row):
        return self.watermark is None or self.time_of(row) > self.watermark - self.lateness

    def note_build(self):
        times = [self.time_of(row) for rows in self.files.values() for row in rows]
        if times:
            self.watermark = max(times + ([] if self.watermark is None else [self.watermark]))

    def make_row(self, now):
        rng = self.rng
        known = now - int(rng.expovariate(1 / 60))
        event = known - rng.choice([0, 0, 15, int(rng.expovariate(1 / 90))])
        if not self.by and rng.random() < 0.1:
            known = event - 20  # known before it was true
        return {
            "k": rng.choice(KEYS),
            "t": event,
            "c": known,
            "x": rng.randint(-5, 5),
            "f": rng.choice([0.1, 1e9, -1e9, rng.random()]),
            "s": rng.choice(["u", "v", "w"]),
        }

    def change(self, now):
        rng = self.rng
        new = [self.make_row(now) for _ in range(rng.randint(0, 40))]
        new = [row for row in new if self.is_open(row)]
        if not self.by:
            self._change_files(new)
            return
        if not self.files or rng.random() < 0.3:
            self.files[f"{rng.choice('pqrs')}{len(self.files)}"] = []
        for row in new:
            rng.choice(list(self.files.values())).append(row)
        for name, rows in self.files.items():
            rows = [row for row in rows if not self.is_open(row) or rng.random() < 0.9]
            for i, row in enumerate(rows):
                changed = {**row, **{"x": rng.randint(6, 9), "t": row["t"] - rng.choice([0, 20])}}
                if self.is_open(row) and self.is_open(changed) and rng.random() < 0.1:
                    rows[i] = changed
            if rng.random() < 0.3:
                self._move_open(rows)
            self.files[name] = rows

    def _move_open(self, rows):
        """The others keep their order: it decides on their ties."""
        places = [i for i, row in enumerate(rows) if self.is_open(row)]
        moved = [rows[i] for i in places]
        self.rng.shuffle(moved)
        for i, row in zip(places, moved):
            rows[i] = row

    def _change_files(self, new):
        rng = self.rng
        if new:
            self.files[f"{rng.choice('pqrs')}{len(self.files)}"] = new
        if self.files and rng.random() < 0.1:
            rows = rng.choice(list(self.files.values()))
            if rows:
                rows.pop(rng.randrange(len(rows)))

    def write(self, directory):
        folder = directory / self.name
        folder.mkdir(exist_ok=True)
        for name, rows in self.files.items():
            path = folder / f"{name}.{self.format}"
            table = arrow(rows)
            is_same = path.exists() and path.with_suffix(".rows").read_text() == repr(rows)
            if is_same:
                continue
            if self.format == "csv":
                pyarrow.csv.write_csv(table, path)
            else:
                pq.write_table(table, path, row_group_size=16)
            path.with_suffix(".rows").write_text(repr(rows))


def instant(minutes):
    return START + minutes * MINUTE


def arrow(rows):
    times = pa.timestamp("us")
    return pa.table(
        {
            "k": pa.array([row["k"] for row in rows], pa.string()),
            "t": pa.array([instant(row["t"]) for row in rows], times),
            "c": pa.array([instant(row["c"]) for row in rows], times),
            "x": pa.array([row["x"] for row in rows], pa.int64()),
            "f": pa.array([row["f"] for row in rows], pa.float64()),
            "s": pa.array([row["s"] for row in rows], pa.string()),
        }
    )


class Sequence:
    def __init__(self, seed):
        self.seed = seed
        self.rng = rng = random.Random(f"increments {seed}")
        self.directory = Path(tempfile.mkdtemp(prefix=f"asof-increments-{seed}-"))
        self.sources = [
            Source(rng, "told_files", None, True),
            Source(rng, "told", "created_time", True),
            Source(rng, "told_event", "event_time", True),
            Source(rng, "untold", "event_time", False),
        ]
        rng.shuffle(self.sources)
        self.sources = self.sources[: rng.randint(1, 3)]
        self.modes = []

    def write_definitions(self):
        step, window = self.rng.choice([("1h", "4h"), ("15m", "1h"), ("6h", "12h")])
        text = "project: increments\ninclude: []\n"
        text += "profiles: {full: {lake: ./full, catalog: 'sqlite:./full.db'}}\n"
        text += "entities: {e: {keys: {k: string}}}\nsources:\n"
        text += "".join(source.definition() for source in self.sources)
        text += "views:" + "".join(
            VIEWS.format(name=source.name, step=step, window=window) for source in self.sources
        )
        (self.directory / "asof.yaml").write_text(text)

    def write_spine(self, now):
        rng = self.rng
        rows = [(rng.choice(KEYS), rng.randint(-600, now + 600)) for _ in range(150)]
        pq.write_table(
            pa.table(
                {
                    "k": [key for key, _ in rows],
                    "event_time": pa.array([instant(t) for _, t in rows], pa.timestamp("us")),
                }
            ),
            self.directory / "spine.parquet",
        )

    def run(self, *args):
        done = subprocess.run(
            [runner.BIN, "-C", str(self.directory), *args],
            capture_output=True,
            timeout=runner.DEADLINE_S,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError(f"{args} exited {done.returncode}: {done.stderr.decode()}")
        return done.stdout.decode()

    def join(self, profile, known_at):
        features = ",".join(
            f"{source.name}_{kind}.*"
            for source in self.sources
            for kind in ("rows", "tiles", "events")
            if source.has_created or not known_at
        )
        if not features:
            return b""
        out = self.directory / f"out{len(profile)}.csv"
        spine = str(self.directory / "spine.parquet")
        at = ["--known-at", known_at] if known_at else []
        self.run(*profile, "join", "--spine", spine, "--features", features, "--out", str(out), *at)
        return out.read_bytes()

    def compare(self, test, now):
        at = self.rng.randint(-300, now)
        text = "2024-01-01T00:00:00Z" if at < 0 else time_text(at)
        for known_at in (None, "label", text):
            wanted = self.join(["--profile", "full"], known_at)
            test.assertEqual(self.join([], known_at), wanted, f"seed {self.seed}, {known_at}")
            self.cells = getattr(self, "cells", 0) + wanted.count(b",")

    def go(self, test):
        self.write_definitions()
        now = 0
        for source in self.sources:
            while not any(source.files.values()):
                source.change(now)
        for _ in range(STEPS):
            for source in self.sources:
                source.write(self.directory)
            for _ in range(self.rng.choice([1, 1, 2])):
                built = runner.json_of(self.run("build", "--json"))
                self.modes += [view["mode"] for view in built["views"]]
            if self.rng.random() < 0.3:
                self.run("compact")
            for source in self.sources:
                source.note_build()
            self.run("--profile", "full", "build", "--full")
            self.write_spine(now)
            self.compare(test, now)
            now += self.rng.choice([5, 60, 300])
            for source in self.sources:
                source.change(now)


def time_text(minutes):
    return f"2024-01-{1 + minutes // 1440:02d}T{minutes // 60 % 24:02d}:{minutes % 60:02d}:00Z"


class IncrementsTest(unittest.TestCase):
    def test_any_sequence_of_builds_joins_as_a_full_rebuild(self):
        cells = 0
        modes = []
        for seed in runner.seeds(1, CASES):
            sequence = Sequence(seed)
            try:
                sequence.go(self)
            except Exception:
                again = f"ASOF_SEED={seed} python -m unittest test_increments"
                print(f"\ncase kept in {sequence.directory}; again with {again}", file=sys.stderr)
                raise
            shutil.rmtree(sequence.directory)
            cells += sequence.cells
            modes += sequence.modes
        runner.assert_checked(self, cells)
        if len(runner.seeds(1, CASES)) >= CASES:
            self.assertLessEqual({"full", "append", "cursor", "none"}, set(modes))

    def test_a_compaction_leaves_open_rows_apart(self):
        sequence = Sequence(4242)
        sequence.sources = [Source(sequence.rng, "told", "created_time", True)]
        sequence.sources[0].lateness = 600
        sequence.write_definitions()
        modes = []
        for now in range(0, 2500, 500):
            rows = [sequence.sources[0].make_row(now) for _ in range(9)]
            sequence.sources[0].files[f"f{now}"] = [r for r in rows if sequence.sources[0].is_open(r)]
            sequence.sources[0].write(sequence.directory)
            modes += [v["mode"] for v in runner.json_of(sequence.run("build", "--json"))["views"]]
            sequence.sources[0].note_build()
            sequence.run("compact")
        self.assertEqual(modes, ["full"] * 3 + ["cursor"] * 12)
        shutil.rmtree(sequence.directory)


if __name__ == "__main__":
    unittest.main()
