"""Serving: at any clock after materialization the answer is the point-in-time join at that clock,
as if nothing later existed."""

import random
import unittest

import compare
import gen
import on_demand
import project
import runner
import values as v
from gen import oracle

import pyarrow as pa
import pyarrow.parquet as pq

CASES = 40
GETS = 2
KEYS = 40
ARROW_NAMES = {arrow_type: name for name, arrow_type in project.ARROW.items()}
ARROW_NAMES[pa.timestamp("us", "UTC")] = "timestamp"


def key_text(value, type_name):
    """A key as it stands on a command line or in a URL."""
    if type_name == "timestamp":
        return v.rfc3339(value)
    if type_name == "bool":
        return "true" if value else "false"
    return str(value)


def key_json(value, type_name):
    return (
        value if type_name in ("string", "int64", "int32", "bool") else key_text(value, type_name)
    )


class Serving:
    """A project whose views are materialized, and the questions asked of it."""

    def __init__(self, run, case):
        self.run = run
        self.case = case
        self.rng = random.Random(f"online {case.seed}")
        self.commits = []
        self.materialized_at = None
        self.cells = 0

    def build(self):
        self.run.add_files(len(self.commits))
        self.commits.append(self.run.build())

    def materialize(self):
        """At some instant, never before that of the last time."""
        times = [
            row.event_time
            for source in self.case.sources
            for row in source.rows()
            if row.event_time is not None
        ]
        at = self.case.instant()
        if times and self.rng.random() < 0.3:
            at = max(times) + self.rng.randint(0, v.DAY)
        if self.materialized_at is not None:
            at = max(at, self.materialized_at)
        self.run.run("materialize", "--at", v.rfc3339(at))
        if self.rng.random() < 0.3:  # once more changes nothing
            self.run.run("materialize", "--at", v.rfc3339(at))
        self.materialized_at = at

    def clocks(self):
        """The instant of materialization, one before, and some after."""
        at = self.materialized_at
        later = [max(at, self.case.instant()) for _ in range(2)]
        later.append(self.case.clock.near(at + self.rng.randint(0, 40) * self.case.clock.unit))
        return [at, at - v.DAY] + [max(at, t) for t in later]

    def keys(self, entity):
        """Keys that occur, mixtures and strangers; none with a NULL, which no request can hold."""
        keys = list(self.case.keys_seen[entity]) + [self.case.key(entity, 0) for _ in range(8)]
        return keys[:KEYS]

    def check(self, clock):
        """All views at one clock, over HTTP; what is wrong."""
        models = self.case.models([after for _, after in self.commits])
        faults = []
        with runner.Server(self.run, v.rfc3339(clock)) as server:
            for view in self.case.views:
                keys = self.keys(view.entity)
                rows = server.batch(view.name, self._entities(view, keys))
                faults += self._faults(models, view, keys, rows, clock)
                one = self.rng.choice(keys)
                faults += self._faults(
                    models, view, [one], [server.row(view.name, self._texts(view, one))], clock
                )
            faults += self._service_faults(models, server, clock)
        return faults[:8]

    def check_get(self, clock):
        """Some keys by `asof get`."""
        models = self.case.models([after for _, after in self.commits])
        faults = []
        for _ in range(GETS):
            view = self.rng.choice(self.case.views)
            key = self.rng.choice(self.keys(view.entity))
            row = self.run.get(view.name, self._texts(view, key), v.rfc3339(clock))
            faults += self._faults(models, view, [key], [row], clock)
        return faults

    def _types(self, view):
        return self.case.entities[view.entity]

    def _texts(self, view, key):
        return {name: key_text(part, t) for (name, t), part in zip(self._types(view), key)}

    def _entities(self, view, keys):
        return {
            name: [key_json(key[i], t) for key in keys]
            for i, (name, t) in enumerate(self._types(view))
        }

    def _faults(self, models, view, keys, rows, clock):
        where = (
            f"{view.name} materialized {v.rfc3339(self.materialized_at)}, clock {v.rfc3339(clock)}"
        )
        if len(rows) != len(keys):
            return [f"{where}: {len(rows)} rows for {len(keys)} keys"]
        faults = []
        for key, row in zip(keys, rows):
            event_time, cells = oracle.online(models[view.name], key, self.materialized_at, clock)
            for what in self._row_faults(view, row, event_time, cells):
                faults.append(f"{where}, key {key!r:.80}: {what}")
        return faults

    def _row_faults(self, view, row, event_time, cells):
        want_time = event_time if event_time is None else v.rfc3339(event_time)
        if (
            row["view"] != view.name
            or set(row["features"]) != set(cells)
            or set(row["statuses"]) != set(cells)
        ):
            return [f"got {row!r:.500}"]
        faults = []
        if row["event_time"] != want_time:
            faults.append(f"event_time {row['event_time']}, want {want_time}")
        return faults + self._cell_faults(view, row["features"], row["statuses"], cells)

    def _cell_faults(self, view, features, statuses, cells, prefix=""):
        faults = []
        for feature, type_name in view.outputs():
            want, status = cells[feature.name]
            got = features[prefix + feature.name]
            self.cells += 1
            if statuses[prefix + feature.name] != status:
                faults.append(
                    f"{feature.name} is {statuses[prefix + feature.name]} ({got!r}), want {status} ({want!r})"
                )
            elif not compare.same(compare.json_cell(got, type_name), want, type_name):
                faults.append(f"{feature.name} is {got!r}, want {want!r}")
        return faults

    def _service_faults(self, models, server, clock):
        """Many keys of a service: one answer over all its views."""
        keys = [{e: self.rng.choice(self.keys(e)) for e in self.case.entities} for _ in range(10)]
        entities = {}
        for entity, parts in self.case.entities.items():
            for i, (name, t) in enumerate(parts):
                entities[name] = [key_json(key[entity][i], t) for key in keys]
        rows = server.service_batch("all_of_it", entities)
        if len(rows) != len(keys):
            return [f"service: {len(rows)} rows for {len(keys)} keys"]
        faults = []
        for key, row in zip(keys, rows):
            for view in self.case.views:
                event_time, cells = oracle.online(
                    models[view.name], key[view.entity], self.materialized_at, clock
                )
                want_time = event_time if event_time is None else v.rfc3339(event_time)
                if row["event_times"].get(view.name) != want_time:
                    faults.append(
                        f"service: {view.name} at {row['event_times'].get(view.name)}, want {want_time}"
                    )
                found = self._cell_faults(
                    view, row["features"], row["statuses"], cells, f"{view.name}."
                )
                faults += [
                    f"service at clock {v.rfc3339(clock)}, {view.name}, key {key[view.entity]!r:.80}: {f}"
                    for f in found
                ]
        return faults

    def check_against_join(self):
        """At the instant of materialization the server's answer is the join's, bit for bit."""
        at = self.materialized_at
        faults = []
        with runner.Server(self.run, v.rfc3339(at)) as server:
            for view in self.case.views:
                keys = self.keys(view.entity)
                rows = server.batch(view.name, self._entities(view, keys))
                table = self._joined(view, keys, at)
                for feature, type_name in view.outputs():
                    cells = compare.arrow_cells(table[f"{view.name}__{feature.name}"])
                    for key, row, want in zip(keys, rows, cells):
                        got = compare.json_cell(row["features"][feature.name], type_name)
                        self.cells += 1
                        if not compare.same(got, want, type_name):
                            faults.append(
                                f"{view.name}.{feature.name}, key {key!r:.80}, at {v.rfc3339(at)}: "
                                f"online {got!r}, join {want!r}"
                            )
            for view in self.case.on_demand:
                faults += self._on_demand_faults(view, server, at)
        return faults[:8]

    def _joined(self, view, keys, at):
        columns = {
            name: pa.array([key[i] for key in keys], project.ARROW[t])
            for i, (name, t) in enumerate(self._types(view))
        }
        return self._join(columns, at, [f"{view.name}.{f.name}" for f, _ in view.outputs()])

    def _join(self, columns, at, features):
        count = len(next(iter(columns.values())))
        columns["event_time"] = pa.array([at] * count, pa.timestamp("us"))
        spine, out = self.run.directory / "spine.parquet", self.run.directory / "joined.parquet"
        pq.write_table(pa.table(columns), spine)
        self.run.run(
            "join", "--spine", str(spine), "--out", str(out), "--features", ",".join(features)
        )
        return pq.read_table(out)

    def _on_demand_faults(self, view, server, at):
        """Values of requests as columns of a spine, and as requests: of the view, and of its
        features among others."""
        keys = [{e: self.rng.choice(self.keys(e)) for e in view.entities} for _ in range(KEYS)]
        asked = [on_demand.request(self.rng) for _ in keys]
        columns, entities = {}, {}
        for entity in view.entities:
            for i, (name, t) in enumerate(self.case.entities[entity]):
                columns[name] = pa.array([key[entity][i] for key in keys], project.ARROW[t])
                entities[name] = [key_json(key[entity][i], t) for key in keys]
        request = {}
        for name, (t, _) in on_demand.REQUEST.items():
            column = [values[name] for values in asked]
            columns[name] = pa.array(column, project.ARROW[t])
            request[name] = [
                value if value is None or t == "float64" else key_json(value, t) for value in column
            ]
        names = [name for name, _ in view.features]
        table = self._join(columns, at, [f"{view.name}.{name}" for name in names])
        if not view.entities:  # no key says how many rows are asked for
            return []
        rows = server.batch(view.name, entities, request)
        mixed = server.features_batch(
            [f"{view.name}.{name}" for name in names], entities, request
        )
        faults = []
        for name in names:
            column = table[f"{view.name}__{name}"]
            for i, want in enumerate(compare.arrow_cells(column)):
                where = f"{view.name}.{name}, key {keys[i]!r:.80}, asked {asked[i]!r}"
                for features, full in ((rows[i], name), (mixed[i], f"{view.name}.{name}")):
                    faults += self._value_faults(where, features, full, want, column.type)
        return faults

    def _value_faults(self, where, row, name, want, arrow_type):
        type_name = "decimal" if pa.types.is_decimal(arrow_type) else ARROW_NAMES[arrow_type]
        got = compare.json_cell(row["features"][name], type_name)
        self.cells += 1
        is_present = row["statuses"][name] == "PRESENT"
        if compare.same(got, want, type_name) and is_present == (want is not None):
            return []
        return [f"{where}: online {got!r} ({row['statuses'][name]}), join {want!r}"]


class Online(unittest.TestCase):
    label = "online"
    cases = CASES

    def store(self, seed):
        """The URI of an empty store."""
        return "lmdb:./online"

    def check_case(self, seed, stages, steps):
        case = gen.Case(seed, stages, for_online=True)
        with self.subTest(seed=seed), runner.Project(case, self.label, self.store(seed)) as run:
            serving = Serving(run, case)
            steps(serving)
            return serving.cells
        return 0

    def check_all(self, first, count, stages, steps):
        cells = sum(self.check_case(seed, stages, steps) for seed in runner.seeds(first, count))
        runner.assert_checked(self, cells)

    def test_every_answer_is_what_the_oracle_computes(self):
        def steps(serving):
            serving.build()
            serving.materialize()
            clocks = serving.clocks()
            for clock in serving.rng.sample(clocks, k=3):
                self.assertEqual([], serving.check(clock))
            self.assertEqual([], serving.check_get(serving.rng.choice(clocks)))

        self.check_all(200001, self.cases // 2, 1, steps)

    def test_late_rows_are_merged_once_into_what_was_materialized(self):
        def steps(serving):
            serving.build()
            serving.materialize()
            serving.build()
            serving.materialize()
            clocks = serving.clocks()
            for clock in serving.rng.sample(clocks, k=2):
                self.assertEqual([], serving.check(clock))
            self.assertEqual([], serving.check_get(serving.rng.choice(clocks)))

        self.check_all(300001, self.cases // 4, 2, steps)

    def test_serving_equals_training_bit_for_bit(self):
        def steps(serving):
            serving.build()
            serving.materialize()
            self.assertEqual([], serving.check_against_join())

        self.check_all(400001, self.cases // 4, 1, steps)


if __name__ == "__main__":
    unittest.main()
