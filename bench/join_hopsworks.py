#!/usr/bin/env python3
"""The shape of Hopsworks' feature-store benchmark: ten million labels, 263 locations, a row per location and 15 or 30 minutes.

ASOF names the program (default: build/release/asof).
"""
import data
import joins
import measure

FIGURE = {
    "name": "join_hopsworks", "title": "Few keys, many labels",
    "about": """The shape of the feature-store benchmark that Hopsworks published: labels of 263 locations of a city, and two
views with a row per location and 15 minutes, or 30 minutes, four doubles each, over a year (9.2 M and 4.6 M rows, random
order). `asof join --direct`, DuckDB and Polars on the same zstd files; no `max_age`. Every key is hot: 38 k labels of each
at ten million.""",
    "notes": [],
}
PLACES = 263
#        short, label rows, days of features, rounds
CASES = {
    "try": (None, 100_000, 10, 3),
    "10M": (False, 10_000_000, 365, 3),
}


def groups(minutes, days):
    rows = PLACES * days * 24 * 60 // minutes
    return data.generated(f"groups-{minutes}m-{days}d", rows=rows, seed=minutes, keys={"location": PLACES}, time="ts",
                          **{"from": "2024-01-01"}, days=days, step_s=60 * minutes, every=True,
                          columns=["f0", "f1", "f2", "f3"])


def compare(name, options):
    _, rows, days, _ = CASES[name]
    labels = data.generated(f"labels-{data.short(rows)}-{days}d", rows=rows, seed=7, keys={"location": PLACES}, time="ts",
                            **{"from": "2024-01-01"}, days=days, columns=["label"])
    views = [data.plain_view(groups(minutes, days), name=f"m{minutes}", columns=["f0", "f1", "f2", "f3"],
                             max_age_s=None, key="location") for minutes in (15, 30)]
    spec = {"spine": labels, "time": "ts", "views": views}
    label = f"{data.short(rows)} labels, 2 views over {days} days"
    case = measure.Case(FIGURE, CASES, name, label, options)
    with measure.Folder("join_hopsworks") as folder:
        joins.warm(spec)
        case.measure([joins.direct(spec, folder, options.threads), joins.duckdb(spec, folder, options.threads),
                      joins.polars(spec, folder, options.threads, may_fail=True)])
        joins.finish(case, spec, folder)


def main():
    options = measure.options(__doc__.splitlines()[0], {name: case[0] for name, case in CASES.items()})
    measure.each(options.cases, lambda name: compare(name, options))


if __name__ == "__main__":
    main()
