/* SPDX-License-Identifier: Apache-2.0 */
/* a=key-mgmt: values, lists of protocols, limits, and what spoils a list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/mem.h"
#include "proto/key_mgmt.h"

/* read() of the values given, a NULL at the end; what is found goes to `message` and `ids`. */
static struct bytes message, ids;

static int read_list(const char *const *values)
{
	char *copies[KEY_MGMT_MAX + 2];
	size_t n = 0;
	int err;

	bytes_reset(&message);
	bytes_reset(&ids);
	for (; values[n]; n++)
		copies[n] = xstrdup(values[n]);
	err = key_mgmt_read(copies, n, &message, &ids);
	while (n > 0)
		free(copies[--n]);
	return err;
}

static int read_one(const char *value)
{
	return read_list((const char *[]){value, NULL});
}

static int forget(void **state)
{
	(void)state;
	bytes_fini(&message);
	bytes_fini(&ids);
	return 0;
}

/* covers: KM-001 */
static void a_value_is_a_protocol_and_base64(void **state)
{
	(void)state;
	assert_int_equal(read_one("mikey Zm9vYg=="), 1);
	assert_string_equal(bytes_cstr(&message), "foob");
	assert_string_equal(bytes_cstr(&ids), "mikey");
	assert_int_equal(read_one(" mikey Zm9v"), 1);
	assert_string_equal(bytes_cstr(&message), "foo");
	assert_int_equal(read_list((const char *[]){NULL}), 0);
}

/* covers: KM-001 */
static void the_protocol_is_compared_letter_by_letter(void **state)
{
	(void)state;
	assert_int_equal(read_one("MIKEY Zm9v"), -ERR_UNSUPPORTED);
	assert_int_equal(read_one("mikeyx Zm9v"), -ERR_UNSUPPORTED);
	assert_int_equal(message.len, 0);
	assert_int_equal(ids.len, 0);
}

/* covers: KM-003 */
static void all_protocols_of_a_list_are_named_in_order(void **state)
{
	(void)state;
	assert_int_equal(
		read_list((const char *[]){"keyp1 AAAA", "mikey Zm9v", "keyp2 BBBB", NULL}), 1);
	assert_string_equal(bytes_cstr(&message), "foo");
	assert_string_equal(bytes_cstr(&ids), "keyp1;mikey;keyp2");
	/* One line taken away on its way shows in the list. */
	assert_int_equal(read_list((const char *[]){"mikey Zm9v", "keyp2 BBBB", NULL}), 1);
	assert_string_equal(bytes_cstr(&ids), "mikey;keyp2");
}

static void of_two_messages_of_one_protocol_the_first_counts(void **state)
{
	(void)state;
	assert_int_equal(read_list((const char *[]){"mikey Zm9v", "mikey YmFy", NULL}), 1);
	assert_string_equal(bytes_cstr(&message), "foo");
	assert_string_equal(bytes_cstr(&ids), "mikey;mikey");
}

/* covers: KM-004 */
static void one_malformed_value_spoils_the_list(void **state)
{
	static const char *const bad[] = {"",
					  "mikey",
					  "mikey ",
					  "mikey  Zm9v",
					  "mikey Zm9",
					  "mikey Zm9v=",
					  "mikey Zm-_",
					  "mikey Zm9v ",
					  "mi;key Zm9v",
					  "mikey Zm9v\tx",
					  "mikey\tZm9v",
					  "mikey Zm9v Zm9v"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(read_one(bad[i]), -ERR_SYNTAX);
		assert_int_equal(read_list((const char *[]){"mikey Zm9v", bad[i], NULL}),
				 -ERR_SYNTAX);
		assert_int_equal(message.len, 0);
		assert_int_equal(ids.len, 0);
	}
	assert_int_equal(read_list((const char *[]){"mikey Zm9v", "other Zm9", NULL}), -ERR_SYNTAX);
}

static void limits_at_n_and_one_more(void **state)
{
	const char *many[KEY_MGMT_MAX + 2] = {NULL};
	struct bytes value = BYTES_INIT;
	size_t digits = KEY_MGMT_MAX_SIZE - strlen("mikey ") - 2;

	(void)state;
	for (size_t i = 0; i < KEY_MGMT_MAX; i++)
		many[i] = "mikey Zm9v";
	assert_int_equal(read_list(many), 1);
	many[KEY_MGMT_MAX] = "mikey Zm9v";
	assert_int_equal(read_list(many), -ERR_LIMIT);
	bytes_add_str(&value, "mikeyyy "); /* 8 and a multiple of four */
	for (size_t i = 0; i < digits; i++)
		bytes_add_char(&value, 'A');
	assert_int_equal(value.len, KEY_MGMT_MAX_SIZE);
	assert_int_equal(read_one(bytes_cstr(&value)), -ERR_UNSUPPORTED);
	bytes_add_char(&value, 'A');
	assert_int_equal(read_one(bytes_cstr(&value)), -ERR_LIMIT);
	bytes_fini(&value);
}

static void build_of_read_is_the_value(void **state)
{
	static const char *const values[] = {"mikey Zm9vYg==", "mikey AQAFAV7t", "mikey AA=="};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct bytes out = BYTES_INIT;

		assert_int_equal(read_one(values[i]), 1);
		key_mgmt_build(bytes_slice(&message), &out);
		assert_string_equal(bytes_cstr(&out), values[i]);
		bytes_fini(&out);
	}
}

/* Every beginning of a good value is refused, or is a shorter good one. */
static void byte_at_a_time(void **state)
{
	static const char whole[] = "mikey Zm9vYmFyZm9vYg==";

	(void)state;
	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		char *part = xstrndup(whole, len);
		bool groups = len > 6 && (len - 6) % 4 == 0;

		assert_int_equal(read_one(part), groups ? 1 : -ERR_SYNTAX);
		free(part);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_a_protocol_and_base64),
		cmocka_unit_test(the_protocol_is_compared_letter_by_letter),
		cmocka_unit_test(all_protocols_of_a_list_are_named_in_order),
		cmocka_unit_test(of_two_messages_of_one_protocol_the_first_counts),
		cmocka_unit_test(one_malformed_value_spoils_the_list),
		cmocka_unit_test(limits_at_n_and_one_more),
		cmocka_unit_test(build_of_read_is_the_value),
		cmocka_unit_test(byte_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
