"""More rows than an oracle in Python has time for: the kernels, from the lake and directly, in little memory and on any
number of threads, give what the reference SQL gives; of hot entities, which it is too slow for, what one thread gives.
"""

import decimal
import random
import tempfile
import unittest
from pathlib import Path

import numpy as np
import runner

import pyarrow as pa
import pyarrow.parquet as pq

CASES = 2
DAY = 86_400_000_000
HOUR = DAY // 24
ORIGIN = 11_323 * DAY  # 2001-01-01
TOLERANCE = 1e-12

STEPS = ["event", "15m", "1h", "1d"]
WINDOWS = {
    "event": ["90s", "1h", "7d"],
    "15m": ["15m", "1h", "1d"],
    "1h": ["1h", "6h", "7d"],
    "1d": ["1d", "7d"],
}
AGGS = {
    "x": ["count", "sum", "mean", "std", "min", "max", "first", "last", "median", "quantile(0.9)"],
    "n": ["count", "sum", "mean", "var", "min", "max", "last", "count_distinct"],
    "s": ["count", "first", "last", "count_distinct"],
    "d": ["sum", "mean", "min", "max"],
}


PRICES = pa.array([decimal.Decimal(n) / 4 for n in range(-999, 999)], pa.decimal128(12, 2))


class Data:
    """A source of one entity and a spine, from a seed."""

    def __init__(self, seed):
        self.rng = random.Random(f"large {seed}")
        self.random = np.random.default_rng(seed)
        self.seed = seed
        rng = self.rng
        self.events = rng.choice([50_000, 200_000])
        self.rows = rng.choice([100_000, 250_000])
        self.keys = rng.choice([1, 300, 20_000])
        self.hot = rng.choice([0, 0.5, 0.95])  # share of the rows that one key has
        self.key_type = rng.choice(["int64", "string"])
        self.days = rng.choice([3, 60])
        self.unit = rng.choice([1, HOUR // 4])  # of times: the coarser, the more ties
        self.is_sorted = rng.random() < 0.5
        self.has_created = rng.random() < 0.5

    def _keys(self, count):
        numbers = self.random.integers(0, self.keys, count)
        numbers[self.random.random(count) < self.hot] = 0
        nulls = self.random.random(count) < 0.01
        if self.key_type == "int64":
            return pa.array(numbers * 1_000_003 - 7, mask=nulls)
        names = np.array([f"key {n} {'x' * (n % 20)}" for n in range(self.keys)])
        return pa.array(names[numbers], mask=nulls)

    def _times(self, count):
        times = self.random.integers(0, self.days * DAY, count) // self.unit * self.unit + ORIGIN
        return np.sort(times) if self.is_sorted else times

    def _mask(self, count):
        return self.random.random(count) < 0.1

    def source(self):
        count = self.events
        times = self._times(count)
        columns = {
            "id": self._keys(count),
            "t": pa.array(times, pa.timestamp("us")),
            "x": pa.array(self.random.normal(1000, 1, count), mask=self._mask(count)),
            "n": pa.array(self.random.integers(-50, 50, count), mask=self._mask(count)),
            "s": pa.array(
                np.array(["", "a", "bb", "c" * 40])[self.random.integers(0, 4, count)],
                mask=self._mask(count),
            ),
            "d": PRICES.take(pa.array(self.random.integers(0, len(PRICES), count))),
        }
        if self.has_created:
            columns["made"] = pa.array(
                times + self.random.integers(-HOUR, DAY, count), pa.timestamp("us")
            )
        return pa.table(columns)

    def spine(self):
        return pa.table(
            {
                "label": pa.array(self.random.integers(0, 2, self.rows)),
                "id": self._keys(self.rows),
                "event_time": pa.array(
                    self._times(self.rows) + HOUR,
                    pa.timestamp("us"),
                    mask=self.random.random(self.rows) < 0.01,
                ),
            }
        )

    def definitions(self):
        lines = [
            "project: large",
            "entities: {e: {keys: {id: %s}}}" % self.key_type,
            "sources: {s: {path: data/*.parquet, event_time: t%s}}"
            % (", created_time: made" if self.has_created else ""),
            "views:",
            "  newest:",
            *self._head(),
            "    features: {x: {column: x}, s: {column: s, default: none}, d: {column: d}, n: {column: n, default: 0}}",
        ]
        for number in range(2):
            step = self.rng.choice(STEPS)
            lines += [f"  windows_{number}:", *self._head(), f"    step: {step}", "    features:"]
            for column in self.rng.sample(sorted(AGGS), 2):
                aggs = ", ".join(self.rng.sample(AGGS[column], 3))
                windows = ", ".join(self.rng.sample(WINDOWS[step], 2))
                lines.append(
                    f"      {column}: {{column: {column}, agg: [{aggs}], windows: [{windows}]}}"
                )
        return "\n".join(lines) + "\n"

    def _head(self):
        lines = ["    entity: e", "    source: s"]
        for name, choices in (
            ("max_age", [None, "1h", "7d"]),
            ("available_after", [None, "90s", "1d"]),
        ):
            value = self.rng.choice(choices)
            if value:
                lines.append(f"    {name}: {value}")
        return lines


class Large(unittest.TestCase):
    def expect_same(self, have, want, what):
        self.assertEqual(want.schema.names, have.schema.names)
        for name in want.schema.names:
            a, b = have[name].combine_chunks(), want[name].combine_chunks()
            if a.equals(b):
                continue
            self.assertEqual(b.type, a.type, f"{what}: {name}")
            self.assertTrue(a.is_null().equals(b.is_null()), f"{what}: {name} is NULL elsewhere")
            self.assertTrue(pa.types.is_floating(a.type), f"{what}: {name} differs")
            x, y = (c.drop_null().to_numpy() for c in (a, b))
            off = ~np.isclose(x, y, rtol=TOLERANCE, atol=0, equal_nan=True)
            self.assertFalse(off.any(), f"{what}: {name}: {x[off][:3]} is not {y[off][:3]}")

    def check(self, data, directory):
        run = runner.Project.__new__(runner.Project)
        run.directory = directory
        (directory / "data").mkdir()
        (directory / "asof.yaml").write_text(data.definitions())
        pq.write_table(data.source(), directory / "data" / "a.parquet", row_group_size=20_000)
        pq.write_table(data.spine(), directory / "spine.parquet", row_group_size=30_000)
        run.run("build")
        args = [
            "join",
            "--spine",
            str(directory / "spine.parquet"),
            "--features",
            "newest.*,windows_0.*,windows_1.*",
        ]
        out = directory / "out.parquet"
        is_slow = data.hot > 0 or data.keys == 1
        run.run(*args, *(["--threads", "1"] if is_slow else ["--engine", "sql"]), "--out", str(out))
        want = pq.read_table(out)
        for memory, is_direct in ((None, False), (None, True), ("256MiB", False), ("400MiB", True)):
            more = ["--threads", str(data.rng.choice([1, 2, 3, 8]))]
            more += ["--memory", memory] if memory else []
            more += ["--direct"] if is_direct else []
            run.run(*args, *more, "--out", str(out))
            self.expect_same(pq.read_table(out), want, " ".join(more))

    def test_kernels_give_what_the_reference_gives(self):
        for seed in runner.seeds(1, CASES):
            with self.subTest(seed=seed), tempfile.TemporaryDirectory() as directory:
                self.check(Data(seed), Path(directory))


if __name__ == "__main__":
    unittest.main()
