/* options.c - options and words of a command line. The only file that knows popt. */
#include "cli/options.h"

#include <assert.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "base/suggest.h"

#define CHOICES_MAX 32
#define VALUES_MAX  128 /* options that two sets may have */

static void
popt_free_auto(poptContext *con)
{
	if (*con)
		poptFreeContext(*con);
}

static size_t
option_count(const struct asof_arguments *args)
{
	return args->global.count + args->own.count;
}

static const struct asof_option *
option_at(const struct asof_arguments *args, size_t index)
{
	return index < args->global.count ? &args->global.items[index]
					  : &args->own.items[index - args->global.count];
}

static size_t
find_option(const struct asof_arguments *args, const char *name)
{
	for (size_t i = 0; i < option_count(args); i++) {
		if (strcmp(option_at(args, i)->name, name) == 0)
			return i;
	}
	assert(!"an option that no table has");
	return 0;
}

void
asof_arguments_done(struct asof_arguments *args)
{
	asof_arena_done(&args->arena);
	*args = (struct asof_arguments){ 0 };
}

/* ---- choices ---- */

/* The parts of `text` that are not empty in `names`; they borrow from `arena`. */
static enum asof_status
split(struct asof_arena *arena, const char *text, const char *separator, const char **names,
      size_t name_max, size_t *ret_count, struct asof_error *err)
{
	size_t count = 0;
	const char *at = text;
	while (*at) {
		const char *end = at + strcspn(at, separator);
		if (end > at) {
			if (count == name_max)
				return ASOF_FAIL(err, ASOF_LIMIT, "more than %zu names", name_max);
			names[count] =
				asof_arena_copy(arena, (struct asof_str){ at, (size_t)(end - at) });
			if (!names[count++])
				return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu names", count);
		}
		at = *end ? end + 1 : end;
	}
	*ret_count = count;
	return ASOF_OK;
}

bool
asof_choice_has(const char *choices, const char *word)
{
	size_t len = strlen(word);
	for (const char *at = choices; *at;) {
		const char *end = at + strcspn(at, " ");
		if ((size_t)(end - at) == len && memcmp(at, word, len) == 0)
			return true;
		at = *end ? end + 1 : end;
	}
	return false;
}

enum asof_status
asof_choice_check(const char *what, const char *choices, const char *word, struct asof_error *err)
{
	if (asof_choice_has(choices, word))
		return ASOF_OK;

	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const char *names[CHOICES_MAX];
	size_t count = 0;
	ASOF_TRY(split(&arena, choices, " ", names, CHOICES_MAX, &count, err));
	const char *nearest = asof_suggest(asof_str_from(word), names, count);
	if (nearest)
		return ASOF_FAIL(err, ASOF_INVALID, "unknown %s '%s'; did you mean '%s'?", what,
				 word, nearest);
	return ASOF_FAIL(err, ASOF_INVALID, "unknown %s '%s'; known are: %s", what, word, choices);
}

/* ---- reading ---- */

static enum asof_status
fail_unknown(const struct asof_arguments *args, const char *given, struct asof_error *err)
{
	struct asof_str text = { given, strcspn(given, "=") };
	struct asof_str name = text;
	while (name.len > 0 && name.ptr[0] == '-') {
		name.ptr++;
		name.len--;
	}
	const char *names[VALUES_MAX];
	size_t count = option_count(args);
	for (size_t i = 0; i < count; i++)
		names[i] = option_at(args, i)->name;
	const char *nearest = name.len > 1 ? asof_suggest(name, names, count) : NULL;
	if (nearest)
		return ASOF_FAIL(err, ASOF_INVALID, "unknown option '%.*s'; did you mean '--%s'?",
				 ASOF_STR_ARG(text), nearest);
	return ASOF_FAIL(err, ASOF_INVALID, "unknown option '%.*s'", ASOF_STR_ARG(text));
}

static enum asof_status
fail_popt(const struct asof_arguments *args, poptContext con, int code, struct asof_error *err)
{
	const char *given = poptBadOption(con, POPT_BADOPTION_NOALIAS);
	if (!given)
		given = "?";
	switch (code) {
	case POPT_ERROR_BADOPT:
		return fail_unknown(args, given, err);
	case POPT_ERROR_NOARG:
		return ASOF_FAIL(err, ASOF_INVALID, "option '%s' needs a value", given);
	case POPT_ERROR_UNWANTEDARG:
		return ASOF_FAIL(err, ASOF_INVALID, "option '%.*s' takes no value",
				 (int)strcspn(given, "="), given);
	default:
		return ASOF_FAIL(err, ASOF_INVALID, "option '%s': %s", given, poptStrerror(code));
	}
}

static enum asof_status
keep_value(struct asof_arguments *args, size_t index, const char *text, struct asof_error *err)
{
	const struct asof_option *option = option_at(args, index);
	if (option->choices) {
		char what[64];
		(void)snprintf(what, sizeof(what), "value of --%s:", option->name);
		ASOF_TRY(asof_choice_check(what, option->choices, text, err));
	}
	const char *before = args->values[index];
	const char *value = option->is_list && before
				    ? asof_arena_printf(&args->arena, "%s,%s", before, text)
				    : asof_arena_copy(&args->arena, asof_str_from(text));
	if (!value)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "option '--%s'", option->name);
	args->values[index] = value;
	return ASOF_OK;
}

/* popt's own form of both sets; its val is the option's index + 1. */
static struct poptOption *
make_table(struct asof_arguments *args)
{
	size_t count = option_count(args);
	struct poptOption *table = asof_arena_array(&args->arena, count + 1, sizeof(*table));
	for (size_t i = 0; table && i < count; i++) {
		const struct asof_option *option = option_at(args, i);
		table[i] = (struct poptOption){
			.longName = option->name,
			.shortName = option->letter,
			.argInfo = option->metavar ? POPT_ARG_STRING : POPT_ARG_NONE,
			.val = (int)i + 1,
		};
	}
	return table;
}

static enum asof_status
keep_words(struct asof_arguments *args, const char **words, struct asof_error *err)
{
	size_t count = 0;
	while (words && words[count])
		count++;
	const char **copies = asof_arena_array(&args->arena, count + 1, sizeof(*copies));
	if (!copies)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu words", count);
	for (size_t i = 0; i < count; i++) {
		copies[i] = asof_arena_copy(&args->arena, asof_str_from(words[i]));
		if (!copies[i])
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu words", count);
	}
	args->words = copies;
	args->word_count = count;
	return ASOF_OK;
}

/* argv[0] is skipped. */
static enum asof_status
parse(struct asof_arguments *args, size_t argc, const char **argv, unsigned flags,
      struct asof_error *err)
{
	const struct poptOption *table = make_table(args);
	if (!table || argc > INT32_MAX)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu arguments", argc);
	ASOF_AUTO(popt_free_auto)
	poptContext con = poptGetContext("asof", (int)argc, argv, table, flags);
	if (!con)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu arguments", argc);

	int code;
	while ((code = poptGetNextOpt(con)) > 0) {
		char *text = poptGetOptArg(con);
		enum asof_status status = keep_value(args, (size_t)code - 1, text ? text : "", err);
		free(text);
		ASOF_TRY(status);
	}
	if (code != -1)
		return fail_popt(args, con, code, err);
	return keep_words(args, poptGetArgs(con), err);
}

enum asof_status
asof_arguments_begin(struct asof_arguments *args, struct asof_option_set global, int argc,
		     const char *const *argv, struct asof_error *err)
{
	args->global = global;
	args->own = (struct asof_option_set){ 0 };
	args->values = asof_arena_array(&args->arena, VALUES_MAX, sizeof(*args->values));
	if (!args->values)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%d arguments", argc);

	size_t count = argc > 0 ? (size_t)argc : 0;
	const char **copy = asof_arena_array(&args->arena, count + 2, sizeof(*copy));
	if (!copy)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu arguments", count);
	copy[0] = "asof";
	for (size_t i = 1; i < count; i++)
		copy[i] = argv[i];
	return parse(args, count, copy, POPT_CONTEXT_POSIXMEHARDER, err);
}

enum asof_status
asof_arguments_finish(struct asof_arguments *args, struct asof_option_set own,
		      struct asof_error *err)
{
	assert(args->word_count > 0 && args->global.count + own.count <= VALUES_MAX);

	args->own = own;
	return parse(args, args->word_count, args->words, 0, err);
}

/* ---- values ---- */

bool
asof_arguments_has(const struct asof_arguments *args, const char *name)
{
	return asof_arguments_value(args, name) != NULL;
}

const char *
asof_arguments_value(const struct asof_arguments *args, const char *name)
{
	return args->values[find_option(args, name)];
}

enum asof_status
asof_arguments_list(struct asof_arguments *args, const char *name, const char *const **ret_items,
		    size_t *ret_count, struct asof_error *err)
{
	const char *value = asof_arguments_value(args, name);
	size_t max = value ? strlen(value) : 0;
	const char **items = asof_arena_array(&args->arena, max + 1, sizeof(*items));
	if (!items)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "option '--%s'", name);
	size_t count = 0;
	if (value)
		ASOF_TRY(split(&args->arena, value, ",", items, max, &count, err));
	if (value && count == 0)
		return ASOF_FAIL(err, ASOF_INVALID, "option '--%s' lists nothing", name);
	*ret_items = items;
	*ret_count = count;
	return ASOF_OK;
}

enum asof_status
asof_arguments_count(const struct asof_arguments *args, const char *name, uint64_t min,
		     uint64_t max, uint64_t fallback, uint64_t *ret_count, struct asof_error *err)
{
	const char *value = asof_arguments_value(args, name);
	uint64_t count = fallback;
	if (value &&
	    (!asof_uint64_parse(asof_str_from(value), &count) || count < min || count > max))
		return ASOF_FAIL(err, ASOF_INVALID,
				 "option '--%s': '%s' is not a whole number from %llu to %llu",
				 name, value, (unsigned long long)min, (unsigned long long)max);
	*ret_count = count;
	return ASOF_OK;
}

enum asof_status
asof_arguments_time(const struct asof_arguments *args, const char *name, bool *ret_is_given,
		    int64_t *ret_us, struct asof_error *err)
{
	const char *value = asof_arguments_value(args, name);
	if (!value)
		return ASOF_OK;
	enum asof_status status = asof_time_parse(value, ret_us, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "option '--%s'", name);
	*ret_is_given = true;
	return ASOF_OK;
}
