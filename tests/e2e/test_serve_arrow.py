"""Batches as Arrow streams: every type and status, row for row what the answer in JSON says, as pyarrow reads it."""

import base64
import decimal
import http.client
import json
import math
import unittest
import uuid
from datetime import date, datetime, timezone

import duckdb
import pyarrow as pa
from serving import DEADLINE_S, ServerCase

MEDIA_TYPE = "application/vnd.apache.arrow.stream"

# A column of each type, once with a value, once NULL, once at its edges.
TYPES = """
copy (select * from (values
  (timestamp '2001-06-29 10:00:00', 'a', true, 7::int, 8::bigint, 1.5::float, 2.5::double, 12.34::decimal(10,2), 'x',
   '\\x00\\xff'::blob, date '2001-06-29', timestamp '2001-06-29 01:02:03.456789', uuid '12345678-1234-5678-1234-567812345678',
   [1, null, 3]::bigint[], ['p', '', 'q']::varchar[]),
  (timestamp '2001-06-29 10:00:00', 'b', null, null, null, null, null, null, null, null, null, null, null, null, null),
  (timestamp '2001-06-29 10:00:00', 'c', false, -2147483648, 9223372036854775807, 'nan', 'infinity', -99999999.99, '',
   ''::blob, date '1969-12-31', timestamp '1969-12-31 23:59:59', uuid 'ffffffff-ffff-ffff-ffff-ffffffffffff',
   []::bigint[], ['\u00e9']::varchar[])
) t(date, origin, bool, int32, int64, float32, float64, decimal, string, bytes, day, instant, uuid, numbers, words))
to '{}' (format parquet)
"""
PLAIN = "bool int32 int64 float32 float64 decimal string bytes day instant uuid numbers words".split()
VIEW = """
sources: {{things: {{path: data/things.parquet, event_time: date}}}}
views: {{types: {{entity: airport, source: things, features: {{{}}}}}}}
""".format(", ".join(f"{name}_f: {{column: {name}}}" for name in PLAIN))


def plain(value):
    """A value of pyarrow as our JSON has it."""
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, bytes):
        return str(uuid.UUID(bytes=value)) if len(value) == 16 else base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


class Arrow(ServerCase):
    @classmethod
    def prepare(cls):
        (cls.directory / "features/types.yaml").write_text(VIEW)
        duckdb.sql(TYPES.format(cls.directory / "data/things.parquet"))

    def table(self, path, body, accept=MEDIA_TYPE):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        self.addCleanup(connection.close)
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json", "Accept": accept})
        answer = connection.getresponse()
        content = answer.read()
        self.assertEqual(answer.status, 200, content)
        self.assertEqual(answer.headers["Content-Type"], MEDIA_TYPE)
        table = pa.ipc.open_stream(content).read_all()
        table.validate(full=True)
        return table

    def as_rows(self, table, columns):
        return [{name: plain(row[name]) for name in columns} for row in table.to_pylist()]

    def test_every_type_is_what_json_says(self):
        body = {"entities": {"origin": ["a", "b", "c", "nowhere", None, "a"]}}
        table = self.table("/features/types/batch", body)
        rows = self.rows("/features/types/batch", body)
        names = [name + "_f" for name in PLAIN]
        self.assertEqual(self.as_rows(table, names), [row["features"] for row in rows])
        statuses = [{name: row[name + ".status"] for name in names} for row in table.to_pylist()]
        self.assertEqual(statuses, [row["statuses"] for row in rows])
        self.assertEqual(table["origin"].to_pylist(), body["entities"]["origin"])
        self.assertEqual([plain(value) for value in table["event_time"].to_pylist()], [row["event_time"] for row in rows])

    def test_types_are_arrows_own(self):
        schema = self.table("/features/types/batch", {"entities": {"origin": []}}).schema
        found = {name: schema.field(name + "_f").type for name in PLAIN}
        self.assertEqual(found, {
            "bool": pa.bool_(), "int32": pa.int32(), "int64": pa.int64(), "float32": pa.float32(), "float64": pa.float64(),
            "decimal": pa.decimal128(10, 2), "string": pa.utf8(), "bytes": pa.binary(), "day": pa.date32(),
            "instant": pa.timestamp("us", "UTC"), "uuid": pa.binary(16), "numbers": pa.list_(pa.int64()), "words": pa.list_(pa.utf8()),
        })
        self.assertEqual(schema.field("bool_f.status").type, pa.dictionary(pa.int8(), pa.utf8()))
        self.assertEqual(schema.metadata[b"asof.version.types"], b"1.0.0")

    def test_several_views_have_qualified_names(self):
        body = {"entities": {"origin": ["ABE", "OLD", "ABE"], "number": [7, 9, None]}, "service": "model"}
        table = self.table("/features/batch", body)
        rows = self.rows("/features/batch", body)
        names = ["last.delay", "departures.flights_count_1d", "route_last.delay"]
        self.assertEqual(self.as_rows(table, names), [row["features"] for row in rows])
        self.assertEqual([{name: row[name + ".status"] for name in names} for row in table.to_pylist()], [row["statuses"] for row in rows])
        for view in ("last", "departures", "route_last"):
            times = [plain(value) for value in table[view + ".event_time"].to_pylist()]
            self.assertEqual(times, [row["event_times"][view] for row in rows])
            self.assertEqual(table.schema.metadata[f"asof.version.{view}".encode()], b"1.0.0")

    def test_a_large_batch_comes_in_several_record_batches(self):
        keys = ["ABE", "ORD", "none"] * 1200
        table = self.table("/features/departures/batch", {"entities": {"origin": keys}, "features": ["flights_count_1d"]})
        self.assertEqual(table.num_rows, 3600)
        self.assertGreater(table["flights_count_1d"].num_chunks, 1)
        # Compared as texts: the difference of long lists would take unittest minutes.
        self.assertEqual(str(table["flights_count_1d"].to_pylist()), str([2, 1, None] * 1200))
        statuses = table["flights_count_1d.status"].to_pylist()
        self.assertEqual(",".join(statuses), ",".join(["PRESENT", "PRESENT", "NOT_FOUND"] * 1200))

    def test_who_does_not_name_it_gets_json(self):
        body = {"entities": {"origin": ["ABE"]}}
        self.assertEqual(self.table("/features/last/batch", body, f"application/json;q=0.5, {MEDIA_TYPE};q=1")["delay"].to_pylist(), [10])
        for accept in ("*/*", "application/json", "application/vnd.apache.arrow.file", ""):
            _, answer, headers = self.ask("POST", "/features/last/batch", body, {"Accept": accept})
            self.assertEqual((headers["Content-Type"], answer["results"][0]["features"]["delay"]), ("application/json", 10))

    def test_a_refusal_is_json(self):
        status, answer, headers = self.ask("POST", "/features/last/batch", {"entities": {}}, {"Accept": MEDIA_TYPE})
        self.assertEqual((status, headers["Content-Type"], answer["error"]["code"]), (422, "application/json", "missing_key"))


if __name__ == "__main__":
    unittest.main()
