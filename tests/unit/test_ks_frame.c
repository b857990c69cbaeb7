/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of an external key server, and its list of who may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mrfc/groupkey/allow.h"
#include "proto/ks/ks_frame.h"

static void frames_come_octet_by_octet(void **state)
{
	const struct ks_frame f = {.verb = KS_MESSAGE,
				   .number = 0x0102030405060708,
				   .room = SLICE_LIT("sip:r@x"),
				   .uri = SLICE_LIT("sip:a@x"),
				   .key_id = SLICE_LIT("k"),
				   .bytes = SLICE_LIT("\0\1\2")};
	struct bytes b = BYTES_INIT;
	struct ks_frame g;
	size_t used = 0;

	(void)state;
	ks_frame_build(&f, &b);
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(ks_frame_next(slice_first(bytes_slice(&b), n), &g, &used), 0);
	bytes_add_str(&b, "more");
	assert_int_equal(ks_frame_next(bytes_slice(&b), &g, &used), 1);
	assert_int_equal(used, b.len - 4);
	assert_int_equal(g.verb, f.verb);
	assert_true(g.number == f.number && slice_eq(g.room, f.room) && slice_eq(g.uri, f.uri) &&
		    slice_eq(g.key_id, f.key_id) && slice_eq(g.bytes, f.bytes));
	bytes_fini(&b);
}

static void fields_that_do_not_fit_are_an_error(void **state)
{
	const struct ks_frame f = {.verb = KS_PING, .uri = SLICE_LIT("uri")};
	struct bytes b = BYTES_INIT;
	struct ks_frame g;
	size_t used;

	(void)state;
	ks_frame_build(&f, &b);
	for (size_t at = 13; at < b.len; at++) { /* each field's length, and what stands for it */
		char was = b.data[at];

		if (at >= 21 && at < 24)
			continue; /* the URI itself */
		b.data[at] = (char)(was + 1);
		assert_int_equal(ks_frame_next(bytes_slice(&b), &g, &used), -ERR_SYNTAX);
		b.data[at] = was;
	}
	b.data[3] = (char)(b.data[3] - 1); /* a shorter whole */
	assert_int_equal(ks_frame_next(bytes_slice(&b), &g, &used), -ERR_SYNTAX);
	assert_int_equal(ks_frame_next(SLICE_LIT("\0\0\0\3abc"), &g, &used), -ERR_SYNTAX);
	assert_int_equal(ks_frame_next(SLICE_LIT("\1\0\0\1"), &g, &used), -ERR_LIMIT);
	assert_int_equal(ks_frame_next(SLICE_LIT("\1\0\0\0"), &g, &used), 0);
	bytes_fini(&b);
}

static void a_change_is_a_list(void **state)
{
	const struct ks_item_view in[] = {
		{true, SLICE_LIT("sip:a@x"), SLICE_LIT("k"), SLICE_LIT("bytes")},
		{false, SLICE_LIT("sip:b@x"), SLICE_NULL, SLICE_NULL}};
	struct bytes b = BYTES_INIT;
	struct ks_item_view out;
	struct slice rest;

	(void)state;
	ks_list_add(&b, &in[0]);
	ks_list_add(&b, &in[1]);
	rest = bytes_slice(&b);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ks_list_next(&rest, &out), 1);
		assert_int_equal(out.joined, in[i].joined);
		assert_true(slice_eq(out.uri, in[i].uri) && slice_eq(out.key_id, in[i].key_id) &&
			    slice_eq(out.request, in[i].request));
	}
	assert_int_equal(ks_list_next(&rest, &out), 0);
	rest = slice_first(bytes_slice(&b), 20);
	assert_int_equal(ks_list_next(&rest, &out), -ERR_SYNTAX);
	b.data[0] = 2;
	rest = bytes_slice(&b);
	assert_int_equal(ks_list_next(&rest, &out), -ERR_SYNTAX);
	bytes_fini(&b);
}

static void the_first_line_that_fits_decides(void **state)
{
	static const char text[] = "# who may\n"
				   "\n"
				   "sip:board-*@conf.example.com:  sip:alice@example.com tel:+1*\n"
				   "sip:*@conf.example.com: sip:*@example.com # all of ours\n";
	struct allow *a;
	unsigned line;

	(void)state;
	assert_int_equal(allow_parse(slice_str(text), &a, &line), 0);
	assert_true(allow_has(a, "sip:board-1@conf.example.com", "sip:alice@EXAMPLE.com"));
	assert_true(allow_has(a, "sip:board-1@conf.example.com", "tel:+1-555"));
	assert_false(allow_has(a, "sip:board-1@conf.example.com", "sip:bob@example.com"));
	assert_true(allow_has(a, "sip:tea@conf.example.com;x=y", "sip:bob@example.com"));
	assert_false(allow_has(a, "sip:tea@conf.example.com", "sip:bob@example.org"));
	assert_false(allow_has(a, "sip:tea@conf.example.org", "sip:bob@example.com"));
	allow_free(&a);
	assert_int_equal(allow_parse(SLICE_LIT("vault: sip:b@y\n"), &a, &line), -ERR_SYNTAX);
	assert_int_equal(allow_parse(SLICE_LIT("*: bob\n"), &a, &line), -ERR_SYNTAX);
	assert_int_equal(allow_parse(SLICE_LIT("sip:a@y: sip:b@y\nsip:x@y sip:z@y\n"), &a, &line),
			 -ERR_SYNTAX);
	assert_int_equal(line, 2);
	assert_int_equal(allow_parse(SLICE_LIT("a:"), &a, &line), -ERR_SYNTAX);
	assert_int_equal(allow_parse(SLICE_NULL, &a, &line), 0);
	assert_false(allow_has(a, "sip:x@y", "sip:z@y"));
	allow_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_octet_by_octet),
		cmocka_unit_test(fields_that_do_not_fit_are_an_error),
		cmocka_unit_test(a_change_is_a_list),
		cmocka_unit_test(the_first_line_that_fits_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
