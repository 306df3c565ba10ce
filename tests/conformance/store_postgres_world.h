/* store_postgres_world.h - a store in PostgreSQL, in a schema of the test's own, and eyes to look
 * into it. */
#ifndef STORE_POSTGRES_WORLD_H
#define STORE_POSTGRES_WORLD_H

#include "base/fault.h"
#include "conformance/store_fixture.h"
#include "model/project.h"

struct world {
	char schema[16];
	char uri[256];
	struct asof_store *store;
};

static inline struct asof_store *
open_at(const char *uri)
{
	struct asof_error err = { 0 };
	struct asof_store *store = NULL;
	assert_ok(asof_store_open(uri, &store, &err), err);
	return store;
}

static inline int
world_up(void **state)
{
	static int count;
	static struct world w;
	char server_uri[200];
	postgres_uri(postgres_of_tests(), server_uri, sizeof(server_uri));
	(void)snprintf(w.schema, sizeof(w.schema), "p%d", ++count);
	(void)snprintf(w.uri, sizeof(w.uri), "%s?schema=%s", server_uri, w.schema);
	w.store = open_at(w.uri);
	*state = &w;
	return 0;
}

static inline int
world_down(void **state)
{
	asof_fault_disarm_all();
	asof_store_free(((struct world *)*state)->store);
	return 0;
}

/* What psql prints, as the owner of all: columns with "|" between them, lines with ";". */
static const char *
ask(const struct world *w, const char *sql, char *out, size_t size)
{
	char command[4096];
	(void)snprintf(command, sizeof(command),
		       "PGPASSWORD='%s' PGOPTIONS='-c search_path=%s' psql -h 127.0.0.1 -p %d -U "
		       "asof -d asof -v ON_ERROR_STOP=1 -qAtX -R ';' <<'EOF' 2>&1\n%s\nEOF\n",
		       POSTGRES_PASSWORD, w->schema, postgres_of_tests()->port, sql);
	FILE *psql = popen(command, "r");
	assert_non_null(psql);
	size_t len = fread(out, 1, size - 1, psql);
	assert_int_equal(pclose(psql), 0);
	while (len > 0 && out[len - 1] == '\n')
		len--;
	out[len] = '\0';
	return out;
}

static inline void
assert_asked(const struct world *w, const char *sql, const char *expected)
{
	char out[4096];
	assert_string_equal(ask(w, sql, out, sizeof(out)), expected);
}

/* --- tables that show two keys --- */

static const struct asof_field shown_keys[] = {
	{ .name = "user", .type = { .kind = ASOF_TYPE_STRING } },
	{ .name = "Order", .type = { .kind = ASOF_TYPE_INT64 } },
};

static inline struct asof_value
text(const char *cstr)
{
	return (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_STRING),
				    .str = asof_str_from(cstr) };
}

static inline struct asof_value
int64(int64_t number)
{
	return (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_INT64), .int64 = number };
}

static inline struct asof_store_table
shown_table(const char *name, const struct asof_field *values, size_t value_count)
{
	return (struct asof_store_table){ name, shown_keys, 2, values, value_count };
}

static inline void
put_shown(struct asof_store *store, const struct asof_store_table *table, const char *key,
	  const struct asof_value *shown, int64_t event_us)
{
	struct asof_error err = { 0 };
	size_t written;
	struct asof_store_row one = row(asof_str_from(key), S("packed"), event_us, event_us);
	one.shown = shown;
	assert_ok(asof_store_put(store, table, &one, 1, &written, &err), err);
	assert_int_equal(written, 1);
}

static inline void
load_shown(struct asof_store *store, const struct asof_store_table *table, const char *key,
	   const struct asof_value *shown)
{
	struct asof_error err = { 0 };
	struct asof_store_load *load = NULL;
	struct asof_store_row one = row(asof_str_from(key), S("packed"), 1, 1);
	one.shown = shown;
	assert_ok(asof_store_load_begin(store, table, &load, &err), err);
	assert_ok(asof_store_load_put(load, &one, 1, &err), err);
	commit(load, S("m"));
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, world_up, world_down)

#endif
