#include "job/file_digest.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)1 << 20)
#define PIECES      (ASOF_FILE_DIGEST_WHOLE_MAX / PIECE_BYTES)

struct digesting {
	const char *path;
	int fd;
	struct asof_sha256 *sha256;
	char *piece; /* PIECE_BYTES */
};

static void
digesting_done(struct digesting *d)
{
	if (d->fd >= 0)
		(void)close(d->fd);
	asof_sha256_free(d->sha256);
	asof_mem_free(d->piece);
}

/* The bytes [begin, begin + len) of the file, len <= PIECE_BYTES. */
static enum asof_status
add_piece(struct digesting *d, uint64_t begin, size_t len, struct asof_error *err)
{
	size_t have = 0;
	while (have < len) {
		ssize_t got = pread(d->fd, d->piece + have, len - have, (off_t)(begin + have));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return ASOF_FAIL(err, ASOF_IO, "'%s': %s", d->path,
					 got < 0 ? strerror(errno) : "it became shorter");
		have += (size_t)got;
	}
	return asof_sha256_add(d->sha256, (struct asof_str){ d->piece, len }, err);
}

static enum asof_status
add_file(struct digesting *d, uint64_t size, const struct asof_cancel *cancel,
	 struct asof_error *err)
{
	if (size <= ASOF_FILE_DIGEST_WHOLE_MAX) {
		for (uint64_t at = 0; at < size; at += PIECE_BYTES) {
			ASOF_TRY(asof_cancel_check(cancel, err));
			ASOF_TRY(add_piece(
				d, at, size - at < PIECE_BYTES ? (size_t)(size - at) : PIECE_BYTES,
				err));
		}
		return ASOF_OK;
	}
	uint64_t last = size - PIECE_BYTES;
	for (uint64_t i = 0; i < PIECES; i++) {
		ASOF_TRY(asof_cancel_check(cancel, err));
		uint64_t at = last / (PIECES - 1) * i + last % (PIECES - 1) * i / (PIECES - 1);
		ASOF_TRY(add_piece(d, at, PIECE_BYTES, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_file_digest(const char *path, const struct asof_cancel *cancel,
		 struct asof_file_digest *ret_digest, struct asof_error *err)
{
	ASOF_AUTO(digesting_done) struct digesting d = { .path = path, .fd = -1 };
	struct stat info;
	struct asof_file_digest digest = { 0 };
	d.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (d.fd < 0 || fstat(d.fd, &info) != 0)
		return ASOF_FAIL(err, errno == ENOENT ? ASOF_NOT_FOUND : ASOF_IO, "'%s': %s", path,
				 strerror(errno));
	d.piece = asof_mem_alloc(PIECE_BYTES);
	if (!d.piece)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "'%s'", path);
	ASOF_TRY(asof_sha256_new(&d.sha256, err));
	digest.size_bytes = (uint64_t)info.st_size;
	digest.is_of_parts = digest.size_bytes > ASOF_FILE_DIGEST_WHOLE_MAX;
	ASOF_TRY(add_file(&d, digest.size_bytes, cancel, err));
	ASOF_TRY(asof_sha256_end(d.sha256, digest.sha256, err));
	*ret_digest = digest;
	return ASOF_OK;
}
