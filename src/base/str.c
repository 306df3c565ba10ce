/* str.c - what borrowed byte strings can do beyond base.h. */
#include "base/base.h"

int
asof_str_compare(struct asof_str a, struct asof_str b)
{
	size_t shared = a.len < b.len ? a.len : b.len;
	int order = shared ? memcmp(a.ptr, b.ptr, shared) : 0;
	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}
