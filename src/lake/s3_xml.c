/* s3_xml.c - an object store's XML documents, by expat. */
#include "lake/s3_xml.h"

#include <expat.h>

#include "base/number.h"
#include "codec/time_text.h"

#define TEXT_BYTES_MAX 4096

static void
free_parser(XML_Parser *parser)
{
	if (*parser)
		XML_ParserFree(*parser);
}

/* "ns:Name" and "Name" are the same to us. */
static const char *
local_name(const XML_Char *name)
{
	const char *colon = strrchr(name, ':');
	return colon ? colon + 1 : name;
}

/* A document that declares entities may expand without end: none of the store's does. */
static void
refuse_doctype(void *arg, const XML_Char *name, const XML_Char *system, const XML_Char *public,
	       int has_subset)
{
	(void)name;
	(void)system;
	(void)public;
	(void)has_subset;
	XML_StopParser(*(XML_Parser *)arg, XML_FALSE);
}

/* --- one element -------------------------------------------------------------------------------
 */

struct finding {
	XML_Parser parser; /* must be first: see refuse_doctype */
	const char *name;
	bool is_inside;
	bool is_found;
	struct asof_buf text;
};

static void
find_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct finding *f = arg;
	(void)attributes;
	if (!f->is_found && strcmp(local_name(name), f->name) == 0)
		f->is_inside = true;
}

static void
find_end(void *arg, const XML_Char *name)
{
	struct finding *f = arg;
	if (f->is_inside && strcmp(local_name(name), f->name) == 0) {
		f->is_inside = false;
		f->is_found = true;
	}
}

static void
find_text(void *arg, const XML_Char *text, int len)
{
	struct finding *f = arg;
	if (f->is_inside)
		asof_buf_add(&f->text, text, (size_t)len);
}

struct asof_str
asof_s3_xml_find(struct asof_str xml, const char *name, struct asof_arena *arena)
{
	struct finding f = { .name = name, .text = ASOF_BUF(TEXT_BYTES_MAX) };
	struct asof_str nothing = { "", 0 };
	ASOF_AUTO(free_parser) XML_Parser parser = XML_ParserCreate(NULL);
	if (!parser || xml.len == 0 || xml.len > INT32_MAX)
		return nothing;
	f.parser = parser;
	XML_SetUserData(parser, &f);
	XML_SetElementHandler(parser, find_start, find_end);
	XML_SetCharacterDataHandler(parser, find_text);
	XML_SetStartDoctypeDeclHandler(parser, refuse_doctype);
	(void)XML_Parse(parser, xml.ptr, (int)xml.len, 1);
	struct asof_str text = asof_buf_view(&f.text);
	const char *copy = f.is_found && text.len ? asof_arena_copy(arena, text) : NULL;
	struct asof_str found = copy ? (struct asof_str){ copy, text.len } : nothing;
	asof_buf_done(&f.text);
	return found;
}

/* --- a page of a listing -----------------------------------------------------------------------
 */

struct page {
	XML_Parser parser; /* must be first: see refuse_doctype */
	asof_blob_visit_fn *visit;
	void *arg;
	struct asof_arena *arena;
	struct asof_error *err;
	enum asof_status status;
	bool is_in_object;
	struct asof_buf text; /* of the element that is open */
	struct asof_buf key;
	uint64_t size_bytes;
	int64_t modified_us;
	struct asof_str next;
};

static void
stop(struct page *page, enum asof_status status)
{
	page->status = status;
	(void)XML_StopParser(page->parser, XML_FALSE);
}

static void
page_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct page *page = arg;
	(void)attributes;
	asof_buf_clear(&page->text);
	if (strcmp(local_name(name), "Contents") == 0) {
		page->is_in_object = true;
		asof_buf_clear(&page->key);
		page->size_bytes = 0;
		page->modified_us = 0;
	}
}

static void
page_text(void *arg, const XML_Char *text, int len)
{
	asof_buf_add(&((struct page *)arg)->text, text, (size_t)len);
}

static enum asof_status
end_in_object(struct page *page, const char *name)
{
	struct asof_str text = asof_buf_view(&page->text);
	int64_t number = 0;
	if (strcmp(name, "Key") == 0) {
		asof_buf_add_str(&page->key, text);
		return asof_buf_status(&page->key, page->err);
	}
	if (strcmp(name, "Size") == 0) {
		if (!asof_int64_parse(text, &number) || number < 0)
			return ASOF_FAIL(page->err, ASOF_CORRUPT, "size '%.*s' of an object",
					 ASOF_STR_ARG(text));
		page->size_bytes = (uint64_t)number;
	} else if (strcmp(name, "LastModified") == 0) {
		enum asof_status status = asof_timestamp_parse(text, &page->modified_us, page->err);
		if (status != ASOF_OK)
			return ASOF_WRAP(page->err, ASOF_CORRUPT, "time of an object");
	} else if (strcmp(name, "Contents") == 0) {
		page->is_in_object = false;
		const struct asof_blob_info info = { asof_buf_view(&page->key), page->size_bytes,
						     page->modified_us };
		return page->visit(page->arg, &info, page->err);
	}
	return ASOF_OK;
}

static enum asof_status
end_outside(struct page *page, const char *name)
{
	struct asof_str text = asof_buf_view(&page->text);
	if (strcmp(name, "NextContinuationToken") != 0 || text.len == 0)
		return ASOF_OK;
	const char *copy = asof_arena_copy(page->arena, text);
	if (!copy)
		return ASOF_FAIL(page->err, ASOF_NO_MEMORY, "listing");
	page->next = (struct asof_str){ copy, text.len };
	return ASOF_OK;
}

static void
page_end(void *arg, const XML_Char *name)
{
	struct page *page = arg;
	const char *local = local_name(name);
	enum asof_status status = asof_buf_status(&page->text, page->err);
	if (status == ASOF_OK)
		status = page->is_in_object ? end_in_object(page, local) : end_outside(page, local);
	asof_buf_clear(&page->text);
	if (status != ASOF_OK)
		stop(page, status);
}

static enum asof_status
parse_page(struct page *page, struct asof_str xml, struct asof_error *err)
{
	XML_SetUserData(page->parser, page);
	XML_SetElementHandler(page->parser, page_start, page_end);
	XML_SetCharacterDataHandler(page->parser, page_text);
	XML_SetStartDoctypeDeclHandler(page->parser, refuse_doctype);
	enum XML_Status parsed = XML_Parse(page->parser, xml.ptr, (int)xml.len, 1);
	if (page->status != ASOF_OK)
		return page->status;
	if (parsed != XML_STATUS_OK)
		return ASOF_FAIL(err, ASOF_CORRUPT, "listing: line %lu: %s",
				 (unsigned long)XML_GetCurrentLineNumber(page->parser),
				 XML_ErrorString(XML_GetErrorCode(page->parser)));
	return ASOF_OK;
}

enum asof_status
asof_s3_xml_list(struct asof_str xml, asof_blob_visit_fn *visit, void *arg,
		 struct asof_arena *arena, struct asof_str *ret_next, struct asof_error *err)
{
	if (xml.len > INT32_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "listing of %zu bytes", xml.len);
	ASOF_AUTO(free_parser) XML_Parser parser = XML_ParserCreate(NULL);
	if (!parser)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "listing");
	struct page page = { .parser = parser,
			     .visit = visit,
			     .arg = arg,
			     .arena = arena,
			     .err = err,
			     .text = ASOF_BUF(TEXT_BYTES_MAX),
			     .key = ASOF_BUF(TEXT_BYTES_MAX),
			     .next = { "", 0 } };
	enum asof_status status = parse_page(&page, xml, err);
	asof_buf_done(&page.text);
	asof_buf_done(&page.key);
	if (status == ASOF_OK)
		*ret_next = page.next;
	return status;
}
