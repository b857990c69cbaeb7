/* SPDX-License-Identifier: Apache-2.0 */
/* Preconditions in session descriptions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/sdp_qos.h"

static struct sdp_qos parsed(const char *lines)
{
	struct slice rest = slice_str(lines), line;
	struct sdp_qos q = {0};

	while (slice_next(&rest, '\n', &line)) {
		ptrdiff_t colon = slice_chr(line, ':');

		line = slice_trim(line);
		if (colon < 2)
			continue;
		sdp_qos_take(&q, slice_make(line.ptr + 2, (size_t)colon - 2),
			     slice_from(line, (size_t)colon + 1));
	}
	return q;
}

static void check_built(const struct sdp_qos *q, const char *wanted)
{
	struct bytes out = BYTES_INIT;

	sdp_qos_build(&out, q);
	assert_string_equal(bytes_cstr(&out), wanted);
	bytes_fini(&out);
}

#define OFFER                                                                                      \
	"a=curr:qos local none\r\na=curr:qos remote none\r\n"                                      \
	"a=des:qos mandatory local sendrecv\r\na=des:qos optional remote sendrecv\r\n"

static void what_is_written_reads_the_same(void **state)
{
	/* covers: IMS-016 */
	static const char *const all[] = {
		OFFER,
		OFFER "a=conf:qos remote sendrecv\r\n",
		"a=curr:qos local send\r\na=curr:qos remote recv\r\n"
		"a=des:qos mandatory local send\r\na=des:qos optional local recv\r\n"
		"a=des:qos none remote sendrecv\r\na=conf:qos local recv\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct sdp_qos q = parsed(all[i]);

		assert_true(q.present);
		check_built(&q, all[i]);
	}
	check_built(&(struct sdp_qos){0}, "");
}

static void nobody_waits_for_what_is_there_or_only_wished_for(void **state)
{
	/* covers: IMS-016 */
	struct sdp_qos q = parsed(OFFER);

	(void)state;
	assert_true(sdp_qos_waits(&q));
	assert_true(sdp_qos_asks(&q));
	q = parsed("a=curr:qos local send\r\na=des:qos mandatory local sendrecv\r\n");
	assert_true(sdp_qos_waits(&q));
	q = parsed("a=curr:qos local sendrecv\r\na=des:qos mandatory local sendrecv\r\n");
	assert_false(sdp_qos_waits(&q));
	q = parsed("a=curr:qos local none\r\na=des:qos optional local sendrecv\r\n");
	assert_false(sdp_qos_waits(&q));
	assert_false(sdp_qos_asks(&q));
	q = parsed("");
	assert_false(sdp_qos_waits(&q));
	assert_false(sdp_qos_asks(&q));
}

static void the_sides_change_places_in_a_reply(void **state)
{
	/* covers: IMS-016 */
	struct sdp_qos theirs = parsed("a=curr:qos local send\r\na=curr:qos remote none\r\n"
				       "a=des:qos mandatory local sendrecv\r\n"
				       "a=des:qos mandatory remote recv\r\n"),
		       ours = sdp_qos_reply(&theirs, true),
		       nothing = sdp_qos_reply(&(struct sdp_qos){0}, true);

	(void)state;
	check_built(&ours, "a=curr:qos local sendrecv\r\na=curr:qos remote recv\r\n"
			   "a=des:qos mandatory local send\r\n"
			   "a=des:qos mandatory remote sendrecv\r\n"
			   "a=conf:qos remote send\r\n");
	assert_false(sdp_qos_waits(&ours));
	ours = sdp_qos_reply(&theirs, false);
	assert_int_equal(ours.remote.conf, 0);
	assert_false(nothing.present);
}

static void what_is_malformed_or_of_the_whole_path_is_not_there(void **state)
{
	static const char *const bad[] = {
		"a=curr:qos e2e none",
		"a=curr:qos local",
		"a=curr:qos local sideways",
		"a=curr:rsvp local none",
		"a=des:qos mandatory local",
		"a=des:qos local sendrecv",
		"a=conf:qos nowhere sendrecv",
		"a=curr:",
		"a=des:qos  ",
		"a=path:qos local none",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sdp_qos q = {0};
		struct slice line = slice_str(bad[i]);
		size_t colon = (size_t)slice_chr(line, ':');
		struct slice name = slice_make(line.ptr + 2, colon - 2);

		if (sdp_qos_is_attribute(name))
			sdp_qos_take(&q, name, slice_from(line, colon + 1));
		assert_false(q.present);
	}
}

static void a_word_nobody_defined_asks_for_nothing(void **state)
{
	struct sdp_qos q = parsed("a=des:qos urgently local sendrecv\r\n");

	(void)state;
	assert_true(q.present);
	assert_false(sdp_qos_waits(&q));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_reads_the_same),
		cmocka_unit_test(nobody_waits_for_what_is_there_or_only_wished_for),
		cmocka_unit_test(the_sides_change_places_in_a_reply),
		cmocka_unit_test(what_is_malformed_or_of_the_whole_path_is_not_there),
		cmocka_unit_test(a_word_nobody_defined_asks_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
