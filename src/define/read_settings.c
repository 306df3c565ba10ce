/* read_settings.c - the project's name, its profiles, and where lake, online store and catalog are.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "define/read.h"

#define LOCATION_BYTES_MAX 4096
#define FILE_BYTES_USUAL   ((uint64_t)256 << 20)
#define FILE_BYTES_LEAST   ((uint64_t)4 << 10)

enum setting { SETTING_LAKE, SETTING_ONLINE, SETTING_CATALOG };
#define SETTING_COUNT 3

/* By enum setting. */
static const char *const setting_names[] = { "lake", "online", "catalog" };
static const char *const setting_defaults[] = { "./lake", "lmdb:./online", "sqlite:./catalog.db" };

static const char *
environment(const struct asof_define_options *options, const char *name)
{
	if (options->env)
		return options->env(options->env_arg, name);
	return getenv(name);
}

/*
 * Append the value of the variable whose "${" stands at `at`; returns what follows its "}", or NULL
 * and a mistake.
 */
static const char *
expand_variable(struct asof_reading *r, const struct asof_yaml *node, const char *at,
		struct asof_buf *buf)
{
	const char *begin = at + 2;
	const char *end = strchr(begin, '}');
	char name[ASOF_NAME_MAX * 2];
	struct asof_place place = node->place;
	place.column += (uint32_t)(at - node->text) + (node->is_plain ? 0 : 1);
	size_t len = end ? (size_t)(end - begin) : 0;
	if (!end || len == 0 || len >= sizeof(name)) {
		asof_mistakes_add(r->mistakes, place, "'${' without a name and '}'");
		return NULL;
	}
	memcpy(name, begin, len);
	name[len] = '\0';
	const char *value = environment(r->options, name);
	if (!value) {
		asof_mistakes_add(r->mistakes, place, "the environment variable '%s' is not set",
				  name);
		return NULL;
	}
	asof_buf_add_cstr(buf, value);
	return end + 1;
}

/* `node`'s text with ${NAME} replaced into `buf`; empty after a mistake. */
static void
expand(struct asof_reading *r, const struct asof_yaml *node, struct asof_buf *buf)
{
	const char *rest = node->text;
	bool is_good = true;
	while (rest) {
		const char *at = strstr(rest, "${");
		asof_buf_add(buf, rest, at ? (size_t)(at - rest) : strlen(rest));
		if (!at)
			break;
		rest = expand_variable(r, node, at, buf);
		is_good = rest != NULL;
	}
	if (!is_good)
		asof_buf_clear(buf);
}

/* `path` below `dir`, unless it is absolute. */
static const char *
below(struct asof_arena *arena, const char *dir, const char *prefix, const char *path)
{
	while (path[0] == '.' && path[1] == '/') {
		path += 2;
		while (path[0] == '/')
			path++;
	}
	if (path[0] == '/')
		return asof_arena_printf(arena, "%s%s", prefix, path);
	if (path[0] == '\0' || strcmp(path, ".") == 0)
		return asof_arena_printf(arena, "%s%s", prefix, dir);
	const char *slash = dir[0] && dir[strlen(dir) - 1] == '/' ? "" : "/";
	return asof_arena_printf(arena, "%s%s%s%s", prefix, dir, slash, path);
}

/* The location as it is to be used: file names made absolute. */
static const char *
resolve(struct asof_reading *r, enum setting setting, const char *location)
{
	static const char *const file_schemes[] = { "", "lmdb:", "sqlite:" }; /* by setting */
	const char *dir = r->project->dir;
	const char *scheme = file_schemes[setting];
	if (setting != SETTING_LAKE && strcmp(location, "memory:") == 0)
		return "memory";
	if (setting == SETTING_LAKE)
		return strstr(location, "://") ? asof_arena_copy(r->arena, asof_str_from(location))
					       : below(r->arena, dir, "", location);
	if (strncmp(location, scheme, strlen(scheme)) == 0)
		return below(r->arena, dir, scheme, location + strlen(scheme));
	return asof_arena_copy(r->arena, asof_str_from(location));
}

static enum asof_status
read_setting(struct asof_reading *r, enum setting setting, const struct asof_yaml *node,
	     const char **ret_location, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(LOCATION_BYTES_MAX);
	if (!node)
		asof_buf_add_cstr(&buf, setting_defaults[setting]);
	else if (asof_read_text(r, node, setting_names[setting]))
		expand(r, node, &buf);

	enum asof_status status = asof_buf_status(&buf, err);
	if (status == ASOF_LIMIT)
		asof_mistakes_add(r->mistakes, node ? node->place : (struct asof_place){ 0 },
				  "%s: longer than %d bytes", setting_names[setting],
				  LOCATION_BYTES_MAX);
	else if (status != ASOF_OK)
		return status;
	const char *location = resolve(r, setting, status == ASOF_OK ? asof_buf_cstr(&buf) : "");
	if (!location)
		return asof_no_memory(err);
	*ret_location = location;
	return ASOF_OK;
}

/* The nodes of the chosen profile replace those of the project; all profiles are checked. */
static void
read_profile(struct asof_reading *r, const struct asof_yaml_pair *profile, bool is_chosen,
	     const struct asof_yaml **settings)
{
	const struct asof_yaml *own[SETTING_COUNT] = { 0 };
	const struct asof_member members[] = {
		{ setting_names[SETTING_LAKE], &own[SETTING_LAKE] },
		{ setting_names[SETTING_ONLINE], &own[SETTING_ONLINE] },
		{ setting_names[SETTING_CATALOG], &own[SETTING_CATALOG] },
	};
	char what[ASOF_NAME_MAX + 16];
	if (!asof_read_name(r, profile->key, "profile"))
		return;
	(void)snprintf(what, sizeof(what), "profile '%s'", profile->key->text);
	if (asof_yaml_is_null(profile->value) ||
	    !asof_read_members(r, profile->value, what, members, ASOF_COUNTOF(members)))
		return;
	for (size_t i = 0; is_chosen && i < SETTING_COUNT; i++) {
		if (own[i])
			settings[i] = own[i];
	}
}

static enum asof_status
read_profiles(struct asof_reading *r, const struct asof_yaml *node, struct asof_place root,
	      const struct asof_yaml **settings, struct asof_error *err)
{
	const char *wanted = r->options->profile;
	bool is_found = false;
	size_t count = 0;
	bool is_map = node && !asof_yaml_is_null(node) &&
		      asof_read_is_map(r, node, "a mapping of profiles, as in {prod: {lake: ...}}");
	const char **names = asof_arena_array(r->arena, is_map ? node->count : 0, sizeof(*names));
	if (!names)
		return asof_no_memory(err);
	for (size_t i = 0; is_map && i < node->count; i++) {
		bool is_chosen = wanted && strcmp(node->pairs[i].key->text, wanted) == 0;
		is_found |= is_chosen;
		names[count++] = node->pairs[i].key->text;
		read_profile(r, &node->pairs[i], is_chosen, settings);
	}
	if (wanted && !is_found)
		asof_mistakes_add(r->mistakes, node ? node->place : root, "no profile '%s'%s",
				  wanted, asof_reading_hint(r, wanted, names, count));
	return ASOF_OK;
}

static void
read_project_name(struct asof_reading *r, const struct asof_yaml *node, struct asof_place root)
{
	struct asof_project *project = r->project;
	project->name = "";
	if (node && asof_read_name(r, node, "project"))
		project->name = node->text;
	if (!node && !r->is_text)
		asof_mistakes_add(r->mistakes, root, "'project' is missing: give it a name");
}

/* How large data files are to be. */
static void
read_file_size(struct asof_reading *r, const struct asof_yaml *node)
{
	uint64_t bytes = 0;
	r->project->file_bytes = FILE_BYTES_USUAL;
	if (!node || !asof_read_text(r, node, "file_size"))
		return;
	if (asof_size_parse(asof_str_from(node->text), &bytes) && bytes >= FILE_BYTES_LEAST)
		r->project->file_bytes = bytes;
	else
		asof_mistakes_add(r->mistakes, node->place,
				  "file_size: '%s' is no size of a file: write 256MiB, 1GiB or "
				  "the like, 4KiB at least",
				  node->text);
}

enum asof_status
asof_read_settings(struct asof_reading *r, const struct asof_yaml *root,
		   const struct asof_yaml **ret_include, struct asof_error *err)
{
	const struct asof_yaml *name = NULL;
	const struct asof_yaml *profiles = NULL;
	const struct asof_yaml *file_size = NULL;
	const struct asof_yaml *section; /* read elsewhere */
	const struct asof_yaml *settings[SETTING_COUNT] = { 0 };
	const struct asof_member members[] = {
		{ "project", &name },
		{ "include", ret_include },
		{ "lake", &settings[SETTING_LAKE] },
		{ "online", &settings[SETTING_ONLINE] },
		{ "catalog", &settings[SETTING_CATALOG] },
		{ "file_size", &file_size },
		{ "profiles", &profiles },
		{ "entities", &section },
		{ "sources", &section },
		{ "views", &section },
		{ "services", &section },
	};
	struct asof_project *project = r->project;
	if (!asof_read_members(r, root, root->place.file, members, ASOF_COUNTOF(members)))
		return ASOF_OK;
	read_project_name(r, name, root->place);
	read_file_size(r, file_size);
	ASOF_TRY(read_profiles(r, profiles, root->place, settings, err));
	ASOF_TRY(read_setting(r, SETTING_LAKE, settings[SETTING_LAKE], &project->lake, err));
	ASOF_TRY(read_setting(r, SETTING_ONLINE, settings[SETTING_ONLINE], &project->online, err));
	return read_setting(r, SETTING_CATALOG, settings[SETTING_CATALOG], &project->catalog, err);
}
