"""A server keeps up with what is materialized while it runs: new values, versions, definitions and views."""

import http.client
import json
import re
import subprocess
import time
import unittest

import project
from real_servers import ATTACHED

DEADLINE_S = 30
LATE = "1,2024-01-01 13:30:00,100.0,late\n"


class ServeWhileMaterialized(unittest.TestCase):
    """Also on the stores that are servers: test_online_*.py."""

    def settings(self):
        return project.SETTINGS

    def setUp(self):
        self.project = project.Project(settings=self.settings())
        self.addCleanup(self.project.remove)
        self.project.done("build")
        self.project.done("materialize", "last", "--at", "2024-01-01T13:00:00Z")
        self.process = subprocess.Popen(
            [*ATTACHED, project.BIN, "serve", "--listen", "127.0.0.1:0", "--clock", "2024-01-02T12:00:00Z!"],
            cwd=self.project.dir,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self.stop)
        line = self.process.stderr.readline()
        self.port = int(re.search(r"listening on 127\.0\.0\.1:(\d+)", line).group(1))

    def stop(self):
        self.process.terminate()
        self.assertEqual(self.process.wait(DEADLINE_S), 0)
        self.process.stderr.close()

    def ask(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        connection.request("GET", path)
        answer = connection.getresponse()
        result = answer.status, json.loads(answer.read())
        connection.close()
        return result

    def ask_until(self, path, is_met):
        """Ask until the answer is what is wanted, or the deadline passes; never is there a 5xx but 503."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            status, row = self.ask(path)
            self.assertIn(status, (200, 404, 503), row)
            if is_met(status, row) or time.monotonic() > deadline:
                return status, row

    def test_new_data_comes_with_its_version(self):
        _, row = self.ask("/features/last/1")
        self.assertEqual(("1.0.0", 4.5), (row["version"], row["features"]["price"]))
        self.project.write("data/orders.csv", project.ORDERS + LATE)
        self.project.done("build", "last")
        self.project.done("materialize", "last", "--at", "2024-01-02T00:00:00Z")
        _, row = self.ask_until("/features/last/1", lambda _, row: row["version"] == "1.0.1")
        self.assertEqual(("1.0.1", 100.0), (row["version"], row["features"]["price"]))

    def test_a_view_that_was_not_online_is_found(self):
        self.assertEqual(404, self.ask("/features/spending/1")[0])
        self.project.done("materialize", "spending", "--at", "2024-01-02T00:00:00Z")
        status, row = self.ask_until("/features/spending/1", lambda status, _: status == 200)
        self.assertEqual((200, 1), (status, row["features"]["orders_count_1d"]))

    def test_another_definition_is_served_as_soon_as_it_is_there(self):
        definitions = project.DEFINITIONS.replace("note: {column: note}", "note: {column: note}\n      customer: {column: id}")
        self.assertNotEqual(definitions, project.DEFINITIONS)
        self.project.write("features/shop.yaml", definitions)
        self.project.done("build", "last")
        self.project.done("materialize", "last", "--at", "2024-01-02T00:00:00Z")
        _, row = self.ask_until("/features/last/1", lambda status, row: status == 200 and row["version"] == "1.1.0")
        self.assertEqual(("1.1.0", 1), (row["version"], row["features"]["customer"]))


if __name__ == "__main__":
    unittest.main()
