/* fuzz_tls_channel.c - bytes of a client of TLS, instead of hands, in the middle of them, or
 * behind: how they are cut into pieces makes no difference, a broken channel stays broken, and what
 * is read is what the client said.
 */
#include "http/tls_channel.h"

#include <unistd.h>

#include "../unit/http/tls_peer.h"

#define OUTPUT_MAX ((size_t)64 << 10)
#define TEXT_MAX   ((size_t)64 << 10)
#define PATH_BYTES ((size_t)256)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool is_true)
{
	if (!is_true)
		abort();
}

/* A file of our own. */
static void
make_file(char path[PATH_BYTES])
{
	const char *dir = getenv("TMPDIR");
	int len = snprintf(path, PATH_BYTES, "%s/asof-fuzz-XXXXXX", dir ? dir : "/tmp");
	check(len > 0 && (size_t)len < PATH_BYTES);
	int fd = mkstemp(path);
	check(fd >= 0 && close(fd) == 0);
}

/* Made once: it lives until the process ends. */
static struct ssl_ctx_st *
server_tls(void)
{
	static struct ssl_ctx_st *tls;
	char cert[PATH_BYTES];
	char key[PATH_BYTES];
	if (tls)
		return tls;
	make_file(cert);
	make_file(key);
	check(peer_write_certificate(cert, key));
	check(asof_tls_open(cert, key, true, &tls, NULL) == ASOF_OK);
	check(unlink(cert) == 0 && unlink(key) == 0);
	return tls;
}

struct run {
	struct asof_tls_channel *channel;
	char text[TEXT_MAX];
	size_t text_len;
};

static void
feed(struct run *run, struct asof_str bytes)
{
	enum asof_tls_state before = asof_tls_channel_state(run->channel);
	enum asof_tls_state after = asof_tls_channel_feed(run->channel, bytes);
	check(before != ASOF_TLS_BROKEN || after == ASOF_TLS_BROKEN);
	size_t len;
	do {
		len = asof_tls_channel_read(run->channel, run->text + run->text_len,
					    sizeof(run->text) - run->text_len);
		run->text_len += len;
	} while (len > 0 && run->text_len < sizeof(run->text));
	check(asof_tls_channel_output(run->channel).len <= OUTPUT_MAX);
}

static void
run_end(struct run *run)
{
	bool is_open = asof_tls_channel_state(run->channel) == ASOF_TLS_ESTABLISHED;
	struct asof_str answer = { "answer", 6 };
	check(asof_tls_channel_seal(run->channel, answer) == is_open);
	asof_tls_channel_seal_goodbye(run->channel);
	asof_tls_channel_free(run->channel);
}

/* The bytes themselves, from the first on: the server's part does not matter to whether they are
 * refused. */
static void
fuzz_hands(struct asof_str bytes, size_t piece)
{
	static struct run whole;
	static struct run cut;
	whole = (struct run){ .channel = asof_tls_channel_new(server_tls()) };
	cut = (struct run){ .channel = asof_tls_channel_new(server_tls()) };
	check(whole.channel && cut.channel);
	feed(&whole, bytes);
	while (bytes.len > 0) {
		struct asof_str some = { bytes.ptr, bytes.len < piece ? bytes.len : piece };
		bytes = (struct asof_str){ bytes.ptr + some.len, bytes.len - some.len };
		feed(&cut, some);
	}
	check(asof_tls_channel_state(whole.channel) == asof_tls_channel_state(cut.channel));
	check(whole.text_len == 0 && cut.text_len == 0);
	run_end(&whole);
	run_end(&cut);
}

/* What a client would send, garbled where and as `bytes` say: pairs of a distance and a mask. */
static bool
garble(char *flight, size_t len, struct asof_str bytes)
{
	bool is_changed = false;
	size_t at = 0;
	for (size_t i = 0; i + 1 < bytes.len; i += 2) {
		at += (unsigned char)bytes.ptr[i];
		if (at >= len)
			break;
		flight[at] = (char)(flight[at] ^ bytes.ptr[i + 1]);
		is_changed = is_changed || bytes.ptr[i + 1] != 0;
	}
	return is_changed;
}

/* Take what the peer has to send as bytes of our own. */
static size_t
take_flight(struct peer *peer, char *out, size_t room)
{
	struct asof_str flight = peer_output(peer);
	check(flight.len <= room);
	if (flight.len > 0)
		memcpy(out, flight.ptr, flight.len);
	peer_sent(peer);
	return flight.len;
}

static void
feed_in_pieces(struct run *run, const char *flight, size_t len, size_t piece)
{
	for (size_t at = 0; at < len; at += piece)
		feed(run, (struct asof_str){ flight + at, len - at < piece ? len - at : piece });
}

/* A real client, whose `garbled`th flight is not what it said. */
static void
fuzz_flights(struct asof_str bytes, size_t piece, int version, unsigned garbled)
{
	static struct run run;
	static char flight[TEXT_MAX];
	struct peer peer;
	run = (struct run){ .channel = asof_tls_channel_new(server_tls()) };
	check(run.channel != NULL);
	peer_begin(&peer, version, PEER_ALPN_HTTP1);
	for (unsigned i = 0; i < 4; i++) {
		size_t len = take_flight(&peer, flight, sizeof(flight));
		if (i == garbled)
			(void)garble(flight, len, bytes);
		feed_in_pieces(&run, flight, len, piece);
		peer_hear(&peer, run.channel);
	}
	check(run.text_len == 0);
	run_end(&run);
	peer_end(&peer);
}

/* Hands are shaken; the client says something, and the record is garbled. Not a byte of one that
 * was changed is read. */
static void
fuzz_records(struct asof_str bytes, size_t piece, int version)
{
	static struct run run;
	static char record[TEXT_MAX];
	static const char text[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
	struct peer peer;
	run = (struct run){ .channel = asof_tls_channel_new(server_tls()) };
	check(run.channel != NULL);
	peer_begin(&peer, version, PEER_ALPN_HTTP1);
	check(peer_shake_hands(&peer, run.channel) == ASOF_TLS_ESTABLISHED);
	peer_say(&peer, (struct asof_str){ text, sizeof(text) - 1 });
	size_t len = take_flight(&peer, record, sizeof(record));
	bool is_changed = garble(record, len, bytes);
	feed_in_pieces(&run, record, len, piece);
	check(run.text_len == 0 || run.text_len == sizeof(text) - 1);
	check(is_changed || run.text_len > 0);
	check(memcmp(run.text, text, run.text_len) == 0);
	run_end(&run);
	peer_end(&peer);
}

/* The first byte is the length of the pieces, the second what is garbled. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	size_t live = asof_mem_live();
	size_t piece = data[0] > 0 ? data[0] : 1;
	unsigned mode = data[1] % 7;
	int version = mode % 2 == 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
	struct asof_str bytes = { (const char *)data + 2, size - 2 };
	if (mode == 6)
		fuzz_hands(bytes, piece);
	else if (mode >= 4)
		fuzz_records(bytes, piece, version);
	else
		fuzz_flights(bytes, piece, version, mode / 2);
	check(asof_mem_live() == live);
	return 0;
}
