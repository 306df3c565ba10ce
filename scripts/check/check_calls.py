#!/usr/bin/env python3
"""Are calls that this tree does without absent, and allocations made in one place?"""
import re

import tree

NEVER = r"\b(strcpy|strcat|sprintf|vsprintf|strtok|strtok_r|atoi|atol|atoll|atof|gets|alloca)\s*\(|\bgoto\b"
ALLOCATORS = r"(?<![\w.>])(malloc|calloc|realloc|reallocarray|strdup|strndup|asprintf|vasprintf)\s*\("
PRINTS = r"(?<![\w.>])(printf|puts|putchar|perror|exit|abort)\s*\("

found = tree.Findings("forbidden calls", "use the asof_ functions of base/: buf, str, number, mem")
for path in tree.files(".c", ".h", under=("src/", "include/", "tests/", "examples/")):
    rules = [(NEVER, "is never used here")]
    if path.startswith("src/") and path != "src/base/mem.c":
        rules.append((ALLOCATORS, "is for src/base/mem.c: use asof_mem_alloc"))
    if path.startswith("src/") and not path.startswith("src/cli/"):
        rules.append((PRINTS, "a library never prints and never exits: return a status"))
    for number, line in enumerate(tree.without_comments(tree.read(path)).splitlines(), 1):
        for pattern, why in rules:
            match = re.search(pattern, line)
            if match:
                found.add(path, number, f"{match.group(0).rstrip('( ')}: {why}")
found.finish()
