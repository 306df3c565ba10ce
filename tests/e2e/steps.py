"""Short words for what the end-to-end tests do to a project: ask for JSON, be refused, write Parquet, read tables."""
import json
import subprocess

import pyarrow
import pyarrow.parquet

import project


def answer(shop, *args, **options):
    """The JSON document of a command that must succeed."""
    return json.loads(shop.done("--json", *args, **options))


def rows(shop, query):
    """The rows of `asof sql`, as tuples."""
    return [tuple(row.values()) for row in answer(shop, "sql", query)["rows"]]


def build(shop, *args):
    """What `build` did to each view, by name."""
    return {view["view"]: view for view in answer(shop, "build", *args)["views"]}


def versions(shop, view):
    """All versions of a view, oldest first."""
    found = [item for item in answer(shop, "list", "versions")["versions"] if item["view"] == view]
    return sorted((item["version"] for item in found), key=lambda text: [int(part) for part in text.split(".")])


def refused(test, status, shop, *args, **options):
    """What a command that must fail with `status` says; its standard output is empty."""
    result = shop.run(*args, **options)
    test.assertEqual((result.returncode, result.stdout), (status, ""), f"asof {' '.join(args)}: {result.stderr}")
    return result.stderr


def write_parquet(shop, path, columns):
    path = shop.dir / path
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def read_parquet(shop, path):
    return pyarrow.parquet.read_table(shop.dir / path).to_pylist()


def start(shop, *args, **env):
    """A command in the background, its output thrown away."""
    return subprocess.Popen([project.BIN, *args], cwd=shop.dir, env=project.environment(**env), stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def files(shop):
    """Every file of the project with its bytes."""
    return {str(path.relative_to(shop.dir)): path.read_bytes() for path in shop.dir.rglob("*") if path.is_file()}
