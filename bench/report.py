"""report.py - one section of docs/BENCHMARK.md per script, between its markers; and the machine."""
import os
import platform
import re

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PATH = os.path.join(ROOT, "docs", "BENCHMARK.md")
HEAD = """# Benchmarks

Made by the scripts of `bench/` (`make bench`), which write their section here: nothing below is typed by hand. Arms of a
comparison run in turn on the same machine, and their values are compared before their times are. Trust the ratios:
seconds are one machine's.
"""


def found(path, pattern):
    try:
        with open(path, encoding="utf-8") as file:
            match = re.search(pattern, file.read())
    except OSError:
        return None
    return match and match.group(1)


def machine():
    name = found("/proc/cpuinfo", r"model name\s*:\s*(.*)") or platform.machine()
    memory = int(found("/proc/meminfo", r"MemTotal:\s*(\d+)") or 0) / 2**20
    return f"{len(os.sched_getaffinity(0))} cores ({name}), {memory:.0f} GiB"


def table(head, rows):
    """Markdown; numbers right-aligned behind the first column."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def write(section, text):
    begin, end = f"<!-- {section} -->", f"<!-- end of {section} -->"
    block = f"{begin}\n{text.strip()}\n{end}"
    try:
        with open(PATH, encoding="utf-8") as file:
            old = file.read()
    except FileNotFoundError:
        old = HEAD
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.S)
    new = pattern.sub(lambda _: block, old) if pattern.search(old) else f"{old.rstrip()}\n\n{block}\n"
    with open(PATH, "w", encoding="utf-8") as file:
        file.write(new)
