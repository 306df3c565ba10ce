"""`asof join`: the spine as it was, features as they were, and the same file again from its manifest."""
import datetime
import json
import unittest

import pyarrow

import project
from project import Project
from steps import answer, build, read_parquet, refused, rows, write_parquet

HEAD = "id,ordered_at,amount,note\n"


def at(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)


class Case(unittest.TestCase):
    def make(self, *args, **options):
        shop = Project(*args, **options)
        self.addCleanup(shop.remove)
        return shop

    def join(self, shop, features, *args, spine="spine.csv", out="train.parquet"):
        self.report = answer(shop, "join", "--spine", spine, "--features", features, "--out", out, *args)
        return read_parquet(shop, out) if out.endswith(".parquet") else (shop.dir / out).read_text()


class Shared(Case):
    """Joins that change nothing: one project for all."""

    @classmethod
    def setUpClass(cls):
        cls.shop = Project()
        cls.addClassCleanup(cls.shop.remove)
        cls.shop.done("build", "-q")

    def test_the_spine_is_kept_in_its_order_with_the_values_of_its_times(self):
        found = self.join(self.shop, "spending.*,last.price")
        self.assertEqual([(row["id"], row["label"], row["spending__orders_count_1d"], row["spending__amount_sum_1d"],
                           row["spending__amount_max_1d"], row["last__price"]) for row in found],
                         [(1, 0, 2, 15.0, 10.5, 4.5), (2, 1, 1, 7.0, 7.0, 7.0), (3, 0, None, None, None, 0.0), (1, 1, None, None, None, 0.0)])
        self.assertEqual(list(found[0]), ["id", "event_time", "label", "spending__orders_count_1d", "spending__amount_sum_1d",
                                          "spending__amount_max_1d", "last__price"])
        self.assertEqual((self.report["rows"], self.report["columns"], self.report["features"]), (4, 7, 4))
        self.assertEqual({view["view"]: view["matched"] for view in self.report["views"]}["spending"], 2)

    def test_a_service_gives_its_features_in_its_order(self):
        self.shop.done("join", "-q", "--spine", "spine.csv", "--service", "model", "--out", "s.csv")
        self.assertEqual((self.shop.dir / "s.csv").read_text().splitlines()[0],
                         "id,event_time,label,spending__amount_sum_1d,last__price")

    def test_duplicates_nulls_and_any_order_stay(self):
        times = [at("2024-01-02T09:00:00"), at("2024-01-01T12:15:00"), None, at("2024-01-01T12:15:00"), at("2024-01-01T12:15:00"),
                 at("2024-01-01T12:14:59.999999")]
        write_parquet(self.shop, "s.parquet", {"id": [2, 1, 1, 1, None, 1], "t": pyarrow.array(times, pyarrow.timestamp("us", "UTC")),
                                               "extra": [["a"], None, [], ["b", "c"], ["d"], ["e"]]})
        found = self.join(self.shop, "last.price,spending.orders_count_1d", spine="s.parquet")
        self.assertEqual([(row["id"], row["t"], row["extra"]) for row in found],
                         list(zip([2, 1, 1, 1, None, 1], times, [["a"], None, [], ["b", "c"], ["d"], ["e"]])))
        self.assertEqual([row["last__price"] for row in found], [1.0, 4.5, None, 4.5, None, 10.5])
        self.assertEqual([row["spending__orders_count_1d"] for row in found], [2, 1, None, 1, None, 1])

    def test_csv_and_json_spines_give_what_parquet_gives(self):
        expected = self.join(self.shop, "spending.*,last.*")
        lines = [line.split(",") for line in project.SPINE.splitlines()[1:]]
        items = [{"id": int(line[0]), "event_time": line[1].replace(" ", "T") + "Z", "label": int(line[2])} for line in lines]
        self.shop.write("s.json", "".join(json.dumps(item) + "\n" for item in items))
        write_parquet(self.shop, "s2.parquet", {"id": [item["id"] for item in items],
                                                "event_time": [at(item["event_time"][:-1]) for item in items],
                                                "label": [item["label"] for item in items]})
        for spine in ("s.json", "s2.parquet"):
            found = self.join(self.shop, "spending.*,last.*", spine=spine)
            for row, other in zip(found, expected, strict=True):
                self.assertEqual({name: value for name, value in row.items() if name != "event_time"},
                                 {name: value for name, value in other.items() if name != "event_time"})

    def test_an_empty_spine_gives_an_empty_training_set(self):
        write_parquet(self.shop, "e.parquet", {"id": pyarrow.array([], pyarrow.int64()),
                                               "event_time": pyarrow.array([], pyarrow.timestamp("us"))})
        self.assertEqual(self.join(self.shop, "spending.*,last.price", spine="e.parquet"), [])
        self.assertEqual(self.report["columns"], 6)

    def test_the_time_column_may_have_any_name(self):
        self.shop.write("two.csv", "id,seen,other\n1,2024-01-01 13:00:00,2024-01-01 11:00:00\n")
        found = self.join(self.shop, "last.price", "--time-column", "other", spine="two.csv")
        self.assertEqual(found[0]["last__price"], 10.5)
        self.assertIn("--time-column", refused(self, 2, self.shop, "join", "--spine", "two.csv", "--features", "last.price",
                                               "--out", "x.csv"))
        self.shop.write("one.csv", "id,seen\n1,2024-01-01 13:00:00\n")
        self.assertEqual(self.join(self.shop, "last.price", spine="one.csv")[0]["last__price"], 4.5)

    def test_csv_output_quotes_what_needs_it_and_tells_null_from_empty(self):
        text = self.join(self.shop, "last.note", out="n.csv")
        self.assertEqual(text.splitlines(), ["id,event_time,label,last__note", '1,2024-01-01 13:00:00,0,"a, ""b"""',
                                             "2,2024-01-01 13:00:00,1,Z\u00fcrich", "3,2024-01-01 13:00:00,0,", "1,2024-01-01 10:00:00,1,"])

    def test_what_is_wrong_is_said_and_nothing_is_written(self):
        write_parquet(self.shop, "typed.parquet", {"id": ["a"], "event_time": [at("2024-01-01T00:00:00")]})
        write_parquet(self.shop, "floats.parquet", {"id": [1.5], "event_time": [at("2024-01-01T00:00:00")]})
        self.shop.write("keyless.csv", "idd,event_time\n1,2024-01-01\n")
        self.shop.write("timeless.csv", "id,event_time\n1,yesterday\n")
        self.shop.write("taken.csv", "id,event_time,last__price\n1,2024-01-01,5\n")
        self.shop.write("twice.csv", "id,event_time,label,label\n1,2024-01-01,5,6\n")
        self.shop.write("spine.xls", "id\n")
        for args, status, *words in (
                (("keyless.csv", "last.price"), 2, "keyless.csv", "'id'", "'idd'"),
                (("typed.parquet", "last.price"), 2, "typed.parquet", "'id'", "int64"),
                (("floats.parquet", "last.price"), 2, "floats.parquet", "'id'", "int64"),
                (("timeless.csv", "last.price"), 2, "timeless.csv", "event_time"),
                (("taken.csv", "last.price"), 2, "taken.csv", "'last__price'"),
                (("spine.xls", "last.price"), 2, "spine.xls", ".csv"),
                (("none.csv", "last.price"), 2, "none.csv"),
                (("spine.csv", "last.prize"), 2, "'price'"),
                (("spine.csv", "lst.price"), 2, "'last'"),
                (("spine.csv", "last"), 2, "'last'", "view.feature"),
                (("spine.csv", "last@1.0.7.price"), 2, "1.0.7"),
                (("spine.csv", "last@x.price"), 2, "last@x")):
            with self.subTest(args):
                said = refused(self, status, self.shop, "join", "--spine", args[0], "--features", args[1], "--out", "no.parquet")
                for word in words:
                    self.assertIn(word, said)
                self.assertFalse((self.shop.dir / "no.parquet").exists())
                self.assertFalse((self.shop.dir / "no.parquet.asof.json").exists())
        said = refused(self, 2, self.shop, "join", "--spine", "spine.csv", "--service", "modl", "--out", "no.parquet")
        self.assertIn("'model'", said)
        said = refused(self, 2, self.shop, "join", "--spine", "spine.csv", "--service", "model", "--features", "last.price", "--out",
                       "no.parquet")
        self.assertIn("cannot go together", said)

    def test_the_spine_is_never_written_over(self):
        (self.shop.dir / "link.csv").symlink_to("spine.csv")
        for out in ("spine.csv", "./spine.csv", "link.csv", str(self.shop.dir / "spine.csv")):
            self.assertIn("the spine itself", refused(self, 2, self.shop, "join", "--spine", "spine.csv", "--features", "last.price",
                                                      "--out", out))
        self.assertEqual((self.shop.dir / "spine.csv").read_text(), project.SPINE)

    def test_a_directory_that_does_not_exist_is_not_made(self):
        self.assertIn("no/dir", refused(self, 2, self.shop, "join", "--spine", "spine.csv", "--features", "last.price", "--out",
                                        "no/dir/x.csv"))
        self.assertFalse((self.shop.dir / "no").exists())

    def test_threads_make_no_difference(self):
        first = self.join(self.shop, "spending.*,last.*", "--threads", "1", out="t1.csv")
        self.assertEqual(self.join(self.shop, "spending.*,last.*", "--threads", "4", out="t4.csv"), first)


class Memory(Case):
    """More rows and answers than --memory has room for at once."""
    KEYS, HOURS = 2000, 200

    def test_a_memory_bound_makes_no_difference(self):
        shop = self.make("""
entities: {u: {keys: {id: string}}}
sources: {s: {path: data/events.parquet, event_time: at}}
views:
  v:
    entity: u
    source: s
    step: 1h
    features: {v: {column: v, agg: [sum, mean, std, max], windows: [2h, 6h, 1d, 2d]}}
""")
        start = at("2024-01-01T00:00:00")
        keys = [f"customer {key}" for key in range(self.KEYS)]
        times = [start + datetime.timedelta(hours=hour) for hour in range(self.HOURS)]
        events = [time for time in (times[10], times[30], times[31]) for _ in keys]
        write_parquet(shop, "data/events.parquet", {"id": keys * 3, "at": events, "v": [i % 7 for i in range(len(events))]})
        write_parquet(shop, "spine.parquet", {"id": [key for key in keys for _ in times], "event_time": times * self.KEYS})
        shop.done("build", "-q")
        for name, args in (("roomy", []), ("tight", ["--memory", "128MiB"])):
            shop.done("join", "-q", "--threads", "1", *args, "--spine", "spine.parquet", "--features", "v.*", "--out", f"{name}.parquet")
        self.assertEqual(read_parquet(shop, "tight.parquet"), read_parquet(shop, "roomy.parquet"))


class Rules(Case):
    SPINE = "id,event_time\n1,2024-01-01 12:59:00\n1,2024-01-01 13:00:00\n1,2024-01-01 15:15:00\n1,2024-01-01 15:15:01\n"

    def values(self, old, new, feature):
        shop = self.make(project.DEFINITIONS.replace(old, new), files={"spine.csv": self.SPINE})
        build(shop)
        return [row[feature.replace(".", "__")] for row in self.join(shop, feature)]

    def test_available_after_hides_what_was_not_known_yet(self):
        last = "  last:\n"
        self.assertEqual(self.values(last, last + "    available_after: 3h\n", "last.price"), [0.0, 0.0, 4.5, 4.5])
        self.assertEqual(self.values("step: 1h", "step: 1h\n    available_after: 2h", "spending.orders_count_1d"), [None, 1, 2, 2])

    def test_max_age_ends_a_value(self):
        last = "  last:\n"
        self.assertEqual(self.values(last, last + "    max_age: 3h\n", "last.price"), [4.5, 4.5, 4.5, 0.0])

    def test_windows_move_in_steps(self):
        self.assertEqual(self.values("{agg: count, windows: [1d]}", "{agg: count, windows: [1h, 1d]}", "spending.orders_count_1h"),
                         [0, 1, 0, 0])


class Knowledge(Case):
    DEFINITIONS = project.DEFINITIONS.replace("event_time: ordered_at", "event_time: ordered_at, created_time: loaded_at")
    FILES = {"data/orders.csv": "id,ordered_at,amount,note,loaded_at\n"
                                "1,2024-01-01 10:30:00,1,a,2024-01-01 10:31:00\n"
                                "1,2024-01-01 10:30:00,2,b,2024-01-03 00:00:00\n",
             "spine.csv": "id,event_time\n1,2024-01-02 00:00:00\n1,2024-01-04 00:00:00\n"}

    def test_known_at_label_and_known_at_a_time(self):
        shop = self.make(self.DEFINITIONS, files=self.FILES)
        build(shop)
        for args, prices, sums in (((), [2, 2], [3, None]), (("--known-at", "label"), [1, 2], [1, None]),
                                   (("--known-at", "2024-01-02"), [1, 1], [1, None]),
                                   (("--known-at", "2024-01-01T10:00:00Z"), [0, 0], [None, None])):
            with self.subTest(args):
                found = self.join(shop, "last.price,spending.amount_sum_1d", *args)
                self.assertEqual([row["last__price"] for row in found], prices)
                self.assertEqual([row["spending__amount_sum_1d"] for row in found], sums)

    def test_a_time_between_steps_is_told(self):
        shop = self.make(self.DEFINITIONS, files=self.FILES)
        build(shop)
        self.join(shop, "spending.amount_sum_1d", "--known-at", "2024-01-02T00:30:00Z")
        self.assertTrue(any("spending" in note for note in self.report["notes"]), self.report)
        self.join(shop, "spending.amount_sum_1d", "--known-at", "2024-01-02T00:00:00Z")
        self.assertEqual(self.report["notes"], [])

    def test_without_created_time_it_is_the_commit_that_counts(self):
        shop = self.make()
        build(shop)
        self.assertEqual([row["last__price"] for row in self.join(shop, "last.price", "--known-at", "2024-02-01")], [0.0] * 4)
        self.assertEqual([row["last__price"] for row in self.join(shop, "last.price", "--known-at", "2999-01-01")], [4.5, 7.0, 0.0, 0.0])


class Versions(Case):
    def setUp(self):
        self.shop = self.make(project.DEFINITIONS.replace("data/orders.csv", "data/*.csv"))
        build(self.shop)
        self.published = [item["published"] for item in answer(self.shop, "list", "versions")["versions"]]

    def add(self):
        self.shop.write("data/more.csv", HEAD + "1,2024-01-01 12:30:00,100.0,new\n")
        self.assertEqual({view["version"] for view in build(self.shop).values()}, {"1.0.1"})

    def test_each_version_can_be_joined(self):
        self.add()
        for name, price in (("last", 100.0), ("last@latest", 100.0), ("last@1", 100.0), ("last@1.0.1", 100.0), ("last@1.0.0", 4.5)):
            with self.subTest(name):
                found = self.join(self.shop, name + ".price")
                self.assertEqual(found[0]["last__price"], price)
                self.assertEqual(self.report["views"][0]["version"], "1.0.0" if price == 4.5 else "1.0.1")
        self.assertIn("two versions", refused(self, 2, self.shop, "join", "--spine", "spine.csv", "--out", "x.csv", "--features",
                                              "last@1.0.0.price,last@1.0.1.note"))

    def test_as_of_reads_what_was_current_then(self):
        self.add()
        self.assertEqual(self.join(self.shop, "last.price", "--as-of", max(self.published))[0]["last__price"], 4.5)
        self.assertEqual(self.join(self.shop, "last.price", "--as-of", "2999-01-01")[0]["last__price"], 100.0)
        said = refused(self, 2, self.shop, "join", "--spine", "spine.csv", "--features", "last.price", "--out", "x.csv",
                       "--as-of", "2000-01-01")
        self.assertIn("last", said)

    def test_a_view_that_was_never_built_exits_2_and_says_so(self):
        with Project() as shop:
            self.assertIn("asof build", refused(self, 2, shop, "join", "--spine", "spine.csv", "--features", "last.price", "--out", "x.csv"))

    def test_a_manifest_repeats_the_file_byte_for_byte(self):
        for args in (("--service", "model"), ("--features", "spending.*,last@1.0.0.*", "--known-at", "2999-01-01"),
                     ("--service", "model", "--known-at", "label"), ("--service", "model", "--time-column", "event_time")):
            for ending in ("parquet", "csv"):
                with self.subTest(args=args, ending=ending):
                    self.shop.done("join", "-q", "--spine", "spine.csv", "--out", f"first.{ending}", *args)
                    self.shop.write("data/zz.csv", HEAD + "1,2024-01-01 12:45:00,50.0,newer\n")
                    build(self.shop)
                    self.shop.done("join", "-q", "--from-manifest", f"first.{ending}.asof.json", "--out", f"again.{ending}")
                    self.assertEqual((self.shop.dir / f"again.{ending}").read_bytes(), (self.shop.dir / f"first.{ending}").read_bytes())
                    again, first = (json.loads((self.shop.dir / f"{name}.{ending}.asof.json").read_text()) for name in ("again", "first"))
                    self.assertEqual({**again, "made": None}, {**first, "made": None})
                    (self.shop.dir / "data/zz.csv").unlink()
                    build(self.shop)

    def test_a_manifest_repeats_the_means_too(self):
        """Where row groups end hangs on threads and memory: the manifest says with which the file was written."""
        self.shop.done("join", "-q", "--threads", "1", "--memory", "300MiB", "--spine", "spine.csv", "--service", "model", "--out", "first.parquet")
        self.shop.done("join", "-q", "--from-manifest", "first.parquet.asof.json", "--out", "again.parquet")
        again, first = (json.loads((self.shop.dir / f"{name}.parquet.asof.json").read_text()) for name in ("again", "first"))
        self.assertEqual((first["threads"], first["memory_bytes"], first["engine"]), (1, 300 << 20, "kernel"))
        self.assertEqual({**again, "made": None}, {**first, "made": None})
        self.assertEqual((self.shop.dir / "again.parquet").read_bytes(), (self.shop.dir / "first.parquet").read_bytes())

    def test_a_manifest_outlives_the_definitions(self):
        self.shop.done("join", "-q", "--spine", "spine.csv", "--features", "spending.*,last.note", "--out", "first.csv")
        self.shop.write("features/shop.yaml", project.DEFINITIONS.replace("      note: {column: note}\n", "")
                        .replace("[sum, max]", "[sum]").replace("step: 1h", "step: 30m"))
        self.shop.done("apply", "--yes", "-q")
        build(self.shop)
        self.shop.done("join", "-q", "--from-manifest", "first.csv.asof.json", "--out", "again.csv")
        self.assertEqual((self.shop.dir / "again.csv").read_bytes(), (self.shop.dir / "first.csv").read_bytes())

    def test_a_manifest_records_what_the_file_was_made_from(self):
        self.join(self.shop, "last.price")
        manifest = json.loads((self.shop.dir / "train.parquet.asof.json").read_text())
        shown = answer(self.shop, "show", "last")
        self.assertEqual([(view["view"], view["version"], view["definition_hash"]) for view in manifest["views"]],
                         [("last", "1.0.0", shown["definition_hash"])])
        self.assertEqual((manifest["rows"], manifest["time_column"], manifest["spine"]), (4, "event_time", str((self.shop.dir / "spine.csv").resolve())))

    def test_a_manifest_that_is_none_exits_and_says_which(self):
        self.shop.write("bad.asof.json", "{\"rows\": ")
        self.assertIn("bad.asof.json", self.shop.run("join", "--from-manifest", "bad.asof.json", "--out", "x.csv").stderr)
        self.assertIn(self.shop.run("join", "--from-manifest", "bad.asof.json", "--out", "x.csv").returncode, (1, 2))
        self.assertIn("no.json", refused(self, 2, self.shop, "join", "--from-manifest", "no.json", "--out", "x.csv"))


class Keys(Case):
    def test_composite_keys_of_several_types(self):
        text = """
entities:
  route: {keys: {origin: string, day: date, number: int64}}
sources:
  trips: {path: data/trips.csv, event_time: seen}
views:
  trip:
    entity: route
    source: trips
    keys: {number: "n"}
    features: {price: {column: price}}
"""
        trips = "origin,day,n,seen,price\n007,2024-01-01,1,2024-01-01 10:00:00,5\na,2024-01-01,1,2024-01-01 10:00:00,6\n"
        spine = "origin,number,day,event_time\n007,1,2024-01-01,2024-01-02\n7,1,2024-01-01,2024-01-02\na,1,2024-01-01,2024-01-02\n"
        shop = self.make(text, files={"data/trips.csv": trips, "spine.csv": spine})
        build(shop)
        found = self.join(shop, "trip.price")
        self.assertEqual([(row["origin"], row["trip__price"]) for row in found], [("007", 5), ("7", None), ("a", 6)])
        self.assertEqual(rows(shop, "select origin, number, price from trip order by all"), [("007", 1, 5), ("a", 1, 6)])


if __name__ == "__main__":
    unittest.main()
