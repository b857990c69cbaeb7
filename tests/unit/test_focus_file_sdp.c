/* SPDX-License-Identifier: Apache-2.0 */
/* Offers and answers for files: which lines are taken, what is answered, what goes to a receiver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/mem.h"
#include "mrfc/focus/focus_file_sdp.h"

#define HEAD "v=0\r\no=alice 700100 1 IN IP4 192.0.2.11\r\ns=-\r\nc=IN IP4 192.0.2.11\r\nt=0 0\r\n"
#define LINE(port)                                                                                 \
	"m=message " port " TCP/MSRP *\r\n"                                                        \
	"a=path:msrp://192.0.2.11:7394/fA81kQz0;tcp\r\n"                                           \
	"a=accept-types:image/png\r\na=sendonly\r\na=setup:actpass\r\n"
#define FILE_A                                                                                     \
	"a=file-selector:name:\"a.png\" type:image/png size:10\r\na=file-transfer-id:AAA\r\n"      \
	"a=file-disposition:attachment\r\na=file-icon:cid:i@x\r\n"
#define FILE_B "a=file-selector:type:image/png size:2000\r\na=file-transfer-id:BBB\r\n"
#define CHAT                                                                                       \
	"m=message 7394 TCP/MSRP *\r\na=path:msrp://192.0.2.11:7394/c;tcp\r\n"                     \
	"a=accept-types:message/cpim\r\n"

static const struct focus_sdp_policy policy = {.session_match = true};
static const struct media_result added = {
	.local_path = "msrp://192.0.2.30:2855/s1;tcp", .host = "192.0.2.30", .port = 2855};

static int read_offer(const char *text, struct sdp_session *sdp, uint32_t *good)
{
	struct focus_sdp_why why;

	return file_sdp_read(slice_str(text), false, 0, 1000, &policy, sdp, good, &why);
}

static void only_files_alone_are_an_offer_of_files(void **state)
{
	(void)state;
	assert_true(file_sdp_is_offer(SLICE_LIT(HEAD LINE("7394") FILE_A), false));
	assert_false(file_sdp_is_offer(SLICE_LIT(HEAD CHAT), false));
	assert_false(file_sdp_is_offer(SLICE_LIT(HEAD CHAT "a=file-selector\r\n"), false));
	assert_false(file_sdp_is_offer(SLICE_LIT(HEAD CHAT LINE("7394") FILE_A), false));
	assert_false(file_sdp_is_offer(SLICE_LIT(HEAD LINE("0") FILE_A), false));
	assert_false(file_sdp_is_offer(SLICE_LIT("file-selector"), false));
}

/* covers: FT-002, FT-003, FT-015 */
static void each_line_is_judged_by_itself(void **state)
{
	struct sdp_session sdp;
	uint32_t good = 0;

	(void)state;
	assert_int_equal(read_offer(HEAD LINE("7394") FILE_B LINE("7394") FILE_A, &sdp, &good), 0);
	assert_int_equal(good, 2); /* the first is larger than allowed */
	sdp_fini(&sdp);
	assert_int_equal(read_offer(HEAD LINE("7394") FILE_B, &sdp, &good), 488);
	assert_int_equal(read_offer("no", &sdp, &good), 400);
}

/* covers: FT-004, FT-005 */
static void the_sender_is_answered_by_the_rules(void **state)
{
	struct file_sdp_local l = {0};
	struct sdp_session sdp;
	uint32_t good;

	(void)state;
	assert_int_equal(read_offer(HEAD LINE("7394") FILE_A LINE("7394") FILE_B
				    "m=audio 4000 RTP/AVP 0\r\n",
				    &sdp, &good),
			 0);
	file_sdp_set(&l, 0, &added);
	file_sdp_answer(&l, &sdp, "192.0.2.30", 1000, &policy);
	assert_non_null(strstr(bytes_cstr(&l.last),
			       "m=message 2855 TCP/MSRP *\r\n"
			       "a=path:msrp://192.0.2.30:2855/s1;tcp\r\n"
			       "a=accept-types:image/png\r\na=max-size:1000\r\na=recvonly\r\n"
			       "a=setup:passive\r\n"
			       "a=file-selector:name:\"a.png\" type:image/png size:10\r\n"
			       "a=file-transfer-id:AAA\r\n"
			       "m=message 0 TCP/MSRP *\r\n"
			       "a=file-selector:type:image/png size:2000\r\n"
			       "a=file-transfer-id:BBB\r\n"
			       "m=audio 0 RTP/AVP 0\r\n"));
	assert_int_equal(l.version, 1);
	file_sdp_answer(&l, &sdp, "192.0.2.30", 1000, &policy);
	assert_int_equal(l.version, 1);
	file_sdp_close(&l, 0);
	file_sdp_answer(&l, &sdp, "192.0.2.30", 1000, &policy);
	assert_int_equal(l.version, 2);
	assert_null(strstr(bytes_cstr(&l.last), "a=path"));
	sdp_fini(&sdp);
	file_sdp_fini(&l);
}

/* covers: FT-012, FT-013 */
static void a_receiver_is_offered_the_same_file_under_another_id(void **state)
{
	struct file_sdp_local l = {0};
	struct sdp_session sdp;
	char *id;
	uint32_t good;

	(void)state;
	assert_int_equal(read_offer(HEAD LINE("7394") FILE_A, &sdp, &good), 0);
	file_sdp_set(&l, 0, &added);
	file_sdp_offer(&l, &sdp, "192.0.2.30", true);
	assert_non_null(strstr(bytes_cstr(&l.last), "a=sendonly\r\na=setup:actpass\r\n"));
	assert_non_null(strstr(bytes_cstr(&l.last), "name:\"a.png\" type:image/png size:10\r\n"));
	assert_non_null(strstr(bytes_cstr(&l.last), "a=file-icon:cid:i@x\r\n"));
	assert_null(strstr(bytes_cstr(&l.last), "AAA"));
	assert_int_equal(strlen(l.line[0].transfer_id), 32);
	id = strdup(l.line[0].transfer_id);
	file_sdp_offer(&l, &sdp, "192.0.2.30", false);
	assert_string_equal(l.line[0].transfer_id, id);
	assert_null(strstr(bytes_cstr(&l.last), "icon"));
	free(id);
	sdp_fini(&sdp);
	file_sdp_fini(&l);
}

static void what_the_media_side_is_told(void **state)
{
	struct media_remote remote;
	struct focus_sdp_why why;
	struct sdp_session sdp;
	char connect[300];
	uint32_t good;

	(void)state;
	assert_int_equal(read_offer(HEAD LINE("7394") FILE_A, &sdp, &good), 0);
	file_sdp_remote(&sdp, 0, false, &policy, connect, &remote);
	assert_int_equal(remote.direction, SDP_SENDONLY);
	assert_int_equal(remote.setup, MEDIA_PASSIVE);
	assert_null(remote.connect);
	sdp_fini(&sdp);
	assert_int_equal(file_sdp_read(SLICE_LIT(HEAD "m=message 9 TCP/MSRP *\r\n"
						      "a=path:msrp://192.0.2.11:9/x;tcp\r\n"
						      "a=accept-types:*\r\na=recvonly\r\n"
						      "a=setup:passive\r\n"),
				       true, 1, 0, &policy, &sdp, &good, &why),
			 0);
	file_sdp_remote(&sdp, 0, true, &policy, connect, &remote);
	assert_int_equal(remote.direction, SDP_RECVONLY);
	assert_int_equal(remote.setup, MEDIA_ACTIVE);
	sdp_fini(&sdp);
	assert_int_equal(file_sdp_read(SLICE_LIT(HEAD "m=message 0 TCP/MSRP *\r\n"), true, 1, 0,
				       &policy, &sdp, &good, &why),
			 488);
	assert_int_equal(file_sdp_read(SLICE_LIT(HEAD LINE("7394") LINE("7394")), true, 1, 0,
				       &policy, &sdp, &good, &why),
			 488);
}

static const char *leak_of(const char *attributes)
{
	char *text = NULL;
	struct sdp_session sdp;
	struct focus_sdp_why why = {0};
	uint32_t good;
	int status;

	text = xasprintf(HEAD LINE("7394") "a=file-transfer-id:AAA\r\n%s", attributes);
	assert_int_equal(read_offer(text, &sdp, &good), 0);
	status = file_sdp_judge_sealed(&sdp, &why);
	assert_int_equal(status, why.text != NULL ? 488 : 0);
	assert_int_equal(why.warning, why.text != NULL ? 399 : 0);
	sdp_fini(&sdp);
	free(text);
	return why.text;
}

/* covers: GK-014 */
static void a_sealed_file_is_described_by_its_size_alone(void **state)
{
#define OCTETS "a=file-selector:type:application/octet-stream size:10"
	static const char *const bad[] = {
		"a=file-selector:type:image/png size:10\r\n",
		"a=file-selector:size:10\r\n",
		"a=file-selector:type:application/octet-stream;name=\"x\" size:10\r\n",
		OCTETS " name:\"x\"\r\n",
		OCTETS " hash:sha-256:AB\r\n",
		OCTETS "\r\na=file-icon:cid:i@x\r\n",
		OCTETS "\r\na=file-date:read:\"x\"\r\n",
		OCTETS "\r\na=file-range:2-*\r\n",
		OCTETS "\r\na=file-range:1-10\r\n",
	};

	(void)state;
	assert_null(leak_of(OCTETS "\r\n"));
	assert_null(leak_of("a=file-selector:type:APPLICATION/Octet-Stream\r\n"));
	assert_null(leak_of(OCTETS "\r\na=file-disposition:render\r\na=file-range:1-*\r\n"));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_non_null(leak_of(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_files_alone_are_an_offer_of_files),
		cmocka_unit_test(each_line_is_judged_by_itself),
		cmocka_unit_test(the_sender_is_answered_by_the_rules),
		cmocka_unit_test(a_receiver_is_offered_the_same_file_under_another_id),
		cmocka_unit_test(what_the_media_side_is_told),
		cmocka_unit_test(a_sealed_file_is_described_by_its_size_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
