/*
 * session.h - an opened project: definitions, and what they live on, opened when first needed.
 *
 * One thread at a time, but for asof_session_cancel(). What the accessors give back belongs to the
 * session.
 */
#ifndef ASOF_JOB_SESSION_H
#define ASOF_JOB_SESSION_H

#include "base/cancel.h"
#include "base/clock.h"
#include "catalog/catalog.h"
#include "define/define.h"
#include "engine/engine.h"
#include "lake/table.h"
#include "plan/plan.h"
#include "source/source.h"
#include "store/store.h"

struct asof_foreign_table;

/* A source as it is now: its files and what the engine says of them. */
struct asof_bound_source {
	bool is_met;   /* while binding */
	bool is_bound; /* false where it, or what it needs, has mistakes */
	const struct asof_source_file *files;
	size_t file_count;
	const char **paths; /* of the files */
	const char *event_time_type;
	const char *created_time_type; /* NULL without created_time */
	struct asof_field *key_types;
	size_t key_type_count;
	/* Of a source that is a view (job/upstream.h): its rows in place of files. Before it is
	 * used they are none, and there are no files. */
	const char *rows_sql;
	const struct asof_source *timed; /* the source, its times held back by the view's */
	const char *user_event_type;     /* of the times as the user wrote them */
	const char *user_created_type;
	const char *upstream_version;           /* "departures@1.0.3" */
	int64_t upstream_at;                    /* the version of its table that this is */
	const struct asof_foreign_table *table; /* of others (foreign_table.h); NULL: files */
	/* The last `pushed_count` of files hold what was pushed (push_log.h): of the files' own
	 * columns, the first of source->fields, those for which it says so. */
	size_t pushed_count;
	size_t own_field_count;
	const bool *is_pushed_column;
};

/* A table of others that is to be read at one version, whatever its source says: of a join that is
 * made again. */
struct asof_table_pin {
	const char *source;
	int64_t version;
};

struct asof_session {
	struct asof_arena arena;
	struct asof_session_options options;
	const char *dir;
	const char *profile;
	const char *made_by;        /* who: "user@host", or what ASOF_USER says */
	const char *reason;         /* why; "" */
	const char *stage;          /* what the running job does, for progress */
	int64_t stage_us;           /* monotonic, when it began */
	_Atomic int64_t stage_rows; /* < 0: the stage counts none */
	_Atomic double stage_fraction;
	struct asof_cancel cancel;
	struct asof_mistakes mistakes;
	struct asof_buf mistakes_text;
	struct asof_project *project; /* NULL: the text could not be understood */
	bool is_bound;
	bool forgets_files;                /* of the engine; given before it is bound */
	const struct asof_table_pin *pins; /* borrowed; given before it is bound */
	size_t pin_count;
	struct asof_bound_source *bound; /* per source of the project */
	struct asof_engine *engine;
	struct asof_blob *lake;
	struct asof_catalog *catalog;
	struct asof_store *store;
	struct asof_clock clock;
};

ASOF_NODISCARD enum asof_status asof_session_engine(struct asof_session *session,
						    struct asof_engine **ret_engine,
						    struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_session_lake(struct asof_session *session,
						  struct asof_blob **ret_lake,
						  struct asof_error *err);
/* Opened and brought up to date with the lake. */
ASOF_NODISCARD enum asof_status asof_session_catalog(struct asof_session *session,
						     struct asof_catalog **ret_catalog,
						     struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_session_store(struct asof_session *session,
						   struct asof_store **ret_store,
						   struct asof_error *err);

/* The definitions read without mistakes, against the text only. */
ASOF_NODISCARD enum asof_status asof_session_check_text(struct asof_session *session,
							struct asof_error *err);
/* Bind every source and type every view, once. ASOF_INVALID with all mistakes, those of the text
 * and those against the sources' columns. */
ASOF_NODISCARD enum asof_status asof_session_bind(struct asof_session *session,
						  struct asof_error *err);
/* How `view`'s source is read. Bound sessions only. */
struct asof_plan_source asof_session_plan_source(const struct asof_session *session,
						 const struct asof_source *source);

/* How much windows' answers may take beside the engine, of the memory bound. */
uint64_t asof_session_answer_bytes(const struct asof_session *session);
/* How much the kernels of a join may take, and how much the engine while it writes for them. */
uint64_t asof_session_kernel_bytes(const struct asof_session *session);
uint64_t asof_session_write_bytes(const struct asof_session *session);

/* Say what is being done, for progress. `stage` lives in the session's arena. */
void asof_session_stage(struct asof_session *session, const char *fmt, ...) ASOF_PRINTF(2, 3);
/*
 * How far a stage is that counts rows itself: `rows` of them are done, `fraction` of its work (in
 * [0, 1]; < 0: unknown). The engine's own work before the first row is taken for half of the stage.
 */
void asof_session_rows(struct asof_session *session, int64_t rows, double fraction);
int64_t asof_session_now_us(const struct asof_session *session);

/* The view named, or ASOF_NOT_FOUND with the nearest name. */
ASOF_NODISCARD enum asof_status asof_session_find_view(const struct asof_session *session,
						       struct asof_str name,
						       const struct asof_view **ret_view,
						       struct asof_error *err);
/* Views named, or all where count is 0; the array lives in `arena`. */
ASOF_NODISCARD enum asof_status asof_session_pick_views(const struct asof_session *session,
							const char *const *names, size_t count,
							struct asof_arena *arena,
							const struct asof_view ***ret_views,
							size_t *ret_count, struct asof_error *err);

/* The JSON text of a job's result, given away as a C string. */
ASOF_NODISCARD enum asof_status asof_result_text(struct asof_buf *buf, char **ret_json,
						 struct asof_error *err);
#define ASOF_RESULT_BYTES_MAX (256u << 20)

/* One BIGINT of a one-row query, by column. */
ASOF_NODISCARD enum asof_status asof_query_ints(struct asof_engine *engine, const char *sql,
						int64_t *ret_values, size_t count,
						struct asof_error *err);

#endif
