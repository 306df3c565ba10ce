/* test_catalog_uri.c - what a catalog's URI may be, and that its password is nobody's business. */
#include "catalog/catalog.h"
#include "tempdir.h"

static void
assert_refused(const char *uri, enum asof_status status, const char *said)
{
	struct asof_error err = { 0 };
	struct asof_catalog *catalog = NULL;
	assert_int_equal(asof_catalog_open(uri, &catalog, &err), status);
	assert_null(catalog);
	if (!strstr(err.message, said))
		fail_msg("'%s' does not say '%s'", err.message, said);
	assert_null(strstr(err.message, "hunter2"));
}

static void
what_is_no_catalog_is_refused(void **state)
{
	(void)state;
	assert_refused("s3:bucket", ASOF_UNSUPPORTED,
		       "no catalog of kind 's3' (have: memory, sqlite:FILE, "
		       "postgres://USER@HOST/DATABASE)");
	assert_refused("sqlite:", ASOF_INVALID, "no file");
	assert_refused("memory:x", ASOF_INVALID, "no location");
}

static void
a_file_that_is_no_database_is_refused(void **state)
{
	char dir[TEMPDIR_MAX];
	char path[TEMPDIR_MAX + 16];
	char uri[TEMPDIR_MAX + 32];
	(void)state;
	tempdir_make(dir);
	(void)snprintf(path, sizeof(path), "%s/text", dir);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	for (int i = 0; i < 200; i++)
		assert_true(fputs("this is no database\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	(void)snprintf(uri, sizeof(uri), "sqlite:%s", path);
	assert_refused(uri, ASOF_CORRUPT, "/text'");
	(void)snprintf(uri, sizeof(uri), "sqlite:%s", dir);
	assert_refused(uri, ASOF_IO, dir);
	tempdir_remove(dir);
}

static void
a_malformed_uri_is_told_without_its_password(void **state)
{
	(void)state;
	assert_refused("postgres:", ASOF_INVALID, "no server");
	assert_refused("postgres:db", ASOF_INVALID, "no server");
	assert_refused("postgres://me:hunter2%zz@127.0.0.1/db", ASOF_INVALID, "malformed");
	assert_refused("postgres://me:hunter2@127.0.0.1/db?colour=red", ASOF_INVALID, "malformed");
	assert_refused("postgresql://me:hunter2@127.0.0.1:1/db", ASOF_UNAVAILABLE,
		       "me:***@127.0.0.1:1/db");
}

int
main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(what_is_no_catalog_is_refused),
		cmocka_unit_test(a_file_that_is_no_database_is_refused),
		cmocka_unit_test(a_malformed_uri_is_told_without_its_password),
	};
	return cmocka_run_group_tests(all, NULL, NULL);
}
