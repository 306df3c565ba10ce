/* project_dir.h - for tests of definitions: projects in directories of their own, and their
 * mistakes. */
#ifndef ASOF_TEST_PROJECT_DIR_H
#define ASOF_TEST_PROJECT_DIR_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "define/define.h"

struct project_dir {
	char path[64];
};

static inline struct project_dir
project_dir_make(void)
{
	struct project_dir dir = { "asof-define-XXXXXX" };
	assert_non_null(mkdtemp(dir.path));
	return dir;
}

/* The directory and what is in it; directories in it hold files only. */
static inline void
remove_tree(const char *path, int levels)
{
	DIR *dir = opendir(path);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		char below[512];
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		(void)snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (remove(below) != 0 && levels > 1)
			remove_tree(below, levels - 1);
	}
	if (dir)
		(void)closedir(dir);
	(void)rmdir(path);
}

static inline void
project_dir_remove(struct project_dir *dir)
{
	remove_tree(dir->path, 2);
}

/* Write `name`, in a directory below when it has one. */
static inline void
project_dir_write_bytes(const struct project_dir *dir, const char *name, const char *bytes,
			size_t len)
{
	char path[256];
	const char *slash = strrchr(name, '/');
	if (slash) {
		(void)snprintf(path, sizeof(path), "%s/%.*s", dir->path, (int)(slash - name), name);
		(void)mkdir(path, 0777);
	}
	(void)snprintf(path, sizeof(path), "%s/%s", dir->path, name);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static inline void
project_dir_write(const struct project_dir *dir, const char *name, const char *text)
{
	project_dir_write_bytes(dir, name, text, strlen(text));
}

/* The directory of this test's data. */
static inline const char *
test_data(const char *name, char *out, size_t out_bytes)
{
	const char *root = getenv("ASOF_SOURCE_DIR");
	(void)snprintf(out, out_bytes, "%s/tests/unit/define/%s", root ? root : ".", name);
	return out;
}

static inline struct asof_bytes
read_whole(const char *path)
{
	struct asof_bytes bytes = { 0 };
	struct stat stat = { 0 };
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0 && fstat(fd, &stat) == 0);
	bytes.ptr = asof_mem_alloc((size_t)stat.st_size + 1);
	assert_non_null(bytes.ptr);
	bytes.len = (size_t)stat.st_size;
	assert_int_equal(read(fd, bytes.ptr, bytes.len), bytes.len);
	(void)close(fd);
	return bytes;
}

static const char *
no_environment(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return NULL;
}

/* Parse a text that must be right. */
static inline struct asof_project *
parse_good(const char *text)
{
	struct asof_error err = { 0 };
	struct asof_mistakes mistakes = { 0 };
	struct asof_project *project = NULL;
	struct asof_define_options options = { .dir = "/project", .env = no_environment };
	assert_ok(asof_define_parse(asof_str_from(text), "text.yaml", &options, &mistakes, &project,
				    &err),
		  err);
	assert_ok(asof_mistakes_status(&mistakes, &err), err);
	asof_mistakes_done(&mistakes);
	assert_non_null(project);
	return project;
}

#endif
