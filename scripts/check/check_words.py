#!/usr/bin/env python3
"""Does the tree stand alone: no paths of one machine, no links but to known places, no notes to self?"""
import re

import tree

MACHINE_PATHS = r"(?<![\w.$}~-])/(wor[k]|roo[t])/|/tmp/b[-]"
REGISTRIES = r"\b(registry|deb|static|files|index)\.[\w-]+\.(org|com|io)\b|\b(pypi|pythonhosted|npmjs|crates)\.[a-z]{2,3}\b"
NOTES = r"\b(TOD[O]|FIXM[E]|XX[X])\b"
LINK = re.compile(r"https?://([A-Za-z0-9.-]+)")
RULES = (
    (MACHINE_PATHS, "a path of one machine"),
    (REGISTRIES, "package clients know their registries, the tree does not"),
    (NOTES, "a note to self: do it, or open an issue"),
)
SKIPPED = ("LICENSE", ".parquet", ".png", ".svg", ".gz")

found = tree.Findings(
    "words", "say it without the path or the note; a host that readers should visit goes into scripts/check/hosts.txt")
hosts = {line.strip() for line in tree.read("scripts/check/hosts.txt").splitlines() if line.strip()[:1] not in ("", "#")}


def is_known(host):
    host = host.rstrip(".")
    return (host in hosts or "." not in host or re.fullmatch(r"[0-9.]+", host) is not None
            or re.search(r"(^|\.)example(\.(com|org|net))?$", host) is not None)


for path in tree.files("", under=("",)):
    if path.endswith(SKIPPED) or path.startswith("tests/fuzz/corpus/"):
        continue
    text = tree.read(path)
    if "\0" in text:
        continue
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, why in RULES:
            match = re.search(pattern, line)
            if match:
                found.add(path, number, f"'{match.group(0)}': {why}")
        for host in LINK.findall(line):
            if not is_known(host):
                found.add(path, number, f"'{host}' is not a known host")
found.finish()
