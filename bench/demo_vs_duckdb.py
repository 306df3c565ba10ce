#!/usr/bin/env python3
"""The demo's main job (build three views, join June, materialize) by asof, and by plain DuckDB SQL.

Both read the same files, write Parquet, use the same number of threads, and their training sets are compared
value by value. The SQL is what somebody who knows DuckDB would write: hourly aggregates once, then one range join for all windows.
It interleaves A B A B, and prints and keeps medians (docs/BENCHMARK.md).

    demo_vs_duckdb.py [--rounds N] [--threads N]        ASOF: the program, PYTHON: one that has duckdb
"""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import report

EXAMPLE = os.path.join(report.ROOT, "examples", "flights")
STAGES = ("build", "join", "materialize")
AT = "2001-06-30 00:00:00"
HOURS = {"1h": 1, "6h": 6, "1d": 24, "7d": 168}
LONGEST = max(HOURS.values())
KEYS = {"departures": ["origin"], "routes": ["origin", "destination"]}
SPINE = """SELECT date, origin, destination, delay > 15 AS label FROM {flights}
WHERE date >= '2001-06-01' AND date < '2001-07-01' ORDER BY ALL"""


# ---- B: plain DuckDB ------------------------------------------------------------------------------------------

def tiles_sql(keys):
    """Hourly aggregates, stamped with the hour's end."""
    names = ", ".join(keys)
    return f"""SELECT {names}, date_trunc('hour', date - INTERVAL 1 microsecond) + INTERVAL 1 hour AS hour,
 count(*) AS n, sum(delay) AS s, sum(delay * delay) AS q, max(delay) AS m, sum((delay > 15)::INT) AS l
FROM 'data/flights-3m.parquet' GROUP BY ALL ORDER BY {names}, hour"""


def window_columns():
    """Of one window each: count, mean, std, max of delay, share of late flights; named as asof names them."""
    for window, hours in HOURS.items():
        only = f"FILTER (WHERE t.hour > i.hour - INTERVAL {hours} hours)" if hours < LONGEST else ""
        n, s, q, m, l = (f"{how}(t.{column}) {only}" for how, column in
                         (("sum", "n"), ("sum", "s"), ("sum", "q"), ("max", "m"), ("sum", "l")))
        yield f"coalesce({n}, 0)::BIGINT AS flights_count_{window}"
        yield f"{s} / {n} AS delay_mean_{window}"
        yield (f"CASE WHEN {n} > 1 THEN sqrt(greatest({q} - {s}::DOUBLE * {s} / {n}, 0) / ({n} - 1)) END"
               f" AS delay_std_{window}")
        yield f"{m} AS delay_max_{window}"
        yield f"{l} / {n} AS late_mean_{window}"


def values_sql(view, instants):
    """Windows at `instants`, a table of keys and hour: a range join with the tiles that can matter, all windows in one
    pass. (Window functions with RANGE frames over tiles and instants together took four times as long.)"""
    keys = KEYS[view]
    same = " AND ".join(f"t.{key} = i.{key}" for key in keys)
    columns = ",\n ".join(window_columns())
    return f"""WITH known AS (
 SELECT i.* FROM {instants} i ASOF JOIN '{view}.parquet' t ON {same} AND t.hour <= i.hour
 WHERE t.hour >= i.hour - INTERVAL 30 days),
tiles AS (
 FROM '{view}.parquet' WHERE hour <= (SELECT max(hour) FROM {instants})
 AND hour > (SELECT min(hour) FROM {instants}) - INTERVAL {LONGEST} hours)
SELECT {", ".join(f"i.{key}" for key in keys)}, i.hour,
 {columns}
FROM known i LEFT JOIN tiles t ON {same} AND t.hour <= i.hour AND t.hour > i.hour - INTERVAL {LONGEST} hours
GROUP BY ALL"""


def duckdb_build(db):
    for view, keys in KEYS.items():
        db.execute(f"COPY ({tiles_sql(keys)}) TO '{view}.parquet' (FORMAT parquet)")
    db.execute("COPY (FROM 'data/airports.csv') TO 'airports.parquet' (FORMAT parquet)")


def duckdb_join(db):
    db.execute("CREATE TABLE spine AS SELECT *, date_trunc('hour', date - INTERVAL 3 hours) AS hour FROM 'spine.parquet'")
    joins, columns = [], []
    for view, keys in KEYS.items():
        names = ", ".join(keys)
        db.execute(f"CREATE TABLE i_{view} AS SELECT DISTINCT {names}, hour FROM spine")
        db.execute(f"CREATE TABLE v_{view} AS {values_sql(view, f'i_{view}')}")
        joins.append(f"LEFT JOIN v_{view} USING ({names}, hour)")
        columns += [f"v_{view}.{name} AS {view}__{name}" for name in output_names()]
    places = ["name", "city", "state", "country", "latitude", "longitude"]
    columns += [f"a.{name} AS airports__{name}" for name in places]
    db.execute(f"""COPY (SELECT date, origin, destination, label, {', '.join(columns)} FROM spine {' '.join(joins)}
 LEFT JOIN 'airports.parquet' a ON a.iata = spine.origin ORDER BY spine.rowid) TO 'training.parquet' (FORMAT parquet)""")


def duckdb_materialize(db):
    db.execute("ATTACH 'online.duckdb' AS online")
    for view, keys in KEYS.items():
        names = ", ".join(keys)
        db.execute(f"CREATE TABLE i_{view} AS SELECT DISTINCT {names}, TIMESTAMP '{AT}' - INTERVAL 3 hours AS hour"
                   f" FROM '{view}.parquet'")
        db.execute(f"CREATE TABLE online.{view} AS {values_sql(view, f'i_{view}')}")
        db.execute(f"CREATE UNIQUE INDEX {view}_key ON online.{view} ({names})")
    db.execute("CREATE TABLE online.airports AS FROM 'airports.parquet'")
    db.execute("CREATE UNIQUE INDEX airports_key ON online.airports (iata)")


def output_names():
    for window in HOURS:
        for name in ("flights_count", "delay_mean", "delay_std", "delay_max", "late_mean"):
            yield f"{name}_{window}"


def duckdb_stage(stage, threads):
    """One stage in this process; prints what it took without starting Python."""
    import duckdb
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    with duckdb.connect(config={"threads": threads, "temp_directory": "spill"}) as db:
        {"build": duckdb_build, "join": duckdb_join, "materialize": duckdb_materialize}[stage](db)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps([seconds, cpu, after.ru_maxrss / 1024]))


# ---- Running and measuring ------------------------------------------------------------------------------------

def run(command, cwd):
    """Seconds, CPU seconds and peak MiB of a child."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        with subprocess.Popen(command, cwd=cwd, stdout=out, stderr=subprocess.STDOUT) as child:
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        out.seek(0)
        text = out.read().decode(errors="replace")
    if child.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {child.returncode}\n{text}")
    return (seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024), text


def asof_round(asof, folder, threads):
    for name in ("lake", "online", "catalog.db", "catalog.db-wal", "catalog.db-shm"):
        path = os.path.join(folder, name)
        shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else os.path.exists(path) and os.remove(path)
    common = [asof, "-q", "--threads", str(threads)]
    commands = {
        "build": ["build"],
        "join": ["join", "--spine", "spine.parquet", "--time-column", "date", "--service", "delay_model",
                 "--out", "training.parquet"],
        "materialize": ["materialize", "--at", AT.replace(" ", "T") + "Z"],
    }
    return {stage: run(common + commands[stage], folder)[0] for stage in STAGES}


def duckdb_round(python, folder, threads):
    for name in ("online.duckdb", "online.duckdb.wal"):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            os.remove(path)
    script = os.path.abspath(__file__)
    return {stage: tuple(json.loads(run([python, script, "--stage", stage, "--threads", str(threads)], folder)[1]))
            for stage in STAGES}


def prepare(asof):
    """A directory per arm with the data and the same spine."""
    base = tempfile.mkdtemp(prefix="asof-bench-")
    ours, theirs = os.path.join(base, "asof"), os.path.join(base, "duckdb")
    os.makedirs(theirs)
    shutil.copytree(EXAMPLE, ours, ignore=shutil.ignore_patterns("data", "lake", "online", "out", "catalog.db*"))
    for folder in (ours, theirs):
        os.symlink(os.path.join(EXAMPLE, "data"), os.path.join(folder, "data"))
    spine = os.path.join(ours, "spine.parquet")
    run([asof, "-q", "sql", f"COPY ({SPINE.format(flights='flights')}) TO '{spine}' (FORMAT parquet)"], ours)
    shutil.copy(spine, theirs)
    return base, ours, theirs


def compare(ours, theirs):
    """Every value of both training sets; returns how many, or ends the program."""
    import duckdb
    db = duckdb.connect()
    files = [os.path.join(folder, "training.parquet") for folder in (ours, theirs)]
    names = [row[0] for row in db.execute(f"DESCRIBE FROM '{files[0]}'").fetchall()]
    rows = db.execute(f"SELECT count(*) FROM '{files[0]}'").fetchone()[0]
    a, b = (db.execute(f"SELECT {', '.join(names)} FROM read_parquet('{path}')") .fetchnumpy() for path in files)
    for name in names:
        for row in bad_rows(a[name], b[name]):
            sys.exit(f"the arms differ in {name}, row {row}: asof {a[name][row]}, duckdb {b[name][row]}")
    return rows * len(names)


def bad_rows(x, y):
    import numpy as np
    mask_x, mask_y = np.ma.getmaskarray(x), np.ma.getmaskarray(y)
    x, y = np.ma.getdata(x), np.ma.getdata(y)
    same = x == y
    if x.dtype.kind == "f" or y.dtype.kind == "f":
        # The sums of squares of the SQL are rounded at each step: that is its own error, and small.
        same = np.isclose(x.astype(float), y.astype(float), rtol=1e-9, atol=1e-6)
    return np.flatnonzero((mask_x != mask_y) | ~(same | mask_x))[:1]


def medians(rounds):
    result = {stage: [statistics.median(r[stage][i] for r in rounds) for i in range(3)] for stage in STAGES}
    result["all"] = [statistics.median(sum(r[s][0] for s in STAGES) for r in rounds),
                     statistics.median(sum(r[s][1] for s in STAGES) for r in rounds),
                     max(result[stage][2] for stage in STAGES)]
    return result


def size(path):
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)


def section(a, b, values, threads, rounds, ours, theirs):
    rows = []
    for stage in (*STAGES, "all"):
        x, y = a[stage], b[stage]
        rows.append([stage, f"{x[0]:.2f}", f"{y[0]:.2f}", f"{y[0] / x[0]:.2f}", f"{x[1]:.2f}", f"{y[1]:.2f}",
                     f"{x[2]:.0f}", f"{y[2]:.0f}"])
    timing = report.table(["", "asof s", "DuckDB s", "DuckDB / asof", "asof CPU s", "DuckDB CPU s", "asof peak MiB",
                           "DuckDB peak MiB"], rows)
    mib = lambda *paths: f"{sum(map(size, paths)) / 2**20:.1f}"
    sizes = report.table(["MiB", "asof", "DuckDB"], [
        ["views", mib(os.path.join(ours, "lake")),
         mib(*(os.path.join(theirs, f"{view}.parquet") for view in (*KEYS, "airports")))],
        ["training set", *(mib(os.path.join(folder, "training.parquet")) for folder in (ours, theirs))],
        ["online", mib(os.path.join(ours, "online")), mib(os.path.join(theirs, "online.duckdb"))]])
    many = "one round" if rounds == 1 else f"medians of {rounds} rounds, interleaved"
    return f"""## The demo's main job, beside plain DuckDB SQL

`bench/demo_vs_duckdb.py`: build three views of three million flights, join June's flights to all 46 features,
materialize at {AT}. {report.machine()};
{threads} threads each; {many}.
{values:,} values of the two training sets were compared and are equal (floats to 1e-9).

{timing}

Both run one process per stage; the start of Python is not counted for DuckDB. CPU seconds tell more than seconds where
the machine has other work. What asof keeps is more than what the SQL keeps: versions, late data, what was known when,
rows online that drain, and sums that do not depend on threads.

{sizes}
"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = arguments()
    if options.stage:
        duckdb_stage(options.stage, options.threads)
        return
    python = os.environ.get("PYTHON") or subprocess.run(
        [os.path.join(report.ROOT, "scripts", "venv.sh")], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    if os.path.realpath(sys.prefix) != os.path.realpath(os.path.dirname(os.path.dirname(python))):
        os.execv(python, [python, os.path.abspath(__file__), *sys.argv[1:]])
    asof = os.path.abspath(os.environ.get("ASOF", os.path.join(report.ROOT, "build", "release", "asof")))
    base, ours, theirs = prepare(asof)
    try:
        a, b = [], []
        for _ in range(options.rounds):
            a.append(asof_round(asof, ours, options.threads))
            b.append(duckdb_round(python, theirs, options.threads))
        values = compare(ours, theirs)
        text = section(medians(a), medians(b), values, options.threads, options.rounds, ours, theirs)
    finally:
        shutil.rmtree(base)
    print(text)
    report.write("demo_vs_duckdb", text)


if __name__ == "__main__":
    main()
