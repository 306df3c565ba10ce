"""Online equals the oracle and the join, with the store in PostgreSQL: the steps of test_online on its server."""

import test_online
from real_servers import Postgres


class OnlineInPostgres(test_online.Online):
    label = "online_postgres"
    cases = 12

    @classmethod
    def setUpClass(cls):
        cls.server = Postgres.start_or_skip()
        cls.addClassCleanup(cls.server.stop)

    def store(self, seed):
        return f"postgres://asof:s3cret%2Fpass@127.0.0.1:{self.server.port}/asof?schema=p{seed}"


if __name__ == "__main__":
    test_online.unittest.main()
