/* doctor_files.c - data files: those that versions need, and those that nobody does. */
#include <stdio.h>

#include "job/doctor.h"
#include "lake/delta_state.h"

#define NAMED_MAX   100 /* files of one version; more are counted */
#define SMALL_COUNT 100
#define SMALL_BYTES (UINT64_C(16) << 20) /* on average */

struct present {
	struct asof_doctor *doctor;
	struct asof_arena *arena;
	size_t prefix_len;
	struct asof_map sizes;  /* name -> its size + 1 */
	struct asof_map needed; /* by any version of the log */
	int64_t temporary_count;
	uint64_t temporary_bytes;
	/* What was reported already: the current version is often the newest. */
	struct asof_map reported;
};

static void
present_done(struct present *p)
{
	asof_map_done(&p->sizes);
	asof_map_done(&p->needed);
	asof_map_done(&p->reported);
}

static enum asof_status
note_present(void *arg, const struct asof_blob_info *info, struct asof_error *err)
{
	struct present *p = arg;
	struct asof_str name = { info->name.ptr + p->prefix_len, info->name.len - p->prefix_len };
	if (name.len == 0 || memchr("_.", name.ptr[0], 2))
		return ASOF_OK;
	return asof_map_put(&p->sizes, name, (void *)(uintptr_t)(info->size_bytes + 1), err);
}

static enum asof_status
note_temporary(void *arg, const struct asof_blob_info *info, struct asof_error *err)
{
	struct present *p = arg;
	(void)err;
	p->temporary_count++;
	p->temporary_bytes += info->size_bytes;
	return ASOF_OK;
}

static enum asof_status
note_added(void *arg, const struct asof_delta_action *action, struct asof_error *err)
{
	struct present *p = arg;
	return action->kind == ASOF_DELTA_ADD
		       ? asof_map_put(&p->needed, action->add.name, NULL, err)
		       : ASOF_OK;
}

/* ---- what a version needs ---- */

static enum asof_status
report_file(struct present *p, const struct asof_table_snapshot *snapshot,
	    const struct asof_table_file *file, bool is_there, uint64_t size_bytes,
	    struct asof_error *err)
{
	const char *where = asof_arena_printf(p->arena, "%s/%s", snapshot->table, file->name);
	if (!where)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "file");
	if (asof_map_find(&p->reported, asof_str_from(file->name), NULL))
		return ASOF_OK;
	ASOF_TRY(asof_map_put(&p->reported, asof_str_from(file->name), NULL, err));
	const struct asof_ailment ailment = {
		.what = is_there ? "wrong size" : "missing file",
		.where = where,
		.remedy = "restore the file from a backup; without one, 'asof build --full' makes "
			  "the view's data again",
	};
	if (is_there)
		asof_doctor_report(p->doctor, &ailment,
				   "version %lld of the table has it with %llu bytes, it has %llu",
				   (long long)snapshot->version,
				   (unsigned long long)file->size_bytes,
				   (unsigned long long)size_bytes);
	else
		asof_doctor_report(p->doctor, &ailment, "version %lld of the table needs it",
				   (long long)snapshot->version);
	return ASOF_OK;
}

/* How many files of a snapshot are not as they should be; with `is_told` each is reported. */
static enum asof_status
check_files(struct present *p, const struct asof_table_snapshot *snapshot, bool is_told,
	    size_t *ret_bad, struct asof_error *err)
{
	size_t bad = 0;
	for (size_t i = 0; i < snapshot->file_count; i++) {
		const struct asof_table_file *file = &snapshot->files[i];
		void *size = NULL;
		bool is_there = asof_map_find(&p->sizes, asof_str_from(file->name), &size);
		uint64_t size_bytes = is_there ? (uint64_t)(uintptr_t)size - 1 : 0;
		if (is_there && size_bytes == file->size_bytes)
			continue;
		if (is_told && bad < NAMED_MAX)
			ASOF_TRY(report_file(p, snapshot, file, is_there, size_bytes, err));
		bad++;
	}
	if (is_told && bad > NAMED_MAX) {
		const struct asof_ailment ailment = { .what = "missing files",
						      .where = snapshot->table,
						      .remedy = "as of the others" };
		asof_doctor_report(p->doctor, &ailment, "%zu more files are missing or damaged",
				   bad - NAMED_MAX);
	}
	*ret_bad = bad;
	return ASOF_OK;
}

/* Whether a version of the table can be read, file by file. */
static enum asof_status
is_whole(struct present *p, const char *table, int64_t version, bool is_told, bool *ret_is_whole,
	 struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_table_snapshot snapshot;
	struct asof_error why = { 0 };
	size_t bad = 1;
	enum asof_status status = asof_table_read_by(p->doctor->lake, table, version,
						     &p->doctor->io, &arena, &snapshot, &why);
	if (asof_doctor_must_stop(status))
		return ASOF_FAIL(err, status, "%s", why.message);
	if (status == ASOF_OK)
		ASOF_TRY(check_files(p, &snapshot, is_told, &bad, err));
	*ret_is_whole = bad == 0;
	return ASOF_OK;
}

/* ---- the current version ---- */

static const struct asof_version *
next_older(const struct asof_doctor *doctor, const char *view, int64_t before)
{
	const struct asof_version *found = NULL;
	for (size_t i = 0; i < doctor->versions.count; i++) {
		const struct asof_version *version = &doctor->versions.items[i];
		if (strcmp(version->view, view) == 0 && version->table_version < before &&
		    (!found || version->table_version > found->table_version))
			found = version;
	}
	return found;
}

static enum asof_status
report_current(struct present *p, const struct asof_version *current,
	       const struct asof_version *whole, struct asof_error *err)
{
	struct asof_doctor *doctor = p->doctor;
	const char *text = asof_version_text(current, p->arena);
	const char *other = whole ? asof_version_text(whole, p->arena) : NULL;
	const char *where = asof_arena_printf(p->arena, "%s@%s", current->view, text ? text : "");
	const char *would = asof_arena_printf(
		p->arena,
		"'asof build --full' makes the data again; until then asof doctor "
		"--repair makes %s the current version",
		other ? other : "");
	const char *done =
		asof_arena_printf(p->arena, "%s is the current version now", other ? other : "");
	if (!text || (whole && !other) || !where || !would || !done)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "version");
	struct asof_ailment ailment = {
		.what = "current version cannot be read",
		.where = where,
		.remedy = whole ? would
				: "no other version is whole: 'asof build --full' makes "
				  "the view's data again",
		.is_repaired = whole && doctor->is_repair,
	};
	if (ailment.is_repaired) {
		ASOF_TRY(asof_catalog_set_current(doctor->session->catalog, whole->view,
						  whole->major, whole->minor, whole->patch, err));
		ailment.remedy = done;
	}
	asof_doctor_report(doctor, &ailment, "readers of '%s' fail", current->view);
	return ASOF_OK;
}

static enum asof_status
check_current(struct present *p, const struct asof_delta_log *log, struct asof_error *err)
{
	struct asof_doctor *doctor = p->doctor;
	const struct asof_version *current =
		asof_version_set_current(&doctor->versions, log->table);
	bool is_good = false;
	if (!current || current->table_version > log->newest)
		return ASOF_OK; /* told where log and catalog are compared */
	ASOF_TRY(is_whole(p, log->table, current->table_version, true, &is_good, err));
	if (is_good)
		return ASOF_OK;
	const struct asof_version *other = next_older(doctor, log->table, INT64_MAX);
	while (other) {
		if (other != current)
			ASOF_TRY(is_whole(p, log->table, other->table_version, false, &is_good,
					  err));
		if (is_good)
			break;
		other = next_older(doctor, log->table, other->table_version);
	}
	return report_current(p, current, other, err);
}

/* ---- what nobody needs ---- */

static void
report_left_over(struct present *p, const struct asof_delta_log *log, int64_t count, uint64_t bytes,
		 const char *what)
{
	const struct asof_ailment ailment = { .what = what,
					      .where = log->table,
					      .remedy = "asof vacuum removes them when they are "
							"old enough",
					      .is_note = true };
	if (count > 0)
		asof_doctor_report(p->doctor, &ailment, "%lld of %llu bytes", (long long)count,
				   (unsigned long long)bytes);
}

static enum asof_status
check_left_over(struct present *p, const struct asof_delta_log *log,
		const struct asof_table_snapshot *oldest, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ASOF_DELTA_LOG_BYTES_MAX);
	int64_t count = 0;
	uint64_t bytes = 0;
	for (size_t i = 0; i < oldest->file_count; i++)
		ASOF_TRY(asof_map_put(&p->needed, asof_str_from(oldest->files[i].name), NULL, err));
	for (int64_t entry = log->first; entry <= log->newest; entry++) {
		struct asof_error ignored = { 0 }; /* a damaged entry is told elsewhere */
		enum asof_status status = asof_delta_entry_read(p->doctor->lake, log->table, entry,
								&buf, note_added, p, &ignored);
		if (asof_doctor_must_stop(status))
			return ASOF_FAIL(err, status, "%s", ignored.message);
	}
	size_t position = 0;
	struct asof_str name;
	void *size;
	while (asof_map_next(&p->sizes, &position, &name, &size)) {
		if (asof_map_find(&p->needed, name, NULL))
			continue;
		count++;
		bytes += (uint64_t)(uintptr_t)size - 1;
	}
	report_left_over(p, log, count, bytes, "files that no version has");
	report_left_over(p, log, p->temporary_count, p->temporary_bytes,
			 "temporary files of runs that died");
	return ASOF_OK;
}

static void
check_small(struct present *p, const struct asof_table_snapshot *snapshot)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < snapshot->file_count; i++)
		bytes += snapshot->files[i].size_bytes;
	if (snapshot->file_count < SMALL_COUNT || bytes / snapshot->file_count >= SMALL_BYTES)
		return;
	const struct asof_ailment ailment = { .what = "many small files",
					      .where = snapshot->table,
					      .remedy = "'asof compact' rewrites it in fewer",
					      .is_note = true };
	asof_doctor_report(p->doctor, &ailment, "%zu files of %llu bytes on average",
			   snapshot->file_count,
			   (unsigned long long)(bytes / snapshot->file_count));
}

static enum asof_status
list_present(struct present *p, const char *table, struct asof_error *err)
{
	const char *prefix = asof_arena_printf(p->arena, "%s/", table);
	if (!prefix)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "table");
	p->prefix_len = strlen(prefix);
	ASOF_TRY(asof_blob_list(p->doctor->lake, prefix, note_present, p, err));
	return asof_blob_list_temporary(p->doctor->lake, prefix, note_temporary, p, err);
}

/* The newest version and the oldest that can be read, whole log or not. */
static enum asof_status
read_ends(struct present *p, const struct asof_delta_log *log,
	  struct asof_table_snapshot *ret_newest, struct asof_table_snapshot *ret_oldest,
	  bool *ret_is_read, struct asof_error *err)
{
	struct asof_doctor *doctor = p->doctor;
	struct asof_error why = { 0 };
	int64_t oldest = asof_delta_log_oldest(log, true);
	enum asof_status status = asof_table_read_by(doctor->lake, log->table, log->newest,
						     &doctor->io, p->arena, ret_newest, &why);
	if (status == ASOF_OK)
		status = asof_table_read_by(doctor->lake, log->table,
					    oldest <= log->newest ? oldest : log->newest,
					    &doctor->io, p->arena, ret_oldest, &why);
	if (asof_doctor_must_stop(status))
		return ASOF_FAIL(err, status, "%s", why.message);
	*ret_is_read = status == ASOF_OK;
	const struct asof_ailment ailment = {
		.what = "table cannot be read",
		.where = log->table,
		.remedy = "repair what else is told of its log; else restore it from a backup, or "
			  "move the table's directory away and build the view again",
	};
	if (!*ret_is_read)
		asof_doctor_report(doctor, &ailment, "%s", why.message);
	return ASOF_OK;
}

enum asof_status
asof_doctor_files(struct asof_doctor *doctor, const struct asof_delta_log *log,
		  struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(present_done) struct present p = { .doctor = doctor, .arena = &arena };
	struct asof_table_snapshot newest;
	struct asof_table_snapshot oldest;
	size_t bad = 0;
	bool is_read = false;
	ASOF_TRY(list_present(&p, log->table, err));
	ASOF_TRY(read_ends(&p, log, &newest, &oldest, &is_read, err));
	if (is_read) {
		ASOF_TRY(check_files(&p, &newest, true, &bad, err));
		check_small(&p, &newest);
	}
	ASOF_TRY(check_current(&p, log, err));
	return is_read ? check_left_over(&p, log, &oldest, err) : ASOF_OK;
}
