#!/usr/bin/env python3
"""Is the C laid out as .clang-format says? With `fix`: lay it out."""
import subprocess
import sys

import tree

paths = tree.files(".c", ".h")
if sys.argv[1:] == ["fix"]:
    sys.exit(subprocess.run(["clang-format-14", "-i", *paths], cwd=tree.ROOT, check=False).returncode)

found = tree.Findings("format", "make format")
result = subprocess.run(["clang-format-14", "--dry-run", *paths], cwd=tree.ROOT, capture_output=True, check=False)
for line in result.stderr.decode().splitlines():
    parts = line.split(":", 4)
    if len(parts) == 5 and parts[3].strip() == "warning":
        found.add(parts[0], parts[1], "is laid out otherwise")
if result.returncode:
    found.add(".clang-format", 1, result.stderr.decode())
found.finish()
