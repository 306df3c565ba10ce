"""Seeded random projects: a few entities, sources in several files, many views, and spines that
aim at their boundaries.

A project is made in memory first, as the oracle takes it, then written as asof.yaml, features/
and data/. The same seed makes the same project. Files have a stage: those of stage 0 are there
before the first build, later ones come afterwards.
"""

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from oracle import asof_oracle as oracle  # noqa: E402
import on_demand  # noqa: E402
import values as v  # noqa: E402

FILE_NAMES = ["a", "b", "B", "10", "9", "é", "part-00001", "sub/a", "z z", "_x", "C.d"]

ALWAYS = -(2**62)  # before every instant

# (SQL, what it says of a row's values: True, False or None)
FILTERS = [
    ("n is not null", lambda r: r["n"] is not None),
    ("n > -3", lambda r: None if r["n"] is None else r["n"] > -3),
    ("n between -4 and 8", lambda r: None if r["n"] is None else -4 <= r["n"] <= 8),
    ("s <> 'b'", lambda r: None if r["s"] is None else r["s"] != "b"),
    ("s is null or s <> 'it''s'", lambda r: r["s"] is None or r["s"] != "it's"),
    ("not coalesce(b, false)", lambda r: r["b"] is not True),
    (
        "n % 3 <> 0 or s = 'x,y'",
        lambda r: _either(_not_multiple(r["n"]), None if r["s"] is None else r["s"] == "x,y"),
    ),
    ("n > 1000", lambda r: None if r["n"] is None else r["n"] > 1000),
]

# name -> (SQL, type, value)
SELECTS = {
    "n2": ("n * 2 + 1", "int64", lambda r: None if r["n"] is None else r["n"] * 2 + 1),
    "n0": ("coalesce(n, 0)", "int64", lambda r: r["n"] or 0),
    "is_big": ("n > 3", "bool", lambda r: None if r["n"] is None else r["n"] > 3),
    "tag": ("s || '!'", "string", lambda r: None if r["s"] is None else r["s"] + "!"),
    "share": (
        "case when n > 2 then 1 else 0 end",
        "int32",
        lambda r: int(r["n"] is not None and r["n"] > 2),
    ),
    "half": ("n::double / 2", "float64", lambda r: None if r["n"] is None else r["n"] / 2),
}

WINDOWS = {
    "90s": ["90s", "180s", "15m", "3h"],
    "7m": ["7m", "70m", "21m"],
    "15m": ["15m", "45m", "1h", "6h", "1d"],
    "1h": ["1h", "6h", "1d", "7d"],
    "6h": ["6h", "12h", "24h", "1w"],
    "1d": ["1d", "7d", "4w", "30d"],
    "event": ["90s", "15m", "1h", "6h", "1d", "7d"],
}
STEPS = ["15m", "1h", "1h", "6h", "1d", "event", "event", "90s", "7m"]
ORDER_AGGS = ["count", "first", "last", "count_distinct", "min", "max"]
NUMBER_AGGS = ORDER_AGGS + [
    "sum",
    "mean",
    "std",
    "var",
    "median",
    "quantile(0.25)",
    "quantile(0.5)",
    "quantile(0.75)",
]
FINITE_AGGS = NUMBER_AGGS + [
    "quantile(0.9)",
    "quantile(0.95)",
    "quantile(0.99)",
    "quantile(0.999)",
    "quantile(0)",
    "quantile(1)",
]
AGGS = {
    "int32": FINITE_AGGS,
    "int64": FINITE_AGGS,
    "decimal(10,2)": FINITE_AGGS,
    "decimal(18,6)": FINITE_AGGS,
    "float64": NUMBER_AGGS,
    "float32": NUMBER_AGGS,
    "bool": ORDER_AGGS + ["sum", "mean", "std", "median"],
    "string": ORDER_AGGS,
    "date": ORDER_AGGS,
    "timestamp": ORDER_AGGS,
    "uuid": ["count", "first", "last", "count_distinct"],
    "list<int64>": ["count", "first", "last"],
    "list<string>": ["count", "first", "last"],
}


def _not_multiple(n):
    return None if n is None else n % 3 != 0


def _either(a, b):
    if a is True or b is True:
        return True
    return None if a is None or b is None else False


class File:
    def __init__(self, path, stage):
        self.path = path  # relative to the project
        self.stage = stage
        self.rows = []  # oracle.Row, in the order of the file


class Source:
    def __init__(self, name, file_format, keys):
        self.name = name
        self.format = file_format
        self.keys = keys  # [(source column, type, entity key name)]
        self.columns = {}  # data columns by name: type
        self.selects = []  # names in SELECTS
        self.filter = None  # entry of FILTERS
        self.has_created_time = False
        self.time_form = "us"  # how Parquet holds event_time: us, utc, ns, zone, number
        self.files = []
        self.group_size = 100

    @property
    def path(self):
        deep = any("/" in f.path[len(f"data/{self.name}/") :] for f in self.files)
        return f"data/{self.name}/{'**/' if deep else ''}*.{self.format}"

    def types(self):
        """The types of what a feature may use."""
        return {**self.columns, **{name: SELECTS[name][1] for name in self.selects}}

    def rows(self):
        return [row for f in self.files for row in f.rows]

    def commits(self, times):
        """The oracle's commits, one per stage built, at `times`."""
        return self._commits([(time, [stage]) for stage, time in enumerate(times)])

    def read_at_once(self, time, stages):
        """The files of the first `stages` as one commit."""
        return self._commits([(time, range(stages))])

    def _commits(self, parts):
        commits = []
        ordinal = 0
        for time, stages in parts:
            rows = []
            for f in sorted(
                (f for f in self.files if f.stage in stages), key=lambda f: f.path.encode()
            ):
                for number, row in enumerate(f.rows):
                    row.file, row.number = ordinal, number
                    rows.append(row)
                ordinal += 1
            commits.append((time, rows))
        return commits


class Feature:
    """A declared feature: one output when plain, else aggs x windows of them."""

    def __init__(self, name, column, column_type, aggs=(), windows=(), default=None):
        self.name = name
        self.column = column
        self.type = column_type
        self.aggs = aggs
        self.windows = windows
        self.default = default

    def outputs(self):
        """[(oracle.Feature, type)]"""
        value = None if self.column is None else (lambda row, column=self.column: row[column])
        if not self.aggs:
            return [(oracle.Feature(self.name, value, default=self.default), self.type)]
        made = []
        for agg in self.aggs:
            kind, p, label = agg_parts(agg)
            for window in self.windows:
                feature = oracle.Feature(
                    f"{self.name}_{label}_{window}",
                    value,
                    kind,
                    v.duration(window),
                    p,
                    self.default,
                )
                made.append((feature, agg_type(kind, self.type)))
        return made


def agg_parts(agg):
    """("quantile", "0.999", "p99_9") of "quantile(0.999)", ("mean", None, "mean") of "mean"."""
    if not agg.startswith("quantile("):
        return agg, None, agg
    p = agg[len("quantile(") : -1]
    percent = v.decimal.Decimal(p) * 100
    return "quantile", p, "p" + format(percent.normalize(), "f").replace(".", "_")


def agg_type(kind, column_type):
    if kind in ("count", "count_distinct"):
        return "int64"
    if kind in ("mean", "std", "var", "median", "quantile"):
        return "float64"
    if kind == "sum":
        return {"int32": "int64", "bool": "int64", "float32": "float64"}.get(
            column_type, column_type
        )
    return column_type


class View:
    def __init__(self, name, entity, source, features):
        self.name = name
        self.entity = entity
        self.source = source
        self.features = features
        self.step = None  # text
        self.max_age = None
        self.available_after = None

    def outputs(self):
        return [output for feature in self.features for output in feature.outputs()]

    def model(self, source):
        """The view as the oracle takes it, over the oracle's source."""
        step = self.step if self.step in (None, "event") else v.duration(self.step)
        return oracle.View(
            source,
            [key[0] for key in self.source.keys],
            [f for f, _ in self.outputs()],
            step,
            self.max_age and v.duration(self.max_age),
            v.duration(self.available_after) if self.available_after else 0,
        )


class Case:
    """One project. `stages` is how many builds its files come in; for_online leaves out what JSON
    has no agreed form for."""

    def __init__(self, seed, stages=1, for_online=False):
        self.seed = seed
        self.rng = random.Random(seed)
        self.stages = stages
        self.for_online = for_online
        self.clock = v.Clock(self.rng)
        self.is_hot = self.rng.random() < 0.2  # most rows are of one key
        self.entities = {}  # name -> [(key, type)]
        self.keys_seen = {}  # name -> [tuple]
        self.sources = []
        self.views = []
        for index in range(self.rng.randint(1, 2)):
            self._make_entity(index)
        self.services = {
            "all_of_it": [(view, f.name) for view in self.views for f, _ in view.outputs()]
        }
        self.spine = Spine(self)
        self.on_demand = on_demand.make(self) if for_online else []

    def models(self, commit_times):
        """{view name: oracle.View} when the stages so far were committed at these times."""
        made = {}
        for source in self.sources:
            where = source.filter and source.filter[1]
            model = oracle.Source(source.commits(commit_times), source.has_created_time, where)
            for view in self.views:
                if view.source is source:
                    made[view.name] = view.model(model)
        return made

    def direct_models(self, now, stages):
        """The same when the sources are read as they are, at `now`: what has no created_time was
        always known."""
        made = {}
        for source in self.sources:
            where = source.filter and source.filter[1]
            time = now if source.has_created_time else ALWAYS
            model = oracle.Source(source.read_at_once(time, stages), source.has_created_time, where)
            for view in self.views:
                if view.source is source:
                    made[view.name] = view.model(model)
        return made

    def _make_entity(self, index):
        rng = self.rng
        file_format = rng.choices(["parquet", "csv", "json"], [8, 2, 1])[0]
        pool = list(v.KEY_TYPES[file_format])
        if file_format == "parquet" and not self.for_online:
            pool.append("bytes")
        types = [rng.choice(pool) for _ in range(rng.choices([1, 2, 3], [5, 3, 1])[0])]
        name = f"entity_{index}"
        self.entities[name] = [(f"k{index}_{i}", t) for i, t in enumerate(types)]
        self.keys_seen[name] = self._make_keys(types)
        for number in range(rng.choices([1, 2], [3, 1])[0]):
            source = SourceMaker(self, f"s{index}_{number}", file_format, name).make()
            self.sources.append(source)
            for _ in range(rng.randint(1, 3)):
                self.views.append(self._make_view(f"v{len(self.views)}", name, source))

    def _make_keys(self, types):
        rng = self.rng
        columns = []
        for type_name in types:
            if type_name == "bytes":
                columns.append([text.encode() + b"\x00\xff" for text in rng.sample(v.STRINGS, 5)])
            else:
                columns.append(v.key_values(rng, type_name, rng.randint(2, 6)))
        keys = {tuple(rng.choice(column) for column in columns) for _ in range(rng.randint(3, 9))}
        return sorted(keys, key=repr)

    def _make_view(self, name, entity, source):
        rng = self.rng
        is_plain = rng.random() < 0.3
        view = View(name, entity, source, [])
        view.max_age = rng.choice([None, None, "1h", "6h", "1d", "7d", "30d"])
        view.available_after = rng.choice([None, None, "90s", "15m", "1h", "3h", "1d"])
        columns = rng.sample(
            sorted(source.types().items()), k=min(len(source.types()), rng.randint(2, 8))
        )
        if is_plain:
            for number, (column, column_type) in enumerate(columns):
                default = self._default(column_type, None)
                view.features.append(
                    Feature(
                        rng.choice([f"f{number}", f"{column}_{number}"]),
                        column,
                        column_type,
                        default=default,
                    )
                )
            return view
        view.step = rng.choice(STEPS)
        usable = [(c, t) for c, t in columns if t in AGGS]
        for number, (column, column_type) in enumerate(usable[:6]):
            view.features.append(self._windowed(f"f{number}", column, column_type, view.step))
        if not view.features or rng.random() < 0.6:
            windows = self._windows(view.step)
            default = rng.choice([None, -1])
            view.features.append(Feature("rows", None, None, ["count"], windows, default))
        return view

    def _windowed(self, name, column, column_type, step):
        rng = self.rng
        aggs = AGGS[column_type]
        if column in ("f", "lim"):  # squares and sums of these leave what a value can hold
            out = ("std", "var") if column == "f" else ("std", "var", "sum")
            aggs = [a for a in aggs if a not in out]
        aggs = rng.sample(aggs, k=rng.randint(1, min(len(aggs), 6)))
        return Feature(
            name, column, column_type, aggs, self._windows(step), self._default(column_type, aggs)
        )

    def _windows(self, step):
        return self.rng.sample(WINDOWS[step], k=self.rng.randint(1, 3))

    def _default(self, column_type, aggs):
        """A default that every output of the feature can hold, more often none."""
        rng = self.rng
        if rng.random() < 0.7:
            return None
        if column_type in ("int32", "int64", "float64", "float32") or column_type.startswith(
            "decimal"
        ):
            return rng.choice([0, -7, 99])
        if aggs and not set(aggs) <= {"first", "last", "min", "max"}:
            return None
        return {"string": "n/a", "bool": True}.get(column_type)

    def instant(self, entity=None):
        """An instant at or around something that one of the views must get right."""
        rng = self.rng
        views = [view for view in self.views if entity in (None, view.entity)]
        view = rng.choice(views)
        times = [row.event_time for row in view.source.rows() if row.event_time is not None]
        time = rng.choice(times) if times else self.clock.origin
        if view.step not in (None, "event") and rng.random() < 0.6:
            time = oracle.ceil_to(time, v.duration(view.step))
        if view.available_after and rng.random() < 0.6:
            time += v.duration(view.available_after)
        windows = [w for feature in view.features for w in feature.windows]
        roll = rng.random()
        if windows and roll < 0.3:
            time += v.duration(rng.choice(windows))
        elif view.max_age and roll < 0.5:
            time += v.duration(view.max_age)
        elif roll < 0.6:
            time += rng.randint(0, 3 * v.DAY)
        return self.clock.near(time)

    def key(self, entity, null_share=0.04):
        """A key of the entity: mostly one that occurs, else a mixture, a stranger, or one with a
        NULL."""
        rng = self.rng
        known = self.keys_seen[entity]
        if self.is_hot and rng.random() < 0.9:
            key = known[0]
        elif rng.random() < 0.8:
            key = rng.choice(known)
        else:
            key = tuple(rng.choice(known)[i] for i in range(len(self.entities[entity])))
            if rng.random() < 0.5:
                key = tuple(stranger(value) for value in key)
        if rng.random() < null_share:
            at = rng.randrange(len(key))
            key = key[:at] + (None,) + key[at + 1 :]
        return key


def stranger(value):
    """Another value of the same type, not likely to be a key."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return value + "_"
    if isinstance(value, bytes):
        return value + b"_"
    if isinstance(value, int):
        return value - 1 if value > 0 else value + 1
    if isinstance(value, v.datetime.date):
        return value + v.datetime.timedelta(days=1)
    if isinstance(value, v.uuid.UUID):
        return v.uuid.UUID(int=value.int ^ 1)
    return v.decimal.Decimal("12.34")


class SourceMaker:
    """Makes one source and its rows."""

    def __init__(self, case, name, file_format, entity):
        self.case = case
        self.rng = case.rng
        keys = []
        for key, type_name in case.entities[entity]:
            keys.append((key if case.rng.random() < 0.7 else "src_" + key, type_name, key))
        self.source = Source(name, file_format, keys)
        self.entity = entity
        self.has_triple = set()

    def make(self):
        rng, source = self.rng, self.source
        names = {"csv": v.CSV_COLUMNS, "json": v.JSON_COLUMNS}.get(source.format, list(v.COLUMNS))
        source.columns = {name: v.COLUMNS[name][0] for name in names}
        source.selects = rng.sample(sorted(SELECTS), k=rng.randint(0, 3))
        source.filter = rng.choice([None, None] + FILTERS)
        source.has_created_time = rng.random() < 0.6
        source.group_size = rng.choice([3, 20, 1000])
        if source.format == "parquet":
            source.time_form = rng.choice(["us", "us", "utc", "ns", "zone", "number"])
        self.null_times = rng.random() < 0.25
        self._make_files()
        return source

    def _make_files(self):
        rng, source = self.rng, self.source
        deep = rng.random() < 0.2
        names = rng.sample([n for n in FILE_NAMES if deep or "/" not in n], k=5)
        for stage in range(self.case.stages):
            for _ in range(rng.randint(1, 3 if stage == 0 else 2)):
                source.files.append(
                    File(f"data/{source.name}/{names.pop()}.{source.format}", stage)
                )
        if source.format != "parquet":
            for f in source.files:
                f.rows.append(self._row(is_whole=True))
        times = []
        for _ in range(rng.choice([0, 5, 60, 60, 120, 200, 400])):
            f = rng.choice(source.files)
            f.rows.extend(self._group(times, f))
        if source.format == "parquet":
            for f in source.files:
                rng.shuffle(f.rows)

    def _group(self, times, f):
        """One row, or rows that belong in one file."""
        rng = self.rng
        row = self._row(times)
        if row.event_time is not None:
            times.append(row.event_time)
        key = tuple(row.values[k[0]] for k in self.source.keys)
        if rng.random() < 0.03:
            return [row, self._copy(row)]
        if rng.random() < 0.05 and key not in self.has_triple and f.stage == 0:
            self.has_triple.add(key)
            rows = [row, self._copy(row), self._copy(row)]
            for one, big in zip(
                rows, (2**62, 2**62, -(2**62))
            ):  # leaves int64 on the way, not at the end
                one.values["big"] = big
            return rows
        return [row]

    def _copy(self, row):
        return oracle.Row(dict(row.values), row.event_time, row.created_time)

    def _row(self, times=(), is_whole=False):
        rng, source = self.rng, self.source
        key = self.case.key(self.entity, 0 if is_whole else 0.03)
        cells = dict(zip((k[0] for k in source.keys), key))
        for name, type_name in source.columns.items():
            cells[name] = None if not is_whole and rng.random() < 0.12 else v.COLUMNS[name][1](rng)
            if source.format != "parquet" and type_name == "float64" and cells[name] is not None:
                cells[name] = v.finite_float(rng)
        if is_whole:
            cells.update({"g": 1.25, "s": "a", "l": [1]})
            cells = {
                name: cell for name, cell in cells.items() if name != "l" or "l" in source.columns
            }
        event_time = self.case.clock.event(times)
        if self.null_times and not is_whole and rng.random() < 0.05:
            event_time = None
        for name in source.selects:
            cells[name] = SELECTS[name][2](cells)
        return oracle.Row(cells, event_time, self._created(event_time, is_whole))

    def _created(self, event_time, is_whole):
        rng = self.rng
        if not self.source.has_created_time:
            return None
        if event_time is None:
            return self.case.clock.origin
        roll = rng.random()
        if roll < 0.12 and not is_whole:
            return None
        if roll < 0.25:
            return event_time
        if roll < 0.4:
            return event_time - rng.randint(1, 3 * v.DAY)
        if roll < 0.7:
            return event_time + rng.choice([1, v.MINUTE, v.HOUR, rng.randint(0, 2 * v.HOUR)])
        return self.case.clock.near(
            oracle.ceil_to(event_time, self.case.clock.unit)
            + rng.randint(0, 4) * self.case.clock.unit
        )


class Spine:
    """What is joined onto: keys of every entity, a time, and columns that must come through
    untouched."""

    EXTRAS = [
        ("label", "n"),
        ("weight", "f"),
        ('a "b" c', "s"),
        ("Ünï", "d"),
        ("day", "dt"),
        ("seen", "at"),
        ("ls", "l"),
        ("flag", "b"),
        ("i", "i"),
        ("r", "r"),
        ("select", "lim"),
    ]

    def __init__(self, case):
        rng = case.rng
        self.time_column = rng.choice(["event_time", "event_time", "ts", "when it was"])
        self.is_zoned = rng.random() < 0.3
        self.keys = [
            (name, t, entity) for entity in case.entities for name, t in case.entities[entity]
        ]
        self.extras = rng.sample(self.EXTRAS, k=rng.randint(0, 5))
        self.group_size = rng.choice([5, 50, 5000])
        columns = [self.time_column] + [k[0] for k in self.keys] + [e[0] for e in self.extras]
        self.columns = rng.sample(columns, k=len(columns))
        self.rows = []
        for _ in range(rng.choice([0, 1, 30, 100, 250, 600])):
            self.rows.append(self._row(case))
        rng.shuffle(self.rows)

    def _row(self, case):
        rng = case.rng
        if self.rows and rng.random() < 0.1:
            return dict(rng.choice(self.rows))
        row = {self.time_column: None if rng.random() < 0.03 else case.instant()}
        for entity, keys in case.entities.items():
            row.update(zip((name for name, _ in keys), case.key(entity)))
        for name, column in self.extras:
            row[name] = None if rng.random() < 0.1 else v.COLUMNS[column][1](rng)
        return row

    def key_of(self, row, entity):
        return tuple(row[name] for name, _, of in self.keys if of == entity)
