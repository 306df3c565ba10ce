#!/usr/bin/env python3
"""Does every header compile alone, in C and, for the installed one, in C++?"""
import concurrent.futures
import os
import subprocess

import tree

FLAGS = ["-std=gnu17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Iinclude", "-Isrc"]
duckdb = os.environ.get("ASOF_DUCKDB_DIR") or os.path.join(
    os.environ.get("ASOF_CACHE")
    or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "asof"), "duckdb-1.5.5")
passed = tree.Passed("headers")


def compile_alone(path):
    key = tree.digest(path, tree.read(path), *(tree.read(h) for h in sorted(tree.project_headers(path))), *FLAGS)
    if passed.has(key):
        return path, ""
    program = f'#include "{path}"\n#include "{path}"\n'
    for compiler in (["gcc", "-xc"] + FLAGS,) + ((["g++", "-xc++"] + FLAGS[1:],) if path == "include/asof.h" else ()):
        command = compiler + ["-isystem", os.path.join(duckdb, "include"), "-I.", "-fsyntax-only", "-"]
        result = subprocess.run(command, cwd=tree.ROOT, input=program.encode(), capture_output=True, check=False)
        if result.returncode:
            return path, result.stderr.decode()
    passed.add(key)
    return path, ""


found = tree.Findings("headers compile alone", "include what the header uses, and guard it against a second inclusion")
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    for header, output in pool.map(compile_alone, tree.files(".h", under=("src/", "include/"))):
        if output:
            found.add(header, 1, "does not compile alone\n" + output.rstrip())
found.finish()
