/* expression_impl.h - what the files of the evaluator share: the functions by what they are about.
 */
#ifndef ASOF_KERNEL_EXPRESSION_IMPL_H
#define ASOF_KERNEL_EXPRESSION_IMPL_H

#include "kernel/evaluator.h"

/* *ret_value has the type that is cast to. ASOF_INVALID where the value has no place in it. */
ASOF_NODISCARD enum asof_status asof_expression_cast(const struct asof_value *from,
						     struct asof_arena *arena,
						     struct asof_value *ret_value,
						     struct asof_error *err);

/* expression_number.c */
asof_function_fn asof_run_add, asof_run_subtract, asof_run_multiply, asof_run_divide,
	asof_run_quotient, asof_run_remainder, asof_run_abs, asof_run_round, asof_run_floor,
	asof_run_ceil, asof_run_trunc, asof_run_sqrt, asof_run_ln, asof_run_log10, asof_run_log2,
	asof_run_exp, asof_run_pow, asof_run_sign, asof_run_isnan, asof_run_isinf,
	asof_run_isfinite, asof_run_greatest, asof_run_least;
/* expression_text.c */
asof_function_fn asof_run_lower, asof_run_upper, asof_run_length, asof_run_substring,
	asof_run_concat, asof_run_join, asof_run_trim, asof_run_ltrim, asof_run_rtrim,
	asof_run_replace, asof_run_starts_with, asof_run_ends_with, asof_run_contains,
	asof_run_like, asof_run_not_like;
/* expression_time.c */
asof_function_fn asof_run_date_diff, asof_run_date_trunc, asof_run_date_part, asof_run_year,
	asof_run_quarter, asof_run_month, asof_run_week, asof_run_day, asof_run_hour,
	asof_run_minute, asof_run_second, asof_run_day_of_week, asof_run_iso_week_day,
	asof_run_day_of_year, asof_run_epoch, asof_run_epoch_ms, asof_run_epoch_us;

/* expression_case.c: a letter in lower or upper case, as Unicode's simple mapping has it. */
uint32_t asof_letter_lower(uint32_t letter);
uint32_t asof_letter_upper(uint32_t letter);

/* expression_time.c: "2024-02-29" and "2024-02-29 10:00:00.5", as DuckDB writes them. */
#define ASOF_EXPRESSION_TIME_MAX 64
size_t asof_expression_date_text(int32_t days, char out[ASOF_EXPRESSION_TIME_MAX]);
size_t asof_expression_time_text(int64_t us, char out[ASOF_EXPRESSION_TIME_MAX]);
int32_t asof_expression_days(int64_t us);

#endif
