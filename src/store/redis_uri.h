/* redis_uri.h - where a Redis is, from its URI. Reads the environment for password_env only. */
#ifndef ASOF_STORE_REDIS_URI_H
#define ASOF_STORE_REDIS_URI_H

#include "base/arena.h"

#define ASOF_REDIS_PREFIX_MAX 64

enum asof_redis_transport { ASOF_REDIS_TCP, ASOF_REDIS_TLS, ASOF_REDIS_UNIX };

/* Texts live in the arena that was given. */
struct asof_redis_target {
	enum asof_redis_transport transport;
	const char *place; /* for messages: "host:port", or the socket's path */
	const char *host;
	const char *port;
	const char *socket;   /* of ASOF_REDIS_UNIX */
	const char *user;     /* NULL: the default user */
	const char *password; /* NULL: none */
	const char *ca_file;  /* NULL: the system's */
	const char *cert_file;
	const char *key_file;
	const char *prefix; /* of all keys, "asof" */
	int64_t db;
	int64_t connect_timeout_us;
	int64_t answer_timeout_us;
	int64_t lease_ms; /* of a load */
};

/*
 * What stands behind the scheme: "//[USER[:PASSWORD]@]HOST[:PORT][/DB][?OPTION=VALUE&...]", with a
 * socket "//[USER[:PASSWORD]@]/PATH[?...]". User and password are percent-encoded. Options:
 * password_env, prefix, db, ca, cert, key, connect_timeout, timeout, lease (seconds). ASOF_INVALID
 * says what is wrong, without the password.
 */
ASOF_NODISCARD enum asof_status asof_redis_target_read(enum asof_redis_transport transport,
						       struct asof_str location,
						       struct asof_arena *arena,
						       struct asof_redis_target *ret_target,
						       struct asof_error *err);

#endif
