#!/usr/bin/env python3
"""Rows pushed over HTTP: how many a second, how long one takes, when it can be read, and what earlier ones cost.

ASOF names the program (default: build/release/asof). Wants wrk.
"""
import contextlib
import json
import os
import random
import statistics
import sys

import measure
import project
import servers

FIGURE = {
    "name": "push", "title": "Pushing rows",
    "about": """`asof serve` on LMDB and `POST /push/sales`, whose source has a view with windows and a plain one over 10,000 customers: an
answer of 200 means that the rows are synced to the lake's log and merged into both views. Clients send their next request when the
last was answered, each with rows of random customers. *Until it is read* is one client that pushes a row and reads it back: its
time runs from the push until a read has answered with the row's value. Seconds and CPU seconds of the server are those of 1,000
requests. One server thread on one processor, the client on the other.""",
    "notes": ["A commit takes all requests that wait for its source, so that more clients cost little more."],
}
# name: short or long, what it is called, clients (0: one that reads what it has pushed), rows of a request, pushes before, rounds
TABLE = {
    "c1": (True, "1 client, 1 row", 1, 1, 0, 2),
    "c8": (True, "8 clients, 1 row", 8, 1, 0, 2),
    "c64": (True, "64 clients, 1 row", 64, 1, 0, 2),
    "c1x100": (False, "1 client, 100 rows", 1, 100, 0, 2),
    "c64x100": (True, "64 clients, 100 rows", 64, 100, 0, 2),
    "read": (True, "until it is read", 0, 1, 0, 2),
    "c1-1k": (True, "1 client, 1 row, after 1,000 pushes", 1, 1, 1000, 2),
    "c1-10k": (False, "1 client, 1 row, after 10,000 pushes", 1, 1, 10000, 2),
    "read-10k": (False, "until it is read, after 10,000 pushes", 0, 1, 10000, 2),
    "c-try": (None, "4 clients, 2 rows", 4, 2, 20, 1),
    "read-try": (None, "until it is read", 0, 1, 0, 1),
}
CASES = {name: row[0] for name, row in TABLE.items()}
CUSTOMERS, UNIT, SECONDS = 10_000, 1e3, 5
AT, CLOCK = "2024-02-01T00:00:00Z", "2024-02-01T00:30:00Z"
CLIENT = os.path.join(measure.PEERS, "push_fresh.py")
DEFINITIONS = {
    "project": "bench", "lake": "./lake", "online": "lmdb:./online", "catalog": "sqlite:./catalog.db",
    "entities": {"customer": {"keys": {"customer_id": "int64"}}},
    "sources": {"sales": {"path": "sales.csv", "event_time": "sold_at"}},
    "views": {
        "spending": {"entity": "customer", "source": "sales", "step": "1h",
                     "features": {"amount": {"column": "amount", "agg": ["sum", "count"], "windows": ["1d", "7d"]}}},
        "last_sale": {"entity": "customer", "source": "sales", "features": ["amount"]},
    },
}


def body(chosen, rows):
    return json.dumps({"rows": [{"customer_id": chosen.randrange(CUSTOMERS), "amount": chosen.randrange(4000) / 4,
                                 "sold_at": f"2024-01-31T22:{chosen.randrange(60):02d}:00Z"} for _ in range(rows)]})


def prepared(folder):
    """A shop whose views are built and online."""
    project.write(folder, DEFINITIONS)
    with open(os.path.join(folder, "sales.csv"), "w", encoding="utf-8") as file:
        file.write("customer_id,sold_at,amount\n")
        file.writelines(f"{key},2024-01-31 17:{key % 60:02d}:00,{key % 97}.5\n" for key in range(CUSTOMERS))
    measure.run(project.command(folder, 2, "build"))
    measure.run(project.command(folder, 2, "materialize", "--at", AT))


def commit_count(folder):
    """Of the log."""
    table = os.path.join(folder, "lake", "_pushed", "sales")
    log = os.path.join(table, "_delta_log")
    entries = [name for name in os.listdir(log) if name.endswith(".json") and name.split(".")[0].isdigit() and name.count(".") == 1]
    return len(entries)


def latencies(case):
    runs = case.runs
    median = {key: statistics.median(run[key] for run in runs) for key in ("rate", "p50_us", "p95_us", "p99_us", "cpu_us")}
    times = ", ".join(f"{name} {median[key] / 1000:.1f} ms" for name, key in (("p50", "p50_us"), ("p95", "p95_us"), ("p99", "p99_us")))
    acknowledged = statistics.median(run.get("push_p50_us", 0) for run in runs)
    told = f" (acknowledged: p50 {acknowledged / 1000:.1f} ms)" if acknowledged else ""
    return f"{median['rate']:,.0f} requests/s, {times}{told}, {median['cpu_us'] / 1000:.2f} ms of CPU per request"


def run_once(server, requests, clients):
    if clients > 0:
        return servers.wrk(server, requests, clients, SECONDS, UNIT)
    command = [sys.executable, CLIENT, str(server.port), str(SECONDS)]
    return servers.measured(server, UNIT, lambda: servers.on_client(command))


def compare(name, options):
    _, label, clients, rows, before, _ = TABLE[name]
    case = measure.Case(FIGURE, {own: (row[0], row[-1]) for own, row in TABLE.items()}, name, label, options, rows=rows)
    chosen = random.Random(7)
    with measure.Folder("push") as folder, contextlib.ExitStack() as stack:
        prepared(folder)
        server = servers.asof(project.program(), folder, ["--clock", CLOCK + "!"])
        stack.callback(server.stop)
        requests = os.path.join(folder, "requests")
        servers.write_requests(requests, [("POST", "/push/sales", body(chosen, rows)) for _ in range(500)])
        servers.on_client([sys.executable, CLIENT, str(server.port), "0", str(max(before, 20))], timeout_s=3600)
        for turn in range(case.head["rounds"]):
            took = run_once(server, requests, clients)
            measure.say(f"    {took['rate']:.0f}/s, p50 {took['p50_us'] / 1000:.1f} ms, p99 {took['p99_us'] / 1000:.1f} ms")
            case.keep("asof", turn, took)
        commits = commit_count(folder)
    case.note(f"{label}: {latencies(case)}; {commits:,} commits in the log at the end.")
    case.head["checked"] = "" if clients > 0 else "every row that was pushed was read with its value right behind the answer"
    case.head["versions"] = {"asof": project.version()}
    case.write()


def main():
    options = measure.options(__doc__.splitlines()[0], CASES)
    measure.each(options.cases, lambda name: compare(name, options))


if __name__ == "__main__":
    main()
