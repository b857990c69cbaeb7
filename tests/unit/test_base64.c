/* SPDX-License-Identifier: Apache-2.0 */
/* Base64: the RFC's examples, every length both ways, and texts that no encoder writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/mem.h"
#include "proto/base64.h"

static void the_examples_of_the_rfc(void **state)
{
	static const char *const pairs[][2] = {{"", ""},
					       {"f", "Zg=="},
					       {"fo", "Zm8="},
					       {"foo", "Zm9v"},
					       {"foob", "Zm9vYg=="},
					       {"fooba", "Zm9vYmE="},
					       {"foobar", "Zm9vYmFy"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct bytes text = BYTES_INIT, back = BYTES_INIT;

		base64_build(slice_str(pairs[i][0]), &text);
		assert_string_equal(bytes_cstr(&text), pairs[i][1]);
		assert_int_equal(base64_parse(bytes_slice(&text), &back), 0);
		assert_string_equal(bytes_cstr(&back), pairs[i][0]);
		bytes_fini(&text);
		bytes_fini(&back);
	}
}

static void all_octets_and_lengths_come_back(void **state)
{
	uint8_t data[256];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 167 + 5);
	for (size_t len = 0; len <= sizeof(data); len++) {
		struct bytes text = BYTES_INIT, back = BYTES_INIT;

		bytes_add_str(&back, "before");
		base64_build(slice_make(data, len), &text);
		assert_int_equal(base64_parse(bytes_slice(&text), &back), 0);
		assert_int_equal(back.len, len + 6);
		assert_memory_equal(back.data + 6, data, len);
		bytes_fini(&text);
		bytes_fini(&back);
	}
}

static void other_spellings_are_refused(void **state)
{
	static const char *const bad[] = {
		"Z",       "Zg",       "Zg=",  "Zg===",      "Zh==", "Zm9=",
		"Zm9vYg=", "Zg==Zg==", "=Zg=", "====",       "Zm 9", "Zm9v\r\n",
		"Zm-_",    "Zm9v====", "Z===", "Zm\xc3\xa4", "=m9v"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct bytes out = BYTES_INIT;

		assert_int_equal(base64_parse(slice_str(bad[i]), &out), -ERR_SYNTAX);
		assert_int_equal(out.len, 0);
		bytes_fini(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_rfc),
		cmocka_unit_test(all_octets_and_lengths_come_back),
		cmocka_unit_test(other_spellings_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
