#!/usr/bin/env python3
"""Point-in-time join from asof's own lake, beside DuckDB on the raw files; one view, and 1, 2, 4, 8 of them.

ASOF names the program (default: build/release/asof).
"""
import data
import joins
import measure

FIGURE = {
    "name": "join_lake", "title": "Point-in-time join, from the lake",
    "about": """`asof join` from views that `asof build` has laid out, beside DuckDB on the raw zstd files, which is what there
is without a feature platform. Different files, then: this is the gain of the layout and of the join together.""",
    "notes": [],
}
CASES = {
    "try": (None, 100_000, 1_000_000, 10_000, 5),
    "m": (True, 1_000_000, 10_000_000, 100_000, 5),
    "l": (False, 1_000_000, 50_000_000, 1_000_000, 3),
}
VIEWS = {
    "name": "join_views", "title": "Several views at once",
    "about": """One million spine rows onto 1, 2, 4 and 8 plain views of sources of their own: five million rows of five doubles
and 100 k keys each (`max_age: 30d`). `asof join` from the lake, beside a chain of ASOF joins in one statement of DuckDB on the
raw files.""",
    "plot": "views", "notes": [],
}
#        short, views, feature rows each, rounds
COUNTS = {
    "v1": (False, 1, 5_000_000, 3),
    "v2": (False, 2, 5_000_000, 3),
    "v4": (False, 4, 5_000_000, 3),
    "v8": (False, 8, 5_000_000, 3),
    "v2-try": (None, 2, 50_000, 3),
}


def compare(name, options):
    _, spine, rows, keys, _ = CASES[name]
    spec = {"spine": data.spine(spine, keys), "time": "ts", "views": [data.plain_view(data.features(rows, keys))]}
    label = f"{data.short(spine)} x {data.short(rows)}, {data.short(keys)} keys"
    measured(measure.Case(FIGURE, CASES, name, label, options), spec, options)


def compare_views(name, options):
    _, count, rows, _ = COUNTS[name]
    keys = rows // 50
    views = [data.plain_view(data.features(rows, keys, seed=number), name=f"v{number}") for number in range(1, count + 1)]
    spec = {"spine": data.spine(rows // 5, keys), "time": "ts", "views": views}
    label = f"{count} view{'s' if count > 1 else ''}"
    measured(measure.Case(VIEWS, COUNTS, name, label, options, views=count), spec, options)


def measured(case, spec, options):
    with measure.Folder("join_lake") as folder:
        joins.warm(spec)
        case.measure([joins.from_lake(spec, folder, options.threads, case), joins.duckdb(spec, folder, options.threads)])
        joins.finish(case, spec, folder)


def main():
    options = measure.options(__doc__.splitlines()[0], {**{name: case[0] for name, case in CASES.items()},
                                                        **{name: case[0] for name, case in COUNTS.items()}})
    measure.each(options.cases, lambda name: (compare if name in CASES else compare_views)(name, options))


if __name__ == "__main__":
    main()
