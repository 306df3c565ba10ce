"""Views of views of views: a join of any of them gives what the oracle gives, nested; after builds in any
order, by both engines, whatever was known at the time."""

import json
import random
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import runner
import values as v
from gen import oracle

import pyarrow as pa
import pyarrow.parquet as pq

CASES = 16
HOUR = v.duration("1h")
SETTINGS = "project: chains\nlake: ./lake\nonline: memory\ncatalog: sqlite:./catalog.db\n"
AGGS = ["count", "sum", "min", "max", "first", "last", "count_distinct"]
START = 978_307_200_000_000


class Level:
    """One view of a chain as text and as the oracle takes it."""

    def __init__(self, rng, index, columns, below):
        self.name = f"v{index}"
        self.is_windowed = rng.random() < 0.5
        self.filter = rng.choice([None, None, 2]) if below else None
        self.step = rng.choice(["1h", "2h", "event"]) if self.is_windowed else None
        self.available_after = rng.choice([None, None, "1h", "90m"])
        self.max_age = rng.choice([None, None, "5h"])
        self.keys = rng.choice([["k"], ["k"], ["k", "g"]]) if below is None else below.keys
        if below is not None and len(self.keys) == 2 and rng.random() < 0.3:
            self.keys = ["k"]
        self.below = below
        self.column = rng.choice(columns)
        self.features = []
        if self.is_windowed:
            for agg in rng.sample(AGGS, 2):
                window = rng.choice(["2h", "4h", "1d"])
                self.features.append((f"x{index}_{agg}_{window}", agg, window))
        else:
            self.features.append((f"x{index}", None, None))

    def columns(self):
        return [name for name, _, _ in self.features]

    def lines(self):
        """What stands before `features`."""
        entity = "pair" if len(self.keys) == 2 else "one"
        parts = [f"entity: {entity}"]
        if self.below is None:
            parts.append("source: rows")
        elif self.filter is None:
            parts.append(f"view: {self.below.name}")
        else:
            parts.append(f"source: some_{self.name}")
        for name in ("step", "available_after", "max_age"):
            if getattr(self, name):
                parts.append(f"{name}: {getattr(self, name)}")
        return parts


def feature_lines(level):
    """One feature of all its aggregates would give every window to each: name them apart."""
    lines = []
    for i, (name, agg, window) in enumerate(level.features):
        if agg is None:
            lines.append(f"{name}: {{column: {level.column}}}")
        else:
            lines.append(f"f{i}_{level.name}: {{column: {level.column}, agg: {agg}, windows: [{window}]}}")
    return lines


def rename(level):
    if level.is_windowed:
        level.features = [
            (f"f{i}_{level.name}_{agg}_{window}", agg, window)
            for i, (_, agg, window) in enumerate(level.features)
        ]


def chain(rng):
    levels = []
    columns = ["n"]
    for index in range(rng.choice([2, 3, 3])):
        level = Level(rng, index, columns, levels[-1] if levels else None)
        rename(level)
        levels.append(level)
        columns = level.columns()
    return levels


def definitions(levels, has_created_time):
    created = ", created_time: made" if has_created_time else ""
    lines = [
        "entities:",
        "  one: {keys: {k: string}}",
        "  pair: {keys: {k: string, g: int64}}",
        "sources:",
        f"  rows: {{path: data/*.parquet, event_time: at{created}}}",
    ]
    for level in levels:
        if level.filter is not None:
            lines.append(
                f"  some_{level.name}: {{view: {level.below.name}, filter: \"{level.column} > {level.filter}\"}}"
            )
    lines.append("views:")
    for level in reversed(levels):
        parts = level.lines()
        lines.append(f"  {level.name}: {{{', '.join(parts)}, features: {{{', '.join(feature_lines(level))}}}}}")
    return "\n".join(lines) + "\n"


def model(levels, source):
    """The oracle's views, each over the rows of the one below."""
    models = []
    for level in levels:
        column = level.column
        if level.below is not None:
            limit = level.filter
            where = None
            if limit is not None:
                where = lambda r, c=column, n=limit: None if r[c] is None else r[c] > n
            source = oracle.source_of(models[-1], level.below.keys, where)
        features = [
            oracle.Feature(name, lambda r, c=column: r[c], agg, window and v.duration(window))
            for name, agg, window in level.features
        ]
        step = level.step if level.step in (None, "event") else v.duration(level.step)
        models.append(
            oracle.View(
                source,
                level.keys,
                features,
                step,
                level.max_age and v.duration(level.max_age),
                v.duration(level.available_after) if level.available_after else 0,
            )
        )
    return models


class Chains(unittest.TestCase):
    def rows(self, rng, file):
        rows = []
        for number in range(rng.randint(1, 30)):
            at = START + rng.randrange(48) * HOUR // 2 + rng.choice([0, 0, 1, -1])
            values = {"k": rng.choice("ab"), "g": rng.randrange(2), "n": rng.choice([None, *range(8)])}
            rows.append(oracle.Row(values, at, at + rng.randrange(6) * HOUR, file, number))
        return rows

    def write(self, directory, file, rows):
        columns = {name: [row.values[name] for row in rows] for name in ("k", "g", "n")}
        table = {
            "k": pa.array(columns["k"], pa.string()),
            "g": pa.array(columns["g"], pa.int64()),
            "n": pa.array(columns["n"], pa.int64()),
            "at": pa.array([row.event_time for row in rows], pa.timestamp("us")),
            "made": pa.array([row.created_time for row in rows], pa.timestamp("us")),
        }
        pq.write_table(pa.table(table), directory / f"data/{file}.parquet")

    def asof(self, directory, *args):
        done = subprocess.run(
            [runner.BIN, *args], cwd=directory, capture_output=True, encoding="utf-8", timeout=runner.DEADLINE_S, check=False
        )
        self.assertEqual(done.returncode, 0, f"{args} in {directory}: {done.stderr}")
        return done.stdout

    def check(self, rng, directory, levels, models):
        times = sorted(START + rng.randrange(60) * HOUR // 2 + rng.choice([0, 1, -1]) for _ in range(60))
        spine = [(rng.choice("abc"), rng.randrange(2), t) for t in times]
        pq.write_table(
            pa.table(
                {
                    "k": [s[0] for s in spine],
                    "g": pa.array([s[1] for s in spine], pa.int64()),
                    "event_time": pa.array([s[2] for s in spine], pa.timestamp("us")),
                }
            ),
            directory / "spine.parquet",
        )
        known_at = rng.choice([None, "label", START + rng.randrange(60) * HOUR])
        args = ["--known-at", v.sql_time(known_at) + "Z" if isinstance(known_at, int) else known_at] if known_at else []
        names = ",".join(f"{level.name}.*" for level in levels)
        engine = rng.choice(["kernel", "sql"])
        self.asof(directory, "join", "--spine", "spine.parquet", "--features", names, "--out", "out.parquet", "--engine", engine, *args)
        got = pq.read_table(directory / "out.parquet").to_pylist()
        for (k, g, t), row in zip(spine, got, strict=True):
            for level, view in zip(levels, models):
                key = (k, g) if len(level.keys) == 2 else (k,)
                for name, cell in oracle.join_cells(view, key, t, known_at).items():
                    self.cells += cell is not None
                    self.assertEqual(row[f"{level.name}__{name}"], cell, f"{level.name}.{name} of {key} at {t} known at {known_at}")

    def test_a_chain_gives_what_the_oracle_gives_nested(self):
        self.cells = 0
        for seed in runner.seeds(1, CASES):
            with self.subTest(seed=seed):
                self.run_case(seed)
        runner.assert_checked(self, self.cells)

    def run_case(self, seed):
        rng = random.Random(f"chain {seed}")
        levels = chain(rng)
        directory = Path(tempfile.mkdtemp(prefix=f"asof-chain-{seed}-"))
        (directory / "features").mkdir()
        (directory / "data").mkdir()
        (directory / "asof.yaml").write_text(SETTINGS)
        (directory / "features/a.yaml").write_text(definitions(levels, True))
        rows = []
        for file in range(rng.randint(1, 3)):
            batch = self.rows(rng, file)
            rows += batch
            self.write(directory, file, batch)
            built = json.loads(self.asof(directory, "build", "--json", "--engine", rng.choice(["kernel", "sql"])))
            self.assertEqual([view["view"] for view in built["views"]], [level.name for level in levels])
            self.check(rng, directory, levels, model(levels, oracle.Source([(0, rows)], True)))
        shutil.rmtree(directory)


if __name__ == "__main__":
    unittest.main()
