"""POST /push with the online store in PostgreSQL: a file of its own, since many servers are killed."""
import unittest

import test_online_postgres
import test_push


class Push(test_online_postgres.OnPostgres, test_push.Push):
    """All that is promised of rows that are pushed, here."""


if __name__ == "__main__":
    unittest.main()
