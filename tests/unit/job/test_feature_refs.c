/* test_feature_refs.c - what a reference to a feature means. */
#include "job/feature_refs.h"
#include "job_samples.h"

static const char text[] =
	"entities: {e: {keys: {k: string}}}\n"
	"sources: {s: {path: a.csv, event_time: t, types: {k: string, t: timestamp, x: int64, y: "
	"int64}}}\n"
	"views: {v: {entity: e, source: s, features: [x, y]}, w: {entity: e, source: s, features: "
	"[x]}}\n"
	"services: {model: {features: [v.*, w@1.2.x]}}\n";

static void
assert_ref(const struct asof_feature_ref *ref, const char *view, const char *version,
	   const char *feature)
{
	assert_string_equal(ref->view, view);
	assert_string_equal(ref->feature, feature);
	if (version) {
		assert_non_null(ref->version);
		assert_string_equal(ref->version, version);
	} else {
		assert_null(ref->version);
	}
}

static void
a_reference_has_a_view_perhaps_a_version_and_a_feature(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *view;
		const char *version;
		const char *feature;
	} cases[] = {
		{ "view.feature", "view", NULL, "feature" },
		{ "v.*", "v", NULL, "*" },
		{ "v@1.f", "v", "1", "f" },
		{ "v@1.2.f", "v", "1.2", "f" },
		{ "v@1.2.3.f", "v", "1.2.3", "f" },
		{ "view@10.20.30.delay_p99_9_1d", "view", "10.20.30", "delay_p99_9_1d" },
		{ "v@latest.f", "v", "latest", "f" },
		{ "v@1.2.3.*", "v", "1.2.3", "*" },
	};
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_error err = { 0 };
		struct asof_feature_ref ref;
		assert_ok(asof_feature_ref_parse(cases[i].text, &arena, &ref, &err), err);
		assert_ref(&ref, cases[i].view, cases[i].version, cases[i].feature);
	}
}

static void
anything_else_is_refused_with_what_would_be_right(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",         "v",         ".",           ".f",       "v.",      "@1.f",
		"v@",       "v@.f",      "v@f",         "v@x.f",    "v@1",     "v@1.",
		"v@1.2",    "v@1..f",    "v@1x.f",      "v@1.2x.f", "v.a.b",   "v@1.a.b",
		"v@latest", "v@latest.", "v@latestx.f", "v@-1.f",   "v@1.2.3",
	};
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	for (size_t i = 0; i < ASOF_COUNTOF(texts); i++) {
		struct asof_error err = { 0 };
		struct asof_feature_ref ref = { "untouched", NULL, NULL, false };
		if (asof_feature_ref_parse(texts[i], &arena, &ref, &err) != ASOF_INVALID)
			fail_msg("'%s' is taken", texts[i]);
		assert_string_equal(ref.view, "untouched");
		assert_non_null(strstr(err.message, texts[i]));
		assert_non_null(
			strstr(err.message, "say view.feature, view.* or view@1.2.3.feature"));
	}
}

static void
a_service_is_its_features_with_the_versions_it_pins(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct asof_session session = sample_session(text, NULL);
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_feature_ref *refs = NULL;
	size_t count = 0;
	assert_ok(asof_feature_refs(&session, "model", NULL, 0, &arena, &refs, &count, &err), err);
	assert_int_equal(count, 3);
	assert_ref(&refs[0], "v", NULL, "x");
	assert_ref(&refs[1], "v", NULL, "y");
	assert_ref(&refs[2], "w", "1.2", "x");
	sample_session_done(&session);
}

static void
a_list_keeps_its_order_and_its_repetitions(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct asof_session session = sample_session(text, NULL);
	static const char *const texts[] = { "w.x", "v.*", "nowhere@2.z", "w.x" };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_feature_ref *refs = NULL;
	size_t count = 0;
	assert_ok(asof_feature_refs(&session, NULL, texts, 4, &arena, &refs, &count, &err), err);
	assert_int_equal(count, 4);
	assert_ref(&refs[0], "w", NULL, "x");
	assert_ref(&refs[1], "v", NULL, "*");
	assert_ref(&refs[2], "nowhere", "2", "z");
	assert_ref(&refs[3], "w", NULL, "x");
	sample_session_done(&session);
}

static void
a_wrong_choice_says_what_to_choose(void **state)
{
	(void)state;
	struct asof_session session = sample_session(text, NULL);
	static const char *const texts[] = { "v.x", "v" };
	static const struct {
		const char *service;
		size_t text_count;
		enum asof_status status;
		const char *message;
	} cases[] = {
		{ "model", 1, ASOF_INVALID, "say a service or features, not both" },
		{ NULL, 0, ASOF_INVALID, "say which features: a service, or a list" },
		{ NULL, 2, ASOF_INVALID,
		  "'v' names no feature: say view.feature, view.* or view@1.2.3.feature" },
		{ "modle", 0, ASOF_NOT_FOUND, "no service 'modle' (did you mean 'model'?)" },
		{ "unlike", 0, ASOF_NOT_FOUND, "no service 'unlike'" },
	};
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_error err = { 0 };
		struct asof_feature_ref *refs = NULL;
		size_t count = 77;
		assert_int_equal(asof_feature_refs(&session, cases[i].service, texts,
						   cases[i].text_count, &arena, &refs, &count,
						   &err),
				 cases[i].status);
		assert_string_equal(err.message, cases[i].message);
		assert_null(refs);
		assert_int_equal(count, 77);
	}
	sample_session_done(&session);
}

static enum asof_status
read_refs(void *arg, struct asof_error *err)
{
	struct asof_session *session = arg;
	static const char *const texts[] = { "v@1.2.3.x", "w.x" };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena another = { 0 };
	struct asof_feature_ref *refs = NULL;
	size_t count = 0;
	ASOF_TRY(asof_feature_refs(session, "model", NULL, 0, &arena, &refs, &count, err));
	return asof_feature_refs(session, NULL, texts, 2, &another, &refs, &count, err);
}

static void
every_allocation_failure_is_survived(void **state)
{
	(void)state;
	struct asof_session session = sample_session(text, NULL);
	assert_survives(read_refs, &session);
	sample_session_done(&session);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reference_has_a_view_perhaps_a_version_and_a_feature),
		cmocka_unit_test(anything_else_is_refused_with_what_would_be_right),
		cmocka_unit_test(a_service_is_its_features_with_the_versions_it_pins),
		cmocka_unit_test(a_list_keeps_its_order_and_its_repetitions),
		cmocka_unit_test(a_wrong_choice_says_what_to_choose),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
