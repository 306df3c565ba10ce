#!/usr/bin/env python3
"""The LMDB store alone: loads of ascending keys and random gets, past its B-tree and by it; and `asof materialize` into each store.

Builds bench/kernels/store_bench.c in the release preset. ASOF names the program (default: build/release/asof). Wants redis-server
and PostgreSQL. m-10M needs 10 GiB of memory, m-100M 30 GB of disk.
"""
import contextlib
import os
import shutil
import signal
import subprocess
import time

import data
import kernels
import measure
import project
import servers

FIGURE = {
    "name": "online_store", "title": "The LMDB store",
    "about": """Rows of 8 bytes of key and 100 of value, one thread, in the page cache. *asof* is the store as it is: a load writes LMDB and
the hash file beside it; *LMDB alone* is the same without (`?front=off`), so the loads say what the file costs and the gets what
it gives. Seconds of gets are those of a million keys, of a load those of all rows.""",
    "notes": [],
}
WHOLE = {
    "name": "online_materialize", "title": "Materializing",
    "about": """`asof materialize` of a view of a key and ten doubles (two at 100M rows), one row per key, from the lake into each store: the scan,
the sort, the packed rows with their checksums, and the load. asof's own start counts. Redis keeps nothing on disk here.""",
    "notes": ["CPU and peak are those of `asof materialize`; a store that is a server has its own."],
}
# name: figure, short or long, what it is called, rows, what (load; keys of a get; which stores), rounds
TABLE = {
    "load-1M": (FIGURE, True, "load, 1M rows", 1_000_000, "load", 3),
    "get-1M": (FIGURE, True, "gets of 100 keys, 1M rows", 1_000_000, "get 100", 3),
    "one-1M": (FIGURE, True, "gets of one key, 1M rows", 1_000_000, "get 1", 3),
    "load-10M": (FIGURE, False, "load, 10M rows", 10_000_000, "load", 3),
    "get-10M": (FIGURE, False, "gets of 100 keys, 10M rows", 10_000_000, "get 100", 3),
    "one-10M": (FIGURE, False, "gets of one key, 10M rows", 10_000_000, "get 1", 3),
    "load-try": (FIGURE, None, "load, 100k rows", 100_000, "load", 1),
    "get-try": (FIGURE, None, "gets of 100 keys, 100k rows", 100_000, "get 100", 1),
    "m-1M": (WHOLE, True, "1M rows", 1_000_000, "all", 2),
    "m-10M": (WHOLE, False, "10M rows", 10_000_000, "all", 1),
    "m-100M": (WHOLE, False, "100M rows of two doubles", 100_000_000, "resumed", 1),
    "m-try": (WHOLE, None, "10k rows", 10_000, "all", 1),
    "resumed-try": (WHOLE, None, "1M rows of two doubles", 1_000_000, "resumed", 1),
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


# ---- Materializing --------------------------------------------------------------------------------------------

class Lake:
    """A view that is built once, and projects over it that differ in their store."""

    def __init__(self, folder, rows, columns, threads):
        name = f"online-{data.short(rows)}" + (f"-{len(columns)}f" if columns != COLUMNS else "")
        source = data.generated(name, rows=rows, seed=7, keys={"entity": rows}, time="ts", **{"from": "2024-01-01"}, days=1, every=True,
                                step_s=86400, columns=columns)
        self.folder, self.threads = folder, threads
        self.defined = project.definitions({"views": [data.plain_view(source, columns=columns, max_age_s=None)]})
        project.write(self.path("built"), self.defined)
        measure.run(project.command(self.path("built"), threads, "build"), timeout_s=7200)

    def path(self, name):
        return os.path.join(self.folder, name)

    def command(self, name, online):
        """Of a project of its own over the same lake."""
        project.write(self.path(name), {**self.defined, "online": online, "lake": os.path.join(self.path("built"), "lake"),
                                        "catalog": f"sqlite:{self.path('built')}/catalog.db"})
        return project.command(self.path(name), self.threads, "materialize", "--at", "2024-01-03T00:00:00Z")


def all_stores(case, lake, _):
    """One after the other, so that each has the memory to itself."""
    label, rounds = case.head["label"], case.head["rounds"]

    def load(name, online):
        arm = measure.Arm(name, lake.command(name.split(" ")[-1], online), timeout_s=3600)
        for _, turn, took in measure.interleave([arm], rounds):
            case.keep(name, turn, took)

    for name, online in (("asof", "lmdb:./online"), ("asof, without the hash file", "lmdb:./online?front=off")):
        load(name, online)
        held = measure.size_mib(os.path.join(lake.path(name.split(" ")[-1]), "online"))
        case.note(f"{label}: {name} leaves {held:.0f} MiB in its directory, after {rounds} loads.")
        shutil.rmtree(os.path.join(lake.path(name.split(" ")[-1]), "online"))
    with contextlib.ExitStack() as stack:
        redis = servers.redis(lake.folder)
        stack.callback(redis.stop)
        load("asof, into Redis", f"redis://{servers.HOST}:{redis.port}/0")
        case.note(f"{label}: Redis took up to {redis.peak_mib():.0f} MiB of memory, after {rounds} loads.")
    with contextlib.ExitStack() as stack:
        postgres = servers.postgres(lake.folder)
        stack.callback(postgres.stop)
        load("asof, into PostgreSQL", f"postgres://asof:s3cret%2Fpass@{servers.HOST}:{postgres.port}/asof")
        case.note(f"{label}: PostgreSQL's directory has {measure.size_mib(lake.path('postgres')):.0f} MiB, after {rounds} loads.")


def killed_after(command, seconds):
    """Start it, and kill it then; how long it lived."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    began = time.monotonic()
    try:
        child.wait(seconds)
        raise measure.Failed("it was done before it was to be killed")
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.wait()
    return time.monotonic() - began


def resumed(case, lake, rows):
    """A whole run; then one that is killed after half of that time, and the one that goes on."""
    online = os.path.join(lake.path("lmdb"), "online")
    command = lake.command("lmdb", "lmdb:./online")
    took = measure.Arm("asof", command, timeout_s=7200).once()
    case.keep("asof", 0, took)
    held = measure.size_mib(online)
    shutil.rmtree(online)
    lived = killed_after(command, took["seconds"] / 2)
    again = measure.Arm("asof, the rest", command, timeout_s=7200).once()
    case.keep("asof, the rest after kill -9 at half", 0, again)
    if abs(measure.size_mib(online) - held) > held / 10:
        raise measure.Failed(f"the resumed load has {measure.size_mib(online):.0f} MiB where the whole one had {held:.0f}")
    case.note(f"{case.head['label']}: {rows / took['seconds'] / 1e6:.2f} M rows/s, {held:.0f} MiB in the store. "
              f"The run that was killed had lived for {lived:.0f} s; the one that went on took {again['seconds']:.0f} s.")


STORES = {"all": all_stores, "resumed": resumed}


def whole(case, rows, what, options):
    columns = COLUMNS if what == "all" else COLUMNS[:2]
    with measure.Folder("online_materialize") as folder:
        STORES[what](case, Lake(folder, rows, columns, options.threads), rows)
    case.head["aside"] = [name for name in dict.fromkeys(run["arm"] for run in case.runs) if name != "asof"]


def compare(name, options):
    figure, _, label, rows, what, _ = TABLE[name]
    cases = {own: (row[1], row[-1]) for own, row in TABLE.items() if row[0] is figure}
    case = measure.Case(figure, cases, name, label, options, rows=rows)
    if figure is FIGURE:
        alone(case, rows, what)
    else:
        whole(case, rows, what, options)
    case.head["versions"] = {"asof": project.version(), **({} if figure is FIGURE else servers.versions("Redis"))}
    case.write()


def main():
    options = measure.options(__doc__.splitlines()[0], CASES)
    measure.each(options.cases, lambda name: compare(name, options))


if __name__ == "__main__":
    main()
