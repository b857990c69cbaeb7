/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of the control protocol: the head's layout on the wire, streams that arrive an octet at a
 * time, lengths at and past their limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/ctl_frame.h"

static const uint8_t context[CTL_CONTEXT_SIZE] = "0123456789abcdef";

static void put_length(char *at, uint32_t len)
{
	for (int i = 0; i < 4; i++)
		at[i] = (char)(len >> (24 - 8 * i));
}

static void a_frame_has_its_head_in_network_order(void **state)
{
	static const char want[] = "\0\0\0\x1b\x01\x06\x05\0\x01\x02\x03\x04"
				   "0123456789abcdefxyz";
	struct bytes out = BYTES_INIT;
	size_t begin;

	(void)state;
	begin = ctl_frame_begin(&out, CTL_CMD_NOTIFY, CTL_FLAG_REPLY | CTL_FLAG_URGENT, 0x01020304,
				context);
	bytes_add_str(&out, "xyz");
	assert_int_equal(ctl_frame_end(&out, begin), 0);
	assert_int_equal(out.len, sizeof(want) - 1);
	assert_memory_equal(out.data, want, out.len);
	bytes_fini(&out);
}

static void frames_come_out_whole_however_they_arrive(void **state)
{
	struct bytes out = BYTES_INIT;
	size_t at = 0, seen = 0;

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		size_t begin = ctl_frame_begin(&out, (uint8_t)(i + 1), 0, i, i ? context : NULL);

		for (uint32_t k = 0; k < i * 7; k++)
			bytes_add_u8(&out, (uint8_t)k);
		assert_int_equal(ctl_frame_end(&out, begin), 0);
	}
	for (size_t end = 1; end <= out.len; end++) {
		struct ctl_frame f;
		size_t used;
		int rc = ctl_frame_next(slice_make(out.data + at, end - at), &f, &used);

		if (end - at < CTL_HEAD_SIZE + seen * 7) {
			assert_int_equal(rc, 0);
			continue;
		}
		assert_int_equal(rc, 1);
		assert_int_equal(used, CTL_HEAD_SIZE + seen * 7);
		assert_int_equal(f.version, CTL_VERSION);
		assert_int_equal(f.command, seen + 1);
		assert_int_equal(f.transaction, seen);
		assert_int_equal(f.tlvs.len, seen * 7);
		assert_int_equal(f.context[0], seen ? '0' : 0);
		at += used;
		seen++;
	}
	assert_int_equal(seen, 3);
	bytes_fini(&out);
}

static void a_length_below_the_head_is_a_broken_stream(void **state)
{
	char head[CTL_HEAD_SIZE] = {0};
	struct ctl_frame f;
	size_t used;

	(void)state;
	put_length(head, CTL_HEAD_SIZE - 5);
	assert_int_equal(ctl_frame_next(slice_make(head, 4), &f, &used), -ERR_SYNTAX);
	put_length(head, CTL_HEAD_SIZE - 4);
	assert_int_equal(ctl_frame_next(slice_make(head, 4), &f, &used), 0);
	assert_int_equal(ctl_frame_next(slice_make(head, sizeof(head)), &f, &used), 1);
	assert_int_equal(f.tlvs.len, 0);
}

static void a_length_over_the_limit_is_refused_at_its_fourth_octet(void **state)
{
	char head[4];
	struct ctl_frame f;
	size_t used;

	(void)state;
	put_length(head, CTL_FRAME_MAX - 4);
	assert_int_equal(ctl_frame_next(slice_make(head, 3), &f, &used), 0);
	assert_int_equal(ctl_frame_next(slice_make(head, 4), &f, &used), 0);
	put_length(head, CTL_FRAME_MAX - 3);
	assert_int_equal(ctl_frame_next(slice_make(head, 4), &f, &used), -ERR_LIMIT);
	put_length(head, UINT32_MAX);
	assert_int_equal(ctl_frame_next(slice_make(head, 4), &f, &used), -ERR_LIMIT);
}

static void a_frame_of_exactly_the_limit_is_built_and_one_more_octet_is_not(void **state)
{
	struct bytes out = BYTES_INIT;
	char *filler = calloc(1, CTL_FRAME_MAX);
	struct ctl_frame f;
	size_t begin, used;

	(void)state;
	bytes_add_str(&out, "before");
	begin = ctl_frame_begin(&out, CTL_CMD_INJECT, 0, 1, context);
	bytes_add(&out, filler, CTL_FRAME_MAX - CTL_HEAD_SIZE + 1);
	assert_int_equal(ctl_frame_end(&out, begin), -ERR_LIMIT);
	assert_string_equal(bytes_cstr(&out), "before");

	begin = ctl_frame_begin(&out, CTL_CMD_INJECT, 0, 1, context);
	bytes_add(&out, filler, CTL_FRAME_MAX - CTL_HEAD_SIZE);
	assert_int_equal(ctl_frame_end(&out, begin), 0);
	assert_int_equal(ctl_frame_next(slice_from(bytes_slice(&out), begin), &f, &used), 1);
	assert_int_equal(used, CTL_FRAME_MAX);
	bytes_fini(&out);
	free(filler);
}

static void a_failed_output_is_told(void **state)
{
	struct bytes out;
	size_t begin;

	(void)state;
	bytes_init(&out, CTL_HEAD_SIZE + 2);
	begin = ctl_frame_begin(&out, CTL_CMD_INJECT, 0, 1, context);
	bytes_add_str(&out, "too much");
	assert_int_equal(ctl_frame_end(&out, begin), -ERR_LIMIT);
	bytes_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_has_its_head_in_network_order),
		cmocka_unit_test(frames_come_out_whole_however_they_arrive),
		cmocka_unit_test(a_length_below_the_head_is_a_broken_stream),
		cmocka_unit_test(a_length_over_the_limit_is_refused_at_its_fourth_octet),
		cmocka_unit_test(a_frame_of_exactly_the_limit_is_built_and_one_more_octet_is_not),
		cmocka_unit_test(a_failed_output_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
