#!/usr/bin/env python3
"""windows_polars.py SPEC - the same windows by Polars' rolling, closed on the right. SPEC as of windows_duckdb.py; threads
come from POLARS_MAX_THREADS."""
import json
import sys

import polars as pl

from timing import Timed


def aggregates(spec, name):
    value = pl.col(spec["value"])
    return [value.count().alias(f"count_{name}"), value.cast(pl.Int64).sum().alias(f"sum_{name}"),
            value.mean().alias(f"mean_{name}"), value.min().alias(f"min_{name}"), value.max().alias(f"max_{name}"),
            value.std().alias(f"std_{name}")]


def main():
    spec = json.loads(sys.argv[1])
    key, time = spec["key"], spec["time"]
    with Timed("Polars", pl.__version__):
        rows = pl.scan_parquet(spec["source"]).select(key, time, spec["value"]).collect().sort(key, time)
        parts = [rows.select(key, time)]
        for name, seconds in spec["windows"].items():
            rolled = rows.rolling(index_column=time, period=f"{seconds}s", group_by=key, closed="right")
            parts.append(rolled.agg(*aggregates(spec, name)).drop(key, time))
        pl.concat(parts, how="horizontal").write_parquet(spec["out"], compression=spec["compression"])


if __name__ == "__main__":
    main()
