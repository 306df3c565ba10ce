/* result.c - JSON results as text for people. */
#include "cli/result.h"

#include "base/number.h"
#include "cli/text_width.h"

#define COLUMNS_MAX 256
#define CELL_BYTES  (64 * 1024)

static const struct asof_json *
member(const struct asof_json *object, const char *name, enum asof_json_kind kind)
{
	if (!object || object->kind != ASOF_JSON_OBJECT)
		return NULL;
	const struct asof_json *value = asof_json_member(object, name);
	return value && value->kind == kind ? value : NULL;
}

struct asof_str
asof_result_str(const struct asof_json *object, const char *name)
{
	const struct asof_json *value = member(object, name, ASOF_JSON_STRING);
	if (!value)
		value = member(object, name, ASOF_JSON_NUMBER);
	return value ? value->text : asof_str_from("");
}

int64_t
asof_result_int(const struct asof_json *object, const char *name)
{
	const struct asof_json *value = member(object, name, ASOF_JSON_NUMBER);
	int64_t number = 0;
	return value && asof_int64_parse(value->text, &number) ? number : 0;
}

double
asof_result_double(const struct asof_json *object, const char *name)
{
	const struct asof_json *value = member(object, name, ASOF_JSON_NUMBER);
	double number = 0;
	return value && asof_double_parse(value->text, &number) ? number : 0;
}

bool
asof_result_bool(const struct asof_json *object, const char *name)
{
	const struct asof_json *value = member(object, name, ASOF_JSON_BOOL);
	return value && value->boolean;
}

const struct asof_json *
asof_result_list(const struct asof_json *object, const char *name)
{
	static const struct asof_json none = { .kind = ASOF_JSON_ARRAY };
	const struct asof_json *value = member(object, name, ASOF_JSON_ARRAY);
	return value ? value : &none;
}

/* ---- cells ---- */

static bool
is_scalar(const struct asof_json *value)
{
	return value->kind != ASOF_JSON_ARRAY && value->kind != ASOF_JSON_OBJECT;
}

static bool
is_list_of(const struct asof_json *value, bool wants_objects)
{
	if (value->kind != ASOF_JSON_ARRAY)
		return false;
	for (size_t i = 0; i < value->count; i++) {
		bool fits = wants_objects ? value->items[i].kind == ASOF_JSON_OBJECT
					  : is_scalar(&value->items[i]);
		if (!fits)
			return false;
	}
	return true;
}

static struct asof_str
scalar_text(const struct asof_json *value)
{
	switch (value->kind) {
	case ASOF_JSON_NUMBER:
	case ASOF_JSON_STRING:
		return value->text;
	case ASOF_JSON_BOOL:
		return asof_str_from(value->boolean ? "yes" : "no");
	default:
		return asof_str_from("-");
	}
}

static bool
is_flat(const struct asof_json *object)
{
	for (size_t i = 0; i < object->count; i++) {
		if (!is_scalar(&object->items[i]))
			return false;
	}
	return object->count > 0;
}

/* Lists and flat objects without the signs of JSON: "a, b" and "a: 1, b: 2". */
static void
add_cell(const struct asof_json *value, struct asof_buf *buf)
{
	bool is_object = value->kind == ASOF_JSON_OBJECT;
	if (is_object ? is_flat(value) : is_list_of(value, false)) {
		for (size_t i = 0; i < value->count; i++) {
			if (i > 0)
				asof_buf_add_cstr(buf, ", ");
			if (is_object)
				asof_buf_printf(buf, "%.*s: ", ASOF_STR_ARG(value->names[i]));
			asof_buf_add_str(buf, scalar_text(&value->items[i]));
		}
		return;
	}
	struct asof_json_writer writer = asof_json_writer_to(buf);
	asof_json_write(&writer, value);
}

enum asof_status
asof_result_cell(const struct asof_json *value, struct asof_arena *arena,
		 enum asof_cell_kind *ret_kind, struct asof_str *ret_text, struct asof_error *err)
{
	bool is_empty = value && !is_scalar(value) && value->count == 0;
	*ret_kind = !value || is_empty || value->kind == ASOF_JSON_NULL ? ASOF_CELL_ABSENT
		    : value->kind == ASOF_JSON_NUMBER                   ? ASOF_CELL_NUMBER
									: ASOF_CELL_TEXT;
	if (!value || is_empty || is_scalar(value)) {
		*ret_text = value ? scalar_text(value) : asof_str_from("-");
		return ASOF_OK;
	}
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(CELL_BYTES);
	add_cell(value, &buf);
	/* A cell too long to show is cut: what fits is in the buffer. */
	if (buf.status == ASOF_NO_MEMORY)
		return asof_buf_status(&buf, err);
	const char *copy = asof_arena_copy(arena, asof_buf_view(&buf));
	if (!copy)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "a cell of %zu bytes", buf.len);
	*ret_text = (struct asof_str){ copy, buf.len };
	return ASOF_OK;
}

/* ---- tables ---- */

static bool
has_name(const char *const *names, size_t count, struct asof_str name)
{
	for (size_t i = 0; i < count; i++) {
		if (asof_str_equal(asof_str_from(names[i]), name))
			return true;
	}
	return false;
}

/* The names of all rows' members, each once, in the order in which they are met. */
static enum asof_status
collect_names(const struct asof_json *rows, struct asof_arena *arena,
	      const char *names[COLUMNS_MAX], size_t *ret_count, struct asof_error *err)
{
	size_t count = 0;
	for (size_t row = 0; row < rows->count; row++) {
		const struct asof_json *object = &rows->items[row];
		for (size_t i = 0; i < object->count && count < COLUMNS_MAX; i++) {
			if (has_name(names, count, object->names[i]))
				continue;
			names[count] = asof_arena_copy(arena, object->names[i]);
			if (!names[count++])
				return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu columns", count);
		}
	}
	*ret_count = count;
	return ASOF_OK;
}

enum asof_status
asof_result_print_rows(const struct asof_json *rows, const struct asof_text_style *style, FILE *out,
		       struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const char *names[COLUMNS_MAX];
	size_t count = 0;
	ASOF_TRY(collect_names(rows, &arena, names, &count, err));
	if (count == 0)
		return ASOF_OK;
	ASOF_AUTO(asof_text_table_done) struct asof_text_table table = { 0 };
	ASOF_TRY(asof_text_table_init(&table, names, count, err));
	for (size_t row = 0; row < rows->count; row++) {
		for (size_t i = 0; i < count; i++) {
			enum asof_cell_kind kind = ASOF_CELL_ABSENT;
			struct asof_str text = { 0 };
			const struct asof_json *value =
				asof_json_member(&rows->items[row], names[i]);
			ASOF_TRY(asof_result_cell(value, &arena, &kind, &text, err));
			ASOF_TRY(asof_text_table_add(&table, kind, text, err));
		}
	}
	asof_text_table_print(&table, style, out);
	return ASOF_OK;
}

/* ---- documents ---- */

static bool
is_table(const struct asof_json *value)
{
	return value->kind == ASOF_JSON_ARRAY && value->count > 0 && is_list_of(value, true);
}

static size_t
name_width(const struct asof_json *object)
{
	size_t width = 0;
	for (size_t i = 0; i < object->count; i++) {
		size_t own = asof_text_width(object->names[i]);
		if (!is_table(&object->items[i]) && own > width)
			width = own;
	}
	return width;
}

/* "name  value" per member that is no table of its own. */
static enum asof_status
print_pairs(const struct asof_json *object, const char *indent, FILE *out, struct asof_error *err)
{
	size_t width = name_width(object);
	for (size_t i = 0; i < object->count; i++) {
		const struct asof_json *value = &object->items[i];
		if (is_table(value))
			continue;
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		enum asof_cell_kind kind = ASOF_CELL_ABSENT;
		struct asof_str text = { 0 };
		ASOF_TRY(asof_result_cell(value, &arena, &kind, &text, err));
		if (text.len == 0)
			text = asof_str_from("-");
		ASOF_AUTO(asof_buf_done) struct asof_buf clean = ASOF_BUF(CELL_BYTES * 4 + 1);
		asof_text_clean(text, &clean);
		ASOF_TRY(asof_buf_status(&clean, err));
		size_t padding = width - asof_text_width(object->names[i]);
		(void)fprintf(out, "%s%.*s%*s  %s\n", indent, ASOF_STR_ARG(object->names[i]),
			      (int)padding, "", asof_buf_cstr(&clean));
	}
	return ASOF_OK;
}

enum asof_status
asof_result_print(const struct asof_json *root, const struct asof_text_style *style, FILE *out,
		  struct asof_error *err)
{
	if (root->kind == ASOF_JSON_ARRAY && is_list_of(root, true))
		return asof_result_print_rows(root, style, out, err);
	if (root->kind != ASOF_JSON_OBJECT)
		return ASOF_OK;
	ASOF_TRY(print_pairs(root, "", out, err));
	bool has_pairs = name_width(root) > 0;
	size_t table_count = 0;
	for (size_t i = 0; i < root->count; i++) {
		if (!is_table(&root->items[i]))
			continue;
		if (has_pairs || table_count > 0)
			(void)fputc('\n', out);
		if (root->count > 1)
			(void)fprintf(out, "%.*s:\n", ASOF_STR_ARG(root->names[i]));
		ASOF_TRY(asof_result_print_rows(&root->items[i], style, out, err));
		table_count++;
	}
	return ASOF_OK;
}
