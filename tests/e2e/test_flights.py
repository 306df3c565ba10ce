"""The flights example, end to end on the real data, held against SQL of DuckDB's own.

Needs examples/flights/data, or the cache that `make setup` fills; it says so, and skips, where there is neither.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import duckdb

ROOT = os.environ.get("ASOF_SOURCE_DIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ASOF = os.path.abspath(os.environ.get("ASOF_BIN") or os.path.join(ROOT, "build", "release", "asof"))
EXAMPLE = os.path.join(ROOT, "examples", "flights")
CACHE = os.environ.get("ASOF_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "asof")
FILES = ("flights-3m.parquet", "airports.csv")
AT = "2001-06-30T00:00:00Z"
WINDOWS = {"1h": 1, "6h": 6, "1d": 24, "7d": 168}
JUNE = "date >= '2001-06-01' AND date < '2001-07-01'"


def find_data():
    for folder in (os.path.join(EXAMPLE, "data"), os.path.join(CACHE, "flights")):
        if all(os.path.isfile(os.path.join(folder, name)) for name in FILES):
            return folder
    return None


DATA = find_data()
if DATA is None:
    print("SKIPPED: no flights; run scripts/fetch-flights.sh", file=sys.stderr)


def close(a, b):
    if a is None or b is None or isinstance(a, str):
        return a == b
    return abs(a - b) <= 1e-9 * max(1.0, abs(a), abs(b))


@unittest.skipIf(DATA is None, "no flights; run scripts/fetch-flights.sh")
class Flights(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="asof-flights-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.project = os.path.join(cls.folder, "flights")
        shutil.copytree(EXAMPLE, cls.project,
                        ignore=shutil.ignore_patterns("data", "lake", "online", "out", "catalog.db*"))
        os.symlink(DATA, os.path.join(cls.project, "data"))
        cls.flights = os.path.join(DATA, FILES[0])
        cls.db = duckdb.connect()
        cls.built = cls.asof_json("build", "--threads", "2")
        cls.spine = os.path.join(cls.folder, "spine.parquet")
        cls.asof("sql", f"COPY (SELECT date, origin, destination, delay > 15 AS label FROM flights WHERE {JUNE}"
                        f" ORDER BY ALL) TO '{cls.spine}' (FORMAT parquet)")
        cls.training = os.path.join(cls.folder, "training.parquet")
        cls.joined = cls.join(cls.training, "--threads", "2")

    @classmethod
    def asof(cls, *arguments):
        done = subprocess.run([ASOF, "-q", "-C", cls.project, *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"asof {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")
        return done.stdout

    @classmethod
    def asof_json(cls, *arguments):
        return json.loads(cls.asof("--json", *arguments))

    @classmethod
    def join(cls, out, *arguments):
        return cls.asof_json("join", "--spine", cls.spine, "--time-column", "date", "--service", "delay_model", "--out",
                             out, *arguments)

    def sql(self, query):
        return self.db.execute(query).fetchall()

    def test_a_first_build_publishes_1_0_0_of_each_view_from_all_rows(self):
        views = {view["view"]: view for view in self.built["views"]}
        self.assertEqual({name: view["version"] for name, view in views.items()},
                         {"departures": "1.0.0", "routes": "1.0.0", "airports": "1.0.0"})
        self.assertEqual(views["departures"]["source_rows"], 3_000_000)
        self.assertEqual(views["routes"]["source_rows"], 3_000_000)
        self.assertEqual(views["airports"]["rows"], 3376)

    def test_there_is_one_tile_per_airport_and_hour_with_flights(self):
        hours = "date_trunc('hour', date - INTERVAL 1 microsecond)"
        for view, keys in (("departures", "origin"), ("routes", "origin, destination")):
            rows = next(item["rows"] for item in self.built["views"] if item["view"] == view)
            self.assertEqual(rows, self.sql(f"SELECT count(*) FROM (SELECT DISTINCT {keys}, {hours} FROM '{self.flights}')")[0][0])

    def test_229_airports_have_departures(self):
        shown = self.asof_json("sql", "SELECT count(DISTINCT origin) AS airports FROM departures__tiles")
        self.assertEqual(shown["rows"], [{"airports": 229}])
        self.assertEqual(self.sql(f"SELECT count(DISTINCT origin), count(DISTINCT destination) FROM '{self.flights}'"), [(229, 228)])

    def test_the_training_set_is_the_spine_with_46_features(self):
        self.assertEqual(self.joined["rows"], 502_222)
        columns = [row[0] for row in self.sql(f"DESCRIBE FROM '{self.training}'")]
        self.assertEqual(columns[:4], ["date", "origin", "destination", "label"])
        self.assertEqual(len(columns), 4 + 20 + 20 + 6)
        moved = self.sql(f"""SELECT count(*) FROM (SELECT row_number() OVER () n, * FROM '{self.spine}') s
            POSITIONAL JOIN (SELECT date d, origin o, destination t, label l FROM '{self.training}') x
            WHERE (s.date, s.origin, s.destination, s.label) IS DISTINCT FROM (x.d, x.o, x.t, x.l)""")[0][0]
        self.assertEqual(moved, 0, "rows of the spine moved or changed")

    def test_joined_windows_equal_independent_sql(self):
        for view, keys in (("departures", ["origin"]), ("routes", ["origin", "destination"])):
            same = " AND ".join(f"f.{key} = s.{key}" for key in keys)
            for window, hours in WINDOWS.items():
                names = [f"{view}__{name}_{window}" for name in
                         ("flights_count", "delay_mean", "delay_std", "delay_max", "late_mean")]
                rows = self.sql(f"""WITH s AS (SELECT row_number() OVER () AS n, *, date_trunc('hour', date - INTERVAL 3 hours) AS upto
                    FROM '{self.training}'), picked AS (FROM s WHERE n % 9973 = 0 OR n IN (1, 2, 502222))
                    SELECT s.n, {', '.join('any_value(s.' + name + ')' for name in names)},
                    count(f.date), avg(f.delay), stddev_samp(f.delay), max(f.delay), avg((f.delay > 15)::INT)
                    FROM picked s LEFT JOIN '{self.flights}' f ON {same} AND f.date > s.upto - INTERVAL {hours} hours
                    AND f.date <= s.upto GROUP BY s.n ORDER BY s.n""")
                self.assertGreater(len(rows), 50)
                for row in rows:
                    ours, theirs = row[1:6], row[6:]
                    with self.subTest(view=view, window=window, row=row[0]):
                        if ours[0] is None:  # no tile for 30 days
                            self.assertEqual(theirs[0], 0)
                        else:
                            self.assertTrue(all(map(close, ours, theirs)), f"{ours} against {theirs}")

    def test_results_do_not_depend_on_threads(self):
        some, other = os.path.join(self.folder, "some.parquet"), os.path.join(self.folder, "one.parquet")
        self.sql(f"COPY (FROM '{self.spine}' WHERE date >= '2001-06-27' ORDER BY hash(date, origin)) TO '{some}'")
        joined = self.asof_json("join", "--spine", some, "--time-column", "date", "--service", "delay_model", "--out", other,
                                "--threads", "1")
        self.assertGreater(joined["rows"], 50_000)
        differing = self.sql(f"""SELECT count(*) FROM (FROM '{other}' EXCEPT ALL
            (FROM '{self.training}' WHERE date >= '2001-06-27'))""")[0][0]
        self.assertEqual(differing, 0)

    def leak(self, path):
        return self.sql(f"""SELECT count(routes__late_mean_1h), count(*) FILTER (routes__flights_count_1h = 1),
            round(corr(routes__late_mean_1h, label::INT), 3) FROM '{path}'""")[0]

    def test_available_after_prevents_the_leak_that_the_guide_shows(self):
        self.assertEqual(self.leak(self.training), (169_277, 123_607, 0.21))
        folder, out = os.path.join(self.project, "leak"), os.path.join(self.folder, "leaked.parquet")
        for command in (["build"], ["join", "--spine", self.spine, "--time-column", "date", "--out", out, "--features",
                                    "routes.flights_count_1h,routes.late_mean_1h"]):
            subprocess.run([ASOF, "-q", "-C", folder, *command], check=True, capture_output=True)
        self.assertEqual(self.leak(out), (502_222, 371_375, 0.946))

    def test_what_is_served_equals_a_join_at_the_clock(self):
        self.asof("materialize", "--at", AT)
        clocks = (AT, "2001-06-30T05:30:00Z", "2001-07-03T00:00:00Z")
        keys = [("ORD", "LAX"), ("ATL", "JFK"), ("ABE", "ORD"), ("ZZZ", "YYY")]
        # As if no flight after AT existed: a copy of the project whose source ends there.
        past = os.path.join(self.folder, "past")
        shutil.copytree(self.project, past, symlinks=True,
                        ignore=shutil.ignore_patterns("lake", "online", "out", "catalog.db*"))
        sources = os.path.join(past, "features", "sources.yaml")
        with open(sources, encoding="utf-8") as file:
            text = file.read().replace("    event_time: date\n", f"    event_time: date\n    filter: \"date <= '{AT[:10]}'\"\n")
        with open(sources, "w", encoding="utf-8") as file:
            file.write(text)
        spine, out = os.path.join(self.folder, "clocks.csv"), os.path.join(self.folder, "clocks.parquet")
        with open(spine, "w", encoding="utf-8") as file:
            file.write("origin,destination,event_time\n")
            file.writelines(f"{o},{d},{clock}\n" for clock in clocks for o, d in keys)
        for command in (["build"], ["join", "--spine", spine, "--service", "delay_model", "--out", out]):
            subprocess.run([ASOF, "-q", "-C", past, *command], check=True, capture_output=True)
        table = self.db.execute(f"FROM '{out}'")
        names = [column[0] for column in table.description]
        rows = [dict(zip(names, row)) for row in table.fetchall()]
        wanted = [(clock, *key) for clock in clocks for key in keys]
        self.assertEqual(len(rows), len(wanted))
        for (clock, origin, destination), row in zip(wanted, rows):
            for view, key in (("departures", [f"origin={origin}"]), ("airports", [f"origin={origin}"]),
                              ("routes", [f"origin={origin}", f"destination={destination}"])):
                answer = json.loads(self.asof("get", view, *key, "--at", clock))
                with self.subTest(view=view, key=key, clock=clock):
                    self.assertEqual(answer["features"],
                                     {name.split("__", 1)[1]: value for name, value in row.items()
                                      if name.startswith(view + "__")})

    def test_the_checks_of_the_example_pass(self):
        self.assertTrue(self.asof_json("validate", "departures", "airports")["passed"])

    def test_a_second_build_publishes_nothing(self):
        self.assertEqual([view["published"] for view in self.asof_json("build")["views"]], [False] * 3)


if __name__ == "__main__":
    unittest.main()
