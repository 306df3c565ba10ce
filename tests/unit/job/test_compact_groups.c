/* test_compact_groups.c - which files of a table become one. */
#include "job/compact_groups.h"
#include "job/versions.h"
#include "job_samples.h"

#define TARGET 100

static const char *const columns[] = { "_event_month", "_by_k" };
static const struct asof_property may_a[] = { { "_event_month", "2024-05" }, { "_by_k", "a" } };
static const struct asof_property a_may[] = { { "_by_k", "a" }, { "_event_month", "2024-05" } };
static const struct asof_property may_b[] = { { "_event_month", "2024-05" }, { "_by_k", "b" } };

static struct asof_table_file
file(const char *name, uint64_t size_bytes, const struct asof_property *partition)
{
	return (struct asof_table_file){ .name = name,
					 .path = name,
					 .size_bytes = size_bytes,
					 .partition = partition,
					 .partition_count = partition ? 2 : 0 };
}

static struct asof_table_snapshot
table(struct asof_table_file *files, size_t count)
{
	return (struct asof_table_snapshot){ .files = files,
					     .file_count = count,
					     .partition_columns = columns,
					     .partition_column_count = files[0].partition ? 2 : 0 };
}

/* "a b; c d": the groups in their order. */
static void
assert_groups(const struct asof_table_snapshot *snapshot, const char *expected)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(4096);
	struct asof_error err = { 0 };
	struct asof_compact_groups groups;
	const struct asof_table_file *group[8];
	size_t merged = 0;
	size_t made = 0;
	size_t sum = 0;
	size_t times = 0;
	assert_true(snapshot->file_count <= ASOF_COUNTOF(group));
	assert_ok(asof_compact_groups_init(snapshot, TARGET, &arena, &groups, &err), err);
	asof_buf_add_cstr(&text, "");
	for (size_t count; (count = asof_compact_groups_next(&groups, group)) > 0; times++) {
		for (size_t i = 0; i < count; i++)
			asof_buf_printf(&text, "%s%s",
					i > 0       ? " "
					: times > 0 ? "; "
						    : "",
					group[i]->name);
		sum += count;
	}
	assert_string_equal(asof_buf_cstr(&text), expected);
	assert_ok(asof_compact_count(snapshot, TARGET, &arena, &merged, &made, &err), err);
	assert_int_equal(merged, sum);
	assert_int_equal(made, times);
}

static void
small_files_are_merged_up_to_the_target_in_their_order(void **state)
{
	(void)state;
	struct asof_table_file files[] = { file("d", 40, NULL), file("large", 50, NULL),
					   file("c", 49, NULL), file("b", 20, NULL),
					   file("a", 10, NULL), file("e", 10, NULL) };
	const struct asof_table_snapshot snapshot = table(files, ASOF_COUNTOF(files));
	assert_groups(&snapshot, "d c b; a e");
}

static void
one_file_alone_and_large_ones_stay(void **state)
{
	(void)state;
	struct asof_table_file files[] = { file("large", 60, NULL), file("small", 1, NULL),
					   file("larger", 600, NULL) };
	struct asof_table_snapshot snapshot = table(files, ASOF_COUNTOF(files));
	assert_groups(&snapshot, "");
	snapshot.file_count = 0;
	assert_groups(&snapshot, "");
}

static void
groups_stay_within_a_partition_whatever_the_order_of_its_values(void **state)
{
	(void)state;
	struct asof_table_file files[] = { file("b1", 10, may_b), file("a1", 10, may_a),
					   file("b2", 10, may_b), file("a2", 10, a_may),
					   file("a3", 90, may_a) };
	const struct asof_table_snapshot snapshot = table(files, ASOF_COUNTOF(files));
	assert_groups(&snapshot, "a1 a2; b1 b2");
}

static void
values_that_run_into_each_other_are_two_partitions(void **state)
{
	(void)state;
	static const struct asof_property one[] = { { "_event_month", "x" }, { "_by_k", "1:y" } };
	static const struct asof_property two[] = { { "_event_month", "x3:1:y" }, { "_by_k", "" } };
	static const struct asof_property null[] = { { "_event_month", "x" }, { "_by_k", NULL } };
	struct asof_table_file files[] = { file("a", 10, one), file("b", 10, two),
					   file("c", 10, null) };
	const struct asof_table_snapshot snapshot = table(files, ASOF_COUNTOF(files));
	assert_groups(&snapshot, "");
}

static void
files_that_the_next_build_replaces_stand_apart(void **state)
{
	(void)state;
	static const struct asof_property info[] = {
		{ ASOF_INFO_CURSOR,
		  "{\"watermark\":{\"open\":[\"event_month=2024-05/k=a/part-2.parquet\"]}}" }
	};
	struct asof_table_file files[] = { file("part-1.parquet", 10, may_a),
					   file("event_month=2024-05/k=a/part-2.parquet", 10,
						may_a),
					   file("part-3.parquet", 10, may_a) };
	struct asof_table_snapshot snapshot = table(files, ASOF_COUNTOF(files));
	snapshot.info = info;
	snapshot.info_count = 1;
	assert_true(asof_compact_is_open(&snapshot, &files[1]));
	assert_groups(&snapshot, "part-1.parquet part-3.parquet");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_files_are_merged_up_to_the_target_in_their_order),
		cmocka_unit_test(one_file_alone_and_large_ones_stay),
		cmocka_unit_test(groups_stay_within_a_partition_whatever_the_order_of_its_values),
		cmocka_unit_test(values_that_run_into_each_other_are_two_partitions),
		cmocka_unit_test(files_that_the_next_build_replaces_stand_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
