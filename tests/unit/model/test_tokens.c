#include "model/tokens.h"

#include "check.h"

static struct asof_token items[3];
static const struct asof_tokens tokens = { .items = items, .count = ASOF_COUNTOF(items) };
static char hashes[ASOF_COUNTOF(items)][ASOF_SHA256_TEXT_MAX];

static int
setup(void **state)
{
	static const char *const secrets[] = { "one", "two", "three" };
	struct asof_error err = { 0 };
	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(items); i++) {
		assert_ok(asof_sha256_text(asof_str_from(secrets[i]), hashes[i], &err), err);
		items[i] = (struct asof_token){ .name = secrets[i], .sha256 = hashes[i] };
	}
	return 0;
}

static const struct asof_token *
find(const char *secret)
{
	struct asof_error err = { 0 };
	const struct asof_token *token = NULL;
	assert_ok(asof_tokens_find(&tokens, asof_str_from(secret), &token, &err), err);
	return token;
}

static void
each_token_is_found_by_its_own_secret(void **state)
{
	(void)state;
	assert_ptr_equal(find("one"), &items[0]);
	assert_ptr_equal(find("two"), &items[1]);
	assert_ptr_equal(find("three"), &items[2]);
}

static void
what_is_no_token_finds_none(void **state)
{
	(void)state;
	assert_null(find(""));
	assert_null(find("on"));
	assert_null(find("one "));
	assert_null(find("thre"));
	assert_null(find(hashes[0])); /* the hash is not the token */
}

static void
a_hash_that_differs_in_one_digit_is_another(void **state)
{
	(void)state;
	for (size_t i = 0; i < ASOF_SHA256_TEXT_MAX - 1; i++) {
		char right = hashes[1][i];
		hashes[1][i] = right == '0' ? '1' : '0';
		assert_null(find("two"));
		hashes[1][i] = right;
	}
	assert_ptr_equal(find("two"), &items[1]);
}

static void
a_scope_without_limits_has_everything(void **state)
{
	static const char *names[] = { "a", "b" };
	struct asof_token_scope scope = { .names = names, .count = 2 };
	(void)state;
	assert_true(asof_token_scope_has(&scope, asof_str_from("c")));
	scope.is_limited = true;
	assert_true(asof_token_scope_has(&scope, asof_str_from("b")));
	assert_false(asof_token_scope_has(&scope, asof_str_from("c")));
	scope.count = 0;
	assert_false(asof_token_scope_has(&scope, asof_str_from("a")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_token_is_found_by_its_own_secret),
		cmocka_unit_test(what_is_no_token_finds_none),
		cmocka_unit_test(a_hash_that_differs_in_one_digit_is_another),
		cmocka_unit_test(a_scope_without_limits_has_everything),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
