/*
 * expression_maker.h - random on-demand expressions, of every function and form that there is, over
 * two columns of each type.
 */
#ifndef ASOF_TEST_EXPRESSION_MAKER_H
#define ASOF_TEST_EXPRESSION_MAKER_H

#include "codec/time_text.h"
#include "expression_values.h"
#include "kernel/evaluator.h"
#include "model/project.h"

#define MAKER_COLUMNS   18 /* two of each type */
#define MAKER_FUNCTIONS 128

/* The second column of decimals is one of these, other than the first. */
static const struct asof_type maker_decimals[] = {
	{ .kind = ASOF_TYPE_DECIMAL, .precision = 4, .scale = 1 },
	{ .kind = ASOF_TYPE_DECIMAL, .precision = 9, .scale = 9 },
	{ .kind = ASOF_TYPE_DECIMAL, .precision = 18, .scale = 5 },
	{ .kind = ASOF_TYPE_DECIMAL, .precision = 18, .scale = 0 },
	{ .kind = ASOF_TYPE_DECIMAL, .precision = 38, .scale = 10 },
	{ .kind = ASOF_TYPE_DECIMAL, .precision = 19, .scale = 18 },
};

enum maker_form {
	MAKER_COALESCE,
	MAKER_CASE,
	MAKER_CASE_OF,
	MAKER_IF,
	MAKER_IFNULL,
	MAKER_NULLIF,
	MAKER_CAST,
	MAKER_DECIMALS,
	MAKER_EXTRACT,
	MAKER_CONJUNCTION, /* from here on what gives a bool */
	MAKER_NOT,
	MAKER_IS_NULL,
	MAKER_IN,
	MAKER_BETWEEN,
	MAKER_COMPARISON,
	MAKER_DISTINCT,
	MAKER_TEXT_AS_TIME,
	MAKER_FORMS
};

struct maker {
	struct random random;
	struct asof_operand inputs[MAKER_COLUMNS];
	size_t functions[MAKER_FUNCTIONS]; /* how often each was written */
	size_t forms[MAKER_FORMS];
};

static inline size_t
maker_function_count(void)
{
	size_t count = 0;
	while (asof_function_at(count))
		count++;
	assert_true(count <= MAKER_FUNCTIONS);
	return count;
}

/* Types and names of the columns; the decimals of one change from table to table. */
static inline void
maker_begin_table(struct maker *m)
{
	static const char *const names[] = { "b0", "b1", "i0", "i1", "l0", "l1", "f0", "f1", "d0",
					     "d1", "m0", "m1", "s0", "s1", "e0", "e1", "t0", "t1" };
	for (size_t c = 0; c < MAKER_COLUMNS; c++) {
		m->inputs[c].name = names[c];
		m->inputs[c].type = maker_kinds[c / 2].type;
	}
	m->inputs[2 * maker_kind_of('m') + 1].type =
		maker_decimals[random_below(&m->random, ASOF_COUNTOF(maker_decimals))];
}

static inline void maker_add(struct maker *m, struct asof_buf *sql, char letter, unsigned depth);

/* A literal as a user would write it; none is NULL, which in an operator of constants has no type
 * and folds the whole away. */
static inline void
maker_add_literal(struct maker *m, struct asof_buf *sql, char letter)
{
	size_t kind = maker_kind_of(letter);
	struct asof_value value;
	struct asof_error err = { 0 };
	char text[ASOF_TIME_TEXT_MAX];
	bool has_text;
	do {
		value = maker_value(&m->random, maker_kinds[kind].type);
		has_text = letter == 'D'   ? value.int32 > -719163 && value.int32 < 2932897
			   : letter == 'T' ? value.int64 > INT64_C(-62135596800000000) &&
						     value.int64 < INT64_C(253402300800000000)
					   : true;
	} while (!has_text);
	value.is_null = false;
	if (letter == 'T') {
		size_t len = asof_timestamp_text(value.int64, text);
		asof_buf_printf(sql, "CAST('%.*s' AS TIMESTAMP)", (int)len - 1, text);
		return;
	}
	bool is_number = strchr("ilfdm", letter);
	if (is_number)
		asof_buf_add_cstr(sql, "CAST(");
	assert_ok(asof_sql_value(sql, &value, &err), err);
	if (is_number)
		asof_buf_printf(sql, " AS %s)", maker_kinds[kind].sql);
}

static inline void
maker_add_leaf(struct maker *m, struct asof_buf *sql, char letter)
{
	size_t c = 2 * maker_kind_of(letter) + random_below(&m->random, 2);
	if (!random_below(&m->random, 3))
		maker_add_literal(m, sql, letter);
	else if (letter == 'm' && c % 2 == 1) /* of other digits: its own form is below */
		asof_buf_printf(sql, "TRY_CAST(%s AS DECIMAL(9,2))", m->inputs[c].name);
	else
		asof_buf_add_cstr(sql, m->inputs[c].name);
}

static inline bool
maker_is_infix(const char *name)
{
	return !((name[0] >= 'a' && name[0] <= 'z') || name[0] == '@');
}

static inline void
maker_add_part(struct maker *m, struct asof_buf *sql, const struct asof_function *function)
{
	static const char *const names[] = { "year",         "quarter",      "month",    "week",
					     "day",          "hour",         "minute",   "second",
					     "millisecond",  "microsecond",  "dow",      "isodow",
					     "doy",          "years",        "quarters", "weeks",
					     "days",         "hours",        "minutes",  "seconds",
					     "milliseconds", "microseconds", "months" };
	enum asof_time_part part;
	const char *name;
	do
		name = names[random_below(&m->random, ASOF_COUNTOF(names))];
	while (!asof_function_part(function, asof_str_from(name), &part));
	asof_buf_printf(sql, "'%s'", name);
}

static inline void
maker_add_argument(struct maker *m, struct asof_buf *sql, const struct asof_function *function,
		   char letter, unsigned depth)
{
	if (letter == 'p')
		maker_add_part(m, sql, function);
	else if (letter == 'L')
		asof_buf_printf(sql, "%d", (int)random_below(&m->random, 9));
	else
		maker_add(m, sql, letter, depth);
}

/* One call by a signature: "pTT:l". */
static inline void
maker_add_call(struct maker *m, struct asof_buf *sql, size_t index, const char *signature,
	       unsigned depth)
{
	const struct asof_function *function = asof_function_at(index);
	bool is_first = true;
	bool is_operator = maker_is_infix(function->name);
	bool is_unary = is_operator && signature[1] == ':';
	m->functions[index]++;
	asof_buf_add_char(sql, '(');
	if (!is_operator)
		asof_buf_printf(sql, "%s(", function->name);
	else if (is_unary)
		asof_buf_add_cstr(sql, function->name);
	for (const char *c = signature; *c != ':'; c++) {
		if (*c == '*')
			continue;
		size_t times = c[1] == '*' ? 1 + random_below(&m->random, 3) : 1;
		for (size_t i = 0; i < times; i++) {
			if (!is_first)
				asof_buf_printf(sql, " %s ", is_operator ? function->name : ",");
			is_first = false;
			maker_add_argument(m, sql, function, *c, depth - 1);
		}
	}
	asof_buf_add_cstr(sql, is_operator ? ")" : "))");
}

static inline const char *
maker_signature(struct maker *m, const struct asof_function *function)
{
	const char *signature = function->signatures;
	for (uint64_t skip = random_below(&m->random, 9); skip > 0; skip--) {
		const char *next = strchr(signature, ' ');
		signature = next ? next + 1 : function->signatures;
	}
	return signature;
}

/* A random call that gives `letter`; false where none was met. */
static inline bool
maker_add_function(struct maker *m, struct asof_buf *sql, char letter, unsigned depth)
{
	size_t count = maker_function_count();
	for (int attempt = 0; attempt < 200; attempt++) {
		size_t index = random_below(&m->random, count);
		const char *signature = maker_signature(m, asof_function_at(index));
		char result = strchr(signature, ':')[1];
		if (result == letter && letter != 'm') {
			maker_add_call(m, sql, index, signature, depth);
			return true;
		}
		/* Decimals of whatever digits: back to those that others take. */
		if (result == letter || (result == 'y' && letter == 'i')) {
			asof_buf_add_cstr(sql, letter == 'm' ? "TRY_CAST(" : "CAST(");
			maker_add_call(m, sql, index, signature, depth);
			asof_buf_printf(sql, " AS %s)", maker_kinds[maker_kind_of(letter)].sql);
			return true;
		}
	}
	return false;
}

static inline void
maker_add_cast(struct maker *m, struct asof_buf *sql, char letter, unsigned depth)
{
	const char *type = maker_kinds[maker_kind_of(letter)].sql;
	for (int attempt = 0; attempt < 50; attempt++) {
		char from = maker_kinds[random_below(&m->random, ASOF_COUNTOF(maker_kinds))].letter;
		if (from == letter || !asof_expression_casts(from, letter))
			continue;
		if (random_below(&m->random, 4) == 0) {
			asof_buf_add_char(sql, '(');
			maker_add(m, sql, from, depth);
			asof_buf_printf(sql, ")::%s", type);
			return;
		}
		asof_buf_add_cstr(sql, random_below(&m->random, 3) ? "TRY_CAST(" : "CAST(");
		if (from == 'm' && random_below(&m->random, 2))
			asof_buf_add_cstr(sql, "m1");
		else
			maker_add(m, sql, from, depth);
		asof_buf_printf(sql, " AS %s)", type);
		return;
	}
	maker_add_leaf(m, sql, letter);
}

/* Sums, products, quotients and comparisons of decimals of two sorts. */
static inline void
maker_add_decimals(struct maker *m, struct asof_buf *sql, char letter, unsigned depth)
{
	static const char *const operators[] = { "+", "-", "*", "/", "%" };
	const char *sql_type = maker_kinds[maker_kind_of(letter)].sql;
	asof_buf_add_cstr(sql, "TRY_CAST((");
	maker_add(m, sql, 'm', depth);
	asof_buf_printf(sql, " %s ", operators[random_below(&m->random, letter == 'm' ? 3 : 4)]);
	if (random_below(&m->random, 3) == 0)
		asof_buf_add_cstr(sql, "m1");
	else
		maker_add(m, sql, random_below(&m->random, 2) ? 'm' : 'i', depth);
	asof_buf_printf(sql, ") AS %s)", sql_type);
}

static inline void
maker_add_case_of(struct maker *m, struct asof_buf *sql, char letter, unsigned depth)
{
	char of = maker_kinds[random_below(&m->random, ASOF_COUNTOF(maker_kinds))].letter;
	asof_buf_add_cstr(sql, "CASE ");
	maker_add(m, sql, of, depth);
	for (uint64_t i = 1 + random_below(&m->random, 2); i > 0; i--) {
		asof_buf_add_cstr(sql, " WHEN ");
		maker_add(m, sql, of, depth);
		asof_buf_add_cstr(sql, " THEN ");
		maker_add(m, sql, letter, depth);
	}
	if (random_below(&m->random, 2)) {
		asof_buf_add_cstr(sql, " ELSE ");
		maker_add(m, sql, letter, depth);
	}
	asof_buf_add_cstr(sql, " END");
}

/* "NAME(letters)", a '?' being a bool and a '.' what is wanted. */
static inline void
maker_add_named(struct maker *m, struct asof_buf *sql, const char *name, const char *letters,
		char letter, unsigned depth)
{
	asof_buf_printf(sql, "%s(", name);
	for (const char *c = letters; *c; c++) {
		asof_buf_add_cstr(sql, c > letters ? ", " : "");
		maker_add(m, sql, *c == '?' ? 'b' : letter, depth);
	}
	asof_buf_add_char(sql, ')');
}

static inline void
maker_add_extract(struct maker *m, struct asof_buf *sql, unsigned depth)
{
	static const char *const parts[] = { "year", "month", "day", "hour", "minute", "second" };
	asof_buf_printf(sql, "extract(%s FROM ",
			parts[random_below(&m->random, ASOF_COUNTOF(parts))]);
	maker_add(m, sql, random_below(&m->random, 2) ? 'D' : 'T', depth);
	asof_buf_add_char(sql, ')');
}

static inline void
maker_add_between(struct maker *m, struct asof_buf *sql, char letter, unsigned depth)
{
	maker_add(m, sql, letter, depth);
	asof_buf_add_cstr(sql, random_below(&m->random, 3) ? " BETWEEN " : " NOT BETWEEN ");
	maker_add(m, sql, letter, depth);
	asof_buf_add_cstr(sql, " AND ");
	maker_add(m, sql, letter, depth);
}

static inline void
maker_add_in(struct maker *m, struct asof_buf *sql, char letter, unsigned depth)
{
	maker_add(m, sql, letter, depth);
	asof_buf_add_cstr(sql, random_below(&m->random, 2) ? " IN (" : " NOT IN (");
	maker_add(m, sql, letter, depth);
	for (uint64_t i = random_below(&m->random, 3); i > 0; i--) {
		asof_buf_add_cstr(sql, ", ");
		maker_add(m, sql, letter, depth);
	}
	asof_buf_add_char(sql, ')');
}

static inline void
maker_add_two(struct maker *m, struct asof_buf *sql, const char *operator, char letter,
	      unsigned depth)
{
	maker_add(m, sql, letter, depth);
	asof_buf_printf(sql, " %s ", operator);
	maker_add(m, sql, letter, depth);
}

/* A text that is read as the date or timestamp that it is compared with. */
static inline void
maker_add_text_as_time(struct maker *m, struct asof_buf *sql, unsigned depth)
{
	static const char *const texts[] = { "2024-02-29", "1969-12-31", "0001-01-01",
					     "9999-12-31" };
	maker_add(m, sql, random_below(&m->random, 2) ? 'D' : 'T', depth);
	asof_buf_printf(sql, " %s '%s'", random_below(&m->random, 2) ? "<" : ">=",
			texts[random_below(&m->random, ASOF_COUNTOF(texts))]);
}

static inline void
maker_add_condition(struct maker *m, struct asof_buf *sql, enum maker_form form, unsigned depth)
{
	static const char *const comparisons[] = { "=", "<>", "<", "<=", ">", ">=" };
	bool coin = random_below(&m->random, 2);
	char letter = maker_kinds[random_below(&m->random, ASOF_COUNTOF(maker_kinds))].letter;
	m->forms[form]++;
	asof_buf_add_char(sql, '(');
	switch (form) {
	case MAKER_CONJUNCTION:
		maker_add_two(m, sql, coin ? "AND" : "OR", 'b', depth);
		break;
	case MAKER_NOT:
		asof_buf_add_cstr(sql, "NOT ");
		maker_add(m, sql, 'b', depth);
		break;
	case MAKER_IS_NULL:
		maker_add(m, sql, letter, depth);
		asof_buf_add_cstr(sql, coin ? " IS NULL" : " IS NOT NULL");
		break;
	case MAKER_IN:
		maker_add_in(m, sql, letter, depth);
		break;
	case MAKER_BETWEEN:
		maker_add_between(m, sql, letter, depth);
		break;
	case MAKER_DISTINCT:
		maker_add_two(m, sql, coin ? "IS DISTINCT FROM" : "IS NOT DISTINCT FROM", letter,
			      depth);
		break;
	case MAKER_TEXT_AS_TIME:
		maker_add_text_as_time(m, sql, depth);
		break;
	default:
		maker_add_two(m, sql, comparisons[random_below(&m->random, 6)], letter, depth);
		break;
	}
	asof_buf_add_char(sql, ')');
}

static inline void
maker_add_form(struct maker *m, struct asof_buf *sql, enum maker_form form, char letter,
	       unsigned depth)
{
	if (form >= MAKER_CONJUNCTION) {
		maker_add_condition(m, sql, form, depth);
		return;
	}
	m->forms[form]++;
	switch (form) {
	case MAKER_COALESCE:
		maker_add_named(m, sql, "coalesce", random_below(&m->random, 2) ? ".." : "...",
				letter, depth);
		break;
	case MAKER_CASE:
		asof_buf_add_cstr(sql, "CASE WHEN ");
		maker_add(m, sql, 'b', depth);
		asof_buf_add_cstr(sql, " THEN ");
		maker_add(m, sql, letter, depth);
		asof_buf_add_cstr(sql, " ELSE ");
		maker_add(m, sql, letter, depth);
		asof_buf_add_cstr(sql, " END");
		break;
	case MAKER_CASE_OF:
		maker_add_case_of(m, sql, letter, depth);
		break;
	case MAKER_IF:
		maker_add_named(m, sql, "if", "?..", letter, depth);
		break;
	case MAKER_IFNULL:
		maker_add_named(m, sql, "ifnull", "..", letter, depth);
		break;
	case MAKER_NULLIF:
		maker_add_named(m, sql, "nullif", "..", letter, depth);
		break;
	case MAKER_DECIMALS:
		maker_add_decimals(m, sql, letter, depth);
		break;
	case MAKER_EXTRACT:
		maker_add_extract(m, sql, depth);
		break;
	default:
		maker_add_cast(m, sql, letter, depth);
		break;
	}
}

/* Whether the form can give a value of the letter. */
static inline bool
maker_form_gives(enum maker_form form, char letter)
{
	if (form >= MAKER_CONJUNCTION)
		return letter == 'b';
	if (form == MAKER_DECIMALS)
		return strchr("ilfdm", letter);
	return form == MAKER_EXTRACT ? letter == 'l' : true;
}

static inline void
maker_add(struct maker *m, struct asof_buf *sql, char letter, unsigned depth)
{
	if (depth == 0 || random_below(&m->random, 10) == 0) {
		maker_add_leaf(m, sql, letter);
	} else if (random_below(&m->random, 2)) {
		enum maker_form form;
		do
			form = (enum maker_form)random_below(&m->random, MAKER_FORMS);
		while (!maker_form_gives(form, letter));
		maker_add_form(m, sql, form, letter, depth - 1);
	} else if (!maker_add_function(m, sql, letter, depth)) {
		maker_add_leaf(m, sql, letter);
	}
}

/* Whole expressions by number: each function and each form is at the root of one of as many as
 * there are of both. */
static inline void
maker_add_root(struct maker *m, struct asof_buf *sql, size_t number)
{
	size_t functions = maker_function_count();
	size_t which = number % (functions + MAKER_FORMS);
	unsigned depth = 1 + (unsigned)random_below(&m->random, 4);
	if (which < functions) {
		maker_add_call(m, sql, which, maker_signature(m, asof_function_at(which)), depth);
		return;
	}
	enum maker_form form = (enum maker_form)(which - functions);
	char letter;
	do
		letter = maker_kinds[random_below(&m->random, ASOF_COUNTOF(maker_kinds))].letter;
	while (!maker_form_gives(form, letter));
	maker_add_form(m, sql, form, letter, depth - 1);
}

#endif
