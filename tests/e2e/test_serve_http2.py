"""`asof serve --http2`: the same answers on many streams, and what ends a stream or a connection."""

import json
import socket
import struct
import subprocess
import time
import unittest

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from server import Server, bearer, certificate, sha256, trusting
from serving import DEADLINE_S

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
BODY = json.dumps({"entities": {"origin": ["ABE"]}}).encode()


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


class Client:
    """One connection of h2's, and what came of each stream."""

    def __init__(self, sock):
        self.sock = sock
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.answers, self.resets, self.ended, self.goaway = {}, {}, set(), None
        self.flush()

    def flush(self):
        self.sock.sendall(self.h2.data_to_send())

    def ask(self, method, path, body=None, headers=(), end=True):
        stream = self.h2.get_next_available_stream_id()
        fields = [(":method", method), (":scheme", "http"), (":authority", "x"), (":path", path), *headers]
        self.h2.send_headers(stream, fields, end_stream=body is None and end)
        if body is not None:
            self.h2.send_data(stream, body, end_stream=end)
        self.flush()
        return stream

    def hear(self, until):
        """Reads until the claim holds, or the connection ends."""
        while not until():
            data = self.sock.recv(1 << 20)
            if not data:
                return False
            for event in self.h2.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    self.answers[event.stream_id] = (dict(event.headers), b"")
                elif isinstance(event, h2.events.DataReceived):
                    headers, body = self.answers[event.stream_id]
                    self.answers[event.stream_id] = (headers, body + event.data)
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    self.ended.add(event.stream_id)
                elif isinstance(event, h2.events.StreamReset):
                    self.resets[event.stream_id] = event.error_code
                elif isinstance(event, h2.events.ConnectionTerminated):
                    self.goaway = event.error_code
            self.flush()
        return True

    def answer(self, stream):
        if not self.hear(lambda: stream in self.ended or stream in self.resets):
            raise AssertionError(f"the connection ended, goaway {self.goaway}")
        headers, body = self.answers[stream]
        return int(headers[":status"]), headers, json.loads(body or "null")


class ServeHttp2(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server({"tokens.yaml": f"tokens: {{a: {{sha256: {sha256('secret')}, rights: [read]}}}}"})
        cls.addClassCleanup(cls.server.remove)
        cls.server.start("--http2", "--read-timeout", "1s", "--idle-timeout", "3s", "--max-body", "1MiB")

    def client(self):
        sock = self.server.dial()
        self.addCleanup(sock.close)
        return Client(sock)

    def raw(self, data):
        """What the server sends back to these bytes until it closes."""
        sock = self.server.dial()
        self.addCleanup(sock.close)
        heard = b""
        try:
            sock.sendall(data)
            while more := sock.recv(65536):
                heard += more
        except ConnectionResetError:
            pass
        return heard

    def test_answers_are_those_of_http1(self):
        client = self.client()
        for method, path, body in (("GET", "/features/last/ABE", None), ("POST", "/features/last/batch", BODY),
                                   ("GET", "/nowhere", None), ("GET", "/features/lost/ABE", None), ("POST", "/healthz", b"")):
            with self.subTest(path):
                headers = [("content-type", "application/json"), ("x-request-id", "mine")]
                status, fields, answer = client.answer(client.ask(method, path, body, headers))
                expected = self.server.ask(method, path, json.loads(body) if body else None, {"X-Request-ID": "mine"})
                self.assertEqual(expected[:2], (status, answer))
                self.assertEqual("mine", fields["x-request-id"])
                self.assertNotIn("connection", fields)

    def test_head_has_no_body(self):
        client = self.client()
        status, fields, answer = client.answer(client.ask("HEAD", "/healthz"))
        self.assertEqual((200, "15", None), (status, fields["content-length"], answer))

    def test_many_streams_are_answered_on_one_connection(self):
        client = self.client()
        for _ in range(10):
            streams = [client.ask("GET", "/features/last/ABE") for _ in range(100)]
            for stream in streams:
                self.assertEqual(200, client.answer(stream)[0])

    def test_bodies_come_with_or_without_length_in_pieces(self):
        client = self.client()
        for headers in ([], [("content-length", str(len(BODY)))]):
            stream = client.ask("POST", "/features/last/batch", None, headers, end=False)
            for i in range(len(BODY)):
                client.h2.send_data(stream, BODY[i:i + 1], end_stream=i == len(BODY) - 1)
                client.flush()
            self.assertEqual(200, client.answer(stream)[0])

    def test_a_large_answer_waits_for_its_window(self):
        client = self.client()
        body = json.dumps({"entities": {"origin": ["ABE"] * 20000}}).encode()
        stream = client.ask("POST", "/features/last/batch", None, end=False)
        while body:
            client.hear(lambda: client.h2.local_flow_control_window(stream) > 0)
            size = min(len(body), client.h2.local_flow_control_window(stream), client.h2.max_outbound_frame_size)
            client.h2.send_data(stream, body[:size], end_stream=size == len(body))
            client.flush()
            body = body[size:]
        status, _, answer = client.answer(stream)
        self.assertEqual((200, 20000), (status, len(answer["results"])))

    def test_a_body_over_the_limit_is_refused_early(self):
        client = self.client()
        stream = client.ask("POST", "/features/last/batch", None, [("content-length", "99999999")], end=False)
        self.assertEqual(413, client.answer(stream)[0])
        self.assertEqual(200, client.answer(client.ask("GET", "/healthz"))[0])

    def test_too_many_headers_are_refused(self):
        client = self.client()
        stream = client.ask("GET", "/healthz", headers=[(f"a{i}", "b" * 10) for i in range(250)])
        self.assertEqual(431, client.answer(stream)[0])
        self.assertEqual(200, client.answer(client.ask("GET", "/healthz"))[0])

    def test_a_slow_request_is_answered_408_and_others_go_on(self):
        client = self.client()
        slow = client.ask("POST", "/features/last/batch", b"{", end=False)
        self.assertEqual(408, client.answer(slow)[0])
        self.assertEqual(200, client.answer(client.ask("GET", "/healthz"))[0])

    def test_a_client_that_only_pings_is_let_go(self):
        client = self.client()
        client.sock.settimeout(0.05)
        start = time.monotonic()
        while client.goaway is None and time.monotonic() - start < DEADLINE_S:
            client.h2.ping(b"12345678")
            try:
                client.flush()
                client.hear(lambda: client.goaway is not None)
            except TimeoutError:
                pass
        self.assertEqual(h2.errors.ErrorCodes.NO_ERROR, client.goaway)
        self.assertLess(time.monotonic() - start, 20)

    def test_an_answer_that_is_not_taken_ends_the_connection(self):
        sock = self.server.dial()
        self.addCleanup(sock.close)
        connection = h2.connection.H2Connection()
        connection.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
        connection.initiate_connection()
        connection.send_headers(1, [(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/healthz")],
                                end_stream=True)
        sock.sendall(connection.data_to_send())
        start = time.monotonic()
        while sock.recv(65536):
            pass
        self.assertLess(time.monotonic() - start, 20)

    def test_rapid_resets_are_calmed(self):
        client = self.client()
        for _ in range(500):
            stream = client.h2.get_next_available_stream_id()
            client.h2.send_headers(stream, [(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/healthz")],
                                   end_stream=True)
            client.h2.reset_stream(stream)
        client.flush()  # all in one: nothing is answered before it is reset
        client.hear(lambda: client.goaway is not None)
        self.assertEqual(h2.errors.ErrorCodes.ENHANCE_YOUR_CALM, client.goaway)

    def test_malformed_frames_end_the_connection_and_nothing_else(self):
        request = b"\x82\x84\x86\x41\x01x"  # GET / http, :authority x
        for name, data in (
                ("no preface", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"),
                ("a frame before settings", PREFACE + frame(0, 0, 1, b"x")),
                ("a frame longer than it may be", PREFACE + SETTINGS + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01"),
                ("data on stream 0", PREFACE + SETTINGS + frame(0, 1, 0, b"x")),
                ("headers on an even stream", PREFACE + SETTINGS + frame(1, 5, 2, request)),
                ("settings of a broken length", PREFACE + frame(4, 0, 0, b"12345")),
                ("a window of more than may be", PREFACE + SETTINGS + frame(8, 0, 0, b"\x7f\xff\xff\xff")),
                ("a window of nothing", PREFACE + SETTINGS + frame(8, 0, 0, b"\x00\x00\x00\x00")),
                ("a header table that does not decode", PREFACE + SETTINGS + frame(1, 5, 1, b"\xff\xff\xff\xff\xff\xff")),
                ("a continuation of nothing", PREFACE + SETTINGS + frame(9, 4, 1, request)),
                ("headers cut by another frame", PREFACE + SETTINGS + frame(1, 1, 1, request) + frame(6, 0, 0, b"12345678")),
                ("a ping of a broken length", PREFACE + SETTINGS + frame(6, 0, 0, b"1")),
                ("padding longer than the frame", PREFACE + SETTINGS + frame(1, 0xd, 1, b"\xff" + request))):
            with self.subTest(name):
                self.raw(data)
                self.assertEqual(200, self.server.ask("GET", "/healthz")[0])

    def test_malformed_requests_are_refused(self):
        for name, fields in (
                ("a header in capitals", b"\x00\x01A\x01b"),
                ("connection", b"\x00\x0aconnection\x05close"),
                ("a line end in a value", b"\x00\x01a\x04b\r\nc"),
                ("two paths", b"\x84")):
            with self.subTest(name):
                sock = self.server.dial()
                self.addCleanup(sock.close)
                sock.sendall(PREFACE + SETTINGS + frame(1, 5, 1, b"\x82\x84\x86\x41\x01x" + fields))
                time.sleep(0.05)
                heard = sock.recv(65536)
                self.assertNotIn(b'"status":"ok"', heard)
                self.assertEqual(200, self.server.ask("GET", "/healthz")[0])

    def test_http1_is_spoken_beside_it(self):
        sock = self.server.dial()
        self.addCleanup(sock.close)
        for byte in b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n":
            sock.sendall(bytes((byte,)))
        self.assertTrue(sock.recv(4096).startswith(b"HTTP/1.1 404 "))

    def test_curl_speaks_it_with_prior_knowledge(self):
        done = subprocess.run(["curl", "-s", "-w", "%{http_version}", "--http2-prior-knowledge",
                               f"http://127.0.0.1:{self.server.port}/healthz"], capture_output=True, timeout=DEADLINE_S, check=False)
        self.assertEqual((0, b'{"status":"ok"}2'), (done.returncode, done.stdout))


class ServeHttp2Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server({"tokens.yaml": f"tokens: {{a: {{sha256: {sha256('secret')}, rights: [read]}}}}"})
        cls.addClassCleanup(cls.server.remove)
        cls.cert, _ = certificate(cls.server.directory)
        cls.args = ("--http2", "--tls-cert", "server.pem", "--tls-key", "server.key", "--tokens", "tokens.yaml")

    def setUp(self):
        self.server.start(*self.args)

    def tearDown(self):
        self.server.stop()

    def client(self):
        sock = self.server.dial(trusting(self.cert, ["h2"]))
        self.addCleanup(sock.close)
        self.assertEqual("h2", sock.selected_alpn_protocol())
        return Client(sock)

    def test_a_stop_ends_idle_connections_at_once(self):
        client = self.client()
        self.assertEqual(200, client.answer(client.ask("GET", "/healthz"))[0])
        start = time.monotonic()
        self.server.stop()
        self.assertLess(time.monotonic() - start, 20)

    def test_curl_agrees_on_it_by_alpn(self):
        done = subprocess.run(["curl", "-s", "-w", "%{http_version}", "--http2", "--cacert", str(self.cert),
                               f"https://localhost:{self.server.port}/healthz"], capture_output=True, timeout=DEADLINE_S, check=False)
        self.assertEqual((0, b'{"status":"ok"}2'), (done.returncode, done.stdout))
        self.assertEqual(200, self.server.ask("GET", "/healthz", context=trusting(self.cert, ["http/1.1"]))[0])

    def test_tokens_are_asked_for(self):
        client = self.client()
        self.assertEqual(401, client.answer(client.ask("GET", "/features/last/ABE"))[0])
        headers = [("authorization", bearer("secret")["Authorization"])]
        self.assertEqual(200, client.answer(client.ask("GET", "/features/last/ABE", headers=headers))[0])
        stream = client.ask("POST", "/features/last/batch", None, [("content-length", "100000")], end=False)
        self.assertEqual(401, client.answer(stream)[0])

    def test_a_stop_finishes_what_was_begun(self):
        client = self.client()
        self.assertEqual(200, client.answer(client.ask("GET", "/healthz"))[0])
        headers = [("authorization", bearer("secret")["Authorization"]), ("content-length", str(len(BODY)))]
        stream = client.ask("POST", "/features/last/batch", BODY[:5], headers, end=False)
        time.sleep(0.1)
        self.server.process.terminate()
        time.sleep(0.1)
        client.h2.send_data(stream, BODY[5:], end_stream=True)
        client.flush()
        self.assertEqual(200, client.answer(stream)[0])
        client.hear(lambda: client.goaway is not None)
        self.assertEqual(h2.errors.ErrorCodes.NO_ERROR, client.goaway)
        client.sock.close()
        process, self.server.process = self.server.process, None
        self.assertEqual(0, process.wait(DEADLINE_S))


class PushOverHttp2(unittest.TestCase):
    def test_pushes_wait_on_their_streams_and_others_do_not(self):
        server = Server()
        self.addCleanup(server.remove)
        server.start("--http2")
        sock = server.dial()
        self.addCleanup(sock.close)
        client = Client(sock)
        rows = {"rows": [{"date": "2001-06-29 23:10:00", "origin": "ABE", "number": 7, "delay": 77, "distance": 5}]}
        streams = [client.ask("POST", "/push/flights", json.dumps(rows).encode(), [("x-request-id", f"p{i}")]) for i in range(5)]
        self.assertEqual(200, client.answer(client.ask("GET", "/healthz"))[0])
        for i, stream in enumerate(streams):
            status, _, answer = client.answer(stream)
            self.assertEqual((200, {"accepted": 1, "request_id": f"p{i}"}), (status, answer))
        self.assertEqual(77, client.answer(client.ask("GET", "/features/last/ABE"))[2]["features"]["delay"])
        server.stop()


class WithoutHttp2(unittest.TestCase):
    def test_it_is_off_unless_asked_for(self):
        server = Server()
        self.addCleanup(server.remove)
        server.start()
        with socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE_S) as sock:
            sock.sendall(PREFACE + SETTINGS)
            self.assertTrue(sock.recv(4096).startswith(b"HTTP/1.1 400 "))
        server.stop()


if __name__ == "__main__":
    unittest.main()
