/* test_job_memory.c - jobs whose allocations fail: the same session runs them again, and no memory
 * is left behind. */
#include "job_samples.h"

struct fixture {
	char dir[TEMPDIR_MAX];
	char spine[TEMPDIR_MAX + 32];
	char out[TEMPDIR_MAX + 32];
	size_t live_before;
	struct asof_session *session;
};

typedef enum asof_status job_fn(struct fixture *f, char **ret_json, struct asof_error *err);

static enum asof_status
build(struct fixture *f, char **ret_json, struct asof_error *err)
{
	struct asof_build_options options = { .is_full = true };
	return asof_build(f->session, &options, ret_json, err);
}

static enum asof_status
plan(struct fixture *f, char **ret_json, struct asof_error *err)
{
	return asof_plan(f->session, ret_json, err);
}

static enum asof_status
apply(struct fixture *f, char **ret_json, struct asof_error *err)
{
	return asof_apply(f->session, true, ret_json, err);
}

static enum asof_status
join_with(struct fixture *f, bool is_sql, char **ret_json, struct asof_error *err)
{
	struct asof_join_options options = {
		.spine = f->spine, .service = "churn_model", .out = f->out, .is_sql = is_sql
	};
	return asof_join(f->session, &options, ret_json, err);
}

static enum asof_status
join(struct fixture *f, char **ret_json, struct asof_error *err)
{
	return join_with(f, false, ret_json, err);
}

static enum asof_status
join_by_sql(struct fixture *f, char **ret_json, struct asof_error *err)
{
	return join_with(f, true, ret_json, err);
}

static enum asof_status
direct_with(struct fixture *f, bool is_sql, char **ret_json, struct asof_error *err)
{
	struct asof_join_options options = { .spine = f->spine,
					     .service = "churn_model",
					     .out = f->out,
					     .is_sql = is_sql,
					     .is_direct = true };
	return asof_join(f->session, &options, ret_json, err);
}

static enum asof_status
join_directly(struct fixture *f, char **ret_json, struct asof_error *err)
{
	return direct_with(f, false, ret_json, err);
}

static enum asof_status
join_directly_by_sql(struct fixture *f, char **ret_json, struct asof_error *err)
{
	return direct_with(f, true, ret_json, err);
}

static enum asof_status
explain(struct fixture *f, char **ret_json, struct asof_error *err)
{
	struct asof_join_options options = { .spine = f->spine, .service = "churn_model" };
	return asof_explain(f->session, &options, true, ret_json, err);
}

static enum asof_status
explain_build(struct fixture *f, char **ret_json, struct asof_error *err)
{
	struct asof_build_options options = { .is_full = true };
	return asof_explain_build(f->session, &options, true, ret_json, err);
}

static enum asof_status
materialize(struct fixture *f, char **ret_json, struct asof_error *err)
{
	struct asof_materialize_options options = { .has_at = true, .at_us = SAMPLE_NOW_US };
	return asof_materialize(f->session, &options, ret_json, err);
}

static enum asof_status
get(struct fixture *f, char **ret_json, struct asof_error *err)
{
	static const char *const names[] = { "customer_id" };
	static const char *const values[] = { "7" };
	struct asof_reader_options options = { .has_clock = true,
					       .clock_us = SAMPLE_NOW_US,
					       .is_clock_held = true };
	struct asof_reader *reader = NULL;
	ASOF_TRY(asof_reader_open(f->session, &options, &reader, err));
	enum asof_status status =
		asof_reader_get(reader, "spending", names, values, 1, ret_json, err);
	asof_reader_close(reader);
	return status;
}

static enum asof_status
validate(struct fixture *f, char **ret_json, struct asof_error *err)
{
	return asof_validate(f->session, NULL, 0, ret_json, err);
}

static enum asof_status
list(struct fixture *f, char **ret_json, struct asof_error *err)
{
	static const char *const kinds[] = { NULL,      "views",    "features", "entities",
					     "sources", "services", "versions", "runs" };
	for (size_t i = 0; i < ASOF_COUNTOF(kinds); i++) {
		asof_mem_free(ASOF_STEAL(*ret_json));
		ASOF_TRY(asof_list(f->session, kinds[i], ret_json, err));
	}
	return ASOF_OK;
}

static enum asof_status
show(struct fixture *f, char **ret_json, struct asof_error *err)
{
	static const char *const names[] = { "spending@1.0.0", "orders", "customer",
					     "churn_model" };
	for (size_t i = 0; i < ASOF_COUNTOF(names); i++) {
		asof_mem_free(ASOF_STEAL(*ret_json));
		ASOF_TRY(asof_show(f->session, names[i], ret_json, err));
	}
	return ASOF_OK;
}

static int
set_up(void **state)
{
	static struct fixture f;
	struct asof_error err = { 0 };
	char *json = NULL;
	f = (struct fixture){ .live_before = asof_mem_live() };
	tempdir_make(f.dir);
	(void)snprintf(f.spine, sizeof(f.spine), "%s/data/spine.csv", f.dir);
	(void)snprintf(f.out, sizeof(f.out), "%s/out.parquet", f.dir);
	assert_ok(asof_init(f.dir, &json, &err), err);
	asof_mem_free(ASOF_STEAL(json));
	struct asof_session_options options = { .dir = f.dir, .threads = 1 };
	assert_ok(asof_session_open(&options, &f.session, &err), err);
	assert_ok(build(&f, &json, &err), err);
	asof_mem_free(ASOF_STEAL(json));
	assert_ok(materialize(&f, &json, &err), err);
	asof_mem_free(json);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	asof_session_close(f->session);
	tempdir_remove(f->dir);
	return asof_mem_live() == f->live_before ? 0 : -1;
}

/* Fail early allocations each, later ones ever further apart, until the job gets through. */
static void
assert_job_survives(struct fixture *f, job_fn *job)
{
	size_t failures = 0;
	unsigned successes = 0;
	for (size_t n = 1; successes < 3; n += 1 + n / 3) {
		struct asof_error err = { 0 };
		char *json = NULL;
		asof_mem_fail_at(n);
		enum asof_status status = job(f, &json, &err);
		asof_mem_fail_at(0);
		asof_mem_free(json);
		if (status != ASOF_OK && status != ASOF_NO_MEMORY)
			fail_msg("allocation %zu: status %d: %s", n, (int)status, err.message);
		if (status == ASOF_OK) {
			successes++;
			continue;
		}
		successes = 0; /* the one before did without a checkpoint */
		failures++;
	}
	assert_true(failures > 5);
}

#define CLAIM(job)                                             \
	static void job##_survives_every_failure(void **state) \
	{                                                      \
		assert_job_survives(*state, job);              \
	}

CLAIM(build)
CLAIM(plan)
CLAIM(apply)
CLAIM(join)
CLAIM(join_by_sql)
CLAIM(join_directly)
CLAIM(join_directly_by_sql)
CLAIM(explain)
CLAIM(explain_build)
CLAIM(materialize)
CLAIM(get)
CLAIM(validate)
CLAIM(list)
CLAIM(show)

#define TEST(job) cmocka_unit_test(job##_survives_every_failure)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(build),
		TEST(plan),
		TEST(apply),
		TEST(join),
		TEST(join_by_sql),
		TEST(join_directly),
		TEST(join_directly_by_sql),
		TEST(explain),
		TEST(explain_build),
		TEST(materialize),
		TEST(get),
		TEST(validate),
		TEST(list),
		TEST(show),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
