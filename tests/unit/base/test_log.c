#include "base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "check.h"

#define S(literal) ((struct asof_str){ literal, sizeof(literal) - 1 })

enum { TEXT_MAX = 200000 };

struct captured {
	FILE *file;
	struct asof_log log;
	char text[TEXT_MAX];
};

static int
set_up(void **state)
{
	static struct captured captured;
	captured.file = tmpfile();
	if (!captured.file)
		return -1;
	captured.log = (struct asof_log){ .fd = fileno(captured.file), .level = ASOF_LOG_INFO };
	*state = &captured;
	return 0;
}

static int
tear_down(void **state)
{
	struct captured *captured = *state;
	return fclose(captured->file);
}

/* What was logged so far; the file's place stays at its end. */
static const char *
logged(struct captured *captured)
{
	ssize_t len = pread(captured->log.fd, captured->text, TEXT_MAX - 1, 0);
	assert_true(len >= 0);
	captured->text[len] = '\0';
	return captured->text;
}

/* "2001-06-29T23:00:00.123Z" in front; returns what follows. */
static const char *
behind_time(const char *line)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
	for (size_t i = 0; i < sizeof(shape) - 1; i++) {
		if (shape[i] == 'd')
			assert_in_range(line[i], '0', '9');
		else
			assert_int_equal(line[i], shape[i]);
	}
	return line + sizeof(shape) - 1;
}

static void
a_text_line_has_time_level_message_fields(void **state)
{
	struct captured *captured = *state;
	const struct asof_log_field fields[] = {
		ASOF_LOG_FIELD("view", S("departures")),
		ASOF_LOG_FIELD("path", S("a b")),
		ASOF_LOG_FIELD("empty", S("")),
		ASOF_LOG_FIELD("quoted", S("x=\"y\"")),
	};
	asof_log_write(&captured->log, ASOF_LOG_INFO, S("published"), fields, 4);
	assert_string_equal(behind_time(logged(captured)),
			    " info  published view=departures path=\"a b\" empty=\"\""
			    " quoted=\"x=\\\"y\\\"\"\n");
}

static void
a_json_line_is_one_object(void **state)
{
	struct captured *captured = *state;
	captured->log.is_json = true;
	const struct asof_log_field fields[] = { ASOF_LOG_FIELD("view", S("a\nb")) };
	asof_log_write(&captured->log, ASOF_LOG_ERROR, S("no \"luck\""), fields, 1);
	const char *line = logged(captured);
	assert_memory_equal(line, "{\"time\":\"", 9);
	assert_string_equal(behind_time(line + 9), "\",\"level\":\"error\",\"message\":"
						   "\"no \\\"luck\\\"\",\"view\":\"a\\nb\"}\n");
}

static void
nobody_forges_a_second_line(void **state)
{
	struct captured *captured = *state;
	const struct asof_log_field fields[] = { ASOF_LOG_FIELD("key", S("a\nb")) };
	asof_log_write(&captured->log, ASOF_LOG_WARN, S("one\ntwo\x1b[2J\x7f"), fields, 1);
	assert_string_equal(behind_time(logged(captured)),
			    " warn  one\\x0atwo\\x1b[2J\\x7f key=\"a\\nb\"\n");
}

static void
what_is_more_detailed_is_dropped(void **state)
{
	struct captured *captured = *state;
	asof_log_printf(&captured->log, ASOF_LOG_DEBUG, "%s", "hidden");
	asof_log_write(&captured->log, ASOF_LOG_DEBUG, S("hidden"), NULL, 0);
	asof_log_printf(NULL, ASOF_LOG_ERROR, "%s", "nowhere");
	asof_log_write(NULL, ASOF_LOG_ERROR, S("nowhere"), NULL, 0);
	assert_string_equal(logged(captured), "");
	captured->log.level = ASOF_LOG_DEBUG;
	asof_log_printf(&captured->log, ASOF_LOG_DEBUG, "%d rows", 5);
	assert_string_equal(behind_time(logged(captured)), " debug 5 rows\n");
}

static void
a_lost_line_says_so(void **state)
{
	struct captured *captured = *state;
	static const char lost[] = "error: a log line was lost: too long, or no memory\n";
	static char text[100000];
	memset(text, 'x', sizeof(text));
	asof_log_write(&captured->log, ASOF_LOG_INFO, (struct asof_str){ text, sizeof(text) }, NULL,
		       0);
	assert_string_equal(logged(captured), lost);

	size_t before = asof_mem_live();
	asof_mem_fail_at(1);
	asof_log_printf(&captured->log, ASOF_LOG_INFO, "message");
	asof_mem_fail_at(0);
	assert_string_equal(logged(captured) + strlen(lost), lost);
	assert_int_equal(asof_mem_live(), before);
}

static void
a_closed_stream_is_no_trouble(void **state)
{
	(void)state;
	struct asof_log log = { .fd = open("/dev/null", O_RDONLY), .level = ASOF_LOG_INFO };
	assert_true(log.fd >= 0);
	asof_log_printf(&log, ASOF_LOG_INFO, "nobody reads this");
	assert_int_equal(close(log.fd), 0);
	asof_log_printf(&log, ASOF_LOG_INFO, "nor this");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_text_line_has_time_level_message_fields, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_json_line_is_one_object, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_forges_a_second_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_more_detailed_is_dropped, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_lost_line_says_so, set_up, tear_down),
		cmocka_unit_test(a_closed_stream_is_no_trouble),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
