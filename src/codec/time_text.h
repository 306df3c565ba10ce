/* time_text.h - dates and instants as text. Pure; time is int64 microseconds since the epoch, UTC.
 */
#ifndef ASOF_CODEC_TIME_TEXT_H
#define ASOF_CODEC_TIME_TEXT_H

#include "base/base.h"

#define ASOF_TIME_TEXT_MAX 40

/* RFC 3339 with Z and up to six digits of fraction, none when zero: "2001-06-30T00:00:00Z". Years
 * outside 0-9999 carry a sign and six digits. Returns the length; no NUL. */
size_t asof_timestamp_text(int64_t event_us, char out[ASOF_TIME_TEXT_MAX]);
size_t asof_date_text(int32_t days, char out[ASOF_TIME_TEXT_MAX]); /* "2001-06-30" */

/*
 * "2001-06-30T00:00:00Z", a space for T, seconds and fraction optional (more than six digits are
 * floored), zone "Z", "+02:00" or none (UTC), or a date alone (midnight). ASOF_INVALID says what is
 * wrong.
 */
ASOF_NODISCARD enum asof_status asof_timestamp_parse(struct asof_str text, int64_t *ret_us,
						     struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_date_parse(struct asof_str text, int32_t *ret_days,
						struct asof_error *err);

#endif
