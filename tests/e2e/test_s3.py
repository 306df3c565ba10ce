"""Lakes and sources in a bucket of a real server: the same as in directories, whatever the server, the network or we die of."""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import pyarrow.csv
import pyarrow.fs
from deltalake import DeltaTable

import project
from project import Project
from real_servers import ATTACHED
from steps import answer, build, refused, rows, versions

SECRET = "testsecret"
ABSENT = 77  # what a script of tests/servers exits with where the server cannot be had
KILLED_AT = ["lake.commit.before_sync", "lake.commit.before_put", "lake.commit.after_put", "build.before_commit", "build.after_commit"]


class Server:
    """MinIO on a port of its own."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="asof-minio-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    def start(self):
        script = project.ROOT / "tests" / "servers" / "minio.sh"
        self.process = subprocess.Popen([*ATTACHED, "sh", script, self.dir, str(self.port)], start_new_session=True,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def is_there(self):
        """Once it answers; False only where there is none on this machine."""
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as asked:
                    asked.request("GET", "/minio/health/ready")
                    if asked.getresponse().status == 200:
                        return True
            pause()
        if self.process.poll() == ABSENT:
            return False
        self.stop()
        raise AssertionError("MinIO is here and does not start")

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


def pause():
    threading.Event().wait(0.05)


class Proxy(socketserver.ThreadingTCPServer):
    """Before the server: the first `count` requests that `chooses` takes are answered by `fault` instead."""
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port, chooses, fault, count):
        super().__init__(("127.0.0.1", 0), Relay)
        self.behind, self.chooses, self.fault, self.left = port, chooses, fault, count
        self.lock, self.faults, self.passed = threading.Lock(), 0, 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def is_faulty(self, head):
        with self.lock:
            self.passed += 1
            faulty = self.left > 0 and self.chooses(head)
            self.left -= faulty
            self.faults += faulty
            return faulty

    def handle_error(self, *_):
        pass  # connections that are cut are what it is for


class Relay(socketserver.BaseRequestHandler):
    """One request per connection: read, perhaps answered wrongly, else passed on and its answer passed back."""

    def handle(self):
        head, body = self.read_request()
        if not head:
            return
        fault = self.server.fault if self.server.is_faulty(head.decode("latin-1")) else None
        if fault == "503":
            said = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate</Message></Error>"
            self.request.sendall(b"HTTP/1.1 503 Slow Down\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
            return
        lines = head.split(b"\r\n")
        lines = [line for line in lines if not line.lower().startswith((b"connection:", b"expect:"))]
        with socket.create_connection(("127.0.0.1", self.server.behind)) as server:
            server.sendall(b"\r\n".join(lines[:1] + [b"Connection: close"] + lines[1:]) + b"\r\n\r\n" + body)
            reply = b""
            while more := server.recv(1 << 16):
                reply += more
        if fault == "cut":
            reply = reply[:reply.index(b"\r\n\r\n") + 4 + (len(reply) - reply.index(b"\r\n\r\n") - 4) // 2]
        if fault != "lost":
            self.request.sendall(reply)

    def read_request(self):
        """Its head, and its body as it came."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.request.recv(1 << 16)
            if not more:
                return None, None
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
        if b"100-continue" in fields.get(b"expect", b""):
            self.request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(body) < int(fields.get(b"content-length", b"0")):
            body += self.request.recv(1 << 16)
        return head, body


SERVER = None


def setUpModule():
    global SERVER
    SERVER = Server()
    if not SERVER.is_there():
        SERVER.stop()
        print("\nSKIPPED: no MinIO on this machine (scripts/servers.sh): nothing in a bucket was tested", file=sys.stderr)
        raise unittest.SkipTest("no MinIO")


def tearDownModule():
    SERVER.stop()


class Case(unittest.TestCase):
    numbers = iter(range(1000))

    def setUp(self):
        self.prefix = f"t{next(self.numbers)}"
        self.shop = self.make(SERVER.port)
        self.bucket = pyarrow.fs.S3FileSystem(access_key="testkey", secret_key=SECRET, scheme="http", region="us-east-1",
                                              endpoint_override=f"127.0.0.1:{SERVER.port}", request_timeout=60, connect_timeout=60)
        self.add(0)

    def make(self, port):
        """A project whose lake and source are in the bucket, by way of `port`."""
        endpoint = f"http://127.0.0.1:{port}"
        os.environ.update(AWS_ACCESS_KEY_ID="testkey", AWS_SECRET_ACCESS_KEY=SECRET)
        os.environ.pop("AWS_ENDPOINT_URL", None)
        settings = project.SETTINGS.replace("./lake", f"s3://lake/{self.prefix}/lake?endpoint={endpoint}")
        definitions = project.DEFINITIONS.replace("data/orders.csv", f"s3://lake/{self.prefix}/raw/**/*.csv")
        shop = Project(definitions, settings)
        self.addCleanup(shop.remove)
        return shop

    def add(self, number):
        """One more file of orders, in the bucket and, for comparison, in the directory."""
        text = project.ORDERS.replace("2024-01", f"2024-{number + 1:02}")
        self.shop.write(f"data/raw/{number}/orders.csv", text)
        with self.bucket.open_output_stream(f"lake/{self.prefix}/raw/{number}/o [x]+%.csv") as out:
            out.write(text.encode())

    def holds(self, files):
        """All that is in `files` files, once; and nothing is left to do."""
        self.assertEqual(rows(self.shop, "select count(*), count(distinct (id, event_time)) from last"), [(4 * files,) * 2])
        self.assertEqual(rows(self.shop, "select sum(_count) from spending__tiles"), [(4 * files,)])
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"none"})

    def published(self, view):
        return [int(version.split(".")[2]) for version in versions(self.shop, view)]


class WholePath(Case):
    def do_all(self, shop):
        """What each command answers, without what differs by place and time."""
        built = build(shop)
        answers = [[(view["rows_total"], view["version"]) for view in built.values()]]
        answers += [rows(shop, "select id, event_time, price, note from last order by all"),
                    rows(shop, "select id, _count from spending__tiles order by all")]
        shop.done("join", "--spine", "spine.csv", "--service", "model", "--out", "out.csv")
        answers.append(pyarrow.csv.read_csv(shop.dir / "out.csv").to_pylist())
        shop.done("materialize", "-q")
        answers += [answer(shop, "get", view, f"id={entity}")["features"] for view in ("last", "spending") for entity in "123"]
        answers.append(versions(shop, "last"))
        return answers

    def test_it_equals_that_of_a_local_lake(self):
        definitions = project.DEFINITIONS.replace("data/orders.csv", "data/raw/**/*.csv")
        with Project(definitions) as local:
            for number in (0, 1):
                if number:
                    self.add(number)
                shutil.copytree(self.shop.dir / "data", local.dir / "data", dirs_exist_ok=True)
                there, here = self.do_all(self.shop), self.do_all(local)
                self.assertEqual(there, here)
        self.assertFalse((self.shop.dir / "lake").exists())
        self.holds(2)

    def test_a_source_that_matches_nothing_is_a_mistake_at_its_line(self):
        self.shop.write("features/shop.yaml", project.DEFINITIONS.replace("data/orders.csv", "s3://lake/nothing/*.csv"))
        said = refused(self, 2, self.shop, "build")
        self.assertIn("path 's3://lake/nothing/*.csv' matches no file", said)
        self.assertIn("features/shop.yaml:", said)

    def test_a_bucket_that_is_not_there_is_named(self):
        self.shop.write("features/shop.yaml", project.DEFINITIONS.replace("data/orders.csv", "s3://other/x.csv"))
        env = project.environment(AWS_ENDPOINT_URL=f"http://127.0.0.1:{SERVER.port}")
        self.assertIn("no bucket 'other'", refused(self, 2, self.shop, "build", env=env))


class Crashes(Case):
    def test_killed_at_each_point_the_next_build_completes(self):
        for number, point in enumerate(KILLED_AT):
            with self.subTest(point):
                self.add(number)
                result = self.shop.run("build", "-q", env=project.environment(ASOF_FAULT=f"{point}=kill"))
                self.assertEqual(result.returncode, -signal.SIGKILL, result.stderr)
                build(self.shop)
                self.holds(number + 1)
                for view in ("last", "spending"):
                    self.assertEqual(self.published(view), list(range(number + 1)))

    def test_an_answer_that_is_lost_is_no_second_commit(self):
        """Of any request; the one that commits has a test of its own."""
        for files, nth in enumerate(range(1, 14, 3), 1):
            self.add(files)
            result = self.shop.run("build", "-q", env=project.environment(ASOF_FAULT=f"s3.after_send:{nth}=fail"))
            self.assertEqual((result.returncode, result.stderr), (0, ""), nth)
            self.assertEqual(self.published("last"), list(range(files)))
        self.holds(6)

    def test_two_builders_at_once_publish_every_row_once(self):
        build(self.shop, "-q")
        for number in (1, 2, 3):
            self.add(number)
            both = [subprocess.Popen([project.BIN, "build", "-q"], cwd=self.shop.dir, env=project.environment(),
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in "ab"]
            said = [one.communicate(timeout=project.DEADLINE_S)[1] for one in both]
            self.assertIn(0, [one.returncode for one in both], said)
            build(self.shop)
            self.holds(number + 1)


class Doctor(Case):
    """The same as in a directory."""

    def doctor(self, *args):
        result = self.shop.run("--json", "doctor", *args)
        self.assertIn(result.returncode, (0, 3), result.stderr)
        return result.returncode, {(item["what"], item["where"]): item["repaired"] for item in json.loads(result.stdout)["findings"]}

    def test_what_is_wrong_in_a_bucket_is_found_and_repaired(self):
        for number in range(11):
            self.add(number)
            build(self.shop, "last")
        self.assertEqual(self.doctor(), (0, {}))
        checkpoint = f"last/_delta_log/{10:020}.checkpoint.parquet"
        with self.bucket.open_output_stream(f"lake/{self.prefix}/lake/{checkpoint}") as out:
            out.write(b"no checkpoint")
        self.assertEqual(self.doctor(), (3, {("damaged checkpoint", checkpoint): False}))
        self.assertEqual(self.doctor("--repair"), (0, {("damaged checkpoint", checkpoint): True}))
        self.assertEqual(self.doctor(), (0, {}))
        with self.bucket.open_input_stream(f"lake/{self.prefix}/lake/last/_delta_log/{10:020}.json") as log:
            part = next(json.loads(line)["add"]["path"] for line in log.read().decode().splitlines() if '"add"' in line)
        self.bucket.delete_file(f"lake/{self.prefix}/lake/last/{part}")
        self.assertEqual(self.doctor("--repair"), (3, {("missing file", f"last/{part}"): False,
                                                       ("current version cannot be read", "last@1.0.10"): True}))
        self.assertEqual(answer(self.shop, "show", "last")["version"], "1.0.9")


class Bucket(Case):
    """What of a table lies in the bucket, and how others read it."""

    def names(self, view, below=""):
        found = self.bucket.get_file_info(pyarrow.fs.FileSelector(f"lake/{self.prefix}/lake/{view}{below}"))
        return {info.base_name for info in found if info.type == pyarrow.fs.FileType.File}

    def parts(self, view):
        return {name for name in self.names(view) if name.endswith(".parquet")}

    def others(self, view, version=None):
        options = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{SERVER.port}", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
                   "AWS_ACCESS_KEY_ID": "testkey", "AWS_SECRET_ACCESS_KEY": SECRET}
        return DeltaTable(f"s3://lake/{self.prefix}/lake/{view}", version=version, storage_options=options)

    def vacuum(self, *args):
        return {view["view"]: view for view in answer(self.shop, "vacuum", "--retention", "1s", "--force", *args)["views"]}

    def would_remove(self, view, count):
        """As soon as what is not needed is a second old."""
        deadline = time.monotonic() + project.DEADLINE_S
        while (would := self.vacuum("--dry-run"))[view]["data_files"] < count:
            self.assertLess(time.monotonic(), deadline, "vacuum finds nothing to remove")
            pause()
        return would[view]["removed"]


class Upkeep(Bucket):
    """Checkpoints and vacuum, which list, read and remove."""

    def test_a_checkpoint_is_written_and_read_without_the_log_before_it(self):
        for number in range(11):
            self.add(number)
            build(self.shop)
        for view in ("last", "spending"):
            log = self.names(view, "/_delta_log")
            self.assertLessEqual({f"{10:020}.checkpoint.parquet", f"{10:020}.asof.json", "_last_checkpoint"}, log)
            for version in range(10):
                self.bucket.delete_file(f"lake/{self.prefix}/lake/{view}/_delta_log/{version:020}.json")
            self.assertEqual(self.others(view).to_pyarrow_table().num_rows, 44)
        self.holds(11)
        for view in ("last", "spending"):
            self.bucket.delete_file(f"lake/{self.prefix}/lake/{view}/_delta_log/{10:020}.asof.json")
        self.holds(11)

    def test_vacuum_removes_what_no_version_needs_and_nothing_else(self):
        build(self.shop)
        old = {view: self.parts(view) for view in ("last", "spending")}
        build(self.shop, "--full")
        both = {view: self.parts(view) for view in old}
        self.assertEqual({view: len(parts) for view, parts in both.items()}, {"last": 2, "spending": 2})
        for view in old:
            self.assertEqual({name.rsplit("/", 1)[1] for name in self.would_remove(view, 1)}, old[view])
        self.assertEqual({view: self.parts(view) for view in old}, both, "a dry run removed something")
        done = self.vacuum()
        self.assertEqual({view: done[view]["kept_from"] for view in old}, dict.fromkeys(old, "1.0.1"))
        for view in old:
            self.assertEqual(self.parts(view), both[view] - old[view])
            self.assertEqual(self.others(view).to_pyarrow_table().num_rows, 4)
        said = refused(self, 2, self.shop, "join", "--spine", "spine.csv", "--features", "last@1.0.0.price", "--out", "gone.parquet")
        self.assertIn("version 1.0.0 was vacuumed", said)
        self.holds(1)


class Arranged(Bucket):
    """Compaction and partitions, whose names have a `=`."""

    def setUp(self):
        super().setUp()
        text = (self.shop.dir / "features/shop.yaml").read_text(encoding="utf-8")
        self.shop.write("features/shop.yaml", text.replace("  last:\n    entity: customer\n    source: orders\n",
                                                           "  last:\n    entity: customer\n    source: orders\n    partition: [month(event_time), id]\n"))
        for number in (1, 2):
            build(self.shop)
            self.add(number)
        build(self.shop)

    def parts(self, view):
        selector = pyarrow.fs.FileSelector(f"lake/{self.prefix}/lake/{view}", recursive=True)
        return sorted(info.path.split(f"/{view}/", 1)[1] for info in self.bucket.get_file_info(selector) if info.path.endswith(".parquet"))

    def read(self, view):
        table = self.others(view).to_pyarrow_table()
        return table.sort_by([(name, "ascending") for name in ("id", "event_time", "created_time")]).to_pylist()

    def test_partitions_are_directories_of_the_bucket(self):
        self.assertEqual({part.rpartition("/")[0] for part in self.parts("last")},
                         {f"event_month=2024-{month:02}/id={key}" for month in (1, 2, 3) for key in (1, 2)})
        self.assertEqual({(row["_event_month"], row["_by_id"]) for row in self.read("last")},
                         {(f"2024-{month:02}", key) for month in (1, 2, 3) for key in ("1", "2")})
        self.holds(3)

    def add_more(self, second):
        """January's orders again, some seconds later."""
        with self.bucket.open_output_stream(f"lake/{self.prefix}/raw/more-{second}/orders.csv") as out:
            out.write(project.ORDERS.replace(":00,", f":{second:02},").encode())
        build(self.shop)

    def test_compaction_in_a_bucket_keeps_rows_versions_and_partitions(self):
        self.add_more(7)
        before, numbers = {view: self.read(view) for view in ("last", "spending")}, {view: self.published(view) for view in ("last", "spending")}
        done = {view["view"]: view for view in answer(self.shop, "compact")["views"]}
        self.assertEqual([done["spending"][key] for key in ("files_before", "files_after", "files_merged")], [4, 1, 4])
        self.assertEqual([done["last"][key] for key in ("files_before", "files_after", "files_merged")], [8, 6, 4])
        self.assertEqual({view: self.read(view) for view in before}, before)
        self.assertEqual({view: self.published(view) for view in before}, numbers)
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"none"})
        self.would_remove("last", 4)
        self.vacuum()
        self.assertEqual((len(self.parts("spending")), len(self.parts("last"))), (1, 6))
        self.assertEqual({view: self.read(view) for view in before}, before)

    def test_folding_in_a_bucket_keeps_what_joins_give_and_is_a_version(self):
        """What was created before the retention: every second of January's orders again becomes one row, and one tile."""
        text = (self.shop.dir / "features/shop.yaml").read_text(encoding="utf-8")
        text = text.replace("event_time: ordered_at", "event_time: ordered_at, created_time: \"ordered_at + interval 1 hour\"")
        for view in ("spending", "last"):
            text = text.replace(f"  {view}:\n", f"  {view}:\n    known_at_retention: 90d\n", 1)
        self.shop.write("features/shop.yaml", text)
        self.shop.done("apply", "-q", "--yes")
        build(self.shop)
        with self.bucket.open_output_stream(f"lake/{self.prefix}/raw/again/orders.csv") as out:
            out.write(project.ORDERS.replace("10.5", "11.5").encode())
        build(self.shop)
        before, stored, numbers = self.folded()
        done = {view["view"]: view for view in answer(self.shop, "compact")["views"]}
        after, folded, patches = self.folded()
        self.assertEqual(after, before)
        self.assertEqual({view: stored[view] - folded[view] for view in stored}, {view: done[view]["rows_folded"] for view in stored})
        for view in stored:
            self.assertGreater(done[view]["rows_folded"], 0, view)
            self.assertEqual(patches[view], numbers[view] + [numbers[view][-1] + 1], view)
        self.assertEqual({part.rpartition("/")[0] for part in self.parts("last")},
                         {f"event_month=2024-{month:02}/id={key}" for month in (1, 2, 3) for key in (1, 2)})
        said = refused(self, 2, self.shop, "join", "--spine", "spine.csv", "--service", "model", "--out", "gone.csv", "--known-at", "2024-01-01T12:00:00Z")
        self.assertIn("rows created before were folded by `asof compact` (known_at_retention)", said)
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"none"})

    def folded(self):
        """The training set, how many rows are stored, and the numbers of versions."""
        self.shop.done("join", "--spine", "spine.csv", "--service", "model", "--out", "out.csv")
        views = ("last", "spending")
        return ((self.shop.dir / "out.csv").read_bytes(), {view: len(self.read(view)) for view in views}, {view: self.published(view) for view in views})

    def test_a_compaction_killed_at_its_commit_is_ended_by_the_next(self):
        for number, point in enumerate(("compact.before_commit", "lake.commit.after_put", "compact.after_commit")):
            with self.subTest(point):
                self.add_more(10 + number)
                before, numbers = self.read("last"), self.published("last")
                result = self.shop.run("compact", "-q", "last", env=project.environment(ASOF_FAULT=f"{point}=kill"))
                self.assertEqual(result.returncode, -signal.SIGKILL, result.stderr)
                self.assertEqual(self.read("last"), before)
                done = answer(self.shop, "compact", "last")["views"][0]
                self.assertEqual((done["files_after"], self.published("last")), (6, numbers))
                self.assertEqual(self.read("last"), before)


class Faults(Case):
    def through(self, chooses, fault, count):
        """A build by way of a proxy that goes wrong; what came of it, and the proxy."""
        with Proxy(SERVER.port, chooses, fault, count) as proxy:
            self.shop = self.make(proxy.server_address[1])
            result = self.shop.run("build", "-q")
        self.assertGreater(proxy.faults, 0, "nothing went wrong: nothing was tested")
        return result

    def succeeds(self, *how):
        result = self.through(*how)
        self.assertEqual((result.returncode, result.stderr), (0, ""), how)
        self.shop.write("asof.yaml", self.make(SERVER.port).dir.joinpath("asof.yaml").read_text(encoding="utf-8"))
        self.holds(1)

    def test_throttling_is_waited_out(self):
        self.succeeds(lambda head: True, "503", 3)

    def test_throttled_data_files_are_waited_out(self):
        self.succeeds(lambda head: ".parquet" in head, "503", 3)

    def test_an_answer_that_is_cut_is_asked_for_again(self):
        self.succeeds(lambda head: head.startswith("GET") and ("list-type" in head or ".json" in head), "cut", 2)

    def test_a_lost_answer_to_the_commit_is_no_error(self):
        self.succeeds(lambda head: head.startswith("PUT") and ".json" in head, "lost", 2)

    def test_throttling_without_end_is_one_clear_error(self):
        began = time.monotonic()
        result = self.through(lambda head: True, "503", 10_000)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("object store answers 503 SlowDown", result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertLess(time.monotonic() - began, 30)

    def test_a_wrong_secret_is_told_at_once_and_not_shown(self):
        env = project.environment(AWS_SECRET_ACCESS_KEY="wrong-but-hush", ASOF_LOG="debug")
        with Proxy(SERVER.port, lambda head: False, None, 0) as proxy:
            self.shop = self.make(proxy.server_address[1])
            said = refused(self, 2, self.shop, "build", env=env)
        self.assertIn("access to bucket 'lake' denied: SignatureDoesNotMatch", said)
        self.assertEqual(proxy.passed, 1, "what is refused was asked again")
        self.assertEqual(said.count("\n"), 1, said)
        self.assertNotIn("wrong-but-hush", said)

    def test_the_secret_is_shown_nowhere(self):
        build(self.shop)
        shown = [self.shop.done("--json", "sql", f"select * from {of}()") for of in ("duckdb_secrets", "duckdb_settings")]
        process = subprocess.Popen([project.BIN, "sql", "select sum(hash(i)) from range(2000000000) t(i)"], cwd=self.shop.dir,
                                   env=project.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            shown.append(pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes().decode())
        finally:
            process.kill()
            process.wait()
        failed = self.shop.run("sql", "set allow_unredacted_secrets = true; select * from duckdb_secrets(redact := false)")
        shown += [failed.stdout, failed.stderr]
        for text in shown:
            self.assertFalse(SECRET in text, text[:200])
        for path in self.shop.dir.rglob("*"):
            self.assertNotIn(SECRET.encode(), path.read_bytes() if path.is_file() else b"", path)

    def test_no_credentials_are_asked_for(self):
        env = {name: value for name, value in project.environment().items() if not name.startswith("AWS_")}
        self.assertIn("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", refused(self, 2, self.shop, "build", env=env))


class Restarts(Case):
    def test_a_server_that_dies_during_a_build_is_waited_for_or_told(self):
        for point in range(2):
            self.add(point + 1)
            seen = threading.Event()

            def dies(head):
                if "PUT" in head and not seen.is_set():
                    SERVER.kill()
                    seen.set()
                return False

            with Proxy(SERVER.port, dies, None, 1) as proxy:
                shop = self.shop
                shop.write("asof.yaml", self.make(proxy.server_address[1]).dir.joinpath("asof.yaml").read_text(encoding="utf-8"))
                process = subprocess.Popen([project.BIN, "build", "-q"], cwd=shop.dir, env=project.environment(),
                                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                self.assertTrue(seen.wait(project.DEADLINE_S))
                if point:
                    SERVER.start()
                    self.assertTrue(SERVER.is_there())
                said = process.communicate(timeout=project.DEADLINE_S)[1]
            if not point:
                self.assertEqual((process.returncode, said.count("\n")), (1, 1), said)
                SERVER.start()
                self.assertTrue(SERVER.is_there())
            else:
                self.assertIn(process.returncode, (0, 1), said)
            shop.write("asof.yaml", self.make(SERVER.port).dir.joinpath("asof.yaml").read_text(encoding="utf-8"))
            build(shop)
            self.holds(point + 2)


if __name__ == "__main__":
    unittest.main()
