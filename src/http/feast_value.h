/* feast_value.h - a value as Feast's server writes it. Pure. */
#ifndef ASOF_HTTP_FEAST_VALUE_H
#define ASOF_HTTP_FEAST_VALUE_H

#include "base/buf.h"
#include "model/value.h"

/*
 * As asof_value_write_json() but for these: a float always has a point or an exponent, so that a
 * reader takes it for one; NaN is null, but "NaN" within a list; a timestamp is its whole seconds
 * since the epoch, a date those of its midnight; decimals and JSON are their text, in quotes.
 */
void asof_feast_write_value(struct asof_buf *buf, const struct asof_value *value);

#endif
