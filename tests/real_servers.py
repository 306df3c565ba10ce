"""Real servers of a test's own for the Python tests: those of tests/servers on private ports."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(os.environ.get("ASOF_SOURCE_DIR") or Path(__file__).resolve().parents[1])
ABSENT = 77  # what a script of tests/servers exits with where the server cannot be had
DEADLINE_S = 60
# Before a command: it is killed when the thread that starts it ends, also where that is killed itself.
ATTACHED = ("setpriv", "--pdeathsig", "KILL")


class Server:
    """tests/servers/NAME.sh DIR PORT."""

    name = None

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix=f"asof-{self.name}-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    def start(self):
        script = ROOT / "tests" / "servers" / f"{self.name}.sh"
        with open(os.path.join(self.dir, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [*ATTACHED, "sh", script, self.dir, str(self.port)], start_new_session=True, stdout=log, stderr=log
            )

    @classmethod
    def start_or_skip(cls):
        server = cls()
        if server.is_there():
            return server
        server.stop()
        raise unittest.SkipTest(f"no server '{cls.name}' on this machine (scripts/servers.sh)")

    def is_there(self):
        """Once it listens; False only where there is none on this machine."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                return True
            except OSError:
                self._rest()
        if self.process.poll() == ABSENT:
            return False
        with open(os.path.join(self.dir, "log"), encoding="utf-8", errors="replace") as log:
            raise AssertionError(f"server '{self.name}' does not start: {log.read()}")

    def _rest(self):
        try:
            self.process.wait(0.05)
        except subprocess.TimeoutExpired:
            pass

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


class Redis(Server):
    name = "redis"

    def cli(self, *command):
        """What `redis-cli` prints."""
        done = subprocess.run(
            ["redis-cli", "-h", "127.0.0.1", "-p", str(self.port), *command],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=True,
            timeout=DEADLINE_S,
        )
        return done.stdout


class Postgres(Server):
    """Its user and its database are "asof"."""

    name = "postgres"
    password = "s3cret/pass"

    def start(self):
        os.chmod(self.dir, 0o755)
        super().start()

    def is_there(self):
        """Once it takes statements."""
        if not super().is_there():
            return False
        deadline = time.monotonic() + DEADLINE_S
        while self._psql("select 1", "public").returncode != 0:
            assert time.monotonic() < deadline, "the server listens and takes no statement"
            self._rest()
        return True

    def _psql(self, sql, schema):
        options = f"-c search_path={schema} -c timezone=UTC"
        return subprocess.run(
            ["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "asof", "-d", "asof", "-qX",
             "-v", "ON_ERROR_STOP=1", "-P", "footer=off", "-f", "-"],
            env={**os.environ, "PGPASSWORD": self.password, "PGOPTIONS": options},
            input=sql,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=DEADLINE_S,
        )

    def show(self, sql, schema="public"):
        """What psql prints."""
        done = self._psql(sql, schema)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return done.stdout

    def ask(self, sql, schema="public"):
        """Its rows, with "|" between columns."""
        return self.show(f"\\pset format unaligned\n\\pset tuples_only on\n{sql}", schema).splitlines()
