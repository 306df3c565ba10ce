"""A small project that is served, and what a test asks its server with."""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from real_servers import ATTACHED

BIN = os.environ.get("ASOF_BIN", "asof")
DEADLINE_S = 60
CLOCK = "2001-06-30T00:00:00Z"

FILES = {
    "asof.yaml": "project: tiny\nlake: ./lake\nonline: lmdb:./online\ncatalog: sqlite:./catalog.db\n",
    "features/tiny.yaml": """
entities:
  airport: {keys: {origin: string}}
  route: {keys: {origin: string, number: int64}}
sources:
  flights: {path: data/flights.csv, event_time: date}
views:
  last:
    entity: airport
    source: flights
    features:
      delay: {column: delay}
      distance: {column: distance, default: 0}
  departures:
    entity: airport
    source: flights
    step: 1h
    features:
      flights: {agg: count, windows: [1h, 1d]}
      delay: {column: delay, agg: mean, windows: [1d]}
  route_last:
    entity: route
    source: flights
    max_age: 1d
    features: {delay: {column: delay}}
services:
  model: {features: [last.delay, departures.flights_count_1d, route_last.delay]}
""",
    "data/flights.csv": """date,origin,number,delay,distance
2001-06-29 20:30:00,ABE,7,5,100
2001-06-29 22:30:00,ABE,7,10,
2001-06-29 21:15:00,ORD,8,,200
2001-06-01 00:00:00,OLD,9,3,300
2001-06-29 21:15:00,"a,b",10,1,1
2001-06-29 21:15:00,a/b,11,2,1
2001-06-29 21:15:00,\u00e9 +,12,4,1
2001-06-29 21:15:00,"",13,6,1
""",
}

JSON = "Content-Type: application/json\r\n"
ENTITIES = '{"entities": {"origin": ["ABE"]}}'


def post(path, body, headers=JSON):
    data = body.encode()
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {len(data)}\r\n\r\n".encode() + data


def get(path, headers="Host: x\r\n", method="GET"):
    return f"{method} {path} HTTP/1.1\r\n{headers}\r\n".encode()


class Answer:
    """One response read from a socket."""

    def __init__(self, stream):
        self.line = stream.readline().decode()
        self.status = int(self.line.split()[1])
        self.headers = {}
        while (line := stream.readline().decode().rstrip("\r\n")) != "":
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        length = int(self.headers.get("content-length", 0))
        self.body = stream.read(length)
        assert len(self.body) == length, (length, self.body)


class ServerCase(unittest.TestCase):
    """A server over FILES, started once per class with `options`, at CLOCK."""

    options = ()

    @classmethod
    def setUpClass(cls):
        cls.directory = Path(tempfile.mkdtemp(prefix="asof-serve-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        for name, text in FILES.items():
            (cls.directory / name).parent.mkdir(exist_ok=True)
            (cls.directory / name).write_text(text)
        cls.prepare()
        cls.run_program("build")
        cls.run_program("materialize", "--at", CLOCK)
        cls.process, cls.port = cls.start_server()
        cls.addClassCleanup(cls.end_server)

    @classmethod
    def prepare(cls):
        """More definitions and data, before anything is built."""

    @classmethod
    def run_program(cls, command, *args):
        done = subprocess.run(
            [BIN, command, "-C", str(cls.directory), *args], capture_output=True, timeout=DEADLINE_S, check=False
        )
        if done.returncode != 0:
            raise AssertionError(f"{command} exited {done.returncode}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode()

    @classmethod
    def start_server(cls):
        """A server on a port that it picks itself; its stderr is kept in cls.log."""
        process = subprocess.Popen(
            [*ATTACHED, BIN, "serve", "-C", str(cls.directory), "--listen", "127.0.0.1:0", "--clock", CLOCK + "!", *cls.options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        lines = []
        for line in process.stderr:
            lines.append(line)
            if found := re.search(r"listening on 127\.0\.0\.1:(\d+)", line):
                break
        else:
            process.wait(DEADLINE_S)
            raise AssertionError(f"the server exited {process.returncode}: {''.join(lines)}")
        cls.log = lines
        threading.Thread(target=lambda: lines.extend(process.stderr), daemon=True).start()
        return process, int(found.group(1))

    @classmethod
    def end_server(cls):
        cls.process.kill()
        cls.process.wait(DEADLINE_S)
        cls.process.stderr.close()

    def dial(self, port=None):
        sock = socket.create_connection(("127.0.0.1", port or self.port), timeout=DEADLINE_S)
        self.addCleanup(sock.close)
        return sock

    def ask(self, method, path, body=None, headers=None, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=DEADLINE_S)
        self.addCleanup(connection.close)
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or "null"), answer.headers

    def ask_text(self, path):
        """As ask, of an answer that is not JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        self.addCleanup(connection.close)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers

    def rows(self, path, body):
        status, answer, _ = self.ask("POST", path, body)
        self.assertEqual(status, 200, answer)
        self.assertEqual(list(answer), ["results"])
        return answer["results"]
