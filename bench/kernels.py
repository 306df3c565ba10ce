#!/usr/bin/env python3
"""The kernels alone, columns in memory to columns in memory, beside DuckDB on tables in memory.

Builds bench/kernels/*.c in the release preset and runs them; they compare results, and print a JSON line per run.
"""
import os
import shlex
import statistics
import subprocess

import measure
import project

FIGURE = {
    "name": "kernels", "title": "The kernels alone",
    "about": """Columns in memory to columns in memory, both arms in one process and in turn: no Parquet, no files. DuckDB runs
the same on tables in memory, as the C library that asof links. *Join*: five doubles, `max_age: 30d`, ASOF LEFT JOIN.
*Windows*: for each event count, sum, mean, min, max, std, var, first, last over 7, 30 and 90 days of its key, RANGE frames.""",
    "notes": ["Memory is not told apart here: both arms are one process."],
}
#        short, what it is called, target, arguments, rounds
CASES = {
    "pit-m": (True, "join 1M x 10M, 100k keys", "bench_pit", "1000000 10000000 100000", 3),
    "window-1M": (True, "windows of 1M events", "bench_window", "1000000", 3),
    "window-10M": (True, "windows of 10M events", "bench_window", "10000000", 2),
    "pit-try": (None, "join 10k x 100k, 1k keys", "bench_pit", "10000 100000 1000", 1),
    "window-try": (None, "windows of 100k events", "bench_window", "100000", 1),
}


def built(target):
    """The program, built in the release preset."""
    measure.run([os.path.join(measure.ROOT, "scripts", "build.sh"), "release", target])
    found = subprocess.run(["find", os.path.join(measure.ROOT, "build", "release"), "-name", target, "-type", "f"],
                           stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    if not found:
        raise measure.Failed(f"{target}: no such program in build/release")
    return found[0]


def stages_note(lines):
    """What the kernel's stages take, where its program says so: medians over the rounds."""
    told = [line["ns_per_row"] for line in lines if "ns_per_row" in line]
    cycles = [line["cycles_per_row"] for line in lines if "cycles_per_row" in line]
    parts = []
    for stage in told[0] if told else ():
        part = f"{stage} {statistics.median(one[stage] for one in told):.1f}"
        parts.append(f"{part} ({statistics.median(one[stage] for one in cycles):.0f})" if cycles else part)
    of = "ns (and cycles of all processors together)" if cycles else "ns"
    return f"kernel's stages, {of} per row of what each reads: {', '.join(parts)}" if parts else ""


def compare(name, options):
    _, label, target, arguments, _ = CASES[name]
    program = built(target)
    case = measure.Case(FIGURE, CASES, name, label, options, ours="kernel")
    rounds = case.head["rounds"]
    took, text = measure.run([program, *shlex.split(arguments), str(options.threads), str(rounds)])
    lines = measure.json_lines(text)
    for line in lines:
        if "arm" in line:
            case.keep(line["arm"], line["round"], {"seconds": line["seconds"], "cpu": line.get("cpu", 0.0), "peak_mib": 0})
    if {run["arm"] for run in case.runs} != {"kernel", "DuckDB"}:
        raise measure.Failed(f"{target}: no runs of both arms in {text[-500:]}")
    case.head["versions"] = {"asof": project.version()}
    case.head["checked"] = "the sums of every output agree"
    if stages_note(lines):
        case.note(f"{case.head['label']}: {stages_note(lines)}.")
    case.write()


def main():
    options = measure.options(__doc__.splitlines()[0], {name: case[0] for name, case in CASES.items()})
    measure.each(options.cases, lambda name: compare(name, options))


if __name__ == "__main__":
    main()
