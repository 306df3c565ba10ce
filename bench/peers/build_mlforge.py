#!/usr/bin/env python3
"""build_mlforge.py SPEC - mlforge's build() of rolling windows, and if `labels`, its get_training_data() as well.

SPEC: {"source", "folder", "engine": "duckdb" or "polars", "windows": [..], "labels": FILE of (origin, ts) or null, "out"}.
Prints also leak_rows: label rows whose value holds flights that were later than the label.
"""
import importlib.metadata
import json
import logging
import os
import shutil
import sys
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import mlforge  # noqa: E402
import polars as pl  # noqa: E402

from timing import Timed  # noqa: E402

AGGREGATES = ["count", "sum", "mean", "min", "max", "std"]


def defined(spec):
    entity = mlforge.Entity(name="airport", join_key="origin")

    @mlforge.feature(source=mlforge.Source(spec["source"]), entities=[entity], timestamp="date", interval="1d",
                     engine=spec["engine"],
                     metrics=[mlforge.Rolling(windows=spec["windows"], aggregations={"delay": AGGREGATES})])
    def origin_delay(frame):
        return frame.select("origin", "date", "delay")

    store = mlforge.LocalStore(os.path.join(spec["folder"], "store"))
    definitions = mlforge.Definitions(name="bench", features=[origin_delay], offline_store=store,
                                      default_engine=spec["engine"])
    return definitions, store, entity


def training_data(definitions, store, entity, labels):
    if hasattr(definitions, "get_training_data"):
        return definitions.get_training_data(features=["origin_delay"], entity_df=labels, timestamp="ts")
    return mlforge.get_training_data(features=["origin_delay"], entity_df=labels, store=store, entities=[entity],
                                     timestamp="ts")


def leaks(source, rows):
    """A bucket is stamped with its START and aggregated to its end: a later flight of the same day is in the value."""
    day = pl.col("date").dt.truncate("1d").alias("day")
    last = pl.read_parquet(source).group_by("origin", day).agg(pl.col("date").max().alias("last"))
    met = rows.with_columns(pl.col("ts").dt.truncate("1d").alias("day")).join(last, on=["origin", "day"], how="left")
    return met.filter(pl.col("last") > pl.col("ts")).height


def main():
    spec = json.loads(sys.argv[1])
    shutil.rmtree(spec["folder"], ignore_errors=True)
    os.makedirs(spec["folder"])
    os.chdir(spec["folder"])
    definitions, store, entity = defined(spec)
    rows = None
    with Timed("mlforge", importlib.metadata.version("mlforge-sdk")):
        definitions.build(force=True)
        if spec["labels"]:
            rows = training_data(definitions, store, entity, pl.read_parquet(spec["labels"]))
            rows.write_parquet(spec["out"], compression="snappy")
    if rows is not None:
        print(json.dumps({"leak_rows": leaks(spec["source"], rows), "label_rows": rows.height}))


if __name__ == "__main__":
    main()
