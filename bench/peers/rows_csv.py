#!/usr/bin/env python3
"""rows_csv.py SPEC - the columns of a Parquet file as lines of text, numbers as short as they can be read back.

SPEC: {"path", "columns", "out"}
"""
import json
import os
import sys

import duckdb


def main():
    spec = json.loads(sys.argv[1])
    with duckdb.connect() as db:
        db.execute(f"COPY (SELECT {', '.join(spec['columns'])} FROM '{spec['path']}') TO '{spec['out']}.new' (FORMAT csv, HEADER false)")
    os.replace(spec["out"] + ".new", spec["out"])


if __name__ == "__main__":
    main()
