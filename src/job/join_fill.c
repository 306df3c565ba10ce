#include "job/join_fill.h"

struct asof_join_fill_worker {
	struct asof_block block;
	struct asof_block run;       /* of some of the rows, where they are not neighbours */
	struct asof_column *columns; /* of the training set */
	struct asof_arena scratch;
	uint64_t *any;     /* bits: the rows that got something of the view at hand */
	uint64_t *matched; /* per view */
	uint64_t found;    /* what the kernels count: rows with a row, defaults or not */
};

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns of the training set");
}

static enum asof_status
name_columns(struct asof_join_fill *fill, struct asof_error *err)
{
	const struct asof_join_run *run = fill->run;
	size_t next = 0;
	for (size_t v = 0; v < run->table_count; v++) {
		fill->first_columns[v] = next;
		for (size_t i = 0; i < run->views[v].output_count; i++)
			fill->types[next++] = run->views[v].outputs[i]->type;
	}
	for (size_t i = 0; i < run->column_count; i++) {
		const struct asof_plan_join_view *item = &run->views[run->columns[i].view];
		const struct asof_output *output = item->outputs[run->columns[i].output];
		fill->fields[i].type = output->type;
		fill->fields[i].name = asof_arena_printf(&fill->arena, "%s__%s",
							 item->table.view->name, output->name);
		if (!fill->fields[i].name)
			return no_memory(err);
	}
	return ASOF_OK;
}

static enum asof_status
init_worker(struct asof_join_fill *fill, struct asof_join_fill_worker *worker,
	    struct asof_error *err)
{
	const struct asof_join_run *run = fill->run;
	size_t capacity = asof_engine_vector_rows();
	worker->columns =
		asof_arena_array(&fill->arena, run->column_count, sizeof(*worker->columns));
	worker->matched =
		asof_arena_array(&fill->arena, run->table_count, sizeof(*worker->matched));
	worker->any = asof_arena_array(&fill->arena, capacity / 64, sizeof(*worker->any));
	if (!worker->columns || !worker->matched || !worker->any)
		return no_memory(err);
	return asof_block_init(&worker->block, fill->types, run->column_count, capacity, err);
}

static enum asof_status
init(struct asof_join_fill *fill, struct asof_error *err)
{
	const struct asof_join_run *run = fill->run;
	fill->types = asof_arena_array(&fill->arena, run->column_count, sizeof(*fill->types));
	fill->fields = asof_arena_array(&fill->arena, run->column_count, sizeof(*fill->fields));
	fill->first_columns =
		asof_arena_array(&fill->arena, run->table_count, sizeof(*fill->first_columns));
	fill->worker_count = asof_engine_threads(run->engine);
	fill->workers = asof_arena_array(&fill->arena, fill->worker_count, sizeof(*fill->workers));
	if (!fill->types || !fill->fields || !fill->first_columns || !fill->workers)
		return no_memory(err);
	ASOF_TRY(name_columns(fill, err));
	for (unsigned i = 0; i < fill->worker_count; i++)
		ASOF_TRY(init_worker(fill, &fill->workers[i], err));
	return ASOF_OK;
}

enum asof_status
asof_join_fill_init(struct asof_join_fill *fill, const struct asof_join_run *run,
		    const struct asof_join_answers *answers, struct asof_error *err)
{
	*fill = (struct asof_join_fill){ .run = run, .answers = answers };
	enum asof_status status = init(fill, err);
	if (status != ASOF_OK)
		asof_join_fill_done(fill);
	return status;
}

void
asof_join_fill_done(struct asof_join_fill *fill)
{
	for (unsigned i = 0; fill->workers && i < fill->worker_count; i++) {
		asof_block_done(&fill->workers[i].block);
		asof_block_done(&fill->workers[i].run);
		asof_arena_done(&fill->workers[i].scratch);
	}
	asof_arena_done(&fill->arena);
	*fill = (struct asof_join_fill){ 0 };
}

uint64_t
asof_join_fill_bytes(const struct asof_join_run *run)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < run->column_count; i++) {
		const struct asof_plan_join_view *item = &run->views[run->columns[i].view];
		const struct asof_type *type = &item->outputs[run->columns[i].output]->type;
		bytes += asof_block_bytes(type, 1, asof_engine_vector_rows());
	}
	return bytes * asof_engine_threads(run->engine);
}

/* ---- reading ---- */

/* All views' features of rows first_row .. into a block. */
static enum asof_status
read_run(const struct asof_join_fill *fill, struct asof_join_fill_worker *worker,
	 struct asof_block *block, int64_t first_row, size_t count, struct asof_error *err)
{
	asof_block_reset(block, count);
	for (size_t v = 0; v < fill->run->table_count; v++) {
		const struct asof_join_answers *answers = &fill->answers[v];
		size_t first_column = fill->first_columns[v];
		if (answers->pit)
			ASOF_TRY(asof_pit_read(answers->pit, first_row, count, block, first_column,
					       &worker->found, err));
		else
			ASOF_TRY(asof_window_join_read(answers->windows, first_row, count, block,
						       first_column, &worker->found, err));
	}
	return ASOF_OK;
}

static enum asof_status
copy_rows(struct asof_join_fill_worker *worker, size_t first, size_t count, struct asof_error *err)
{
	for (size_t c = 0; c < worker->block.column_count; c++) {
		for (size_t row = 0; row < count; row++) {
			struct asof_value value;
			ASOF_TRY(asof_column_value(&worker->run.columns[c], row, &worker->scratch,
						   &value, err));
			ASOF_TRY(asof_block_set(&worker->block, c, first + row, &value, err));
		}
	}
	return ASOF_OK;
}

/* Rows that are not neighbours are read run by run, and copied. */
static enum asof_status
read_scattered(const struct asof_join_fill *fill, struct asof_join_fill_worker *worker,
	       const int64_t *rows, size_t count, struct asof_error *err)
{
	if (!worker->run.columns)
		ASOF_TRY(asof_block_init(&worker->run, fill->types, fill->run->column_count,
					 asof_engine_vector_rows(), err));
	asof_block_reset(&worker->block, count);
	asof_arena_reset(&worker->scratch);
	for (size_t first = 0; first < count;) {
		size_t length = 1;
		while (first + length < count &&
		       rows[first + length] == rows[first] + (int64_t)length)
			length++;
		ASOF_TRY(read_run(fill, worker, &worker->run, rows[first], length, err));
		ASOF_TRY(copy_rows(worker, first, length, err));
		first += length;
	}
	return ASOF_OK;
}

/* ---- counting ---- */

static void
add_present(const struct asof_column *column, size_t count, uint64_t *any)
{
	for (size_t word = 0; word < (count + 63) / 64; word++)
		any[word] |= column->validity ? column->validity[word] : UINT64_MAX;
}

static enum asof_status
add_other_than(const struct asof_column *column, const struct asof_value *default_value,
	       size_t count, struct asof_arena *scratch, uint64_t *any, struct asof_error *err)
{
	for (size_t row = 0; row < count; row++) {
		struct asof_value value;
		if (any[row / 64] >> (row % 64) & 1 || asof_column_is_null(column, row))
			continue;
		ASOF_TRY(asof_column_value(column, row, scratch, &value, err));
		if (asof_value_compare(&value, default_value) != 0)
			any[row / 64] |= UINT64_C(1) << (row % 64);
	}
	return ASOF_OK;
}

static enum asof_status
count_view(const struct asof_join_fill *fill, struct asof_join_fill_worker *worker, size_t v,
	   size_t count, struct asof_error *err)
{
	const struct asof_plan_join_view *item = &fill->run->views[v];
	const struct asof_column *columns = &worker->block.columns[fill->first_columns[v]];
	bool has_plain = false;
	memset(worker->any, 0, (count + 63) / 64 * sizeof(*worker->any));
	for (size_t i = 0; i < item->output_count; i++) {
		if (item->outputs[i]->has_default)
			continue;
		has_plain = true;
		add_present(&columns[i], count, worker->any);
	}
	for (size_t i = 0; i < item->output_count && !has_plain; i++)
		ASOF_TRY(add_other_than(&columns[i], item->outputs[i]->default_value, count,
					&worker->scratch, worker->any, err));
	if (count % 64)
		worker->any[count / 64] &= (UINT64_C(1) << (count % 64)) - 1;
	for (size_t word = 0; word < (count + 63) / 64; word++)
		worker->matched[v] += (uint64_t)__builtin_popcountll(worker->any[word]);
	return ASOF_OK;
}

enum asof_status
asof_join_fill_rows(void *arg, unsigned number, const int64_t *rows, size_t count,
		    struct asof_batch *ret_batch, struct asof_error *err)
{
	const struct asof_join_fill *fill = arg;
	const struct asof_join_run *run = fill->run;
	struct asof_join_fill_worker *worker = &fill->workers[number];
	bool is_run = count == 0 || rows[count - 1] - rows[0] == (int64_t)count - 1;
	if (count == 0)
		asof_block_reset(&worker->block, 0);
	else if (is_run)
		ASOF_TRY(read_run(fill, worker, &worker->block, rows[0], count, err));
	else
		ASOF_TRY(read_scattered(fill, worker, rows, count, err));
	asof_arena_reset(&worker->scratch);
	for (size_t v = 0; v < run->table_count; v++)
		ASOF_TRY(count_view(fill, worker, v, count, err));
	for (size_t i = 0; i < run->column_count; i++) {
		const struct asof_plan_join_column *column = &run->columns[i];
		worker->columns[i] =
			worker->block.columns[fill->first_columns[column->view] + column->output];
	}
	*ret_batch = (struct asof_batch){ worker->columns, run->column_count, count };
	return ASOF_OK;
}

void
asof_join_fill_count(const struct asof_join_fill *fill, int64_t *matched)
{
	for (unsigned i = 0; i < fill->worker_count; i++) {
		for (size_t v = 0; v < fill->run->table_count; v++)
			matched[v] += (int64_t)fill->workers[i].matched[v];
	}
}
