"""Compaction: joins give bit for bit what they gave before, also of rows that were folded."""

import os
import random
import unittest
from pathlib import Path

import gen
import project
import runner
import values as v

CASES = 24


def retain(directory, span):
    """Every view keeps what was known for `span` only."""
    path = directory / "features" / "b.yaml"
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        lines.append(line)
        if line.startswith("    entity: "):
            lines.append(f"    known_at_retention: {span}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


class Compacted:
    """A project built batch by batch, and what its joins give."""

    def __init__(self, run, case, stages):
        self.run = run
        self.rng = random.Random(f"compact {case.seed}")
        self.spine = run.directory / "spine.parquet"
        self.time_column = case.spine.time_column
        project.write_spine(case.spine, self.spine)
        for stage in range(stages):
            run.add_files(stage)
            run.build()

        listed = runner.json_of(run.run("list", "versions", "--json"))["versions"]
        current = {item["view"]: item["version"] for item in listed if item["current"]}
        self.versions_before = [f"{name}@{current[name]}.*" for name in sorted(current)]

    def joined(self, engine, known_at=None, features=None):
        out = self.run.directory / "out.parquet"
        args = ["--spine", str(self.spine), "--time-column", self.time_column]
        args += ["--features", ",".join(features)] if features else ["--service", "all_of_it"]
        args += ["--engine", engine, "--threads", "2"]
        if known_at is not None:
            args += ["--known-at", known_at]
        self.run.run("join", *args, "--out", str(out))
        return out.read_bytes()

    def compact(self):
        return runner.json_of(self.run.run("compact", "--json"))["views"]


class Compact(unittest.TestCase):
    def check_case(self, seed, stages, steps):
        case = gen.Case(seed, stages)
        label = Path(__file__).stem[len("test_") :]
        with self.subTest(seed=seed), runner.Project(case, label) as run:
            return steps(run, case)
        return 0

    def test_merged_files_answer_bit_for_bit_as_before_at_any_time(self):
        def steps(run, case):
            made = Compacted(run, case, 2)
            asked = [None, "label", *(v.rfc3339(case.instant()) for _ in range(2))]
            before = {(e, k): made.joined(e, k) for e in ("kernel", "sql") for k in asked}
            merged = sum(int(view["files_merged"]) for view in made.compact())
            for (engine, known_at), joined in before.items():
                self.assertEqual(made.joined(engine, known_at), joined, (engine, known_at))
            return merged

        merged = sum(self.check_case(seed, 2, steps) for seed in runner.seeds(700001, CASES // 2))
        if "ASOF_SEED" not in os.environ and "ASOF_CASES" not in os.environ:
            self.assertGreater(merged, 20)

    def test_folded_rows_answer_bit_for_bit_as_before(self):
        def steps(run, case):
            retain(run.directory, "1s")
            made = Compacted(run, case, 2)
            before = {engine: made.joined(engine) for engine in ("kernel", "sql")}
            views = made.compact()
            for engine, joined in before.items():
                self.assertEqual(made.joined(engine), joined, engine)
            told = [view["known_at_from"] for view in views if "known_at_from" in view]
            if told:  # what was known from there on is told as by the versions before
                after_all = [f"{view['view']}@{view['version']}.*" for view in sorted(views, key=lambda view: view["view"])]
                after = made.joined("kernel", max(told), after_all)
                self.assertEqual(after, made.joined("kernel", max(told), made.versions_before))
            return sum(int(view["rows_folded"]) for view in views)

        folded = sum(self.check_case(seed, 2, steps) for seed in runner.seeds(800001, CASES))
        if "ASOF_SEED" not in os.environ and "ASOF_CASES" not in os.environ:
            self.assertGreater(folded, 100)

    def test_batches_after_a_fold_are_added_to_what_was_folded(self):
        def steps(run, case):
            retain(run.directory, "1s")
            made = Compacted(run, case, 1)
            made.compact()
            run.add_files(1)
            run.build()
            joined = made.joined("kernel")
            made.compact()
            self.assertEqual(made.joined("kernel"), joined)
            run.run("build", "--full")
            self.assertEqual(made.joined("kernel"), joined)
            return 1

        sum(self.check_case(seed, 2, steps) for seed in runner.seeds(900001, CASES // 3))


if __name__ == "__main__":
    unittest.main()
