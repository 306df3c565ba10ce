/* test_define.c - projects that are right: what is read, from which files, with which profile. */
#include "model/duration.h"
#include "project_dir.h"

static const char flights_yaml[] =
	"entities:\n"
	"  airport: {keys: {origin: string}, description: An airport, owner: ops, tags: [a, b]}\n"
	"  route: {keys: {origin: string, n: int64}}\n"
	"sources:\n"
	"  flights:\n"
	"    path: data/*.parquet\n"
	"    event_time: date\n"
	"    created_time: loaded_at\n"
	"    filter: \"delay is not null\"\n"
	"    select: {long_haul: \"distance > 1500\"}\n"
	"    time_zone: Europe/Berlin\n"
	"    on_bad_row: quarantine\n"
	"views:\n"
	"  departures:\n"
	"    entity: airport\n"
	"    source: flights\n"
	"    keys: {origin: \"place.code\"}\n"
	"    step: 1h\n"
	"    max_age: 30d\n"
	"    available_after: 3h\n"
	"    online: latest\n"
	"    table: features\n"
	"    features:\n"
	"      flights: {agg: count, windows: [1h, 1d]}\n"
	"      delay: {column: delay, agg: [mean, quantile(0.9), quantile(0.999), quantile( 1 ), "
	"quantile(0)], windows: [1d], default: \"0\"}\n"
	"    checks:\n"
	"      delay_mean_1d: {between: [-120, 2880.5]}\n"
	"      flights_count_1h: [not_null, unique]\n"
	"      flights_count_1d: {in: [1, two]}\n"
	"  events: {entity: airport, source: flights, step: event, features: {n: {agg: count, "
	"windows: [90s]}}}\n"
	"  plain: {entity: route, source: flights, features: {price: {column: unit price, default: "
	"~}, delay: {}, far: , near: {description: d}}}\n"
	"  listed: {entity: airport, source: flights, features: [a, b]}\n"
	"services:\n"
	"  model: {features: [departures.delay_mean_1d, listed.*, events@1.2.3.n_count_90s, "
	"plain@latest.far, plain@7.delay], owner: me}\n";

static const struct asof_view *
view_of(const struct asof_project *project, const char *name)
{
	const struct asof_view *view = asof_project_view(project, asof_str_from(name));
	assert_non_null(view);
	return view;
}

static void
entities_and_sources_are_read(void **state)
{
	(void)state;
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = parse_good(flights_yaml);
	const struct asof_entity *airport = asof_project_entity(project, asof_str_from("airport"));
	const struct asof_entity *route = asof_project_entity(project, asof_str_from("route"));
	assert_string_equal(airport->about.description, "An airport");
	assert_string_equal(airport->about.owner, "ops");
	assert_int_equal(airport->about.tag_count, 2);
	assert_string_equal(airport->about.tags[1], "b");
	assert_int_equal(route->key_count, 2);
	assert_string_equal(route->keys[1].name, "n");
	assert_int_equal(route->keys[1].type.kind, ASOF_TYPE_INT64);
	assert_int_equal(route->place.line, 3);
	assert_int_equal(route->place.column, 3);
	assert_string_equal(route->place.file, "text.yaml");

	const struct asof_source *source = asof_project_source(project, asof_str_from("flights"));
	assert_int_equal(source->kind, ASOF_SOURCE_PATH);
	assert_int_equal(source->format, ASOF_FORMAT_PARQUET);
	assert_string_equal(source->location.text, "data/*.parquet");
	assert_string_equal(source->created_time.text, "loaded_at");
	assert_string_equal(source->filter.text, "delay is not null");
	assert_int_equal(source->filter.place.line, 9);
	assert_int_equal(source->filter.place.column, 14); /* behind the quote */
	assert_int_equal(source->select_count, 1);
	assert_string_equal(source->selects[0].name, "long_haul");
	assert_string_equal(source->time_zone, "Europe/Berlin");
	assert_int_equal(source->on_bad_row, ASOF_BAD_ROW_QUARANTINE);
}

static void
windowed_views_are_read(void **state)
{
	(void)state;
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = parse_good(flights_yaml);
	const struct asof_view *view = view_of(project, "departures");
	static const char *const outputs[] = { "flights_count_1h", "flights_count_1d",
					       "delay_mean_1d",    "delay_p90_1d",
					       "delay_p99_9_1d",   "delay_p100_1d",
					       "delay_p0_1d" };
	assert_int_equal(view->output_count, ASOF_COUNTOF(outputs));
	for (size_t i = 0; i < ASOF_COUNTOF(outputs); i++)
		assert_string_equal(view->outputs[i].name, outputs[i]);
	assert_true(view->outputs[4].quantile > 0.998 && view->outputs[4].quantile < 0.9995);
	assert_int_equal(view->step_us, 3600 * ASOF_US_PER_SECOND);
	assert_int_equal(view->max_age_us, 30 * INT64_C(86400) * ASOF_US_PER_SECOND);
	assert_int_equal(view->available_after_us, 3 * 3600 * ASOF_US_PER_SECOND);
	assert_int_equal(view->online, ASOF_ONLINE_LATEST);
	assert_true(view->keeps_features);
	assert_string_equal(view->key_columns[0].text, "place.code");
	assert_null(view->features[0].column.text);
	assert_true(view->features[1].default_value.is_quoted);
	assert_string_equal(view->features[1].default_value.text, "0");
	assert_int_equal(view_of(project, "events")->step_us, ASOF_STEP_EVENT);
}

static void
checks_are_read(void **state)
{
	(void)state;
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = parse_good(flights_yaml);
	const struct asof_view *view = view_of(project, "departures");
	assert_int_equal(view->check_count, 4);
	assert_int_equal(view->checks[0].kind, ASOF_CHECK_BETWEEN);
	assert_true(view->checks[0].low < -119 && view->checks[0].high > 2880.4);
	assert_int_equal(view->checks[1].kind, ASOF_CHECK_NOT_NULL);
	assert_int_equal(view->checks[2].kind, ASOF_CHECK_UNIQUE);
	assert_string_equal(view->checks[2].output, "flights_count_1h");
	assert_int_equal(view->checks[3].kind, ASOF_CHECK_IN);
	assert_int_equal(view->checks[3].item_count, 2);
	assert_string_equal(view->checks[3].items[1], "two");
}

static void
plain_views_are_read(void **state)
{
	(void)state;
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = parse_good(flights_yaml);
	const struct asof_view *view = view_of(project, "plain");
	assert_false(asof_view_is_windowed(view));
	assert_int_equal(view->output_count, 4);
	assert_string_equal(view->outputs[0].name, "price");
	assert_string_equal(view->features[0].column.text, "unit price");
	assert_true(view->features[0].default_value.is_given);
	assert_null(view->features[0].default_value.text);
	assert_string_equal(view->features[2].column.text, "far");
	assert_string_equal(view->key_columns[1].text, "n");
	assert_string_equal(view_of(project, "listed")->features[1].column.text, "b");
}

static void
services_are_expanded(void **state)
{
	(void)state;
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = parse_good(flights_yaml);
	const struct asof_service *service = asof_project_service(project, asof_str_from("model"));
	static const char *const outputs[] = { "delay_mean_1d", "a",   "b",
					       "n_count_90s",   "far", "delay" };
	static const char *const versions[] = { NULL, NULL, NULL, "1.2.3", "latest", "7" };
	assert_int_equal(service->item_count, ASOF_COUNTOF(outputs));
	for (size_t i = 0; i < ASOF_COUNTOF(outputs); i++) {
		assert_string_equal(service->items[i].output->name, outputs[i]);
		assert_true((service->items[i].version == NULL) == (versions[i] == NULL));
		if (versions[i])
			assert_string_equal(service->items[i].version, versions[i]);
	}
	assert_string_equal(service->about.owner, "me");
}

static void
formats_follow_the_extension(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		enum asof_file_format format;
	} cases[] = {
		{ "a.parquet", ASOF_FORMAT_PARQUET },  { "a.PARQUET", ASOF_FORMAT_PARQUET },
		{ "d/*.csv", ASOF_FORMAT_CSV },        { "a.tsv.zst", ASOF_FORMAT_CSV },
		{ "a.csv.gz", ASOF_FORMAT_CSV },       { "a.json", ASOF_FORMAT_JSON },
		{ "a.jsonl.gz", ASOF_FORMAT_JSON },    { "s3://b/a.ndjson", ASOF_FORMAT_JSON },
		{ "a, format: csv", ASOF_FORMAT_CSV }, { "a.csv, format: json", ASOF_FORMAT_JSON },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		char text[200];
		(void)snprintf(text, sizeof(text), "sources: {s: {path: %s, event_time: t}}",
			       cases[i].path);
		ASOF_AUTO(asof_project_free_auto) struct asof_project *project = parse_good(text);
		assert_int_equal(project->sources[0].format, cases[i].format);
	}
}

static void
other_kinds_of_sources_are_read(void **state)
{
	(void)state;
	ASOF_AUTO(asof_project_free_auto)
	struct asof_project *project =
		parse_good("sources:\n"
			   "  a: {table: shop.public.orders, event_time: t}\n"
			   "  b: {topic: clicks, event_time: t}\n"
			   "  c: {query: {connection: shop, sql: 'select 1'}, event_time: t}\n");
	assert_int_equal(project->sources[0].kind, ASOF_SOURCE_TABLE);
	assert_string_equal(project->sources[0].location.text, "shop.public.orders");
	assert_int_equal(project->sources[1].kind, ASOF_SOURCE_TOPIC);
	assert_int_equal(project->sources[2].kind, ASOF_SOURCE_QUERY);
	assert_string_equal(project->sources[2].location.text, "select 1");
	assert_string_equal(project->sources[2].connection, "shop");
}

static const char *
test_environment(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "HOST") == 0 ? "h:1" : strcmp(name, "EMPTY") == 0 ? "" : NULL;
}

/* The project in `dir`, which must be right. */
static struct asof_project *
read_good(const struct project_dir *dir, const char *profile)
{
	struct asof_error err = { 0 };
	struct asof_mistakes mistakes = { 0 };
	struct asof_project *project = NULL;
	struct asof_define_options options = { .dir = dir->path,
					       .profile = profile,
					       .env = test_environment };
	assert_ok(asof_define_read(&options, &mistakes, &project, &err), err);
	assert_ok(asof_mistakes_status(&mistakes, &err), err);
	asof_mistakes_done(&mistakes);
	assert_non_null(project);
	return project;
}

/* All mistakes of the project in `dir`. */
static void
assert_mistakes(const struct project_dir *dir, const char *profile, const char *want)
{
	struct asof_error err = { 0 };
	struct asof_mistakes mistakes = { 0 };
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(1u << 20);
	struct asof_define_options options = { .dir = dir->path,
					       .profile = profile,
					       .env = test_environment };
	assert_ok(asof_define_read(&options, &mistakes, &project, &err), err);
	asof_mistakes_write(&mistakes, &text);
	assert_string_equal(asof_buf_cstr(&text), want);
	asof_mistakes_done(&mistakes);
}

static void
locations_have_defaults_below_the_project(void **state)
{
	(void)state;
	ASOF_AUTO(project_dir_remove) struct project_dir dir = project_dir_make();
	char want[4200];
	char absolute[4096];
	assert_non_null(realpath(dir.path, absolute));
	project_dir_write(&dir, "asof.yaml", "project: p\n");
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = read_good(&dir, NULL);
	assert_string_equal(project->name, "p");
	assert_string_equal(project->dir, absolute);
	(void)snprintf(want, sizeof(want), "%s/lake", absolute);
	assert_string_equal(project->lake, want);
	(void)snprintf(want, sizeof(want), "lmdb:%s/online", absolute);
	assert_string_equal(project->online, want);
	(void)snprintf(want, sizeof(want), "sqlite:%s/catalog.db", absolute);
	assert_string_equal(project->catalog, want);
}

static void
a_profile_replaces_locations_and_only_they_are_expanded(void **state)
{
	(void)state;
	ASOF_AUTO(project_dir_remove) struct project_dir dir = project_dir_make();
	project_dir_write(
		&dir, "asof.yaml",
		"project: p\n"
		"lake: s3://b/${UNSET}\n"
		"online: \"memory:\"\n"
		"catalog: sqlite:/var/c.db\n"
		"profiles:\n"
		"  prod: {lake: 's3://${HOST}/${EMPTY}x', online: \"redis://${HOST}/0\"}\n"
		"  dev: {lake: /var/lake, catalog: memory}\n"
		"  here: {lake: ., catalog: postgres://h/db, online: lmdb:.//./o}\n"
		"  none:\n");
	ASOF_AUTO(asof_project_free_auto) struct asof_project *prod = read_good(&dir, "prod");
	assert_string_equal(prod->lake, "s3://h:1/x");
	assert_string_equal(prod->online, "redis://h:1/0");
	assert_string_equal(prod->catalog, "sqlite:/var/c.db");
	assert_string_equal(prod->profile, "prod");
	ASOF_AUTO(asof_project_free_auto) struct asof_project *dev = read_good(&dir, "dev");
	assert_string_equal(dev->lake, "/var/lake");
	assert_string_equal(dev->online, "memory");
	assert_string_equal(dev->catalog, "memory");
	ASOF_AUTO(asof_project_free_auto) struct asof_project *here = read_good(&dir, "here");
	assert_string_equal(here->lake, here->dir);
	assert_string_equal(here->catalog, "postgres://h/db");
	assert_true(strncmp(here->online, "lmdb:/", 6) == 0);
	assert_string_equal(strrchr(here->online, '/'), "/o");

	assert_mistakes(&dir, NULL,
			"asof.yaml:2:14: the environment variable 'UNSET' is not set\n");
	assert_mistakes(&dir, "prd",
			"asof.yaml:2:14: the environment variable 'UNSET' is not set\n"
			"asof.yaml:6:3: no profile 'prd' (did you mean 'prod'?)\n");
}

static void
an_unknown_profile_without_any_is_a_mistake(void **state)
{
	(void)state;
	ASOF_AUTO(project_dir_remove) struct project_dir dir = project_dir_make();
	project_dir_write(&dir, "asof.yaml", "project: p\n");
	assert_mistakes(&dir, "prod", "asof.yaml:1:1: no profile 'prod'\n");
}

static void
the_environment_is_that_of_the_process_otherwise(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct asof_mistakes mistakes = { 0 };
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
	assert_int_equal(setenv("ASOF_TEST_LAKE", "bucket", 1), 0);
	assert_ok(asof_define_parse(asof_str_from("lake: s3://${ASOF_TEST_LAKE}"), "t", NULL,
				    &mistakes, &project, &err),
		  err);
	assert_ok(asof_mistakes_status(&mistakes, &err), err);
	assert_string_equal(project->lake, "s3://bucket");
}

static void
a_location_that_grows_too_long_is_a_mistake(void **state)
{
	(void)state;
	ASOF_AUTO(project_dir_remove) struct project_dir dir = project_dir_make();
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(64 * 1024);
	asof_buf_add_cstr(&text, "project: p\nlake: s3://");
	for (int i = 0; i < 2000; i++)
		asof_buf_add_cstr(&text, "${HOST}");
	project_dir_write(&dir, "asof.yaml", asof_buf_cstr(&text));
	assert_mistakes(&dir, NULL, "asof.yaml:2:7: lake: longer than 4096 bytes\n");
}

static void
included_files_are_read_once_each_in_byte_order(void **state)
{
	(void)state;
	ASOF_AUTO(project_dir_remove) struct project_dir dir = project_dir_make();
	project_dir_write(
		&dir, "asof.yaml",
		"project: p\n"
		"include: [./x*/b.yaml, 'x[/]/*.yaml', \"*.yaml\", x/a.yaml, none/*.yaml]\n"
		"entities: {e0: {keys: {k: string}}}\n");
	project_dir_write(&dir, "x/b.yaml", "entities: {e1: {keys: {k: string}}}\n");
	project_dir_write(&dir, "x/a.yaml", "entities: {e3: {keys: {k: string}}}\n");
	project_dir_write(&dir, "Z.yaml", "entities: {e2: {keys: {k: string}}}\nviews:\n");
	project_dir_write(&dir, "empty.yaml", "");
	project_dir_write(&dir, "hollow.yaml", "# nothing\n");
	project_dir_write(&dir, "null.yaml", "~\n");
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = read_good(&dir, NULL);
	assert_int_equal(project->entity_count, 4);
	static const char *const files[] = { "asof.yaml", "x/b.yaml", "Z.yaml", "x/a.yaml" };
	for (size_t i = 0; i < 4; i++) {
		char name[] = { 'e', (char)('0' + i), '\0' };
		assert_string_equal(project->entities[i].name, name);
		assert_string_equal(project->entities[i].place.file, files[i]);
	}
}

static void
features_are_included_by_default(void **state)
{
	(void)state;
	ASOF_AUTO(project_dir_remove) struct project_dir dir = project_dir_make();
	project_dir_write(&dir, "asof.yaml", "project: p\n");
	project_dir_write(&dir, "features/a.yaml", "entities: {e: {keys: {k: string}}}\n");
	project_dir_write(&dir, "other/a.yaml", "nonsense\n");
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = read_good(&dir, NULL);
	assert_int_equal(project->entity_count, 1);
	assert_string_equal(project->entities[0].place.file, "features/a.yaml");
}

static void
mistakes_of_all_files_come_at_once_and_sorted(void **state)
{
	(void)state;
	ASOF_AUTO(project_dir_remove) struct project_dir dir = project_dir_make();
	project_dir_write(&dir, "asof.yaml", "project: p\nlakee: x\n");
	project_dir_write(&dir, "features/a.yaml",
			  "lake: x\nviewz: {}\nentities: {e: {keys: {k: string}}}\n");
	project_dir_write(&dir, "features/b.yaml", "entities: {e: {keys: {k: string}}}\n");
	project_dir_write(&dir, "features/c.yaml", "- list\n");
	assert_mistakes(
		&dir, NULL,
		"asof.yaml:2:1: unknown key 'lakee' in asof.yaml (did you mean 'lake'?)\n"
		"features/a.yaml:1:1: 'lake' belongs in asof.yaml, not in an included file\n"
		"features/a.yaml:2:1: unknown key 'viewz' in an included file (did you mean "
		"'views'?)\n"
		"features/b.yaml:1:12: entity 'e' is declared twice (first at "
		"features/a.yaml:3:12)\n"
		"features/c.yaml:1:1: expected a mapping of entities, sources, views or services, "
		"not a list\n");
}

static void
names_are_not_missed_where_a_file_is_broken(void **state)
{
	(void)state;
	ASOF_AUTO(project_dir_remove) struct project_dir dir = project_dir_make();
	project_dir_write(&dir, "asof.yaml",
			  "project: p\nviews: {v: {entity: e, source: s, features: [a]}}\n");
	project_dir_write(&dir, "features/a.yaml", "entities: {e: [\n");
	assert_mistakes(&dir, NULL,
			"features/a.yaml:2:1: no valid YAML: flow sequence without a closing "
			"bracket\n");
}

static void
files_that_cannot_be_read_are_mistakes(void **state)
{
	(void)state;
	ASOF_AUTO(project_dir_remove) struct project_dir dir = project_dir_make();
	char path[128];
	project_dir_write(&dir, "asof.yaml", "project: p\n");
	(void)snprintf(path, sizeof(path), "%s/features", dir.path);
	assert_int_equal(mkdir(path, 0777), 0);
	(void)snprintf(path, sizeof(path), "%s/features/gone.yaml", dir.path);
	assert_int_equal(symlink("nowhere", path), 0);
	(void)snprintf(path, sizeof(path), "%s/features/pipe.yaml", dir.path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_mistakes(&dir, NULL,
			"features/gone.yaml: 'features/gone.yaml' no such file\n"
			"features/pipe.yaml: 'features/pipe.yaml' is not a file\n");
}

static void
a_file_of_more_than_a_mebibyte_is_a_mistake(void **state)
{
	(void)state;
	ASOF_AUTO(project_dir_remove) struct project_dir dir = project_dir_make();
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(2u << 20);
	asof_buf_add_cstr(&text, "project: p\n");
	while (text.len <= ASOF_FILE_BYTES_MAX)
		asof_buf_add_cstr(&text, "# a line of nothing much to make it long\n");
	project_dir_write(&dir, "asof.yaml", asof_buf_cstr(&text));
	assert_mistakes(&dir, NULL, "asof.yaml:1:1: the file is larger than 1 MiB\n");
}

static void
a_directory_without_asof_yaml_is_told(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct asof_mistakes mistakes = { 0 };
	struct asof_project *project = NULL;
	char path[128];
	ASOF_AUTO(project_dir_remove) struct project_dir dir = project_dir_make();
	struct asof_define_options options = { .dir = dir.path };
	assert_int_equal(asof_define_read(&options, &mistakes, &project, &err), ASOF_NOT_FOUND);
	assert_non_null(strstr(err.message, "no asof.yaml in '"));
	options.dir = "no/such/directory";
	assert_int_equal(asof_define_read(&options, &mistakes, &project, &err), ASOF_NOT_FOUND);
	assert_string_equal(err.message,
			    "directory 'no/such/directory': No such file or directory");
	(void)snprintf(path, sizeof(path), "%s/asof.yaml", dir.path);
	assert_int_equal(mkdir(path, 0777), 0);
	options.dir = dir.path;
	assert_int_equal(asof_define_read(&options, &mistakes, &project, &err), ASOF_IO);
	assert_non_null(strstr(err.message, "is not a file"));
	assert_null(project);
	assert_int_equal(mistakes.count, 0);
}

static void
mistakes_are_counted_when_there_are_too_many(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct asof_mistakes mistakes = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(4u << 20);
	struct asof_place place = { "f", 7, 3 };
	assert_ok(asof_mistakes_status(&mistakes, &err), err);
	for (size_t i = 0; i < ASOF_MISTAKES_MAX + 5; i++)
		asof_mistakes_add(&mistakes, place, "%s", i == 0 ? "first" : "other");
	assert_int_equal(mistakes.count, ASOF_MISTAKES_MAX);
	assert_int_equal(asof_mistakes_status(&mistakes, &err), ASOF_INVALID);
	assert_string_equal(err.message, "f:7:3: first (and 1004 more)");
	asof_mistakes_write(&mistakes, &text);
	assert_string_equal(asof_buf_cstr(&text) + text.len - 11, "and 5 more\n");
	asof_mistakes_done(&mistakes);
}

static void
long_messages_are_cut_behind_a_character(void **state)
{
	(void)state;
	struct asof_mistakes mistakes = { 0 };
	struct asof_error err = { 0 };
	char text[3000];
	for (size_t i = 0; i + 1 < sizeof(text); i++)
		text[i] = i % 2 ? (char)0xA9 : (char)0xC3;
	text[sizeof(text) - 1] = '\0';
	asof_mistakes_add(&mistakes, (struct asof_place){ 0 }, "x%s", text);
	assert_int_equal(strlen(mistakes.items[0].message), 999 + 3);
	assert_int_equal(asof_mistakes_status(&mistakes, &err), ASOF_INVALID);
	assert_int_equal((unsigned char)err.message[998], 0xA9);
	assert_string_equal(err.message + 999, "...");
	asof_mistakes_done(&mistakes);
}

static void
aliases_stand_for_what_they_name(void **state)
{
	(void)state;
	ASOF_AUTO(asof_project_free_auto)
	struct asof_project *project =
		parse_good("entities: {e: {keys: {k: &type string, l: *type}}}\n"
			   "sources: {s: {path: a.csv, event_time: t}}\n"
			   "views:\n"
			   "  v: &view {entity: e, source: s, features: [a]}\n"
			   "  w: *view\n");
	assert_int_equal(project->entities[0].keys[1].type.kind, ASOF_TYPE_STRING);
	assert_int_equal(project->view_count, 2);
	assert_string_equal(project->views[1].outputs[0].name, "a");
}

static void
the_schema_is_one_json_text(void **state)
{
	(void)state;
	struct asof_str schema = asof_define_schema();
	assert_int_equal(schema.ptr[0], '{');
	assert_memory_equal(schema.ptr + schema.len - 3, "\n}\n", 3);
	struct asof_mistakes mistakes = { 0 };
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
	/* JSON is YAML: the one mistake of a JSON text is that it is no definition. */
	assert_ok(asof_define_parse(schema, "schema", NULL, &mistakes, &project, &err), err);
	assert_int_equal(asof_mistakes_status(&mistakes, &err), ASOF_INVALID);
	assert_non_null(strstr(err.message, "schema:2:3: unknown key '$schema'"));
	asof_mistakes_done(&mistakes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entities_and_sources_are_read),
		cmocka_unit_test(windowed_views_are_read),
		cmocka_unit_test(checks_are_read),
		cmocka_unit_test(plain_views_are_read),
		cmocka_unit_test(services_are_expanded),
		cmocka_unit_test(formats_follow_the_extension),
		cmocka_unit_test(other_kinds_of_sources_are_read),
		cmocka_unit_test(locations_have_defaults_below_the_project),
		cmocka_unit_test(a_profile_replaces_locations_and_only_they_are_expanded),
		cmocka_unit_test(an_unknown_profile_without_any_is_a_mistake),
		cmocka_unit_test(the_environment_is_that_of_the_process_otherwise),
		cmocka_unit_test(a_location_that_grows_too_long_is_a_mistake),
		cmocka_unit_test(included_files_are_read_once_each_in_byte_order),
		cmocka_unit_test(features_are_included_by_default),
		cmocka_unit_test(mistakes_of_all_files_come_at_once_and_sorted),
		cmocka_unit_test(names_are_not_missed_where_a_file_is_broken),
		cmocka_unit_test(files_that_cannot_be_read_are_mistakes),
		cmocka_unit_test(a_file_of_more_than_a_mebibyte_is_a_mistake),
		cmocka_unit_test(a_directory_without_asof_yaml_is_told),
		cmocka_unit_test(mistakes_are_counted_when_there_are_too_many),
		cmocka_unit_test(long_messages_are_cut_behind_a_character),
		cmocka_unit_test(aliases_stand_for_what_they_name),
		cmocka_unit_test(the_schema_is_one_json_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
