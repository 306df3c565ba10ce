/*
 * catalog.h - what exists: definitions, versions, runs, materializations.
 *
 * Opened from a URI ("memory", "sqlite:FILE", "postgres://user@host/database"). All implementations
 * pass tests/conformance/test_catalog*.c. The lake's log is the truth about data; the catalog knows
 * which version is current and what every version was defined as. Threads: thread-safe; several
 * processes may use one catalog. Strings given back live in the caller's arena, those that a
 * visitor gets until it returns; it may call the catalog.
 */
#ifndef ASOF_CATALOG_H
#define ASOF_CATALOG_H

#include "base/arena.h"
#include "base/buf.h"

struct asof_catalog;

/* What `apply` registers. kind: "entity", "source", "view", "service". */
struct asof_definition {
	const char *kind;
	const char *name;
	const char *hash; /* 32 hexadecimal digits: of what counts (comments, owner, ... do not) */
	const char *json; /* the canonical definition, complete enough to read the data with */
	/* Of views: which MAJOR.MINOR this definition is (is to become with its first build). */
	int32_t major;
	int32_t minor;
	int64_t registered_us;
};

/* One published version of a view: data under a definition. */
struct asof_version {
	const char *view;
	int32_t major;
	int32_t minor;
	int32_t patch;
	const char *definition_hash;
	const char *definition_json;
	int64_t table_version; /* of the lake table */
	int64_t row_count;     /* in the table */
	int64_t published_us;  /* the commit's time */
	const char *run_id;
	const char *tag;     /* "" none */
	const char *made_by; /* "user@host"; "" not known */
	const char *reason;  /* why, as whoever made it said; "" nothing was said */
	bool is_current;     /* what `view` without a version means */
};

enum asof_run_state { ASOF_RUN_RUNNING, ASOF_RUN_DONE, ASOF_RUN_FAILED };

struct asof_run {
	const char *id;
	const char *job;  /* "build", "materialize", "join" ... */
	const char *name; /* the view, or what it was about; "" */
	enum asof_run_state state;
	int64_t started_us;
	int64_t finished_us; /* 0: not yet */
	int64_t row_count;
	const char *message; /* the error, or what was done */
	const char *version; /* "1.0.3" that it made or read; "" */
	const char *made_by; /* as of a version */
	const char *reason;
};

/* What is online: written by materialize. */
struct asof_materialization {
	const char *view;
	const char *version;
	int64_t at_us; /* T */
	int64_t row_count;
	int64_t done_us;
};

/* A training set that a join wrote. One file is one of them: the last join that wrote it. */
struct asof_training_set {
	const char *path;     /* of the file, absolute */
	const char *spine;    /* absolute */
	const char *service;  /* "": a list of features */
	const char *views;    /* JSON {"view": "1.0.3", ...}; null of a direct join */
	const char *features; /* JSON ["view.feature", ...], in the file's order */
	int64_t row_count;
	int64_t made_us;
	const char *made_by; /* "user@host" */
};

typedef enum asof_status asof_definition_fn(void *arg, const struct asof_definition *definition,
					    struct asof_error *err);
typedef enum asof_status asof_version_fn(void *arg, const struct asof_version *version,
					 struct asof_error *err);
typedef enum asof_status asof_run_fn(void *arg, const struct asof_run *run, struct asof_error *err);
typedef enum asof_status asof_training_set_fn(void *arg,
					      const struct asof_training_set *training_set,
					      struct asof_error *err);

/* What an implementation provides. Never call these directly: use the asof_catalog_*() functions.
 */
struct asof_catalog_ops {
	const char *scheme;
	const char *alias; /* another name of the scheme, or NULL */
	enum asof_status (*open)(struct asof_str location, struct asof_catalog **ret_catalog,
				 struct asof_error *err);
	void (*close)(struct asof_catalog *catalog);
	/* Register all, replacing those of the same (kind, name), and forget those in `removed`
	 * (kind and name only): together or not at all. */
	enum asof_status (*define)(struct asof_catalog *catalog,
				   const struct asof_definition *definitions, size_t count,
				   const struct asof_definition *removed, size_t removed_count,
				   struct asof_error *err);
	/* Registered definitions, ascending by (kind, name); kind NULL: all. */
	enum asof_status (*definitions)(struct asof_catalog *catalog, const char *kind,
					asof_definition_fn *visit, void *arg,
					struct asof_error *err);
	/* Add a version and, where is_current, make it the current one. ASOF_CONFLICT where (view,
	 * major, minor, patch) exists with another run_id; the same again changes nothing. */
	enum asof_status (*publish)(struct asof_catalog *catalog,
				    const struct asof_version *version, struct asof_error *err);
	/* Versions of `view` (NULL: of all), newest version number first; all from one snapshot. */
	enum asof_status (*versions)(struct asof_catalog *catalog, const char *view,
				     asof_version_fn *visit, void *arg, struct asof_error *err);
	/* Move the current pointer. ASOF_NOT_FOUND. */
	enum asof_status (*set_current)(struct asof_catalog *catalog, const char *view,
					int32_t major, int32_t minor, int32_t patch,
					struct asof_error *err);
	/* A version's rows stand at `table_version` now, in other files: later than before, else
	 * nothing changes. ASOF_NOT_FOUND. */
	enum asof_status (*move_version)(struct asof_catalog *catalog, const char *view,
					 int32_t major, int32_t minor, int32_t patch,
					 int64_t table_version, struct asof_error *err);
	/* Insert or replace the run of that id. */
	enum asof_status (*put_run)(struct asof_catalog *catalog, const struct asof_run *run,
				    struct asof_error *err);
	/* Newest first, at most `limit`. */
	enum asof_status (*runs)(struct asof_catalog *catalog, size_t limit, asof_run_fn *visit,
				 void *arg, struct asof_error *err);
	enum asof_status (*put_materialization)(struct asof_catalog *catalog,
						const struct asof_materialization *materialization,
						struct asof_error *err);
	/* ASOF_NOT_FOUND where `view` was never materialized. */
	enum asof_status (*find_materialization)(struct asof_catalog *catalog, const char *view,
						 struct asof_arena *arena,
						 struct asof_materialization *ret_materialization,
						 struct asof_error *err);
	/* Insert or replace the training set of that path. */
	enum asof_status (*put_training_set)(struct asof_catalog *catalog,
					     const struct asof_training_set *training_set,
					     struct asof_error *err);
	/* Newest first, at most `limit`. */
	enum asof_status (*training_sets)(struct asof_catalog *catalog, size_t limit,
					  asof_training_set_fn *visit, void *arg,
					  struct asof_error *err);
};

struct asof_catalog {
	const struct asof_catalog_ops *ops;
};

ASOF_NODISCARD enum asof_status
asof_catalog_open(const char *uri, struct asof_catalog **ret_catalog, struct asof_error *err);
void asof_catalog_free(struct asof_catalog *catalog);
ASOF_DEFINE_AUTOFREE(struct asof_catalog, asof_catalog_free)
ASOF_NODISCARD enum asof_status asof_catalog_define(struct asof_catalog *catalog,
						    const struct asof_definition *definitions,
						    size_t count,
						    const struct asof_definition *removed,
						    size_t removed_count, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_catalog_definitions(struct asof_catalog *catalog,
							 const char *kind,
							 asof_definition_fn *visit, void *arg,
							 struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_catalog_publish(struct asof_catalog *catalog,
						     const struct asof_version *version,
						     struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_catalog_versions(struct asof_catalog *catalog,
						      const char *view, asof_version_fn *visit,
						      void *arg, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_catalog_set_current(struct asof_catalog *catalog,
							 const char *view, int32_t major,
							 int32_t minor, int32_t patch,
							 struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_catalog_move_version(struct asof_catalog *catalog,
							  const char *view, int32_t major,
							  int32_t minor, int32_t patch,
							  int64_t table_version,
							  struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_catalog_put_run(struct asof_catalog *catalog,
						     const struct asof_run *run,
						     struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_catalog_runs(struct asof_catalog *catalog, size_t limit,
						  asof_run_fn *visit, void *arg,
						  struct asof_error *err);
ASOF_NODISCARD enum asof_status
asof_catalog_put_materialization(struct asof_catalog *catalog,
				 const struct asof_materialization *materialization,
				 struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_catalog_find_materialization(
	struct asof_catalog *catalog, const char *view, struct asof_arena *arena,
	struct asof_materialization *ret_materialization, struct asof_error *err);
ASOF_NODISCARD enum asof_status
asof_catalog_put_training_set(struct asof_catalog *catalog,
			      const struct asof_training_set *training_set, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_catalog_training_sets(struct asof_catalog *catalog,
							   size_t limit,
							   asof_training_set_fn *visit, void *arg,
							   struct asof_error *err);

/*
 * The version that a reader means: `view` and "" or "latest" (the current one), "1" (its newest),
 * "1.2", "1.2.7". The strings live in `arena`. ASOF_NOT_FOUND names what there is.
 */
ASOF_NODISCARD enum asof_status asof_catalog_find_version(struct asof_catalog *catalog,
							  const char *view, const char *wanted,
							  struct asof_arena *arena,
							  struct asof_version *ret_version,
							  struct asof_error *err);

#endif
