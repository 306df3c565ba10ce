#!/usr/bin/env python3
"""report.py - docs/BENCHMARK.md and docs/plots from the results that the figures left in build/bench.

A section per figure, between its markers. One whose figure was not run stays as it was. Nothing is typed by hand.
"""
import json
import os
import re
import textwrap

import measure
import plots

PATH = os.path.join(measure.ROOT, "docs", "BENCHMARK.md")
PLOTS = os.path.join(measure.ROOT, "docs", "plots")
HEAD = """# Benchmarks

Made by the scripts of `bench/`: nothing below is typed by hand. `make bench` runs the short set, `make bench-long` all.
The arms of a comparison run in turn on the same machine (A B C, B C A, ..), each figure is the median, and values are
compared before times are. Inputs are in the page cache. Peers in Python say themselves what their work took, without the
start of Python and its imports; asof's time is that of the whole program. Peaks are of the whole process.
Trust the ratios: seconds are one machine's.
"""
GIB = 1024.0
SECTIONS = ("goals", "plots", "join_direct", "join_scale", "join_lake", "join_views", "join_feast", "join_hopsworks",
            "windows_flights", "windows_mlforge", "lake_increment", "kernels", "lake", "lake_open", "upload",
            "online_one", "online_batch", "online_redis_benchmark", "online_open", "online_stores", "online_feast", "push", "online_store", "online_materialize", "soak", "demo_vs_duckdb")


# ---- Results --------------------------------------------------------------------------------------------------

def results():
    """{figure: {case: {"head", "runs", "medians"}}} of what was measured; cases for trying a script are left out."""
    found = {}
    names = sorted(os.listdir(measure.RESULTS)) if os.path.isdir(measure.RESULTS) else []
    for name in names:
        if not name.endswith(".jsonl"):
            continue
        with open(os.path.join(measure.RESULTS, name), encoding="utf-8") as file:
            head, *runs = (json.loads(line) for line in file)
        if not head["case"].endswith("try"):
            case = {"head": head, "runs": runs, "medians": measure.medians(runs)}
            found.setdefault(head["figure"]["name"], {})[head["case"]] = case
    return {name: dict(sorted(cases.items(), key=lambda item: item[1]["head"]["place"]))
            for name, cases in sorted(found.items(), key=lambda item: SECTIONS.index(item[0]))}


def first_head(cases):
    return next(iter(cases.values()))["head"]


# ---- Goals ----------------------------------------------------------------------------------------------------

def at_least(figure, case, peer, least, what="seconds", ours="asof"):
    """How many times asof's seconds (or peak_mib) the peer took: at least so many."""
    def judge(found):
        medians = found[figure][case]["medians"]
        ratio = medians[peer][what] / medians[ours][what]
        return f"{ratio:.1f}×", ratio >= least
    return judge


def within(figure, case, peer, most, ours="asof"):
    """asof's seconds over the peer's: at most so many."""
    def judge(found):
        medians = found[figure][case]["medians"]
        ratio = medians[ours]["seconds"] / medians[peer]["seconds"]
        return f"{ratio:.2f}×", ratio <= most
    return judge


def peak_within(figure, case, most_mib):
    def judge(found):
        peak = found[figure][case]["medians"]["asof"]["peak_mib"]
        return f"{peak:.0f} MiB", peak <= most_mib
    return judge


def seconds_within(figure, case, most):
    """asof's seconds: at most so many."""
    def judge(found):
        seconds = found[figure][case]["medians"]["asof"]["seconds"]
        return f"{seconds * 1000:.0f} ms", seconds <= most
    return judge


def cpu_within(figure, case, most_us, requests):
    """CPU of the server per request, where a case's seconds are those of so many."""
    def judge(found):
        took = found[figure][case]["medians"]["asof"]["cpu"] / requests * 1e6
        return f"{took:.1f} us", took <= most_us
    return judge


def quantile_within(figure, case, key, most_ms):
    def judge(found):
        took = measure.statistics.median(run[key] for run in found[figure][case]["runs"] if run["arm"] == "asof") / 1000
        return f"{took:.2f} ms", took <= most_ms
    return judge


def rate_of(figure, case, least):
    """Rows per second, in millions: at least so many."""
    def judge(found):
        one = found[figure][case]
        rate = one["head"]["rows"] / one["medians"]["asof"]["seconds"] / 1e6
        return f"{rate:.2f} M/s", rate >= least
    return judge


def flat(figure, most):
    """Greatest over least time per row, over the cases; the whole range must have been run."""
    def judge(found):
        rates = [case["medians"]["asof"]["seconds"] / case["head"]["rows"] for case in found[figure].values()]
        if len(rates) < 4:
            raise KeyError(figure)
        ratio = max(rates) / min(rates)
        return f"{ratio:.2f}×", ratio <= most
    return judge


GOALS = (
    ("join --direct, 1 M x 10 M: DuckDB takes at least 2.5×", at_least("join_direct", "m", "DuckDB", 2.5)),
    ("the same: DuckDB's peak is at least 4×", at_least("join_direct", "m", "DuckDB", 4, "peak_mib")),
    ("join --direct, 1 M x 50 M: DuckDB takes at least 2.5×", at_least("join_direct", "l", "DuckDB", 2.5)),
    ("the same: DuckDB's peak is at least 4×", at_least("join_direct", "l", "DuckDB", 4, "peak_mib")),
    *((f"join --direct, {label}: Polars takes at least 2×", at_least("join_direct", case, "Polars", 2))
      for case, label in (("s", "100 k x 1 M"), ("m", "1 M x 10 M"), ("l", "1 M x 50 M"), ("l5", "5 M x 50 M"))),
    *((f"join --direct, {label}: Polars' peak is greater", at_least("join_direct", case, "Polars", 1, "peak_mib"))
      for case, label in (("s", "100 k x 1 M"), ("m", "1 M x 10 M"), ("l", "1 M x 50 M"), ("l5", "5 M x 50 M"))),
    ("join from the lake, 1 M x 10 M: DuckDB on the raw files takes at least 4×", at_least("join_lake", "m", "DuckDB", 4)),
    ("join from the lake, 1 M x 50 M: DuckDB on the raw files takes at least 4×", at_least("join_lake", "l", "DuckDB", 4)),
    ("8 views: DuckDB takes at least 3×", at_least("join_views", "v8", "DuckDB", 3)),
    ("8 views: DuckDB's peak is at least 3×", at_least("join_views", "v8", "DuckDB", 3, "peak_mib")),
    ("1 M x 1 M, no max_age: Feast takes at least 50×", at_least("join_feast", "m", "Feast", 50)),
    ("100 M feature rows: peak within --memory 1GiB", peak_within("join_scale", "xl", GIB)),
    ("time per feature row flat from 1 M to 100 M: within 1.2×", flat("join_scale", 1.2)),
    ("windows of the flights: Polars takes at least 4×", at_least("windows_flights", "all", "Polars", 4)),
    ("windows of the flights: DuckDB takes at least 20×", at_least("windows_flights", "all", "DuckDB", 20)),
    ("windows of the flights: Polars' peak is greater", at_least("windows_flights", "all", "Polars", 1, "peak_mib")),
    ("windows of the flights: DuckDB's peak is greater", at_least("windows_flights", "all", "DuckDB", 1, "peak_mib")),
    ("windows of the flights: within 1.5× of merely writing them", within("windows_flights", "all", "write only", 1.5)),
    ("a day behind five months, ten times the flights: at most 1/20 of a full build",
     at_least("lake_increment", "x10", "full build", 20)),
    ("join in memory, 1 M x 10 M: DuckDB takes at least 10×", at_least("kernels", "pit-m", "DuckDB", 10, ours="kernel")),
    ("windows in memory, 10 M events: DuckDB takes at least 15×",
     at_least("kernels", "window-10M", "DuckDB", 15, ours="kernel")),
    ("opening a table of 1,000 commits and 10,000 files: under 50 ms", seconds_within("lake_open", "10k", 0.05)),
    ("one entity x 10 by HTTP, 32 connections: nginx with a file takes at least as long", at_least("online_one", "c32", "nginx", 1)),
    ("the same, 256 connections", at_least("online_one", "c256", "nginx", 1)),
    ("one entity x 10 by HTTP: CPU of the server per request within 10 us", cpu_within("online_one", "c32", 10, 1e5)),
    ("one entity x 10 by HTTP at half of the peak: p99 within 1 ms", quantile_within("online_open", "half", "p99_us", 1)),
    ("100 entities x 10 by HTTP: Redis' pipelined HMGET takes at least 2×", at_least("online_batch", "100", "Redis HMGET", 2)),
    ("10,000 entities x 10 in one request: within 30 ms", quantile_within("online_batch", "10k", "p50_us", 30)),
    *((f"100 entities x 50 by HTTP: Feast's server on {store} takes at least 100× the CPU",
       at_least("online_feast", "100x50", f"Feast, {store}", 100, "cpu")) for store in ("SQLite", "Redis")),
    *((f"gets of 100 keys among {label}: LMDB alone takes at least 10×", at_least("online_store", case, "LMDB alone", 10))
      for case, label in (("get-1M", "1 M"), ("get-10M", "10 M"))),
    *((f"load of {label} ascending keys: at least 2 M rows/s", rate_of("online_store", case, 2))
      for case, label in (("load-1M", "1 M"), ("load-10M", "10 M"))),
)


def goals_section(found):
    rows = []
    for goal, judge in GOALS:
        try:
            measured, is_met = judge(found)
            rows.append([goal, measured, "met" if is_met else "**not met**"])
        except KeyError:
            rows.append([goal, "not run", ""])
    met, judged = sum(row[2] == "met" for row in rows), sum(row[2] != "" for row in rows)
    text = wrapped(f"What was set out to be reached, with 2 threads: {met} of {judged} that were run are met. What bounds "
                   "those that are not is in [speed](design/speed.md).")
    return f"## Goals\n\n{text}\n\n{table(['goal', 'measured', ''], rows)}"


# ---- Sections -------------------------------------------------------------------------------------------------

def table(head, rows):
    """Markdown; columns with a name are right-aligned, behind the first."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "".join("---:|" if name else "---|" for name in head[1:])]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def case_rows(case):
    """A row per arm: median, range, CPU, peak, and both as multiples of asof's."""
    head, rows = case["head"], []
    ours = case["medians"].get(head["ours"])
    arms = dict.fromkeys(run["arm"] for run in case["runs"])
    for arm in sorted(arms, key=lambda arm: (arm != head["ours"], arm in head["aside"])):
        own = [run for run in case["runs"] if run["arm"] == arm]
        name = head["label"] if not rows else ""
        if arm not in case["medians"]:
            rows.append([name, arm, f"failed: {own[-1]['failed']}", "", "", "", "", ""])
            continue
        took = case["medians"][arm]
        is_compared = arm not in (head["ours"], *head["aside"]) and ours
        rows.append([name, arm, f"{took['seconds']:.2f}", f"{took['least']:.2f}-{took['most']:.2f}", f"{took['cpu']:.2f}",
                     f"{took['peak_mib']:.0f}" if took["peak_mib"] else "",
                     f"{took['seconds'] / ours['seconds']:.2f}×" if is_compared else "",
                     f"{took['peak_mib'] / ours['peak_mib']:.2f}×" if is_compared and ours["peak_mib"] else ""])
    return rows


def provenance(cases):
    """Where and with what: once, or per case where they differ."""
    said = {}
    for case in cases.values():
        head = case["head"]
        versions = ", ".join(f"{name} {version}" for name, version in sorted(head["versions"].items()))
        commit = f", commit {head['commit']}" if head["commit"] else ""
        busy = f"; other work was running (load {head['load']:.0f})" if head["load"] > 2 * head["threads"] else ""
        text = f"{head['machine']}; {head['threads']} threads each; {versions}{commit}; {head['date']}{busy}"
        said.setdefault(text, []).append(head["label"])
    if len(said) == 1:
        return next(iter(said)) + "."
    return "; ".join(f"{', '.join(labels)}: {text}" for text, labels in said.items()) + "."


def wrapped(text, indent=""):
    return textwrap.fill(" ".join(text.split()), 118, subsequent_indent=indent, break_long_words=False,
                         break_on_hyphens=False)


def bullets(texts):
    return "\n".join(wrapped(f"- {text}", "  ") for text in texts)


def section(cases):
    head = first_head(cases)
    figure = head["figure"]
    rows = [row for case in cases.values() for row in case_rows(case)]
    rounds = sorted({case["head"]["rounds"] for case in cases.values()})
    counts = f"{rounds[0]}" if len(rounds) == 1 else f"{rounds[0]} to {rounds[-1]}"
    checked = [f"{case['head']['label']}: {case['head']['checked']}." for case in cases.values() if case["head"]["checked"]]
    notes = list(dict.fromkeys([*figure["notes"], *(note for case in cases.values() for note in case["head"]["notes"])]))
    runs = "one run" if counts == "1" else f"medians of {counts} runs"
    parts = [f"## {figure['title']}", wrapped(f"`bench/{figure['script']}`. {figure['about']}"),
             wrapped(f"{provenance(cases)} Seconds are {runs} of each arm."),
             table(["", "", "s", "least-most", "CPU s", "peak MiB", "time / asof", "peak / asof"], rows)]
    if checked:
        parts.append("Compared before times were:\n\n" + bullets(checked))
    if notes:
        parts.append("Besides:\n\n" + bullets(notes))
    parts += [case["head"]["extra"] for case in cases.values() if case["head"].get("extra")]
    return "\n\n".join(parts)


def kept_sections(text):
    return dict(re.findall(r"<!-- (\w+) -->\n(.*?)\n<!-- end of \1 -->", text, re.S))


# ---- Plots ----------------------------------------------------------------------------------------------------

def ratio_groups(found, what):
    groups = []
    for cases in found.values():
        rows = []
        for case in cases.values():
            head, medians = case["head"], case["medians"]
            ours = medians.get(head["ours"])
            if not ours or not ours[what] or head["figure"].get("plot"):
                continue
            rows += [(head["label"], arm, took[what] / ours[what]) for arm, took in medians.items()
                     if arm not in (head["ours"], *head["aside"]) and not arm.startswith("asof")]
        if rows:
            groups.append((first_head(cases)["figure"]["title"], rows))
    return groups


def size_series(cases, key, value):
    series = {}
    for case in cases.values():
        for arm, took in case["medians"].items():
            if arm not in case["head"]["aside"]:
                series.setdefault(arm, []).append((case["head"][key], value(case["head"], took)))
    return {arm: points for arm, points in series.items() if len(points) > 1}


def draw(found):
    """{file: (what it shows, SVG)} of what there are results for."""
    drawn = {}
    for what, name, title in (("seconds", "time", "Time, as a multiple of asof's"),
                              ("peak_mib", "memory", "Peak memory, as a multiple of asof's")):
        groups = ratio_groups(found, what)
        if groups:
            threads = sorted({case["head"]["threads"] for cases in found.values() for case in cases.values()})
            below = ("Logarithmic. To the right of 1× the peer takes more than asof. Medians of runs in turn on one machine; "
                     f"threads: {', '.join(map(str, threads))}.")
            drawn[f"{name}.svg"] = (title, plots.bars(title, below, groups))
    if len(found.get("join_scale", ())) > 1:
        series = size_series(found["join_scale"], "rows", lambda head, took: took["seconds"] / head["rows"] * 1e9)
        title = "Point-in-time join: nanoseconds per feature row"
        drawn["rows.svg"] = (title, plots.lines(title, "feature rows", "ns / row", series, lambda x: f"{x / 1e6:.0f} M"))
    if len(found.get("join_views", ())) > 1:
        series = size_series(found["join_views"], "views", lambda head, took: took["seconds"])
        title = "One million spine rows onto several views: seconds"
        drawn["views.svg"] = (title, plots.lines(title, "views", "seconds", series, lambda x: f"{x:.0f}"))
    return drawn


def pictures(drawn):
    os.makedirs(PLOTS, exist_ok=True)
    for name, (_, svg) in drawn.items():
        with open(os.path.join(PLOTS, name), "w", encoding="utf-8") as file:
            file.write(svg)
    return "\n\n".join(f"![{title}](plots/{name})" for name, (title, _) in drawn.items())


def main():
    found = results()
    if not found:
        measure.say("no results in build/bench: run 'make bench'")
        return
    try:
        with open(PATH, encoding="utf-8") as file:
            kept = kept_sections(file.read())
    except FileNotFoundError:
        kept = {}
    made = {"goals": goals_section(found), "plots": pictures(draw(found))}
    made |= {name: section(cases) for name, cases in found.items()}
    sections = [f"<!-- {name} -->\n{text.strip()}\n<!-- end of {name} -->"
                for name in SECTIONS for text in [made.get(name) or kept.get(name)] if text]
    with open(PATH, "w", encoding="utf-8") as file:
        file.write("\n\n".join([HEAD.strip(), *sections]) + "\n")
    measure.say(f"wrote {os.path.relpath(PATH, measure.ROOT)}")


if __name__ == "__main__":
    main()
