"""`kill -9` of servers and writers at random moments, with the online store in LMDB: what was acknowledged is there, once; what is read is
a state that was. ASOF_TEST_LONG=1 kills more often; ASOF_SEED=N draws the moments of a run that failed."""
import random
import sys
import time
import unittest

import crash_world
import crash_writer
import project
from crash_world import IS_LONG, Server, World

KILLS = 60 if IS_LONG else 5


class Case(unittest.TestCase):
    def settings(self):
        return project.SETTINGS

    def setUp(self):
        self.seed = crash_world.seed()
        self.dice = random.Random(self.seed)
        print(f"\nASOF_SEED={self.seed}", file=sys.stderr)

    def make(self, servers, readers=3, **options):
        self.shop = crash_world.make(self.settings())
        self.addCleanup(self.shop.remove)
        started = []
        for _ in range(servers):
            started.append(Server(self.shop))
            self.addCleanup(started[-1].kill)
        world = World(self.shop, started, self.dice, **options)
        self.addCleanup(world.stop_asked.set)
        world.start(readers=readers)
        return world


class Servers(Case):
    """Also on the stores that are servers: test_online_crash_*.py."""

    def kill_one(self, world):
        server = self.dice.choice(world.servers)
        world.wait_for_progress()
        time.sleep(self.dice.uniform(0, 0.3))
        server.kill()
        while self.dice.random() < 0.3:  # while it starts
            server.start()
            time.sleep(self.dice.uniform(0, 0.2))
            server.kill()
        server.start()
        if self.dice.random() < 0.5 or len(world.servers) == 1:
            server.wait_until_ready()

    def run_world(self, servers):
        world = self.make(servers)
        for _ in range(KILLS):
            self.kill_one(world)
            self.assertEqual([], world.oracle.faults[:3])
        world.wait_for_progress()
        world.stop()
        for server in world.servers:
            server.wait_until_ready()
        world.check_end(self)
        print(f"\n{servers} servers killed {KILLS} times: {world.oracle.count_done()} pushes, {world.reads} reads", file=sys.stderr)

    def test_a_server_is_killed(self):
        self.run_world(1)

    def test_two_servers_of_one_store_and_lake_are_killed(self):
        self.run_world(2)


class Writer(crash_writer.Writer, Case):
    """`asof materialize`."""

    def settings_of_a_fresh_store(self):
        return self.settings()

    def leftovers(self, shop):
        """The kinds of its files."""
        return sorted(path.suffix for path in (shop.dir / "online").iterdir())


if __name__ == "__main__":
    unittest.main()
