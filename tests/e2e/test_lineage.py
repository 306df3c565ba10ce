"""`lineage`: from source columns to training sets by the SQL's own syntax trees, what a change would touch, and the export
as OpenLineage events."""
import http.server
import json
import threading
import unittest

import openlineage_rules
import project
from project import Project
from steps import answer, build, refused

DEFINITIONS = """
entities:
  customer: {keys: {id: int64}}
sources:
  orders:
    path: data/orders.csv
    event_time: ordered_at
    filter: "length(note) >= 0 or note is null"
    select: {large: "AMOUNT > 5 and \\"note\\" <> 'amount id'"}
views:
  spending:
    entity: customer
    source: orders
    step: 1h
    features:
      orders: {agg: count, windows: [1d]}
      amount: {column: amount, agg: [sum, max], windows: [1d]}
  last:
    entity: customer
    source: orders
    features:
      price: {column: amount, default: 0}
      is_large: {column: large}
services:
  model: {features: [spending.amount_sum_1d, last.is_large]}
"""


CHAIN = """
entities:
  customer: {keys: {id: int64}}
sources:
  orders: {path: data/orders.csv, event_time: ordered_at, filter: "note is not null"}
  large: {view: spending, filter: "amount_max_1d > 5", select: {twice: "2 * amount_sum_1d"}}
views:
  spending: {entity: customer, source: orders, step: 1h, features: {amount: {column: amount, agg: [sum, max], windows: [1d]}}}
  doubled: {entity: customer, source: large, features: [twice]}
  worst: {entity: customer, view: doubled, step: 1h, features: {twice: {column: twice, agg: max, windows: [7d]}}}
services:
  model: {features: [worst.twice_max_7d]}
"""


def roles(items):
    return {item["name"]: item["roles"] for item in items}


class Lineage(unittest.TestCase):
    def setUp(self):
        self.shop = Project(DEFINITIONS)
        self.addCleanup(self.shop.remove)

    def lineage(self, name, *args):
        return answer(self.shop, "lineage", name, *args)

    def make_everything(self):
        build(self.shop)
        self.shop.done("materialize", "spending")
        self.shop.done("join", "--spine", "spine.csv", "--service", "model", "--out", "train.parquet")

    def test_a_feature_is_made_from_columns_each_in_its_role(self):
        found = self.lineage("last.is_large")
        self.assertEqual((found["kind"], found["name"], found["version"]), ("feature", "last.is_large", None))
        self.assertEqual(roles(found["upstream"]), {
            "orders.large": ["value"], "orders.amount": ["value"], "orders.note": ["value", "filter"],
            "orders.ordered_at": ["time"], "orders.id": ["key"]})
        self.assertEqual(roles(found["downstream"]), {"model": ["value"]})
        edges = {(edge["from"], edge["to"], edge["role"]) for edge in found["edges"]}
        self.assertEqual(edges, {
            ("orders.amount", "orders.large", "value"), ("orders.note", "orders.large", "value"),
            ("orders.large", "last.is_large", "value"), ("orders.note", "last.is_large", "filter"),
            ("orders.ordered_at", "last.is_large", "time"), ("orders.id", "last.is_large", "key"),
            ("last.is_large", "model", "value")})

    def test_words_in_texts_are_no_columns_and_a_count_has_no_value(self):
        found = self.lineage("spending.orders_count_1d")
        self.assertEqual(roles(found["upstream"]), {
            "orders.note": ["filter"], "orders.ordered_at": ["time"], "orders.id": ["key"]})

    def test_columns_are_one_in_either_case(self):
        self.assertEqual([item["name"] for item in self.lineage("orders.AMOUNT")["downstream"]],
                         [item["name"] for item in self.lineage("orders.amount")["downstream"]])
        self.assertIn("last.price", roles(self.lineage("orders.amount")["downstream"]))

    def test_sources_are_not_read(self):
        (self.shop.dir / "data/orders.csv").unlink()
        self.assertIn("orders.amount", roles(self.lineage("spending")["upstream"]))

    def test_views_services_sources_and_training_sets_have_both_directions(self):
        self.make_everything()
        train = str((self.shop.dir / "train.parquet").resolve())
        view = self.lineage("spending")
        self.assertEqual((view["kind"], view["version"]), ("view", "1.0.0"))
        self.assertEqual(roles(view["downstream"]), {"model": ["value"], train: ["value"]})
        service = self.lineage("model")
        self.assertEqual(service["kind"], "service")
        self.assertEqual(roles(service["upstream"])["orders.amount"], ["value"])
        self.assertEqual(roles(service["downstream"]), {train: ["value"]})
        source = self.lineage("orders")
        self.assertEqual(roles(source["downstream"])[train], ["value", "time", "filter", "key"])
        for name in ("train.parquet", train):
            made = self.lineage(name)
            self.assertEqual((made["kind"], made["name"]), ("training_set", train))
            self.assertEqual(set(roles(made["upstream"])), {
                "orders.amount", "orders.note", "orders.large", "orders.ordered_at", "orders.id",
                "spending.amount_sum_1d", "last.is_large", "model"})

    def test_a_training_set_keeps_the_columns_of_the_versions_it_was_made_from(self):
        self.make_everything()
        self.shop.write("features/shop.yaml", DEFINITIONS.replace("AMOUNT > 5 and ", "id > 1 and "))
        build(self.shop)
        old = {(edge["from"], edge["to"]) for edge in self.lineage("train.parquet")["edges"]}
        self.assertIn(("orders.amount", "orders.large"), old)
        self.assertNotIn(("orders.id", "orders.large"), old)
        self.assertEqual(roles(self.lineage("last@1.0.0.is_large")["upstream"])["orders.amount"], ["value"])
        new = self.lineage("last.is_large")
        self.assertEqual(new["version"], "1.1.0")
        self.assertNotIn("orders.amount", roles(new["upstream"]))
        self.assertEqual(roles(new["upstream"])["orders.id"], ["value", "key"])
        impact = self.lineage("orders.amount", "--impact")
        large = [item for item in impact["features"] if item["name"] == "last.is_large"][0]
        self.assertEqual((large["defined"], large["versions"]), (False, ["1.0.0"]))

    def test_impact_tells_versions_services_training_sets_and_what_is_online(self):
        self.make_everything()
        impact = self.lineage("--impact", "orders.amount")
        self.assertEqual({item["name"]: item["versions"] for item in impact["features"]}, {
            "spending.amount_sum_1d": ["1.0.0"], "spending.amount_max_1d": ["1.0.0"], "last.price": ["1.0.0"],
            "last.is_large": ["1.0.0"]})
        views = {item["view"]: item for item in impact["views"]}
        self.assertEqual((views["spending"]["online"], views["last"]["online"]), ("1.0.0", None))
        self.assertEqual(impact["services"], ["model"])
        self.assertEqual([item["views"] for item in impact["training_sets"]], [{"last": "1.0.0", "spending": "1.0.0"}])
        text = self.shop.done("lineage", "--impact", "orders.amount")
        self.assertIn("what depends on it: 4 features, 2 views, 1 service, 1 training set", text)
        one = self.lineage("--impact", "spending.amount_sum_1d")
        self.assertEqual((one["features"], one["services"]), ([], ["model"]))

    def test_without_a_catalog_there_are_definitions_and_the_lakes_versions(self):
        self.shop.write("asof.yaml", project.SETTINGS.replace("sqlite:./catalog.db", "memory"))
        build(self.shop)
        self.assertEqual(self.lineage("spending")["version"], "1.0.0")
        self.assertEqual(self.lineage("orders.amount", "--impact")["services"], ["model"])

    def test_without_a_catalog_a_training_set_is_known_by_its_manifest(self):
        self.make_everything()
        known = self.lineage("train.parquet")
        self.shop.write("asof.yaml", project.SETTINGS.replace("sqlite:./catalog.db", "memory"))
        self.assertEqual(self.lineage("train.parquet"), known)
        self.assertIn("orders.amount", roles(known["upstream"]))
        manifest = self.shop.dir / "train.parquet.asof.json"
        manifest.write_text("{")
        self.assertIn("train.parquet.asof.json", refused(self, 2, self.shop, "lineage", "train.parquet"))
        manifest.unlink()
        self.assertIn("nothing known is called", refused(self, 2, self.shop, "lineage", "train.parquet"))

    def test_drawings_have_every_edge(self):
        dot = self.shop.done("lineage", "last.is_large", "--format", "dot")
        self.assertIn('"orders.note" -> "last.is_large" [label="filter", style=dashed];', dot)
        self.assertIn('"last.is_large" -> "model";', dot)
        mermaid = self.shop.done("lineage", "last.is_large", "--format", "mermaid")
        self.assertTrue(mermaid.startswith("graph LR\n"))
        self.assertRegex(mermaid, r'\["orders.large"\] --> n\d+\["last.is_large"\]')

    def test_what_is_not_there_is_told_with_what_is_near(self):
        build(self.shop)
        for name, near in (("spendng", "spending"), ("spending.amount_sum_2d", "amount_sum_1d"), ("orders.amont", "amount")):
            self.assertIn(f"did you mean '{near}'?", refused(self, 2, self.shop, "lineage", name))
        self.assertIn("no version '7'", refused(self, 2, self.shop, "lineage", "spending@7"))
        refused(self, 2, self.shop, "lineage")
        refused(self, 2, self.shop, "lineage", "spending", "--format", "svg")


class ViewsOfViews(unittest.TestCase):
    def setUp(self):
        self.shop = Project(CHAIN)
        self.addCleanup(self.shop.remove)

    def upstream(self, name):
        found = {}
        for item in answer(self.shop, "lineage", name)["upstream"]:
            found.setdefault(item["name"], set()).update(item["roles"])
        return found

    def follow(self, name):
        found = self.upstream(name)
        self.assertLessEqual({"doubled.twice", "large.twice", "spending.amount_sum_1d", "spending.amount_max_1d", "orders.amount"}, set(found))
        for column, role in (("orders.amount", "value"), ("spending.amount_sum_1d", "value"), ("orders.id", "key"),
                             ("orders.ordered_at", "time"), ("orders.note", "filter")):
            self.assertIn(role, found[column], column)
        self.assertEqual(found["spending.amount_max_1d"], {"filter", "time"})  # which rows of doubled, and so which times, there are
        self.assertNotIn("value", found["orders.id"])

    def test_a_chain_of_three_leads_from_the_last_feature_to_the_first_column(self):
        self.follow("worst.twice_max_7d")
        self.follow("model")

    def test_a_published_version_leads_to_the_versions_that_it_read(self):
        build(self.shop)
        self.shop.write("features/shop.yaml", CHAIN.replace("note is not null", "amount > 0").replace('"2 * amount_sum_1d"', '"2 * amount_max_1d"'))
        build(self.shop)
        self.follow("worst@1.0.0.twice_max_7d")
        now = self.upstream("worst.twice_max_7d")
        self.assertNotIn("orders.note", now)
        self.assertNotIn("spending.amount_sum_1d", now)
        self.assertEqual(now["spending.amount_max_1d"], {"value", "filter", "time"})

    def test_impact_follows_through_to_services_and_training_sets(self):
        build(self.shop)
        self.shop.done("join", "--spine", "spine.csv", "--service", "model", "--out", "train.parquet")
        for column in ("orders.amount", "orders.note", "orders.ordered_at"):
            impact = answer(self.shop, "lineage", "--impact", column)
            self.assertEqual({item["name"] for item in impact["features"]},
                             {"spending.amount_sum_1d", "spending.amount_max_1d", "doubled.twice", "worst.twice_max_7d"}, column)
            self.assertEqual(impact["services"], ["model"])
            self.assertEqual(len(impact["training_sets"]), 1)
        self.assertEqual({item["name"] for item in answer(self.shop, "lineage", "--impact", "spending.amount_sum_1d")["features"]},
                         {"doubled.twice", "worst.twice_max_7d"})

    def test_events_name_the_table_of_the_view_that_was_read(self):
        build(self.shop)
        self.shop.done("lineage", "--openlineage", "events.jsonl")
        events = [json.loads(line) for line in (self.shop.dir / "events.jsonl").read_text().splitlines()]
        for event in events:
            openlineage_rules.check(event)
        built = [event for event in events if (event["job"]["name"], event["eventType"]) == ("build.worst", "COMPLETE")][0]
        table = str(self.shop.dir.resolve() / "lake/doubled")
        self.assertEqual(built["inputs"][0]["name"], table)
        inputs = built["outputs"][0]["facets"]["columnLineage"]["fields"]["twice_max_7d"]["inputFields"]
        self.assertIn((table, "twice"), {(item["name"], item["field"]) for item in inputs})


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes events; every `server.fails_every`th request is answered with `server.failure`."""

    def do_POST(self):  # the library's name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests += 1
        if self.server.requests % self.server.fails_every == 0:
            self.send_response(self.server.failure)
        else:
            self.server.events.append(json.loads(body))
            self.server.tokens.add(self.headers.get("Authorization"))
            self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Nothing."""


class OpenLineage(unittest.TestCase):
    def setUp(self):
        self.shop = Project(DEFINITIONS)
        self.addCleanup(self.shop.remove)
        build(self.shop)
        self.shop.done("materialize")
        self.shop.done("join", "--spine", "spine.csv", "--service", "model", "--out", "train.parquet")

    def collector(self, fails_every=1 << 30, failure=503):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
        server.events, server.tokens, server.requests = [], set(), 0
        server.fails_every, server.failure = fails_every, failure
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server, f"http://127.0.0.1:{server.server_port}/api/v1/lineage"

    def export(self):
        done = answer(self.shop, "lineage", "--openlineage", "events.jsonl")
        events = [json.loads(line) for line in (self.shop.dir / "events.jsonl").read_text().splitlines()]
        self.assertEqual((done["events"], done["runs"]), (len(events), len({event["run"]["runId"] for event in events})))
        return events

    def test_every_run_begins_and_ends_by_the_specification(self):
        refused(self, 2, self.shop, "join", "--spine", "spine.csv", "--features", "last.nothing", "--out", "no.parquet")
        (self.shop.dir / "data/orders.csv").write_bytes(b"id,ordered_at,amount,note\n1,2024-01-01 10:30:00,x,y\n")
        self.shop.run("build", "last")
        events = self.export()
        for event in events:
            openlineage_rules.check(event)
        kinds = [(event["job"]["name"], event["eventType"]) for event in events]
        for job in ("build.spending", "build.last", "materialize.spending", "materialize.last", "join.train.parquet"):
            self.assertIn((job, "START"), kinds)
            self.assertIn((job, "COMPLETE"), kinds)
        starts = [event["run"]["runId"] for event in events if event["eventType"] == "START"]
        ends = [event["run"]["runId"] for event in events if event["eventType"] != "START"]
        self.assertEqual(sorted(starts), sorted(ends))
        self.assertEqual([event["run"]["runId"] for event in self.export()], [event["run"]["runId"] for event in events])

    def test_datasets_tell_columns_down_to_the_source(self):
        events = {(event["job"]["name"], event["eventType"]): event for event in self.export()}
        built = events["build.last", "COMPLETE"]
        self.assertEqual(built["inputs"][0]["name"], str(self.shop.dir.resolve() / "data/orders.csv"))
        output = built["outputs"][0]
        self.assertEqual(output["name"], str(self.shop.dir.resolve() / "lake/last"))
        self.assertEqual({field["name"]: field["type"] for field in output["facets"]["schema"]["fields"]}["price"], "float64")
        inputs = output["facets"]["columnLineage"]["fields"]["is_large"]["inputFields"]
        found = {(item["field"], item["transformations"][0]["type"], item["transformations"][0]["subtype"]) for item in inputs}
        self.assertEqual(found, {("amount", "DIRECT", "TRANSFORMATION"), ("note", "DIRECT", "TRANSFORMATION"),
                                 ("note", "INDIRECT", "FILTER"), ("ordered_at", "INDIRECT", "SORT"), ("id", "INDIRECT", "GROUP_BY")})
        self.assertEqual(output["facets"]["version"]["datasetVersion"], "1.0.0")
        joined = events["join.train.parquet", "COMPLETE"]
        self.assertEqual({item["name"].rsplit("/", 1)[1] for item in joined["inputs"]}, {"spine.csv", "last", "spending"})
        column = joined["outputs"][0]["facets"]["columnLineage"]["fields"]["last__is_large"]["inputFields"][0]
        self.assertEqual((column["name"], column["field"]), (output["name"], "is_large"))

    def test_a_server_that_fails_sometimes_gets_every_event_once(self):
        server, url = self.collector(fails_every=3)
        env = project.environment(LINEAGE_TOKEN="s3cret")
        result = self.shop.run("--json", "lineage", "--openlineage", url, "--token-env", "LINEAGE_TOKEN", env=env)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(server.tokens, {"Bearer s3cret"})
        self.assertEqual(server.events, self.export())
        self.assertGreater(server.requests, len(server.events))

    def test_what_cannot_be_delivered_is_an_error_without_secrets(self):
        _, url = self.collector(fails_every=1, failure=401)
        env = project.environment(LINEAGE_TOKEN="s3cret")
        result = self.shop.run("lineage", "--openlineage", url.replace("127", "me:pa55@127"), "--token-env", "LINEAGE_TOKEN", env=env)
        self.assertEqual(result.returncode, 2)
        self.assertIn("answers 401: access denied (is the token the right one?)", result.stderr)
        for secret in ("s3cret", "pa55"):
            self.assertNotIn(secret, result.stderr + result.stdout)
        _, url = self.collector(fails_every=1, failure=503)
        self.assertIn("answers 503", refused(self, 1, self.shop, "lineage", "--openlineage", url))
        self.assertIn("'NO_TOKEN'", refused(self, 2, self.shop, "lineage", "--openlineage", url, "--token-env", "NO_TOKEN"))
        refused(self, 2, self.shop, "lineage", "--openlineage", "ftp://host/x")

    def test_a_file_is_whole_or_as_it_was(self):
        self.export()
        before = (self.shop.dir / "events.jsonl").read_bytes()
        build(self.shop, "--full")
        for point, action, status in (("openlineage.before_put", "fail", 1), ("openlineage.before_put", "kill", -9),
                                      ("openlineage.after_put", "fail", 1), ("openlineage.after_put", "kill", -9)):
            with self.subTest(point, action=action):
                result = self.shop.run("lineage", "--openlineage", "events.jsonl", env=project.environment(ASOF_FAULT=f"{point}={action}"))
                self.assertEqual(result.returncode, status, result.stderr)
                now = (self.shop.dir / "events.jsonl").read_bytes()
                self.assertEqual(now.startswith(before) and len(now) > len(before), "after" in point)
                self.assertEqual([path.name for path in self.shop.dir.iterdir() if "tmp" in path.name], [])
        self.export()
        self.assertEqual((self.shop.dir / "events.jsonl").read_bytes(), now)


if __name__ == "__main__":
    unittest.main()
