/* type.c - the names of types and back. */
#include "model/type.h"

#include <assert.h>
#include <stdio.h>

#include "base/number.h"
#include "base/suggest.h"

#define PRECISION_MAX   38
#define VECTOR_SIZE_MAX UINT64_C(65536)

/* By enum asof_type_kind. */
static const char *const kind_names[] = {
	[ASOF_TYPE_NONE] = "none",           [ASOF_TYPE_BOOL] = "bool",
	[ASOF_TYPE_INT32] = "int32",         [ASOF_TYPE_INT64] = "int64",
	[ASOF_TYPE_FLOAT32] = "float32",     [ASOF_TYPE_FLOAT64] = "float64",
	[ASOF_TYPE_DECIMAL] = "decimal",     [ASOF_TYPE_STRING] = "string",
	[ASOF_TYPE_BYTES] = "bytes",         [ASOF_TYPE_DATE] = "date",
	[ASOF_TYPE_TIMESTAMP] = "timestamp", [ASOF_TYPE_UUID] = "uuid",
	[ASOF_TYPE_JSON] = "json",           [ASOF_TYPE_LIST] = "list",
	[ASOF_TYPE_VECTOR] = "vector",
};

bool
asof_type_equal(struct asof_type a, struct asof_type b)
{
	return a.kind == b.kind && a.element == b.element && a.precision == b.precision &&
	       a.scale == b.scale && a.size == b.size;
}

struct asof_type
asof_type_element(struct asof_type type)
{
	assert(type.kind == ASOF_TYPE_LIST || type.kind == ASOF_TYPE_VECTOR);
	return (struct asof_type){ .kind = type.element,
				   .precision = type.precision,
				   .scale = type.scale };
}

bool
asof_type_is_numeric(struct asof_type type)
{
	return type.kind >= ASOF_TYPE_BOOL && type.kind <= ASOF_TYPE_DECIMAL;
}

bool
asof_type_is_key(struct asof_type type)
{
	switch ((enum asof_type_kind)type.kind) {
	case ASOF_TYPE_BOOL:
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_INT64:
	case ASOF_TYPE_DECIMAL:
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_BYTES:
	case ASOF_TYPE_DATE:
	case ASOF_TYPE_TIMESTAMP:
	case ASOF_TYPE_UUID:
		return true;
	case ASOF_TYPE_NONE:
	case ASOF_TYPE_FLOAT32:
	case ASOF_TYPE_FLOAT64:
	case ASOF_TYPE_JSON:
	case ASOF_TYPE_LIST:
	case ASOF_TYPE_VECTOR:
		break;
	}
	return false;
}

const char *
asof_type_text(struct asof_type type, char out[ASOF_TYPE_TEXT_MAX])
{
	assert(type.kind < ASOF_COUNTOF(kind_names) && type.element < ASOF_COUNTOF(kind_names));
	char decimal[16] = "";
	if (type.kind == ASOF_TYPE_DECIMAL || type.element == ASOF_TYPE_DECIMAL)
		(void)snprintf(decimal, sizeof(decimal), "(%u,%u)", type.precision, type.scale);

	if (type.kind == ASOF_TYPE_LIST)
		(void)snprintf(out, ASOF_TYPE_TEXT_MAX, "list<%s%s>", kind_names[type.element],
			       decimal);
	else if (type.kind == ASOF_TYPE_VECTOR)
		(void)snprintf(out, ASOF_TYPE_TEXT_MAX, "vector<%s,%u>", kind_names[type.element],
			       (unsigned)type.size);
	else
		(void)snprintf(out, ASOF_TYPE_TEXT_MAX, "%s%s", kind_names[type.kind], decimal);
	return out;
}

/* Reads one type from the front of `rest`. */
struct parser {
	struct asof_str whole; /* for messages */
	struct asof_str rest;
};

static void
skip_spaces(struct parser *p)
{
	while (p->rest.len > 0 && *p->rest.ptr == ' ') {
		p->rest.ptr++;
		p->rest.len--;
	}
}

/* The letters and digits at the front. */
static struct asof_str
take_word(struct parser *p)
{
	skip_spaces(p);
	size_t len = 0;
	while (len < p->rest.len) {
		char c = p->rest.ptr[len];
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '_')
			break;
		len++;
	}
	struct asof_str word = { p->rest.ptr, len };
	p->rest = (struct asof_str){ p->rest.ptr + len, p->rest.len - len };
	return word;
}

static enum asof_status
expect(struct parser *p, char c, struct asof_error *err)
{
	skip_spaces(p);
	if (p->rest.len == 0 || *p->rest.ptr != c)
		return ASOF_FAIL(err, ASOF_INVALID, "type '%.*s': expected '%c'",
				 ASOF_STR_ARG(p->whole), c);
	p->rest.ptr++;
	p->rest.len--;
	return ASOF_OK;
}

static enum asof_status
take_number(struct parser *p, const char *what, uint64_t low, uint64_t high, uint64_t *ret_number,
	    struct asof_error *err)
{
	uint64_t number = 0;
	if (!asof_uint64_parse(take_word(p), &number) || number < low || number > high)
		return ASOF_FAIL(err, ASOF_INVALID, "type '%.*s': the %s is a number from %u to %u",
				 ASOF_STR_ARG(p->whole), what, (unsigned)low, (unsigned)high);
	*ret_number = number;
	return ASOF_OK;
}

static enum asof_status
take_kind(struct parser *p, enum asof_type_kind *ret_kind, struct asof_error *err)
{
	struct asof_str word = take_word(p);
	for (size_t i = ASOF_TYPE_BOOL; i < ASOF_COUNTOF(kind_names); i++) {
		if (asof_str_equal(word, asof_str_from(kind_names[i]))) {
			*ret_kind = (enum asof_type_kind)i;
			return ASOF_OK;
		}
	}
	const char *near = asof_suggest(word, &kind_names[ASOF_TYPE_BOOL],
					ASOF_COUNTOF(kind_names) - ASOF_TYPE_BOOL);
	if (near && word.len > 0)
		return ASOF_FAIL(err, ASOF_INVALID, "unknown type '%.*s' (did you mean '%s'?)",
				 ASOF_STR_ARG(p->whole), near);
	return ASOF_FAIL(err, ASOF_INVALID,
			 "unknown type '%.*s' (known: bool int32 int64 float32 float64 "
			 "decimal(p,s) string bytes date timestamp uuid json list<T> "
			 "vector<float32,n>)",
			 ASOF_STR_ARG(p->whole));
}

static enum asof_status
take_decimal(struct parser *p, struct asof_type *type, struct asof_error *err)
{
	uint64_t precision;
	uint64_t scale;
	ASOF_TRY(expect(p, '(', err));
	ASOF_TRY(take_number(p, "precision", 1, PRECISION_MAX, &precision, err));
	ASOF_TRY(expect(p, ',', err));
	ASOF_TRY(take_number(p, "scale", 0, precision, &scale, err));
	ASOF_TRY(expect(p, ')', err));
	type->precision = (uint8_t)precision;
	type->scale = (uint8_t)scale;
	return ASOF_OK;
}

static enum asof_status
take_list(struct parser *p, struct asof_type *type, struct asof_error *err)
{
	enum asof_type_kind element;
	ASOF_TRY(expect(p, '<', err));
	ASOF_TRY(take_kind(p, &element, err));
	if (element >= ASOF_TYPE_LIST)
		return ASOF_FAIL(err, ASOF_INVALID, "type '%.*s': a list's elements are scalars",
				 ASOF_STR_ARG(p->whole));
	if (element == ASOF_TYPE_DECIMAL)
		ASOF_TRY(take_decimal(p, type, err));
	type->element = (uint8_t)element;
	return expect(p, '>', err);
}

static enum asof_status
take_vector(struct parser *p, struct asof_type *type, struct asof_error *err)
{
	enum asof_type_kind element;
	uint64_t size;
	ASOF_TRY(expect(p, '<', err));
	ASOF_TRY(take_kind(p, &element, err));
	if (element != ASOF_TYPE_FLOAT32)
		return ASOF_FAIL(err, ASOF_INVALID, "type '%.*s': a vector's elements are float32",
				 ASOF_STR_ARG(p->whole));
	ASOF_TRY(expect(p, ',', err));
	ASOF_TRY(take_number(p, "size", 1, VECTOR_SIZE_MAX, &size, err));
	type->element = ASOF_TYPE_FLOAT32;
	type->size = (uint32_t)size;
	return expect(p, '>', err);
}

enum asof_status
asof_type_parse(struct asof_str text, struct asof_type *ret_type, struct asof_error *err)
{
	struct parser p = { text, text };
	enum asof_type_kind kind;
	ASOF_TRY(take_kind(&p, &kind, err));

	struct asof_type type = ASOF_TYPE((uint8_t)kind);
	if (kind == ASOF_TYPE_DECIMAL)
		ASOF_TRY(take_decimal(&p, &type, err));
	else if (kind == ASOF_TYPE_LIST)
		ASOF_TRY(take_list(&p, &type, err));
	else if (kind == ASOF_TYPE_VECTOR)
		ASOF_TRY(take_vector(&p, &type, err));

	skip_spaces(&p);
	if (p.rest.len > 0)
		return ASOF_FAIL(err, ASOF_INVALID, "type '%.*s': unexpected '%.*s'",
				 ASOF_STR_ARG(text), ASOF_STR_ARG(p.rest));
	*ret_type = type;
	return ASOF_OK;
}
