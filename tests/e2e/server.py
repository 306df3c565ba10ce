"""The server of the small project in serving.py, with options of one's own, in a directory of its own."""

import hashlib
import http.client
import json
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from real_servers import ATTACHED
from serving import BIN, CLOCK, DEADLINE_S, FILES


class Server:
    """Built and materialized once; started with start(), as often as one likes."""

    def __init__(self, files=None):
        self.directory = Path(tempfile.mkdtemp(prefix="asof-serve-"))
        self.process = None
        self.log = []
        for name, text in {**FILES, **(files or {})}.items():
            self.write(name, text)
        self.run("build")
        self.run("materialize", "--at", CLOCK)

    def write(self, name, text):
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        beside = path.with_name(path.name + ".new")
        beside.write_text(text)
        beside.replace(path)  # whoever reads it meanwhile sees one or the other
        return path

    def run(self, command, *args):
        done = subprocess.run([BIN, command, *args], cwd=self.directory, capture_output=True, timeout=DEADLINE_S, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{command} exited {done.returncode}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode()

    def refused(self, *args):
        """What a server that does not start says."""
        done = subprocess.run([BIN, "serve", *args], cwd=self.directory, capture_output=True, timeout=DEADLINE_S, check=False)
        assert done.returncode != 0, "the server ran"
        return done.returncode, done.stderr.decode()

    def start(self, *args, listen="127.0.0.1:0"):
        self.process = subprocess.Popen(
            [*ATTACHED, BIN, "serve", "--listen", listen, "--clock", CLOCK + "!", *args],
            cwd=self.directory, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.log = []
        for line in self.process.stderr:
            self.log.append(line)
            if found := re.search(r"listening on .*:(\d+)", line):
                break
        else:
            raise AssertionError(f"the server exited {self.process.wait(DEADLINE_S)}: {''.join(self.log)}")
        self.port = int(found.group(1))
        self.reader = threading.Thread(target=self._keep_log, args=(self.process.stderr, self.log), daemon=True)
        self.reader.start()
        return self

    @staticmethod
    def _keep_log(stream, log):
        with stream:
            for line in stream:
                log.append(line)

    def stop(self):
        """Ends the server as an operator does; it must go with 0."""
        if self.process is None:
            return
        process, self.process = self.process, None
        process.terminate()
        code = process.wait(DEADLINE_S)
        self.reader.join(DEADLINE_S)
        assert code == 0, (code, "".join(self.log))

    def remove(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait(DEADLINE_S)
            self.reader.join(DEADLINE_S)
        shutil.rmtree(self.directory, ignore_errors=True)

    def reload(self, expected):
        """SIGHUP, and what the log says of it."""
        before = len(self.log)
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            said = "".join(self.log[before:])
            if expected in said:
                return said
            time.sleep(0.01)
        raise AssertionError(f"no '{expected}' in {''.join(self.log[before:])!r}")

    def dial(self, context=None, host="localhost"):
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S)
        return context.wrap_socket(sock, server_hostname=host) if context else sock

    def ask(self, method, path, body=None, headers=None, context=None):
        kind = http.client.HTTPSConnection if context else http.client.HTTPConnection
        extra = {"context": context} if context else {}
        connection = kind("localhost" if context else "127.0.0.1", self.port, timeout=DEADLINE_S, **extra)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or "null"), answer.headers
        finally:
            connection.close()


def sha256(token):
    return hashlib.sha256(token.encode()).hexdigest()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def certificate(directory, name="server", days=1, host="localhost"):
    """A self-signed certificate and its key, made by openssl; their paths."""
    cert, key = directory / f"{name}.pem", directory / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days),
         "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host},IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True, timeout=DEADLINE_S)
    return cert, key


def trusting(cert, alpn=None):
    """A client's context that trusts this certificate alone."""
    context = ssl.create_default_context(cafile=str(cert))
    if alpn:
        context.set_alpn_protocols(alpn)
    return context
