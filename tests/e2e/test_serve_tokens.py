"""`asof serve --tokens`: who may ask for what, and what nobody gets to see."""

import subprocess
import unittest
from pathlib import Path

from server import Server, bearer, sha256

READER, MODEL, PUSHER, ADMIN = "reader-secret-1", "model-secret-2", "pusher-secret-3", "admin-secret-4"
TOKENS = f"""
tokens:
  reader: {{sha256: {sha256(READER)}, rights: [read]}}
  scoring: {{sha256: {sha256(MODEL)}, rights: [read], services: [model]}}
  pusher: {{sha256: {sha256(PUSHER)}, rights: [push], sources: [flights]}}
  operator: {{sha256: {sha256(ADMIN)}, rights: [read, push, admin]}}
"""
ENTITIES = {"entities": {"origin": ["ABE"]}}
# the file, what is said about it
WRONG = [
    ("", "tokens.yaml: is empty: no token is in it"),
    ("tokens: {}", "tokens.yaml:1:1: no token: 'tokens' is empty"),
    ("token: {}", "tokens.yaml:1:1: unknown key 'token'"),
    ("tokens: []", "tokens.yaml:1:9: "),
    ("tokens: {a: {}}", "tokens.yaml:1:10: token 'a' has no 'sha256' (and 1 more)"),
    ("tokens: {a: {sha256: my-own-secret, rights: [read]}}", "tokens.yaml:1:22: sha256 of token 'a' is not 64 hexadecimal"),
    (f"tokens: {{a: {{sha256: {sha256('x').upper()}, rights: [read]}}}}", "tokens.yaml:1:22: sha256 of token 'a' is not 64"),
    (f"tokens: {{a: {{sha256: {sha256('x')}}}}}", "tokens.yaml:1:10: token 'a' has no 'rights'"),
    (f"tokens: {{a: {{sha256: {sha256('x')}, rights: []}}}}", "token 'a' has no rights"),
    (f"tokens: {{a: {{sha256: {sha256('x')}, rights: [write]}}}}", "right: unknown choice 'write' (known: read, push, admin)"),
    (f"tokens: {{a: {{sha256: {sha256('x')}, rights: [read], services: [mode]}}}}", "no service 'mode' (did you mean 'model'?)"),
    (f"tokens: {{a: {{sha256: {sha256('x')}, rights: [push], sources: [x]}}}}", "no source 'x' (known: flights)"),
    (f"tokens: {{a: {{sha256: {sha256('x')}, rights: [read]}}, b: {{sha256: {sha256('x')}, rights: [read]}}}}",
     "tokens 'b' and 'a' have the same sha256"),
    ("tokens: {a: {rights", "tokens.yaml:2:1: no valid YAML"),
]


class ServeTokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server({"tokens.yaml": TOKENS})
        cls.addClassCleanup(cls.server.remove)
        cls.server.start("--tokens", "tokens.yaml")

    def status_of(self, method, path, token=None, body=None, headers=None):
        status, answer, _ = self.server.ask(method, path, body, {**(bearer(token) if token else {}), **(headers or {})})
        return status, answer.get("error", {}).get("message") if status >= 400 else answer

    def test_probes_need_no_token(self):
        self.assertEqual(200, self.status_of("GET", "/healthz")[0])
        self.assertEqual(200, self.status_of("GET", "/readyz")[0])

    def test_without_a_token_the_answer_is_401_with_a_challenge(self):
        for path, method, body in (("/features/last/ABE", "GET", None), ("/features/last/batch", "POST", ENTITIES)):
            status, answer, headers = self.server.ask(method, path, body)
            self.assertEqual((401, "unauthorized"), (status, answer["error"]["code"]))
            self.assertEqual('Bearer realm="asof"', headers["WWW-Authenticate"])
            self.assertIn("Authorization: Bearer TOKEN", answer["error"]["message"])

    def test_a_token_that_is_not_known_is_401_and_is_not_repeated(self):
        for wrong in ("nonsense", READER + "x", READER[:-1], sha256(READER), "x" * 5000):
            status, answer, headers = self.server.ask("GET", "/features/last/ABE", headers=bearer(wrong))
            self.assertEqual(401, status)
            self.assertIn("invalid_token", headers["WWW-Authenticate"])
            self.assertNotIn(wrong, str(answer))

    def test_other_schemes_are_no_token(self):
        for value in (f"Basic {READER}", READER, "Bearer", "Bearer ", f"Bearer{READER}"):
            self.assertEqual(401, self.status_of("GET", "/features/last/ABE", headers={"Authorization": value})[0], value)
        self.assertEqual(200, self.status_of("GET", "/features/last/ABE", headers={"Authorization": f"bearer  {READER}"})[0])

    def test_two_tokens_at_once_are_refused(self):
        sock = self.server.dial()
        self.addCleanup(sock.close)
        line = f"Authorization: Bearer {READER}\r\n"
        sock.sendall(f"GET /features/last/ABE HTTP/1.1\r\nHost: x\r\n{line}{line}\r\n".encode())
        self.assertTrue(sock.recv(4096).startswith(b"HTTP/1.1 400 "))

    def test_a_reader_reads_everything(self):
        self.assertEqual(200, self.status_of("GET", "/features/last/ABE", READER)[0])
        self.assertEqual(200, self.status_of("POST", "/features/last/batch", READER, ENTITIES)[0])
        status, answer = self.status_of("POST", "/features/batch", READER, {**ENTITIES, "features": ["last.*"]})
        self.assertEqual((200, {"last.delay", "last.distance"}), (status, set(answer["results"][0]["features"])))

    def test_a_missing_right_is_403_and_named(self):
        status, message = self.status_of("GET", "/features/last/ABE", PUSHER)
        self.assertEqual((403, "token 'pusher' lacks the right 'read'"), (status, message))

    def test_a_token_of_a_service_reads_that_service(self):
        body = {"entities": {"origin": ["ABE"], "number": [7]}, "service": "model"}
        status, answer = self.status_of("POST", "/features/batch", MODEL, body)
        self.assertEqual(200, status, answer)
        self.assertEqual({"last.delay", "departures.flights_count_1d", "route_last.delay"}, set(answer["results"][0]["features"]))

    def test_a_token_of_a_service_gets_no_other_feature(self):
        status, message = self.status_of("POST", "/features/batch", MODEL, {**ENTITIES, "features": ["last.delay", "last.distance"]})
        self.assertEqual((403, "token 'scoring' may not read 'last.distance': none of its services has it"), (status, message))
        status, message = self.status_of("POST", "/features/last/batch", MODEL, {**ENTITIES, "features": ["distance"]})
        self.assertEqual(403, status, message)
        self.assertEqual(403, self.status_of("POST", "/features/batch", MODEL, {**ENTITIES, "features": ["last.*"]})[0])

    def test_feasts_route_asks_for_the_same(self):
        body = {**ENTITIES, "features": ["last:delay"]}
        self.assertEqual(401, self.status_of("POST", "/get-online-features", None, body)[0])
        self.assertEqual(200, self.status_of("POST", "/get-online-features", MODEL, body)[0])
        status, message = self.status_of("POST", "/get-online-features", MODEL, {**ENTITIES, "features": ["last:distance"]})
        self.assertEqual((403, "token 'scoring' may not read 'last.distance': none of its services has it"), (status, message))

    def test_metrics_are_for_operators(self):
        self.assertEqual(401, self.server.ask("GET", "/metrics")[0])
        self.assertEqual(403, self.status_of("GET", "/metrics", READER)[0])
        sock = self.server.dial()
        self.addCleanup(sock.close)
        sock.sendall(f"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\n\r\n".encode())
        self.assertTrue(sock.recv(4096).startswith(b"HTTP/1.1 200 "))

    def test_a_row_shows_a_token_of_a_service_what_the_service_has(self):
        status, row = self.status_of("GET", "/features/last/ABE", MODEL)
        self.assertEqual((200, {"delay": 10}), (status, row["features"]))
        self.assertEqual(["delay"], list(row["statuses"]))
        status, answer = self.status_of("POST", "/features/last/batch", MODEL, ENTITIES)
        self.assertEqual((200, {"delay": 10}), (status, answer["results"][0]["features"]))

    def test_an_upload_is_refused_before_it_is_sent(self):
        sock = self.server.dial()
        self.addCleanup(sock.close)
        sock.sendall(b"POST /features/last/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 16000000\r\n\r\n")
        self.assertTrue(sock.recv(4096).startswith(b"HTTP/1.1 401 "))

    def test_no_token_is_in_the_log_or_the_process_list(self):
        self.status_of("GET", "/features/last/ABE", READER)
        self.status_of("GET", "/features/last/ABE", "a-wrong-one")
        seen = "".join(self.server.log) + Path(f"/proc/{self.server.process.pid}/cmdline").read_text()
        for secret in (READER, MODEL, "a-wrong-one", sha256(READER)):
            self.assertNotIn(secret, seen)


class ServeExposed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server({"tokens.yaml": TOKENS})
        cls.addClassCleanup(cls.server.remove)

    def tearDown(self):
        self.server.stop()

    def test_without_tokens_only_loopback_is_listened_on(self):
        for listen in (":0", "0.0.0.0:0", "[::]:0"):
            code, said = self.server.refused("--listen", listen)
            if "Address family" in said:
                continue
            self.assertEqual(2, code, said)
            self.assertIn("--tokens", said)
            self.assertIn("127.0.0.1", said)
        self.server.start(listen="127.0.0.1:0")

    def test_with_tokens_every_address_is_listened_on(self):
        self.server.start("--tokens", "tokens.yaml", listen="0.0.0.0:0")
        self.assertEqual(401, self.server.ask("GET", "/features/last/ABE")[0])
        self.assertEqual(200, self.server.ask("GET", "/features/last/ABE", headers=bearer(READER))[0])

    def test_a_wrong_file_is_refused_with_its_place_and_without_secrets(self):
        self.addCleanup(self.server.write, "tokens.yaml", TOKENS)
        for text, expected in WRONG:
            with self.subTest(text):
                self.server.write("tokens.yaml", text)
                code, said = self.server.refused("--tokens", "tokens.yaml")
                self.assertIn(expected, said)
                self.assertNotIn("my-own-secret", said)
                self.assertEqual(2, code, said)

    def test_a_file_that_is_not_there_is_named(self):
        _, said = self.server.refused("--tokens", "nowhere.yaml")
        self.assertIn("file of tokens 'nowhere.yaml': no such file", said)

    def test_a_token_is_made_with_what_every_machine_has(self):
        made = subprocess.run(["sh", "-c", "umask 077; openssl rand -hex 32 | tr -d '\\n' > checkout.token; sha256sum < checkout.token"],
                              cwd=self.server.directory, capture_output=True, text=True, check=True).stdout.split()[0]
        self.server.write("made.yaml", f"tokens:\n  checkout: {{sha256: {made}, rights: [read]}}\n")
        token = (self.server.directory / "checkout.token").read_text()
        self.server.start("--tokens", "made.yaml")
        self.assertEqual(200, self.server.ask("GET", "/features/last/ABE", headers=bearer(token))[0])


if __name__ == "__main__":
    unittest.main()
