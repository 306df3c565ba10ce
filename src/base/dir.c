/* dir.c - directories made with their parents, durably. */
#include "base/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

static enum asof_status
copy_path(struct asof_str path, char copy[PATH_MAX], struct asof_error *err)
{
	if (path.len == 0)
		return ASOF_FAIL(err, ASOF_INVALID, "empty path");
	if (path.len >= PATH_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "path of %zu bytes, at most %d", path.len,
				 PATH_MAX - 1);
	memcpy(copy, path.ptr, path.len);
	copy[path.len] = '\0';
	return ASOF_OK;
}

/* Where the directory part ends: "" is the root or the working directory. */
static struct asof_str
above(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return asof_str_from(".");
	return slash == path ? asof_str_from("/")
			     : (struct asof_str){ path, (size_t)(slash - path) };
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

enum asof_status
asof_dir_sync_above(const char *path, struct asof_error *err)
{
	char dir[PATH_MAX];
	ASOF_TRY(copy_path(above(path), dir, err));
	ASOF_AUTO(close_fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		return ASOF_FAIL(err, ASOF_IO, "sync directory '%s': %s", dir, strerror(errno));
	return ASOF_OK;
}

static enum asof_status
make_one(const char *path, struct asof_error *err)
{
	if (mkdir(path, 0777) == 0)
		return asof_dir_sync_above(path, err);

	int cause = errno;
	struct stat info;
	if (stat(path, &info) == 0) {
		if (S_ISDIR(info.st_mode))
			return ASOF_OK;
		cause = ENOTDIR;
	}
	return ASOF_FAIL(err, ASOF_IO, "make directory '%s': %s", path, strerror(cause));
}

enum asof_status
asof_dir_make(const char *path, struct asof_error *err)
{
	char copy[PATH_MAX];
	ASOF_TRY(copy_path(asof_str_from(path), copy, err));
	size_t len = strlen(copy);
	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = '\0';

	for (size_t i = 1; i < len; i++) {
		if (copy[i] != '/' || copy[i - 1] == '/')
			continue;
		copy[i] = '\0';
		ASOF_TRY(make_one(copy, err));
		copy[i] = '/';
	}
	return make_one(copy, err);
}

enum asof_status
asof_dir_make_above(const char *path, struct asof_error *err)
{
	char dir[PATH_MAX];
	ASOF_TRY(copy_path(above(path), dir, err));
	return asof_dir_make(dir, err);
}
