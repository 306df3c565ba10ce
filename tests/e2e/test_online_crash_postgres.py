"""`kill -9` of servers, writers and the store itself at random moments, with the online store in PostgreSQL."""
import signal
import unittest

import crash_store
import crash_writer
import test_online_crash
import test_online_postgres


class OnPostgres(test_online_postgres.OnPostgres):
    scheme = "postgres"
    patience_s = 3.6

    def settings_of_a_fresh_store(self):
        return self.settings()

    def leftovers(self, _):
        """Relations by kind, and what is on record."""
        return (self.server.ask(f"select relkind, count(*) from pg_class where relnamespace = '{self.schema}'::regnamespace group by 1 order by 1"),
                self.server.ask("select count(*) from asof_online_generation", self.schema))

    def start_server(self):
        self.start_again()

    def end_server(self):
        self.server.process.send_signal(signal.SIGINT)
        self.server.process.wait()


class Servers(OnPostgres, test_online_crash.Servers):
    """Of asof."""


class Writer(OnPostgres, crash_writer.Writer, test_online_crash.Case):
    """`asof materialize`."""


class Store(OnPostgres, crash_store.Store, test_online_crash.Case):
    """PostgreSQL."""


if __name__ == "__main__":
    unittest.main()
