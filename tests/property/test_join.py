"""Training sets: every cell that `asof join` writes is the one that the oracle computes."""

import random
import time
import unittest
from pathlib import Path

import compare
import gen
import project
import runner
import values as v
from gen import oracle

import pyarrow.parquet as pq

CASES = 40
FAR_FUTURE = v.duration("7d") * 52 * 130  # in the year 2099


class Training:
    """A project, what was committed so far, and joins of its spine."""

    def __init__(self, run, case):
        self.run = run
        self.case = case
        self.rng = random.Random(f"join {case.seed}")
        self.stages = 0  # whose files are there
        self.commits = []  # the interval in which each stage's commits were made
        self.cells = 0
        self.refused = 0  # joins for want of memory
        self.spine = run.directory / "spine.parquet"
        project.write_spine(case.spine, self.spine)

    def add_files(self):
        self.run.add_files(self.stages)
        self.stages += 1

    def build(self):
        if self.stages == len(self.commits):
            self.add_files()
        self.commits.append(self.run.build("--threads", self._threads()))

    def _threads(self):
        return str(self.rng.choice([1, 2, 3, 8]))

    def _how(self, is_direct):
        """By what, on how many threads, in how much memory."""
        rng = self.rng
        args = ["--threads", self._threads()]
        args += ["--engine", rng.choice(["kernel", "kernel", "sql"])]
        if rng.random() < 0.3:
            args += ["--memory", rng.choice(["100MiB", "120MiB", "200MiB"])]
        return args + (["--direct"] if is_direct else [])

    def models(self, is_direct):
        if is_direct:
            return self.case.direct_models(time.time_ns() // 1000, self.stages)
        return self.case.models([after for _, after in self.commits])

    def known_at(self):
        """None, 'label', or an instant at which it is decided which rows were known."""
        rng = self.rng
        roll = rng.random()
        if roll < 0.3:
            return None
        if roll < 0.5:
            return "label"
        if roll < 0.6:
            return FAR_FUTURE
        if roll < 0.75 and self.commits:
            return rng.choice(self.commits)[1]
        rows = [
            row
            for source in self.case.sources
            for row in source.rows()
            if row.created_time is not None
        ]
        if not rows:
            return self.case.instant()
        row = rng.choice(rows)
        instant = (
            row.event_time
            if row.event_time is not None and rng.random() < 0.3
            else row.created_time
        )
        if rng.random() < 0.5:
            instant = oracle.ceil_to(instant, self.case.clock.unit)
        return self.case.clock.near(instant)

    def _is_decided(self, known_at):
        """Does no commit's outcome depend on when exactly it was made?"""
        if not isinstance(known_at, int):
            return True
        limits = [known_at]
        limits += [
            oracle.floor_to(known_at, v.duration(view.step))
            for view in self.case.views
            if view.step not in (None, "event")
        ]
        return not any(
            before <= limit < after for before, after in self.commits for limit in limits
        )

    def check(self, is_direct=None):
        """One join with random options; a list of what is wrong, at most a few lines."""
        rng = self.rng
        if is_direct is None:
            is_direct = rng.random() < 0.4
        known_at = self.known_at()
        while not self._is_decided(known_at):
            known_at = self.known_at()
        wanted = self._wanted()
        out = self.run.directory / f"out-{rng.randrange(10**9)}.parquet"
        args = ["join", "--spine", str(self.spine), "--out", str(out), *self._how(is_direct)]
        if len(wanted) == len(self.case.services["all_of_it"]):
            args += ["--service", "all_of_it"]
        else:
            args += ["--features", ",".join(f"{view.name}.{name}" for view, name in wanted)]
        if self.case.spine.time_column != "event_time" or rng.random() < 0.3:
            args += ["--time-column", self.case.spine.time_column]
        if known_at is not None:
            args += ["--known-at", known_at if known_at == "label" else v.rfc3339(known_at)]
        if not self._runs(args):
            return []
        faults = self._spine_faults(out, wanted) or self._cell_faults(
            out, wanted, known_at, self.models(is_direct)
        )
        return [f"{' '.join(args)}: {fault}" for fault in faults]

    def _runs(self, args):
        """False where the memory it was given is, as it says, too little."""
        try:
            self.run.run(*args)
        except AssertionError as error:
            if "--memory" in args and "needs more memory than --memory allows" in str(error):
                self.refused += 1
                return False
            raise
        return True

    def _wanted(self):
        everything = self.case.services["all_of_it"]
        if self.rng.random() < 0.7:
            return everything
        return self.rng.sample(everything, k=self.rng.randint(1, len(everything)))

    def _spine_faults(self, out, wanted):
        """The spine's columns and rows come through untouched, in order, before the features."""
        spine, made = pq.read_table(self.spine), pq.read_table(out)
        names = made.schema.names[: len(spine.schema.names)]
        if names != spine.schema.names:
            return [f"spine columns are {names}, not {spine.schema.names}"]
        features = made.schema.names[len(names) :]
        if sorted(features) != sorted(f"{view.name}__{name}" for view, name in wanted):
            return [f"feature columns are {features}"]
        if made.num_rows != spine.num_rows:
            return [f"{made.num_rows} rows, not {spine.num_rows}"]
        faults = []
        for name in names:
            if made.schema.field(name).type != spine.schema.field(name).type:
                faults.append(
                    f"spine column {name!r} is {made.schema.field(name).type}, was {spine.schema.field(name).type}"
                )
            elif self._texts(made[name]) != self._texts(spine[name]):
                faults.append(f"spine column {name!r} was changed")
        return faults

    def _texts(self, column):
        """Cells to be compared as they are, but for the sign of zero: see compare.same()."""
        return [repr(c + 0.0 if isinstance(c, float) else c) for c in compare.arrow_cells(column)]

    def _cell_faults(self, out, wanted, known_at, models):
        made = pq.read_table(out)
        columns = {name: compare.arrow_cells(made[name]) for name in made.schema.names}
        faults = []
        for view in {view.name: view for view, _ in wanted}.values():
            outputs = [(f, t) for f, t in view.outputs() if (view, f.name) in wanted]
            answers = {}
            for number, row in enumerate(self.case.spine.rows):
                key = self.case.spine.key_of(row, view.entity)
                t = row[self.case.spine.time_column]
                if (key, t) not in answers:
                    answers[key, t] = oracle.join_cells(models[view.name], key, t, known_at)
                for feature, type_name in outputs:
                    self.cells += 1
                    got, want = (
                        columns[f"{view.name}__{feature.name}"][number],
                        answers[key, t][feature.name],
                    )
                    if not compare.same(got, want, type_name):
                        faults.append(
                            f"{view.name}.{feature.name} at row {number}, key {short(key)}, T {t and v.rfc3339(t)}: "
                            f"got {got!r}, want {want!r}"
                        )
        return [*faults[:8], f"{len(faults)} cells differ"] if faults else []


def short(key):
    return tuple(part if len(repr(part)) < 60 else repr(part)[:50] + ".." for part in key)


class Join(unittest.TestCase):
    def check_case(self, seed, stages, steps):
        case = gen.Case(seed, stages)
        with self.subTest(seed=seed), runner.Project(
            case, Path(__file__).stem[len("test_") :]
        ) as run:
            training = Training(run, case)
            steps(training)
            return training.cells
        return 0

    def assert_agrees(self, training, joins, is_direct=None):
        for _ in range(joins):
            self.assertEqual([], training.check(is_direct))

    def test_every_cell_of_a_join_is_what_the_oracle_computes(self):
        def steps(training):
            training.build()
            self.assert_agrees(training, 3)

        cells = sum(self.check_case(seed, 1, steps) for seed in runner.seeds(1, CASES // 2))
        runner.assert_checked(self, cells)

    def test_a_direct_join_needs_no_build(self):
        def steps(training):
            for _ in range(2):
                training.add_files()
                self.assert_agrees(training, 2, is_direct=True)

        cells = sum(self.check_case(seed, 2, steps) for seed in runner.seeds(500001, CASES // 4))
        runner.assert_checked(self, cells)

    def test_late_files_give_what_one_build_of_all_would_give(self):
        def steps(training):
            training.build()
            self.assert_agrees(training, 1)
            training.build()
            self.assert_agrees(training, 3)
            training.run.run("build", "--full")
            training.commits = [training.commits[-1]] * len(training.commits)
            training.known_at = lambda: None  # a full build has commit times of its own
            self.assert_agrees(training, 1)

        cells = sum(self.check_case(seed, 2, steps) for seed in runner.seeds(100001, CASES // 2))
        runner.assert_checked(self, cells)


if __name__ == "__main__":
    unittest.main()
