"""joins.py - arms of the figures about joins of plain views: the same spec for asof and its peers, outputs compared."""
import os

import data
import measure
import project

COMPRESSION = "snappy"  # what asof writes


def output(folder, name):
    return os.path.join(folder, name.replace(" ", "_") + ".parquet")


def peer_spec(spec, folder, name, threads, memory=None):
    return {**spec, "out": output(folder, name), "threads": threads, "compression": COMPRESSION,
            "memory": memory, "spill": os.path.join(folder, "spill")}


def direct(spec, folder, threads, memory=None):
    """`asof join --direct`: from the sources' files, nothing built."""
    own = os.path.join(folder, "direct")
    project.write(own, project.definitions(spec))
    words = project.join_words(spec, output(folder, "asof"), is_direct=True)
    return measure.Arm("asof", project.command(own, threads, *words, memory=memory))


def from_lake(spec, folder, threads, case):
    """`asof join` from views that are built before the clock starts; what the building took is kept beside it."""
    own = os.path.join(folder, "lake")
    project.write(own, project.definitions(spec))
    project.forget(own)
    took, _ = measure.run(project.command(own, threads, "build"))
    case.keep("asof build", 0, took)
    case.head["aside"] = ["asof build"]
    raw = sum(measure.size_mib(path) for path in {view["path"] for view in spec["views"]})
    case.note(f"Built before, and not counted in asof's seconds: {took['seconds']:.2f} s, lake "
              f"{measure.size_mib(os.path.join(own, 'lake')):.0f} MiB of {raw:.0f} MiB raw ({case.head['label']}).")
    words = project.join_words(spec, output(folder, "asof"))
    return measure.Arm("asof", project.command(own, threads, *words))


def duckdb(spec, folder, threads, name="DuckDB", memory=None, **options):
    mine = peer_spec(spec, folder, name, threads, memory)
    return measure.driver(name, measure.python(), "join_duckdb.py", mine, **options)


def polars(spec, folder, threads, **options):
    mine = peer_spec(spec, folder, "Polars", threads)
    return measure.driver("Polars", measure.python(), "join_polars.py", mine,
                          env={"POLARS_MAX_THREADS": str(threads)}, **options)


def feast(spec, folder, threads, **options):
    mine = peer_spec(spec, folder, "Feast", threads)
    return measure.driver("Feast", measure.python("requirements-feast.txt"), "join_feast.py", mine, **options)


def finish(case, spec, folder):
    """Compare asof's output with every other arm's that has one, and write the case."""
    case.head["versions"]["asof"] = project.version()
    ours = output(folder, "asof")
    equal = []
    for name in dict.fromkeys(run["arm"] for run in case.runs):
        theirs = output(folder, name)
        if name != "asof" and name not in case.failed() and os.path.exists(theirs):
            rows = data.same_rows(spec, ours, theirs)
            equal.append(name)
    if not equal:
        raise measure.Failed(f"{case.head['case']}: there is nothing to compare asof's output with")
    case.head["checked"] = f"{rows:,} rows equal to the bit: asof, {', '.join(equal)}"
    measure.say(f"    {case.head['checked']}")
    case.write()


def warm(spec):
    measure.warm(spec["spine"], *{view["path"] for view in spec["views"]})
