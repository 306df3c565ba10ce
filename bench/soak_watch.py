"""soak_watch.py - what a server takes while it runs, and whether it tells the same of itself as its clients do."""
import os
import re
import time

WARM = 5  # the first part of so many is not judged


class Watch:
    """Samples of a process: memory of its own, mapped files, descriptors, threads."""

    def __init__(self, pid):
        self.pid, self.began, self.samples = pid, time.monotonic(), []

    def sample(self):
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as file:
            said = dict(re.findall(r"^(\w+):\s+(\d+)", file.read(), re.M))
        self.samples.append({
            "at_s": round(time.monotonic() - self.began, 1), "own_mib": int(said["RssAnon"]) / 1024,
            "mapped_mib": (int(said["RssFile"]) + int(said["RssShmem"])) / 1024,
            "descriptors": len(os.listdir(f"/proc/{self.pid}/fd")), "threads": int(said["Threads"]),
        })

    def judged(self):
        return [one for one in self.samples if one["at_s"] >= self.samples[-1]["at_s"] / WARM]

    def slope(self, key):
        """Per hour: the least squares' line through what is judged."""
        own = self.judged()
        times, values = [one["at_s"] / 3600 for one in own], [one[key] for one in own]
        middle, level = sum(times) / len(times), sum(values) / len(values)
        spread = sum((at - middle) ** 2 for at in times)
        return sum((at - middle) * (value - level) for at, value in zip(times, values)) / spread if spread else 0.0

    def growth(self, key):
        """Along that line, from the first sample that is judged to the last."""
        own = self.judged()
        return self.slope(key) * (own[-1]["at_s"] - own[0]["at_s"]) / 3600


# ---- Counters -------------------------------------------------------------------------------------------------

def counters(text):
    """{name: {labels: value}} of Prometheus' text; labels as (name, value) pairs."""
    found = {}
    for name, labels, value in re.findall(r"^(\w+)(?:\{(.*?)\})? (\S+)$", text, re.M):
        found.setdefault(name, {})[tuple(sorted(re.findall(r'(\w+)="(.*?)"', labels)))] = float(value)
    return found


def gone_back(before, after):
    """Counters that are less than they were."""
    return [f"{name}{dict(labels)} went from {value:g} to {after.get(name, {}).get(labels, 0):g}"
            for name, rows in before.items() if name.endswith(("_total", "_count", "_sum", "_bucket"))
            for labels, value in rows.items() if after.get(name, {}).get(labels, 0) < value]


def answers_differ(told, tally):
    """Per route and code, the server's count and the clients': equal, but for answers that nobody read."""
    wrong = []
    served = {(dict(labels)["route"], int(dict(labels)["code"])): count
              for labels, count in told["asof_http_requests_total"].items()}
    routes = {route for route, _ in tally.answers}
    for route, code in {*served, *tally.answers}:
        least = tally.answers.get((route, code), 0)
        most = least + tally.abandoned.get(route, 0)
        if route in routes and not least <= served.get((route, code), 0) <= most:
            wrong.append(f"{route} {code}: the server counts {served.get((route, code), 0):g}, the clients {least}")
    return wrong


def histograms_differ(told):
    counts = told["asof_http_request_duration_seconds_count"]
    wrong = []
    for labels, count in counts.items():
        route = dict(labels)["route"]
        answers = sum(value for own, value in told["asof_http_requests_total"].items() if dict(own)["route"] == route)
        if answers != count:
            wrong.append(f"{route}: {answers:g} answers, {count:g} in the histogram")
    return wrong


def rows_differ(told, tally):
    """Rows found per view: as many as were read, or more where answers were not read or asked for again."""
    wrong = []
    for view, read in tally.found.items():
        served = sum(count for labels, count in told["asof_rows_total"].items()
                     if dict(labels)["view"] == view and dict(labels)["result"] == "found")
        is_exact = not tally.abandoned and not tally.again
        if served < read or is_exact and served != read:
            wrong.append(f"view '{view}': the server counts {served:g} rows found, the clients {read}")
    return wrong


def inconsistent(told, tally):
    """What does not agree once every client has gone; the connection that asks is the only one."""
    wrong = answers_differ(told, tally) + histograms_differ(told) + rows_differ(told, tally)
    connections = told["asof_connections"][()]
    if connections != 1:
        wrong.append(f"{connections:g} connections are open where one is")
    return wrong


# ---- As text --------------------------------------------------------------------------------------------------

def samples_table(watch, rows):
    """About so many of the samples, evenly."""
    step = max(1, len(watch.samples) // rows)
    lines = ["| after | memory of its own | mapped files | descriptors | threads |", "|---:|---:|---:|---:|---:|"]
    for one in watch.samples[::step]:
        lines.append(f"| {one['at_s'] / 60:.1f} min | {one['own_mib']:.1f} MiB | {one['mapped_mib']:.1f} MiB | "
                     f"{one['descriptors']} | {one['threads']} |")
    return "\n".join(lines)


def times_table(tally):
    lines = ["| | answers | p50 | p99 | p99.9 | greatest |", "|---|---:|---:|---:|---:|---:|"]
    for kind, times in sorted(tally.times.items()):
        quantiles = " | ".join(f"{times.quantile(part) * 1000:.1f} ms" for part in (0.5, 0.99, 0.999))
        lines.append(f"| {kind} | {times.total:,} | {quantiles} | {times.greatest * 1000:.0f} ms |")
    return "\n".join(lines)


def settled(server, deadline_s=10):
    """The server's counters once only the connection that asks is left."""
    deadline = time.monotonic() + deadline_s
    while True:
        told = counters(server.ask("GET", "/metrics")[1].decode())
        if told["asof_connections"][()] == 1 or time.monotonic() > deadline:
            return told
        time.sleep(0.1)
