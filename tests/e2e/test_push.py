"""POST /push: rows that are durable, online and in every build once they are acknowledged; killed anywhere, once."""

import concurrent.futures
import datetime
import decimal
import http.client
import json
import re
import signal
import subprocess
import unittest

import project
import pyarrow as pa
import pyarrow.parquet as pq
from real_servers import ATTACHED

DEADLINE_S = 60
CLOCK = "2024-01-02T12:00:00Z"
ROW = {"id": 1, "ordered_at": "2024-01-02T11:30:00Z", "amount": 100.25, "note": "pushed"}
# Where a server dies or fails between a request and its answer, and whether the row is in the log by then.
POINTS = [
    ("lake.commit.before_put", False),
    ("push.before_commit", False),
    ("lake.commit.after_put", True),
    ("push.after_commit", True),
    ("push.before_update", True),
    ("store.update.before_commit", True),
    ("store.update.after_commit", True),
]
REFUSED = [
    ('{"rows": [{"odered_at": 1}]}', 422, "rows[0]: source 'orders' has no column 'odered_at' (did you mean 'ordered_at'?)"),
    ('{"rows": [{"id": 1, "ordered_at": "x"}]}', 422, "rows[0].ordered_at: 'x' is no timestamp"),
    ('{"rows": [{"id": 1, "ordered_at": "2024-01-02T11:30:00Z"}, {"id": 1.5}]}', 422, "rows[1].id: '1.5' is no int64"),
    ('{"rows": [{"id": 1}]}', 422, "rows[0] has no event_time (`ordered_at`), and source 'orders' fails on such rows"),
    ('{"rows": [1]}', 422, "rows[0] is no object of columns"),
    ('{"rows": []}', 422, "rows: no row is in it"),
    ('{"row": []}', 422, 'a push is {"rows"'),
    ('[]', 422, 'a push is {"rows"'),
    ('{"rows": [', 400, "line 1"),
]


class Server:
    def __init__(self, shop, clock=CLOCK, **environment):
        self.process = subprocess.Popen(
            [*ATTACHED, project.BIN, "serve", "--listen", "127.0.0.1:0", "--clock", clock + "!", "--threads", "2"],
            cwd=shop.dir, env=project.environment(**environment), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        line = self.process.stderr.readline()
        found = re.search(r"listening on 127\.0\.0\.1:(\d+)", line)
        if not found:
            raise AssertionError(line + self.process.stderr.read())
        self.port = int(found.group(1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(DEADLINE_S)
        self.process.stderr.close()

    def ask(self, method, path, body=None, request_id=None):
        headers = {"Content-Type": "application/json", **({"X-Request-ID": request_id} if request_id else {})}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def push(self, rows, request_id=None, source="orders"):
        return self.ask("POST", f"/push/{source}", json.dumps({"rows": rows}), request_id)

    def features(self, view, key):
        return self.ask("GET", f"/features/{view}/{key}")[1]["features"]


class Push(unittest.TestCase):
    """Also on the stores that are servers: test_push_*.py."""

    def settings(self):
        return project.SETTINGS

    def setUp(self):
        self.shop = project.Project(settings=self.settings())
        self.addCleanup(self.shop.remove)
        self.shop.done("build")
        self.shop.done("materialize", "--at", "2024-01-02T10:00:00Z")

    def lines(self, query):
        return json.loads(self.shop.done("sql", "--json", query))["rows"]

    def test_an_acknowledged_row_is_in_every_read_and_build(self):
        with Server(self.shop) as server:
            self.assertEqual(1, server.features("spending", 1)["orders_count_1d"])
            self.assertEqual((200, {"accepted": 2, "request_id": "a"}), server.push([ROW, {**ROW, "id": 9, "note": None}], "a"))
            self.assertEqual({"orders_count_1d": 2, "amount_sum_1d": 104.75, "amount_max_1d": 100.25}, server.features("spending", 1))
            self.assertEqual({"price": 100.25, "note": "pushed"}, server.features("last", 1))
            self.assertEqual({"price": 100.25, "note": None}, server.features("last", 9))
            online = server.features("spending", 1), server.features("last", 9)
            self.shop.done("build")
            self.shop.done("materialize", "--at", CLOCK)
            self.assertEqual(online, (server.features("spending", 1), server.features("last", 9)))
        for options in ([], ["--direct"]):
            self.shop.write("spine.csv", "id,event_time\n1,2024-01-02 12:00:00\n")
            self.shop.done("join", "--spine", "spine.csv", "--service", "model", "--out", "out.csv", *options)
            self.assertEqual("1,2024-01-02 12:00:00,104.75,100.25", (self.shop.dir / "out.csv").read_text().splitlines()[1])

    def test_what_is_wrong_is_refused_and_changes_nothing(self):
        with Server(self.shop) as server:
            before = server.features("spending", 1)
            for body, status, message in REFUSED:
                with self.subTest(body=body):
                    answered, answer = server.ask("POST", "/push/orders", body)
                    self.assertEqual(status, answered, answer)
                    self.assertIn(message, answer["error"]["message"])
            status, answer = server.push([ROW], source="order")
            self.assertEqual((404, "unknown_source"), (status, answer["error"]["code"]))
            self.assertIn("did you mean 'orders'?", answer["error"]["message"])
            self.assertEqual(before, server.features("spending", 1))
        self.assertFalse(list(self.shop.dir.glob("lake/_pushed/orders/**/*.parquet")))

    def test_a_request_counts_once_whoever_is_asked(self):
        with Server(self.shop) as first, Server(self.shop) as second:
            for server in (first, second, first):
                self.assertEqual((200, {"accepted": 1, "request_id": "once"}), server.push([ROW], "once"))
            self.assertEqual((200, {"accepted": 1, "request_id": "two"}), second.push([ROW], "two"))
            self.assertEqual(3, first.features("spending", 1)["orders_count_1d"])
        with Server(self.shop) as third:
            self.assertEqual(200, third.push([ROW], "once")[0])
            self.assertEqual(3, third.features("spending", 1)["orders_count_1d"])

    def test_pushes_at_once_to_two_servers_beside_builds_lose_and_double_nothing(self):
        with Server(self.shop) as first, Server(self.shop) as second, concurrent.futures.ThreadPoolExecutor(8) as pool:
            ids = [f"request-{i % 40}" for i in range(60)]
            sent = [pool.submit((first, second)[i % 2].push, [{**ROW, "id": 5, "amount": 1}], one) for i, one in enumerate(ids)]
            for _ in range(2):
                self.shop.done("build")
                self.shop.done("materialize", "--at", "2024-01-02T11:00:00Z")
            answers = [future.result() for future in sent]
            for status, answer in answers:
                self.assertEqual((200, 1), (status, answer.get("accepted")), answer)
            self.assertEqual({"orders_count_1d": 40, "amount_sum_1d": 40, "amount_max_1d": 1}, first.features("spending", 5))
        self.shop.done("build")
        self.assertEqual(40, self.lines("SELECT count(*) AS n FROM source.orders WHERE id = 5")[0]["n"])
        self.shop.done("materialize", "--at", CLOCK)
        with Server(self.shop) as server:
            self.assertEqual(40, server.features("spending", 5)["orders_count_1d"])

    def test_killed_or_failing_anywhere_a_row_counts_once(self):
        count = 1
        for action in ("kill", "fail"):
            for point, is_logged in POINTS:
                with self.subTest(point=point, action=action):
                    request_id = f"{action}-{point}"
                    with Server(self.shop, ASOF_FAULT=f"{point}:1={action}") as server:
                        try:
                            status, answer = server.push([ROW], request_id)
                            self.assertNotEqual("kill", action, answer)
                            self.assertIn(status, (500, 503), answer)
                        except (http.client.HTTPException, OSError):
                            self.assertEqual("kill", action)
                    with Server(self.shop) as server:
                        count += is_logged
                        self.assertEqual(count, server.features("spending", 1)["orders_count_1d"])
                        self.assertEqual((200, {"accepted": 1, "request_id": request_id}), server.push([ROW], request_id))
                        count += not is_logged
                        self.assertEqual(count, server.features("spending", 1)["orders_count_1d"])
        self.shop.done("build")
        self.shop.done("materialize", "--at", CLOCK)
        with Server(self.shop) as server:
            self.assertEqual(count, server.features("spending", 1)["orders_count_1d"])

    def test_a_view_that_is_defined_otherwise_is_named_and_catches_up(self):
        self.shop.write("features/shop.yaml", project.DEFINITIONS.replace("windows: [1d]}\n      amount", "windows: [1d, 2h]}\n      amount"))
        with Server(self.shop) as server:
            status, answer = server.push([ROW], "a")
            self.assertEqual((200, 1), (status, answer["accepted"]))
            self.assertIn("view 'spending': it is online under another definition", answer["behind"])
            self.assertNotIn("'last'", answer["behind"])
            self.assertEqual({"price": 100.25, "note": "pushed"}, server.features("last", 1))
            refused = self.shop.run("materialize", "spending", "--at", CLOCK)
            self.assertEqual(2, refused.returncode, refused.stderr)
            self.assertIn("run `asof build spending` first", refused.stderr)
            self.shop.done("build")
            self.shop.done("materialize", "--at", CLOCK)
            self.assertEqual((200, {"accepted": 1, "request_id": "b"}), server.push([ROW], "b"))
            self.assertEqual(3, server.features("spending", 1)["orders_count_1d"])
            self.assertEqual(2, server.features("spending", 1)["orders_count_2h"])

    def test_a_table_that_is_materialized_first_has_what_was_pushed_before(self):
        self.shop.done("build")
        with Server(self.shop) as server:
            self.assertEqual(200, server.push([ROW, {**ROW, "ordered_at": "2024-01-02T13:10:00Z"}], "a")[0])
        self.shop.done("build")
        self.shop.done("materialize", "--at", "2024-01-02T11:00:00Z")
        with Server(self.shop) as server:
            self.assertEqual(2, server.features("spending", 1)["orders_count_1d"])
        with Server(self.shop, "2024-01-02T14:00:00Z") as server:
            self.assertEqual(2, server.features("spending", 1)["orders_count_1d"])
            self.assertEqual("2024-01-02T13:10:00Z", server.ask("GET", "/features/last/1")[1]["event_time"])


class ColumnTypes(unittest.TestCase):
    """A source in Parquet with columns of types that JSON does not have."""

    def test_values_are_kept_in_the_columns_own_type_or_refused(self):
        definitions = project.DEFINITIONS.replace("data/orders.csv", "data/*.parquet")
        with project.Project(definitions) as shop:
            at = datetime.datetime(2024, 1, 1, 10, 30)
            columns = {
                "id": pa.array([1], pa.int64()), "ordered_at": pa.array([at], pa.timestamp("ns")), "amount": pa.array([1.5]),
                "note": ["a"], "small": pa.array([7], pa.uint8()), "cents": pa.array([decimal.Decimal("1.50")], pa.decimal128(9, 2)),
                "point": [{"x": 1}], "tags": [["a", None]], "raw": [b"a"],
            }
            pq.write_table(pa.table(columns), shop.dir / "data/a.parquet")
            shop.done("build")
            with Server(shop) as server:
                good = {**ROW, "small": 200, "cents": "12.34", "tags": ["b", None], "raw": "AAE="}
                self.assertEqual(200, server.push([good])[0])
                for column, value, message in (
                    ("small", 300, "UINT8"), ("cents", "1.234", "rows[0].cents"), ("point", {"x": 1}, "rows[0].point: a column of type STRUCT"),
                    ("tags", "b", "rows[0].tags"), ("raw", "!", "rows[0].raw"), ("amount", "many", "rows[0].amount: 'many' is no float64"),
                ):
                    with self.subTest(column=column):
                        status, answer = server.push([{**good, column: value}])
                        self.assertEqual(422, status, answer)
                        self.assertIn(message, answer["error"]["message"])
            found = json.loads(shop.done("sql", "--json", "SELECT typeof(small) AS t, small, cents, point, tags FROM source.orders ORDER BY small"))
            self.assertEqual(["UTINYINT", "UTINYINT"], [row["t"] for row in found["rows"]])
            self.assertEqual([None, ["b", None], 12.34], [found["rows"][1][name] for name in ("point", "tags", "cents")])


class LocalTimes(unittest.TestCase):
    """A source whose times are those of a clock on a wall."""

    def setUp(self):
        definitions = project.DEFINITIONS.replace("event_time: ordered_at}", "event_time: ordered_at, time_zone: Europe/Berlin}")
        self.shop = project.Project(definitions, project.SETTINGS.replace("lmdb:./online", "memory"))
        self.addCleanup(self.shop.remove)
        self.shop.done("build")

    def test_instants_are_told_with_their_offset_and_come_back(self):
        with Server(self.shop) as server:
            for time in ("2024-01-02T11:30:00Z", "2024-01-02T12:30:00+01:00"):
                status, answer = server.push([{**ROW, "ordered_at": time}], time)
                self.assertEqual(200, status, answer)
                self.assertEqual("2024-01-02T11:30:00Z", server.ask("GET", "/features/last/1")[1]["event_time"])
            self.assertEqual(2, server.features("spending", 1)["orders_count_1d"])
            status, answer = server.push([{**ROW, "ordered_at": "2024-01-02T11:30:00"}])
            self.assertEqual(422, status)
            self.assertIn("rows[0].ordered_at: a time without an offset", answer["error"]["message"])

    def test_an_hour_that_the_clock_shows_twice_is_refused_where_it_would_be_the_other_one(self):
        with Server(self.shop) as server:
            rows = [{**ROW, "ordered_at": f"2023-10-29T0{hour}:30:00Z"} for hour in (1, 0)]
            status, answer = server.push(rows)
            self.assertEqual(422, status)
            self.assertIn("rows[1].ordered_at: the column", answer["error"]["message"])
            self.assertIn("cannot hold this instant", answer["error"]["message"])
            self.assertEqual(200, server.push(rows[:1])[0])


class WhatCannotBePushedInto(unittest.TestCase):
    def refused(self, definitions, source):
        with project.Project(definitions) as shop, Server(shop) as server:
            status, answer = server.push([ROW], source=source)
            self.assertEqual(422, status, answer)
            return answer["error"]["message"]

    def test_a_view_is_refused(self):
        definitions = project.DEFINITIONS.replace("sources:", "sources:\n  spent: {view: last, event_time: event_time}")
        self.assertIn("source 'spent' takes no pushed rows: it is a view", self.refused(definitions, "spent"))

    def test_a_source_whose_cursor_is_a_time_is_refused(self):
        definitions = project.DEFINITIONS.replace("event_time: ordered_at}", "event_time: ordered_at, cursor: event_time}")
        self.assertIn("its cursor is a time", self.refused(definitions, "orders"))


if __name__ == "__main__":
    unittest.main()
