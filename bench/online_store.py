#!/usr/bin/env python3
"""The LMDB store alone: loads of ascending keys and random gets, past its B-tree and by it; and `asof materialize` whole.

Builds bench/kernels/store_bench.c in the release preset. ASOF names the program (default: build/release/asof).
"""
import os

import data
import kernels
import measure
import project

FIGURE = {
    "name": "online_store", "title": "The LMDB store",
    "about": """Rows of 8 bytes of key and 100 of value, one thread, in the page cache. *asof* is the store as it is: a load writes LMDB and
the hash file beside it; *LMDB alone* is the same without (`?front=off`), so the loads say what the file costs and the gets what
it gives. Seconds of gets are those of a million keys, of a load those of all rows.""",
    "notes": [],
}
WHOLE = {
    "name": "online_materialize", "title": "Materializing",
    "about": """`asof materialize` of a view of a key and ten doubles, one row per key, from the lake into each store: the scan, the sort, the
packed rows with their checksums, and the load. asof's own start counts.""",
    "notes": [],
}
# name: figure, short or long, what it is called, rows, what (load; keys of a get), rounds
TABLE = {
    "load-1M": (FIGURE, True, "load, 1M rows", 1_000_000, "load", 3),
    "get-1M": (FIGURE, True, "gets of 100 keys, 1M rows", 1_000_000, "get 100", 3),
    "one-1M": (FIGURE, True, "gets of one key, 1M rows", 1_000_000, "get 1", 3),
    "load-10M": (FIGURE, False, "load, 10M rows", 10_000_000, "load", 3),
    "get-10M": (FIGURE, False, "gets of 100 keys, 10M rows", 10_000_000, "get 100", 3),
    "one-10M": (FIGURE, False, "gets of one key, 10M rows", 10_000_000, "get 1", 3),
    "load-try": (FIGURE, None, "load, 100k rows", 100_000, "load", 1),
    "get-try": (FIGURE, None, "gets of 100 keys, 100k rows", 100_000, "get 100", 1),
    "m-1M": (WHOLE, True, "1M rows", 1_000_000, None, 3),
    "m-10M": (WHOLE, False, "10M rows", 10_000_000, None, 2),
    "m-100M": (WHOLE, False, "100M rows", 100_000_000, None, 1),
    "m-try": (WHOLE, None, "10k rows", 10_000, None, 1),
}
CASES = {name: row[1] for name, row in TABLE.items()}
GETS = 1_000_000
COLUMNS = [f"f{number}" for number in range(10)]
told = {}  # rows: what the program said; one run tells three cases


def lines_of(rows, rounds):
    if rows not in told:
        with measure.Folder("online_store") as folder:
            took, text = measure.run([kernels.built("bench_store"), folder, str(rows), str(GETS), str(rounds)], timeout_s=3600)
        told[rows] = measure.json_lines(text)
    return told[rows]


def alone(case, rows, what):
    for line in lines_of(rows, case.head["rounds"]):
        arm = {what: "asof", f"{what}, LMDB alone": "LMDB alone"}.get(line["arm"])
        if arm:
            case.keep(arm, line["round"], {"seconds": line["seconds"], "cpu": line["cpu"], "peak_mib": 0})
    case.head["checked"] = "every value that was got is the one that was written"


def whole(case, rows, options):
    source = data.generated(f"online-{data.short(rows)}", rows=rows, seed=7, keys={"entity": rows}, time="ts",
                            **{"from": "2024-01-01"}, days=1, every=True, step_s=86400, columns=COLUMNS)
    with measure.Folder("online_materialize") as folder:
        defined = project.definitions({"views": [data.plain_view(source, columns=COLUMNS, max_age_s=None)]})
        arms = []
        for name, online in (("asof", "lmdb:./online"), ("asof, without the hash file", "lmdb:./plain?front=off")):
            own = os.path.join(folder, name.split(", ")[-1].replace(" ", "-"))
            project.write(own, {**defined, "online": online})
            measure.run(project.command(own, options.threads, "build"))
            arms.append(measure.Arm(name, project.command(own, options.threads, "materialize", "--at", "2024-01-03T00:00:00Z")))
        case.head["aside"] = [arms[1].name]
        case.measure(arms)
        size = measure.size_mib(os.path.join(folder, "asof", "online"))
    case.note(f"{case.head['label']}: {size:.0f} MiB in the store, of all loads.")
    case.head["checked"] = ""


def compare(name, options):
    figure, _, label, rows, what, _ = TABLE[name]
    cases = {own: (row[1], row[-1]) for own, row in TABLE.items() if row[0] is figure}
    case = measure.Case(figure, cases, name, label, options, rows=rows)
    if figure is FIGURE:
        alone(case, rows, what)
    else:
        whole(case, rows, options)
    case.head["versions"] = {"asof": project.version()}
    case.write()


def main():
    options = measure.options(__doc__.splitlines()[0], CASES)
    measure.each(options.cases, lambda name: compare(name, options))


if __name__ == "__main__":
    main()
