"""tree.py - what the checks share: the files of the tree, C without its comments, findings."""
import hashlib
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Every folder of src/ may use those in lower positions only; cli alone also starts the server.
LAYERS = [
    {"base"}, {"model"}, {"define", "codec"}, {"kernel", "plan", "postgres"},
    {"engine", "lake", "store", "source", "catalog"}, {"job"}, {"api"}, {"http", "cli"},
]
LEVEL = {folder: level for level, folders in enumerate(LAYERS) for folder in folders}


def may_use(user, used):
    return user == used or LEVEL[used] < LEVEL[user] or (user, used) == ("cli", "http")


def files(*endings, under=("",)):
    """Paths, relative to the root, of the files that are or would be committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if result.returncode == 0:
        paths = result.stdout.decode().split("\0")
    else:
        paths = [os.path.relpath(os.path.join(folder, name), ROOT)
                 for folder, folders, names in os.walk(ROOT) for name in names
                 if not os.path.relpath(folder, ROOT).startswith(("build", ".git"))]
    return sorted({path for path in paths
                   if path and path.endswith(endings) and path.startswith(tuple(under))
                   and os.path.isfile(os.path.join(ROOT, path))})


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def without_comments(text, keep_strings=False):
    """The C text with comments (and the insides of strings) blanked; lines keep their numbers."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found if keep_strings else found[0] + " " * (len(found) - 2) + found[-1]
        return re.sub(r"[^\n]", " ", found)

    return pattern.sub(blank, text)


def includes(path):
    """(line number, '"' or '<', name) of each include."""
    for number, line in enumerate(read(path).splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if match:
            yield number, match.group(1), match.group(2)


def project_headers(path, seen=None):
    """Every header of this tree that `path` includes, directly or not."""
    seen = set() if seen is None else seen
    for _, quote, name in includes(path):
        if quote != '"':
            continue
        for folder in ("src", "include", "tests", os.path.dirname(path)):
            header = os.path.normpath(os.path.join(folder, name))
            if header not in seen and os.path.isfile(os.path.join(ROOT, header)):
                seen.add(header)
                project_headers(header, seen)
    return seen


def digest(*texts):
    state = hashlib.sha256()
    for text in texts:
        state.update(text.encode())
        state.update(b"\0")
    return state.hexdigest()


class Passed:
    """Remembers, in build/check, what passed before: the key says all that a check depends on."""

    def __init__(self, name):
        self.folder = os.path.join(ROOT, "build", "check", name)
        os.makedirs(self.folder, exist_ok=True)

    def has(self, key):
        return os.path.exists(os.path.join(self.folder, key))

    def add(self, key):
        with open(os.path.join(self.folder, key), "w", encoding="utf-8"):
            pass


class Findings:
    """Prints each finding as file:line and ends with what to do about them."""

    def __init__(self, what, remedy):
        self.what, self.remedy, self.count = what, remedy, 0

    def add(self, path, line, message):
        print(f"{path}:{line}: {message}")
        self.count += 1

    def finish(self):
        if self.count:
            print(f"check {self.what}: {self.count} found. Remedy: {self.remedy}")
        else:
            print(f"check {self.what}: ok")
        sys.exit(1 if self.count else 0)
