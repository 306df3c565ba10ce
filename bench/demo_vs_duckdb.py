#!/usr/bin/env python3
"""The demo's main job (build three views, join June, materialize) by asof, and by plain DuckDB SQL.

Both read the same files, write Parquet, use the same number of threads. ASOF names the program (default: build/release/asof).
"""
import json
import os
import shutil
import types

import data
import measure
import project
import report

EXAMPLE = os.path.join(measure.ROOT, "examples", "flights")
STAGES = ("build", "join", "materialize")
AT = "2001-06-30T00:00:00Z"
SPINE = """SELECT date, origin, destination, delay > 15 AS label FROM flights
WHERE date >= '2001-06-01' AND date < '2001-07-01' ORDER BY ALL"""
FIGURE = {
    "name": "demo_vs_duckdb", "title": "The demo's main job",
    "about": """Build three views of three million flights, join June's flights to all 46 features, materialize at
2001-06-30 00:00:00, one process per stage, beside plain DuckDB SQL: hourly aggregates once, then one range join for all
windows.""",
    "notes": ["What asof keeps is more than what the SQL keeps: versions, late data, what was known when, rows online that "
              "drain, and sums that do not depend on threads."],
}
#        short, rounds; all is the sum of the stages
CASES = {**{stage: (True, 3) for stage in STAGES}, "all": (True, 3)}


def asof_round(folder, threads):
    project.forget(folder)
    words = {
        "build": ["build"],
        "join": ["join", "--spine", "spine.parquet", "--time-column", "date", "--service", "delay_model",
                 "--out", "training.parquet"],
        "materialize": ["materialize", "--at", AT],
    }
    commands = {stage: [project.program(), "-q", "--threads", str(threads), *words[stage]] for stage in STAGES}
    return {stage: measure.run(commands[stage], cwd=folder)[0] for stage in STAGES}


def duckdb_round(folder, threads):
    for name in ("online.duckdb", "online.duckdb.wal"):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            os.remove(path)
    result = {}
    for stage in STAGES:
        spec = json.dumps({"stage": stage, "threads": threads})
        took, text = measure.run([measure.python(), os.path.join(measure.PEERS, "demo_duckdb.py"), spec], cwd=folder)
        result[stage] = took | measure.driver_line(text)
    return result


def prepare(base):
    """A directory per arm with the data and the same spine."""
    data.flights()
    ours, theirs = os.path.join(base, "asof"), os.path.join(base, "duckdb")
    os.makedirs(theirs)
    shutil.copytree(EXAMPLE, ours, ignore=shutil.ignore_patterns("data", "lake", "online", "out", "catalog.db*"))
    for folder in (ours, theirs):
        os.symlink(os.path.join(EXAMPLE, "data"), os.path.join(folder, "data"))
    spine = os.path.join(ours, "spine.parquet")
    measure.run([project.program(), "-q", "sql", f"COPY ({SPINE}) TO '{spine}' (FORMAT parquet)"], cwd=ours)
    shutil.copy(spine, theirs)
    return ours, theirs


def whole(stages):
    """The stages in one: their sums, and the greatest peak."""
    parts = [stages[stage] for stage in STAGES]
    return {"seconds": sum(part["seconds"] for part in parts), "cpu": sum(part["cpu"] for part in parts),
            "peak_mib": max(part["peak_mib"] for part in parts)}


def sizes(ours, theirs):
    def mib(folder, *names):
        return f"{sum(measure.size_mib(os.path.join(folder, name)) for name in names):.1f}"

    return report.table(["MiB", "asof", "DuckDB"], [
        ["views", mib(ours, "lake"), mib(theirs, "departures.parquet", "routes.parquet", "airports.parquet")],
        ["training set", mib(ours, "training.parquet"), mib(theirs, "training.parquet")],
        ["online", mib(ours, "online"), mib(theirs, "online.duckdb")]])


def measured(options):
    wanted = types.SimpleNamespace(threads=options.threads, rounds=options.rounds)
    cases = {name: measure.Case(FIGURE, CASES, name, name, wanted) for name in CASES}
    with measure.Folder("demo") as base:
        ours, theirs = prepare(base)
        rounds = cases["all"].head["rounds"]
        for turn in range(rounds):
            for arm, stages in (("asof", asof_round(ours, options.threads)), ("DuckDB", duckdb_round(theirs, options.threads))):
                for name, took in {**stages, "all": whole(stages)}.items():
                    cases[name].keep(arm, turn, took)
        training = [os.path.join(folder, "training.parquet") for folder in (ours, theirs)]
        values = data.near_rows(*training, ["date", "origin", "destination", "label"], 1e-9)
        cases["all"].head |= {"extra": sizes(ours, theirs),
                              "checked": f"{values:,} values of the two training sets equal (floats to 1e-9)"}
    for case in cases.values():
        case.head["versions"] = {"asof": project.version(), **cases["build"].head["versions"]}
        case.write()


def main():
    options = measure.options(__doc__.splitlines()[0], {"all": True})
    measure.each(options.cases, lambda _: measured(options))


if __name__ == "__main__":
    main()
