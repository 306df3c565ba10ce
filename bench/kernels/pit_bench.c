/*
 * pit_bench.c - the point-in-time join, columns in memory to columns in memory, beside DuckDB's
 * ASOF join of tables in memory.
 *
 *   bench_pit [SPINE_ROWS [FEATURE_ROWS [KEYS [THREADS [ROUNDS [sorted] [alone]]]]]]
 *
 * Both arms run in turn in one process. Rows are random in key and time over a year, five doubles
 * each, none older than 30 days is seen; `sorted`: feature rows stand by key and time, as a build
 * stores them; `alone`: without DuckDB. A JSON line per arm and round; results must be equal.
 */
#include <stdatomic.h>

#include "base/workers.h"
#include "engine/engine.h"
#include "kernel/pit.h"
#include "timing.h"

#define VALUES      5
#define BATCH_ROWS  2048
#define MORSEL_ROWS ((size_t)122880)
#define DAY_US      INT64_C(86400000000)
#define MAX_AGE_US  (30 * DAY_US)
#define THREADS_MAX 64

const char bench_name[] = "bench_pit";

struct rows {
	size_t count;
	int64_t *keys;
	int64_t *times_us;
	int64_t *numbers; /* of a spine */
	double *values[VALUES];
};

struct sums {
	double values[VALUES];
	uint64_t matched;
};

struct arguments {
	size_t spine_rows;
	size_t feature_rows;
	size_t keys;
	unsigned threads;
	unsigned rounds;
	bool is_sorted;
	bool is_alone;
};

/* No two rows have one time, so that there is one answer. */
static struct rows
make_rows(uint64_t seed, size_t count, size_t keys, size_t value_count, bool is_sorted)
{
	struct rows rows = { .count = count,
			     .keys = allocate(count, sizeof(int64_t)),
			     .times_us = allocate(count, sizeof(int64_t)),
			     .numbers = allocate(count, sizeof(int64_t)) };
	uint64_t state = seed;
	uint64_t steps = (uint64_t)(365 * DAY_US) / count;
	for (size_t v = 0; v < value_count; v++)
		rows.values[v] = allocate(count, sizeof(double));
	for (size_t i = 0; i < count; i++) {
		rows.keys[i] = (int64_t)(random_bits(&state) % keys);
		rows.times_us[i] = (int64_t)(random_bits(&state) % steps * count + i);
		if (is_sorted) {
			size_t per_key = (count + keys - 1) / keys;
			int64_t step_us = 365 * DAY_US / (int64_t)per_key;
			rows.keys[i] = (int64_t)(i / per_key);
			rows.times_us[i] =
				(int64_t)(i % per_key) * step_us + rows.times_us[i] % step_us;
		}
		rows.numbers[i] = (int64_t)i;
		for (size_t v = 0; v < value_count; v++)
			rows.values[v][i] = (double)(random_bits(&state) >> 44);
	}
	return rows;
}

static void
free_rows(struct rows *rows)
{
	asof_mem_free(rows->keys);
	asof_mem_free(rows->times_us);
	asof_mem_free(rows->numbers);
	for (size_t v = 0; v < VALUES; v++)
		asof_mem_free(rows->values[v]);
}

enum stage { STAGE_SPINE, STAGE_INDEX, STAGE_NEW, STAGE_TAKE, STAGE_CARRY, STAGE_READ, STAGES };

static const char *const stage_names[STAGES] = { "spine", "index", "new", "take", "carry", "read" };

struct kernel_run {
	const struct rows *spine;
	const struct rows *features;
	struct asof_spine_index *index;
	struct asof_pit *pit;
	struct asof_block *results; /* per thread, of its share of the spine */
	size_t share_rows;
	unsigned threads;
	atomic_size_t next;
	_Atomic uint64_t matched;
	struct cost costs[STAGES];
};

static enum asof_status
take_spine(void *arg, unsigned worker, struct asof_error *err)
{
	struct kernel_run *run = arg;
	struct asof_type type = ASOF_TYPE(ASOF_TYPE_INT64);
	for (;;) {
		size_t begin = atomic_fetch_add(&run->next, BATCH_ROWS);
		if (begin >= run->spine->count)
			return ASOF_OK;
		size_t count = run->spine->count - begin;
		struct asof_column columns[] = {
			{ .type = type, .data = run->spine->numbers + begin },
			{ .type = type, .data = run->spine->times_us + begin },
			{ .type = type, .data = run->spine->keys + begin },
		};
		struct asof_batch batch = { columns, 3, count < BATCH_ROWS ? count : BATCH_ROWS };
		ASOF_TRY(asof_spine_index_take(run->index, worker, &batch, err));
	}
}

static enum asof_status
take_features(void *arg, unsigned worker, struct asof_error *err)
{
	struct kernel_run *run = arg;
	for (;;) {
		size_t begin = atomic_fetch_add(&run->next, MORSEL_ROWS);
		if (begin >= run->features->count)
			return ASOF_OK;
		size_t end = begin + MORSEL_ROWS;
		end = end < run->features->count ? end : run->features->count;
		for (; begin < end; begin += BATCH_ROWS) {
			struct asof_column columns[2 + VALUES] = {
				{ .type = ASOF_TYPE(ASOF_TYPE_INT64),
				  .data = run->features->keys + begin },
				{ .type = ASOF_TYPE(ASOF_TYPE_INT64),
				  .data = run->features->times_us + begin },
			};
			for (size_t v = 0; v < VALUES; v++)
				columns[2 + v] = (struct asof_column){
					.type = ASOF_TYPE(ASOF_TYPE_FLOAT64),
					.data = run->features->values[v] + begin,
				};
			size_t count = end - begin < BATCH_ROWS ? end - begin : BATCH_ROWS;
			struct asof_batch batch = { columns, 2 + VALUES, count };
			ASOF_TRY(asof_pit_take(run->pit, worker, &batch, err));
		}
	}
}

static enum asof_status
read_share(void *arg, unsigned worker, struct asof_error *err)
{
	struct kernel_run *run = arg;
	size_t begin = run->share_rows * worker;
	if (begin >= run->spine->count)
		return ASOF_OK;
	size_t count = run->spine->count - begin;
	count = count < run->share_rows ? count : run->share_rows;
	uint64_t matched = 0;
	asof_block_reset(&run->results[worker], count);
	ASOF_TRY(asof_pit_read(run->pit, (int64_t)begin, count, &run->results[worker], 0, &matched,
			       err));
	atomic_fetch_add(&run->matched, matched);
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
						    .row_count = run->spine->count,
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
make_pit(struct kernel_run *run)
{
	struct asof_error err = { 0 };
	struct asof_pit_output outputs[VALUES];
	for (size_t v = 0; v < VALUES; v++)
		outputs[v] = (struct asof_pit_output){ .type = ASOF_TYPE(ASOF_TYPE_FLOAT64) };
	struct asof_pit_options options = { .spine = run->index,
					    .outputs = outputs,
					    .output_count = VALUES,
					    .max_age_us = MAX_AGE_US,
					    .workers = run->threads };
	struct cost begin = cost_begin();
	if (asof_pit_new(&options, &run->pit, &err) != ASOF_OK)
		die("new", &err);
	cost_end(&run->costs[STAGE_NEW], begin);
	stage(run, STAGE_TAKE, take_features);
	begin = cost_begin();
	if (asof_pit_finish(run->pit, &err) != ASOF_OK)
		die("carry", &err);
	cost_end(&run->costs[STAGE_CARRY], begin);
	stage(run, STAGE_READ, read_share);
}

static struct sums
sums_of(const struct kernel_run *run)
{
	struct sums sums = { .matched = run->matched };
	for (size_t i = 0; i < run->spine->count; i++) {
		const struct asof_block *block = &run->results[i / run->share_rows];
		size_t row = i % run->share_rows;
		for (size_t v = 0; v < VALUES; v++) {
			if (!asof_column_is_null(&block->columns[v], row))
				sums.values[v] += ((const double *)block->data[v])[row];
		}
	}
	return sums;
}

static void
print_run(const struct arguments *a, const char *arm, unsigned round, double seconds, double cpu)
{
	printf("{\"case\": \"pit\", \"label\": \"%zu x %zu%s rows, %zu keys\", \"arm\": \"%s\", "
	       "\"round\": %u, \"seconds\": %.6f, \"cpu\": %.6f",
	       a->spine_rows, a->feature_rows, a->is_sorted ? " sorted" : "", a->keys, arm, round,
	       seconds, cpu);
}

/* Of the feature rows for `take`, of the spine's else. */
static void
print_stages(const struct arguments *a, const struct kernel_run *run, double cycles_per_second)
{
	size_t rows[STAGES];
	for (size_t i = 0; i < STAGES; i++)
		rows[i] = i == STAGE_TAKE ? a->feature_rows : a->spine_rows;
	print_costs(stage_names, run->costs, rows, STAGES, cycles_per_second);
	struct asof_pit_counts counts = asof_pit_counts(run->pit);
	printf(", \"asked\": %llu, \"kept\": %llu, \"index_bytes\": %llu, \"pit_bytes\": %llu",
	       (unsigned long long)counts.asked, (unsigned long long)counts.kept,
	       (unsigned long long)asof_spine_index_bytes(run->index),
	       (unsigned long long)counts.bytes);
}

static struct sums
run_kernel(const struct arguments *a, const struct rows *spine, const struct rows *features,
	   struct asof_block *results, size_t share_rows, unsigned round)
{
	struct kernel_run run = { .spine = spine,
				  .features = features,
				  .results = results,
				  .share_rows = share_rows,
				  .threads = a->threads };
	uint64_t cycles = cycles_now();
	double cpu = cpu_now();
	double begin = seconds_now();
	make_index(&run);
	make_pit(&run);
	double seconds = seconds_now() - begin;
	double cycles_per_second = (double)(cycles_now() - cycles) / seconds;
	cpu = cpu_now() - cpu;
	print_run(a, "kernel", round, seconds, cpu);
	print_stages(a, &run, cycles_per_second);
	printf("}\n");
	struct sums sums = sums_of(&run);
	asof_pit_free(run.pit);
	asof_spine_index_free(run.index);
	return sums;
}

struct pulling {
	const struct rows *rows;
	size_t next;
	struct asof_column columns[2 + VALUES];
	size_t column_count;
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
	size_t count = rows->count - begin < capacity ? rows->count - begin : capacity;
	pulling->columns[0].data = rows->keys + begin;
	pulling->columns[1].data = rows->times_us + begin;
	for (size_t i = 2; i < pulling->column_count; i++)
		pulling->columns[i].data = rows->values[i - 2] + begin;
	pulling->next += count;
	*ret_batch = (struct asof_batch){ pulling->columns, pulling->column_count, count };
	return ASOF_OK;
}

static void
load_table(struct asof_engine *engine, const char *create, const struct rows *rows,
	   size_t value_count)
{
	static const char *const names[2 + VALUES] = { "k", "t", "f0", "f1", "f2", "f3", "f4" };
	struct asof_field fields[2 + VALUES] = { 0 };
	struct pulling pulling = { .rows = rows, .column_count = 2 + value_count };
	for (size_t i = 0; i < pulling.column_count; i++) {
		fields[i].name = names[i];
		fields[i].type = i < 2 ? ASOF_TYPE(ASOF_TYPE_INT64) : ASOF_TYPE(ASOF_TYPE_FLOAT64);
		pulling.columns[i].type = fields[i].type;
	}
	struct asof_feed feed = { .fields = fields,
				  .field_count = pulling.column_count,
				  .max_workers = 1,
				  .pull = pull,
				  .arg = &pulling };
	struct asof_error err = { 0 };
	if (asof_engine_feed(engine, create, &feed, NULL, &err) != ASOF_OK)
		die(create, &err);
}

static enum asof_status
visit_sums(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	   struct asof_error *err)
{
	struct sums *sums = arg;
	(void)schema;
	(void)err;
	if (batch->row_count == 0)
		return ASOF_OK;
	sums->matched = (uint64_t)((const int64_t *)batch->columns[0].data)[0];
	for (size_t v = 0; v < VALUES; v++)
		sums->values[v] = ((const double *)batch->columns[1 + v].data)[0];
	return ASOF_OK;
}

static const char join_sql[] = "CREATE OR REPLACE TABLE o AS SELECT "
			       "CASE WHEN s.t - f.t <= 2592000000000 THEN f0 END f0, "
			       "CASE WHEN s.t - f.t <= 2592000000000 THEN f1 END f1, "
			       "CASE WHEN s.t - f.t <= 2592000000000 THEN f2 END f2, "
			       "CASE WHEN s.t - f.t <= 2592000000000 THEN f3 END f3, "
			       "CASE WHEN s.t - f.t <= 2592000000000 THEN f4 END f4 "
			       "FROM s ASOF LEFT JOIN f ON s.k = f.k AND s.t >= f.t";

static struct sums
run_duckdb(const struct arguments *a, struct asof_engine *engine, unsigned round)
{
	struct asof_error err = { 0 };
	double cpu = cpu_now();
	double begin = seconds_now();
	if (asof_engine_run(engine, join_sql, NULL, &err) != ASOF_OK)
		die("join", &err);
	double seconds = seconds_now() - begin;
	print_run(a, "DuckDB", round, seconds, cpu_now() - cpu);
	printf("}\n");
	struct sums sums = { 0 };
	if (asof_engine_query(engine,
			      "SELECT count(f0), sum(f0), sum(f1), sum(f2), sum(f3), sum(f4) "
			      "FROM o",
			      visit_sums, &sums, &err) != ASOF_OK)
		die("sums", &err);
	return sums;
}

static void
check_equal(const struct sums *a, const struct sums *b)
{
	bool is_equal = a->matched == b->matched;
	/* Sums of whole numbers below 2^53: exact. */
	for (size_t v = 0; v < VALUES; v++)
		is_equal = is_equal && a->values[v] >= b->values[v] && a->values[v] <= b->values[v];
	if (is_equal)
		return;
	fprintf(stderr, "bench_pit: results differ: %llu and %llu rows matched\n",
		(unsigned long long)a->matched, (unsigned long long)b->matched);
	exit(1);
}

static void
run_rounds(const struct arguments *a, struct asof_engine *engine, const struct rows *spine,
	   const struct rows *features)
{
	struct asof_block results[THREADS_MAX] = { 0 };
	struct asof_type types[VALUES];
	struct asof_error err = { 0 };
	size_t share_rows = (a->spine_rows / a->threads + 64) / 64 * 64;
	for (size_t v = 0; v < VALUES; v++)
		types[v] = ASOF_TYPE(ASOF_TYPE_FLOAT64);
	for (unsigned i = 0; i < a->threads; i++) {
		if (asof_block_init(&results[i], types, VALUES, share_rows, &err) != ASOF_OK)
			die("results", &err);
	}
	for (unsigned round = 0; round < a->rounds; round++) {
		struct sums kernel = run_kernel(a, spine, features, results, share_rows, round);
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
	struct arguments a = { .spine_rows = argument(argc, argv, 1, 1000000),
			       .feature_rows = argument(argc, argv, 2, 10000000),
			       .keys = argument(argc, argv, 3, 100000),
			       .threads = (unsigned)argument(argc, argv, 4, 2),
			       .rounds = (unsigned)argument(argc, argv, 5, 5) };
	for (int i = 6; i < argc; i++) {
		a.is_sorted = a.is_sorted || strcmp(argv[i], "sorted") == 0;
		a.is_alone = a.is_alone || strcmp(argv[i], "alone") == 0;
	}
	if (a.threads < 1 || a.threads > THREADS_MAX || a.keys < 1 || a.feature_rows < 1 ||
	    a.spine_rows < 1) {
		fprintf(stderr, "usage: bench_pit [SPINE_ROWS [FEATURE_ROWS [KEYS [THREADS [ROUNDS "
				"[sorted] [alone]]]]]]\n");
		return 2;
	}
	struct rows spine = make_rows(1, a.spine_rows, a.keys, 0, false);
	struct rows features = make_rows(2, a.feature_rows, a.keys, VALUES, a.is_sorted);
	ASOF_AUTO(asof_engine_free_auto) struct asof_engine *engine = NULL;
	struct asof_engine_options options = { .threads = a.threads };
	struct asof_error err = { 0 };
	if (!a.is_alone) {
		if (asof_engine_open(&options, &engine, &err) != ASOF_OK)
			die("engine", &err);
		load_table(engine, "CREATE TABLE s AS SELECT * FROM asof_feed()", &spine, 0);
		load_table(engine, "CREATE TABLE f AS SELECT * FROM asof_feed()", &features,
			   VALUES);
	}
	run_rounds(&a, engine, &spine, &features);
	free_rows(&spine);
	free_rows(&features);
	return 0;
}
