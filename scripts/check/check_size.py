#!/usr/bin/env python3
"""Are files and functions small, and basenames unique?"""
import os

import tree

MAX_FILE_LINES = 700
MAX_FUNCTION_LINES = 80

found = tree.Findings("sizes and names", "split by what changes together; name a file after what it holds")
places = {}
for path in tree.files(".c", ".h", under=("src/", "include/", "tests/", "examples/")):
    lines = tree.read(path).splitlines()
    if len(lines) > MAX_FILE_LINES:
        found.add(path, MAX_FILE_LINES, f"{len(lines)} lines, at most {MAX_FILE_LINES}")
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            if number - start + 1 > MAX_FUNCTION_LINES:
                found.add(path, start, f"a function of {number - start + 1} lines, at most {MAX_FUNCTION_LINES}")
            start = None
    other = places.setdefault(os.path.basename(path), path)
    if other != path:
        found.add(path, 1, f"has the basename of {other}")
found.finish()
