"""The store's own server is killed, or started again in good order, beneath a server of asof and `asof materialize`."""
import sys
import threading
import time

from crash_world import DEADLINE_S, IS_LONG, MATERIALIZED_AT

KILLS = 40 if IS_LONG else 4
RESTARTS = 20 if IS_LONG else 3


class Materializer(threading.Thread):
    """Materializes again and again; what it says where it fails must name the store, or say that it waits."""

    def __init__(self, shop, may_say):
        super().__init__(daemon=True)
        self.shop, self.may_say = shop, may_say
        self.stop_asked = threading.Event()
        self.faults, self.completed, self.failed = [], 0, 0

    def run(self):
        while not self.stop_asked.is_set():
            done = self.shop.run("materialize", "-q", "--at", MATERIALIZED_AT)
            self.completed += done.returncode == 0
            self.failed += done.returncode != 0
            if done.returncode != 0 and not any(text in done.stderr for text in self.may_say):
                self.faults.append((done.returncode, done.stderr))


class Store:
    """A test case's, of which `self.server` is the real server of the store."""

    scheme = None
    waits_for = ("another load",)  # what is said while what a dead run held is not free
    patience_s = 0  # for which who reads or pushes waits at least

    def say_when_away(self):
        """What a materialization may fail with."""
        return (f"127.0.0.1:{self.server.port}", f"of the {self.scheme} store", *self.waits_for)

    def end_server(self):
        """In good order."""
        raise NotImplementedError

    def start_server(self):
        """Until it answers."""
        raise NotImplementedError

    def test_the_store_is_killed(self):
        world = self.make(1, may_disconnect=False)
        process = world.servers[0].process
        materializer = Materializer(self.shop, self.say_when_away())
        materializer.start()
        self.addCleanup(materializer.stop_asked.set)
        for _ in range(KILLS):
            world.wait_for_progress()
            time.sleep(self.dice.uniform(0, 0.5))
            self.server.kill()
            time.sleep(self.dice.choice((0, self.dice.uniform(0, 1.5))))
            self.start_server()
            self.assertEqual([], world.oracle.faults[:3])
        world.wait_for_progress()
        materializer.stop_asked.set()
        materializer.join(2 * DEADLINE_S)
        world.stop()
        self.assertEqual([], materializer.faults)
        self.assertIsNone(process.poll(), "the server died with its store")
        self.materializes()
        world.check_end(self)
        print(f"\n{self.scheme} killed {KILLS} times: {world.oracle.count_done()} pushes, {world.reads} reads, {world.refusals} refused; "
              f"{materializer.completed} materializations completed, {materializer.failed} failed", file=sys.stderr)

    def materializes(self):
        """Once what a dead one held is free."""
        deadline = time.monotonic() + DEADLINE_S
        while (done := self.shop.run("materialize", "-q", "--at", MATERIALIZED_AT)).returncode != 0:
            self.assertTrue(any(text in done.stderr for text in self.waits_for), done.stderr)
            self.assertLess(time.monotonic(), deadline, done.stderr)

    def test_no_request_fails_while_the_store_starts_again(self):
        """Where the store is back within the time for which it is asked again; on a machine too busy for that nothing can be said."""
        world = self.make(1, may_disconnect=False)
        judged = 0
        for _ in range(RESTARTS):
            world.wait_for_progress()
            before, began = world.refusals, time.monotonic()
            self.end_server()
            self.start_server()
            is_in_time = time.monotonic() - began < self.patience_s
            world.wait_for_progress()
            judged += is_in_time
            if is_in_time:
                self.assertEqual(before, world.refusals, "a request failed")
        world.stop()
        world.check_end(self)
        print(f"\n{judged} of {RESTARTS} restarts of {self.scheme} were fast enough", file=sys.stderr)
        if judged == 0:
            self.skipTest("no restart was fast enough")
