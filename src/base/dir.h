/* dir.h - directories made with their parents, durably. Thread-safe; several processes may race. */
#ifndef ASOF_DIR_H
#define ASOF_DIR_H

#include "base/base.h"

/* Make `path` and what is missing above it. One that exists already is no error. */
ASOF_NODISCARD enum asof_status asof_dir_make(const char *path, struct asof_error *err);
/* The same for the directory that holds `path`. */
ASOF_NODISCARD enum asof_status asof_dir_make_above(const char *path, struct asof_error *err);
/* fsync(2) the directory that holds `path`, so that its name survives a power cut. */
ASOF_NODISCARD enum asof_status asof_dir_sync_above(const char *path, struct asof_error *err);

#endif
