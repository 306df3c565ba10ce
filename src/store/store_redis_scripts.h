/*
 * store_redis_scripts.h - what the server does as one step, in its own language (Lua 5.1). Pure.
 *
 * KEYS of each: 1 the table's record, 2 its lease, 3 its generations to be removed, 4 the names of
 * all tables. ARGV of each: 1 the table's name, then as said here. Rows are, one after the other:
 * the key as it stands in a row's name, how many fields and values follow, those; "_times" with the
 * row's times comes first. A mark is "GENERATION LOG VERSION", a position "LOG VERSION".
 */
#ifndef ASOF_STORE_REDIS_SCRIPTS_H
#define ASOF_STORE_REDIS_SCRIPTS_H

#include "model/digest.h"

enum asof_redis_script {
	ASOF_REDIS_TRY,         /* every command of the others, to no effect. 1 */
	ASOF_REDIS_PUT,         /* rows. How many replaced */
	ASOF_REDIS_UPDATE,      /* mark, position, rows. 1; 0: the table is not at the mark */
	ASOF_REDIS_DROP,        /* 1 */
	ASOF_REDIS_LOAD_BEGIN,  /* token, lease in ms, tag or "". {0, ms it is held} or {1,
				   generation}, and where it goes on: rows, bytes, last key */
	ASOF_REDIS_LOAD_PUT,    /* token, lease, generation, "last wins" or "", how far the load is
				   with these rows (rows, bytes, last key), rows. 1; 0: another
				   load took over */
	ASOF_REDIS_LOAD_RENEW,  /* token, lease, generation. 1 or 0 as above */
	ASOF_REDIS_LOAD_LEAVE,  /* token, lease, generation. 1 or 0 as above */
	ASOF_REDIS_LOAD_COMMIT, /* token, lease, generation, position, mark or "", meta. 1 or 0 as
				   above; 2: the table is not at the mark */
	ASOF_REDIS_LOAD_ABORT,  /* token, lease, generation. 1 or 0 as above */
	ASOF_REDIS_SWEEP,       /* rows to remove at most. 1: there are more; 0: all is removed */
	ASOF_REDIS_SCRIPT_COUNT,
};

struct asof_str asof_redis_script_text(enum asof_redis_script script);

#endif
