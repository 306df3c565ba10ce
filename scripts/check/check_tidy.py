#!/usr/bin/env python3
"""clang-tidy over src/, skipping what passed before with the same text, headers, flags and configuration."""
import concurrent.futures
import json
import os
import subprocess

import tree

BUILD = "build/dev"
passed = tree.Passed("tidy")
found = tree.Findings("clang-tidy", "see each; a rule that is wrong for this tree goes out of .clang-tidy with a reason")
subprocess.run(["cmake", "--preset", "dev", "-Wno-dev"], cwd=tree.ROOT, stdout=subprocess.DEVNULL, check=True)
with open(os.path.join(tree.ROOT, BUILD, "compile_commands.json"), encoding="utf-8") as file:
    commands = {os.path.relpath(entry["file"], tree.ROOT): entry["command"] for entry in json.load(file)}


def tidy(path):
    headers = sorted(tree.project_headers(path))
    key = tree.digest(path, tree.read(path), *map(tree.read, headers), tree.read(".clang-tidy"),
                      commands[path].replace(tree.ROOT, ""))
    if passed.has(key):
        return path, ""
    result = subprocess.run(["clang-tidy-14", "--quiet", "-p", BUILD, path], cwd=tree.ROOT, capture_output=True, check=False)
    if result.returncode == 0 and not result.stdout.strip():
        passed.add(key)
        return path, ""
    return path, result.stdout.decode() or result.stderr.decode()


sources = [path for path in tree.files(".c", under=("src/",)) if path in commands]
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    for source, output in pool.map(tidy, sources):
        if output:
            found.add(source, 1, "clang-tidy says\n" + output.replace(tree.ROOT + "/", "").rstrip())
found.finish()
