/*
 * test_engine_on_demand.c - on-demand expressions: what DuckDB makes of a text, and the evaluator
 * beside DuckDB itself, on random expressions over random values.
 */
#include <inttypes.h>
#include <math.h>

#include "codec/time_text.h"
#include "engine_bench.h"
#include "kernel/evaluator.h"
#include "plan/sql.h"
#include "seeded.h"

#define ROWS           24
#define FAILURES_SHOWN 30
#define COLUMNS        18 /* two of each type */

static const struct {
	char letter;
	const char *sql;
	struct asof_type type;
} kinds[] = {
	{ 'b', "BOOLEAN", { .kind = ASOF_TYPE_BOOL } },
	{ 'i', "INTEGER", { .kind = ASOF_TYPE_INT32 } },
	{ 'l', "BIGINT", { .kind = ASOF_TYPE_INT64 } },
	{ 'f', "FLOAT", { .kind = ASOF_TYPE_FLOAT32 } },
	{ 'd', "DOUBLE", { .kind = ASOF_TYPE_FLOAT64 } },
	{ 'm', "DECIMAL(9,2)", { .kind = ASOF_TYPE_DECIMAL, .precision = 9, .scale = 2 } },
	{ 's', "VARCHAR", { .kind = ASOF_TYPE_STRING } },
	{ 'D', "DATE", { .kind = ASOF_TYPE_DATE } },
	{ 'T', "TIMESTAMP", { .kind = ASOF_TYPE_TIMESTAMP } },
};

struct bench {
	struct asof_engine *engine;
	struct asof_arena arena;
	struct random random;
	struct asof_operand inputs[COLUMNS];
	struct asof_value rows[ROWS][COLUMNS];
	size_t failures;
};

static size_t
kind_of(char letter)
{
	size_t k = 0;
	while (kinds[k].letter != letter)
		k++;
	return k;
}

/* ---- values ---- */

static int64_t
random_int(struct random *r, int64_t least, int64_t most)
{
	switch (random_below(r, 8)) {
	case 0:
		return least;
	case 1:
		return most;
	case 2:
		return 0;
	case 3:
		return -1;
	case 4:
		return random_between(r, least / 2, most / 2);
	default:
		return random_between(r, -20, 20);
	}
}

static double
random_real(struct random *r)
{
	static const double specials[] = { 0.0,    -0.0,     1.0,          -1.0,
					   0.5,    2.5,      -2.5,         1e300,
					   1e-300, 1e18,     2147483647.5, -2147483648.0,
					   NAN,    INFINITY, -INFINITY,    1.005,
					   9.2e18, 12345.678 };
	if (random_below(r, 2))
		return specials[random_below(r, ASOF_COUNTOF(specials))];
	return (double)random_between(r, -100000, 100000) / (double)random_between(r, 1, 64);
}

static const char *const texts[] = { "",    "a",          "A",        "abc", "aBc abc",    "  a ",
				     "é",   "Éa\xCC\x81", "ß",        "😀x",  "x😀y😀",       "%",
				     "_b%", "a_c",        "ab%",      "%bc", "\xC2\xA0 x", "İıſ",
				     "ǅ",   "12",         "abcabcabc" };

static struct asof_value
random_value(struct bench *b, char letter)
{
	struct asof_value value = { .type = kinds[kind_of(letter)].type };
	struct random *r = &b->random;
	value.is_null = random_below(r, 6) == 0;
	switch (letter) {
	case 'b':
		value.boolean = random_below(r, 2);
		break;
	case 'i':
		value.int32 = (int32_t)random_int(r, INT32_MIN, INT32_MAX);
		break;
	case 'l':
		value.int64 = random_int(r, INT64_MIN, INT64_MAX);
		break;
	case 'f':
		value.float32 = (float)random_real(r);
		break;
	case 'd':
		value.float64 = random_real(r);
		break;
	case 'm':
		value.decimal = random_int(r, -999999999, 999999999);
		break;
	case 's':
		value.str = asof_str_from(texts[random_below(r, ASOF_COUNTOF(texts))]);
		break;
	case 'D':
		value.int32 = (int32_t)random_between(r, -60000, 60000);
		break;
	default:
		value.int64 = random_below(r, 2)
				      ? random_between(r, -2000000, 2000000)
				      : random_between(r, -4000000000000000, 4000000000000000);
		break;
	}
	return value;
}

/* As DuckDB reads it, whatever is around it. */
static void
add_literal(struct bench *b, struct asof_buf *sql, const struct asof_value *value, char letter)
{
	struct asof_error err = { 0 };
	(void)b;
	if (value->is_null) {
		asof_buf_printf(sql, "CAST(NULL AS %s)", kinds[kind_of(letter)].sql);
		return;
	}
	if (letter == 'T') {
		char text[ASOF_TIME_TEXT_MAX];
		size_t len = asof_timestamp_text(value->int64, text);
		asof_buf_printf(sql, "CAST('%.*s' AS TIMESTAMP)", (int)len - 1, text);
		return;
	}
	assert_ok(asof_sql_value(sql, value, &err), err);
}

static void
make_rows(struct bench *b)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(1 << 20);
	struct asof_error err = { 0 };
	asof_buf_add_cstr(&sql, "CREATE OR REPLACE TEMP TABLE asof_rows AS ");
	for (size_t row = 0; row < ROWS; row++) {
		asof_buf_printf(&sql, "%sSELECT %zu AS n", row ? " UNION ALL " : "", row);
		for (size_t c = 0; c < COLUMNS; c++) {
			char letter = kinds[c / 2].letter;
			b->rows[row][c] = random_value(b, letter);
			asof_buf_printf(&sql, ", CAST(");
			add_literal(b, &sql, &b->rows[row][c], letter);
			asof_buf_printf(&sql, " AS %s) AS %c%zu", kinds[c / 2].sql,
					letter == 'D'   ? 'e'
					: letter == 'T' ? 't'
							: letter,
					c % 2);
		}
	}
	assert_ok(asof_buf_status(&sql, &err), err);
	assert_ok(asof_engine_run(b->engine, asof_buf_cstr(&sql), NULL, &err), err);
}

/* ---- expressions ---- */

static void make(struct bench *b, struct asof_buf *sql, char letter, unsigned depth);

static void
make_leaf(struct bench *b, struct asof_buf *sql, char letter)
{
	if (random_below(&b->random, 3)) {
		size_t c = 2 * kind_of(letter) + random_below(&b->random, 2);
		asof_buf_add_cstr(sql, b->inputs[c].name);
		return;
	}
	struct asof_value value = random_value(b, letter);
	/* A NULL in an operator of constants has no type, and folds the whole away. */
	value.is_null = false;
	if (letter == 'm' || letter == 'f' || letter == 'i' || letter == 'l' || letter == 'd')
		asof_buf_add_cstr(sql, "CAST(");
	add_literal(b, sql, &value, letter);
	if (letter == 'm' || letter == 'f' || letter == 'i' || letter == 'l' || letter == 'd')
		asof_buf_printf(sql, " AS %s)", kinds[kind_of(letter)].sql);
}

static bool
is_infix(const char *name)
{
	return !((name[0] >= 'a' && name[0] <= 'z') || name[0] == '@');
}

static const char *const part_names[] = { "year", "quarter", "month",  "week",        "day",
					  "hour", "minute",  "second", "millisecond", "microsecond",
					  "dow",  "isodow",  "doy",    "days",        "hours" };

/* One call by a signature: "pTT:l". */
static void
make_call(struct bench *b, struct asof_buf *sql, const struct asof_function *function,
	  const char *signature, unsigned depth)
{
	bool is_first = true;
	bool is_operator = is_infix(function->name);
	bool is_unary = is_operator && signature[1] == ':';
	asof_buf_add_char(sql, '(');
	if (!is_operator)
		asof_buf_printf(sql, "%s(", function->name);
	else if (is_unary)
		asof_buf_add_cstr(sql, function->name);
	for (const char *c = signature; *c != ':'; c++) {
		if (*c == '*')
			continue;
		size_t times = c[1] == '*' ? 1 + random_below(&b->random, 3) : 1;
		for (size_t i = 0; i < times; i++) {
			if (!is_first)
				asof_buf_printf(sql, " %s ", is_operator ? function->name : ",");
			is_first = false;
			if (*c == 'p') {
				size_t count = ASOF_COUNTOF(part_names);
				enum asof_time_part part;
				const char *name;
				do
					name = part_names[random_below(&b->random, count)];
				while (!asof_function_part(function, asof_str_from(name), &part));
				asof_buf_printf(sql, "'%s'", name);
			} else if (*c == 'L') {
				asof_buf_printf(sql, "%d", (int)random_below(&b->random, 9));
			} else {
				make(b, sql, *c, depth - 1);
			}
		}
	}
	asof_buf_add_cstr(sql, is_operator ? ")" : "))");
}

/* A random call that gives `letter`; false where none was met. */
static bool
make_function(struct bench *b, struct asof_buf *sql, char letter, unsigned depth)
{
	size_t count = 0;
	while (asof_function_at(count))
		count++;
	for (int attempt = 0; attempt < 200; attempt++) {
		const struct asof_function *function =
			asof_function_at(random_below(&b->random, count));
		const char *signature = function->signatures;
		for (uint64_t skip = random_below(&b->random, 9); skip > 0; skip--) {
			const char *next = strchr(signature, ' ');
			signature = next ? next + 1 : function->signatures;
		}
		char result = strchr(signature, ':')[1];
		if (result == 'm' || strchr(signature, 'm'))
			continue; /* what becomes of the digits is made below */
		if (result == letter) {
			make_call(b, sql, function, signature, depth);
			return true;
		}
		if (result == 'y' && letter == 'i') {
			asof_buf_add_cstr(sql, "CAST(");
			make_call(b, sql, function, signature, depth);
			asof_buf_add_cstr(sql, " AS INTEGER)");
			return true;
		}
	}
	return false;
}

static void
make_condition(struct bench *b, struct asof_buf *sql, unsigned depth)
{
	static const char *const comparisons[] = {
		"=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"
	};
	char letter = kinds[random_below(&b->random, ASOF_COUNTOF(kinds))].letter;
	asof_buf_add_char(sql, '(');
	switch (random_below(&b->random, 6)) {
	case 0:
		make(b, sql, 'b', depth - 1);
		asof_buf_add_cstr(sql, random_below(&b->random, 2) ? " AND " : " OR ");
		make(b, sql, 'b', depth - 1);
		break;
	case 1:
		asof_buf_add_cstr(sql, "NOT ");
		make(b, sql, 'b', depth - 1);
		break;
	case 2:
		make(b, sql, letter, depth - 1);
		asof_buf_add_cstr(sql, random_below(&b->random, 2) ? " IS NULL" : " IS NOT NULL");
		break;
	case 3:
		make(b, sql, letter, depth - 1);
		asof_buf_add_cstr(sql, random_below(&b->random, 2) ? " IN (" : " NOT IN (");
		make(b, sql, letter, depth - 1);
		asof_buf_add_cstr(sql, ", ");
		make(b, sql, letter, depth - 1);
		asof_buf_add_char(sql, ')');
		break;
	case 4:
		make(b, sql, letter, depth - 1);
		asof_buf_add_cstr(sql, " BETWEEN ");
		make(b, sql, letter, depth - 1);
		asof_buf_add_cstr(sql, " AND ");
		make(b, sql, letter, depth - 1);
		break;
	default:
		make(b, sql, letter, depth - 1);
		asof_buf_printf(sql, " %s ", comparisons[random_below(&b->random, 8)]);
		make(b, sql, letter, depth - 1);
		break;
	}
	asof_buf_add_char(sql, ')');
}

static void
make_cast(struct bench *b, struct asof_buf *sql, char letter, unsigned depth)
{
	for (int attempt = 0; attempt < 50; attempt++) {
		char from = kinds[random_below(&b->random, ASOF_COUNTOF(kinds))].letter;
		if (from == letter || !asof_expression_casts(from, letter))
			continue;
		asof_buf_add_cstr(sql, random_below(&b->random, 3) ? "TRY_CAST(" : "CAST(");
		make(b, sql, from, depth - 1);
		asof_buf_printf(sql, " AS %s)", kinds[kind_of(letter)].sql);
		return;
	}
	make_leaf(b, sql, letter);
}

/* Sums and products of decimals, back in the digits that others take. */
static void
make_decimal(struct bench *b, struct asof_buf *sql, unsigned depth)
{
	static const char *const operators[] = { "+", "-", "*" };
	asof_buf_add_cstr(sql, "TRY_CAST((");
	make(b, sql, 'm', depth - 1);
	asof_buf_printf(sql, " %s ", operators[random_below(&b->random, 3)]);
	make(b, sql, random_below(&b->random, 2) ? 'm' : 'i', depth - 1);
	asof_buf_add_cstr(sql, ") AS DECIMAL(9,2))");
}

static void
make(struct bench *b, struct asof_buf *sql, char letter, unsigned depth)
{
	uint64_t choice = random_below(&b->random, 10);
	if (depth == 0 || choice == 0) {
		make_leaf(b, sql, letter);
	} else if (choice == 1) {
		asof_buf_add_cstr(sql, "coalesce(");
		make(b, sql, letter, depth - 1);
		asof_buf_add_cstr(sql, ", ");
		make(b, sql, letter, depth - 1);
		asof_buf_add_char(sql, ')');
	} else if (choice == 2) {
		asof_buf_add_cstr(sql, "CASE WHEN ");
		make(b, sql, 'b', depth - 1);
		asof_buf_add_cstr(sql, " THEN ");
		make(b, sql, letter, depth - 1);
		asof_buf_add_cstr(sql, " ELSE ");
		make(b, sql, letter, depth - 1);
		asof_buf_add_cstr(sql, " END");
	} else if (choice == 3) {
		make_cast(b, sql, letter, depth);
	} else if (letter == 'b' && choice < 8) {
		make_condition(b, sql, depth);
	} else if (letter == 'm') {
		make_decimal(b, sql, depth);
	} else if (!make_function(b, sql, letter, depth)) {
		make_leaf(b, sql, letter);
	}
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
	for (size_t c = 0; c < COLUMNS; c++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf shown = ASOF_BUF(4096);
		add_literal(b, &shown, &b->rows[row][c], kinds[c / 2].letter);
		if (strstr(text, b->inputs[c].name))
			print_error("  %s = %s\n", b->inputs[c].name, asof_buf_cstr(&shown));
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
	enum asof_status status = asof_engine_bind_expression(b->engine, text, b->inputs, COLUMNS,
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

static void
open_bench(struct bench *b, struct asof_engine *engine)
{
	*b = (struct bench){ .engine = engine, .random = { 20 } };
	for (size_t c = 0; c < COLUMNS; c++) {
		char letter = kinds[c / 2].letter;
		b->inputs[c].type = kinds[c / 2].type;
		b->inputs[c].name = asof_arena_printf(&b->arena, "%c%zu",
						      letter == 'D'   ? 'e'
						      : letter == 'T' ? 't'
								      : letter,
						      c % 2);
	}
}

static void
evaluator_and_duckdb_agree_on_random_expressions(void **state)
{
	const struct asof_engine_options options = { .threads = 1 };
	ASOF_AUTO(asof_engine_free_auto) struct asof_engine *engine = NULL;
	struct asof_error err = { 0 };
	size_t cases = random_cases(150);
	size_t taken = 0;
	(void)state;
	assert_ok(asof_engine_open(&options, &engine, &err), err);
	struct bench *b = malloc(sizeof(*b));
	assert_non_null(b);
	open_bench(b, engine);
	for (size_t i = 0; i < cases; i++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(1 << 20);
		b->random.state = 1000 + i;
		if (i % 20 == 0)
			make_rows(b);
		make(b, &sql, kinds[i % ASOF_COUNTOF(kinds)].letter,
		     1 + (unsigned)random_below(&b->random, 4));
		assert_ok(asof_buf_status(&sql, &err), err);
		taken += compare(b, asof_buf_cstr(&sql));
	}
	assert_int_equal(b->failures, 0);
	if (taken * 10 < cases * 9)
		fail_msg("only %zu of %zu expressions were taken", taken, cases);
	asof_arena_done(&b->arena);
	free(b);
}

/* Every function, every signature, on columns. */
static void
every_function_of_the_table_is_duckdbs(void **state)
{
	const struct asof_engine_options options = { .threads = 1 };
	ASOF_AUTO(asof_engine_free_auto) struct asof_engine *engine = NULL;
	struct asof_error err = { 0 };
	(void)state;
	assert_ok(asof_engine_open(&options, &engine, &err), err);
	struct bench *b = malloc(sizeof(*b));
	assert_non_null(b);
	open_bench(b, engine);
	make_rows(b);
	const struct asof_function *function;
	for (size_t i = 0; (function = asof_function_at(i)) != NULL; i++) {
		const char *signature = function->signatures;
		while (signature) {
			for (size_t k = 0; k < 3; k++) {
				ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(1 << 20);
				make_call(b, &sql, function, signature, 1);
				if (!compare(b, asof_buf_cstr(&sql)))
					fail_msg("%s is not taken", asof_buf_cstr(&sql));
			}
			signature = strchr(signature, ' ');
			signature = signature ? signature + 1 : NULL;
		}
	}
	assert_int_equal(b->failures, 0);
	asof_arena_done(&b->arena);
	free(b);
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
		cmocka_unit_test(evaluator_and_duckdb_agree_on_random_expressions),
		cmocka_unit_test(every_letter_has_the_case_that_duckdb_gives_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
