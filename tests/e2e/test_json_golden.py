"""The JSON of every command as it stands in tests/golden/json. ASOF_UPDATE_GOLDEN=1 writes it anew: read the difference."""
import json
import os
import re
import unittest

import project
from project import ROOT, Project

GOLDEN = ROOT / "tests" / "golden" / "json"
NUMBERS = {"seconds", "bytes", "threads", "kernel_bytes", "planned_bytes"}
TEXTS = {"sha256", "published", "started", "made", "made_by", "created_time"}
RUN = re.compile(r"(apply|build|materialize)-\w+-[0-9a-f]+")

# name, arguments, exit status; each step goes on from the one before.
STEPS = [
    ("plan_new", ["plan"], 0),
    ("apply", ["apply"], 0),
    ("build_first", ["build", "--tag", "first"], 0),
    ("build_nothing_new", ["build"], 0),
    ("plan_none", ["plan", "--check"], 0),
    ("validate", ["validate"], 0),
    ("materialize", ["materialize", "--at", "2024-01-02T10:00:00Z"], 0),
    ("get", ["get", "spending", "id=1", "--at", "2024-01-02T10:00:00Z"], 0),
    ("get_not_found", ["get", "last", "id=7", "--at", "2024-01-02T10:00:00Z"], 0),
    ("join", ["join", "--spine", "spine.csv", "--service", "model", "--out", "train.parquet"], 0),
    ("join_from_manifest", ["join", "--from-manifest", "train.parquet.asof.json", "--out", "again.csv"], 0),
    ("list", ["list"], 0),
    ("list_views", ["list", "views"], 0),
    ("list_features", ["list", "features"], 0),
    ("list_entities", ["list", "entities"], 0),
    ("list_sources", ["list", "sources"], 0),
    ("list_services", ["list", "services"], 0),
    ("list_versions", ["list", "versions"], 0),
    ("list_runs", ["list", "runs"], 0),
    ("show_view", ["show", "spending"], 0),
    ("show_version", ["show", "last@1.0.0"], 0),
    ("show_entity", ["show", "customer"], 0),
    ("show_source", ["show", "orders"], 0),
    ("show_service", ["show", "model"], 0),
    ("sql", ["sql", "select * from orders"], 0),
    ("sql_tiles", ["sql", "select * from spending__tiles order by id, event_time"], 0),
    ("sql_no_rows", ["sql", "select 1 as a, 'x' as b where false"], 0),
    ("init", ["init", "new"], 0),
    ("error_not_found", ["show", "spendin"], 2),
    ("error_conflict", ["init", "new"], 4),
]

LATER = [
    ("plan_major", "agg: [sum, max]", "agg: [sum]", ["plan"], 0),
    ("error_major", "agg: [sum, max]", "agg: [sum]", ["build"], 3),
    ("plan_minor", "windows: [1d]}\n    checks", "windows: [1d, 7d]}\n    checks", ["plan"], 0),
    ("build_minor", "windows: [1d]}\n    checks", "windows: [1d, 7d]}\n    checks", ["build"], 0),
    ("validate_failed", "{orders_count_1d: not_null}", "{amount_max_1d: {between: [0, 5]}}", ["validate"], 3),
    ("error_mistakes", "column: note", "column: nte", ["plan"], 2),
]

# Views that are computed where they are read, beside those of the project.
ON_DEMAND = """
views:
  value:
    on_demand: true
    request: {rate: float64}
    features:
      price: {expr: "round(last.price * rate, 2)"}
      is_noted: {expr: "last.note is not null"}
  clock:
    on_demand: true
    request: {now: timestamp}
    features:
      hour: {expr: "hour(now)"}
"""
ASKED = "id,event_time,rate,now\n1,2024-01-01 13:00:00,1.5,2024-01-01 13:00:01\n"
WITH_ON_DEMAND = [
    ("plan_on_demand", ["plan"], 0),
    ("apply_on_demand", ["apply"], 0),
    ("list_views_on_demand", ["list", "views"], 0),
    ("list_features_on_demand", ["list", "features"], 0),
    ("show_on_demand", ["show", "value"], 0),
    ("lineage_on_demand", ["lineage", "value.price"], 0),
    ("explain_on_demand", ["--threads", "1", "explain", "--spine", "asked.csv", "--features", "value.*,last.price"], 0),
    ("explain_request_only", ["explain", "--spine", "asked.csv", "--features", "clock.hour"], 0),
]


def masked(value, name=None):
    """What differs from run to run, made the same."""
    if isinstance(value, dict):
        return {key: masked(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item, name) for item in value]
    is_hidden = ((name in NUMBERS and value) or (name in TEXTS and isinstance(value, str))
                 or (name == "id" and RUN.fullmatch(str(value))))
    return f"<{name}>" if is_hidden else value


def shown(text):
    text = json.dumps(masked(json.loads(text)), indent=1, ensure_ascii=False) + "\n"
    text = re.sub(r"part-[0-9a-f-]{36}", "part-<id>", text)
    return re.sub(r"/[^\s\"']*/asof-e2e-[^/\s\"']*", "<project>", text)


class Golden(unittest.TestCase):
    def check(self, shop, name, args, status):
        with self.subTest(name):
            result = shop.run("--json", *args)
            self.assertEqual(result.returncode, status, result.stderr)
            self.compare(name, shown(result.stdout or result.stderr))

    def compare(self, name, text):
        path = GOLDEN / f"{name}.json"
        if os.environ.get("ASOF_UPDATE_GOLDEN"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.assertEqual(text, path.read_text(encoding="utf-8"), f"{path.name}: ASOF_UPDATE_GOLDEN=1 writes it anew")

    def test_each_command_prints_what_it_printed(self):
        with Project() as shop:
            for name, args, status in STEPS:
                self.check(shop, name, args, status)
            self.compare("manifest", shown((shop.dir / "train.parquet.asof.json").read_text()))
            for name, old, new, args, status in LATER:
                self.assertIn(old, project.DEFINITIONS)
                shop.write("features/shop.yaml", project.DEFINITIONS.replace(old, new))
                self.check(shop, name, args, status)

    def test_each_command_speaks_of_on_demand_views(self):
        with Project(files={"asked.csv": ASKED}) as shop:
            shop.done("build")
            shop.write("features/on_demand.yaml", ON_DEMAND)
            for name, args, status in WITH_ON_DEMAND:
                self.check(shop, name, args, status)

    def test_no_golden_file_is_without_its_step(self):
        self.assertEqual({path.stem for path in GOLDEN.glob("*.json")}, {step[0] for step in STEPS + LATER + WITH_ON_DEMAND} | {"manifest"})


if __name__ == "__main__":
    unittest.main()
