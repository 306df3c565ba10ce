"""Slow, greedy, silent and many clients: each is bounded, and none of them stops the others."""

import json
import resource
import socket
import time
import unittest

from server import Server, certificate, trusting
from serving import DEADLINE_S

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b'{"status":"ok"}'
POST = b"POST /features/last/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
CONNECTIONS = 1000


def everything(sock):
    data = b""
    try:
        while more := sock.recv(1 << 16):
            data += more
    except ConnectionResetError:
        pass
    return data


class ServeLimits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.remove)
        cls.server.start("--read-timeout", "1s", "--idle-timeout", "2s", "--max-body", "8MiB", "--max-memory", "4MiB", "--threads", "2")

    def tearDown(self):
        self.assertEqual(200, self.server.ask("GET", "/healthz")[0])  # whatever it was, the server serves

    def dial(self):
        sock = self.server.dial()
        self.addCleanup(sock.close)
        return sock

    def drip(self, data, pause=0.05):
        """Sends byte by byte until the server has had enough; what it said, and after how long."""
        sock = self.dial()
        start = time.monotonic()
        sock.setblocking(False)
        heard = b""
        for byte in data:
            try:
                sock.send(bytes((byte,)))
                heard += sock.recv(1 << 16)
                break
            except BlockingIOError:
                time.sleep(pause)
            except ConnectionError:
                break
        sock.settimeout(DEADLINE_S)
        return heard + everything(sock), time.monotonic() - start

    def test_a_slow_head_is_408(self):
        heard, took = self.drip(b"GET /healthz HTTP/1.1\r\nHost: " + b"x" * 400)
        self.assertTrue(heard.startswith(b"HTTP/1.1 408 "), heard)
        self.assertLess(took, 15)

    def test_a_slow_body_is_408(self):
        heard, took = self.drip(POST + b" " * 400, pause=0.02)
        self.assertTrue(heard.startswith(b"HTTP/1.1 408 "), heard)
        self.assertLess(took, 15)

    def test_slow_chunks_are_408(self):
        head = b"POST /features/last/batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        heard, _ = self.drip(head + b"1\r\n \r\n" * 100, pause=0.02)
        self.assertTrue(heard.startswith(b"HTTP/1.1 408 "), heard)

    def test_a_body_that_stops_is_408(self):
        sock = self.dial()
        sock.sendall(POST + b" " * 10)
        self.assertTrue(everything(sock).startswith(b"HTTP/1.1 408 "))

    def test_a_silent_connection_is_closed_without_a_word(self):
        self.assertEqual(b"", everything(self.dial()))

    def test_a_kept_connection_is_closed_when_idle(self):
        sock = self.dial()
        sock.sendall(HEALTH)
        self.assertEqual(1, everything(sock).count(OK))

    def test_a_client_that_never_reads_is_let_go(self):
        sock = self.dial()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        body = json.dumps({"entities": {"origin": ["ABE"] * 5000}}).encode()
        request = b"POST /features/last/batch HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        start = time.monotonic()
        with self.assertRaises(OSError):  # the server does not read on while its answer is not taken, and then it goes
            sock.settimeout(20)
            while time.monotonic() - start < 20:
                sock.sendall(request)
        self.assertLess(time.monotonic() - start, 20)

    def test_a_client_that_only_sends_is_answered(self):
        sock = self.dial()
        sock.sendall(HEALTH)
        sock.shutdown(socket.SHUT_WR)
        heard = everything(sock)
        self.assertTrue(heard == b"" or heard.endswith(OK), heard)

    def test_a_thousand_pipelined_requests_are_answered_in_order(self):
        sock = self.dial()
        sock.sendall(b"".join(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-ID: r%d\r\n\r\n" % i for i in range(1000)))
        data = b""
        while data.count(OK) < 1000:
            more = sock.recv(1 << 16)
            self.assertTrue(more)
            data += more
        ids = [line.split(b": ")[1] for line in data.split(b"\r\n") if line.startswith(b"X-Request-ID: ")]
        self.assertEqual([b"r%d" % i for i in range(1000)], ids)

    def test_what_memory_has_no_room_for_is_503_and_may_be_tried_again(self):
        text = b" " * (6 << 20)
        sock = self.dial()
        sock.sendall(b"POST /features/last/batch HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(text))
        heard = everything(sock)
        self.assertTrue(heard.startswith(b"HTTP/1.1 503 "), heard)
        self.assertIn(b"\r\nRetry-After: ", heard)
        self.assertEqual(200, self.server.ask("POST", "/features/last/batch", {"entities": {"origin": ["ABE"] * 1000}})[0])

    def test_a_body_over_the_limit_is_413_before_it_is_sent(self):
        sock = self.dial()
        sock.sendall(b"POST /features/last/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n")
        self.assertTrue(everything(sock).startswith(b"HTTP/1.1 413 "))


class ManyConnections(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < 2 * CONNECTIONS:
            raise unittest.SkipTest(f"only {hard} descriptors may be open here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * CONNECTIONS), hard))
        cls.server = Server()
        cls.addClassCleanup(cls.server.remove)

    def tearDown(self):
        self.server.stop()

    def ask_all(self, count, context=None):
        socks = []
        for _ in range(count):
            socks.append(self.server.dial(context))
            self.addCleanup(socks[-1].close)
        for _ in range(2):
            for sock in socks:
                sock.sendall(HEALTH)
            for sock in socks:
                data = b""
                while not data.endswith(OK):
                    more = sock.recv(1 << 16)
                    self.assertTrue(more, data)
                    data += more

    def test_a_thousand_connections_are_served_at_once(self):
        self.server.start("--threads", "2")
        self.ask_all(CONNECTIONS)

    def test_a_thousand_connections_are_served_at_once_over_tls(self):
        cert, _ = certificate(self.server.directory)
        self.server.start("--threads", "2", "--tls-cert", "server.pem", "--tls-key", "server.key")
        self.ask_all(CONNECTIONS, trusting(cert))

    def test_connections_over_the_limit_wait_for_room(self):
        self.server.start("--threads", "1", "--max-connections", "2")
        socks = [self.server.dial() for _ in range(3)]
        for sock in socks:
            self.addCleanup(sock.close)
            sock.sendall(HEALTH)
        for sock in socks[:2]:
            self.assertTrue(sock.recv(4096).endswith(OK))
        socks[2].settimeout(0.3)
        with self.assertRaises(TimeoutError):
            socks[2].recv(1)
        socks[0].close()
        socks[2].settimeout(DEADLINE_S)
        self.assertTrue(socks[2].recv(4096).endswith(OK))


class WrongLimits(unittest.TestCase):
    def test_limits_that_are_none_are_named(self):
        server = Server()
        self.addCleanup(server.remove)
        for option, value, expected in (("--max-body", "much", "'much' is no size below 4GiB"), ("--max-entities", "0", "'0' is no number from 1"),
                                        ("--max-connections", "-1", "'-1' is no number from 1"), ("--read-timeout", "3", "'3' is no time up to 1d"),
                                        ("--idle-timeout", "2d", "'2d' is no time up to 1d"), ("--max-memory", "8GiB", "'8GiB' is no size")):
            with self.subTest(option):
                code, said = server.refused(option + "=" + value)
                self.assertIn(f"option '{option}': {expected}", said)
                self.assertEqual(2, code)


if __name__ == "__main__":
    unittest.main()
