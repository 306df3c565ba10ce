"""soak_data.py - the project of a soak: rows whose values say which generation they are of, sales that are pushed.

Generation 0 is all items. Each later one, a file more, is every tenth item: those whose number ends as the generation's does.
"""
import json
import os
import time

FEATURES = [f"f{number}" for number in range(10)]
PART = 10
SALES_ITEMS = 1000
OTHER_SERVICE = {"other": {"features": ["v.f0", "sold.amount_count_30d"]}}


def text_of(seconds):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


def first_value(item, generation):
    return generation * 1000 + item % 1000


def generation_of(item, values):
    """Which generation a row's values are of; None if they are of several, or of none."""
    first = values[0]
    if first is None or any(value != first + number / 16 for number, value in enumerate(values)):
        return None
    generation, rest = divmod(first - item % 1000, 1000)
    return int(generation) if rest == 0 else None


def newest_of(item, generation):
    """The newest generation up to this one that has the item."""
    has_it = generation - (generation - item) % PART
    return max(0, has_it)


def write(path, text):
    """Whole or not at all."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)


def write_generation(folder, items, generation):
    chosen = range(items) if generation == 0 else range(generation % PART, items, PART)
    at = text_of(time.time())
    lines = [f"item,at,{','.join(FEATURES)}"]
    for item in chosen:
        first = first_value(item, generation)
        lines.append(f"{item},{at},{','.join(str(first + number / 16) for number in range(len(FEATURES)))}")
    write(os.path.join(folder, "data", f"rows-{generation:04}.csv"), "\n".join(lines) + "\n")


def write_definitions(folder, online, services=None):
    defined = {
        "project": "soak", "lake": "./lake", "catalog": "sqlite:./catalog.db", "online": online,
        "entities": {"item": {"keys": {"item": "int64"}}},
        "sources": {"rows": {"path": "data/rows-*.csv", "event_time": "at"},
                    "sales": {"path": "data/sales.csv", "event_time": "sold_at"}},
        "views": {
            "v": {"entity": "item", "source": "rows", "features": FEATURES},
            "sold": {"entity": "item", "source": "sales", "step": "1h",
                     "features": {"amount": {"column": "amount", "agg": ["count", "sum"], "windows": ["30d"]}}},
        },
        "services": {"model": {"features": ["v.*", "sold.*"]}, **(services or {})},
    }
    write(os.path.join(folder, "asof.yaml"), json.dumps(defined, indent=1))


def write_project(folder, online, items):
    """The project at its beginning: one generation, one sale of each item that is sold."""
    os.makedirs(os.path.join(folder, "data"))
    write_definitions(folder, online)
    write_generation(folder, items, 0)
    at = text_of(time.time() - 2 * 86400)
    sales = "".join(f"{item},{at},1.5\n" for item in range(SALES_ITEMS))
    write(os.path.join(folder, "data", "sales.csv"), "item,sold_at,amount\n" + sales)
