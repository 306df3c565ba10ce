/*
 * upload_bench.c - `put LAKE NAME FILE` sends a file to an object of a lake by our own client, in
 * parts where it is large.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lake/blob.h"

static enum asof_status
put(const char *lake, const char *name, const char *path, struct asof_error *err)
{
	ASOF_AUTO(asof_blob_free_auto) struct asof_blob *blob = NULL;
	struct stat info;
	ASOF_TRY(asof_blob_open(lake, &blob, err));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info) != 0)
		return ASOF_FAIL(err, ASOF_IO, "open '%s'", path);
	size_t size = (size_t)info.st_size;
	void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	(void)close(fd);
	if (bytes == MAP_FAILED)
		return ASOF_FAIL(err, ASOF_IO, "map '%s'", path);
	enum asof_status status = asof_blob_put(blob, name, (struct asof_str){ bytes, size }, err);
	(void)munmap(bytes, size);
	return status;
}

int
main(int argc, char **argv)
{
	struct asof_error err = { 0 };
	if (argc != 5 || strcmp(argv[1], "put") != 0) {
		(void)fprintf(stderr, "usage: upload_bench put LAKE NAME FILE\n");
		return 2;
	}
	if (put(argv[2], argv[3], argv[4], &err) == ASOF_OK)
		return 0;
	(void)fprintf(stderr, "upload_bench: %s\n", err.message);
	return 1;
}
