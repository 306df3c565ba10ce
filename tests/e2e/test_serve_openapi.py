"""openapi.json: a valid document, of the routes that there are, which answers and refusals keep to."""

import json
import os
import re
import unittest
from pathlib import Path

import jsonschema
import openapi_spec_validator
from serving import ServerCase

ROOT = Path(os.environ.get("ASOF_SOURCE_DIR", Path(__file__).parents[2]))
ABE = {"origin": ["ABE", "nowhere", None]}

# operationId: requests that are answered, and ones that are refused: (path, body)
ASKED = {
    "healthz": ([("/healthz", None)], []),
    "readyz": ([("/readyz", None)], []),
    "metrics": ([("/metrics", None)], []),
    "openapi": ([("/openapi.json", None)], []),
    "view_row": ([("/features/last?origin=ABE", None)], [("/features/last", None), ("/features/nothing?origin=ABE", None)]),
    "key_row": (
        [("/features/last/ABE", None), ("/features/last@1/nowhere", None), ("/features/route_last/OLD,9", None)],
        [("/features/nothing/ABE", None), ("/features/route_last/ABE", None)],
    ),
    "view_batch": (
        [("/features/last/batch", {"entities": ABE}), ("/features/last/batch", {"entities": ABE, "features": ["delay"]})],
        [("/features/last/batch", {"entities": {}}), ("/features/last/batch", [])],
    ),
    "batch": (
        [
            ("/features/batch", {"entities": ABE, "features": ["last.*", "departures.delay_mean_1d"]}),
            ("/features/batch", {"entities": {"origin": ["ABE"], "number": [7]}, "service": "model"}),
        ],
        [("/features/batch", {"entities": ABE}), ("/features/batch", {"entities": ABE, "service": "none"})],
    ),
    "push": (
        [("/push/flights", {"rows": [{"date": "2001-06-29T20:00:00Z", "origin": "PUSHED", "number": 1, "delay": 2}]})],
        [("/push/flights", {"rows": [{"delays": 1}]}), ("/push/nothing", {"rows": [{}]}), ("/push/flights", [])],
    ),
    "get_online_features": (
        [
            ("/get-online-features", {"entities": ABE, "features": ["last:*", "departures@1:delay_mean_1d"]}),
            (
                "/get-online-features",
                {
                    "entities": {"number": [7, None], "origin": ["ABE", "ORD"]},
                    "feature_service": "model",
                    "full_feature_names": True,
                    "include_feature_view_version_metadata": True,
                },
            ),
        ],
        [("/get-online-features", {"entities": ABE}), ("/get-online-features", {"entities": ABE, "feature_service": "none"})],
    ),
}


class OpenApi(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.document = json.loads((ROOT / "src/http/openapi.json").read_text())
        cls.operations = {
            operation["operationId"]: (method, path, operation)
            for path, item in cls.document["paths"].items()
            for method, operation in item.items()
        }

    def check(self, value, schema):
        """`schema` is within the document, whose components it refers to."""
        whole = {**schema, "components": self.document["components"]}
        jsonschema.validate(value, whole, jsonschema.Draft202012Validator, format_checker=jsonschema.FormatChecker())

    def resolve(self, node):
        while "$ref" in node:
            found = self.document
            for name in node["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            node = found
        return node

    def test_the_document_is_valid(self):
        openapi_spec_validator.validate(self.document)

    def test_the_server_answers_with_the_document(self):
        self.assertEqual(self.ask("GET", "/openapi.json")[1], self.document)

    def test_routes_and_operations_are_the_same(self):
        table = (ROOT / "src/http/routes.c").read_text()
        routes = set(re.findall(r'\{ "(\w+)",\s+ASOF_METHOD_(\w+),\s+"([^"]+)"', table))
        self.assertGreater(len(routes), 7)
        described = {(name, method.upper(), path) for name, (method, path, _) in self.operations.items()}
        self.assertEqual(routes, described)

    def test_every_code_is_listed(self):
        codes = set(re.findall(r'\{ \d{3}, "(\w+)" \}', (ROOT / "src/http/problem.c").read_text())) - {"ok"}
        error = self.document["components"]["schemas"]["Error"]["properties"]["error"]
        self.assertEqual(codes, set(error["properties"]["code"]["enum"]))

    def test_every_operation_answers_as_described(self):
        self.assertEqual(set(ASKED), set(self.operations))
        for name, (right, wrong) in ASKED.items():
            method, _, operation = self.operations[name]
            for path, body in right:
                with self.subTest(path=path, body=body):
                    self.ask_and_check(method, path, body, operation["responses"]["200"], operation, 200)
            for path, body in wrong:
                with self.subTest(path=path, body=body):
                    self.ask_and_check(method, path, body, self.resolve(operation["responses"]["4XX"]), None, 4)

    def ask_and_check(self, method, path, body, response, operation, status):
        media, content = next(iter(response["content"].items()))
        if media.startswith("text/"):
            answered, text, headers = self.ask_text(path)
            answer = text
        else:
            answered, answer, headers = self.ask(method.upper(), path, body)
        self.assertEqual(answered if status == 200 else answered // 100, status, answer)
        self.assertEqual(headers["Content-Type"], media)
        self.assertTrue(headers["X-Request-ID"])
        self.check(answer, content["schema"])
        if operation and body is not None:
            self.check(body, operation["requestBody"]["content"]["application/json"]["schema"])

    def test_examples_are_of_their_schema(self):
        count = 0
        for schema in self.document["components"]["schemas"].values():
            for example in schema.get("examples", []):
                self.check(example, schema)
                count += 1
        self.assertGreater(count, 0)


if __name__ == "__main__":
    unittest.main()
