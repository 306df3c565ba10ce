/* s3_list.c - the objects of a bucket, page after page. */
#include "lake/s3_list.h"

#include "lake/s3_xml.h"

#define PAGE_BYTES_MAX  ((size_t)64 << 20)
#define QUERY_BYTES_MAX (16u << 10)

/* `next`, where not empty: the token of this page; then that of the next one, in `arena`. */
static enum asof_status
list_page(struct asof_s3_client *client, struct asof_str prefix, asof_blob_visit_fn *visit,
	  void *arg, struct asof_arena *arena, struct asof_str *next, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf query = ASOF_BUF(QUERY_BYTES_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf body = ASOF_BUF(PAGE_BYTES_MAX);
	if (next->len > 0) {
		asof_buf_add_cstr(&query, "continuation-token=");
		asof_s3_encode(&query, *next, false);
		asof_buf_add_char(&query, '&');
	}
	asof_buf_add_cstr(&query, "list-type=2&prefix=");
	asof_s3_encode(&query, prefix, false);
	ASOF_TRY(asof_buf_status(&query, err));
	struct asof_s3_request request = { .method = "GET",
					   .key = "",
					   .query = asof_buf_cstr(&query) };
	struct asof_s3_answer answer = { .body = &body };
	ASOF_TRY(asof_s3_send(client, &request, &answer, err));
	asof_arena_reset(arena);
	return asof_s3_xml_list(asof_buf_view(&body), visit, arg, arena, next, err);
}

enum asof_status
asof_s3_list(struct asof_s3_client *client, struct asof_str prefix, asof_blob_visit_fn *visit,
	     void *arg, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_str next = { "", 0 };
	do {
		ASOF_TRY(list_page(client, prefix, visit, arg, &arena, &next, err));
	} while (next.len > 0);
	return ASOF_OK;
}
