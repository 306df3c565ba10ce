#!/usr/bin/env python3
"""Does libasof.so export exactly the functions that include/asof.h declares?"""
import os
import re
import subprocess

import tree

LIBRARY = "build/release/libasof.so"
found = tree.Findings("exported symbols", "mark what is public ASOF_API in include/asof.h, and define it in src/api")
text = tree.without_comments(tree.read("include/asof.h"))
declared = {}
for match in re.finditer(r"\bASOF_API\b[^;{]*?\b(asof_\w+)\s*\(", text):
    declared[match.group(1)] = text.count("\n", 0, match.start(1)) + 1
if os.path.exists(os.path.join(tree.ROOT, LIBRARY)):
    output = subprocess.run(["nm", "-D", "--defined-only", "--format=posix", LIBRARY], cwd=tree.ROOT,
                            capture_output=True, check=True).stdout.decode()
    exported = {line.split()[0] for line in output.splitlines()}
    for name in sorted(set(declared) - exported):
        found.add("include/asof.h", declared[name], f"{name} is declared ASOF_API and not exported")
    for name in sorted(exported - set(declared)):
        found.add(LIBRARY, 0, f"{name} is exported and not declared in include/asof.h")
else:
    found.add(LIBRARY, 0, "is not built: run 'make build'")
found.finish()
