/*
 * log.h - what a program tells its operator, as text or JSON lines. Thread-safe: a line is one
 * write(2).
 *
 * Libraries return errors; only programs and servers log. Never a secret, never a value of a row.
 */
#ifndef ASOF_LOG_H
#define ASOF_LOG_H

#include "base/base.h"

enum asof_log_level { ASOF_LOG_ERROR, ASOF_LOG_WARN, ASOF_LOG_INFO, ASOF_LOG_DEBUG };

struct asof_log {
	int fd;                    /* where lines go, e.g. 2; not closed */
	enum asof_log_level level; /* what is more detailed is dropped */
	bool is_json;
};

/* A field beside the message: ASOF_LOG_FIELD("view", asof_str_from(name)). Both are borrowed. */
struct asof_log_field {
	const char *name; /* a plain word */
	struct asof_str value;
};

#define ASOF_LOG_FIELD(name, value) ((struct asof_log_field){ (name), (value) })

/* A NULL log drops everything. A line too long (64 KiB) is replaced by one that says so.
 * "<time> <level> <message> name=value ..." or {"time":..,"level":..,"message":..,"name":..}. */
void asof_log_write(const struct asof_log *log, enum asof_log_level level, struct asof_str message,
		    const struct asof_log_field *fields, size_t field_count);
void asof_log_printf(const struct asof_log *log, enum asof_log_level level, const char *fmt, ...)
	ASOF_PRINTF(3, 4);

#endif
