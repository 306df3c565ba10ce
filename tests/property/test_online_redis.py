"""Online equals the oracle and the join, with the store in Redis: the steps of test_online on its server."""

import test_online
from real_servers import Redis


class OnlineInRedis(test_online.Online):
    label = "online_redis"
    cases = 12

    @classmethod
    def setUpClass(cls):
        cls.server = Redis.start_or_skip()
        cls.addClassCleanup(cls.server.stop)

    def store(self, seed):
        return f"redis://127.0.0.1:{self.server.port}/0?prefix={self._testMethodName[:40]}-{seed}"


if __name__ == "__main__":
    test_online.unittest.main()
