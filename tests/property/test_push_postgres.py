"""Pushes into a store in PostgreSQL: the steps of test_push on its server."""

import test_push
from real_servers import Postgres


class PushInPostgres(test_push.Push):
    label = "push_postgres"
    cases = 8

    @classmethod
    def setUpClass(cls):
        cls.server = Postgres.start_or_skip()
        cls.addClassCleanup(cls.server.stop)

    def store(self, seed):
        return f"postgres://asof:s3cret%2Fpass@127.0.0.1:{self.server.port}/asof?schema=p{seed}"


if __name__ == "__main__":
    test_push.unittest.main()
