"""Runs the program on generated projects, keeps the directory of a case that fails, and says how
to see it again."""

import decimal
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

import project
from real_servers import ATTACHED

BIN = os.environ.get("ASOF_BIN", "asof")
DEADLINE_S = 60


def seeds(first, count):
    """The seeds to run: ASOF_SEED alone, or ASOF_CASES of them from ASOF_FIRST on."""
    if "ASOF_SEED" in os.environ:
        return [int(os.environ["ASOF_SEED"])]
    first = int(os.environ.get("ASOF_FIRST", first))
    return range(first, first + int(os.environ.get("ASOF_CASES", count)))


def assert_checked(test, cells):
    """Did the run compare anything? A few cases may all have empty spines."""
    if "ASOF_SEED" not in os.environ and "ASOF_CASES" not in os.environ:
        test.assertGreater(cells, 1000)


def json_of(text):
    return json.loads(text, parse_float=decimal.Decimal)


class Project:
    """A case in a directory of its own; as a context manager it removes the directory unless the
    case failed."""

    def __init__(self, case, label, online="lmdb:./online"):
        self.case = case
        self.online = online
        self.label = label
        self.directory = Path(tempfile.mkdtemp(prefix=f"asof-{label}-{case.seed}-"))

    def __enter__(self):
        project.write_definitions(self.case, self.directory, self.online)
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            shutil.rmtree(self.directory)
        elif isinstance(error, Exception):
            again = f"ASOF_SEED={self.case.seed} python -m unittest test_{self.label}"
            print(f"\ncase kept in {self.directory}; again with {again}", file=sys.stderr)

    def command(self, *args):
        return [BIN, *args[:1], "-C", str(self.directory), *args[1:]]

    def run(self, *args):
        """Run a command that must succeed; its standard output."""
        done = subprocess.run(
            self.command(*args), capture_output=True, timeout=DEADLINE_S, check=False
        )
        if done.returncode != 0:
            raise AssertionError(
                f"{self.command(*args)} exited {done.returncode}: {done.stderr.decode(errors='replace')}"
            )
        return done.stdout.decode()

    def build(self, *args):
        """Build; an interval (before, after) of microseconds in which its commits were made."""
        before = time.time_ns() // 1000
        self.run("build", *args)
        return (
            before - 1000,
            time.time_ns() // 1000 + 1,
        )  # a commit's time may be kept in milliseconds

    def add_files(self, stage):
        project.write_data(self.case, self.directory, stage)

    def get(self, view, key, clock):
        """`asof get` of one key, by its textual form."""
        pairs = [f"{name}={value}" for name, value in key.items()]
        return json_of(self.run("get", view, *pairs, "--at", clock))


class Server:
    """`asof serve` on a private port, its clock held."""

    def __init__(self, project_of, clock):
        self.port = _free_port()
        self.log = open(project_of.directory / "serve.log", "ab")
        self.process = subprocess.Popen(
            [
                *ATTACHED,
                *project_of.command("serve", "--listen", f"127.0.0.1:{self.port}"),
                *("--clock", f"{clock}!"),
            ],
            stdout=self.log,
            stderr=self.log,
        )

    def __enter__(self):
        try:
            self._wait_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_):
        self._stop()

    def _wait_ready(self):
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(
                    f"the server exited {self.process.returncode}: {Path(self.log.name).read_text()}"
                )
            try:
                if self.request("GET", "/readyz")[0] == 200:
                    return
            except OSError:
                pass
            try:
                self.process.wait(0.01)  # nothing to wait on but the server itself
            except subprocess.TimeoutExpired:
                pass
        raise AssertionError("the server was not ready in time")

    def _stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    def request(self, method, path, body=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(
                method,
                path,
                text,
                {**({"Content-Type": "application/json"} if text else {}), **dict(headers)},
            )
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _ok(self, method, path, body=None):
        status, text = self.request(method, path, body)
        if status != 200:
            raise AssertionError(f"{method} {path} answered {status}: {text[:500]!r}")
        return json_of(text)

    def batch(self, view, entities, request=None):
        body = {"entities": entities, **({"request": request} if request else {})}
        return self._ok("POST", f"/features/{view}/batch", body)["results"]

    def service_batch(self, service, entities):
        return self._ok("POST", "/features/batch", {"entities": entities, "service": service})[
            "results"
        ]

    def features_batch(self, features, entities, request):
        body = {"entities": entities, "features": features, "request": request}
        return self._ok("POST", "/features/batch", body)["results"]

    def row(self, view, key):
        """One row by its key's textual form; in the path where that is unambiguous, else by
        name."""
        texts = list(key.values())
        if all(text and not set(text) & set(",/") and text not in (".", "..") for text in texts):
            return self._ok(
                "GET",
                f"/features/{view}/" + ",".join(urllib.parse.quote(t, safe="") for t in texts),
            )
        return self._ok("GET", f"/features/{view}?{urllib.parse.urlencode(key)}")


def _free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
