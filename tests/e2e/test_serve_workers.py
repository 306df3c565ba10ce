"""`asof serve` over a store that is far away: workers ask it, and whoever does not need it is answered while it hangs."""

import json
import os
import re
import signal
import time
import unittest

from real_servers import Redis
from server import Server
from serving import DEADLINE_S, FILES, Answer, get, post
from test_serve_http2 import Client

DELAYS = {"ABE": 10, "OLD": 3, "a,b": 1, "a/b": 2, "\u00e9 +": 4}


class ServeWorkers(unittest.TestCase):
    """One loop, two workers and room for three requests that wait."""

    @classmethod
    def setUpClass(cls):
        cls.redis = Redis.start_or_skip()
        cls.addClassCleanup(cls.redis.stop)
        online = f"online: redis://127.0.0.1:{cls.redis.port}/0?timeout={DEADLINE_S}"
        cls.server = Server({"asof.yaml": re.sub("(?m)^online: .*$", online, FILES["asof.yaml"])})
        cls.addClassCleanup(cls.server.remove)
        cls.pid = int(re.search(r"process_id:(\d+)", cls.redis.cli("INFO", "server")).group(1))

    def start(self, *args, wait="1h"):
        self.server.start("--threads", "1", "--workers", "2", "--max-queue", "3", "--queue-timeout", wait, "--http2", *args)
        self.addCleanup(self.server.stop)
        self.addCleanup(self.resume)

    def hang(self):
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self.pid, signal.SIGCONT)

    def metrics(self):
        sock = self.server.dial()
        with sock, sock.makefile("rb") as stream:
            sock.sendall(get("/metrics"))
            lines = Answer(stream).body.decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}

    def await_queue(self, busy, waiting):
        """Until so many requests are with workers and so many wait; the loop answers all the while."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            found = self.metrics()
            seen = found["asof_workers_busy"], found["asof_queue_requests"]
            if seen == (busy, waiting):
                return found
        raise AssertionError(f"busy and waiting are {seen}, not {(busy, waiting)}")

    def send(self, request):
        sock = self.server.dial()
        self.addCleanup(sock.close)
        sock.sendall(request)
        return sock

    def answer(self, sock):
        with sock.makefile("rb") as stream:
            return Answer(stream)

    def fill(self, send=None):
        """As many requests as there is room for, one after the other; what `send` returns of each."""
        sent = []
        for count in range(1, 6):
            sent.append(send() if send else self.send(get("/features/last/ABE")))
            self.await_queue(min(count, 2), max(count - 2, 0))
        return sent

    def assert_row(self, sock):
        found = self.answer(sock)
        self.assertEqual(found.status, 200, found.body)
        self.assertEqual(json.loads(found.body)["features"]["delay"], DELAYS["ABE"])

    def test_a_store_that_hangs_holds_up_nobody_else(self):
        self.start()
        self.hang()
        socks = self.fill()
        self.assertEqual(self.server.ask("GET", "/healthz")[:2], (200, {"status": "ok"}))
        self.assertEqual(self.server.ask("GET", "/readyz")[0], 200)
        for request in (
            get("/features/last/ABE"),
            get("/features/last?origin=ABE"),
            post("/features/last/batch", '{"entities": {"origin": ["ABE"]}}'),
            post("/features/batch", '{"entities": {"origin": ["ABE"]}, "features": ["last.delay"]}'),
            post("/get-online-features", '{"entities": {"origin": ["ABE"]}, "features": ["last:delay"]}'),
        ):
            with self.subTest(request):
                refused = self.answer(self.send(request))
                self.assertEqual((refused.status, refused.headers["retry-after"]), (429, "1"))
                self.assertEqual(json.loads(refused.body)["error"]["code"], "too_many_requests")
        self.assertEqual(self.metrics()['asof_queue_refused_total{reason="full"}'], 5)
        self.resume()
        for sock in socks:
            self.assert_row(sock)
        found = self.await_queue(0, 0)
        self.assertEqual(found["asof_store_errors_total"], 0)
        self.assertEqual(found['asof_http_requests_total{route="key_row",code="200"}'], 5)
        self.assertEqual(found['asof_http_requests_total{route="key_row",code="429"}'], 1)
        self.assert_row(self.send(get("/features/last/ABE")))

    def test_what_waited_too_long_is_503_while_the_store_hangs(self):
        self.start(wait="2s")
        self.hang()
        running = []
        for count in (1, 2):
            running.append(self.send(get("/features/last/ABE")))
            self.await_queue(count, 0)
        late = self.answer(self.send(get("/features/last/ABE")))
        self.assertEqual((late.status, late.headers["retry-after"]), (503, "1"))
        self.assertEqual(json.loads(late.body)["error"]["code"], "unavailable")
        found = self.metrics()
        self.assertEqual(found['asof_queue_refused_total{reason="late"}'], 1)
        self.assertEqual(found['asof_http_requests_total{route="key_row",code="503"}'], 1)
        self.resume()
        for sock in running:
            self.assert_row(sock)

    def test_connections_may_be_closed_while_their_requests_are_out(self):
        self.start()
        self.hang()
        for sock in self.fill():
            sock.close()
        self.resume()
        self.await_queue(0, 0)
        self.assert_row(self.send(get("/features/last/ABE")))

    def test_streams_that_are_reset_leave_the_queue(self):
        self.start()
        self.hang()
        client = Client(self.server.dial())
        self.addCleanup(client.sock.close)
        streams = self.fill(lambda: client.ask("GET", "/features/last/ABE"))
        kept = streams.pop()
        for stream in streams:
            client.h2.reset_stream(stream)
        client.flush()
        self.await_queue(2, 1)
        self.resume()
        self.assertEqual(client.answer(kept)[0], 200)
        self.await_queue(0, 0)

    def test_a_connection_of_http2_may_end_while_streams_are_out(self):
        self.start()
        self.hang()
        client = Client(self.server.dial())
        self.addCleanup(client.sock.close)
        self.fill(lambda: client.ask("GET", "/features/last/ABE"))
        client.sock.close()
        self.await_queue(2, 0)
        self.resume()
        self.await_queue(0, 0)

    def test_streams_of_one_connection_are_answered_by_several_workers(self):
        self.server.start("--threads", "1", "--http2")
        self.addCleanup(self.server.stop)
        client = Client(self.server.dial())
        self.addCleanup(client.sock.close)
        for _ in range(5):
            asked = []
            for origin in list(DELAYS) * 20:
                body = json.dumps({"entities": {"origin": [origin]}, "features": ["delay"]}).encode()
                stream = client.ask("POST", "/features/last/batch", body, [("x-request-id", f"of-{len(asked)}")])
                asked.append((stream, origin))
            for number, (stream, origin) in enumerate(asked):
                status, headers, found = client.answer(stream)
                self.assertEqual((status, headers["x-request-id"]), (200, f"of-{number}"), found)
                self.assertEqual(found["results"][0]["key"], {"origin": origin})
                self.assertEqual(found["results"][0]["features"], {"delay": DELAYS[origin]})

    def test_requests_pipelined_behind_one_that_waits_are_answered_in_order(self):
        self.start()
        self.hang()
        sock = self.send(get("/features/last/ABE") + get("/healthz") + get("/features/last/OLD"))
        self.await_queue(1, 0)
        self.resume()
        with sock.makefile("rb") as stream:
            found = [Answer(stream) for _ in range(3)]
        self.assertEqual([one.status for one in found], [200, 200, 200])
        self.assertEqual(json.loads(found[0].body)["features"]["delay"], DELAYS["ABE"])
        self.assertEqual(json.loads(found[1].body), {"status": "ok"})
        self.assertEqual(json.loads(found[2].body)["features"]["delay"], DELAYS["OLD"])

    def test_a_server_that_ends_finishes_what_waits(self):
        self.start()
        self.hang()
        socks = self.fill()
        self.server.process.terminate()
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            try:
                self.server.dial().close()
            except OSError:
                break
        else:
            self.fail("the server goes on accepting")
        self.resume()
        for sock in socks:
            found = self.answer(sock)
            self.assertEqual((found.status, found.headers["connection"]), (200, "close"))
            sock.close()
        self.assertEqual(self.server.process.wait(DEADLINE_S), 0)


if __name__ == "__main__":
    unittest.main()
