"""project.py - the asof side of a comparison: the program, and a project written from the same spec as its peers get.

A spec is {"spine": FILE, "time": COLUMN, "views": [{"name", "path", "keys": {COLUMN: TYPE}, "time", "columns": [..],
"max_age_s": N or None}, ..]}. All views over one file share a source.
"""
import json
import os
import shutil
import subprocess

import measure


def program():
    path = os.path.abspath(os.environ.get("ASOF") or os.path.join(measure.ROOT, "build", "release", "asof"))
    if not os.access(path, os.X_OK):
        raise measure.Failed(f"no program {path}: run 'make build', or set ASOF")
    return path


def version():
    text = subprocess.run([program(), "version", "--json"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(text)["version"]


def definitions(spec):
    """asof.yaml of plain views; JSON is YAML."""
    result = {"project": "bench", "entities": {}, "sources": {}, "views": {}}
    for view in spec["views"]:
        entity = "_".join(view["keys"])
        source = os.path.basename(view["path"]).split(".")[0].replace("-", "_")
        result["entities"][entity] = {"keys": view["keys"]}
        result["sources"][source] = {"path": view["path"], "event_time": view["time"]}
        body = {"entity": entity, "source": source, "features": view["columns"]}
        if view.get("max_age_s"):
            body["max_age"] = f"{view['max_age_s']}s"
        result["views"][view["name"]] = body
    return result


def write(folder, defined):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "asof.yaml"), "w", encoding="utf-8") as file:
        json.dump(defined, file, indent=1)


def forget(folder):
    """What asof made in a project; the definitions stay."""
    for name in ("lake", "online", "catalog.db", "catalog.db-wal", "catalog.db-shm"):
        path = os.path.join(folder, name)
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.exists(path):
            os.remove(path)


def command(folder, threads, *words, memory=None):
    limit = ["--memory", memory] if memory else []
    return [program(), "-C", folder, "-q", "--threads", str(threads), *limit, *words]


def join_words(spec, out, is_direct=False):
    features = ",".join(f"{view['name']}.{column}" for view in spec["views"] for column in view["columns"])
    return ["join", *(["--direct"] if is_direct else []), "--spine", spec["spine"], "--time-column", spec["time"],
            "--features", features, "--out", out]
