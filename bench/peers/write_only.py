#!/usr/bin/env python3
"""write_only.py SPEC - what merely writing an output takes: DuckDB's COPY of a table in memory. Reading it is not counted.

SPEC: {"source", "out", "threads", "compression", "spill"}
"""
import json
import sys

import duckdb

from timing import Timed


def main():
    spec = json.loads(sys.argv[1])
    settings = {"threads": spec["threads"], "temp_directory": spec["spill"]}
    with duckdb.connect(config=settings) as db:
        db.execute(f"CREATE TABLE output AS FROM '{spec['source']}'")
        with Timed("DuckDB", duckdb.__version__):
            db.execute(f"COPY output TO '{spec['out']}' (FORMAT parquet, COMPRESSION {spec['compression']})")


if __name__ == "__main__":
    main()
