#!/usr/bin/env python3
"""join_duckdb.py SPEC - point-in-time join of plain views as DuckDB SQL: one ASOF LEFT JOIN per view, Parquet to Parquet.

SPEC as in project.py, and: out, threads, compression, memory (a DuckDB memory_limit, or null), spill (a directory).
"""
import json
import sys

import duckdb

from timing import Timed


def view_columns(spec, view, number):
    """Values of the row found, if it is not too old: ASOF finds the newest row of any age."""
    for column in view["columns"]:
        value = f"v{number}.{column}"
        if view.get("max_age_s"):
            age = f"s.{spec['time']} - v{number}.{view['time']}"
            value = f"CASE WHEN {age} <= INTERVAL {view['max_age_s']} SECOND THEN {value} END"
        yield f"{value} AS {view['name']}__{column}"


def join_sql(spec):
    columns, joins = ["s.*"], []
    for number, view in enumerate(spec["views"]):
        same = " AND ".join(f"s.{key} = v{number}.{key}" for key in view["keys"])
        joins.append(f"ASOF LEFT JOIN '{view['path']}' v{number} ON {same} "
                     f"AND s.{spec['time']} >= v{number}.{view['time']}")
        columns += view_columns(spec, view, number)
    return (f"COPY (SELECT {', '.join(columns)} FROM '{spec['spine']}' s {' '.join(joins)}) "
            f"TO '{spec['out']}' (FORMAT parquet, COMPRESSION {spec['compression']})")


def main():
    spec = json.loads(sys.argv[1])
    settings = {"threads": spec["threads"], "temp_directory": spec["spill"], "preserve_insertion_order": False}
    if spec.get("memory"):
        settings["memory_limit"] = spec["memory"]
    with Timed("DuckDB", duckdb.__version__):
        with duckdb.connect(config=settings) as db:
            db.execute(join_sql(spec))


if __name__ == "__main__":
    main()
