/* test_tls_channel.c - TLS byte by byte: hands shaken, refused, cut and garbled. */
#include "http/tls_channel.h"

#include "check.h"
#include "tempdir.h"
#include "unit/http/tls_peer.h"

#define S(literal)  ((struct asof_str){ literal, sizeof(literal) - 1 })
#define TEXT_BYTES  ((size_t)100000)
#define OUTPUT_MAX  ((size_t)64 << 10) /* said while hands are shaken */
#define RECORD_HEAD ((size_t)5)

struct fixture {
	struct ssl_ctx_st *tls;
	struct asof_tls_channel *channel;
	struct peer peer;
};

static struct ssl_ctx_st *with_http2, *without_http2;

static void
open_both(const char *dir)
{
	char cert[TEMPDIR_MAX + 16];
	char key[TEMPDIR_MAX + 16];
	struct asof_error err = { 0 };
	(void)snprintf(cert, sizeof(cert), "%s/cert", dir);
	(void)snprintf(key, sizeof(key), "%s/key", dir);
	assert_true(peer_write_certificate(cert, key));
	assert_ok(asof_tls_open(cert, key, true, &with_http2, &err), err);
	assert_ok(asof_tls_open(cert, key, false, &without_http2, &err), err);
}

static int
group_up(void **state)
{
	char dir[TEMPDIR_MAX];
	(void)state;
	tempdir_make(dir);
	open_both(dir);
	tempdir_remove(dir);
	return 0;
}

static int
group_down(void **state)
{
	(void)state;
	asof_tls_free(with_http2);
	asof_tls_free(without_http2);
	return 0;
}

static void
fixture_begin(struct fixture *f, int version, const char *alpn)
{
	f->tls = with_http2;
	f->channel = asof_tls_channel_new(f->tls);
	assert_non_null(f->channel);
	peer_begin(&f->peer, version, alpn);
}

static void
fixture_end(struct fixture *f)
{
	asof_tls_channel_free(f->channel);
	peer_end(&f->peer);
}

static int
set_up(void **state)
{
	static struct fixture f;
	fixture_begin(&f, TLS1_3_VERSION, NULL);
	assert_int_equal(peer_shake_hands(&f.peer, f.channel), ASOF_TLS_ESTABLISHED);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	fixture_end(*state);
	return 0;
}

static void
feed_pieces(struct asof_tls_channel *channel, struct asof_str bytes, size_t piece)
{
	while (bytes.len > 0) {
		struct asof_str some = { bytes.ptr, bytes.len < piece ? bytes.len : piece };
		(void)asof_tls_channel_feed(channel, some);
		bytes = (struct asof_str){ bytes.ptr + some.len, bytes.len - some.len };
	}
}

static size_t
read_all(struct asof_tls_channel *channel, char *out, size_t room)
{
	size_t total = 0;
	size_t len;
	while ((len = asof_tls_channel_read(channel, out + total, room - total)) > 0)
		total += len;
	return total;
}

/* --- hands --- */

static void
hands_are_shaken_byte_by_byte(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(versions); i++) {
		struct fixture f;
		fixture_begin(&f, versions[i], NULL);
		while (peer_output(&f.peer).len > 0) {
			feed_pieces(f.channel, peer_output(&f.peer), 1);
			peer_sent(&f.peer);
			peer_hear(&f.peer, f.channel);
		}
		assert_int_equal(asof_tls_channel_state(f.channel), ASOF_TLS_ESTABLISHED);
		fixture_end(&f);
	}
}

/* What a client offers, what the server speaks, and what comes of it. */
static void
a_protocol_is_agreed_on_or_there_is_none(void **state)
{
	static const struct {
		const char *offered;
		bool speaks_http2;
		enum asof_tls_state state;
		bool is_http2;
	} cases[] = {
		{ NULL, true, ASOF_TLS_ESTABLISHED, false },
		{ PEER_ALPN_HTTP1, true, ASOF_TLS_ESTABLISHED, false },
		{ PEER_ALPN_HTTP2, true, ASOF_TLS_ESTABLISHED, true },
		{ PEER_ALPN_HTTP1 PEER_ALPN_HTTP2, true, ASOF_TLS_ESTABLISHED, true },
		{ PEER_ALPN_HTTP1 PEER_ALPN_HTTP2, false, ASOF_TLS_ESTABLISHED, false },
		{ PEER_ALPN_HTTP2, false, ASOF_TLS_BROKEN, false },
		{ "\x02h3", true, ASOF_TLS_BROKEN, false },
	};
	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct fixture f;
		peer_begin(&f.peer, TLS1_3_VERSION, cases[i].offered);
		f.channel =
			asof_tls_channel_new(cases[i].speaks_http2 ? with_http2 : without_http2);
		assert_non_null(f.channel);
		assert_int_equal(peer_shake_hands(&f.peer, f.channel), cases[i].state);
		assert_int_equal(asof_tls_channel_is_http2(f.channel), cases[i].is_http2);
		fixture_end(&f);
	}
}

static void
what_is_no_hand_is_refused_with_an_alert(void **state)
{
	static const struct asof_str cases[] = {
		{ "GET / HTTP/1.1\r\n\r\n", 18 },
		{ "\x16\x03\x01\0\x04\xff\xff\xff\xff", 9 },
		{ "\x16\x03\x01\0\x04\x01\0\0\0", 9 },     /* a hello without anything */
		{ "\x17\x03\x03\0\x01x", 6 },              /* data before hands */
		{ "\x15\x03\x03\0\x02\x02\x28", 7 },       /* an alert */
		{ "\x14\x03\x03\0\x01\x01", 6 },           /* a change of ciphers */
		{ "\x16\x03\x01\xff\xff\x01\xff\xff", 8 }, /* a record longer than any */
		{ "\x16\x02\x00\0\x04\x01\0\0\0", 9 },     /* SSL 2 */
	};
	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct fixture f;
		char out[16];
		fixture_begin(&f, TLS1_3_VERSION, NULL);
		feed_pieces(f.channel, cases[i], 1);
		if (asof_tls_channel_state(f.channel) != ASOF_TLS_BROKEN)
			fail_msg("case %zu is not refused", i);
		assert_true(asof_tls_channel_output(f.channel).len < OUTPUT_MAX);
		assert_int_equal(asof_tls_channel_read(f.channel, out, sizeof(out)), 0);
		assert_false(asof_tls_channel_seal(f.channel, S("x")));
		/* It stays so, whatever comes. */
		assert_int_equal(asof_tls_channel_feed(f.channel, peer_output(&f.peer)),
				 ASOF_TLS_BROKEN);
		asof_tls_channel_seal_goodbye(f.channel);
		fixture_end(&f);
	}
}

static void
old_versions_are_refused(void **state)
{
	static const int versions[] = { TLS1_VERSION, TLS1_1_VERSION };
	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(versions); i++) {
		struct fixture f;
		fixture_begin(&f, versions[i], NULL);
		assert_int_equal(peer_shake_hands(&f.peer, f.channel), ASOF_TLS_BROKEN);
		fixture_end(&f);
	}
}

/* A flight that ends anywhere waits; one that is garbled anywhere breaks, or changes nothing that
 * counts; none is taken for whole. */
static void
a_hello_cut_or_garbled_anywhere_establishes_nothing(void **state)
{
	struct peer peer;
	char hello[2048];
	(void)state;
	peer_begin(&peer, TLS1_3_VERSION, PEER_ALPN_HTTP1);
	size_t len = peer_output(&peer).len;
	assert_true(len > RECORD_HEAD && len < sizeof(hello));
	memcpy(hello, peer_output(&peer).ptr, len);
	peer_end(&peer);
	for (size_t at = 0; at < len; at++) {
		struct asof_tls_channel *channel = asof_tls_channel_new(with_http2);
		assert_non_null(channel);
		assert_int_equal(asof_tls_channel_feed(channel, (struct asof_str){ hello, at }),
				 ASOF_TLS_SHAKING);
		asof_tls_channel_free(channel);
		channel = asof_tls_channel_new(with_http2);
		assert_non_null(channel);
		hello[at] ^= 0x55;
		assert_int_not_equal(
			asof_tls_channel_feed(channel, (struct asof_str){ hello, len }),
			ASOF_TLS_ESTABLISHED);
		assert_true(asof_tls_channel_output(channel).len < OUTPUT_MAX);
		hello[at] ^= 0x55;
		asof_tls_channel_free(channel);
	}
}

/* --- text --- */

static void
what_one_says_the_other_reads(void **state)
{
	struct fixture *f = *state;
	static char text[TEXT_BYTES];
	static char read[TEXT_BYTES + 1];
	for (size_t i = 0; i < TEXT_BYTES; i++)
		text[i] = (char)(i * 7 % 251);
	peer_say(&f->peer, (struct asof_str){ text, TEXT_BYTES });
	feed_pieces(f->channel, peer_output(&f->peer), 1000);
	assert_int_equal(read_all(f->channel, read, sizeof(read)), TEXT_BYTES);
	assert_memory_equal(read, text, TEXT_BYTES);
	assert_true(asof_tls_channel_seal(f->channel, (struct asof_str){ text, TEXT_BYTES }));
	assert_true(asof_tls_channel_seal(f->channel, S("")));
	peer_hear(&f->peer, f->channel);
	assert_int_equal(peer_read(&f->peer, read, sizeof(read)), TEXT_BYTES);
	assert_memory_equal(read, text, TEXT_BYTES);
	assert_int_equal(asof_tls_channel_state(f->channel), ASOF_TLS_ESTABLISHED);
}

/* The record is refused, nothing of it is read, and what came before it is. */
static void
a_record_garbled_anywhere_is_not_read(void **state)
{
	(void)state;
	for (size_t at = 0; at < 40; at++) {
		struct fixture *f;
		char record[128];
		char read[128];
		(void)set_up((void **)&f);
		peer_say(&f->peer, S("first"));
		(void)asof_tls_channel_feed(f->channel, peer_output(&f->peer));
		peer_sent(&f->peer);
		peer_say(&f->peer, S("second, longer than the first"));
		size_t len = peer_output(&f->peer).len;
		assert_true(at < len && len < sizeof(record));
		memcpy(record, peer_output(&f->peer).ptr, len);
		/* A length that is larger waits for the rest of it. */
		record[at] ^= at == 3 || at == 4 ? 0x20 : 0x01;
		(void)asof_tls_channel_feed(f->channel, (struct asof_str){ record, len });
		size_t count = read_all(f->channel, read, sizeof(read));
		assert_int_equal(count, 5);
		assert_memory_equal(read, "first", 5);
		assert_int_not_equal(asof_tls_channel_state(f->channel), ASOF_TLS_ENDED);
		fixture_end(f);
	}
}

static void
a_record_cut_anywhere_is_waited_for(void **state)
{
	struct fixture *f = *state;
	char record[128];
	char read[128];
	peer_say(&f->peer, S("whole"));
	size_t len = peer_output(&f->peer).len;
	memcpy(record, peer_output(&f->peer).ptr, len);
	for (size_t at = 0; at + 1 < len; at++) {
		(void)asof_tls_channel_feed(f->channel, (struct asof_str){ record + at, 1 });
		assert_int_equal(asof_tls_channel_read(f->channel, read, sizeof(read)), 0);
		assert_int_equal(asof_tls_channel_state(f->channel), ASOF_TLS_ESTABLISHED);
	}
	(void)asof_tls_channel_feed(f->channel, (struct asof_str){ record + len - 1, 1 });
	assert_int_equal(read_all(f->channel, read, sizeof(read)), 5);
}

static void
plain_text_behind_the_handshake_breaks_it(void **state)
{
	struct fixture *f = *state;
	char read[16];
	(void)asof_tls_channel_feed(f->channel, S("GET / HTTP/1.1\r\n\r\n"));
	assert_int_equal(asof_tls_channel_read(f->channel, read, sizeof(read)), 0);
	assert_int_equal(asof_tls_channel_state(f->channel), ASOF_TLS_BROKEN);
	assert_false(asof_tls_channel_seal(f->channel, S("x")));
}

/* --- the end --- */

static void
a_goodbye_is_heard_behind_what_was_said(void **state)
{
	struct fixture *f = *state;
	char read[16];
	peer_say(&f->peer, S("last"));
	peer_say_goodbye(&f->peer);
	(void)asof_tls_channel_feed(f->channel, peer_output(&f->peer));
	assert_int_equal(read_all(f->channel, read, sizeof(read)), 4);
	assert_int_equal(asof_tls_channel_state(f->channel), ASOF_TLS_ENDED);
	assert_false(peer_was_told_goodbye(&f->peer));
	asof_tls_channel_seal_goodbye(f->channel);
	peer_hear(&f->peer, f->channel);
	(void)peer_read(&f->peer, read, sizeof(read));
	assert_true(peer_was_told_goodbye(&f->peer));
}

static void
without_memory_there_is_no_channel(void **state)
{
	(void)state;
	size_t before = asof_mem_live();
	asof_mem_fail_at(1);
	assert_null(asof_tls_channel_new(with_http2));
	asof_mem_fail_at(0);
	assert_int_equal(asof_mem_live(), before);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hands_are_shaken_byte_by_byte),
		cmocka_unit_test(a_protocol_is_agreed_on_or_there_is_none),
		cmocka_unit_test(what_is_no_hand_is_refused_with_an_alert),
		cmocka_unit_test(old_versions_are_refused),
		cmocka_unit_test(a_hello_cut_or_garbled_anywhere_establishes_nothing),
		TEST(what_one_says_the_other_reads),
		cmocka_unit_test(a_record_garbled_anywhere_is_not_read),
		TEST(a_record_cut_anywhere_is_waited_for),
		TEST(plain_text_behind_the_handshake_breaks_it),
		TEST(a_goodbye_is_heard_behind_what_was_said),
		cmocka_unit_test(without_memory_there_is_no_channel),
	};
	return cmocka_run_group_tests(tests, group_up, group_down);
}
