/*
 * lake_open_bench.c - how long a table takes to open: `make DIR COMMITS FILES` writes the log of a
 * table of so many commits and files (the data files themselves are not needed), `open DIR ROUNDS`
 * opens it, newest version and a middle one, and prints a JSON line per round.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/number.h"
#include "lake/delta_log.h"
#include "lake/delta_schema.h"
#include "lake/table_upkeep.h"

#define NOW_US     INT64_C(1700000000000000)
#define MINUTE_US  INT64_C(60000000)
#define COLUMNS    8
#define NAME_BYTES 64

static const struct asof_field fields[COLUMNS] = {
	{ .name = "customer_id", .type = { .kind = ASOF_TYPE_INT64 } },
	{ .name = "event_time", .type = { .kind = ASOF_TYPE_TIMESTAMP } },
	{ .name = "created_time", .type = { .kind = ASOF_TYPE_TIMESTAMP } },
	{ .name = "_count", .type = { .kind = ASOF_TYPE_INT64 } },
	{ .name = "amount__count", .type = { .kind = ASOF_TYPE_INT64 } },
	{ .name = "amount__sum", .type = { .kind = ASOF_TYPE_FLOAT64 } },
	{ .name = "amount__max", .type = { .kind = ASOF_TYPE_FLOAT64 } },
	{ .name = "_order", .type = { .kind = ASOF_TYPE_INT64 } },
};

static void
fill_file(struct asof_table_file *file, struct asof_table_stats *stats, char name[NAME_BYTES],
	  int64_t number)
{
	(void)snprintf(name, NAME_BYTES, "part-%08llx-0000-4000-8000-%012llx.parquet",
		       (unsigned long long)number, (unsigned long long)number);
	for (size_t i = 0; i < COLUMNS; i++) {
		bool is_time = fields[i].type.kind == ASOF_TYPE_TIMESTAMP;
		stats[i] = (struct asof_table_stats){
			.column = fields[i].name,
			.min_json = is_time ? "\"2024-01-01T00:00:00.123Z\"" : "12345",
			.max_json = is_time ? "\"2024-01-02T00:00:00.123Z\"" : "987654321",
			.null_count = 0,
		};
	}
	*file = (struct asof_table_file){ .name = name,
					  .size_bytes = 123456,
					  .row_count = 1000 + number,
					  .stats = stats,
					  .stats_count = COLUMNS };
}

static enum asof_status
write_entry(const char *dir, int64_t version, struct asof_table_file *files, int64_t file_count,
	    struct asof_error *err)
{
	char path[4096];
	char run_id[32];
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF((size_t)256 << 20);
	ASOF_AUTO(asof_buf_done) struct asof_buf schema = ASOF_BUF((size_t)1 << 20);
	(void)snprintf(run_id, sizeof(run_id), "run-%lld", (long long)version);
	ASOF_TRY(asof_delta_schema_write(fields, COLUMNS, &schema, err));
	const struct asof_table_change change = { .base_version = version - 1,
						  .fields = version == 0 ? fields : NULL,
						  .field_count = version == 0 ? COLUMNS : 0,
						  .added = files,
						  .added_count = (size_t)file_count,
						  .operation = "WRITE",
						  .run_id = run_id };
	const struct asof_delta_entry entry = { .change = &change,
						.committed_us = NOW_US + version * MINUTE_US,
						.version = version,
						.is_first = version == 0,
						.table_id = "bench",
						.table = "t",
						.schema = asof_buf_view(&schema),
						.fields = fields,
						.field_count = COLUMNS };
	asof_delta_entry_write(&entry, &buf);
	ASOF_TRY(asof_buf_status(&buf, err));
	(void)snprintf(path, sizeof(path), "%s/t/_delta_log/%020lld.json", dir, (long long)version);
	FILE *out = fopen(path, "wb");
	bool is_good = out && fwrite(buf.ptr, 1, buf.len, out) == buf.len;
	if (out && fclose(out) != 0)
		is_good = false;
	return is_good ? ASOF_OK : ASOF_FAIL(err, ASOF_IO, "write '%s'", path);
}

static enum asof_status
make(const char *dir, int64_t commits, int64_t files, struct asof_error *err)
{
	ASOF_AUTO(asof_blob_free_auto) struct asof_blob *lake = NULL;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	int64_t each = files / commits;
	struct asof_table_file *added = asof_arena_array(&arena, (size_t)each, sizeof(*added));
	struct asof_table_stats *stats =
		asof_arena_array(&arena, (size_t)each * COLUMNS, sizeof(*stats));
	char(*names)[NAME_BYTES] = asof_arena_array(&arena, (size_t)each, NAME_BYTES);
	if (!added || !stats || !names)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "files");
	ASOF_TRY(asof_blob_open(dir, &lake, err));
	const char *path;
	ASOF_TRY(asof_blob_locate(lake, "t/_delta_log/x", &arena, &path, err));
	for (int64_t version = 0; version < commits; version++) {
		for (int64_t i = 0; i < each; i++)
			fill_file(&added[i], &stats[i * COLUMNS], names[i], version * each + i);
		ASOF_TRY(write_entry(dir, version, added, each, err));
		ASOF_TRY(asof_table_checkpoint(lake, "t", version, NULL, NULL, err));
	}
	return ASOF_OK;
}

static enum asof_status
time_one(struct asof_blob *lake, const char *arm, int64_t version, int64_t round,
	 struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_table_snapshot snapshot;
	int64_t start_us = asof_monotonic_us();
	clock_t start = clock();
	ASOF_TRY(asof_table_read(lake, "t", version, &arena, &snapshot, err));
	double cpu = (double)(clock() - start) / CLOCKS_PER_SEC;
	double seconds = (double)(asof_monotonic_us() - start_us) / 1e6;
	(void)printf(
		"{\"arm\":\"%s\",\"round\":%lld,\"seconds\":%.6f,\"cpu\":%.6f,\"version\":%lld,"
		"\"files\":%zu,\"arena_mib\":%.1f}\n",
		arm, (long long)round, seconds, cpu, (long long)snapshot.version,
		snapshot.file_count, (double)arena.used_bytes / (1 << 20));
	return ASOF_OK;
}

static enum asof_status
open_rounds(const char *dir, int64_t rounds, struct asof_error *err)
{
	ASOF_AUTO(asof_blob_free_auto) struct asof_blob *lake = NULL;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_table_snapshot newest;
	ASOF_TRY(asof_blob_open(dir, &lake, err));
	ASOF_TRY(asof_table_read(lake, "t", -1, &arena, &newest, err));
	for (int64_t round = 0; round < rounds; round++) {
		ASOF_TRY(time_one(lake, "asof", -1, round, err));
		ASOF_TRY(time_one(lake, "asof, a middle version", newest.version / 2, round, err));
	}
	return ASOF_OK;
}

int
main(int argc, char **argv)
{
	struct asof_error err = { 0 };
	int64_t numbers[2] = { 0, 0 };
	enum asof_status status = ASOF_INVALID;
	for (int i = 3; i < argc && i < 5; i++) {
		if (!asof_int64_parse(asof_str_from(argv[i]), &numbers[i - 3]) ||
		    numbers[i - 3] <= 0)
			return 2;
	}
	if (argc == 5 && strcmp(argv[1], "make") == 0)
		status = make(argv[2], numbers[0], numbers[1], &err);
	else if (argc == 4 && strcmp(argv[1], "open") == 0)
		status = open_rounds(argv[2], numbers[0], &err);
	if (status != ASOF_OK)
		(void)fprintf(stderr, "lake_open: %s\n", err.message);
	return status == ASOF_OK ? 0 : 1;
}
