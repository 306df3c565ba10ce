/* test_build_replace.c - whatever rows of a source go, come and change: replacing what they touch
 * gives what a full rebuild gives. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "job/build_replace.h"
#include "unit/job/job_samples.h"

#define ROWS_MAX   400
#define ROUNDS     2
#define SPINE_ROWS 300

static const char yaml[] =
	"project: changes\n"
	"include: []\n"
	"profiles: {full: {lake: ./full, catalog: 'sqlite:./full.db'}}\n"
	"entities: {e: {keys: {k: string, n: int64}}}\n"
	"sources:\n"
	"  told: {path: data/told.csv, event_time: t, created_time: c, filter: x <> 7}\n"
	"  plain: {path: data/told.csv, event_time: t}\n"
	"views:\n"
	"  rows: {entity: e, source: told, partition: [n], features: [x, s]}\n"
	"  tiles: {entity: e, source: told, step: 1h, partition: [day(event_time), k], features: "
	"{x: {column: x, agg: [sum, std, median], windows: [1h, 5h]}}}\n"
	"  edges: {entity: e, source: told, step: 1h, features: {s: {column: s, agg: [first, "
	"last], "
	"windows: [1h, 5h]}}}\n"
	"  events: {entity: e, source: told, step: event, features: {x: {column: x, agg: [last, "
	"sum], windows: [1h]}}}\n"
	"  rows_now: {entity: e, source: plain, features: [x, s]}\n"
	"  edges_now: {entity: e, source: plain, step: 1h, features: {s: {column: s, agg: [first, "
	"last, count], windows: [1h, 5h]}}}\n"
	"services:\n"
	"  all_told: {features: [rows.*, tiles.*, edges.*, events.*]}\n"
	"  all_now: {features: [rows_now.*, edges_now.*]}\n";

struct row {
	int key;
	int minute;
	int created;
	int x;
	int s;
};

struct world {
	char dir[TEMPDIR_MAX];
	uint64_t seed;
	struct row rows[ROWS_MAX];
	size_t count;
	int generation; /* of the file: where its rows stand among those read before */
};

static int
below(struct world *w, int limit)
{
	w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
	return (int)((w->seed >> 33) % (uint64_t)limit);
}

static struct row
random_row(struct world *w)
{
	int minute = below(w, 40) * 15;
	return (struct row){ below(w, 5), minute, minute + (below(w, 4) - 1) * 45, below(w, 10),
			     below(w, 6) };
}

static void
drop_row(struct world *w, size_t place)
{
	w->count--;
	memmove(&w->rows[place], &w->rows[place + 1], (w->count - place) * sizeof(*w->rows));
}

/* Rows go, come and change, wherever they stand; some rounds only move them. */
static void
change_rows(struct world *w, bool is_moving_only)
{
	for (int i = below(w, 12); i > 0 && !is_moving_only && w->count > 60; i--)
		drop_row(w, (size_t)below(w, (int)w->count));
	for (int i = below(w, 12); i > 0 && !is_moving_only && w->count < ROWS_MAX; i--) {
		size_t place = (size_t)below(w, (int)w->count + 1);
		memmove(&w->rows[place + 1], &w->rows[place],
			(w->count - place) * sizeof(*w->rows));
		w->rows[place] = random_row(w);
		w->count++;
	}
	for (int i = below(w, 8); i > 0 && !is_moving_only; i--)
		w->rows[below(w, (int)w->count)] = random_row(w);
	for (int i = below(w, 30); i > 0; i--) {
		struct row *a = &w->rows[below(w, (int)w->count)];
		struct row *b = &w->rows[below(w, (int)w->count)];
		struct row swapped = *a;
		*a = *b;
		*b = swapped;
	}
}

static void
write_rows(const struct world *w, const char *name)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(1u << 20);
	asof_buf_add_cstr(&text, "k,n,t,c,x,s\n");
	for (size_t i = 0; i < w->count; i++) {
		const struct row *row = &w->rows[i];
		int created = row->created < 0 ? 0 : row->created;
		asof_buf_printf(&text,
				"key%d,%d,2024-03-01 %02d:%02d:00,2024-03-01 %02d:%02d:00,%d,s%d\n",
				row->key, row->key % 2, row->minute / 60, row->minute % 60,
				created / 60, created % 60, row->x, row->s);
	}
	sample_file(w->dir, name, asof_buf_cstr(&text));
}

static void
write_spine(struct world *w)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(1u << 20);
	asof_buf_add_cstr(&text, "k,n,event_time\n");
	for (int i = 0; i < SPINE_ROWS; i++) {
		int key = below(w, 5);
		int minute = below(w, 120) * 6;
		asof_buf_printf(&text, "key%d,%d,2024-03-01 %02d:%02d:00\n", key, key % 2,
				minute / 60, minute % 60);
	}
	sample_file(w->dir, "spine.csv", asof_buf_cstr(&text));
}

static struct asof_session *
open_session(struct world *w, const char *profile)
{
	struct asof_error err = { 0 };
	struct asof_session *session = NULL;
	struct asof_session_options options = { .dir = w->dir, .profile = profile, .threads = 1 };
	assert_ok(asof_session_open(&options, &session, &err), err);
	return session;
}

static void
build_full(struct world *w, const char *profile)
{
	struct asof_error err = { 0 };
	struct asof_session *session = open_session(w, profile);
	struct asof_build_options options = { .is_full = true };
	char *json = NULL;
	assert_ok(asof_build(session, &options, &json, &err), err);
	asof_mem_free(json);
	asof_session_close(session);
}

/* The rows of a file as `generation` of the source. */
static const char *
rows_of(const struct asof_session *session, const struct asof_source *source, const char *path,
	const int64_t *generation, struct asof_arena *arena)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(1u << 20);
	struct asof_plan_source plan = asof_session_plan_source(session, source);
	plan.paths = &path;
	plan.path_count = 1;
	plan.ordinals = generation;
	asof_plan_files(&sql, &plan);
	return asof_arena_copy(arena, asof_buf_view(&sql));
}

/* Files that came for those that left are in a partition as these were. */
static void
assert_partitions(struct asof_session *session, const struct asof_view *view)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_error err = { 0 };
	struct asof_table_snapshot snapshot;
	struct asof_blob *lake = NULL;
	assert_ok(asof_session_lake(session, &lake, &err), err);
	assert_ok(asof_table_read_by(lake, view->name, -1, NULL, &arena, &snapshot, &err), err);
	assert_int_equal(snapshot.partition_column_count, view->partition_count);
	for (size_t i = 0; i < snapshot.file_count; i++) {
		const struct asof_table_file *file = &snapshot.files[i];
		assert_int_equal(file->partition_count, view->partition_count);
		assert_int_equal(strchr(file->name, '=') != NULL, view->partition_count > 0);
	}
}

static enum asof_status
try_replace_view(struct world *w, struct asof_session *session, const struct asof_view *view,
		 const int64_t *generations, struct asof_error *ret_why)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_error err = { 0 };
	static const struct asof_build_options options = { 0 };
	struct asof_view_build build;
	const char *before = asof_arena_printf(&arena, "%s/before.csv", w->dir);
	const char *now = asof_arena_printf(&arena, "%s/data/told.csv", w->dir);
	assert_ok(asof_view_build_begin(session, view, &options, &arena, &build, &err), err);
	const struct asof_source_change change = {
		.removed_sql = rows_of(session, view->source, before, &generations[0], &arena),
		.added_sql = rows_of(session, view->source, now, &generations[1], &arena),
	};
	build.is_overwrite = false;
	build.plan.source.rows_sql = change.added_sql;
	asof_build_choose_change(&build, &change, "a test");
	enum asof_status status = asof_view_build_finish(&build, 1u << 30, ret_why);
	assert_string_equal(build.report.mode, "replace");
	asof_view_build_done(&build);
	return status;
}

static void
replace_view(struct world *w, struct asof_session *session, const struct asof_view *view,
	     const int64_t *generations)
{
	struct asof_error err = { 0 };
	assert_ok(try_replace_view(w, session, view, generations, &err), err);
	assert_partitions(session, view);
}

static void
replace_all(struct world *w)
{
	const int64_t generations[] = { w->generation - 1, w->generation };
	struct asof_error err = { 0 };
	struct asof_catalog *catalog = NULL;
	struct asof_session *session = open_session(w, NULL);
	assert_ok(asof_session_bind(session, &err), err);
	assert_ok(asof_session_catalog(session, &catalog, &err), err);
	for (size_t i = 0; i < session->project->view_count; i++)
		replace_view(w, session, &session->project->views[i], generations);
	asof_session_close(session);
}

static char *
read_text(const char *dir, const char *name)
{
	char path[TEMPDIR_MAX + 64];
	char *text = test_calloc(1, 1u << 20);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	assert_true(fread(text, 1, (1u << 20) - 1, file) > 0);
	assert_int_equal(fclose(file), 0);
	return text;
}

static char *
join(struct world *w, struct asof_session *session, const char *service,
     enum asof_known_at known_at)
{
	struct asof_error err = { 0 };
	char spine[TEMPDIR_MAX + 64];
	char out[TEMPDIR_MAX + 64];
	char *json = NULL;
	(void)snprintf(spine, sizeof(spine), "%s/spine.csv", w->dir);
	(void)snprintf(out, sizeof(out), "%s/out.csv", w->dir);
	struct asof_join_options options = { .spine = spine,
					     .service = service,
					     .out = out,
					     .known_at = known_at,
					     /* 2024-03-01T05:20:00Z */
					     .known_at_us = INT64_C(1709270400000000) };
	assert_ok(asof_join(session, &options, &json, &err), err);
	asof_mem_free(json);
	return read_text(w->dir, "out.csv");
}

static void
assert_same_joins(struct world *w, struct asof_session *const sessions[2], const char *service,
		  enum asof_known_at known_at)
{
	char *replaced = join(w, sessions[0], service, known_at);
	char *rebuilt = join(w, sessions[1], service, known_at);
	if (strcmp(replaced, rebuilt) != 0)
		fail_msg("generation %d, service %s, known at %d: joins differ", w->generation,
			 service, (int)known_at);
	test_free(replaced);
	test_free(rebuilt);
}

static void
assert_like_a_full_rebuild(struct world *w)
{
	struct asof_session *sessions[2] = { open_session(w, NULL), open_session(w, "full") };
	assert_same_joins(w, sessions, "all_told", ASOF_KNOWN_AT_NONE);
	assert_same_joins(w, sessions, "all_told", ASOF_KNOWN_AT_LABEL);
	assert_same_joins(w, sessions, "all_told", ASOF_KNOWN_AT_TIME);
	assert_same_joins(w, sessions, "all_now", ASOF_KNOWN_AT_NONE);
	for (size_t i = 0; i < ASOF_COUNTOF(sessions); i++)
		asof_session_close(sessions[i]);
}

static void
next_generation(struct world *w, bool is_moving_only)
{
	write_rows(w, "before.csv");
	change_rows(w, is_moving_only);
	write_rows(w, "data/told.csv");
	w->generation++;
}

static void
replacing_equals_a_full_rebuild(void **state)
{
	struct world *w = *state;
	for (int round = 0; round < ROUNDS; round++) {
		next_generation(w, round % 2 == 1);
		replace_all(w);
		build_full(w, "full");
		assert_like_a_full_rebuild(w);
	}
}

/* Another round of changes, each view's first attempt failed where `point` is. */
static void
fail_and_replace(struct world *w, const char *point)
{
	const int64_t generations[] = { w->generation - 1, w->generation };
	struct asof_error err = { 0 };
	struct asof_catalog *catalog = NULL;
	struct asof_session *session = open_session(w, NULL);
	assert_ok(asof_session_bind(session, &err), err);
	assert_ok(asof_session_catalog(session, &catalog, &err), err);
	for (size_t i = 0; i < session->project->view_count; i++) {
		const struct asof_view *view = &session->project->views[i];
		struct asof_error why = { 0 };
		assert_ok(asof_fault_arm(point, 1, ASOF_FAULT_FAIL, &err), err);
		assert_int_equal(try_replace_view(w, session, view, generations, &why), ASOF_IO);
		assert_non_null(strstr(why.message, point));
		asof_fault_disarm_all();
		replace_view(w, session, view, generations);
	}
	asof_session_close(session);
}

/* In a process of its own; what it leaves is what the next one finds. */
static void
die_replacing(struct world *w, const char *point)
{
	pid_t child = fork();
	if (child == 0) {
		struct asof_error err = { 0 };
		assert_ok(asof_fault_arm(point, 1, ASOF_FAULT_KILL, &err), err);
		replace_all(w);
		_exit(0);
	}
	int status = 0;
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
one_that_failed_or_died_is_done_by_the_next(void **state)
{
	struct world *w = *state;
	static const char *const points[] = { "build.replace.before_touched",
					      "build.replace.after_touched" };
	for (size_t i = 0; i < ASOF_COUNTOF(points); i++) {
		next_generation(w, false);
		fail_and_replace(w, points[i]);
		next_generation(w, false);
		die_replacing(w, points[i]);
		replace_all(w);
	}
	build_full(w, "full");
	assert_like_a_full_rebuild(w);
}

static int
set_up(void **state)
{
	struct world *w = test_calloc(1, sizeof(*w));
	char data[TEMPDIR_MAX + 16];
	w->seed = 20240301;
	tempdir_make(w->dir);
	(void)snprintf(data, sizeof(data), "%s/data", w->dir);
	assert_int_equal(mkdir(data, 0700), 0);
	sample_file(w->dir, "asof.yaml", yaml);
	for (w->count = 0; w->count < 150; w->count++)
		w->rows[w->count] = random_row(w);
	write_rows(w, "data/told.csv");
	write_spine(w);
	build_full(w, NULL);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;
	tempdir_remove(w->dir);
	test_free(w);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replacing_equals_a_full_rebuild),
		cmocka_unit_test(one_that_failed_or_died_is_done_by_the_next),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
