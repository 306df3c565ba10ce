/*
 * asof.h - the public API of libasof: features that are right in time.
 *
 * A session is an opened project (the directory of an asof.yaml). Jobs are functions over a
 * session; their results are JSON documents, the same that the program prints with --json. Failing
 * calls leave outputs untouched and say why in `err`.
 *
 * Threads: a session is used by one thread at a time, but for asof_session_cancel(). A reader may
 * be used by many. Time is int64 microseconds since the Unix epoch, UTC.
 */
#ifndef ASOF_H
#define ASOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ASOF_API       __attribute__((visibility("default")))
#define ASOF_NODISCARD __attribute__((warn_unused_result))

/*
 * Why a call failed. Few on purpose: a new code needs a caller that would act on it;
 * everything else is message text. Values are ABI: append only.
 */
enum asof_status {
	ASOF_OK = 0,
	ASOF_INVALID = 1,     /* the caller's argument, definition or file is wrong */
	ASOF_NOT_FOUND = 2,   /* the named thing does not exist */
	ASOF_CONFLICT = 3,    /* it exists already, or changed meanwhile */
	ASOF_LIMIT = 4,       /* a documented limit would be exceeded */
	ASOF_UNSUPPORTED = 5, /* this engine, store or source cannot do that */
	ASOF_UNAVAILABLE = 6, /* a service is down or busy; retrying may help */
	ASOF_TIMEOUT = 7,     /* the deadline passed; retrying may help */
	ASOF_IO = 8,          /* the operating system or a disk said no */
	ASOF_CORRUPT = 9,     /* stored bytes do not decode */
	ASOF_NO_MEMORY = 10,
	ASOF_INTERNAL = 11,     /* a bug in this library */
	ASOF_CANCELLED = 12,    /* asked to stop by the caller */
	ASOF_CHECK_FAILED = 13, /* a check failed, or a difference was found */
};

/* Caller-allocated, zero-initialised, usually on the stack. Holds nothing to free. */
struct asof_error {
	enum asof_status status;
	char message[1020]; /* UTF-8, NUL-terminated, "outer: inner: cause" */
};

ASOF_API const char *asof_status_text(enum asof_status status);
ASOF_API bool asof_status_is_retryable(enum asof_status status);
/* "0.1.0" */
ASOF_API const char *asof_version(void);

/* Texts that a call gives away (ret_json) are NUL-terminated and freed with this; NULL is a no-op.
 */
ASOF_API void asof_text_free(char *text);

struct asof_session;

struct asof_session_options {
	const char *dir;       /* of asof.yaml; NULL: the working directory */
	const char *profile;   /* NULL: none */
	unsigned threads;      /* 0: one per CPU */
	uint64_t memory_bytes; /* 0: 80 % of the machine's; see docs/design/engine.md on what it
				  bounds */
	/* Called about ten times a second from another thread while a job runs. `stage` says what
	 * is done ("build 'departures'"), fraction is in [0, 1] or < 0 where unknown. NULL: not
	 * wanted. */
	void (*progress)(void *arg, const char *stage, double fraction);
	void *progress_arg;
};

/*
 * Read the definitions. ASOF_NOT_FOUND without an asof.yaml. Definitions with mistakes open all the
 * same: jobs that need them fail with ASOF_INVALID, and asof_session_mistakes() has them all. Lake,
 * catalog, store and sources are touched by the jobs that need them, not here. Runs and versions
 * keep who made them and why: the environment's ASOF_USER (else "user@host") and ASOF_REASON as
 * they are now, each one line of text, or ASOF_INVALID.
 */
ASOF_API ASOF_NODISCARD enum asof_status
asof_session_open(const struct asof_session_options *options, struct asof_session **ret_session,
		  struct asof_error *err);
/* NULL is a no-op. */
ASOF_API void asof_session_close(struct asof_session *session);
/* End the running job with ASOF_CANCELLED within a second. Safe from any thread and in a signal
 * handler. */
ASOF_API void asof_session_cancel(struct asof_session *session);
/* "file:line:column: message\n" per mistake known so far, in order; "" without. Valid until the
 * next call. */
ASOF_API const char *asof_session_mistakes(const struct asof_session *session);

/* Make `dir` a project that works, with a small source of its own; never overwrites
 * (ASOF_CONFLICT). No session needed.
 * {"dir": "...", "files": ["asof.yaml", ...]} */
ASOF_API ASOF_NODISCARD enum asof_status asof_init(const char *dir, char **ret_json,
						   struct asof_error *err);
/* The JSON Schema of the definitions, for editors. Static. */
ASOF_API const char *asof_schema(void);

/*
 * What the definitions change against what is registered; every mistake, also against the sources'
 * real columns.
 * {"changes": [{"kind": "view", "name": "v", "change": "new|none|minor|major|removed|rolled_back",
 * "from": "1.0.3"|null, "to": "1.1", "reasons": [".."], "services": [".."], "training_sets":
 * ["path"], "data": "build|none"}], "is_different": true}
 */
ASOF_API ASOF_NODISCARD enum asof_status asof_plan(struct asof_session *session, char **ret_json,
						   struct asof_error *err);
/* Register them. MAJOR changes without `allows_major`: ASOF_CHECK_FAILED. Same JSON as asof_plan().
 */
ASOF_API ASOF_NODISCARD enum asof_status asof_apply(struct asof_session *session, bool allows_major,
						    char **ret_json, struct asof_error *err);

struct asof_build_options {
	const char *const *views; /* names; none: all */
	size_t view_count;
	const char *tag; /* kept with the version; NULL: none */
	bool is_full;    /* compute everything again */
	bool has_range;  /* only events in [from_us, to_us), widened to whole steps */
	int64_t from_us;
	int64_t to_us;
	bool is_sql;           /* the reference SQL instead of the kernel: the same result */
	bool is_with_upstream; /* first the views that these read, and what those read */
};
/*
 * Compute and publish, one atomic commit per view. engine_reason: why not the kernel, where not.
 * {"views": [{"view": "v", "version": "1.0.1", "published": true, "rows": 10, "rows_total": 100,
 * "source_rows": 12, "bad_rows": 0, "null_key_rows": 0, "files": 1, "bytes": 123, "seconds": 0.5,
 * "mode": "full|append|none", "reason": "..", "engine": "kernel|sql", "engine_reason": "..",
 * "upstream": "departures@1.0.3", "upstream_note": "..",
 * "compaction": "17 small files: .."}], "seconds": 1.0}; compaction only where it is worth while
 */
ASOF_API ASOF_NODISCARD enum asof_status asof_build(struct asof_session *session,
						    const struct asof_build_options *options,
						    char **ret_json, struct asof_error *err);

enum asof_known_at { ASOF_KNOWN_AT_NONE, ASOF_KNOWN_AT_LABEL, ASOF_KNOWN_AT_TIME };

struct asof_join_options {
	const char *spine;           /* Parquet, CSV or JSON file */
	const char *service;         /* or: */
	const char *const *features; /* "view.feature", "view.*", "view@1.2.3.feature" */
	size_t feature_count;
	const char *out;         /* Parquet or CSV file, by its ending */
	const char *time_column; /* NULL: "event_time", else the only timestamp column */
	enum asof_known_at known_at;
	int64_t known_at_us; /* with ASOF_KNOWN_AT_TIME */
	bool has_as_of;      /* read the versions that were current at as_of_us */
	int64_t as_of_us;
	const char *from_manifest; /* FILE.asof.json to repeat; everything else but `out` is NULL
				      then */
	bool is_sql;               /* the reference SQL instead of the kernels: the same result */
	/* Compute from the sources as they are now, by the definitions as they stand, without a
	 * build: ad hoc. The same values as build and join. */
	bool is_direct;
};
/*
 * A training set, and <out>.asof.json beside it. matched: rows that got something of the view, a
 * value, or where all its features have defaults another value than those; version: null in a
 * direct join.
 * {"out": "..", "rows": 10, "columns": 5, "features": 2, "bytes": 1, "views": [{"view": "v",
 * "version": "1.0.1", "matched": 9}], "notes": [".."], "seconds": 0.1}
 */
ASOF_API ASOF_NODISCARD enum asof_status asof_join(struct asof_session *session,
						   const struct asof_join_options *options,
						   char **ret_json, struct asof_error *err);

/*
 * How a join would be done, and why: `options` as of asof_join(), `out` may be NULL. `is_analyzed`:
 * do it too, into a file that is thrown away, and say what each stage took.
 * {"spine": {"path": "..", "rows": 10, "time_column": "t", "from": "..", "to": ".."},
 * "engine": "kernels|sql", "reason": null, "ranges": 1,
 * "memory": {"bound_bytes": null, "kernel_bytes": 1, "planned_bytes": 1},
 * "views": [{"view": "v", "version": "1.0.1", "algorithm": "point-in-time stream|window sweep|
 * reference sql", "reason": "..", "files": 2, "files_read": 1, "row_groups": 9,
 * "row_groups_read": 4, "rows": 100, "from": null, "to": null,
 * "skipped": {"by_time": 1, "by_key": 0}, "keys": {"column": "id", "from": 1, "to": 9},
 * "sql": ".."}],
 * "on_demand": [{"view": "age", "version": "1.0.0", "feature": "days", "type": "int64",
 * "expr": "..", "reads": ["now", "v.since"], "offline": "sql", "online": "evaluator"}],
 * "on_demand_sql": {"before": "SELECT .. FROM (", "behind": ")"},
 * "stages": [{"stage": "scan", "view": "v", "rows": 10, "bytes": 1, "seconds": 0.1}],
 * "rows": 10, "bytes": 1, "kernel_peak_bytes": 1, "seconds": 0.1}
 * on_demand and on_demand_sql where such features are asked for; the last two lines with
 * is_analyzed only.
 */
ASOF_API ASOF_NODISCARD enum asof_status asof_explain(struct asof_session *session,
						      const struct asof_join_options *options,
						      bool is_analyzed, char **ret_json,
						      struct asof_error *err);

/*
 * How a build would be done, and why; nothing is published. `is_analyzed`: do it too, into files
 * that are thrown away, and say what each stage took. `scan`: views of one number are made from one
 * scan of their source. Rows, row groups, bytes of the files that are read: Parquet only;
 * planned_bytes: what the kernel takes at most, without texts.
 * {"memory": {"bound_bytes": null, "kernel_bytes": 1},
 * "views": [{"view": "v", "mode": "full|append|replace|range|none|refused", "reason": "..",
 * "engine": "kernel|sql", "engine_reason": null, "algorithm": "..", "scan": 1, "files": 2,
 * "files_read": 1, "rows": 10, "row_groups": 1, "bytes": 1, "planned_bytes": 1}],
 * "stages": [{"stage": "scan|sort|write", "views": ["v"], "rows": 10, "bytes": 1, "seconds": 0.1}],
 * "seconds": 0.1}
 * The last two lines with is_analyzed only. Of a sort bytes are memory, of a write the file's.
 */
ASOF_API ASOF_NODISCARD enum asof_status
asof_explain_build(struct asof_session *session, const struct asof_build_options *options,
		   bool is_analyzed, char **ret_json, struct asof_error *err);

struct asof_materialize_options {
	const char *const *views; /* names; none: all */
	size_t view_count;
	bool has_at;
	int64_t at_us; /* without: now */
};
/* Offline to online. {"at": "..", "views": [{"view": "v", "version": "1.0.1", "rows": 10,
 * "written": true, "bytes": 1, "seconds": 0.1}]} */
ASOF_API ASOF_NODISCARD enum asof_status
asof_materialize(struct asof_session *session, const struct asof_materialize_options *options,
		 char **ret_json, struct asof_error *err);

struct asof_vacuum_options {
	const char *const *views; /* names; none: all */
	size_t view_count;
	bool has_retention; /* else 7 days */
	int64_t retention_us;
	bool is_dry_run; /* say what would be removed */
	bool is_forced;  /* a retention of less than an hour: nothing else may be running */
};
/*
 * Remove files that no version within the retention needs; the current version stays.
 * {"views": [{"view": "v", "removed": ["v/part-1.parquet"], "data_files": 1, "data_bytes": 123,
 * "log_files": 0, "log_bytes": 0, "temporary_files": 0, "temporary_bytes": 0, "bytes": 123,
 * "training_sets": [{"path": "/a.parquet", "version": "1.0.1"}], "kept_from": "1.0.2"|null}],
 * "retention": "7d", "dry_run": false, "bytes": 123}; training_sets on record that can be made
 * again before, and not after
 */
ASOF_API ASOF_NODISCARD enum asof_status asof_vacuum(struct asof_session *session,
						     const struct asof_vacuum_options *options,
						     char **ret_json, struct asof_error *err);

struct asof_compact_options {
	const char *const *views; /* names; none: all */
	size_t view_count;
	uint64_t target_bytes; /* of a file; 0: the project's file_size */
};
/*
 * The same rows in fewer files; no version is made, unless rows that `known_at_retention` lets go
 * are folded ("published"). {"views": [{"view": "v", "version": "1.0.6", "published": false,
 * "files_before": 9, "files_after": 1, "files_merged": 9, "bytes_before": 1, "bytes_after": 1,
 * "rows": 1, "rows_folded": 0, "known_at_from": "..", "seconds": 0.1}], "target_bytes": 268435456,
 * "seconds": 0.1}; known_at_from only where there is such an instant
 */
ASOF_API ASOF_NODISCARD enum asof_status asof_compact(struct asof_session *session,
						      const struct asof_compact_options *options,
						      char **ret_json, struct asof_error *err);

/* kind: "views" "features" "entities" "sources" "services" "versions" "runs" "training-sets", or
 * NULL for an overview.
 * {"<kind>": [{...}, ...]} */
ASOF_API ASOF_NODISCARD enum asof_status asof_list(struct asof_session *session, const char *kind,
						   char **ret_json, struct asof_error *err);
/* Everything about `name`, perhaps "name@1.2.3". {"kind": "view", "name": "v", "version": "1.2.3",
 * ...} */
ASOF_API ASOF_NODISCARD enum asof_status asof_show(struct asof_session *session, const char *name,
						   char **ret_json, struct asof_error *err);

/* Make a published version, "name@1.0.2", the current one: older or newer. Nothing is made or lost.
 * {"view": "v", "from": "1.1.0", "to": "1.0.2", "moved": true} */
ASOF_API ASOF_NODISCARD enum asof_status asof_rollback(struct asof_session *session,
						       const char *name_and_version,
						       char **ret_json, struct asof_error *err);
/* Registered definitions whose names, descriptions, owners, tags, columns or expressions hold
 * `text`, the best first; a suggestion where there are none.
 * {"found": [{"kind": "view|feature|entity|source|service", "name": "v.f", "where": "column",
 * "text": ".."}], "suggestion": "name"|null} */
ASOF_API ASOF_NODISCARD enum asof_status asof_search(struct asof_session *session, const char *text,
						     char **ret_json, struct asof_error *err);
/*
 * What `name` is made from and what is made from it, down to columns: a view, "view.feature",
 * "view@1.2.3", a service, a source, "source.column" or the file of a training set. Sources are not
 * read. Along a path the role nearest to `name` counts, but for "value", which adds nothing.
 * {"kind": "view|feature|service|source|column|training_set", "name": "v.f", "version":
 * "1.2.3"|null, "upstream": [{"kind": "column", "name": "s.c", "roles":
 * ["value", "time", "filter", "key"], "expression": "sql"}], "downstream": [..], "edges":
 * [{"from": "s.c", "to": "v.f", "role": "value"}]}
 * `is_impact`: what depends on it, in definitions as they stand and as they were published.
 * {"kind": "..", "name": "..", "version": null, "features": [{"name": "v.f", "roles": [..],
 * "defined": true, "versions": ["1.2.3"]}], "views": [{"view": "v", "version": "1.2.3"|null,
 * "rows": 10, "versions": [..], "online": "1.2.3"|null, "online_at": ".."}], "services": ["s"],
 * "training_sets": [{"path": "..", "views": {"v": "1.2.3"}, "rows": 10, "made": "..", "made_by":
 * ".."}]}
 */
ASOF_API ASOF_NODISCARD enum asof_status asof_lineage(struct asof_session *session,
						      const char *name, bool is_impact,
						      char **ret_json, struct asof_error *err);
struct asof_openlineage_options {
	const char *to;        /* a file, replaced as a whole, or "http://.." or "https://.." */
	const char *token_env; /* environment variable that holds a bearer token; NULL: none */
};
/*
 * The catalog's runs as OpenLineage events (2-0-2), oldest first: lines of a file, or a POST each,
 * tried again within bounds. {"to": "..", "runs": 5, "events": 10}
 */
ASOF_API ASOF_NODISCARD enum asof_status
asof_openlineage(struct asof_session *session, const struct asof_openlineage_options *options,
		 char **ret_json, struct asof_error *err);
/*
 * Compare catalog, lake and online store. ASOF_CHECK_FAILED with *ret_json set where something is
 * wrong and was not repaired; `is_repair` does what loses nothing.
 * {"findings": [{"what": "..", "where": "..", "detail": "..", "remedy": "..", "repaired": false}],
 * "notes": [the same, of what is no mistake], "found": 1, "repaired": 0}
 */
ASOF_API ASOF_NODISCARD enum asof_status asof_doctor(struct asof_session *session, bool is_repair,
						     char **ret_json, struct asof_error *err);
/*
 * How two versions of a view differ: "name@1.0.2" and "name@1.1", or "name" or NULL for the
 * definition as it stands, which has no data.
 * {"view": "v", "from": {"version": "1.0.2", "published": "..", "rows": 10}, "to": {"version":
 * null}, "change": "none|minor|major", "reasons": [".."], "columns": [{"name": "f", "change":
 * "none|added|removed|type", "from": {"type": "int64", "count": 9, "nulls": 1, "min": 1, "max": 2,
 * "mean": 1.5, "distinct": 2}|null, "to": {"type": "int64"}|null}]}
 */
ASOF_API ASOF_NODISCARD enum asof_status asof_diff(struct asof_session *session, const char *from,
						   const char *to, char **ret_json,
						   struct asof_error *err);

/* Definitions, then the views' checks against their data. ASOF_CHECK_FAILED with *ret_json set
 * where a check fails.
 * {"views": [{"view": "v", "checks": [{"feature": "f", "check": "not_null", "passed": true,
 * "bad_rows": 0}]}], "passed": true} */
ASOF_API ASOF_NODISCARD enum asof_status asof_validate(struct asof_session *session,
						       const char *const *views, size_t view_count,
						       char **ret_json, struct asof_error *err);

/* The result of a query over sources and views by name, text by text. */
struct asof_sql_visitor {
	/* Once, before any row. */
	enum asof_status (*columns)(void *arg, const char *const *names, const char *const *types,
				    size_t count, struct asof_error *err);
	/* `json[i]` is the JSON form of column i, NUL-terminated; borrowed. */
	enum asof_status (*row)(void *arg, const char *const *json, size_t count,
				struct asof_error *err);
	void *arg;
};
ASOF_API ASOF_NODISCARD enum asof_status asof_sql(struct asof_session *session, const char *query,
						  const struct asof_sql_visitor *visitor,
						  struct asof_error *err);

/*
 * Online reads. A reader sees the store as it is, and the definitions that were materialized; it
 * keeps working while the store is written. On `online: memory` it materializes from the lake
 * in-process at its clock.
 */
struct asof_reader;

struct asof_reader_options {
	bool has_clock;     /* else the system's */
	int64_t clock_us;   /* what time it is when the reader opens ... */
	bool is_clock_held; /* ... and stays, or runs from there */
};
/* The session must outlive the reader. */
ASOF_API ASOF_NODISCARD enum asof_status asof_reader_open(struct asof_session *session,
							  const struct asof_reader_options *options,
							  struct asof_reader **ret_reader,
							  struct asof_error *err);
ASOF_API void asof_reader_close(struct asof_reader *reader);
/*
 * One online row. key_names and key_values (texts, converted to the key's type when nothing is
 * lost) name every key of the view's entity once. {"view": "v", "version": "1.0.3", "key": {..},
 * "features": {..}, "statuses": {..}, "event_time": ".."}
 */
ASOF_API ASOF_NODISCARD enum asof_status
asof_reader_get(struct asof_reader *reader, const char *view, const char *const *key_names,
		const char *const *key_values, size_t key_count, char **ret_json,
		struct asof_error *err);

/* "2001-06-30T00:00:00Z", "2001-06-30", with zone or without (UTC). */
ASOF_API ASOF_NODISCARD enum asof_status asof_time_parse(const char *text, int64_t *ret_us,
							 struct asof_error *err);
/* "512MiB", "4GB", "1048576". */
ASOF_API ASOF_NODISCARD enum asof_status asof_size_parse_text(const char *text, uint64_t *ret_bytes,
							      struct asof_error *err);

/* "90s", "15m", "1h", "7d", "4w". Microseconds. */
ASOF_API ASOF_NODISCARD enum asof_status asof_duration_parse_text(const char *text, int64_t *ret_us,
								  struct asof_error *err);

#ifdef __cplusplus
}
#endif

#endif
