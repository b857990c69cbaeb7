/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The declaration itself: names for logs, and rules that every line of ctl_msgs.def has to keep.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/mem.h"
#include "proto/ctl_msgs.h"

static void commands_and_results_have_names(void **state)
{
	(void)state;
	assert_string_equal(ctl_command_name(CTL_CMD_ADD), "ADD");
	assert_string_equal(ctl_command_name(8), "KEEPALIVE");
	assert_null(ctl_command_name(0));
	assert_null(ctl_command_name(9));
	assert_string_equal(ctl_result_name(CTL_R_STALE_EPOCH), "STALE_EPOCH");
	assert_string_equal(ctl_result_name(0), "OK");
	assert_null(ctl_result_name(-1));
	assert_null(ctl_result_name(9999));
}

struct line {
	int body;
	const char *name, *type, *presence;
	uint32_t tag;
};

static const struct line lines[] = {
#define CTL_FIELD(body, type, name, tag, presence, unit, text)                                     \
	{CTL_BODY_##body, #name, #type, #presence, tag},
#include "proto/ctl_msgs.def"
};

static void tags_leave_the_top_bit_free_and_are_unique_in_a_body(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		assert_true(lines[i].tag > 0 && lines[i].tag < 0x8000);
		for (size_t k = i + 1; k < ARRAY_LEN(lines); k++)
			if (lines[i].body == lines[k].body)
				assert_int_not_equal(lines[i].tag, lines[k].tag);
	}
}

static void a_tag_means_the_same_field_in_every_body(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		for (size_t k = i + 1; k < ARRAY_LEN(lines); k++) {
			if (lines[i].tag != lines[k].tag)
				continue;
			assert_string_equal(lines[i].name, lines[k].name);
			assert_string_equal(lines[i].type, lines[k].type);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_and_results_have_names),
		cmocka_unit_test(tags_leave_the_top_bit_free_and_are_unique_in_a_body),
		cmocka_unit_test(a_tag_means_the_same_field_in_every_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
