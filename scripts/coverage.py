#!/usr/bin/env python3
"""coverage.py SUMMARY - print line coverage by folder of src/ from gcovr's summary; exit 1 below a limit."""
import collections
import json
import sys

LIMITS = {"base": 95.0, "model": 95.0, "define": 95.0, "codec": 95.0, "plan": 95.0}
WHOLE_LIMIT = 90.0


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        summary = json.load(file)
    covered, total = collections.Counter(), collections.Counter()
    for entry in summary["files"]:
        folder = entry["filename"].split("/")[1]
        for name in (folder, "whole"):
            covered[name] += entry["line_covered"]
            total[name] += entry["line_total"]
    low = False
    for name in sorted(total, key=lambda key: (key == "whole", key)):
        percent = 100.0 * covered[name] / total[name] if total[name] else 100.0
        limit = WHOLE_LIMIT if name == "whole" else LIMITS.get(name, 0.0)
        is_low = percent < limit
        low = low or is_low
        remark = f"  below {limit:.0f} %: add tests" if is_low else ""
        print(f"{name:10} {covered[name]:7} of {total[name]:7} lines {percent:6.1f} %{remark}")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
