"""The soak of bench/soak.py for a moment: no request fails and no value is wrong while everything around a server changes.

Half a minute on each store; ASOF_TEST_LONG=1 takes two. Memory is judged by the hour that bench/soak.py runs.
"""
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

BIN = os.environ.get("ASOF_BIN", "asof")
ROOT = Path(os.environ.get("ASOF_SOURCE_DIR") or Path(__file__).resolve().parents[2])
MINUTES = 2 if os.environ.get("ASOF_TEST_LONG") else 0.5
DEADLINE_S = MINUTES * 60 + 300
GROWTH_MIB = 64  # a short run's: allocators and caches are still filling
GROWTH_COUNT = 32  # of descriptors: visitors come and go, and half a minute has few samples


class Soak(unittest.TestCase):
    def test_no_request_fails_through_reloads_generations_and_restarts(self):
        command = [sys.executable, ROOT / "bench" / "soak.py", "--try", "--minutes", str(MINUTES), "--entities", "5000", "--rate", "60",
                   "--growth-mib", str(GROWTH_MIB), "--growth-count", str(GROWTH_COUNT)]
        done = subprocess.run(command, env={**os.environ, "ASOF": BIN}, capture_output=True, encoding="utf-8", errors="replace",
                              timeout=DEADLINE_S, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        said = re.findall(r"^(asof.*?): ([\d,]+)\s+answers,.*?(\d+)\s+SIGHUP,\s+(\d+)\s+generations", done.stderr, re.M | re.S)
        self.assertIn("asof", [store for store, *_ in said])
        for store, *counts in said:
            with self.subTest(store=store):
                self.assertTrue(all(int(count.replace(",", "")) > 0 for count in counts), done.stderr)


if __name__ == "__main__":
    unittest.main()
