"""measure.py - runs the arms of a comparison in turn, and keeps what each run took: seconds, CPU seconds, peak memory.

It imports nothing but the standard library, and stays small: the kernel counts the memory of the program that starts a
child into the child's own peak, so whatever reads data runs in a child too (peers/).
"""
import argparse
import datetime
import glob
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RESULTS = os.path.join(ROOT, "build", "bench")
PEERS = os.path.join(ROOT, "bench", "peers")
CACHE = os.environ.get("ASOF_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "asof")


class Failed(Exception):
    """A command that ended badly or took too long; the text says which and how."""


# ---- One command ----------------------------------------------------------------------------------------------

def run(command, cwd=None, env=None, timeout_s=1800):
    """What a child and its children took, and what it printed: {seconds, cpu, peak_mib}, text."""
    with tempfile.TemporaryFile() as out:
        start = time.perf_counter()
        child = subprocess.Popen(command, cwd=cwd, env={**os.environ, **(env or {})}, stdout=out,
                                 stderr=subprocess.STDOUT, start_new_session=True)
        # The child leads its own process group, which stays its own until it is waited for.
        killer = threading.Timer(timeout_s, os.killpg, (child.pid, signal.SIGKILL))
        killer.start()
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:  # we are to end: it must not go on alone
            os.killpg(child.pid, signal.SIGKILL)
            raise
        finally:
            killer.cancel()
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read().decode(errors="replace")
    if child.returncode != 0:
        late = f" after {timeout_s} s" if seconds >= timeout_s else ""
        raise Failed(f"{' '.join(command)}: exit {child.returncode}{late}\n{text[-2000:]}")
    return {"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024}, text


def json_lines(text):
    """The objects that a program printed, a line each, among whatever else it said."""
    return [json.loads(line) for line in text.splitlines() if line.startswith('{"')]


def driver_line(text):
    """What a driver of peers/ said of its run, in one or more lines."""
    said = {}
    for line in json_lines(text):
        said |= line
    return said


def python313():
    """A Python that mlforge accepts: PYTHON313, one on the PATH, or one that pyenv keeps; None if there is none."""
    kept = glob.glob(os.path.join(os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv")), "versions", "3.13*"))
    for path in (os.environ.get("PYTHON313"), "python3.13", *(os.path.join(one, "bin", "python3") for one in kept)):
        if path and shutil.which(path) and subprocess.run([path, "-c", ""], capture_output=True).returncode == 0:
            return path
    return None


def python(requirements="requirements.txt", interpreter="python3"):
    """The interpreter of an environment of bench/, made if it is missing."""
    command = [os.path.join(ROOT, "scripts", "venv.sh"), os.path.join(ROOT, "bench", requirements), interpreter]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


# ---- Arms -----------------------------------------------------------------------------------------------------

class Arm:
    """One way to do the work. `commands` run one after another and count together.

    A driver of peers/ (is_driver) says itself what its work took, without the start of Python and its imports; its peak
    is the whole process's. `before` runs first and is not counted. A run that fails is kept as such if `may_fail`.
    """

    def __init__(self, name, *commands, before=None, is_driver=False, env=None, may_fail=False, timeout_s=1800):
        self.name, self.commands, self.before = name, commands, before
        self.is_driver, self.env, self.may_fail, self.timeout_s = is_driver, env, may_fail, timeout_s

    def once(self):
        if self.before:
            self.before()
        os.sync()  # what other arms wrote is not written back on this one's time
        total = {"seconds": 0.0, "cpu": 0.0, "peak_mib": 0.0}
        for command in self.commands:
            took, text = run(command, env=self.env, timeout_s=self.timeout_s)
            if self.is_driver:
                took |= driver_line(text)
            total = {**took, "seconds": total["seconds"] + took["seconds"], "cpu": total["cpu"] + took["cpu"],
                     "peak_mib": max(total["peak_mib"], took["peak_mib"])}
        return total

    def attempt(self):
        try:
            return self.once()
        except Failed as failure:
            if not self.may_fail:
                raise
            return {"failed": reason(str(failure))}


def driver(name, interpreter, script, spec, **options):
    """An arm that is a driver of peers/, given its work as JSON."""
    return Arm(name, [interpreter, os.path.join(PEERS, script), json.dumps(spec)], is_driver=True, **options)


def reason(text):
    """The line of an error that says most."""
    if "exit -9" in text.splitlines()[0]:
        return text.splitlines()[0].rsplit(": ", 1)[1]
    lines = [line for line in text.splitlines() if re.search(r"[Ee]rror|failed|[Mm]emory", line)]
    return (lines or text.splitlines())[-1].strip()[:200]


def interleave(arms, rounds):
    """Every arm `rounds` times, in turn, each round beginning with another one: (arm's name, round, what it took)."""
    failed = set()
    for turn in range(rounds):
        first = turn % len(arms)
        for arm in arms[first:] + arms[:first]:
            if arm.name in failed:
                continue
            took = arm.attempt()
            say(f"    {arm.name}: " + (took.get("failed") or f"{took['seconds']:.2f} s, {took['cpu']:.2f} CPU s, "
                                       f"{took['peak_mib']:.0f} MiB"))
            if "failed" in took:
                failed.add(arm.name)
            yield arm.name, turn, took


def warm(*paths):
    """Read files once, so that no arm reads them from the disk."""
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            while file.read(1 << 22):
                pass


def limit_threads(count):
    """The programs that are started see `count` processors: what an arm's own setting of threads does not reach, too."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


# ---- Results --------------------------------------------------------------------------------------------------

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
    return f"{os.cpu_count()} cores ({name}), {memory:.0f} GiB"


def commit():
    """The commit of the tree, with a + where files differ from it; empty without git."""
    git = ["git", "-C", ROOT]
    try:
        name = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        dirty = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return name.stdout.strip() + ("+" if dirty.stdout.strip() else "")


class Case:
    """One workload of a figure: its arms and their runs, kept as JSON lines for report.py.

    `cases` is the script's table of them; a row's last number is how many rounds it has. `more` may be "ours", the arm that
    the others are compared with, and "aside", arms that are not compared.
    """

    def __init__(self, figure, cases, name, label, options, **more):
        self.path = os.path.join(RESULTS, f"{figure['name']}.{name}.jsonl")
        self.head = {"kind": "case", "figure": {**figure, "script": os.path.basename(sys.argv[0])},
                     "case": name, "place": list(cases).index(name), "label": label, "threads": options.threads,
                     "rounds": options.rounds or cases[name][-1],
                     "machine": machine(), "commit": commit(), "load": round(os.getloadavg()[0], 1),
                     "date": datetime.date.today().isoformat(), "versions": {}, "notes": [], "checked": "",
                     "ours": "asof", "aside": [], **more}
        self.runs = []
        say(f"  {name}: {label}")

    def measure(self, arms):
        for arm, turn, took in interleave(arms, self.head["rounds"]):
            self.keep(arm, turn, took)

    def keep(self, arm, turn, took):
        if "version" in took:
            self.head["versions"][took.pop("software")] = took.pop("version")
        self.runs.append({"kind": "run", "arm": arm, "round": turn, **took})

    def failed(self):
        return {run["arm"] for run in self.runs if "failed" in run}

    def note(self, text):
        if text not in self.head["notes"]:
            self.head["notes"].append(text)

    def write(self):
        """Whole or not at all, in place of what the case had before."""
        os.makedirs(RESULTS, exist_ok=True)
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            for line in (self.head, *self.runs):
                file.write(json.dumps(line) + "\n")
        os.replace(self.path + ".new", self.path)
        for arm, took in medians(self.runs).items():
            say(f"    median {arm}: {took['seconds']:.2f} s, {took['cpu']:.2f} CPU s, {took['peak_mib']:.0f} MiB")


def medians(runs):
    """Of each arm that did not fail: medians of seconds, CPU and peak, and the least and most seconds."""
    result = {}
    for arm in dict.fromkeys(run["arm"] for run in runs):
        own = [run for run in runs if run["arm"] == arm]
        if any("failed" in run for run in own):
            continue
        result[arm] = {key: statistics.median(run[key] for run in own) for key in ("seconds", "cpu", "peak_mib")}
        result[arm] |= {"least": min(run["seconds"] for run in own), "most": max(run["seconds"] for run in own)}
    return result


# ---- What the scripts share -----------------------------------------------------------------------------------

def say(text):
    print(text, file=sys.stderr, flush=True)


def options(description, cases):
    """Command line of a figure. `cases` maps a case's name to True (short and long set), False (long set) or None
    (only when it is named)."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--long", action="store_true", help="every case, not the short set")
    parser.add_argument("--cases", help=f"these instead, by comma: {','.join(cases)}")
    parser.add_argument("--rounds", type=int, help="runs of each arm (default: what the case has)")
    parser.add_argument("--threads", type=int, default=min(2, len(os.sched_getaffinity(0))))
    chosen = parser.parse_args()
    chosen.cases = chosen.cases.split(",") if chosen.cases else [
        name for name, is_short in cases.items() if is_short or chosen.long and is_short is not None]
    unknown = [name for name in chosen.cases if name not in cases]
    if unknown:
        parser.error(f"no case {', '.join(unknown)} (have: {', '.join(cases)})")
    limit_threads(chosen.threads)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # servers and folders go with it
    return chosen


def each(names, measured):
    """measured(name) for every name; one that fails is said, and the others still run. Ends the program."""
    failures = 0
    for name in names:
        try:
            measured(name)
        except Failed as failure:
            failures += 1
            say(f"    FAILED {name}: {failure}")
    sys.exit(1 if failures else 0)


class Folder:
    """A directory for one case's outputs, below the results, gone afterwards."""

    def __init__(self, name):
        self.path = os.path.join(RESULTS, "tmp", f"{name}-{os.getpid()}")

    def __enter__(self):
        os.makedirs(self.path)
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def size_mib(path):
    if os.path.isfile(path):
        return os.path.getsize(path) / 2**20
    return sum(os.path.getsize(os.path.join(folder, name))
               for folder, _, names in os.walk(path) for name in names) / 2**20
