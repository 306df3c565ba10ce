/* test_canonical.c - canonical definitions: what counts, reading them back, how two differ. */
#include "model/hash.h"
#include "project_dir.h"

/* A bound project whose parts can be replaced: %s-style templates would hide what is varied. */
struct parts {
	const char *entity;
	const char *source;
	const char *types;
	const char *view;
	const char *features;
};

static const struct parts base = {
	.entity = "{keys: {origin: string, n: int32}}",
	.source = "path: d/a.parquet, event_time: date, created_time: seen, filter: delay > 0, "
		  "select: {far: distance > 1500, farther: far, unused: x + 1}",
	.types = "origin: string, n: int32, delay: int64, far: bool, price: 'decimal(10,2)', city: "
		 "string",
	.view = "step: 1h, max_age: 30d, available_after: 3h",
	.features =
		"flights: {agg: count, windows: [1h, 1d]}, "
		"delay: {column: delay, agg: [mean, quantile(0.9)], windows: [1d], default: 0}, "
		"far: {column: far, agg: last, windows: [2h]}",
};

static struct asof_project *
make(struct parts parts)
{
	char text[4096];
	(void)snprintf(text, sizeof(text),
		       "project: p\nentities: {route: %s}\n"
		       "sources: {flights: {%s, types: {%s}}}\n"
		       "views: {v: {entity: route, source: flights, %s, features: {%s}}}\n",
		       parts.entity, parts.source, parts.types, parts.view, parts.features);
	return parse_good(text);
}

static void
canonical(const struct asof_project *project, bool for_hash, struct asof_buf *buf)
{
	struct asof_error err = { 0 };
	asof_buf_clear(buf);
	assert_ok(asof_define_canonical(project, &project->views[0], for_hash, buf, &err), err);
}

static void
the_canonical_text_is_sorted_and_complete(void **state)
{
	(void)state;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(1u << 20);
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = make(base);
	canonical(project, false, &buf);
	assert_string_equal(
		asof_buf_cstr(&buf),
		"{\"entities\":{\"route\":{\"keys\":{\"origin\":\"string\",\"n\":\"int32\"}}},"
		"\"project\":\"p\","
		"\"sources\":{\"flights\":{\"created_time\":\"seen\",\"event_time\":\"date\","
		"\"filter\":\"delay > 0\",\"format\":\"parquet\",\"path\":\"d/a.parquet\","
		"\"select\":{\"far\":\"distance > 1500\"},"
		"\"types\":{\"delay\":\"int64\",\"far\":\"bool\",\"n\":\"int32\",\"origin\":"
		"\"string\"}}},"
		"\"views\":{\"v\":{\"available_after\":\"3h\",\"entity\":\"route\","
		"\"features\":{\"flights\":{\"agg\":[\"count\"],\"windows\":[\"1h\",\"1d\"]},"
		"\"delay\":{\"agg\":[\"mean\",\"quantile(0.9)\"],\"column\":\"delay\",\"default\":"
		"0,\"windows\":[\"1d\"]},"
		"\"far\":{\"agg\":[\"last\"],\"column\":\"far\",\"windows\":[\"2h\"]}},"
		"\"keys\":{\"n\":\"n\",\"origin\":\"origin\"},\"max_age\":\"30d\","
		"\"source\":\"flights\",\"step\":\"1h\"}}}");
}

static const char full[] =
	"project: p\n"
	"entities: {e: {keys: {k: uuid, a: date}, description: d, owner: o, tags: [t]}}\n"
	"sources:\n"
	"  s:\n"
	"    %s\n"
	"    event_time: date\n"
	"    description: \"q\\\"\\u00e9\"\n"
	"    owner: o\n"
	"    tags: [t]\n"
	"    time_zone: Europe/Berlin\n"
	"    on_bad_row: %s\n"
	"    types: {\"a.b\": uuid, a: date, x: int32, f: float32, g: float64, b: bool, d: "
	"'decimal(10,2)', t: timestamp, u: uuid, s: string, y: bytes}\n"
	"views:\n"
	"  v:\n"
	"    entity: e\n"
	"    source: s\n"
	"    keys: {k: a.b}\n"
	"    online: latest\n"
	"    table: features\n"
	"    description: d\n"
	"    owner: o\n"
	"    tags: [t]\n"
	"    features:\n"
	"      x: {default: -5, description: d}\n"
	"      f: {default: .nan}\n"
	"      g: {default: -Infinity}\n"
	"      g2: {column: g, default: 1e300}\n"
	"      b: {default: false}\n"
	"      d: {default: 1.5}\n"
	"      t: {default: 2001-02-28T10:00:00.5Z}\n"
	"      t2: {column: t, default: \"1600-02-29 10:00\"}\n"
	"      t3: {column: t, default: 2001-02-28}\n"
	"      day: {column: a, default: 1970-01-02}\n"
	"      u: {default: 00112233-4455-6677-8899-AABBCCDDEEFF}\n"
	"      s: {default: \"null\"}\n"
	"      s2: {column: s, default: 5}\n"
	"      y: {default: abc}\n"
	"    checks: {x: [not_null, unique, {between: [0, 1.5]}], s: {in: [a, \"1\"]}}\n";

static void
assert_round_trip(const char *text)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf first = ASOF_BUF(1u << 20);
	ASOF_AUTO(asof_buf_done) struct asof_buf second = ASOF_BUF(1u << 20);
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = parse_good(text);
	for (int for_hash = 0; for_hash < 2; for_hash++) {
		canonical(project, for_hash, &first);
		ASOF_AUTO(asof_project_free_auto)
		struct asof_project *again = parse_good(asof_buf_cstr(&first));
		canonical(again, for_hash, &second);
		assert_string_equal(asof_buf_cstr(&first), asof_buf_cstr(&second));
	}
}

static void
a_canonical_text_reads_back_as_itself(void **state)
{
	(void)state;
	static const char *const sources[] = { "path: a.csv", "table: c.s.t", "topic: t",
					       "path: a.x\n    format: json",
					       "query: {connection: c, sql: select 1}" };
	static const char *const bad_rows[] = { "fail", "skip", "quarantine", "fail", "fail" };
	for (size_t i = 0; i < ASOF_COUNTOF(sources); i++) {
		char text[4096];
		(void)snprintf(text, sizeof(text), full, sources[i], bad_rows[i]);
		assert_round_trip(text);
	}
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(1u << 20);
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = make(base);
	canonical(project, false, &buf);
	assert_round_trip(asof_buf_cstr(&buf));
}

static void
defaults_are_typed(void **state)
{
	(void)state;
	char text[4096];
	(void)snprintf(text, sizeof(text), full, "path: a.csv", "fail");
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = parse_good(text);
	const struct asof_output *outputs = project->views[0].outputs;
	for (size_t i = 0; i < project->views[0].output_count; i++)
		assert_true(outputs[i].has_default);
	assert_int_equal(outputs[0].default_value->int32, -5);
	assert_true(outputs[1].default_value->float32 != outputs[1].default_value->float32);
	assert_true(outputs[2].default_value->float64 < -1e308);
	assert_false(outputs[4].default_value->boolean);
	assert_true(outputs[5].default_value->decimal == 150);
	assert_int_equal(outputs[6].default_value->int64, INT64_C(983354400500000));
	assert_int_equal(outputs[7].default_value->int64, INT64_C(-11670962400000000));
	assert_int_equal(outputs[8].default_value->int64, INT64_C(983318400000000));
	assert_int_equal(outputs[9].default_value->int32, 1);
	assert_memory_equal(outputs[10].default_value->str.ptr, "\x00\x11\x22\x33\x44\x55\x66\x77",
			    8);
	assert_int_equal(outputs[10].default_value->str.len, 16);
	assert_true(asof_str_equal(outputs[11].default_value->str, asof_str_from("null")));
	assert_true(asof_str_equal(outputs[12].default_value->str, asof_str_from("5")));
	assert_true(asof_str_equal(outputs[13].default_value->str, asof_str_from("abc")));
}

static void
hash_of(const struct asof_project *project, char out[33])
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(1u << 20);
	canonical(project, true, &buf);
	asof_hash128_text(asof_buf_view(&buf), out);
}

static void
assert_same_hash(struct parts parts, bool is_same)
{
	char mine[33];
	char theirs[33];
	ASOF_AUTO(asof_project_free_auto) struct asof_project *a = make(base);
	ASOF_AUTO(asof_project_free_auto) struct asof_project *b = make(parts);
	hash_of(a, mine);
	hash_of(b, theirs);
	if ((strcmp(mine, theirs) == 0) != is_same)
		fail_msg("%s | %s | %s | %s | %s", parts.entity, parts.source, parts.types,
			 parts.view, parts.features);
}

/* `base` with one part replaced: p.member = value. */
#define WITH(member, value)                \
	__extension__({                    \
		struct parts with_ = base; \
		with_.member = (value);    \
		with_;                     \
	})

static void
what_does_not_count_leaves_the_hash(void **state)
{
	(void)state;
	assert_same_hash(WITH(entity, "{owner: x, description: y, tags: [z], keys: {origin:   "
				      "string, n: int32}} # comment\n  "),
			 true);
	assert_same_hash(WITH(view, "owner: x, available_after: 180m, description: y, tags: [z], "
				    "online: latest, step: 60m, max_age: 720h, keys: {n: n}, "
				    "checks: {far_last_2h: not_null}"),
			 true);
	assert_same_hash(
		WITH(features,
		     "far: {column: far, agg: [last], windows: [2h], description: d}, delay: "
		     "{default: 0.0, windows: [1d], agg: [quantile(0.90), mean], column: delay}, "
		     "flights: {windows: [1d, 1h], agg: count}"),
		true);
	assert_same_hash(WITH(source, "format: parquet, on_bad_row: fail, created_time: seen, "
				      "event_time: date, filter: delay > 0, select: {far: distance "
				      "> 1500}, path: d/a.parquet"),
			 true);
	assert_same_hash(WITH(types, "far: bool, n: int32, delay: int64, origin: string"), true);
}

static void
what_counts_changes_the_hash(void **state)
{
	(void)state;
	static const char select[] = ", select: {far: distance > 1500}";
	static const char *const sources[] = {
		"path: d/b.parquet, event_time: date, created_time: seen, filter: delay > 0",
		"path: d/a.parquet, event_time: day, created_time: seen, filter: delay > 0",
		"path: d/a.parquet, event_time: date, created_time: at, filter: delay > 0",
		"path: d/a.parquet, event_time: date, filter: delay > 0",
		"path: d/a.parquet, event_time: date, created_time: seen, filter: delay > 1",
		"path: d/a.parquet, event_time: date, created_time: seen",
		"path: d/a.parquet, event_time: date, created_time: seen, filter: delay > 0, "
		"time_zone: Asia/Tokyo",
		"path: d/a.parquet, event_time: date, created_time: seen, filter: delay > 0, "
		"on_bad_row: skip",
		"path: d/a.parquet, event_time: date, created_time: seen, filter: delay > 0, "
		"format: csv",
	};
	for (size_t i = 0; i < ASOF_COUNTOF(sources); i++) {
		char source[400];
		(void)snprintf(source, sizeof(source), "%s%s", sources[i], select);
		assert_same_hash(WITH(source, source), false);
	}
	static const char *const views[] = {
		"step: 30m, max_age: 30d, available_after: 3h",
		"step: event, max_age: 30d, available_after: 3h",
		"step: 1h, max_age: 31d, available_after: 3h",
		"step: 1h, available_after: 3h",
		"step: 1h, max_age: 30d, available_after: 4h",
		"step: 1h, max_age: 30d",
		"step: 1h, max_age: 30d, available_after: 3h, keys: {origin: city}",
		"step: 1h, max_age: 30d, available_after: 3h, table: features",
	};
	for (size_t i = 0; i < ASOF_COUNTOF(views); i++)
		assert_same_hash(WITH(view, views[i]), false);
	static const char *const features[] = {
		"flights: {agg: count, windows: [1h]}",
		"flights: {agg: count, windows: [1h, 24h]}, delay: {column: delay, agg: [mean, "
		"quantile(0.9)], windows: [1d], default: 0}, far: {column: far, agg: last, "
		"windows: "
		"[2h]}",
		"flights: {agg: count, windows: [1h, 1d]}, delay: {column: delay, agg: [mean, "
		"quantile(0.9)], windows: [1d], default: 1}, far: {column: far, agg: last, "
		"windows: "
		"[2h]}",
		"flights: {agg: count, windows: [1h, 1d]}, delay: {column: n, agg: [mean, "
		"quantile(0.9)], windows: [1d], default: 0}, far: {column: far, agg: last, "
		"windows: "
		"[2h]}",
	};
	for (size_t i = 0; i < ASOF_COUNTOF(features); i++)
		assert_same_hash(WITH(features, features[i]), false);
	struct parts keys = WITH(entity, "{keys: {origin: string, n: int64}}");
	keys.types = "origin: string, n: int64, delay: int64, far: bool";
	assert_same_hash(keys, false);
	assert_same_hash(WITH(entity, "{keys: {n: int32, origin: string}}"), false);
	assert_same_hash(WITH(types, "origin: string, n: int32, delay: int32, far: bool"), false);
}

static void
selects_count_when_an_expression_mentions_them(void **state)
{
	(void)state;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(1u << 20);
	ASOF_AUTO(asof_project_free_auto)
	struct asof_project *project = make(
		WITH(source, "path: a.csv, event_time: t1, filter: \"a2x or FAR\", select: {far: "
			     "distance, t1: a2 + 1, a2: a3, a3: z, a2x2: y, a: q, ar: r}"));
	canonical(project, false, &buf);
	assert_non_null(strstr(asof_buf_cstr(&buf), "\"select\":{\"a2\":\"a3\",\"a3\":\"z\","
						    "\"far\":\"distance\",\"t1\":\"a2 + 1\"}"));
}

/* The change from `base` to `parts`, its reasons and whether the data stay. */
static void
assert_change(struct parts from, struct parts to, enum asof_change want, const char *reasons,
	      bool is_same_table)
{
	struct asof_error err = { 0 };
	enum asof_change change = ASOF_CHANGE_NONE;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(1u << 20);
	ASOF_AUTO(asof_project_free_auto) struct asof_project *a = make(from);
	ASOF_AUTO(asof_project_free_auto) struct asof_project *b = make(to);
	assert_ok(asof_define_compare(&a->views[0], a, &b->views[0], b, &change, &buf, &err), err);
	assert_string_equal(asof_buf_cstr(&buf), reasons);
	assert_int_equal(change, want);
	assert_int_equal(asof_define_same_table(&a->views[0], &b->views[0]), is_same_table);
}

static void
readers_break_on_major_changes(void **state)
{
	(void)state;
	assert_change(base, WITH(features, "flights: {agg: count, windows: [1h]}"),
		      ASOF_CHANGE_MAJOR,
		      "feature 'flights_count_1d' disappears\n"
		      "feature 'delay_mean_1d' disappears\n"
		      "feature 'delay_p90_1d' disappears\n"
		      "feature 'far_last_2h' disappears\n",
		      true);
	assert_change(base, WITH(types, "origin: string, n: int32, delay: int64, far: int32"),
		      ASOF_CHANGE_MAJOR, "feature 'far_last_2h' changes type: bool -> int32\n",
		      false);
	struct parts keys = WITH(entity, "{keys: {origin: string, n: int64}}");
	keys.types = "origin: string, n: int64, delay: int64, far: bool";
	assert_change(base, keys, ASOF_CHANGE_MAJOR,
		      "the key changes: origin string, n int32 -> origin string, n int64\n", false);
	assert_change(base, WITH(entity, "{keys: {origin: string}}"), ASOF_CHANGE_MAJOR,
		      "the key changes: origin string, n int32 -> origin string\n", false);
}

static void
other_changes_are_minor(void **state)
{
	(void)state;
	assert_change(base, base, ASOF_CHANGE_NONE, "", true);
	assert_change(WITH(features, "n: {column: delay, agg: [mean, std], windows: [1h]}"),
		      WITH(features, "n: {column: delay, agg: [mean, std, sum], windows: [1h]}, r: "
				     "{agg: count, windows: [5h]}"),
		      ASOF_CHANGE_MINOR, "feature 'n_sum_1h' is new\nfeature 'r_count_5h' is new\n",
		      true);
	assert_change(WITH(features, "n: {column: delay, agg: mean, windows: [1h]}"),
		      WITH(features, "n: {column: delay, agg: [mean, max], windows: [1h]}"),
		      ASOF_CHANGE_MINOR, "feature 'n_max_1h' is new\n", false);
	assert_change(WITH(features, "n: {column: delay, agg: mean, windows: [1h]}"),
		      WITH(features, "n: {column: n, agg: mean, windows: [1h]}"), ASOF_CHANGE_MINOR,
		      "feature 'n_mean_1h' is of column 'n', not 'delay'\n", false);
	assert_change(WITH(features, "n: {column: delay, agg: mean, windows: [1h]}"),
		      WITH(features, "n: {column: delay, agg: mean, windows: [1h], default: 0}"),
		      ASOF_CHANGE_MINOR, "the default of feature 'n_mean_1h' changes\n", true);
	assert_change(WITH(features, "n: {agg: count, windows: [1h]}"),
		      WITH(features, "n: {column: n, agg: count, windows: [1h]}"),
		      ASOF_CHANGE_MINOR, "feature 'n_count_1h' is of column 'n', not ''\n", false);
	assert_change(base, WITH(view, "step: event"), ASOF_CHANGE_MINOR,
		      "'step' changes: 1h -> event\n'max_age' changes: 30d -> none\n"
		      "'available_after' changes: 3h -> none\n",
		      false);
	assert_change(base, WITH(view, "step: 1h, max_age: 30d, available_after: 2h"),
		      ASOF_CHANGE_MINOR, "'available_after' changes: 3h -> 2h\n", true);
	assert_change(base,
		      WITH(view, "step: 1h, max_age: 30d, available_after: 3h, keys: {origin: "
				 "city}"),
		      ASOF_CHANGE_MINOR, "the definition changes\n", false);
}

static void
a_renamed_feature_is_the_one_that_it_was(void **state)
{
	(void)state;
	struct parts from = WITH(view, "max_age: 30d");
	struct parts to = from;
	from.features = "price: {column: delay}, far: {column: far}";
	to.features = "far: {column: far}, cost: {column: delay, renamed_from: price}";
	assert_change(
		from, to, ASOF_CHANGE_MAJOR,
		"feature 'price' is renamed to 'cost', its data is kept\n"
		"column 'cost' is mapped to 'price' of the table's files: some programs that "
		"read Delta tables refuse that, or show NULL; `asof build v --full` writes it "
		"under its own name\n",
		true);
	to.features = "far: {column: far}, cost: {column: far, renamed_from: price}";
	assert_change(from, to, ASOF_CHANGE_MAJOR,
		      "feature 'price' is renamed to 'cost'\n"
		      "feature 'cost' changes type: int64 -> bool\n",
		      false);
	from.features = "price: {column: delay}, cost: {column: delay}";
	to.features = "cost: {column: delay, renamed_from: price}, more: {column: far}";
	assert_change(from, to, ASOF_CHANGE_MAJOR,
		      "feature 'price' disappears\nfeature 'more' is new\n", false);
	assert_change(
		WITH(features, "n: {column: delay, agg: mean, windows: [1h]}"),
		WITH(features, "m: {column: delay, agg: mean, windows: [1h], renamed_from: n}"),
		ASOF_CHANGE_MAJOR,
		"feature 'n_mean_1h' is renamed to 'm_mean_1h', its data is kept\n", true);
}

static void
what_is_read_upstream_counts(void **state)
{
	(void)state;
	const struct parts upstream = WITH(source, "view: u, definition: '1f'");
	assert_change(upstream, upstream, ASOF_CHANGE_NONE, "", true);
	assert_change(upstream, WITH(source, "view: u, definition: '20'"), ASOF_CHANGE_MINOR,
		      "upstream 'u' changes\n", false);
	assert_change(upstream, WITH(source, "view: w, definition: '1f'"), ASOF_CHANGE_MINOR,
		      "'view' of the source changes: u -> w\n", false);
}

static void
a_canonical_text_names_the_view_that_is_read(void **state)
{
	(void)state;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(1u << 20);
	ASOF_AUTO(asof_project_free_auto)
	struct asof_project *project = make(WITH(source, "view: v, definition: '1f'"));
	canonical(project, false, &buf);
	assert_non_null(strstr(asof_buf_cstr(&buf),
			       "\"sources\":{\"flights\":{\"created_time\":\"created_time\","
			       "\"definition\":\"1f\",\"event_time\":\"event_time\","
			       "\"types\":{"));
	assert_non_null(strstr(asof_buf_cstr(&buf), "},\"view\":\"v\"}},"));
	assert_null(project->sources[0].upstream);
}

static void
another_source_is_another_table(void **state)
{
	(void)state;
	assert_change(base,
		      WITH(source, "path: d/a.parquet, event_time: date, filter: delay > 1, "
				   "select: {far: distance > 1500}"),
		      ASOF_CHANGE_MINOR,
		      "'created_time' of the source changes: seen -> none\n"
		      "'filter' of the source changes: delay > 0 -> delay > 1\n",
		      false);
	assert_change(base,
		      WITH(source, "path: d/a.parquet, event_time: date, created_time: seen, "
				   "filter: delay > 0, select: {far: distance > 1000}"),
		      ASOF_CHANGE_MINOR, "the definition changes\n", false);
	assert_change(base,
		      WITH(source, "path: d/a.parquet, event_time: date, created_time: seen, "
				   "filter: delay > 0"),
		      ASOF_CHANGE_MINOR, "the definition changes\n", false);
	assert_change(base,
		      WITH(source, "path: d/a.parquet, event_time: date, created_time: seen, "
				   "filter: delay > 0, select: {far: distance > 1500, z: 1}"),
		      ASOF_CHANGE_NONE, "", true);
}

static void
plain_views_are_one_table_with_the_same_columns(void **state)
{
	(void)state;
	struct parts plain = base;
	plain.view = "max_age: 1d";
	plain.features = "price: , c: {column: city}";
	struct parts other = plain;
	other.features = "c: {column: city, default: x}, price:";
	assert_change(plain, other, ASOF_CHANGE_MINOR, "the default of feature 'c' changes\n",
		      true);
	other.features = "c: {column: origin}, price:";
	assert_change(plain, other, ASOF_CHANGE_MINOR,
		      "feature 'c' is of column 'origin', not 'city'\n", false);
	other.features = "c: {column: city}, price: , delay:";
	assert_change(plain, other, ASOF_CHANGE_MINOR, "feature 'delay' is new\n", false);
	other.features = "d: {column: city}, price:";
	assert_change(plain, other, ASOF_CHANGE_MAJOR,
		      "feature 'c' disappears\nfeature 'd' is new\n", false);
}

static void
a_service_is_its_features(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4096);
	ASOF_AUTO(asof_project_free_auto)
	struct asof_project *project =
		parse_good("entities: {e: {keys: {k: string}}}\n"
			   "sources: {s: {path: a.csv, event_time: t}}\n"
			   "views: {v: {entity: e, source: s, features: [a, b]}}\n"
			   "services: {m: {features: [v@1.2.b, v.a], owner: o}}\n");
	assert_ok(asof_define_canonical_service(&project->services[0], &buf, &err), err);
	assert_string_equal(asof_buf_cstr(&buf),
			    "{\"services\":{\"m\":{\"features\":[\"v@1.2.b\",\"v.a\"]}}}");
}

static void
an_unbound_view_has_no_canonical_text(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4096);
	ASOF_AUTO(asof_project_free_auto)
	struct asof_project *project =
		parse_good("entities: {e: {keys: {k: string}}}\n"
			   "sources: {s: {path: a.csv, event_time: t}}\n"
			   "views: {v: {entity: e, source: s, keys: {k: x.y}, features: [a]}}\n");
	assert_int_equal(asof_define_canonical(project, &project->views[0], true, &buf, &err),
			 ASOF_INVALID);
	assert_string_equal(err.message, "view 'v' is not bound: the type of 'a' is not known");
}

static void
a_key_may_be_a_member_of_a_column(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct asof_mistakes mistakes = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4096);
	ASOF_AUTO(asof_project_free_auto)
	struct asof_project *project = parse_good(
		"entities: {e: {keys: {k: string}}}\n"
		"sources: {s: {path: a.csv, event_time: t}}\n"
		"views:\n"
		"  v: {entity: e, source: s, keys: {k: place.code}, features: [a]}\n"
		"  w: {entity: e, source: s, keys: {k: a.code}, features: [a, place]}\n");
	struct asof_field fields[] = {
		{ .name = "place",
		  .type = ASOF_TYPE(ASOF_TYPE_NONE),
		  .type_text = "STRUCT(code VARCHAR)" },
		{ .name = "a", .type = ASOF_TYPE(ASOF_TYPE_INT64), .type_text = "BIGINT" },
	};
	project->sources[0].fields = fields;
	project->sources[0].field_count = ASOF_COUNTOF(fields);
	assert_ok(asof_define_check_types(project, &mistakes, &err), err);
	asof_mistakes_write(&mistakes, &buf);
	assert_string_equal(asof_buf_cstr(&buf),
			    "text.yaml:5:39: no column 'a.code' in source 's' (have: place, a)\n"
			    "text.yaml:5:62: column 'place' of source 's' is a STRUCT(code "
			    "VARCHAR), which asof does not have: convert it by 'select'\n");
	asof_mistakes_done(&mistakes);
	asof_buf_clear(&buf);
	assert_ok(asof_define_canonical(project, &project->views[0], true, &buf, &err), err);
	assert_non_null(strstr(asof_buf_cstr(&buf),
			       "\"types\":{\"a\":\"int64\",\"place.code\":\"string\"}"));
}

static void
a_half_made_project_can_be_checked(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct asof_mistakes mistakes = { 0 };
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
	assert_ok(
		asof_define_parse(asof_str_from("sources: {s: {path: a.csv, event_time: t}}\n"
						"views:\n"
						"  v: {entity: none, source: s, features: [a, b]}\n"
						"  w: {entity: none, source: none, features: [a]}\n"
						"  x: {}\n"),
				  "text.yaml", NULL, &mistakes, &project, &err),
		err);
	size_t before = mistakes.count;
	struct asof_field fields[] = {
		{ .name = "a", .type = ASOF_TYPE(ASOF_TYPE_INT64), .type_text = "BIGINT" }
	};
	project->sources[0].fields = fields;
	project->sources[0].field_count = 1;
	assert_ok(asof_define_check_types(project, &mistakes, &err), err);
	assert_int_equal(mistakes.count, before + 1);
	assert_non_null(strstr(mistakes.items[before].message, "no column 'b'"));
	asof_mistakes_done(&mistakes);
}

static void
an_aggregate_without_its_column_is_told_once(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct asof_mistakes mistakes = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4096);
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
	assert_ok(asof_define_parse(
			  asof_str_from("project: p\n"
					"entities: {e: {keys: {k: string}}}\n"
					"sources: {s: {path: a.csv, event_time: t}}\n"
					"views:\n"
					"  v: {entity: e, source: s, step: 1h, features: {n: {agg: "
					"[count, sum, mean], windows: [1d]}}}\n"),
			  "text.yaml", NULL, &mistakes, &project, &err),
		  err);
	struct asof_field fields[] = {
		{ .name = "k", .type = ASOF_TYPE(ASOF_TYPE_STRING), .type_text = "VARCHAR" }
	};
	project->sources[0].fields = fields;
	project->sources[0].field_count = 1;
	assert_ok(asof_define_check_types(project, &mistakes, &err), err);
	asof_mistakes_write(&mistakes, &buf);
	assert_string_equal(asof_buf_cstr(&buf),
			    "text.yaml:5:67: feature 'n': 'column' is missing, 'sum' needs one\n");
	asof_mistakes_done(&mistakes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_canonical_text_is_sorted_and_complete),
		cmocka_unit_test(a_canonical_text_reads_back_as_itself),
		cmocka_unit_test(defaults_are_typed),
		cmocka_unit_test(what_does_not_count_leaves_the_hash),
		cmocka_unit_test(what_counts_changes_the_hash),
		cmocka_unit_test(selects_count_when_an_expression_mentions_them),
		cmocka_unit_test(readers_break_on_major_changes),
		cmocka_unit_test(other_changes_are_minor),
		cmocka_unit_test(a_renamed_feature_is_the_one_that_it_was),
		cmocka_unit_test(what_is_read_upstream_counts),
		cmocka_unit_test(a_canonical_text_names_the_view_that_is_read),
		cmocka_unit_test(another_source_is_another_table),
		cmocka_unit_test(plain_views_are_one_table_with_the_same_columns),
		cmocka_unit_test(a_service_is_its_features),
		cmocka_unit_test(an_unbound_view_has_no_canonical_text),
		cmocka_unit_test(a_key_may_be_a_member_of_a_column),
		cmocka_unit_test(an_aggregate_without_its_column_is_told_once),
		cmocka_unit_test(a_half_made_project_can_be_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
