#!/usr/bin/env python3
"""Opening a table of 1,000 commits and 10,000 files, beside the package deltalake.

Builds bench/kernels/lake_open_bench.c in the release preset, which makes the log and opens it; deltalake opens the same.
"""
import os
import subprocess

import kernels
import measure
import project

FIGURE = {
    "name": "lake_open", "title": "Opening a table",
    "about": """A table of 1,000 commits and 10,000 files, eight columns with statistics: from the list of the log's files to
the list of active data files with their row counts. asof reads its own snapshot and the entries after it; deltalake the log
without a checkpoint, since asof's Parquet checkpoints are not written here. *A middle version* is the 500th.""",
    "notes": ["Seconds of the call alone, in a process that is warm."],
}
#       short, what it is called, commits, files, rounds
CASES = {
    "10k": (True, "1,000 commits, 10,000 files", 1000, 10000, 5),
    "try": (None, "20 commits, 200 files", 20, 200, 1),
}
PEER = """
import json, sys, time, deltalake
for turn in range(int(sys.argv[2])):
    start, cpu = time.perf_counter(), time.process_time()
    files = deltalake.DeltaTable(sys.argv[1]).file_uris()
    print(json.dumps({"arm": "deltalake", "round": turn, "seconds": time.perf_counter() - start,
                      "cpu": time.process_time() - cpu, "files": len(files)}))
"""


def compare(name, options):
    _, label, commits, files, _ = CASES[name]
    program = kernels.built("bench_lake_open")
    case = measure.Case(FIGURE, CASES, name, label, options)
    rounds = str(case.head["rounds"])
    with measure.Folder("lake_open") as folder:
        measure.run([program, "make", folder, str(commits), str(files)])
        text = measure.run([program, "open", folder, rounds])[1]
        text += measure.run([measure.python(), "-c", PEER, os.path.join(folder, "t"), rounds])[1]
    lines = measure.json_lines(text)
    for line in lines:
        if line["arm"] != "asof, a middle version" and line["files"] != files:
            raise measure.Failed(f"{line['arm']} has {line['files']} files of {files}")
        case.keep(line["arm"], line["round"], {"seconds": line["seconds"], "cpu": line["cpu"], "peak_mib": 0})
    held = max(line["arena_mib"] for line in lines if line["arm"] == "asof")
    case.note(f"{label}: asof holds {held:.1f} MiB for what it has read.")
    version = subprocess.run([measure.python(), "-c", "import deltalake; print(deltalake.__version__)"], stdout=subprocess.PIPE,
                             text=True, check=True).stdout.strip()
    case.head["versions"] = {"asof": project.version(), "deltalake": version}
    case.head["aside"] = ["asof, a middle version"]
    case.head["checked"] = "both list all files"
    case.write()


def main():
    options = measure.options(__doc__.splitlines()[0], {name: case[0] for name, case in CASES.items()})
    measure.each(options.cases, lambda name: compare(name, options))


if __name__ == "__main__":
    main()
