"""On a terminal: the progress bar, colour and width; and what Ctrl-C does."""
import json
import os
import re
import signal
import subprocess
import time
import unittest

import duckdb

import project
from project import BIN, Project, environment
from terminal import Terminal

SECOND = 1.0
BIG = """
entities:
  thing: {keys: {id: int64}}
sources:
  events: {path: data/events.parquet, event_time: happened}
views:
  busy:
    entity: thing
    source: events
    step: 1h
    features:
      x: {column: x, agg: [sum, mean, std, median, max], windows: [1h, 1d, 7d]}
"""
# Quadratic in a million rows: nobody waits for its end.
ENDLESS = "select sum(a.x * b.x + c.x) from events a, events b, events c"


class Shows(unittest.TestCase):
    def setUp(self):
        self.shop = Project()
        self.addCleanup(self.shop.remove)

    def show(self, *args, **env):
        with Terminal(*args, cwd=self.shop.dir, **env) as terminal:
            self.assertEqual(terminal.finish(), 0)
            return terminal.text.decode()

    def test_heads_are_bold_unless_no_color_or_a_dumb_terminal(self):
        self.assertIn("\033[1mname", self.show("-q", "list", "views"))
        self.assertNotIn("\033", self.show("-q", "list", "views", NO_COLOR="1"))
        self.assertIn("\033[1m", self.show("-q", "list", "views", NO_COLOR=""))
        self.assertNotIn("\033", self.show("-q", "list", "views", TERM="dumb"))

    def test_no_line_of_a_table_is_wider_than_the_terminal(self):
        for columns in (20, 40, 80):
            with Terminal("-q", "list", "features", cwd=self.shop.dir, columns=columns, NO_COLOR="1") as terminal:
                self.assertEqual(terminal.finish(), 0)
                for line in terminal.text.decode().split("\r\n"):
                    self.assertLessEqual(len(line), columns)

    def test_a_dumb_terminal_and_a_quiet_run_get_no_bar(self):
        self.assertNotIn("\r\033", self.show("build", TERM="dumb"))
        self.assertEqual(self.show("-q", "build", "--full"), "")

    def test_sql_counts_its_rows(self):
        self.assertIn("(4 rows)", self.show("sql", "select * from orders"))


class Long(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Project(BIG)
        cls.addClassCleanup(cls.shop.remove)
        path = cls.shop.dir / "data" / "events.parquet"
        duckdb.execute(f"""copy (select i * 7919 % 50021 as id, timestamp '2024-01-01' + to_seconds(i * 37 % 31536000) as happened,
                                        i % 997 / 7.0 as x from range(3000000) t(i)) to '{path}'""")

    def start(self, *args, **env):
        return Terminal(*args, cwd=self.shop.dir, **env)

    def assert_nothing_published(self):
        self.assertEqual(json.loads(self.shop.done("list", "versions", "--json"))["versions"], [])

    def test_ctrl_c_ends_a_build_within_a_second_with_nothing_published(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.start("build") as terminal:
                terminal.wait_for(b"busy")
                code, seconds = terminal.signal(number)
            self.assertEqual(code, 130)
            self.assertLess(seconds, SECOND)
            self.assertTrue(terminal.text.endswith(b"\r\033[Kasof: interrupted\r\n"), terminal.text[-200:])
            self.assert_nothing_published()

    def test_ctrl_c_ends_a_query_within_a_second(self):
        with self.start("sql", ENDLESS) as terminal:
            terminal.wait_for(b"\r")
            code, seconds = terminal.signal(signal.SIGINT)
        self.assertEqual(code, 130)
        self.assertLess(seconds, SECOND)

    def test_ctrl_c_without_a_terminal_says_interrupted_and_nothing_else(self):
        process = subprocess.Popen([BIN, "--json", "sql", ENDLESS], cwd=self.shop.dir, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        self.wait_busy(process)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=project.DEADLINE_S)
        self.assertEqual(process.returncode, 130)
        self.assertLess(time.monotonic() - began, SECOND)
        self.assertEqual(out, b"")
        self.assertIn(b"interrupted", err)

    @staticmethod
    def wait_busy(process):
        """Until it has used a third of a second of the CPU: it is at work then."""
        ticks = os.sysconf("SC_CLK_TCK") / 3
        deadline = time.monotonic() + project.DEADLINE_S
        while time.monotonic() < deadline:
            with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            if int(fields[11]) + int(fields[12]) > ticks:
                return
            try:
                process.wait(0.02)      # nothing to wait on but the process itself
            except subprocess.TimeoutExpired:
                pass
        raise AssertionError("it did not start to work")

    def test_the_bar_is_drawn_at_most_ten_times_a_second_and_erased(self):
        with self.start("sql", "select median(a.x + b.id) from events a join events b using (happened)", columns=60) as terminal:
            began = time.monotonic()
            self.assertEqual(terminal.finish(), 0)
            tenths = (time.monotonic() - began) * 10
        drawings = re.findall(rb"\r([^\r\n\033]+)\033\[K", terminal.text)
        self.assertLessEqual(len(drawings), tenths + 1)
        for drawing in drawings:
            self.assertLess(len(drawing.decode()), 60)
        if drawings:
            self.assertIn(b"\033[K\r\033[K", terminal.text)


class Serving(unittest.TestCase):
    def setUp(self):
        self.shop = Project()
        self.addCleanup(self.shop.remove)
        self.shop.done("build", "-q")
        self.shop.done("materialize", "-q")

    def start(self, *args):
        process = subprocess.Popen([BIN, "serve", "--listen", "127.0.0.1:0", *args], cwd=self.shop.dir, encoding="utf-8",
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        return process

    def test_it_says_where_it_listens_and_a_signal_drains_it(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            process = self.start()
            self.assertRegex(process.stderr.readline(), r"^listening on 127\.0\.0\.1:\d+\n$")
            process.send_signal(signal.SIGHUP)      # a terminal that goes away is no reason to stop
            process.send_signal(number)
            self.assertEqual(process.wait(project.DEADLINE_S), 0)
            self.assertEqual(process.stdout.read(), "")

    def test_with_json_the_address_is_a_document(self):
        process = self.start("--json")
        said = re.search(r":(\d+)$", process.stderr.readline().strip()).group(1)
        self.assertEqual(json.loads(process.stdout.readline()), {"host": "127.0.0.1", "port": int(said)})
        process.terminate()
        self.assertEqual(process.wait(project.DEADLINE_S), 0)
        self.assertEqual(process.stdout.read(), "")

    def test_an_address_that_is_taken_exits_1_and_one_that_is_none_2(self):
        process = self.start()
        address = process.stderr.readline().split()[-1]
        self.assertEqual(self.shop.run("serve", "--listen", address).returncode, 1)
        self.assertEqual(self.shop.run("serve", "--listen", "nowhere").returncode, 2)
        process.terminate()
        self.assertEqual(process.wait(project.DEADLINE_S), 0)


if __name__ == "__main__":
    unittest.main()
