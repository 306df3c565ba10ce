"""Temporary projects for the end-to-end tests, and the program run on them."""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(os.environ.get("ASOF_SOURCE_DIR") or Path(__file__).resolve().parents[2])
BIN = os.path.abspath(os.environ.get("ASOF_BIN") or ROOT / "build" / "release" / "asof")
DEADLINE_S = 60

SETTINGS = "project: shop\nlake: ./lake\nonline: lmdb:./online\ncatalog: sqlite:./catalog.db\n"

DEFINITIONS = """
entities:
  customer: {keys: {id: int64}}
sources:
  orders: {path: data/orders.csv, event_time: ordered_at}
views:
  spending:
    entity: customer
    source: orders
    step: 1h
    features:
      orders: {agg: count, windows: [1d]}
      amount: {column: amount, agg: [sum, max], windows: [1d]}
    checks: {orders_count_1d: not_null}
  last:
    entity: customer
    source: orders
    features:
      price: {column: amount, default: 0}
      note: {column: note}
services:
  model: {features: [spending.amount_sum_1d, last.price]}
"""

ORDERS = '''id,ordered_at,amount,note
1,2024-01-01 10:30:00,10.5,first
1,2024-01-01 12:15:00,4.5,"a, ""b"""
2,2024-01-01 11:00:00,7.0,Z\u00fcrich
2,2024-01-02 09:00:00,1.0,
'''

SPINE = """id,event_time,label
1,2024-01-01 13:00:00,0
2,2024-01-01 13:00:00,1
3,2024-01-01 13:00:00,0
1,2024-01-01 10:00:00,1
"""


class Project:
    """A directory with a project in it. As a context manager it removes the directory."""

    def __init__(self, definitions=DEFINITIONS, settings=SETTINGS, files=None):
        self.dir = Path(tempfile.mkdtemp(prefix="asof-e2e-"))
        self.write("asof.yaml", settings)
        self.write("features/shop.yaml", definitions)
        for path, text in {"data/orders.csv": ORDERS, "spine.csv": SPINE, **(files or {})}.items():
            self.write(path, text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def write(self, path, text):
        path = self.dir / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, *args, **options):
        return run(*args, cwd=self.dir, **options)

    def done(self, *args, **options):
        """Run what must succeed; its standard output."""
        result = self.run(*args, **options)
        if result.returncode != 0:
            raise AssertionError(f"asof {' '.join(args)} exited {result.returncode}: {result.stderr}")
        return result.stdout


def environment(**changes):
    env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "ASOF_FAULT", "COLUMNS")}
    return {**env, "LC_ALL": "C.UTF-8", **changes}


def run(*args, cwd=None, env=None, stdin=None, timeout=DEADLINE_S):
    """`asof args`: returncode, stdout and stderr as texts."""
    return subprocess.run([BIN, *args], cwd=cwd, env=env or environment(), input=stdin if stdin is not None else "",
                          capture_output=True, encoding="utf-8", timeout=timeout, check=False)
