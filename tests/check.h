/* check.h - cmocka plus the one assertion that it lacks. */
#ifndef ASOF_CHECK_H
#define ASOF_CHECK_H

#include <setjmp.h> /* cmocka.h needs these four before it */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "asof.h"

/* A call that must succeed; prints the error chain if it does not. */
#define assert_ok(call, err)                                      \
	do {                                                      \
		if ((call) != ASOF_OK)                            \
			fail_msg("%s: %s", #call, (err).message); \
	} while (0)

#endif
