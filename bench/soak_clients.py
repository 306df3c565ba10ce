"""soak_clients.py - who asks a server during a soak: at a fixed rate, coming and going, wrongly, and with rows to push.

Every answer is looked at. What is not as it must be is kept as a failure; nothing is asked twice but what a store that was just
then restarted could not answer.
"""
import bisect
import http.client
import json
import math
import random
import socket
import threading
import time

import soak_data

HOST = "127.0.0.1"
TIMEOUT_S = 30
BATCH = 100
PUSHED_ROWS = 20
AGAIN_S = 0.1    # between two tries
AFTER_S = 10     # behind a restart, within which a request must have been answered
FAILURES_KEPT = 20
BOUNDS_S = [1e-5 * 1.1 ** power for power in range(180)]


class Histogram:
    """Times, to a tenth of each."""

    def __init__(self):
        self.counts, self.total, self.greatest = [0] * (len(BOUNDS_S) + 1), 0, 0.0

    def add(self, seconds):
        self.counts[bisect.bisect_left(BOUNDS_S, seconds)] += 1
        self.total += 1
        self.greatest = max(self.greatest, seconds)

    def quantile(self, part):
        left = math.ceil(self.total * part)
        for bound, count in zip(BOUNDS_S, self.counts):
            left -= count
            if left <= 0:
                return min(bound, self.greatest)
        return self.greatest


class Outages:
    """When the store was told to stop, and when it answered again."""

    def __init__(self):
        self.lock, self.spans = threading.Lock(), []

    def begin(self):
        with self.lock:
            self.spans.append([time.monotonic(), math.inf])

    def end(self):
        with self.lock:
            self.spans[-1][1] = time.monotonic()

    def touch(self, began):
        """May a request that was first sent then have met one, and may it still be asked again?"""
        now = time.monotonic()
        with self.lock:
            return any(began <= end and now <= end + AFTER_S for _, end in self.spans[-1:])


class Tally:
    """What the clients have seen. Thread-safe."""

    def __init__(self):
        self.lock = threading.Lock()
        self.answers = {}    # (route, code): how many were read
        self.abandoned = {}  # route: how many requests were sent whose answer nobody read
        self.found = {}      # view: rows with a value
        self.times = {}      # kind of request: Histogram
        self.again = 0
        self.failures, self.failure_count = [], 0

    def answered(self, route, code):
        with self.lock:
            self.answers[route, code] = self.answers.get((route, code), 0) + 1

    def left(self, route):
        with self.lock:
            self.abandoned[route] = self.abandoned.get(route, 0) + 1

    def rows(self, view, count):
        with self.lock:
            self.found[view] = self.found.get(view, 0) + count

    def took(self, kind, seconds):
        with self.lock:
            self.times.setdefault(kind, Histogram()).add(seconds)

    def asked_again(self):
        with self.lock:
            self.again += 1

    def failed(self, what):
        with self.lock:
            self.failure_count += 1
            if len(self.failures) < FAILURES_KEPT:
                self.failures.append(f"{time.strftime('%H:%M:%S')} {what}")


class World:
    """What the clients of one server share: where it is, what has been published, what they have seen."""

    def __init__(self, port, items):
        self.port, self.items = port, items
        self.tally, self.outages, self.done = Tally(), Outages(), threading.Event()
        self.begun = self.published = 0  # the generation that is being materialized, and the newest that was

    def wrong(self, rows, since):
        """What is wrong with {item: values}, asked for when generation `since` was the newest; None if all is right."""
        found = {item: soak_data.generation_of(item, values) for item, values in rows.items()}
        for generation in range(since, self.begun + 1):
            if all(found[item] == soak_data.newest_of(item, generation) for item in rows):
                return None
        return f"no generation {since} to {self.begun} has these rows: {sorted(found.items())[:3]}"


# ---- One connection -------------------------------------------------------------------------------------------

class Connection:
    """Kept alive; asks, checks the status, and asks again what a restarting store had no answer for."""

    def __init__(self, world):
        self.world, self.http = world, http.client.HTTPConnection(HOST, world.port, timeout=TIMEOUT_S)

    def close(self):
        self.http.close()

    def once(self, route, method, path, body, headers):
        self.http.request(method, path, body, {"Content-Type": "application/json", **headers})
        answer = self.http.getresponse()
        text = answer.read()
        self.world.tally.answered(route, answer.status)
        return answer.status, text

    def ask(self, route, method, path, body=None, headers=None, expected=200):
        """The answer's JSON; None where it was not the one that was expected, which is told."""
        began = time.monotonic()
        try:
            while True:
                status, text = self.once(route, method, path, body, headers or {})
                if status != 503 or expected == 503 or not self.world.outages.touch(began):
                    break
                self.world.tally.asked_again()
                time.sleep(AGAIN_S)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            self.world.tally.failed(f"{method} {path}: {error!r}")
            return None
        if status != expected:
            self.world.tally.failed(f"{method} {path}: {status} {text[:200]!r}")
            return None
        return json.loads(text)


# ---- Requests -------------------------------------------------------------------------------------------------

def values_of(features, prefix=""):
    return [features[prefix + name] for name in soak_data.FEATURES]


def ask_one(connection, dice):
    item = dice.randrange(connection.world.items)
    row = connection.ask("key_row", "GET", f"/features/v/{item}")
    return row and {item: values_of(row["features"])}


def ask_batch(connection, dice):
    items = dice.sample(range(connection.world.items), BATCH)
    answer = connection.ask("view_batch", "POST", "/features/v/batch", json.dumps({"entities": {"item": items}}))
    return answer and {item: values_of(row["features"]) for item, row in zip(items, answer["results"])}


def ask_service(connection, dice):
    items = dice.sample(range(soak_data.SALES_ITEMS), 10)
    body = {"entities": {"item": items}, "service": "model"}
    answer = connection.ask("batch", "POST", "/features/batch", json.dumps(body))
    if not answer:
        return None
    connection.world.tally.rows("sold", len(items))
    return {item: values_of(row["features"], "v.") for item, row in zip(items, answer["results"])}


def ask_feast(connection, dice):
    items = dice.sample(range(connection.world.items), BATCH)
    body = {"entities": {"item": items}, "features": [f"v:{name}" for name in soak_data.FEATURES]}
    answer = connection.ask("get_online_features", "POST", "/get-online-features", json.dumps(body))
    if not answer:
        return None
    columns = [column["values"] for column in answer["results"][1:]]
    return {item: list(values) for item, values in zip(items, zip(*columns))}


KINDS = [("one", ask_one)] * 16 + [("batch of 100", ask_batch)] * 2 + [("service", ask_service), ("Feast's route", ask_feast)]


def ask_checked(connection, dice, kind, ask):
    world = connection.world
    since = world.published
    rows = ask(connection, dice)
    if rows is None:
        return
    world.tally.rows("v", len(rows))
    wrong = world.wrong(rows, since)
    if wrong:
        world.tally.failed(f"{kind}: {wrong}")


def at_a_rate(world, seed, rate):
    """Requests due at fixed instants on one connection; the time of each runs from when it was due."""
    dice, connection = random.Random(seed), Connection(world)
    due = time.monotonic() + dice.random() / rate
    while not world.done.wait(max(0.0, due - time.monotonic())):
        kind, ask = dice.choice(KINDS)
        ask_checked(connection, dice, kind, ask)
        world.tally.took(kind, time.monotonic() - due)
        due += 1 / rate
    connection.close()


# ---- Those who come and go ------------------------------------------------------------------------------------

def raw(path, method="GET", body="", more=""):
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: soak\r\nContent-Type: application/json\r\n{length}{more}\r\n{body}".encode()


def a_visit(world, dice):
    connection = Connection(world)
    for _ in range(dice.randrange(1, 4)):
        ask_checked(connection, dice, "visit", ask_one)
    connection.close()


def pipelined(world, dice):
    """Three requests at once; the last one asks that the connection be closed."""
    path = f"/features/v/{dice.randrange(world.items)}"
    began = time.monotonic()
    with socket.create_connection((HOST, world.port), timeout=TIMEOUT_S) as sock:
        sock.sendall(raw(path) * 2 + raw(path, more="Connection: close\r\n"))
        with sock.makefile("rb") as answers:
            said = answers.read()
    codes = [int(part[:3]) for part in said.split(b"HTTP/1.1 ")[1:]]
    for code in codes:
        world.tally.answered("key_row", code)
    world.tally.rows("v", codes.count(200))
    if codes != [200] * 3 and world.outages.touch(began) and set(codes) <= {200, 503}:
        world.tally.asked_again()
    elif codes != [200] * 3:
        world.tally.failed(f"three requests in one: {codes}")


def half_a_request(world, _):
    with socket.create_connection((HOST, world.port), timeout=TIMEOUT_S) as sock:
        sock.sendall(raw("/features/v/batch", "POST", '{"entities": {"item": [1, 2]}}')[:-9])


def no_reader(world, dice):
    """A batch whose answer nobody reads: the connection is reset."""
    body = json.dumps({"entities": {"item": dice.sample(range(world.items), BATCH)}})
    world.tally.left("view_batch")
    with socket.create_connection((HOST, world.port), timeout=TIMEOUT_S) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.sendall(raw("/features/v/batch", "POST", body))


def silent(world, _):
    with socket.create_connection((HOST, world.port), timeout=TIMEOUT_S):
        world.done.wait(0.2)


def coming_and_going(world, seed, pause_s):
    dice = random.Random(seed)
    while not world.done.wait(pause_s):
        visit = dice.choice([a_visit, a_visit, pipelined, half_a_request, no_reader, silent])
        try:
            visit(world, dice)
        except OSError as error:
            world.tally.failed(f"{visit.__name__}: {error!r}")


# ---- Those who are wrong --------------------------------------------------------------------------------------

WRONG = [
    ("none", "GET", "/nowhere", None, 404),
    ("key_row", "GET", "/features/nothing/1", None, 404),
    ("key_row", "GET", "/features/v/seven", None, 422),
    ("view_batch", "POST", "/features/v/batch", '{"entities": {"item": [1, 2', 400),
    ("view_batch", "POST", "/features/v/batch", '{"entities": {"thing": [1]}}', 422),
    ("batch", "POST", "/features/batch", '{"entities": {"item": [1]}, "service": "nothing"}', 404),
    ("get_online_features", "POST", "/get-online-features", '{"entities": {"item": [1]}, "features": ["v:f99"]}', 422),
    ("push", "POST", "/push/sales", '{"rows": [{"item": 1, "amuont": 1}]}', 422),
    ("none", "DELETE", "/features/v/1", None, 405),
]


def not_http(world):
    with socket.create_connection((HOST, world.port), timeout=TIMEOUT_S) as sock:
        sock.sendall(b"this is no request\r\n\r\n")
        said = sock.makefile("rb").read()
    if not said.startswith(b"HTTP/1.1 400 "):
        world.tally.failed(f"what is no HTTP: {said[:100]!r}")
    world.tally.answered("none", 400)


def being_wrong(world, pause_s):
    connection, number = Connection(world), 0
    while not world.done.wait(pause_s):
        route, method, path, body, expected = WRONG[number % len(WRONG)]
        connection.ask(route, method, path, body, expected=expected)
        number += 1
        if number % len(WRONG) == 0:
            try:
                not_http(world)
            except OSError as error:
                world.tally.failed(f"what is no HTTP: {error!r}")
    connection.close()


# ---- Those who push -------------------------------------------------------------------------------------------

def pushing(world, name, pause_s):
    """Sales of random items, two hours ago; each is in the count that is read next. One pusher only."""
    dice, connection = random.Random(name), Connection(world)
    counts, number = dict.fromkeys(range(soak_data.SALES_ITEMS), 1), 0
    while not world.done.wait(pause_s):
        number += 1
        items = dice.sample(range(soak_data.SALES_ITEMS), PUSHED_ROWS)
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 7200))
        body = json.dumps({"rows": [{"item": item, "sold_at": at, "amount": 2.5} for item in items]})
        began = time.monotonic()
        if not connection.ask("push", "POST", "/push/sales", body, {"X-Request-ID": f"{name}-{number}"}):
            return  # what is there now is not known: the failure stands
        world.tally.took("push of 20 rows", time.monotonic() - began)
        for item in items:
            counts[item] += 1
        check_count(world, connection, items[0], counts)
    connection.close()


def check_count(world, connection, item, counts):
    row = connection.ask("key_row", "GET", f"/features/sold/{item}")
    if row:
        world.tally.rows("sold", 1)
        found = row["features"]["amount_count_30d"]
        if found != counts[item]:
            world.tally.failed(f"item {item} was sold {counts[item]} times, and {found} are counted")
