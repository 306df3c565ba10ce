"""Feast's route: what Feast's server answered (tests/golden/feast), and what asof answers to the same requests of the same data.

A case holds a request, Feast's answer, and ours where it differs. ASOF_UPDATE_GOLDEN=1 writes ours anew: read the difference.
"""
import datetime
import decimal
import json
import os
import re
import unittest

import feast_project
from project import ROOT

ROUTE = "/get-online-features"
EPOCH = "1970-01-01T00:00:00Z"
WIDTH = 100

# A key that another entity has as a number; columns of types that Feast has not; a feature named as a key; many features.
MORE_ENTITIES = "  badge: {keys: {driver_id: string}}\n"
MORE_SOURCES = "  badges: {path: data/badges.parquet, event_time: at}\n"
MORE_VIEWS = """
  badges: {entity: badge, source: badges, features: {color: {column: color}, customer: {column: color}}}
  types:
    entity: badge
    source: badges
    features: {day: {column: day}, price: {column: price}, whole: {column: whole, default: 1}}
  wide: {entity: driver, source: pushes, features: {%s}}
"""
MORE_ROWS = {"badges": [
    {"driver_id": "1001", "at": feast_project.T, "color": "red", "day": datetime.date(1970, 1, 2), "price": decimal.Decimal("1.50"),
     "whole": 2.0},
    {"driver_id": "07", "at": feast_project.day(1969, 12, 31), "color": "blue", "day": None, "price": None, "whole": None},
]}


def cases():
    for path in sorted((ROOT / "tests" / "golden" / "feast").glob("*.json")):
        yield path, json.loads(path.read_text(encoding="utf-8"))


def text(status, body):
    """Exactly: 2 is not 2.0, and the order of members counts."""
    return json.dumps([status, body], ensure_ascii=False, indent=1)


class Feast(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        definitions = feast_project.DEFINITIONS.replace("entities:\n", "entities:\n" + MORE_ENTITIES, 1)
        definitions = definitions.replace("sources:\n", "sources:\n" + MORE_SOURCES, 1)
        definitions = definitions.replace("views:\n", "views:\n" + MORE_VIEWS % ", ".join(
            f"f{i}: {{column: p}}" for i in range(WIDTH)), 1)
        cls.shop = feast_project.make(definitions, {**feast_project.SOURCES, **MORE_ROWS})
        cls.addClassCleanup(cls.shop.remove)
        cls.server = feast_project.Server(cls.shop.dir)
        cls.addClassCleanup(cls.server.stop)

    def ask(self, body, path=ROUTE):
        status, answer = self.server.send("POST", path, body)
        self.assertEqual(status, 200, answer)
        return answer

    def refused(self, body, status, code, mentions=""):
        answer = self.server.send("POST", ROUTE, body)
        self.assertEqual((answer[0], answer[1]["error"]["code"]), (status, code), answer)
        self.assertIn(mentions, answer[1]["error"]["message"])

    def columns(self, body):
        """name -> (values, statuses, event times)"""
        answer = self.ask(body)
        self.assertEqual(list(answer), ["results", "metadata"])
        names = answer["metadata"]["feature_names"]
        self.assertEqual(len(names), len(answer["results"]))
        return {name: (result["values"], result["statuses"], result["event_timestamps"])
                for name, result in zip(names, answer["results"])}

    # As Feast.

    def test_feasts_requests_are_answered_as_feast_does_but_where_said(self):
        for path, case in cases():
            request, feast, ours = case["request"], case["feast"], case.get("asof")
            with self.subTest(path.stem):
                status, body = self.server.send(request["method"], request["path"], request.get("body"),
                                                request.get("content_type", "application/json"))
                if os.environ.get("ASOF_UPDATE_GOLDEN"):
                    case.pop("asof", None)
                    if text(status, body) != text(feast["status"], feast["body"]):
                        case["asof"] = {"status": status, "body": body}
                    path.write_text(json.dumps(case, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
                    continue
                expected = ours or feast
                self.assertEqual(text(status, body), text(expected["status"], expected["body"]))

    def test_a_difference_from_feast_is_in_the_reference(self):
        reference = (ROOT / "docs" / "reference" / "http.md").read_text(encoding="utf-8")
        table = reference.split("\n| request | Feast | asof | why |\n", 1)[1].split("\n\n", 1)[0]
        told = [name for line in table.splitlines() for name in re.findall("`(\\w+)`", line.split("|")[1])]
        self.assertEqual(sorted(told), sorted(path.stem for path, case in cases() if "asof" in case))

    def test_where_feast_answers_asof_does(self):
        for path, case in cases():
            if case["feast"]["status"] == 200 and "asof" in case:
                self.assertEqual(case["asof"]["status"], 200, path.stem)

    # Services and keys.

    def test_a_service_over_several_entities_has_all_their_keys_once(self):
        columns = self.columns({"entities": {"driver_id": [1001, 1002], "customer": ["5", "7"]}, "feature_service": "all_entities"})
        self.assertEqual(list(columns), ["driver_id", "customer", "trips", "orders", "rides"])
        self.assertEqual(columns["trips"][:2], ([7, 9007199254740993], ["PRESENT", "PRESENT"]))
        self.assertEqual(columns["orders"][:2], ([3, None], ["PRESENT", "NOT_FOUND"]))
        self.assertEqual(columns["rides"][:2], ([2, None], ["PRESENT", "NOT_FOUND"]))
        self.assertEqual(columns["rides"][2], ["2024-01-02T03:04:05Z", EPOCH])

    def test_keys_come_in_the_order_of_the_request(self):
        columns = self.columns({"entities": {"x": [1], "customer": ["5"], "y": [], "driver_id": [1001]}, "feature_service": "all_entities"})
        self.assertEqual(list(columns)[:2], ["customer", "driver_id"])

    def test_every_list_of_keys_must_be_there(self):
        for given, missing in (({"driver_id": [1001]}, "'customer'"), ({"customer": ["5"]}, "'driver_id'"), ({}, "'driver_id'")):
            self.refused({"entities": given, "feature_service": "all_entities"}, 422, "missing_key", missing)
        self.refused({"entities": {"driver_id": [1001]}, "features": ["pair_stats:rides"]}, 422, "missing_key",
                     "'customer', a key of view 'pair_stats'")

    def test_a_null_key_hides_only_the_views_that_have_it(self):
        entities = {"driver_id": [1001, None, 1001], "customer": [None, "5", "5"]}
        columns = self.columns({"entities": entities, "feature_service": "all_entities"})
        self.assertEqual(columns["driver_id"], ([1001, None, 1001], ["PRESENT", "NULL_VALUE", "PRESENT"], [EPOCH] * 3))
        self.assertEqual(columns["trips"][:2], ([7, None, 7], ["PRESENT", "NOT_FOUND", "PRESENT"]))
        self.assertEqual(columns["orders"][:2], ([None, 3, 3], ["NOT_FOUND", "PRESENT", "PRESENT"]))
        self.assertEqual(columns["rides"][:2], ([None, None, 2], ["NOT_FOUND", "NOT_FOUND", "PRESENT"]))
        rows = self.ask({"entities": entities, "service": "all_entities"}, "/features/batch")["results"]
        for ours, theirs in (("driver_stats.trips", "trips"), ("customer_stats.orders", "orders"), ("pair_stats.rides", "rides")):
            self.assertEqual([row["features"][ours] for row in rows], columns[theirs][0])
            self.assertEqual([row["statuses"][ours] for row in rows], columns[theirs][1])

    def test_a_column_may_be_called_as_an_entity_of_one_key(self):
        columns = self.columns({"entities": {"driver": ["1001"]}, "features": ["driver_stats:trips"]})
        self.assertEqual(columns["driver_id"][0], [1001])
        self.assertEqual(columns["trips"][0], [7])
        columns = self.columns({"entities": {"driver": [1], "driver_id": [1001]}, "features": ["driver_stats:trips"]})
        self.assertEqual(columns["trips"][0], [7])
        self.refused({"entities": {"pair": [1]}, "features": ["pair_stats:rides"]}, 422, "missing_key", "'customer'")

    def test_a_key_of_two_types_is_one_column(self):
        columns = self.columns({"entities": {"driver_id": [1001, 1002]}, "features": ["driver_stats:trips", "badges:color"]})
        self.assertEqual(columns["driver_id"][0], [1001, 1002])
        self.assertEqual(columns["trips"][0], [7, 9007199254740993])
        self.assertEqual(columns["color"][:2], (["red", None], ["PRESENT", "NOT_FOUND"]))
        columns = self.columns({"entities": {"driver_id": ["07"]}, "features": ["badges:color", "driver_stats:trips"]})
        self.assertEqual(columns["driver_id"][0], ["07"])
        self.assertEqual(columns["color"][0], ["blue"])
        rows = self.ask({"entities": {"driver_id": [1001]}, "features": ["driver_stats.trips", "badges.color"]}, "/features/batch")["results"]
        self.assertEqual(rows[0]["key"], {"driver_id": 1001})
        self.assertEqual(rows[0]["features"], {"driver_stats.trips": 7, "badges.color": "red"})
        self.refused({"entities": {"driver_id": ["x"]}, "features": ["badges:color", "driver_stats:trips"]}, 422, "invalid_key")

    def test_keys_of_two_parts_in_any_order(self):
        for keys in (["driver_id", "customer"], ["customer", "driver_id"]):
            given = {"driver_id": [1001, 1002, None], "customer": ["5", "5", "5"]}
            entities = {key: given[key] for key in keys}
            columns = self.columns({"entities": entities, "features": ["pair_stats:rides"]})
            self.assertEqual(list(columns), [*keys, "rides"])
            self.assertEqual(columns["rides"][1], ["PRESENT", "NOT_FOUND", "NOT_FOUND"])
            rows = self.ask({"entities": entities, "features": ["pair_stats.rides"]}, "/features/batch")["results"]
            self.assertEqual([row["statuses"]["pair_stats.rides"] for row in rows], columns["rides"][1])
            self.assertEqual([row["features"]["pair_stats.rides"] for row in rows], columns["rides"][0])

    # Values.

    def test_types_that_feast_has_not(self):
        columns = self.columns({"entities": {"driver_id": ["1001", "07", "x"]}, "features": ["types:*"]})
        self.assertEqual(columns["day"][0], [86400, None, None])
        self.assertEqual(columns["price"][0], ["1.50", None, None])
        self.assertEqual(json.dumps(columns["whole"][0]), "[2.0, null, 1.0]")
        self.assertEqual(columns["whole"][1], ["PRESENT", "NULL_VALUE", "NOT_FOUND"])
        self.assertEqual(columns["whole"][2], ["2024-01-02T03:04:05Z", "1969-12-31T00:00:00Z", EPOCH])

    # Names.

    def test_a_feature_called_as_a_key_needs_its_full_name(self):
        body = {"entities": {"driver_id": ["1001"], "customer": ["5"]}, "features": ["badges:customer", "customer_stats:orders"]}
        self.refused(body, 422, "name_collision", "feature 'customer' of view 'badges' is called as a key: set full_feature_names")
        columns = self.columns({**body, "full_feature_names": True})
        self.assertEqual(list(columns), ["driver_id", "customer", "badges__customer", "customer_stats__orders"])
        self.assertEqual(list(self.columns({**body, "features": ["badges:customer"]})), ["driver_id", "customer"])

    def test_a_version_may_be_named(self):
        for view in ("driver_stats@1", "driver_stats@1.0.0", "driver_stats@v1", "driver_stats@latest"):
            body = {"entities": {"driver_id": [1001]}, "features": [f"{view}:trips"]}
            self.assertEqual(self.columns(body)["trips"][0], [7], view)
            self.assertEqual(list(self.columns({**body, "full_feature_names": True})), ["driver_id", f"{view}__trips"])
        for view in ("driver_stats@2", "driver_stats@v2", "driver_stats@v", "driver_stats@", "@1", "driver_stats@vx1"):
            self.refused({"entities": {"driver_id": [1001]}, "features": [f"{view}:trips"]}, 404, "unknown_view")

    def test_versions_are_told_where_asked_for(self):
        body = {"entities": {"driver_id": [1001], "customer": ["5"]}, "feature_service": "all_entities"}
        self.assertEqual(list(self.ask(body)["metadata"]), ["feature_names"])
        told = self.ask({**body, "include_feature_view_version_metadata": True})["metadata"]["feature_view_metadata"]
        self.assertEqual(told, [{"name": name, "version": 1} for name in ("driver_stats", "customer_stats", "pair_stats")])

    def test_full_names_of_a_service(self):
        body = {"entities": {"driver_id": [1001]}, "feature_service": "svc", "full_feature_names": True}
        self.assertEqual(list(self.columns(body)), ["driver_id", "driver_stats__conv_rate", "driver_stats__trips", "driver_short__temp"])

    def test_flags_are_true_or_false(self):
        for flag in ("full_feature_names", "include_feature_view_version_metadata"):
            self.refused({"entities": {"driver_id": [1]}, "feature_service": "svc", flag: 1}, 422, "invalid_body", flag)
            self.ask({"entities": {"driver_id": [1]}, "feature_service": "svc", flag: None})

    # Many rows.

    def test_many_slices_are_one_answer(self):
        ids = [(1001, 1002, 1003, 9999, None)[i * 7 % 5] for i in range(5000)]
        features = ["conv_rate", "trips", "name", "active"]
        columns = self.columns({"entities": {"driver_id": ids}, "features": [f"driver_stats:{name}" for name in features]})
        rows = self.ask({"entities": {"driver_id": ids}, "features": features}, "/features/driver_stats/batch")["results"]
        self.assertEqual(columns["driver_id"][0], ids)
        for name in features:
            values, statuses, times = columns[name]
            self.assertEqual(values, [None if row["features"][name] == "NaN" else row["features"][name] for row in rows])
            self.assertEqual(statuses, [row["statuses"][name] for row in rows])
            self.assertEqual(times, [EPOCH if row["event_time"] is None else row["event_time"][:19] + "Z" for row in rows])

    def test_as_many_entities_as_a_batch_may_have(self):
        ids = [1007 if i % 2 else i for i in range(100000)]
        columns = self.columns({"entities": {"driver_id": ids}, "features": ["pushed:p"]})
        self.assertEqual(columns["p"][0], [9.5 if key == 1007 else None for key in ids])
        self.refused({"entities": {"driver_id": [*ids, 1]}, "features": ["pushed:p"]}, 413, "too_many_entities")
        self.refused({"entities": {"driver_id": [1]}, "features": ["pushed:p"] * 10001}, 413, "limit_exceeded")

    def test_an_answer_that_would_be_too_long_is_refused_before_it_is_read(self):
        self.refused({"entities": {"driver_id": [1] * 100000}, "features": ["wide:*"]}, 413, "limit_exceeded", "ask for fewer")
        columns = self.columns({"entities": {"driver_id": [1007] * 3000}, "features": ["wide:*"]})
        self.assertEqual(len(columns), WIDTH + 1)
        self.assertEqual(columns[f"f{WIDTH - 1}"][0], [9.5] * 3000)


if __name__ == "__main__":
    unittest.main()
