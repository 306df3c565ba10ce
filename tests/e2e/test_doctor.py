"""`doctor`: each thing damaged on purpose is found, told with its place and remedy, repaired where nothing is lost, and gone."""
import json
import re
import shutil
import sqlite3
import sys
import unittest

import project
import test_concurrency
from project import ORDERS, Project
from steps import answer, build, rows, versions

LOG = "lake/last/_delta_log"


class Doctor(unittest.TestCase):
    def setUp(self):
        self.shop = Project(project.DEFINITIONS.replace("data/orders.csv", "data/*.csv"))
        self.addCleanup(self.shop.remove)
        build(self.shop)

    def overwrite(self, price):
        self.shop.write("data/orders.csv", ORDERS.replace("10.5", str(price)))
        build(self.shop)

    def append(self, count):
        for i in range(count):
            self.shop.write(f"data/more-{i:02}.csv", f"id,ordered_at,amount,note\n7,2024-02-01 10:{i:02}:00,{i},x\n")
            build(self.shop)

    def path(self, name):
        return self.shop.dir / name

    def catalog(self, statement, *values):
        with sqlite3.connect(self.path("catalog.db")) as db:
            return db.execute(statement, values).fetchall()

    def doctor(self, *args):
        """The exit status, and what was found: {(what, where): finding}."""
        result = self.shop.run("--json", "doctor", *args)
        self.assertIn(result.returncode, (0, 3), result.stderr)
        told = json.loads(result.stdout)
        self.assertEqual(told["found"], len(told["findings"]))
        self.assertEqual(told["repaired"], sum(item["repaired"] for item in told["findings"]))
        self.assertEqual(result.returncode == 0, told["found"] == told["repaired"])
        for item in told["findings"] + told["notes"]:
            for name in ("what", "where", "detail", "remedy"):
                self.assertTrue(item[name], item)
        return result.returncode, {(item["what"], item["where"]): item for item in told["findings"]}, told["notes"]

    def found(self, *args):
        return set(self.doctor(*args)[1])

    def repaired(self, *what):
        """Found, repaired, gone, and every view reads."""
        self.assertEqual(self.found(), set(what))
        status, findings, _ = self.doctor("--repair")
        self.assertEqual((status, set(findings)), (0, set(what)))
        self.assertTrue(all(item["repaired"] for item in findings.values()))
        self.assertEqual(self.doctor()[:2], (0, {}))
        self.assertTrue(rows(self.shop, "select count(*) from last"))

    def test_nothing_is_wrong_after_work_of_every_kind(self):
        self.shop.done("materialize")
        self.shop.done("join", "--spine", "spine.csv", "--service", "model", "--out", "train.parquet")
        self.append(11)
        self.overwrite(11.5)
        self.shop.done("rollback", "last@1.0.0")
        self.shop.done("vacuum")
        self.assertEqual(self.doctor(), (0, {}, []))
        self.assertEqual(self.shop.done("doctor"), "nothing is wrong\n")

    def test_nothing_is_wrong_without_a_catalog_and_with_a_broken_definition_in_the_files(self):
        self.shop.write("asof.yaml", project.SETTINGS.replace("sqlite:./catalog.db", "memory"))
        self.assertEqual(self.doctor(), (0, {}, []))
        self.path("data/orders.csv").unlink()
        self.assertEqual(self.doctor(), (0, {}, []))

    def test_a_missing_and_a_damaged_data_file_are_named(self):
        self.overwrite(11.5)
        part = json.loads([line for line in self.path(f"{LOG}/{1:020}.json").read_text().splitlines() if '"add"' in line][0])["add"]["path"]
        whole = self.path(f"lake/last/{part}").read_bytes()
        self.path(f"lake/last/{part}").write_bytes(whole[:-1])
        status, findings, _ = self.doctor()
        self.assertEqual((status, set(findings)), (3, {("wrong size", f"last/{part}"), ("current version cannot be read", "last@1.0.1")}))
        self.assertIn(f"with {len(whole)} bytes, it has {len(whole) - 1}", findings["wrong size", f"last/{part}"]["detail"])
        self.path(f"lake/last/{part}").unlink()
        self.assertEqual(self.found(), {("missing file", f"last/{part}"), ("current version cannot be read", "last@1.0.1")})
        text = self.shop.run("doctor").stdout
        self.assertIn(f"missing file: last/{part}", text)
        self.assertIn("remedy: restore the file from a backup", text)

        status, findings, _ = self.doctor("--repair")
        self.assertEqual(status, 3)
        self.assertEqual({key[0] for key, item in findings.items() if item["repaired"]}, {"current version cannot be read"})
        self.assertEqual(answer(self.shop, "show", "last")["version"], "1.0.0")
        self.assertEqual(rows(self.shop, "select max(price) from last"), [(10.5,)])
        build(self.shop, "--full")
        self.assertEqual(self.doctor()[:2], (0, {}))

    def test_versions_that_only_the_log_knows_are_registered(self):
        self.overwrite(11.5)
        self.overwrite(12.5)
        before = versions(self.shop, "last")
        self.catalog("delete from current_version where view = 'last'")
        self.catalog("delete from version where view = 'last' and patch > 0")
        self.catalog("delete from definition where name = 'last'")
        self.assertEqual(self.found(), {("version unknown to the catalog", "last@1.0.1"), ("version unknown to the catalog", "last@1.0.2")})
        self.assertEqual(self.doctor("--repair")[0], 0)
        self.assertEqual((versions(self.shop, "last"), answer(self.shop, "show", "last")["version"]), (before, "1.0.2"))
        self.doctor("--repair")
        self.assertEqual(self.doctor()[:2], (0, {}))

    def test_a_hole_among_versions_is_filled_and_the_current_one_stays(self):
        self.overwrite(11.5)
        self.overwrite(12.5)
        self.catalog("delete from version where view = 'last' and patch = 1")
        self.repaired(("version unknown to the catalog", "last@1.0.1"))
        self.assertEqual(answer(self.shop, "show", "last")["version"], "1.0.2")

    def test_a_view_without_its_definition_gets_it_back(self):
        self.catalog("delete from definition where name = 'last'")
        self.repaired(("definition unknown to the catalog", "last"))

    def test_versions_that_the_log_does_not_know_are_told(self):
        self.overwrite(11.5)
        self.path(f"{LOG}/{1:020}.json").unlink()
        found = self.found("--repair")
        self.assertIn(("version without data", "last@1.0.1"), found)
        shutil.rmtree(self.path("lake/last"))
        self.assertEqual(self.found(), {("version without data", "last@1.0.0"), ("version without data", "last@1.0.1")})

    def test_another_lakes_versions_are_told_apart(self):
        self.catalog("update version set table_version = 7 where view = 'last'")
        self.assertIn(("version differs", "last@1.0.0"), self.found())

    def test_damaged_log_entries_and_gaps_are_named(self):
        self.append(3)
        entry = self.path(f"{LOG}/{2:020}.json")
        text = entry.read_text()
        entry.write_text(text[:-5])
        name = f"last/_delta_log/{2:020}.json"
        self.assertIn(("damaged log entry", name), self.found())
        entry.unlink()
        status, findings, _ = self.doctor()
        self.assertEqual(status, 3)
        self.assertIn(("damaged log", "last/_delta_log"), findings)
        self.assertIn("version 2 is missing", findings["damaged log", "last/_delta_log"]["detail"])
        entry.write_text(text)
        self.assertEqual(self.doctor()[:2], (0, {}))

    def test_snapshots_checkpoints_and_last_checkpoint_are_written_again(self):
        self.append(11)
        snapshot, checkpoint = (self.path(f"{LOG}/{10:020}.{ending}") for ending in ("asof.json", "checkpoint.parquet"))
        last = self.path(f"{LOG}/_last_checkpoint")
        for path, what in ((snapshot, "damaged snapshot"), (checkpoint, "damaged checkpoint"), (last, "damaged _last_checkpoint")):
            whole = path.read_bytes()
            for damage in (b"", whole[: len(whole) // 2], b"x" + whole[1:]):
                path.write_bytes(damage)
                self.repaired((what, str(path.relative_to(self.shop.dir / "lake"))))
                if path != checkpoint:
                    self.assertEqual(path.read_bytes(), whole)
        last.write_text('{"version":77,"size":3}')
        self.repaired(("damaged _last_checkpoint", "last/_delta_log/_last_checkpoint"))
        self.assertEqual(json.loads(last.read_text())["version"], 10)

    def test_a_definition_that_does_not_fit_its_hash_is_found(self):
        self.catalog("update version set definition_json = replace(definition_json, '\"price\"', '\"prize\"') where view = 'last'")
        status, findings, _ = self.doctor("--repair")
        self.assertEqual((status, set(findings)), (3, {("damaged definition", "last@1.0.0")}))
        self.assertRegex(findings["damaged definition", "last@1.0.0"]["detail"], r"its hash is [0-9a-f]{32}, not [0-9a-f]{32}")
        self.catalog("update version set definition_json = 'x' where view = 'last'")
        self.assertEqual(self.found(), {("damaged definition", "last@1.0.0")})

    def test_online_tables_of_unknown_versions_and_those_that_are_gone_are_told(self):
        self.shop.done("materialize")
        for table in ("materialization",):
            self.assertEqual(len(self.catalog(f"select view from {table}")), 2)
        self.overwrite(11.5)
        self.shop.done("materialize", "last")
        shutil.move(self.path("lake/last"), self.path("kept"))
        self.path("catalog.db").unlink()
        build(self.shop, "last")
        self.assertIn("online version unknown to the catalog", {what for what, _ in self.found()})
        shutil.rmtree(self.path("online"))
        self.shop.done("materialize", "spending")
        self.assertEqual(self.doctor()[:2], (0, {}))
        shutil.rmtree(self.path("online"))
        self.assertEqual(self.found(), {("online table is gone", "spending")})

    def test_training_sets_without_manifest_or_versions_are_told(self):
        self.shop.done("join", "--spine", "spine.csv", "--service", "model", "--out", "train.parquet")
        train = str(self.path("train.parquet").resolve())
        self.assertEqual(self.doctor(), (0, {}, []))
        self.path("train.parquet.asof.json").rename(self.path("kept"))
        self.assertEqual(self.found(), {("manifest is gone", train)})
        self.path("kept").rename(self.path("train.parquet.asof.json"))
        self.catalog("update training_set set views = replace(views, '\"last\":\"1.0.0\"', '\"last\":\"3.0.0\"')")
        self.assertEqual(self.found(), {("training set of an unknown version", train)})
        self.path("train.parquet").unlink()
        self.path("train.parquet.asof.json").unlink()
        status, findings, notes = self.doctor()
        self.assertEqual((status, findings, [note["what"] for note in notes]), (0, {}, ["training set is gone"]))

    def test_what_is_left_over_is_a_note(self):
        for name in ("part-died.parquet", ".asof-tmp-died", "_delta_log/.asof-tmp-died"):
            self.path(f"lake/last/{name}").write_text("xyz")
        status, findings, notes = self.doctor()
        self.assertEqual((status, findings), (0, {}))
        self.assertEqual([(note["what"], note["where"], note["detail"]) for note in notes], [
            ("files that no version has", "last", "1 of 3 bytes"), ("temporary files of runs that died", "last", "2 of 6 bytes")])
        self.assertIn("note: files that no version has: last", self.shop.done("doctor"))

    def test_a_killed_build_and_the_next_one_leave_nothing_wrong(self):
        for point in ("lake.commit.before_put", "lake.commit.after_put", "catalog.before_write"):
            self.shop.write("data/orders.csv", ORDERS.replace("10.5", str(len(point))))
            self.shop.run("build", env=project.environment(ASOF_FAULT=f"{point}=kill"))
            self.doctor()
            build(self.shop)
            self.assertEqual(self.doctor()[:2], (0, {}), point)

    def test_a_repair_that_dies_is_done_by_the_next_one(self):
        self.append(11)
        snapshot = self.path(f"{LOG}/{10:020}.asof.json")
        whole = snapshot.read_bytes()
        for point in ("doctor.before_remove", "doctor.after_remove"):
            snapshot.write_bytes(b"damaged")
            self.shop.run("doctor", "--repair", env=project.environment(ASOF_FAULT=f"{point}=kill"))
            self.assertTrue(rows(self.shop, "select count(*) from last"))
            self.doctor("--repair")
            self.assertEqual(self.doctor()[:2], (0, {}))
        self.assertTrue(not snapshot.exists() or snapshot.read_bytes() == whole)

    def test_a_lake_that_does_not_exist_yet_is_no_mistake(self):
        with Project() as fresh:
            self.assertRegex(fresh.done("doctor"), re.escape("nothing is wrong"))


class OnPostgres(unittest.TestCase):
    def test_what_a_catalog_on_a_server_does_not_know_is_found_and_registered(self):
        server = test_concurrency.Postgres()
        self.addCleanup(server.stop)
        if not server.is_there():
            print("\nSKIPPED: no PostgreSQL on this machine (packages.txt): the doctor beside it was not tested", file=sys.stderr)
            self.skipTest("no PostgreSQL")
        with Project(settings=project.SETTINGS.replace("sqlite:./catalog.db", server.uri)) as shop:
            def doctor(*args):
                result = shop.run("--json", "doctor", *args)
                self.assertIn(result.returncode, (0, 3), result.stderr)
                self.assertNotIn("s3cret", result.stdout + result.stderr)
                return result.returncode, {(item["what"], item["where"]): item["repaired"] for item in json.loads(result.stdout)["findings"]}
            build(shop)
            self.assertEqual(doctor(), (0, {}))
            shop.write("data/orders.csv", ORDERS.replace("10.5", "11.5"))
            result = shop.run("build", "last", env=project.environment(ASOF_FAULT="build.after_commit=kill"))
            self.assertEqual(result.returncode, -9, result.stderr)
            unheard = ("version unknown to the catalog", "last@1.0.1")
            self.assertEqual(doctor(), (3, {unheard: False}))
            self.assertEqual(doctor("--repair"), (0, {unheard: True}))
            self.assertEqual(doctor(), (0, {}))
            self.assertEqual(versions(shop, "last"), ["1.0.0", "1.0.1"])


if __name__ == "__main__":
    unittest.main()
