"""Every named fault point of what writes a lake or a catalog, failed and killed, in a directory and in a bucket.

Each case starts from a copy of one table of ten commits, so that the next commit is one that a checkpoint follows, and
an overwritten file waits for vacuum. Ordinary runs take a sample of the cases; ASOF_TEST_LONG=1 takes all, and also the
second and third passing of each point.
"""
import hashlib
import os
import re
import shutil
import sys
import time
import unittest

import pyarrow.fs
from deltalake import DeltaTable

import orders
import project
import test_s3
from orders import VIEWS
from project import Project
from steps import answer, build, rows

KEYS = 20
BATCHES = 9
SAMPLE_ONE_OF = 4
WRITERS = re.compile(r"lake/|catalog/|job/(?!join|materialize)")
# By what each point is passed; `file` and `s3` say on which lake only.
POINTS = {
    "build": ["lake.commit.before_sync", "lake.commit.before_put", "lake.commit.after_put", "build.before_write",
              "build.before_file", "build.before_commit", "build.after_commit",
              "lake.checkpoint.before_snapshot", "lake.checkpoint.before_parquet", "lake.checkpoint.before_last",
              "lake.checkpoint.after_last", "catalog.before_write", "catalog.before_commit", "catalog.after_write"],
    "build file": ["blob.put.before_sync", "blob.put.before_link", "blob.put.after_link"],
    "build s3": ["s3.before_send", "s3.after_send"],
    "compact": ["compact.before_write", "compact.before_commit", "compact.after_commit"],
    "vacuum": ["lake.vacuum.before_remove", "lake.vacuum.after_remove"],
    "repair": ["doctor.before_remove", "doctor.after_remove", "doctor.before_last"],
}
# Points that no run of the matrix passes, and the test that fails and kills there.
ELSEWHERE = {
    "s3.upload.before_part": "conformance/test_blob.c",  # only our own client's large uploads pass it
    "build.replace.before_touched": "conformance/test_build_replace.c",  # no source of files passes them
    "build.replace.after_touched": "conformance/test_build_replace.c",
    "push.before_commit": "e2e/test_push.py",  # passed by a server
    "push.after_commit": "e2e/test_push.py",
    "push.before_update": "e2e/test_push.py",
    "apply.registered": "e2e/test_on_demand.py",  # between a definition and its version, which has no commit
    "openlineage.before_put": "e2e/test_lineage.py",  # a file beside the lake
    "openlineage.after_put": "e2e/test_lineage.py",
}
COMMANDS = {"build": ["build", "-q"], "compact": ["compact", "-q"], "repair": ["doctor", "-q", "--repair"],
            "vacuum": ["vacuum", "-q", "--retention", "1s", "--force"]}


def is_long():
    return bool(os.environ.get("ASOF_TEST_LONG"))


def points_of_the_source():
    """Every point in the code that writes."""
    found = set()
    for path in (project.ROOT / "src").rglob("*.c"):
        if WRITERS.match(str(path.relative_to(project.ROOT / "src"))):
            found |= set(re.findall(r'asof_fault_point\(\s*"([^"]+)"', path.read_text(encoding="utf-8")))
    return found


def cases(kind):
    """(command, point, action, passing) of this run, on a lake of this kind; of a sample, those whose hashes are least."""
    found = []
    for key, points in POINTS.items():
        command, _, only = key.partition(" ")
        if only in ("", kind):
            found += [(command, point, action, nth) for point in points for action in ("kill", "fail")
                      for nth in ((1, 2, 3) if is_long() else (1,))]
    if not is_long():
        found.sort(key=lambda case: hashlib.sha256(f"{kind} {case[1]} {case[2]}".encode()).digest())
        found = found[:len(found) // SAMPLE_ONE_OF]
    return found


def add(shop, number, value=None):
    orders.add_batch(shop, number, KEYS, value=value)


class Table(unittest.TestCase):
    """What is the same on every lake."""

    def settings(self):
        return project.SETTINGS

    def options(self):
        return {}

    def place(self, view):
        return str(self.shop.dir / "lake" / view)

    def make_template(self):
        """Nine batches, then the first one again with another value, which overwrites."""
        self.shop = Project(orders.definitions(), self.settings())
        self.addCleanup(self.shop.remove)
        for number in range(BATCHES):
            add(self.shop, number)
            build(self.shop)
        add(self.shop, 0, BATCHES * 1000)
        build(self.shop, "--full")
        self.kept = self.shop.dir.with_name(self.shop.dir.name + "-kept")
        shutil.copytree(self.shop.dir, self.kept)
        self.addCleanup(shutil.rmtree, self.kept, ignore_errors=True)

    def put_back(self):
        shutil.rmtree(self.shop.dir)
        shutil.copytree(self.kept, self.shop.dir)

    # ---- what is there ----

    def table(self, view, version=None):
        return DeltaTable(self.place(view), version=version, storage_options=self.options())

    def batches(self, view, version=None):
        """How many batches the table has; each is there whole and once."""
        table = self.table(view, version).to_pyarrow_table()
        self.assertEqual(table.num_rows % KEYS, 0, "a part of a batch")
        pairs = set(zip(table.column("id").to_pylist(), table.column("event_time").to_pylist()))
        self.assertEqual(len(pairs), table.num_rows, "a row is doubled")
        return table.num_rows // KEYS

    def as_asof_sees(self):
        """The batches of both views, whole and once."""
        found = rows(self.shop, "select (select count(*) from last), (select count(distinct (id, event_time)) from last), "
                                "(select count(distinct batch) from last), (select sum(_count) from spending__tiles), "
                                "(select max(_count) from spending__tiles)")[0]
        self.assertEqual((found[0], found[4]), (found[1], 1), "a row is doubled")
        self.assertEqual((found[0] % KEYS, found[3] % KEYS, found[0] // KEYS), (0, 0, found[2]), "a part of a batch")
        return found[0] // KEYS, found[3] // KEYS

    def old_or_new(self, allowed):
        for view, seen in zip(VIEWS, self.as_asof_sees()):
            self.assertIn(seen, allowed)
            self.assertEqual(self.batches(view), seen, "asof and others differ")

    def is_whole(self, count, made):
        """Everything once, older versions too, nothing left to do, nothing for doctor."""
        self.old_or_new((count,))
        self.assertEqual({view["mode"] for view in build(self.shop).values()}, {"none"})
        for view in VIEWS:
            history = [item["version"] for item in answer(self.shop, "list", "versions")["versions"] if item["view"] == view]
            self.assertEqual(len(history), len(set(history)))
            self.assertEqual(len(history), BATCHES + 1 + made)
        if has_doctor():
            self.assertEqual(self.shop.run("doctor").returncode, 0, self.shop.run("doctor").stdout)

    # ---- one case ----

    def crash(self, command, point, action, nth):
        """Was it passed as often?"""
        result = self.shop.run(*COMMANDS[command], env=project.environment(ASOF_FAULT=f"{point}:{nth}={action}"))
        if action == "kill":
            self.assertIn(result.returncode, (0, -9), result.stderr)
            return result.returncode == -9
        self.assertIn(result.returncode, (0, 1), result.stderr or result.stdout)
        if result.returncode == 1:
            self.assertIn(point, result.stderr)
        return True

    def build_case(self, *how):
        add(self.shop, BATCHES)
        is_passed = self.crash("build", *how)
        self.old_or_new((BATCHES, BATCHES + 1))
        for view in VIEWS:
            self.assertEqual(self.batches(view, 4), 5, "an older version changed")
        build(self.shop)
        self.is_whole(BATCHES + 1, 1)
        return is_passed

    def compact_case(self, *how):
        """Two files become one, and no row changes."""
        add(self.shop, BATCHES)
        build(self.shop)
        is_passed = self.crash("compact", *how)
        self.old_or_new((BATCHES + 1,))
        self.shop.done(*COMMANDS["compact"])
        for view in VIEWS:
            self.assertEqual(len(self.table(view).file_uris()), 1, "files were left apart")
        self.is_whole(BATCHES + 1, 1)
        return is_passed

    def repair_case(self, *how):
        """A snapshot, and the file that names the newest checkpoint, are damaged."""
        add(self.shop, BATCHES)
        build(self.shop)
        for view in VIEWS:
            self.damage(f"{view}/_delta_log/{BATCHES + 1:020}.asof.json")
            self.damage(f"{view}/_delta_log/_last_checkpoint")
        is_passed = self.crash("repair", *how)
        self.assertEqual(self.as_asof_sees(), (BATCHES + 1,) * 2)
        self.shop.done(*COMMANDS["repair"])
        self.is_whole(BATCHES + 1, 1)
        return is_passed

    def damage(self, name):
        path = self.shop.dir / "lake" / name
        self.assertTrue(path.exists(), name)
        path.write_bytes(b"{damaged")

    def vacuum_case(self, *how):
        """As soon as what there is to remove is old enough."""
        deadline = time.monotonic() + project.DEADLINE_S
        while not all(view["data_files"] for view in answer(self.shop, *COMMANDS["vacuum"], "--dry-run")["views"]):
            self.assertLess(time.monotonic(), deadline, "vacuum finds nothing to remove")
            test_s3.pause()
        is_passed = self.crash("vacuum", *how)
        self.old_or_new((BATCHES,))
        self.shop.done(*COMMANDS["vacuum"])
        for view in VIEWS:
            left = {uri.rsplit("/", 1)[1] for uri in self.table(view).file_uris()}
            self.assertEqual(self.data_files(view), left, "vacuum left something")
        self.is_whole(BATCHES, 0)
        return is_passed

    def data_files(self, view):
        return {path.name for path in (self.shop.dir / "lake" / view).glob("*.parquet")}

    def run_matrix(self, kind):
        chosen, missed = list(cases(kind)), []
        self.make_template()
        for command, point, action, nth in chosen:
            with self.subTest(f"{command}: {point}:{nth}={action}"):
                self.put_back()
                is_passed = getattr(self, f"{command}_case")(point, action, nth)
                if nth == 1 and not is_passed:
                    missed.append(point)
        self.assertEqual(missed, [], "never passed: another command must pass them")
        print(f"\ncrash matrix, {kind}: {len(chosen)} cases", file=sys.stderr)


def has_doctor():
    return project.run("doctor", "--help").returncode == 0


class InADirectory(Table):
    def test_after_each_death_readers_see_the_old_or_the_new_and_the_next_run_completes(self):
        self.run_matrix("file")


class InABucket(Table):
    @classmethod
    def setUpClass(cls):
        cls.server = test_s3.Server()
        cls.addClassCleanup(cls.server.stop)
        if not cls.server.is_there():
            print("\nSKIPPED: no MinIO on this machine (scripts/servers.sh): no crash in a bucket was tested", file=sys.stderr)
            raise unittest.SkipTest("no MinIO")
        os.environ.update(AWS_ACCESS_KEY_ID="testkey", AWS_SECRET_ACCESS_KEY=test_s3.SECRET)
        cls.endpoint = f"127.0.0.1:{cls.server.port}"
        cls.bucket = pyarrow.fs.S3FileSystem(access_key="testkey", secret_key=test_s3.SECRET, scheme="http", region="us-east-1",
                                             endpoint_override=cls.endpoint, request_timeout=60, connect_timeout=60)

    prefix = "template"

    def settings(self):
        return project.SETTINGS.replace("./lake", f"s3://lake/{self.prefix}?endpoint=http://{self.endpoint}")

    def options(self):
        return {"AWS_ENDPOINT_URL": f"http://{self.endpoint}", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "testkey", "AWS_SECRET_ACCESS_KEY": test_s3.SECRET}

    def place(self, view):
        return f"s3://lake/{self.prefix}/{view}"

    def put_back(self):
        """A copy of the template below a prefix of its own; the definitions stay as they were."""
        super().put_back()
        old, self.prefix = self.prefix, f"c{int(self.prefix[1:]) + 1 if self.prefix != 'template' else 0}"
        if old != "template":
            self.bucket.delete_dir(f"lake/{old}")
        pyarrow.fs.copy_files("lake/template", f"lake/{self.prefix}", source_filesystem=self.bucket, destination_filesystem=self.bucket)
        self.shop.write("asof.yaml", self.settings())

    def data_files(self, view):
        found = self.bucket.get_file_info(pyarrow.fs.FileSelector(f"lake/{self.prefix}/{view}"))
        return {info.base_name for info in found if info.base_name.endswith(".parquet")}

    def damage(self, name):
        path = f"lake/{self.prefix}/{name}"
        self.assertEqual(self.bucket.get_file_info(path).type, pyarrow.fs.FileType.File, name)
        with self.bucket.open_output_stream(path) as out:
            out.write(b"{damaged")

    def test_after_each_death_readers_see_the_old_or_the_new_and_the_next_run_completes(self):
        self.run_matrix("s3")


class Completeness(unittest.TestCase):
    def test_every_point_of_the_code_that_writes_is_in_the_matrix(self):
        listed = {point for points in POINTS.values() for point in points} | set(ELSEWHERE)
        self.assertEqual(points_of_the_source() - listed, set(), "no test dies there: put them into POINTS")
        self.assertEqual(listed - points_of_the_source(), set(), "they are in no source any more")

    def test_what_dies_elsewhere_does_so_in_the_test_that_is_named(self):
        for point, path in ELSEWHERE.items():
            self.assertIn(f'"{point}"', (project.ROOT / "tests" / path).read_text(encoding="utf-8"), path)


if __name__ == "__main__":
    unittest.main()
