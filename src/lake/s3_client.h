/*
 * s3_client.h - requests to an object store that speaks S3: signed, sent, retried within bounds.
 *
 * Signature version 4 by libcurl. What the store or the network fails at is tried again up to six
 * times, with a pause that doubles and a random part; what it refuses is told at once. Thread-safe.
 */
#ifndef ASOF_LAKE_S3_CLIENT_H
#define ASOF_LAKE_S3_CLIENT_H

#include "base/arena.h"
#include "base/buf.h"

#define ASOF_S3_ETAG_MAX 128

/* Where and as whom. Strings live in the arena they were read into. */
struct asof_s3_place {
	const char *endpoint; /* scheme and host, without "/" at its end */
	const char *region;
	const char *bucket;
	const char *prefix; /* "" or ending in "/" */
	bool is_path_style; /* endpoint/bucket/key, not bucket.endpoint/key */
	const char *key_id;
	const char *secret;
	const char *token; /* of temporary credentials; NULL: none */
};

/*
 * "bucket/prefix?endpoint=http://127.0.0.1:9000&region=eu-west-1&path_style=true" (parameters are
 * optional) and, as Amazon's own tools read them, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
 * AWS_SESSION_TOKEN, AWS_REGION or AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL.
 * An endpoint that is given is addressed by path unless path_style=false. ASOF_INVALID says what is
 * missing.
 */
ASOF_NODISCARD enum asof_status asof_s3_place_read(struct asof_str location,
						   struct asof_arena *arena,
						   struct asof_s3_place *ret_place,
						   struct asof_error *err);

struct asof_s3_client;

/* `place` outlives the client. */
ASOF_NODISCARD enum asof_status asof_s3_client_new(const struct asof_s3_place *place,
						   struct asof_s3_client **ret_client,
						   struct asof_error *err);
/* NULL is a no-op. */
void asof_s3_client_free(struct asof_s3_client *client);
ASOF_DEFINE_AUTOFREE(struct asof_s3_client, asof_s3_client_free)

struct asof_s3_request {
	const char *method; /* "GET" "HEAD" "PUT" "POST" "DELETE" */
	const char *key;    /* of the object, whole; "": of the bucket */
	const char *query;  /* parameters encoded and sorted, or NULL */
	struct asof_str body;
	bool is_if_absent; /* If-None-Match: * */
};

struct asof_s3_answer {
	struct asof_buf *body; /* where it goes; NULL: dropped */
	char etag[ASOF_S3_ETAG_MAX];
	/* An attempt before the last one has ended without an answer: it may have been done. */
	bool was_unsure;
};

/*
 * ASOF_OK for 2xx. ASOF_NOT_FOUND, ASOF_CONFLICT (412), ASOF_INVALID where access is denied or the
 * bucket does not exist, ASOF_UNAVAILABLE when the attempts are used up; the store's own words are
 * in the message, secrets never are. answer->was_unsure is also set on failure.
 * Fault points: s3.before_send s3.after_send.
 */
ASOF_NODISCARD enum asof_status asof_s3_send(struct asof_s3_client *client,
					     const struct asof_s3_request *request,
					     struct asof_s3_answer *answer, struct asof_error *err);

/* How an attempt ended. */
struct asof_s3_end {
	bool is_reached; /* there was a connection */
	long status;     /* of HTTP; 0: no answer */
};
/* Whether another attempt may end otherwise. */
bool asof_s3_end_may_pass(struct asof_s3_end end);
/* Whether what was asked for may have been done all the same: an answer that says no was not
 * followed by a deed, silence and an error of the store may be. */
bool asof_s3_end_is_unsure(struct asof_s3_end end);

/* Percent-encode for a query's value or, with `keeps_slash`, a path. */
void asof_s3_encode(struct asof_buf *buf, struct asof_str text, bool keeps_slash);

#endif
