/*
 * fuzz_kernel_pit.c - a spine indexed and joined with feature rows of several workers, in batches
 * of any shape, against one loop over all rows.
 */
#include "kernel/pit.h"
#include "kernel_feed.h"

#define MINUS_INFINITY_US (-INT64_MAX)
#define KEYS_MAX          3
#define OUTPUTS_MAX       4
#define SPINE_MAX         96
#define ROWS_MAX          300
#define WORKERS_MAX       3
#define HEAD_MAX          (KEYS_MAX + 3)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct row {
	struct asof_value keys[KEYS_MAX];
	struct asof_value time; /* event_us; of a spine row time_us */
	int64_t created_us;
	int64_t order;
	struct asof_value values[OUTPUTS_MAX];
};

struct pit_case {
	struct feed feed;
	struct asof_type key_types[KEYS_MAX];
	size_t key_count;
	struct asof_pit_output outputs[OUTPUTS_MAX];
	struct asof_value defaults[OUTPUTS_MAX];
	struct row spine[SPINE_MAX];
	bool is_given[SPINE_MAX]; /* to the index */
	size_t spine_count;
	struct row rows[ROWS_MAX];
	size_t row_count;
	int64_t base_us;
	int64_t first_row;
	uint64_t key_variety;
	struct asof_pit_options options;
};

/* ---- the case ---- */

static void
make_keys(struct pit_case *c, struct row *row, uint64_t null_share)
{
	for (size_t k = 0; k < c->key_count; k++) {
		row->keys[k] = feed_value(&c->feed, c->key_types[k], c->key_variety);
		row->keys[k].is_null = feed_below(&c->feed, null_share) == 0;
	}
}

static struct asof_value
make_time(struct pit_case *c, uint64_t null_share)
{
	return (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_INT64),
				    .is_null = feed_below(&c->feed, null_share) == 0,
				    .int64 = feed_time(&c->feed, c->base_us) };
}

static void
make_options(struct pit_case *c)
{
	static const int64_t lengths_us[] = { 0, 1, 5, 1000000, INT64_C(3600000000), INT64_MAX };
	struct feed *f = &c->feed;
	c->options = (struct asof_pit_options){
		.outputs = c->outputs,
		.output_count = feed_below(f, OUTPUTS_MAX + 1),
		.max_age_us = lengths_us[feed_below(f, ASOF_COUNTOF(lengths_us))],
		.available_after_us = lengths_us[feed_below(f, ASOF_COUNTOF(lengths_us))],
		.is_label = feed_below(f, 3) == 0,
		.has_created = feed_below(f, 2),
		.has_order = feed_below(f, 2),
		.workers = 1 + (unsigned)feed_below(f, WORKERS_MAX),
		.max_bytes = feed_below(f, 8) ? 0 : 1 + feed_below(f, 65536),
	};
	if (c->options.is_label)
		c->options.has_created = true;
	for (size_t i = 0; i < c->options.output_count; i++) {
		c->outputs[i].type = feed_type(f);
		bool is_list = c->outputs[i].type.kind >= ASOF_TYPE_LIST;
		if (is_list || feed_below(f, 2))
			continue;
		c->defaults[i] = feed_value(f, c->outputs[i].type, 200);
		c->outputs[i].default_value = &c->defaults[i];
	}
}

static void
make_case(struct pit_case *c)
{
	struct feed *f = &c->feed;
	c->key_count = 1 + feed_below(f, KEYS_MAX);
	for (size_t k = 0; k < c->key_count; k++)
		c->key_types[k] = feed_key_type(f);
	c->key_variety = feed_below(f, 4) ? 1 + feed_below(f, 4) : 200;
	c->base_us = feed_below(f, 2) ? 0 : INT64_C(981173106123456);
	c->first_row = feed_below(f, 2) ? 0 : (int64_t)feed_below(f, 65536) * 1000;
	make_options(c);
	uint64_t null_share = feed_below(f, 2) ? 16 : feed_below(f, 8) ? 60000 : 1;
	c->spine_count = feed_below(f, SPINE_MAX + 1);
	for (size_t i = 0; i < c->spine_count; i++) {
		make_keys(c, &c->spine[i], null_share);
		c->spine[i].time = make_time(c, null_share);
		c->is_given[i] = feed_below(f, 16) != 0;
	}
	c->row_count = feed_below(f, ROWS_MAX + 1);
	for (size_t i = 0; i < c->row_count; i++) {
		struct row *row = &c->rows[i];
		make_keys(c, row, null_share);
		row->time = make_time(c, null_share);
		row->created_us = c->options.has_created ? feed_time(f, c->base_us) : 0;
		row->order = c->options.has_order ? (int64_t)(i * 7919 % ROWS_MAX) : 0;
		for (size_t v = 0; v < c->options.output_count; v++) {
			row->values[v] = feed_value(f, c->outputs[v].type, 200);
			row->values[v].is_null = feed_below(f, 5) == 0;
		}
	}
}

/* ---- batches ---- */

static struct asof_value
int64_value(int64_t number)
{
	return (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_INT64), .int64 = number };
}

/* Column `column` of the rows `picks`, whose head is keys, event, created, order as wanted. */
static struct asof_column
row_column(struct pit_case *c, const size_t *picks, size_t count, size_t column)
{
	struct asof_value *values = feed_array(&c->feed, count + 1, sizeof(*values));
	size_t created = c->key_count + 1;
	size_t order = created + c->options.has_created;
	size_t first = order + c->options.has_order;
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &c->rows[picks[i]];
		if (column < c->key_count)
			values[i] = row->keys[column];
		else if (column == c->key_count)
			values[i] = row->time;
		else if (column < order)
			values[i] = int64_value(row->created_us);
		else if (column < first)
			values[i] = int64_value(row->order);
		else
			values[i] = row->values[column - first];
	}
	struct asof_type type = ASOF_TYPE(ASOF_TYPE_INT64);
	if (column < c->key_count)
		type = c->key_types[column];
	else if (column >= first)
		type = c->outputs[column - first].type;
	return feed_column(&c->feed, type, values, count);
}

static struct asof_column
spine_column(struct pit_case *c, const size_t *picks, size_t count, size_t column)
{
	struct asof_value *values = feed_array(&c->feed, count + 1, sizeof(*values));
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &c->spine[picks[i]];
		if (column == 0)
			values[i] = int64_value(c->first_row + (int64_t)picks[i]);
		else
			values[i] = column == 1 ? row->time : row->keys[column - 2];
	}
	return feed_column(&c->feed,
			   column < 2 ? ASOF_TYPE(ASOF_TYPE_INT64) : c->key_types[column - 2],
			   values, count);
}

/* Some order of [0, count). */
static size_t *
shuffled(struct pit_case *c, size_t count)
{
	size_t *picks = feed_array(&c->feed, count + 1, sizeof(*picks));
	bool is_kept = feed_below(&c->feed, 2);
	for (size_t i = 0; i < count; i++) {
		size_t j = is_kept ? i : feed_below(&c->feed, i + 1);
		picks[i] = picks[j];
		picks[j] = i;
	}
	return picks;
}

static enum asof_status
give_spine(struct pit_case *c, struct asof_spine_index *index, struct asof_error *err)
{
	size_t *picks = shuffled(c, c->spine_count);
	size_t given = 0;
	for (size_t i = 0; i < c->spine_count; i++) {
		if (c->is_given[picks[i]])
			picks[given++] = picks[i];
	}
	for (size_t at = 0; at < given;) {
		size_t count = feed_below(&c->feed, 70);
		struct asof_column columns[2 + KEYS_MAX];
		if (count > given - at)
			count = given - at;
		for (size_t i = 0; i < 2 + c->key_count; i++)
			columns[i] = spine_column(c, picks + at, count, i);
		const struct asof_batch batch = { columns, 2 + c->key_count, count };
		unsigned worker = (unsigned)feed_below(&c->feed, c->options.workers);
		ASOF_TRY(asof_spine_index_take(index, worker, &batch, err));
		at += count;
	}
	return asof_spine_index_finish(index, err);
}

static enum asof_status
give_rows(struct pit_case *c, struct asof_pit *pit, struct asof_error *err)
{
	size_t *picks = shuffled(c, c->row_count);
	size_t column_count = c->key_count + 1 + c->options.has_created + c->options.has_order +
			      c->options.output_count;
	for (size_t at = 0; at < c->row_count;) {
		size_t count = feed_below(&c->feed, 130);
		struct asof_column columns[HEAD_MAX + OUTPUTS_MAX];
		if (count > c->row_count - at)
			count = c->row_count - at;
		for (size_t i = 0; i < column_count; i++)
			columns[i] = row_column(c, picks + at, count, i);
		const struct asof_batch batch = { columns, column_count, count };
		unsigned worker = (unsigned)feed_below(&c->feed, c->options.workers);
		ASOF_TRY(asof_pit_take(pit, worker, &batch, err));
		at += count;
	}
	return asof_pit_finish(pit, err);
}

/* ---- what must be read ---- */

static bool
is_same_key(const struct pit_case *c, const struct row *a, const struct row *b)
{
	for (size_t k = 0; k < c->key_count; k++) {
		if (a->keys[k].is_null || b->keys[k].is_null ||
		    asof_value_compare(&a->keys[k], &b->keys[k]) != 0)
			return false;
	}
	return true;
}

/* > 0: `a` wins. */
static int
compare_rows(const struct row *a, const struct row *b)
{
	if (a->time.int64 != b->time.int64)
		return a->time.int64 > b->time.int64 ? 1 : -1;
	if (a->created_us != b->created_us)
		return a->created_us > b->created_us ? 1 : -1;
	return (a->order > b->order) - (a->order < b->order);
}

static bool
is_known(const struct pit_case *c, const struct row *row, const struct row *spine)
{
	const struct asof_pit_options *options = &c->options;
	return !row->time.is_null && row->time.int64 != MINUS_INFINITY_US &&
	       is_same_key(c, row, spine) &&
	       (asof_int128)row->time.int64 + options->available_after_us <= spine->time.int64 &&
	       (!options->is_label || row->created_us <= spine->time.int64);
}

/* One row that wins; where several are the same but for their values, each may. */
static const struct row *
find_best(const struct pit_case *c, const struct row *spine)
{
	const struct row *best = NULL;
	for (size_t i = 0; i < c->row_count; i++) {
		if (is_known(c, &c->rows[i], spine) &&
		    (!best || compare_rows(&c->rows[i], best) > 0))
			best = &c->rows[i];
	}
	if (best && c->options.max_age_us > 0 &&
	    best->time.int64 < (asof_int128)spine->time.int64 - c->options.max_age_us)
		return NULL;
	return best;
}

/* Of the two zeros, what is kept is 0.0. */
static struct asof_value
kept_value(struct asof_value value)
{
	if (value.type.kind == ASOF_TYPE_FLOAT64 && !value.is_null)
		value.float64 += 0.0;
	if (value.type.kind == ASOF_TYPE_FLOAT32 && !value.is_null)
		value.float32 += 0.0F;
	return value;
}

static bool
is_row(struct pit_case *c, const struct asof_block *block, size_t first_column, size_t at,
       const struct row *row, bool is_default)
{
	struct asof_error err = { 0 };
	for (size_t i = 0; i < c->options.output_count; i++) {
		struct asof_value have;
		feed_check(asof_column_value(&block->columns[first_column + i], at, &c->feed.arena,
					     &have, &err) == ASOF_OK,
			   "a value is read");
		struct asof_value expected = row->values[i];
		if (!is_default)
			expected = kept_value(expected);
		if (!feed_is_same(&have, &expected))
			return false;
	}
	return true;
}

static void
check_row(struct pit_case *c, const struct asof_block *block, size_t first_column, size_t at,
	  size_t number, uint64_t *matched)
{
	const struct row *spine = &c->spine[number];
	struct row absent = { .order = 0 };
	bool is_asked = c->is_given[number] && !spine->time.is_null && is_same_key(c, spine, spine);
	const struct row *best = is_asked ? find_best(c, spine) : NULL;
	*matched += best != NULL;
	for (size_t i = 0; i < c->options.output_count; i++) {
		const struct asof_value *value = c->outputs[i].default_value;
		absent.values[i] = is_asked && value ? *value : asof_value_null(c->outputs[i].type);
	}
	bool is_found = !best && is_row(c, block, first_column, at, &absent, true);
	for (size_t i = 0; best && !is_found && i < c->row_count; i++) {
		is_found = is_known(c, &c->rows[i], spine) &&
			   compare_rows(&c->rows[i], best) == 0 &&
			   is_row(c, block, first_column, at, &c->rows[i], false);
	}
	feed_check(is_found, "a spine row has the values of the row that counts");
}

static enum asof_status
read_all(struct pit_case *c, const struct asof_pit *pit, struct asof_error *err)
{
	struct asof_type types[OUTPUTS_MAX + 2] = { ASOF_TYPE(ASOF_TYPE_BOOL),
						    ASOF_TYPE(ASOF_TYPE_BOOL) };
	size_t first_column = feed_below(&c->feed, 3);
	for (size_t i = 0; i < c->options.output_count; i++)
		types[first_column + i] = c->outputs[i].type;
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	ASOF_TRY(asof_block_init(&block, types, first_column + c->options.output_count, 128, err));
	for (size_t at = 0; at < c->spine_count;) {
		size_t count = 1 + feed_below(&c->feed, 100);
		uint64_t matched = 5;
		uint64_t want = 5;
		if (count > c->spine_count - at)
			count = c->spine_count - at;
		asof_block_reset(&block, count);
		ASOF_TRY(asof_pit_read(pit, c->first_row + (int64_t)at, count, &block, first_column,
				       &matched, err));
		for (size_t i = 0; i < count; i++)
			check_row(c, &block, first_column, i, at + i, &want);
		feed_check(matched == want, "matched rows are counted");
		at += count;
	}
	return ASOF_OK;
}

static enum asof_status
run(struct pit_case *c, struct asof_error *err)
{
	ASOF_AUTO(asof_spine_index_free_auto) struct asof_spine_index *index = NULL;
	ASOF_AUTO(asof_pit_free_auto) struct asof_pit *pit = NULL;
	const struct asof_spine_index_options options = { .key_types = c->key_types,
							  .key_count = c->key_count,
							  .first_row = c->first_row,
							  .row_count = c->spine_count,
							  .workers = c->options.workers,
							  .max_bytes = c->options.max_bytes };
	ASOF_TRY(asof_spine_index_new(&options, &index, err));
	ASOF_TRY(give_spine(c, index, err));
	c->options.spine = index;
	ASOF_TRY(asof_pit_new(&c->options, &pit, err));
	ASOF_TRY(give_rows(c, pit, err));
	return read_all(c, pit, err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pit_case c;
	struct asof_error err = { 0 };
	memset(&c, 0, sizeof(c));
	feed_init(&c.feed, data, size);
	make_case(&c);
	enum asof_status status = run(&c, &err);
	feed_check(status == ASOF_OK || (status == ASOF_LIMIT && c.options.max_bytes > 0),
		   status == ASOF_OK ? "" : err.message);
	asof_arena_done(&c.feed.arena);
	feed_check(asof_mem_live() == 0, "all memory is given back");
	return 0;
}
