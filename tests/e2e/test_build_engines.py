"""A build by the kernel and one by the reference SQL store the same rows: of the flights, and of random events."""
import json
import os
import random
import shutil
import unittest

from project import Project, run
from test_flights import DATA, EXAMPLE

DEFINITIONS = """
entities:
  shop: {keys: {region: string, number: int32}}
sources:
  sales:
    path: data/sales.csv
    event_time: at
    %s
    on_bad_row: skip
views:
  hourly:
    entity: shop
    source: sales
    step: 1h
    features:
      rows: {agg: count, windows: [1d]}
      amount: {column: amount, agg: [sum, mean, min, max, std, median, first, last, count_distinct], windows: [1d]}
      pieces: {column: pieces, agg: [sum, var, max, last], windows: [2h]}
      note: {column: note, agg: [count, first, last, count_distinct], windows: [1d]}
  each:
    entity: shop
    source: sales
    step: event
    features:
      amount: {column: amount, agg: [sum, std], windows: [90m]}
  last:
    entity: shop
    source: sales
    features: [amount, pieces, note]
"""
CREATED = "created_time: known"


def sales(seed, count):
    """A CSV of random rows: ties, NULLs, rows without a key or a time, some known late or early."""
    r = random.Random(seed)
    lines = ["region,number,at,known,amount,pieces,note"]
    for _ in range(count):
        minute = r.randrange(6 * 60)
        at = f"2024-03-01 {minute // 60:02d}:{minute % 60:02d}:00"
        late = min(max(minute + r.choice((-90, 0, 1, 30, 240)), 0), 23 * 60)
        known = f"2024-03-01 {late // 60:02d}:{late % 60:02d}:00"
        lines.append(",".join((
            r.choice(("north", "south", "")), str(r.randrange(3)), r.choice((at,) * 20 + ("",)), r.choice((known, known, "")),
            r.choice(("", "0.1", str(r.random()), str(r.randrange(9)))), r.choice(("", str(r.randrange(-9, 9)))),
            r.choice(("", "a", "bb", "a note that is longer than sixteen bytes")))))
    return "\n".join(lines) + "\n"


def built(test, folder, engine, *options):
    for name in ("lake", "catalog.db"):
        path = os.path.join(folder, name)
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.exists(path):
            os.remove(path)
    result = run("build", "--engine", engine, "--json", *options, cwd=folder)
    test.assertEqual(result.returncode, 0, result.stderr)
    views = json.loads(result.stdout)["views"]
    test.assertEqual({view["engine"] for view in views}, {engine})
    return {view["view"]: [view[name] for name in ("rows", "source_rows", "bad_rows", "null_key_rows", "floored_rows")]
            for view in views}


def asked(test, folder, sql):
    result = run("sql", sql, "--json", cwd=folder)
    test.assertEqual(result.returncode, 0, result.stderr)
    return json.loads(result.stdout)


class Engines(unittest.TestCase):
    def compare(self, folder, questions, *options):
        answers = []
        for engine in ("sql", "kernel"):
            reports = built(self, folder, engine, *options)
            answers.append((reports, [asked(self, folder, sql) for sql in questions]))
        self.assertEqual(answers[0], answers[1])
        return answers[0]

    def test_random_events(self):
        for seed in range(3):
            for created in ("", CREATED):
                with self.subTest(seed=seed, created=created), \
                        Project(DEFINITIONS % created, files={"data/sales.csv": sales(seed, 400)}) as shop:
                    # The commit's time differs, and with it what was created when nothing else says so.
                    known = "COLUMNS(name -> name NOT LIKE '%created%')"
                    _, rows = self.compare(shop.dir, [f"SELECT {known} FROM {table} ORDER BY ALL"
                                                      for table in ("hourly__tiles", "each__tiles", "last")])
                    self.assertGreater(len(rows[0]["rows"]), 10)

    @unittest.skipIf(DATA is None, "no flights; run scripts/fetch-flights.sh")
    def test_flights(self):
        with Project() as place:
            folder = os.path.join(place.dir, "flights")
            shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("data", "lake", "online", "out", "catalog.db*"))
            os.symlink(DATA, os.path.join(folder, "data"))
            parts = "count(*), sum(hash(COLUMNS(* EXCLUDE (created_time))))"
            self.compare(folder, [f"SELECT {parts} FROM {view}" for view in
                                  ("departures__tiles", "routes__tiles", "airports")])


if __name__ == "__main__":
    unittest.main()
