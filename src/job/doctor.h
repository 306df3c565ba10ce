/* doctor.h - the parts of an examination: each looks at one thing and reports what is wrong. */
#ifndef ASOF_JOB_DOCTOR_H
#define ASOF_JOB_DOCTOR_H

#include "base/json_writer.h"
#include "job/checkpoint.h"
#include "job/version_set.h"
#include "lake/delta_list.h"

/* What was found so far, as items of two JSON lists: what is wrong, and what is worth knowing. */
struct asof_doctor {
	struct asof_session *session;
	struct asof_arena arena;
	struct asof_version_set versions; /* of the catalog, before anything was repaired */
	struct asof_blob *lake;
	struct asof_checkpoint_io io;
	bool is_repair;
	struct asof_buf findings;
	struct asof_json_writer finding_writer;
	struct asof_buf notes;
	struct asof_json_writer note_writer;
	int64_t found_count;
	int64_t repaired_count;
};

/* One finding. Texts are borrowed. */
struct asof_ailment {
	const char *what;   /* "missing file": the same for all of the kind */
	const char *where;  /* a file, table, version ... */
	const char *remedy; /* what to do; of a repaired one, what was done */
	bool is_repaired;
	bool is_note; /* no mistake */
};
void asof_doctor_report(struct asof_doctor *doctor, const struct asof_ailment *ailment,
			const char *fmt, ...) ASOF_PRINTF(3, 4);

/* The log and files of one table, beside what the catalog says of the view. */
ASOF_NODISCARD enum asof_status asof_doctor_table(struct asof_doctor *doctor, const char *view,
						  struct asof_error *err);
/* Snapshots, checkpoints and _last_checkpoint of a log. */
ASOF_NODISCARD enum asof_status asof_doctor_log(struct asof_doctor *doctor,
						const struct asof_delta_log *log,
						struct asof_error *err);
/* The data files of the table's newest version and of the current one, and who needs none. */
ASOF_NODISCARD enum asof_status asof_doctor_files(struct asof_doctor *doctor,
						  const struct asof_delta_log *log,
						  struct asof_error *err);
/* Tables of the online store. */
ASOF_NODISCARD enum asof_status asof_doctor_online(struct asof_doctor *doctor,
						   struct asof_error *err);
/* Definitions, runs and training sets of the catalog. */
ASOF_NODISCARD enum asof_status asof_doctor_catalog(struct asof_doctor *doctor,
						    struct asof_error *err);

/* The version "1.0.3" of a view in the catalog, or NULL. */
const struct asof_version *asof_doctor_version(const struct asof_doctor *doctor, const char *view,
					       const char *text);
/* Errors that are no fault of what is examined: they end the examination. */
static inline bool
asof_doctor_must_stop(enum asof_status status)
{
	return status == ASOF_NO_MEMORY || status == ASOF_CANCELLED || status == ASOF_UNAVAILABLE ||
	       status == ASOF_TIMEOUT;
}

#endif
