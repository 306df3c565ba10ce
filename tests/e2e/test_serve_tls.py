"""`asof serve --tls-cert --tls-key`: who is let in, who is told what is wrong, and who has to go."""

import socket
import ssl
import subprocess
import time
import unittest
import warnings

from server import Server, bearer, certificate, sha256, trusting
from serving import DEADLINE_S

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b'{"status":"ok"}'


def hear(sock, ending=OK):
    data = b""
    while not data.endswith(ending):
        more = sock.recv(65536)
        if not more:
            raise AssertionError(f"closed after {data!r}")
        data += more
    return data


class ServeTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server({"tokens.yaml": f"tokens: {{a: {{sha256: {sha256('secret')}, rights: [read]}}}}"})
        cls.addClassCleanup(cls.server.remove)
        cls.cert, cls.key = certificate(cls.server.directory)
        cls.server.start("--tls-cert", "server.pem", "--tls-key", "server.key", "--read-timeout", "1s")
        cls.context = trusting(cls.cert)

    def dial(self, context=None):
        sock = self.server.dial(context)
        self.addCleanup(sock.close)
        return sock

    def test_a_client_that_trusts_the_certificate_gets_its_answer(self):
        status, row, _ = self.server.ask("GET", "/features/last/ABE", context=self.context)
        self.assertEqual((200, 10), (status, row["features"]["delay"]))

    def test_a_client_that_does_not_trust_it_goes(self):
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.dial(ssl.create_default_context())
        self.test_a_client_that_trusts_the_certificate_gets_its_answer()

    def test_curl_verifies_it(self):
        done = subprocess.run(["curl", "-s", "--cacert", str(self.cert), f"https://localhost:{self.server.port}/healthz"],
                              capture_output=True, timeout=DEADLINE_S, check=False)
        self.assertEqual((0, OK), (done.returncode, done.stdout))

    def test_only_new_versions_and_sound_ciphers_are_spoken(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = trusting(self.cert)
            context.minimum_version = context.maximum_version = version
            sock = self.dial(context)
            self.assertRegex(sock.cipher()[0], "GCM|CHACHA20")
            sock.sendall(HEALTH)
            hear(sock)
        old = trusting(self.cert)
        old.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings(action="ignore"):  # that this is old
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises(OSError):
            self.dial(old)
        weak = trusting(self.cert)
        weak.maximum_version = ssl.TLSVersion.TLSv1_2
        weak.set_ciphers("AES128-SHA:ECDHE-ECDSA-AES128-SHA")
        with self.assertRaises(OSError):
            self.dial(weak)

    def test_http11_is_agreed_on_and_nothing_unknown(self):
        self.assertEqual("http/1.1", self.dial(trusting(self.cert, ["h2", "http/1.1"])).selected_alpn_protocol())
        self.assertIsNone(self.dial(self.context).selected_alpn_protocol())
        with self.assertRaises(OSError):
            self.dial(trusting(self.cert, ["spdy/3"]))

    def test_plain_http_is_told_to_use_https(self):
        sock = self.dial()
        sock.sendall(HEALTH)
        answer = hear(sock, b"}}")
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
        self.assertIn(b"this port speaks TLS: use https", answer)
        self.assertEqual(b"", sock.recv(1))

    def test_a_slow_handshake_ends_with_the_read_timeout(self):
        for begun in (b"\x16", b"\x16\x03\x01\x02\x00\x01"):
            sock = self.dial()
            sock.sendall(begun)
            start = time.monotonic()
            self.assertEqual(b"", sock.recv(100))
            self.assertLess(time.monotonic() - start, 10)

    def test_garbage_in_a_handshake_ends_it(self):
        sock = self.dial()
        sock.sendall(b"\x16\x03\x01\x00\x05hello" * 50)
        try:
            while sock.recv(100):
                pass
        except ConnectionResetError:
            pass
        self.test_a_client_that_trusts_the_certificate_gets_its_answer()

    def test_a_request_in_one_flight_with_the_handshake_is_answered(self):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        raw = self.dial()
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                raw.sendall(outgoing.read())
                incoming.write(raw.recv(65536))
        tls.write(HEALTH)
        raw.sendall(outgoing.read())  # the client's last flight and its request at once
        data = b""
        while not data.endswith(OK):
            incoming.write(raw.recv(65536))
            try:
                while True:
                    data += tls.read(65536)
            except ssl.SSLWantReadError:
                pass

    def test_requests_are_pipelined_and_answers_large(self):
        sock = self.dial(self.context)
        sock.sendall(HEALTH * 100)
        data = b""
        while data.count(OK) < 100:
            data += sock.recv(65536)
        body = {"entities": {"origin": ["ABE"] * 20000}}
        status, answer, _ = self.server.ask("POST", "/features/last/batch", body, context=self.context)
        self.assertEqual((200, 20000), (status, len(answer["results"])))

    def test_a_closing_answer_ends_in_good_order(self):
        context = trusting(self.cert)
        sock = socket.create_connection(("127.0.0.1", self.server.port), timeout=DEADLINE_S)
        tls = context.wrap_socket(sock, server_hostname="localhost", suppress_ragged_eofs=False)
        self.addCleanup(tls.close)
        tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        hear(tls)
        self.assertEqual(b"", tls.recv(1))  # a cut-off would raise

    def test_a_client_that_vanishes_harms_nobody(self):
        for _ in range(20):
            sock = self.dial(self.context)
            sock.sendall(HEALTH)
            sock.close()
        self.test_a_client_that_trusts_the_certificate_gets_its_answer()

    def test_tls_on_a_plain_port_is_told(self):
        self.assertEqual(0, self.server.process.poll() or 0)
        other = Server()
        self.addCleanup(other.remove)
        other.start()
        with self.assertRaises(ssl.SSLError):
            other.dial(self.context)
        sock = other.dial()
        self.addCleanup(sock.close)
        sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
        self.assertIn(b"this port speaks plain HTTP, and that was TLS: use http", hear(sock, b"}}"))


class ServeTlsFiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server({"tokens.yaml": f"tokens: {{a: {{sha256: {sha256('secret')}, rights: [read]}}}}"})
        cls.addClassCleanup(cls.server.remove)
        certificate(cls.server.directory)
        certificate(cls.server.directory, "other")

    def tearDown(self):
        self.server.stop()

    def test_files_that_do_not_do_are_named_with_the_reason(self):
        self.server.write("empty.pem", "")
        self.server.write("text.pem", "no PEM at all\n")
        subprocess.run(["openssl", "ec", "-aes128", "-passout", "pass:xyzzy", "-in", "server.key", "-out", "locked.key"],
                       cwd=self.server.directory, check=True, capture_output=True)
        for cert, key, expected in (
                ("server.pem", None, "--tls-cert and --tls-key go together"),
                (None, "server.key", "--tls-cert and --tls-key go together"),
                ("nowhere.pem", "server.key", "certificate 'nowhere.pem': No such file or directory"),
                ("empty.pem", "server.key", "certificate 'empty.pem': no start line"),
                ("text.pem", "server.key", "certificate 'text.pem': no start line"),
                ("server.key", "server.key", "certificate 'server.key': no start line"),
                ("server.pem", "nowhere.key", "key 'nowhere.key' of certificate 'server.pem': No such file or directory"),
                ("server.pem", "text.pem", "key 'text.pem' of certificate 'server.pem': "),
                ("server.pem", "other.key", "key 'other.key' of certificate 'server.pem': key values mismatch"),
                ("server.pem", "locked.key", "key 'locked.key' has a password")):
            with self.subTest(cert=cert, key=key):
                args = (["--tls-cert", cert] if cert else []) + (["--tls-key", key] if key else [])
                code, said = self.server.refused(*args)
                self.assertIn(expected, said)
                self.assertEqual(2, code, said)

    def test_a_new_certificate_is_taken_on_sighup_and_a_broken_one_is_not(self):
        directory = self.server.directory
        cert, key = certificate(directory, "live")
        first = trusting(cert)
        self.server.start("--tls-cert", "live.pem", "--tls-key", "live.key")
        kept = self.server.dial(first)
        self.addCleanup(kept.close)
        certificate(directory, "live")
        second = trusting(cert)
        self.server.reload("reloaded")
        self.assertEqual(200, self.server.ask("GET", "/healthz", context=second)[0])
        with self.assertRaises(ssl.SSLError):
            self.server.dial(first)
        kept.sendall(HEALTH)  # what was agreed before goes on
        hear(kept)
        key.write_text("broken")
        said = self.server.reload("stays as it was")
        self.assertIn("key 'live.key' of certificate 'live.pem': ", said)
        self.assertEqual(200, self.server.ask("GET", "/healthz", context=second)[0])

    def test_tokens_over_plain_http_are_warned_of(self):
        self.server.start("--tokens", "tokens.yaml", listen="0.0.0.0:0")
        self.assertIn("unencrypted", "".join(self.server.log))
        self.server.stop()
        self.server.start("--tokens", "tokens.yaml", "--tls-cert", "server.pem", "--tls-key", "server.key", listen="0.0.0.0:0")
        self.assertNotIn("unencrypted", "".join(self.server.log))
        context = trusting(self.server.directory / "server.pem")
        self.assertEqual(401, self.server.ask("GET", "/features/last/ABE", context=context)[0])
        self.assertEqual(200, self.server.ask("GET", "/features/last/ABE", headers=bearer("secret"), context=context)[0])


if __name__ == "__main__":
    unittest.main()
