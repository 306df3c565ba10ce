/* human.c - figures as people read them. */
#include "cli/human.h"

#include <stdio.h>

#include "base/number.h"

struct asof_human
asof_human_count(int64_t count)
{
	char digits[ASOF_DOUBLE_TEXT_MAX];
	size_t len = asof_int64_text(count, digits);
	struct asof_human out = { 0 };
	size_t used = 0;
	for (size_t i = 0; i < len; i++) {
		bool is_after_digit = i > 0 && digits[i - 1] != '-';
		if (is_after_digit && (len - i) % 3 == 0)
			out.text[used++] = ',';
		out.text[used++] = digits[i];
	}
	return out;
}

struct asof_human
asof_human_counted(int64_t count, const char *noun)
{
	struct asof_human number = asof_human_count(count);
	struct asof_human out;
	(void)snprintf(out.text, sizeof(out.text), "%.30s %.12s%s", number.text, noun,
		       count == 1 ? "" : "s");
	return out;
}

struct asof_human
asof_human_bytes(int64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double value = (double)bytes;
	size_t unit = 0;
	/* 999.95 would be printed as 1000.0. */
	while (unit + 1 < ASOF_COUNTOF(units) && value >= (unit == 0 ? 1000.0 : 999.95)) {
		value /= 1000;
		unit++;
	}
	struct asof_human out;
	(void)snprintf(out.text, sizeof(out.text), "%.*f %s", unit == 0 ? 0 : 1, value,
		       units[unit]);
	return out;
}

struct asof_human
asof_human_seconds(double seconds)
{
	struct asof_human out;
	if (!(seconds > 0))
		seconds = 0;
	if (seconds < 0.0995) {
		(void)snprintf(out.text, sizeof(out.text), "%.0f ms", seconds * 1000);
	} else if (seconds < 9.995) {
		(void)snprintf(out.text, sizeof(out.text), "%.2f s", seconds);
	} else if (seconds < 59.95) {
		(void)snprintf(out.text, sizeof(out.text), "%.1f s", seconds);
	} else if (seconds < 3599.5) {
		int whole = (int)(seconds + 0.5);
		(void)snprintf(out.text, sizeof(out.text), "%d min %d s", whole / 60, whole % 60);
	} else {
		double minutes = seconds < 1e12 ? seconds / 60 + 0.5 : 1e10;
		int64_t whole = (int64_t)minutes;
		(void)snprintf(out.text, sizeof(out.text), "%lld h %d min", (long long)(whole / 60),
			       (int)(whole % 60));
	}
	return out;
}
