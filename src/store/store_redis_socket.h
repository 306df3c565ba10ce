/*
 * store_redis_socket.h - bytes to a server and back: TCP, a Unix socket, TLS; every wait has a
 * deadline. One thread at a time.
 */
#ifndef ASOF_STORE_REDIS_SOCKET_H
#define ASOF_STORE_REDIS_SOCKET_H

#include "store/redis_uri.h"

struct asof_redis_socket;

/* Connect. ASOF_UNAVAILABLE: nobody is there; ASOF_TIMEOUT; ASOF_INVALID: a certificate that is not
 * trusted or cannot be read. `target` outlives the socket. */
ASOF_NODISCARD enum asof_status asof_redis_socket_open(const struct asof_redis_target *target,
						       struct asof_redis_socket **ret_socket,
						       struct asof_error *err);
/* NULL is a no-op. */
void asof_redis_socket_close(struct asof_redis_socket *socket);

/*
 * One turn: send of *unsent what can be sent now, cutting it off, and read what there is into
 * `room`. Returns once it has done either, or at the monotonic deadline with ASOF_TIMEOUT.
 * ASOF_UNAVAILABLE: the connection is lost.
 */
ASOF_NODISCARD enum asof_status asof_redis_socket_turn(struct asof_redis_socket *socket,
						       struct asof_str *unsent, char *room,
						       size_t room_bytes, size_t *ret_read,
						       int64_t deadline_us, struct asof_error *err);

#endif
