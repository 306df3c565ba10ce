#include "job/reader.h"

#include <inttypes.h>

#include "base/suggest.h"
#include "codec/key.h"
#include "codec/value_text.h"
#include "job/materialize_view.h"
#include "job/on_demand.h"
#include "job/online_views.h"
#include "job/served.h"

#define ROW_JSON_BYTES_MAX (64u << 20)
#define KEY_BYTES_MAX      ASOF_STORE_KEY_MAX

struct asof_reader {
	struct asof_session *session;
	struct asof_store *store;
	struct asof_clock clock;
	struct asof_online_views *views;
	atomic_uint_fast64_t store_errors;
	struct asof_serving serving;
};

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "reader");
}

static struct asof_clock
clock_of(const struct asof_reader_options *options)
{
	if (!options->has_clock)
		return asof_clock_system();
	return options->is_clock_held ? asof_clock_held(options->clock_us)
				      : asof_clock_from(options->clock_us);
}

/* A store of this process only starts empty: what is built is brought in at the reader's clock. */
static enum asof_status
fill_memory_store(struct asof_reader *reader, struct asof_error *err)
{
	struct asof_session *session = reader->session;
	if (strncmp(session->project->online, "memory", 6) != 0)
		return ASOF_OK;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_version_set_done) struct asof_version_set set = { 0 };
	int64_t now_us = asof_clock_now_us(&reader->clock);
	ASOF_TRY(asof_version_set_read(session, &arena, &set, err));
	for (size_t i = 0; i < set.count; i++) {
		struct asof_materialize_report report;
		if (!set.items[i].is_current || asof_version_is_on_demand(&set.items[i]))
			continue;
		enum asof_status status =
			asof_materialize_view(session, &set.items[i], now_us, &arena, &report, err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "materialize '%s'", set.items[i].view);
	}
	return ASOF_OK;
}

/* The definitions of a session that outlives what is served of it. */
static enum asof_status
serve_session(struct asof_session *session, struct asof_served **ret_served, struct asof_error *err)
{
	ASOF_AUTO(asof_served_free_auto)
	struct asof_served *served = asof_mem_alloc(sizeof(*served));
	if (!served)
		return no_memory(err);
	served->project = session->project;
	ASOF_TRY(asof_reader_on_demands_open(session, &served->on_demands, err));
	*ret_served = ASOF_STEAL(served);
	return ASOF_OK;
}

static enum asof_status
open_reader(struct asof_reader *reader, struct asof_error *err)
{
	struct asof_served *served = NULL;
	ASOF_TRY(asof_session_check_text(reader->session, err));
	ASOF_TRY(asof_session_store(reader->session, &reader->store, err));
	ASOF_TRY(fill_memory_store(reader, err));
	ASOF_TRY(asof_online_views_open(reader->store, &reader->views, err));
	ASOF_TRY(serve_session(reader->session, &served, err));
	asof_serving_take(&reader->serving, served);
	return ASOF_OK;
}

enum asof_status
asof_reader_open(struct asof_session *session, const struct asof_reader_options *options,
		 struct asof_reader **ret_reader, struct asof_error *err)
{
	struct asof_reader *reader = asof_mem_alloc(sizeof(*reader));
	if (!reader)
		return no_memory(err);
	reader->session = session;
	reader->clock = clock_of(options);
	asof_serving_init(&reader->serving);
	enum asof_status status = open_reader(reader, err);
	if (status != ASOF_OK) {
		asof_reader_close(reader);
		return status;
	}
	*ret_reader = reader;
	return ASOF_OK;
}

void
asof_reader_close(struct asof_reader *reader)
{
	if (!reader)
		return;
	asof_serving_done(&reader->serving);
	asof_online_views_free(reader->views);
	asof_mem_free(reader);
}

size_t
asof_reader_view_count(const struct asof_reader *reader)
{
	return asof_online_views_count(reader->views);
}

const struct asof_reader_view *
asof_reader_view_at(const struct asof_reader *reader, size_t index)
{
	return asof_online_views_at(reader->views, index);
}

static const struct asof_reader_view *
find_on_demand(const struct asof_served *served, struct asof_str name)
{
	for (size_t i = 0; i < asof_reader_on_demands_count(served->on_demands); i++) {
		const struct asof_reader_view *view =
			asof_reader_on_demands_at(served->on_demands, i);
		if (asof_str_equal(name, asof_str_from(view->name)))
			return view;
	}
	return NULL;
}

/* "1.0" is what "1.0.3" begins with, number by number. */
static bool
is_version_of(struct asof_str wanted, const char *version)
{
	if (asof_str_equal(wanted, asof_str_from("latest")))
		return true;
	/* What is wanted may hold any byte, NUL too. */
	return wanted.len > 0 && wanted.len <= strlen(version) &&
	       memcmp(version, wanted.ptr, wanted.len) == 0 &&
	       (version[wanted.len] == '\0' || version[wanted.len] == '.');
}

/* "view" of "view@1.0.3" */
static struct asof_str
bare_name(struct asof_str name)
{
	const char *at = name.len > 0 ? memchr(name.ptr, '@', name.len) : NULL;
	return (struct asof_str){ name.ptr, at ? (size_t)(at - name.ptr) : name.len };
}

bool
asof_reader_view_is(const struct asof_reader_view *view, struct asof_str name)
{
	struct asof_str bare = bare_name(name);
	if (!asof_str_equal(bare, asof_str_from(view->name)))
		return false;
	if (bare.len == name.len)
		return true;
	struct asof_str wanted = { name.ptr + bare.len + 1, name.len - bare.len - 1 };
	return is_version_of(wanted, view->version);
}

const struct asof_reader_view *
asof_reader_find_view_in(const struct asof_reader *reader, const struct asof_served *served,
			 struct asof_str name)
{
	asof_online_views_refresh(reader->views, false);
	struct asof_str bare = bare_name(name);
	const struct asof_reader_view *online = find_on_demand(served, bare);
	if (!online)
		online = asof_online_views_find(reader->views, bare);
	return online && asof_reader_view_is(online, name) ? online : NULL;
}

const struct asof_reader_view *
asof_reader_find_view(const struct asof_reader *reader, struct asof_str name)
{
	return asof_reader_find_view_in(reader, asof_reader_served(reader), name);
}

const struct asof_reader_view *
asof_reader_find_stored(const struct asof_reader *reader, struct asof_str name)
{
	return asof_online_views_find(reader->views, name);
}

const struct asof_served *
asof_reader_served(const struct asof_reader *reader)
{
	return asof_serving_now(&reader->serving);
}

void
asof_reader_count(const struct asof_reader *reader, const struct asof_served *served,
		  size_t *ret_views, size_t *ret_outputs)
{
	size_t stored = asof_reader_view_count(reader);
	size_t on_demand = asof_reader_on_demands_count(served->on_demands);
	*ret_views = stored + on_demand;
	*ret_outputs = 0;
	for (size_t i = 0; i < stored; i++)
		*ret_outputs += asof_reader_view_at(reader, i)->view->output_count;
	for (size_t i = 0; i < on_demand; i++)
		*ret_outputs +=
			asof_reader_on_demands_at(served->on_demands, i)->view->output_count;
}

ASOF_DEFINE_AUTOFREE(struct asof_session, asof_session_close)

/* Sessions are for one thread at a time: the reader's own may be busy. */
static enum asof_status
open_beside(const struct asof_reader *reader, struct asof_session **ret_session,
	    struct asof_error *err)
{
	struct asof_session_options options = reader->session->options;
	options.dir = reader->session->dir;
	options.profile = reader->session->profile;
	options.progress = NULL;
	return asof_session_open(&options, ret_session, err);
}

enum asof_status
asof_reader_read_served(const struct asof_reader *reader, struct asof_served **ret_served,
			struct asof_error *err)
{
	ASOF_AUTO(asof_session_close_auto) struct asof_session *session = NULL;
	ASOF_AUTO(asof_served_free_auto) struct asof_served *served = NULL;
	ASOF_TRY(open_beside(reader, &session, err));
	ASOF_TRY(asof_session_check_text(session, err));
	ASOF_TRY(serve_session(session, &served, err));
	ASOF_TRY(asof_on_demand_check_registered(session, err));
	served->owned_project = ASOF_STEAL(session->project);
	*ret_served = ASOF_STEAL(served);
	return ASOF_OK;
}

void
asof_reader_take_served(struct asof_reader *reader, struct asof_served *served)
{
	asof_serving_take(&reader->serving, served);
}

const char *
asof_reader_suggest_view(const struct asof_reader *reader, struct asof_str name)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_reader_on_demands *on_demands = asof_reader_served(reader)->on_demands;
	size_t stored = asof_reader_view_count(reader);
	size_t count = stored + asof_reader_on_demands_count(on_demands);
	const char **names = asof_arena_array(&arena, count, sizeof(*names));
	for (size_t i = 0; names && i < count; i++)
		names[i] = i < stored ? asof_reader_view_at(reader, i)->name
				      : asof_reader_on_demands_at(on_demands, i - stored)->name;
	return names ? asof_suggest(name, names, count) : NULL;
}

void
asof_reader_refresh(const struct asof_reader *reader)
{
	asof_online_views_refresh(reader->views, true);
}

struct asof_session *
asof_reader_session(const struct asof_reader *reader)
{
	return reader->session;
}

struct asof_store *
asof_reader_store(const struct asof_reader *reader)
{
	return reader->store;
}

bool
asof_reader_is_remote(const struct asof_reader *reader)
{
	return asof_store_is_remote(reader->store);
}

int64_t
asof_reader_now_us(const struct asof_reader *reader)
{
	return asof_clock_now_us(&reader->clock);
}

uint64_t
asof_reader_store_errors(const struct asof_reader *reader)
{
	return atomic_load_explicit(&reader->store_errors, memory_order_relaxed);
}

/* What a batch of reads carries through the store's callback. */
struct reading {
	const struct asof_reader_view *view;
	int64_t clock_us;
	struct asof_arena *arena;
	struct asof_answer *answers;
	bool *is_found;
};

/* The stored bytes die with the callback, and answers borrow from them. */
static enum asof_status
take_value(void *arg, size_t key_index, struct asof_str value, struct asof_error *err)
{
	struct reading *reading = arg;
	char *copy = asof_arena_copy(reading->arena, value);
	if (!copy)
		return no_memory(err);
	reading->is_found[key_index] = true;
	return asof_answer_read(&reading->view->plan, (struct asof_str){ copy, value.len },
				reading->clock_us, reading->arena, &reading->answers[key_index],
				err);
}

/* A view has one output at least, and max_age withholds all of a row or nothing. */
static void
count_reads(const struct asof_reader_view *view, const struct asof_answer *answers,
	    size_t row_count)
{
	size_t missing = 0;
	size_t expired = 0;
	for (size_t i = 0; i < row_count; i++) {
		missing += !answers[i].has_row;
		expired +=
			answers[i].has_row && answers[i].statuses[0] == ASOF_VALUE_OUTSIDE_MAX_AGE;
	}
	atomic_fetch_add_explicit(&view->reads->missing, missing, memory_order_relaxed);
	atomic_fetch_add_explicit(&view->reads->expired, expired, memory_order_relaxed);
	atomic_fetch_add_explicit(&view->reads->found, row_count - missing - expired,
				  memory_order_relaxed);
}

static enum asof_status
encode_keys(const struct asof_reader_view *view, const struct asof_value *keys, size_t row_count,
	    struct asof_arena *arena, struct asof_str **ret_keys, struct asof_error *err)
{
	size_t key_count = view->view->entity->key_count;
	struct asof_str *encoded = asof_arena_array(arena, row_count, sizeof(*encoded));
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(KEY_BYTES_MAX);
	if (!encoded)
		return no_memory(err);
	for (size_t i = 0; i < row_count; i++) {
		asof_buf_clear(&buf);
		ASOF_TRY(asof_key_encode(keys + i * key_count, key_count, &buf, err));
		if (asof_buf_status(&buf, NULL) == ASOF_LIMIT)
			return ASOF_FAIL(err, ASOF_LIMIT, "a key longer than %d bytes",
					 KEY_BYTES_MAX);
		ASOF_TRY(asof_buf_status(&buf, err));
		encoded[i] =
			(struct asof_str){ asof_arena_copy(arena, asof_buf_view(&buf)), buf.len };
		if (!encoded[i].ptr)
			return no_memory(err);
	}
	*ret_keys = encoded;
	return ASOF_OK;
}

static enum asof_status
read_rows(struct asof_reader *reader, const struct asof_reader_view *view,
	  const struct asof_value *keys, size_t row_count, int64_t clock_us,
	  struct asof_arena *arena, struct asof_answer *ret_answers, struct asof_error *err)
{
	struct asof_str *encoded = NULL;
	/* A clock earlier than what was materialized counts as that, for keys of any row. */
	if (clock_us < view->materialized_at_us)
		clock_us = view->materialized_at_us;
	struct reading reading = { .view = view,
				   .clock_us = clock_us,
				   .arena = arena,
				   .answers = ret_answers,
				   .is_found = asof_arena_array(arena, row_count, sizeof(bool)) };
	if (!reading.is_found)
		return no_memory(err);
	ASOF_TRY(encode_keys(view, keys, row_count, arena, &encoded, err));
	enum asof_status status = asof_store_get_many(reader->store, view->table, encoded,
						      row_count, take_value, &reading, err);
	if (status != ASOF_OK) {
		atomic_fetch_add_explicit(&reader->store_errors, 1, memory_order_relaxed);
		return status;
	}
	for (size_t i = 0; i < row_count; i++) {
		if (!reading.is_found[i])
			ASOF_TRY(asof_answer_read(&view->plan, (struct asof_str){ NULL, 0 },
						  clock_us, arena, &ret_answers[i], err));
	}
	count_reads(view, ret_answers, row_count);
	return ASOF_OK;
}

enum asof_status
asof_reader_rows(struct asof_reader *reader, const struct asof_reader_view *view,
		 const struct asof_value *keys, size_t row_count, int64_t clock_us,
		 struct asof_arena *arena, struct asof_answer *ret_answers, struct asof_error *err)
{
	if (asof_reader_view_is_on_demand(view))
		return asof_reader_on_demand_rows(reader, view, keys, row_count, clock_us, arena,
						  ret_answers, err);
	enum asof_status status =
		read_rows(reader, view, keys, row_count, clock_us, arena, ret_answers, err);
	if (status != ASOF_CORRUPT)
		return status;
	/* Rows of another shape: perhaps the table was filled anew since the view was found. */
	asof_online_views_refresh(reader->views, true);
	if (asof_reader_find_view(reader, asof_str_from(view->name)) == view)
		return status;
	return ASOF_FAIL(err, ASOF_UNAVAILABLE, "view '%s' was replaced just now: ask again",
			 view->name);
}

/* The key's values in the entity's order, from names and texts in any. */
static enum asof_status
read_key(const struct asof_view *view, const char *const *names, const char *const *texts,
	 size_t count, struct asof_arena *arena, struct asof_value *ret_key, struct asof_error *err)
{
	const struct asof_entity *entity = view->entity;
	for (size_t i = 0; i < count; i++) {
		size_t k = 0;
		while (k < entity->key_count && strcmp(entity->keys[k].name, names[i]) != 0)
			k++;
		if (k == entity->key_count)
			return ASOF_FAIL(err, ASOF_INVALID,
					 view->on_demand ? "on-demand view '%s' takes no '%s'"
							 : "entity '%s' has no key '%s'",
					 entity->name, names[i]);
	}
	for (size_t k = 0; k < entity->key_count; k++) {
		const struct asof_key *key = &entity->keys[k];
		size_t found = SIZE_MAX;
		for (size_t i = 0; i < count; i++) {
			if (strcmp(names[i], key->name) != 0)
				continue;
			if (found != SIZE_MAX)
				return ASOF_FAIL(err, ASOF_INVALID, "key '%s' is given twice",
						 key->name);
			found = i;
		}
		if (found == SIZE_MAX)
			return ASOF_FAIL(
				err, ASOF_INVALID,
				view->on_demand ? "'%s' is missing, which on-demand view '%s' takes"
						: "key '%s' of entity '%s' is missing",
				key->name, entity->name);
		enum asof_status status = asof_value_from_text(asof_str_from(texts[found]),
							       key->type, arena, &ret_key[k], err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "key '%s'", key->name);
	}
	return ASOF_OK;
}

static enum asof_status
no_view(const struct asof_reader *reader, const char *name, struct asof_error *err)
{
	struct asof_str bare = { name, strcspn(name, "@") };
	const struct asof_project *project = asof_reader_served(reader)->project;
	const char *near = asof_reader_suggest_view(reader, bare);
	const struct asof_reader_view *other = asof_reader_find_view(reader, bare);
	if (other)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "view '%s' is not online: version %s is",
				 name, other->version);
	if (asof_project_on_demand(project, bare))
		return ASOF_FAIL(err, ASOF_NOT_FOUND,
				 "on-demand view '%s' is not registered: run `asof apply` first",
				 name);
	if (asof_project_view(project, bare))
		return ASOF_FAIL(err, ASOF_NOT_FOUND,
				 "view '%s' is not online: run `asof materialize %.*s` first", name,
				 ASOF_STR_ARG(bare));
	if (near)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "no view '%s' (did you mean '%s'?)", name,
				 near);
	return ASOF_FAIL(err, ASOF_NOT_FOUND, "no view '%s'", name);
}

enum asof_status
asof_reader_get(struct asof_reader *reader, const char *view_name, const char *const *key_names,
		const char *const *key_values, size_t key_count, char **ret_json,
		struct asof_error *err)
{
	const struct asof_reader_view *view =
		asof_reader_find_view(reader, asof_str_from(view_name));
	if (!view)
		return no_view(reader, view_name, err);

	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ROW_JSON_BYTES_MAX);
	struct asof_answer answer;
	struct asof_value *key =
		asof_arena_array(&arena, view->view->entity->key_count, sizeof(*key));
	if (!key)
		return no_memory(err);
	ASOF_TRY(read_key(view->view, key_names, key_values, key_count, &arena, key, err));
	ASOF_TRY(asof_reader_rows(reader, view, key, 1, asof_reader_now_us(reader), &arena, &answer,
				  err));
	struct asof_json_writer w = asof_json_writer_to(&json);
	asof_reader_write_row(&w, view, key, NULL, 0, &answer);
	return asof_result_text(&json, ret_json, err);
}
