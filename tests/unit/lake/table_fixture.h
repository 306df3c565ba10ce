/* table_fixture.h - a lake in a directory, and short words for committing to a table of it. */
#ifndef ASOF_TESTS_TABLE_FIXTURE_H
#define ASOF_TESTS_TABLE_FIXTURE_H

#include "lake/table_upkeep.h"
#include "unit/lake/lake_fixture.h"

#define HOUR_US INT64_C(3600000000)

static const struct asof_field fields[] = {
	{ .name = "k", .type = { .kind = ASOF_TYPE_INT32 } },
	{ .name = "d", .type = { .kind = ASOF_TYPE_DECIMAL, .precision = 5, .scale = 2 } },
};

static inline struct asof_table_file
new_file(struct fixture *f, int64_t row_count)
{
	static const struct asof_table_stats stats = { "k", "1", "2", 0 };
	struct asof_error err = { 0 };
	struct asof_table_file file = { .size_bytes = 4, .row_count = row_count };
	assert_ok(asof_table_new_file(f->lake, "t", &f->arena, &file.name, &file.path, &err), err);
	FILE *out = fopen(file.path, "wb");
	assert_non_null(out);
	assert_true(fputs("PAR1", out) >= 0);
	assert_int_equal(fclose(out), 0);
	file.stats = &stats;
	file.stats_count = 1;
	return file;
}

/* Commits are an hour apart. */
static inline struct asof_table_change
change_from(int64_t base_version, const char *run_id)
{
	struct asof_table_change change = { .base_version = base_version,
					    .operation = "WRITE",
					    .run_id = run_id,
					    .now_us = NOW_US + (base_version + 1) * HOUR_US };
	if (base_version < 0) {
		change.fields = fields;
		change.field_count = ASOF_COUNTOF(fields);
	}
	return change;
}

static inline int64_t
commit(struct fixture *f, const struct asof_table_change *change)
{
	struct asof_error err = { 0 };
	int64_t version = -7;
	assert_ok(asof_table_commit(f->lake, "t", change, &version, &err), err);
	return version;
}

/* One file of as many rows as the version's number; its name. */
static inline const char *
append(struct fixture *f, int64_t base_version)
{
	char run_id[32];
	char text[32];
	(void)snprintf(run_id, sizeof(run_id), "r%lld", (long long)base_version + 1);
	(void)snprintf(text, sizeof(text), "of %lld", (long long)base_version + 1);
	const struct asof_property info = { "said", text };
	struct asof_table_file file = new_file(f, base_version + 1);
	struct asof_table_change change = change_from(base_version, run_id);
	change.added = &file;
	change.added_count = 1;
	change.info = &info;
	change.info_count = 1;
	assert_int_equal(commit(f, &change), base_version + 1);
	return file.name;
}

static inline struct asof_table_snapshot
read_table(struct fixture *f, int64_t version)
{
	struct asof_error err = { 0 };
	struct asof_table_snapshot snapshot;
	assert_ok(asof_table_read(f->lake, "t", version, &f->arena, &snapshot, &err), err);
	return snapshot;
}

/* In place of Parquet: the lines behind a mark. */
#define MARK "PAR1\n"

static inline enum asof_status
mark_lines(void *arg, struct asof_str lines, struct asof_buf *parquet, struct asof_error *err)
{
	(void)arg;
	asof_buf_add_cstr(parquet, MARK);
	asof_buf_add_str(parquet, lines);
	return asof_buf_status(parquet, err);
}

static inline enum asof_status
unmark_lines(void *arg, struct asof_str parquet, struct asof_buf *lines, struct asof_error *err)
{
	size_t len = sizeof(MARK) - 1;
	++*(int *)arg;
	assert_true(parquet.len > len && memcmp(parquet.ptr, MARK, len) == 0);
	asof_buf_add_str(lines, (struct asof_str){ parquet.ptr + len, parquet.len - len });
	return asof_buf_status(lines, err);
}

static inline struct asof_checkpoint_io
marking(int *read_count)
{
	return (struct asof_checkpoint_io){ mark_lines, unmark_lines, read_count };
}

static inline bool
checkpoint(struct fixture *f, int64_t version, const struct asof_checkpoint_io *io)
{
	struct asof_error err = { 0 };
	bool is_written = false;
	assert_ok(asof_table_checkpoint(f->lake, "t", version, io, &is_written, &err), err);
	return is_written;
}

static inline const char *
log_name(struct fixture *f, int64_t version, const char *ending)
{
	return asof_arena_printf(&f->arena, "t/_delta_log/%020lld%s", (long long)version, ending);
}

static inline bool
exists(struct fixture *f, const char *name)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF((size_t)1 << 24);
	return asof_blob_read(f->lake, name, &buf, NULL) == ASOF_OK;
}

static inline void
remove_object(struct fixture *f, const char *name)
{
	struct asof_error err = { 0 };
	assert_ok(asof_blob_remove(f->lake, name, &err), err);
}

#endif
