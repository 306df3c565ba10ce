/* test_source_sql.c - the rows of real files as a build sees them: types, order, times, counts. */
#include "sql_bench.h"
#include "unit/plan/plan_cases.h"

#define FILES_MAX 3

struct place {
	struct asof_engine *engine;
	char dir[TEMPDIR_MAX];
	char paths[FILES_MAX][TEMPDIR_MAX + 64];
	const char *path_list[FILES_MAX];
	size_t path_count;
	char table_path[TEMPDIR_MAX + 64];
};

static int
open_place(void **state)
{
	static struct place place;
	place.engine = bench_engine(2);
	tempdir_make(place.dir);
	(void)snprintf(place.table_path, sizeof(place.table_path), "%s/table.parquet", place.dir);
	*state = &place;
	return 0;
}

static int
close_place(void **state)
{
	struct place *place = *state;
	asof_engine_free(place->engine);
	tempdir_remove(place->dir);
	return 0;
}

/* The files of the source from now on, in this order. */
static void
put_files(struct place *place, const char *ending, const char *const *texts, size_t count)
{
	place->path_count = count;
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(place->paths[i], sizeof(place->paths[i]), "%s/it's %zu%s",
			       place->dir, i, ending);
		place->path_list[i] = place->paths[i];
		FILE *file = fopen(place->paths[i], "w");
		assert_non_null(file);
		assert_true(fputs(texts[i], file) >= 0);
		assert_int_equal(fclose(file), 0);
	}
}

static void
make_case(struct place *place, struct plan_case *c, const char *yaml, const char *time_type)
{
	const struct plan_order order = { .yaml = yaml,
					  .time_type = time_type,
					  .has_wide_integers = true };
	plan_case_make(c, &order);
	c->builds[0].source.paths = place->path_list;
	c->builds[0].source.path_count = place->path_count;
}

/* Every row as JSON values with a space between them. */
static void
expect_rows(struct place *place, const struct asof_buf *sql, const char *const *rows, size_t count)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(bench_rows_done) struct bench_rows have = { 0 };
	bench_ask(place->engine, sql, &have);
	for (size_t row = 0; row < have.row_count; row++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(1 << 20);
		for (size_t i = 0; i < have.column_count; i++)
			asof_buf_printf(&text, "%s%s", i ? " " : "",
					bench_text(bench_at(&have, row, i), &arena));
		assert_string_equal(asof_buf_cstr(&text), row < count ? rows[row] : "nothing");
	}
	assert_int_equal(have.row_count, count);
}

static void
expect_build(struct place *place, const struct plan_case *c, const char *const *rows, size_t count)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_error err = { 0 };
	assert_ok(asof_plan_build_sql(&c->builds[0], &sql, &err), err);
	expect_rows(place, &sql, rows, count);
}

static const char csv[] = "project: p\n"
			  "entities: {part: {keys: {id: string, size: 'decimal(6,2)'}}}\n"
			  "sources:\n"
			  "  parts:\n"
			  "    path: parts/*.csv\n"
			  "    event_time: day\n"
			  "    filter: \"kind IS DISTINCT FROM 'x'\"\n"
			  "    select: {twice: \"2 * price\"}\n"
			  "    time_zone: Europe/Berlin\n"
			  "    on_bad_row: skip\n"
			  "    types: {id: string, size: 'decimal(6,2)', day: timestamp,\n"
			  "            price: int64, kind: string, twice: int64}\n"
			  "views:\n"
			  "  v:\n"
			  "    entity: part\n"
			  "    source: parts\n"
			  "    features: {twice: {column: twice}, kind: {column: kind}}\n";

static const char *const csv_files[] = {
	"id,size,day,price,kind\n"
	"007,1.5,2001-07-01 00:00:00,1,a\n"
	"7,1.5,2001-07-01 00:00:00,2,\n"
	"007,1.50,2001-07-01 00:00:00,3,\"\"\n",
	/* Another order of columns; keys and a time that are not there; one that the filter drops.
	 */
	"day,id,price,size,kind\n"
	"2001-01-01 00:00:00,007,4,1.5,b\n"
	",007,5,1.5,c\n"
	"2001-01-01 00:00:00,,6,1.5,c\n"
	",007,7,1.5,x\n",
};

static void
a_csv_key_keeps_its_declared_type_and_an_empty_field_is_null(void **state)
{
	struct place *place = *state;
	ASOF_AUTO(plan_case_done) struct plan_case c;
	static const char *const rows[] = {
		"\"007\" 1.50 \"2000-12-31T23:00:00Z\" \"2001-07-02T00:00:00Z\" 8 \"b\" "
		"1099511627780",
		"\"007\" 1.50 \"2001-06-30T22:00:00Z\" \"2001-07-02T00:00:00Z\" 2 \"a\" 1",
		"\"007\" 1.50 \"2001-06-30T22:00:00Z\" \"2001-07-02T00:00:00Z\" 6 \"\" 3",
		"\"7\" 1.50 \"2001-06-30T22:00:00Z\" \"2001-07-02T00:00:00Z\" 4 null 2",
	};
	put_files(place, ".csv", csv_files, 2);
	make_case(place, &c, csv, "TIMESTAMP");
	expect_build(place, &c, rows, ASOF_COUNTOF(rows));
}

static void
rows_without_time_or_key_are_counted_behind_the_filter(void **state)
{
	struct place *place = *state;
	ASOF_AUTO(plan_case_done) struct plan_case c;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf bad = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_error err = { 0 };
	/* rows, bad ones, without a whole key, the first bad one (second file), floored times */
	static const char *const counts[] = { "6 1 1 1099511627781 0" };
	static const char *const rows[] = {
		"\"007\" 1.50 null 5 \"c\" 1099511627781 10",
	};
	put_files(place, ".csv", csv_files, 2);
	make_case(place, &c, csv, "TIMESTAMP");
	assert_ok(asof_plan_profile_sql(&c.builds[0], &sql, &err), err);
	expect_rows(place, &sql, counts, 1);
	asof_buf_add_cstr(&bad,
			  "SELECT id, size, day, price, kind, " ASOF_SOURCE_ORDER ", twice FROM (");
	assert_ok(asof_plan_bad_rows_sql(&c.builds[0], &bad, &err), err);
	asof_buf_add_char(&bad, ')');
	expect_rows(place, &bad, rows, 1);
}

static const char json[] = "project: p\n"
			   "entities: {part: {keys: {id: int64}}}\n"
			   "sources:\n"
			   "  parts:\n"
			   "    path: parts.jsonl\n"
			   "    event_time: \"make_timestamp_ns(ns)\"\n"
			   "    types: {id: int64, ns: int64, counts: 'list<int64>'}\n"
			   "views:\n"
			   "  v:\n"
			   "    entity: part\n"
			   "    source: parts\n"
			   "    features: {counts: {column: counts}}\n";

static void
json_integers_are_int64_and_nanoseconds_are_floored_and_counted(void **state)
{
	struct place *place = *state;
	ASOF_AUTO(plan_case_done) struct plan_case c;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_error err = { 0 };
	static const char *const files[] = {
		"{\"id\": 2, \"ns\": -1, \"counts\": [1, null]}\n"
		"{\"id\": 1, \"ns\": 1000, \"counts\": []}\n"
		"{\"id\": 1, \"ns\": 1999, \"counts\": null}\n"
		"{\"id\": null, \"ns\": 1001, \"counts\": [3]}\n",
	};
	static const char *const rows[] = {
		"1 \"1970-01-01T00:00:00.000001Z\" \"2001-07-02T00:00:00Z\" [] 2",
		"1 \"1970-01-01T00:00:00.000001Z\" \"2001-07-02T00:00:00Z\" null 3",
		"2 \"1969-12-31T23:59:59.999999Z\" \"2001-07-02T00:00:00Z\" [1,null] 1",
	};
	static const char *const counts[] = { "4 0 1 null 3" };
	put_files(place, ".jsonl", files, 1);
	make_case(place, &c, json, "TIMESTAMP_NS");
	expect_build(place, &c, rows, ASOF_COUNTOF(rows));
	assert_ok(asof_plan_profile_sql(&c.builds[0], &sql, &err), err);
	expect_rows(place, &sql, counts, 1);
}

static const char hostile[] =
	"project: p\n"
	"entities: {part: {keys: {event_us: int64}}}\n"
	"sources:\n"
	"  parts:\n"
	"    path: parts.csv\n"
	"    event_time: '\"created_us\"'\n"
	"    types: {k1: int64, created_us: timestamp,\n"
	"            'x\") FROM y; --': int64, '''': string, row_order: int64}\n"
	"views:\n"
	"  order:\n"
	"    entity: part\n"
	"    source: parts\n"
	"    keys: {event_us: k1}\n"
	"    features:\n"
	"      select: {column: 'x\") FROM y; --'}\n"
	"      k0: {column: ''''}\n"
	"      row_order: {column: row_order}\n";

static void
no_name_of_a_column_is_taken_for_anything_else(void **state)
{
	struct place *place = *state;
	ASOF_AUTO(plan_case_done) struct plan_case c;
	static const char *const files[] = {
		"k1,created_us,\"x\"\") FROM y; --\",',row_order\n"
		"5,2001-07-01 00:00:00,6,it's,-1\n"
		"5,2001-07-01 00:00:00,7,\"'; DROP TABLE x; --\",-2\n",
	};
	static const char *const rows[] = {
		"5 \"2001-07-01T00:00:00Z\" \"2001-07-02T00:00:00Z\" 6 \"it's\" -1 1",
		"5 \"2001-07-01T00:00:00Z\" \"2001-07-02T00:00:00Z\" 7 "
		"\"'; DROP TABLE x; --\" -2 2",
	};
	put_files(place, ".csv", files, 1);
	make_case(place, &c, hostile, "TIMESTAMP");
	expect_build(place, &c, rows, ASOF_COUNTOF(rows));
}

static const char hourly[] = "project: p\n"
			     "entities: {part: {keys: {id: int64}}}\n"
			     "sources:\n"
			     "  parts:\n"
			     "    path: parts.csv\n"
			     "    event_time: t\n"
			     "    types: {id: int64, t: timestamp, n: int64}\n"
			     "views:\n"
			     "  v:\n"
			     "    entity: part\n"
			     "    source: parts\n"
			     "    step: 1h\n"
			     "    features: {n: {column: n, agg: sum, windows: [1h]}}\n";

/* What was there outside of the range stays, what is inside it is built again. */
static void
a_range_built_again_replaces_its_own_steps_only(void **state)
{
	struct place *place = *state;
	ASOF_AUTO(plan_case_done) struct plan_case c;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf splice = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_error err = { 0 };
	static const char *const before[] = { "id,t,n\n"
					      "1,2001-06-30 00:00:00,1\n"
					      "1,2001-06-30 00:30:00,2\n"
					      "1,2001-06-30 02:00:00,4\n"
					      "1,2001-06-30 02:00:01,8\n" };
	static const char *const after[] = { "id,t,n\n"
					     "1,2001-06-30 00:00:00,16\n"
					     "1,2001-06-30 01:00:00,32\n"
					     "1,2001-06-30 01:59:59,64\n"
					     "1,2001-06-30 02:00:01,128\n" };
	static const char *const rows[] = {
		"1 \"2001-06-30T00:00:00Z\" 1 1",
		"1 \"2001-06-30T01:00:00Z\" 1 32",
		"1 \"2001-06-30T02:00:00Z\" 1 64",
		"1 \"2001-06-30T03:00:00Z\" 1 8",
	};
	put_files(place, ".csv", before, 1);
	make_case(place, &c, hourly, "TIMESTAMP");
	assert_ok(asof_plan_build_sql(&c.builds[0], &sql, &err), err);
	bench_store(place->engine, &sql, place->table_path);

	const char *table_path = place->table_path;
	put_files(place, ".csv", after, 1);
	c.tables[0].paths = &table_path;
	c.tables[0].path_count = 1;
	c.builds[0].range =
		(struct asof_plan_range){ .has_from = true,
					  .has_to = true,
					  .from_us = PLAN_TIME_US + 1,
					  .to_us = PLAN_TIME_US + 2 * PLAN_HOUR_US + 1 };
	asof_buf_add_cstr(&splice, "SELECT id, event_time, _count, n__sum FROM (");
	assert_ok(asof_plan_splice_sql(&c.tables[0], &c.builds[0], &splice, &err), err);
	asof_buf_add_char(&splice, ')');
	expect_rows(place, &splice, rows, ASOF_COUNTOF(rows));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_csv_key_keeps_its_declared_type_and_an_empty_field_is_null),
		cmocka_unit_test(rows_without_time_or_key_are_counted_behind_the_filter),
		cmocka_unit_test(json_integers_are_int64_and_nanoseconds_are_floored_and_counted),
		cmocka_unit_test(no_name_of_a_column_is_taken_for_anything_else),
		cmocka_unit_test(a_range_built_again_replaces_its_own_steps_only),
	};
	return cmocka_run_group_tests(tests, open_place, close_place);
}
