#!/usr/bin/env python3
"""Data files to object storage: written through httpfs while they are made, or to a local file that is then sent.

ASOF names the program (default: build/release/asof). MinIO runs on this machine; without it nothing is measured.
"""
import glob
import http.client
import os
import shutil
import signal
import socket
import subprocess
import time

import data
import kernels
import measure
import project

FIGURE = {
    "name": "upload", "title": "Building into a bucket",
    "about": """`asof build` of a plain view of a key, a time and five doubles into a bucket of MinIO on the same machine. *asof*: as
it is, the data file goes through DuckDB's httpfs in parts while it is made. *Local, then sent*: the same build into a directory,
then the data file is sent by asof's own client, in parts as well.""",
    "notes": ["CPU seconds and peaks are those of our side; MinIO takes from the same two cores."],
}
#       short, rows, keys, rounds
CASES = {
    "1M": (True, 1_000_000, 20_000, 3),
    "10M": (False, 10_000_000, 100_000, 3),
    "try": (None, 50_000, 1_000, 1),
}
STREAM, FILE = "asof", "local, then sent"
ABSENT = 77  # of tests/servers


class Server:
    """MinIO, for as long as the block."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "minio")

    def __enter__(self):
        os.makedirs(self.folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        script = os.path.join(measure.ROOT, "tests", "servers", "minio.sh")
        self.process = subprocess.Popen(["sh", script, self.folder, str(self.port)], start_new_session=True,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 180
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise measure.Failed("MinIO does not start" + (": it is not there (scripts/servers.sh)"
                                                               if self.process.returncode == ABSENT else ""))
            time.sleep(0.05)
        return self

    def is_ready(self):
        asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            asked.request("GET", "/minio/health/ready")
            return asked.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            asked.close()

    def lake(self, name):
        return f"s3://lake/{name}?endpoint=http://127.0.0.1:{self.port}"

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def write_project(folder, source, lake):
    spec = {"time": "ts", "views": [data.plain_view(source, max_age_s=None)]}
    project.write(folder, {**project.definitions(spec), "lake": lake})


def new_prefix(server, folder, source, numbers):
    """Each run builds into a prefix that is empty."""
    project.forget(folder)
    write_project(folder, source, server.lake(f"s{next(numbers)}"))


def arms(server, folder, source, threads):
    stream, local = os.path.join(folder, "stream"), os.path.join(folder, "local")
    numbers = iter(range(1000))
    write_project(local, source, "./lake")
    send = "for part in \"$1\"/part-*.parquet; do \"$2\" put \"$3\" \"${part##*/}\" \"$part\" || exit 1; done"
    env = {"AWS_ACCESS_KEY_ID": "testkey", "AWS_SECRET_ACCESS_KEY": "testsecret"}
    return [measure.Arm(STREAM, project.command(stream, threads, "build"), env=env,
                        before=lambda: new_prefix(server, stream, source, numbers)),
            measure.Arm(FILE, project.command(local, threads, "build"),
                        ["sh", "-c", send, "sh", os.path.join(local, "lake", "v"), kernels.built("bench_upload"), server.lake("sent")],
                        env=env, before=lambda: project.forget(local))]


def parts(*place):
    return glob.glob(os.path.join(*place, "part-*.parquet"))


def check(server, folder):
    """What was sent is what was built."""
    built = parts(folder, "local", "lake", "v")
    sent = [part for part in built if os.path.exists(os.path.join(server.folder, "data", "lake", "sent", os.path.basename(part)))]
    streamed = parts(server.folder, "data", "lake", "s0", "v")
    if not built or len(sent) != len(built) or len(streamed) != len(built):
        raise measure.Failed(f"{folder}: of {len(built)} data files {len(sent)} were sent and {len(streamed)} streamed")


def compare(name, options):
    _, rows, keys, _ = CASES[name]
    case = measure.Case(FIGURE, CASES, name, f"{data.short(rows)} rows", options)
    source = data.features(rows, keys)
    with measure.Folder("upload") as folder, Server(folder) as server:
        measure.warm(source)
        case.measure(arms(server, folder, source, options.threads))
        check(server, folder)
        files = parts(folder, "local", "lake", "v")
        case.note(f"{case.head['label']}: data of {sum(map(measure.size_mib, files)):.0f} MiB in files of at most 256 MiB: {len(files)}.")
        shutil.rmtree(server.folder, ignore_errors=True)
    case.head["versions"] = {"asof": project.version()}
    case.head["checked"] = "all data files arrived"
    case.write()


def main():
    options = measure.options(__doc__.splitlines()[0], {name: case[0] for name, case in CASES.items()})
    measure.each(options.cases, lambda name: compare(name, options))


if __name__ == "__main__":
    main()
