"""Feast's own client gets features from `asof serve`: a project of Feast's whose online_store is {type: remote, path: http://..}.

It runs as a child in an environment of its own (tests/requirements-feast.txt), which the long tests make; without it the test says so and is skipped.
"""
import json
import math
import subprocess
import sys
import tempfile
import unittest

import feast_project
import project
from server import sha256

ROUTE = "/get-online-features"
STATS = ["conv_rate", "acc_rate", "trips", "level", "name", "active", "last_seen", "blob", "hist", "tags"]


class Client:
    """Feast's client in a folder of its own."""

    @classmethod
    def python(cls):
        where = [str(project.ROOT / "scripts" / "venv.sh"), "--where", str(project.ROOT / "tests" / "requirements-feast.txt")]
        python = subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip()
        try:
            found = subprocess.run([python, "-I", "-c", "import feast"], capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            found = False
        if not found:
            print("\nSKIPPED: no Feast in the cache (scripts/feast.sh): its client asked for nothing", file=sys.stderr)
        return python if found else None

    def __init__(self, python, address, **environment):
        self.folder = tempfile.TemporaryDirectory(prefix="asof-feast-")
        self.process = subprocess.Popen([python, "-I", str(project.ROOT / "tests" / "e2e" / "feast_client.py"), self.folder.name, address],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        cwd=self.folder.name, env=project.environment(FEAST_USAGE="False", HOME=self.folder.name, **environment))
        if not self.process.stdout.readline():
            raise AssertionError("Feast's client does not start: " + self.process.communicate()[1].strip()[-2000:])

    def ask(self, **job):
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.stderr.close()
        self.process.wait(project.DEADLINE_S)
        self.folder.cleanup()


class FeastClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.python = Client.python()
        if not cls.python:
            raise unittest.SkipTest("no Feast in the cache")
        cls.shop = feast_project.make()
        cls.addClassCleanup(cls.shop.remove)
        cls.server = feast_project.Server(cls.shop.dir)
        cls.addClassCleanup(cls.server.stop)
        cls.client = Client(cls.python, f"http://127.0.0.1:{cls.server.port}")
        cls.addClassCleanup(cls.client.stop)

    def get(self, **job):
        answer = self.client.ask(**job)
        self.assertNotIn("failed", answer)
        return answer

    def sent(self, answer, body):
        """It sent one request, and this is it."""
        self.assertEqual(answer["sent"], [["POST", ROUTE, body]])

    def test_values_arrive_with_their_types(self):
        answer = self.get(features=[f"driver_stats:{name}" for name in STATS], rows=[{"driver_id": 1001}])
        self.assertEqual(answer["columns"], {
            "driver_id": [1001], "conv_rate": [0.1], "acc_rate": [0.10000000149011612], "trips": [7], "level": [-3],
            "name": ["Zo\u00eb \"q\" \n"], "active": [True], "last_seen": [1704164645], "blob": ["AP8="], "hist": [[1.5, 2.0]],
            "tags": [["a", "b"]]})
        self.assertEqual([type(value).__name__ for (value,) in answer["columns"].values()],
                         ["int", "float", "float", "int", "int", "str", "bool", "int", "str", "list", "list"])
        self.assertEqual(set(map(tuple, answer["statuses"].values())), {("PRESENT",)})
        self.assertEqual(answer["frame"], [1, ["driver_id", *STATS]])
        self.sent(answer, {"entities": {"driver_id": [1001]}, "features": [f"driver_stats:{name}" for name in STATS],
                           "full_feature_names": False, "include_feature_view_version_metadata": False})

    def test_what_has_no_value_says_why(self):
        answer = self.get(features=["driver_stats:conv_rate", "driver_short:temp"],
                          rows=[{"driver_id": 1001}, {"driver_id": 1002}, {"driver_id": 9999}])
        self.assertEqual(answer["columns"]["conv_rate"], [0.1, None, None])
        self.assertEqual(answer["statuses"], {
            "driver_id": ["PRESENT"] * 3, "conv_rate": ["PRESENT", "NULL_VALUE", "NOT_FOUND"],
            "temp": ["OUTSIDE_MAX_AGE", "NOT_FOUND", "NOT_FOUND"]})

    def test_a_whole_number_of_a_float_feature_stays_a_float(self):
        answer = self.get(features=["driver_forever:score"], rows={"driver_id": [1001, 1005]})
        self.assertEqual([repr(value) for value in answer["columns"]["score"]], ["1e+21", "2.5"])

    def test_infinities_and_nan(self):
        answer = self.get(features=["driver_stats:conv_rate", "driver_stats:acc_rate", "driver_stats:name"], rows=[{"driver_id": 1003}])
        self.assertEqual(answer["columns"]["conv_rate"], [None])
        self.assertEqual(float(answer["columns"]["acc_rate"][0]), math.inf)
        self.assertEqual(answer["columns"]["name"], [""])

    def test_a_service_over_several_entities(self):
        answer = self.get(service="all_entities", rows=[{"driver_id": 1001, "customer": "5"}, {"driver_id": 1002, "customer": "\u00e9"}])
        self.assertEqual(answer["columns"], {"driver_id": [1001, 1002], "customer": ["5", "\u00e9"], "trips": [7, 9007199254740993],
                                             "orders": [3, 4], "rides": [2, None]})
        self.sent(answer, {"entities": {"driver_id": [1001, 1002], "customer": ["5", "\u00e9"]}, "feature_service": "all_entities",
                           "full_feature_names": False, "include_feature_view_version_metadata": False})

    def test_full_names_and_versions(self):
        features = ["driver_stats:conv_rate", "driver_forever:conv_rate"]
        answer = self.get(features=features, rows=[{"driver_id": 1001}],
                          options={"full_feature_names": True, "include_feature_view_version_metadata": True})
        self.assertEqual(answer["columns"],
                         {"driver_id": [1001], "driver_stats__conv_rate": [0.1], "driver_forever__conv_rate": [5e-324]})
        self.assertEqual(answer["versions"], [["driver_stats", 1], ["driver_forever", 1]])
        self.sent(answer, {"entities": {"driver_id": [1001]}, "features": features, "full_feature_names": True,
                           "include_feature_view_version_metadata": True})

    def test_an_entity_may_be_asked_for_by_its_name(self):
        answer = self.get(features=["driver_stats:trips"], rows=[{"driver": 1001}])
        self.assertEqual(answer["columns"], {"driver_id": [1001], "trips": [7]})

    def test_our_error_reaches_who_asked_at_once(self):
        for job, status, mentions in (
            ({"features": ["driver_stats:trip"], "rows": [{"driver_id": 1}]}, 422, "did you mean 'trips'?"),
            ({"features": ["nothing:x"], "rows": [{"driver_id": 1}]}, 404, "no view 'nothing' is online"),
            ({"features": ["driver_stats:trips"], "rows": [{"customer": "5"}]}, 422, "entities has no column 'driver_id'"),
            ({"features": ["driver_stats:conv_rate", "driver_forever:conv_rate"], "rows": [{"driver_id": 1}]}, 422, "full_feature_names"),
        ):
            answer = self.client.ask(**job)
            self.assertEqual(answer.get("kind"), "RuntimeError", answer)
            self.assertIn(f"Failed to get online features: {status}", answer["failed"])
            self.assertIn(mentions, answer["failed"])
            self.assertEqual(len(answer["sent"]), 1, "a client's mistake is not tried again")

    def test_a_server_of_feasts_reads_view_by_view(self):
        answer = self.get(read=["driver_stats", ["conv_rate", "trips", "last_seen", "hist"], [1001, 1002, 9999]])
        self.assertEqual(answer["rows"], [
            {"conv_rate": "double_val", "trips": "int64_val", "last_seen": "unix_timestamp_val", "hist": "double_list_val"},
            {"conv_rate": None, "trips": "int64_val", "last_seen": "unix_timestamp_val", "hist": "double_list_val"},
            {"conv_rate": None, "trips": None, "last_seen": None, "hist": None}])
        self.sent(answer, {"entities": {"driver_id": [1001, 1002, 9999]},
                           "features": [f"driver_stats:{name}" for name in ("conv_rate", "trips", "last_seen", "hist")]})

    def test_a_token_goes_with_the_request(self):
        self.shop.write("tokens.yaml", f"tokens: {{model: {{sha256: {sha256('model-secret')}, rights: [read], services: [svc]}}}}\n")
        server = feast_project.Server(self.shop.dir, "--tokens", "tokens.yaml")
        self.addCleanup(server.stop)
        address = f"http://127.0.0.1:{server.port}"
        client = Client(self.python, address, ASOF_TOKEN="model-secret")
        self.addCleanup(client.stop)
        rows = [{"driver_id": 1001}]
        self.assertEqual(client.ask(features=["driver_stats:trips"], rows=rows).get("columns"), {"driver_id": [1001], "trips": [7]})
        answer = client.ask(features=["driver_stats:name"], rows=rows)
        self.assertIn("Failed to get online features: 403", answer["failed"])
        self.assertIn("may not read 'driver_stats.name'", answer["failed"])
        self.assertEqual(server.send("POST", ROUTE, {"entities": {"driver_id": [1001]}, "feature_service": "svc"})[0], 401)

    def test_many_entities(self):
        ids = [(1001, 1002, 9999)[i % 3] for i in range(3000)]
        answer = self.get(features=["driver_stats:trips"], rows={"driver_id": ids})
        self.assertEqual(answer["columns"]["trips"], [7, 9007199254740993, None] * 1000)


if __name__ == "__main__":
    unittest.main()
