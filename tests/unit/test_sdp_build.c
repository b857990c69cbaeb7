/* SPDX-License-Identifier: Apache-2.0 */
/* Writing session descriptions (golden octets) and the answerer's rules for a chat line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/msrp_uri.h"
#include "proto/sdp_msrp.h"

static char room[] = "room", host[] = "192.0.2.30", host6[] = "2001:db8::30", no_host[] = "",
	    message[] = "message", audio[] = "audio", tcp[] = "TCP/MSRP", tls[] = "TCP/TLS/MSRP",
	    rtp[] = "RTP/AVP", star[] = "*", rtp_formats[] = "0 8",
	    path[] = "msrp://192.0.2.30:2855/s1Kx8GdW3uQ0v;tcp",
	    path6[] = "msrp://[2001:db8::30]:2855/s1Kx8GdW3uQ0v;tcp", cpim[] = "message/cpim",
	    wrapped[] = "text/plain text/html image/png message/imdn+xml "
			"application/im-iscomposing+xml",
	    print[] = "SHA-256 AA:BB";

static struct sdp_media lines[3];

static struct sdp_session answer(void)
{
	struct sdp_session sdp = {
		.media = lines,
		.origin_user = room,
		.origin_id = 700100,
		.origin_version = 1,
		.origin_host = host,
		.n_media = 1,
	};

	sdp.media[0] = (struct sdp_media){
		.type = message,
		.is_message = true,
		.proto = tcp,
		.formats = star,
		.port = 2855,
		.host = host,
		.path = path,
		.accept_types = cpim,
		.accept_wrapped_types = wrapped,
		.max_size = 65536,
		.setup = SDP_SETUP_PASSIVE,
		.has_chatroom = true,
		.chatroom = SDP_CHATROOM_NICKNAME | SDP_CHATROOM_PRIVATE,
	};
	return sdp;
}

static void expect(const struct sdp_session *sdp, const char *text)
{
	struct bytes out = BYTES_INIT;

	sdp_build(&out, sdp);
	assert_true(bytes_ok(&out));
	assert_string_equal(bytes_cstr(&out), text);
	bytes_fini(&out);
}

/* covers: OA-004, MSRP-120, MSRP-121, SW-003, SW-004, SW-005, SW-006, CMD-001 */
static void a_chat_answer_is_written_octet_by_octet(void **state)
{
	struct sdp_session sdp = answer();

	(void)state;
	expect(&sdp, "v=0\r\n"
		     "o=room 700100 1 IN IP4 192.0.2.30\r\n"
		     "s=-\r\n"
		     "c=IN IP4 192.0.2.30\r\n"
		     "t=0 0\r\n"
		     "m=message 2855 TCP/MSRP *\r\n"
		     "a=path:msrp://192.0.2.30:2855/s1Kx8GdW3uQ0v;tcp\r\n"
		     "a=accept-types:message/cpim\r\n"
		     "a=accept-wrapped-types:text/plain text/html image/png message/imdn+xml "
		     "application/im-iscomposing+xml\r\n"
		     "a=max-size:65536\r\n"
		     "a=setup:passive\r\n"
		     "a=chatroom:nickname private-messages\r\n");
}

/* covers: MSRP-132, OA-001, OA-002 */
static void refused_lines_keep_their_place_and_carry_port_zero_only(void **state)
{
	struct sdp_session sdp = answer();

	(void)state;
	sdp.origin_version = 2;
	sdp.media[1] = sdp.media[0];
	sdp.media[1].max_size = 0;
	sdp.media[1].accept_wrapped_types = NULL;
	sdp.media[1].dir = SDP_RECVONLY;
	sdp.media[1].chatroom = 0;
	sdp.media[2] = sdp.media[0];
	sdp.media[2].port = 0;
	sdp.media[0] = (struct sdp_media){.type = audio, .proto = rtp, .formats = rtp_formats};
	sdp.n_media = 3;
	expect(&sdp, "v=0\r\n"
		     "o=room 700100 2 IN IP4 192.0.2.30\r\n"
		     "s=-\r\n"
		     "c=IN IP4 192.0.2.30\r\n"
		     "t=0 0\r\n"
		     "m=audio 0 RTP/AVP 0 8\r\n"
		     "m=message 2855 TCP/MSRP *\r\n"
		     "a=path:msrp://192.0.2.30:2855/s1Kx8GdW3uQ0v;tcp\r\n"
		     "a=accept-types:message/cpim\r\n"
		     "a=recvonly\r\n"
		     "a=setup:passive\r\n"
		     "a=chatroom\r\n"
		     "m=message 0 TCP/MSRP *\r\n");
}

/* covers: OA-008, CMD-001 */
static void both_address_families_are_written_where_they_apply(void **state)
{
	struct sdp_session sdp = answer();

	(void)state;
	sdp.origin_host = host6;
	sdp.origin_v6 = true;
	sdp.media[0] = (struct sdp_media){.type = message,
					  .proto = tls,
					  .formats = star,
					  .port = 2856,
					  .host = host6,
					  .host_is_v6 = true,
					  .path = path6,
					  .accept_types = cpim,
					  .setup = SDP_SETUP_ACTPASS,
					  .fingerprints = {print},
					  .n_fingerprints = 1,
					  .cema = true,
					  .dir = SDP_INACTIVE};
	sdp.media[1] = sdp.media[0];
	sdp.media[1].host = host;
	sdp.media[1].host_is_v6 = false;
	sdp.media[1].n_fingerprints = 0;
	sdp.media[1].cema = false;
	sdp.media[2] = sdp.media[1];
	sdp.media[2].host = no_host;
	sdp.n_media = 3;
	expect(&sdp, "v=0\r\n"
		     "o=room 700100 1 IN IP6 2001:db8::30\r\n"
		     "s=-\r\n"
		     "c=IN IP6 2001:db8::30\r\n"
		     "t=0 0\r\n"
		     "m=message 2856 TCP/TLS/MSRP *\r\n"
		     "a=path:msrp://[2001:db8::30]:2855/s1Kx8GdW3uQ0v;tcp\r\n"
		     "a=accept-types:message/cpim\r\n"
		     "a=inactive\r\n"
		     "a=setup:actpass\r\n"
		     "a=fingerprint:SHA-256 AA:BB\r\n"
		     "a=msrp-cema\r\n"
		     "m=message 2856 TCP/TLS/MSRP *\r\n"
		     "c=IN IP4 192.0.2.30\r\n"
		     "a=path:msrp://[2001:db8::30]:2855/s1Kx8GdW3uQ0v;tcp\r\n"
		     "a=accept-types:message/cpim\r\n"
		     "a=inactive\r\n"
		     "a=setup:actpass\r\n"
		     "m=message 2856 TCP/TLS/MSRP *\r\n"
		     "a=path:msrp://[2001:db8::30]:2855/s1Kx8GdW3uQ0v;tcp\r\n"
		     "a=accept-types:message/cpim\r\n"
		     "a=inactive\r\n"
		     "a=setup:actpass\r\n");
}

static void what_was_read_is_written_back_the_same(void **state)
{
	static const char text[] = "v=0\r\n"
				   "o=alice 700100 18446744073709551615 IN IP4 192.0.2.11\r\n"
				   "s=-\r\n"
				   "c=IN IP4 192.0.2.11\r\n"
				   "t=0 0\r\n"
				   "m=audio 0 RTP/AVP 0 8\r\n"
				   "m=message 7394 TCP/MSRP *\r\n"
				   "a=path:msrp://192.0.2.11:7394/aQ9x2Lk71zT;tcp\r\n"
				   "a=accept-types:message/cpim text/plain\r\n"
				   "a=max-size:18446744073709551615\r\n"
				   "a=sendonly\r\n"
				   "a=setup:actpass\r\n"
				   "a=msrp-cema\r\n"
				   "a=chatroom:private-messages\r\n"
				   "m=message 7395 TCP/TLS/MSRP *\r\n"
				   "c=IN IP6 ::1\r\n"
				   "a=path:msrps://[::1]:7395/x;tcp\r\n"
				   "a=fingerprint:SHA-256 AA:BB\r\n";
	struct sdp_session sdp;

	(void)state;
	assert_int_equal(sdp_parse_msrp(slice_str(text), true, &sdp), 0);
	expect(&sdp, text);
	sdp_fini(&sdp);
}

static struct sdp_media offer(void)
{
	struct sdp_session sdp = answer();

	sdp.media[0].setup = SDP_SETUP_ACTPASS;
	return sdp.media[0];
}

static int problem(const struct sdp_media *m, const char *why)
{
	const char *text = "";
	int status = sdp_chat_problem(m, false, &text);

	assert_string_equal(text, why);
	return status;
}

static void a_usual_chat_line_has_no_problem(void **state)
{
	struct sdp_media m = offer();

	(void)state;
	assert_int_equal(problem(&m, ""), 0);
}

/* covers: MSRP-122, MSRP-130, MSRP-036 */
static void a_line_without_a_usable_path_is_488(void **state)
{
	static char two[] = "msrp://relay.example.com:2855/r1;tcp msrp://192.0.2.30:2855/s1;tcp",
		    bad[] = "http://192.0.2.30:2855/s1",
		    bad_second[] = "msrp://h.example.com:1/a;tcp x",
		    no_port[] = "msrp://h.example.com/a;tcp",
		    no_id[] = "msrp://h.example.com:1;tcp";
	struct sdp_media m = offer();

	(void)state;
	m.path = two;
	assert_int_equal(problem(&m, ""), 0);
	m.path = NULL;
	assert_int_equal(problem(&m, "a=path is missing"), 488);
	m.path = bad;
	assert_int_equal(problem(&m, "a=path is malformed"), 488);
	m.path = bad_second;
	assert_int_equal(problem(&m, "a=path is malformed"), 488);
	m.path = no_port;
	assert_int_equal(problem(&m, "URI in a=path has no port"), 488);
	m.path = no_id;
	assert_int_equal(problem(&m, "URI in a=path has no session id"), 488);
}

/* covers: MSRP-123, MSRP-124, MSRP-127, SW-002 */
static void a_line_that_does_not_take_cpim_is_488(void **state)
{
	static char plain[] = "text/plain", foo[] = "foo/bar", any[] = "*", tree[] = "message/*",
		    upper[] = "text/plain Message/CPIM";
	struct sdp_media m = offer();

	(void)state;
	m.accept_types = NULL;
	assert_int_equal(problem(&m, "a=accept-types is missing"), 488);
	m.accept_types = plain;
	assert_int_equal(problem(&m, "a=accept-types lacks message/cpim"), 488);
	m.accept_types = foo;
	assert_int_equal(problem(&m, "a=accept-types lacks message/cpim"), 488);
	m.accept_types = any;
	assert_int_equal(problem(&m, ""), 0);
	m.accept_types = tree;
	assert_int_equal(problem(&m, ""), 0);
	m.accept_types = upper;
	assert_int_equal(problem(&m, ""), 0);
}

static char sha256[] = "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
		       "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";

/* covers: MSRP-129 */
static void the_paths_scheme_must_agree_with_the_transport(void **state)
{
	static char secure[] = "msrps://192.0.2.30:2855/s1;tcp";
	struct sdp_media m = offer();

	(void)state;
	m.transport = SDP_TCP_TLS_MSRP;
	assert_int_equal(problem(&m, "a=path and m= disagree about TLS"), 488);
	m.path = secure;
	m.fingerprints[0] = sha256;
	m.n_fingerprints = 1;
	assert_int_equal(problem(&m, ""), 0);
	m.transport = SDP_TCP_MSRP;
	assert_int_equal(problem(&m, "a=path and m= disagree about TLS"), 488);
	m.transport = SDP_OTHER;
	assert_int_equal(problem(&m, "transport is not MSRP"), 488);
}

/* covers: SEC-005, SEC-006 */
static void over_tls_the_peers_certificate_is_announced(void **state)
{
	static char secure[] = "msrps://192.0.2.30:2855/s1;tcp", md5[] = "md5 AA:BB",
		    bad[] = "sha-256 AA";
	struct sdp_media m = offer();

	(void)state;
	m.transport = SDP_TCP_TLS_MSRP;
	m.path = secure;
	assert_int_equal(problem(&m, "a=fingerprint is missing"), 488);
	m.fingerprints[m.n_fingerprints++] = md5;
	assert_int_equal(problem(&m, "no a=fingerprint has a hash that is trusted"), 488);
	while (m.n_fingerprints < SDP_MAX_FINGERPRINTS)
		m.fingerprints[m.n_fingerprints++] = sha256;
	assert_int_equal(problem(&m, ""), 0);
	m.fingerprints[m.n_fingerprints++] = sha256;
	assert_int_equal(problem(&m, "too many a=fingerprint"), 488);
	m.n_fingerprints = 2;
	m.fingerprints[1] = bad;
	assert_int_equal(problem(&m, "a=fingerprint is malformed"), 488);
}

static void key_management_is_written_in_order_and_reads_the_same(void **state)
{
	static char first[] = "mikey AQAFAV7t", second[] = "other QUFB";
	struct sdp_session sdp = answer(), again;
	struct bytes out = BYTES_INIT;

	(void)state;
	sdp.media[0].key_mgmt[0] = first;
	sdp.media[0].key_mgmt[1] = second;
	sdp.media[0].n_key_mgmt = 2;
	sdp_build(&out, &sdp);
	assert_non_null(strstr(bytes_cstr(&out), "\r\na=setup:passive\r\n"
						 "a=key-mgmt:mikey AQAFAV7t\r\n"
						 "a=key-mgmt:other QUFB\r\n"));
	assert_int_equal(sdp_parse_msrp(bytes_slice(&out), true, &again), 0);
	expect(&again, bytes_cstr(&out));
	sdp_fini(&again);
	bytes_fini(&out);
}

/* covers: KM-004 */
static void key_management_beyond_its_limits_is_a_problem(void **state)
{
	static char value[] = "mikey AQAFAV7t", longest[KEY_MGMT_MAX_SIZE + 2];
	struct sdp_media m = offer();

	(void)state;
	while (m.n_key_mgmt < KEY_MGMT_MAX)
		m.key_mgmt[m.n_key_mgmt++] = value;
	assert_int_equal(problem(&m, ""), 0);
	m.key_mgmt[m.n_key_mgmt++] = value;
	assert_int_equal(problem(&m, "too many a=key-mgmt"), 488);
	memset(longest, 'A', KEY_MGMT_MAX_SIZE);
	m.key_mgmt[0] = longest;
	m.n_key_mgmt = 1;
	assert_int_equal(problem(&m, ""), 0);
	longest[KEY_MGMT_MAX_SIZE] = 'A';
	assert_int_equal(problem(&m, "a=key-mgmt is too long"), 488);
}

/* covers: CEMA-007 */
static void c_and_m_are_compared_with_the_path_as_addresses(void **state)
{
	static char other[] = "198.51.100.9", name[] = "sbc.example.com";
	static char six[] = "2001:db8:0:0:0:0:0:1", nothing[] = "";
	struct msrp_uri first;
	struct sdp_media m = offer();

	(void)state;
	assert_int_equal(msrp_uri_parse(slice_str(m.path), &first), 0);
	assert_true(sdp_place_matches(&m, &first));
	m.port++;
	assert_false(sdp_place_matches(&m, &first));
	m.port--;
	m.host = other;
	assert_false(sdp_place_matches(&m, &first));
	m.host = name; /* a name beside a number */
	assert_true(sdp_place_matches(&m, &first));
	m.host = nothing;
	assert_true(sdp_place_matches(&m, &first));
	assert_int_equal(msrp_uri_parse(SLICE_LIT("msrp://[2001:db8::1]:2855/s;tcp"), &first), 0);
	m.host = six;
	assert_true(sdp_place_matches(&m, &first));
	assert_int_equal(msrp_uri_parse(SLICE_LIT("msrp://SBC.example.com:2855/s;tcp"), &first), 0);
	m.host = name;
	assert_true(sdp_place_matches(&m, &first));
	m.host = (char[]){"other.example.com"};
	assert_false(sdp_place_matches(&m, &first));
}

static void a_file_line_is_no_chat_line(void **state)
{
	struct sdp_file file = {.has_selector = true};
	struct sdp_media m = offer();

	(void)state;
	m.file = &file;
	assert_int_equal(problem(&m, ""), 0); /* it only says that files are understood */
	file.has_size = true;
	assert_int_equal(problem(&m, "no file transfer here"), 488);
}

/* covers: OA-003 */
static void directions_are_answered_in_every_combination(void **state)
{
	static const enum sdp_dir expected[4][4] = {
		/* ours: sendrecv, sendonly, recvonly, inactive */
		[SDP_SENDRECV] = {SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE},
		[SDP_SENDONLY] = {SDP_RECVONLY, SDP_INACTIVE, SDP_RECVONLY, SDP_INACTIVE},
		[SDP_RECVONLY] = {SDP_SENDONLY, SDP_SENDONLY, SDP_INACTIVE, SDP_INACTIVE},
		[SDP_INACTIVE] = {SDP_INACTIVE, SDP_INACTIVE, SDP_INACTIVE, SDP_INACTIVE},
	};

	(void)state;
	for (unsigned o = 0; o < 4; o++) {
		for (unsigned w = 0; w < 4; w++)
			assert_int_equal(sdp_dir_answer((enum sdp_dir)o, (enum sdp_dir)w),
					 expected[o][w]);
	}
}

/* covers: CMD-004, CMD-005 */
static void setup_is_answered_as_the_side_that_can_be_reached(void **state)
{
	(void)state;
	assert_int_equal(sdp_setup_answer(SDP_SETUP_ACTPASS), SDP_SETUP_PASSIVE);
	assert_int_equal(sdp_setup_answer(SDP_SETUP_ACTIVE), SDP_SETUP_PASSIVE);
	assert_int_equal(sdp_setup_answer(SDP_SETUP_NONE), SDP_SETUP_PASSIVE);
	assert_int_equal(sdp_setup_answer(SDP_SETUP_PASSIVE), SDP_SETUP_ACTIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chat_answer_is_written_octet_by_octet),
		cmocka_unit_test(refused_lines_keep_their_place_and_carry_port_zero_only),
		cmocka_unit_test(both_address_families_are_written_where_they_apply),
		cmocka_unit_test(what_was_read_is_written_back_the_same),
		cmocka_unit_test(a_usual_chat_line_has_no_problem),
		cmocka_unit_test(a_line_without_a_usable_path_is_488),
		cmocka_unit_test(a_line_that_does_not_take_cpim_is_488),
		cmocka_unit_test(the_paths_scheme_must_agree_with_the_transport),
		cmocka_unit_test(over_tls_the_peers_certificate_is_announced),
		cmocka_unit_test(key_management_is_written_in_order_and_reads_the_same),
		cmocka_unit_test(key_management_beyond_its_limits_is_a_problem),
		cmocka_unit_test(c_and_m_are_compared_with_the_path_as_addresses),
		cmocka_unit_test(a_file_line_is_no_chat_line),
		cmocka_unit_test(directions_are_answered_in_every_combination),
		cmocka_unit_test(setup_is_answered_as_the_side_that_can_be_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
