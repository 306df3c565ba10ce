/*
 * store_fault.h - a store around another one whose nth call fails, for tests of what uses stores.
 *
 * Every call through it counts one: put, get_many, meta, mark, update, tables, drop and the load's
 * begin, put, update, get_many and commit. A call that fails has not reached the inner store.
 * Thread-safe.
 */
#ifndef ASOF_STORE_FAULT_H
#define ASOF_STORE_FAULT_H

#include "store/store.h"

/* On success `inner` belongs to *ret_store. */
ASOF_NODISCARD enum asof_status asof_store_fault_wrap(struct asof_store *inner,
						      struct asof_store **ret_store,
						      struct asof_error *err);
/* Fail the nth call from now (1-based) with `status`, once; 0: none. `store` is one made here. */
void asof_store_fault_at(struct asof_store *store, size_t nth, enum asof_status status);

#endif
