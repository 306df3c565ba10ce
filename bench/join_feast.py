#!/usr/bin/env python3
"""Point-in-time join by Feast (DuckDB offline store), beside asof join --direct, on the same files.

ASOF names the program (default: build/release/asof).
"""
import data
import joins
import measure

FIGURE = {
    "name": "join_feast", "title": "Feast",
    "about": """`get_historical_features` of Feast on its DuckDB offline store beside `asof join --direct`: five doubles of one
view, 90 days of random rows of 10 k keys, Parquet in and out. Not counted for Feast: the start of Python and registering
the view.""",
    "notes": [],
}
#        short, spine rows, feature rows, keys, max_age, rounds
CASES = {
    "s": (True, 100_000, 1_000_000, 10_000, None, 3),
    "m": (False, 1_000_000, 1_000_000, 10_000, None, 3),
    "m7": (False, 1_000_000, 1_000_000, 10_000, 7, 3),
}


def compare(name, options):
    _, spine, rows, keys, age, _ = CASES[name]
    view = data.plain_view(data.features(rows, keys, days=90), max_age_s=age and age * 86400)
    spec = {"spine": data.spine(spine, keys, days=90), "time": "ts", "views": [view]}
    label = f"{data.short(spine)} x {data.short(rows)}, {f'max_age {age}d' if age else 'no max_age'}"
    case = measure.Case(FIGURE, CASES, name, label, options)
    with measure.Folder("join_feast") as folder:
        joins.warm(spec)
        case.measure([joins.direct(spec, folder, options.threads), joins.duckdb(spec, folder, options.threads),
                      joins.feast(spec, folder, options.threads)])
        joins.finish(case, spec, folder)


def main():
    options = measure.options(__doc__.splitlines()[0], {name: case[0] for name, case in CASES.items()})
    measure.each(options.cases, lambda name: compare(name, options))


if __name__ == "__main__":
    main()
