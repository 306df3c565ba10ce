"""data.py - the inputs of the figures, made once in the cache by seed, and the comparison of outputs."""
import json
import os
import subprocess

import measure

FOLDER = os.path.join(measure.CACHE, "bench-1")  # the number goes up when the same spec shall give other rows
FIVE = ["f0", "f1", "f2", "f3", "f4"]


def child(script, spec):
    """A driver of peers/ that is no arm; what it printed, or Failed."""
    _, text = measure.run([measure.python(), os.path.join(measure.PEERS, script), json.dumps(spec)], timeout_s=3600)
    return text


def generated(name, **spec):
    """The file of generate.py's spec; `name` says its size for people."""
    path = os.path.join(FOLDER, f"{name}-{spec['seed']}.parquet")
    if not os.path.exists(path):
        os.makedirs(FOLDER, exist_ok=True)
        measure.say(f"    making {path}")
        child("generate.py", {"out": path, **spec})
    return path


def short(number):
    for unit, size in (("M", 1000000), ("k", 1000)):
        if number % size == 0 and number >= size:
            return f"{number // size}{unit}"
    return str(number)


def features(rows, keys, seed=1, days=365):
    """Rows (entity, ts, f0 .. f4) of random keys and times."""
    return generated(f"features-{short(rows)}-{short(keys)}-{days}d", rows=rows, seed=seed, keys={"entity": keys},
                     time="ts", **{"from": "2024-01-01"}, days=days, columns=FIVE)


def spine(rows, keys, seed=101, days=365):
    """Rows (entity, ts, label) of random keys and times."""
    return generated(f"spine-{short(rows)}-{short(keys)}-{days}d", rows=rows, seed=seed, keys={"entity": keys},
                     time="ts", **{"from": "2024-01-01"}, days=days, columns=["label"])


def plain_view(path, name="v", columns=None, max_age_s=30 * 86400, key="entity"):
    return {"name": name, "path": path, "keys": {key: "int64"}, "time": "ts", "columns": columns or FIVE,
            "max_age_s": max_age_s}


def flights():
    subprocess.run([os.path.join(measure.ROOT, "scripts", "fetch-flights.sh")], check=True)
    return os.path.join(measure.ROOT, "examples", "flights", "data", "flights-3m.parquet")


def same_rows(spec, ours, theirs):
    """Every row equal to the bit, ours in the order of the spine; how many rows."""
    return json.loads(child("compare.py", {"ours": ours, "theirs": theirs, "spine": spec["spine"]}))["rows"]


def near_rows(ours, theirs, order, off):
    """Rows in this order equal, numbers to `off`; how many values."""
    return json.loads(child("compare.py", {"ours": ours, "theirs": theirs, "order": order, "off": off}))["values"]
