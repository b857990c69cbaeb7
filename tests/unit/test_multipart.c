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

static void headers_of_parts_are_given(void **state)
{
	static const char text[] = "--b-1\r\ncontent-id: <a@b>\r\nContent-Disposition: "
				   "recipient-list; handling=optional \r\n"
				   "Content-Transfer-Encoding:binary\r\n\r\nx\r\n"
				   "--b-1\r\n\r\ny\r\n--b-1--";
	struct multipart_part p;
	struct multipart m;

	(void)state;
	assert_int_equal(multipart_open(TYPE, slice_str(text), &m), 0);
	assert_int_equal(multipart_next(&m, &p), 1);
	assert_true(slice_eq_str(p.id, "<a@b>"));
	assert_true(slice_eq_str(p.disposition, "recipient-list; handling=optional"));
	assert_true(slice_eq_str(p.encoding, "binary"));
	assert_int_equal(multipart_next(&m, &p), 1);
	assert_null(p.id.ptr);
	assert_null(p.disposition.ptr);
	assert_null(p.encoding.ptr);
}

static int flatten(const char *text, size_t max, struct multipart_part *parts, size_t *n)
{
	const struct multipart_part whole = {.content_type = TYPE, .body = slice_str(text)};

	return multipart_flatten(&whole, max, parts, n);
}

static void parts_in_parts_are_opened(void **state)
{
	static const char text[] =
		"--b-1\r\nContent-Type: multipart/related; boundary=in\r\n\r\n"
		"--in\r\n\r\none\r\n--in\r\nContent-ID: <2>\r\n\r\ntwo\r\n--in--\r\n"
		"--b-1\r\nContent-Type: multipart/signed; boundary=in\r\n\r\nthree\r\n--b-1--";
	const struct multipart_part plain = {.content_type = SLICE_LIT("a/b"),
					     .body = SLICE_LIT("--b-1")};
	struct multipart_part parts[3];
	size_t n;

	(void)state;
	assert_int_equal(flatten(text, 3, parts, &n), 0);
	assert_int_equal(n, 3);
	assert_true(slice_eq_str(parts[0].body, "one"));
	assert_true(slice_eq_str(parts[1].body, "two"));
	assert_true(slice_eq_str(parts[1].id, "<2>"));
	assert_true(slice_eq_str(parts[2].body, "three"));
	assert_int_equal(flatten(text, 2, parts, &n), -ERR_LIMIT);
	assert_int_equal(flatten("--b-1\r\nContent-Type: multipart/mixed\r\n\r\n--in\r\n\r\n"
				 "\r\n--b-1--",
				 3, parts, &n),
			 -ERR_SYNTAX);
	assert_int_equal(multipart_flatten(&plain, 1, parts, &n), 0);
	assert_int_equal(n, 1);
	assert_true(slice_eq_str(parts[0].body, "--b-1"));
}

/* A body of so many multiparts, one in the other. */
static int nested(int levels)
{
	struct bytes b = BYTES_INIT;
	struct multipart_part whole, parts[1];
	size_t n;
	int err;

	for (int i = 0; i < levels; i++) {
		bytes_addf(&b, "--b%d\r\n", i);
		if (i < levels - 1)
			bytes_addf(&b, "Content-Type: multipart/mixed;boundary=b%d\r\n", i + 1);
		bytes_add_str(&b, "\r\n");
	}
	for (int i = levels - 1; i >= 0; i--)
		bytes_addf(&b, "\r\n--b%d--", i);
	whole = (struct multipart_part){.content_type = SLICE_LIT("multipart/mixed;boundary=b0"),
					.body = bytes_slice(&b)};
	err = multipart_flatten(&whole, 1, parts, &n);
	bytes_fini(&b);
	return err;
}

static void nesting_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(nested(MULTIPART_MAX_DEPTH), 0);
	assert_int_equal(nested(MULTIPART_MAX_DEPTH + 1), -ERR_LIMIT);
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
		cmocka_unit_test(headers_of_parts_are_given),
		cmocka_unit_test(parts_in_parts_are_opened),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(what_is_cut_off_is_broken_at_every_length),
		cmocka_unit_test(a_boundary_is_needed_and_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
