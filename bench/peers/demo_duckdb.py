#!/usr/bin/env python3
"""demo_duckdb.py SPEC - one stage of the demo as DuckDB SQL, in the working directory, which has data/ and spine.parquet.

SPEC: {"stage": "build", "join" or "materialize", "threads"}. It is what somebody who knows DuckDB would write: hourly
aggregates once, then one range join for all windows.
"""
import json
import sys

import duckdb

from timing import Timed

AT = "2001-06-30 00:00:00"
HOURS = {"1h": 1, "6h": 6, "1d": 24, "7d": 168}
LONGEST = max(HOURS.values())
KEYS = {"departures": ["origin"], "routes": ["origin", "destination"]}


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


def build(db):
    for view, keys in KEYS.items():
        db.execute(f"COPY ({tiles_sql(keys)}) TO '{view}.parquet' (FORMAT parquet)")
    db.execute("COPY (FROM 'data/airports.csv') TO 'airports.parquet' (FORMAT parquet)")


def join(db):
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


def materialize(db):
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


def main():
    spec = json.loads(sys.argv[1])
    with Timed("DuckDB", duckdb.__version__):
        with duckdb.connect(config={"threads": spec["threads"], "temp_directory": "spill"}) as db:
            {"build": build, "join": join, "materialize": materialize}[spec["stage"]](db)


if __name__ == "__main__":
    main()
