#!/usr/bin/env python3
"""Online reads over HTTP: one entity, batches, a fixed rate, each store; beside nginx, Redis and Feast's server.

ASOF names the program (default: build/release/asof). Wants wrk, nginx, redis-server, redis-benchmark, libhiredis-dev, PostgreSQL.
"""
import contextlib
import itertools
import json
import os
import random

import data
import kernels
import measure
import project
import servers

COMMON = """One server thread on one processor, the client on the other; a warm-up comes before each measurement."""
ONE = {
    "name": "online_one", "title": "Serving one entity",
    "about": f"""`asof serve` and `GET /features/v/KEY`, ten doubles of a random one of the entities, by wrk in a closed loop. nginx, one
worker, serves a file of the bytes of one such answer. Seconds and CPU seconds of the server are those of 100,000 requests. {COMMON}""",
    "notes": [],
}
BATCH = {
    "name": "online_batch", "title": "Serving batches",
    "about": f"""`POST /features/v/batch` of random entities, ten doubles each, answered as JSON with statuses and event times. Redis has
a hash per entity with the same values as text; a batch is one pipeline of HMGETs by hiredis on one connection. Seconds and CPU
seconds of the server are those of a million entities. {COMMON}""",
    "notes": [],
}
EACH_STORE = {
    "name": "online_stores", "title": "Serving from each store", "plot": "none",
    "about": f"""The same server over each store: one entity by `GET /features/v/KEY`, or a batch, of ten doubles. Seconds and CPU seconds of asof
are those of 100,000 entities. {COMMON}""",
    "notes": ["A store that is a server shares asof's processor; its own CPU is not counted here."],
}
BENCHMARK = {
    "name": "online_redis_benchmark", "title": "Redis by its own benchmark",
    "about": f"""`redis-benchmark` with 32 connections: HMGET of ten fields of random hashes that are all there (its keys have twelve digits), so
many in a pipeline; asof's batches are of as many entities, on 32 connections as well, by wrk. Seconds and CPU seconds of the server are those
of a million entities. {COMMON}""",
    "notes": ["redis-benchmark throws replies away; wrk reads HTTP, and the answer is JSON with statuses and event times."],
}
FEAST = {
    "name": "online_feast", "title": "Feast's server",
    "about": f"""Five views of ten doubles over 5,000 entities in Feast, a million in asof, the same values in both. Both answer Feast's own
request, `POST /get-online-features`, on 8 connections; Feast's Python server has one worker. Seconds and CPU seconds of the server are those of 1,000 requests. {COMMON}""",
    "notes": [],
}
OPEN = {
    "name": "online_open", "title": "Latency at a fixed rate",
    "about": f"""Requests for one entity are sent at the instants of a fixed schedule, half of the closed loop's rate, on 32 connections; latency
runs from the instant at which each was due, so that a stall is charged to all who would have come meanwhile. Seconds and CPU
seconds of the server are those of 100,000 requests. {COMMON}""",
    "notes": [],
}
# name: figure, short or long, what it is called, connections or entities or (entities, features), seconds, rounds
TABLE = {
    "c32": (ONE, True, "32 connections", 32, 2, 3),
    "c256": (ONE, True, "256 connections", 256, 2, 2),
    "c1": (ONE, False, "1 connection", 1, 3, 3),
    "c-try": (ONE, None, "8 connections", 8, 1, 1),
    "100": (BATCH, True, "100 entities x 10", 100, 2, 2),
    "10k": (BATCH, True, "10,000 entities x 10", 10000, 2, 2),
    "batch-try": (BATCH, None, "20 entities x 10", 20, 1, 1),
    "100x50": (FEAST, True, "100 entities x 50", (100, 5), 3, 1),
    "1x10": (FEAST, False, "1 entity x 10", (1, 1), 3, 3),
    "feast-try": (FEAST, None, "10 entities x 50", (10, 5), 1, 1),
    "stores-1": (EACH_STORE, False, "1 entity x 10, 8 connections", 1, 2, 2),
    "stores-100": (EACH_STORE, False, "100 entities x 10, 1 connection", 100, 2, 2),
    "stores-10k": (EACH_STORE, False, "10,000 entities x 10, 1 connection", 10000, 2, 2),
    "stores-try": (EACH_STORE, None, "20 entities x 10, 1 connection", 20, 1, 1),
    "hmget-1": (BENCHMARK, True, "1 in a pipeline", 1, 2, 2),
    "hmget-16": (BENCHMARK, True, "16 in a pipeline", 16, 2, 2),
    "hmget-100": (BENCHMARK, True, "100 in a pipeline", 100, 2, 2),
    "hmget-try": (BENCHMARK, None, "10 in a pipeline", 10, 1, 1),
    "half": (OPEN, True, "half of the closed loop's rate", 32, 3, 2),
    "tenth": (OPEN, False, "a tenth of it", 32, 10, 3),
    "open-try": (OPEN, None, "half of the rate", 8, 2, 1),
}
CASES = {name: row[1] for name, row in TABLE.items()}
COLUMNS = [f"f{number}" for number in range(10)]
VIEWS = ["v", "v1", "v2", "v3", "v4"]
AT, CLOCK = "2024-01-03T00:00:00Z", "2024-01-03T00:00:00Z"
FEAST_ROWS, FEAST_ROUTE = 5000, "/get-online-features"
OURS, MEMORY, REDIS_STORE, POSTGRES_STORE = "asof", "asof, in memory", "asof, on Redis", "asof, on PostgreSQL"


def figure_cases(figure):
    return {name: (row[1], row[-1]) for name, row in TABLE.items() if row[0] is figure}


# ---- The place ------------------------------------------------------------------------------------------------

class Place:
    """Rows, projects and servers that the cases share; each is made when the first case wants it."""

    def __init__(self, folder, rows, stack):
        self.folder, self.rows, self.stack, self.made = folder, rows, stack, {}
        self.source = data.generated(f"online-{data.short(rows)}", rows=rows, seed=7, keys={"entity": rows}, time="ts",
                                     **{"from": "2024-01-01"}, days=1, every=True, step_s=86400, columns=COLUMNS)

    def once(self, name, make):
        if name not in self.made:
            self.made[name] = make()
            if isinstance(self.made[name], servers.Server):
                self.stack.callback(self.made[name].stop)
        return self.made[name]

    def definitions(self, views):
        plain = [data.plain_view(self.source, name=name, columns=COLUMNS, max_age_s=None) for name in views]
        return project.definitions({"views": plain})

    def built(self, views):
        """A project whose views are built; the stores share its lake and catalog."""
        folder = os.path.join(self.folder, f"project-{len(views)}")
        project.write(folder, self.definitions(views))
        measure.run(project.command(folder, 2, "build"))
        return folder

    def served(self, name, online, views=("v",), is_materialized=True):
        built = self.once(f"built {len(views)}", lambda: self.built(views))
        folder = os.path.join(self.folder, name)
        project.write(folder, {**self.definitions(views), "lake": os.path.join(built, "lake"),
                               "catalog": f"sqlite:{built}/catalog.db", "online": online})
        if is_materialized:
            measure.run(project.command(folder, 2, "materialize", "--at", AT))
        return servers.asof(project.program(), folder, ["--clock", CLOCK])

    def lmdb(self):
        return self.once("asof", lambda: self.served("lmdb", "lmdb:./online"))

    def all_views(self):
        return self.once("asof-views", lambda: self.served("lmdb-views", "lmdb:./online", VIEWS))

    def memory(self):
        return self.once("memory", lambda: self.served("memory", "memory", is_materialized=False))

    def on_redis(self):
        store = self.once("redis-store", lambda: servers.redis(self.folder))
        return self.once("on-redis", lambda: self.served("on-redis", f"redis://{servers.HOST}:{store.port}/0"))

    def on_postgres(self):
        store = self.once("postgres-store", lambda: servers.postgres(self.folder))
        online = f"postgres://asof:s3cret%2Fpass@{servers.HOST}:{store.port}/asof"
        return self.once("on-postgres", lambda: self.served("on-postgres", online))

    def nginx(self):
        body = self.lmdb().ask("GET", "/features/v/1")[1]
        return self.once("nginx", lambda: servers.nginx(self.folder, body))

    def csv(self):
        """The rows as text, f0 behind the key, which is one more than the row's number."""
        path = self.source.replace(".parquet", ".csv")
        if not os.path.exists(path):
            data.child("rows_csv.py", {"path": self.source, "columns": ["entity", *COLUMNS], "out": path})
        return path

    def redis(self):
        def loaded():
            server = servers.redis(self.folder)
            measure.run([kernels.built("bench_redis_hmget"), "load", str(server.port), self.csv()], timeout_s=600)
            return server
        return self.once("redis", loaded)

    def feast(self, store):
        port = self.once("feast-redis-store", lambda: servers.redis(self.folder)).port if store == "redis" else 0
        spec = {"path": self.source, "rows": FEAST_ROWS, "views": VIEWS, "columns": COLUMNS, "redis_port": port}
        return self.once(f"feast-{store}", lambda: servers.feast(self.folder, store, spec))

    def requests(self, name, made):
        def write():
            path = os.path.join(self.folder, f"{name}.requests")
            servers.write_requests(path, made)
            return path
        return self.once(f"requests {name}", write)

    def sample(self, below):
        """{entity: values} of a hundred entities below a number, from the rows as text."""
        with open(self.csv(), encoding="utf-8") as file:
            rows = (line.split(",") for line in file)
            chosen = itertools.islice((row for row in rows if int(row[0]) < below), 100)
            return {int(row[0]): [float(value) for value in row[1:]] for row in chosen}


# ---- Requests -------------------------------------------------------------------------------------------------

def one_requests(rows):
    chosen = random.Random(7)
    return [("GET", f"/features/v/{chosen.randrange(rows)}", None) for _ in range(5000)]


def batch_body(keys):
    return json.dumps({"entities": {"entity": keys}})


def batch_requests(rows, entities):
    chosen = random.Random(7)
    return [("POST", "/features/v/batch", batch_body([chosen.randrange(rows) for _ in range(entities)]))
            for _ in range(max(10, min(200, 100000 // entities)))]


def feast_body(keys, views, is_feast):
    """Its features have names of their own in each view, ours the same in all."""
    if is_feast:
        names = [f"{view}:{column if view == 'v' else f'{view}_{column}'}" for view in views for column in COLUMNS]
    else:
        names = [f"{view}:{column}" for view in views for column in COLUMNS]
    return json.dumps({"features": names, "entities": {"entity": keys}, "full_feature_names": not is_feast})


def rows_body(keys, views):
    return json.dumps({"features": [f"{view}.{column}" for view in views for column in COLUMNS], "entities": {"entity": keys}})


def requests_of(target, entities, body):
    """Of random entities among those that Feast has."""
    chosen = random.Random(7)
    return [("POST", target, body([chosen.randrange(FEAST_ROWS) for _ in range(entities)])) for _ in range(200)]


# ---- What is compared before times are ------------------------------------------------------------------------

def values_of(row, prefix=""):
    return [row["features"][f"{prefix}{column}"] for column in COLUMNS]


def check_one(place, server):
    for key, values in place.sample(place.rows).items():
        status, body = server.ask("GET", f"/features/v/{key}")
        if status != 200 or values_of(json.loads(body)) != values:
            raise measure.Failed(f"entity {key}: {status} {body[:200]}")


def check_batch(place, server):
    sample = place.sample(place.rows)
    status, body = server.ask("POST", "/features/v/batch", batch_body(list(sample)))
    if status != 200 or [values_of(row) for row in json.loads(body)["results"]] != list(sample.values()):
        raise measure.Failed(f"batch: {status} {body[:200]}")


def check_feast(place, server, is_feast):
    sample = place.sample(FEAST_ROWS)
    status, body = server.ask("POST", FEAST_ROUTE, feast_body(list(sample), VIEWS, is_feast))
    if status != 200:
        raise measure.Failed(f"{FEAST_ROUTE}: {status} {body[:300]}")
    answer = json.loads(body)
    columns = dict(zip(answer["metadata"]["feature_names"], (one["values"] for one in answer["results"])))
    names = [[column if view == "v" else f"{view}_{column}" for column in COLUMNS] if is_feast else
             [f"{view}__{column}" for column in COLUMNS] for view in VIEWS]
    for view in names:
        if [list(row) for row in zip(*(columns[name] for name in view))] != list(sample.values()):
            raise measure.Failed(f"{FEAST_ROUTE}: {server.name} has other values than were written")


# ---- Cases ----------------------------------------------------------------------------------------------------

def rounds_of(case, arms):
    """Every arm in turn, each round beginning with another one."""
    for turn in range(case.head["rounds"]):
        for name, run in arms[turn % len(arms):] + arms[:turn % len(arms)]:
            took = run()
            measure.say(f"    {name}: {took['rate']:.0f}/s, {took['cpu_us']:.1f} us CPU, p99 {took['p99_us']:.0f} us")
            case.keep(name, turn, took)


def latency_table(case):
    """What seconds do not say: medians of the runs."""
    rows = ["| | requests/s | p50 | p95 | p99 | p99.9 | CPU per request |", "|---|---:|---:|---:|---:|---:|---:|"]
    for arm in dict.fromkeys(run["arm"] for run in case.runs):
        own = [run for run in case.runs if run["arm"] == arm]
        median = {key: measure.statistics.median(run[key] for run in own)
                  for key in ("rate", "p50_us", "p95_us", "p99_us", "p999_us", "cpu_us") if key in own[0]}
        times = " | ".join(f"{median[key] / 1000:.2f} ms" if key in median else "" for key in ("p50_us", "p95_us", "p99_us", "p999_us"))
        rows.append(f"| {arm} | {median['rate']:,.0f} | {times} | {median['cpu_us']:.1f} us |")
    return f"{case.head['figure']['title']}, {case.head['label']}:\n\n" + "\n".join(rows)


def finish(case, checked):
    case.head["versions"] = {"asof": project.version(), **servers.versions()}
    case.head["checked"] = checked
    case.head["extra"] = latency_table(case)
    case.write()


def warmed(server, requests, run):
    servers.wrk(server, requests, 4, 1, 1)
    return run


def by_wrk(name, server, requests, connections, seconds, unit):
    """An arm, warmed up."""
    return name, warmed(server, requests, lambda: servers.wrk(server, requests, connections, seconds, unit))


def compare_one(case, place, row):
    _, _, _, connections, seconds, _ = row
    requests = place.requests("one", one_requests(place.rows))
    arms = []
    for name, server in ((OURS, place.lmdb()), (MEMORY, place.memory())):
        check_one(place, server)
        arms.append(by_wrk(name, server, requests, connections, seconds, 1e5))
    same = place.requests("same", [("GET", "/answer", None)])
    try:
        arms.append(by_wrk("nginx", place.nginx(), same, connections, seconds, 1e5))
    except measure.Failed as failure:
        case.note(f"Without nginx: {failure}.")
    case.head["aside"] = [MEMORY]
    rounds_of(case, arms)
    finish(case, "the answers of 100 entities are the rows that were written")


def compare_batch(case, place, row):
    _, _, _, entities, seconds, _ = row
    requests = place.requests(f"batch {entities}", batch_requests(place.rows, entities))
    unit, arms = 1e6 / entities, []
    for name, server in ((OURS, place.lmdb()), (MEMORY, place.memory())):
        check_batch(place, server)
        arms.append(by_wrk(name, server, requests, 1, seconds, unit))
    redis = place.redis()
    arms.append(("Redis HMGET", lambda: servers.hmget(redis, place.rows, entities, len(COLUMNS), seconds, unit)))
    if entities <= 1000:
        arms.append(("asof, 8 connections", lambda: servers.wrk(place.lmdb(), requests, 8, seconds, unit)))
    case.head["aside"] = [name for name, _ in arms if name not in (OURS, "Redis HMGET")]
    rounds_of(case, arms)
    finish(case, "a batch of 100 entities is the rows that were written; Redis has all values")


def compare_stores(case, place, row):
    _, _, _, entities, seconds, _ = row
    if entities == 1:
        requests, connections = place.requests("one", one_requests(place.rows)), 8
    else:
        requests, connections = place.requests(f"batch {entities}", batch_requests(place.rows, entities)), 1
    arms = []
    for name, server in ((OURS, place.lmdb()), (MEMORY, place.memory()), (REDIS_STORE, place.on_redis()),
                         (POSTGRES_STORE, place.on_postgres())):
        check_batch(place, server)
        arms.append(by_wrk(name, server, requests, connections, seconds, 1e5 / entities))
    case.head["aside"] = [name for name, _ in arms if name != OURS]
    rounds_of(case, arms)
    finish(case, "a batch of 100 entities is the rows that were written, from each store")


def compare_benchmark(case, place, row):
    _, _, _, entities, seconds, _ = row
    requests = place.requests(f"batch {entities}", batch_requests(place.rows, entities))
    ours, redis = place.lmdb(), place.redis()
    check_batch(place, ours)
    arms = [by_wrk(OURS, ours, requests, 32, seconds, 1e6 / entities),
            ("redis-benchmark", lambda: servers.redis_benchmark(redis, place.rows, COLUMNS, entities, seconds, 1e6))]
    rounds_of(case, arms)
    finish(case, "no HMGET missed its hash; a batch of 100 entities is the rows that were written")


def compare_feast(case, place, row):
    _, _, _, (entities, view_count), seconds, _ = row
    views, ours = VIEWS[:view_count], place.all_views()
    check_feast(place, ours, False)
    sent = place.requests(f"ours {entities}", requests_of(FEAST_ROUTE, entities, lambda keys: feast_body(keys, views, False)))
    by_rows = place.requests(f"rows {entities}", requests_of("/features/batch", entities, lambda keys: rows_body(keys, views)))
    arms = [by_wrk(OURS, ours, sent, 8, seconds, 1e3), by_wrk("asof, by rows", ours, by_rows, 8, seconds, 1e3)]
    theirs = place.requests(f"theirs {entities}", requests_of(FEAST_ROUTE, entities, lambda keys: feast_body(keys, views, True)))
    for store, name in (("sqlite", "Feast, SQLite"), ("redis", "Feast, Redis")):
        peer = place.feast(store)
        check_feast(place, peer, True)
        arms.append(by_wrk(name, peer, theirs, 8, seconds, 1e3))
    case.head["aside"] = [arms[1][0]]
    rounds_of(case, arms)
    case.note("*By rows* is `POST /features/batch`: statuses, event times and versions with each entity.")
    finish(case, "each server answers 100 entities with the values that were written")


def compare_open(case, place, row):
    name, connections, seconds = case.head["case"], row[3], row[4]
    requests = place.requests("one", one_requests(place.rows))
    ours = place.lmdb()
    check_one(place, ours)
    peak = max(servers.wrk(ours, requests, connections, 1, 1)["rate"] for _ in range(2))
    rate = peak / (10 if name == "tenth" else 2)
    rounds_of(case, [(OURS, lambda: servers.open_loop(ours, requests, rate, seconds, connections, 1e5))])
    case.note(f"{case.head['label']}: {rate:,.0f} requests/s, of {peak:,.0f} in the closed loop.")
    finish(case, "the answers of 100 entities are the rows that were written")


KINDS = {"online_one": compare_one, "online_batch": compare_batch, "online_stores": compare_stores,
         "online_redis_benchmark": compare_benchmark, "online_feast": compare_feast, "online_open": compare_open}


def compare(name, place, options):
    row = TABLE[name]
    figure = row[0]
    case = measure.Case(figure, figure_cases(figure), name, f"{row[2]}, {data.short(place.rows)} entities", options)
    KINDS[figure["name"]](case, place, row)


def main():
    options = measure.options(__doc__.splitlines()[0], CASES)
    is_try = all(name.endswith("try") for name in options.cases)
    with measure.Folder("online") as folder, contextlib.ExitStack() as stack:
        place = Place(folder, 10_000 if is_try else 1_000_000, stack)
        measure.each(options.cases, lambda name: compare(name, place, options))


if __name__ == "__main__":
    main()
