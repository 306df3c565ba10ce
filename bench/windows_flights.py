#!/usr/bin/env python3
"""Windows on real data: for each of three million flights, six aggregates over three windows of its airport's delays.

ASOF names the program (default: build/release/asof).
"""
import os

import data
import joins
import measure
import project

FIGURE = {
    "name": "windows_flights", "title": "Windows: three million flights",
    "about": """For each flight: count, sum, mean, min, max and std of delay over (T - W, T] of its airport, W = 1h, 1d, 7d: 18
columns beside origin and date, Parquet (snappy). asof: `build` of a view with `step: event`, then `join` of all rows onto
themselves; *asof direct*: `join --direct`, without building. DuckDB: RANGE frames. Polars: `rolling`, closed on the right.
*Write only*: DuckDB copies a table in memory with the same content to Parquet, with the writer that asof uses.""",
    "notes": ["asof reads the flights twice, as source and as spine; the spine is a file of origin and date. Its output has "
              "the order of the spine, Polars' is sorted by airport and time, DuckDB's has none."],
}
#        short, flights (None: all), rounds
CASES = {
    "all": (True, None, 3),
    "try": (None, 100_000, 1),
}
WINDOWS = {"1h": 3600, "1d": 86400, "7d": 604800}
AGGREGATES = ["count", "sum", "mean", "min", "max", "std"]


def cut(folder, flights, rows):
    """The spine, and the source: all flights, or the first rows of them. DuckDB writes both, by way of asof."""
    source = flights
    if rows:
        source = os.path.join(folder, "flights.parquet")
        query(folder, f"COPY (SELECT * FROM '{flights}' LIMIT {rows}) TO '{source}' (FORMAT parquet)")
    spine = os.path.join(folder, "spine.parquet")
    query(folder, f"COPY (SELECT origin, date FROM '{source}') TO '{spine}' (FORMAT parquet)")
    return source, spine


def query(folder, sql):
    code = "import duckdb, sys; duckdb.execute(sys.argv[1])"
    measure.run([measure.python(), "-c", code, sql], cwd=folder)


def definitions(source):
    feature = {"column": "delay", "agg": AGGREGATES, "windows": list(WINDOWS)}
    return {"project": "bench", "entities": {"airport": {"keys": {"origin": "string"}}},
            "sources": {"flights": {"path": source, "event_time": "date"}},
            "views": {"v": {"entity": "airport", "source": "flights", "step": "event", "features": {"delay": feature}}}}


def asof_arms(folder, source, spine, threads):
    own = os.path.join(folder, "asof")
    project.write(own, definitions(source))
    outputs = ",".join(f"v.delay_{aggregate}_{window}" for window in WINDOWS for aggregate in AGGREGATES)
    words = ["--spine", spine, "--time-column", "date", "--features", outputs, "--out"]
    return [
        measure.Arm("asof", project.command(own, threads, "build"),
                    project.command(own, threads, "join", *words, joins.output(folder, "asof")),
                    before=lambda: project.forget(own)),
        measure.Arm("asof direct",
                    project.command(own, threads, "join", "--direct", *words, joins.output(folder, "asof direct")),
                    before=lambda: project.forget(own)),
    ]


def compare(name, options):
    _, rows, _ = CASES[name]
    case = measure.Case(FIGURE, CASES, name, f"{data.short(rows) if rows else '3M'} flights", options)
    with measure.Folder("windows_flights") as folder:
        source, spine = cut(folder, data.flights(), rows)
        measure.warm(source, spine)
        spec = {"source": source, "key": "origin", "time": "date", "value": "delay", "windows": WINDOWS,
                "threads": options.threads, "compression": joins.COMPRESSION, "spill": os.path.join(folder, "spill")}
        arms = asof_arms(folder, source, spine, options.threads)
        python = measure.python()
        for arm, script in (("DuckDB", "windows_duckdb.py"), ("Polars", "windows_polars.py")):
            arms.append(measure.driver(arm, python, script, {**spec, "out": joins.output(folder, arm)},
                                       env={"POLARS_MAX_THREADS": str(options.threads)}))
        arms.append(measure.driver("write only", python, "write_only.py",
                                   {**spec, "source": joins.output(folder, "asof"),
                                    "out": joins.output(folder, "write only")}))
        case.measure(arms)
        check(case, folder, spine)
    case.write()


def check(case, folder, spine):
    case.head["versions"]["asof"] = project.version()
    ours = joins.output(folder, "asof")
    data.same_rows({"spine": spine}, ours, joins.output(folder, "asof direct"))
    for peer in ("DuckDB", "Polars"):
        values = data.near_rows(ours, joins.output(folder, peer), ["origin", "date"], 1e-9)
    case.head["checked"] = (f"{values:,} values equal: asof direct to the bit, DuckDB and Polars to 1e-9 of a float")
    measure.say(f"    {case.head['checked']}")


def main():
    options = measure.options(__doc__.splitlines()[0], {name: case[0] for name, case in CASES.items()})
    measure.each(options.cases, lambda name: compare(name, options))


if __name__ == "__main__":
    main()
