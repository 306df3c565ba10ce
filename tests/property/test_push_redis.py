"""Pushes into a store in Redis: the steps of test_push on its server."""

import test_push
from real_servers import Redis


class PushInRedis(test_push.Push):
    label = "push_redis"
    cases = 8

    @classmethod
    def setUpClass(cls):
        cls.server = Redis.start_or_skip()
        cls.addClassCleanup(cls.server.stop)

    def store(self, seed):
        return f"redis://127.0.0.1:{self.server.port}/0?prefix={self._testMethodName[:40]}-{seed}"


if __name__ == "__main__":
    test_push.unittest.main()
