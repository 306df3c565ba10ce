/*
 * test_plan_golden.c - every statement against tests/golden/sql/<name>.sql, byte for byte.
 * ASOF_UPDATE_GOLDEN=1 writes the files: read the difference.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "plan_cases.h"

/* Behind the first success, so that a failure that was swallowed shows. */
#define MORE_TRIES 20

#define SOURCE_HEAD "project: golden\n"

/* Columns of types that Delta does not have, keys of another name, an expression for the time. */
static const char plain[] = SOURCE_HEAD
	"entities:\n"
	"  customer: {keys: {id: uuid, shop: string}}\n"
	"sources:\n"
	"  orders:\n"
	"    path: data/*.parquet\n"
	"    event_time: \"coalesce(paid_at, ordered_at)\"\n"
	"    created_time: loaded_at\n"
	"    filter: \"amount > 0 OR note = 'free'\"\n"
	"    select: {is_large: \"amount > 1000\", note: \"'a' || \\\"the note\\\"\"}\n"
	"    types: {customer.id: uuid, shop: string, paid_at: timestamp, ordered_at: timestamp,\n"
	"            loaded_at: timestamp, amount: 'decimal(10,2)', price: float64,\n"
	"            rate: float32, doc: json, vec: 'vector<float32,3>', ids: 'list<uuid>',\n"
	"            day: date, due: timestamp, is_large: bool, note: string}\n"
	"views:\n"
	"  latest_order:\n"
	"    entity: customer\n"
	"    source: orders\n"
	"    keys: {id: customer.id}\n"
	"    max_age: 30d\n"
	"    available_after: 3h\n"
	"    features:\n"
	"      amount: {column: amount, default: 0.5}\n"
	"      price: {column: price, default: -0.1}\n"
	"      rate: {column: rate}\n"
	"      doc: {column: doc}\n"
	"      vec: {column: vec}\n"
	"      ids: {column: ids}\n"
	"      day: {column: day, default: 2001-06-30}\n"
	"      due: {column: due, default: '2001-06-30T12:00:00.5Z'}\n"
	"      due_again: {column: due}\n"
	"      is_large: {column: is_large, default: false}\n"
	"      note: {column: note, default: \"it's '; DROP TABLE x; --\"}\n";

#define TILES_VIEW(step)                                                             \
	"views:\n"                                                                   \
	"  departures:\n"                                                            \
	"    entity: airport\n"                                                      \
	"    source: flights\n"                                                      \
	"    step: " step "\n"                                                       \
	"    available_after: 3h\n"                                                  \
	"    max_age: 30d\n"                                                         \
	"    features:\n"                                                            \
	"      flights: {agg: count, windows: [1h, 7d]}\n"                           \
	"      delay: {column: delay, agg: [count, sum, mean, std, var, min, max], " \
	"windows: [1d], default: 0}\n"                                               \
	"      fare: {column: fare, agg: [sum, mean, var, first, last, median, "     \
	"quantile(0.9), count_distinct], windows: [1d]}\n"                           \
	"      speed: {column: speed, agg: [sum, mean, std, min, max, median, "      \
	"count_distinct], windows: [1d]}\n"                                          \
	"      slow: {column: speed32, agg: [sum, min, max, quantile(0.25), "        \
	"count_distinct], windows: [1d]}\n"                                          \
	"      tail: {column: tail, agg: [first, last, min], windows: [2d], "        \
	"default: none}\n"                                                           \
	"      late: {column: is_late, agg: [sum, mean], windows: [1d]}\n"           \
	"      plane: {column: plane, agg: [last, count_distinct], windows: [1d]}\n"

#define TILES_SOURCE(more)                                                                   \
	"entities:\n"                                                                        \
	"  airport: {keys: {origin: string}}\n"                                              \
	"sources:\n"                                                                         \
	"  flights:\n"                                                                       \
	"    path: data/*.parquet\n"                                                         \
	"    event_time: date\n" more                                                        \
	"    types: {origin: string, date: timestamp, delay: int64, fare: 'decimal(8,2)',\n" \
	"            speed: float64, speed32: float32, tail: string, is_late: bool,\n"       \
	"            plane: uuid, loaded_at: timestamp}\n"

static const char tiles[] = SOURCE_HEAD TILES_SOURCE("") TILES_VIEW("1h");
static const char created[] =
	SOURCE_HEAD TILES_SOURCE("    created_time: loaded_at\n") TILES_VIEW("1h");
static const char events[] =
	SOURCE_HEAD TILES_SOURCE("    created_time: loaded_at\n") TILES_VIEW("event");

/* One feature each, where the rest would only repeat itself. */
static const char small[] = SOURCE_HEAD
	"entities:\n"
	"  airport: {keys: {origin: string, number: int32}}\n"
	"sources:\n"
	"  flights:\n"
	"    path: data/*.parquet\n"
	"    event_time: date\n"
	"    created_time: loaded_at\n"
	"    time_zone: America/New_York\n"
	"    types: {origin: string, number: int32, date: timestamp, delay: int32,\n"
	"            loaded_at: timestamp}\n"
	"views:\n"
	"  departures:\n"
	"    entity: airport\n"
	"    source: flights\n"
	"    step: 1h\n"
	"    available_after: 90s\n"
	"    features: {delay: {column: delay, agg: mean, windows: [1d], default: -1.5}}\n"
	"  last:\n"
	"    entity: airport\n"
	"    source: flights\n"
	"    max_age: 1d\n"
	"    features: {delay: {column: delay}}\n"
	"  exact:\n"
	"    entity: airport\n"
	"    source: flights\n"
	"    step: event\n"
	"    features: {delay: {column: delay, agg: last, windows: [1d]}}\n";

static const char windows_only[] =
	SOURCE_HEAD "entities:\n"
		    "  airport: {keys: {origin: string}}\n"
		    "sources:\n"
		    "  flights: {path: data/*.parquet, event_time: date, types: {origin: string, "
		    "date: timestamp}}\n"
		    "views:\n"
		    "  departures:\n"
		    "    entity: airport\n"
		    "    source: flights\n"
		    "    step: 1h\n"
		    "    features: {flights: {agg: count, windows: [1h, 2h]}}\n";

/* Keys that an ASOF JOIN must not be given as they are. */
static const char bytes[] = SOURCE_HEAD
	"entities:\n"
	"  part: {keys: {id: bytes, shop: string}}\n"
	"sources:\n"
	"  parts:\n"
	"    path: data/*.parquet\n"
	"    event_time: t\n"
	"    types: {id: bytes, shop: string, t: timestamp}\n"
	"views:\n"
	"  newest: {entity: part, source: parts, features: {at: {column: t}}}\n"
	"  events: {entity: part, source: parts, step: event, features: {n: {agg: count, "
	"windows: [1h]}}}\n";

static const char csv[] = SOURCE_HEAD
	"entities:\n"
	"  part: {keys: {id: string, size: 'decimal(6,2)'}}\n"
	"sources:\n"
	"  parts:\n"
	"    path: data/*.csv\n"
	"    event_time: \"strptime(day || \\\"it's\\\", '%Y-%m-%d')\"\n"
	"    filter: \"price > 1\"\n"
	"    time_zone: Europe/Berlin\n"
	"    types: {'part''s id': string, size: 'decimal(6,2)', day: string, price: float64}\n"
	"views:\n"
	"  part_price:\n"
	"    entity: part\n"
	"    source: parts\n"
	"    keys: {id: part's id}\n"
	"    features: {price: {column: price}}\n";

static const char json[] =
	SOURCE_HEAD "entities:\n"
		    "  part: {keys: {id: int64}}\n"
		    "sources:\n"
		    "  parts:\n"
		    "    path: data/parts.jsonl\n"
		    "    event_time: at\n"
		    "    types: {id: int64, at: timestamp, counts: 'list<int64>'}\n"
		    "views:\n"
		    "  part_counts:\n"
		    "    entity: part\n"
		    "    source: parts\n"
		    "    features: {counts: {column: counts}}\n";

/* Whatever is in a name is inside quotes. */
static const char hostile[] =
	SOURCE_HEAD "entities:\n"
		    "  part: {keys: {select: string}}\n"
		    "sources:\n"
		    "  parts:\n"
		    "    path: data/*.parquet\n"
		    "    event_time: at\n"
		    "    select: {group: \"1\"}\n"
		    "    types: {'a\"b; DROP TABLE x; --': string, at: timestamp, group: int32,\n"
		    "            'x\") FROM y; --': float64, '''': string}\n"
		    "views:\n"
		    "  order:\n"
		    "    entity: part\n"
		    "    source: parts\n"
		    "    keys: {select: 'a\"b; DROP TABLE x; --'}\n"
		    "    features:\n"
		    "      group: {column: group}\n"
		    "      from: {column: 'x\") FROM y; --'}\n"
		    "      where: {column: '''', default: \"'; DROP TABLE x; --\"}\n";

#define SCAN_RANGE(label)                                                                 \
	{                                                                                 \
		.has_created = true, .has_order = true, .is_known = true,                 \
		.known_us = PLAN_TIME_US, .has_range = true, .from_us = PLAN_TIME_US - 5, \
		.to_us = PLAN_TIME_US + 7, .is_label = (label)                            \
	}

static const struct asof_value first_key = { .type = { .kind = ASOF_TYPE_STRING },
					     .str = { "it's", 4 } };
static const struct asof_value last_key = { .type = { .kind = ASOF_TYPE_STRING },
					    .str = { "z\xc3\xbc", 3 } };

static const struct plan_order orders[] = {
	{ .name = "build_plain", .yaml = plain, .what = PLAN_BUILD, .has_ordinals = true },
	{ .name = "build_tiles", .yaml = tiles, .what = PLAN_BUILD, .has_ordinals = true },
	{ .name = "build_tiles_created", .yaml = created, .what = PLAN_BUILD },
	{ .name = "build_events", .yaml = events, .what = PLAN_BUILD },
	{ .name = "build_range",
	  .yaml = small,
	  .what = PLAN_BUILD,
	  .has_range = true,
	  .time_type = "TIMESTAMP" },
	{ .name = "build_count", .yaml = windows_only, .what = PLAN_BUILD },
	{ .name = "build_csv", .yaml = csv, .what = PLAN_BUILD, .time_type = "TIMESTAMP" },
	{ .name = "build_hostile", .yaml = hostile, .what = PLAN_BUILD },
	{ .name = "splice_plain", .yaml = plain, .what = PLAN_SPLICE, .has_range = true },
	{ .name = "splice_tiles", .yaml = windows_only, .what = PLAN_SPLICE, .has_range = true },
	{ .name = "cursor", .yaml = plain, .what = PLAN_CURSOR },
	{ .name = "cursor_zone", .yaml = csv, .what = PLAN_CURSOR, .time_type = "TIMESTAMP" },
	{ .name = "watermark", .yaml = small, .what = PLAN_WATERMARK, .time_type = "DATE" },
	{ .name = "touched_plain", .yaml = plain, .what = PLAN_TOUCHED },
	{ .name = "touched_tiles", .yaml = windows_only, .what = PLAN_TOUCHED },
	{ .name = "touched_edges", .yaml = tiles, .what = PLAN_TOUCHED },
	{ .name = "touched_files",
	  .yaml = windows_only,
	  .what = PLAN_TOUCHED_FILES,
	  .has_range = true },
	{ .name = "replace_plain", .yaml = plain, .what = PLAN_REPLACE, .has_range = true },
	{ .name = "replace_tiles", .yaml = windows_only, .what = PLAN_REPLACE, .has_range = true },
	{ .name = "profile", .yaml = small, .what = PLAN_PROFILE },
	{ .name = "profile_nanoseconds",
	  .yaml = plain,
	  .what = PLAN_PROFILE,
	  .time_type = "TIMESTAMP_NS" },
	{ .name = "bad_rows", .yaml = plain, .what = PLAN_BAD_ROWS },
	{ .name = "files_parquet", .yaml = small, .what = PLAN_FILES },
	{ .name = "files_parquet_ordinals",
	  .yaml = small,
	  .what = PLAN_FILES,
	  .has_ordinals = true },
	{ .name = "files_csv", .yaml = csv, .what = PLAN_FILES, .has_ordinals = true },
	{ .name = "files_json_wide", .yaml = json, .what = PLAN_FILES, .has_wide_integers = true },
	{ .name = "files_json", .yaml = json, .what = PLAN_FILES },
	{ .name = "rows", .yaml = plain, .what = PLAN_ROWS },
	{ .name = "rows_unfiltered", .yaml = plain, .what = PLAN_ROWS_UNFILTERED },
	{ .name = "time_zone", .yaml = csv, .what = PLAN_BAD_ROWS, .time_type = "TIMESTAMP" },
	{ .name = "time_nanoseconds",
	  .yaml = csv,
	  .what = PLAN_BAD_ROWS,
	  .time_type = "TIMESTAMP_NS" },
	{ .name = "time_date", .yaml = json, .what = PLAN_BAD_ROWS, .time_type = "DATE" },
	{ .name = "table_plain", .yaml = plain, .what = PLAN_TABLE },
	{ .name = "table_tiles", .yaml = tiles, .what = PLAN_TABLE },
	{ .name = "table_events", .yaml = events, .what = PLAN_TABLE },
	{ .name = "table_empty", .yaml = plain, .what = PLAN_TABLE_EMPTY },
	{ .name = "merged_plain", .yaml = plain, .what = PLAN_MERGED },
	{ .name = "merged_tiles", .yaml = windows_only, .what = PLAN_MERGED },
	{ .name = "folded_plain", .yaml = plain, .what = PLAN_FOLDED, .us = PLAN_TIME_US },
	{ .name = "folded_tiles", .yaml = created, .what = PLAN_FOLDED, .us = PLAN_TIME_US },
	{ .name = "folded_events", .yaml = events, .what = PLAN_FOLDED, .us = PLAN_TIME_US },
	{ .name = "foldable_plain", .yaml = plain, .what = PLAN_FOLDABLE, .us = PLAN_TIME_US },
	{ .name = "foldable_tiles", .yaml = small, .what = PLAN_FOLDABLE, .us = PLAN_TIME_US },
	{ .name = "values_plain", .yaml = plain, .what = PLAN_VALUES },
	{ .name = "values_tiles", .yaml = tiles, .what = PLAN_VALUES },
	{ .name = "values_events", .yaml = events, .what = PLAN_VALUES },
	{ .name = "join_plain", .yaml = plain, .what = PLAN_JOIN },
	{ .name = "join_plain_label",
	  .yaml = plain,
	  .what = PLAN_JOIN,
	  .known_at = ASOF_PLAN_KNOWN_LABEL },
	{ .name = "join_tiles", .yaml = tiles, .what = PLAN_JOIN },
	{ .name = "join_tiles_label",
	  .yaml = windows_only,
	  .what = PLAN_JOIN,
	  .known_at = ASOF_PLAN_KNOWN_LABEL },
	{ .name = "join_tiles_known_at",
	  .yaml = windows_only,
	  .what = PLAN_JOIN,
	  .known_at = ASOF_PLAN_KNOWN_TIME,
	  .us = PLAN_TIME_US + 1 },
	{ .name = "join_events", .yaml = events, .what = PLAN_JOIN, .time_type = "TIMESTAMP" },
	{ .name = "join_three", .yaml = small, .what = PLAN_JOIN, .time_type = "DATE" },
	{ .name = "join_three_known_at",
	  .yaml = small,
	  .what = PLAN_JOIN,
	  .known_at = ASOF_PLAN_KNOWN_TIME,
	  .us = PLAN_TIME_US + 1 },
	{ .name = "join_answers", .yaml = windows_only, .what = PLAN_JOIN, .has_answers = true },
	{ .name = "join_bytes", .yaml = bytes, .what = PLAN_JOIN },
	{ .name = "join_hostile", .yaml = hostile, .what = PLAN_JOIN },
	{ .name = "instants", .yaml = small, .what = PLAN_INSTANTS },
	{ .name = "instants_events", .yaml = events, .what = PLAN_INSTANTS },
	{ .name = "join_tiles_read", .yaml = small, .what = PLAN_JOIN_TILES, .us = PLAN_TIME_US },
	{ .name = "join_events_read", .yaml = events, .what = PLAN_JOIN_TILES, .us = INT64_MIN },
	{ .name = "online_plain", .yaml = plain, .what = PLAN_ONLINE, .us = PLAN_TIME_US },
	{ .name = "online_tiles",
	  .yaml = windows_only,
	  .what = PLAN_ONLINE,
	  .us = PLAN_TIME_US + 5 },
	{ .name = "online_tiles_partial",
	  .yaml = windows_only,
	  .what = PLAN_ONLINE_PARTIAL,
	  .us = PLAN_TIME_US + 5,
	  .has_range = true },
	{ .name = "online_events", .yaml = events, .what = PLAN_ONLINE, .us = PLAN_TIME_US },
	{ .name = "straddling",
	  .yaml = windows_only,
	  .what = PLAN_STRADDLING,
	  .us = PLAN_TIME_US + 5 },
	{ .name = "fed", .yaml = plain, .what = PLAN_FED },
	{ .name = "fed_as_it_is", .yaml = windows_only, .what = PLAN_FED },
	{ .name = "spine_scan", .yaml = plain, .what = PLAN_SPINE_SCAN },
	{ .name = "spine_rows", .yaml = plain, .what = PLAN_SPINE_ROWS },
	{ .name = "rows_scan", .yaml = plain, .what = PLAN_ROWS_SCAN },
	{ .name = "rows_scan_range",
	  .yaml = plain,
	  .what = PLAN_ROWS_SCAN,
	  .scan = SCAN_RANGE(false) },
	{ .name = "rows_scan_keys",
	  .yaml = hostile,
	  .what = PLAN_ROWS_SCAN,
	  .scan = { .has_created = true, .key_from = &first_key, .key_to = &last_key } },
	{ .name = "spine_ends", .yaml = hostile, .what = PLAN_SPINE_ENDS },
	{ .name = "row_groups",
	  .yaml = windows_only,
	  .what = PLAN_ROW_GROUPS,
	  .scan = { .has_range = true,
		    .from_us = PLAN_TIME_US - 5,
		    .to_us = PLAN_TIME_US + 7,
		    .key_from = &first_key,
		    .key_to = &last_key } },
	{ .name = "tiles_scan_keys",
	  .yaml = windows_only,
	  .what = PLAN_TILES_SCAN,
	  .scan = { .has_range = true,
		    .from_us = PLAN_TIME_US - 5,
		    .to_us = PLAN_TIME_US + 7,
		    .key_from = &first_key,
		    .key_to = &last_key } },
	{ .name = "tiles_scan", .yaml = created, .what = PLAN_TILES_SCAN },
	{ .name = "tiles_scan_range",
	  .yaml = windows_only,
	  .what = PLAN_TILES_SCAN,
	  .scan = SCAN_RANGE(false) },
	{ .name = "tiles_scan_label",
	  .yaml = windows_only,
	  .what = PLAN_TILES_SCAN,
	  .scan = SCAN_RANGE(true) },
	{ .name = "events_scan",
	  .yaml = events,
	  .what = PLAN_TILES_SCAN,
	  .scan = { .has_created = true, .has_order = true } },
	{ .name = "source_scan",
	  .yaml = plain,
	  .what = PLAN_SOURCE_SCAN,
	  .scan = { .has_created = true, .has_order = true } },
	{ .name = "source_scan_range",
	  .yaml = small,
	  .what = PLAN_SOURCE_SCAN,
	  .time_type = "TIMESTAMP",
	  .scan = SCAN_RANGE(false) },
	{ .name = "source_scan_label",
	  .yaml = windows_only,
	  .what = PLAN_SOURCE_SCAN,
	  .scan = SCAN_RANGE(true) },
	{ .name = "source_scan_nanoseconds",
	  .yaml = events,
	  .what = PLAN_SOURCE_SCAN,
	  .time_type = "TIMESTAMP_NS",
	  .scan = SCAN_RANGE(false) },
	{ .name = "source_scan_csv",
	  .yaml = csv,
	  .what = PLAN_SOURCE_SCAN,
	  .scan = SCAN_RANGE(false) },
	{ .name = "shared_scan", .yaml = small, .what = PLAN_SHARED_SCAN },
	{ .name = "shared_scan_range",
	  .yaml = hostile,
	  .what = PLAN_SHARED_SCAN,
	  .has_range = true },
};

static void
write_golden(const char *path, const struct asof_buf *text)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(text->ptr, 1, text->len, file), text->len);
	assert_int_equal(fclose(file), 0);
}

static void
read_golden(const char *path, struct asof_buf *text)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		fail_msg("%s: %s (ASOF_UPDATE_GOLDEN=1 writes it)", path, strerror(errno));
	char block[4096];
	for (size_t len; (len = fread(block, 1, sizeof(block), file)) > 0;)
		asof_buf_add(text, block, len);
	assert_int_equal(fclose(file), 0);
}

static void
golden_path(const char *name, char out[4096])
{
	const char *root = getenv("ASOF_SOURCE_DIR");
	assert_non_null(root);
	int len = snprintf(out, 4096, "%s/tests/golden/sql/%s.sql", root, name);
	assert_true(len > 0 && len < 4096);
}

static void
every_statement_is_its_golden_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(orders); i++) {
		ASOF_AUTO(plan_case_done) struct plan_case c;
		ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
		ASOF_AUTO(asof_buf_done) struct asof_buf golden = ASOF_BUF(ASOF_SQL_BYTES_MAX);
		char path[4096];
		struct asof_error err = { 0 };
		plan_case_make(&c, &orders[i]);
		assert_ok(plan_write(&c, &orders[i], &sql, &err), err);
		asof_buf_add_char(&sql, '\n');
		golden_path(orders[i].name, path);
		if (getenv("ASOF_UPDATE_GOLDEN"))
			write_golden(path, &sql);
		read_golden(path, &golden);
		if (strcmp(asof_buf_cstr(&sql), asof_buf_cstr(&golden)) != 0)
			fail_msg("%s differs from\n%s", path, asof_buf_cstr(&sql));
	}
}

/* A statement that is cut short must never look like one. */
static void
every_failed_allocation_is_an_error(void **state)
{
	(void)state;
	size_t failures = 0;
	for (size_t i = 0; i < ASOF_COUNTOF(orders); i++) {
		ASOF_AUTO(plan_case_done) struct plan_case c;
		ASOF_AUTO(asof_buf_done) struct asof_buf whole = ASOF_BUF(ASOF_SQL_BYTES_MAX);
		struct asof_error err = { 0 };
		plan_case_make(&c, &orders[i]);
		assert_ok(plan_write(&c, &orders[i], &whole, &err), err);
		size_t live = asof_mem_live();
		for (size_t n = 1, successes = 0; successes < MORE_TRIES; n++) {
			ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
			asof_mem_fail_at(n);
			enum asof_status status = plan_write(&c, &orders[i], &sql, &err);
			asof_mem_fail_at(0);
			assert_int_equal(status,
					 successes || status == ASOF_OK ? ASOF_OK : ASOF_NO_MEMORY);
			successes += status == ASOF_OK;
			failures += status != ASOF_OK;
			if (status == ASOF_OK)
				assert_string_equal(asof_buf_cstr(&sql), asof_buf_cstr(&whole));
		}
		assert_int_equal(asof_mem_live(), live);
	}
	assert_true(failures > ASOF_COUNTOF(orders));
}

static void
a_statement_past_its_limit_is_an_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(orders); i++) {
		ASOF_AUTO(plan_case_done) struct plan_case c;
		ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(16);
		struct asof_error err = { 0 };
		plan_case_make(&c, &orders[i]);
		assert_int_equal(plan_write(&c, &orders[i], &sql, &err), ASOF_LIMIT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_statement_is_its_golden_file),
		cmocka_unit_test(every_failed_allocation_is_an_error),
		cmocka_unit_test(a_statement_past_its_limit_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
