/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/fingerprint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/fingerprint.h"

#define OCTETS_16 "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
#define OCTETS_32 OCTETS_16 ":" OCTETS_16
#define OCTETS_48 OCTETS_32 ":" OCTETS_16
#define OCTETS_64 OCTETS_32 ":" OCTETS_32

static int parse(const char *text)
{
	struct fingerprint fp;

	return fingerprint_parse(slice_str(text), &fp);
}

static void the_three_hashes_are_read_and_written(void **state)
{
	static const char *const texts[] = {"sha-256 " OCTETS_32, "sha-384 " OCTETS_48,
					    "sha-512 " OCTETS_64};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct bytes out = BYTES_INIT;
		struct fingerprint fp;

		assert_int_equal(fingerprint_parse(slice_str(texts[i]), &fp), 0);
		assert_int_equal(fp.hash, FINGERPRINT_SHA256 + i);
		fingerprint_build(&out, &fp);
		assert_string_equal(bytes_cstr(&out), texts[i]);
		bytes_fini(&out);
	}
	assert_int_equal(
		parse("SHA-256  00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:" OCTETS_16), 0);
}

static void every_other_text_is_refused(void **state)
{
	char text[] = "sha-256 " OCTETS_32;

	(void)state;
	for (size_t len = 0; len < strlen(text); len++) {
		struct fingerprint fp;

		assert_true(fingerprint_parse(slice_make(text, len), &fp) < 0);
	}
	assert_int_equal(parse("sha-256 " OCTETS_32 ":00"), -ERR_SYNTAX);
	assert_int_equal(parse("sha-256 " OCTETS_32 ":"), -ERR_SYNTAX);
	assert_int_equal(parse("sha-384 " OCTETS_32), -ERR_SYNTAX);
	assert_int_equal(parse("sha-512 " OCTETS_64 ":00"), -ERR_SYNTAX);
	assert_int_equal(parse("sha-256 G0" OCTETS_32), -ERR_SYNTAX);
	assert_int_equal(parse("sha-256 0011"), -ERR_SYNTAX);
	assert_int_equal(parse("sha-256 0"), -ERR_SYNTAX);
	assert_int_equal(parse("sha-256"), -ERR_SYNTAX);
	assert_int_equal(parse(" "), -ERR_SYNTAX);
	assert_int_equal(parse("md5 " OCTETS_16), -ERR_UNSUPPORTED);
	assert_int_equal(parse("sha-1 " OCTETS_16 ":00:11:22:33"), -ERR_UNSUPPORTED);
}

static void only_the_strongest_of_a_list_counts(void **state)
{
	struct fingerprint_list list = {.n = 0};
	struct fingerprint weak, strong;

	(void)state;
	assert_int_equal(fingerprint_list_hash(&list), 0);
	assert_int_equal(fingerprint_list_add(&list, SLICE_LIT("md5 " OCTETS_16)), 0);
	assert_int_equal(list.n, 0);
	assert_int_equal(fingerprint_list_add(&list, SLICE_LIT("sha-256 " OCTETS_32)), 0);
	assert_int_equal(fingerprint_list_hash(&list), FINGERPRINT_SHA256);
	assert_int_equal(fingerprint_list_add(&list, SLICE_LIT("sha-512 " OCTETS_64)), 0);
	assert_int_equal(fingerprint_list_hash(&list), FINGERPRINT_SHA512);
	assert_int_equal(fingerprint_parse(SLICE_LIT("sha-256 " OCTETS_32), &weak), 0);
	assert_int_equal(fingerprint_parse(SLICE_LIT("sha-512 " OCTETS_64), &strong), 0);
	assert_true(fingerprint_list_has(&list, &weak));
	assert_true(fingerprint_list_has(&list, &strong));
	strong.octets[63] ^= 1;
	assert_false(fingerprint_list_has(&list, &strong));
}

static void a_list_holds_eight(void **state)
{
	struct fingerprint_list list = {.n = 0};

	(void)state;
	for (int i = 0; i < FINGERPRINT_LIST_MAX; i++)
		assert_int_equal(fingerprint_list_add(&list, SLICE_LIT("sha-256 " OCTETS_32)), 0);
	assert_int_equal(fingerprint_list_add(&list, SLICE_LIT("sha-256 " OCTETS_32)), -ERR_LIMIT);
	assert_int_equal(fingerprint_list_add(&list, SLICE_LIT("sha-256 zz")), -ERR_SYNTAX);
	assert_int_equal(list.n, FINGERPRINT_LIST_MAX);
}

static void pins_are_read_from_a_setting(void **state)
{
	struct fingerprint_list list = {.n = 0};
	struct fingerprint fp;

	(void)state;
	assert_int_equal(fingerprint_parse(SLICE_LIT("sha-256 " OCTETS_32), &fp), 0);
	assert_int_equal(fingerprint_list_read(&list, "sha-256 " OCTETS_32 " , " OCTETS_32 ","), 0);
	assert_int_equal(list.n, 2);
	assert_true(fingerprint_list_has(&list, &fp));
	assert_int_equal(fingerprint_list_read(&list, "sha-1 " OCTETS_32), -ERR_SYNTAX);
	assert_int_equal(fingerprint_list_read(&list, "cert.pem"), -ERR_SYNTAX);
	assert_int_equal(list.n, 2);
	assert_int_equal(fingerprint_list_read(&list, ""), 0);
	assert_int_equal(list.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_three_hashes_are_read_and_written),
		cmocka_unit_test(every_other_text_is_refused),
		cmocka_unit_test(only_the_strongest_of_a_list_counts),
		cmocka_unit_test(a_list_holds_eight),
		cmocka_unit_test(pins_are_read_from_a_setting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
