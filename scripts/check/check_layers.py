#!/usr/bin/env python3
"""Does every folder include only what is to its left, and each unit test only what its folder may?"""
import tree

found = tree.Findings("layers", "move the code, or pass in what it needs; the order is in scripts/check/tree.py")
for path in tree.files(".c", ".h", under=("src/", "tests/unit/")):
    parts = path.split("/")
    folder = parts[1] if parts[0] == "src" else parts[2]
    if folder not in tree.LEVEL:
        found.add(path, 1, f"'{folder}' is no folder of the design")
        continue
    for line, quote, name in tree.includes(path):
        used = name.split("/")[0]
        if quote != '"' or "/" not in name:
            if quote == '"' and name != "asof.h" and parts[0] == "src":
                found.add(path, line, f"'{name}' is included without its folder")
        elif used not in tree.LEVEL:
            if parts[0] == "src":
                found.add(path, line, f"'{name}' is in no folder of src/")
        elif not tree.may_use(folder, used):
            found.add(path, line, f"{folder} may not use {used} ('{name}')")
found.finish()
