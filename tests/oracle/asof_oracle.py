"""What asof promises, computed slowly and plainly, to hold the program against.

No SQL, no numpy, no code of the product: plain loops over every row, exact sums by integers,
fractions and math.fsum. A source is a list of commits, a commit a pair (commit_time, rows). Times
are integers: microseconds since the epoch, UTC. A value is None (NULL), bool, int, float,
decimal.Decimal, str, bytes, datetime.date or list; a timestamp is an int.

Where the text of the promises leaves a choice, the literal reading is taken:
 1. max_age is measured against T itself: available_after moves the upper bound of event_time
    only.
 2. A created_time that is NULL counts as the commit's time, and is not raised to the event_time
    after that.
 3. `--known-at TIME` is rounded down to the step only where a windowed view's source has a
    created_time of its own; with `step: event`, or where created_time is the commit's, TIME is
    taken as it is. `--known-at label` is never rounded.
 4. `--known-at` hides rows before anything else happens: a tile none of whose events was known
    does not exist.
 5. `default:` replaces NULLs only: the 0 of an empty count or count_distinct stays, and so does
    the NULL of a std or var over one value. Without any tile there is no row, and then count too
    is NULL or its default.
 6. Infinities in sums and means follow IEEE 754 (inf + -inf is NaN). std and var over an infinity
    are NaN.
 7. quantile(p) lies at (n - 1) * p among the sorted values; between -inf and inf it is NaN, else
    an infinite neighbour wins.
 8. An answer withheld by max_age keeps the event_time of the row that is too old.
 9. A view that reads a view reads the rows of source_of(); commits of the source below are not
    commits of it, since every row there has a created_time.
"""

import math
from fractions import Fraction

PRESENT = "PRESENT"
NULL_VALUE = "NULL_VALUE"
NOT_FOUND = "NOT_FOUND"
OUTSIDE_MAX_AGE = "OUTSIDE_MAX_AGE"

RELATIVE = Fraction(1, 10**12)
CARRIED = Fraction(1, 2**100)  # what double-double keeps of the sum of the magnitudes
SMALLEST = Fraction(1, 2**1074)  # no float lies between this and zero


class Approx:
    """A float that must be met within 1e-12 of itself, or within what the carried precision
    leaves of `scale`."""

    def __init__(self, exact, scale=0):
        self.exact = exact
        self.scale = abs(Fraction(scale))

    def meets(self, got, power=1):
        """Is `got` raised to `power` near enough? Neither side may be NaN or infinite by
        accident."""
        if not math.isfinite(got):
            return False
        bound = max(abs(self.exact) * RELATIVE * power, self.scale, SMALLEST)
        return abs(Fraction(got) ** power - self.exact) <= bound

    def __repr__(self):
        return f"~{float(self.exact)!r}"


class ApproxRoot(Approx):
    """The square root of an exact variance, compared by its square."""

    def meets(self, got, power=2):
        return got >= 0 and super().meets(got, power)

    def __repr__(self):
        return f"~{math.sqrt(self.exact)!r}"


class Row:
    """One row of a source. `file` is the place of its file in the order of first reading,
    `number` its place in the file."""

    def __init__(self, values, event_time, created_time=None, file=0, number=0):
        self.values = values
        self.event_time = event_time
        self.created_time = created_time
        self.file = file
        self.number = number


class Source:
    """Commits in their order; `where` takes a row's values and keeps the row if and only if it
    answers True."""

    def __init__(self, commits, has_created_time=False, where=None):
        self.commits = commits
        self.has_created_time = has_created_time
        self.where = where


class Feature:
    """A plain column (agg None) or one aggregate over one window. `value` takes a row's values;
    None counts rows."""

    def __init__(self, name, value=None, agg=None, window=None, p=None, default=None):
        self.name = name
        self.value = value
        self.agg = agg
        self.window = window
        self.p = p
        self.default = default


class View:
    """Features of one entity: `keys` are the names of the source's key columns; step None
    (plain), 'event' or microseconds."""

    def __init__(self, source, keys, features, step=None, max_age=None, available_after=0):
        self.source = source
        self.keys = keys
        self.features = features
        self.step = step
        self.max_age = max_age
        self.available_after = available_after
        self._events = None

    def events_of(self, key):
        """The events of one key in the order of (event_time, created_time, commit, file, row)."""
        if self._events is None:
            self._events = _events_by_key(self)
        return self._events.get(key, [])


class Event:
    """A row that counts: it passed the filter, its key is whole and its time is known."""

    def __init__(self, row, created_time, commit):
        self.values = row.values
        self.event_time = row.event_time
        self.created_time = created_time
        self.order = (row.event_time, created_time, commit, row.file, row.number)


class Answer:
    """Values in effect, by feature name, and the names of those whose window is empty."""

    def __init__(self, event_time, values, empty=()):
        self.event_time = event_time
        self.values = values
        self.empty = set(empty)


def _events_by_key(view):
    found = {}
    for commit, (commit_time, rows) in enumerate(view.source.commits):
        for row in rows:
            if view.source.where is not None and view.source.where(row.values) is not True:
                continue
            if row.event_time is None:
                continue
            key = tuple(row.values[name] for name in view.keys)
            if None in key:
                continue
            created_time = commit_time
            if view.source.has_created_time and row.created_time is not None:
                created_time = max(row.created_time, row.event_time)
            found.setdefault(key, []).append(Event(row, created_time, commit))
    for events in found.values():
        events.sort(key=lambda event: event.order)
    return found


def floor_to(time, step):
    return (time // step) * step


def ceil_to(time, step):
    return -(-time // step) * step


def known_limit(view, t, known_at):
    """The latest created_time that may be seen, None for no limit."""
    if known_at is None:
        return None
    if known_at == "label":
        return t
    if view.step not in (None, "event") and view.source.has_created_time:
        return floor_to(known_at, view.step)
    return known_at


def newest_answer(view, key, t, known_at=None, materialized_at=None):
    """The answer at t whatever its age, or None. With materialized_at, no event after it exists."""
    limit = known_limit(view, t, known_at)
    events = []
    for event in view.events_of(key):
        if limit is not None and event.created_time > limit:
            continue
        if materialized_at is not None and event.event_time > materialized_at:
            continue
        events.append(event)
    if view.step is None:
        return _plain(view, events, t - view.available_after)
    return windows(view, events, t - view.available_after)


def is_stale(view, answer, t):
    return view.max_age is not None and answer.event_time < t - view.max_age


def point_in_time(view, key, t, known_at=None):
    """The row that the view has for the key at t, or None."""
    answer = newest_answer(view, key, t, known_at)
    if answer is None or is_stale(view, answer, t):
        return None
    return answer


def join_cells(view, key, t, known_at=None):
    """One spine row's cells by feature name."""
    if t is None or None in key:
        return {feature.name: None for feature in view.features}
    answer = point_in_time(view, key, t, known_at)
    if answer is None:
        return {feature.name: feature.default for feature in view.features}
    cells = {}
    for feature in view.features:
        value = answer.values[feature.name]
        if value is None and feature.name in answer.empty:
            value = feature.default
        cells[feature.name] = value
    return cells


def online(view, key, materialized_at, clock):
    """(event_time or None, {feature: (value, status)}) as the online store must answer."""
    t = max(clock, materialized_at)
    answer = newest_answer(view, key, t, None, materialized_at)
    cells = {}
    if answer is None or is_stale(view, answer, t):
        status = NOT_FOUND if answer is None else OUTSIDE_MAX_AGE
        for feature in view.features:
            cells[feature.name] = (feature.default, status)
        return (None if answer is None else answer.event_time), cells
    for feature in view.features:
        value = answer.values[feature.name]
        if value is None and feature.name in answer.empty:
            value = feature.default
        cells[feature.name] = (value, NULL_VALUE if value is None else PRESENT)
    return answer.event_time, cells


def _plain(view, events, upto):
    best = None
    for event in events:
        if event.event_time <= upto and (best is None or event.order > best.order):
            best = event
    if best is None:
        return None
    return Answer(best.event_time, {f.name: f.value(best.values) for f in view.features})


def windows(view, events, upto):
    """The windows of events (in their order) at the last instant <= upto at which the view is
    evaluated, or None."""
    s = upto if view.step == "event" else floor_to(upto, view.step)
    end = None
    for event in events:
        if event.event_time <= s:
            tile_end = (
                event.event_time if view.step == "event" else ceil_to(event.event_time, view.step)
            )
            if end is None or tile_end > end:
                end = tile_end
    if end is None:
        return None
    values = {}
    empty = []
    for feature in view.features:
        taken = []
        for event in events:
            if s - feature.window < event.event_time <= s:
                value = 1 if feature.value is None else feature.value(event.values)
                if value is not None:
                    taken.append(value)
        if not taken:
            empty.append(feature.name)
        values[feature.name] = aggregate(feature.agg, taken, feature.p)
    return Answer(end, values, empty)


def source_of(view, keys, where=None):
    """What a view that reads `view` reads: of a plain view the rows that count, of a windowed one
    its values at each tile's END, as a source. `keys` are the names of the entity's keys. Values
    have to be exact: integers, texts."""
    view._events = None
    rows = []
    for key in sorted(_events_by_key(view), key=_key_order):
        found = _plain_rows(view, key) if view.step is None else _window_rows(view, key)
        for event_time, created_time, file, number, values in found:
            row = dict(zip(keys, key))
            row.update(values)
            visible = event_time + view.available_after
            rows.append(Row(row, visible, created_time, file, len(rows) if number is None else number))
    return Source([(0, rows)], True, where)


def _key_order(key):
    return tuple(part.encode("utf-8") if isinstance(part, str) else part for part in key)


def _plain_rows(view, key):
    """Of each event_time the last event in the order of events."""
    best = {event.event_time: event for event in view.events_of(key)}
    for event in best.values():
        values = {f.name: f.value(event.values) for f in view.features}
        yield event.event_time, event.created_time, *event.order[3:], values


def _window_rows(view, key):
    """Each END with the greatest created_time of what the longest window covers."""
    events = view.events_of(key)
    ends = {e.event_time if view.step == "event" else ceil_to(e.event_time, view.step) for e in events}
    longest = max(feature.window for feature in view.features)
    for end in sorted(ends):
        answer = windows(view, events, end)
        values = {}
        for feature in view.features:
            value = answer.values[feature.name]
            is_default = value is None and feature.name in answer.empty
            values[feature.name] = feature.default if is_default else value
        known = max(e.created_time for e in events if end - longest < e.event_time <= end)
        yield end, known, 0, None, values


def aggregate(agg, values, p=None):
    """One aggregate over values in the order of their events, NULLs already skipped."""
    if agg == "count":
        return len(values)
    if agg == "count_distinct":
        return _count_distinct(values)
    if not values:
        return None
    if agg == "first":
        return values[0]
    if agg == "last":
        return values[-1]
    if agg == "min":
        return min(values, key=_order)
    if agg == "max":
        return max(values, key=_order)
    if agg == "sum":
        return _sum(values)
    if agg == "mean":
        return _mean(values)
    if agg == "var":
        return _variance(values, Approx)
    if agg == "std":
        return _variance(values, ApproxRoot)
    if agg == "median":
        return _quantile(values, Fraction(1, 2))
    if agg == "quantile":
        return _quantile(values, Fraction(p))
    raise ValueError(f"no such aggregate: {agg}")


def _order(value):
    """A sort key: NaN last, strings by bytes."""
    if isinstance(value, float):
        return (1, 0.0) if math.isnan(value) else (0, value)
    if isinstance(value, str):
        return value.encode("utf-8")
    return value


def _count_distinct(values):
    seen = []
    for value in sorted(values, key=_order):
        if not seen or _order(seen[-1]) != _order(value):
            seen.append(value)
    return len(seen)


def _special_sum(values):
    """NaN or an infinity where one of the values makes the sum so, else None."""
    infinities = set()
    for value in values:
        if isinstance(value, float):
            if math.isnan(value):
                return math.nan
            if math.isinf(value):
                infinities.add(value)
    if len(infinities) == 2:
        return math.nan
    return infinities.pop() if infinities else None


def _exact_sum(values):
    """(sum, sum of magnitudes) as fractions."""
    if isinstance(values[0], float):
        return Fraction(math.fsum(values)), Fraction(math.fsum(abs(v) for v in values))
    return sum(Fraction(v) for v in values), sum(abs(Fraction(v)) for v in values)


def _sum(values):
    special = _special_sum(values)
    if special is not None:
        return special
    total, magnitude = _exact_sum(values)
    if isinstance(values[0], float):
        return Approx(total, magnitude * CARRIED)
    return total  # an exact fraction: integers and decimals leave nothing to tolerate


def _mean(values):
    special = _special_sum(values)
    if special is not None:
        return special
    total, magnitude = _exact_sum(values)
    return Approx(total / len(values), magnitude * CARRIED / len(values))


def _variance(values, kind):
    n = len(values)
    if n < 2:
        return None
    if _special_sum(values) is not None:
        return math.nan
    exact = [Fraction(v) for v in values]
    mean = sum(exact) / n
    m2 = sum((x - mean) ** 2 for x in exact)
    squares = sum(x * x for x in exact)
    return kind(m2 / (n - 1), squares * CARRIED / (n - 1))


def _quantile(values, p):
    ordered = sorted(values, key=_order)
    place = (len(ordered) - 1) * p
    below = place.numerator // place.denominator
    part = place - below
    low = ordered[below]
    if part == 0:
        return _as_float(low)
    high = ordered[below + 1]
    special = _special_sum([low, high])
    if special is not None:
        return special
    low, high = Fraction(low), Fraction(high)
    scale = (abs(low) + abs(high)) * Fraction(
        1, 10**14
    )  # p itself is a rounded float, n steps of it
    return Approx(low + (high - low) * part, scale)


def _as_float(value):
    if isinstance(value, float):
        return value
    return Approx(Fraction(value), 0)
