/* test_define_memory.c - every allocation of a reading failed in turn. */
#include "project_dir.h"

#define ALLOCATIONS_MAX 20000

static const char project_yaml[] =
	"project: p\n"
	"lake: s3://bucket\n"
	"profiles: {prod: {online: memory}}\n"
	"entities: {e: {keys: {k: string, l: int64}, tags: [t]}}\n"
	"sources:\n"
	"  s: {path: a.csv, event_time: t, select: {z: a, y: z}, types: {k: string, l: int64, a: "
	"int64, z: int64}}\n"
	"views:\n"
	"  v: {entity: e, source: s, step: 1h, keys: {l: l}, features: &f {a: {column: a, agg: "
	"[mean, quantile(0.5), last, count_distinct], windows: [1h, 2h], default: 0}, z: {column: "
	"z, "
	"agg: sum, windows: [1h]}}, checks: {a_mean_1h: [not_null, {in: [1, 2]}]}}\n"
	"  w: {entity: e, source: s, step: event, features: *f}\n"
	"  x: {entity: e, source: s, features: [a, z]}\n"
	"services: {m: {features: [v.*, x@1.2.a]}}\n";

/* Everything that may be done with a definition. */
static enum asof_status
use(const struct asof_project *project, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(1u << 20);
	ASOF_AUTO(asof_buf_done) struct asof_buf reasons = ASOF_BUF(1u << 20);
	const struct asof_view *view = &project->views[0];
	enum asof_change change;
	ASOF_TRY(asof_define_canonical(project, view, false, &buf, err));
	asof_buf_clear(&buf);
	ASOF_TRY(asof_define_canonical_service(&project->services[0], &buf, err));
	ASOF_TRY(asof_define_compare(view, project, &project->views[1], project, &change, &reasons,
				     err));
	(void)asof_define_same_table(view, view);
	return ASOF_OK;
}

static enum asof_status
parse_and_use(struct asof_mistakes *mistakes, struct asof_error *err)
{
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
	struct asof_define_options options = { .dir = "/p", .profile = "prod" };
	ASOF_TRY(asof_define_parse(asof_str_from(project_yaml), "f", &options, mistakes, &project,
				   err));
	ASOF_TRY(asof_mistakes_status(mistakes, err));
	return use(project, err);
}

/* Fail allocation 1, then 2, then 3, ... until `scenario` gets through. */
static void
assert_survives(enum asof_status (*scenario)(struct asof_mistakes *, struct asof_error *),
		enum asof_status last)
{
	size_t before = asof_mem_live();
	for (size_t n = 1; n < ALLOCATIONS_MAX; n++) {
		struct asof_error err = { 0 };
		struct asof_mistakes mistakes = { 0 };
		asof_mem_fail_at(n);
		enum asof_status status = scenario(&mistakes, &err);
		asof_mem_fail_at(0);
		asof_mistakes_done(&mistakes);
		assert_int_equal(asof_mem_live(), before);
		if (status != ASOF_NO_MEMORY) {
			assert_int_equal(status, last);
			assert_true(n > 30);
			/* A hint or the text of a message may be lost before this one. */
			if (status == ASOF_OK || n > 2000)
				return;
			continue;
		}
		assert_true(err.message[0] != '\0');
	}
	assert_int_equal(last, ASOF_INVALID);
}

static void
every_allocation_failure_of_parsing_is_survived(void **state)
{
	(void)state;
	assert_survives(parse_and_use, ASOF_OK);
}

static struct project_dir files;

static enum asof_status
read_files(struct asof_mistakes *mistakes, struct asof_error *err)
{
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
	struct asof_define_options options = { .dir = files.path };
	ASOF_TRY(asof_define_read(&options, mistakes, &project, err));
	return asof_mistakes_status(mistakes, err);
}

static void
every_allocation_failure_of_reading_files_is_survived(void **state)
{
	(void)state;
	files = project_dir_make();
	project_dir_write(&files, "asof.yaml", "project: p\ninclude: [a.yaml, b*.yaml]\n");
	project_dir_write(&files, "a.yaml", "entities: {e: {keys: {k: string}}}\n");
	project_dir_write(&files, "b.yaml", "sources: {s: {path: a.csv, event_time: t}}\n");
	assert_survives(read_files, ASOF_OK);
	project_dir_remove(&files);
}

static enum asof_status
read_mistakes(struct asof_mistakes *mistakes, struct asof_error *err)
{
	static const char text[] =
		"entities: {e: {keys: {k: strin}}}\n"
		"sources: {s: {path: a, event_tim: t, types: {k: string, a: json}}}\n"
		"views: {v: {entity: f, source: s, features: [a, a], checks: {b: not_null}}}\n"
		"services: {m: {features: [w.a, v.b]}}\n";
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
	ASOF_TRY(asof_define_parse(asof_str_from(text), "f", NULL, mistakes, &project, err));
	return asof_mistakes_status(mistakes, err);
}

static void
every_allocation_failure_of_mistakes_is_survived(void **state)
{
	(void)state;
	assert_survives(read_mistakes, ASOF_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_failure_of_parsing_is_survived),
		cmocka_unit_test(every_allocation_failure_of_reading_files_is_survived),
		cmocka_unit_test(every_allocation_failure_of_mistakes_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
