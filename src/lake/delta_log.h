/*
 * delta_log.h - the lines of a Delta log: JSON actions to and from plain structs. Pure; fuzzed.
 *
 * Source: the Delta Transaction Log Protocol, "Actions". Unknown actions and members are ignored,
 * as it demands. Strings without escapes borrow from the text that was read, others live in the
 * arena; none holds a NUL byte. One thread at a time.
 */
#ifndef ASOF_LAKE_DELTA_LOG_H
#define ASOF_LAKE_DELTA_LOG_H

#include "base/json_writer.h"
#include "lake/table.h"

enum asof_delta_kind {
	ASOF_DELTA_OTHER, /* one that does not matter to us */
	ASOF_DELTA_PROTOCOL,
	ASOF_DELTA_METADATA,
	ASOF_DELTA_ADD,
	ASOF_DELTA_REMOVE,
	ASOF_DELTA_TXN,
	ASOF_DELTA_COMMIT_INFO,
};

struct asof_delta_protocol {
	int64_t min_reader;
	int64_t min_writer;
	const char **reader_features; /* of reader 3; NUL-terminated in the arena */
	size_t reader_feature_count;
};

struct asof_delta_metadata {
	struct asof_str id;
	struct asof_str schema;         /* schemaString: see delta_schema.h */
	const char **partition_columns; /* NUL-terminated in the arena */
	size_t partition_column_count;
	struct asof_property *properties; /* configuration, NUL-terminated in the arena */
	size_t property_count;
};

struct asof_delta_add {
	struct asof_str name; /* relative to the table, percent-decoded */
	int64_t size_bytes;
	int64_t modified_ms;             /* 0: not said */
	bool is_rearranged;              /* its rows were there before: "dataChange": false */
	int64_t row_count;               /* where it stands beside them; -1 otherwise */
	struct asof_str stats;           /* JSON, or empty */
	struct asof_property *partition; /* NUL-terminated in the arena; without NULLs */
	size_t partition_count;
};

struct asof_delta_remove {
	struct asof_str name;
	int64_t size_bytes; /* 0: not said */
	int64_t deleted_ms; /* 0: not said */
	bool is_rearranged; /* its rows stand in other files now */
};

struct asof_delta_txn {
	struct asof_str id; /* the appId; our run's id */
	int64_t version;    /* 0: not said */
	int64_t updated_ms; /* 0: not said */
};

struct asof_delta_commit_info {
	int64_t committed_us; /* -1: not said */
	struct asof_str operation;
	struct asof_property *info; /* the texts given to our commit, NUL-terminated in the arena */
	size_t info_count;
};

struct asof_delta_action {
	enum asof_delta_kind kind;
	struct asof_str line; /* that it was read from */
	union {
		struct asof_delta_protocol protocol;
		struct asof_delta_metadata metadata;
		struct asof_delta_add add;
		struct asof_delta_remove remove;
		struct asof_delta_txn txn;
		struct asof_delta_commit_info commit;
	};
};

/* One line. ASOF_CORRUPT; ASOF_UNSUPPORTED where a file lies outside its table. */
ASOF_NODISCARD enum asof_status asof_delta_line_read(struct asof_str line, struct asof_arena *arena,
						     struct asof_delta_action *ret_action,
						     struct asof_error *err);

/* A percent-encoded path of a file of the table. ASOF_CORRUPT, ASOF_UNSUPPORTED as above. */
ASOF_NODISCARD enum asof_status asof_delta_path_read(struct asof_str path, struct asof_arena *arena,
						     struct asof_str *ret_name,
						     struct asof_error *err);
/* The same the other way, as a JSON string without escapes. */
void asof_delta_path_write(struct asof_json_writer *w, const char *name);

/* Lines of a checkpoint. */
void asof_delta_txn_write(const struct asof_delta_txn *txn, struct asof_buf *buf);
void asof_delta_remove_write(const struct asof_delta_remove *remove, struct asof_buf *buf);
void asof_delta_add_write(const struct asof_table_file *file, struct asof_buf *buf);

/* A whole log entry for `change`; see asof_table_commit(). Errors are those of the buffer. */
struct asof_delta_entry {
	const struct asof_table_change *change;
	int64_t committed_us;
	int64_t version;
	bool has_protocol;      /* the table's first, or another than before */
	int64_t max_column_id;  /* where columns are mapped and `change` has fields; or 0 */
	const char *table_id;   /* of metaData, where `change` has fields */
	const char *table;      /* name */
	struct asof_str schema; /* schemaString */
	const struct asof_field *fields; /* of the table after the change, for statistics */
	size_t field_count;
	const struct asof_table_file *const *removed;
	size_t removed_count;
};
void asof_delta_entry_write(const struct asof_delta_entry *entry, struct asof_buf *buf);

#endif
