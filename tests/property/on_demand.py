"""Random on-demand views over the views of a case, and values of requests for them.

There is no oracle of expressions in Python: what is served is held against what is joined, and
test_engine_on_demand.c holds the evaluator against DuckDB. The expressions here fail on no value.
"""

import random

import values as v

# Of the request: name -> (type, a value other than NULL).
REQUEST = {
    "now": ("timestamp", v.some_instant),
    "rate": ("float64", v.finite_float),
    "times": ("int64", lambda rng: rng.choice([0, 1, -1, 7, v.INT64_MAX, v.INT64_MIN])),
    "word": ("string", lambda rng: rng.choice(v.WORDS)),
    "flag": ("bool", lambda rng: rng.random() < 0.5),
    "on_day": ("date", v.some_date),
}

ANY = [
    "{a} is null",
    "{a} = {b}",
    "{a} is distinct from {b}",
    "coalesce({a}, {b})",
    "greatest({a}, {b})",
    "nullif({a}, {b})",
    "case when flag then {a} else {b} end",
    "if({a} < {b}, times, -1)",
    "{a} in ({b}, {a}) and flag",
]
NUMBER = [
    "{a}::double * rate",
    "{a}::double / {b}::double",
    "round({a}::double / 3, 2)",
    "try_cast({a} as integer)",
    "sign({a})::bigint",
    "case when {a} between 0 and 10 then word else 'out of it' end",
    "floor(try_cast({a} as float) * rate)",
    "sqrt(abs({a}::double)) + coalesce(rate, 0)",
]
# What an expression may say of a value, by its type. {b} is of the same type.
OF = {
    "int64": ANY + NUMBER + ["{a} // 3", "{a} % 10", "{a} > times"],
    "int32": ANY + NUMBER + ["{a} // 3", "{a} % 10 - 5", "{a} + times::double"],
    "float64": ANY + NUMBER + ["isnan({a}) or isinf({a})", "{a} % 2.5e0", "trunc({a}) - ceil(rate)"],
    "float32": ANY + NUMBER + ["isfinite({a})", "{a} * {b}"],
    "decimal": ANY + NUMBER + ["{a}::decimal(20,6) + {b}::decimal(20,6)", "-{a}"],
    "string": ANY
    + [
        "upper({a}) || '/' || lower(word)",
        "length({a})",
        "substring({a}, 1, 2)",
        "replace({a}, 'a', word)",
        "trim({a})",
        "{a} like '%a_'",
        "starts_with({a}, word) or contains(word, {a})",
        "concat({a}, '-', {b})",
    ],
    "bool": ANY + ["not {a}", "{a} and flag", "{a} or times > 3", "{a}::bigint + 1"],
    "date": ANY
    + [
        "year({a})",
        "date_trunc('quarter', {a})::date",
        "date_diff('week', {a}, on_day)",
        "{a} - on_day",
        "isodow({a}) + dayofyear({a})",
        "{a}::timestamp < now",
    ],
    "timestamp": ANY
    + [
        "date_diff('day', {a}, now)",
        "date_diff('hour', now, {b})",
        "date_trunc('week', {a})",
        "date_part('minute', {a})",
        "{a}::date = on_day",
        "epoch({a}) - epoch(now)",
        "extract(second from {a})",
    ],
}


def kind(type_name):
    return type_name.split("(")[0]


class OnDemand:
    """One on-demand view: its expressions, the entities whose keys it has, the request's values."""

    def __init__(self, name, case, rng):
        self.name = name
        outputs = [
            (view, feature.name, kind(type_name))
            for view in case.views
            for feature, type_name in view.outputs()
            if kind(type_name) in OF
        ]
        self.features = [("hour", "hour(now)"), ("said", "upper(word)")]
        read = set()
        for number in range(rng.randint(2, 6) if outputs else 0):
            a = rng.choice(outputs)
            b = rng.choice([o for o in outputs if o[2] == a[2]])
            expr = rng.choice(OF[a[2]])
            read |= {a[0].entity} | ({b[0].entity} if "{b}" in expr else set())
            texts = {"a": f"{a[0].name}.{a[1]}", "b": f"{b[0].name}.{b[1]}"}
            self.features.append((f"x{number}", expr.format(**texts)))
        self.entities = [entity for entity in case.entities if entity in read]

    def lines(self):
        """Of its definition."""
        request = ", ".join(f"{name}: {type_name}" for name, (type_name, _) in REQUEST.items())
        lines = [f"  {self.name}:", "    on_demand: true", f"    request: {{{request}}}"]
        lines.append("    features:")
        for name, expr in self.features:
            lines += [f"      {name}:", "        expr: >-", f"          {expr}"]
        return lines


def make(case):
    """Some for most cases; their randomness is their own, so that the rest of a seed's project is
    what it would be without them."""
    rng = random.Random(f"on demand {case.seed}")
    count = rng.choice([0, 1, 1, 2])
    return [OnDemand(f"computed_{i}", case, rng) for i in range(count)]


def request(rng):
    """A value of each name, now and then NULL."""
    return {
        name: None if rng.random() < 0.15 else value(rng) for name, (_, value) in REQUEST.items()
    }
