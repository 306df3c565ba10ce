/*
 * embed.c - asof inside another program: build a project's views, join a training set, read a row.
 *
 *   embed DIR SPINE OUT VIEW KEY=VALUE
 *
 * Every result is a JSON document, the same that `asof --json` prints.
 */
#include <asof.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 64

static int
fail(const char *what, const struct asof_error *err)
{
	(void)fprintf(stderr, "%s: %s\n", what, err->message);
	return EXIT_FAILURE;
}

/* Print a result, which is one line, and give it back to the library. */
static void
show(const char *what, char *json)
{
	printf("%s %.*s\n", what, (int)strcspn(json, "\n"), json);
	asof_text_free(json);
}

/* "customer_id=3" -> the answer of the online store, which here is filled first. */
static enum asof_status
get_row(struct asof_session *session, const char *view, const char *key, struct asof_error *err)
{
	char name[NAME_MAX_BYTES];
	size_t len = strcspn(key, "=");
	if (len == 0 || len >= sizeof(name) || key[len] == '\0') {
		(void)snprintf(err->message, sizeof(err->message), "'%s' is not KEY=VALUE", key);
		return err->status = ASOF_INVALID;
	}
	(void)snprintf(name, sizeof(name), "%.*s", (int)len, key);

	char *json = NULL;
	struct asof_materialize_options all = { 0 };
	enum asof_status status = asof_materialize(session, &all, &json, err);
	if (status != ASOF_OK)
		return status;
	show("materialize", json);

	struct asof_reader *reader = NULL;
	struct asof_reader_options now = { 0 };
	status = asof_reader_open(session, &now, &reader, err);
	if (status != ASOF_OK)
		return status;
	const char *names[] = { name };
	const char *values[] = { key + len + 1 };
	status = asof_reader_get(reader, view, names, values, 1, &json, err);
	asof_reader_close(reader);
	if (status == ASOF_OK)
		show("get", json);
	return status;
}

/* Every feature of the view, onto the rows of the spine. */
static enum asof_status
join(struct asof_session *session, const char *spine, const char *out, const char *view,
     struct asof_error *err)
{
	char all[NAME_MAX_BYTES + 2];
	(void)snprintf(all, sizeof(all), "%.*s.*", NAME_MAX_BYTES - 1, view);
	const char *features[] = { all };
	struct asof_join_options options = {
		.spine = spine,
		.features = features,
		.feature_count = 1,
		.out = out,
	};
	char *json = NULL;
	enum asof_status status = asof_join(session, &options, &json, err);
	if (status == ASOF_OK)
		show("join", json);
	return status;
}

static enum asof_status
build(struct asof_session *session, struct asof_error *err)
{
	struct asof_build_options all = { 0 };
	char *json = NULL;
	enum asof_status status = asof_build(session, &all, &json, err);
	if (status == ASOF_OK)
		show("build", json);
	return status;
}

int
main(int argc, char **argv)
{
	if (argc != 6) {
		(void)fprintf(stderr, "usage: %s DIR SPINE OUT VIEW KEY=VALUE\n", argv[0]);
		return 2;
	}
	printf("asof %s\n", asof_version());

	struct asof_error err = { 0 };
	struct asof_session *session = NULL;
	struct asof_session_options options = { .dir = argv[1] };
	if (asof_session_open(&options, &session, &err) != ASOF_OK)
		return fail("open", &err);

	enum asof_status status = build(session, &err);
	if (status == ASOF_OK)
		status = join(session, argv[2], argv[3], argv[4], &err);
	if (status == ASOF_OK)
		status = get_row(session, argv[4], argv[5], &err);
	if (status != ASOF_OK)
		(void)fputs(asof_session_mistakes(session), stderr);
	asof_session_close(session);
	return status == ASOF_OK ? EXIT_SUCCESS : fail("asof", &err);
}
