"""`kill -9` of servers, writers and the store itself at random moments, with the online store in Redis."""
import shutil
import unittest
from pathlib import Path

import crash_store
import crash_writer
import project
import test_online_crash
from real_servers import Redis


class OnRedis:
    """One Redis for a class, emptied before each test. What it acknowledges survives a kill."""

    scheme = "redis"
    waits_for = ("its lease ends in",)
    patience_s = 1.6

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Redis.start_or_skip()
        cls.addClassCleanup(cls.server.stop)

    def settings(self):
        self.server.cli("FLUSHALL")
        return project.SETTINGS.replace("lmdb:./online", f"redis://127.0.0.1:{self.server.port}/0?lease=1")

    settings_of_a_fresh_store = settings

    def leftovers(self, _):
        return self.server.cli("DBSIZE")

    def start_server(self):
        self.server.start()
        self.assertTrue(self.server.is_there())

    def end_server(self):
        self.server.cli("SHUTDOWN")
        self.server.process.wait()


class Servers(OnRedis, test_online_crash.Servers):
    """Of asof."""


class Writer(OnRedis, crash_writer.Writer, test_online_crash.Case):
    """`asof materialize`."""


class Store(OnRedis, crash_store.Store, test_online_crash.Case):
    """Redis."""


class Forgetful(OnRedis, test_online_crash.Case):
    """A Redis that has lost what it acknowledged last, as one without `appendfsync always` may."""

    def test_what_was_pushed_comes_back_from_the_log(self):
        world = self.make(1, readers=0, may_disconnect=False)
        written = Path(self.server.dir) / "appendonlydir"
        world.wait_for_progress(3)
        self.server.kill()
        shutil.copytree(written, Path(self.server.dir) / "kept")
        self.start_server()
        world.wait_for_progress(5)
        self.server.kill()
        shutil.rmtree(written)
        (Path(self.server.dir) / "kept").rename(written)
        self.start_server()
        world.wait_for_progress(5)
        world.stop()
        world.check_end(self)


if __name__ == "__main__":
    unittest.main()
