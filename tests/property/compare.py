"""Is a cell that the program gave the one that the oracle wants? Floats that are computed within
the oracle's bound, all else exact."""

import decimal
import math

import pyarrow as pa

import values as v
from gen import oracle


def arrow_cells(column):
    """Python values of an Arrow column: timestamps as microseconds, everything else as pyarrow
    gives it."""
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64()).to_pylist()
    return column.to_pylist()


def json_cell(value, type_name):
    """The value that a JSON document holds for a type, or the document's own where it has the
    wrong form."""
    if value is None:
        return None
    if type_name in ("float64", "float32"):
        return float(value) if isinstance(value, (int, decimal.Decimal)) else _special(value)
    if type_name == "timestamp" and isinstance(value, str):
        return timestamp_us(value)
    if type_name == "date" and isinstance(value, str):
        return v.datetime.date.fromisoformat(value)
    if type_name == "uuid" and isinstance(value, str):
        return v.uuid.UUID(value)
    if type_name.startswith("decimal") and isinstance(value, int):
        return decimal.Decimal(value)
    return value


def timestamp_us(text):
    """Microseconds of RFC 3339 with Z; the text itself where it is anything else."""
    if not text.endswith("Z"):
        return text
    moment = v.datetime.datetime.fromisoformat(text[:-1])
    us = (moment - v.EPOCH) // v.datetime.timedelta(microseconds=1)
    return us if v.rfc3339(us) == text else text


def _special(value):
    names = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
    return names.get(value, value) if isinstance(value, str) else value


def same(got, want, type_name):
    """-0.0 equals 0.0: a Parquet dictionary keeps one of the two for both."""
    if got is None or want is None:
        return got is None and want is None
    if type_name in ("float64", "float32"):
        return isinstance(got, float) and _same_float(got, want)
    if type_name == "bool":
        return isinstance(got, bool) and got == want
    if type_name in ("int32", "int64", "timestamp"):
        return isinstance(got, int) and not isinstance(got, bool) and got == want
    if type_name.startswith("decimal"):
        return isinstance(got, (decimal.Decimal, int)) and oracle.Fraction(got) == oracle.Fraction(
            want
        )
    return type(got) is type(want) and got == want


def _same_float(got, want):
    if isinstance(want, oracle.Approx):
        return want.meets(got)
    want = float(want)
    if math.isnan(want) or math.isnan(got):
        return math.isnan(want) and math.isnan(got)
    return got == want
