#!/usr/bin/env python3
"""mlforge: build of rolling windows on a million flights, and a training set from them, beside asof.

ASOF names the program (default: build/release/asof); mlforge needs Python 3.13 (PYTHON313, or on the PATH).
"""
import os

import data
import joins
import measure
import project
from windows_flights import AGGREGATES, query

FIGURE = {
    "name": "windows_mlforge", "title": "mlforge",
    "about": """`build()` of mlforge (daily buckets, windows of 1, 7 and 30 days, six aggregates of delay by airport, one million
flights) beside `asof build` of the same view (`step: 1d`); then both with a training set of 100 k flights
(`get_training_data()`, `asof join`), in one process each for mlforge, two commands for asof.""",
    "notes": ["The values are not the same, and cannot be: mlforge stamps a bucket with its start and aggregates to its end, so "
              "its windows are a day longer and hold what comes after the label; asof's end at the last full day.",
              "asof stores tiles, from which windows are made when they are read; mlforge stores finished windows. So the "
              "second case is the whole job of both."],
}
#        short, flights, labels (None: build only), rounds
CASES = {
    "build": (False, 1_000_000, None, 3),
    "join": (False, 1_000_000, 100_000, 3),
    "try": (None, 100_000, 10_000, 1),
}
WINDOWS = ["1d", "7d", "30d"]


def cut(folder, flights, rows, labels):
    source, spine = os.path.join(folder, "flights.parquet"), os.path.join(folder, "labels.parquet")
    query(folder, f"COPY (SELECT origin, date, delay, distance FROM '{flights}' LIMIT {rows}) TO '{source}' (FORMAT parquet)")
    query(folder, f"COPY (SELECT origin, date AS ts, delay AS label FROM '{source}' ORDER BY hash(origin, date, delay, distance) "
                  f"LIMIT {labels or 1}) TO '{spine}' (FORMAT parquet)")
    return source, spine


def definitions(source):
    feature = {"column": "delay", "agg": AGGREGATES, "windows": WINDOWS}
    return {"project": "bench", "entities": {"airport": {"keys": {"origin": "string"}}},
            "sources": {"flights": {"path": source, "event_time": "date"}},
            "views": {"v": {"entity": "airport", "source": "flights", "step": "1d", "features": {"delay": feature}}}}


def asof_arm(folder, source, spine, labels, threads):
    own = os.path.join(folder, "asof")
    project.write(own, definitions(source))
    commands = [project.command(own, threads, "build")]
    if labels:
        outputs = ",".join(f"v.delay_{aggregate}_{window}" for window in WINDOWS for aggregate in AGGREGATES)
        commands.append(project.command(own, threads, "join", "--spine", spine, "--time-column", "ts", "--features", outputs,
                                        "--out", joins.output(folder, "asof")))
    return measure.Arm("asof", *commands, before=lambda: project.forget(own))


def compare(name, options, interpreter):
    _, rows, labels, _ = CASES[name]
    label = f"{data.short(rows)} flights" + (f", {data.short(labels)} labels" if labels else ", build only")
    case = measure.Case(FIGURE, CASES, name, label, options)
    with measure.Folder("windows_mlforge") as folder:
        source, spine = cut(folder, data.flights(), rows, labels)
        measure.warm(source, spine)
        arms = [asof_arm(folder, source, spine, labels, options.threads)]
        for engine in ("polars", "duckdb"):
            spec = {"source": source, "folder": os.path.join(folder, f"mlforge-{engine}"), "engine": engine,
                    "windows": WINDOWS, "labels": spine if labels else None, "out": joins.output(folder, f"mlforge {engine}")}
            arms.append(measure.driver(f"mlforge {engine}", measure.python("requirements-mlforge.txt", interpreter),
                                       "build_mlforge.py", spec, env={"POLARS_MAX_THREADS": str(options.threads)}))
        case.measure(arms)
    case.head["versions"]["asof"] = project.version()
    for run in case.runs:
        if "leak_rows" in run:
            case.note(f"{run['leak_rows']:,} of {run['label_rows']:,} rows of mlforge's training set hold flights that were later "
                      "than the label.")
    case.write()


def main():
    options = measure.options(__doc__.splitlines()[0], {name: case[0] for name, case in CASES.items()})
    interpreter = measure.python313()
    if options.cases and not interpreter:
        measure.say("    mlforge needs Python 3.13, which is not here: left out (set PYTHON313)")
        return
    measure.each(options.cases, lambda name: compare(name, options, interpreter))


if __name__ == "__main__":
    main()
