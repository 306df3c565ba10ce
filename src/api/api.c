/* api.c - what of asof.h needs no session: texts, times, sizes, the schema. */
#include "base/base.h"
#include "base/number.h"
#include "codec/time_text.h"
#include "define/define.h"
#include "model/duration.h"

const char *
asof_version(void)
{
	return ASOF_VERSION;
}

void
asof_text_free(char *text)
{
	asof_mem_free(text);
}

enum asof_status
asof_time_parse(const char *text, int64_t *ret_us, struct asof_error *err)
{
	if (!text || !ret_us)
		return ASOF_FAIL(err, ASOF_INVALID, "no time given");
	return asof_timestamp_parse(asof_str_from(text), ret_us, err);
}

enum asof_status
asof_size_parse_text(const char *text, uint64_t *ret_bytes, struct asof_error *err)
{
	if (!text || !ret_bytes)
		return ASOF_FAIL(err, ASOF_INVALID, "no size given");
	uint64_t bytes = 0;
	if (!asof_size_parse(asof_str_from(text), &bytes))
		return ASOF_FAIL(err, ASOF_INVALID, "'%.80s' is not a size, like 512MiB or 4GB",
				 text);
	*ret_bytes = bytes;
	return ASOF_OK;
}

enum asof_status
asof_duration_parse_text(const char *text, int64_t *ret_us, struct asof_error *err)
{
	if (!text || !ret_us)
		return ASOF_FAIL(err, ASOF_INVALID, "no duration given");
	return asof_duration_parse(asof_str_from(text), ret_us, err);
}

const char *
asof_schema(void)
{
	return asof_define_schema().ptr;
}
