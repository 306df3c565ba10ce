/* fuzz_http_head.c - requests read whole and in pieces come to the same; targets and keys decode.
 */
#include <stdlib.h>

#include "http/chunked.h"
#include "http/entity_keys.h"
#include "http/head.h"

#define HEAD_BYTES_MAX ((size_t)4096)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool is_true)
{
	if (!is_true)
		abort();
}

/* The head's length, 0 while incomplete, SIZE_MAX where it is refused. */
static size_t
find_in_pieces(struct asof_str bytes, size_t piece)
{
	size_t scanned = 0;
	size_t len = 0;
	struct asof_problem problem = { 0 };
	for (size_t end = piece;; end += piece) {
		struct asof_str part = { bytes.ptr, end < bytes.len ? end : bytes.len };
		if (asof_head_find(part, HEAD_BYTES_MAX, &scanned, &len, &problem) != ASOF_OK)
			return SIZE_MAX;
		check(len <= part.len);
		if (len > 0 || end >= bytes.len)
			return len;
	}
}

struct decoded {
	char *bytes;
	size_t len;
	size_t used;
	bool is_refused;
};

static struct decoded
decode_in_pieces(struct asof_str raw, size_t piece)
{
	struct decoded out = { .bytes = asof_mem_alloc(raw.len + 1) };
	struct asof_chunked chunked = { 0 };
	struct asof_problem problem = { 0 };
	check(out.bytes != NULL);
	while (out.used < raw.len && chunked.state != ASOF_CHUNKED_DONE) {
		size_t left = raw.len - out.used;
		size_t len = left < piece ? left : piece;
		size_t decoded;
		size_t used;
		memcpy(out.bytes + out.len, raw.ptr + out.used, len);
		if (asof_chunked_decode(&chunked, out.bytes + out.len, len, &decoded, &used,
					&problem) != ASOF_OK) {
			out.is_refused = true;
			return out;
		}
		check(decoded <= used && used <= len);
		out.len += decoded;
		out.used += used;
	}
	return out;
}

static void
fuzz_chunks(struct asof_str raw)
{
	struct decoded whole = decode_in_pieces(raw, raw.len + 1);
	struct decoded bytewise = decode_in_pieces(raw, 1);
	check(whole.is_refused == bytewise.is_refused);
	if (!whole.is_refused) {
		check(whole.len == bytewise.len && whole.used == bytewise.used);
		check(memcmp(whole.bytes, bytewise.bytes, whole.len) == 0);
	}
	asof_mem_free(whole.bytes);
	asof_mem_free(bytewise.bytes);
}

static void
fuzz_target(struct asof_str text)
{
	static struct asof_key keys[] = {
		{ .name = "a", .type = { .kind = ASOF_TYPE_STRING } },
		{ .name = "b", .type = { .kind = ASOF_TYPE_INT64 } },
	};
	struct asof_arena arena = { 0 };
	for (size_t key_count = 1; key_count <= 2; key_count++) {
		const struct asof_entity entity = { .name = "e",
						    .keys = keys,
						    .key_count = key_count };
		struct asof_value values[2];
		struct asof_target target;
		struct asof_problem problem = { 0 };
		if (asof_target_split(text, &target, &problem) != ASOF_OK) {
			check(problem.kind != ASOF_PROBLEM_NONE);
			continue;
		}
		size_t last = target.segment_count > ASOF_SEGMENTS_MAX ? ASOF_SEGMENTS_MAX
								       : target.segment_count;
		bool is_path_key = asof_entity_keys_from_path(&entity, target.segments[last - 1],
							      &arena, values, &problem) == ASOF_OK;
		check(is_path_key || problem.kind != ASOF_PROBLEM_NONE);
		asof_problem_clear(&problem);
		bool is_query_key = asof_entity_keys_from_query(&entity, target.query, &arena,
								values, &problem) == ASOF_OK;
		check(is_query_key || problem.kind != ASOF_PROBLEM_NONE);
	}
	asof_arena_done(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct asof_str bytes = { (const char *)data, size };
	size_t len = find_in_pieces(bytes, size + 1);
	size_t bytewise = find_in_pieces(bytes, 1);
	/* Too long may be told earlier in pieces, never differently otherwise. */
	check(len == bytewise || size >= HEAD_BYTES_MAX);
	fuzz_target(bytes);
	if (len == 0 || len == SIZE_MAX) {
		fuzz_chunks(bytes);
		return 0;
	}
	struct asof_head head;
	struct asof_problem problem = { 0 };
	if (asof_head_parse((struct asof_str){ bytes.ptr, len }, &head, &problem) == ASOF_OK) {
		check(head.target.len > 0);
		fuzz_target(head.target);
		fuzz_chunks((struct asof_str){ bytes.ptr + len, size - len });
	} else {
		check(problem.kind != ASOF_PROBLEM_NONE);
	}
	return 0;
}
