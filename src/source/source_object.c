/*
 * source_object.c - objects of a bucket that a source names.
 *
 * A store knows keys, no directories: all keys that begin as the path does up to its first pattern
 * are asked for, and the parts of each are held against those of the path.
 */
#include <fnmatch.h>

#include "base/buf.h"
#include "source/source_found.h"

#define SCHEME         "s3://"
#define PATH_BYTES_MAX 4096
#define PART_BYTES_MAX 1024

bool
asof_source_is_object(const struct asof_source *source)
{
	return source->kind == ASOF_SOURCE_PATH && source->location.text &&
	       strncmp(source->location.text, SCHEME, sizeof(SCHEME) - 1) == 0;
}

static bool
is_passed_over(const char *part)
{
	return part[0] == '.' || part[0] == '_';
}

/* Whether a directory named by the user has the file at `key` below it as one of its format. */
static bool
is_in_directory(const char *key, enum asof_file_format format)
{
	for (const char *part = key; part; part = strchr(part, '/'), part += part ? 1 : 0) {
		if (is_passed_over(part))
			return false;
	}
	return asof_source_has_format(key, format);
}

static bool
part_matches(const char *pattern, size_t pattern_len, const char *part, size_t part_len)
{
	char pattern_text[PART_BYTES_MAX + 1];
	char part_text[PART_BYTES_MAX + 1];
	if (pattern_len > PART_BYTES_MAX || part_len > PART_BYTES_MAX)
		return false;
	memcpy(pattern_text, pattern, pattern_len);
	memcpy(part_text, part, part_len);
	pattern_text[pattern_len] = part_text[part_len] = '\0';
	if (!strpbrk(pattern_text, "*?["))
		return strcmp(pattern_text, part_text) == 0;
	return fnmatch(pattern_text, part_text, FNM_PERIOD) == 0;
}

static bool
is_deep(const char *pattern)
{
	return strncmp(pattern, "**", 2) == 0 && (pattern[2] == '/' || pattern[2] == '\0');
}

/* Both are parts between slashes; where those of the pattern end first, a directory was meant. */
static bool
matches(const char *pattern, const char *key, enum asof_file_format format)
{
	while (*pattern && !is_deep(pattern)) {
		size_t pattern_len = strcspn(pattern, "/");
		size_t key_len = strcspn(key, "/");
		if (!part_matches(pattern, pattern_len, key, key_len))
			return false;
		bool is_last = pattern[pattern_len] == '\0' || pattern[pattern_len + 1] == '\0';
		if (key[key_len] == '\0')
			return is_last;
		key += key_len + 1;
		pattern += pattern_len + (pattern[pattern_len] ? 1 : 0);
	}
	if (*pattern == '\0')
		return is_in_directory(key, format);

	while (is_deep(pattern)) /* the same again, and slow */
		pattern += pattern[2] ? 3 : 2;
	for (;;) {
		if (matches(pattern, key, format))
			return true;
		const char *slash = strchr(key, '/');
		if (!slash || is_passed_over(key))
			return false;
		key = slash + 1;
	}
}

struct listing {
	struct asof_source_found found;
	const struct asof_source *source;
	const char *pattern; /* behind the bucket */
	struct asof_buf path;
	size_t root_len; /* of "s3://bucket/" in it */
};

static void
listing_done(struct listing *listing)
{
	asof_source_found_done(&listing->found);
	asof_buf_done(&listing->path);
}

static enum asof_status
visit_object(void *arg, struct asof_str key, uint64_t size_bytes, int64_t modified_us,
	     struct asof_error *err)
{
	struct listing *listing = arg;
	bool is_directory = key.len == 0 || key.ptr[key.len - 1] == '/';
	if (is_directory || memchr(key.ptr, '\0', key.len))
		return ASOF_OK;
	asof_buf_truncate(&listing->path, listing->root_len);
	asof_buf_add_str(&listing->path, key);
	ASOF_TRY(asof_buf_status(&listing->path, err));
	const char *path = asof_buf_cstr(&listing->path);
	if (!matches(listing->pattern, path + listing->root_len, listing->source->format))
		return ASOF_OK;
	struct asof_source_file file = { .path = path,
					 .size_bytes = size_bytes,
					 .modified_us = modified_us };
	return asof_source_found_add(&listing->found, &file, 0, err);
}

static enum asof_status
list_all(struct listing *listing, const struct asof_source_objects *objects, struct asof_error *err)
{
	const char *location = listing->source->location.text;
	size_t bucket_len = strcspn(location + sizeof(SCHEME) - 1, "/");
	if (strcspn(location + sizeof(SCHEME) - 1, "*?[") < bucket_len)
		return ASOF_FAIL(err, ASOF_INVALID, "a bucket's name is no pattern: '%s'",
				 location);
	asof_buf_add(&listing->path, location, sizeof(SCHEME) - 1 + bucket_len);
	asof_buf_add_char(&listing->path, '/');
	ASOF_TRY(asof_buf_status(&listing->path, err));
	listing->root_len = listing->path.len;
	const char *rest = location + sizeof(SCHEME) - 1 + bucket_len;
	listing->pattern = *rest ? rest + 1 : rest;

	size_t prefix_len = strcspn(listing->pattern, "*?[");
	bool is_literal = listing->pattern[prefix_len] == '\0';
	while (is_literal && prefix_len > 0 && listing->pattern[prefix_len - 1] == '/')
		prefix_len--;
	return objects->list(objects->arg, (struct asof_str){ listing->pattern, prefix_len },
			     visit_object, listing, err);
}

enum asof_status
asof_source_list_objects(const struct asof_source *source,
			 const struct asof_source_objects *objects, struct asof_arena *arena,
			 const struct asof_source_file **ret_files, size_t *ret_count,
			 struct asof_error *err)
{
	ASOF_AUTO(listing_done)
	struct listing listing = { .found = { .arena = arena },
				   .source = source,
				   .path = ASOF_BUF(PATH_BYTES_MAX) };
	enum asof_status status = list_all(&listing, objects, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "source '%s'", source->name);
	return asof_source_found_end(&listing.found, source, ret_files, ret_count, err);
}
