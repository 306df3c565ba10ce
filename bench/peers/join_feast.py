#!/usr/bin/env python3
"""join_feast.py SPEC - the same join by Feast's get_historical_features on its DuckDB offline store, written as Parquet.

SPEC as of join_duckdb.py, one view. Counted: reading the spine into pandas, as Feast wants it, the join, the writing;
not counted: registering the view.
"""
import json
import logging
import os
import sys
import tempfile
import warnings
from datetime import timedelta

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import feast  # noqa: E402
import pandas as pd  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from feast.repo_config import RepoConfig  # noqa: E402
from feast.types import Float64  # noqa: E402

from timing import Timed  # noqa: E402


def registered(folder, view):
    store = feast.FeatureStore(config=RepoConfig(
        project="bench", provider="local", registry=os.path.join(folder, "registry.db"),
        offline_store={"type": "duckdb"}, online_store=None, entity_key_serialization_version=3))
    entities = [feast.Entity(name=key, join_keys=[key], value_type=feast.ValueType.INT64) for key in view["keys"]]
    own = feast.FeatureView(
        name=view["name"], entities=entities, ttl=timedelta(seconds=view.get("max_age_s") or 0), online=False,
        schema=[feast.Field(name=column, dtype=Float64) for column in view["columns"]],
        source=feast.FileSource(path=view["path"], timestamp_field=view["time"]))
    store.apply([*entities, own])
    return store


def main():
    spec = json.loads(sys.argv[1])
    view = spec["views"][0]
    names = [f"{view['name']}:{column}" for column in view["columns"]]
    with tempfile.TemporaryDirectory() as folder:
        store = registered(folder, view)
        with Timed("Feast", feast.__version__):
            spine = pd.read_parquet(spec["spine"]).rename(columns={spec["time"]: "event_timestamp"})
            table = store.get_historical_features(entity_df=spine, features=names).to_arrow()
            pq.write_table(table, spec["out"], compression=spec["compression"])


if __name__ == "__main__":
    main()
