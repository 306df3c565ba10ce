#include "job/join_known.h"

#include "base/number.h"
#include "codec/time_text.h"
#include "job/compact_view.h"
#include "job/version_files.h"
#include "plan/sql.h"

/* From which instant on a table tells what was known; INT64_MIN: always. */
static int64_t
known_from(const struct asof_table_snapshot *snapshot)
{
	const char *text = asof_property_find(snapshot->properties, snapshot->property_count,
					      ASOF_KNOWN_AT_FROM);
	int64_t from_us;
	bool is_folded = text && asof_int64_parse(asof_str_from(text), &from_us);
	return is_folded ? from_us : INT64_MIN;
}

static enum asof_status
find_earliest(struct asof_join_run *run, int64_t *ret_us, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_TRY(asof_plan_spine_start_sql(&run->plan, &sql, err));
	return asof_query_ints(run->engine, asof_buf_cstr(&sql), ret_us, 1, err);
}

/* The newest version of the view that is still there and tells what was known at `at_us`; NULL:
 * there is none. */
static const char *
find_telling(struct asof_join_run *run, const struct asof_version *folded, int64_t at_us)
{
	const struct asof_version *best = NULL;
	for (size_t i = 0; i < run->versions.count; i++) {
		const struct asof_version *version = &run->versions.items[i];
		struct asof_table_snapshot snapshot;
		bool is_older = strcmp(version->view, folded->view) == 0 &&
				version->table_version < folded->table_version;
		if (!is_older || (best && best->table_version > version->table_version))
			continue;
		if (asof_version_read_table(run->session, version, &run->arena, &snapshot, NULL) ==
			    ASOF_OK &&
		    known_from(&snapshot) <= at_us)
			best = version;
	}
	return best ? asof_version_text(best, &run->arena) : NULL;
}

static enum asof_status
refuse(struct asof_join_run *run, const struct asof_version_table *table, int64_t from_us,
       int64_t at_us, struct asof_error *err)
{
	char from[ASOF_TIME_TEXT_MAX];
	char at[ASOF_TIME_TEXT_MAX];
	int from_len = (int)asof_timestamp_text(from_us, from);
	int at_len = (int)asof_timestamp_text(at_us, at);
	const char *view = table->version->view;
	const char *other = find_telling(run, table->version, at_us);
	return ASOF_FAIL(
		err, ASOF_INVALID,
		"view '%s' %s tells what was known from %.*s on, not at %.*s: rows created "
		"before were folded by `asof compact` (known_at_retention); ask for a "
		"later time%s%s%s%s",
		view, table->version_text, from_len, from, at_len, at, other ? ", or for " : "",
		other ? view : "", other ? "@" : "", other ? other : "");
}

enum asof_status
asof_join_check_known(struct asof_join_run *run, struct asof_error *err)
{
	int64_t earliest_us = INT64_MAX;
	if (run->is_direct || run->manifest.known_at == ASOF_KNOWN_AT_NONE)
		return ASOF_OK;
	for (size_t i = 0; i < run->table_count; i++) {
		const struct asof_version_table *table = &run->tables[i];
		int64_t from_us = known_from(&table->snapshot);
		int64_t at_us = asof_plan_known_us(&run->plan, table->view);
		if (from_us == INT64_MIN)
			continue;
		if (run->manifest.known_at == ASOF_KNOWN_AT_LABEL && earliest_us == INT64_MAX)
			ASOF_TRY(find_earliest(run, &earliest_us, err));
		if (run->manifest.known_at == ASOF_KNOWN_AT_LABEL)
			at_us = earliest_us;
		if (at_us < from_us)
			return refuse(run, table, from_us, at_us, err);
	}
	return ASOF_OK;
}
