/* s3_end.c - what the end of an attempt means for the next one. */
#include "lake/s3_client.h"

#define REQUEST_TIMEOUT   408
#define CONFLICT          409 /* two conditional requests at once */
#define TOO_MANY_REQUESTS 429
#define SERVER_ERROR      500
#define NOT_IMPLEMENTED   501
#define SLOW_DOWN         503

bool
asof_s3_end_may_pass(struct asof_s3_end end)
{
	if (end.status == 0)
		return true;
	return end.status == REQUEST_TIMEOUT || end.status == CONFLICT ||
	       end.status == TOO_MANY_REQUESTS ||
	       (end.status >= SERVER_ERROR && end.status != NOT_IMPLEMENTED);
}

bool
asof_s3_end_is_unsure(struct asof_s3_end end)
{
	if (end.status == 0)
		return end.is_reached;
	return end.status >= SERVER_ERROR && end.status != NOT_IMPLEMENTED &&
	       end.status != SLOW_DOWN;
}
