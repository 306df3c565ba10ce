/* read_file.c - the bytes of a file that somebody wrote by hand. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "define/read.h"

#define STEP_BYTES 4096

void
asof_read_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static enum asof_status
check_opened(int fd, struct stat *ret_stat, struct asof_error *err)
{
	if (fd < 0 && errno == ENOENT)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "no such file");
	if (fd < 0 || fstat(fd, ret_stat) != 0)
		return ASOF_FAIL(err, ASOF_IO, "cannot be read: %s", strerror(errno));
	if (!S_ISREG(ret_stat->st_mode))
		return ASOF_FAIL(err, ASOF_IO, "is not a file");
	return ASOF_OK;
}

enum asof_status
asof_read_open(const char *path, int *ret_fd, struct stat *ret_stat, struct asof_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum asof_status status = check_opened(fd, ret_stat, err);
	if (status == ASOF_OK)
		*ret_fd = fd;
	else
		asof_read_close(&fd);
	return status;
}

enum asof_status
asof_read_rest(int fd, struct asof_buf *buf, struct asof_error *err)
{
	for (;;) {
		char *room = asof_buf_reserve(buf, STEP_BYTES);
		if (!room)
			return asof_buf_status(buf, err);
		ssize_t got = read(fd, room, STEP_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ASOF_FAIL(err, ASOF_IO, "cannot be read: %s", strerror(errno));
		asof_buf_grow(buf, (size_t)got);
		if (got == 0 || buf->len > ASOF_FILE_BYTES_MAX)
			return ASOF_OK;
	}
}

enum asof_status
asof_read_file(const char *path, struct asof_buf *buf, struct asof_error *err)
{
	struct stat stat;
	ASOF_AUTO(asof_read_close) int fd = -1;
	ASOF_TRY(asof_read_open(path, &fd, &stat, err));
	return asof_read_rest(fd, buf, err);
}
