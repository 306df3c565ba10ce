"""What a server says of itself: /metrics as Prometheus reads it, and the access log."""

import json
import unittest

from prometheus_client.parser import text_string_to_metric_families
from serving import ServerCase


class Metrics(ServerCase):
    options = ("--access-log", "--log-format", "json", "--threads", "2")

    def samples(self):
        """{(name, labels): value} of what the server counts now."""
        status, text, headers = self.ask_text("/metrics")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        families = list(text_string_to_metric_families(text))
        for family in families:
            self.assertTrue(family.documentation, family.name)
            self.assertNotEqual(family.type, "unknown", family.name)
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }

    def grown(self, before, name, **labels):
        key = (name, tuple(sorted(labels.items())))
        return self.samples().get(key, 0) - before.get(key, 0)

    def test_answers_are_counted_by_route_and_code(self):
        before = self.samples()
        self.ask("GET", "/features/last/ABE")
        self.ask("GET", "/features/nothing/ABE")
        self.ask("GET", "/nowhere")
        answers = "asof_http_requests_total"
        self.assertEqual(self.grown(before, answers, route="key_row", code="200"), 1)
        self.assertEqual(self.grown(before, answers, route="key_row", code="404"), 1)
        self.assertEqual(self.grown(before, answers, route="none", code="404"), 1)
        self.assertGreater(self.grown(before, "asof_http_response_bytes_total", route="key_row"), 50)

    def test_times_are_a_histogram_of_all_answers(self):
        before = self.samples()
        for _ in range(5):
            self.ask("GET", "/features/last/ABE")
        after = self.samples()
        name = "asof_http_request_duration_seconds"
        buckets = [
            (float(dict(labels)["le"]), value)
            for (sample, labels), value in after.items()
            if sample == name + "_bucket" and ("route", "key_row") in labels
        ]
        buckets.sort()
        self.assertEqual([count for _, count in buckets], sorted(count for _, count in buckets))
        self.assertEqual(buckets[-1][0], float("inf"))
        self.assertEqual(buckets[-1][1], after[(name + "_count", (("route", "key_row"),))])
        self.assertEqual(self.grown(before, name + "_count", route="key_row"), 5)
        self.assertGreater(self.grown(before, name + "_sum", route="key_row"), 0)

    def test_rows_are_counted_by_what_became_of_them(self):
        before = self.samples()
        self.rows("/features/last/batch", {"entities": {"origin": ["ABE", "ORD", "nowhere", None]}})
        self.rows("/features/route_last/batch", {"entities": {"origin": ["OLD", "ABE"], "number": [9, 7]}})
        rows = "asof_rows_total"
        self.assertEqual(self.grown(before, rows, view="last", result="found"), 2)
        self.assertEqual(self.grown(before, rows, view="last", result="missing"), 1)
        self.assertEqual(self.grown(before, rows, view="last", result="expired"), 0)
        self.assertEqual(self.grown(before, rows, view="route_last", result="expired"), 1)
        self.assertEqual(self.grown(before, rows, view="route_last", result="found"), 1)

    def test_the_server_tells_its_views_and_itself(self):
        samples = self.samples()
        self.assertEqual(samples[("asof_view_age_seconds", (("version", "1.0.0"), ("view", "last")))], 0)
        self.assertEqual(samples[("asof_store_errors_total", ())], 0)
        self.assertGreaterEqual(samples[("asof_connections", ())], 1)
        self.assertGreater(samples[("process_start_time_seconds", ())], 1.6e9)
        self.assertEqual([value for (name, _), value in samples.items() if name == "asof_build_info"], [1])

    def test_each_request_is_one_line_of_the_access_log(self):
        self.ask("GET", "/features/last/ABE", headers={"X-Request-ID": "seen"})
        self.ask("GET", "/features/last/secret-key?x=1", headers={"X-Request-ID": "unseen"})
        self.ask("GET", "/healthz")
        lines = [json.loads(line) for line in list(self.log) if line.startswith("{")]
        seen = [line for line in lines if line.get("request_id") == "seen"]
        self.assertEqual(len(seen), 1, lines)
        line = seen[0]
        self.assertEqual((line["message"], line["level"], line["route"], line["status"]), ("request", "info", "key_row", "200"))
        self.assertGreater(int(line["bytes"]), 50)
        self.assertGreaterEqual(int(line["micros"]), 0)
        self.assertNotIn("secret-key", "".join(self.log))


class QuietServer(ServerCase):
    def test_without_the_option_no_request_is_logged(self):
        self.ask("GET", "/features/last/ABE", headers={"X-Request-ID": "seen"})
        self.assertNotIn("seen", "".join(self.log))


if __name__ == "__main__":
    unittest.main()
