/*
 * foreign_table.h - tables that others write: which version is read, and which data files it has.
 *
 * What the rows of a table are - deleted ones, partition columns, renamed columns - is for the
 * engine's extensions to know; here it is settled at which version they are asked, so that all of a
 * job sees one, and in which order its data files stand. One thread at a time per session.
 */
#ifndef ASOF_JOB_FOREIGN_TABLE_H
#define ASOF_JOB_FOREIGN_TABLE_H

#include "job/session.h"

struct asof_foreign_table {
	/* As the engine finds it: the directory of a Delta table, the metadata file of Iceberg's.
	 */
	const char *location;
	const char *name; /* for people, as the source has it */
	const char *id;   /* of the table itself: one made anew in its place has another; or "" */
	int64_t version;  /* Delta's, or Iceberg's snapshot; -1: one without a snapshot */
	struct asof_source_file entry; /* the file that makes the version */
	/* Files beside the data files say which of their rows are deleted (Iceberg's). */
	const char *deletes; /* a hash of their names; "": there are none */
	/* Of Delta: what lies in the log, ascending by name. */
	const struct asof_source_file *log;
	size_t log_count;
};

/* Is there a table where the source's path leads? Sets its format; ASOF_NOT_FOUND: there is none.
 */
ASOF_NODISCARD enum asof_status asof_foreign_find_format(struct asof_session *session,
							 struct asof_source *source,
							 struct asof_error *err);

/*
 * Find the version of a source that is a table, and fill in the table and the files of `bound`,
 * ascending by the time at which they were written, then by path; all in the session's arena.
 * ASOF_NOT_FOUND names the table or version, ASOF_UNSUPPORTED what of it cannot be read.
 */
ASOF_NODISCARD enum asof_status asof_foreign_open(struct asof_session *session,
						  struct asof_engine *engine,
						  const struct asof_source *source,
						  struct asof_bound_source *bound,
						  struct asof_error *err);

/* The entry <version>.json of a Delta log, or NULL. */
const struct asof_source_file *asof_foreign_log_entry(const struct asof_foreign_table *table,
						      int64_t version);

/* What the entries of a Delta log behind one version, up to another, do to data files. */
struct asof_foreign_action {
	const char *path; /* as the engine names it; NULL: the table itself is changed */
	int64_t version;
	bool is_add;
	bool has_data; /* rows come or go; false: they are only written anew */
};
/* Ascending by version, in `arena`. ASOF_NOT_FOUND: an entry is gone. */
ASOF_NODISCARD enum asof_status
asof_foreign_log_actions(struct asof_engine *engine, const struct asof_foreign_table *table,
			 int64_t from_version, int64_t to_version, struct asof_arena *arena,
			 const struct asof_foreign_action **ret_actions, size_t *ret_count,
			 struct asof_error *err);

/* ---- the kinds of tables ---- */

/* What an opener works with. */
struct asof_foreign_opening {
	struct asof_session *session;
	struct asof_engine *engine;
	const struct asof_source *source;
	struct asof_foreign_table *table;
	struct asof_bound_source *bound;
};
/* Is one version of the table asked for, by the source or by who opens it? */
bool asof_foreign_wants_version(const struct asof_foreign_opening *o, int64_t *ret_version);
ASOF_NODISCARD enum asof_status asof_foreign_open_delta(struct asof_foreign_opening *o,
							struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_foreign_open_iceberg(struct asof_foreign_opening *o,
							  struct asof_error *err);

/* The files that `pattern` below the source's path names; none is no error. */
ASOF_NODISCARD enum asof_status asof_foreign_list(struct asof_session *session,
						  const struct asof_source *source,
						  const char *pattern,
						  const struct asof_source_file **ret_files,
						  size_t *ret_count, struct asof_error *err);

/* Rows of a query of ours about a table: data files, in order. */
struct asof_foreign_files {
	struct asof_arena *arena;
	const char *project_dir;
	const char *id; /* of the table, where the query tells it */
	struct asof_source_file *data;
	size_t data_count;
	size_t data_capacity;
	struct asof_source_file *deletes;
	size_t delete_count;
	size_t delete_capacity;
};
/* Columns: path, bytes, milliseconds when it was written (0: not said), whether it is one that says
 * what is deleted, id of the table. */
ASOF_NODISCARD enum asof_status asof_foreign_ask_files(struct asof_engine *engine, const char *sql,
						       struct asof_foreign_files *files,
						       struct asof_error *err);

/* What a file is called in cursors and manifests: from the project's directory where it lies below
 * it; and back. NULL on exhaustion. */
const char *asof_foreign_file_name(const char *path, const char *project_dir);
const char *asof_foreign_file_path(const char *name, const char *project_dir,
				   struct asof_arena *arena);

#endif
