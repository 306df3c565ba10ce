#!/usr/bin/env python3
"""Writing a table: `asof build` beside DuckDB's COPY to Parquet and the package deltalake; rows a second, bytes a row.

ASOF names the program (default: build/release/asof).
"""
import json
import os
import statistics

import data
import measure
import project

FIGURE = {
    "name": "lake", "title": "Writing a table",
    "about": """From one zstd Parquet file (key, time, five doubles, rows without order, a year) to a table. *asof*: `asof build` of
a plain view: rows in the order of key and time, two columns more (when a row became known, and its place in the source),
statistics, a commit of a Delta log. *asof, tiles*: the view is sums and maxima over `7d` of one column with `step: 1h`, so that
nearly each row is a tile of its own, the worst case. *DuckDB, sorted*: `COPY (.. ORDER BY key, time)`; *DuckDB*: `COPY` in the
order of the source; *deltalake*: `write_deltalake` of record batches that pyarrow reads, in the order of the source, with
statistics and a commit. All write lz4 (raw).""",
    "notes": ["Bytes a row are those of the data files. Rows a second count rows of the source."],
}
#       short, rows, keys, rounds
CASES = {
    "1M": (True, 1_000_000, 20_000, 3),
    "10M": (True, 10_000_000, 100_000, 3),
    "100M": (False, 100_000_000, 2_000_000, 1),
    "try": (None, 50_000, 1_000, 1),
}
PLAIN, TILES, SORTED, UNSORTED, PEER = "asof", "asof, tiles", "DuckDB, sorted", "DuckDB", "deltalake"
# What the rows of a file are together, whatever their order and the name of their time.
CHECK = """
import duckdb, json, sys
duckdb.sql("SET enable_progress_bar = false")
for name, pattern, time in json.loads(sys.argv[1]):
    columns = f"entity, epoch_us({time}), f0, f1, f2, f3, f4" if time else ""
    found = duckdb.sql(f"SELECT {f'count(*), sum(hash({columns}))::VARCHAR' if time else 'sum(_count), NULL'} FROM '{pattern}'")
    print(json.dumps([name, *map(str, found.fetchone())]))
"""


def definitions(source):
    feature = {"column": "f0", "agg": ["sum", "max"], "windows": ["7d"]}
    return {"project": "bench", "entities": {"entity": {"keys": {"entity": "int64"}}},
            "sources": {"rows": {"path": source, "event_time": "ts"}},
            "views": {"plain": {"entity": "entity", "source": "rows", "features": data.FIVE},
                      "tiles": {"entity": "entity", "source": "rows", "step": "1h", "features": {"f0": feature}}}}


def arms(folder, source, threads):
    """Every arm, and the folder that it leaves its files in."""
    made, python = [], measure.python()
    for name, view in ((PLAIN, "plain"), (TILES, "tiles")):
        own = os.path.join(folder, view)
        project.write(own, definitions(source))
        arm = measure.Arm(name, project.command(own, threads, "build", view), before=lambda own=own: project.forget(own))
        made.append((arm, os.path.join(own, "lake", view)))
    for name, script, order in ((SORTED, "write_copy.py", "entity, ts"), (UNSORTED, "write_copy.py", None),
                                (PEER, "write_deltalake.py", None)):
        out = os.path.join(folder, name.replace(", ", "-").lower())
        spec = {"source": source, "out": out, "order": order, "threads": threads, "spill": os.path.join(folder, "spill")}
        made.append((measure.driver(name, python, script, spec), out))
    return made


def check(case, made, source, rows):
    """Every plain table has the rows of the source, and the tiles count them."""
    asked = [["source", source, "ts"]]
    for arm, out in made:
        time = {PLAIN: "event_time", TILES: None}.get(arm.name, "ts")
        asked.append([arm.name, os.path.join(out, "*.parquet"), time])
    text = measure.run([measure.python(), "-c", CHECK, json.dumps(asked)])[1]
    found = {line[0]: line[1:] for line in map(json.loads, text.splitlines())}
    for name, (count, total) in found.items():
        if count != str(rows) or (name != TILES and total != found["source"][1]):
            raise measure.Failed(f"{name} has {count} rows of sum {total}, the source {rows} of {found['source'][1]}")
    case.head["checked"] = f"{rows:,} rows equal to the bit: the source, {', '.join(arm.name for arm, _ in made)} (by count)"


def rates(case, made, rows):
    """A table of what a user pays per row."""
    lines = ["| " + case.head["label"] + " | rows/s | bytes/row |", "|---|---:|---:|"]
    for arm, out in made:
        seconds = statistics.median(run["seconds"] for run in case.runs if run["arm"] == arm.name)
        size = sum(entry.stat().st_size for entry in os.scandir(out) if entry.name.endswith(".parquet"))
        lines.append(f"| {arm.name} | {rows / seconds:,.0f} | {size / rows:.1f} |")
    case.head["extra"] = "\n".join(lines)


def compare(name, options):
    _, rows, keys, _ = CASES[name]
    case = measure.Case(FIGURE, CASES, name, f"{data.short(rows)} rows", options, aside=[TILES], rows=rows)
    source = data.features(rows, keys)
    with measure.Folder("lake") as folder:
        measure.warm(source)
        made = arms(folder, source, options.threads)
        case.measure([arm for arm, _ in made])
        check(case, made, source, rows)
        rates(case, made, rows)
    case.head["versions"]["asof"] = project.version()
    case.write()


def main():
    options = measure.options(__doc__.splitlines()[0], {name: case[0] for name, case in CASES.items()})
    measure.each(options.cases, lambda name: compare(name, options))


if __name__ == "__main__":
    main()
