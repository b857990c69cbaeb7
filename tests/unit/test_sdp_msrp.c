/* SPDX-License-Identifier: Apache-2.0 */
/* Reading session descriptions with MSRP lines: what is kept, what is tolerated, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/bytes.h"
#include "proto/sdp_msrp.h"

#define HEAD "v=0\r\no=alice 700100 1 IN IP4 192.0.2.11\r\ns=-\r\nc=IN IP4 192.0.2.11\r\nt=0 0\r\n"

static const char full[] = HEAD "m=message 7394 TCP/MSRP *\r\n"
				"a=path:msrp://192.0.2.11:7394/aQ9x2Lk71zT;tcp\r\n"
				"a=accept-types:message/cpim text/plain\r\n"
				"a=accept-wrapped-types:text/plain image/png\r\n"
				"a=max-size:65536\r\n"
				"a=setup:actpass\r\n"
				"a=chatroom:nickname private-messages\r\n";

static int parse(const char *text, bool strict, struct sdp_session *sdp_r)
{
	return sdp_parse_msrp(slice_str(text), strict, sdp_r);
}

/* One media line below HEAD. */
static struct sdp_session with(const char *lines)
{
	struct bytes b = BYTES_INIT;
	struct sdp_session sdp;

	bytes_add_str(&b, HEAD);
	bytes_add_str(&b, lines);
	assert_int_equal(parse(bytes_cstr(&b), false, &sdp), 0);
	bytes_fini(&b);
	return sdp;
}

/* covers: MSRP-120, MSRP-122, MSRP-123, MSRP-125, MSRP-128 */
static void a_chat_offer_is_read_whole(void **state)
{
	struct sdp_session sdp;
	const struct sdp_media *m;

	(void)state;
	assert_int_equal(parse(full, false, &sdp), 0);
	m = &sdp.media[0];
	assert_string_equal(sdp.origin_user, "alice");
	assert_int_equal(sdp.origin_id, 700100);
	assert_int_equal(sdp.origin_version, 1);
	assert_string_equal(sdp.origin_host, "192.0.2.11");
	assert_false(sdp.origin_v6);
	assert_int_equal(sdp.n_media, 1);
	assert_true(m->is_message);
	assert_string_equal(m->type, "message");
	assert_int_equal(m->transport, SDP_TCP_MSRP);
	assert_string_equal(m->proto, "TCP/MSRP");
	assert_string_equal(m->formats, "*");
	assert_int_equal(m->port, 7394);
	assert_string_equal(m->host, "192.0.2.11");
	assert_false(m->host_is_v6);
	assert_string_equal(m->path, "msrp://192.0.2.11:7394/aQ9x2Lk71zT;tcp");
	assert_string_equal(m->accept_types, "message/cpim text/plain");
	assert_string_equal(m->accept_wrapped_types, "text/plain image/png");
	assert_int_equal(m->max_size, 65536);
	assert_int_equal(m->setup, SDP_SETUP_ACTPASS);
	assert_int_equal(m->dir, SDP_SENDRECV);
	assert_true(m->has_chatroom);
	assert_int_equal(m->chatroom, SDP_CHATROOM_NICKNAME | SDP_CHATROOM_PRIVATE);
	assert_false(m->cema);
	assert_null(m->file);
	assert_int_equal(m->n_fingerprints, 0);
	sdp_fini(&sdp);
	assert_int_equal(sdp.n_media, 0);
}

static void bare_line_feeds_are_read_too(void **state)
{
	struct sdp_session sdp;

	(void)state;
	assert_int_equal(parse("v=0\no=a 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n"
			       "m=message 9 TCP/MSRP *\na=path:msrp://192.0.2.1:9/x;tcp\n",
			       false, &sdp),
			 0);
	assert_string_equal(sdp.media[0].path, "msrp://192.0.2.1:9/x;tcp");
	sdp_fini(&sdp);
}

/* covers: MSRP-120 */
static void other_formats_than_the_star_are_tolerated(void **state)
{
	struct sdp_session sdp = with("m=message 2855 TCP/MSRP text/plain x\r\n");

	(void)state;
	assert_true(sdp.media[0].is_message);
	assert_string_equal(sdp.media[0].formats, "text/plain x");
	sdp_fini(&sdp);
}

/* covers: MSRP-132, OA-001 */
static void lines_keep_their_order_and_their_words(void **state)
{
	struct sdp_session sdp = with("m=audio 40000 UDP/TLS/RTP/SAVPF 0 8 96\r\n"
				      "a=rtpmap:96 telephone-event/8000\r\n"
				      "m=message 7394 tcp/msrp *\r\n"
				      "a=path:msrp://192.0.2.11:7394/x;tcp\r\n"
				      "m=Video 0 RTP/AVP 31\r\n"
				      "m=message 7395 TCP/WSS/MSRP *\r\n");

	(void)state;
	assert_int_equal(sdp.n_media, 4);
	assert_string_equal(sdp.media[0].type, "audio");
	assert_false(sdp.media[0].is_message);
	assert_int_equal(sdp.media[0].transport, SDP_OTHER);
	assert_string_equal(sdp.media[0].proto, "UDP/TLS/RTP/SAVPF");
	assert_string_equal(sdp.media[0].formats, "0 8 96");
	assert_int_equal(sdp.media[1].transport, SDP_TCP_MSRP);
	assert_string_equal(sdp.media[1].proto, "tcp/msrp");
	assert_string_equal(sdp.media[2].type, "video");
	assert_int_equal(sdp.media[2].port, 0);
	assert_int_equal(sdp.media[3].transport, SDP_TCP_WSS_MSRP);
	sdp_fini(&sdp);
}

/* covers: SW-006 */
static void chatroom_tokens_are_read_in_both_spellings_and_unknown_ones_ignored(void **state)
{
	static const struct {
		const char *line;
		unsigned bits;
	} cases[] = {
		{"a=chatroom\r\n", 0},
		{"a=chatroom:nickname\r\n", SDP_CHATROOM_NICKNAME},
		{"a=chatroom:nicknames private-messages\r\n",
		 SDP_CHATROOM_NICKNAME | SDP_CHATROOM_PRIVATE},
		{"a=chatroom:com.example.x  private-messages\r\n", SDP_CHATROOM_PRIVATE},
		{"a=chatroom:com.example.nickname\r\n", 0},
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sdp_session sdp;

		(void)snprintf(text, sizeof(text), "m=message 9 TCP/MSRP *\r\n%s", cases[i].line);
		sdp = with(text);
		assert_true(sdp.media[0].has_chatroom);
		assert_int_equal(sdp.media[0].chatroom, cases[i].bits);
		sdp_fini(&sdp);
	}
}

/* covers: SW-007 */
static void chatroom_at_session_level_is_ignored(void **state)
{
	struct sdp_session sdp =
		with("a=chatroom:nickname private-messages\r\nm=message 9 TCP/MSRP *\r\n");

	(void)state;
	assert_false(sdp.media[0].has_chatroom);
	assert_int_equal(sdp.media[0].chatroom, 0);
	sdp_fini(&sdp);
}

/* covers: CMD-003, CMD-009 */
static void setup_is_read_and_holdconn_and_connection_are_not(void **state)
{
	struct sdp_session sdp = with("a=setup:active\r\n"
				      "m=message 9 TCP/MSRP *\r\na=connection:new\r\n"
				      "m=message 9 TCP/MSRP *\r\na=setup:passive\r\n"
				      "m=message 9 TCP/MSRP *\r\na=setup:holdconn\r\n"
				      "m=message 9 TCP/MSRP *\r\na=setup:ACTPASS\r\n"
				      "m=message 9 TCP/MSRP *\r\na=setup\r\n");

	(void)state;
	assert_int_equal(sdp.media[0].setup, SDP_SETUP_ACTIVE);
	assert_int_equal(sdp.media[1].setup, SDP_SETUP_PASSIVE);
	assert_int_equal(sdp.media[2].setup, SDP_SETUP_NONE);
	assert_int_equal(sdp.media[3].setup, SDP_SETUP_ACTPASS);
	assert_int_equal(sdp.media[4].setup, SDP_SETUP_NONE);
	sdp_fini(&sdp);
}

/* covers: OA-003 */
static void direction_is_the_lines_own_else_the_sessions(void **state)
{
	struct sdp_session sdp = with("a=inactive\r\n"
				      "m=message 9 TCP/MSRP *\r\n"
				      "m=message 9 TCP/MSRP *\r\na=sendonly\r\n"
				      "m=message 9 TCP/MSRP *\r\na=RecvOnly\r\n"
				      "m=message 9 TCP/MSRP *\r\na=sendrecv\r\n");

	(void)state;
	assert_int_equal(sdp.media[0].dir, SDP_INACTIVE);
	assert_int_equal(sdp.media[1].dir, SDP_SENDONLY);
	assert_int_equal(sdp.media[2].dir, SDP_RECVONLY);
	assert_int_equal(sdp.media[3].dir, SDP_SENDRECV);
	sdp_fini(&sdp);
}

/* covers: OA-008 */
static void a_media_level_address_overrides_the_session_level_one(void **state)
{
	struct sdp_session sdp = with("m=message 9 TCP/MSRP *\r\nc=IN IP6 2001:db8::7\r\n"
				      "m=message 9 TCP/MSRP *\r\n");

	(void)state;
	assert_string_equal(sdp.media[0].host, "2001:db8::7");
	assert_true(sdp.media[0].host_is_v6);
	assert_string_equal(sdp.media[1].host, "192.0.2.11");
	assert_false(sdp.media[1].host_is_v6);
	sdp_fini(&sdp);
}

static void a_missing_address_is_an_empty_host(void **state)
{
	struct sdp_session sdp;

	(void)state;
	assert_int_equal(parse("v=0\r\no=- 1 2 IN IP6 ::1\r\ns=-\r\nt=0 0\r\n"
			       "m=message 9 TCP/MSRP *\r\n"
			       "m=audio 9 PSTN -\r\nc=PSTN E164 +15551230001\r\n",
			       false, &sdp),
			 0);
	assert_true(sdp.origin_v6);
	assert_string_equal(sdp.media[0].host, "");
	assert_string_equal(sdp.media[1].host, "");
	assert_string_equal(sdp.media[1].formats, "-");
	sdp_fini(&sdp);
}

static void a_fingerprint_may_stand_at_session_level(void **state)
{
	struct sdp_session sdp = with("a=fingerprint:SHA-256 AA:BB\r\n"
				      "m=message 9 TCP/TLS/MSRP *\r\na=msrp-cema\r\n"
				      "m=message 9 TCP/TLS/MSRP *\r\na=fingerprint:SHA-256 CC\r\n"
				      "a=file-selector:name:\"x\"\r\n");

	(void)state;
	assert_int_equal(sdp.media[0].transport, SDP_TCP_TLS_MSRP);
	assert_string_equal(sdp.media[0].fingerprints[0], "SHA-256 AA:BB");
	assert_true(sdp.media[0].cema);
	assert_string_equal(sdp.media[1].fingerprints[0], "SHA-256 CC");
	assert_true(sdp_is_file(&sdp.media[1]));
	assert_false(sdp.media[1].cema);
	sdp_fini(&sdp);
}

/* covers: KM-002 */
static void key_management_of_the_media_level_makes_the_sessions_void(void **state)
{
	struct sdp_session sdp = with("a=key-mgmt:mikey U0VTUw==\r\na=key-mgmt:other QUFB\r\n"
				      "m=message 9 TCP/MSRP *\r\n"
				      "m=message 9 TCP/MSRP *\r\na=key-mgmt: mikey TElORQ==\r\n");

	(void)state;
	assert_int_equal(sdp.media[0].n_key_mgmt, 2);
	assert_string_equal(sdp.media[0].key_mgmt[0], "mikey U0VTUw==");
	assert_string_equal(sdp.media[0].key_mgmt[1], "other QUFB");
	assert_int_equal(sdp.media[1].n_key_mgmt, 1);
	assert_string_equal(sdp.media[1].key_mgmt[0], "mikey TElORQ==");
	sdp_fini(&sdp);
}

/* covers: KM-003 */
static void key_management_keeps_its_order_of_preference_and_has_an_end(void **state)
{
	struct bytes text = BYTES_INIT;
	struct sdp_session sdp;

	(void)state;
	bytes_add_str(&text, HEAD "m=message 9 TCP/MSRP *\r\n");
	for (int i = 0; i < 100; i++)
		bytes_addf(&text, "a=key-mgmt:p%d AAAA\r\n", i);
	assert_int_equal(sdp_parse_msrp(bytes_slice(&text), true, &sdp), 0);
	assert_int_equal(sdp.media[0].n_key_mgmt, KEY_MGMT_MAX + 1);
	assert_string_equal(sdp.media[0].key_mgmt[0], "p0 AAAA");
	assert_string_equal(sdp.media[0].key_mgmt[KEY_MGMT_MAX], "p8 AAAA");
	sdp_fini(&sdp);
	bytes_fini(&text);
}

static void fingerprints_of_a_line_are_a_list_with_an_end(void **state)
{
	struct bytes text = BYTES_INIT;
	struct sdp_session sdp;

	(void)state;
	bytes_add_str(&text,
		      "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
		      "a=fingerprint:sha-256 FF\r\nm=message 9 TCP/TLS/MSRP *\r\n");
	for (int i = 0; i < 100; i++)
		bytes_addf(&text, "a=fingerprint:sha-256 %02d\r\n", i);
	assert_int_equal(sdp_parse_msrp(bytes_slice(&text), true, &sdp), 0);
	assert_int_equal(sdp.media[0].n_fingerprints, SDP_MAX_FINGERPRINTS + 1);
	assert_string_equal(sdp.media[0].fingerprints[0], "sha-256 00");
	assert_string_equal(sdp.media[0].fingerprints[8], "sha-256 08");
	sdp_fini(&sdp);
	bytes_fini(&text);
}

/* covers: MSRP-128 */
static void a_max_size_that_is_no_number_counts_as_none(void **state)
{
	struct sdp_session sdp = with("m=message 9 TCP/MSRP *\r\na=max-size:many\r\n"
				      "m=message 9 TCP/MSRP *\r\na=max-size: 10 \r\n"
				      "m=message 9 TCP/MSRP *\r\na=max-size\r\n");

	(void)state;
	assert_int_equal(sdp.media[0].max_size, 0);
	assert_int_equal(sdp.media[1].max_size, 10);
	assert_int_equal(sdp.media[2].max_size, 0);
	sdp_fini(&sdp);
}

/* covers: IMS-021 */
static void upper_case_message_and_a_missing_time_pass_unless_strict(void **state)
{
	static const char *const odd[] = {
		"v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
		"m=MESSAGE 7394 TCP/MSRP *\r\na=path:msrp://192.0.2.1:7394/x;tcp\r\n",
		"v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n"
		"m=message 7394 TCP/MSRP *\r\na=path:msrp://192.0.2.1:7394/x;tcp\r\n",
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sdp_session sdp = {0};

		assert_int_equal(parse(odd[i], false, &sdp), 0);
		assert_true(sdp.media[0].is_message);
		assert_string_equal(sdp.media[0].type, "message");
		sdp_fini(&sdp);
		assert_int_equal(parse(odd[i], true, &sdp), -ERR_SYNTAX);
	}
}

static void a_correct_description_passes_strict_reading(void **state)
{
	struct sdp_session sdp;

	(void)state;
	assert_int_equal(parse(full, true, &sdp), 0);
	sdp_fini(&sdp);
}

static void malformed_descriptions_are_syntax_errors(void **state)
{
	static const char *const bad[] = {
		"",
		"hello",
		"v=1\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n",
		"v=0\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=message 9 TCP/MSRP *\r\n",
		"v=0\r\no=a 1 1 ATM x 192.0.2.1\r\ns=-\r\nt=0 0\r\n",
		"v=0\r\no=a b c IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n",
		"v=0\r\nx\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n",
		HEAD "m=message\r\n",
		HEAD "m=message port TCP/MSRP *\r\n",
		HEAD "m=message 9 TCP/MSRP \xce\r\n", /* Sofia would never come back */
		HEAD "m=m\x01 9 TCP/MSRP *\r\n",
		HEAD "m=message 65536 TCP/MSRP *\r\n",
		HEAD "m=message 9 TCP/MSRP *\r\nnot a line\r\n",
		HEAD "m=message 9 TCP/MSRP *\r\nc=IN IP4\r\n",
	};
	struct sdp_session sdp = {.n_media = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i], false, &sdp), -ERR_SYNTAX);
	assert_int_equal(sdp_parse_msrp(slice_make("v=0\r\n\0", 6), false, &sdp), -ERR_SYNTAX);
	assert_int_equal(sdp.n_media, 7); /* untouched on failure */
}

static void every_prefix_is_read_or_refused_without_harm(void **state)
{
	struct sdp_session sdp;
	size_t n_ok = 0;

	(void)state;
	for (size_t len = 0; len < sizeof(full) - 1; len++) {
		if (sdp_parse_msrp(slice_make(full, len), len & 1, &sdp) == 0) {
			n_ok++;
			sdp_fini(&sdp);
		}
	}
	assert_true(n_ok > 0);
}

static void the_number_of_lines_and_the_size_are_bounded(void **state)
{
	struct bytes b = BYTES_INIT;
	struct sdp_session sdp;

	(void)state;
	bytes_add_str(&b, HEAD);
	for (size_t i = 0; i < SDP_MAX_MEDIA; i++)
		bytes_add_str(&b, "m=message 9 TCP/MSRP *\r\n");
	assert_int_equal(sdp_parse_msrp(bytes_slice(&b), false, &sdp), 0);
	assert_int_equal(sdp.n_media, SDP_MAX_MEDIA);
	sdp_fini(&sdp);
	bytes_add_str(&b, "m=message 9 TCP/MSRP *\r\n");
	assert_int_equal(sdp_parse_msrp(bytes_slice(&b), false, &sdp), -ERR_LIMIT);

	bytes_reset(&b);
	bytes_add_str(&b, HEAD "a=x:");
	while (b.len < (64 << 10) - 2)
		bytes_add_char(&b, 'y');
	bytes_add_str(&b, "\r\n");
	assert_int_equal(sdp_parse_msrp(bytes_slice(&b), false, &sdp), 0);
	sdp_fini(&sdp);
	bytes_add_char(&b, '\n');
	assert_int_equal(sdp_parse_msrp(bytes_slice(&b), false, &sdp), -ERR_LIMIT);
	bytes_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chat_offer_is_read_whole),
		cmocka_unit_test(bare_line_feeds_are_read_too),
		cmocka_unit_test(other_formats_than_the_star_are_tolerated),
		cmocka_unit_test(lines_keep_their_order_and_their_words),
		cmocka_unit_test(
			chatroom_tokens_are_read_in_both_spellings_and_unknown_ones_ignored),
		cmocka_unit_test(chatroom_at_session_level_is_ignored),
		cmocka_unit_test(setup_is_read_and_holdconn_and_connection_are_not),
		cmocka_unit_test(direction_is_the_lines_own_else_the_sessions),
		cmocka_unit_test(a_media_level_address_overrides_the_session_level_one),
		cmocka_unit_test(a_missing_address_is_an_empty_host),
		cmocka_unit_test(a_fingerprint_may_stand_at_session_level),
		cmocka_unit_test(key_management_of_the_media_level_makes_the_sessions_void),
		cmocka_unit_test(key_management_keeps_its_order_of_preference_and_has_an_end),
		cmocka_unit_test(fingerprints_of_a_line_are_a_list_with_an_end),
		cmocka_unit_test(a_max_size_that_is_no_number_counts_as_none),
		cmocka_unit_test(upper_case_message_and_a_missing_time_pass_unless_strict),
		cmocka_unit_test(a_correct_description_passes_strict_reading),
		cmocka_unit_test(malformed_descriptions_are_syntax_errors),
		cmocka_unit_test(every_prefix_is_read_or_refused_without_harm),
		cmocka_unit_test(the_number_of_lines_and_the_size_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
