/*
 * test_expression.c - the evaluator's NULL logic and errors by hand, and its table held against
 * docs/reference/on-demand.md. That it equals DuckDB is tested where DuckDB is:
 * test_engine_on_demand.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "kernel/evaluator.h"

static const struct asof_type int64_type = { .kind = ASOF_TYPE_INT64 };
static const struct asof_type bool_type = { .kind = ASOF_TYPE_BOOL };

static struct asof_expression
number(int64_t value)
{
	return (struct asof_expression){ .op = ASOF_OP_CONSTANT,
					 .type = int64_type,
					 .constant = { .type = int64_type, .int64 = value } };
}

static struct asof_expression
truth(int value)
{
	return (struct asof_expression){ .op = ASOF_OP_CONSTANT,
					 .type = bool_type,
					 .constant = { .type = bool_type,
						       .is_null = value<0, .boolean = value> 0 } };
}

/* -1 for NULL. */
static int
truth_of(enum asof_op op, int a, int b)
{
	const struct asof_expression left = truth(a);
	const struct asof_expression right = truth(b);
	const struct asof_expression *args[] = { &left, &right };
	const struct asof_expression node = {
		.op = op, .type = bool_type, .args = args, .arg_count = op == ASOF_OP_NOT ? 1 : 2
	};
	struct asof_arena arena = { 0 };
	struct asof_error err = { 0 };
	struct asof_value value;
	assert_ok(asof_expression_value(&node, NULL, &arena, &value, &err), err);
	return value.is_null ? -1 : value.boolean;
}

static void
and_or_and_not_have_three_values(void **state)
{
	static const int and_table[3][3] = { { -1, 0, -1 }, { 0, 0, 0 }, { -1, 0, 1 } };
	static const int or_table[3][3] = { { -1, -1, 1 }, { -1, 0, 1 }, { 1, 1, 1 } };
	(void)state;
	for (int a = -1; a <= 1; a++) {
		for (int b = -1; b <= 1; b++) {
			assert_int_equal(truth_of(ASOF_OP_AND, a, b), and_table[a + 1][b + 1]);
			assert_int_equal(truth_of(ASOF_OP_OR, a, b), or_table[a + 1][b + 1]);
		}
	}
	assert_int_equal(truth_of(ASOF_OP_NOT, -1, 0), -1);
	assert_int_equal(truth_of(ASOF_OP_NOT, 0, 0), 1);
	assert_int_equal(truth_of(ASOF_OP_NOT, 1, 0), 0);
}

static enum asof_status
compute(const char *function, int64_t a, int64_t b, struct asof_value *ret_value,
	struct asof_error *err)
{
	const struct asof_expression left = number(a);
	const struct asof_expression right = number(b);
	const struct asof_expression *args[] = { &left, &right };
	const struct asof_expression node = { .op = ASOF_OP_FUNCTION,
					      .type = int64_type,
					      .function =
						      asof_function_find(asof_str_from(function)),
					      .args = args,
					      .arg_count = 2 };
	struct asof_arena arena = { 0 };
	return asof_expression_value(&node, NULL, &arena, ret_value, err);
}

static void
a_sum_that_leaves_int64_is_an_error_not_a_number(void **state)
{
	struct asof_value value = { 0 };
	struct asof_error err = { 0 };
	(void)state;
	assert_ok(compute("+", INT64_MAX, 0, &value, &err), err);
	assert_int_equal(value.int64, INT64_MAX);
	assert_int_equal(compute("+", INT64_MAX, 1, &value, &err), ASOF_INVALID);
	assert_int_equal(compute("-", INT64_MIN, 1, &value, &err), ASOF_INVALID);
	assert_int_equal(compute("*", INT64_MIN, -1, &value, &err), ASOF_INVALID);
	assert_int_equal(compute("//", INT64_MIN, -1, &value, &err), ASOF_INVALID);
	assert_non_null(strstr(err.message, "overflow in division"));
}

static void
a_quotient_by_zero_is_null(void **state)
{
	struct asof_value value = { 0 };
	struct asof_error err = { 0 };
	(void)state;
	assert_ok(compute("//", 7, 0, &value, &err), err);
	assert_true(value.is_null);
	assert_ok(compute("%", 7, 0, &value, &err), err);
	assert_true(value.is_null);
	assert_ok(compute("//", -7, 2, &value, &err), err);
	assert_int_equal(value.int64, -3);
}

static void
a_branch_that_is_not_taken_is_not_computed(void **state)
{
	const struct asof_expression when = truth(1);
	const struct asof_expression then = number(1);
	const struct asof_expression most = number(INT64_MAX);
	const struct asof_expression *sum_args[] = { &most, &then };
	const struct asof_expression sum = { .op = ASOF_OP_FUNCTION,
					     .type = int64_type,
					     .function = asof_function_find(asof_str_from("+")),
					     .args = sum_args,
					     .arg_count = 2 };
	const struct asof_expression *args[] = { &when, &then, &sum };
	const struct asof_expression node = {
		.op = ASOF_OP_CASE, .type = int64_type, .args = args, .arg_count = 3
	};
	struct asof_arena arena = { 0 };
	struct asof_error err = { 0 };
	struct asof_value value;
	(void)state;
	assert_ok(asof_expression_value(&node, NULL, &arena, &value, &err), err);
	assert_int_equal(value.int64, 1);
}

static void
signatures_say_what_is_taken(void **state)
{
	const struct asof_function *substring = asof_function_find(asof_str_from("substring"));
	const struct asof_function *greatest = asof_function_find(asof_str_from("greatest"));
	(void)state;
	assert_int_equal(asof_function_result(substring, "sLL"), 's');
	assert_int_equal(asof_function_result(substring, "sl"), 0);
	assert_int_equal(asof_function_result(greatest, "lLl"), 'l');
	assert_int_equal(asof_function_result(greatest, "li"), 0);
	assert_int_equal(asof_function_result(greatest, ""), 0);
	assert_null(asof_function_find(asof_str_from("md5")));
	assert_string_equal(asof_function_suggest(asof_str_from("lowr")), "lower");
}

/* ---- the page ---- */

static char *
read_page(void)
{
	char path[1024];
	const char *root = getenv("ASOF_SOURCE_DIR");
	(void)snprintf(path, sizeof(path), "%s/docs/reference/on-demand.md", root ? root : ".");
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	char *text = calloc(1, 65536);
	assert_non_null(text);
	assert_true(fread(text, 1, 65535, file) > 0);
	(void)fclose(file);
	return text;
}

/* The next `name` of the first column of the table; false behind the last. */
static bool
next_name(const char **at, char *out, size_t out_bytes)
{
	while (**at) {
		const char *line_end = strchr(*at, '\n');
		const char *tick = strchr(*at, '`');
		if (tick && line_end && tick < line_end) {
			const char *close = strchr(tick + 1, '`');
			assert_non_null(close);
			(void)snprintf(out, out_bytes, "%.*s", (int)(close - tick - 1), tick + 1);
			*at = close + 1;
			/* Behind the first column: on to the next line. */
			const char *rest = *at;
			while (*rest == ' ')
				rest++;
			if (*rest != '`')
				*at = line_end + 1;
			return true;
		}
		if (!line_end)
			return false;
		*at = line_end + 1;
	}
	return false;
}

static void
the_reference_lists_the_table_and_nothing_else(void **state)
{
	char *page = read_page();
	char name[64];
	bool is_listed[256] = { false };
	(void)state;
	const char *at = strstr(page, "| function | of |");
	assert_non_null(at);
	at = strchr(strchr(at, '\n') + 1, '\n') + 1;
	char *end = strstr(page, "\n\nParts stand");
	assert_non_null(end);
	end[1] = '\0';
	assert_non_null(
		strstr(at, "<code>&#124;&#124;</code>")); /* which no table can say plainly */
	while (next_name(&at, name, sizeof(name))) {
		const struct asof_function *function = asof_function_find(asof_str_from(name));
		if (!function)
			fail_msg("'%s' is in the reference, and not in the table", name);
		is_listed[function - asof_function_at(0)] = true;
	}
	for (size_t i = 0; asof_function_at(i); i++) {
		const char *function = asof_function_at(i)->name;
		if (!is_listed[i] && strcmp(function, "||") != 0)
			fail_msg("'%s' is in the table, and not in the reference", function);
	}
	free(page);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(and_or_and_not_have_three_values),
		cmocka_unit_test(a_sum_that_leaves_int64_is_an_error_not_a_number),
		cmocka_unit_test(a_quotient_by_zero_is_null),
		cmocka_unit_test(a_branch_that_is_not_taken_is_not_computed),
		cmocka_unit_test(signatures_say_what_is_taken),
		cmocka_unit_test(the_reference_lists_the_table_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
