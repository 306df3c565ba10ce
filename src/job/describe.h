/* describe.h - declared things as JSON, for `list` and `show`. */
#ifndef ASOF_JOB_DESCRIBE_H
#define ASOF_JOB_DESCRIBE_H

#include "base/json_writer.h"
#include "job/session.h"

/* Each writes the members of one object; the caller opens and closes it. */
void asof_describe_about(struct asof_json_writer *w, const struct asof_about *about);
void asof_describe_entity(struct asof_json_writer *w, const struct asof_entity *entity);
void asof_describe_source(struct asof_json_writer *w, const struct asof_source *source);
void asof_describe_service(struct asof_json_writer *w, const struct asof_service *service);
/* Entity, source, step and so on; features by name. */
void asof_describe_view(struct asof_json_writer *w, const struct asof_view *view);
/* name, type, aggregate, column, window of one output. */
void asof_describe_output(struct asof_json_writer *w, const struct asof_output *output);
void asof_describe_time(struct asof_json_writer *w, const char *name, int64_t event_us);
/* "1h", or null where it is 0. */
void asof_describe_duration(struct asof_json_writer *w, const char *name, int64_t us);

#endif
