/* fuzz_http2.c - bytes of a client of HTTP/2: how they are cut into pieces makes no difference,
 * what is kept and sent is bounded, and nothing is left behind.
 */
#include "http/http2.h"

#include "../unit/http/frames.h"
#include "desk.h"

#define OUTPUT_MAX ((size_t)2 << 20) /* of one call */

struct run {
	struct desk_case desk;
	struct asof_http2 *http2;
	struct hearing hearing;
	bool is_refused; /* without a word */
	bool is_closed;
};

static void
take_output(struct run *run)
{
	struct asof_str out;
	while (!run->is_closed && (out = asof_http2_output(run->http2)).len > 0) {
		check(out.len <= OUTPUT_MAX);
		hear(&run->hearing, out);
	}
	run->is_closed = run->is_closed || asof_http2_is_done(run->http2);
}

/* Feed in pieces; is_pumped: what is said is taken behind each, as by a client that listens. */
static void
run_in_pieces(struct run *run, struct asof_str bytes, size_t piece, bool is_pumped)
{
	desk_begin(&run->desk);
	hearing_begin(&run->hearing);
	run->http2 = asof_http2_new(&run->desk.desk, DESK_ANSWER_BYTES, NULL);
	check(run->http2 != NULL);
	while (bytes.len > 0 && !run->is_closed) {
		struct asof_str some = { bytes.ptr, bytes.len < piece ? bytes.len : piece };
		bytes = (struct asof_str){ bytes.ptr + some.len, bytes.len - some.len };
		run->is_refused = !asof_http2_feed(run->http2, some);
		run->is_closed = run->is_refused;
		if (is_pumped)
			take_output(run);
	}
	take_output(run);
}

static void
run_end(struct run *run)
{
	asof_http2_free(run->http2);
	hearing_end(&run->hearing);
	desk_end(&run->desk);
}

/* What is begun can be brought to an end by whoever owns the connection. */
static void
end_in_good_order(struct run *run)
{
	asof_http2_wake(run->http2);
	asof_http2_expire(run->http2, INT64_MAX);
	take_output(run);
	check(run->is_closed || !asof_http2_is_reading(run->http2));
	asof_http2_drain(run->http2);
	take_output(run);
	check(run->is_closed || asof_http2_is_busy(run->http2));
}

/* nghttp2 takes eight pieces of what should be CONTINUATION frames, however few those are: what
 * comes in more is refused. Nothing else depends on the pieces. */
static void
compare(const struct run *whole, const struct run *cut)
{
	if (whole->is_refused != cut->is_refused) {
		check(cut->is_refused);
		return;
	}
	check(whole->is_closed == cut->is_closed);
	check(asof_str_equal(asof_buf_view(&whole->hearing.lines),
			     asof_buf_view(&cut->hearing.lines)));
}

/* The first byte is the length of the pieces. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	size_t live = asof_mem_live();
	size_t piece = data[0] > 0 ? data[0] : 1;
	struct asof_str bytes = { (const char *)data + 1, size - 1 };
	struct run whole = { 0 };
	struct run cut = { 0 };
	struct run pumped = { 0 };
	run_in_pieces(&whole, bytes, bytes.len, false);
	run_in_pieces(&cut, bytes, piece, false);
	compare(&whole, &cut);
	run_in_pieces(&pumped, bytes, piece, true);
	end_in_good_order(&pumped);
	run_end(&whole);
	run_end(&cut);
	run_end(&pumped);
	check(asof_mem_live() == live);
	return 0;
}
