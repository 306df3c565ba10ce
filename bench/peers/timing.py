"""timing.py - what a block of this process took; printed as one JSON line, the driver's last."""
import json
import resource
import time


def cpu_seconds():
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        total += usage.ru_utime + usage.ru_stime
    return total


class Timed:
    """with Timed("DuckDB", duckdb.__version__): ... prints {software, version, seconds, cpu} and what else it was given."""

    def __init__(self, software, version, **more):
        self.line = {"software": software, "version": version, **more}

    def __enter__(self):
        self.cpu, self.start = cpu_seconds(), time.perf_counter()
        return self.line

    def __exit__(self, kind, *_):
        if kind is None:
            seconds, cpu = time.perf_counter() - self.start, cpu_seconds() - self.cpu
            print(json.dumps({**self.line, "seconds": seconds, "cpu": cpu}), flush=True)
