#include "job/entry_table.h"

struct asof_entry_column {
	struct asof_type type;
	size_t width; /* bytes of a value in `data` */
	void *data;
	size_t data_capacity; /* values */
	void *validity;
	size_t validity_capacity; /* words */
	size_t count;
	struct asof_entry_column *child; /* elements of lists and vectors */
	struct asof_column view;         /* of the child, for its parent */
};

static bool
is_list(struct asof_type type)
{
	return type.kind == ASOF_TYPE_LIST || type.kind == ASOF_TYPE_VECTOR;
}

static void
column_done(struct asof_entry_column *column)
{
	asof_mem_free(column->data);
	asof_mem_free(column->validity);
	if (column->child) {
		column_done(column->child);
		asof_mem_free(column->child);
	}
}

static enum asof_status
column_init(struct asof_entry_column *column, struct asof_type type, struct asof_error *err)
{
	*column = (struct asof_entry_column){ .type = type, .width = asof_column_width(type) };
	if (!is_list(type))
		return ASOF_OK;
	column->child = asof_mem_alloc(sizeof(*column->child));
	if (!column->child)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "list column");
	return column_init(column->child, asof_type_element(type), err);
}

static void
column_clear(struct asof_entry_column *column)
{
	column->count = 0;
	if (column->child)
		column_clear(column->child);
}

static struct asof_column
column_view(struct asof_entry_column *column)
{
	if (column->child)
		column->view = column_view(column->child);
	return (struct asof_column){ .type = column->type,
				     .validity = column->validity,
				     .data = column->data,
				     .child = column->child ? &column->view : NULL };
}

static enum asof_status column_add(struct asof_entry_column *column, const struct asof_column *from,
				   size_t row, struct asof_arena *arena, struct asof_error *err);

static enum asof_status
add_items(struct asof_entry_column *column, const struct asof_column *from, size_t row,
	  struct asof_arena *arena, void *ret_span, struct asof_error *err)
{
	struct asof_span span = ((const struct asof_span *)from->data)[row];
	struct asof_span copy = { column->child->count, span.length };
	for (uint64_t i = 0; i < span.length; i++)
		ASOF_TRY(column_add(column->child, from->child, span.offset + i, arena, err));
	memcpy(ret_span, &copy, sizeof(copy));
	return ASOF_OK;
}

static enum asof_status
add_text(struct asof_str text, struct asof_arena *arena, void *ret_text, struct asof_error *err)
{
	struct asof_str copy = { asof_arena_copy(arena, text), text.len };
	if (!copy.ptr)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "text of %zu bytes", text.len);
	memcpy(ret_text, &copy, sizeof(copy));
	return ASOF_OK;
}

static bool
is_text(struct asof_type type)
{
	return type.kind == ASOF_TYPE_STRING || type.kind == ASOF_TYPE_BYTES ||
	       type.kind == ASOF_TYPE_JSON;
}

/* Room for one more value, marked as NULL or not; *ret_to is where it goes. */
static enum asof_status
column_grow(struct asof_entry_column *column, bool is_null, char **ret_to, struct asof_error *err)
{
	size_t index = column->count;
	ASOF_TRY(asof_mem_reserve(&column->data, &column->data_capacity, index + 1, column->width,
				  err));
	ASOF_TRY(asof_mem_reserve(&column->validity, &column->validity_capacity, index / 64 + 1,
				  sizeof(uint64_t), err));
	uint64_t *word = (uint64_t *)column->validity + index / 64;
	uint64_t bit = UINT64_C(1) << (index % 64);
	*word = is_null ? *word & ~bit : *word | bit;
	*ret_to = (char *)column->data + index * column->width;
	if (is_null)
		memset(*ret_to, 0, column->width);
	column->count++;
	return ASOF_OK;
}

static enum asof_status
column_add(struct asof_entry_column *column, const struct asof_column *from, size_t row,
	   struct asof_arena *arena, struct asof_error *err)
{
	char *to = NULL;
	bool is_null = asof_column_is_null(from, row);
	ASOF_TRY(column_grow(column, is_null, &to, err));
	if (is_null)
		return ASOF_OK;
	if (is_list(column->type))
		return add_items(column, from, row, arena, to, err);
	if (is_text(column->type))
		return add_text(((const struct asof_str *)from->data)[row], arena, to, err);
	memcpy(to, (const char *)from->data + row * column->width, column->width);
	return ASOF_OK;
}

static enum asof_status
column_add_value(struct asof_entry_column *column, const struct asof_value *value,
		 struct asof_arena *arena, struct asof_error *err)
{
	char *to = NULL;
	ASOF_TRY(column_grow(column, value->is_null, &to, err));
	if (value->is_null)
		return ASOF_OK;
	if (is_list(column->type)) {
		struct asof_span span = { column->child->count, value->list.count };
		memcpy(to, &span, sizeof(span));
		for (size_t i = 0; i < value->list.count; i++)
			ASOF_TRY(
				column_add_value(column->child, &value->list.items[i], arena, err));
		return ASOF_OK;
	}
	if (is_text(column->type))
		return add_text(value->str, arena, to, err);
	if (column->type.kind == ASOF_TYPE_UUID)
		memcpy(to, value->str.ptr, column->width);
	else if (column->type.kind == ASOF_TYPE_BOOL)
		*to = value->boolean;
	else
		memcpy(to, &value->decimal, column->width); /* all numbers begin the union */
	return ASOF_OK;
}

enum asof_status
asof_entry_table_init(struct asof_entry_table *table, const struct asof_type *types,
		      size_t column_count, struct asof_error *err)
{
	*table = (struct asof_entry_table){ .column_count = column_count };
	table->builders = asof_mem_alloc(column_count * sizeof(*table->builders));
	table->columns = asof_mem_alloc(column_count * sizeof(*table->columns));
	if (!table->builders || !table->columns)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu columns", column_count);
	for (size_t i = 0; i < column_count; i++)
		ASOF_TRY(column_init(&table->builders[i], types[i], err));
	return ASOF_OK;
}

void
asof_entry_table_done(struct asof_entry_table *table)
{
	for (size_t i = 0; table->builders && i < table->column_count; i++)
		column_done(&table->builders[i]);
	asof_mem_free(table->builders);
	asof_mem_free(table->columns);
	asof_arena_done(&table->arena);
	*table = (struct asof_entry_table){ 0 };
}

void
asof_entry_table_clear(struct asof_entry_table *table)
{
	for (size_t i = 0; i < table->column_count; i++)
		column_clear(&table->builders[i]);
	table->row_count = 0;
	asof_arena_reset(&table->arena);
}

enum asof_status
asof_entry_table_add(struct asof_entry_table *table, const struct asof_column *columns, size_t row,
		     struct asof_error *err)
{
	for (size_t i = 0; i < table->column_count; i++) {
		ASOF_TRY(column_add(&table->builders[i], &columns[i], row, &table->arena, err));
		table->columns[i] = column_view(&table->builders[i]);
	}
	table->row_count++;
	return ASOF_OK;
}

enum asof_status
asof_entry_table_add_values(struct asof_entry_table *table, const struct asof_column *columns,
			    size_t row, size_t from_columns, const struct asof_value *values,
			    struct asof_error *err)
{
	for (size_t i = 0; i < table->column_count; i++) {
		if (i < from_columns)
			ASOF_TRY(column_add(&table->builders[i], &columns[i], row, &table->arena,
					    err));
		else
			ASOF_TRY(column_add_value(&table->builders[i], &values[i - from_columns],
						  &table->arena, err));
		table->columns[i] = column_view(&table->builders[i]);
	}
	table->row_count++;
	return ASOF_OK;
}

struct asof_batch
asof_entry_table_slice(const struct asof_entry_table *table, size_t first, size_t count,
		       struct asof_column *ret_columns)
{
	for (size_t i = 0; i < table->column_count; i++) {
		ret_columns[i] = table->columns[i];
		ret_columns[i].data =
			(const char *)ret_columns[i].data + first * table->builders[i].width;
		ret_columns[i].validity += first / 64;
	}
	return (struct asof_batch){ ret_columns, table->column_count, count };
}
