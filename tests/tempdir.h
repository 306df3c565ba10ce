/* tempdir.h - a directory of a test's own, removed with all that is in it. */
#ifndef ASOF_TEMPDIR_H
#define ASOF_TEMPDIR_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define TEMPDIR_MAX 256

static inline void
tempdir_make(char out[TEMPDIR_MAX])
{
	const char *base = getenv("TMPDIR");
	int len = snprintf(out, TEMPDIR_MAX, "%s/asof-test-XXXXXX", base ? base : "/tmp");
	assert_true(len > 0 && len < TEMPDIR_MAX);
	assert_non_null(mkdtemp(out));
}

static inline void
tempdir_remove(const char *path)
{
	DIR *dir = opendir(path);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		char below[4096];
		int len = snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		assert_true(len > 0 && (size_t)len < sizeof(below));
		tempdir_remove(below);
	}
	if (dir)
		(void)closedir(dir);
	assert_int_equal(remove(path), 0);
}

#endif
