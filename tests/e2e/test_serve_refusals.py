"""What a server says to each malformed request, and whether it keeps the connection, as it stands in tests/golden/http/refusals.txt.
ASOF_UPDATE_GOLDEN=1 writes it anew: read the difference."""

import json
import os
import unittest
from pathlib import Path

from server import Server, sha256
from serving import ENTITIES, JSON, Answer, get, post
from test_serve import WRONG

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "http" / "refusals.txt"
READER, PUSHER = "reader-secret", "pusher-secret"
TOKENS = f"""
tokens:
  reader: {{sha256: {sha256(READER)}, rights: [read], services: [one]}}
  pusher: {{sha256: {sha256(PUSHER)}, rights: [push], sources: [other]}}
"""
MORE = """
sources:
  other: {path: data/flights.csv, event_time: date}
services:
  one: {features: [last.distance]}
"""
SHOWN = 160  # of a request


def push(body, source="flights"):
    return post(f"/push/{source}", body)


def row(values):
    return push('{"rows": [%s]}' % values)


def asked(token, request):
    """The same, with what stands in Authorization."""
    line, rest = request.split(b"\r\n", 1)
    return line + b"\r\nAuthorization: " + token.encode() + b"\r\n" + rest


PUSHES = [
    get("/push/flights"),
    get("/push/flights", f"Host: x\r\n{JSON}", "POST"),
    get("/push", method="POST"),
    get("/push/flights/more", method="POST"),
    post("/push/flights", "{}", "Content-Type: text/csv\r\n"),
    push("{}", "fligths"),
    push(""),
    push('{"rows": ['),
    push("[]"),
    push("7"),
    push("{}"),
    push('{"row": []}'),
    push('{"rows": {}}'),
    push('{"rows": []}'),
    row("1"),
    row("null"),
    row("[]"),
    row("{}"),
    row('{"origin": "ABE"}'),
    row('{"orign": "ABE"}'),
    row('{"date": "x"}'),
    row('{"date": "2001-06-29T20:30:00Z", "delay": "late"}'),
    row('{"date": "2001-06-29T20:30:00Z", "delay": 1.5}'),
    row('{"date": "2001-06-29T20:30:00Z", "delay": 99999999999999999999}'),
    row('{"date": "2001-06-29T20:30:00Z", "origin": {}}'),
    row('{"date": "2001-06-29T20:30:00Z", "date": "2001-06-29T20:30:00Z"}'),
]
BATCH = post("/features/last/batch", ENTITIES)
STRANGERS = [
    get("/features/last/ABE"),
    BATCH,
    get("/metrics"),
    get("/features/lost/ABE"),
    asked("Bearer nobody", get("/features/last/ABE")),
    asked("Bearer nobody", BATCH),
    asked("Bearer", BATCH),
    asked("Bearer ", BATCH),
    asked(f"Basic {READER}", BATCH),
    asked(READER, BATCH),
    asked(f"Bearer{READER}", BATCH),
    asked(f"Bearer {READER}x", BATCH),
    asked(f"Bearer {READER}, Bearer {READER}", BATCH),
    asked(f"Bearer {READER}", get("/metrics")),
    asked(f"Bearer {READER}", push('{"rows": []}')),
    asked(f"Bearer {READER}", get("/features/departures/ABE")),
    asked(f"Bearer {READER}", post("/features/last/batch", '{"entities": {"origin": ["ABE"]}, "features": ["delay"]}')),
    asked(f"Bearer {READER}", post("/get-online-features", '{"features": ["last:delay"], "entities": {"origin": ["ABE"]}}')),
    asked(f"Bearer {PUSHER}", BATCH),
    asked(f"Bearer {PUSHER}", push('{"rows": []}')),
]


def shown(request):
    text = repr(request)[2:-1]
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(request)} bytes)"


class ServeRefusals(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server({"tokens.yaml": TOKENS, "features/more.yaml": MORE})
        cls.addClassCleanup(cls.server.remove)

    def refusal(self, request):
        """Two lines: the request; what is said to it."""
        with self.server.dial() as sock, sock.makefile("rb") as stream:
            sock.sendall(request)
            answer = Answer(stream)
            closes = answer.headers.get("connection") == "close"
            if closes:
                self.assertEqual(b"", stream.read())
            else:
                sock.sendall(get("/healthz"))
                self.assertEqual(200, Answer(stream).status)
        error = json.loads(answer.body)["error"]
        return f"{shown(request)}\n\t{answer.status} {error['code']}, {'closed' if closes else 'kept'}: {error['message']}\n"

    def refusals(self, name, requests, *options):
        self.server.start(*options)
        try:
            return f"# {name}\n" + "".join(self.refusal(request) for request in requests)
        finally:
            self.server.stop()

    def test_each_is_told_what_is_wrong(self):
        said = "\n".join((
            self.refusals("Heads, paths, keys, bodies", [request for request, *_ in WRONG]),
            self.refusals("Pushes", PUSHES),
            self.refusals("Tokens: none, a stranger's, one that may not", STRANGERS, "--tokens", "tokens.yaml"),
        ))
        if os.environ.get("ASOF_UPDATE_GOLDEN"):
            GOLDEN.write_text(said)
        self.assertEqual(GOLDEN.read_text(), said)


if __name__ == "__main__":
    unittest.main()
