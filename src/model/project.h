/*
 * project.h - what the user declares: entities, sources, views, services. Pure data.
 *
 * Built by define/ and completed by binding to the sources' real columns (job/bind.h); immutable
 * afterwards and then thread-safe. All strings and arrays live in the project's arena.
 */
#ifndef ASOF_MODEL_PROJECT_H
#define ASOF_MODEL_PROJECT_H

#include "base/arena.h"
#include "model/value.h"

#define ASOF_NAME_MAX 64 /* bytes of a name, without NUL */

/* Where in the user's files something stands. line and column count from 1; 0: not in a file. */
struct asof_place {
	const char *file; /* as the user would name it, relative to the project where possible */
	uint32_t line;
	uint32_t column;
};

/* A piece of text of the user's and its place; text is NULL where it was not given. The place of an
 * SQL expression is that of its first character, inside quotes. */
struct asof_text {
	const char *text;
	struct asof_place place;
};

/* description, owner, tags: for people, not part of a definition's hash. */
struct asof_about {
	const char *description; /* NULL: none */
	const char *owner;
	const char **tags;
	size_t tag_count;
};

struct asof_key {
	const char *name;
	struct asof_type type;
	struct asof_place place;
};

struct asof_entity {
	const char *name;
	struct asof_key *keys; /* in the order declared, which is key order everywhere */
	size_t key_count;
	struct asof_about about;
	struct asof_place place;
};

enum asof_source_kind {
	ASOF_SOURCE_PATH,  /* a file, glob or directory of files */
	ASOF_SOURCE_TABLE, /* CONNECTION.schema.name or a lake table */
	ASOF_SOURCE_QUERY,
	ASOF_SOURCE_TOPIC,
	ASOF_SOURCE_VIEW, /* the rows of another view, as published */
};

enum asof_file_format {
	ASOF_FORMAT_PARQUET,
	ASOF_FORMAT_CSV,
	ASOF_FORMAT_JSON,
	ASOF_FORMAT_DELTA,   /* a table that others write: its log says which files are its rows */
	ASOF_FORMAT_ICEBERG, /* the same: its metadata says it */
	ASOF_FORMAT_FOUND,   /* neither said nor told by the name: binding finds a table, or none */
};

static inline bool
asof_format_is_table(enum asof_file_format format)
{
	return format == ASOF_FORMAT_DELTA || format == ASOF_FORMAT_ICEBERG;
}

/* Rows lie in Parquet: its statistics answer, and rows are numbered per file from 0. */
static inline bool
asof_format_is_parquet(enum asof_file_format format)
{
	return format == ASOF_FORMAT_PARQUET || asof_format_is_table(format);
}

/* Which rows of a source are new: those in new files, or those with a later time. */
enum asof_source_cursor {
	ASOF_SOURCE_CURSOR_FILES,
	ASOF_SOURCE_CURSOR_CREATED,
	ASOF_SOURCE_CURSOR_EVENT,
};

enum asof_on_bad_row { ASOF_BAD_ROW_FAIL, ASOF_BAD_ROW_SKIP, ASOF_BAD_ROW_QUARANTINE };

struct asof_select {
	const char *name;
	struct asof_text expression;
};

/* A column of a source with its type, found when bound. */
struct asof_field {
	const char *name;
	struct asof_type type; /* NONE: a type that asof does not have; type_text says which */
	const char *type_text; /* the engine's own name of the type */
	/* Of a table's column: its name in data files, where it was renamed (NULL: `name`), and the
	 * number that Delta knows it by (0: none). */
	const char *stored;
	int64_t id;
};

/* What a column of a table is called in the table's files. */
static inline const char *
asof_field_stored(const struct asof_field *field)
{
	return field->stored ? field->stored : field->name;
}

struct asof_source {
	const char *name;
	enum asof_source_kind kind;
	struct asof_text location; /* the path, table, SQL query or topic as written */
	const char *connection;    /* of a query; else NULL */
	enum asof_file_format format;
	bool has_version;              /* of a table: read at `version`, not at its newest */
	int64_t version;               /* Delta's version, Iceberg's snapshot */
	struct asof_text event_time;   /* SQL expression; never NULL text */
	struct asof_text created_time; /* SQL expression or absent */
	struct asof_text filter;       /* SQL condition or absent */
	struct asof_select *selects;
	size_t select_count;
	const char *time_zone; /* of naive timestamps; NULL: UTC */
	enum asof_on_bad_row on_bad_row;
	enum asof_source_cursor cursor;
	int64_t lateness_us; /* of a cursor that is a time: how long rows before it may change */
	/* Of kind VIEW: the view that is read, as defined beside this source; NULL in a text of one
	 * view, and where it is a mistake. `location` has its name. */
	const struct asof_view *upstream;
	const char *upstream_hash; /* of its definition; NULL: not known yet */
	bool is_implicit;          /* of a view's own `view:`, not declared */
	struct asof_about about;
	struct asof_place place;
	/* Filled by binding: the columns of the files, then those of `selects`. */
	struct asof_field *fields;
	size_t field_count;
};

enum asof_agg_kind {
	ASOF_AGG_NONE, /* a plain column */
	ASOF_AGG_COUNT,
	ASOF_AGG_SUM,
	ASOF_AGG_MEAN,
	ASOF_AGG_MIN,
	ASOF_AGG_MAX,
	ASOF_AGG_STD,
	ASOF_AGG_VAR,
	ASOF_AGG_MEDIAN,
	ASOF_AGG_QUANTILE,
	ASOF_AGG_FIRST,
	ASOF_AGG_LAST,
	ASOF_AGG_COUNT_DISTINCT,
};

struct asof_agg {
	enum asof_agg_kind kind;
	double quantile;  /* of QUANTILE, in [0, 1]; 0.5 for MEDIAN */
	const char *name; /* as in output names: "mean", "p90", "count_distinct" */
	struct asof_place place;
};

struct asof_window {
	int64_t length_us;
	const char *text; /* as written: "7d" */
	struct asof_place place;
};

/* A scalar of the user's YAML whose type is known only when bound. */
struct asof_default {
	bool is_given;
	bool is_quoted;
	const char *text; /* NULL: the YAML null */
	struct asof_place place;
};

struct asof_feature {
	const char *name;
	struct asof_text column; /* of the source; absent: count of rows */
	struct asof_text expr;   /* of an on-demand view: in place of all the rest */
	struct asof_agg *aggs;   /* none: a plain column */
	size_t agg_count;
	struct asof_window *windows;
	size_t window_count;
	struct asof_default default_value;
	const char *description;
	struct asof_text renamed_from; /* what it was called before; absent: it never was */
	struct asof_place place;
};

/* One column that the view offers: a plain feature, or one feature x aggregate x window. */
struct asof_output {
	const char *name; /* "price", "delay_mean_1d" */
	const struct asof_feature *feature;
	enum asof_agg_kind agg;
	double quantile;
	int64_t window_us; /* 0: plain */
	/* Filled by binding. */
	struct asof_type type;
	bool has_default;
	struct asof_value *default_value; /* of `type`, when has_default */
};

enum asof_check_kind { ASOF_CHECK_NOT_NULL, ASOF_CHECK_BETWEEN, ASOF_CHECK_IN, ASOF_CHECK_UNIQUE };

struct asof_check {
	const char *output; /* the output's name */
	enum asof_check_kind kind;
	double low, high;   /* BETWEEN, inclusive */
	const char **items; /* IN: texts */
	size_t item_count;
	struct asof_place place;
};

enum asof_online_mode {
	ASOF_ONLINE_STATE, /* values and the tiles that still matter: drains */
	ASOF_ONLINE_LATEST,
};

#define ASOF_STEP_NONE  INT64_C(0)  /* a view of plain columns */
#define ASOF_STEP_EVENT INT64_C(-1) /* windows at the instant itself */

/* What the rows of a table may be kept apart by: a part of their event time, or a key. */
enum asof_partition_kind {
	ASOF_PARTITION_YEAR,
	ASOF_PARTITION_MONTH,
	ASOF_PARTITION_DAY,
	ASOF_PARTITION_KEY,
};
#define ASOF_PARTITIONS_MAX 4

struct asof_partition {
	enum asof_partition_kind kind;
	const char *key; /* of the entity, of ASOF_PARTITION_KEY; else NULL */
	struct asof_place place;
};

struct asof_expression;

/* A view that is read, and the hash of its definition. */
struct asof_hashed_view {
	const char *name;
	const char *hash;
};

/* What the features of an on-demand view are computed from: request values, then features. */
struct asof_operand {
	const char *view; /* NULL: a value of the request */
	const char *name;
	struct asof_type type;
};

/*
 * Of a view whose features are computed where they are read: it has no source, no rows, and no
 * entity but the keys of all that it reads together (named as the view).
 */
struct asof_on_demand {
	struct asof_key *request; /* values that come with the request, in declared order */
	size_t request_count;
	/* Filled by binding. */
	struct asof_operand *inputs; /* the request's, then features, each once */
	size_t input_count;
	struct asof_hashed_view *reads; /* views, by name, each once */
	size_t read_count;
	/* Beside the view's outputs, over `inputs`; NULL: not parsed (engine/engine.h). */
	const struct asof_expression **expressions;
};

struct asof_view {
	const char *name;
	const struct asof_entity *entity;
	const struct asof_source *source;
	struct asof_text *key_columns; /* per entity key, the source's column or "a.b" path */
	int64_t step_us;               /* > 0, or ASOF_STEP_NONE, ASOF_STEP_EVENT */
	int64_t max_age_us;            /* 0: no limit */
	int64_t available_after_us;
	int64_t known_at_retention_us; /* how far back known-at is kept exact; 0: for ever */
	enum asof_online_mode online;
	bool keeps_features;    /* `table: features` */
	bool is_partition_auto; /* `partition: auto`: whoever builds it decides */
	struct asof_partition partitions[ASOF_PARTITIONS_MAX];
	size_t partition_count; /* 0: none */
	struct asof_feature *features;
	size_t feature_count;
	struct asof_output *outputs; /* in declared order: feature, then agg, then window */
	size_t output_count;
	struct asof_check *checks;
	size_t check_count;
	struct asof_on_demand *on_demand; /* NULL: a view with rows */
	struct asof_about about;
	struct asof_place place;
};

struct asof_service_item {
	const struct asof_view *view;
	const struct asof_output *output;
	const char *version; /* "1.2.3" when the user pinned one, else NULL */
	struct asof_place place;
};

struct asof_service {
	const char *name;
	struct asof_service_item *items; /* view.* is expanded */
	size_t item_count;
	struct asof_about about;
	struct asof_place place;
};

struct asof_project {
	struct asof_arena arena;
	const char *name;
	const char *dir;     /* of asof.yaml, absolute; paths are relative to it */
	const char *profile; /* NULL: none chosen */
	/* Locations as to be used, ${NAME} replaced, lake an absolute directory or a URI. They may
	 * hold secrets: print asof_uri_redacted() of them. */
	const char *lake;
	const char *online;
	const char *catalog;
	uint64_t file_bytes; /* that a data file of the lake is to have, about */
	struct asof_entity *entities;
	size_t entity_count;
	struct asof_source *sources;
	size_t source_count;
	struct asof_view *views;
	size_t view_count;
	struct asof_view *on_demand; /* views that have no rows: not among `views` */
	size_t on_demand_count;
	struct asof_service *services;
	size_t service_count;
};

/* NULL is a no-op. */
void asof_project_free(struct asof_project *project);
ASOF_DEFINE_AUTOFREE(struct asof_project, asof_project_free)

/* NULL where there is none of that name. */
const struct asof_entity *asof_project_entity(const struct asof_project *project,
					      struct asof_str name);
const struct asof_source *asof_project_source(const struct asof_project *project,
					      struct asof_str name);
const struct asof_view *asof_project_view(const struct asof_project *project, struct asof_str name);
const struct asof_view *asof_project_on_demand(const struct asof_project *project,
					       struct asof_str name);
const struct asof_service *asof_project_service(const struct asof_project *project,
						struct asof_str name);
const struct asof_output *asof_view_output(const struct asof_view *view, struct asof_str name);
/* Each of view->outputs, in order; NULL on exhaustion. */
const struct asof_output **asof_view_all_outputs(const struct asof_view *view,
						 struct asof_arena *arena);
const struct asof_field *asof_source_field(const struct asof_source *source, struct asof_str name);

static inline bool
asof_view_is_windowed(const struct asof_view *view)
{
	return view->step_us != ASOF_STEP_NONE;
}

/* The longest window; 0 for plain views. */
int64_t asof_view_longest_window_us(const struct asof_view *view);

/* `uri` with the password replaced by "***"; NULL on exhaustion. */
char *asof_uri_redacted(const char *uri, struct asof_arena *arena);

/* "files", "created_time", "event_time" */
const char *asof_source_cursor_text(enum asof_source_cursor cursor);

const char *asof_agg_text(enum asof_agg_kind kind);
/* The type of `agg` over a column of `column` type (NONE for count of rows); ASOF_INVALID where the
 * aggregate does not take that type. */
ASOF_NODISCARD enum asof_status asof_agg_type(enum asof_agg_kind agg, struct asof_type column,
					      struct asof_type *ret_type, struct asof_error *err);

#endif
