/* fuzz_s3_xml.c - an object store's documents: a page of a listing, and an error. */
#include <assert.h>

#include "lake/s3_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum asof_status
count_object(void *arg, const struct asof_blob_info *info, struct asof_error *err)
{
	size_t *count = arg;
	assert(info->name.len == 0 || info->name.ptr);
	assert(info->size_bytes <= INT64_MAX);
	return ++*count > 1000 ? ASOF_FAIL(err, ASOF_LIMIT, "too many") : ASOF_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { .max_bytes = (size_t)64 << 20 };
	struct asof_str xml = { (const char *)data, size };
	struct asof_str next = { "untouched", 9 };
	struct asof_error err = { 0 };
	size_t count = 0;
	enum asof_status status = asof_s3_xml_list(xml, count_object, &count, &arena, &next, &err);
	if (status != ASOF_OK) {
		assert(err.status == status && err.message[0] != '\0');
		assert(next.len == 9);
	}
	struct asof_str code = asof_s3_xml_find(xml, "Code", &arena);
	assert(code.ptr && code.len <= size);
	return 0;
}
