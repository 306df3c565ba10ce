/* fuzz_json.c - JSON that is read, written and read again is the same; values of it survive too. */
#include <stdlib.h>

#include "codec/value_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool is_true)
{
	if (!is_true)
		abort();
}

static const struct asof_type types[] = {
	{ .kind = ASOF_TYPE_BOOL },
	{ .kind = ASOF_TYPE_INT32 },
	{ .kind = ASOF_TYPE_INT64 },
	{ .kind = ASOF_TYPE_FLOAT32 },
	{ .kind = ASOF_TYPE_FLOAT64 },
	{ .kind = ASOF_TYPE_DECIMAL, .precision = 20, .scale = 4 },
	{ .kind = ASOF_TYPE_STRING },
	{ .kind = ASOF_TYPE_BYTES },
	{ .kind = ASOF_TYPE_DATE },
	{ .kind = ASOF_TYPE_TIMESTAMP },
	{ .kind = ASOF_TYPE_UUID },
	{ .kind = ASOF_TYPE_JSON },
	{ .kind = ASOF_TYPE_LIST, .element = ASOF_TYPE_INT64 },
	{ .kind = ASOF_TYPE_LIST, .element = ASOF_TYPE_STRING },
	{ .kind = ASOF_TYPE_VECTOR, .element = ASOF_TYPE_FLOAT32, .size = 2 },
};

static void
fuzz_value(const struct asof_json *json, struct asof_type type, struct asof_arena *arena)
{
	struct asof_error err = { 0 };
	struct asof_value value;
	struct asof_value again;
	if (asof_value_from_json(json, type, arena, &value, &err) != ASOF_OK) {
		check(err.status == ASOF_INVALID && err.message[0] != '\0');
		return;
	}
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(SIZE_MAX / 2);
	struct asof_json_writer w = asof_json_writer_to(&buf);
	asof_value_write_json(&w, &value);
	const struct asof_json *root;
	check(asof_json_read(asof_buf_view(&buf), arena, &root, &err) == ASOF_OK);
	check(asof_value_from_json(root, type, arena, &again, &err) == ASOF_OK);
	check(asof_value_compare(&value, &again) == 0);
}

static void
fuzz_text(struct asof_str text, struct asof_type type, struct asof_arena *arena)
{
	struct asof_error err = { 0 };
	struct asof_value value;
	struct asof_value again;
	enum asof_status status = asof_value_from_text(text, type, arena, &value, &err);
	if (status != ASOF_OK) {
		check(status == ASOF_INVALID || status == ASOF_LIMIT);
		return;
	}
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(SIZE_MAX / 2);
	asof_value_write_text(&buf, &value);
	check(asof_value_from_text(asof_buf_view(&buf), type, arena, &again, &err) == ASOF_OK);
	check(asof_value_compare(&value, &again) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_str text = { (const char *)data, size };
	for (size_t i = 0; i < ASOF_COUNTOF(types); i++)
		fuzz_text(text, types[i], &arena);

	const struct asof_json *root;
	enum asof_status status = asof_json_read(text, &arena, &root, &err);
	if (status != ASOF_OK) {
		check(status == ASOF_INVALID || status == ASOF_LIMIT);
		check(strncmp(err.message, "line ", 5) == 0);
		return 0;
	}
	for (size_t i = 0; i < ASOF_COUNTOF(types); i++)
		fuzz_value(root, types[i], &arena);

	ASOF_AUTO(asof_buf_done) struct asof_buf once = ASOF_BUF(SIZE_MAX / 2);
	ASOF_AUTO(asof_buf_done) struct asof_buf twice = ASOF_BUF(SIZE_MAX / 2);
	struct asof_json_writer w = asof_json_writer_to(&once);
	asof_json_write(&w, root);
	check(asof_json_read(asof_buf_view(&once), &arena, &root, &err) == ASOF_OK);
	w = asof_json_writer_to(&twice);
	asof_json_write(&w, root);
	check(asof_str_equal(asof_buf_view(&once), asof_buf_view(&twice)));
	return 0;
}
