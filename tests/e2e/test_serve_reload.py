"""SIGHUP reads definitions and tokens anew: all of it or nothing, and no request fails for it."""

import http.client
import itertools
import json
import signal
import threading
import time
import unittest

from server import Server, bearer, certificate, sha256, trusting
from serving import CLOCK, DEADLINE_S, FILES

TINY = FILES["features/tiny.yaml"]
MODEL = "model: {features: [last.delay, departures.flights_count_1d, route_last.delay]}"
OTHER = "other: {features: [last.distance]}"
BODY = {"entities": {"origin": ["ABE"]}}
ON_DEMAND = TINY.replace("services:\n", """  late:
    on_demand: true
    request: {price: float64}
    features:
      cost: {expr: "last.delay * price"}
services:
  costs: {features: [late.cost, last.delay]}
""")
DEARER = ON_DEMAND.replace("* price", "* price + 1")


def tokens(*secrets):
    return "tokens:\n" + "".join(f"  t{i}: {{sha256: {sha256(s)}, rights: [read]}}\n" for i, s in enumerate(secrets))


class ServeReload(unittest.TestCase):
    def setUp(self):
        self.server = Server({"tokens.yaml": tokens("one")})
        self.addCleanup(self.server.remove)

    def service(self, name, token="one"):
        return self.server.ask("POST", "/features/batch", {**BODY, "service": name}, bearer(token))

    def test_services_come_change_and_go(self):
        self.server.start("--tokens", "tokens.yaml")
        self.assertEqual(404, self.service("other")[0])
        self.server.write("features/tiny.yaml", TINY.replace(MODEL, OTHER))
        self.server.reload("reloaded")
        status, answer, _ = self.service("other")
        self.assertEqual((200, ["last.distance"]), (status, list(answer["results"][0]["features"])))
        self.assertEqual(404, self.service("model")[0])
        self.server.write("features/tiny.yaml", TINY.replace(MODEL, "other: {features: [last.delay]}"))
        self.server.reload("reloaded")
        self.assertEqual(["last.delay"], list(self.service("other")[1]["results"][0]["features"]))

    def test_broken_definitions_change_nothing_and_are_named_with_their_place(self):
        self.server.start("--tokens", "tokens.yaml")
        self.server.write("features/tiny.yaml", TINY.replace("last.delay, departures", "last.delays, departures"))
        self.server.write("tokens.yaml", tokens("two"))  # right by itself, and not taken either
        said = self.server.reload("stays as it was")
        self.assertRegex(said, r"reload: features/tiny\.yaml:\d+:\d+: view 'last' has no feature 'delays'")
        self.assertEqual(404, self.service("other")[0])
        self.assertEqual(401, self.service("model", "two")[0])
        self.server.write("features/tiny.yaml", TINY)
        self.server.reload("reloaded")
        self.assertEqual(401, self.service("model", "one")[0])
        self.assertEqual(422, self.service("model", "two")[0])  # known, but its keys are missing

    def test_a_token_is_added_and_taken_away(self):
        self.server.start("--tokens", "tokens.yaml")
        self.server.write("tokens.yaml", tokens("two", "one"))
        self.server.reload("reloaded")
        for token in ("one", "two"):
            self.assertEqual(200, self.server.ask("GET", "/features/last/ABE", headers=bearer(token))[0])
        self.server.write("tokens.yaml", tokens("two"))
        self.server.reload("reloaded")
        self.assertEqual(401, self.server.ask("GET", "/features/last/ABE", headers=bearer("one"))[0])
        self.server.write("tokens.yaml", "tokens: {}\n")
        self.assertIn("tokens.yaml:1:1: ", self.server.reload("stays as it was"))
        self.assertEqual(200, self.server.ask("GET", "/features/last/ABE", headers=bearer("two"))[0])

    def test_a_token_of_a_service_follows_the_service(self):
        limited = f"tokens: {{a: {{sha256: {sha256('one')}, rights: [read], services: [other]}}}}\n"
        self.server.write("features/tiny.yaml", TINY.replace(MODEL, OTHER))
        self.server.write("tokens.yaml", limited)
        self.server.start("--tokens", "tokens.yaml")
        row = self.server.ask("GET", "/features/last/ABE", headers=bearer("one"))[1]
        self.assertEqual(["distance"], list(row["features"]))
        self.server.write("features/tiny.yaml", TINY.replace(MODEL, "other: {features: [last.delay]}"))
        self.server.reload("reloaded")
        row = self.server.ask("GET", "/features/last/ABE", headers=bearer("one"))[1]
        self.assertEqual(["delay"], list(row["features"]))
        self.server.write("features/tiny.yaml", TINY)
        self.assertIn("no service 'other'", self.server.reload("stays as it was"))

    def cost(self):
        status, answer, _ = self.server.ask("GET", "/features/late/ABE?price=2")
        return (status, answer["version"], answer["features"]["cost"]) if status == 200 else (status,)

    def test_on_demand_views_come_change_and_go_as_they_are_registered(self):
        self.server.start()
        self.assertEqual((404,), self.cost())
        self.server.write("features/tiny.yaml", ON_DEMAND)
        said = self.server.reload("stays as it was")
        self.assertRegex(said, r"reload: features/tiny\.yaml:\d+:\d+: on-demand view 'late' is not registered as it is written here: "
                               r"run `asof apply` first")
        self.assertEqual((404,), self.cost())
        self.server.run("apply")
        self.server.reload("reloaded")
        self.assertEqual((200, "1.0.0", 20), self.cost())
        self.server.write("features/tiny.yaml", DEARER)
        self.server.reload("stays as it was")
        self.assertEqual((200, "1.0.0", 20), self.cost())
        self.server.run("apply")
        self.server.reload("reloaded")
        self.assertEqual((200, "1.1.0", 21), self.cost())
        self.server.run("rollback", "late@1.0.0")
        self.server.reload("reloaded")
        self.assertEqual((200, "1.0.0", 20), self.cost())
        self.server.write("features/tiny.yaml", TINY)
        self.server.reload("reloaded")
        self.assertEqual((404,), self.cost())

    def ask_costs(self, port, is_done, failures, seen):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
        right = {"1.0.0": 20, "1.1.0": 21}
        for i in itertools.count():
            if is_done.is_set():
                break
            try:
                path, body = ("/features/late/ABE?price=2", None) if i % 2 else ("/features/batch", json.dumps(
                    {"entities": {"origin": ["ABE"]}, "service": "costs", "request": {"price": 2}}))
                connection.request("POST" if body else "GET", path, body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                data = json.loads(answer.read())
                if answer.status != 200:
                    failures.append((answer.status, data))
                elif body and data["results"][0]["features"]["late.cost"] not in right.values():
                    failures.append(data)
                elif not body:
                    seen.add(data["version"])
                    if data["features"]["cost"] != right[data["version"]]:
                        failures.append(data)
            except (OSError, http.client.HTTPException) as error:
                failures.append(repr(error))
                break
        connection.close()

    def test_no_request_fails_while_on_demand_views_are_replaced(self):
        for text in (ON_DEMAND, DEARER):
            self.server.write("features/tiny.yaml", text)
            self.server.run("apply")
        self.server.start()
        is_done, failures, seen = threading.Event(), [], set()
        threads = [threading.Thread(target=self.ask_costs, args=(self.server.port, is_done, failures, seen)) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for i in range(20):
                self.server.run("rollback", f"late@1.{i % 2}.0")
                self.server.reload("reloaded")
                self.server.write("features/tiny.yaml", "views: [")
                self.server.reload("stays as it was")
                self.server.write("features/tiny.yaml", DEARER)
        finally:
            is_done.set()
            for thread in threads:
                thread.join(DEADLINE_S)
        self.assertEqual([], failures[:3])
        self.assertEqual({"1.0.0", "1.1.0"}, seen)
        self.server.stop()

    def ask_all_the_time(self, port, context, is_done, failures, counts):
        kind = http.client.HTTPSConnection if context else http.client.HTTPConnection
        extra = {"context": context} if context else {}
        connection = kind("localhost", port, timeout=DEADLINE_S, **extra)
        for i in itertools.count():
            if is_done.is_set():
                break
            try:
                path, body = ("/features/last/ABE", None) if i % 2 else ("/features/batch", json.dumps(
                    {"entities": {"origin": ["ABE"], "number": [7]}, "service": "model"}))
                connection.request("POST" if body else "GET", path, body, {"Content-Type": "application/json", **bearer("one")})
                answer = connection.getresponse()
                data = json.loads(answer.read())
                row = (data["results"][0] if body else data) if answer.status == 200 else None
                if row is None or row["features"]["last.delay" if body else "delay"] != 10:
                    failures.append((answer.status, data))
            except (OSError, http.client.HTTPException) as error:
                failures.append(repr(error))
                break
            counts.append(1)
            if i % 50 == 49:  # a connection of its own now and then
                connection.close()
        connection.close()

    def test_no_request_fails_while_everything_is_reloaded_and_replaced(self):
        cert, _ = certificate(self.server.directory)
        self.server.start("--tokens", "tokens.yaml", "--tls-cert", "server.pem", "--tls-key", "server.key")
        context, is_done, failures, counts = trusting(cert), threading.Event(), [], []
        threads = [threading.Thread(target=self.ask_all_the_time, args=(self.server.port, context, is_done, failures, counts))
                   for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for i in range(100):
                self.server.write("tokens.yaml", tokens("one", f"other-{i}"))
                self.server.write("features/tiny.yaml", TINY + f"  extra_{i}: {{features: [last.delay]}}\n" if i % 3 else "views: [")
                self.server.process.send_signal(signal.SIGHUP)
                time.sleep(0.01)
                if i % 20 == 10:
                    self.server.write("features/tiny.yaml", TINY)
                    self.server.run("materialize", "--at", CLOCK)
        finally:
            is_done.set()
            for thread in threads:
                thread.join(DEADLINE_S)
        self.assertEqual([], failures[:3])
        self.assertGreater(len(counts), 100)
        self.server.write("features/tiny.yaml", TINY.replace(MODEL, OTHER))
        self.server.reload("reloaded")
        self.server.stop()


if __name__ == "__main__":
    unittest.main()
