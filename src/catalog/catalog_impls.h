/* catalog_impls.h - the list of implementations, and copies of rows that they share. */
#ifndef ASOF_CATALOG_IMPLS_H
#define ASOF_CATALOG_IMPLS_H

#include "catalog/catalog.h"

extern const struct asof_catalog_ops asof_catalog_mem_ops;
extern const struct asof_catalog_ops asof_catalog_sqlite_ops;
extern const struct asof_catalog_ops asof_catalog_postgres_ops;

/* Copies whose strings live in `arena`; a NULL string becomes "". `ret` may be `from`. */
ASOF_NODISCARD enum asof_status asof_catalog_copy_definition(const struct asof_definition *from,
							     struct asof_arena *arena,
							     struct asof_definition *ret,
							     struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_catalog_copy_version(const struct asof_version *from,
							  struct asof_arena *arena,
							  struct asof_version *ret,
							  struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_catalog_copy_run(const struct asof_run *from,
						      struct asof_arena *arena,
						      struct asof_run *ret, struct asof_error *err);
ASOF_NODISCARD enum asof_status
asof_catalog_copy_materialization(const struct asof_materialization *from, struct asof_arena *arena,
				  struct asof_materialization *ret, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_catalog_copy_training_set(const struct asof_training_set *from,
							       struct asof_arena *arena,
							       struct asof_training_set *ret,
							       struct asof_error *err);

#endif
