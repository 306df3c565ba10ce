/* test_live.c - what is reloaded while threads hold it: each holds the whole of one state, and the
 * last who lets go frees it. */
#include "http/live.h"

#include <pthread.h>
#include <stdio.h>

#include "check.h"
#include "tempdir.h"

#define THREADS 4
#define RELOADS 200
#define TOKENS  "tokens: {%s: {sha256: %.63s%x, rights: [read]}}\n"
#define SHA256  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"

struct fixture {
	char dir[TEMPDIR_MAX];
	char path[TEMPDIR_MAX + 16];
	struct asof_server_options options;
	struct asof_live *live;
	size_t live_before;
	atomic_bool is_over;
};

static void
write_tokens(const struct fixture *f, const char *text)
{
	FILE *file = fopen(f->path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Token 'even' ends in 0, token 'odd' in 1. */
static void
write_token(const struct fixture *f, bool is_odd)
{
	char text[256];
	(void)snprintf(text, sizeof(text), TOKENS, is_odd ? "odd" : "even", SHA256, is_odd);
	write_tokens(f, text);
}

static int
set_up(void **state)
{
	static struct fixture f;
	struct asof_error err = { 0 };
	f = (struct fixture){ .live_before = asof_mem_live() };
	tempdir_make(f.dir);
	(void)snprintf(f.path, sizeof(f.path), "%s/tokens.yaml", f.dir);
	f.options.tokens_path = f.path;
	write_token(&f, false);
	assert_ok(asof_live_open(&f.options, NULL, &f.live, &err), err);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	asof_live_free(f->live);
	tempdir_remove(f->dir);
	return asof_mem_live() == f->live_before ? 0 : -1;
}

/* A state is of one file. */
static bool
is_whole(const struct asof_live_state *held)
{
	if (!held->tokens || held->tokens->count != 1)
		return false;
	const struct asof_token *token = &held->tokens->items[0];
	bool is_odd = strcmp(token->name, "odd") == 0;
	return token->rights[ASOF_RIGHT_READ] && token->sha256[63] == (is_odd ? '1' : '0');
}

static void *
keep_asking(void *arg)
{
	struct fixture *f = arg;
	struct asof_live_state *held = NULL;
	bool is_good = true;
	while (!atomic_load(&f->is_over)) {
		asof_live_hold(f->live, &held);
		is_good = is_good && is_whole(held);
	}
	asof_live_release(&held);
	return is_good ? f : NULL;
}

static void
threads_that_ask_hold_one_state_each_while_it_is_reloaded(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, keep_asking, f), 0);
	for (int i = 0; i < RELOADS; i++) {
		struct asof_error err = { 0 };
		write_token(f, i % 2 == 0);
		assert_ok(asof_live_reload(f->live, &err), err);
	}
	atomic_store(&f->is_over, true);
	for (size_t i = 0; i < THREADS; i++) {
		void *good = NULL;
		assert_int_equal(pthread_join(threads[i], &good), 0);
		assert_non_null(good);
	}
}

static void
what_is_held_outlives_what_takes_its_place(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	struct asof_live_state *held = NULL;
	struct asof_live_state *fresh = NULL;
	asof_live_hold(f->live, &held);
	write_token(f, true);
	assert_ok(asof_live_reload(f->live, &err), err);
	asof_live_hold(f->live, &fresh);
	assert_string_equal(held->tokens->items[0].name, "even");
	assert_string_equal(fresh->tokens->items[0].name, "odd");
	asof_live_release(&fresh);
	asof_live_hold(f->live, &held);
	assert_string_equal(held->tokens->items[0].name, "odd");
	asof_live_release(&held);
}

static void
a_file_that_is_wrong_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	struct asof_live_state *held = NULL;
	write_tokens(f, "tokens: {");
	assert_int_equal(asof_live_reload(f->live, &err), ASOF_INVALID);
	assert_non_null(strstr(err.message, "tokens.yaml:"));
	asof_live_hold(f->live, &held);
	assert_true(is_whole(held));
	asof_live_release(&held);
}

static void
every_allocation_failure_of_a_reload_is_survived(void **state)
{
	struct fixture *f = *state;
	enum asof_status status = ASOF_NO_MEMORY;
	write_token(f, true);
	for (size_t n = 1; status != ASOF_OK; n++) {
		struct asof_error err = { 0 };
		struct asof_live_state *held = NULL;
		asof_mem_fail_at(n);
		status = asof_live_reload(f->live, &err);
		asof_mem_fail_at(0);
		asof_live_hold(f->live, &held);
		assert_string_equal(held->tokens->items[0].name,
				    status == ASOF_OK ? "odd" : "even");
		asof_live_release(&held);
		assert_true(n < 1000);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(threads_that_ask_hold_one_state_each_while_it_is_reloaded),
		TEST(what_is_held_outlives_what_takes_its_place),
		TEST(a_file_that_is_wrong_changes_nothing),
		TEST(every_allocation_failure_of_a_reload_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
