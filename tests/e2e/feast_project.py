"""A project with the data that Feast's answers in tests/golden/feast were made from, and a server of it."""
import datetime
import http.client
import json
import re
import subprocess
import threading

import project
import pyarrow
import pyarrow.parquet
from real_servers import ATTACHED

CLOCK = "2024-02-01T00:00:00Z"

DEFINITIONS = """
entities:
  driver: {keys: {driver_id: int64}}
  customer: {keys: {customer: string}}
  pair: {keys: {customer: string, driver_id: int64}}
sources:
  stats: {path: data/stats.parquet, event_time: at}
  short: {path: data/short.parquet, event_time: at}
  forever: {path: data/forever.parquet, event_time: at}
  customers: {path: data/customers.parquet, event_time: at}
  pairs: {path: data/pairs.parquet, event_time: at}
  pushes: {path: data/pushes.parquet, event_time: at}
views:
  driver_stats:
    entity: driver
    source: stats
    max_age: 36500d
    features:
      conv_rate: {column: conv_rate}
      acc_rate: {column: acc_rate}
      trips: {column: trips}
      level: {column: level}
      name: {column: name}
      active: {column: active}
      last_seen: {column: last_seen}
      blob: {column: blob}
      hist: {column: hist}
      tags: {column: tags}
  driver_short: {entity: driver, source: short, max_age: 1d, features: {temp: {column: temp}}}
  driver_forever:
    entity: driver
    source: forever
    features: {score: {column: score}, conv_rate: {column: conv_rate}}
  customer_stats: {entity: customer, source: customers, features: {orders: {column: orders}}}
  pair_stats: {entity: pair, source: pairs, features: {rides: {column: rides}}}
  pushed: {entity: driver, source: pushes, features: {p: {column: p}}}
services:
  svc: {features: [driver_stats.conv_rate, driver_stats.trips, driver_short.temp]}
  all_entities: {features: [driver_stats.trips, customer_stats.orders, pair_stats.rides]}
"""

UTC = datetime.timezone.utc
T = datetime.datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
STAMP = pyarrow.timestamp("us", tz="UTC")
KINDS = {"acc_rate": pyarrow.float32(), "level": pyarrow.int32(), "blob": pyarrow.binary(), "hist": pyarrow.list_(pyarrow.float64()),
         "tags": pyarrow.list_(pyarrow.string()), "at": STAMP, "last_seen": STAMP}


def day(year, month, number):
    return datetime.datetime(year, month, number, tzinfo=UTC)


SOURCES = {
    "stats": [
        {"driver_id": 1001, "at": T, "conv_rate": 0.1, "acc_rate": 0.1, "trips": 7, "level": -3, "name": "Zo\u00eb \"q\" \n",
         "active": True, "last_seen": T, "blob": b"\x00\xff", "hist": [1.5, 2.0], "tags": ["a", "b"]},
        {"driver_id": 1002, "at": day(2024, 1, 2), "conv_rate": None, "acc_rate": None, "trips": 9007199254740993, "level": 2,
         "name": None, "active": None, "last_seen": T, "blob": None, "hist": [], "tags": None},
        {"driver_id": 1003, "at": T, "conv_rate": float("nan"), "acc_rate": float("inf"), "trips": 0, "level": 0, "name": "",
         "active": False, "last_seen": T, "blob": b"", "hist": [float("nan"), 1e300], "tags": [""]},
    ],
    "short": [{"driver_id": 1001, "at": T, "temp": 36.6}],
    "forever": [
        {"driver_id": 1001, "at": T, "score": 1e21, "conv_rate": 5e-324},
        {"driver_id": 1005, "at": day(2024, 1, 3), "score": 2.5, "conv_rate": 0.5},
        {"driver_id": 1005, "at": day(2023, 1, 3), "score": 1.5, "conv_rate": 0.5},
    ],
    "customers": [{"customer": "5", "at": T, "orders": 3}, {"customer": "\u00e9", "at": T, "orders": 4}],
    "pairs": [{"customer": "5", "driver_id": 1001, "at": T, "rides": 2}],
    "pushes": [{"driver_id": 1007, "at": day(2024, 1, 3), "p": 9.5}],
}


def make(definitions=DEFINITIONS, sources=None):
    """The project, built and materialized."""
    made = project.Project(definitions)
    for name, rows in (sources or SOURCES).items():
        columns = {column: pyarrow.array([row[column] for row in rows], KINDS.get(column)) for column in rows[0]}
        pyarrow.parquet.write_table(pyarrow.table(columns), made.dir / "data" / f"{name}.parquet")
    made.done("build")
    made.done("materialize", "--at", CLOCK)
    return made


class Server:
    """`asof serve` on a port that it picks itself."""

    def __init__(self, where, *args):
        self.process = subprocess.Popen([*ATTACHED, project.BIN, "serve", "--listen", "127.0.0.1:0", "--clock", CLOCK + "!", *args], cwd=where,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            if found := re.search(r"listening on 127\.0\.0\.1:(\d+)", line):
                break
        else:
            self.process.wait(project.DEADLINE_S)
            raise AssertionError("the server ended: " + "".join(lines))
        self.port = int(found.group(1))
        threading.Thread(target=lambda: lines.extend(self.process.stderr), daemon=True).start()

    def stop(self):
        self.process.kill()
        self.process.wait(project.DEADLINE_S)
        self.process.stderr.close()

    def send(self, method, path, body=None, content_type="application/json"):
        """Status and body, as JSON where it is some; a body may be text or what JSON is made from."""
        if body is not None and not isinstance(body, str):
            body = json.dumps(body)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=project.DEADLINE_S)
        try:
            connection.request(method, path, None if body is None else body.encode(),
                               {"X-Request-ID": "golden", **({} if body is None else {"Content-Type": content_type})})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or "null")
        finally:
            connection.close()
