"""`make install`, and examples/embed built against what it installed, by pkg-config and by CMake."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from project import DEADLINE_S, ROOT, Project, environment

BUILD = os.environ.get("ASOF_LIB_DIR") or str(ROOT / "build" / "release")


def call(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, encoding="utf-8", timeout=5 * DEADLINE_S,
                          check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command} exited {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


class Embed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temp = Path(tempfile.mkdtemp(prefix="asof-embed-"))
        cls.addClassCleanup(shutil.rmtree, cls.temp)
        cls.prefix = cls.temp / "stage" / "opt" / "asof"
        call("cmake", "--install", BUILD, "--prefix", "/opt/asof", env={**os.environ, "DESTDIR": str(cls.temp / "stage")})
        packages = next(cls.prefix.glob("lib/**/pkgconfig"))
        cls.env = environment(PKG_CONFIG_PATH=str(packages))

    def example(self, name):
        """A copy of the example's sources: nothing is built in the tree."""
        folder = self.temp / name
        folder.mkdir()
        for file in ("embed.c", "Makefile", "CMakeLists.txt"):
            shutil.copy(ROOT / "examples" / "embed" / file, folder)
        return folder

    def run_it(self, embed):
        with Project() as shop:
            out = shop.dir / "train.csv"
            text = call(embed, shop.dir, shop.dir / "spine.csv", out, "spending", "id=1", env=self.env)
            lines = text.splitlines()
            self.assertRegex(lines[0], r"^asof \d+\.\d+\.\d+$")
            documents = {name: json.loads(rest) for name, rest in (line.split(" ", 1) for line in lines[1:])}
            self.assertEqual(list(documents), ["build", "join", "materialize", "get"])
            self.assertTrue(all(view["published"] for view in documents["build"]["views"]))
            self.assertEqual(documents["join"]["rows"], 4)
            self.assertEqual(documents["get"]["key"], {"id": 1})
            self.assertEqual(len(out.read_text().splitlines()), 5)
            self.assertEqual(documents["get"]["view"], "spending")
            failed = subprocess.run([embed, shop.dir / "data", "s", "o", "v", "k=1"], capture_output=True, encoding="utf-8",
                                    check=False, env=self.env)
            self.assertEqual(failed.returncode, 1)
            self.assertIn("asof.yaml", failed.stderr)

    def test_it_builds_by_make_and_pkg_config(self):
        folder = self.example("make")
        call("make", "-C", folder, "CFLAGS=-std=c17 -Wall -Wextra -Werror", env=self.env)
        self.run_it(folder / "embed")

    def test_it_builds_by_cmake(self):
        folder = self.example("cmake")
        call("cmake", "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}", env=self.env)
        call("cmake", "--build", folder / "build", env=self.env)
        self.run_it(folder / "build" / "embed")

    def test_the_installed_program_runs_where_it_was_put(self):
        self.assertRegex(call(self.prefix / "bin" / "asof", "version"), r"^asof ")
        with Project() as shop:
            self.assertIn("new", call(self.prefix / "bin" / "asof", "plan", cwd=shop.dir, env=environment()))

    def test_header_manual_and_completions_are_installed(self):
        for path in ("include/asof.h", "share/man/man1/asof.1", "share/bash-completion/completions/asof",
                     "share/zsh/site-functions/_asof", "share/fish/vendor_completions.d/asof.fish"):
            self.assertTrue((self.prefix / path).is_file(), path)
        self.assertEqual([path.name for path in (self.prefix / "include").iterdir()], ["asof.h"])


if __name__ == "__main__":
    unittest.main()
