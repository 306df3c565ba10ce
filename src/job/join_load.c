#include "job/join_load.h"

#include "base/fault.h"
#include "plan/sql.h"

#define GUESS_ROW_BYTES 48 /* of the index alone: what is more is learnt from it */

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "join");
}

static bool
is_same_key(const struct asof_entity *a, const struct asof_entity *b)
{
	if (a->key_count != b->key_count)
		return false;
	for (size_t i = 0; i < a->key_count; i++) {
		if (strcmp(a->keys[i].name, b->keys[i].name) != 0 ||
		    !asof_type_equal(a->keys[i].type, b->keys[i].type))
			return false;
	}
	return true;
}

static size_t
index_of(struct asof_join_load *load, const struct asof_entity *entity)
{
	size_t i = 0;
	while (i < load->index_count && !is_same_key(load->indexes[i].entity, entity))
		i++;
	if (i == load->index_count)
		load->indexes[load->index_count++].entity = entity;
	return i;
}

enum asof_status
asof_join_load_init(struct asof_join_load *load, struct asof_join_run *run, struct asof_error *err)
{
	*load = (struct asof_join_load){ .run = run, .can_shrink = true };
	uint64_t kernel_bytes = asof_session_kernel_bytes(run->session);
	uint64_t fill_bytes = asof_join_fill_bytes(run);
	load->max_bytes =
		kernel_bytes > 2 * fill_bytes ? kernel_bytes - fill_bytes : kernel_bytes / 2;
	size_t count = run->table_count;
	load->indexes = asof_arena_array(&load->arena, count, sizeof(*load->indexes));
	load->views = asof_arena_array(&load->arena, count, sizeof(*load->views));
	load->answers = asof_arena_array(&load->arena, count, sizeof(*load->answers));
	if (!load->indexes || !load->views || !load->answers) {
		asof_join_load_done(load);
		return no_memory(err);
	}
	for (size_t i = 0; i < count; i++)
		load->views[i].index = index_of(load, run->views[i].table.view->entity);
	return ASOF_OK;
}

void
asof_join_load_clear(struct asof_join_load *load)
{
	if (!load->indexes || !load->views || !load->answers)
		return;
	for (size_t i = 0; i < load->run->table_count; i++) {
		struct asof_join_loaded *view = &load->views[i];
		asof_window_join_free(ASOF_STEAL(view->windows));
		asof_tile_store_free(ASOF_STEAL(view->store));
		asof_pit_free(ASOF_STEAL(view->pit));
		load->answers[i] = (struct asof_join_answers){ 0 };
	}
	for (size_t i = 0; i < load->index_count; i++)
		asof_spine_index_free(ASOF_STEAL(load->indexes[i].index));
	load->used_bytes = 0;
}

void
asof_join_load_done(struct asof_join_load *load)
{
	asof_join_load_clear(load);
	asof_arena_done(&load->arena);
	*load = (struct asof_join_load){ 0 };
}

size_t
asof_join_load_first_guess(const struct asof_join_load *load, uint64_t spine_rows)
{
	uint64_t rows = load->max_bytes / GUESS_ROW_BYTES + 1;
	if (rows > spine_rows)
		rows = spine_rows;
	return rows < UINT32_MAX ? (size_t)rows : UINT32_MAX - 1;
}

uint64_t
asof_join_load_bytes(const struct asof_join_load *load)
{
	uint64_t bytes = load->used_bytes + asof_join_fill_bytes(load->run);
	for (size_t i = 0; i < load->run->table_count; i++) {
		if (load->views[i].windows)
			bytes += asof_window_join_counts(load->views[i].windows).bytes;
	}
	return bytes;
}

/* What is left of the bound; never 0, which would be none. */
static uint64_t
bytes_left(const struct asof_join_load *load)
{
	return load->max_bytes > load->used_bytes ? load->max_bytes - load->used_bytes : 1;
}

/* ---- the spine ---- */

static enum asof_status
take_spine(void *arg, unsigned worker, const struct asof_batch *batch, struct asof_error *err)
{
	return asof_spine_index_take(arg, worker, batch, err);
}

static enum asof_status
load_index(struct asof_join_load *load, struct asof_join_index *item, int64_t first_row,
	   size_t row_count, struct asof_error *err)
{
	struct asof_join_run *run = load->run;
	const struct asof_entity *entity = item->entity;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(1u << 20);
	int64_t start_us = asof_monotonic_us();
	struct asof_type types[64];
	for (size_t i = 0; i < entity->key_count; i++)
		types[i] = entity->keys[i].type;
	struct asof_spine_index_options options = { .key_types = types,
						    .key_count = entity->key_count,
						    .first_row = first_row,
						    .row_count = row_count,
						    .workers = asof_engine_threads(run->engine),
						    .max_bytes = bytes_left(load) };
	asof_session_stage(run->session, "read the spine");
	ASOF_TRY(asof_spine_index_new(&options, &item->index, err));
	ASOF_TRY(asof_plan_spine_scan_sql(&run->plan, entity, first_row, (int64_t)row_count, &sql,
					  err));
	ASOF_TRY(asof_engine_scan(run->engine, asof_buf_cstr(&sql), take_spine, item->index, err));
	ASOF_TRY(asof_join_stage_add(run, "scan spine", NULL, start_us, row_count, 0, err));
	start_us = asof_monotonic_us();
	ASOF_TRY(asof_spine_index_finish(item->index, err));
	uint64_t bytes = asof_spine_index_bytes(item->index);
	load->used_bytes += bytes;
	return asof_join_stage_add(run, "index spine", NULL, start_us,
				   asof_spine_index_slots(item->index)->slot_count, bytes, err);
}

/* ---- plain views ---- */

/* Commits of different times may hold rows of one key and event, and a source's own times, too. */
bool
asof_join_has_created(const struct asof_join_run *run, size_t v)
{
	if (run->views[v].table.view->source->created_time.text)
		return true;
	return !run->is_direct && (run->manifest.known_at == ASOF_KNOWN_AT_LABEL ||
				   run->views[v].table.path_count > 1);
}

static bool
is_by_label(const struct asof_join_run *run, size_t v)
{
	return run->manifest.known_at == ASOF_KNOWN_AT_LABEL &&
	       !(run->is_direct && run->directs[v].is_always_known);
}

static enum asof_status
pit_options(const struct asof_join_run *run, size_t v, struct asof_arena *arena,
	    struct asof_pit_options *ret_options, struct asof_error *err)
{
	const struct asof_plan_join_view *item = &run->views[v];
	const struct asof_view *view = item->table.view;
	struct asof_pit_output *outputs =
		asof_arena_array(arena, item->output_count, sizeof(*outputs));
	if (!outputs)
		return no_memory(err);
	for (size_t i = 0; i < item->output_count; i++) {
		const struct asof_output *output = item->outputs[i];
		outputs[i].type = output->type;
		outputs[i].default_value = output->has_default ? output->default_value : NULL;
	}
	*ret_options = (struct asof_pit_options){
		.outputs = outputs,
		.output_count = item->output_count,
		.max_age_us = view->max_age_us,
		.available_after_us = view->available_after_us,
		.is_label = is_by_label(run, v),
		.has_created = asof_join_has_created(run, v),
		.has_order = true,
		.workers = asof_engine_threads(run->engine),
	};
	return ASOF_OK;
}

uint64_t
asof_join_view_bytes(const struct asof_join_run *run, size_t index, size_t slot_count)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_pit_options options;
	if (asof_view_is_windowed(run->views[index].table.view) ||
	    pit_options(run, index, &arena, &options, NULL) != ASOF_OK)
		return 0;
	return asof_pit_bytes(&options, slot_count);
}

/* The statement of a scan, kept for who explains it. */
static enum asof_status
write_scan(struct asof_join_load *load, size_t v, const struct asof_spine_slots *slots,
	   bool wants_created, bool wants_order, const char **ret_sql, struct asof_error *err)
{
	struct asof_join_run *run = load->run;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_join_reading reading;
	ASOF_TRY(asof_join_reading_choose(run, v, slots->min_us, slots->max_us, &reading, err));
	ASOF_TRY(asof_join_scan_sql(run, v, &reading, wants_created, wants_order, &sql, err));
	run->scans[v] = asof_arena_copy(&run->arena, asof_buf_view(&sql));
	*ret_sql = run->scans[v];
	return *ret_sql ? ASOF_OK : no_memory(err);
}

static enum asof_status
take_pit(void *arg, unsigned worker, const struct asof_batch *batch, struct asof_error *err)
{
	return asof_pit_take(arg, worker, batch, err);
}

static enum asof_status
load_plain(struct asof_join_load *load, size_t v, struct asof_error *err)
{
	struct asof_join_run *run = load->run;
	struct asof_join_loaded *loaded = &load->views[v];
	const char *name = run->tables[v].view->name;
	const struct asof_spine_index *index = load->indexes[loaded->index].index;
	const struct asof_spine_slots *slots = asof_spine_index_slots(index);
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_pit_options options;
	const char *sql = NULL;
	int64_t start_us = asof_monotonic_us();

	ASOF_TRY(pit_options(run, v, &arena, &options, err));
	options.spine = index;
	options.max_bytes = bytes_left(load);
	ASOF_TRY(asof_pit_new(&options, &loaded->pit, err));
	if (slots->slot_count > 0) {
		ASOF_TRY(write_scan(load, v, slots, options.has_created, options.has_order, &sql,
				    err));
		ASOF_TRY(asof_engine_scan(run->engine, sql, take_pit, loaded->pit, err));
	}
	struct asof_pit_counts counts = asof_pit_counts(loaded->pit);
	ASOF_TRY(asof_join_stage_add(run, "scan", name, start_us, counts.rows, counts.bytes, err));
	start_us = asof_monotonic_us();
	ASOF_TRY(asof_pit_finish(loaded->pit, err));
	counts = asof_pit_counts(loaded->pit);
	load->used_bytes += counts.bytes;
	load->answers[v].pit = loaded->pit;
	return asof_join_stage_add(run, "finish", name, start_us, counts.kept, counts.bytes, err);
}

/* ---- windows ---- */

/* Events are told apart by more than their time where the first or last one is wanted; tiles of
 * steps say themselves. */
static bool
has_edges(const struct asof_plan_join_view *item)
{
	for (size_t i = 0; i < item->output_count; i++) {
		enum asof_agg_kind agg = item->outputs[i]->agg;
		if (agg == ASOF_AGG_FIRST || agg == ASOF_AGG_LAST)
			return true;
	}
	return false;
}

static const struct asof_tile_layout *
layout_of(const struct asof_join_run *run, size_t v)
{
	return run->is_direct ? &run->directs[v].event_layout : run->views[v].table.layout;
}

static enum asof_status
take_tiles(void *arg, unsigned worker, const struct asof_batch *batch, struct asof_error *err)
{
	return asof_tile_store_take(arg, worker, batch, err);
}

static enum asof_status
load_tiles(struct asof_join_load *load, size_t v, struct asof_error *err)
{
	struct asof_join_run *run = load->run;
	struct asof_join_loaded *loaded = &load->views[v];
	const struct asof_view *view = run->views[v].table.view;
	const struct asof_spine_index *index = load->indexes[loaded->index].index;
	const struct asof_spine_slots *slots = asof_spine_index_slots(index);
	const struct asof_tile_layout *layout = layout_of(run, v);
	bool orders = layout->step_us == ASOF_STEP_EVENT && has_edges(&run->views[v]);
	bool is_label = is_by_label(run, v);
	struct asof_tile_store_options options = {
		.spine = index,
		.layout = layout,
		.round_up_us = run->is_direct && view->step_us > 0 ? view->step_us : 0,
		.has_created = is_label || (orders && asof_join_has_created(run, v)),
		.has_order = orders,
		.keeps_created = is_label,
		.workers = asof_engine_threads(run->engine),
		.max_bytes = bytes_left(load),
	};
	const char *sql = NULL;
	int64_t start_us = asof_monotonic_us();
	ASOF_TRY(asof_tile_store_new(&options, &loaded->store, err));
	if (slots->slot_count > 0) {
		ASOF_TRY(write_scan(load, v, slots, options.has_created, options.has_order, &sql,
				    err));
		ASOF_TRY(asof_engine_scan(run->engine, sql, take_tiles, loaded->store, err));
	}
	ASOF_TRY(asof_join_stage_add(run, "scan", view->name, start_us,
				     asof_tile_store_rows(loaded->store),
				     asof_tile_store_bytes(loaded->store), err));
	start_us = asof_monotonic_us();
	ASOF_TRY(asof_tile_store_finish(loaded->store, err));
	uint64_t bytes = asof_tile_store_bytes(loaded->store);
	load->used_bytes += bytes;
	return asof_join_stage_add(run, "finish", view->name, start_us,
				   asof_tile_store_rows(loaded->store), bytes, err);
}

/* `max_bytes`: of what is left, which is for the answers of all windows, this view's part. */
static enum asof_status
open_windows(struct asof_join_load *load, size_t v, uint64_t max_bytes, struct asof_error *err)
{
	struct asof_join_run *run = load->run;
	struct asof_join_loaded *loaded = &load->views[v];
	const struct asof_plan_join_view *item = &run->views[v];
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	size_t *wanted = asof_arena_array(&arena, item->output_count, sizeof(*wanted));
	if (!wanted)
		return no_memory(err);
	for (size_t i = 0; i < item->output_count; i++)
		wanted[i] = i; /* the view was cut down to them */
	struct asof_window_join_options options = {
		.spine = load->indexes[loaded->index].index,
		.store = loaded->store,
		.view = item->table.view,
		.layout = layout_of(run, v),
		.wanted = wanted,
		.wanted_count = item->output_count,
		.is_label = is_by_label(run, v),
		.workers = asof_engine_threads(run->engine),
		.max_bytes = max_bytes > 0 ? max_bytes : 1,
	};
	ASOF_TRY(asof_window_join_new(&options, &loaded->windows, err));
	load->answers[v].windows = loaded->windows;
	return ASOF_OK;
}

/* ---- a range ---- */

/* Before anything is read for them: whether all plain views' slots have room together. */
static enum asof_status
check_room(struct asof_join_load *load, size_t row_count, struct asof_error *err)
{
	struct asof_join_run *run = load->run;
	uint64_t need = load->used_bytes;
	for (size_t v = 0; v < run->table_count; v++) {
		const struct asof_join_loaded *loaded = &load->views[v];
		const struct asof_spine_slots *slots =
			asof_spine_index_slots(load->indexes[loaded->index].index);
		need += asof_join_view_bytes(run, v, slots->slot_count);
	}
	if (need <= load->max_bytes)
		return ASOF_OK;
	double part = 0.9 * (double)load->max_bytes / (double)need;
	load->fitting_rows = (size_t)((double)row_count * part) + 1;
	return ASOF_FAIL(err, ASOF_LIMIT, "the spine's features take more than --memory allows");
}

static enum asof_status
load_views(struct asof_join_load *load, struct asof_error *err)
{
	struct asof_join_run *run = load->run;
	uint64_t windowed_count = 0;
	for (size_t v = 0; v < run->table_count; v++) {
		const struct asof_view *view = run->tables[v].view;
		bool is_windowed = asof_view_is_windowed(view);
		load->failed_view = view->name;
		asof_session_stage(run->session, "read '%s'", view->name);
		enum asof_status status =
			is_windowed ? load_tiles(load, v, err) : load_plain(load, v, err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "view '%s'", view->name);
		windowed_count += is_windowed;
	}
	uint64_t share = windowed_count > 0 ? bytes_left(load) / windowed_count : 0;
	for (size_t v = 0; v < run->table_count; v++) {
		if (load->views[v].store)
			ASOF_TRY(open_windows(load, v, share, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_join_load_range(struct asof_join_load *load, int64_t first_row, size_t row_count,
		     struct asof_error *err)
{
	load->failed_view = NULL;
	load->fitting_rows = 0;
	if (asof_fault_point("join.no_room", NULL) != ASOF_OK)
		return ASOF_FAIL(err, ASOF_LIMIT, "no room for a range of the spine");
	for (size_t i = 0; i < load->index_count; i++)
		ASOF_TRY(load_index(load, &load->indexes[i], first_row, row_count, err));
	ASOF_TRY(check_room(load, row_count, err));
	return load_views(load, err);
}
