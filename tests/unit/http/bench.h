/* bench.h - an exchange on the bench: text is fed in, what it answers is kept. No reader behind. */
#ifndef ASOF_TESTS_HTTP_BENCH_H
#define ASOF_TESTS_HTTP_BENCH_H

#include "check.h"
#include "http/exchange.h"

#define BENCH_INPUT_BYTES ((size_t)1 << 20)

struct bench {
	struct asof_exchange exchange;
	struct asof_desk desk;
	struct asof_budget budget;
	struct asof_meter meter;
	atomic_bool is_closing;
	char *input;
	size_t input_len;
	struct asof_buf output;
	size_t answer_count;
	bool is_closed;
};

/* Bodies up to 1 KiB, heads up to 2 KiB. */
static inline void
bench_begin(struct bench *b)
{
	*b = (struct bench){ .output = ASOF_BUF(BENCH_INPUT_BYTES) };
	b->budget.max_bytes = BENCH_INPUT_BYTES;
	b->input = asof_mem_alloc(BENCH_INPUT_BYTES);
	assert_non_null(b->input);
	b->exchange = asof_exchange_make(4096, NULL);
	b->desk = (struct asof_desk){
		.routes = { .entity_max = 10, .is_closing = &b->is_closing },
		.header_max_bytes = 2048,
		.body_max_bytes = 1024,
		.budget = &b->budget,
		.meter = &b->meter,
		.id_seed = 42,
	};
}

static inline void
bench_end(struct bench *b)
{
	asof_exchange_done(&b->exchange, &b->desk);
	asof_desk_done(&b->desk);
	asof_buf_done(&b->output);
	asof_mem_free(b->input);
}

static inline int
setup(void **state)
{
	static struct bench b;
	bench_begin(&b);
	*state = &b;
	return 0;
}

static inline int
teardown(void **state)
{
	bench_end(*state);
	return 0;
}

/* What a connection does: answers until more input is wanted, or a request waits. */
static inline void
run_exchange(struct bench *b)
{
	while (!b->is_closed) {
		struct asof_input input = { b->input, b->input_len };
		enum asof_want want = asof_exchange_advance(&b->exchange, &b->desk, &input);
		b->input_len = input.len;
		if (want != ASOF_WANT_OUTPUT)
			return;
		asof_buf_add_str(&b->output, asof_buf_view(&b->exchange.head));
		if (b->exchange.sends_body)
			asof_buf_add_str(&b->output, asof_buf_view(&b->exchange.body));
		b->answer_count++;
		b->is_closed = b->exchange.closes;
		if (b->is_closed)
			return;
		size_t used = asof_exchange_written(&b->exchange, &b->desk);
		assert_true(used <= b->input_len);
		memmove(b->input, b->input + used, b->input_len - used);
		b->input_len -= used;
	}
}

static inline void
feed_pieces(struct bench *b, const char *bytes, size_t len, size_t piece)
{
	for (size_t at = 0; at < len; at += piece) {
		size_t count = len - at < piece ? len - at : piece;
		assert_true(b->input_len + count <= BENCH_INPUT_BYTES);
		memcpy(b->input + b->input_len, bytes + at, count);
		b->input_len += count;
		run_exchange(b);
	}
}

static inline void
feed(struct bench *b, const char *text)
{
	feed_pieces(b, text, strlen(text), strlen(text));
}

static inline void
clear(struct bench *b)
{
	asof_buf_clear(&b->output);
	b->answer_count = 0;
}

static inline bool
has(const struct bench *b, const char *text)
{
	return strstr(asof_buf_cstr(&b->output), text) != NULL;
}

static inline bool
starts_with_text(const struct asof_buf *buf, const char *text)
{
	return strncmp(asof_buf_cstr(buf), text, strlen(text)) == 0;
}

static inline bool
starts_with(const struct bench *b, const char *text)
{
	return starts_with_text(&b->output, text);
}

#endif
