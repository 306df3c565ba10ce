/* unique.c - random UUIDs. */
#include "lake/unique.h"

#include <errno.h>
#include <sys/random.h>

enum asof_status
asof_unique_text(char out[ASOF_UNIQUE_TEXT_MAX], struct asof_error *err)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[16];
	ssize_t got;
	do {
		got = getrandom(bytes, sizeof(bytes), 0);
	} while (got < 0 && errno == EINTR);
	if (got != sizeof(bytes))
		return ASOF_FAIL(err, ASOF_IO, "no random bytes from the system");
	bytes[6] = (unsigned char)(0x40 | (bytes[6] & 0x0f)); /* version 4 */
	bytes[8] = (unsigned char)(0x80 | (bytes[8] & 0x3f)); /* RFC 9562's variant */

	char *at = out;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		*at++ = digits[bytes[i] >> 4];
		*at++ = digits[bytes[i] & 0x0f];
	}
	*at = '\0';
	return ASOF_OK;
}
