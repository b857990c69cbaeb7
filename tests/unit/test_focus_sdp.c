/* SPDX-License-Identifier: Apache-2.0 */
/* Offers and answers of the focus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mrfc/focus/focus_sdp.h"

#define HEAD  "v=0\r\no=alice 700100 1 IN IP4 192.0.2.11\r\ns=-\r\nc=IN IP4 192.0.2.11\r\nt=0 0\r\n"
#define CHAT  "m=message 7394 TCP/MSRP *\r\n"
#define PATH  "a=path:msrp://192.0.2.11:7394/aQ9x2Lk71zT;tcp\r\n"
#define TYPES "a=accept-types:message/cpim text/plain\r\na=accept-wrapped-types:*\r\n"
#define ROOM  "a=chatroom:nickname private-messages\r\n"

static const struct focus_sdp_policy policy = {.wrapped_types = "text/plain *",
					       .nicknames = true,
					       .private_messages = true,
					       .session_match = true,
					       .cema = true,
					       .max_size = 65536};
static const struct media_result added = {.local_path = "msrp://192.0.2.30:2855/s1Kx8GdW3uQ0v;tcp",
					  .host = "192.0.2.30",
					  .port = 2855};

static int read_as(const char *text, bool answer, struct focus_sdp_peer *peer, int *warning)
{
	struct focus_sdp_why why;
	int status = focus_sdp_read(slice_str(text), answer, &policy, peer, &why);

	if (warning != NULL)
		*warning = why.warning;
	return status;
}

static int refusal(const char *text, int *warning)
{
	struct focus_sdp_peer peer;
	int status = read_as(text, false, &peer, warning);

	if (status == 0)
		focus_sdp_peer_fini(&peer);
	return status;
}

static void an_offer_is_answered_line_by_line(void **state)
{
	/* covers: OA-001, OA-004, MSRP-132, SW-003, SW-005, CMD-001, CMD-004 */
	struct focus_sdp_local l = {0};
	struct focus_sdp_peer peer;
	const char *text;

	(void)state;
	assert_int_equal(read_as(HEAD "m=audio 4000 RTP/AVP 0\r\n" CHAT PATH TYPES
				      "a=setup:actpass\r\n" ROOM "m=video 4002 RTP/AVP 31\r\n",
				 false, &peer, NULL),
			 0);
	focus_sdp_local_set(&l, &added);
	focus_sdp_answer(&l, &peer, &policy);
	text = bytes_cstr(&l.last);
	const char *audio = strstr(text, "m=audio 0 RTP/AVP 0\r\n");
	const char *chat = strstr(text, "m=message 2855 TCP/MSRP *\r\n");
	const char *video = strstr(text, "m=video 0 RTP/AVP 31\r\n");

	assert_true(audio != NULL && chat > audio && video > chat);
	assert_non_null(strstr(text, "a=path:msrp://192.0.2.30:2855/s1Kx8GdW3uQ0v;tcp\r\n"));
	assert_non_null(strstr(text, "a=accept-types:message/cpim\r\n"));
	assert_non_null(strstr(text, "a=accept-wrapped-types:text/plain *\r\n"));
	assert_non_null(strstr(text, "a=max-size:65536\r\n"));
	assert_non_null(strstr(text, "a=setup:passive\r\n"));
	assert_non_null(strstr(text, "a=chatroom:nickname private-messages\r\n"));
	focus_sdp_local_fini(&l);
	focus_sdp_peer_fini(&peer);
}

static void a_second_chat_line_and_a_file_line_are_refused_each_on_its_own(void **state)
{
	/* covers: OA-007 */
	struct focus_sdp_local l = {0};
	struct focus_sdp_peer peer;

	(void)state;
	assert_int_equal(
		read_as(HEAD
			"m=message 7395 TCP/MSRP *\r\n"
			"a=path:msrp://192.0.2.11:7395/file00000001;tcp\r\n"
			"a=accept-types:*\r\na=file-selector:name:\"a\" size:1\r\n" CHAT PATH TYPES,
			false, &peer, NULL),
		0);
	assert_int_equal(peer.chat, 1);
	focus_sdp_local_set(&l, &added);
	focus_sdp_answer(&l, &peer, &policy);
	assert_non_null(strstr(bytes_cstr(&l.last), "m=message 0 TCP/MSRP *\r\n"));
	focus_sdp_local_fini(&l);
	focus_sdp_peer_fini(&peer);
}

static void our_offer_says_actpass_and_where_we_listen(void **state)
{
	/* covers: CMD-002, CMD-007, MSRP-120, MSRP-121 */
	struct focus_sdp_local l = {0};

	(void)state;
	focus_sdp_local_set(&l, &added);
	focus_sdp_offer(&l, &policy);
	assert_non_null(strstr(bytes_cstr(&l.last), "c=IN IP4 192.0.2.30\r\n"));
	assert_non_null(strstr(bytes_cstr(&l.last), "m=message 2855 TCP/MSRP *\r\n"));
	assert_non_null(strstr(bytes_cstr(&l.last), "a=setup:actpass\r\n"));
	focus_sdp_local_fini(&l);
}

static void the_version_moves_with_the_text_and_only_with_it(void **state)
{
	/* covers: OA-002, MSRP-131 */
	struct focus_sdp_local l = {0};
	char first[1024];
	uint64_t id;

	(void)state;
	focus_sdp_local_set(&l, &added);
	focus_sdp_offer(&l, &policy);
	snprintf(first, sizeof(first), "%s", bytes_cstr(&l.last));
	id = l.origin_id;
	assert_int_equal(l.version, 1);
	focus_sdp_offer(&l, &policy);
	assert_string_equal(bytes_cstr(&l.last), first);
	l.dir = SDP_INACTIVE;
	focus_sdp_offer(&l, &policy);
	assert_int_equal(l.version, 2);
	assert_int_equal(l.origin_id, id);
	assert_string_not_equal(bytes_cstr(&l.last), first);
	focus_sdp_local_fini(&l);
}

static void hold_is_answered_from_the_other_end(void **state)
{
	/* covers: OA-003, FOC-021 */
	static const struct {
		const char *offered, *answered;
	} rows[] = {{"sendonly", "recvonly"}, {"recvonly", "sendonly"}, {"inactive", "inactive"}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct focus_sdp_local l = {0};
		struct focus_sdp_peer peer;
		struct media_remote remote;
		char offer[1024], want[32];

		snprintf(offer, sizeof(offer), HEAD CHAT PATH TYPES "a=%s\r\n", rows[i].offered);
		snprintf(want, sizeof(want), "a=%s\r\n", rows[i].answered);
		assert_int_equal(read_as(offer, false, &peer, NULL), 0);
		focus_sdp_local_set(&l, &added);
		focus_sdp_answer(&l, &peer, &policy);
		assert_non_null(strstr(bytes_cstr(&l.last), want));
		focus_sdp_remote(&peer, false, &policy, &remote);
		assert_string_equal(sdp_dir_name((enum sdp_dir)remote.direction), rows[i].offered);
		focus_sdp_local_fini(&l);
		focus_sdp_peer_fini(&peer);
	}
}

static void what_the_media_side_needs_is_taken_from_the_chat_line(void **state)
{
	/* covers: SW-008, SW-009, MSRP-130 */
	struct focus_sdp_peer peer;
	struct media_remote r;

	(void)state;
	assert_int_equal(read_as(HEAD CHAT
				 "a=path:msrp://192.0.2.11:7394/r;tcp msrp://192.0.2.12:9/c;tcp\r\n"
				 "a=accept-types:*\r\na=max-size:1000\r\na=setup:active\r\n" ROOM,
				 false, &peer, NULL),
			 0);
	focus_sdp_remote(&peer, false, &policy, &r);
	assert_string_equal(r.path, "msrp://192.0.2.11:7394/r;tcp msrp://192.0.2.12:9/c;tcp");
	assert_int_equal(r.setup, MEDIA_PASSIVE);
	assert_true(r.has_chatroom && r.nickname && r.private_messages && r.match_session_only);
	assert_int_equal(r.max_size, 1000);
	focus_sdp_peer_fini(&peer);

	assert_int_equal(read_as(HEAD CHAT PATH TYPES, false, &peer, NULL), 0);
	focus_sdp_remote(&peer, false, &policy, &r);
	assert_false(r.has_chatroom || r.nickname || r.private_messages);
	focus_sdp_peer_fini(&peer);
}

static void the_peer_s_setup_decides_who_connects(void **state)
{
	/* covers: CMD-003, CMD-004, CMD-005 */
	static const struct {
		const char *setup;
		bool answer;
		enum media_setup ours;
	} rows[] = {
		{"", false, MEDIA_PASSIVE},
		{"a=setup:actpass\r\n", false, MEDIA_PASSIVE},
		{"a=setup:active\r\n", false, MEDIA_PASSIVE},
		{"a=setup:holdconn\r\n", false, MEDIA_PASSIVE},
		{"a=setup:passive\r\n", false, MEDIA_ACTIVE},
		{"a=setup:passive\r\n", true, MEDIA_ACTIVE},
		{"a=setup:active\r\n", true, MEDIA_PASSIVE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct focus_sdp_peer peer;
		struct media_remote r;
		char text[1024];

		snprintf(text, sizeof(text), HEAD CHAT PATH TYPES "%s", rows[i].setup);
		assert_int_equal(read_as(text, rows[i].answer, &peer, NULL), 0);
		focus_sdp_remote(&peer, rows[i].answer, &policy, &r);
		assert_int_equal(r.setup, rows[i].ours);
		focus_sdp_peer_fini(&peer);
	}
}

static void a_path_elsewhere_matters_only_where_we_would_connect(void **state)
{
	/* covers: IMS-009, CMD-006 */
	static const char active[] =
		HEAD "m=message 9 TCP/MSRP *\r\n" PATH TYPES "a=setup:active\r\n";
	static const char passive[] =
		HEAD "m=message 7395 TCP/MSRP *\r\n" PATH TYPES "a=setup:passive\r\n";
	static const char cema[] = HEAD "m=message 7395 TCP/MSRP *\r\n" PATH TYPES
					"a=setup:passive\r\na=msrp-cema\r\n";
	struct focus_sdp_policy reject = policy;
	struct focus_sdp_peer peer;
	struct focus_sdp_why why;
	struct media_remote r;
	int warning;

	(void)state;
	assert_int_equal(refusal(active, NULL), 0);
	assert_int_equal(refusal(passive, &warning), 488);
	assert_int_equal(warning, 305);
	reject.reject_cema_mismatch = true;
	assert_int_equal(focus_sdp_read(slice_str(active), false, &reject, &peer, &why), 488);
	assert_int_equal(read_as(cema, false, &peer, NULL), 0);
	focus_sdp_remote(&peer, false, &policy, &r);
	assert_string_equal(r.connect, "192.0.2.11:7395");
	focus_sdp_peer_fini(&peer);
}

static void cema_is_offered_and_answered(void **state)
{
	/* covers: CEMA-001, CEMA-004, CEMA-006 */
	static const struct {
		const char *path, *attributes;
		bool cema;
	} rows[] = {
		{PATH, "a=setup:actpass\r\na=msrp-cema\r\n", true},
		{PATH, "a=setup:actpass\r\n", false},
		{"a=path:msrp://abc.invalid:2855/aQ9x2Lk71zT;tcp\r\n",
		 "a=setup:active\r\na=msrp-cema\r\n", true},
		{"a=path:msrp://192.0.2.11:7394/r;tcp msrp://192.0.2.12:9/aQ9x2Lk71zT;tcp\r\n",
		 "a=setup:active\r\na=msrp-cema\r\n", false},
	};
	struct focus_sdp_policy without = policy;
	struct focus_sdp_local l = {0};
	struct focus_sdp_peer peer;

	(void)state;
	focus_sdp_local_set(&l, &added);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[1024];

		snprintf(text, sizeof(text), HEAD CHAT "%s" TYPES "%s", rows[i].path,
			 rows[i].attributes);
		assert_int_equal(read_as(text, false, &peer, NULL), 0);
		focus_sdp_answer(&l, &peer, &policy);
		assert_int_equal(strstr(bytes_cstr(&l.last), "a=msrp-cema\r\n") != NULL,
				 rows[i].cema);
		focus_sdp_peer_fini(&peer);
	}
	focus_sdp_offer(&l, &policy);
	assert_non_null(strstr(bytes_cstr(&l.last), "a=msrp-cema\r\n"));
	without.cema = false;
	focus_sdp_offer(&l, &without);
	assert_null(strstr(bytes_cstr(&l.last), "a=msrp-cema\r\n"));
	focus_sdp_local_fini(&l);
}

static void an_answer_says_whether_cema_holds(void **state)
{
	/* covers: CEMA-002, CEMA-005, CEMA-007 */
	static const char relayed[] =
		"a=path:msrp://192.0.2.12:7394/r;tcp msrp://192.0.2.11:7394/aQ9x2Lk71zT;tcp\r\n";
	static const struct {
		const char *line, *path, *attributes, *connect;
		bool again;
	} rows[] = {
		/* as c= and m= say */
		{CHAT, PATH, "a=setup:passive\r\n", NULL, false},
		{CHAT, PATH, "a=setup:active\r\n", NULL, false},
		/* a border between us, the peer knows CEMA */
		{"m=message 7395 TCP/MSRP *\r\n", PATH, "a=setup:passive\r\na=msrp-cema\r\n",
		 "192.0.2.11:7395", false},
		{"m=message 7395 TCP/MSRP *\r\n", PATH, "a=setup:active\r\na=msrp-cema\r\n", NULL,
		 false},
		/* and it does not */
		{"m=message 7395 TCP/MSRP *\r\n", PATH, "a=setup:passive\r\n", "192.0.2.11:7395",
		 false},
		{"m=message 7395 TCP/MSRP *\r\n", PATH, "a=setup:active\r\n", NULL, true},
		{CHAT, relayed, "a=setup:passive\r\n", NULL, true},
		/* the port of an active side means nothing */
		{"m=message 9 TCP/MSRP *\r\n", PATH, "a=setup:active\r\n", NULL, false},
		/* the same address in other words */
		{"m=message 7394 TCP/MSRP *\r\nc=IN IP6 2001:db8:0:0::1\r\n",
		 "a=path:msrp://[2001:db8::1]:7394/aQ9x2Lk71zT;tcp\r\n", "a=setup:active\r\n", NULL,
		 false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct focus_sdp_local l = {.cema = true};
		struct focus_sdp_peer peer;
		struct media_remote r;
		char text[1024];

		snprintf(text, sizeof(text), HEAD "%s%s" TYPES "%s", rows[i].line, rows[i].path,
			 rows[i].attributes);
		assert_int_equal(read_as(text, true, &peer, NULL), 0);
		assert_int_equal(focus_sdp_answered(&peer, &l), rows[i].again);
		focus_sdp_remote(&peer, true, &policy, &r);
		if (rows[i].connect)
			assert_string_equal(r.connect, rows[i].connect);
		else
			assert_null(r.connect);
		focus_sdp_peer_fini(&peer);
		/* An offer without CEMA: the path alone says where to connect, and nothing follows. */
		l.cema = false;
		assert_int_equal(read_as(text, true, &peer, NULL), 0);
		assert_false(focus_sdp_answered(&peer, &l));
		focus_sdp_remote(&peer, true, &policy, &r);
		assert_null(r.connect);
		focus_sdp_peer_fini(&peer);
	}
}

static void what_is_no_chat_is_refused_with_its_warning(void **state)
{
	/* covers: MSRP-122, MSRP-123, MSRP-127, MSRP-134, SW-002, FOC-027 */
	static const struct {
		const char *text;
		int status, warning;
	} rows[] = {
		{"hello", 400, 399},
		{HEAD "m=audio 4000 RTP/AVP 0\r\n", 488, 304},
		{HEAD "m=message 0 TCP/MSRP *\r\n" PATH TYPES, 488, 304},
		{HEAD CHAT TYPES, 488, 305},
		{HEAD CHAT PATH, 488, 305},
		{HEAD CHAT PATH "a=accept-types:text/plain\r\n", 488, 305},
		{HEAD CHAT PATH "a=accept-types:foo/bar\r\n", 488, 305},
		{HEAD "m=message 7394 TCP/TLS/MSRP *\r\n" PATH TYPES, 488, 305},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int warning;

		assert_int_equal(refusal(rows[i].text, &warning), rows[i].status);
		assert_int_equal(warning, rows[i].warning);
	}
}

#define BROWSER "a=path:msrps://df7jal23ls0d.invalid:2855/98cjs;ws\r\n"

static void a_browser_is_answered_in_its_own_protocol(void **state)
{
	/* covers: WS-007 */
	static const char *const protos[] = {"TCP/TLS/MSRP", "TCP/WSS/MSRP"};
	const struct media_result ws = {.local_path = "msrps://chat.example.com:443/s1Kx8GdW;ws",
					.host = "chat.example.com",
					.port = 443,
					.fingerprint = "sha-256 AA:BB"};
	struct focus_sdp_policy with = policy;
	struct focus_sdp_why why;

	(void)state;
	with.prefer_active = true; /* of no use here: nobody can connect to a browser */
	for (size_t i = 0; i < 2; i++) {
		struct focus_sdp_local l = {0};
		struct focus_sdp_peer peer;
		struct media_remote remote;
		char offer[1024], line[64];

		snprintf(offer, sizeof(offer),
			 HEAD "m=message 9 %s *\r\n" BROWSER TYPES
			      "a=msrp-cema\r\na=setup:actpass\r\n",
			 protos[i]);
		with.websocket = false;
		assert_int_equal(focus_sdp_read(slice_str(offer), false, &with, &peer, &why), 488);
		with.websocket = true;
		assert_int_equal(focus_sdp_read(slice_str(offer), false, &with, &peer, &why), 0);
		focus_sdp_remote(&peer, false, &with, &remote);
		assert_true(remote.ws && !remote.tls && remote.setup == MEDIA_PASSIVE);
		assert_int_equal(remote.n_fingerprints, 0);
		assert_non_null(focus_sdp_misfit(&peer, &l));
		focus_sdp_local_set(&l, &ws);
		assert_null(focus_sdp_misfit(&peer, &l));
		focus_sdp_answer(&l, &peer, &with);
		snprintf(line, sizeof(line), "m=message 443 %s *\r\n", protos[i]);
		assert_non_null(strstr(bytes_cstr(&l.last), line));
		assert_non_null(strstr(bytes_cstr(&l.last), "a=setup:passive\r\n"));
		assert_null(strstr(bytes_cstr(&l.last), "a=fingerprint"));
		assert_null(strstr(bytes_cstr(&l.last), "a=msrp-cema"));
		focus_sdp_offer(&l, &with); /* its leg moves */
		assert_non_null(strstr(bytes_cstr(&l.last), line));
		focus_sdp_peer_fini(&peer);
		snprintf(offer, sizeof(offer),
			 HEAD "m=message 9 %s *\r\n" BROWSER TYPES "a=setup:passive\r\n",
			 protos[i]);
		assert_int_equal(focus_sdp_read(slice_str(offer), false, &with, &peer, &why), 488);
		focus_sdp_local_fini(&l);
	}
}

static void a_repeated_description_is_known_by_its_origin(void **state)
{
	/* covers: MSRP-131 */
	struct focus_sdp_peer peer;

	(void)state;
	assert_int_equal(read_as(HEAD CHAT PATH TYPES, false, &peer, NULL), 0);
	assert_true(focus_sdp_same(&peer, 700100, 1));
	assert_false(focus_sdp_same(&peer, 700100, 2));
	assert_false(focus_sdp_same(&peer, 700101, 1));
	focus_sdp_peer_fini(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_offer_is_answered_line_by_line),
		cmocka_unit_test(a_second_chat_line_and_a_file_line_are_refused_each_on_its_own),
		cmocka_unit_test(our_offer_says_actpass_and_where_we_listen),
		cmocka_unit_test(the_version_moves_with_the_text_and_only_with_it),
		cmocka_unit_test(hold_is_answered_from_the_other_end),
		cmocka_unit_test(what_the_media_side_needs_is_taken_from_the_chat_line),
		cmocka_unit_test(the_peer_s_setup_decides_who_connects),
		cmocka_unit_test(a_path_elsewhere_matters_only_where_we_would_connect),
		cmocka_unit_test(cema_is_offered_and_answered),
		cmocka_unit_test(an_answer_says_whether_cema_holds),
		cmocka_unit_test(what_is_no_chat_is_refused_with_its_warning),
		cmocka_unit_test(a_browser_is_answered_in_its_own_protocol),
		cmocka_unit_test(a_repeated_description_is_known_by_its_origin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
