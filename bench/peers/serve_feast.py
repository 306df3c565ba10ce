#!/usr/bin/env python3
"""serve_feast.py SPEC - Feast's server over rows that are first written to its online store. Does not end by itself.

SPEC: {"folder", "store": "sqlite" or "redis", "redis_port", "port", "path", "rows", "views": [..], "columns": [..]}: the
first `rows` entities of a Parquet file with `entity` and `ts`, each view with the same columns of it. Columns of the views
behind the first carry the view's name, since Feast's server answers bare names.
"""
import json
import logging
import os
import sys
import warnings
from datetime import timedelta

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import feast  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from feast.types import Float64  # noqa: E402

STORES = {"sqlite": "type: sqlite\n  path: {folder}/online.db",
          "redis": "type: redis\n  connection_string: 127.0.0.1:{redis_port}"}


def renamed(spec, view):
    return {column: column if view == spec["views"][0] else f"{view}_{column}" for column in spec["columns"]}


def apply(spec):
    with open(os.path.join(spec["folder"], "feature_store.yaml"), "w", encoding="utf-8") as file:
        file.write(f"project: bench\nprovider: local\nregistry: {spec['folder']}/registry.db\nonline_store:\n  "
                   f"{STORES[spec['store']].format(**spec)}\nentity_key_serialization_version: 3\n")
    store = feast.FeatureStore(repo_path=spec["folder"])
    entity = feast.Entity(name="entity", join_keys=["entity"], value_type=feast.ValueType.INT64)
    source = feast.FileSource(path=spec["path"], timestamp_field="ts")
    views = [feast.FeatureView(name=view, entities=[entity], ttl=timedelta(0), source=source,
                               schema=[feast.Field(name=name, dtype=Float64) for name in renamed(spec, view).values()])
             for view in spec["views"]]
    store.apply([entity, *views])
    return store


def main():
    spec = json.loads(sys.argv[1])
    store = apply(spec)
    table = pq.read_table(spec["path"], columns=["entity", "ts", *spec["columns"]],
                          filters=[("entity", "<", spec["rows"])]).to_pandas()
    for view in spec["views"]:
        store.write_to_online_store(view, table.rename(columns=renamed(spec, view)))
    program = os.path.join(os.path.dirname(sys.executable), "feast")
    os.execv(program, [program, "-c", spec["folder"], "serve", "-h", "127.0.0.1", "-p", str(spec["port"]), "-w", "1",
                       "--max-requests", "0", "--no-access-log"])


if __name__ == "__main__":
    main()
