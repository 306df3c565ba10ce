/* bytes_text.h - bytes as base64 (RFC 4648, padded, canonical), uuids as text. Pure. */
#ifndef ASOF_CODEC_BYTES_TEXT_H
#define ASOF_CODEC_BYTES_TEXT_H

#include "base/buf.h"

#define ASOF_UUID_BYTES    16
#define ASOF_UUID_TEXT_LEN 36

void asof_base64_write(struct asof_buf *buf, struct asof_str bytes);
/* How many bytes a text of `len` may hold. */
size_t asof_base64_decoded_max(size_t len);
/* The whole text, or false: no line breaks, no missing padding, no bits that encode nothing. */
bool asof_base64_parse(struct asof_str text, char *out, size_t *ret_len);

/* "123e4567-e89b-12d3-a456-426614174000" of 16 bytes; no NUL. */
void asof_uuid_text(const char bytes[ASOF_UUID_BYTES], char out[ASOF_UUID_TEXT_LEN]);
/* In any case. */
bool asof_uuid_parse(struct asof_str text, char out[ASOF_UUID_BYTES]);

#endif
