#!/usr/bin/env python3
"""Increments: a day of flights added to what a lake holds of the five months before.

ASOF names the program (default: build/release/asof).
"""
import os
import shutil

import data
import measure
import project

FIGURE = {
    "name": "lake_increment", "title": "Increments: a day of flights behind five months",
    "about": """The flights of January to May 2001, each several times over under other names of airports, are in the lake: tiles
of an hour of delay, and plain rows. *asof*: `build` where a file with the first of June has come. *asof, grown file*: where
that day stands in the file that the months are in, and the source says `cursor: event_time`. *full build*: both again, from
the same files. A build is the whole command: its start, opening sources and lake, and the commit.""",
    "notes": ["What does not hang on the change is the program's start and looking at the files."],
}
#        short, times the flights, rounds
CASES = {
    "x1": (True, 1, 5),
    "x10": (True, 10, 3),
    "try": (None, 1, 1),
}
ROWS = "SELECT origin || '-' || n AS origin, date, delay, distance FROM '{flights}', range({times}) t(n) WHERE date {when}"
OLD, DAY = "< TIMESTAMP '2001-06-01'", "BETWEEN TIMESTAMP '2001-06-01' AND TIMESTAMP '2001-06-01 23:59:59'"


def make(folder, flights, times, name, *whens):
    """A file of the flights of these times, in the order in which they came."""
    path = os.path.join(folder, name)
    rows = " UNION ALL ".join("(" + ROWS.format(flights=flights, times=times, when=when) + " ORDER BY date)" for when in whens)
    code = "import duckdb, sys; duckdb.execute('SET threads = 2'); duckdb.execute(sys.argv[1])"
    measure.run([measure.python(), "-c", code, f"COPY ({rows}) TO '{path}' (FORMAT parquet)"], cwd=folder)
    return path


def definitions(**cursor):
    windows = {"column": "delay", "agg": ["count", "mean", "std", "max"], "windows": ["1h", "6h", "1d", "7d"]}
    return {"project": "bench", "entities": {"airport": {"keys": {"origin": "string"}}},
            "sources": {"flights": {"path": "data/*.parquet", "event_time": "date", **cursor}},
            "views": {"tiles": {"entity": "airport", "source": "flights", "step": "1h", "features": {"delay": windows}},
                      "rows": {"entity": "airport", "source": "flights", "features": ["delay", "distance"]}}}


class Lake:
    """A project whose lake holds the five months, to be set back to that before each run."""

    def __init__(self, folder, threads, old, **cursor):
        self.folder, self.old = folder, old
        self.build = project.command(folder, threads, "build")
        project.write(folder, definitions(**cursor))
        self.put(old)
        measure.run(self.build)
        shutil.copytree(os.path.join(folder, "lake"), os.path.join(folder, "kept"))
        shutil.copy2(os.path.join(folder, "catalog.db"), os.path.join(folder, "kept.db"))

    def put(self, *files):
        """Links to what the source's files are now; a file of the lake's past keeps its name and time."""
        source = os.path.join(self.folder, "data")
        shutil.rmtree(source, ignore_errors=True)
        os.makedirs(source)
        for name, path in zip(("flights.parquet", "more.parquet"), files):
            os.link(path, os.path.join(source, name))

    def set_back(self, *files):
        project.forget(self.folder)
        shutil.copytree(os.path.join(self.folder, "kept"), os.path.join(self.folder, "lake"))
        shutil.copy2(os.path.join(self.folder, "kept.db"), os.path.join(self.folder, "catalog.db"))
        self.put(*files)

    def forget(self, *files):
        project.forget(self.folder)
        self.put(*files)


def compare(name, options):
    _, times, _ = CASES[name]
    case = measure.Case(FIGURE, CASES, name, f"flights × {times}", options, aside=["full build"])
    with measure.Folder("lake_increment") as folder:
        flights = data.flights()
        old = make(folder, flights, times, "old.parquet", OLD)
        day = make(folder, flights, times, "day.parquet", DAY)
        grown = make(folder, flights, times, "grown.parquet", OLD, DAY)
        measure.warm(old, day, grown)
        added = Lake(os.path.join(folder, "added"), options.threads, old)
        by_cursor = Lake(os.path.join(folder, "cursor"), options.threads, old, cursor="event_time")
        full = Lake(os.path.join(folder, "full"), options.threads, old)
        case.measure([
            measure.Arm("asof", added.build, before=lambda: added.set_back(old, day)),
            measure.Arm("asof, grown file", by_cursor.build, before=lambda: by_cursor.set_back(grown)),
            measure.Arm("full build", full.build, before=lambda: full.forget(old, day))])
        check(case, folder, options.threads, day)
    case.write()


def check(case, folder, threads, day):
    """The flights of the day, joined with what each lake holds, to the bit."""
    outputs = []
    for name in ("added", "cursor", "full"):
        outputs.append(os.path.join(folder, f"{name}.parquet"))
        measure.run(project.command(os.path.join(folder, name), threads, "join", "--spine", day, "--time-column", "date",
                                    "--features", "tiles.*,rows.*", "--out", outputs[-1]))
    for other in outputs[:2]:
        rows = data.same_rows({"spine": day}, outputs[2], other)
    case.head["versions"]["asof"] = project.version()
    case.head["checked"] = f"{rows:,} rows joined with all three lakes: equal to the bit"
    measure.say(f"    {case.head['checked']}")


def main():
    options = measure.options(__doc__.splitlines()[0], {name: case[0] for name, case in CASES.items()})
    measure.each(options.cases, lambda name: compare(name, options))


if __name__ == "__main__":
    main()
