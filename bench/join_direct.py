#!/usr/bin/env python3
"""Point-in-time join straight from Parquet files: asof join --direct, DuckDB's ASOF JOIN, Polars' join_asof.

ASOF names the program (default: build/release/asof).
"""
import data
import joins
import measure

FIGURE = {
    "name": "join_direct", "title": "Point-in-time join, straight from the files",
    "about": """`asof join --direct` beside `ASOF LEFT JOIN` of DuckDB and `join_asof` of Polars: five doubles of one plain
view, `max_age: 30d`, a year of rows of random keys and times. All read the same zstd Parquet files, which are in the page
cache, and write Parquet (snappy).""",
    "notes": ["asof's output has the spine's order, and a row that is told apart from others of its time; DuckDB's and "
              "Polars' have neither."],
}
#        short, spine rows, feature rows, keys, rounds, what it is called
CASES = {
    "s": (True, 100_000, 1_000_000, 10_000, 7),
    "m": (True, 1_000_000, 10_000_000, 100_000, 5),
    "l": (False, 1_000_000, 50_000_000, 1_000_000, 3),
    "l5": (False, 5_000_000, 50_000_000, 1_000_000, 3),
}
SCALE = {
    "name": "join_scale", "title": "Point-in-time join: time per row, and a bound on memory",
    "about": """The same join with `--memory 1GiB`, at one spine row and two keys per hundred feature rows, and one million
spine rows on a hundred million feature rows at the end. DuckDB runs without a bound, and at the end also with the same one.""",
    "plot": "rows", "notes": [],
}
SCALES = {"x1": (1_000_000, 5), "x10": (10_000_000, 3), "x50": (50_000_000, 3), "xl": (100_000_000, 2)}


def label(spine, rows, keys):
    return f"{data.short(spine)} x {data.short(rows)}, {data.short(keys)} keys"


def compare(name, options):
    _, spine, rows, keys, _ = CASES[name]
    spec = {"spine": data.spine(spine, keys), "time": "ts", "views": [data.plain_view(data.features(rows, keys))]}
    case = measure.Case(FIGURE, CASES, name, label(spine, rows, keys), options)
    with measure.Folder("join_direct") as folder:
        joins.warm(spec)
        case.measure([joins.direct(spec, folder, options.threads), joins.duckdb(spec, folder, options.threads),
                      joins.polars(spec, folder, options.threads, may_fail=True)])
        joins.finish(case, spec, folder)


def scale(name, options):
    rows, _ = SCALES[name]
    spine, keys = rows // 100, rows // 50
    spec = {"spine": data.spine(spine, keys), "time": "ts", "views": [data.plain_view(data.features(rows, keys))]}
    case = measure.Case(SCALE, SCALES, name, label(spine, rows, keys), options, rows=rows)
    with measure.Folder("join_scale") as folder:
        joins.warm(spec)
        arms = [joins.direct(spec, folder, options.threads, memory="1GiB"),
                joins.duckdb(spec, folder, options.threads, may_fail=True)]
        if name == "xl":
            arms.append(joins.duckdb(spec, folder, options.threads, name="DuckDB 1GiB", memory="1GiB", may_fail=True,
                                     timeout_s=900))
        case.measure(arms)
        joins.finish(case, spec, folder)


def main():
    options = measure.options(__doc__.splitlines()[0], {**{name: case[0] for name, case in CASES.items()},
                                                        **{name: False for name in SCALES}})
    measure.each(options.cases, lambda name: (compare if name in CASES else scale)(name, options))


if __name__ == "__main__":
    main()
