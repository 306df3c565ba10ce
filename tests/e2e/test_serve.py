"""`asof serve`: the shapes of its answers, and what it says to requests that are wrong."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import unittest
from pathlib import Path

from serving import BIN, CLOCK, DEADLINE_S, ENTITIES, JSON, Answer, ServerCase, get, post


def chunked(body, headers="Transfer-Encoding: chunked\r\n"):
    return f"POST /features/last/batch HTTP/1.1\r\nHost: x\r\n{JSON}{headers}\r\n{body}".encode()


def last(body, headers=JSON):
    return post("/features/last/batch", body, headers)


def many(body):
    return post("/features/batch", body)


def feast(body):
    return post("/get-online-features", body)


def route(column):
    return post("/features/route_last/batch", '{"entities": {"origin": ["ABE"], "number": %s}}' % column)


# request, status, code, whether the connection is closed
WRONG = [
    # No HTTP request, or one whose end is not certain: refused and closed.
    (b"GARBAGE\r\n\r\n", 400, "bad_request", True),
    (b"\x16\x03\x01\x02\x00\x01\x00", 400, "bad_request", True),
    (b"GET /healthz\r\n\r\n", 400, "bad_request", True),
    (b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad_request", True),
    (b"GET /health z HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad_request", True),
    (b"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n", 400, "bad_request", True),
    (b"GET /healthz HTTP/0.9\r\nHost: x\r\n\r\n", 400, "bad_request", True),
    (b"GET /healthz HTTP/1.1\nHost: x\n\n", 400, "bad_request", True),
    (get("/healthz", ""), 400, "bad_request", True),
    (get("/healthz", "Host: x\r\nHost: y\r\n"), 400, "bad_request", True),
    (get("/healthz", "Host: x\r\nBad Name: 1\r\n"), 400, "bad_request", True),
    (get("/healthz", "Host: x\r\nName : 1\r\n"), 400, "bad_request", True),
    (get("/healthz", "Host: x\r\nNothing\r\n"), 400, "bad_request", True),
    (get("/healthz", "Host: x\r\nA: b\r\n folded\r\n"), 400, "bad_request", True),
    (get("/healthz", "Host: x\r\nA: \x01\r\n"), 400, "bad_request", True),
    (get("/healthz", "Host: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n"), 400, "bad_request", True),
    (get("/healthz", "Host: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400, "bad_request", True),
    (get("/healthz", "Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n"), 400, "bad_request", True),
    (get("/healthz", "Host: x\r\nTransfer-Encoding: gzip\r\n"), 400, "bad_request", True),
    (get("/healthz", "Host: x\r\nTransfer-Encoding: chunked, chunked\r\n"), 400, "bad_request", True),
    (get("/healthz", "Host: x\r\nContent-Length: -1\r\n"), 400, "bad_request", True),
    (get("/healthz", "Host: x\r\nContent-Length: 1x\r\n"), 400, "bad_request", True),
    (get("/healthz", "Host: x\r\nContent-Length: 99999999999999999999\r\n"), 400, "bad_request", True),
    (get("/healthz", "Host: x\r\nExpect: more\r\n"), 417, "expectation_failed", True),
    (get("/healthz", "Host: x\r\nA: " + "b" * 70000 + "\r\n"), 431, "headers_too_large", True),
    (get("/healthz", "Host: x\r\n" + "A: b\r\n" * 300), 431, "headers_too_large", True),
    (get("/" + "a" * 70000), 431, "headers_too_large", True),
    (chunked("zz\r\n"), 400, "bad_request", True),
    (chunked("5\r\nhello!\r\n"), 400, "bad_request", True),
    (chunked("fffffffff\r\n"), 400, "bad_request", True),
    (get("/features/last/batch", f"Host: x\r\n{JSON}", "POST"), 411, "length_required", True),
    (get("/features/last/batch", f"Host: x\r\n{JSON}Content-Length: 16777217\r\n", "POST"), 413, "body_too_large", True),
    # Routes and methods.
    (get("/"), 404, "unknown_route", False),
    (get("/nowhere"), 404, "unknown_route", False),
    (get("/healthz/"), 404, "unknown_route", False),
    (get("/features"), 404, "unknown_route", False),
    (get("/features/"), 404, "unknown_route", False),
    (get("/features/last/a/b"), 404, "unknown_route", False),
    (get("/healthz", method="DELETE"), 405, "method_not_allowed", False),
    (get("/features/last/ABE", method="PUT"), 405, "method_not_allowed", False),
    (get("/features/batch"), 405, "method_not_allowed", False),
    (post("/features/last/ABE", "{}"), 405, "method_not_allowed", False),
    (post("/features/last", "{}"), 405, "method_not_allowed", False),
    (get("/features/lost/ABE"), 404, "unknown_view", False),
    (get("/features/last@9/ABE"), 404, "unknown_view", False),
    (post("/features/lost/batch", ENTITIES), 404, "unknown_view", False),
    # Keys of one row.
    (get("/features/last"), 422, "missing_key", False),
    (get("/features/last/"), 422, "invalid_key", False),
    (get("/features/last?other=1"), 422, "missing_key", False),
    (get("/features/last?origin=a&origin=b"), 422, "invalid_key", False),
    (get("/features/last/ABE?origin=ABE"), 422, "invalid_key", False),
    (get("/features/last/%"), 400, "bad_request", False),
    (get("/features/last/%zz"), 400, "bad_request", False),
    (get("/features/last/%ff"), 400, "bad_request", False),
    (get("/features/route_last/ABE"), 422, "invalid_key", False),
    (get("/features/route_last/ABE,7,8"), 422, "invalid_key", False),
    (get("/features/route_last/ABE,x"), 422, "invalid_key", False),
    (get("/features/route_last/ABE,7.5"), 422, "invalid_key", False),
    (get("/features/route_last/ABE,9223372036854775808"), 422, "invalid_key", False),
    (get("/features/route_last?origin=ABE"), 422, "missing_key", False),
    (get("/features/route_last?origin=ABE&number="), 422, "invalid_key", False),
    # Bodies.
    (last(ENTITIES, "Content-Type: text/plain\r\n"), 415, "unsupported_media_type", False),
    (last(ENTITIES, "Content-Type: application/json; charset=latin1\r\n"), 415, "unsupported_media_type", False),
    (last(ENTITIES, JSON + "Content-Encoding: gzip\r\n"), 415, "unsupported_media_type", False),
    (last(""), 400, "malformed_json", False),
    (last("{"), 400, "malformed_json", False),
    (last("{'a': 1}"), 400, "malformed_json", False),
    (last(ENTITIES + ","), 400, "malformed_json", False),
    (last('{"a": 1, "a": 1}'), 400, "malformed_json", False),
    (last('{"a": 01}'), 400, "malformed_json", False),
    (last("[" * 65 + "]" * 65), 400, "malformed_json", False),
    (last('{"a": "\\ud800"}'), 400, "malformed_json", False),
    (last("[]"), 422, "invalid_body", False),
    (last("null"), 422, "invalid_body", False),
    (last("{}"), 422, "invalid_body", False),
    (last('{"entities": [1]}'), 422, "invalid_body", False),
    (last('{"entities": {"origin": "ABE"}}'), 422, "invalid_body", False),
    (last('{"entities": {"origin": ["ABE"]}, "features": "delay"}'), 422, "invalid_body", False),
    (last('{"entities": {"origin": ["ABE"]}, "features": [1]}'), 422, "invalid_body", False),
    (last('{"entities": {"origin": ["ABE"]}, "features": []}'), 422, "invalid_body", False),
    (last('{"entities": {}}'), 422, "missing_key", False),
    (last('{"entities": {"number": [1]}}'), 422, "missing_key", False),
    (last('{"entities": {"origin": [["ABE"]]}}'), 422, "invalid_key", False),
    (last('{"entities": {"origin": ["ABE"]}, "features": ["delays"]}'), 422, "unknown_feature", False),
    (last('{"entities": {"origin": [%s]}}' % ",".join(['""'] * 100001)), 413, "too_many_entities", False),
    (route("[1.5]"), 422, "invalid_key", False),
    (route('["x"]'), 422, "invalid_key", False),
    (route("[true]"), 422, "invalid_key", False),
    (route("[9223372036854775808]"), 422, "invalid_key", False),
    (route("[1, 2]"), 422, "unequal_lengths", False),
    (route("[]"), 422, "unequal_lengths", False),
    # Bodies over several views.
    (many('{"entities": {}}'), 422, "invalid_body", False),
    (many('{"entities": {}, "service": 1}'), 422, "invalid_body", False),
    (many('{"entities": {}, "service": "other"}'), 404, "unknown_service", False),
    (many('{"entities": {}, "service": "model", "features": ["last.delay"]}'), 400, "bad_request", False),
    (many('{"entities": {"origin": ["ABE"]}, "features": ["delay"]}'), 422, "unknown_feature", False),
    (many('{"entities": {"origin": ["ABE"]}, "features": ["last.delays"]}'), 422, "unknown_feature", False),
    (many('{"entities": {"origin": ["ABE"]}, "features": ["lost.delay"]}'), 404, "unknown_view", False),
    (many('{"entities": {"origin": ["ABE"]}, "service": "model"}'), 422, "missing_key", False),
    (many('{"entities": {"origin": ["ABE"]}, "features": ["last@1.0.0\\u0000xxxxxxxxxxxxxxxx.delay"]}'), 404, "unknown_view", False),
    (many('{"entities": {"origin": ["ABE"]}, "features": ["last@1.delay", "last@2.delay"]}'), 404, "unknown_view", False),
    # Feast's route.
    (get("/get-online-features"), 405, "method_not_allowed", False),
    (get("/get-online-features", f"Host: x\r\n{JSON}", "POST"), 411, "length_required", True),
    (post("/get-online-features", "{}", "Content-Type: text/plain\r\n"), 415, "unsupported_media_type", False),
    (feast("{"), 400, "malformed_json", False),
    (feast('{"features": [], "features": []}'), 400, "malformed_json", False),
    (feast("7"), 422, "invalid_body", False),
    (feast(ENTITIES), 422, "invalid_body", False),
    (feast('{"features": ["last:delay"]}'), 422, "invalid_body", False),
    (feast('{"features": ["last:delay"], "entities": [{"origin": "ABE"}]}'), 422, "invalid_body", False),
    (feast('{"features": ["last:delay"], "entities": {"origin": "ABE"}}'), 422, "invalid_body", False),
    (feast('{"features": ["last:delay"], "entities": {}}'), 422, "missing_key", False),
    (feast('{"features": ["last:delay"], "entities": {"origin": [{}]}}'), 422, "invalid_key", False),
    (feast('{"features": ["last.delay"], "entities": {"origin": ["ABE"]}}'), 422, "unknown_feature", False),
    (feast('{"features": ["last:delays"], "entities": {"origin": ["ABE"]}}'), 422, "unknown_feature", False),
    (feast('{"features": ["lost:delay"], "entities": {"origin": ["ABE"]}}'), 404, "unknown_view", False),
    (feast('{"features": ["last@2:delay"], "entities": {"origin": ["ABE"]}}'), 404, "unknown_view", False),
    (feast('{"feature_service": "other", "entities": {"origin": ["ABE"]}}'), 404, "unknown_service", False),
    (feast('{"feature_service": ["model"], "entities": {"origin": ["ABE"]}}'), 422, "invalid_body", False),
    (feast('{"feature_service": "model", "entities": {"origin": ["ABE"], "number": [7]}}'), 422, "name_collision", False),
    (feast('{"feature_service": "model", "entities": {"origin": ["ABE"], "number": []}}'), 422, "unequal_lengths", False),
]


class Serve(ServerCase):
    # What is right.

    def test_probes_answer(self):
        for path, status in (("/healthz", "ok"), ("/readyz", "ready")):
            self.assertEqual(self.ask("GET", path)[:2], (200, {"status": status}))

    def test_one_row_has_the_pinned_shape(self):
        status, row, headers = self.ask("GET", "/features/last/ABE")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertEqual(
            row,
            {
                "view": "last",
                "version": "1.0.0",
                "key": {"origin": "ABE"},
                "features": {"delay": 10, "distance": None},
                "statuses": {"delay": "PRESENT", "distance": "NULL_VALUE"},
                "event_time": "2001-06-29T22:30:00Z",
            },
        )

    def test_one_row_equals_get(self):
        for path, *args in (
            ("/features/last/ABE", "last", "origin=ABE"),
            ("/features/last/nowhere", "last", "origin=nowhere"),
            ("/features/departures/ORD", "departures", "origin=ORD"),
            ("/features/route_last/ABE,7", "route_last", "origin=ABE", "number=7"),
            ("/features/route_last/OLD,9", "route_last", "origin=OLD", "number=9"),
        ):
            row = self.ask("GET", path)[1]
            self.assertEqual(row, json.loads(self.run_program("get", *args, "--at", CLOCK)), path)

    def test_windows_are_served(self):
        row = self.ask("GET", "/features/departures/ABE")[1]
        self.assertEqual(row["features"], {"flights_count_1h": 0, "flights_count_1d": 2, "delay_mean_1d": 7.5})
        self.assertEqual(row["event_time"], "2001-06-29T23:00:00Z")

    def test_a_missing_key_is_an_answer_with_defaults(self):
        status, row, _ = self.ask("GET", "/features/last/nowhere")
        self.assertEqual(status, 200)
        self.assertEqual(row["features"], {"delay": None, "distance": 0})
        self.assertEqual(row["statuses"], {"delay": "NOT_FOUND", "distance": "NOT_FOUND"})
        self.assertIsNone(row["event_time"])

    def test_a_stale_value_is_withheld(self):
        row = self.ask("GET", "/features/route_last/OLD,9")[1]
        self.assertEqual(row["statuses"], {"delay": "OUTSIDE_MAX_AGE"})
        self.assertEqual(row["features"], {"delay": None})

    def test_keys_of_any_text_can_be_asked_for(self):
        for path, delay in (
            ("/features/last/a,b", 1),
            ("/features/last/a%2Cb", 1),
            ("/features/last?origin=a,b", 1),
            ("/features/last/a%2Fb", 2),
            ("/features/last?origin=a/b", 2),
            ("/features/last/%C3%A9%20+", 4),
            ("/features/last?origin=%C3%A9+%2B", 4),
            ("/features/last?origin=", 6),
            ("/features/route_last/a%2Cb,10", 1),
            ("/features/route_last?number=10&origin=a,b", 1),
            ("/features/route_last?number=10.0&origin=a,b&other=1", 1),
        ):
            row = self.ask("GET", path)[1]
            self.assertEqual(row.get("features", row).get("delay"), delay, path)

    def test_a_version_may_be_named(self):
        for name in ("last@1", "last@1.0.0", "last%401.0.0"):
            self.assertEqual(self.ask("GET", f"/features/{name}/ABE")[1]["view"], "last")

    def test_batch_rows_are_those_of_single_requests(self):
        keys = ["ABE", "nowhere", "a,b", "", "ABE"]
        rows = self.rows("/features/last/batch", {"entities": {"origin": keys}, "ignored": [1]})
        paths = ("/features/last?origin=" + key.replace(",", "%2C") for key in keys)
        self.assertEqual(rows, [self.ask("GET", path)[1] for path in paths])

    def test_batch_features_are_chosen_in_order_and_once(self):
        body = {"entities": {"origin": ["ABE"]}, "features": ["distance", "delay", "distance"]}
        row = self.rows("/features/last/batch", body)[0]
        self.assertEqual(list(row["features"]), ["distance", "delay"])
        self.assertEqual(list(row["statuses"]), ["distance", "delay"])

    def test_a_null_key_matches_nothing(self):
        rows = self.rows("/features/last/batch", {"entities": {"origin": [None, "ABE", None]}})
        self.assertEqual([row["key"]["origin"] for row in rows], [None, "ABE", None])
        self.assertEqual(rows[0]["features"], {"delay": None, "distance": None})
        self.assertEqual(rows[0]["statuses"], {"delay": "NOT_FOUND", "distance": "NOT_FOUND"})
        self.assertEqual(rows[1]["features"]["delay"], 10)
        body = {"entities": {"origin": ["ABE", None], "number": [None, 7]}, "service": "model"}
        rows = self.rows("/features/batch", body)
        self.assertEqual([row["statuses"]["route_last.delay"] for row in rows], ["NOT_FOUND"] * 2)
        self.assertEqual([row["statuses"]["last.delay"] for row in rows], ["PRESENT", "NOT_FOUND"])

    def test_no_entities_are_no_results(self):
        self.assertEqual(self.rows("/features/last/batch", {"entities": {"origin": []}}), [])
        body = {"entities": {"origin": [], "number": []}, "service": "model"}
        self.assertEqual(self.rows("/features/batch", body), [])

    def test_a_service_is_answered_over_its_views(self):
        body = {"entities": {"number": [7, 8], "origin": ["ABE", "ORD"]}, "service": "model"}
        rows = self.rows("/features/batch", body)
        self.assertEqual(
            rows[0],
            {
                "key": {"origin": "ABE", "number": 7},
                "features": {"last.delay": 10, "departures.flights_count_1d": 2, "route_last.delay": 10},
                "statuses": {
                    "last.delay": "PRESENT",
                    "departures.flights_count_1d": "PRESENT",
                    "route_last.delay": "PRESENT",
                },
                "event_times": {
                    "last": "2001-06-29T22:30:00Z",
                    "departures": "2001-06-29T23:00:00Z",
                    "route_last": "2001-06-29T22:30:00Z",
                },
                "versions": {"last": "1.0.0", "departures": "1.0.0", "route_last": "1.0.0"},
            },
        )
        self.assertEqual(rows[1]["statuses"]["last.delay"], "NULL_VALUE")

    def test_features_of_several_views_need_only_their_keys(self):
        body = {"entities": {"origin": ["ABE"]}, "features": ["last@1.delay", "departures.*", "last.delay"]}
        row = self.rows("/features/batch", body)[0]
        self.assertEqual(
            list(row["features"]),
            ["last.delay", "departures.flights_count_1h", "departures.flights_count_1d", "departures.delay_mean_1d"],
        )
        self.assertEqual(row["key"], {"origin": "ABE"})

    def test_a_large_batch_is_answered_whole(self):
        keys = ["ABE" if i % 3 else f"k{i}" for i in range(100000)]
        rows = self.rows("/features/last/batch", {"entities": {"origin": keys}, "features": ["delay"]})
        self.assertEqual([row["key"]["origin"] for row in rows], keys)
        self.assertEqual([row["features"]["delay"] for row in rows], [10 if key == "ABE" else None for key in keys])

    def test_chunks_and_missing_content_type_are_fine(self):
        data = ENTITIES.encode()
        parts = b"".join(b"%x\r\n%s\r\n" % (len(data[i : i + 5]), data[i : i + 5]) for i in range(0, len(data), 5))
        head = b"POST /features/last/batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        sock = self.dial()
        sock.sendall(head + parts + b"0\r\n\r\n")
        answer = Answer(sock.makefile("rb"))
        self.assertEqual(answer.status, 200)
        self.assertEqual(json.loads(answer.body)["results"][0]["features"]["delay"], 10)

    def test_head_has_the_headers_of_get(self):
        sock = self.dial()
        sock.sendall(get("/features/last/ABE", method="HEAD") + get("/healthz"))
        stream = sock.makefile("rb")
        head = stream.readline()
        self.assertIn(b"200", head)
        lengths = []
        while (line := stream.readline()) != b"\r\n":
            lengths += [int(line.split(b":")[1])] if line.lower().startswith(b"content-length:") else []
        self.assertGreater(lengths[0], 100)
        self.assertEqual(json.loads(Answer(stream).body), {"status": "ok"})

    def test_request_ids_are_echoed_or_made(self):
        for given, echoed in (("abc-123", True), ("a b", False), ("x" * 200, False), ('"', False)):
            _, _, headers = self.ask("GET", "/healthz", headers={"X-Request-ID": given})
            self.assertEqual(headers["X-Request-ID"] == given, echoed)
            self.assertRegex(headers["X-Request-ID"], r"^[\w.-]{1,128}$")
        _, error, headers = self.ask("GET", "/nowhere", headers={"X-Request-ID": "mine"})
        self.assertEqual(error["error"]["request_id"], "mine")
        made = {self.ask("GET", "/healthz")[2]["X-Request-ID"] for _ in range(20)}
        self.assertEqual(len(made), 20)

    def test_requests_may_be_pipelined(self):
        sock = self.dial()
        sock.sendall(b"".join(get(f"/features/last/ABE?n={i}", f"Host: x\r\nX-Request-ID: n{i}\r\n") for i in range(50)))
        stream = sock.makefile("rb")
        self.assertEqual([Answer(stream).headers["x-request-id"] for _ in range(50)], [f"n{i}" for i in range(50)])

    # What is wrong.

    def check_refusal(self, answer, status, code):
        self.assertEqual(answer.status, status, answer.body)
        error = json.loads(answer.body)["error"]
        self.assertEqual(set(error), {"code", "message", "request_id"})
        self.assertEqual(error["code"], code)
        self.assertNotEqual(error["message"], "")
        self.assertEqual(answer.headers["x-request-id"], error["request_id"])
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual("allow" in answer.headers, status == 405)

    def check_connection(self, sock, stream, answer, closes):
        self.assertEqual(answer.headers.get("connection"), "close" if closes else None)
        if closes:
            self.assertEqual(stream.read(), b"")
            return
        sock.sendall(get("/healthz"))
        self.assertEqual(Answer(stream).status, 200)

    def test_wrong_requests_are_told_what_is_wrong(self):
        for request, status, code, closes in WRONG:
            with self.subTest(request=request[:200]):
                sock = self.dial()
                sock.sendall(request)
                stream = sock.makefile("rb")
                answer = Answer(stream)
                self.check_refusal(answer, status, code)
                self.check_connection(sock, stream, answer, closes)
        self.assertIsNone(self.process.poll())
        self.assertNotIn("internal", "".join(self.log))

    def test_messages_name_what_is_wrong(self):
        for request, words in (
            (get("/features/lats/ABE"), "did you mean 'last'?"),
            (get("/features/route_last/ABE,x"), "key 'number': 'x' is no int64"),
            (last('{"entities": {"origin": ["ABE"]}, "features": ["dely"]}'), "did you mean 'delay'?"),
            (route("[1, 2]"), "entities.number has 2 values, entities.origin 1"),
            (last('{"entities": '), "line 1 column"),
        ):
            sock = self.dial()
            sock.sendall(request)
            self.assertIn(words, json.loads(Answer(sock.makefile("rb")).body)["error"]["message"])

    def test_a_refused_upload_hears_why(self):
        sock = self.dial()
        sock.sendall(get("/features/last/batch", f"Host: x\r\n{JSON}Content-Length: 30000000\r\n", "POST"))
        sock.sendall(b" " * 1000000)
        stream = sock.makefile("rb")
        self.check_refusal(Answer(stream), 413, "body_too_large")

    def test_random_bytes_never_hurt(self):
        for i in range(200):
            whole = WRONG[i % len(WRONG)][0]
            sock = self.dial()
            sock.sendall(whole[: (i * 7919) % len(whole)])
            sock.close()
        self.assertEqual(self.ask("GET", "/healthz")[0], 200)

    # The end.

    def test_sigterm_finishes_what_was_begun(self):
        process, port = self.start_server()
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        idle = self.dial(port)
        idle.sendall(get("/healthz"))
        idle_stream = idle.makefile("rb")
        self.assertEqual(Answer(idle_stream).status, 200)
        begun = self.dial(port)
        data = ENTITIES.encode()
        headers = f"Host: x\r\n{JSON}Expect: 100-continue\r\nContent-Length: {len(data)}\r\n"
        begun.sendall(get("/features/last/batch", headers, "POST"))
        stream = begun.makefile("rb")
        self.assertIn(b"100", stream.readline())
        self.assertEqual(stream.readline(), b"\r\n")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(idle_stream.read(), b"")
        begun.sendall(data)
        answer = Answer(stream)
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["connection"], "close")
        begun.close()
        self.assertEqual(process.wait(DEADLINE_S), 0)

    def test_a_taken_port_is_an_error(self):
        done = subprocess.run(
            [BIN, "serve", "-C", str(self.directory), "--listen", f"127.0.0.1:{self.port}"],
            capture_output=True,
            timeout=DEADLINE_S,
            check=False,
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(self.port), done.stderr.decode())


class Reference(unittest.TestCase):
    def test_the_reference_lists_every_code_with_its_status(self):
        root = Path(os.environ.get("ASOF_SOURCE_DIR", Path(__file__).parents[2]))
        code = re.findall(r"\{ (\d{3}), \"(\w+)\" \}", (root / "src/http/problem.c").read_text())
        docs = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", (root / "docs/reference/http.md").read_text(), re.MULTILINE)
        self.assertEqual(docs, [pair for pair in code if pair != ("200", "ok")])


if __name__ == "__main__":
    unittest.main()
