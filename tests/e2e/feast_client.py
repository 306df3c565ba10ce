"""Feast's client as a child of the tests: a JSON job a line on standard input, its answer a line on standard output.

The first argument is a folder for its project, the second asof's address; with ASOF_TOKEN in the environment it sends that token. A job: {"features": [..] or "service": NAME, "rows": [..] or
{..}, "options": {..}} -> {"columns": {name: values}, "statuses": {name: [..]}, "sent": [[method, path, body], ..]}, or {"failed": TEXT,
"kind": CLASS}. "read": [VIEW, FEATURES, [KEY, ..]] instead is a read of one view, as Feast's own feature server makes it.
Runs in the environment of tests/requirements-feast.txt.
"""
import json
import logging
import os
import sys
import warnings
from datetime import timedelta

import requests
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Array, Bool, Bytes, Float32, Float64, Int32, Int64, String, UnixTimestamp

SETTINGS = """project: shop
provider: local
registry: registry.db
online_store: {type: remote, path: "%s"}
entity_key_serialization_version: 3
"""
WITH_TOKEN = "auth: {type: oidc, token_env_var: ASOF_TOKEN}\n"

STATS = {"conv_rate": Float64, "acc_rate": Float32, "trips": Int64, "level": Int32, "name": String, "active": Bool,
         "last_seen": UnixTimestamp, "blob": Bytes, "hist": Array(Float64), "tags": Array(String)}


def declare(store, folder):
    """What Feast's users declare; the data are asof's."""
    driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
    customer = Entity(name="shopper", join_keys=["customer"], value_type=ValueType.STRING)

    def view(name, entities, columns):
        source = FileSource(name=name + "_source", path=f"{folder}/none.parquet", timestamp_field="at")
        return FeatureView(name=name, entities=entities, ttl=timedelta(days=1), source=source,
                           schema=[Field(name=column, dtype=kind) for column, kind in columns.items()]
                           + [Field(name=entity.join_key, dtype=Int64 if entity is driver else String) for entity in entities])

    stats = view("driver_stats", [driver], STATS)
    orders = view("customer_stats", [customer], {"orders": Int64})
    pairs = view("pair_stats", [customer, driver], {"rides": Int64})
    short = view("driver_short", [driver], {"temp": Float64})
    store.registry.apply_entity(driver, "shop")
    store.registry.apply_entity(customer, "shop")
    for one in (stats, orders, pairs, short):
        store.registry.apply_feature_view(one, "shop")
    store.registry.apply_feature_service(FeatureService(name="all_entities", features=[stats[["trips"]], orders, pairs]), "shop")
    store.registry.apply_feature_service(FeatureService(name="svc", features=[stats[["conv_rate", "trips"]], short]), "shop")


def record(sent):
    """Have every request written down as it leaves."""
    send = requests.Session.send

    def recorded(session, request, **options):
        sent.append([request.method, request.path_url, json.loads(request.body)])
        return send(session, request, **options)

    requests.Session.send = recorded


def plain(value):
    return value.decode("latin-1") if isinstance(value, bytes) else value if isinstance(value, (int, float, str, list, type(None))) else str(value)


def get(store, job):
    features = store.get_feature_service(job["service"]) if "service" in job else job["features"]
    answer = store.get_online_features(features=features, entity_rows=job["rows"], **job.get("options", {}))
    metadata = answer.proto.metadata
    return {
        "columns": {name: [plain(value) for value in values] for name, values in answer.to_dict().items()},
        "statuses": {name: [FieldStatus.Name(status) for status in result.statuses]
                     for name, result in zip(metadata.feature_names.val, answer.proto.results)},
        "frame": [len(answer.to_df()), list(answer.to_df().columns)],
        "versions": [[view.name, view.version] for view in metadata.feature_view_metadata],
    }


def read(store, view, features, keys):
    table = store.get_feature_view(view)
    entity_keys = [EntityKey(join_keys=["driver_id"], entity_values=[Value(int64_val=key)]) for key in keys]
    rows = store._get_provider().online_read(store.config, table, entity_keys, features)
    return {"rows": [{name: value.WhichOneof("val") for name, value in values.items()} for _, values in rows]}


def main():
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever Feast prints is no answer
    warnings.filterwarnings("ignore")
    logging.disable(logging.ERROR)
    folder, address = sys.argv[1:]
    with open(f"{folder}/feature_store.yaml", "w", encoding="utf-8") as file:
        file.write(SETTINGS % address + (WITH_TOKEN if "ASOF_TOKEN" in os.environ else ""))
    store = FeatureStore(folder)
    declare(store, folder)
    sent = []
    record(sent)
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        try:
            answer = read(store, *job["read"]) if "read" in job else get(store, job)
        except Exception as failure:  # whatever it is, the test shows it
            answer = {"failed": str(failure)[:2000], "kind": type(failure).__name__}
        print(json.dumps({**answer, "sent": sent}), file=answers, flush=True)
        sent.clear()


if __name__ == "__main__":
    main()
