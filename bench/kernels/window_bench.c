/*
 * window_bench.c - rolling windows over events, columns in memory to columns in memory, beside
 * DuckDB's RANGE frames over a table in memory.
 *
 *   bench_window [EVENTS [THREADS [ROUNDS [alone]]]]
 *
 * Events are random in key and time over a year, 500 of each key, one double, 1 % NULL; nine
 * aggregates over 7, 30 and 90 days, a row for every event. The kernel's arm groups and sorts the
 * events too. Both arms run in turn in one process. A JSON line per arm and round; sums of all
 * columns must agree.
 */
#include <math.h>
#include <stdatomic.h>

#include "base/workers.h"
#include "engine/engine.h"
#include "kernel/tile_store.h"
#include "kernel/window_sweep.h"
#include "timing.h"

#define BATCH_ROWS  2048
#define MORSEL_ROWS ((size_t)122880)
#define PER_KEY     500
#define DAY_US      INT64_C(86400000000)
#define THREADS_MAX 64
#define AGGREGATES  9
#define WINDOWS     3
#define OUTPUTS     (AGGREGATES * WINDOWS)

const char bench_name[] = "bench_window";

struct rows {
	size_t count;
	int64_t *keys;
	int64_t *times_us;
	int64_t *numbers;
	double *values;
	uint64_t *validity;
};

struct arguments {
	size_t events;
	unsigned threads;
	unsigned rounds;
};

struct sums {
	double values[OUTPUTS];
};

static const int days[WINDOWS] = { 7, 30, 90 };
static const struct {
	enum asof_agg_kind agg;
	const char *sql;
} aggregates[AGGREGATES] = {
	{ ASOF_AGG_COUNT, "count(x)" },
	{ ASOF_AGG_SUM, "sum(x)" },
	{ ASOF_AGG_MEAN, "avg(x)" },
	{ ASOF_AGG_MIN, "min(x)" },
	{ ASOF_AGG_MAX, "max(x)" },
	{ ASOF_AGG_STD, "stddev_samp(x)" },
	{ ASOF_AGG_VAR, "var_samp(x)" },
	{ ASOF_AGG_FIRST, "first_value(x IGNORE NULLS)" },
	{ ASOF_AGG_LAST, "last_value(x IGNORE NULLS)" },
};

/* The view: AGGREGATES x WINDOWS of the one column. */
struct model {
	struct asof_arena arena;
	struct asof_field field;
	struct asof_source source;
	struct asof_feature feature;
	struct asof_output outputs[OUTPUTS];
	struct asof_view view;
	struct asof_tile_layout layout;
	size_t wanted[OUTPUTS];
	struct asof_type types[OUTPUTS];
};

/* No two rows have one time, so that there is one first and one last. */
static struct rows
make_rows(size_t count)
{
	struct rows rows = { .count = count,
			     .keys = allocate(count, sizeof(int64_t)),
			     .times_us = allocate(count, sizeof(int64_t)),
			     .numbers = allocate(count, sizeof(int64_t)),
			     .values = allocate(count, sizeof(double)),
			     .validity = allocate(count / 64 + 1, sizeof(uint64_t)) };
	uint64_t state = 1;
	uint64_t keys = count / PER_KEY + 1;
	uint64_t steps = (uint64_t)(365 * DAY_US) / count;
	for (size_t i = 0; i < count; i++) {
		rows.keys[i] = (int64_t)(random_bits(&state) % keys);
		rows.times_us[i] = (int64_t)(random_bits(&state) % steps * count + i);
		rows.numbers[i] = (int64_t)i;
		rows.values[i] = (double)(random_bits(&state) >> 11) * 0x1p-53 * 100;
		if (random_bits(&state) % 100 > 0)
			rows.validity[i / 64] |= UINT64_C(1) << (i % 64);
	}
	return rows;
}

static void
free_rows(struct rows *rows)
{
	asof_mem_free(rows->keys);
	asof_mem_free(rows->times_us);
	asof_mem_free(rows->numbers);
	asof_mem_free(rows->values);
	asof_mem_free(rows->validity);
}

static void
make_model(struct model *m)
{
	struct asof_error err = { 0 };
	*m = (struct model){ .field = { .name = "x", .type = ASOF_TYPE(ASOF_TYPE_FLOAT64) },
			     .feature = { .name = "x", .column = { .text = "x" } } };
	m->source = (struct asof_source){ .name = "f", .fields = &m->field, .field_count = 1 };
	m->view = (struct asof_view){ .name = "w",
				      .source = &m->source,
				      .step_us = ASOF_STEP_EVENT,
				      .features = &m->feature,
				      .feature_count = 1,
				      .outputs = m->outputs,
				      .output_count = OUTPUTS };
	for (size_t i = 0; i < OUTPUTS; i++) {
		struct asof_output *output = &m->outputs[i];
		*output = (struct asof_output){ .name = aggregates[i / WINDOWS].sql,
						.feature = &m->feature,
						.agg = aggregates[i / WINDOWS].agg,
						.window_us = days[i % WINDOWS] * DAY_US };
		if (asof_agg_type(output->agg, m->field.type, &output->type, &err) != ASOF_OK)
			die("aggregate", &err);
		m->wanted[i] = i;
		m->types[i] = output->type;
	}
	if (asof_tile_layout_make(&m->view, &m->arena, &m->layout, &err) != ASOF_OK)
		die("layout", &err);
}

enum stage { STAGE_SPINE, STAGE_INDEX, STAGE_TAKE, STAGE_SORT, STAGE_SWEEP, STAGES };

static const char *const stage_names[STAGES] = { "spine", "index", "take", "sort", "sweep" };

struct kernel_run {
	const struct rows *rows;
	const struct model *model;
	struct asof_spine_index *index;
	struct asof_tile_store *store;
	struct asof_block *results; /* per thread */
	size_t *result_rows;
	unsigned threads;
	atomic_size_t next;
	struct cost costs[STAGES];
};

static enum asof_status
take_spine(void *arg, unsigned worker, struct asof_error *err)
{
	struct kernel_run *run = arg;
	struct asof_type type = ASOF_TYPE(ASOF_TYPE_INT64);
	for (;;) {
		size_t begin = atomic_fetch_add(&run->next, BATCH_ROWS);
		if (begin >= run->rows->count)
			return ASOF_OK;
		size_t count = run->rows->count - begin;
		struct asof_column columns[] = {
			{ .type = type, .data = run->rows->numbers + begin },
			{ .type = type, .data = run->rows->times_us + begin },
			{ .type = type, .data = run->rows->keys + begin },
		};
		struct asof_batch batch = { columns, 3, count < BATCH_ROWS ? count : BATCH_ROWS };
		ASOF_TRY(asof_spine_index_take(run->index, worker, &batch, err));
	}
}

static enum asof_status
take_events(void *arg, unsigned worker, struct asof_error *err)
{
	struct kernel_run *run = arg;
	const struct rows *rows = run->rows;
	for (;;) {
		size_t begin = atomic_fetch_add(&run->next, MORSEL_ROWS);
		if (begin >= rows->count)
			return ASOF_OK;
		size_t end = begin + MORSEL_ROWS < rows->count ? begin + MORSEL_ROWS : rows->count;
		for (; begin < end; begin += BATCH_ROWS) {
			struct asof_column columns[] = {
				{ .type = ASOF_TYPE(ASOF_TYPE_INT64), .data = rows->keys + begin },
				{ .type = ASOF_TYPE(ASOF_TYPE_INT64),
				  .data = rows->times_us + begin },
				{ .type = ASOF_TYPE(ASOF_TYPE_FLOAT64),
				  .validity = rows->validity + begin / 64,
				  .data = rows->values + begin },
			};
			size_t count = end - begin < BATCH_ROWS ? end - begin : BATCH_ROWS;
			struct asof_batch batch = { columns, ASOF_COUNTOF(columns), count };
			ASOF_TRY(asof_tile_store_take(run->store, worker, &batch, err));
		}
	}
}

/* A share of the keys; a row for every event of theirs. */
static enum asof_status
sweep_share(void *arg, unsigned worker, struct asof_error *err)
{
	struct kernel_run *run = arg;
	const struct model *m = run->model;
	struct asof_block *block = &run->results[worker];
	size_t keys = asof_spine_index_slots(run->index)->entity_count;
	size_t first = keys * worker / run->threads;
	size_t end = keys * (worker + 1) / run->threads;
	ASOF_AUTO(asof_window_sweep_free_auto) struct asof_window_sweep *sweep = NULL;
	ASOF_AUTO(asof_tile_slice_done) struct asof_tile_slice slice = { .columns = NULL };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	size_t row = 0;
	int64_t *event_us = asof_arena_array(&arena, block->capacity, sizeof(*event_us));
	if (!event_us)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu rows", block->capacity);
	ASOF_TRY(asof_window_sweep_new(&m->view, &m->layout, m->wanted, OUTPUTS, &sweep, err));
	for (size_t key = first; key < end; key++) {
		ASOF_TRY(asof_tile_store_slice(run->store, (uint32_t)key, &slice, err));
		ASOF_TRY(asof_window_sweep_run(sweep, &slice.tiles, slice.tiles.end_us,
					       slice.tiles.count, block, 0, row, event_us + row,
					       err));
		row += slice.tiles.count;
	}
	run->result_rows[worker] = row;
	return ASOF_OK;
}

static void
stage(struct kernel_run *run, enum stage which, asof_worker_fn *fn)
{
	struct asof_error err = { 0 };
	atomic_store(&run->next, 0);
	struct cost begin = cost_begin();
	if (asof_workers_run(run->threads, fn, run, &err) != ASOF_OK)
		die(stage_names[which], &err);
	cost_end(&run->costs[which], begin);
}

static void
make_index(struct kernel_run *run)
{
	struct asof_error err = { 0 };
	struct asof_type type = ASOF_TYPE(ASOF_TYPE_INT64);
	struct asof_spine_index_options options = { .key_types = &type,
						    .key_count = 1,
						    .row_count = run->rows->count,
						    .workers = run->threads };
	if (asof_spine_index_new(&options, &run->index, &err) != ASOF_OK)
		die("spine", &err);
	stage(run, STAGE_SPINE, take_spine);
	struct cost begin = cost_begin();
	if (asof_spine_index_finish(run->index, &err) != ASOF_OK)
		die("index", &err);
	cost_end(&run->costs[STAGE_INDEX], begin);
}

static void
make_store(struct kernel_run *run)
{
	struct asof_error err = { 0 };
	struct asof_tile_store_options options = { .spine = run->index,
						   .layout = &run->model->layout,
						   .workers = run->threads };
	if (asof_tile_store_new(&options, &run->store, &err) != ASOF_OK)
		die("store", &err);
	stage(run, STAGE_TAKE, take_events);
	struct cost begin = cost_begin();
	if (asof_tile_store_finish(run->store, &err) != ASOF_OK)
		die("sort", &err);
	cost_end(&run->costs[STAGE_SORT], begin);
}

static struct sums
sums_of(const struct kernel_run *run)
{
	struct sums sums = { { 0 } };
	for (unsigned t = 0; t < run->threads; t++) {
		const struct asof_block *block = &run->results[t];
		for (size_t i = 0; i < OUTPUTS; i++) {
			for (size_t row = 0; row < run->result_rows[t]; row++) {
				if (asof_column_is_null(&block->columns[i], row))
					continue;
				bool is_int = run->model->types[i].kind == ASOF_TYPE_INT64;
				sums.values[i] += is_int ? (double)((int64_t *)block->data[i])[row]
							 : ((double *)block->data[i])[row];
			}
		}
	}
	return sums;
}

static void
print_run(const struct arguments *a, const char *arm, unsigned round, double seconds, double cpu)
{
	printf("{\"case\": \"window\", \"label\": \"%zu events, %d outputs each\", \"arm\": "
	       "\"%s\", \"round\": %u, \"seconds\": %.6f, \"cpu\": %.6f",
	       a->events, OUTPUTS, arm, round, seconds, cpu);
}

static struct sums
run_kernel(const struct arguments *a, const struct rows *rows, const struct model *model,
	   struct asof_block *results, unsigned round)
{
	size_t result_rows[THREADS_MAX] = { 0 };
	struct kernel_run run = { .rows = rows,
				  .model = model,
				  .results = results,
				  .result_rows = result_rows,
				  .threads = a->threads };
	for (unsigned t = 0; t < a->threads; t++)
		asof_block_reset(&results[t], results[t].capacity);
	uint64_t cycles = cycles_now();
	double cpu = cpu_now();
	double begin = seconds_now();
	make_index(&run);
	make_store(&run);
	stage(&run, STAGE_SWEEP, sweep_share);
	double seconds = seconds_now() - begin;
	double cycles_per_second = (double)(cycles_now() - cycles) / seconds;
	print_run(a, "kernel", round, seconds, cpu_now() - cpu);
	size_t stage_rows[STAGES];
	for (size_t i = 0; i < STAGES; i++)
		stage_rows[i] = a->events;
	print_costs(stage_names, run.costs, stage_rows, STAGES, cycles_per_second);
	printf("}\n");
	struct sums sums = sums_of(&run);
	asof_tile_store_free(run.store);
	asof_spine_index_free(run.index);
	return sums;
}

struct pulling {
	const struct rows *rows;
	size_t next;
	struct asof_column columns[3];
};

static enum asof_status
pull(void *arg, unsigned worker, size_t capacity, struct asof_batch *ret_batch,
     struct asof_error *err)
{
	struct pulling *pulling = arg;
	const struct rows *rows = pulling->rows;
	(void)worker;
	(void)err;
	size_t begin = pulling->next;
	size_t room = capacity / 64 * 64; /* validity is by words */
	size_t count = rows->count - begin < room ? rows->count - begin : room;
	pulling->columns[0].data = rows->keys + begin;
	pulling->columns[1].data = rows->times_us + begin;
	pulling->columns[2].data = rows->values + begin;
	pulling->columns[2].validity = rows->validity + begin / 64;
	pulling->next += count;
	*ret_batch = (struct asof_batch){ pulling->columns, 3, count };
	return ASOF_OK;
}

static void
load_table(struct asof_engine *engine, const struct rows *rows)
{
	struct asof_field fields[3] = { { .name = "k", .type = ASOF_TYPE(ASOF_TYPE_INT64) },
					{ .name = "t", .type = ASOF_TYPE(ASOF_TYPE_INT64) },
					{ .name = "x", .type = ASOF_TYPE(ASOF_TYPE_FLOAT64) } };
	struct pulling pulling = { .rows = rows };
	for (size_t i = 0; i < 3; i++)
		pulling.columns[i].type = fields[i].type;
	struct asof_feed feed = {
		.fields = fields, .field_count = 3, .max_workers = 1, .pull = pull, .arg = &pulling
	};
	struct asof_error err = { 0 };
	if (asof_engine_feed(engine, "CREATE TABLE f AS SELECT * FROM asof_feed()", &feed, NULL,
			     &err) != ASOF_OK)
		die("table", &err);
}

static enum asof_status
visit_sums(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	   struct asof_error *err)
{
	struct sums *sums = arg;
	(void)schema;
	(void)err;
	for (size_t i = 0; batch->row_count > 0 && i < OUTPUTS; i++)
		sums->values[i] = ((const double *)batch->columns[i].data)[0];
	return ASOF_OK;
}

static void
add_window_sql(struct asof_buf *sql)
{
	asof_buf_add_cstr(sql, "CREATE OR REPLACE TABLE o AS SELECT k, t");
	for (size_t i = 0; i < OUTPUTS; i++)
		asof_buf_printf(sql, ", %s OVER w%zu o%zu", aggregates[i / WINDOWS].sql,
				i % WINDOWS, i);
	asof_buf_add_cstr(sql, " FROM f WINDOW ");
	for (size_t w = 0; w < WINDOWS; w++)
		asof_buf_printf(sql,
				"%sw%zu AS (PARTITION BY k ORDER BY t RANGE BETWEEN %lld PRECEDING "
				"AND CURRENT ROW)",
				w > 0 ? ", " : "", w, (long long)(days[w] * DAY_US - 1));
}

static struct sums
run_duckdb(const struct arguments *a, struct asof_engine *engine, unsigned round)
{
	struct asof_error err = { 0 };
	struct sums sums = { { 0 } };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(16384);
	add_window_sql(&sql);
	if (asof_buf_status(&sql, &err) != ASOF_OK)
		die("sql", &err);
	double cpu = cpu_now();
	double begin = seconds_now();
	if (asof_engine_run(engine, asof_buf_cstr(&sql), NULL, &err) != ASOF_OK)
		die("windows", &err);
	double seconds = seconds_now() - begin;
	print_run(a, "DuckDB", round, seconds, cpu_now() - cpu);
	printf("}\n");
	asof_buf_clear(&sql);
	for (size_t i = 0; i < OUTPUTS; i++)
		asof_buf_printf(&sql, "%s sum(o%zu)::DOUBLE", i > 0 ? "," : "SELECT", i);
	asof_buf_add_cstr(&sql, " FROM o");
	if (asof_engine_query(engine, asof_buf_cstr(&sql), visit_sums, &sums, &err) != ASOF_OK)
		die("sums", &err);
	return sums;
}

static void
check_equal(const struct sums *a, const struct sums *b)
{
	for (size_t i = 0; i < OUTPUTS; i++) {
		if (fabs(a->values[i] - b->values[i]) <= 1e-9 * fabs(b->values[i]))
			continue;
		fprintf(stderr, "bench_window: %s over %d days: sums are %.17g and %.17g\n",
			aggregates[i / WINDOWS].sql, days[i % WINDOWS], a->values[i], b->values[i]);
		exit(1);
	}
}

static void
run_rounds(const struct arguments *a, struct asof_engine *engine, const struct rows *rows,
	   const struct model *model)
{
	struct asof_block results[THREADS_MAX] = { 0 };
	struct asof_error err = { 0 };
	size_t share = (a->events / a->threads + a->events / 8 + 10000) / 64 * 64;
	for (unsigned i = 0; i < a->threads; i++) {
		if (asof_block_init(&results[i], model->types, OUTPUTS, share, &err) != ASOF_OK)
			die("results", &err);
	}
	for (unsigned round = 0; round < a->rounds; round++) {
		struct sums kernel = run_kernel(a, rows, model, results, round);
		if (!engine)
			continue;
		struct sums duckdb = run_duckdb(a, engine, round);
		check_equal(&kernel, &duckdb);
	}
	for (unsigned i = 0; i < a->threads; i++)
		asof_block_done(&results[i]);
}

int
main(int argc, char **argv)
{
	struct arguments a = { .events = argument(argc, argv, 1, 1000000),
			       .threads = (unsigned)argument(argc, argv, 2, 2),
			       .rounds = (unsigned)argument(argc, argv, 3, 3) };
	bool is_alone = argc > 4 && strcmp(argv[4], "alone") == 0;
	if (a.threads < 1 || a.threads > THREADS_MAX || a.events < 1) {
		fprintf(stderr, "usage: bench_window [EVENTS [THREADS [ROUNDS [alone]]]]\n");
		return 2;
	}
	struct model model;
	make_model(&model);
	struct rows rows = make_rows(a.events);
	ASOF_AUTO(asof_engine_free_auto) struct asof_engine *engine = NULL;
	struct asof_engine_options options = { .threads = a.threads };
	struct asof_error err = { 0 };
	if (!is_alone) {
		if (asof_engine_open(&options, &engine, &err) != ASOF_OK)
			die("engine", &err);
		load_table(engine, &rows);
	}
	run_rounds(&a, engine, &rows, &model);
	free_rows(&rows);
	asof_arena_done(&model.arena);
	return 0;
}
