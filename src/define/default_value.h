/* default_value.h - a YAML scalar as a typed default. Pure. */
#ifndef ASOF_DEFINE_DEFAULT_VALUE_H
#define ASOF_DEFINE_DEFAULT_VALUE_H

#include "model/project.h"

/*
 * The scalar as a value of `type`: numbers and bools without quotes, where nothing is lost; text,
 * dates, timestamps, uuids and decimals with or without. Texts are borrowed. ASOF_INVALID says what
 * is wrong. Lists, vectors and json take none.
 */
ASOF_NODISCARD enum asof_status asof_default_convert(const struct asof_default *given,
						     struct asof_type type,
						     struct asof_arena *arena,
						     struct asof_value *ret_value,
						     struct asof_error *err);

#endif
