#!/usr/bin/env python3
"""An hour under load: `asof serve` over LMDB and over Redis, while everything around it changes.

ASOF names the program (default: build/release/asof). Wants redis-server and redis-cli. Both servers run at the same time, each
with clients that ask at a fixed rate, that come and go, that are wrong, that push; with SIGHUP, with generation after generation
materialized, with a store that is restarted. Ends with 1 where a request failed that was not meant to, where a value was wrong,
where memory or descriptors grew, or where the server's counters are not those of its clients.
"""
import argparse
import concurrent.futures
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time

import measure
import project
import servers
import soak_clients
import soak_data
import soak_watch

FIGURE = {
    "name": "soak", "title": "An hour under load", "plot": "none",
    "about": """`asof serve --threads 2` over LMDB and over Redis at the same time, each with a project of its own of 100,000 entities x 10:
requests at a fixed rate on four connections (in twenty: 16 of one entity, 2 batches of 100, one of a service of two views, one batch of 100
on Feast's route), others that come, go, and leave in the middle, wrong ones of ten kinds, a push of 20 rows every five seconds; SIGHUP
every 20 seconds, each time with other definitions and every third time with wrong ones; every two minutes a tenth of the
entities anew, built and materialized; every four minutes Redis is shut down and started again. Every value that is
read is looked at, by generation. Seconds are how long it ran, CPU is the server's.""",
    "notes": ["""Tolerated, and nothing else: a 503 to a request that was sent before Redis was up again; it is asked again
every 0.1 s, and must be answered within ten seconds of Redis' return.""",
              """Judged is what follows the first fifth: memory of its own may grow by 16 MiB along the line through all samples, descriptors
and threads by 2. Mapped files are LMDB's and its hash files, which the kernel may take back."""],
}
CASES = {"hour": (False, 1), "less": (False, 1)}  # short or long, rounds
ONE_THREAD_RATE = 4          # connections that share the rate
HUP_S, GENERATION_S, RESTART_S, SAMPLE_S, PUSH_S = 20, 120, 240, 10, 5
GROWTH_MIB, GROWTH_COUNT = 16, 2
STORES = {"lmdb": "asof", "redis": "asof, on Redis"}  # arms


# ---- The store that is restarted ------------------------------------------------------------------------------

class Redis:
    """Redis that keeps what it has, on one port through its restarts."""

    def __init__(self, folder):
        self.folder, self.port = os.path.join(folder, "redis"), servers.free_port()
        os.makedirs(self.folder)
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", servers.HOST, "--dir", self.folder, "--save", "", "--appendonly", "yes",
             "--hash-max-listpack-value", "1024"], stdout=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + 60
        while self.cli("PING").strip() != "PONG":
            if time.monotonic() > deadline:
                raise measure.Failed("redis-server does not start")
            time.sleep(0.02)

    def cli(self, *words):
        return subprocess.run(["redis-cli", "-h", servers.HOST, "-p", str(self.port), *words], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, check=False, timeout=60).stdout

    def restart(self):
        self.cli("SHUTDOWN")
        self.process.wait(60)
        self.start()

    def stop(self):
        self.process.kill()
        self.process.wait()


# ---- One server and what happens around it --------------------------------------------------------------------

class Soak:
    def __init__(self, folder, store, options, stack):
        self.folder, self.options, self.redis = os.path.join(folder, store), options, None
        self.pace = min(1.0, options.minutes / 10)
        os.makedirs(self.folder)
        if store == "redis":
            self.redis = Redis(self.folder)
            stack.callback(self.redis.stop)
        self.online = f"redis://{servers.HOST}:{self.redis.port}/0" if self.redis else "lmdb:./online"
        soak_data.write_project(self.folder, self.online, options.entities)
        self.asof("build")
        self.asof("materialize")
        port = servers.free_port()
        command = [project.program(), "-C", self.folder, "-q", "--threads", "2", "serve", "--listen", f"{servers.HOST}:{port}"]
        self.server = servers.Server(store, command, port, self.folder, ready="/readyz", pinned=False)
        stack.callback(self.server.stop)
        self.world = soak_clients.World(port, options.entities)
        self.watch = soak_watch.Watch(self.server.process.pid)
        self.told = soak_watch.settled(self.server)
        self.count = {"SIGHUP": 0, "generations": 0, "restarts": 0}
        self.away_s = []

    def asof(self, *words):
        measure.run(project.command(self.folder, 1, *words))

    # ---- what happens -----------------------------------------------------------------------------------------

    def reload(self):
        """Other definitions, and every third time some that are refused."""
        self.count["SIGHUP"] += 1
        number = self.count["SIGHUP"]
        if number % 3 == 0:
            soak_data.write(os.path.join(self.folder, "asof.yaml"), "views: [")
        else:
            soak_data.write_definitions(self.folder, self.online, soak_data.OTHER_SERVICE if number % 3 == 1 else None)
        self.server.process.send_signal(signal.SIGHUP)
        if number % 3 == 0:
            self.world.done.wait(self.pace)
            soak_data.write_definitions(self.folder, self.online)

    def materialize(self):
        self.count["generations"] += 1
        self.world.begun = self.count["generations"]
        soak_data.write_generation(self.folder, self.options.entities, self.world.begun)
        self.asof("build")
        self.asof("materialize")
        self.world.published = self.world.begun

    def restart(self):
        if not self.redis:
            return
        self.count["restarts"] += 1
        began = time.monotonic()
        self.world.outages.begin()
        self.redis.restart()
        self.world.outages.end()
        self.away_s.append(time.monotonic() - began)

    def sample(self):
        self.watch.sample()
        told = soak_watch.counters(self.server.ask("GET", "/metrics")[1].decode())
        for what in soak_watch.gone_back(self.told, told):
            self.world.tally.failed(what)
        self.told = told

    def attempt(self, step):
        try:
            step()
        except (measure.Failed, OSError, subprocess.SubprocessError) as failure:
            self.world.tally.failed(f"{step.__name__}: {failure}")

    def happen(self, every_s):
        """The steps of {step: seconds} again and again, one at a time: a definition that is wrong for a moment is in nobody's way."""
        due = {step: time.monotonic() + pause_s for step, pause_s in every_s.items()}
        while True:
            step = min(due, key=due.get)
            if self.world.done.wait(max(0.0, due[step] - time.monotonic())):
                return
            self.attempt(step)
            due[step] = max(due[step] + every_s[step], time.monotonic())

    def run(self):
        world, pace, rate = self.world, self.pace, self.options.rate / ONE_THREAD_RATE
        work = [(soak_clients.at_a_rate, world, seed, rate) for seed in range(ONE_THREAD_RATE)]
        work += [(soak_clients.coming_and_going, world, 100 + seed, 0.25) for seed in range(2)]
        work += [(soak_clients.being_wrong, world, 0.5), (soak_clients.pushing, world, "till", PUSH_S * pace)]
        work += [(self.happen, {self.reload: HUP_S * pace, self.materialize: GENERATION_S * pace, self.restart: RESTART_S * pace}),
                 (self.happen, {self.sample: SAMPLE_S * pace})]
        threads = [threading.Thread(target=one[0], args=one[1:], daemon=True) for one in work]
        self.sample()
        for thread in threads:
            thread.start()
        world.done.wait(self.options.minutes * 60)
        world.done.set()
        for thread in threads:
            thread.join(120)
            if thread.is_alive():
                world.tally.failed("a client or a command does not end")
        self.sample()
        return self.result()

    # ---- what came of it --------------------------------------------------------------------------------------

    def judge(self):
        for what in soak_watch.inconsistent(soak_watch.settled(self.server), self.world.tally):
            self.world.tally.failed(what)
        for key, most in (("own_mib", self.options.growth_mib), ("descriptors", self.options.growth_count),
                          ("threads", self.options.growth_count)):
            grown = self.watch.growth(key)
            if grown > most:
                self.world.tally.failed(f"{key} grew by {grown:.1f} (at most {most})")
        self.server.process.send_signal(signal.SIGTERM)
        if self.server.process.wait(60) != 0:
            self.world.tally.failed(f"the server ended with {self.server.process.returncode}")

    def result(self):
        took = {"seconds": self.watch.samples[-1]["at_s"], "cpu": self.server.cpu(), "peak_mib": self.server.peak_mib()}
        self.judge()
        tally = self.world.tally
        return {"took": took, "failures": tally.failures, "failure_count": tally.failure_count, "text": self.text()}

    def text(self):
        tally, watch = self.world.tally, self.watch
        answers = sum(tally.answers.values())
        wrong = sum(count for (_, code), count in tally.answers.items() if 400 <= code < 500)
        happened = ", ".join(f"{count} {what}" for what, count in self.count.items() if count)
        slopes = ", ".join(f"{name} {watch.slope(key):+.2f}" for key, name in (
            ("own_mib", "memory of its own (MiB)"), ("mapped_mib", "mapped files (MiB)"), ("descriptors", "descriptors"),
            ("threads", "threads")))
        away = f"Redis was away for {min(self.away_s):.1f} to {max(self.away_s):.1f} s each time. " if self.away_s else ""
        text = (f"{answers:,} answers, {wrong:,} of them to wrong requests; {sum(tally.abandoned.values()):,} were not waited for; "
                f"{tally.failure_count} failed, {tally.again} asked again while the store was away. {happened}. {away}"
                f"Per hour, behind the first fifth: {slopes}.")
        return f"{textwrap.fill(text, 118)}\n\n{soak_watch.times_table(tally)}\n\n{soak_watch.samples_table(watch, 12)}"


def soak_one(folder, store, options):
    with contextlib.ExitStack() as stack:
        return Soak(folder, store, options, stack).run()


def keep(case, results):
    case.head["aside"] = [name for name in STORES.values() if name != "asof"]
    for store, result in results.items():
        case.keep(STORES[store], 0, result["took"])
        for failure in result["failures"]:
            case.note(f"**Failed**, {STORES[store]}: {failure}.")
    case.head["versions"] = {"asof": project.version(), **servers.versions()}
    case.head["checked"] = "every value that was read is of a generation that was there; each pushed row is in the count read next"
    case.head["extra"] = "\n\n".join(f"*{STORES[store]}*: {result['text']}" for store, result in results.items())
    case.write()


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--entities", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=200, help="requests per second and server")
    parser.add_argument("--growth-count", type=float, default=GROWTH_COUNT, help="by which descriptors and threads may")
    parser.add_argument("--growth-mib", type=float, default=GROWTH_MIB, help="by which memory may grow")
    parser.add_argument("--stores", default=",".join(STORES), help="these, by comma")
    parser.add_argument("--try", dest="is_try", action="store_true", help="keep no result")
    options = parser.parse_args()
    options.rounds, options.threads = 1, 2
    options.name = "hour" if options.minutes >= 60 else "less"
    return options


def main():
    options = parsed()
    case = measure.Case(FIGURE, CASES, options.name, f"{options.minutes:.0f} minutes, {options.rate} requests/s each", options)
    stores = [store for store in options.stores.split(",") if store != "redis" or shutil.which("redis-server")]
    with measure.Folder("soak") as folder, concurrent.futures.ProcessPoolExecutor(len(stores)) as pool:
        running = {store: pool.submit(soak_one, folder, store, options) for store in stores}
        results = {store: one.result() for store, one in running.items()}
    for store, result in results.items():
        measure.say(f"{STORES[store]}: {result['text']}\n")
        for failure in result["failures"]:
            measure.say(f"    FAILED {failure}")
    failed = sum(result["failure_count"] for result in results.values())
    if not options.is_try:
        keep(case, results)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
