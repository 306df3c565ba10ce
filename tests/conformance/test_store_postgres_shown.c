/* test_store_postgres_shown.c - what people see who look into an online store in PostgreSQL. */
#include "conformance/store_postgres_world.h"

static struct asof_value
float64(double number)
{
	return (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_FLOAT64), .float64 = number };
}

static void
a_view_shows_values_under_the_names_of_features(void **state)
{
	static const struct asof_field values[] = {
		{ .name = "select", .type = { .kind = ASOF_TYPE_FLOAT64 } },
		{ .name = "event_time", .type = { .kind = ASOF_TYPE_STRING } },
		{ .name = "say \"hi\"", .type = { .kind = ASOF_TYPE_STRING } },
		{ .name = "event_time_", .type = { .kind = ASOF_TYPE_STRING } },
	};
	const struct asof_value first[] = { text("ada"), int64(7),  float64(-1.0 / 0.0),
					    text("x"),   text("y"), text("z") };
	struct asof_value second[] = { text("bob"), int64(-8), float64(0.0 / 0.0),
				       text("x"),   text(""),  text("") };
	second[5].is_null = true;
	struct world *w = *state;
	struct asof_store_table table = shown_table("Odd", values, 4);
	put_shown(w->store, &table, "1", first, 1704067200000001);
	put_shown(w->store, &table, "2", second, INT64_MIN);
	assert_asked(w,
		     "select string_agg(attname, '|' order by attnum) from pg_attribute where"
		     " attrelid = '\"online_Odd\"'::regclass",
		     "user|Order|select|event_time_|say \"hi\"|event_time__|event_time|"
		     "created_time");
	assert_asked(w, "set timezone to utc; select * from \"online_Odd\" order by 1",
		     "ada|7|-Infinity|x|y|z|2024-01-01 00:00:00.000001+00|"
		     "2024-01-01 00:00:00.000001+00;bob|-8|NaN|x|||-infinity|-infinity");
	struct asof_store_row gone = tombstone(S("1"), INT64_MAX, 1);
	(void)put_one(w->store, "Odd", gone);
	(void)put_one(w->store, "Odd", row(S("3"), S("shows nothing"), INT64_MAX, INT64_MAX));
	assert_asked(w, "select \"user\", \"Order\", \"select\" from \"online_Odd\" order by 1",
		     "bob|-8|NaN;||");
}

static struct asof_value
typed(struct asof_type type)
{
	return (struct asof_value){ .type = type };
}

static void
every_type_is_shown_as_one_of_postgresqls(void **state)
{
	static const struct asof_field values[] = {
		{ .name = "b", .type = { .kind = ASOF_TYPE_BOOL } },
		{ .name = "i", .type = { .kind = ASOF_TYPE_INT32 } },
		{ .name = "f", .type = { .kind = ASOF_TYPE_FLOAT32 } },
		{ .name = "d", .type = { .kind = ASOF_TYPE_DECIMAL, .precision = 38, .scale = 5 } },
		{ .name = "y", .type = { .kind = ASOF_TYPE_BYTES } },
		{ .name = "day", .type = { .kind = ASOF_TYPE_DATE } },
		{ .name = "t", .type = { .kind = ASOF_TYPE_TIMESTAMP } },
		{ .name = "u", .type = { .kind = ASOF_TYPE_UUID } },
		{ .name = "j", .type = { .kind = ASOF_TYPE_JSON } },
		{ .name = "l", .type = { .kind = ASOF_TYPE_LIST, .element = ASOF_TYPE_STRING } },
		{ .name = "v",
		  .type = { .kind = ASOF_TYPE_VECTOR, .element = ASOF_TYPE_FLOAT32, .size = 2 } },
		{ .name = "s", .type = { .kind = ASOF_TYPE_STRING } },
		{ .name = "no", .type = { .kind = ASOF_TYPE_JSON } },
	};
	struct asof_value items[] = { text("a"), text(""), text("c,\"d") };
	struct asof_value floats[] = { typed(ASOF_TYPE(ASOF_TYPE_FLOAT32)),
				       typed(ASOF_TYPE(ASOF_TYPE_FLOAT32)) };
	items[1].is_null = true;
	floats[1].float32 = 0.5F;
	struct asof_value shown[15] = { text("ada"), int64(INT64_MIN) };
	for (size_t i = 0; i < ASOF_COUNTOF(values); i++)
		shown[i + 2] = typed(values[i].type);
	shown[2].boolean = true;
	shown[3].int32 = INT32_MIN;
	shown[4].float32 = 1.5F;
	shown[5].decimal = -12345678901234567LL;
	shown[6].str = S("\0\xff");
	shown[7].int32 = -1;
	shown[8].int64 = -1;
	shown[9].str = S("0123456789abcdef");
	shown[10].str = S("{\"a\": [1, \"\\u0000\"]}");
	shown[11].list.items = items;
	shown[11].list.count = 3;
	shown[12].list.items = floats;
	shown[12].list.count = 2;
	shown[13].str = S("a\0b\xff");
	shown[14].str = S("{no json");
	struct world *w = *state;
	struct asof_store_table table = shown_table("all", values, ASOF_COUNTOF(values));
	static const char *const sql =
		"set timezone to utc; select b, i, f, d, y, day, t, u, j, l, v, s, no from"
		" online_all";
	static const char *const expected =
		"t|-2147483648|1.5|-123456789012.34567|\\x00ff|1969-12-31|"
		"1969-12-31 23:59:59.999999+00|30313233-3435-3637-3839-616263646566|"
		"{\"a\": [1, \"\\u0000\"]}|{a,NULL,\"c,\\\"d\"}|{0,0.5}|a\xef\xbf\xbd"
		"b\xef\xbf\xbd|";
	put_shown(w->store, &table, "1", shown, 1);
	assert_asked(w, sql, expected);
	load_shown(w->store, &table, "1", shown);
	assert_asked(w, sql, expected);
	assert_asked(w,
		     "select string_agg(format_type(atttypid, atttypmod), '|' order by attnum) from"
		     " pg_attribute where attrelid = 'online_all'::regclass",
		     "text|bigint|boolean|integer|real|numeric(38,5)|bytea|date|"
		     "timestamp with time zone|uuid|json|text[]|real[]|text|json|"
		     "timestamp with time zone|timestamp with time zone");
}

static void
decimals_of_all_sizes_are_shown_exactly(void **state)
{
	static const struct {
		int64_t high; /* times 10^18 */
		int64_t low;
		uint8_t scale;
		const char *expected;
	} cases[] = {
		{ 0, 0, 0, "0" },
		{ 0, 0, 5, "0.00000" },
		{ 0, 1, 5, "0.00001" },
		{ 0, -10000, 4, "-1.0000" },
		{ 0, 120000, 0, "120000" },
		{ 0, 100000000, 4, "10000.0000" },
		{ 999999999999999999, 999999999999999999, 36,
		  "0.999999999999999999999999999999999999" },
		{ -999999999999999999, -999999999999999999, 2,
		  "-9999999999999999999999999999999999.99" },
		{ 0, 12345678, 7, "1.2345678" },
	};
	struct world *w = *state;
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		char name[16];
		char sql[64];
		struct asof_field field = { .name = "d",
					    .type = { .kind = ASOF_TYPE_DECIMAL,
						      .precision = 38,
						      .scale = cases[i].scale } };
		struct asof_value shown[] = { text("a"), int64(1), typed(field.type) };
		shown[2].decimal = cases[i].high;
		shown[2].decimal = shown[2].decimal * 1000000000000000000LL + cases[i].low;
		(void)snprintf(name, sizeof(name), "d%zu", i);
		(void)snprintf(sql, sizeof(sql), "select d from online_%s", name);
		struct asof_store_table table = shown_table(name, &field, 1);
		put_shown(w->store, &table, "1", shown, 1);
		assert_asked(w, sql, cases[i].expected);
	}
}

/* A view of other features in the place of the old one; grants and other views stay. */
static void
features_may_change_their_types(void **state)
{
	static const struct asof_field old[] = { { .name = "n",
						   .type = { .kind = ASOF_TYPE_INT64 } } };
	static const struct asof_field new[] = { { .name = "n",
						   .type = { .kind = ASOF_TYPE_STRING } } };
	const struct asof_value number[] = { text("ada"), int64(1), int64(5) };
	const struct asof_value words[] = { text("ada"), int64(1), text("five") };
	struct world *w = *state;
	struct asof_error err = { 0 };
	struct asof_store_load *load = NULL;
	char out[256];
	char sql[256];
	struct asof_store_table before = shown_table("v", old, 1);
	struct asof_store_table after = shown_table("v", new, 1);
	load_shown(w->store, &before, "k", number);
	(void)snprintf(sql, sizeof(sql),
		       "create role analyst%s; grant select on online_v to analyst%s; create view"
		       " mine as select n from online_v",
		       w->schema, w->schema);
	(void)ask(w, sql, out, sizeof(out));
	load_shown(w->store, &before, "k", number);
	assert_asked(w, "select n from mine", "5");

	assert_int_equal(asof_store_load_begin(w->store, &after, &load, &err), ASOF_CONFLICT);
	assert_non_null(strstr(err.message, "somebody's view"));
	assert_non_null(strstr(err.message, "mine"));
	(void)ask(w, "drop view mine", out, sizeof(out));
	load_shown(w->store, &after, "k", words);
	assert_asked(w, "select n from online_v", "five");
	assert_asked(w, "select count(*) from pg_class where relacl::text like '%analyst%'", "1");
	/* A writer that still has the old fields: what it does not share with them is null. */
	put_shown(w->store, &before, "k", number, 2);
	assert_asked(w, "select \"user\", n from online_v", "ada|");
	assert_reads(w->store, "v", S("k"), S("packed"));
}

static void
long_names_stay_apart(void **state)
{
	struct world *w = *state;
	char names[3][ASOF_STORE_TABLE_MAX + 1];
	for (size_t i = 0; i < 3; i++) {
		memset(names[i], 'v', ASOF_STORE_TABLE_MAX);
		names[i][i == 2 ? 56 : 100 + i] = '\0';
		struct asof_value shown[] = { text(names[i]), int64((int64_t)i) };
		struct asof_store_table table = shown_table(names[i], NULL, 0);
		put_shown(w->store, &table, "k", shown, 1);
	}
	assert_asked(w,
		     "select count(*), max(length(viewname)), min(length(viewname)) from pg_views"
		     " where schemaname = current_schema()",
		     "3|63|63");
	for (size_t i = 0; i < 3; i++)
		assert_reads(w->store, names[i], S("k"), S("packed"));
}

static void
a_name_that_is_taken_is_told_before_anything_is_loaded(void **state)
{
	struct world *w = *state;
	char out[64];
	size_t written;
	struct asof_error err = { 0 };
	struct asof_store_load *load = NULL;
	struct asof_store_row one = row(S("k"), S("v"), 1, 1);
	(void)put_one(w->store, "other", one);
	(void)ask(w, "create table online_t (mine text)", out, sizeof(out));
	assert_int_equal(asof_store_load_begin(w->store, ASOF_STORE_NAMED("t"), &load, &err),
			 ASOF_CONFLICT);
	assert_non_null(strstr(err.message, "'online_t' that asof did not make: rename it"));
	assert_int_equal(asof_store_put(w->store, ASOF_STORE_NAMED("t"), &one, 1, &written, &err),
			 ASOF_CONFLICT);
	assert_asked(w, "select count(*) from online_t", "0");
}

static void
more_features_than_a_row_of_postgresql_holds_are_not_all_shown(void **state)
{
	struct world *w = *state;
	enum { COUNT = 2000 };
	static struct asof_field values[COUNT];
	static struct asof_value shown[COUNT + 2];
	static char names[COUNT][16];
	for (size_t i = 0; i < COUNT; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "f%zu", i);
		values[i] =
			(struct asof_field){ .name = names[i], .type = ASOF_TYPE(ASOF_TYPE_INT64) };
		shown[i + 2] = int64((int64_t)i);
	}
	shown[0] = text("ada");
	shown[1] = int64(1);
	struct asof_store_table table = shown_table("wide", values, COUNT);
	put_shown(w->store, &table, "k", shown, 1);
	load_shown(w->store, &table, "k", shown);
	assert_asked(w, "select \"user\", f0, f800 from online_wide", "ada|0|800");
	assert_reads(w->store, "wide", S("k"), S("packed"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_view_shows_values_under_the_names_of_features),
		WORLD_TEST(every_type_is_shown_as_one_of_postgresqls),
		WORLD_TEST(decimals_of_all_sizes_are_shown_exactly),
		WORLD_TEST(features_may_change_their_types),
		WORLD_TEST(long_names_stay_apart),
		WORLD_TEST(a_name_that_is_taken_is_told_before_anything_is_loaded),
		WORLD_TEST(more_features_than_a_row_of_postgresql_holds_are_not_all_shown),
	};
	if (!postgres_start(postgres_of_tests()))
		return 0;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	postgres_stop(postgres_of_tests());
	return failed;
}
