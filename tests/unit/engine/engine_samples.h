/* engine_samples.h - one column of every type, with NULLs and extreme values. */
#ifndef ASOF_TEST_ENGINE_SAMPLES_H
#define ASOF_TEST_ENGINE_SAMPLES_H

#include <math.h>

#include "base/number.h"
#include "engine_bench.h"

#define SAMPLE_ROWS 4 /* row 3 is NULL everywhere */

static const uint64_t sample_validity[] = { 0x7 };

static const uint8_t sample_bools[] = { 1, 0, 1, 9 };
static const int32_t sample_int32s[] = { 0, INT32_MIN, INT32_MAX, 9 };
static const int64_t sample_int64s[] = { 0, INT64_MIN, INT64_MAX, 9 };
static const float sample_floats[] = { 0.5F, -INFINITY, NAN, 9 };
static const double sample_doubles[] = { 0.1, 1e300, NAN, 9 };
static const asof_int128 sample_decimals[] = { 1234, -9999, 9999, 9 };
static const asof_int128 sample_wide[] = {
	(asof_int128)10000000000000000000U * 9999999999999999999U +
		(asof_int128)9999999999999999999U,
	-((asof_int128)10000000000000000000U * 9999999999999999999U +
	  (asof_int128)9999999999999999999U),
	1,
	9,
};
static const struct asof_str sample_texts[] = {
	{ "", 0 },
	{ "\xc3\xa9t\xc3\xa9 '\"\\", 9 },
	{ "longer than twelve bytes, so that it is not inlined", 51 },
	{ NULL, 77 },
};
static const struct asof_str sample_bytes[] = {
	{ "", 0 }, { "\0\xff\1", 3 }, { "0123456789abcdef", 16 }, { NULL, 77 }
};
static const struct asof_str sample_jsons[] = {
	{ "{\"a\": 1}", 8 }, { "null", 4 }, { "[1, 2.50, \"x\"]", 14 }, { NULL, 77 }
};
static const int32_t sample_dates[] = { 0, -719162, 2932896, 9 };
static const int64_t sample_times[] = { 0, -1, 253402300799999999, 9 };
static const unsigned char sample_uuids[][16] = {
	{ 0 },
	{ 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee,
	  0xff },
	{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff },
	{ 9 },
};
/* Out of order and overlapping, so that offsets matter; element 1 is NULL. */
static const struct asof_span sample_lists[] = { { 2, 2 }, { 0, 0 }, { 0, 3 }, { 77, 77 } };
static const uint64_t sample_item_validity[] = { 0xd };
static const struct asof_span sample_vectors[] = { { 1, 3 }, { 0, 3 }, { 1, 3 }, { 77, 77 } };
static const float sample_vector_items[] = { 0.5F, 1, -2, 3.25F };

static const struct asof_str sample_text_values[] = {
	{ "", 0 },
	{ NULL, 77 },
	{ "longer than twelve bytes, so that it is not inlined", 51 },
	{ NULL, 0 },
};

static const struct asof_column sample_int64_items = { .type = { .kind = ASOF_TYPE_INT64 },
						       .validity = sample_item_validity,
						       .data = sample_int64s };
static const struct asof_column sample_text_items = { .type = { .kind = ASOF_TYPE_STRING },
						      .validity = sample_item_validity,
						      .data = sample_text_values };
static const struct asof_column sample_decimal_items = {
	.type = { .kind = ASOF_TYPE_DECIMAL, .precision = 4, .scale = 2 },
	.validity = sample_item_validity,
	.data = sample_decimals,
};
static const struct asof_column sample_float_items = { .type = { .kind = ASOF_TYPE_FLOAT32 },
						       .data = sample_vector_items };

#define SAMPLE(k, values)                                                              \
	{                                                                              \
		.type = { .kind = (k) }, .validity = sample_validity, .data = (values) \
	}

static const struct asof_column sample_columns[] = {
	SAMPLE(ASOF_TYPE_BOOL, sample_bools),
	SAMPLE(ASOF_TYPE_INT32, sample_int32s),
	SAMPLE(ASOF_TYPE_INT64, sample_int64s),
	SAMPLE(ASOF_TYPE_FLOAT32, sample_floats),
	SAMPLE(ASOF_TYPE_FLOAT64, sample_doubles),
	{ .type = { .kind = ASOF_TYPE_DECIMAL, .precision = 4, .scale = 2 },
	  .validity = sample_validity,
	  .data = sample_decimals },
	{ .type = { .kind = ASOF_TYPE_DECIMAL, .precision = 9, .scale = 0 },
	  .validity = sample_validity,
	  .data = sample_decimals },
	{ .type = { .kind = ASOF_TYPE_DECIMAL, .precision = 18, .scale = 10 },
	  .validity = sample_validity,
	  .data = sample_decimals },
	{ .type = { .kind = ASOF_TYPE_DECIMAL, .precision = 38, .scale = 5 },
	  .validity = sample_validity,
	  .data = sample_wide },
	SAMPLE(ASOF_TYPE_STRING, sample_texts),
	SAMPLE(ASOF_TYPE_BYTES, sample_bytes),
	SAMPLE(ASOF_TYPE_JSON, sample_jsons),
	SAMPLE(ASOF_TYPE_DATE, sample_dates),
	SAMPLE(ASOF_TYPE_TIMESTAMP, sample_times),
	SAMPLE(ASOF_TYPE_UUID, sample_uuids),
	{ .type = { .kind = ASOF_TYPE_LIST, .element = ASOF_TYPE_INT64 },
	  .validity = sample_validity,
	  .data = sample_lists,
	  .child = &sample_int64_items },
	{ .type = { .kind = ASOF_TYPE_LIST, .element = ASOF_TYPE_STRING },
	  .validity = sample_validity,
	  .data = sample_lists,
	  .child = &sample_text_items },
	{ .type = { .kind = ASOF_TYPE_LIST,
		    .element = ASOF_TYPE_DECIMAL,
		    .precision = 4,
		    .scale = 2 },
	  .validity = sample_validity,
	  .data = sample_lists,
	  .child = &sample_decimal_items },
	{ .type = { .kind = ASOF_TYPE_VECTOR, .element = ASOF_TYPE_FLOAT32, .size = 3 },
	  .validity = sample_validity,
	  .data = sample_vectors,
	  .child = &sample_float_items },
};

#define SAMPLE_COLUMNS ASOF_COUNTOF(sample_columns)

/* The same, as JSON, row by row: what every way through the engine must give back. */
static const char sample_json[] =
	"true,0,0,0.5,0.1,12.34,1234,0.0000001234,999999999999999999999999999999999.99999,"
	"\"\",\"\",{\"a\": 1},\"1970-01-01\",\"1970-01-01T00:00:00Z\","
	"\"00000000-0000-0000-0000-000000000000\",[9223372036854775807,9],"
	"[\"longer than twelve bytes, so that it is not inlined\",\"\"],[99.99,0.09],[1,-2,3.25]\n"
	"false,-2147483648,-9223372036854775808,\"-Infinity\",1e+300,-99.99,-9999,-0.0000009999,"
	"-999999999999999999999999999999999.99999,"
	"\"\xc3\xa9t\xc3\xa9 '\\\"\\\\\",\"AP8B\",null,\"0001-01-01\","
	"\"1969-12-31T23:59:59.999999Z\",\"00112233-4455-6677-8899-aabbccddeeff\",[],[],[],"
	"[0.5,1,-2]\n"
	"true,2147483647,9223372036854775807,\"NaN\",\"NaN\",99.99,9999,0.0000009999,0.00001,"
	"\"longer than twelve bytes, so that it is not inlined\",\"MDEyMzQ1Njc4OWFiY2RlZg==\","
	"[1, 2.50, \"x\"],\"9999-12-31\",\"9999-12-31T23:59:59.999999Z\","
	"\"ffffffff-ffff-ffff-ffff-ffffffffffff\",[0,null,9223372036854775807],"
	"[\"\",null,\"longer than twelve bytes, so that it is not inlined\"],[12.34,null,99.99],"
	"[1,-2,3.25]\n"
	"null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,"
	"null\n";

/* ---- the samples as a feed of one batch ---- */

struct sample_feed {
	struct asof_field fields[SAMPLE_COLUMNS];
	char names[SAMPLE_COLUMNS][8];
	bool is_given;
};

static enum asof_status
pull_samples(void *arg, unsigned worker, size_t capacity, struct asof_batch *ret_batch,
	     struct asof_error *err)
{
	struct sample_feed *feed = arg;

	(void)worker;
	(void)capacity;
	(void)err;
	*ret_batch = (struct asof_batch){ sample_columns, SAMPLE_COLUMNS,
					  feed->is_given ? 0 : SAMPLE_ROWS };
	feed->is_given = true;
	return ASOF_OK;
}

/* Make the table `samples` of columns f0, f1.. in `engine`. */
static inline void
feed_samples(struct asof_engine *engine)
{
	static struct sample_feed samples;
	const struct asof_feed feed = { samples.fields, SAMPLE_COLUMNS, 1, pull_samples, &samples };
	struct asof_error err = { 0 };

	samples.is_given = false;
	for (size_t i = 0; i < SAMPLE_COLUMNS; i++) {
		(void)snprintf(samples.names[i], sizeof(samples.names[i]), "f%zu", i);
		samples.fields[i] = (struct asof_field){ .name = samples.names[i],
							 .type = sample_columns[i].type };
	}
	assert_ok(asof_engine_feed(engine, "CREATE TABLE samples AS FROM asof_feed()", &feed, NULL,
				   &err),
		  err);
}

#endif
