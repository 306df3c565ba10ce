/*
 * blob_file.c - objects as files below a directory.
 *
 * An object is written under a name that list() does not show, synced, and then linked or renamed
 * to its own, so that it is whole or absent.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/fault.h"
#include "lake/blob_impls.h"
#include "lake/unique.h"

#define TEMPORARY_PREFIX ".asof-tmp-"
#define DEPTH_MAX        32

struct file_blob {
	struct asof_blob base; /* must be first */
	char root[PATH_MAX];   /* absolute, without "/" at its end */
};

static const char *
root_of(struct asof_blob *blob)
{
	return ((struct file_blob *)blob)->root;
}

static enum asof_status
join(const char *directory, const char *name, char path[PATH_MAX], struct asof_error *err)
{
	int len = snprintf(path, PATH_MAX, "%s/%s", directory, name);
	if (len < 0 || len >= PATH_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "path of more than %d bytes", PATH_MAX - 1);
	return ASOF_OK;
}

static enum asof_status
fail(struct asof_error *err, const char *doing, const char *path)
{
	int cause = errno;
	enum asof_status status = cause == ENOENT || cause == ENOTDIR ? ASOF_NOT_FOUND
				  : cause == EEXIST                   ? ASOF_CONFLICT
				  : cause == ENOMEM                   ? ASOF_NO_MEMORY
								      : ASOF_IO;
	return ASOF_FAIL(err, status, "%s '%s': %s", doing, path, strerror(cause));
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static enum asof_status
file_open(struct asof_str location, struct asof_blob **ret_blob, struct asof_error *err)
{
	/* "file:///d" is "/d". */
	if (location.len > 2 && memcmp(location.ptr, "//", 2) == 0)
		location = (struct asof_str){ location.ptr + 2, location.len - 2 };
	while (location.len > 1 && location.ptr[location.len - 1] == '/')
		location.len--;
	if (location.len == 0)
		return ASOF_FAIL(err, ASOF_INVALID, "no directory");

	char above[PATH_MAX] = "";
	if (location.ptr[0] != '/' && !getcwd(above, sizeof(above)))
		return fail(err, "find", "the working directory");
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const char *path = asof_arena_copy(&arena, location);
	struct file_blob *self = path ? asof_mem_alloc(sizeof(*self)) : NULL;
	if (!self)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "directory");
	self->base.ops = &asof_blob_file_ops;
	enum asof_status status =
		join(above, location.ptr[0] == '/' ? path + 1 : path, self->root, err);
	if (status != ASOF_OK) {
		asof_mem_free(self);
		return status;
	}
	*ret_blob = &self->base;
	return ASOF_OK;
}

static void
file_close(struct asof_blob *blob)
{
	asof_mem_free(blob);
}

static enum asof_status
read_all(int fd, const char *path, size_t size, struct asof_buf *buf, struct asof_error *err)
{
	/* One byte more than it has, so that its end is seen at once. */
	for (size_t room = size + 1;; room = (size_t)64 << 10) {
		char *at = asof_buf_reserve(buf, room);
		if (!at)
			return asof_buf_status(buf, err);
		ssize_t got = read(fd, at, room);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(err, "read", path);
		asof_buf_grow(buf, (size_t)got);
		if (got == 0)
			return ASOF_OK;
	}
}

static enum asof_status
file_read(struct asof_blob *blob, const char *name, struct asof_buf *buf, struct asof_error *err)
{
	char path[PATH_MAX];
	struct stat info;
	ASOF_TRY(join(root_of(blob), name, path, err));
	ASOF_AUTO(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info) != 0)
		return fail(err, "open", path);
	if (!S_ISREG(info.st_mode))
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "'%s' is no file", path);
	return read_all(fd, path, (size_t)info.st_size, buf, err);
}

static enum asof_status
write_all(int fd, const char *path, struct asof_str bytes, struct asof_error *err)
{
	while (bytes.len > 0) {
		ssize_t put = write(fd, bytes.ptr, bytes.len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return fail(err, "write", path);
		bytes = (struct asof_str){ bytes.ptr + put, bytes.len - (size_t)put };
	}
	return ASOF_OK;
}

static enum asof_status
write_synced(const char *path, struct asof_str bytes, struct asof_error *err)
{
	ASOF_AUTO(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return fail(err, "create", path);
	ASOF_TRY(write_all(fd, path, bytes, err));
	ASOF_TRY(asof_fault_point("blob.put.before_sync", err));
	return fsync(fd) == 0 ? ASOF_OK : fail(err, "sync", path);
}

/* A fresh name in the directory of `path`. */
static enum asof_status
temporary_beside(const char *path, char temporary[PATH_MAX], struct asof_error *err)
{
	char unique[ASOF_UNIQUE_TEXT_MAX];
	ASOF_TRY(asof_unique_text(unique, err));
	int directory = (int)(strrchr(path, '/') - path);
	int len = snprintf(temporary, PATH_MAX, "%.*s/" TEMPORARY_PREFIX "%s", directory, path,
			   unique);
	if (len < 0 || len >= PATH_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "path of more than %d bytes", PATH_MAX - 1);
	return ASOF_OK;
}

static enum asof_status
give_name(const char *temporary, const char *path, bool replaces, struct asof_error *err)
{
	ASOF_TRY(asof_fault_point("blob.put.before_link", err));
	int rc = replaces ? rename(temporary, path) : link(temporary, path);
	return rc == 0 ? ASOF_OK : fail(err, "name", path);
}

static enum asof_status
write_object(struct asof_blob *blob, const char *name, struct asof_str bytes, bool replaces,
	     struct asof_error *err)
{
	char path[PATH_MAX];
	char temporary[PATH_MAX];
	ASOF_TRY(join(root_of(blob), name, path, err));
	ASOF_TRY(asof_dir_make_above(path, err));
	ASOF_TRY(temporary_beside(path, temporary, err));
	enum asof_status status = write_synced(temporary, bytes, err);
	if (status == ASOF_OK)
		status = give_name(temporary, path, replaces, err);
	if (status != ASOF_OK || !replaces)
		(void)unlink(temporary);
	if (status != ASOF_OK)
		return status;
	ASOF_TRY(asof_fault_point("blob.put.after_link", err));
	return asof_dir_sync_above(path, err);
}

static enum asof_status
file_put_if_absent(struct asof_blob *blob, const char *name, struct asof_str bytes,
		   struct asof_error *err)
{
	return write_object(blob, name, bytes, false, err);
}

static enum asof_status
file_put(struct asof_blob *blob, const char *name, struct asof_str bytes, struct asof_error *err)
{
	return write_object(blob, name, bytes, true, err);
}

static enum asof_status
file_sync(struct asof_blob *blob, const char *name, struct asof_error *err)
{
	char path[PATH_MAX];
	ASOF_TRY(join(root_of(blob), name, path, err));
	ASOF_AUTO(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(err, "open", path);
	if (fsync(fd) != 0)
		return fail(err, "sync", path);
	return asof_dir_sync_above(path, err);
}

static enum asof_status
file_remove(struct asof_blob *blob, const char *name, struct asof_error *err)
{
	char path[PATH_MAX];
	ASOF_TRY(join(root_of(blob), name, path, err));
	return unlink(path) == 0 ? ASOF_OK : fail(err, "remove", path);
}

/* --- listing -----------------------------------------------------------------------------------
 */

struct listing {
	const char *root;
	bool is_temporary;       /* only what died, else all but that */
	struct asof_arena arena; /* names */
	struct asof_blob_info *objects;
	size_t count;
	size_t capacity;
};

static void
listing_done(struct listing *listing)
{
	asof_arena_done(&listing->arena);
	asof_mem_free(listing->objects);
}

static void
close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static bool
is_entry(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool
is_temporary(const char *name)
{
	return strncmp(name, TEMPORARY_PREFIX, sizeof(TEMPORARY_PREFIX) - 1) == 0;
}

static enum asof_status
add_object(struct listing *listing, const char *name, const struct stat *info,
	   struct asof_error *err)
{
	ASOF_TRY(asof_mem_reserve((void **)&listing->objects, &listing->capacity,
				  listing->count + 1, sizeof(*listing->objects), err));
	listing->objects[listing->count++] = (struct asof_blob_info){
		.name = asof_str_from(name),
		.size_bytes = (uint64_t)info->st_size,
		.modified_us =
			(int64_t)info->st_mtim.tv_sec * 1000000 + info->st_mtim.tv_nsec / 1000,
	};
	return ASOF_OK;
}

/* Add what is below `prefix`. What disappears meanwhile was not there. */
static enum asof_status
walk(struct listing *listing, const char *prefix, unsigned depth, struct asof_error *err)
{
	char path[PATH_MAX];
	ASOF_TRY(join(listing->root, prefix, path, err));
	ASOF_AUTO(close_dir) DIR *dir = opendir(path);
	if (!dir)
		return errno == ENOENT || errno == ENOTDIR ? ASOF_OK : fail(err, "list", path);
	for (struct dirent *entry; (entry = readdir(dir));) {
		struct stat info;
		if (!is_entry(entry->d_name) || fstatat(dirfd(dir), entry->d_name, &info, 0) != 0)
			continue;
		bool is_directory = S_ISDIR(info.st_mode);
		const char *name = asof_arena_printf(&listing->arena, "%s%s%s", prefix,
						     entry->d_name, is_directory ? "/" : "");
		if (!name)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "name");
		if (is_directory && depth < DEPTH_MAX)
			ASOF_TRY(walk(listing, name, depth + 1, err));
		else if (S_ISREG(info.st_mode) &&
			 is_temporary(entry->d_name) == listing->is_temporary)
			ASOF_TRY(add_object(listing, name, &info, err));
	}
	return ASOF_OK;
}

static int
compare_names(const void *a, const void *b)
{
	const struct asof_blob_info *left = a;
	const struct asof_blob_info *right = b;
	return asof_str_compare(left->name, right->name);
}

static enum asof_status
list_objects(struct asof_blob *blob, const char *prefix, bool temporary, asof_blob_visit_fn *visit,
	     void *arg, struct asof_error *err)
{
	ASOF_AUTO(listing_done)
	struct listing listing = { .root = root_of(blob), .is_temporary = temporary };
	ASOF_TRY(walk(&listing, prefix, 0, err));
	if (listing.count > 0)
		qsort(listing.objects, listing.count, sizeof(*listing.objects), compare_names);
	for (size_t i = 0; i < listing.count; i++)
		ASOF_TRY(visit(arg, &listing.objects[i], err));
	return ASOF_OK;
}

static enum asof_status
file_list(struct asof_blob *blob, const char *prefix, asof_blob_visit_fn *visit, void *arg,
	  struct asof_error *err)
{
	return list_objects(blob, prefix, false, visit, arg, err);
}

static enum asof_status
file_list_temporary(struct asof_blob *blob, const char *prefix, asof_blob_visit_fn *visit,
		    void *arg, struct asof_error *err)
{
	return list_objects(blob, prefix, true, visit, arg, err);
}

static enum asof_status
file_locate(struct asof_blob *blob, const char *name, struct asof_arena *arena,
	    const char **ret_path, struct asof_error *err)
{
	char path[PATH_MAX];
	ASOF_TRY(join(root_of(blob), name, path, err));
	ASOF_TRY(asof_dir_make_above(path, err));
	const char *copy = asof_arena_copy(arena, asof_str_from(path));
	if (!copy)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "path");
	*ret_path = copy;
	return ASOF_OK;
}

const struct asof_blob_ops asof_blob_file_ops = {
	.scheme = "file",
	.open = file_open,
	.close = file_close,
	.read = file_read,
	.put_if_absent = file_put_if_absent,
	.put = file_put,
	.sync = file_sync,
	.remove = file_remove,
	.list = file_list,
	.list_temporary = file_list_temporary,
	.locate = file_locate,
};
