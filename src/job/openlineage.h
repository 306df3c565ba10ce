/* openlineage.h - runs as OpenLineage events. */
#ifndef ASOF_JOB_OPENLINEAGE_H
#define ASOF_JOB_OPENLINEAGE_H

#include "job/lineage_load.h"

enum asof_openlineage_type {
	ASOF_OPENLINEAGE_START,
	ASOF_OPENLINEAGE_COMPLETE,
	ASOF_OPENLINEAGE_FAIL,
};

/* What an event tells of: a run of the catalog, or the join that made a training set. */
struct asof_openlineage_run {
	const struct asof_run *run;          /* NULL: */
	const struct asof_training_set *set; /* a join */
	int64_t started_us;
};

/* Append one event as a line. Errors are those of the buffer, and of definitions. */
ASOF_NODISCARD enum asof_status asof_openlineage_write(struct asof_lineage_known *known,
						       const struct asof_openlineage_run *run,
						       enum asof_openlineage_type type,
						       struct asof_buf *buf,
						       struct asof_error *err);

/* ---- datasets, as objects of an array that is open ---- */

/* The source that a version of a view is made from, or the lake's table where that is a view. */
void asof_openlineage_source(struct asof_lineage_known *known, const struct asof_view *view,
			     struct asof_json_writer *w);
/* The lake's table of a view, or, `is_online`, the store's; with `view` its schema, with `label`
 * (the definition's hash) which columns its columns are made from. NULL: not known. */
struct asof_openlineage_table {
	const char *name;
	const struct asof_view *view;
	const char *version; /* "1.0.3" */
	const char *label;
	bool is_online;
	bool is_output;
	int64_t row_count;
};
void asof_openlineage_table(struct asof_lineage_known *known,
			    const struct asof_openlineage_table *table, struct asof_json_writer *w);
/* A training set, each of whose columns is one of a view's table; its spine. */
ASOF_NODISCARD enum asof_status asof_openlineage_training_set(struct asof_lineage_known *known,
							      const struct asof_training_set *set,
							      struct asof_json_writer *w,
							      struct asof_error *err);
void asof_openlineage_file(const char *path, struct asof_json_writer *w);

/* "_producer" and "_schemaURL" of a facet that is open. */
void asof_openlineage_facet(struct asof_json_writer *w, const char *schema);
#define ASOF_OPENLINEAGE_PRODUCER "urn:asof:" ASOF_VERSION

#endif
