/* fuzz_number.c - whatever parses prints, and what it prints parses as the same value. */
#include <stdlib.h>

#include "base/number.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool is_true)
{
	if (!is_true)
		abort();
}

static uint64_t
bits_of(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static void
fuzz_double(struct asof_str text)
{
	double value;
	if (!asof_double_parse(text, &value))
		return;
	char printed[ASOF_DOUBLE_TEXT_MAX];
	size_t len = asof_double_text(value, printed);
	double back;
	check(asof_double_parse((struct asof_str){ printed, len }, &back));
	bool is_nan = back != back && value != value;
	check(is_nan || bits_of(back) == bits_of(value)); /* -0 is not 0 */
}

static void
fuzz_integers(struct asof_str text)
{
	char printed[ASOF_DOUBLE_TEXT_MAX];
	int64_t value;
	int64_t back;
	if (asof_int64_parse(text, &value)) {
		size_t len = asof_int64_text(value, printed);
		check(asof_int64_parse((struct asof_str){ printed, len }, &back) && back == value);
	}
	uint64_t uvalue;
	uint64_t uback;
	if (asof_uint64_parse(text, &uvalue)) {
		size_t len = asof_uint64_text(uvalue, printed);
		check(asof_uint64_parse((struct asof_str){ printed, len }, &uback));
		check(uback == uvalue);
	}
	if (asof_size_parse(text, &uvalue) && asof_uint64_parse(text, &uback))
		check(uback == uvalue);
}

static void
fuzz_decimal(struct asof_str text, unsigned precision, unsigned scale)
{
	asof_int128 value;
	if (!asof_decimal_parse(text, precision, scale, &value))
		return;
	char printed[ASOF_INT128_TEXT_MAX];
	size_t len = asof_decimal_text(value, scale, printed);
	asof_int128 back;
	check(asof_decimal_parse((struct asof_str){ printed, len }, precision, scale, &back));
	check(back == value);
}

/* The first two bytes choose precision and scale, the rest is the text. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct asof_str text = { (const char *)data + 2, size - 2 };
	fuzz_double(text);
	fuzz_integers(text);
	unsigned precision = 1 + data[0] % 38;
	fuzz_decimal(text, precision, data[1] % (precision + 1));

	double value;
	if (text.len >= sizeof(value)) {
		char printed[ASOF_DOUBLE_TEXT_MAX];
		memcpy(&value, text.ptr, sizeof(value));
		size_t len = asof_double_text(value, printed);
		fuzz_double((struct asof_str){ printed, len });
		float narrow;
		memcpy(&narrow, text.ptr, sizeof(narrow));
		len = asof_float_text(narrow, printed);
		fuzz_double((struct asof_str){ printed, len });
	}
	return 0;
}
