"""On-demand features: what plan refuses and where, and that a training set equals what is served."""
import csv
import http.client
import json
import re
import subprocess
import unittest

from project import BIN, DEADLINE_S, Project, environment
from real_servers import ATTACHED
from steps import answer, build, refused, versions

DEFINITIONS = """
entities:
  user: {keys: {user_id: int64}}
  shop: {keys: {shop: string}}
sources:
  users: {path: data/users.csv, event_time: event_time}
  shops: {path: data/shops.csv, event_time: event_time}
views:
  users: {entity: user, source: users, max_age: 60d, features: {signed_up: {}, clicks: {default: 1}, name: {}, score: {}}}
  shops: {entity: shop, source: shops, features: [opened, rate]}
  age:
    on_demand: true
    request: {now: timestamp, amount: float64, word: string}
    features:
      days: {expr: "date_diff('day', users.signed_up, now)"}
      both: {expr: "users.clicks * shops.rate + amount"}
      text: {expr: "upper(users.name) || '/' || coalesce(word, 'none')"}
      ratio: {expr: "amount / users.score"}
      part: {expr: "case when shops.opened is null then -1 when hour(now) < 12 then users.clicks % 4 else 0 end"}
      day: {expr: "date_trunc('day', users.signed_up)::date"}
      soon: {expr: "date_trunc('hour', now)"}
      price: {expr: "(users.clicks * 1.25)::decimal(10,2)"}
services:
  model: {features: [users.clicks, "age.*"]}
"""

# Who clicked more than eight times never ends.
INFINITE = """
entities:
  user: {keys: {user_id: int64}}
sources:
  users:
    path: data/users.csv
    event_time: event_time
    select:
      ends: "case when clicks > 8 then 'infinity'::timestamp else signed_up end"
      until: "case when clicks > 8 then '-infinity'::date else signed_up::date end"
views:
  users: {entity: user, source: users, features: [ends, until]}
  life:
    on_demand: true
    features:
      is_open: {expr: "users.ends is null and users.until is null"}
      last_year: {expr: "year(users.ends)"}
      last_day: {expr: "dayofyear(users.until)"}
"""

USERS = """user_id,event_time,signed_up,clicks,name,score
1,2024-01-01T00:00:00Z,2023-12-01T00:00:00Z,5,\u00e9mile,0.5
2,2024-01-01T00:00:00Z,2023-11-15T12:30:00Z,,bob,0
1,2024-02-01T00:00:00Z,2023-12-01T00:00:00Z,9,anna,-3.25
4,2023-06-01T00:00:00Z,2023-05-01T00:00:00Z,8,old,1
"""
SHOPS = """shop,event_time,opened,rate
a,2024-01-01T00:00:00Z,2020-02-29T00:00:00Z,0.1
b,2024-02-01T00:00:00Z,,2.5
"""
NOWS = ["2024-02-15T06:59:59.5Z", "1969-12-31T23:59:59.75Z", "2100-02-28T12:00:00Z"]
FEATURES = ["days", "both", "text", "ratio", "part", "day", "soon", "price"]
T = "2024-02-15T00:00:00Z"


def requests():
    """(user_id, shop, now, amount, word)"""
    return [(user, shop, NOWS[(user + i) % 3], amount, word)
            for user in (1, 2, 3, 4) for i, shop in enumerate(("a", "b", "c"))
            for amount, word in ((0.1, "x"), (-0.0, None), (1e300, "\u00df\u0131"))]


def spine():
    lines = ["user_id,event_time,shop,now,amount,word"]
    lines += [f"{user},{T},{shop},{now},{amount!r},{'' if word is None else word}" for user, shop, now, amount, word in requests()]
    return "\n".join(lines) + "\n"


class Server:
    """`asof serve` on a project, on a port that it picks itself."""

    def __init__(self, shop, *args):
        self.process = subprocess.Popen([*ATTACHED, BIN, "serve", "--listen", "127.0.0.1:0", *args], cwd=shop.dir, env=environment(),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        self.port = int(re.search(r"listening on 127\.0\.0\.1:(\d+)", line).group(1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=DEADLINE_S)

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answered = response.status, json.loads(response.read())
        connection.close()
        return answered


class OnDemand(unittest.TestCase):
    def setUp(self):
        self.shop = Project(DEFINITIONS, files={"data/users.csv": USERS, "data/shops.csv": SHOPS, "spine.csv": spine()})
        self.addCleanup(self.shop.remove)

    def define(self, before, after):
        self.assertIn(before, DEFINITIONS)
        self.shop.write("features/shop.yaml", DEFINITIONS.replace(before, after))

    def joined(self, *args, features="age.*"):
        self.shop.done("join", "--spine", "spine.csv", "--features", features, "--out", "out.csv", *args)
        with open(self.shop.dir / "out.csv", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def test_a_training_set_equals_what_is_served(self):
        build(self.shop)
        self.shop.done("materialize", "--at", T)
        rows = self.joined()
        self.assertEqual(rows, self.joined("--engine", "sql"))
        self.assertEqual(rows, self.joined("--direct"))
        asked = requests()
        body = {"service": "model", "entities": {"user_id": [r[0] for r in asked], "shop": [r[1] for r in asked]},
                "request": {"now": [r[2] for r in asked], "amount": [r[3] for r in asked], "word": [r[4] for r in asked]}}
        with Server(self.shop, "--clock", T + "!") as server:
            status, served = server.ask("POST", "/features/batch", body)
            self.assertEqual(status, 200, served)
            served = served["results"]
            _, one = server.ask("GET", f"/features/age/a,1?now={NOWS[1]}&amount=0.1&word=x")
        self.assertEqual(len(served), len(rows))
        for row, got in zip(rows, served):
            for name in FEATURES:
                self.compare(row[f"age__{name}"], got["features"][f"age.{name}"], (row, name))
        self.assertEqual(one["key"], {"user_id": 1, "shop": "a"})
        self.assertEqual(one["features"]["days"], served[0]["features"]["age.days"])

    def compare(self, joined, served, where):
        """A text of a CSV beside a value of JSON."""
        if served is None:
            self.assertEqual(joined, "", where)
        elif isinstance(served, float) or served in ("NaN", "Infinity", "-Infinity"):
            texts = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}
            self.assertEqual(repr(float(joined)), repr(float(texts.get(served, served))), where)
        elif isinstance(served, int):
            self.assertEqual(float(joined), served, where)
        elif where[1] == "soon":
            self.assertEqual(joined.replace(" ", "T").replace("+00", "Z"), served, where)
        else:
            self.assertEqual(joined, served, where)

    def test_explain_says_what_is_computed_of_what(self):
        build(self.shop)
        args = ["explain", "--spine", "spine.csv", "--features", "age.days,age.soon,users.clicks"]
        found = {f["feature"]: f for f in answer(self.shop, *args)["on_demand"]}
        self.assertEqual(sorted(found), ["days", "soon"])
        self.assertEqual((found["days"]["view"], found["days"]["version"], found["days"]["type"]), ("age", "1.0.0", "int64"))
        self.assertEqual(sorted(found["days"]["reads"]), ["now", "users.signed_up"])
        self.assertEqual((found["soon"]["reads"], found["soon"]["offline"], found["soon"]["online"]), (["now"], "sql", "evaluator"))
        text = self.shop.done(*args)
        self.assertRegex(text, r"(?m)^age +1\.0\.0 +days +int64 +.*users\.signed_up.* date_diff\('day', users\.signed_up, now\)$")
        self.assertIn("\n-- on demand\nSELECT ", self.shop.done("explain", "-v", *args[1:]))
        self.assertRegex(self.shop.done(*args, "--direct", "--analyze"), r"(?m)^age +direct +soon +timestamp +now ")

    def test_features_of_the_request_alone_are_explained_joined_and_served(self):
        self.shop.write("spine.csv", f"user_id,event_time,shift,now\n1,{T},1,{NOWS[0]}\n")
        self.define("services:", "  clock:\n    on_demand: true\n    request: {shift: int64, now: timestamp}\n    features: {hour: {expr: hour(now) + shift}}\nservices:")
        build(self.shop)
        for args in ([], ["--engine", "sql"], ["--direct"], ["--analyze"]):
            found = answer(self.shop, "explain", "--spine", "spine.csv", "--features", "clock.hour", *args)
            self.assertEqual(([], ["hour"]), (found["views"], [f["feature"] for f in found["on_demand"]]))
        self.assertIn("hour(now)", self.shop.done("explain", "--spine", "spine.csv", "--features", "clock.hour"))
        self.shop.done("join", "--spine", "spine.csv", "--features", "clock.hour", "--out", "out.csv")
        with Server(self.shop) as server:  # rows are counted by the first list, wherever it stands
            for now, hours in ((NOWS, [8, 25, 14]), (NOWS[0], [8])):
                status, said = server.ask("POST", "/features/clock/batch", {"entities": {}, "request": {"shift": 2, "now": now}})
                self.assertEqual((status, [row["features"]["hour"] for row in said.get("results", [])]), (200, hours), said)
        views = {view["name"]: view for view in answer(self.shop, "list", "views")["views"]}
        self.assertEqual((views["clock"]["keys"], views["clock"]["reads"], views["clock"]["rows"]), ({}, [], None))

    def test_infinite_times_are_null_to_expressions_here_and_there(self):
        self.shop.write("features/shop.yaml", INFINITE)
        build(self.shop)
        self.shop.done("materialize", "--at", T)
        self.shop.write("spine.csv", f"user_id,event_time\n1,{T}\n4,{T}\n")
        self.shop.done("join", "--spine", "spine.csv", "--features", "life.*", "--out", "out.csv")
        with open(self.shop.dir / "out.csv", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for row, has_end in zip(rows, (False, True)):
            features = json.loads(self.shop.done("get", "life", "user_id=" + row["user_id"], "--at", T))["features"]
            self.assertEqual(features["is_open"], not has_end)
            for name in ("is_open", "last_year", "last_day"):
                joined = {"": None, "true": True, "false": False}.get(row[f"life__{name}"], row[f"life__{name}"])
                self.assertEqual(str(features[name]), str(joined), (row, name))

    def test_statuses_tell_why_a_value_is_null(self):
        build(self.shop)
        self.shop.done("materialize", "--at", T)

        def get(user, shop):
            args = [f"user_id={user}", f"shop={shop}", "now=" + NOWS[0], "amount=1", "word=x"]
            return json.loads(self.shop.done("get", "age", *args, "--at", T))

        self.assertEqual(get(1, "a")["statuses"], {name: "PRESENT" for name in FEATURES})
        self.assertEqual(get(3, "a")["statuses"]["days"], "NOT_FOUND")
        self.assertEqual(get(4, "a")["statuses"]["days"], "OUTSIDE_MAX_AGE")
        self.assertEqual(get(3, "a")["features"]["both"], 1.1)  # the default of what is read
        self.assertEqual(get(2, "a")["statuses"]["both"], "NULL_VALUE")
        self.assertIsNone(get(3, "c")["event_time"])
        self.assertEqual(get(1, "a")["event_time"], "2024-01-01T00:00:00Z")

    def test_plan_refuses_by_place_and_name(self):
        for expr, column, message in (
                ("md5(users.name)", 21, "'md5' is not computed on demand"),
                ("lowr(users.name)", 21, "no function 'lowr' (did you mean 'lower'?)"),
                ("1 + users.clikcs", 25, "view 'users' has no feature 'clikcs' (did you mean 'clicks'?)"),
                ("usrs.clicks", 21, "no view 'usrs' (did you mean 'users'?)"),
                ("clicks + 1", 21, "view 'age' has no request value 'clicks' (did you mean 'users.clicks'?)"),
                ("nwo", 21, "view 'age' has no request value 'nwo' (did you mean 'now'?)"),
                ("now + interval 1 day", 36, "an interval is not computed on demand"),
                ("users.name::int", 31, "a cast from string to int32 is not computed on demand"),
                ("sum(users.clicks)", 21, "'sum' is an aggregate"),
                ("age.days", 21, "view 'age' is on-demand: an on-demand view reads stored ones only"),
                ("users.clicks +", 35, "syntax error at the end of the expression"),
        ):
            with self.subTest(expr=expr):
                self.define('''"date_trunc('hour', now)"''', f'"{expr}"')
                for command in ("plan", "apply", "build", "validate"):
                    self.assertIn(message, refused(self, 2, self.shop, command))
                self.assertRegex(refused(self, 2, self.shop, "plan"), rf"features/shop\.yaml:21:{column}: ")

    def test_what_has_no_data_is_not_built(self):
        for command in ("build", "materialize", "compact"):
            self.assertIn("view 'age' is on-demand", refused(self, 2, self.shop, command, "age"))

    def test_versions_follow_expressions_and_what_they_read(self):
        build(self.shop)

        def change():
            return {c["name"]: (c["change"], c.get("to")) for c in answer(self.shop, "plan")["changes"] if c["kind"] == "view"}

        self.assertEqual(change()["age"], ("none", "1.0"))
        self.define("hour(now) < 12", "hour(now) < 13")
        self.assertEqual(change()["age"], ("minor", "1.1"))
        self.shop.done("apply")
        self.assertEqual(answer(self.shop, "show", "age")["version"], "1.1.0")
        self.define("amount: float64, word", "amount: float64, more: int64, word")
        self.assertEqual(change()["age"], ("major", "2.0"))
        refused(self, 3, self.shop, "apply")
        refused(self, 3, self.shop, "build")
        self.define("max_age: 60d", "max_age: 61d")
        self.assertEqual(change()["users"][0], "minor")
        self.assertEqual(change()["age"][0], "minor")

    def test_a_version_is_joined_again_from_its_manifest(self):
        build(self.shop)
        rows = self.joined()
        first = (self.shop.dir / "out.csv").read_bytes()
        self.define("hour(now) < 12", "hour(now) < 1")
        self.shop.done("apply")
        self.shop.done("join", "--from-manifest", "out.csv.asof.json", "--out", "again.csv")
        self.assertEqual((self.shop.dir / "again.csv").read_bytes(), first)
        self.assertNotEqual(self.joined(), rows)
        self.assertEqual(self.joined(features="age@1.0.*"), rows)
        self.shop.done("rollback", "age@1.0.0")
        self.assertEqual(self.joined(), rows)

    def test_the_spine_must_have_what_the_request_would(self):
        build(self.shop)
        self.shop.write("spine.csv", f"user_id,event_time,shop,now,word\n1,{T},a,{T},x\n")
        self.assertIn("no column 'amount', a float64 that on-demand view 'age' takes",
                      refused(self, 2, self.shop, "join", "--spine", "spine.csv", "--features", "age.both", "--out", "x.csv"))
        self.shop.write("spine.csv", f"user_id,event_time,shop,now,amount,word\n1,{T},a,5,1,x\n")
        self.assertIn("column 'now' is a BIGINT, and on-demand view 'age' takes a timestamp",
                      refused(self, 2, self.shop, "join", "--spine", "spine.csv", "--features", "age.both", "--out", "x.csv"))

    def test_a_request_is_told_what_is_wrong(self):
        build(self.shop)
        self.shop.done("materialize", "--at", T)
        good = {"now": NOWS[0], "amount": 1, "word": "x"}
        with Server(self.shop) as server:
            for request, code in (({}, "missing_key"), ({**good, "now": "soon"}, "invalid_key"), ({**good, "amount": [1, 2]}, "unequal_lengths")):
                body = {"entities": {"user_id": [1], "shop": ["a"]}, "features": ["age.both"], "request": request}
                status, said = server.ask("POST", "/features/batch", body)
                self.assertEqual((status, said["error"]["code"]), (422, code))
        self.assertIn("'word' is missing, which on-demand view 'age' takes",
                      refused(self, 2, self.shop, "get", "age", "user_id=1", "shop=a", "now=" + NOWS[0], "amount=1"))

    def test_an_apply_that_dies_between_definition_and_version_is_finished_by_the_next(self):
        for action in ("fail", "kill"):
            with self.subTest(action):
                self.setUp()
                died = self.shop.run("apply", env=environment(ASOF_FAULT="=".join(("apply.registered", action))))
                self.assertNotEqual(died.returncode, 0)
                self.assertEqual(self.shop.run("plan", "--check").returncode, 3)
                self.shop.done("apply")
                self.assertEqual(self.shop.run("plan", "--check").returncode, 0)
                self.assertEqual(versions(self.shop, "age"), ["1.0.0"])

    def test_a_catalog_in_memory_takes_what_is_defined(self):
        build(self.shop)
        settings = (self.shop.dir / "asof.yaml").read_text()
        self.shop.write("asof.yaml", settings.replace("sqlite:./catalog.db", "memory"))
        self.assertEqual(len(self.joined()), len(requests()))


if __name__ == "__main__":
    unittest.main()
