"""Seeded values, keys and instants that sit where mistakes are made: boundaries, ties, extremes,
odd characters."""

import datetime
import decimal
import math
import struct
import uuid

US = 1
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
EPOCH = datetime.datetime(1970, 1, 1)
INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)

STRINGS = [
    "a",
    "b",
    "a,b",
    "a/b",
    "a:b",
    "b:c",
    "ab",
    "",
    '"q"',
    "it's",
    "ünï",
    "日本語",
    "😀",
    " ",
    "a b",
    "%2F",
    "x\\y",
    "NULL",
    "null",
    "true",
    "1",
    "007",
    "-0",
    "A",
    "\u00e9",
    "e\u0301",
    "{}",
    "[1]",
    "#c",
    "a=b",
    "?k=v&w",
    "x" * 700,
    "y" * 3000,
    "ü" * 400,
    "$HOME",
    "*",
    "..",
    "\ttab",
    "a;b",
    "0x10",
    "2001-01-01T",
    "nan",
]
WORDS = ["a", "b", "Zz", "ünï", "x,y", 'q"q', "", "it's", "日本", "long " * 30, "B", "a ", "😀x"]


def duration(text):
    """The microseconds of `90s`, `15m`, `1h`, `7d`, `4w`."""
    return int(text[:-1]) * UNITS[text[-1]]


def datetime_of(us):
    return EPOCH + datetime.timedelta(microseconds=us)


def rfc3339(us):
    """`2001-06-29T23:00:00Z`, with up to six digits of fraction, none when zero."""
    text = datetime_of(us).isoformat(timespec="microseconds")
    return text.rstrip("0").rstrip(".") + "Z" if "." in text else text + "Z"


def sql_time(us):
    return datetime_of(us).isoformat(sep=" ", timespec="microseconds")


def float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def tame_float(rng):
    """Finite, of moderate size, exact ties and signed zeros among them; now and then NaN."""
    roll = rng.random()
    if roll < 0.02:
        return math.nan
    if roll < 0.3:
        return float(rng.randint(-5, 5))
    if roll < 0.33:
        return -0.0
    if roll < 0.5:
        return 1e8 + rng.random()
    return rng.uniform(-1000, 1000)


def wild_float(rng):
    """Everything that a float64 can be."""
    roll = rng.random()
    if roll < 0.3:
        return rng.choice(
            [math.nan, math.inf, -math.inf, -0.0, 0.0, 1e300, -1e300, 5e-324, -1e-300, 1.7e-308]
        )
    if roll < 0.6:
        return float(rng.randint(-3, 3))
    return rng.uniform(-1, 1) * 10.0 ** rng.randint(-30, 30)


def finite_float(rng):
    value = tame_float(rng)
    return 0.25 if math.isnan(value) else value


def decimal_of(rng, digits, scale):
    top = 10**digits - 1
    units = rng.choice([0, 1, -1, top, -top, rng.randint(-top, top), rng.randint(-500, 500)])
    return decimal.Decimal(units).scaleb(-scale)


def some_date(rng):
    return datetime.date(1970, 1, 1) + datetime.timedelta(
        days=rng.choice([-1, 0, 1, rng.randint(-20000, 20000)])
    )


def some_instant(rng):
    return rng.choice(
        [-1, 0, 1, rng.randint(-(10**15), 10**15), rng.randint(-(10**6), 10**6) * SECOND]
    )


def some_uuid(rng):
    return uuid.UUID(int=rng.choice([0, 1, 2**127, 2**128 - 1, rng.getrandbits(3) << 64]))


def some_texts(rng):
    return [rng.choice([None, *WORDS]) for _ in range(rng.randint(0, 3))]


def some_list(rng):
    return [
        rng.choice([None, 0, 1, INT64_MAX, INT64_MIN, rng.randint(-9, 9)])
        for _ in range(rng.randint(0, 4))
    ]


# name -> (type, a value other than NULL). `big` is budgeted per key by the generator so that its
# sums fit.
COLUMNS = {
    "n": ("int64", lambda rng: rng.randint(-6, 12)),
    "i": ("int32", lambda rng: rng.choice([2**31 - 1, -(2**31), 0, rng.randint(-100, 100)])),
    "big": ("int64", lambda rng: rng.randint(-(2**40), 2**40)),
    "lim": (
        "int64",
        lambda rng: rng.choice([INT64_MAX, INT64_MIN, 0, -1, rng.randint(INT64_MIN, INT64_MAX)]),
    ),
    "g": ("float64", tame_float),
    "f": ("float64", wild_float),
    "r": ("float32", lambda rng: float32(rng.uniform(-100, 100))),
    "d": ("decimal(10,2)", lambda rng: decimal_of(rng, 10, 2)),
    "d18": ("decimal(18,6)", lambda rng: decimal_of(rng, 14, 6)),
    "s": ("string", lambda rng: rng.choice(WORDS)),
    "b": ("bool", lambda rng: rng.random() < 0.5),
    "dt": ("date", some_date),
    "at": ("timestamp", some_instant),
    "u": ("uuid", some_uuid),
    "l": ("list<int64>", some_list),
    "ls": ("list<string>", some_texts),
}
# What text formats can carry without a type being guessed otherwise.
CSV_COLUMNS = ["n", "lim", "big", "g", "s", "b", "dt", "at"]
JSON_COLUMNS = ["n", "big", "g", "s", "b", "dt", "at", "l"]

KEY_TYPES = {
    "parquet": [
        "string",
        "string",
        "int64",
        "int32",
        "bool",
        "date",
        "timestamp",
        "decimal(10,2)",
        "uuid",
    ],
    "csv": ["string", "string", "int64", "int32", "bool", "date"],
    "json": ["string", "int64"],
}


def key_values(rng, type_name, count):
    """Distinct values for a key column."""
    if type_name == "string":
        return rng.sample(STRINGS, count)
    makers = {
        "int64": lambda: rng.choice(
            [0, 1, -1, 7, INT64_MAX, INT64_MIN, rng.randint(-(10**6), 10**6)]
        ),
        "int32": lambda: rng.choice([0, 1, -1, 2**31 - 1, -(2**31), rng.randint(-1000, 1000)]),
        "bool": lambda: rng.random() < 0.5,
        "date": lambda: some_date(rng),
        "timestamp": lambda: some_instant(rng),
        "decimal(10,2)": lambda: decimal_of(rng, 10, 2),
        "uuid": lambda: some_uuid(rng),
    }
    found = []
    for _ in range(count * 5):
        value = makers[type_name]()
        if value not in found and len(found) < count:
            found.append(value)
    return found


class Clock:
    """Instants of one project, clustered on the boundaries of its steps."""

    ORIGINS = [
        datetime.datetime(2001, 3, 1),
        datetime.datetime(1969, 12, 31, 22),
        datetime.datetime(1950, 6, 1, 5),
        datetime.datetime(2020, 2, 28, 20),
        datetime.datetime(1970, 1, 1),
    ]

    def __init__(self, rng):
        self.rng = rng
        self.origin = (rng.choice(self.ORIGINS) - EPOCH) // datetime.timedelta(microseconds=1)
        self.unit = rng.choice([15 * MINUTE, HOUR, HOUR, 6 * HOUR, DAY])

    def near(self, instant):
        return instant + self.rng.choice([-1, 0, 0, 0, 1])

    def event(self, before):
        """An event time, often tied with or close to one of `before`."""
        rng = self.rng
        roll = rng.random()
        if before and roll < 0.15:
            return rng.choice(before)
        if before and roll < 0.2:
            return self.near(rng.choice(before))
        if roll < 0.25:
            return self.origin + rng.randint(-400, 400) * DAY + rng.randint(0, DAY)
        instant = self.origin + rng.randint(0, 60) * self.unit
        if roll < 0.65:
            return self.near(instant)
        return instant + rng.randint(0, self.unit)
