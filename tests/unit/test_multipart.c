/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of multipart bodies: delimiters at line starts only, headers, what is broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/bytes.h"
#include "proto/multipart.h"

#define TYPE SLICE_LIT("multipart/mixed; boundary=\"b-1\"")

static void parts_are_found_in_order(void **state)
{
	static const char text[] =
		"preamble --b-1\r\n--b-1 \r\nContent-Type: a/b; c=d\r\nX: y\r\n\r\n"
		"one\r\n--b-10\r\n --b-1\r\nx--b-1\r\n"
		"--b-1\r\n\r\n\r\n--b-1\r\ncontent-type:  c/d \r\n\r\nthree\r\n\r\n"
		"--b-1--\r\nepilogue\r\n--b-1\r\n";
	struct multipart_part p;
	struct multipart m;

	(void)state;
	assert_int_equal(multipart_open(TYPE, slice_str(text), &m), 0);
	assert_int_equal(multipart_next(&m, &p), 1);
	assert_true(slice_eq_str(p.content_type, "a/b; c=d"));
	assert_true(slice_eq_str(p.body, "one\r\n--b-10\r\n --b-1\r\nx--b-1"));
	assert_int_equal(multipart_next(&m, &p), 1);
	assert_true(slice_eq_str(p.content_type, "text/plain"));
	assert_int_equal(p.body.len, 0);
	assert_int_equal(multipart_next(&m, &p), 1);
	assert_true(slice_eq_str(p.content_type, "c/d"));
	assert_true(slice_eq_str(p.body, "three\r\n"));
	assert_int_equal(multipart_next(&m, &p), 0);
	assert_int_equal(multipart_next(&m, &p), 0);
}

static void what_is_cut_off_is_broken_at_every_length(void **state)
{
	static const char text[] = "--b-1\r\nContent-Type: a/b\r\n\r\nbody\r\n--b-1--";
	struct multipart_part p;
	struct multipart m;

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		int rc = multipart_open(TYPE, slice_make(text, n), &m);

		if (rc == 0)
			assert_int_equal(multipart_next(&m, &p), -ERR_SYNTAX);
		else
			assert_int_equal(rc, -ERR_SYNTAX);
	}
	assert_int_equal(multipart_open(TYPE, slice_str(text), &m), 0);
	assert_int_equal(multipart_next(&m, &p), 1);
	assert_true(slice_eq_str(p.body, "body"));
	assert_int_equal(multipart_next(&m, &p), 0);
	assert_int_equal(multipart_open(TYPE, SLICE_LIT("--b-1\r\nX: y\r\n--b-1--"), &m), 0);
	assert_int_equal(multipart_next(&m, &p), -ERR_SYNTAX); /* no blank line */
}

static void a_boundary_is_needed_and_limited(void **state)
{
	struct bytes b = BYTES_INIT;
	struct multipart m;

	(void)state;
	assert_int_equal(multipart_open(SLICE_LIT("multipart/mixed"), SLICE_LIT("--\r\n"), &m),
			 -ERR_SYNTAX);
	for (size_t n = 70; n <= 71; n++) {
		bytes_reset(&b);
		bytes_addf(&b, "multipart/mixed;boundary=%0*d", (int)n, 1);
		bytes_addf(&b, "--%0*d\r\n\r\n\r\n--%0*d--", (int)n, 1, (int)n, 1);
		assert_int_equal(multipart_open(slice_first(bytes_slice(&b), 25 + n),
						slice_from(bytes_slice(&b), 25 + n), &m),
				 n <= 70 ? 0 : -ERR_SYNTAX);
	}
	bytes_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_found_in_order),
		cmocka_unit_test(what_is_cut_off_is_broken_at_every_length),
		cmocka_unit_test(a_boundary_is_needed_and_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
