/* listen.h - a listening TCP socket from text. */
#ifndef ASOF_HTTP_LISTEN_H
#define ASOF_HTTP_LISTEN_H

#include "base/base.h"

#define ASOF_ADDRESS_TEXT_MAX 64

struct asof_listener {
	int fd;                              /* non-blocking, close-on-exec */
	char address[ASOF_ADDRESS_TEXT_MAX]; /* numeric */
	bool is_loopback;                    /* only this machine reaches it */
	uint16_t port;                       /* the one that was picked for port 0 */
};

/* "127.0.0.1:8080", "[::1]:8080", "name:8080", ":8080" for all addresses. */
ASOF_NODISCARD enum asof_status asof_listen(const char *text, struct asof_listener *ret_listener,
					    struct asof_error *err);

#endif
