#include "store/store_redis_link.h"

#include <assert.h>
#include <hiredis/read.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/number.h"
#include "store/store_redis_socket.h"

#define ROOM_BYTES   (64 * 1024)
#define UNUSED_BYTES ((size_t)1 << 20) /* of the reader's buffer, kept for the next replies */
#define OLDEST_MAJOR 7
#define ITEMS_MAX    (1 << 22) /* of one reply: what is more is no answer to us */

/* Replies as they come. */
struct parser {
	redisReader *reader;
	struct asof_arena *arena; /* of the replies being read */
};

struct asof_redis_link {
	const struct asof_redis_target *target;
	struct asof_redis_socket *socket;
	struct parser parser;
	char room[ROOM_BYTES];
};

/* --- errors ------------------------------------------------------------------------------------
 */

struct known_error {
	const char *code;
	enum asof_status status;
	bool may_retry;
	const char *remedy;
};

static const struct known_error known_errors[] = {
	{ "WRONGPASS", ASOF_INVALID, false, ": check user and password of the URI" },
	{ "NOAUTH", ASOF_INVALID, false,
	  ": give the URI a password, best with ?password_env=NAME" },
	{ "ERR AUTH", ASOF_INVALID, false, ": leave the password out of the URI" },
	{ "NOPERM", ASOF_INVALID, false, ": grant it with ACL SETUSER (see the guide's rights)" },
	{ "OOM", ASOF_LIMIT, false, ": give the server more memory (maxmemory)" },
	{ "LOADING", ASOF_UNAVAILABLE, true, "" },
	{ "BUSY", ASOF_UNAVAILABLE, true, "" },
	{ "MASTERDOWN", ASOF_UNAVAILABLE, true, "" },
	{ "TRYAGAIN", ASOF_UNAVAILABLE, true, "" },
	{ "ERR max number of clients", ASOF_UNAVAILABLE, true, "" },
	{ "READONLY", ASOF_UNSUPPORTED, false, ": name the primary, not a replica" },
	{ "MISCONF", ASOF_UNAVAILABLE, false, ": the server's log says why it cannot save" },
	{ "NOREPLICAS", ASOF_UNAVAILABLE, false, "" },
	{ "MOVED", ASOF_UNSUPPORTED, false, ": a Redis Cluster is no store" },
	{ "CROSSSLOT", ASOF_UNSUPPORTED, false, ": a Redis Cluster is no store" },
	{ "CLUSTERDOWN", ASOF_UNSUPPORTED, false, ": a Redis Cluster is no store" },
	{ "WRONGTYPE", ASOF_CONFLICT, false, ": another program's key has our name: set ?prefix=" },
	{ "ERR DB index", ASOF_INVALID, false,
	  ": the server's `databases` says how many there are" },
	{ "ERR unknown command", ASOF_UNSUPPORTED, false, ": a store needs Redis 7 or later" },
};

/* Without the digest and line of our script, which say nothing to the user. */
static struct asof_str
said_to_users(struct asof_str text)
{
	static const char tail[] = " script: ";
	const size_t len = sizeof(tail) - 1;
	for (size_t i = 1; i + len <= text.len; i++) {
		if (memcmp(text.ptr + i, tail, len) == 0)
			return (struct asof_str){ text.ptr, i };
	}
	return text;
}

enum asof_status
asof_redis_fail(const struct asof_redis_reply *reply, bool *ret_may_retry, struct asof_error *err)
{
	struct asof_str text = said_to_users(reply->text);
	*ret_may_retry = false;
	for (size_t i = 0; i < ASOF_COUNTOF(known_errors); i++) {
		const struct known_error *known = &known_errors[i];
		size_t len = strlen(known->code);
		if (reply->text.len < len || memcmp(reply->text.ptr, known->code, len) != 0)
			continue;
		*ret_may_retry = known->may_retry;
		return ASOF_FAIL(err, known->status, "%.*s%s", ASOF_STR_ARG(text), known->remedy);
	}
	return ASOF_FAIL(err, ASOF_IO, "the server says '%.*s'", ASOF_STR_ARG(text));
}

/* --- replies -----------------------------------------------------------------------------------
 */

/* Where the reply being read goes: a place of its parent's, or one of its own. NULL on exhaustion.
 */
static struct asof_redis_reply *
place_of(const redisReadTask *task)
{
	const struct parser *parser = task->privdata;
	if (!task->parent)
		return asof_arena_alloc(parser->arena, sizeof(struct asof_redis_reply));
	const struct asof_redis_reply *parent = task->parent->obj;
	struct asof_redis_reply *items = (struct asof_redis_reply *)(uintptr_t)parent->items;
	return &items[task->idx];
}

static void *
make_text(const redisReadTask *task, char *bytes, size_t len)
{
	const struct parser *parser = task->privdata;
	struct asof_redis_reply *reply = place_of(task);
	const char *copy = asof_arena_copy(parser->arena, (struct asof_str){ bytes, len });
	if (!reply || !copy)
		return NULL;
	reply->kind = task->type == REDIS_REPLY_ERROR ? ASOF_REDIS_ERROR : ASOF_REDIS_TEXT;
	reply->text = (struct asof_str){ copy, len };
	return reply;
}

static void *
make_array(const redisReadTask *task, int count)
{
	const struct parser *parser = task->privdata;
	struct asof_redis_reply *reply = place_of(task);
	if (!reply || count > ITEMS_MAX)
		return NULL;
	struct asof_redis_reply *items =
		asof_arena_array(parser->arena, count > 0 ? (size_t)count : 0, sizeof(*items));
	if (!items)
		return NULL;
	reply->kind = ASOF_REDIS_ARRAY;
	reply->items = items;
	reply->count = count > 0 ? (size_t)count : 0;
	return reply;
}

static void *
make_int(const redisReadTask *task, long long number)
{
	struct asof_redis_reply *reply = place_of(task);
	if (!reply)
		return NULL;
	reply->kind = ASOF_REDIS_INT;
	reply->number = number;
	return reply;
}

static void *
make_nil(const redisReadTask *task)
{
	return place_of(task);
}

/* The arena owns them. */
static void
free_none(void *reply)
{
	(void)reply;
}

static redisReplyObjectFunctions reply_functions = { make_text, make_array, make_int, make_nil,
						     free_none };

static enum asof_status
parser_init(struct parser *parser, struct asof_error *err)
{
	parser->reader = redisReaderCreateWithFunctions(&reply_functions);
	if (!parser->reader)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "connection");
	parser->reader->privdata = parser;
	parser->reader->maxbuf = UNUSED_BYTES;
	return ASOF_OK;
}

static void
parser_done(struct parser *parser)
{
	if (parser->reader)
		redisReaderFree(parser->reader);
}

/* Take more bytes, and the replies that are whole then, up to `count` of them; *done counts. */
static enum asof_status
parse(struct parser *parser, struct asof_str bytes, struct asof_redis_reply *replies, size_t count,
      size_t *done, struct asof_error *err)
{
	if (redisReaderFeed(parser->reader, bytes.ptr, bytes.len) != REDIS_OK)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "reply");
	while (*done < count) {
		void *reply = NULL;
		if (redisReaderGetReply(parser->reader, &reply) != REDIS_OK) {
			if (parser->reader->err == REDIS_ERR_OOM)
				return ASOF_FAIL(err, ASOF_NO_MEMORY, "reply");
			return ASOF_FAIL(err, ASOF_IO, "no Redis answers there: %s",
					 parser->reader->errstr);
		}
		if (!reply)
			return ASOF_OK;
		replies[(*done)++] = *(const struct asof_redis_reply *)reply;
	}
	return ASOF_OK;
}

enum asof_status
asof_redis_parse(struct asof_str bytes, struct asof_redis_reply *replies, size_t count,
		 struct asof_arena *arena, size_t *ret_done, struct asof_error *err)
{
	ASOF_AUTO(parser_done) struct parser parser = { .arena = arena };
	size_t done = 0;
	ASOF_TRY(parser_init(&parser, err));
	ASOF_TRY(parse(&parser, bytes, replies, count, &done, err));
	*ret_done = done;
	return ASOF_OK;
}

/* --- requests ----------------------------------------------------------------------------------
 */

static void
add_size(struct asof_buf *buf, char mark, size_t size)
{
	char text[ASOF_DOUBLE_TEXT_MAX + 3];
	text[0] = mark;
	size_t len = 1 + asof_uint64_text(size, text + 1);
	text[len++] = '\r';
	text[len++] = '\n';
	asof_buf_add(buf, text, len);
}

void
asof_redis_begin(struct asof_buf *buf, size_t argument_count)
{
	add_size(buf, '*', argument_count);
}

void
asof_redis_add(struct asof_buf *buf, struct asof_str argument)
{
	add_size(buf, '$', argument.len);
	asof_buf_add_str(buf, argument);
	asof_buf_add(buf, "\r\n", 2);
}

void
asof_redis_add_text(struct asof_buf *buf, const char *argument)
{
	asof_redis_add(buf, asof_str_from(argument));
}

void
asof_redis_add_int(struct asof_buf *buf, int64_t argument)
{
	char text[ASOF_DOUBLE_TEXT_MAX];
	asof_redis_add(buf, (struct asof_str){ text, asof_int64_text(argument, text) });
}

static enum asof_status
exchange(struct asof_redis_link *link, struct asof_str head, struct asof_str body,
	 struct asof_redis_reply *replies, size_t count, struct asof_error *err)
{
	size_t done = 0;
	int64_t deadline_us = asof_monotonic_us() + link->target->answer_timeout_us;
	while (head.len > 0 || body.len > 0 || done < count) {
		size_t got = 0;
		struct asof_str *unsent = head.len > 0 ? &head : &body;
		size_t before = unsent->len;
		ASOF_TRY(asof_redis_socket_turn(link->socket, unsent, link->room, ROOM_BYTES, &got,
						deadline_us, err));
		if (got > 0)
			ASOF_TRY(parse(&link->parser, (struct asof_str){ link->room, got }, replies,
				       count, &done, err));
		if (got > 0 || unsent->len < before) /* the server is alive: it may go on */
			deadline_us = asof_monotonic_us() + link->target->answer_timeout_us;
	}
	return ASOF_OK;
}

enum asof_status
asof_redis_exchange(struct asof_redis_link *link, struct asof_str head, struct asof_str body,
		    struct asof_redis_reply *replies, size_t count, struct asof_arena *arena,
		    bool *ret_may_retry, struct asof_error *err)
{
	link->parser.arena = arena;
	enum asof_status status = exchange(link, head, body, replies, count, err);
	link->parser.arena = NULL;
	*ret_may_retry = status == ASOF_UNAVAILABLE;
	return status;
}

/* --- logging in --------------------------------------------------------------------------------
 */

static void
write_login(const struct asof_redis_target *target, struct asof_buf *buf)
{
	asof_redis_begin(buf, target->password ? 7 : 4);
	asof_redis_add_text(buf, "HELLO");
	asof_redis_add_text(buf, "2");
	if (target->password) {
		asof_redis_add_text(buf, "AUTH");
		asof_redis_add_text(buf, target->user ? target->user : "default");
		asof_redis_add_text(buf, target->password);
	}
	asof_redis_add_text(buf, "SETNAME");
	asof_redis_add_text(buf, "asof");
	asof_redis_begin(buf, 2);
	asof_redis_add_text(buf, "SELECT");
	asof_redis_add_int(buf, target->db);
}

/* What the server says of itself: names and values by turns. */
static struct asof_str
said(const struct asof_redis_reply *hello, const char *name)
{
	for (size_t i = 0; hello->kind == ASOF_REDIS_ARRAY && i + 1 < hello->count; i += 2) {
		if (asof_str_equal(hello->items[i].text, asof_str_from(name)))
			return hello->items[i + 1].text;
	}
	return (struct asof_str){ NULL, 0 };
}

static enum asof_status
check_server(const struct asof_redis_reply *hello, struct asof_error *err)
{
	struct asof_str version = said(hello, "version");
	struct asof_str major = version;
	const char *dot = version.len ? memchr(version.ptr, '.', version.len) : NULL;
	int64_t number = 0;
	major.len = dot ? (size_t)(dot - version.ptr) : version.len;
	if (!asof_int64_parse(major, &number) || number < OLDEST_MAJOR)
		return ASOF_FAIL(err, ASOF_UNSUPPORTED,
				 "the server is of version '%.*s': a store needs Redis %d or later",
				 ASOF_STR_ARG(version), OLDEST_MAJOR);
	if (asof_str_equal(said(hello, "mode"), asof_str_from("cluster")))
		return ASOF_FAIL(err, ASOF_UNSUPPORTED,
				 "the server is part of a Redis Cluster: name a single one");
	return ASOF_OK;
}

static enum asof_status
log_in(struct asof_redis_link *link, bool *ret_may_retry, struct asof_error *err)
{
	struct asof_redis_reply replies[2];
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf request = ASOF_BUF(1 << 20);
	write_login(link->target, &request);
	ASOF_TRY(asof_buf_status(&request, err));
	ASOF_TRY(asof_redis_exchange(link, asof_buf_view(&request), (struct asof_str){ NULL, 0 },
				     replies, 2, &arena, ret_may_retry, err));
	for (size_t i = 0; i < 2; i++) {
		if (replies[i].kind == ASOF_REDIS_ERROR)
			return asof_redis_fail(&replies[i], ret_may_retry, err);
	}
	return check_server(&replies[0], err);
}

enum asof_status
asof_redis_link_open(const struct asof_redis_target *target, struct asof_redis_link **ret_link,
		     bool *ret_may_retry, struct asof_error *err)
{
	*ret_may_retry = false;
	ASOF_AUTO(asof_redis_link_close_auto)
	struct asof_redis_link *link = asof_mem_alloc(sizeof(*link));
	if (!link)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "connection");
	link->target = target;
	ASOF_TRY(parser_init(&link->parser, err));
	enum asof_status status = asof_redis_socket_open(target, &link->socket, err);
	*ret_may_retry = status == ASOF_UNAVAILABLE;
	ASOF_TRY(status);
	ASOF_TRY(log_in(link, ret_may_retry, err));
	*ret_link = ASOF_STEAL(link);
	return ASOF_OK;
}

void
asof_redis_link_close(struct asof_redis_link *link)
{
	if (!link)
		return;
	asof_redis_socket_close(link->socket);
	parser_done(&link->parser);
	asof_mem_free(link);
}
