"""`kill -9` of `asof materialize` at random moments beside a server that reads: each view's rows are those of one day, and the next run completes.

Of the day numbered n every row has n, in each feature: a mix of two days is seen wherever it is."""
import datetime
import random
import subprocess
import threading
import time

import crash_world
import project
from crash_world import DEADLINE_S, IS_LONG, Client, Server
from steps import build, start, write_parquet

KEYS = 1000
ASKED = 40  # keys of a request
KILLS = 60 if IS_LONG else 8

DEFINITIONS = """
entities:
  customer: {keys: {id: int64}}
sources:
  days: {path: data/*.parquet, event_time: at}
views:
  plain:
    entity: customer
    source: days
    features: {a: {column: number}, b: {column: number}, text: {column: text}}
  tiled:
    entity: customer
    source: days
    step: 1h
    features: {number: {column: number, agg: [count, max], windows: [36500d]}}
"""
FEATURES = ["plain.a", "plain.b", "plain.text", "tiled.number_count_36500d", "tiled.number_max_36500d"]


def at(number):
    return datetime.datetime(2000, 1, 1, 10, 30) + datetime.timedelta(days=number)


def materialize(number):
    """The command."""
    return "materialize", "-q", "--at", (at(number) + datetime.timedelta(hours=1)).isoformat() + "Z"


def make(settings, days):
    shop = project.Project(DEFINITIONS, settings)
    for number in range(days):
        write_parquet(shop, f"data/{number:04}.parquet", {
            "id": list(range(KEYS)), "at": [at(number)] * KEYS, "number": [number] * KEYS, "text": [f"{number}"] * KEYS})
    build(shop)
    return shop


def day_of(row):
    """The days that the rows of the two views are of; None where one is a mix."""
    a, b, text, count, newest = (row["features"][name] for name in FEATURES)
    return (a if text == str(a) and a == b else None), (newest if count == newest + 1 else None)


class Reader(threading.Thread):
    def __init__(self, server, dice):
        super().__init__(daemon=True)
        self.client, self.dice = Client([server]), dice
        self.stop_asked = threading.Event()
        self.faults, self.reads, self.seen = [], 0, (0, 0)

    def run(self):
        while not self.stop_asked.is_set() and not self.faults:
            self.look(self.client.ask(0, "/features/batch", {
                "entities": {"id": self.dice.sample(range(KEYS), ASKED)}, "features": FEATURES}))
        self.client.close()

    def look(self, answer):
        if not answer or answer[0] != 200:
            self.faults.append(answer)
            return
        days = {day_of(row) for row in answer[1]["results"]}
        if len(days) != 1 or None in (*days,)[0] or any(new < old for new, old in zip((*days,)[0], self.seen)):
            self.faults.append((days, "was", self.seen))
            return
        self.seen = days.pop()
        self.reads += 1


class Writer:
    """A test case's; it says what the store is, and what a death may leave for a while."""

    waits_for = ("another load",)  # what the next run may say while the dead one's lock or lease stands

    def leftovers(self, shop):
        """What of the store tells whether something was left behind, as it is after a materialization."""
        raise NotImplementedError

    def completes(self, number):
        """The run after a death."""
        deadline = time.monotonic() + DEADLINE_S
        while (done := self.shop.run(*materialize(number))).returncode != 0:
            self.assertTrue(any(text in done.stderr for text in self.waits_for), done.stderr)
            self.assertLess(time.monotonic(), deadline, done.stderr)

    def served(self, server):
        client = Client([server])
        answer = client.ask(0, "/features/batch", {"entities": {"id": list(range(KEYS))}, "features": FEATURES})
        client.close()
        self.assertEqual(200, answer[0], answer)
        return answer[1]["results"]

    def days(self, server):
        return {day_of(row) for row in self.served(server)}

    def kill_one(self, number, seconds):
        """At a moment of those seconds, or of fewer where it had ended by then."""
        while not self.is_killed(number, self.dice.uniform(0, seconds)):
            seconds /= 2

    def is_killed(self, number, seconds):
        """Before it has ended by itself?"""
        process = start(self.shop, *materialize(number))
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        return process.wait() == -9

    def test_a_writer_is_killed_beside_a_server_that_reads(self):
        self.shop = make(self.settings(), KILLS + 2)
        self.addCleanup(self.shop.remove)
        self.shop.done(*materialize(0))
        server = Server(self.shop)
        self.addCleanup(server.kill)
        readers = [Reader(server, random.Random(self.dice.random())) for _ in range(3)]
        for reader in readers:
            reader.start()
        began = time.monotonic()
        self.shop.done(*materialize(1))
        seconds = time.monotonic() - began
        for number in range(2, KILLS + 2):
            self.kill_one(number, seconds)
            self.completes(number)
            self.assertEqual({(number, number)}, self.days(server))
            self.assertEqual([], [fault for reader in readers for fault in reader.faults])
        for reader in readers:
            reader.stop_asked.set()
            reader.join(DEADLINE_S)
        self.assertEqual([], [fault for reader in readers for fault in reader.faults])
        self.assertGreater(sum(reader.reads for reader in readers), 0, "nothing was read: nothing was tested")
        self.ends_like_a_fresh_one(server, KILLS + 1)

    def ends_like_a_fresh_one(self, server, number):
        found, left = self.served(server), self.leftovers(self.shop)
        server.kill()
        with make(self.settings_of_a_fresh_store(), KILLS + 2) as fresh:
            fresh.done(*materialize(number))
            other = Server(fresh)
            self.addCleanup(other.kill)
            self.assertEqual(self.served(other), found)
            self.assertEqual(self.leftovers(fresh), left)
