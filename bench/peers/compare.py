#!/usr/bin/env python3
"""compare.py SPEC - are two Parquet files the same? Columns are paired by name, or by position if the names differ.
Prints {rows, values} or fails.

SPEC: {"ours", "theirs", and one of
 "spine": FILE, "time": COLUMN   every row equal to the bit, in any order; ours in the order of the spine as well
 "order": [COLUMN, ..], "off": E rows paired in this order, which must decide them; numbers may differ by E, relatively}
"""
import json
import sys

import duckdb


def columns(db, path):
    return [(row[0], row[1]) for row in db.execute(f"DESCRIBE FROM '{path}'").fetchall()]


def plain(name, kind):
    """A column as both sides can be compared: whether a time has a zone, or an integer 64 bits, does not matter."""
    if kind.startswith("TIMESTAMP"):
        return f'epoch_us("{name}")'
    if kind in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UINTEGER", "UBIGINT", "USMALLINT", "UTINYINT"):
        return f'"{name}"::BIGINT'
    return f'"{name}"'


def row_hashes(db, path):
    names = ", ".join(plain(*column) for column in columns(db, path))
    return f"SELECT hash({names}) AS h FROM '{path}'"


def compare_exactly(db, spec):
    ours, theirs = (row_hashes(db, spec[side]) for side in ("ours", "theirs"))
    left, right = (db.execute(f"SELECT count(*) FROM ({a} EXCEPT ALL {b})").fetchone()[0]
                   for a, b in ((ours, theirs), (theirs, ours)))
    if left or right:
        sample = db.execute(f"FROM '{spec['ours']}' WHERE hash({', '.join(plain(*c) for c in columns(db, spec['ours']))})"
                            f" IN ({ours} EXCEPT ALL {theirs}) LIMIT 1").fetchall()
        sys.exit(f"{left} rows of ours are not theirs, {right} of theirs are not ours; such as {sample}")
    spine = columns(db, spec["spine"])
    same = " AND ".join(f'a."{name}" IS NOT DISTINCT FROM b."{name}"' for name, _ in spine)
    names = ", ".join(f'"{name}"' for name, _ in spine)
    moved = db.execute(f"SELECT count(*) FROM (SELECT {names} FROM '{spec['ours']}') a POSITIONAL JOIN "
                       f"(SELECT {names} FROM '{spec['spine']}') b WHERE NOT ({same})").fetchone()[0]
    if moved:
        sys.exit(f"{moved} rows of ours are not where the spine has them")


def paired(db, spec):
    """The columns of both sides, in the order of ours if they have the same names."""
    ours, theirs = (columns(db, spec[side]) for side in ("ours", "theirs"))
    kinds = dict(theirs)
    if sorted(kinds) == sorted(dict(ours)):
        theirs = [(name, kinds[name]) for name, _ in ours]
    return {"ours": ours, "theirs": theirs}


def compare_nearly(db, spec):
    order = ", ".join(spec["order"])
    for side, names in paired(db, spec).items():
        listed = ", ".join(f"{plain(*column)} AS c{number}" for number, column in enumerate(names))
        db.execute(f"CREATE TABLE {side} AS SELECT {listed} FROM '{spec[side]}' ORDER BY {order}")
    types = [row[1] for row in db.execute("DESCRIBE ours").fetchall()]
    for number, kind in enumerate(types):
        a, b = f"ours.c{number}", f"theirs.c{number}"
        bad = f"{a} IS DISTINCT FROM {b}"
        if kind in ("DOUBLE", "FLOAT"):
            bad += f" AND NOT coalesce(abs({a} - {b}) <= {spec['off']} * greatest(1, abs({a}), abs({b})), false)"
        wrong = db.execute(f"SELECT count(*), any_value([{a}::VARCHAR, {b}::VARCHAR]) FROM ours POSITIONAL JOIN theirs"
                           f" WHERE {bad}").fetchone()
        if wrong[0]:
            name = columns(db, spec["ours"])[number][0]
            sys.exit(f"{name}: {wrong[0]} rows differ, such as {wrong[1][0]} (ours) and {wrong[1][1]} (theirs)")


def main():
    spec = json.loads(sys.argv[1])
    with duckdb.connect() as db:
        db.execute(f"SET temp_directory = '{spec['ours']}.spill'")
        counts = [db.execute(f"SELECT count(*) FROM '{spec[side]}'").fetchone()[0] for side in ("ours", "theirs")]
        widths = [len(columns(db, spec[side])) for side in ("ours", "theirs")]
        if counts[0] != counts[1] or widths[0] != widths[1]:
            sys.exit(f"ours has {counts[0]} rows of {widths[0]} columns, theirs {counts[1]} of {widths[1]}")
        (compare_nearly if "off" in spec else compare_exactly)(db, spec)
    print(json.dumps({"rows": counts[0], "values": counts[0] * widths[0]}))


if __name__ == "__main__":
    main()
