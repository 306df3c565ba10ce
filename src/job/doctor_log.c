/* doctor_log.c - what stands beside a log so that it need not be read whole: snapshots,
 * checkpoints, _last_checkpoint. */
#include "base/fault.h"
#include "codec/json_reader.h"
#include "job/doctor.h"
#include "lake/delta_snapshot.h"

#define LAST_BYTES_MAX (64u << 10)

struct examination {
	struct asof_doctor *doctor;
	const struct asof_delta_log *log;
	struct asof_arena *arena;
	struct asof_buf buf;
	int64_t whole_checkpoint; /* the newest that reads; -1: none */
	size_t whole_lines;       /* its actions */
};

static void
examination_done(struct examination *e)
{
	asof_buf_done(&e->buf);
}

static enum asof_status
ignore_action(void *arg, const struct asof_delta_action *action, struct asof_error *err)
{
	(void)arg;
	(void)action;
	(void)err;
	return ASOF_OK;
}

static size_t
count_lines(struct asof_str text)
{
	size_t count = 0;
	for (size_t i = 0; i < text.len; i++)
		count += text.ptr[i] == '\n';
	return count;
}

static enum asof_status
read_snapshot(struct examination *e, const char *name, int64_t version, struct asof_error *err)
{
	asof_buf_clear(&e->buf);
	ASOF_TRY(asof_blob_read(e->doctor->lake, name, &e->buf, err));
	return asof_delta_snapshot_read(asof_buf_view(&e->buf), version, ignore_action, NULL, err);
}

/* The engine looks at a file's end only; other readers may look at its beginning, too. */
static bool
begins_as_parquet(struct asof_str file)
{
	return file.len >= 4 && memcmp(file.ptr, "PAR1", 4) == 0;
}

static enum asof_status
read_checkpoint(struct examination *e, const char *name, int64_t version, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf lines = ASOF_BUF(4 * ASOF_DELTA_LOG_BYTES_MAX);
	asof_buf_clear(&e->buf);
	ASOF_TRY(asof_blob_read(e->doctor->lake, name, &e->buf, err));
	if (!begins_as_parquet(asof_buf_view(&e->buf)))
		return ASOF_FAIL(err, ASOF_CORRUPT, "it does not begin as a Parquet file");
	ASOF_TRY(e->doctor->io.read(e->doctor->io.arg, asof_buf_view(&e->buf), &lines, err));
	ASOF_TRY(asof_delta_lines_read(asof_buf_view(&lines), name, ignore_action, NULL, err));
	e->whole_checkpoint = version;
	e->whole_lines = count_lines(asof_buf_view(&lines));
	return ASOF_OK;
}

/* Whether the entries alone say what the table is at `version`. */
static bool
entries_stand(const struct examination *e)
{
	return e->log->first == 0;
}

/*
 * What is damaged only repeats what entries say: where all of them are there it may go, and is
 * written again where the table is due for one.
 */
static enum asof_status
write_again(struct examination *e, const char *name, int64_t version, struct asof_error *err)
{
	struct asof_doctor *doctor = e->doctor;
	ASOF_TRY(asof_fault_point("doctor.before_remove", err));
	ASOF_TRY(asof_blob_remove(doctor->lake, name, err));
	ASOF_TRY(asof_fault_point("doctor.after_remove", err));
	return asof_table_checkpoint(doctor->lake, e->log->table, version, &doctor->io, NULL, err);
}

static enum asof_status
report_damaged(struct examination *e, const char *what, const char *name, int64_t version,
	       const char *why, struct asof_error *err)
{
	struct asof_doctor *doctor = e->doctor;
	bool can_repair = entries_stand(e);
	struct asof_ailment ailment = {
		.what = what,
		.where = name,
		.remedy = can_repair ? "asof doctor --repair writes it again from the log"
				     : "restore the file from a backup: log entries before it "
				       "were cleaned up",
	};
	if (can_repair && doctor->is_repair) {
		ASOF_TRY(write_again(e, name, version, err));
		ailment.is_repaired = true;
		ailment.remedy = "written again from the log";
	}
	asof_doctor_report(doctor, &ailment, "%s", why);
	return ASOF_OK;
}

typedef enum asof_status read_fn(struct examination *e, const char *name, int64_t version,
				 struct asof_error *err);

static enum asof_status
examine_files(struct examination *e, const struct asof_delta_versions *versions, const char *ending,
	      const char *what, read_fn *read, struct asof_error *err)
{
	for (size_t i = 0; i < versions->count; i++) {
		char name[ASOF_DELTA_NAME_MAX];
		struct asof_error why = { 0 };
		int64_t version = versions->items[i];
		ASOF_TRY(asof_cancel_check(&e->doctor->session->cancel, err));
		ASOF_TRY(asof_delta_log_name(e->log->table, version, ending, name, err));
		enum asof_status status = read(e, name, version, &why);
		if (asof_doctor_must_stop(status))
			return ASOF_FAIL(err, status, "%s", why.message);
		if (status != ASOF_OK && status != ASOF_NOT_FOUND) /* cleaned up meanwhile */
			ASOF_TRY(report_damaged(e, what, name, version, why.message, err));
	}
	return ASOF_OK;
}

static bool
has_checkpoint(const struct asof_delta_log *log, int64_t version)
{
	for (size_t i = 0; i < log->checkpoints.count; i++) {
		if (log->checkpoints.items[i] == version)
			return true;
	}
	return false;
}

/* Others begin with it. ASOF_CORRUPT: it does not name a checkpoint. */
static enum asof_status
read_last(struct examination *e, const char *name, struct asof_error *err)
{
	const struct asof_json *root = NULL;
	int64_t version = -1;
	asof_buf_clear(&e->buf);
	ASOF_TRY(asof_blob_read(e->doctor->lake, name, &e->buf, err));
	if (e->buf.len > LAST_BYTES_MAX)
		return ASOF_FAIL(err, ASOF_CORRUPT, "it is too large");
	enum asof_status status = asof_json_read(asof_buf_view(&e->buf), e->arena, &root, err);
	if (status == ASOF_OK)
		status = asof_json_member_read_int(root, "version", &version, err);
	if (status == ASOF_NO_MEMORY)
		return status;
	if (status != ASOF_OK)
		return ASOF_WRAP(err, ASOF_CORRUPT, "it does not say which");
	const struct asof_json *parts = asof_json_member(root, "parts");
	if (!parts && !has_checkpoint(e->log, version))
		return ASOF_FAIL(err, ASOF_CORRUPT, "there is no checkpoint of version %lld",
				 (long long)version);
	return ASOF_OK;
}

/* The newest that is whole; none: the file goes, and readers list the log. */
static enum asof_status
repair_last(struct examination *e, const char *name, struct asof_error *err)
{
	ASOF_TRY(asof_fault_point("doctor.before_last", err));
	if (e->whole_checkpoint < 0)
		return asof_blob_remove(e->doctor->lake, name, err);
	const char *text = asof_arena_printf(e->arena, "{\"version\":%lld,\"size\":%zu}",
					     (long long)e->whole_checkpoint, e->whole_lines);
	if (!text)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "checkpoint");
	return asof_blob_put(e->doctor->lake, name, asof_str_from(text), err);
}

static enum asof_status
examine_last(struct examination *e, struct asof_error *err)
{
	struct asof_doctor *doctor = e->doctor;
	struct asof_error why = { 0 };
	const char *name =
		asof_arena_printf(e->arena, "%s/_delta_log/_last_checkpoint", e->log->table);
	if (!name)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "checkpoint");
	enum asof_status status = read_last(e, name, &why);
	if (status == ASOF_OK || status == ASOF_NOT_FOUND)
		return ASOF_OK;
	if (asof_doctor_must_stop(status))
		return ASOF_FAIL(err, status, "%s", why.message);
	struct asof_ailment ailment = {
		.what = "damaged _last_checkpoint",
		.where = name,
		.remedy = "asof doctor --repair names the newest checkpoint",
		.is_repaired = doctor->is_repair,
	};
	if (doctor->is_repair) {
		ASOF_TRY(repair_last(e, name, err));
		ailment.remedy = e->whole_checkpoint < 0 ? "removed: there is no checkpoint"
							 : "it names the newest checkpoint";
	}
	asof_doctor_report(doctor, &ailment, "%s", why.message);
	return ASOF_OK;
}

enum asof_status
asof_doctor_log(struct asof_doctor *doctor, const struct asof_delta_log *log,
		struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(examination_done)
	struct examination e = { .doctor = doctor,
				 .log = log,
				 .arena = &arena,
				 .buf = ASOF_BUF(ASOF_DELTA_LOG_BYTES_MAX),
				 .whole_checkpoint = -1 };
	ASOF_TRY(examine_files(&e, &log->snapshots, ASOF_DELTA_SNAPSHOT, "damaged snapshot",
			       read_snapshot, err));
	ASOF_TRY(examine_files(&e, &log->checkpoints, ASOF_DELTA_CHECKPOINT, "damaged checkpoint",
			       read_checkpoint, err));
	return examine_last(&e, err);
}
