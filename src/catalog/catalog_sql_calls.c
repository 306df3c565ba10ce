/* catalog_sql_calls.c - the calls of a catalog as statements, the same on every database. */
#include <assert.h>

#include "base/fault.h"
#include "catalog/catalog_sql.h"

static struct asof_sql_catalog *
sql_catalog(struct asof_catalog *catalog)
{
	return (struct asof_sql_catalog *)catalog;
}

/* --- values and rows ---------------------------------------------------------------------------
 */

static struct asof_sql_cell *
add_cell(struct asof_sql_cells *cells, enum asof_sql_cell_kind kind)
{
	assert(cells->count < ASOF_SQL_CELLS_MAX);
	struct asof_sql_cell *cell = &cells->items[cells->count++];
	cell->kind = kind;
	return cell;
}

/* NULL is stored as "". */
static void
add_text(struct asof_sql_cells *cells, const char *text)
{
	add_cell(cells, ASOF_SQL_TEXT)->text = text ? text : "";
}

static void
add_int(struct asof_sql_cells *cells, int64_t number)
{
	add_cell(cells, ASOF_SQL_INT)->number = number;
}

/* A name that may be any. */
static struct asof_sql_cells
name_cells(const char *name)
{
	struct asof_sql_cells cells = { 0 };
	if (name)
		add_text(&cells, name);
	else
		(void)add_cell(&cells, ASOF_SQL_NULL);
	return cells;
}

static struct asof_sql_cells
limit_cells(size_t limit)
{
	struct asof_sql_cells cells = { 0 };
	add_int(&cells, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
	return cells;
}

static struct asof_sql_cells
version_cells(const char *view, int32_t major, int32_t minor, int32_t patch)
{
	struct asof_sql_cells cells = { 0 };
	add_text(&cells, view);
	add_int(&cells, major);
	add_int(&cells, minor);
	add_int(&cells, patch);
	return cells;
}

union row {
	struct asof_definition definition;
	struct asof_version version;
	struct asof_run run;
	struct asof_materialization materialization;
	struct asof_training_set training_set;
};

/* Read whole before they are visited, so that visitors may call the catalog. */
struct rows {
	struct asof_arena arena;
	union row *items;
	size_t count;
	size_t capacity;
};

static void
rows_done(struct rows *rows)
{
	asof_arena_done(&rows->arena);
	asof_mem_free(rows->items);
}

/* Room for one more; it counts once it is filled. */
static enum asof_status
rows_reserve(struct rows *rows, union row **ret_row, struct asof_error *err)
{
	void *items = rows->items;
	ASOF_TRY(asof_mem_reserve(&items, &rows->capacity, rows->count + 1, sizeof(*rows->items),
				  err));
	rows->items = items;
	*ret_row = &rows->items[rows->count];
	return ASOF_OK;
}

static enum asof_status
take_definition(void *arg, const struct asof_sql_cell *row, struct asof_error *err)
{
	struct rows *rows = arg;
	const struct asof_definition borrowed = {
		.kind = row[0].text,
		.name = row[1].text,
		.hash = row[2].text,
		.json = row[3].text,
		.major = (int32_t)row[4].number,
		.minor = (int32_t)row[5].number,
		.registered_us = row[6].number,
	};
	union row *item = NULL;
	ASOF_TRY(rows_reserve(rows, &item, err));
	ASOF_TRY(asof_catalog_copy_definition(&borrowed, &rows->arena, &item->definition, err));
	rows->count++;
	return ASOF_OK;
}

static enum asof_status
take_version(void *arg, const struct asof_sql_cell *row, struct asof_error *err)
{
	struct rows *rows = arg;
	const struct asof_version borrowed = {
		.view = row[0].text,
		.major = (int32_t)row[1].number,
		.minor = (int32_t)row[2].number,
		.patch = (int32_t)row[3].number,
		.definition_hash = row[4].text,
		.definition_json = row[5].text,
		.table_version = row[6].number,
		.row_count = row[7].number,
		.published_us = row[8].number,
		.run_id = row[9].text,
		.tag = row[10].text,
		.made_by = row[11].text,
		.reason = row[12].text,
		.is_current = row[13].number != 0,
	};
	union row *item = NULL;
	ASOF_TRY(rows_reserve(rows, &item, err));
	ASOF_TRY(asof_catalog_copy_version(&borrowed, &rows->arena, &item->version, err));
	rows->count++;
	return ASOF_OK;
}

static enum asof_status
take_run(void *arg, const struct asof_sql_cell *row, struct asof_error *err)
{
	struct rows *rows = arg;
	const struct asof_run borrowed = {
		.id = row[0].text,
		.job = row[1].text,
		.name = row[2].text,
		.state = (enum asof_run_state)row[3].number,
		.started_us = row[4].number,
		.finished_us = row[5].number,
		.row_count = row[6].number,
		.message = row[7].text,
		.version = row[8].text,
		.made_by = row[9].text,
		.reason = row[10].text,
	};
	union row *item = NULL;
	ASOF_TRY(rows_reserve(rows, &item, err));
	ASOF_TRY(asof_catalog_copy_run(&borrowed, &rows->arena, &item->run, err));
	rows->count++;
	return ASOF_OK;
}

static enum asof_status
take_materialization(void *arg, const struct asof_sql_cell *row, struct asof_error *err)
{
	struct rows *rows = arg;
	const struct asof_materialization borrowed = {
		.view = row[0].text,
		.version = row[1].text,
		.at_us = row[2].number,
		.row_count = row[3].number,
		.done_us = row[4].number,
	};
	union row *item = NULL;
	ASOF_TRY(rows_reserve(rows, &item, err));
	ASOF_TRY(asof_catalog_copy_materialization(&borrowed, &rows->arena, &item->materialization,
						   err));
	rows->count++;
	return ASOF_OK;
}

static enum asof_status
take_training_set(void *arg, const struct asof_sql_cell *row, struct asof_error *err)
{
	struct rows *rows = arg;
	const struct asof_training_set borrowed = {
		.path = row[0].text,
		.spine = row[1].text,
		.service = row[2].text,
		.views = row[3].text,
		.features = row[4].text,
		.row_count = row[5].number,
		.made_us = row[6].number,
		.made_by = row[7].text,
	};
	union row *item = NULL;
	ASOF_TRY(rows_reserve(rows, &item, err));
	ASOF_TRY(asof_catalog_copy_training_set(&borrowed, &rows->arena, &item->training_set, err));
	rows->count++;
	return ASOF_OK;
}

/* --- one statement, and several in a transaction -----------------------------------------------
 */

static enum asof_status
change(struct asof_sql_catalog *self, enum asof_catalog_statement statement,
       const struct asof_sql_cells *values, int64_t *ret_changed, struct asof_error *err)
{
	return self->driver->run(self, statement, values, NULL, NULL, ret_changed, err);
}

struct selection {
	enum asof_catalog_statement statement;
	struct asof_sql_cells values;
	asof_sql_row_fn *take;
	struct rows *rows;
};

static enum asof_status
select_rows(struct asof_sql_catalog *self, void *arg, struct asof_error *err)
{
	struct selection *selection = arg;
	asof_arena_reset(&selection->rows->arena);
	selection->rows->count = 0;
	return self->driver->run(self, selection->statement, &selection->values, selection->take,
				 selection->rows, NULL, err);
}

static enum asof_status
read_rows(struct asof_catalog *catalog, struct selection *selection, struct asof_error *err)
{
	struct asof_sql_catalog *self = sql_catalog(catalog);
	return self->driver->perform(self, false, select_rows, selection, err);
}

static enum asof_status
perform_write(struct asof_catalog *catalog, bool is_transaction, asof_sql_work_fn *work, void *arg,
	      struct asof_error *err)
{
	struct asof_sql_catalog *self = sql_catalog(catalog);
	ASOF_TRY(asof_fault_point("catalog.before_write", err));
	ASOF_TRY(self->driver->perform(self, is_transaction, work, arg, err));
	return asof_fault_point("catalog.after_write", err);
}

/* One statement that says how things are, whatever they were. */
struct replacement {
	enum asof_catalog_statement statement;
	struct asof_sql_cells values;
};

static enum asof_status
replace(struct asof_sql_catalog *self, void *arg, struct asof_error *err)
{
	const struct replacement *replacement = arg;
	return change(self, replacement->statement, &replacement->values, NULL, err);
}

/* --- definitions -------------------------------------------------------------------------------
 */

struct defining {
	const struct asof_definition *definitions;
	size_t count;
	const struct asof_definition *removed;
	size_t removed_count;
};

static enum asof_status
put_definition(struct asof_sql_catalog *self, const struct asof_definition *definition,
	       struct asof_error *err)
{
	struct asof_sql_cells values = { 0 };
	add_text(&values, definition->kind);
	add_text(&values, definition->name);
	add_text(&values, definition->hash);
	add_text(&values, definition->json);
	add_int(&values, definition->major);
	add_int(&values, definition->minor);
	add_int(&values, definition->registered_us);
	return change(self, ASOF_SQL_DEFINE, &values, NULL, err);
}

static enum asof_status
define(struct asof_sql_catalog *self, void *arg, struct asof_error *err)
{
	const struct defining *defining = arg;
	for (size_t i = 0; i < defining->count; i++)
		ASOF_TRY(put_definition(self, &defining->definitions[i], err));
	for (size_t i = 0; i < defining->removed_count; i++) {
		struct asof_sql_cells values = { 0 };
		add_text(&values, defining->removed[i].kind);
		add_text(&values, defining->removed[i].name);
		ASOF_TRY(change(self, ASOF_SQL_FORGET, &values, NULL, err));
	}
	return asof_fault_point("catalog.before_commit", err);
}

enum asof_status
asof_catalog_sql_define(struct asof_catalog *catalog, const struct asof_definition *definitions,
			size_t count, const struct asof_definition *removed, size_t removed_count,
			struct asof_error *err)
{
	struct defining defining = { definitions, count, removed, removed_count };
	return perform_write(catalog, true, define, &defining, err);
}

enum asof_status
asof_catalog_sql_definitions(struct asof_catalog *catalog, const char *kind,
			     asof_definition_fn *visit, void *arg, struct asof_error *err)
{
	ASOF_AUTO(rows_done) struct rows rows = { 0 };
	struct selection selection = { ASOF_SQL_DEFINITIONS, name_cells(kind), take_definition,
				       &rows };
	ASOF_TRY(read_rows(catalog, &selection, err));
	for (size_t i = 0; i < rows.count; i++)
		ASOF_TRY(visit(arg, &rows.items[i].definition, err));
	return ASOF_OK;
}

/* --- versions ----------------------------------------------------------------------------------
 */

struct publishing {
	const struct asof_version *version;
};

/* The version is there: made by whom? */
static enum asof_status
meet_publisher(void *arg, const struct asof_sql_cell *row, struct asof_error *err)
{
	struct publishing *publishing = arg;
	if (strcmp(row[0].text, publishing->version->run_id) != 0)
		return ASOF_FAIL(err, ASOF_CONFLICT, "it exists already, made by run '%s'",
				 row[0].text);
	return ASOF_OK;
}

/* Adding waits for another transaction that adds the same one. */
static enum asof_status
publish(struct asof_sql_catalog *self, void *arg, struct asof_error *err)
{
	struct publishing *publishing = arg;
	const struct asof_version *version = publishing->version;
	const struct asof_sql_cells place =
		version_cells(version->view, version->major, version->minor, version->patch);
	struct asof_sql_cells values = place;
	int64_t added = 0;
	add_text(&values, version->definition_hash);
	add_text(&values, version->definition_json);
	add_int(&values, version->table_version);
	add_int(&values, version->row_count);
	add_int(&values, version->published_us);
	add_text(&values, version->run_id);
	add_text(&values, version->tag);
	add_text(&values, version->made_by);
	add_text(&values, version->reason);
	ASOF_TRY(change(self, ASOF_SQL_ADD_VERSION, &values, &added, err));
	if (added == 0)
		return self->driver->run(self, ASOF_SQL_VERSION_RUN, &place, meet_publisher,
					 publishing, NULL, err);
	if (version->is_current)
		ASOF_TRY(change(self, ASOF_SQL_SET_CURRENT, &place, NULL, err));
	return asof_fault_point("catalog.before_commit", err);
}

enum asof_status
asof_catalog_sql_publish(struct asof_catalog *catalog, const struct asof_version *version,
			 struct asof_error *err)
{
	struct publishing publishing = { .version = version };
	return perform_write(catalog, true, publish, &publishing, err);
}

enum asof_status
asof_catalog_sql_versions(struct asof_catalog *catalog, const char *view, asof_version_fn *visit,
			  void *arg, struct asof_error *err)
{
	ASOF_AUTO(rows_done) struct rows rows = { 0 };
	struct selection selection = { ASOF_SQL_VERSIONS, name_cells(view), take_version, &rows };
	ASOF_TRY(read_rows(catalog, &selection, err));
	for (size_t i = 0; i < rows.count; i++)
		ASOF_TRY(visit(arg, &rows.items[i].version, err));
	return ASOF_OK;
}

static enum asof_status
point_to(struct asof_sql_catalog *self, void *arg, struct asof_error *err)
{
	const struct asof_sql_cells *place = arg;
	int64_t changed = 0;
	ASOF_TRY(change(self, ASOF_SQL_SET_CURRENT, place, &changed, err));
	return changed ? ASOF_OK : ASOF_FAIL(err, ASOF_NOT_FOUND, "no such version");
}

enum asof_status
asof_catalog_sql_set_current(struct asof_catalog *catalog, const char *view, int32_t major,
			     int32_t minor, int32_t patch, struct asof_error *err)
{
	struct asof_sql_cells place = version_cells(view, major, minor, patch);
	return perform_write(catalog, false, point_to, &place, err);
}

static enum asof_status
move_to(struct asof_sql_catalog *self, void *arg, struct asof_error *err)
{
	const struct asof_sql_cells *values = arg;
	int64_t changed = 0;
	ASOF_TRY(change(self, ASOF_SQL_MOVE_VERSION, values, &changed, err));
	return changed ? ASOF_OK : ASOF_FAIL(err, ASOF_NOT_FOUND, "no such version");
}

enum asof_status
asof_catalog_sql_move_version(struct asof_catalog *catalog, const char *view, int32_t major,
			      int32_t minor, int32_t patch, int64_t table_version,
			      struct asof_error *err)
{
	struct asof_sql_cells values = { 0 };
	add_int(&values, table_version);
	add_text(&values, view);
	add_int(&values, major);
	add_int(&values, minor);
	add_int(&values, patch);
	return perform_write(catalog, false, move_to, &values, err);
}

/* --- runs --------------------------------------------------------------------------------------
 */

enum asof_status
asof_catalog_sql_put_run(struct asof_catalog *catalog, const struct asof_run *run,
			 struct asof_error *err)
{
	struct replacement replacement = { .statement = ASOF_SQL_PUT_RUN };
	struct asof_sql_cells *values = &replacement.values;
	add_text(values, run->id);
	add_text(values, run->job);
	add_text(values, run->name);
	add_int(values, run->state);
	add_int(values, run->started_us);
	add_int(values, run->finished_us);
	add_int(values, run->row_count);
	add_text(values, run->message);
	add_text(values, run->version);
	add_text(values, run->made_by);
	add_text(values, run->reason);
	return perform_write(catalog, false, replace, &replacement, err);
}

enum asof_status
asof_catalog_sql_runs(struct asof_catalog *catalog, size_t limit, asof_run_fn *visit, void *arg,
		      struct asof_error *err)
{
	ASOF_AUTO(rows_done) struct rows rows = { 0 };
	struct selection selection = { ASOF_SQL_RUNS, limit_cells(limit), take_run, &rows };
	ASOF_TRY(read_rows(catalog, &selection, err));
	for (size_t i = 0; i < rows.count; i++)
		ASOF_TRY(visit(arg, &rows.items[i].run, err));
	return ASOF_OK;
}

/* --- what is online, and training sets ---------------------------------------------------------
 */

enum asof_status
asof_catalog_sql_put_materialization(struct asof_catalog *catalog,
				     const struct asof_materialization *materialization,
				     struct asof_error *err)
{
	struct replacement replacement = { .statement = ASOF_SQL_PUT_MATERIALIZATION };
	struct asof_sql_cells *values = &replacement.values;
	add_text(values, materialization->view);
	add_text(values, materialization->version);
	add_int(values, materialization->at_us);
	add_int(values, materialization->row_count);
	add_int(values, materialization->done_us);
	return perform_write(catalog, false, replace, &replacement, err);
}

enum asof_status
asof_catalog_sql_find_materialization(struct asof_catalog *catalog, const char *view,
				      struct asof_arena *arena,
				      struct asof_materialization *ret_materialization,
				      struct asof_error *err)
{
	ASOF_AUTO(rows_done) struct rows rows = { 0 };
	struct selection selection = { ASOF_SQL_FIND_MATERIALIZATION, name_cells(view),
				       take_materialization, &rows };
	ASOF_TRY(read_rows(catalog, &selection, err));
	if (rows.count == 0)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "it was never materialized");
	return asof_catalog_copy_materialization(&rows.items[0].materialization, arena,
						 ret_materialization, err);
}

enum asof_status
asof_catalog_sql_put_training_set(struct asof_catalog *catalog,
				  const struct asof_training_set *training_set,
				  struct asof_error *err)
{
	struct replacement replacement = { .statement = ASOF_SQL_PUT_TRAINING_SET };
	struct asof_sql_cells *values = &replacement.values;
	add_text(values, training_set->path);
	add_text(values, training_set->spine);
	add_text(values, training_set->service);
	add_text(values, training_set->views);
	add_text(values, training_set->features);
	add_int(values, training_set->row_count);
	add_int(values, training_set->made_us);
	add_text(values, training_set->made_by);
	return perform_write(catalog, false, replace, &replacement, err);
}

enum asof_status
asof_catalog_sql_training_sets(struct asof_catalog *catalog, size_t limit,
			       asof_training_set_fn *visit, void *arg, struct asof_error *err)
{
	ASOF_AUTO(rows_done) struct rows rows = { 0 };
	struct selection selection = { ASOF_SQL_TRAINING_SETS, limit_cells(limit),
				       take_training_set, &rows };
	ASOF_TRY(read_rows(catalog, &selection, err));
	for (size_t i = 0; i < rows.count; i++)
		ASOF_TRY(visit(arg, &rows.items[i].training_set, err));
	return ASOF_OK;
}
