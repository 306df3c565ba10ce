#include "job/online_views.h"

#include "base/clock.h"
#include "job/materialize_view.h"
#include "model/hash.h"

#define REFRESH_US      INT64_C(100000)    /* how stale what is known of the store may be */
#define RETIRED_KEEP_US INT64_C(600000000) /* longer than any request takes */

/* A table of the store as its description was when last looked at. */
struct online_view {
	struct asof_reader_view public_view;
	struct asof_arena arena;
	struct asof_project *project; /* owned: the definition that was materialized */
	uint64_t meta_hash;           /* of the description */
	int64_t retired_us;           /* monotonic time when another took its place */
	struct online_view *next;     /* in the list of the retired */
};

/* Of a view's name, whatever takes its place. */
struct named_counts {
	struct asof_read_counts counts;
	struct named_counts *next;
	char name[];
};

/* Requests hold pointers into it, so what is replaced lives on for a while. */
struct asof_online_views {
	struct asof_store *store;       /* borrowed */
	pthread_mutex_t refreshing;     /* held while the store is asked, by one at a time */
	atomic_int_fast64_t checked_us; /* monotonic */
	pthread_mutex_t lock; /* guards everything below; not held over calls of the store */
	struct online_view **items;
	size_t count;
	size_t capacity;
	struct online_view *retired;
	struct named_counts *reads; /* kept until the end */
};

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "online views");
}

static void
online_view_free(struct online_view *online)
{
	if (!online)
		return;
	asof_project_free(online->project);
	asof_arena_done(&online->arena);
	asof_mem_free(online);
}
ASOF_DEFINE_AUTOFREE(struct online_view, online_view_free)

static enum asof_status
find_counts(struct asof_online_views *views, const char *name, struct asof_read_counts **ret_counts,
	    struct asof_error *err)
{
	struct named_counts *found = views->reads;
	while (found && strcmp(found->name, name) != 0)
		found = found->next;
	if (!found) {
		size_t size = strlen(name) + 1;
		found = asof_mem_alloc(sizeof(*found) + size);
		if (!found)
			return no_memory(err);
		memcpy(found->name, name, size);
		found->next = views->reads;
		views->reads = found;
	}
	*ret_counts = &found->counts;
	return ASOF_OK;
}

static enum asof_status
open_view(const char *table, struct asof_str meta_json, struct online_view **ret_online,
	  struct asof_error *err)
{
	ASOF_AUTO(online_view_free_auto)
	struct online_view *online = asof_mem_alloc(sizeof(*online));
	struct asof_online_meta meta;
	if (!online)
		return no_memory(err);
	ASOF_TRY(asof_online_meta_read(meta_json, &online->arena, &meta, err));
	struct asof_version version = { .view = meta.view,
					.definition_json = meta.definition_json };
	struct asof_reader_view *view = &online->public_view;
	ASOF_TRY(asof_version_project(&version, &online->project, &view->view, err));
	online->meta_hash = asof_hash64(meta_json);
	view->name = meta.view;
	view->version = meta.version;
	view->definition_hash = meta.definition_hash;
	view->table = asof_arena_copy(&online->arena, asof_str_from(table));
	view->materialized_at_us = meta.at_us;
	if (!view->table)
		return no_memory(err);
	ASOF_TRY(asof_answer_plan_make(view->view, &online->arena, &view->plan, err));
	ASOF_TRY(asof_row_text_make(view, &online->arena, &view->text, err));
	*ret_online = ASOF_STEAL(online);
	return ASOF_OK;
}

static void
retire(struct asof_online_views *views, struct online_view *online)
{
	online->retired_us = asof_monotonic_us();
	online->next = views->retired;
	views->retired = online;
}

static void
free_retired(struct asof_online_views *views, int64_t before_us)
{
	struct online_view **link = &views->retired;
	while (*link) {
		struct online_view *online = *link;
		if (online->retired_us >= before_us) {
			link = &online->next;
			continue;
		}
		*link = online->next;
		online_view_free(online);
	}
}

/* Where a table of the store stands in the items, `count` where it does not. The caller holds the
 * lock. */
static size_t
find_table(const struct asof_online_views *views, const char *table)
{
	size_t at = 0;
	while (at < views->count && strcmp(views->items[at]->public_view.table, table) != 0)
		at++;
	return at;
}

static bool
is_known(struct asof_online_views *views, const char *table, struct asof_str meta_json)
{
	uint64_t meta_hash = asof_hash64(meta_json);
	ASOF_HOLD(held, &views->lock);
	size_t at = find_table(views, table);
	return at < views->count && views->items[at]->meta_hash == meta_hash;
}

/* On failure `online` stays the caller's. */
static enum asof_status
put_view(struct asof_online_views *views, struct online_view *online, struct asof_error *err)
{
	struct asof_reader_view *view = &online->public_view;
	ASOF_HOLD(held, &views->lock);
	ASOF_TRY(find_counts(views, view->name, &view->reads, err));
	size_t at = find_table(views, view->table);
	if (at < views->count) {
		retire(views, views->items[at]);
		views->items[at] = online;
		return ASOF_OK;
	}
	void *items = views->items;
	ASOF_TRY(asof_mem_reserve(&items, &views->capacity, at + 1, sizeof(*views->items), err));
	views->items = items;
	views->items[views->count++] = online;
	return ASOF_OK;
}

/* Take a table of the store in, unless it is known as it stands. */
static enum asof_status
take_table(void *arg, const char *table, struct asof_str meta_json, struct asof_error *err)
{
	struct asof_online_views *views = arg;
	if (is_known(views, table, meta_json))
		return ASOF_OK;
	ASOF_AUTO(online_view_free_auto) struct online_view *online = NULL;
	enum asof_status status = open_view(table, meta_json, &online, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "online table '%s'", table);
	ASOF_TRY(put_view(views, online, err));
	online = NULL; /* the list's */
	return ASOF_OK;
}

enum asof_status
asof_online_views_open(struct asof_store *store, struct asof_online_views **ret_views,
		       struct asof_error *err)
{
	struct asof_online_views *views = asof_mem_alloc(sizeof(*views));
	if (!views)
		return no_memory(err);
	views->store = store;
	atomic_init(&views->checked_us, asof_monotonic_us());
	(void)pthread_mutex_init(&views->refreshing, NULL);
	(void)pthread_mutex_init(&views->lock, NULL);
	enum asof_status status = asof_store_tables(store, take_table, views, err);
	if (status != ASOF_OK) {
		asof_online_views_free(views);
		return status;
	}
	*ret_views = views;
	return ASOF_OK;
}

void
asof_online_views_free(struct asof_online_views *views)
{
	if (!views)
		return;
	for (size_t i = 0; i < views->count; i++)
		online_view_free(views->items[i]);
	free_retired(views, INT64_MAX);
	asof_mem_free(views->items);
	while (views->reads) {
		struct named_counts *next = views->reads->next;
		asof_mem_free(views->reads);
		views->reads = next;
	}
	(void)pthread_mutex_destroy(&views->lock);
	(void)pthread_mutex_destroy(&views->refreshing);
	asof_mem_free(views);
}

/* The caller holds `refreshing`. */
static void
ask_store(struct asof_online_views *views, int64_t now_us)
{
	struct asof_error ignored = { 0 };
	if (asof_store_tables(views->store, take_table, views, &ignored) == ASOF_OK) {
		ASOF_HOLD(held, &views->lock);
		free_retired(views, now_us - RETIRED_KEEP_US);
	}
	atomic_store_explicit(&views->checked_us, now_us, memory_order_relaxed);
}

void
asof_online_views_refresh(struct asof_online_views *views, bool is_urgent)
{
	int64_t now_us = asof_monotonic_us();
	int64_t checked_us = atomic_load_explicit(&views->checked_us, memory_order_relaxed);
	if (is_urgent)
		(void)pthread_mutex_lock(&views->refreshing);
	else if (now_us - checked_us < REFRESH_US || pthread_mutex_trylock(&views->refreshing) != 0)
		return;
	ask_store(views, now_us);
	(void)pthread_mutex_unlock(&views->refreshing);
}

size_t
asof_online_views_count(struct asof_online_views *views)
{
	ASOF_HOLD(held, &views->lock);
	return views->count;
}

const struct asof_reader_view *
asof_online_views_at(struct asof_online_views *views, size_t index)
{
	ASOF_HOLD(held, &views->lock);
	return &views->items[index]->public_view;
}

const struct asof_reader_view *
asof_online_views_find(struct asof_online_views *views, struct asof_str name)
{
	ASOF_HOLD(held, &views->lock);
	for (size_t i = 0; i < views->count; i++) {
		const struct asof_reader_view *online = &views->items[i]->public_view;
		if (asof_str_equal(name, asof_str_from(online->name)))
			return online;
	}
	return NULL;
}
