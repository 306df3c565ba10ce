"""Pushes: what is online is what a materialization of everything pushed would have given, at any
later clock, and a build reads the same rows."""

import math
import unittest
import urllib.parse

import gen
import project
import runner
import values as v
from gen import oracle
from test_online import Serving

CASES = 24


def cell(value, type_name):
    """A value as it stands in a push."""
    if value is None or type_name in ("string", "int64", "int32", "bool"):
        return value
    if type_name.startswith("list<"):
        return [cell(item, type_name[5:-1]) for item in value]
    if type_name in ("float64", "float32"):
        return value if math.isfinite(value) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if type_name == "timestamp":
        return v.rfc3339(value)
    return str(value)


def document(source, row, number):
    """A row of a source as a push has it; an absent column is NULL, too."""
    types = {name: t for name, t, _ in source.keys}
    types.update(source.columns)
    cells = {name: cell(row.values[name], t) for name, t in types.items()}
    is_number = source.time_form == "number"
    cells["ts"] = row.event_time if is_number else cell(row.event_time, "timestamp")
    if source.has_created_time:
        cells["cr"] = cell(row.created_time, "timestamp")
    return {n: c for n, c in cells.items() if c is not None or number % 2 == 0}


class Pushing(Serving):
    """The files of stage 0 are there from the start; the rows of all others are pushed."""

    def __init__(self, run, case):
        super().__init__(run, case)
        self.clock = None
        self.pushed = {source.name: [] for source in case.sources}
        self.waiting = []  # (source, rows)
        self.sent = []  # (source, rows, id)
        for source in case.sources:
            rows = [row for f in source.files if f.stage > 0 for row in f.rows]
            self.rng.shuffle(rows)
            while rows:
                count = self.rng.randint(1, 12)
                self.waiting.append((source, rows[:count]))
                rows = rows[count:]
        self.rng.shuffle(self.waiting)

    def models(self):
        """The files' rows up to the last materialization and all that was pushed."""
        made = {}
        for source in self.case.sources:
            number = 0
            early, late = [], []
            for f in sorted((f for f in source.files if f.stage == 0), key=lambda f: f.path.encode()):
                for row in f.rows:
                    row.file, row.number, number = 0, number, number + 1
                    if row.event_time is not None and row.event_time <= self.last_at:
                        early.append(row)
            for row in self.pushed[source.name]:
                row.file, row.number, number = 1, number, number + 1
                late.append(row)
            built = self.commits[0][1]
            model = oracle.Source(
                [(built, early), (built + 1, late)],
                source.has_created_time,
                source.filter and source.filter[1],
            )
            for view in self.case.views:
                if view.source is source:
                    made[view.name] = view.model(model)
        return made

    def materialize(self):
        super().materialize()
        self.last_at = self.materialized_at

    def begin_session(self):
        """A clock not before any other."""
        later = self.case.clock.near(self.last_at + self.rng.randint(0, 20) * self.case.clock.unit)
        self.clock = max(later, self.last_at, self.clock or 0)
        if self.rng.random() < 0.4:
            self.clock = max(self.clock, self.case.instant())

    def push(self, server, source, rows, request_id):
        path = "/push/" + urllib.parse.quote(source.name)
        body = {"rows": [document(source, row, n) for n, row in enumerate(rows)]}
        status, text = server.request("POST", path, body, {"X-Request-ID": request_id})
        if status != 200:
            raise AssertionError(f"{path} answered {status}: {text[:500]!r}")
        answer = runner.json_of(text)
        want = {"accepted": len(rows), "request_id": request_id}
        if answer != want:
            raise AssertionError(f"{path} answered {answer}, want {want}")

    def push_some(self, server, most):
        for _ in range(self.rng.randint(1, most)):
            if self.sent and self.rng.random() < 0.2:
                self.push(server, *self.rng.choice(self.sent))
            if not self.waiting:
                return
            source, rows = self.waiting.pop()
            request_id = f"request-{len(self.sent)}"
            self.push(server, source, rows, request_id)
            self.sent.append((source, rows, request_id))
            self.pushed[source.name] += rows

    def check_served(self, server):
        models = self.models()
        self.materialized_at = max(self.clock, self.last_at)
        faults = []
        for view in self.case.views:
            keys = self.keys(view.entity)
            rows = server.batch(view.name, self._entities(view, keys))
            faults += self._faults(models, view, keys, rows, self.clock)
        self.materialized_at = self.last_at
        return faults[:8]

    def session(self, most):
        """Push and look, with a server that runs at one clock."""
        faults = []
        self.begin_session()
        with runner.Server(self.run, v.rfc3339(self.clock)) as server:
            faults += self.check_served(server)
            self.push_some(server, most)
            faults += self.check_served(server)
        return faults[:8]


class Push(unittest.TestCase):
    label = "push"
    cases = CASES

    def store(self, seed):
        """The URI of an empty store."""
        return "lmdb:./online"

    def check_all(self, first, count, steps):
        cells = 0
        for seed in runner.seeds(first, count):
            case = gen.Case(seed, 2, for_online=True)
            with self.subTest(seed=seed), runner.Project(
                case, self.label, self.store(seed)
            ) as run:
                pushing = Pushing(run, case)
                steps(pushing)
                cells += pushing.cells
        runner.assert_checked(self, cells)

    def begin(self, pushing):
        pushing.run.add_files(0)
        pushing.commits.append(pushing.run.build())
        pushing.materialize()

    def test_a_pushed_row_is_in_the_next_read(self):
        def steps(pushing):
            self.begin(pushing)
            for _ in range(2):
                self.assertEqual([], pushing.session(8))

        self.check_all(600001, self.cases // 2, steps)

    def test_builds_and_materializations_between_pushes_lose_and_double_nothing(self):
        def steps(pushing):
            self.begin(pushing)
            for _ in range(3):
                self.assertEqual([], pushing.session(6))
                if pushing.rng.random() < 0.6:
                    pushing.run.build()
                if pushing.rng.random() < 0.6:
                    pushing.materialize()
            self.assertEqual([], pushing.session(3))

        self.check_all(700001, self.cases // 2, steps)

    def test_a_join_after_a_build_has_what_was_pushed(self):
        def steps(pushing):
            self.begin(pushing)
            self.assertEqual([], pushing.session(40))
            pushing.run.build()
            pushing.materialize()
            self.assertEqual([], pushing.check_against_join())

        self.check_all(800001, self.cases // 4, steps)


if __name__ == "__main__":
    unittest.main()
