/* temp_dir.c - directories that go with their owner; those of the dead are removed. */
#include "base/temp_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define LOCK_NAME "lock"

static const char *
default_parent(void)
{
	const char *dir = getenv("TMPDIR");
	return dir && *dir ? dir : "/tmp";
}

static void
remove_files(int dir_fd)
{
	DIR *dir = fdopendir(dir_fd);
	if (!dir) {
		(void)close(dir_fd);
		return;
	}
	for (struct dirent *entry; (entry = readdir(dir));)
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)closedir(dir);
}

/* A directory whose lock can be had has lost its owner. One without a lock is just being made. */
static void
sweep_one(int parent_fd, const char *name)
{
	int dir_fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir_fd < 0)
		return;
	int lock_fd = openat(dir_fd, LOCK_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (lock_fd < 0 || flock(lock_fd, LOCK_EX | LOCK_NB) != 0) {
		(void)close(dir_fd);
	} else {
		remove_files(dir_fd);
		(void)unlinkat(parent_fd, name, AT_REMOVEDIR);
	}
	if (lock_fd >= 0)
		(void)close(lock_fd);
}

static void
sweep(const char *parent, const char *prefix)
{
	DIR *dir = opendir(parent);
	if (!dir)
		return;
	size_t len = strlen(prefix);
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (strncmp(entry->d_name, prefix, len) == 0)
			sweep_one(dirfd(dir), entry->d_name);
	}
	(void)closedir(dir);
}

/* Under its name only once it is held: who sweeps never finds it free while we live. */
static enum asof_status
take_lock(struct asof_temp_dir *temp, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const char *path = asof_temp_dir_file(temp, &arena, LOCK_NAME);
	const char *new_path = asof_temp_dir_file(temp, &arena, LOCK_NAME ".new");
	if (!path || !new_path)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "temporary directory");
	temp->lock_fd = open(new_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (temp->lock_fd < 0 || flock(temp->lock_fd, LOCK_EX | LOCK_NB) != 0 ||
	    rename(new_path, path) != 0)
		return ASOF_FAIL(err, ASOF_IO, "lock '%s': %s", path, strerror(errno));
	return ASOF_OK;
}

enum asof_status
asof_temp_dir_open(struct asof_temp_dir *temp, const char *parent, const char *prefix,
		   struct asof_error *err)
{
	if (temp->path)
		return ASOF_OK;
	if (!parent || !*parent)
		parent = default_parent();
	size_t size = strlen(parent) + strlen(prefix) + sizeof("/XXXXXX");
	char *path = asof_mem_alloc(size);
	if (!path)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "temporary directory");
	sweep(parent, prefix);
	(void)snprintf(path, size, "%s/%sXXXXXX", parent, prefix);
	if (!mkdtemp(path)) {
		int cause = errno;
		asof_mem_free(path);
		return ASOF_FAIL(err, ASOF_IO, "make a temporary directory below '%s': %s", parent,
				 strerror(cause));
	}
	*temp = (struct asof_temp_dir){ .path = path, .lock_fd = -1 };
	enum asof_status status = take_lock(temp, err);
	if (status != ASOF_OK)
		asof_temp_dir_done(temp);
	return status;
}

void
asof_temp_dir_done(struct asof_temp_dir *temp)
{
	if (!temp->path)
		return;
	int dir_fd = open(temp->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd >= 0)
		remove_files(dir_fd);
	(void)rmdir(temp->path);
	if (temp->lock_fd >= 0)
		(void)close(temp->lock_fd);
	asof_mem_free(temp->path);
	*temp = (struct asof_temp_dir){ 0 };
}

const char *
asof_temp_dir_file(const struct asof_temp_dir *temp, struct asof_arena *arena, const char *name)
{
	return asof_arena_printf(arena, "%s/%s", temp->path, name);
}
