"""servers.py - servers and their clients for the figures of online reads: each on a private port, on processors of its own.

The server has the first processor, its client the second, so that neither takes time from the other.
"""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time

import kernels
import measure

HOST = "127.0.0.1"
ONLINE = os.path.join(measure.ROOT, "bench", "online")
TICK = os.sysconf("SC_CLK_TCK")


def processors():
    """The server's and the client's: the same one where there is no other."""
    mine = sorted(os.sched_getaffinity(0))
    return {mine[0]}, {mine[-1]}


def free_port():
    with socket.socket() as free:
        free.bind((HOST, 0))
        return free.getsockname()[1]


def tree(pid):
    """A process and what it has started."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                    children.setdefault(int(file.read().rsplit(")", 1)[1].split()[1]), []).append(int(name))
            except (OSError, IndexError):
                pass
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


class Server:
    """A program that listens, from its start to stop()."""

    def __init__(self, name, command, port, folder, cwd=None, ready=None, timeout_s=120, pinned=True):
        self.name, self.port = name, port
        self.log = os.path.join(folder, f"{name}-{port}.log")
        mine = processors()[0] if pinned else os.sched_getaffinity(0)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, preexec_fn=lambda: os.sched_setaffinity(0, mine))
        deadline = time.monotonic() + timeout_s
        while not (self.answers(ready) if ready else self.accepts()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                with open(self.log, encoding="utf-8", errors="replace") as log:
                    raise measure.Failed(f"{name} does not start: {measure.reason(log.read() or 'no output')}")
            time.sleep(0.05)

    def accepts(self):
        try:
            socket.create_connection((HOST, self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def answers(self, path):
        try:
            return self.ask("GET", path)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def ask(self, method, path, body=None):
        """Status and body of one request."""
        asked = http.client.HTTPConnection(HOST, self.port, timeout=60)
        try:
            asked.request(method, path, body, {"Content-Type": "application/json"})
            answer = asked.getresponse()
            return answer.status, answer.read()
        finally:
            asked.close()

    def cpu(self):
        """Seconds of processor that it and what it has started took so far."""
        ticks = 0
        for pid in tree(self.process.pid):
            try:
                with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                    ticks += sum(map(int, file.read().rsplit(")", 1)[1].split()[11:15]))
            except OSError:
                pass
        return ticks / TICK

    def peak_mib(self):
        total = 0
        for pid in tree(self.process.pid):
            total += int(measure.found(f"/proc/{pid}/status", r"VmHWM:\s*(\d+)") or 0)
        return total / 1024

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


# ---- Servers --------------------------------------------------------------------------------------------------

def asof(program, folder, more=()):
    port = free_port()
    return Server("asof", [program, "-C", folder, "-q", "--threads", "1", "serve", "--listen", f"{HOST}:{port}", *more], port,
                  folder, ready="/readyz", timeout_s=600)


NGINX = """daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log; {user}
events {{ worker_connections 2048; }}
http {{
  access_log off; keepalive_requests 1000000000; sendfile on; tcp_nodelay on; open_file_cache max=16; default_type application/json;
  client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t; uwsgi_temp_path {folder}/t;
  scgi_temp_path {folder}/t;
  server {{ listen {host}:{port} backlog=2048; root {folder}/files; }}
}}
"""


def nginx(folder, body):
    """nginx with one worker, which answers /answer with `body` from a file."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not program:
        raise measure.Failed("nginx is not there: apt-get install nginx-light")
    own = os.path.join(folder, "nginx")
    os.makedirs(os.path.join(own, "files"))
    with open(os.path.join(own, "files", "answer"), "wb") as file:
        file.write(body)
    port = free_port()
    with open(os.path.join(own, "nginx.conf"), "w", encoding="utf-8") as file:
        file.write(NGINX.format(folder=own, host=HOST, port=port, user="user root;" if os.getuid() == 0 else ""))
    return Server("nginx", [program, "-p", own, "-c", os.path.join(own, "nginx.conf"), "-e", os.path.join(own, "nginx.log")], port,
                  folder)


def redis(folder):
    program = shutil.which("redis-server")
    if not program:
        raise measure.Failed("redis-server is not there: apt-get install redis-server")
    port = free_port()
    return Server("redis", [program, "--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no", "--dir", folder,
                            "--hash-max-listpack-value", "1024"], port, folder)


def postgres(folder):
    port, own = free_port(), os.path.join(folder, "postgres")
    os.makedirs(own)
    return Server("postgres", ["sh", os.path.join(measure.ROOT, "tests", "servers", "postgres.sh"), own, str(port)], port, folder)


def feast(folder, store, spec):
    """Feast's server over rows that it has written to its own store (peers/serve_feast.py)."""
    port = free_port()
    own = os.path.join(folder, f"feast-{store}")
    os.makedirs(own)
    return Server(f"feast-{store}", [measure.python("requirements-feast.txt"), os.path.join(measure.PEERS, "serve_feast.py"),
                                     json.dumps({**spec, "folder": own, "store": store, "port": port})], port, folder,
                  ready="/health", timeout_s=600)


def versions(*wanted):
    """What the peers say of themselves; all of them, or those that are wanted."""
    said = {}
    for name, words, pattern in (("nginx", ["/usr/sbin/nginx", "-v"], r"nginx/([\d.]+)"),
                                 ("Redis", ["redis-server", "--version"], r"v=([\d.]+)"),
                                 ("wrk", ["wrk", "--version"], r"wrk (\S+)")):
        if wanted and name not in wanted:
            continue
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            said[name] = measure.re.search(pattern, done.stdout + done.stderr).group(1)
        except (OSError, AttributeError):
            pass
    return said


# ---- Clients --------------------------------------------------------------------------------------------------

def write_requests(path, requests):
    """Whole HTTP requests from (method, path, body), as wrk's script and open_loop read them."""
    with open(path, "wb") as file:
        for method, target, body in requests:
            body = (body or "").encode()
            head = f"{method} {target} HTTP/1.1\r\nHost: {HOST}\r\n"
            if body:
                head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            whole = head.encode() + b"\r\n" + body
            file.write(b"%d\n%s" % (len(whole), whole))


def on_client(command, env=None, timeout_s=600):
    """What a client printed as JSON, run on the client's processor."""
    mine = processors()[1]
    done = subprocess.run(command, env={**os.environ, **(env or {})}, capture_output=True, text=True, timeout=timeout_s,
                          preexec_fn=lambda: os.sched_setaffinity(0, mine), check=False)
    lines = measure.json_lines(done.stdout)
    if done.returncode != 0 or not lines:
        raise measure.Failed(f"{os.path.basename(command[0])}: exit {done.returncode}\n{(done.stderr or done.stdout)[-500:]}")
    return lines[-1]


def measured(server, unit, run):
    """run() said {requests, seconds, ..}: the same with seconds and CPU of the server for `unit` requests. `sent`, if there, is
    how many there were with those that warmed up."""
    before = server.cpu()
    said = run()
    cpu = server.cpu() - before
    if said.pop("failed", 0):
        raise measure.Failed(f"{server.name}: some of {said['requests']} requests failed")
    requests, seconds = said["requests"], said["seconds"]
    cpu_each = cpu / said.pop("sent", requests)
    return {**said, "rate": requests / seconds, "cpu_us": cpu_each * 1e6, "seconds": seconds / requests * unit,
            "cpu": cpu_each * unit, "peak_mib": server.peak_mib()}


def wrk(server, requests, connections, seconds, unit):
    """Closed loop: each connection sends its next request when its last was answered."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", os.path.join(ONLINE, "requests.lua"),
               f"http://{HOST}:{server.port}"]
    return measured(server, unit, lambda: on_client(command, env={"REQUESTS": requests}))


def open_loop(server, requests, rate, seconds, connections, unit):
    """A fixed rate: latency from when each request was due."""
    command = [kernels.built("bench_open_loop"), HOST, str(server.port), f"{rate:.0f}", str(seconds), str(connections), requests]
    return measured(server, unit, lambda: {"seconds": seconds * 0.8, **on_client(command)})


def hmget(server, keys, entities, fields, seconds, unit):
    command = [kernels.built("bench_redis_hmget"), "get", str(server.port), str(keys), str(entities), str(fields), str(seconds)]
    return measured(server, unit, lambda: on_client(command))


def redis_said(server, name):
    """A number of INFO stats."""
    done = subprocess.run(["redis-cli", "-p", str(server.port), "INFO", "stats"], capture_output=True, text=True, check=True)
    return int(measure.re.search(rf"^{name}:(\d+)", done.stdout, measure.re.M).group(1))


def redis_benchmark(server, keys, columns, pipeline, seconds, unit):
    """HMGETs in pipelines on 32 connections, for about so many seconds; one that misses its hash is a failure."""
    command = ["redis-benchmark", "-h", HOST, "-p", str(server.port), "-c", "32", "-P", str(pipeline), "-r", str(keys), "--csv",
               "--precision", "3"]
    asked = ["HMGET", "e:__rand_int__", *columns]
    trial = 20_000 * min(pipeline, 5)
    rate = float(csv_line(command + ["-n", str(trial), *asked])["rps"])

    def run():
        count, missed, began = int(rate * seconds), redis_said(server, "keyspace_misses"), time.monotonic()
        said = csv_line(command + ["-n", str(count), *asked])
        took = {"requests": count, "seconds": count / float(said["rps"]), "failed": redis_said(server, "keyspace_misses") - missed}
        if time.monotonic() - began < took["seconds"]:
            raise measure.Failed("redis-benchmark says that it ran for longer than it did")
        return {**took, **{f"p{part}_us": float(said[f"p{part}_latency_ms"]) * 1000 for part in (50, 95, 99)}}
    return measured(server, unit, run)


def csv_line(command):
    """The one line that redis-benchmark prints below its names, on the client's processor."""
    mine = processors()[1]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600,
                          preexec_fn=lambda: os.sched_setaffinity(0, mine))
    lines = [line for line in done.stdout.splitlines() if line.startswith('"')]
    if done.returncode != 0 or len(lines) != 2:
        raise measure.Failed(f"redis-benchmark: exit {done.returncode}\n{(done.stderr or done.stdout)[-500:]}")
    return dict(zip(*([cell.strip('"') for cell in line.split('","')] for line in lines)))
