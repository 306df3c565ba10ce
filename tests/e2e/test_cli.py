"""The program: help, mistakes in the command line, exit statuses, JSON, streams, and the files made from its tables."""
import json
import os
import re
import shutil
import subprocess
import unittest

import project
from project import BIN, ROOT, Project, environment, run

COMMANDS = ["init", "plan", "apply", "build", "join", "explain", "materialize", "get", "serve", "list", "show", "rollback", "diff", "search",
            "lineage", "sql", "validate", "compact", "vacuum", "doctor",
            "schema", "version", "completion"]


class Help(unittest.TestCase):
    def test_the_program_lists_every_command(self):
        result = run("--help")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        listed = re.search(r"^commands:\n((?:  .*\n)+)", result.stdout, re.M).group(1)
        self.assertEqual([line.split()[0] for line in listed.splitlines()], COMMANDS)

    def test_no_command_is_told_the_same_and_exits_2(self):
        result = run()
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertEqual(result.stderr, run("--help").stdout)

    def test_each_command_explains_itself(self):
        for command in COMMANDS:
            with self.subTest(command):
                result = run(command, "--help")
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertTrue(result.stdout.startswith(f"usage: asof {command}"))
                examples = result.stdout.split("\nexamples:\n")[1].split("\nexit status:\n")
                self.assertEqual(len(re.findall(r"^  \S.*\n      \S", examples[0], re.M)), 2)
                for code in ("0", "1", "2", "3", "4", "130"):
                    self.assertRegex(examples[1], rf"(?m)^ +{code}  \S")
                self.assertEqual(run("-h", command).stdout, result.stdout)

    def test_usage_and_options_name_the_same(self):
        for command in COMMANDS:
            with self.subTest(command):
                text = run(command, "--help").stdout
                usage, rest = text.split("\n\n", 1)
                parts = re.findall(r"^options(?: of every command)?:\n((?:  .*\n)+)", rest, re.M)
                own = set(re.findall(r"--[a-z-]+", "".join(re.findall(r"(?m)^ +(?:-\w, )?--[a-z-]+", parts[0])))) \
                    if len(parts) == 2 else set()
                shared = set(re.findall(r"(?m)^ +(?:-\w, )?(--[a-z-]+)", parts[-1]))
                self.assertEqual(set(re.findall(r"--[a-z-]+", usage)) - shared, own)

    def test_no_line_of_help_is_wider_than_a_page(self):
        for command in ["--version", *COMMANDS]:
            for line in run(command, "--help").stdout.splitlines():
                self.assertLessEqual(len(line), 100, line)

    def test_version(self):
        text = run("version").stdout
        self.assertRegex(text, r"^asof \d+\.\d+\.\d+\n$")
        self.assertEqual(run("--version").stdout, text)
        self.assertEqual(run("build", "--version").stdout, text)
        self.assertEqual("asof " + json.loads(run("version", "--json").stdout)["version"] + "\n", text)


class Generated(unittest.TestCase):
    FILES = {
        "docs/man/asof.1": ("manual", "man"),
        "docs/reference/cli.md": ("manual", "markdown"),
        "share/completions/bash/asof": ("completion", "bash"),
        "share/completions/zsh/_asof": ("completion", "zsh"),
        "share/completions/fish/asof.fish": ("completion", "fish"),
    }

    def test_the_files_in_the_tree_are_what_the_program_prints(self):
        for path, command in self.FILES.items():
            with self.subTest(path):
                text = (ROOT / path).read_text(encoding="utf-8")
                self.assertEqual(run(*command).stdout, text, "run scripts/update-manual.sh")

    def test_the_manual_page_formats_without_a_warning(self):
        if not shutil.which("groff"):
            self.skipTest("no groff")
        done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", ROOT / "docs/man/asof.1"], capture_output=True,
                              encoding="utf-8", check=True)
        self.assertEqual(done.stderr, "")
        for command in COMMANDS:
            self.assertIn(command, done.stdout)

    def test_the_completions_are_scripts_of_their_shells(self):
        shells = {"bash": ("bash", "-n"), "zsh": ("zsh", "-n"), "fish": ("fish", "--no-execute")}
        for path, command in self.FILES.items():
            if command[0] == "completion" and shutil.which(command[1]):
                done = subprocess.run([*shells[command[1]], ROOT / path], capture_output=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_bash_completes_commands_options_kinds_and_views(self):
        cases = [
            (["bui"], ["build"]),
            (["build", "--fu"], ["--full"]),
            (["-C", ".", "list", "fea"], ["features"]),
            (["--log-format", ""], ["text", "json"]),
            (["build", ""], ["last", "spending"]),
            (["join", "--service", "m"], ["model"]),
            (["completion", "z"], ["zsh"]),
        ]
        with Project() as shop:
            for words, expected in cases:
                with self.subTest(words):
                    script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _asof; '
                              'printf "%s\\n" "${COMPREPLY[@]}"')
                    env = environment(PATH=os.path.dirname(BIN) + ":" + os.environ["PATH"])
                    done = subprocess.run(["bash", "-c", script, "bash", ROOT / "share/completions/bash/asof", "asof", *words],
                                          cwd=shop.dir, env=env, capture_output=True, encoding="utf-8", check=True)
                    self.assertEqual(sorted(done.stdout.split()), sorted(expected), done.stderr)

    def test_completion_as_json_is_the_same_script(self):
        document = json.loads(run("completion", "zsh", "--json").stdout)
        self.assertEqual(document, {"shell": "zsh", "script": run("completion", "zsh").stdout})


class WrongCommandLines(unittest.TestCase):
    CASES = [
        (["biuld"], "unknown command 'biuld'; did you mean 'build'?"),
        (["zzzzzzz"], "unknown command 'zzzzzzz'"),
        (["build", "--ful"], "unknown option '--ful'; did you mean '--full'?"),
        (["--jsn", "build"], "unknown option '--jsn'; did you mean '--json'?"),
        (["build", "--full=yes"], "option '--full' takes no value"),
        (["build", "--tag"], "option '--tag' needs a value"),
        (["build", "--from", "2024-01-01"], "option '--from' needs '--to' beside it"),
        (["build", "--to", "2024-01-01"], "option '--to' needs '--from' beside it"),
        (["build", "--from", "2024-01-02", "--to", "2024-01-02"], "option '--from' is not before '--to'"),
        (["build", "--from", "noon", "--to", "2024-01-02"], "option '--from': "),
        (["join"], "option '--out' is missing"),
        (["join", "--out", "x.parquet"], "option '--spine' is missing"),
        (["join", "--out", "x.parquet", "--spine", "spine.csv"], "'--service' and '--features'"),
        (["join", "--out", "x", "--spine", "s", "--service", "m", "--features", "a.b"], "'--service' and '--features'"),
        (["join", "--out", "x", "--spine", "s", "--features", ","], "option '--features' lists nothing"),
        (["join", "--out", "x", "--from-manifest", "m", "--spine", "s"], "cannot go with '--from-manifest'"),
        (["join", "--out", "x", "--spine", "s", "--service", "m", "--known-at", "soon"], "neither 'label' nor a time"),
        (["materialize", "--at", "soon"], "option '--at': "),
        (["get", "spending"], "'get' needs a view and its key"),
        (["get", "spending", "id"], "'id' is not of the form key=value"),
        (["get", "spending", "=1"], "'=1' is not of the form key=value"),
        (["get", "spending", "id=1", "--at", "2024-13-01"], "option '--at': "),
        (["serve", "--clock", "noon!"], "option '--clock': "),
        (["serve", "--clock", "!"], "option '--clock': "),
        (["list", "viws"], "unknown kind 'viws'; did you mean 'views'?"),
        (["list", "views", "runs"], "'list' does not take 'runs'"),
        (["show"], "'show' needs a name"),
        (["sql"], "'sql' needs a query"),
        (["schema", "x"], "'schema' does not take 'x'"),
        (["completion", "csh"], "unknown shell 'csh'"),
        (["version", "--threads", "0"], "option '--threads': '0'"),
        (["version", "--threads", "many"], "option '--threads': 'many'"),
        (["version", "--memory", "lots"], "option '--memory': "),
        (["version", "--memory", "0"], "option '--memory': "),
        (["version", "--log-format", "xml"], "unknown value of --log-format: 'xml'"),
        (["-C", "nowhere", "build"], "option '-C': directory 'nowhere'"),
    ]

    def test_each_exits_2_says_why_and_prints_nothing(self):
        with Project() as shop:
            for args, message in self.CASES:
                with self.subTest(args):
                    result = shop.run(*args)
                    self.assertEqual((result.returncode, result.stdout), (2, ""), result.stderr)
                    self.assertTrue(result.stderr.startswith("asof: "), result.stderr)
                    self.assertIn(message, result.stderr)

    def test_a_fault_point_that_cannot_be_armed_exits_2(self):
        result = run("version", env=environment(ASOF_FAULT="nonsense"))
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertTrue(result.stderr.startswith("asof: ASOF_FAULT: "), result.stderr)

    def test_csv_and_json_exclude_each_other(self):
        with Project() as shop:
            result = shop.run("sql", "select 1", "--csv", "--json")
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn("exclude each other", json.loads(result.stderr)["error"]["message"])

    def test_with_json_each_is_one_document_on_stderr(self):
        with Project() as shop:
            for args, message in self.CASES:
                with self.subTest(args):
                    result = shop.run("--json", *args)
                    self.assertEqual((result.returncode, result.stdout), (2, ""))
                    self.assertIn(message, json.loads(result.stderr)["error"]["message"])


class ExitStatuses(unittest.TestCase):
    def test_unknown_names_exit_2(self):
        with Project() as shop:
            shop.done("build", "-q")
            shop.done("materialize", "-q")
            for args in (["build", "spendig"], ["get", "spendig", "id=1"], ["show", "spendig"], ["materialize", "spendig"],
                         ["get", "spending", "di=1"], ["get", "spending", "id=x"], ["sql", "select nope from spending"],
                         ["sql", "selec"], ["join", "--spine", "spine.csv", "--service", "modle", "--out", "x.parquet"],
                         ["join", "--spine", "nope.csv", "--service", "model", "--out", "x.parquet"],
                         ["build", "--profile", "nope"]):
                with self.subTest(args):
                    result = shop.run(*args)
                    self.assertEqual((result.returncode, result.stdout), (2, ""), result.stderr)
                    self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def test_no_project_exits_2(self):
        with Project() as shop:
            empty = shop.dir / "empty"
            empty.mkdir()
            for args in (["build"], ["list"], ["plan"], ["sql", "select 1"], ["get", "v", "a=1"], ["serve"]):
                result = run("-C", str(empty), *args)
                self.assertEqual((result.returncode, result.stdout), (2, ""), result.stderr)
                self.assertIn("asof.yaml", result.stderr)

    def test_a_difference_exits_3_only_when_it_is_checked(self):
        with Project() as shop:
            self.assertEqual(shop.run("plan").returncode, 0)
            self.assertEqual(shop.run("plan", "--check").returncode, 3)
            shop.done("apply")
            self.assertEqual(shop.run("plan", "--check").returncode, 0)

    def test_a_breaking_change_exits_3_and_the_next_command_is_named(self):
        with Project() as shop:
            shop.done("build", "-q")
            shop.write("features/shop.yaml", project.DEFINITIONS.replace("agg: [sum, max]", "agg: [sum]"))
            for command in ("apply", "build"):
                result = shop.run(command)
                self.assertEqual((result.returncode, result.stdout), (3, ""))
                self.assertIn("asof apply --yes", result.stderr)
            shop.done("apply", "--yes")
            shop.done("build")

    def test_a_check_that_fails_exits_3_with_its_report(self):
        definitions = project.DEFINITIONS.replace("checks: {orders_count_1d: not_null}",
                                                  "checks: {amount_max_1d: {between: [0, 5]}}")
        with Project(definitions) as shop:
            shop.done("build", "-q")
            result = shop.run("validate")
            self.assertEqual(result.returncode, 3, result.stderr)
            self.assertIn("FAILED", result.stdout)
            result = shop.run("validate", "--json")
            self.assertEqual(result.returncode, 3)
            self.assertIs(json.loads(result.stdout)["passed"], False)
            self.assertEqual(json.loads(result.stderr)["error"]["code"], "check_failed")

    def test_a_project_that_exists_is_a_conflict(self):
        with Project() as shop:
            before = (shop.dir / "asof.yaml").read_text()
            result = shop.run("init")
            self.assertEqual((result.returncode, result.stdout), (4, ""), result.stderr)
            self.assertEqual((shop.dir / "asof.yaml").read_text(), before)

    def test_a_file_that_does_not_decode_exits_1(self):
        definitions = project.DEFINITIONS.replace("data/orders.csv", "data/orders.parquet")
        with Project(definitions, files={"data/orders.parquet": "PAR1 this is none PAR1"}) as shop:
            result = shop.run("build")
            self.assertEqual((result.returncode, result.stdout), (1, ""), result.stderr)
            self.assertIn("orders.parquet", result.stderr)


class Mistakes(unittest.TestCase):
    def setUp(self):
        wrong = project.DEFINITIONS.replace("column: note", "column: nte").replace("step: 1h", "stp: 1h")
        self.shop = Project(wrong)
        self.addCleanup(self.shop.remove)

    def test_they_are_the_only_lines_on_stderr(self):
        for command in ("plan", "build", "validate"):
            with self.subTest(command):
                result = self.shop.run(command)
                self.assertEqual((result.returncode, result.stdout), (2, ""))
                lines = result.stderr.splitlines()
                self.assertGreaterEqual(len(lines), 1)
                for line in lines:
                    self.assertRegex(line, r"^features/shop\.yaml:\d+:\d+: \S")
                self.assertIn("'step'", result.stderr)

    def test_with_json_they_are_a_list(self):
        result = self.shop.run("build", "--json")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        error = json.loads(result.stderr)["error"]
        self.assertEqual(error["code"], "invalid")
        self.assertEqual(error["mistakes"], self.shop.run("build").stderr.splitlines())

    def test_as_log_lines_they_stay_as_they_are(self):
        self.assertEqual(self.shop.run("build", "--log-format", "json").stderr, self.shop.run("build").stderr)


class Json(unittest.TestCase):
    def test_every_command_prints_one_document_and_nothing_else(self):
        with Project() as shop:
            for args in (["plan"], ["apply"], ["build"], ["build"], ["validate"], ["materialize", "--at", "2024-01-02"],
                         ["join", "--spine", "spine.csv", "--service", "model", "--out", "train.parquet"],
                         ["join", "--from-manifest", "train.parquet.asof.json", "--out", "again.parquet"],
                         ["get", "spending", "id=1"], ["list"], ["list", "views"], ["list", "features"],
                         ["list", "entities"], ["list", "sources"], ["list", "services"], ["list", "versions"],
                         ["list", "runs"], ["show", "spending"], ["show", "spending@1.0.0"], ["show", "model"],
                         ["sql", "select * from orders"], ["sql", "select 1 as a where false"], ["schema"], ["version"],
                         ["init", "new"], ["completion", "bash"], ["names", "views"]):
                with self.subTest(args):
                    result = shop.run("--json", *args)
                    self.assertEqual((result.returncode, result.stderr), (0, ""))
                    self.assertIsInstance(json.loads(result.stdout), dict)
                    again = shop.run(*args[:1], "--json", "-q", *args[1:])
                    if args[0] != "init":
                        self.assertIsInstance(json.loads(again.stdout), dict)

    def test_failures_are_a_document_on_stderr(self):
        with Project() as shop:
            result = shop.run("show", "nope", "--json")
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            error = json.loads(result.stderr)["error"]
            self.assertEqual(error["code"], "not_found")
            self.assertIn("'nope'", error["message"])

    def test_log_format_json_makes_a_line_of_a_failure(self):
        with Project() as shop:
            result = shop.run("show", "nope", "--log-format", "json")
            self.assertEqual(result.returncode, 2)
            line = json.loads(result.stderr)
            self.assertEqual(line["level"], "error")
            self.assertIn("'nope'", line["message"])


class Streams(unittest.TestCase):
    ANSWERS = (["list"], ["version"], ["schema"], ["sql", "select * from orders"], ["build"], ["--help"], ["get", "last", "id=1"])

    def setUp(self):
        self.shop = Project()
        self.addCleanup(self.shop.remove)
        self.shop.done("build", "-q")
        self.shop.done("materialize", "-q")

    def shell(self, script, *args):
        return subprocess.run(["bash", "-c", script, "bash", BIN, *args], cwd=self.shop.dir, env=environment(),
                              capture_output=True, encoding="utf-8", timeout=project.DEADLINE_S, check=False)

    def test_a_closed_or_full_stdout_ends_quietly_with_1(self):
        for args in self.ANSWERS:
            for script in ('"$@" >&-', '"$@" > /dev/full'):
                with self.subTest(args=args, script=script):
                    result = self.shell(script, *args)
                    self.assertEqual((result.returncode, result.stderr), (1, ""))

    def test_a_reader_that_leaves_ends_it_quietly(self):
        query = "select a.id, b.amount from " + ", ".join(f"orders {name}" for name in "abcdefgh")
        for form in ([], ["--csv"], ["--json"]):
            result = self.shell('{ "$@"; echo "$?" >&2; } | head -n 2 > /dev/null', "sql", query, *form)
            self.assertEqual(result.stderr, "1\n")

    def test_other_streams_may_be_closed(self):
        for script in ('"$@" <&-', '"$@" 2>&-', '"$@" <&- 2>&-'):
            result = self.shell(script, "list", "views")
            self.assertEqual(result.returncode, 0, script)
            self.assertIn("spending", result.stdout)
        self.assertEqual(self.shell('"$@" >&- 2>&- <&-', "list").returncode, 1)

    def test_nothing_that_is_piped_has_an_escape_or_a_bar(self):
        for args in self.ANSWERS + (["build", "--full"], ["plan"], ["show", "spending"]):
            result = self.shop.run(*args, env=environment(TERM="xterm", COLORTERM="truecolor"))
            self.assertEqual(result.returncode, 0)
            self.assertNotIn("\033", result.stdout + result.stderr)
            self.assertNotIn("\r", result.stdout + result.stderr)

    def test_control_characters_of_data_are_made_visible(self):
        text = self.shop.done("sql", "select chr(27) || '[2J' || chr(10) as evil")
        self.assertEqual(text, "evil\n\\x1b[2J\\n\n")

    def test_quiet_actions_print_nothing(self):
        for args in (["build", "--full"], ["plan"], ["apply"], ["validate"], ["materialize"],
                     ["join", "--spine", "spine.csv", "--service", "model", "--out", "t.csv"], ["init", "new"]):
            result = self.shop.run("-q", *args)
            self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""), args)

    def test_numbers_are_the_same_in_every_locale(self):
        query = "select 1234567.5 as a"
        expected = self.shop.done("sql", query)
        for locale in ("de_DE.UTF-8", "C", "POSIX"):
            env = environment(LC_ALL=locale, LC_NUMERIC=locale)
            self.assertEqual(self.shop.done("sql", query, env=env), expected)


if __name__ == "__main__":
    unittest.main()
