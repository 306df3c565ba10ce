#include "job/version_set.h"

#include <inttypes.h>

#include "base/number.h"
#include "base/suggest.h"
#include "job/version_files.h"

void
asof_version_set_done(struct asof_version_set *set)
{
	asof_mem_free(set->items);
	*set = (struct asof_version_set){ 0 };
}

static enum asof_status
take_version(void *arg, const struct asof_version *version, struct asof_error *err)
{
	struct asof_version_set *set = arg;
	void *items = set->items;
	ASOF_TRY(
		asof_mem_reserve(&items, &set->capacity, set->count + 1, sizeof(*set->items), err));
	set->items = items;
	return asof_version_copy(set->arena, version, &set->items[set->count++], err);
}

enum asof_status
asof_version_set_read(struct asof_session *session, struct asof_arena *arena,
		      struct asof_version_set *set, struct asof_error *err)
{
	struct asof_catalog *catalog = NULL;
	ASOF_TRY(asof_session_catalog(session, &catalog, err));
	set->arena = arena;
	return asof_catalog_versions(catalog, NULL, take_version, set, err);
}

/* "1", "1.2", "1.2.3": how many numbers there are; 0 for anything else. */
static size_t
parse_wanted(const char *text, int32_t numbers[3])
{
	for (size_t count = 0; count < 3;) {
		size_t len = strcspn(text, ".");
		uint64_t value;
		if (!asof_uint64_parse((struct asof_str){ text, len }, &value) || value > INT32_MAX)
			return 0;
		numbers[count++] = (int32_t)value;
		text += len;
		if (*text == '\0')
			return count;
		text++;
	}
	return 0;
}

/* a is newer than b, by number. */
static bool
is_newer(const struct asof_version *a, const struct asof_version *b)
{
	if (a->major != b->major)
		return a->major > b->major;
	if (a->minor != b->minor)
		return a->minor > b->minor;
	return a->patch > b->patch;
}

struct wish {
	const char *view;
	size_t number_count; /* 0: the current one */
	int32_t numbers[3];
	bool has_as_of;
	int64_t as_of_us;
};

static bool
is_wished(const struct wish *wish, const struct asof_version *version)
{
	const int32_t have[3] = { version->major, version->minor, version->patch };
	if (strcmp(version->view, wish->view) != 0)
		return false;
	for (size_t i = 0; i < wish->number_count; i++) {
		if (have[i] != wish->numbers[i])
			return false;
	}
	if (wish->has_as_of)
		return version->published_us <= wish->as_of_us;
	return wish->number_count > 0 || version->is_current;
}

const struct asof_version *
asof_version_set_current(const struct asof_version_set *set, const char *view)
{
	for (size_t i = 0; i < set->count; i++) {
		if (set->items[i].is_current && strcmp(set->items[i].view, view) == 0)
			return &set->items[i];
	}
	return NULL;
}

/* The view may be one that was never built, or a name that nobody has. */
static enum asof_status
nothing_published(const struct asof_version_set *set, const char *view, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const char **names = asof_arena_array(&arena, set->count, sizeof(*names));
	for (size_t i = 0; names && i < set->count; i++)
		names[i] = set->items[i].view;
	const char *near = names ? asof_suggest(asof_str_from(view), names, set->count) : NULL;
	return ASOF_FAIL(err, ASOF_NOT_FOUND,
			 "view '%s' has no published version: run `asof build %s` first%s%s%s",
			 view, view, near ? " (or did you mean '" : "", near ? near : "",
			 near ? "'?)" : "");
}

/* What there is of a view, for the message: "1.0.0, 1.0.1". */
static enum asof_status
not_found(const struct asof_version_set *set, const struct wish *wish, const char *wanted,
	  struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf have = ASOF_BUF(256);
	for (size_t i = 0; i < set->count; i++) {
		const struct asof_version *version = &set->items[i];
		if (strcmp(version->view, wish->view) == 0)
			asof_buf_printf(&have, "%s%" PRId32 ".%" PRId32 ".%" PRId32,
					have.len ? ", " : "", version->major, version->minor,
					version->patch);
	}
	if (have.len == 0)
		return nothing_published(set, wish->view, err);
	if (wish->has_as_of)
		return ASOF_FAIL(err, ASOF_NOT_FOUND,
				 "view '%s' had no published version at that time (have: %s)",
				 wish->view, asof_buf_cstr(&have));
	return ASOF_FAIL(err, ASOF_NOT_FOUND, "view '%s' has no version '%s' (have: %s)",
			 wish->view, wanted ? wanted : "latest", asof_buf_cstr(&have));
}

enum asof_status
asof_version_set_find(const struct asof_version_set *set, const char *view, const char *wanted,
		      bool has_as_of, int64_t as_of_us, const struct asof_version **ret_version,
		      struct asof_error *err)
{
	struct wish wish = { .view = view, .has_as_of = has_as_of, .as_of_us = as_of_us };
	if (wanted && *wanted && strcmp(wanted, "latest") != 0) {
		wish.number_count = parse_wanted(wanted, wish.numbers);
		if (wish.number_count == 0)
			return ASOF_FAIL(err, ASOF_INVALID,
					 "'%s' is no version (say 1.2.3, 1.2, 1 or latest)",
					 wanted);
	}
	const struct asof_version *best = NULL;
	for (size_t i = 0; i < set->count; i++) {
		const struct asof_version *version = &set->items[i];
		if (!is_wished(&wish, version))
			continue;
		bool is_better =
			best == NULL || (wish.has_as_of && wish.number_count == 0
						 ? version->published_us > best->published_us
						 : is_newer(version, best));
		if (is_better)
			best = version;
	}
	if (!best)
		return not_found(set, &wish, wanted, err);
	*ret_version = best;
	return ASOF_OK;
}

void
asof_version_table_done(struct asof_version_table *table)
{
	asof_project_free(table->project);
	table->project = NULL;
}

static enum asof_status
open_table(struct asof_session *session, const struct asof_version *version,
	   struct asof_arena *arena, struct asof_version_table *table, struct asof_error *err)
{
	if (asof_version_is_on_demand(version))
		return ASOF_FAIL(err, ASOF_INVALID,
				 "it is on-demand: it is computed when it is read, and has no data "
				 "of its own");
	table->version = version;
	table->version_text = asof_version_text(version, arena);
	ASOF_TRY(asof_version_project(version, &table->project, &table->view, err));
	ASOF_TRY(asof_version_read_table(session, version, arena, &table->snapshot, err));

	const char **paths = asof_arena_array(arena, table->snapshot.file_count, sizeof(*paths));
	if (!paths || !table->version_text)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu files", table->snapshot.file_count);
	for (size_t i = 0; i < table->snapshot.file_count; i++)
		paths[i] = table->snapshot.files[i].path;
	table->plan = (struct asof_plan_table){ .view = table->view,
						.paths = paths,
						.path_count = table->snapshot.file_count };
	if (asof_view_is_windowed(table->view)) {
		ASOF_TRY(asof_tile_layout_make(table->view, arena, &table->layout, err));
		table->plan.layout = &table->layout;
	}
	return asof_plan_stored_fields(table->view, table->plan.layout, table->snapshot.fields,
				       table->snapshot.field_count, arena, &table->plan.fields,
				       &table->plan.field_count, err);
}

enum asof_status
asof_version_table_open(struct asof_session *session, const struct asof_version *version,
			struct asof_arena *arena, struct asof_version_table *ret_table,
			struct asof_error *err)
{
	*ret_table = (struct asof_version_table){ 0 };
	enum asof_status status = open_table(session, version, arena, ret_table, err);
	if (status != ASOF_OK) {
		asof_version_table_done(ret_table);
		return ASOF_WRAP(err, status, "view '%s'", version->view);
	}
	return ASOF_OK;
}

enum asof_status
asof_no_output(const struct asof_view *view, const char *version_text, const char *name,
	       struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const char **names = asof_arena_array(&arena, view->output_count, sizeof(*names));
	for (size_t i = 0; names && i < view->output_count; i++)
		names[i] = view->outputs[i].name;
	const char *near =
		names ? asof_suggest(asof_str_from(name), names, view->output_count) : NULL;
	if (near)
		return ASOF_FAIL(err, ASOF_NOT_FOUND,
				 "view '%s' %s has no feature '%s' (did you mean '%s'?)",
				 view->name, version_text, name, near);
	return ASOF_FAIL(err, ASOF_NOT_FOUND, "view '%s' %s has no feature '%s'", view->name,
			 version_text, name);
}
