"""The README and the guide do what they say: their examples are run, and their output is compared.

In each page, in order and in one empty directory per page:

- ```yaml file=PATH (or any language) writes PATH;
- ```console runs the lines that begin with `$ ` (a trailing backslash continues), which must succeed, and compares
  what they print with the lines that follow. `...` stands for anything, times and sizes compare equal, and so does
  every run of blanks. A command that ends in ` &` is a server: the page goes on when it listens;
- ```sh runs each line the same way without looking at the output;
- every other block is shown, not run.

docs/reference/definitions.md is held against `asof schema`, and links between the pages must lead somewhere.
"""
import glob
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import unittest

ROOT = os.environ.get("ASOF_SOURCE_DIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ASOF = os.path.abspath(os.environ.get("ASOF_BIN") or os.path.join(ROOT, "build", "release", "asof"))
PORT = "8080"  # in the pages; another one here
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.S | re.M)
SECONDS = re.compile(r"\b\d[\d.,]* ?(us|ms|s|min)\b")
BYTES = re.compile(r"\b\d[\d.,]* ?(B|kB|MB|GB|KiB|MiB|GiB)\b")


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return str(sock.getsockname()[1])


def pages(*patterns):
    return sorted(os.path.relpath(path, ROOT) for pattern in patterns
                  for path in glob.glob(os.path.join(ROOT, pattern), recursive=True))


def normal(text):
    text = BYTES.sub("<size>", SECONDS.sub("<time>", text))
    return " ".join(text.split())


def pattern(expected):
    """What the lines of a page match: a regular expression over normal() text."""
    return re.compile(".*?".join(re.escape(normal(part)).replace(r"\ ", " ?") for part in expected.split("...")), re.S)


def commands(block):
    """(command, expected output) of a console block."""
    command, expected = None, []
    is_open = False
    for line in block.splitlines():
        if is_open:
            command += "\n" + line
        elif line.startswith("$ "):
            if command is not None:
                yield command, "\n".join(expected)
            command, expected = line[2:], []
        else:
            expected.append(line)
            continue
        is_open = line.endswith("\\")
    if command is not None:
        yield command, "\n".join(expected)


class Page:
    """Runs the blocks of one page in one directory."""

    def __init__(self, folder, port):
        self.folder, self.port = folder, port
        self.servers = []
        bin_dir = os.path.join(folder, ".bin")
        os.mkdir(bin_dir)
        os.symlink(ASOF, os.path.join(bin_dir, "asof"))
        self.env = dict(os.environ, PATH=bin_dir + os.pathsep + os.environ["PATH"], COLUMNS="100", NO_COLOR="1")
        self.cwd = os.path.join(folder, "page")
        os.mkdir(self.cwd)

    def write(self, path, text):
        path = os.path.join(self.cwd, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def run(self, command):
        """Exit status and output. `cd` lasts, as in a terminal."""
        if command.startswith("cd "):
            self.cwd = os.path.normpath(os.path.join(self.cwd, command[3:].strip()))
            return (0, "") if os.path.isdir(self.cwd) else (1, f"no directory {self.cwd}")
        command = command.replace(PORT, self.port)
        if command.rstrip().endswith(" &"):
            return self.start(command.rstrip()[:-2])
        done = subprocess.run(["bash", "-c", command], cwd=self.cwd, env=self.env, text=True, timeout=300,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout.replace(self.port, PORT)

    def start(self, command):
        server = subprocess.Popen(["bash", "-c", "exec " + command], cwd=self.cwd, env=self.env, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.servers.append(server)
        text = ""
        for line in server.stdout:
            text += line
            if "listening on" in line:
                return 0, text.replace(self.port, PORT)
        return server.wait(), text

    def stop(self):
        for server in self.servers:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)
            server.stdout.close()


class Examples(unittest.TestCase):
    def run_block(self, page, where, language, options, text):
        target = re.search(r"file=(\S+)", options)
        if target:
            page.write(target.group(1), text)
        elif language == "console":
            for command, expected in commands(text):
                self.run_command(page, where, command, expected)
        elif language == "sh":
            for command in text.replace("\\\n", " ").splitlines():
                if command and not command.startswith("#"):
                    self.run_command(page, where, command, None)

    def run_command(self, page, where, command, expected):
        status, output = page.run(command)
        self.assertEqual(status, 0, f"{where}: `{command}` exits with {status}:\n{output}")
        if expected is not None and not pattern(expected).fullmatch(normal(output)):
            self.fail(f"{where}: `{command}` prints otherwise. Expected:\n{expected}\n--- but got:\n{output}")

    def check(self, name):
        with tempfile.TemporaryDirectory(prefix="asof-docs-") as folder:
            page = Page(folder, free_port())
            self.addCleanup(page.stop)
            text = read(name)
            for block in BLOCK.finditer(text):
                line = text.count("\n", 0, block.start()) + 1
                self.run_block(page, f"{name}:{line}", *block.groups())

    def test_every_page_has_examples_that_work(self):
        for name in pages("README.md", "docs/guide/*.md"):
            with self.subTest(page=name):
                self.check(name)

    def test_a_wrong_output_is_noticed(self):
        self.assertTrue(pattern("built a 1.0.0 in 1.2 s, 3 rows").fullmatch(normal("built  a 1.0.0 in 77 ms, 3 rows")))
        self.assertFalse(pattern("built a 1.0.0 in 1.2 s, 3 rows").fullmatch(normal("built a 1.0.1 in 1.2 s, 3 rows")))
        self.assertTrue(pattern("built a in 1.2 s\n...\nend").fullmatch(normal("built a in 0.3 s\nx\ny\nend")))
        self.assertFalse(pattern("3 rows").fullmatch(normal("4 rows")))


class Reference(unittest.TestCase):
    """definitions.md has the keys of the schema, and no others."""

    def schema(self):
        done = subprocess.run([ASOF, "schema"], stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    def resolve(self, node):
        """The object schemas that `node` stands for."""
        if "$ref" in node:
            target = self.root
            for part in node["$ref"].lstrip("#/").split("/"):
                target = target[part]
            yield from self.resolve(target)
        for key in ("oneOf", "anyOf", "allOf"):
            for choice in node.get(key, ()):
                yield from self.resolve(choice)
        if "if" in node:  # a view, or one that is computed on demand
            yield from self.resolve(node[self.branch])
        if "properties" in node or "additionalProperties" in node or "patternProperties" in node:
            yield node

    def members(self, *path):
        """Names below `path`, in which * is any name of a map and [] the items of a list."""
        nodes = list(self.resolve(self.root))
        for step in path:
            found = []
            for node in nodes:
                if step == "*":
                    found += [node["additionalProperties"]] if isinstance(node.get("additionalProperties"), dict) else []
                    found += list(node.get("patternProperties", {}).values())
                else:
                    found += [node["properties"][step]] if step in node.get("properties", {}) else []
            nodes = [inner for node in found for inner in self.resolve(node)]
        return {name for node in nodes for name in node.get("properties", {})}

    def documented(self, section):
        text = read("docs/reference/definitions.md")
        body = re.search(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, re.S | re.M).group(1)
        return set(re.findall(r"^\| `(\w+)` \|", body, re.M))

    def test_every_key_of_the_schema_is_explained_and_no_other(self):
        self.root = self.schema()
        self.branch = "then"
        self.assertEqual(self.documented("On-demand view"), self.members("views", "*"))
        self.branch = "else"
        for section, path in (("`asof.yaml`", ()), ("Profile", ("profiles", "*")), ("Entity", ("entities", "*")),
                              ("Source", ("sources", "*")), ("View", ("views", "*")),
                              ("Feature", ("views", "*", "features", "*")), ("Service", ("services", "*"))):
            with self.subTest(section=section):
                self.assertTrue(self.members(*path), "the schema knows no such object")
                self.assertEqual(self.documented(section), self.members(*path))


class Links(unittest.TestCase):
    LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")

    @staticmethod
    def anchors(text):
        titles = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M), re.M)
        return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}

    def test_every_link_leads_somewhere(self):
        for name in pages("*.md", "docs/**/*.md", "src/*/README.md", "examples/**/*.md"):
            text = re.sub(r"^```.*?^```$", "", read(name), flags=re.S | re.M)
            for target in self.LINK.findall(text):
                if re.match(r"\w+:", target):
                    continue
                path, _, anchor = target.partition("#")
                full = os.path.normpath(os.path.join(ROOT, os.path.dirname(name), path)) if path else os.path.join(ROOT, name)
                with self.subTest(page=name, link=target):
                    self.assertTrue(os.path.exists(full), "no such file")
                    if anchor:
                        self.assertIn(anchor, self.anchors(read(full)))


if __name__ == "__main__":
    unittest.main()
