#!/usr/bin/env python3
"""generate.py SPEC - a file of rows without order, written by DuckDB; the same rows whatever the machine or the threads.

SPEC: {"out", "rows", "seed", "keys": {COLUMN: HOW MANY}, "time": COLUMN, "from", "days", "step_s" (times are multiples of
it; null: microseconds), "columns": [..]}: doubles of 32 random bits. With "every": one row per key and step, in random order.
"""
import json
import os
import sys

import duckdb

US = 1000000


def random_bits(seed, column):
    """64 bits of a row's number and a column's."""
    return f"hash(i * 64 + {column + seed * 10**15})"


def key_and_time(spec):
    """Expressions of the first key and of microseconds since `from`."""
    key, count = next(iter(spec["keys"].items()))
    span = spec["days"] * 86400 * US
    if spec.get("every"):
        return key, f"i % {count}", f"(i // {count} + 1) * {spec['step_s'] * US}"
    step = (spec.get("step_s") or 0) * US or 1
    return key, f"{random_bits(spec['seed'], 0)} % {count}", f"{random_bits(spec['seed'], 1)} % {span // step} * {step}"


def rows_sql(spec):
    key, key_sql, time_sql = key_and_time(spec)
    columns = [f"({key_sql})::BIGINT AS {key}",
               f"make_timestamp(epoch_us(TIMESTAMP '{spec['from']}') + ({time_sql})::BIGINT) AS {spec['time']}"]
    for number, column in enumerate(spec["columns"]):
        columns.append(f"({random_bits(spec['seed'], number + 2)} & 4294967295)::DOUBLE / 4294967296 AS {column}")
    order = f" ORDER BY {random_bits(spec['seed'], 1)}" if spec.get("every") else ""
    return f"SELECT {', '.join(columns)} FROM (SELECT range AS i FROM range({spec['rows']})){order}"


def main():
    spec = json.loads(sys.argv[1])
    with duckdb.connect() as db:
        db.execute(f"SET temp_directory = '{spec['out']}.spill'")
        db.execute(f"COPY ({rows_sql(spec)}) TO '{spec['out']}.new' (FORMAT parquet, COMPRESSION zstd)")
    os.replace(spec["out"] + ".new", spec["out"])


if __name__ == "__main__":
    main()
