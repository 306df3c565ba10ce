/* expression_functions.c - the table of what an on-demand expression may call. */
#include "base/suggest.h"
#include "kernel/expression_impl.h"

#define NUMBERS       "ii:i ll:l ff:f dd:d"
#define SAME          "b*:b i*:i l*:l f*:f d*:d m*:m s*:s D*:D T*:T"
#define PART_OF       "D:l T:l"
#define FUNCTIONS_MAX 128

static const struct asof_function functions[] = {
	{ "+", NUMBERS " mm:m Di:D iD:D", asof_run_add, false },
	{ "-", NUMBERS " mm:m i:i l:l f:f d:d m:m Di:D DD:l", asof_run_subtract, false },
	{ "*", NUMBERS " mm:m", asof_run_multiply, false },
	{ "/", "ff:f dd:d", asof_run_divide, false },
	{ "//", "ii:i ll:l", asof_run_quotient, false },
	{ "%", NUMBERS, asof_run_remainder, false },
	{ "mod", NUMBERS, asof_run_remainder, false },
	{ "**", "dd:d", asof_run_pow, false },
	{ "^", "dd:d", asof_run_pow, false },
	{ "pow", "dd:d", asof_run_pow, false },
	{ "power", "dd:d", asof_run_pow, false },
	{ "abs", "i:i l:l f:f d:d m:m", asof_run_abs, false },
	{ "@", "i:i l:l f:f d:d m:m", asof_run_abs, false },
	{ "round", "d:d f:f di:d fi:f", asof_run_round, false },
	{ "floor", "f:f d:d", asof_run_floor, false },
	{ "ceil", "f:f d:d", asof_run_ceil, false },
	{ "ceiling", "f:f d:d", asof_run_ceil, false },
	{ "trunc", "f:f d:d", asof_run_trunc, false },
	{ "sqrt", "d:d", asof_run_sqrt, false },
	{ "ln", "d:d", asof_run_ln, false },
	{ "log", "d:d", asof_run_log10, false },
	{ "log10", "d:d", asof_run_log10, false },
	{ "log2", "d:d", asof_run_log2, false },
	{ "exp", "d:d", asof_run_exp, false },
	{ "sign", "i:y l:y f:y d:y m:y", asof_run_sign, false },
	{ "isnan", "f:b d:b", asof_run_isnan, false },
	{ "isinf", "f:b d:b", asof_run_isinf, false },
	{ "isfinite", "f:b d:b", asof_run_isfinite, false },
	{ "greatest", SAME, asof_run_greatest, true },
	{ "least", SAME, asof_run_least, true },
	{ "lower", "s:s", asof_run_lower, false },
	{ "lcase", "s:s", asof_run_lower, false },
	{ "upper", "s:s", asof_run_upper, false },
	{ "ucase", "s:s", asof_run_upper, false },
	{ "length", "s:l", asof_run_length, false },
	{ "len", "s:l", asof_run_length, false },
	{ "substring", "sL:s sLL:s", asof_run_substring, false },
	{ "substr", "sL:s sLL:s", asof_run_substring, false },
	{ "||", "ss:s", asof_run_join, false },
	{ "concat", "s*:s", asof_run_concat, true },
	{ "trim", "s:s ss:s", asof_run_trim, false },
	{ "ltrim", "s:s ss:s", asof_run_ltrim, false },
	{ "rtrim", "s:s ss:s", asof_run_rtrim, false },
	{ "replace", "sss:s", asof_run_replace, false },
	{ "starts_with", "ss:b", asof_run_starts_with, false },
	{ "prefix", "ss:b", asof_run_starts_with, false },
	{ "ends_with", "ss:b", asof_run_ends_with, false },
	{ "suffix", "ss:b", asof_run_ends_with, false },
	{ "contains", "ss:b", asof_run_contains, false },
	{ "~~", "ss:b", asof_run_like, false },
	{ "!~~", "ss:b", asof_run_not_like, false },
	{ "date_diff", "pTT:l pDD:l", asof_run_date_diff, false },
	{ "datediff", "pTT:l pDD:l", asof_run_date_diff, false },
	{ "date_trunc", "pT:T pD:T", asof_run_date_trunc, false },
	{ "datetrunc", "pT:T pD:T", asof_run_date_trunc, false },
	{ "date_part", "pT:l pD:l", asof_run_date_part, false },
	{ "datepart", "pT:l pD:l", asof_run_date_part, false },
	{ "year", PART_OF, asof_run_year, false },
	{ "quarter", PART_OF, asof_run_quarter, false },
	{ "month", PART_OF, asof_run_month, false },
	{ "week", PART_OF, asof_run_week, false },
	{ "weekofyear", PART_OF, asof_run_week, false },
	{ "day", PART_OF, asof_run_day, false },
	{ "dayofmonth", PART_OF, asof_run_day, false },
	{ "hour", PART_OF, asof_run_hour, false },
	{ "minute", PART_OF, asof_run_minute, false },
	{ "second", PART_OF, asof_run_second, false },
	{ "dayofweek", PART_OF, asof_run_day_of_week, false },
	{ "weekday", PART_OF, asof_run_day_of_week, false },
	{ "isodow", PART_OF, asof_run_iso_week_day, false },
	{ "dayofyear", PART_OF, asof_run_day_of_year, false },
	{ "epoch", "D:d T:d", asof_run_epoch, false },
	{ "epoch_ms", PART_OF, asof_run_epoch_ms, false },
	{ "epoch_us", PART_OF, asof_run_epoch_us, false },
};

const struct asof_function *
asof_function_at(size_t index)
{
	return index < ASOF_COUNTOF(functions) ? &functions[index] : NULL;
}

const struct asof_function *
asof_function_find(struct asof_str name)
{
	for (size_t i = 0; i < ASOF_COUNTOF(functions); i++) {
		if (asof_str_equal(name, asof_str_from(functions[i].name)))
			return &functions[i];
	}
	return NULL;
}

const char *
asof_function_suggest(struct asof_str name)
{
	const char *names[FUNCTIONS_MAX];
	size_t count = 0;
	_Static_assert(ASOF_COUNTOF(functions) <= FUNCTIONS_MAX, "room for all names");
	for (; count < ASOF_COUNTOF(functions); count++)
		names[count] = functions[count].name;
	return asof_suggest(name, names, count);
}

bool
asof_function_takes_part(const struct asof_function *function)
{
	return function->signatures[0] == 'p';
}

/* "ll*" before the colon takes the letters? */
static bool
matches(const char *pattern, const char *letters)
{
	if (*pattern == 'p')
		pattern++;
	for (; *pattern != ':'; pattern++) {
		if (*letters != *pattern && !(*letters == 'L' && *pattern == 'l'))
			return false;
		letters++;
		if (pattern[1] != '*')
			continue;
		while (*letters == *pattern || (*letters == 'L' && *pattern == 'l'))
			letters++;
		pattern++;
	}
	return *letters == '\0';
}

char
asof_function_result(const struct asof_function *function, const char *letters)
{
	const char *signature = function->signatures;
	while (signature) {
		if (matches(signature, letters))
			return strchr(signature, ':')[1];
		signature = strchr(signature, ' ');
		if (signature)
			signature++;
	}
	return 0;
}

static const struct {
	const char *name;
	enum asof_time_part part;
} parts[] = {
	{ "year", ASOF_PART_YEAR },
	{ "years", ASOF_PART_YEAR },
	{ "quarter", ASOF_PART_QUARTER },
	{ "quarters", ASOF_PART_QUARTER },
	{ "month", ASOF_PART_MONTH },
	{ "months", ASOF_PART_MONTH },
	{ "week", ASOF_PART_WEEK },
	{ "weeks", ASOF_PART_WEEK },
	{ "day", ASOF_PART_DAY },
	{ "days", ASOF_PART_DAY },
	{ "hour", ASOF_PART_HOUR },
	{ "hours", ASOF_PART_HOUR },
	{ "minute", ASOF_PART_MINUTE },
	{ "minutes", ASOF_PART_MINUTE },
	{ "second", ASOF_PART_SECOND },
	{ "seconds", ASOF_PART_SECOND },
	{ "millisecond", ASOF_PART_MILLISECOND },
	{ "milliseconds", ASOF_PART_MILLISECOND },
	{ "microsecond", ASOF_PART_MICROSECOND },
	{ "microseconds", ASOF_PART_MICROSECOND },
	{ "dow", ASOF_PART_DAY_OF_WEEK },
	{ "isodow", ASOF_PART_ISO_WEEK_DAY },
	{ "doy", ASOF_PART_DAY_OF_YEAR },
};

bool
asof_function_part(const struct asof_function *function, struct asof_str text,
		   enum asof_time_part *ret_part)
{
	for (size_t i = 0; i < ASOF_COUNTOF(parts); i++) {
		if (!asof_str_equal(text, asof_str_from(parts[i].name)))
			continue;
		*ret_part = parts[i].part;
		return parts[i].part <= ASOF_PART_MICROSECOND ||
		       function->run == asof_run_date_part;
	}
	return false;
}

char
asof_expression_letter(struct asof_type type)
{
	static const char letters[] = {
		[ASOF_TYPE_BOOL] = 'b',    [ASOF_TYPE_INT32] = 'i',   [ASOF_TYPE_INT64] = 'l',
		[ASOF_TYPE_FLOAT32] = 'f', [ASOF_TYPE_FLOAT64] = 'd', [ASOF_TYPE_DECIMAL] = 'm',
		[ASOF_TYPE_STRING] = 's',  [ASOF_TYPE_DATE] = 'D',    [ASOF_TYPE_TIMESTAMP] = 'T',
	};
	return type.kind < sizeof(letters) ? letters[type.kind] : 0;
}

bool
asof_expression_casts(char from, char to)
{
	static const char *const casts[] = {
		['b'] = "bilfds", ['y'] = "ilfd",  ['i'] = "bilfdms", ['l'] = "bilfdms",
		['f'] = "bilfd",  ['d'] = "bilfd", ['m'] = "ilfdms",  ['s'] = "s",
		['D'] = "DTs",    ['T'] = "DTs",
	};
	unsigned char index = (unsigned char)from;
	return to && index < ASOF_COUNTOF(casts) && casts[index] && strchr(casts[index], to);
}
