#!/usr/bin/env python3
"""write_copy.py SPEC - a Parquet file to a folder of Parquet as DuckDB's COPY writes it, sorted if `order` is said.

SPEC: {"source", "out", "order": "column, .." or null, "threads", "spill"}
"""
import json
import os
import shutil
import sys

import duckdb

from timing import Timed


def main():
    spec = json.loads(sys.argv[1])
    shutil.rmtree(spec["out"], ignore_errors=True)
    os.makedirs(spec["out"])
    order = f" ORDER BY {spec['order']}" if spec["order"] else ""
    settings = {"threads": spec["threads"], "temp_directory": spec["spill"]}
    with Timed("DuckDB", duckdb.__version__):
        with duckdb.connect(config=settings) as db:
            db.execute(f"COPY (FROM '{spec['source']}'{order}) TO '{spec['out']}/part.parquet' "
                       "(FORMAT parquet, COMPRESSION lz4_raw)")


if __name__ == "__main__":
    main()
