"""`asof join` passes over files and row groups whose keys the spine does not ask for, and says so; nothing changes by it."""
import datetime
import random
import unittest
import uuid

import pyarrow

from project import Project
from steps import answer, build, write_parquet

UTC = datetime.timezone.utc
START = datetime.datetime(2024, 1, 1, tzinfo=UTC)
ZONE = pyarrow.timestamp("us", "UTC")
FEATURES = "last.*,sums.*,each.*"


def definitions(key_type):
    return f"""
entities: {{u: {{keys: {{id: {key_type}}}}}}}
sources: {{s: {{path: data/*.parquet, event_time: at}}}}
views:
  last: {{entity: u, source: s, features: {{v: {{column: v, default: -1}}}}}}
  sums: {{entity: u, source: s, step: 1h, features: {{v: {{column: v, agg: sum, windows: [2d]}}}}}}
  each: {{entity: u, source: s, step: event, features: {{v: {{column: v, agg: max, windows: [36h]}}}}}}
"""


def hours(count, by, first=0):
    return pyarrow.array([START + datetime.timedelta(hours=first + (i * by) % 96) for i in range(count)], ZONE)


class Skipping(unittest.TestCase):
    def project(self, key_type, groups, type_of_key=None):
        """A table of one file per group of keys, each of them built by itself."""
        shop = Project(definitions(key_type))
        self.addCleanup(shop.remove)
        for i, keys in enumerate(groups):
            write_parquet(shop, f"data/{i}.parquet", {"id": pyarrow.array(keys, type_of_key), "at": hours(len(keys), 7),
                                                      "v": list(range(i * 1000, i * 1000 + len(keys)))})
            build(shop)
        return shop

    def spine(self, shop, keys, type_of_key=None):
        write_parquet(shop, "spine.parquet", {"id": pyarrow.array(keys, type_of_key), "event_time": hours(len(keys), 13, 48)})

    def explained(self, shop, *args):
        found = answer(shop, "explain", "--spine", "spine.parquet", "--features", FEATURES, *args)
        return {view["view"]: view for view in found["views"]}

    def same(self, shop, *args):
        """What is joined; the reference, which skips nothing, must agree."""
        texts = []
        for how in ((), ("--engine", "sql")):
            shop.done("join", "-q", "--spine", "spine.parquet", "--features", FEATURES, "--out", "out.csv", *how, *args)
            texts.append((shop.dir / "out.csv").read_text())
        self.assertEqual(*texts)
        return texts[0]

    def check(self, shop, read, whole):
        views = self.explained(shop)
        for view in views.values():
            self.assertEqual((view["files_read"], view["files"], view["skipped"]),
                             (read, whole, {"by_time": 0, "by_key": whole - read}), view["view"])
        return views["last"], self.same(shop)

    def test_integers_below_zero_are_in_order(self):
        shop = self.project("int64", [range(-300, -200), range(-20, 20), range(100, 200)])
        self.spine(shop, [-19, -9, 0, 18])
        last, _ = self.check(shop, 1, 3)
        self.assertIsNone(last["keys"])
        self.spine(shop, [-250, -10])
        self.check(shop, 2, 3)
        self.spine(shop, [-250, None, 110])
        self.check(shop, 3, 3)

    def test_the_keys_that_are_looked_for_are_told_where_they_are_few(self):
        shop = self.project("int32", [range(-300, -200), range(0, 1000)], pyarrow.int32())
        self.spine(shop, [40, 41, 60])
        last, text = self.check(shop, 1, 2)
        self.assertEqual(last["keys"], {"column": "id", "from": 40, "to": 60})
        self.assertIn("BETWEEN", last["sql"])
        self.assertEqual(len(text.splitlines()), 4)
        self.spine(shop, range(10, 1000, 10))
        last, _ = self.check(shop, 1, 2)
        self.assertIsNone(last["keys"])
        self.assertNotIn("BETWEEN", last["sql"])

    def test_texts_are_in_the_order_of_their_bytes(self):
        shop = self.project("string", [["Zoë", "a", "it's"], ["é", "ß", "中文", "语"], ["😀", "😀😀", "🚀"]])
        self.spine(shop, ["中", "中文", "语"])
        self.check(shop, 1, 3)
        self.spine(shop, ["it's", "é"])
        self.check(shop, 2, 3)
        self.spine(shop, ["", "中文"])
        self.check(shop, 2, 3)

    def test_a_text_too_long_for_the_log_is_looked_for_everywhere(self):
        shop = self.project("string", [["a" * 300, "b"], ["c", "d" * 300], ["x", "y"]])
        self.spine(shop, ["x", "y"])
        self.check(shop, 3, 3)
        self.spine(shop, ["y" * 300])
        self.check(shop, 3, 3)

    def test_a_text_with_a_nul_is_looked_for_everywhere(self):
        shop = self.project("string", [["a", "b"], ["x\0y", "x"]])
        self.spine(shop, ["x\0y", "x\0"])
        self.check(shop, 2, 2)

    def test_dates_and_times_are_keys_too(self):
        days = [[datetime.date(1969, 1, 1) + datetime.timedelta(days=i + 1000 * part) for i in range(100)] for part in range(3)]
        shop = self.project("date", days)
        self.spine(shop, days[1][20:30])
        last, _ = self.check(shop, 1, 3)
        self.assertEqual(last["keys"], {"column": "id", "from": "1971-10-18", "to": "1971-10-27"})
        times = [[START + datetime.timedelta(days=100 * part, microseconds=i * 777) for i in range(100)] for part in range(3)]
        shop = self.project("timestamp", times, ZONE)
        self.spine(shop, times[2][98:], ZONE)
        last, text = self.check(shop, 1, 3)
        self.assertNotIn(",-1,", text)
        self.assertEqual(last["keys"]["to"], "2024-07-19T00:00:00.076923Z")

    def test_uuids_are_not_looked_at(self):
        low, high = uuid.UUID(int=1).bytes, uuid.UUID(int=15 << 124).bytes
        shop = self.project("uuid", [[low], [high]], pyarrow.uuid())
        self.spine(shop, [low], pyarrow.uuid())
        self.check(shop, 2, 2)

    def test_a_spine_of_another_type_is_converted_first(self):
        shop = self.project("int64", [range(0, 10), range(100, 110)])
        (shop.dir / "spine.csv").write_text("id,event_time\n9,2024-01-05T00:00:00Z\n8,2024-01-05T00:00:00Z\n")
        self.spine(shop, [8, 9], pyarrow.int8())
        self.check(shop, 1, 2)
        views = answer(shop, "explain", "--spine", "spine.csv", "--features", FEATURES)["views"]
        self.assertEqual([view["files_read"] for view in views], [1, 1, 1])

    def test_a_spine_outside_every_file_reads_none_and_has_defaults(self):
        shop = self.project("int64", [range(0, 10), range(100, 110)])
        self.spine(shop, [50, 51, 52])
        last, text = self.check(shop, 0, 2)
        self.assertEqual((last["row_groups"], last["row_groups_read"], last["keys"]), (2, 0, None))
        self.assertEqual([line.split(",")[2] for line in text.splitlines()[1:]], ["-1"] * 3)

    def test_row_groups_are_passed_over_by_key(self):
        shop = self.project("int64", [[i // 2 for i in range(400000)]])
        self.spine(shop, range(1000, 1100))
        views = self.explained(shop)
        self.assertEqual((views["last"]["files"], views["last"]["files_read"]), (1, 1))
        for name in ("last", "each"):
            self.assertGreater(views[name]["row_groups"], 2)
            self.assertEqual(views[name]["row_groups_read"], 1, name)
        stages = answer(shop, "explain", "--analyze", "--spine", "spine.parquet", "--features", "last.*")["stages"]
        self.assertEqual([stage["rows"] for stage in stages if stage["stage"] == "scan"], [200])
        self.same(shop)

    def test_what_was_known_then_is_found_as_before(self):
        shop = self.project("int64", [range(0, 50), range(40, 90), range(200, 250)])
        self.spine(shop, [44, 45, 46])
        self.check(shop, 2, 3)
        self.same(shop, "--known-at", "label")
        self.same(shop, "--known-at", "2030-01-01T00:00:00Z")

    def test_any_keys_give_what_the_reference_gives(self):
        rng = random.Random(4)
        for _ in range(3):
            text = rng.random() < 0.5
            pool = ["".join(rng.choice("aZ'é中😀") for _ in range(rng.randrange(4))) if text else rng.randrange(-60, 60)
                    for _ in range(60)]
            pool.sort()
            cuts = sorted(rng.sample(range(1, 59), 2))
            groups = [pool[:cuts[0]], pool[cuts[0]:cuts[1]], pool[cuts[1]:]]
            shop = self.project("string" if text else "int64", groups)
            for _ in range(3):
                low = rng.randrange(59)
                keys = pool[low:low + rng.randrange(1, 20)]
                self.spine(shop, rng.choices(keys, k=rng.randrange(1, 30)))
                self.same(shop)


if __name__ == "__main__":
    unittest.main()
