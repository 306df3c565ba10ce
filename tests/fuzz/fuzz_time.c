/* fuzz_time.c - whatever parses as a time prints, and what it prints parses as the same time. */
#include <stdlib.h>

#include "codec/time_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool is_true)
{
	if (!is_true)
		abort();
}

static void
check_timestamp(int64_t event_us)
{
	struct asof_error err = { 0 };
	char text[ASOF_TIME_TEXT_MAX];
	struct asof_str printed = { text, asof_timestamp_text(event_us, text) };
	int64_t again;
	check(printed.len <= sizeof(text));
	check(asof_timestamp_parse(printed, &again, &err) == ASOF_OK && again == event_us);
}

static void
check_date(int32_t days)
{
	struct asof_error err = { 0 };
	char text[ASOF_TIME_TEXT_MAX];
	struct asof_str printed = { text, asof_date_text(days, text) };
	int32_t again;
	check(printed.len <= sizeof(text));
	check(asof_date_parse(printed, &again, &err) == ASOF_OK && again == days);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct asof_error err = { 0 };
	struct asof_str text = { (const char *)data, size };
	int64_t event_us;
	int32_t days;
	if (asof_timestamp_parse(text, &event_us, &err) == ASOF_OK)
		check_timestamp(event_us);
	else
		check(err.message[0] != '\0');
	if (asof_date_parse(text, &days, &err) == ASOF_OK)
		check_date(days);
	if (size >= sizeof(event_us)) {
		memcpy(&event_us, data, sizeof(event_us));
		check_timestamp(event_us);
		check_date((int32_t)event_us);
	}
	return 0;
}
