#!/usr/bin/env python3
"""windows_duckdb.py SPEC - per row, aggregates over the window (T - W, T] of its key, by RANGE frames of DuckDB.

SPEC: {"source", "key", "time", "value", "windows": {NAME: SECONDS}, "out", "threads", "compression", "spill"}. A frame has
both its ends, so it begins a microsecond later. Rows of the same time are in each other's frames, as they shall be.
"""
import json
import sys

import duckdb

from timing import Timed

AGGREGATES = {"count": "count({0})", "sum": "sum({0})", "mean": "avg({0})", "min": "min({0})", "max": "max({0})",
              "std": "stddev_samp({0})"}
TYPES = {"count": "::BIGINT", "sum": "::BIGINT"}


def windows_sql(spec):
    columns, frames = [spec["key"], spec["time"]], []
    for name, seconds in spec["windows"].items():
        frames.append(f"w{name} AS (PARTITION BY {spec['key']} ORDER BY {spec['time']} RANGE BETWEEN "
                      f"to_microseconds({seconds * 1000000 - 1}) PRECEDING AND CURRENT ROW)")
        columns += [f"({sql.format(spec['value'])} OVER w{name}){TYPES.get(aggregate, '')} AS {aggregate}_{name}"
                    for aggregate, sql in AGGREGATES.items()]
    return (f"COPY (SELECT {', '.join(columns)} FROM '{spec['source']}' WINDOW {', '.join(frames)}) "
            f"TO '{spec['out']}' (FORMAT parquet, COMPRESSION {spec['compression']})")


def main():
    spec = json.loads(sys.argv[1])
    settings = {"threads": spec["threads"], "temp_directory": spec["spill"], "preserve_insertion_order": False}
    with Timed("DuckDB", duckdb.__version__):
        with duckdb.connect(config=settings) as db:
            db.execute(windows_sql(spec))


if __name__ == "__main__":
    main()
