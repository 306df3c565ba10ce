"""What is promised of pushed rows, of `materialize` and of a server beside it, with the online store in Redis."""
import unittest
import uuid

import project
import test_materialize
import test_push
from real_servers import Redis


class OnRedis:
    """One server for a class; each test has a prefix of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Redis.start_or_skip()
        cls.addClassCleanup(cls.server.stop)

    def settings(self):
        uri = f"redis://127.0.0.1:{self.server.port}/0?lease=1&prefix=s{uuid.uuid4().hex}"
        return project.SETTINGS.replace("lmdb:./online", uri)


class Materialize(OnRedis, test_materialize.Materialize):
    """All that is promised of `materialize`, here."""


class Push(OnRedis, test_push.Push):
    """All that is promised of rows that are pushed, here."""


if __name__ == "__main__":
    unittest.main()
