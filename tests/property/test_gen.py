"""The generator itself: its projects are valid, its files hold what the oracle is told, its SQL
means what its Python does."""

import re
import tempfile
import unittest
from pathlib import Path

import compare
import gen
import project
import values as v

import duckdb

SEEDS = range(1, 26)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
DUCKDB = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "int32": "INTEGER",
    "bool": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "float64": "DOUBLE",
    "float32": "FLOAT",
    "bytes": "BLOB",
    "list<int64>": "BIGINT[]",
    "list<string>": "VARCHAR[]",
    "uuid": "UUID",
    "decimal(10,2)": "DECIMAL(10,2)",
    "decimal(18,6)": "DECIMAL(18,6)",
}


class Generator(unittest.TestCase):
    def test_a_seed_makes_the_same_project_twice(self):
        for seed in (1, 2, 3):
            with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
                self.assertEqual(self.written(seed, Path(one)), self.written(seed, Path(two)))

    def written(self, seed, directory):
        case = gen.Case(seed)
        project.write_definitions(case, directory)
        project.write_data(case, directory, 0)
        project.write_spine(case.spine, directory / "spine.parquet")
        return {
            str(p.relative_to(directory)): p.read_bytes()
            for p in directory.rglob("*")
            if p.is_file()
        }

    def test_definitions_obey_the_rules_of_names_and_windows(self):
        for seed in SEEDS:
            case = gen.Case(seed, 2)
            outputs = [f"{view.name}__{f.name}" for view in case.views for f, _ in view.outputs()]
            self.assertEqual(len(outputs), len(set(outputs)))
            for name in outputs:
                self.assertTrue(NAME.fullmatch(name), name)
            for view in case.views:
                self.check_windows(view)
            for source in case.sources:
                self.assertTrue(any(f.stage == 0 for f in source.files))
                self.assertEqual(len(source.files), len({f.path for f in source.files}))

    def check_windows(self, view):
        self.assertEqual(view.step is not None, any(f.windows for f in view.features))
        for feature in view.features:
            lengths = [v.duration(w) for w in feature.windows]
            self.assertEqual(len(lengths), len(set(lengths)))
            if view.step not in (None, "event"):
                self.assertEqual([0] * len(lengths), [w % v.duration(view.step) for w in lengths])

    def test_integer_sums_fit_for_every_key_and_window(self):
        for seed in SEEDS:
            for source in gen.Case(seed).sources:
                per_key = {}
                for row in source.rows():
                    key = tuple(row.values[k[0]] for k in source.keys)
                    per_key.setdefault(key, []).append(row.values["big"] or 0)
                for values in per_key.values():
                    self.assertLess(abs(sum(values)), 2**63)

    def test_files_hold_what_the_oracle_is_told(self):
        for seed in SEEDS:
            case = gen.Case(seed)
            with tempfile.TemporaryDirectory() as directory:
                project.write_data(case, Path(directory), 0)
                for source in case.sources:
                    for f in source.files:
                        with self.subTest(seed=seed, path=f.path):
                            self.check_file(source, f, Path(directory) / f.path)

    def check_file(self, source, f, path):
        types = {name: t for name, t, _ in source.keys}
        types.update(source.types())
        expressions = {name: gen.SELECTS[name][0] for name in source.selects}
        where = source.filter[0] if source.filter else "true"
        listed = ", ".join(
            f'({expressions.get(name, chr(34) + name + chr(34))}) as "{name}"' for name in types
        )
        with duckdb.connect() as connection:
            connection.execute("set threads = 1; set timezone = 'UTC'")
            table = connection.execute(
                f"select {listed}, ({where}) as kept from {self.reader(source, path)}"
            ).to_arrow_table()
        self.assertEqual(len(f.rows), table.num_rows)
        for name, type_name in types.items():
            for row, got in zip(f.rows, compare.arrow_cells(table[name])):
                if type_name == "uuid" and got is not None:
                    got = v.uuid.UUID(got)  # DuckDB hands it out as text
                if type_name == "bytes":
                    self.assertEqual(row.values[name], got)
                else:
                    self.assertTrue(
                        compare.same(got, row.values[name], type_name),
                        f"{name}: {got!r}, want {row.values[name]!r}",
                    )
        kept = [source.filter is None or source.filter[1](row.values) is True for row in f.rows]
        self.assertEqual(kept, [cell is True for cell in table["kept"].to_pylist()])

    def reader(self, source, path):
        name = str(path).replace("'", "''")
        if source.format == "parquet":
            return f"read_parquet('{name}')"
        if (
            source.format == "json"
        ):  # left to itself, DuckDB makes HUGEINT of integers of both signs
            types = {**{column: t for column, t, _ in source.keys}, **source.columns}
            columns = ", ".join(f"'{column}': '{DUCKDB[t]}'" for column, t in types.items())
            return f"read_json('{name}', columns = {{{columns}}})"
        keys = ", ".join(f"'{column}': '{DUCKDB[t]}'" for column, t, _ in source.keys)
        return f"read_csv('{name}', header = true, allow_quoted_nulls = false, types = {{{keys}}})"

    def test_the_interesting_cases_do_occur(self):
        found = {
            "null key": 0,
            "null time": 0,
            "tie": 0,
            "epoch": 0,
            "csv": 0,
            "json": 0,
            "late": 0,
            "early": 0,
        }
        for seed in SEEDS:
            for source in gen.Case(seed).sources:
                found[source.format] = found.get(source.format, 0) + 1
                self.count(source, found)
        self.assertEqual([], [name for name, count in found.items() if count == 0])

    def count(self, source, found):
        seen = set()
        for row in source.rows():
            key = tuple(row.values[k[0]] for k in source.keys)
            found["null key"] += None in key
            found["null time"] += row.event_time is None
            found["tie"] += (key, row.event_time) in seen
            seen.add((key, row.event_time))
            found["epoch"] += row.event_time is not None and row.event_time < 0
            if row.created_time is not None and row.event_time is not None:
                found["late"] += row.created_time > row.event_time
                found["early"] += row.created_time < row.event_time


if __name__ == "__main__":
    unittest.main()
