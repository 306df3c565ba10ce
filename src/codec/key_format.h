/* key_format.h - the bytes of a key, for what reads and writes them: key.c and key_text.c. */
#ifndef ASOF_CODEC_KEY_FORMAT_H
#define ASOF_CODEC_KEY_FORMAT_H

#include "model/type.h"

#define ASOF_UUID_BYTES 16

__extension__ typedef unsigned __int128 asof_uint128;

/* The tags are stored: never change one, never use one again. */
static const unsigned char asof_key_tags[] = {
	[ASOF_TYPE_BOOL] = 0x10,    [ASOF_TYPE_INT32] = 0x20, [ASOF_TYPE_INT64] = 0x21,
	[ASOF_TYPE_DECIMAL] = 0x28, [ASOF_TYPE_DATE] = 0x30,  [ASOF_TYPE_TIMESTAMP] = 0x31,
	[ASOF_TYPE_UUID] = 0x40,    [ASOF_TYPE_BYTES] = 0x50, [ASOF_TYPE_STRING] = 0x51,
};

/* A string ends with 00 01; a 00 within it is followed by FF. */
#define ASOF_KEY_ZERO_WITHIN 0xFF
#define ASOF_KEY_ZERO_ENDS   0x01

#endif
