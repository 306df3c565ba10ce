#!/usr/bin/env python3
"""join_polars.py SPEC - the same join by Polars: join_asof per view, lazy and streaming, both sides sorted by time as
it demands; tolerance is max_age. SPEC as of join_duckdb.py; threads come from POLARS_MAX_THREADS."""
import json
import sys
from datetime import timedelta

import polars as pl

from timing import Timed


def joined(spec):
    frame = pl.scan_parquet(spec["spine"]).sort(spec["time"])
    for view in spec["views"]:
        keys = list(view["keys"])
        names = {column: f"{view['name']}__{column}" for column in view["columns"]}
        rows = pl.scan_parquet(view["path"]).select(*keys, view["time"], *view["columns"]).rename(names).sort(view["time"])
        limit = {"tolerance": timedelta(seconds=view["max_age_s"])} if view.get("max_age_s") else {}
        if view["time"] != spec["time"]:
            limit["coalesce"] = True
        frame = frame.join_asof(rows, left_on=spec["time"], right_on=view["time"], by=keys, strategy="backward",
                                check_sortedness=False, **limit)
    return frame


def main():
    spec = json.loads(sys.argv[1])
    with Timed("Polars", pl.__version__):
        joined(spec).sink_parquet(spec["out"], compression=spec["compression"], engine="streaming")


if __name__ == "__main__":
    main()
