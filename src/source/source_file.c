/* source_file.c - files, directories and patterns of a source. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "source/source_found.h"

#define PATH_BYTES_MAX 4096
#define DEPTH_MAX      64

struct listing {
	struct asof_source_found found;
	const char *project_dir;
	enum asof_file_format format;
};

static void
listing_done(struct listing *listing)
{
	asof_source_found_done(&listing->found);
}

static enum asof_status
add_file(struct listing *listing, const char *path, const struct stat *info, struct asof_error *err)
{
	struct asof_source_file file = {
		.path = path,
		.size_bytes = (uint64_t)info->st_size,
		.modified_us =
			(int64_t)info->st_mtim.tv_sec * 1000000 + info->st_mtim.tv_nsec / 1000,
	};
	size_t dir_len = strlen(listing->project_dir);
	bool is_below = strncmp(path, listing->project_dir, dir_len) == 0 && path[dir_len] == '/';
	return asof_source_found_add(&listing->found, &file, is_below ? dir_len + 1 : 0, err);
}

static enum asof_status walk(struct listing *listing, struct asof_buf *path, const char *pattern,
			     unsigned depth, struct asof_error *err);

static bool
is_pattern(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (strchr("*?[", text[i]))
			return true;
	}
	return false;
}

/* Try `name` inside the directory `path` as the next part of the way, `rest` being what follows it.
 */
static enum asof_status
enter(struct listing *listing, struct asof_buf *path, const char *name, const char *rest,
      unsigned depth, struct asof_error *err)
{
	size_t len = path->len;
	asof_buf_add_char(path, '/');
	asof_buf_add_cstr(path, name);
	enum asof_status status = asof_buf_status(path, err);
	if (status == ASOF_OK)
		status = walk(listing, path, rest, depth + 1, err);
	asof_buf_truncate(path, len);
	return status;
}

static void
close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

/* What an entry is, itself or behind a link; 0 where it has vanished or leads nowhere. */
static mode_t
kind_of(DIR *dir, const struct dirent *entry, bool follows_links)
{
	struct stat info;
	int flags = follows_links ? 0 : AT_SYMLINK_NOFOLLOW;
	return fstatat(dirfd(dir), entry->d_name, &info, flags) == 0 ? info.st_mode & S_IFMT : 0;
}

/* A real directory: links are followed where the user's text leads through them, never on the way
 * down, where they might lead back up. */
static bool
is_way_down(DIR *dir, const struct dirent *entry)
{
	return entry->d_type == DT_DIR ||
	       (entry->d_type == DT_UNKNOWN && kind_of(dir, entry, false) == S_IFDIR);
}

/* Every entry of the directory that `part` matches; with `**`, also every directory below. */
static enum asof_status
walk_entries(struct listing *listing, struct asof_buf *path, const char *part, const char *rest,
	     const char *pattern, unsigned depth, struct asof_error *err)
{
	ASOF_AUTO(close_dir) DIR *dir = opendir(path->len ? asof_buf_cstr(path) : "/");
	if (!dir) {
		if (errno == ENOENT || errno == ENOTDIR)
			return ASOF_OK;
		return ASOF_FAIL(err, ASOF_IO, "open directory '%s': %s", asof_buf_cstr(path),
				 strerror(errno));
	}
	bool is_deep = strcmp(part, "**") == 0;
	for (const struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] == '.')
			continue;
		if (is_deep) {
			if (entry->d_name[0] != '_' && is_way_down(dir, entry))
				ASOF_TRY(enter(listing, path, entry->d_name, pattern, depth, err));
		} else if (fnmatch(part, entry->d_name, FNM_PERIOD) == 0) {
			ASOF_TRY(enter(listing, path, entry->d_name, rest, depth, err));
		}
	}
	return ASOF_OK;
}

/* A directory named by the user stands for the files of its format, at any depth. */
static enum asof_status
add_directory(struct listing *listing, struct asof_buf *path, unsigned depth,
	      struct asof_error *err)
{
	ASOF_AUTO(close_dir) DIR *dir = opendir(asof_buf_cstr(path));
	if (!dir)
		return ASOF_FAIL(err, ASOF_IO, "open directory '%s': %s", asof_buf_cstr(path),
				 strerror(errno));
	for (const struct dirent *entry; (entry = readdir(dir));) {
		bool is_hidden = entry->d_name[0] == '.' || entry->d_name[0] == '_';
		if (is_hidden)
			continue;
		bool is_file = asof_source_has_format(entry->d_name, listing->format) &&
			       kind_of(dir, entry, true) == S_IFREG;
		if (is_file || is_way_down(dir, entry))
			ASOF_TRY(enter(listing, path, entry->d_name, "", depth, err));
	}
	return ASOF_OK;
}

static enum asof_status
add_leaf(struct listing *listing, struct asof_buf *path, unsigned depth, struct asof_error *err)
{
	struct stat info;
	if (stat(asof_buf_cstr(path), &info) != 0) {
		bool leads_nowhere = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
		if (leads_nowhere)
			return ASOF_OK;
		return ASOF_FAIL(err, ASOF_IO, "'%s': %s", asof_buf_cstr(path), strerror(errno));
	}
	if (S_ISDIR(info.st_mode))
		return add_directory(listing, path, depth, err);
	if (!S_ISREG(info.st_mode))
		return ASOF_FAIL(err, ASOF_INVALID, "'%s' is neither a file nor a directory",
				 asof_buf_cstr(path));
	return add_file(listing, asof_buf_cstr(path), &info, err);
}

/* Follow `pattern` (parts between slashes) from the directory `path`. */
static enum asof_status
walk(struct listing *listing, struct asof_buf *path, const char *pattern, unsigned depth,
     struct asof_error *err)
{
	if (depth > DEPTH_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "directories deeper than %d below '%s'",
				 DEPTH_MAX, asof_buf_cstr(path));
	while (*pattern == '/' || (pattern[0] == '.' && (pattern[1] == '/' || !pattern[1])))
		pattern++;
	if (*pattern == '\0')
		return add_leaf(listing, path, depth, err);

	size_t len = strcspn(pattern, "/");
	ASOF_AUTO(asof_buf_done) struct asof_buf part = ASOF_BUF(PATH_BYTES_MAX);
	asof_buf_add(&part, pattern, len);
	ASOF_TRY(asof_buf_status(&part, err));
	const char *rest = pattern + len;
	if (!is_pattern(pattern, len))
		return enter(listing, path, asof_buf_cstr(&part), rest, depth, err);
	if (strcmp(asof_buf_cstr(&part), "**") == 0) {
		while (strncmp(rest, "/**", 3) == 0 && (rest[3] == '/' || rest[3] == '\0'))
			rest += 3;                                   /* the same again, and slow */
		ASOF_TRY(walk(listing, path, rest, depth + 1, err)); /* no directory at all */
	}
	return walk_entries(listing, path, asof_buf_cstr(&part), rest, pattern, depth, err);
}

enum asof_status
asof_source_list(const struct asof_source *source, const char *project_dir,
		 struct asof_arena *arena, const struct asof_source_file **ret_files,
		 size_t *ret_count, struct asof_error *err)
{
	if (source->kind != ASOF_SOURCE_PATH)
		return ASOF_FAIL(err, ASOF_UNSUPPORTED,
				 "source '%s': only `path:` sources can be read so far",
				 source->name);

	ASOF_AUTO(listing_done)
	struct listing listing = { .found = { .arena = arena },
				   .project_dir = project_dir,
				   .format = source->format };
	ASOF_AUTO(asof_buf_done) struct asof_buf path = ASOF_BUF(PATH_BYTES_MAX);
	if (source->location.text[0] != '/')
		asof_buf_add_cstr(&path, project_dir);
	enum asof_status status = walk(&listing, &path, source->location.text, 0, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "source '%s'", source->name);
	return asof_source_found_end(&listing.found, source, ret_files, ret_count, err);
}
