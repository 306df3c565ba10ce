"""The oracle itself, held against cases worked out by hand from the promises."""

import datetime
import decimal
import math
import unittest

from gen import oracle
from oracle.asof_oracle import Approx, Feature, Row, Source, View, aggregate

S = 1_000_000
H = 3600 * S
D = 24 * H
COMMIT = 1000 * D


def plain(rows, has_created_time=False, commits=None, default=None, **options):
    """A view of the column x over rows (key, x, event_time[, created_time])."""
    commits = commits or [(COMMIT, rows)]
    made = []
    for ordinal, (time, some) in enumerate(commits):
        made.append(
            (
                time,
                [
                    Row({"k": r[0], "x": r[1]}, r[2], *r[3:4], file=ordinal, number=i)
                    for i, r in enumerate(some)
                ],
            )
        )
    return View(
        Source(made, has_created_time),
        ["k"],
        [Feature("x", lambda v: v["x"], default=default)],
        **options,
    )


def windowed(
    rows,
    agg="sum",
    window=D,
    step=H,
    column="x",
    default=None,
    has_created_time=False,
    commits=None,
    **options,
):
    view = plain(rows, has_created_time, commits, step=step, **options)
    value = None if column is None else (lambda v: v[column])
    view.features = [Feature("w", value, agg, window, default=default)]
    return view


def x_at(view, t, key=("a",), known_at=None):
    return oracle.join_cells(view, key, t, known_at)["x"]


def w_at(view, t, key=("a",), known_at=None):
    value = oracle.join_cells(view, key, t, known_at)["w"]
    return float(value.exact) if isinstance(value, Approx) else value


class PointInTime(unittest.TestCase):
    def test_the_greatest_event_time_at_or_before_t_wins(self):
        view = plain([("a", 1, 10), ("a", 2, 20), ("a", 3, 30)])
        self.assertEqual([None, 1, 1, 2, 3], [x_at(view, t) for t in (9, 10, 19, 20, 99)])

    def test_max_age_includes_its_last_instant(self):
        view = plain([("a", 1, 10)], max_age=5)
        self.assertEqual([1, None], [x_at(view, t) for t in (15, 16)])

    def test_available_after_moves_the_upper_bound_only(self):
        view = plain([("a", 1, 10)], max_age=5, available_after=3)
        self.assertEqual([None, 1, 1, None], [x_at(view, t) for t in (12, 13, 15, 16)])

    def test_an_unavailable_row_leaves_the_one_before_in_effect(self):
        view = plain([("a", 1, 10), ("a", 2, 20)], available_after=3)
        self.assertEqual([1, 2], [x_at(view, t) for t in (22, 23)])

    def test_ties_go_to_created_time_then_commit_then_row(self):
        self.assertEqual(1, x_at(plain([("a", 1, 10, 12), ("a", 2, 10, 11)], True), 10))
        self.assertEqual(2, x_at(plain([("a", 1, 10, 11), ("a", 2, 10, 11)], True), 10))
        late = [(COMMIT, [("a", 1, 10, 11), ("a", 3, 10, 11)]), (COMMIT + 1, [("a", 2, 10, 11)])]
        self.assertEqual(2, x_at(plain(None, True, late), 10))

    def test_the_later_file_wins_a_tie_within_a_commit(self):
        rows = [
            Row({"k": "a", "x": 1}, 10, file=1, number=0),
            Row({"k": "a", "x": 2}, 10, file=0, number=9),
        ]
        view = View(Source([(COMMIT, rows)]), ["k"], [Feature("x", lambda v: v["x"])])
        self.assertEqual(1, x_at(view, 10))

    def test_a_whole_row_wins_with_its_nulls(self):
        self.assertIsNone(x_at(plain([("a", 1, 10), ("a", None, 11)], default=7), 11))

    def test_created_before_the_event_counts_as_the_event_time(self):
        view = plain([("a", 1, 10, 10), ("a", 2, 10, 3)], True)
        self.assertEqual(2, x_at(view, 10))

    def test_a_null_created_time_counts_as_the_commits(self):
        view = plain([("a", 1, 10, None), ("a", 2, 10, 500)], True)
        self.assertEqual(1, x_at(view, 10))
        self.assertEqual(2, x_at(view, 10, known_at=500))

    def test_known_at_hides_what_was_created_later(self):
        view = plain([("a", 1, 10, 10), ("a", 2, 10, 50), ("a", 3, 20, 60)], True)
        self.assertEqual([1, 1, 2, 3], [x_at(view, 20, known_at=k) for k in (10, 49, 50, 60)])
        self.assertEqual([1, 1, 2, 3], [x_at(view, t, known_at="label") for t in (10, 49, 50, 60)])

    def test_without_created_time_known_at_sees_commits(self):
        view = plain(None, commits=[(100, [("a", 1, 10)]), (200, [("a", 2, 10)])])
        self.assertEqual([None, 1, 2], [x_at(view, 10, known_at=k) for k in (99, 100, 200)])

    def test_a_default_stands_in_for_a_missing_or_stale_row_but_not_for_a_null_key_or_time(self):
        view = plain([("a", 1, 10), (None, 5, 10)], default=7, max_age=5)
        self.assertEqual([7, 7, 7], [x_at(view, 9), x_at(view, 16), x_at(view, 10, ("b",))])
        self.assertEqual([None, None], [x_at(view, 10, (None,)), x_at(view, None)])

    def test_rows_without_a_time_or_outside_the_filter_do_not_exist(self):
        view = plain([("a", 1, None), ("a", 2, 10), ("a", 3, 11), ("a", None, 12)])
        view.source.where = lambda v: None if v["x"] is None else v["x"] < 3
        self.assertEqual(2, x_at(view, 99))

    def test_composite_keys_do_not_meet(self):
        rows = [Row({"k": "a", "l": "b:c", "x": 1}, 1), Row({"k": "a:b", "l": "c", "x": 2}, 2)]
        view = View(Source([(COMMIT, rows)]), ["k", "l"], [Feature("x", lambda v: v["x"])])
        self.assertEqual(
            [1, 2, None], [x_at(view, 9, key) for key in (("a", "b:c"), ("a:b", "c"), ("a", "c"))]
        )


class Windows(unittest.TestCase):
    def test_a_window_is_open_at_its_start_and_closed_at_its_end(self):
        view = windowed([("a", 1, 0), ("a", 2, H), ("a", 4, 2 * H)], window=H)
        self.assertEqual([1, 2, 2, 4], [w_at(view, t) for t in (0, H, 2 * H - 1, 2 * H)])

    def test_an_event_inside_a_step_is_seen_from_the_steps_end_on(self):
        view = windowed([("a", 1, 1)])
        self.assertEqual([None, None, 1], [w_at(view, t) for t in (1, H - 1, H)])

    def test_windows_drain_to_their_empty_values(self):
        view = windowed([("a", 1, H)], window=2 * H)
        self.assertEqual([1, 1, None], [w_at(view, t) for t in (H, 3 * H - 1, 3 * H)])
        count = windowed([("a", 1, H)], "count", 2 * H, column=None, default=-1)
        self.assertEqual([-1, 1, 0, 0], [w_at(count, t) for t in (H - 1, H, 3 * H, 400 * D)])

    def test_steps_before_the_epoch_are_rounded_down_too(self):
        view = windowed([("a", 1, -H - 1), ("a", 2, -H), ("a", 4, -1)], window=H)
        self.assertEqual([3, 3, 4], [w_at(view, t) for t in (-H, -1, 0)])
        self.assertEqual(0, oracle.point_in_time(view, ("a",), 5).event_time)
        self.assertIsNone(w_at(view, -H - 1))

    def test_available_after_moves_the_instant_of_evaluation(self):
        view = windowed([("a", 1, H)], available_after=90 * 60 * S)
        self.assertEqual([None, 1], [w_at(view, t) for t in (H + 90 * 60 * S - 1, H + 90 * 60 * S)])

    def test_step_event_evaluates_at_the_instant_itself(self):
        view = windowed([("a", 1, 10), ("a", 2, 12)], window=5, step="event")
        self.assertEqual([None, 1, 3, 3, 2, None], [w_at(view, t) for t in (9, 10, 12, 14, 15, 17)])
        self.assertEqual(12, oracle.point_in_time(view, ("a",), 99).event_time)

    def test_max_age_is_measured_from_the_newest_tiles_end(self):
        view = windowed([("a", 1, 1)], max_age=H)
        self.assertEqual([1, None], [w_at(view, t) for t in (2 * H, 2 * H + 1)])

    def test_an_empty_window_takes_the_default_and_a_null_result_does_not(self):
        empty = windowed([("a", None, H)], default=9)
        self.assertEqual(9, w_at(empty, H))
        alone = windowed([("a", 5, H)], "std", default=9)
        self.assertIsNone(w_at(alone, H))

    def test_counts_tell_rows_from_values(self):
        rows = [("a", None, 1), ("a", 2, 1), ("a", 2, 1)]
        self.assertEqual(3, w_at(windowed(rows, "count", column=None), H))
        self.assertEqual(2, w_at(windowed(rows, "count"), H))
        self.assertEqual(1, w_at(windowed(rows, "count_distinct"), H))

    def test_first_and_last_skip_nulls_and_break_ties_by_created_time_then_source_order(self):
        rows = [("a", 1, 5, 9), ("a", 2, 5, 8), ("a", None, 1, 1), ("a", 3, 5, 9)]
        self.assertEqual(2, w_at(windowed(rows, "first", has_created_time=True), H))
        self.assertEqual(3, w_at(windowed(rows, "last", has_created_time=True), H))

    def test_known_at_is_rounded_down_to_the_step_where_the_source_has_a_created_time(self):
        rows = [("a", 1, 10, 20), ("a", 2, 10, H + 5)]
        view = windowed(rows, has_created_time=True)
        self.assertEqual(
            [None, 1, 1, 3], [w_at(view, 9 * H, known_at=k) for k in (H - 1, H, 2 * H - 1, 2 * H)]
        )
        exact = windowed(rows, has_created_time=True, step="event")
        self.assertEqual([None, 1, 3], [w_at(exact, 9 * H, known_at=k) for k in (19, 20, H + 5)])
        commits = windowed(None, commits=[(H + 7, [("a", 1, 10)])])
        self.assertEqual([None, 1], [w_at(commits, 9 * H, known_at=k) for k in (H + 6, H + 7)])

    def test_known_at_label_is_not_rounded(self):
        view = windowed([("a", 1, 10, 20), ("a", 2, 10, H + 5)], has_created_time=True)
        self.assertEqual([1, 1, 3], [w_at(view, t, known_at="label") for t in (H, H + 4, H + 5)])


class Aggregates(unittest.TestCase):
    def number(self, agg, values, p=None):
        value = aggregate(agg, values, p)
        return float(value.exact) if isinstance(value, Approx) else value

    def test_moments_of_four_numbers(self):
        values = [2, 4, 4, 6]
        self.assertEqual(
            [16, 4.0, 2, 6, 4.0],
            [self.number(a, values) for a in ("sum", "mean", "min", "max", "median")],
        )
        self.assertEqual(8 / 3, self.number("var", values))
        self.assertTrue(aggregate("std", values).meets(math.sqrt(8 / 3)))
        self.assertFalse(aggregate("std", values).meets(-math.sqrt(8 / 3)))
        self.assertFalse(aggregate("std", values).meets(math.sqrt(8 / 3) * (1 + 1e-11)))

    def test_quantiles_interpolate_linearly(self):
        self.assertEqual(1.75, self.number("quantile", [4.0, 1.0, 3.0, 2.0], "0.25"))
        self.assertEqual(37.0, self.number("quantile", [10, 20, 30, 40], "0.9"))
        self.assertEqual([1.0, 4.0], [self.number("quantile", [4.0, 1.0], p) for p in ("0", "1")])

    def test_nan_makes_sums_nan_and_orders_last(self):
        values = [math.nan, 1.0, -math.inf]
        for agg in ("sum", "mean", "std", "var", "max"):
            self.assertTrue(math.isnan(aggregate(agg, values)), agg)
        self.assertEqual(-math.inf, aggregate("min", values))
        self.assertEqual(1.0, aggregate("median", values))
        self.assertTrue(math.isnan(aggregate("min", [math.nan, math.nan])))
        self.assertTrue(math.isnan(aggregate("quantile", values, "0.75")))
        self.assertEqual(3, aggregate("count_distinct", [math.nan, math.nan, 0.0, -0.0, 1.0]))

    def test_infinities_add_as_floats_do(self):
        self.assertEqual(math.inf, aggregate("sum", [math.inf, 1.0]))
        self.assertTrue(math.isnan(aggregate("mean", [math.inf, -math.inf])))
        self.assertEqual(math.inf, aggregate("median", [1.0, math.inf]))

    def test_sums_of_integers_and_decimals_are_exact(self):
        self.assertEqual(2**62 + 1, aggregate("sum", [2**62, 2**62, -(2**62), 1]))
        self.assertEqual(
            decimal.Decimal("0.3"),
            aggregate("sum", [decimal.Decimal("0.1"), decimal.Decimal("0.2")]),
        )

    def test_a_float_sum_must_not_lose_what_double_double_keeps(self):
        wanted = aggregate("sum", [1e16, 1.0, -1e16])
        self.assertTrue(wanted.meets(1.0))
        self.assertFalse(wanted.meets(0.0))
        self.assertTrue(aggregate("sum", [1e300, 1.0, -1e300]).meets(0.0))
        self.assertFalse(aggregate("sum", [0.1] * 10).meets(1.0 + 1e-11))

    def test_variance_does_not_cancel(self):
        wanted = aggregate("var", [1e8 + 0.25, 1e8 + 0.5, 1e8 + 0.75])
        self.assertTrue(wanted.meets(0.0625))
        self.assertFalse(wanted.meets(0.0625 * (1 + 1e-9)))

    def test_strings_order_by_bytes_and_dates_by_day(self):
        self.assertEqual("z", aggregate("min", ["é", "z"]))
        self.assertEqual("\U0001f600", aggregate("max", ["\uffee", "\U0001f600"]))
        days = [datetime.date(2001, 1, 2), datetime.date(1969, 12, 31)]
        self.assertEqual(days[1], aggregate("min", days))

    def test_nothing_aggregates_to_null_but_counts_to_zero(self):
        self.assertEqual([0, 0], [aggregate(a, []) for a in ("count", "count_distinct")])
        self.assertEqual(
            {None},
            {
                aggregate(a, [], "0.5")
                for a in ("sum", "mean", "min", "max", "std", "median", "quantile", "first")
            },
        )
        self.assertEqual([None, None], [aggregate(a, [5]) for a in ("std", "var")])


class Online(unittest.TestCase):
    def answer(self, view, materialized_at, clock, key=("a",)):
        event_time, cells = oracle.online(view, key, materialized_at, clock)
        ((value, status),) = cells.values()
        return event_time, float(value.exact) if isinstance(value, Approx) else value, status

    def test_no_row_after_materialization_exists(self):
        view = plain([("a", 1, 10), ("a", 2, 20)])
        self.assertEqual((10, 1, "PRESENT"), self.answer(view, 19, 99))
        self.assertEqual((20, 2, "PRESENT"), self.answer(view, 20, 20))

    def test_an_earlier_clock_counts_as_the_materialization(self):
        self.assertEqual((10, 1, "PRESENT"), self.answer(plain([("a", 1, 10)]), 15, 3))

    def test_four_absences_are_told_apart(self):
        view = plain([("a", None, 10), ("b", 1, 10)], max_age=5)
        self.assertEqual((10, None, "NULL_VALUE"), self.answer(view, 12, 12))
        self.assertEqual((None, None, "NOT_FOUND"), self.answer(view, 12, 12, ("c",)))
        self.assertEqual((10, None, "OUTSIDE_MAX_AGE"), self.answer(view, 12, 16, ("b",)))
        self.assertEqual((10, 1, "PRESENT"), self.answer(view, 12, 15, ("b",)))

    def test_a_known_key_without_an_available_row_is_not_found(self):
        view = plain([("a", 1, 10)], available_after=5)
        self.assertEqual((None, None, "NOT_FOUND"), self.answer(view, 12, 14))
        self.assertEqual((10, 1, "PRESENT"), self.answer(view, 12, 15))

    def test_windows_drain_between_materializations(self):
        view = windowed([("a", 1, 1), ("a", 2, H + 1), ("a", 4, 5 * H)], window=2 * H, default=0)
        self.assertEqual((H, 1, "PRESENT"), self.answer(view, H + 2, H + 2))
        self.assertEqual((2 * H, 3, "PRESENT"), self.answer(view, H + 2, 2 * H))
        self.assertEqual((2 * H, 2, "PRESENT"), self.answer(view, H + 2, 3 * H))
        self.assertEqual((2 * H, 0, "PRESENT"), self.answer(view, H + 2, 9 * H))

    def test_a_default_keeps_the_status_of_what_is_missing(self):
        view = plain([("a", 1, 10)], max_age=5, default=7)
        self.assertEqual((10, 7, "OUTSIDE_MAX_AGE"), self.answer(view, 10, 16))
        self.assertEqual((None, 7, "NOT_FOUND"), self.answer(view, 10, 16, ("b",)))


if __name__ == "__main__":
    unittest.main()
