/* log.c - lines for the operator. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json_writer.h"

#define LINE_MAX_BYTES    ((size_t)64 * 1024)
#define MESSAGE_MAX_BYTES 4096

static const char *const level_names[] = {
	[ASOF_LOG_ERROR] = "error",
	[ASOF_LOG_WARN] = "warn",
	[ASOF_LOG_INFO] = "info",
	[ASOF_LOG_DEBUG] = "debug",
};

/* "2001-06-29T23:00:00.123Z" */
static void
format_now(char out[32])
{
	struct asof_clock clock = asof_clock_system();
	int64_t now_us = asof_clock_now_us(&clock);
	time_t seconds = (time_t)(now_us / 1000000);
	struct tm utc;
	(void)gmtime_r(&seconds, &utc);
	size_t len = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &utc);
	(void)snprintf(out + len, 32 - len, ".%03dZ", (int)(now_us / 1000 % 1000));
}

/* Whether a value can stand in a text line as it is, and still be told from what follows. */
static bool
is_plain(struct asof_str value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];
		if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f)
			return false;
	}
	return value.len > 0;
}

/* A message is plain words: only what could forge another line is escaped. */
static void
add_message(struct asof_buf *line, struct asof_str message)
{
	for (size_t i = 0; i < message.len; i++) {
		unsigned char c = (unsigned char)message.ptr[i];
		if (c < ' ' || c == 0x7f)
			asof_buf_printf(line, "\\x%02x", c);
		else
			asof_buf_add_char(line, (char)c);
	}
}

static void
format_text(struct asof_buf *line, const char *time, enum asof_log_level level,
	    struct asof_str message, const struct asof_log_field *fields, size_t field_count)
{
	asof_buf_printf(line, "%s %-5s ", time, level_names[level]);
	add_message(line, message);
	for (size_t i = 0; i < field_count; i++) {
		asof_buf_printf(line, " %s=", fields[i].name);
		if (is_plain(fields[i].value)) {
			asof_buf_add_str(line, fields[i].value);
		} else {
			struct asof_json_writer w = asof_json_writer_to(line);
			asof_json_str(&w, fields[i].value);
		}
	}
}

static void
format_json(struct asof_buf *line, const char *time, enum asof_log_level level,
	    struct asof_str message, const struct asof_log_field *fields, size_t field_count)
{
	struct asof_json_writer w = asof_json_writer_to(line);
	asof_json_begin_object(&w);
	asof_json_member_cstr(&w, "time", time);
	asof_json_member_cstr(&w, "level", level_names[level]);
	asof_json_member_str(&w, "message", message);
	for (size_t i = 0; i < field_count; i++)
		asof_json_member_str(&w, fields[i].name, fields[i].value);
	asof_json_end_object(&w);
}

/* A log that cannot be written is nobody's error: there is nowhere to tell. */
static void
write_line(int fd, struct asof_str line)
{
	while (line.len > 0) {
		ssize_t written = write(fd, line.ptr, line.len);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return;
		line.ptr += written;
		line.len -= (size_t)written;
	}
}

void
asof_log_write(const struct asof_log *log, enum asof_log_level level, struct asof_str message,
	       const struct asof_log_field *fields, size_t field_count)
{
	if (!log || level > log->level)
		return;

	char time[32];
	format_now(time);
	ASOF_AUTO(asof_buf_done) struct asof_buf line = ASOF_BUF(LINE_MAX_BYTES);
	if (log->is_json)
		format_json(&line, time, level, message, fields, field_count);
	else
		format_text(&line, time, level, message, fields, field_count);
	asof_buf_add_char(&line, '\n');

	if (asof_buf_status(&line, NULL) == ASOF_OK)
		write_line(log->fd, asof_buf_view(&line));
	else
		write_line(log->fd, asof_str_from("error: a log line was lost: too long, "
						  "or no memory\n"));
}

void
asof_log_printf(const struct asof_log *log, enum asof_log_level level, const char *fmt, ...)
{
	if (!log || level > log->level)
		return;

	char message[MESSAGE_MAX_BYTES];
	va_list ap;
	va_start(ap, fmt);
	int len = vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	if (len < 0)
		return;
	asof_log_write(log, level, (struct asof_str){ message, strlen(message) }, NULL, 0);
}
