/*
 * test_engine_on_demand.c - on-demand expressions: what DuckDB makes of a text, and the evaluator
 * beside DuckDB itself, on random expressions over random values.
 */
#include "engine_bench.h"
#include "expression_maker.h"

#define ROWS           24
#define FAILURES_SHOWN 30
#define TABLE_CASES    20 /* expressions over one table of random rows */

struct bench {
	struct asof_engine *engine;
	struct asof_arena arena;
	struct maker maker;
	struct asof_value rows[ROWS][MAKER_COLUMNS];
	size_t failures;
};

static void
make_rows(struct bench *b)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(1 << 20);
	struct asof_error err = { 0 };
	maker_begin_table(&b->maker);
	asof_buf_add_cstr(&sql, "CREATE OR REPLACE TEMP TABLE asof_rows AS ");
	for (size_t row = 0; row < ROWS; row++) {
		asof_buf_printf(&sql, "%sSELECT %zu AS n", row ? " UNION ALL " : "", row);
		for (size_t c = 0; c < MAKER_COLUMNS; c++) {
			const struct asof_operand *input = &b->maker.inputs[c];
			b->rows[row][c] = maker_value(&b->maker.random, input->type);
			asof_buf_add_cstr(&sql, ", ");
			maker_add_value(&sql, &b->rows[row][c]);
			asof_buf_printf(&sql, " AS %s", input->name);
		}
	}
	assert_ok(asof_buf_status(&sql, &err), err);
	assert_ok(asof_engine_run(b->engine, asof_buf_cstr(&sql), NULL, &err), err);
}

/* ---- one beside the other ---- */

struct answers {
	struct asof_arena *arena;
	struct asof_value *values;
	size_t count;
};

static enum asof_status
take_values(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	    struct asof_error *err)
{
	struct answers *answers = arg;
	(void)schema;
	for (size_t row = 0; row < batch->row_count; row++)
		ASOF_TRY(asof_column_value(&batch->columns[0], row, answers->arena,
					   &answers->values[answers->count++], err));
	return ASOF_OK;
}

static bool
is_same(const struct asof_value *a, const struct asof_value *b)
{
	if (a->is_null || b->is_null)
		return a->is_null == b->is_null;
	if (a->type.kind == ASOF_TYPE_FLOAT64)
		return (isnan(a->float64) && isnan(b->float64)) ||
		       memcmp(&a->float64, &b->float64, sizeof(a->float64)) == 0;
	if (a->type.kind == ASOF_TYPE_FLOAT32)
		return (isnan(a->float32) && isnan(b->float32)) ||
		       memcmp(&a->float32, &b->float32, sizeof(a->float32)) == 0;
	return a->type.kind == b->type.kind && asof_value_compare(a, b) == 0;
}

static void
ask(struct bench *b, const char *text, size_t row, struct answers *answers,
    enum asof_status *ret_status)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(1 << 20);
	struct asof_error err = { 0 };
	answers->count = 0;
	asof_buf_printf(&sql, "SELECT (%s) FROM asof_rows", text);
	if (row != SIZE_MAX)
		asof_buf_printf(&sql, " WHERE n = %zu", row);
	asof_buf_add_cstr(&sql, " ORDER BY n");
	*ret_status = asof_engine_query(b->engine, asof_buf_cstr(&sql), take_values, answers, &err);
}

static void
compare_row(struct bench *b, const char *text, const struct asof_expression *expression, size_t row,
	    const struct asof_value *theirs)
{
	struct asof_value ours;
	struct asof_error err = { 0 };
	enum asof_status status =
		asof_expression_value(expression, b->rows[row], &b->arena, &ours, &err);
	if (status == ASOF_OK && theirs && is_same(&ours, theirs))
		return;
	/* Of dates beyond all timestamps DuckDB computes some parts, and others not. */
	if (status == ASOF_INVALID && (!theirs || strstr(err.message, "beyond all timestamps")))
		return;
	print_error("%s\nrow %zu: ours %s", text, row,
		    status != ASOF_OK ? err.message
		    : ours.is_null    ? "NULL"
				      : "a value");
	print_error(", theirs %s\n", !theirs ? "an error" : theirs->is_null ? "NULL" : "a value");
	for (size_t i = 0; i < 2; i++) {
		const struct asof_value *v = i ? theirs : &ours;
		if (!v || v->is_null || (i == 0 && status != ASOF_OK))
			continue;
		print_error("  int %" PRId64 " real %.17g short %.9g text '%.*s'\n",
			    v->type.kind == ASOF_TYPE_INT64 || v->type.kind == ASOF_TYPE_TIMESTAMP
				    ? v->int64
				    : v->int32,
			    v->float64, (double)v->float32,
			    v->type.kind == ASOF_TYPE_STRING ? (int)v->str.len : 0,
			    v->type.kind == ASOF_TYPE_STRING ? v->str.ptr : "");
	}
	for (size_t c = 0; c < MAKER_COLUMNS; c++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf shown = ASOF_BUF(4096);
		const char *name = b->maker.inputs[c].name;
		maker_add_value(&shown, &b->rows[row][c]);
		if (strstr(text, name))
			print_error("  %s = %s\n", name, asof_buf_cstr(&shown));
	}
	b->failures++;
}

/* False where DuckDB takes no such expression. */
static bool
compare(struct bench *b, const char *text)
{
	const struct asof_expression *expression = NULL;
	struct asof_value values[ROWS];
	struct asof_error err = { 0 };
	struct answers answers = { &b->arena, values, 0 };
	enum asof_status status =
		asof_engine_bind_expression(b->engine, text, b->maker.inputs, MAKER_COLUMNS,
					    &b->arena, &expression, NULL, &err);
	if (status == ASOF_INVALID && strstr(err.message, "IS DISTINCT FROM of"))
		return true;
	if (status == ASOF_INVALID && strstr(err.message, "not computed on demand")) {
		print_error("%s\n%s\n", text, err.message);
		fail();
	}
	if (status != ASOF_OK)
		return false;
	ask(b, text, SIZE_MAX, &answers, &status);
	for (size_t row = 0; row < ROWS && b->failures < FAILURES_SHOWN; row++) {
		const struct asof_value *theirs = &values[row];
		struct asof_value one[ROWS];
		if (status != ASOF_OK) {
			struct answers single = { &b->arena, one, 0 };
			enum asof_status told;
			ask(b, text, row, &single, &told);
			theirs = told == ASOF_OK ? &one[0] : NULL;
		}
		compare_row(b, text, expression, row, theirs);
	}
	return true;
}

static struct bench *
open_bench(struct asof_engine *engine)
{
	struct bench *b = calloc(1, sizeof(*b));
	assert_non_null(b);
	b->engine = engine;
	b->maker.random.state = 20;
	make_rows(b);
	return b;
}

static void
close_bench(struct bench *b)
{
	asof_arena_done(&b->arena);
	free(b);
}

static void
check_all_was_written(const struct maker *maker)
{
	for (size_t i = 0; i < maker_function_count(); i++) {
		if (maker->functions[i] == 0)
			fail_msg("no expression called '%s'", asof_function_at(i)->name);
	}
	for (size_t i = 0; i < MAKER_FORMS; i++) {
		if (maker->forms[i] == 0)
			fail_msg("no expression had form %zu", i);
	}
}

/* The kernel's own test holds the table of functions against the reference's page. */
static void
evaluator_and_duckdb_agree_on_random_expressions_of_every_function(void **state)
{
	const struct asof_engine_options options = { .threads = 1 };
	ASOF_AUTO(asof_engine_free_auto) struct asof_engine *engine = NULL;
	struct asof_error err = { 0 };
	size_t cases = random_cases(150);
	size_t first = random_first();
	size_t taken = 0;
	(void)state;
	assert_ok(asof_engine_open(&options, &engine, &err), err);
	assert_ok(asof_engine_keep_expressions(engine, true, &err), err);
	struct bench *b = open_bench(engine);
	for (size_t i = first; i < first + cases; i++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(1 << 20);
		b->maker.random.state = 1000 + i;
		if (i == first || i % TABLE_CASES == 0)
			make_rows(b);
		maker_add_root(&b->maker, &sql, i);
		assert_ok(asof_buf_status(&sql, &err), err);
		taken += compare(b, asof_buf_cstr(&sql));
		asof_arena_reset(&b->arena);
	}
	assert_int_equal(b->failures, 0);
	if (taken * 10 < cases * 9)
		fail_msg("only %zu of %zu expressions were taken", taken, cases);
	if (cases >= maker_function_count() + MAKER_FORMS)
		check_all_was_written(&b->maker);
	close_bench(b);
}

/* Every function, every signature, on columns. */
static void
every_function_of_the_table_is_duckdbs(void **state)
{
	const struct asof_engine_options options = { .threads = 1 };
	ASOF_AUTO(asof_engine_free_auto) struct asof_engine *engine = NULL;
	struct asof_error err = { 0 };
	(void)state;
	if (random_first() > 0) /* once is enough where random ones are done in parts */
		skip();
	assert_ok(asof_engine_open(&options, &engine, &err), err);
	assert_ok(asof_engine_keep_expressions(engine, true, &err), err);
	struct bench *b = open_bench(engine);
	for (size_t i = 0; i < maker_function_count(); i++) {
		const char *signature = asof_function_at(i)->signatures;
		while (signature) {
			for (size_t k = 0; k < 3; k++) {
				ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(1 << 20);
				maker_add_call(&b->maker, &sql, i, signature, 1);
				if (!compare(b, asof_buf_cstr(&sql)))
					fail_msg("%s is not taken", asof_buf_cstr(&sql));
			}
			signature = strchr(signature, ' ');
			signature = signature ? signature + 1 : NULL;
		}
	}
	assert_int_equal(b->failures, 0);
	close_bench(b);
}

static void
every_letter_has_the_case_that_duckdb_gives_it(void **state)
{
	const struct asof_engine_options options = { .threads = 1 };
	ASOF_AUTO(asof_engine_free_auto) struct asof_engine *engine = NULL;
	struct asof_error err = { 0 };
	const struct asof_operand input = { NULL, "s", ASOF_TYPE(ASOF_TYPE_STRING) };
	static const char *const functions[] = { "lower", "upper" };
	(void)state;
	assert_ok(asof_engine_open(&options, &engine, &err), err);
	for (size_t f = 0; f < 2; f++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(4096);
		const struct asof_expression *expression = NULL;
		struct asof_value both[2];
		struct asof_value ours;
		struct answers answers = { &arena, both, 0 };
		asof_buf_printf(&sql, "%s(s)", functions[f]);
		assert_ok(asof_engine_bind_expression(engine, asof_buf_cstr(&sql), &input, 1,
						      &arena, &expression, NULL, &err),
			  err);
		asof_buf_clear(&sql);
		asof_buf_printf(&sql,
				"WITH l AS (SELECT string_agg(chr(CAST(c AS INTEGER)), '' ORDER BY "
				"c) AS s FROM range(1, 1114112) r(c) WHERE c NOT BETWEEN 55296 AND "
				"57343) SELECT s FROM l UNION ALL SELECT %s(s) FROM l",
				functions[f]);
		assert_ok(
			asof_engine_query(engine, asof_buf_cstr(&sql), take_values, &answers, &err),
			err);
		assert_int_equal(answers.count, 2);
		assert_ok(asof_expression_value(expression, &both[0], &arena, &ours, &err), err);
		assert_int_equal(ours.str.len, both[1].str.len);
		assert_memory_equal(ours.str.ptr, both[1].str.ptr, ours.str.len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_function_of_the_table_is_duckdbs),
		cmocka_unit_test(
			evaluator_and_duckdb_agree_on_random_expressions_of_every_function),
		cmocka_unit_test(every_letter_has_the_case_that_duckdb_gives_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
