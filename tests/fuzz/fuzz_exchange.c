/* fuzz_exchange.c - bytes of a client of HTTP/1.1, any number of requests in them: how they are cut
 * into pieces makes no difference to what is answered, and to whether the connection is kept.
 */
#include "http/exchange.h"

#include "desk.h"

#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"
#define DATE     "\r\nDate: "
#define DATE_LEN ((size_t)29)

struct run {
	struct desk_case desk;
	struct asof_exchange exchange;
	char *input;
	size_t input_len;
	struct asof_buf output;
	bool is_closed;
};

/* But for the clock, and for whether a client is told to go on: it is not where its body came at
 * once. */
static void
keep_answer(struct run *run)
{
	struct asof_exchange *exchange = &run->exchange;
	char *head = exchange->head.ptr;
	check(exchange->head.len > 0 || exchange->closes);
	if (exchange->head.len == 0 || strcmp(asof_buf_cstr(&exchange->head), CONTINUE) == 0)
		return;
	char *date = strstr(head, DATE);
	check(date != NULL);
	memset(date + strlen(DATE), '-', DATE_LEN);
	asof_buf_add_str(&run->output, asof_buf_view(&exchange->head));
	if (exchange->sends_body)
		asof_buf_add_str(&run->output, asof_buf_view(&exchange->body));
}

/* What a connection does: answers until more input is wanted. */
static void
advance(struct run *run)
{
	while (!run->is_closed) {
		struct asof_input input = { run->input, run->input_len };
		enum asof_want want =
			asof_exchange_advance(&run->exchange, &run->desk.desk, &input);
		check(input.len <= run->input_len);
		run->input_len = input.len;
		check(want != ASOF_WANT_WAKING); /* nobody may push here */
		if (want == ASOF_WANT_INPUT)
			return;
		keep_answer(run);
		run->is_closed = run->exchange.closes;
		size_t used = asof_exchange_written(&run->exchange, &run->desk.desk);
		check(used <= run->input_len);
		memmove(run->input, run->input + used, run->input_len - used);
		run->input_len -= used;
	}
}

static void
run_in_pieces(struct run *run, struct asof_str bytes, size_t piece)
{
	*run = (struct run){ .output = ASOF_BUF((size_t)1 << 30) };
	desk_begin(&run->desk);
	run->exchange = asof_exchange_make(DESK_ANSWER_BYTES, NULL);
	run->input = asof_mem_alloc(bytes.len);
	check(run->input != NULL);
	while (bytes.len > 0 && !run->is_closed) {
		size_t len = bytes.len < piece ? bytes.len : piece;
		memcpy(run->input + run->input_len, bytes.ptr, len);
		run->input_len += len;
		bytes.ptr += len;
		bytes.len -= len;
		advance(run);
	}
}

static void
run_end(struct run *run)
{
	(void)asof_exchange_expire(&run->exchange, &run->desk.desk, run->input_len);
	asof_exchange_done(&run->exchange, &run->desk.desk);
	asof_mem_free(run->input);
	asof_buf_done(&run->output);
	desk_end(&run->desk);
}

/* The first byte is the length of the pieces. Inputs below the limit of a head: past it a request
 * is refused for its length in pieces, and maybe for something else as a whole. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > DESK_HEAD_BYTES)
		return 0;
	size_t live = asof_mem_live();
	size_t piece = data[0] > 0 ? data[0] : 1;
	struct asof_str bytes = { (const char *)data + 1, size - 1 };
	struct run whole;
	struct run cut;
	run_in_pieces(&whole, bytes, bytes.len);
	run_in_pieces(&cut, bytes, piece);
	check(whole.is_closed == cut.is_closed);
	check(whole.is_closed || whole.input_len == cut.input_len);
	check(asof_str_equal(asof_buf_view(&whole.output), asof_buf_view(&cut.output)));
	run_end(&whole);
	run_end(&cut);
	check(asof_mem_live() == live);
	return 0;
}
