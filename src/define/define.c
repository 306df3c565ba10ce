/* define.c - a project from its files, or from one text. */
#include "define/define.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "define/read.h"

#define ROOT_FILE       "asof.yaml"
#define DEFAULT_INCLUDE "features/*.yaml"
#define FILES_MAX       4096

/* The files that a project consists of, each once, in the order they are read. */
struct files {
	struct asof_reading *r;
	struct file_id {
		dev_t device;
		ino_t inode;
	} * ids;
	size_t count;
	size_t capacity;
};

static void
files_done(struct files *files)
{
	asof_mem_free(files->ids);
}

static void
free_glob(glob_t *found)
{
	globfree(found);
}

static void
free_path(char **path)
{
	free(*path); /* realpath()'s */
}

static enum asof_status
new_project(const struct asof_define_options *options, struct asof_project **ret_project,
	    struct asof_error *err)
{
	ASOF_AUTO(asof_project_free_auto)
	struct asof_project *project = asof_mem_alloc(sizeof(*project));
	if (!project)
		return asof_no_memory(err);
	struct asof_arena *arena = &project->arena;
	project->name = "";
	project->lake = "";
	project->online = "";
	project->catalog = "";
	project->dir = asof_arena_copy(arena, asof_str_from(options->dir ? options->dir : ""));
	if (options->profile)
		project->profile = asof_arena_copy(arena, asof_str_from(options->profile));
	if (!project->dir || (options->profile && !project->profile))
		return asof_no_memory(err);
	*ret_project = ASOF_STEAL(project);
	return ASOF_OK;
}

/* The contents of a regular file, unless it is one of `files` already: then *ret_is_new is false.
 */
static enum asof_status
read_file(struct files *files, const char *path, struct asof_buf *buf, bool *ret_is_new,
	  struct asof_error *err)
{
	struct stat stat;
	ASOF_AUTO(asof_read_close) int fd = -1;
	ASOF_TRY(asof_read_open(path, &fd, &stat, err));
	*ret_is_new = true;
	for (size_t i = 0; i < files->count; i++) {
		if (files->ids[i].device == stat.st_dev && files->ids[i].inode == stat.st_ino)
			*ret_is_new = false;
	}
	if (!*ret_is_new)
		return ASOF_OK;
	ASOF_TRY(asof_mem_reserve((void **)&files->ids, &files->capacity, files->count + 1,
				  sizeof(*files->ids), err));
	files->ids[files->count++] = (struct file_id){ stat.st_dev, stat.st_ino };
	return asof_read_rest(fd, buf, err);
}

/* The name to show: relative to the project where it is below it. */
static const char *
shown_name(struct asof_reading *r, const char *path)
{
	const char *dir = r->project->dir;
	size_t len = strlen(dir);
	if (strncmp(path, dir, len) == 0 && path[len] == '/')
		path += len + 1;
	return asof_arena_copy(r->arena, asof_str_from(path));
}

static enum asof_status
include_file(struct files *files, const struct asof_yaml *item, const char *path,
	     struct asof_error *err)
{
	struct asof_reading *r = files->r;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ASOF_FILE_BYTES_MAX + 8192);
	struct asof_error why = { 0 };
	bool is_new = false;
	const char *name = shown_name(r, path);
	if (!name)
		return asof_no_memory(err);
	enum asof_status status = read_file(files, path, &buf, &is_new, &why);
	if (status == ASOF_NO_MEMORY)
		return asof_no_memory(err);
	if (status != ASOF_OK) {
		struct asof_place place = item ? item->place : (struct asof_place){ name, 0, 0 };
		asof_mistakes_add(r->mistakes, place, "'%s' %s", name, why.message);
		r->is_incomplete = true;
		return ASOF_OK;
	}
	if (!is_new)
		return ASOF_OK;

	const struct asof_yaml *root = NULL;
	bool is_broken = false;
	ASOF_TRY(asof_yaml_parse(asof_buf_view(&buf), name, r->arena, r->mistakes, &root,
				 &is_broken, err));
	r->is_incomplete |= is_broken;
	return root ? asof_reading_gather(r, root, false, err) : ASOF_OK;
}

/* The directory's own name must not be taken for a pattern. */
static const char *
full_pattern(struct asof_reading *r, const char *pattern)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(64 * 1024);
	if (pattern[0] != '/') {
		for (const char *c = r->project->dir; *c; c++) {
			if (strchr("\\*?[]", *c))
				asof_buf_add_char(&buf, '\\');
			asof_buf_add_char(&buf, *c);
		}
		asof_buf_add_char(&buf, '/');
		while (pattern[0] == '.' && pattern[1] == '/')
			pattern += 2;
	}
	asof_buf_add_cstr(&buf, pattern);
	if (asof_buf_status(&buf, NULL) != ASOF_OK)
		return NULL;
	return asof_arena_copy(r->arena, asof_buf_view(&buf));
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* `item` is the user's, NULL for the default. */
static enum asof_status
include_pattern(struct files *files, const struct asof_yaml *item, const char *pattern,
		struct asof_error *err)
{
	struct asof_reading *r = files->r;
	ASOF_AUTO(free_glob) glob_t found = { 0 };
	const char *full = full_pattern(r, pattern);
	if (!full)
		return asof_no_memory(err);
	int rc = glob(full, GLOB_NOSORT | GLOB_BRACE, NULL, &found);
	if (rc == GLOB_NOSPACE)
		return asof_no_memory(err);
	if (rc == GLOB_NOMATCH && item && !strpbrk(pattern, "*?[{")) {
		asof_mistakes_add(r->mistakes, item->place, "no file '%s'", pattern);
		r->is_incomplete = true;
	}
	if (found.gl_pathc > FILES_MAX) {
		asof_mistakes_add(r->mistakes, item ? item->place : (struct asof_place){ 0 },
				  "'%s' matches more than %d files", pattern, FILES_MAX);
		return ASOF_OK;
	}
	if (found.gl_pathc > 1)
		qsort(found.gl_pathv, found.gl_pathc, sizeof(*found.gl_pathv), by_bytes);
	for (size_t i = 0; i < found.gl_pathc; i++)
		ASOF_TRY(include_file(files, item, found.gl_pathv[i], err));
	return ASOF_OK;
}

static enum asof_status
include_all(struct files *files, const struct asof_yaml *include, struct asof_error *err)
{
	struct asof_reading *r = files->r;
	if (!include)
		return include_pattern(files, NULL, DEFAULT_INCLUDE, err);
	if (asof_yaml_is_null(include) ||
	    !asof_read_is_list(r, include, "a list of files, as in [features/*.yaml]"))
		return ASOF_OK;
	for (size_t i = 0; i < include->count; i++) {
		const char *pattern = asof_read_text(r, include->items[i], "include");
		if (pattern)
			ASOF_TRY(include_pattern(files, include->items[i], pattern, err));
	}
	return ASOF_OK;
}

/* asof.yaml itself; *ret_root is NULL where it cannot be understood. */
static enum asof_status
read_root(struct files *files, const struct asof_yaml **ret_root, struct asof_error *err)
{
	struct asof_reading *r = files->r;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ASOF_FILE_BYTES_MAX + 8192);
	bool is_new = false;
	bool is_broken = false;
	const char *path = asof_arena_printf(r->arena, "%s/" ROOT_FILE, r->project->dir);
	if (!path)
		return asof_no_memory(err);
	enum asof_status status = read_file(files, path, &buf, &is_new, err);
	if (status == ASOF_NOT_FOUND)
		return ASOF_FAIL(err, ASOF_NOT_FOUND,
				 "no " ROOT_FILE " in '%s' ('asof init' makes a project)",
				 r->project->dir);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "'%s'", path);
	ASOF_TRY(asof_yaml_parse(asof_buf_view(&buf), ROOT_FILE, r->arena, r->mistakes, ret_root,
				 &is_broken, err));
	if (*ret_root && asof_yaml_is_null(*ret_root))
		*ret_root = NULL;
	if (!*ret_root && !is_broken)
		asof_mistakes_add(r->mistakes, (struct asof_place){ ROOT_FILE, 1, 1 },
				  "the file is empty: it needs at least 'project: NAME'");
	return ASOF_OK;
}

static enum asof_status
read_project(struct files *files, bool *ret_is_understood, struct asof_error *err)
{
	struct asof_reading *r = files->r;
	const struct asof_yaml *root = NULL;
	const struct asof_yaml *include = NULL;
	ASOF_TRY(read_root(files, &root, err));
	*ret_is_understood = root && root->kind == ASOF_YAML_MAP;
	if (!root)
		return ASOF_OK;
	ASOF_TRY(asof_read_settings(r, root, &include, err));
	if (!*ret_is_understood)
		return ASOF_OK;
	ASOF_TRY(asof_reading_gather(r, root, true, err));
	ASOF_TRY(include_all(files, include, err));
	return asof_reading_declared(r, err);
}

enum asof_status
asof_define_read(const struct asof_define_options *options, struct asof_mistakes *mistakes,
		 struct asof_project **ret_project, struct asof_error *err)
{
	ASOF_AUTO(free_path) char *dir = realpath(options->dir, NULL);
	if (!dir)
		return ASOF_FAIL(err, errno == ENOMEM ? ASOF_NO_MEMORY : ASOF_NOT_FOUND,
				 "directory '%s': %s", options->dir, strerror(errno));
	struct asof_define_options absolute = *options;
	absolute.dir = dir;

	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
	ASOF_TRY(new_project(&absolute, &project, err));
	assert(project);
	ASOF_AUTO(asof_reading_done)
	struct asof_reading r = { .options = &absolute,
				  .project = project,
				  .arena = &project->arena,
				  .mistakes = mistakes };
	ASOF_AUTO(files_done) struct files files = { .r = &r };
	bool is_understood = false;
	ASOF_TRY(read_project(&files, &is_understood, err));
	*ret_project = is_understood ? ASOF_STEAL(project) : NULL;
	return ASOF_OK;
}

/* Only a canonical text says types; where one source has none, nothing is bound. */
static bool
is_bound(const struct asof_project *project)
{
	for (size_t i = 0; i < project->source_count; i++) {
		if (project->sources[i].field_count == 0)
			return false;
	}
	return project->source_count > 0;
}

static enum asof_status
parse_project(struct asof_reading *r, const struct asof_yaml *root, struct asof_error *err)
{
	const struct asof_yaml *include = NULL;
	ASOF_TRY(asof_read_settings(r, root, &include, err));
	if (include)
		asof_mistakes_add(r->mistakes, include->place, "a text cannot include files");
	ASOF_TRY(asof_reading_gather(r, root, true, err));
	ASOF_TRY(asof_reading_declared(r, err));
	if (r->mistakes->count == 0 && is_bound(r->project))
		return asof_define_check_types(r->project, r->mistakes, err);
	return ASOF_OK;
}

enum asof_status
asof_define_parse(struct asof_str text, const char *file_name,
		  const struct asof_define_options *options, struct asof_mistakes *mistakes,
		  struct asof_project **ret_project, struct asof_error *err)
{
	static const struct asof_define_options none = { 0 };
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
	ASOF_TRY(new_project(options ? options : &none, &project, err));
	ASOF_AUTO(asof_reading_done)
	struct asof_reading r = { .options = options ? options : &none,
				  .project = project,
				  .arena = &project->arena,
				  .mistakes = mistakes,
				  .is_text = true };
	const char *file = asof_arena_copy(&project->arena, asof_str_from(file_name));
	const struct asof_yaml *root = NULL;
	bool is_broken = false;
	if (!file)
		return asof_no_memory(err);
	ASOF_TRY(asof_yaml_parse(text, file, &project->arena, mistakes, &root, &is_broken, err));
	if (!root && !is_broken)
		asof_mistakes_add(mistakes, (struct asof_place){ file, 1, 1 }, "the text is empty");
	if (root)
		ASOF_TRY(parse_project(&r, root, err));
	*ret_project = root && root->kind == ASOF_YAML_MAP ? ASOF_STEAL(project) : NULL;
	return ASOF_OK;
}
