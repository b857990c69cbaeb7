/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of the control protocol: every body with every field goes round, and what a peer can do
 * wrong is answered with the result and the field's name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/mem.h"
#include "proto/ctl_codec.h"

static struct ctl_arena arena;
static const struct slice sample_list[] = {
	{"sip:alice@example.com", 21}, {"", 0}, {"tel:+1-201-555-0123", 19}};

/* A struct with every field set, made from the declaration. */
#define FILL_U8(m, b, f)    CTL_SET(m, b, f, 0xa5)
#define FILL_U16(m, b, f)   CTL_SET(m, b, f, 0xa5b6)
#define FILL_U32(m, b, f)   CTL_SET(m, b, f, 0xa5b6c7d8)
#define FILL_U64(m, b, f)   CTL_SET(m, b, f, 0xa5b6c7d8e9f00102)
#define FILL_STR(m, b, f)   CTL_SET(m, b, f, SLICE_LIT(#f "-\xc3\xa9"))
#define FILL_BYTES(m, b, f) CTL_SET(m, b, f, SLICE_LIT("\0\xff" #f))
#define FILL_STRS(m, b, f)  CTL_SET(m, b, f, ((struct ctl_list){sample_list, 3}))
#define FILL_BLOBS(m, b, f) CTL_SET(m, b, f, ((struct ctl_list){sample_list, 3}))
#define CTL_BEGIN(body, command, kind, text)                                                       \
	static void fill_##body(struct ctl_##body *m)                                              \
	{
#define CTL_FIELD(body, type, name, tag, presence, unit, text) FILL_##type(m, body, name);
#define CTL_END(body)                                          }
#include "proto/ctl_msgs.def"

static void same_list(struct ctl_list a, struct ctl_list b)
{
	assert_int_equal(a.n, b.n);
	for (size_t i = 0; i < a.n; i++)
		assert_true(slice_eq(a.items[i], b.items[i]));
}

#define SAME_U8(a, b)    assert_int_equal(a, b)
#define SAME_U16(a, b)   assert_int_equal(a, b)
#define SAME_U32(a, b)   assert_int_equal(a, b)
#define SAME_U64(a, b)   assert_true((a) == (b))
#define SAME_STR(a, b)   assert_true(slice_eq(a, b))
#define SAME_BYTES(a, b) assert_true(slice_eq(a, b))
#define SAME_STRS(a, b)  same_list(a, b)
#define SAME_BLOBS(a, b) same_list(a, b)
#define CTL_BEGIN(body, command, kind, text)                                                       \
	static void same_##body(const struct ctl_##body *a, const struct ctl_##body *b)            \
	{                                                                                          \
		assert_int_equal(a->present, b->present);
#define CTL_FIELD(body, type, name, tag, presence, unit, text) SAME_##type(a->name, b->name);
#define CTL_END(body)                                          }
#include "proto/ctl_msgs.def"

/* One test per body: encode, decode, compare; encode again gives the same octets. */
#define CTL_BEGIN(body, command, kind, text)                                                       \
	static void every_field_of_##body##_goes_round(void **state)                               \
	{                                                                                          \
		struct bytes first = BYTES_INIT, second = BYTES_INIT;                              \
		struct ctl_##body in = {0}, out;                                                   \
		struct ctl_decode_error error;                                                     \
                                                                                                   \
		(void)state;                                                                       \
		arena.used = 0;                                                                    \
		fill_##body(&in);                                                                  \
		ctl_encode(&first, CTL_BODY_##body, &in);                                          \
		assert_int_equal(                                                                  \
			ctl_decode(bytes_slice(&first), CTL_BODY_##body, &out, &arena, &error),    \
			0);                                                                        \
		same_##body(&in, &out);                                                            \
		ctl_encode(&second, CTL_BODY_##body, &out);                                        \
		assert_true(slice_eq(bytes_slice(&first), bytes_slice(&second)));                  \
		bytes_fini(&first);                                                                \
		bytes_fini(&second);                                                               \
	}
#include "proto/ctl_msgs.def"

static void tlv(struct bytes *out, uint16_t tag, struct slice value)
{
	bytes_add_u16(out, tag);
	bytes_add_u32(out, (uint32_t)value.len);
	bytes_add_slice(out, value);
}

/* Decode a subtract (epoch MUST, termination OPT) and expect this result; "" when it is fine. */
static void subtract_gives(struct bytes *tlvs, uint16_t result, const char *text)
{
	struct ctl_decode_error error = {0};
	struct ctl_subtract msg;
	int rc;

	arena.used = 0;
	rc = ctl_decode(bytes_slice(tlvs), CTL_BODY_subtract, &msg, &arena, &error);
	assert_int_equal(rc, result ? -ERR_SYNTAX : 0);
	assert_int_equal(error.result, result);
	assert_string_equal(error.text, text);
	bytes_fini(tlvs);
}

#define EIGHT SLICE_LIT("\0\0\0\0\0\0\0\x07")

static void mandatory_and_optional_fields_carry_the_must_bit(void **state)
{
	static const char want[] = "\x82\x01\0\0\0\x08\0\0\0\0\0\0\0\x07"
				   "\x02\x13\0\0\0\x01x";
	struct bytes out = BYTES_INIT;
	struct ctl_add msg = {0};

	(void)state;
	CTL_SET(&msg, add, epoch, 7);
	CTL_SET(&msg, add, termination, 1);
	CTL_SET(&msg, add, source, SLICE_LIT("x"));
	ctl_encode(&out, CTL_BODY_add, &msg);
	assert_memory_equal(out.data, want, 14);
	assert_memory_equal(out.data + 28, want + 14, 7);
	assert_int_equal(out.len, 35);
	bytes_fini(&out);
}

static void an_unknown_field_is_skipped_when_it_may_be(void **state)
{
	struct bytes b = BYTES_INIT;

	(void)state;
	tlv(&b, 0x7001, SLICE_LIT("from the future"));
	tlv(&b, 0x8201, EIGHT);
	tlv(&b, 0x7001, SLICE_LIT("twice"));
	subtract_gives(&b, CTL_R_OK, "");
}

static void an_unknown_field_that_must_be_understood_fails_by_its_tag(void **state)
{
	struct bytes b = BYTES_INIT;

	(void)state;
	tlv(&b, 0x8201, EIGHT);
	tlv(&b, 0xf001, SLICE_LIT("from the future"));
	subtract_gives(&b, CTL_R_UNKNOWN_FIELD, "0x7001: not known");
}

static void a_known_field_is_known_with_and_without_the_bit(void **state)
{
	struct bytes b = BYTES_INIT;

	(void)state;
	tlv(&b, 0x0201, EIGHT);
	tlv(&b, 0x8202, EIGHT);
	subtract_gives(&b, CTL_R_OK, "");
}

static void a_missing_field_is_named(void **state)
{
	struct bytes b = BYTES_INIT;

	(void)state;
	tlv(&b, 0x8202, EIGHT);
	subtract_gives(&b, CTL_R_MISSING_FIELD, "epoch: missing");
}

static void a_field_that_comes_twice_is_a_bad_frame(void **state)
{
	struct bytes b = BYTES_INIT;

	(void)state;
	tlv(&b, 0x8201, EIGHT);
	tlv(&b, 0x8201, EIGHT);
	subtract_gives(&b, CTL_R_BAD_FRAME, "epoch: occurs twice");
}

static void an_integer_of_another_width_is_a_bad_frame(void **state)
{
	for (size_t len = 0; len < 10; len++) {
		struct bytes b = BYTES_INIT;

		(void)state;
		tlv(&b, 0x8201, slice_make("\0\0\0\0\0\0\0\0\0\0", len));
		if (len == 8)
			subtract_gives(&b, CTL_R_OK, "");
		else
			subtract_gives(&b, CTL_R_BAD_FRAME, "epoch: wrong length");
	}
}

static void every_cut_of_a_body_is_a_bad_frame_or_a_missing_field(void **state)
{
	struct bytes whole = BYTES_INIT;

	(void)state;
	tlv(&whole, 0x7001, SLICE_LIT("abc"));
	tlv(&whole, 0x8201, EIGHT);
	for (size_t len = 0; len < whole.len; len++) {
		struct bytes b = BYTES_INIT;

		bytes_add(&b, whole.data, len);
		if (len == 0 || len == 9)
			subtract_gives(&b, CTL_R_MISSING_FIELD, "epoch: missing");
		else
			subtract_gives(&b, CTL_R_BAD_FRAME, "frame: a field passes its end");
	}
	bytes_fini(&whole);
}

static void a_length_near_the_top_of_its_range_does_not_wrap(void **state)
{
	struct bytes b = BYTES_INIT;

	(void)state;
	bytes_add(&b, "\x82\x01\xff\xff\xff\xfa\0\0\0\0", 10);
	subtract_gives(&b, CTL_R_BAD_FRAME, "frame: a field passes its end");
}

static void text_that_is_not_utf8_is_a_bad_frame(void **state)
{
	struct bytes b = BYTES_INIT;
	struct ctl_decode_error error;
	struct ctl_result msg;

	(void)state;
	tlv(&b, 0x8101, SLICE_LIT("\0\0"));
	tlv(&b, 0x0102, SLICE_LIT("\xc3("));
	assert_int_equal(ctl_decode(bytes_slice(&b), CTL_BODY_result, &msg, &arena, &error),
			 -ERR_SYNTAX);
	assert_int_equal(error.result, CTL_R_BAD_FRAME);
	assert_string_equal(error.text, "reason: not UTF-8");
	bytes_fini(&b);
}

static void same_numbers(struct ctl_list list, size_t n)
{
	char name[24];

	assert_int_equal(list.n, n);
	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%zu", i);
		assert_true(slice_eq_str(list.items[i], name));
	}
}

static int decode_lists(size_t n_aliases, size_t n_uris, struct ctl_modify *msg)
{
	struct bytes b = BYTES_INIT;
	struct ctl_decode_error error;
	char name[24];
	int rc;

	tlv(&b, 0x8201, EIGHT);
	/* The two lists' values alternate: order within each is what counts. */
	for (size_t i = 0; i < n_aliases || i < n_uris; i++) {
		snprintf(name, sizeof(name), "%zu", i);
		if (i < n_aliases)
			tlv(&b, 0x8205, slice_str(name));
		if (i < n_uris)
			tlv(&b, 0x8207, slice_str(name));
	}
	rc = ctl_decode(bytes_slice(&b), CTL_BODY_modify, msg, &arena, &error);
	if (rc < 0) {
		assert_int_equal(error.result, CTL_R_BAD_FRAME);
	} else {
		same_numbers(msg->aliases, n_aliases);
		same_numbers(msg->uris, n_uris);
	}
	bytes_fini(&b);
	return rc;
}

static void lists_hold_what_fits_and_fail_at_one_more(void **state)
{
	struct ctl_modify msg;

	(void)state;
	arena.used = 0;
	assert_int_equal(decode_lists(3, 2, &msg), 0);
	assert_int_equal(arena.used, 5);

	arena.used = 0;
	assert_int_equal(decode_lists(CTL_LIST_MAX, CTL_LIST_MAX, &msg), 0);
	arena.used = 0;
	assert_int_equal(decode_lists(CTL_LIST_MAX + 1, 0, &msg), -ERR_SYNTAX);
	arena.used = CTL_ARENA_ITEMS - 1;
	assert_int_equal(decode_lists(1, 0, &msg), 0);
	assert_int_equal(decode_lists(0, 1, &msg), -ERR_SYNTAX);
}

static void a_whole_frame_is_built_in_one_go(void **state)
{
	static const uint8_t context[CTL_CONTEXT_SIZE] = {1};
	struct bytes b = BYTES_INIT;
	struct ctl_subtract in = {0}, out;
	struct ctl_decode_error error;
	struct ctl_frame f;
	size_t used;

	(void)state;
	CTL_SET(&in, subtract, epoch, 3);
	assert_int_equal(ctl_build(&b, CTL_CMD_SUBTRACT, CTL_FLAG_URGENT, 99, context,
				   CTL_BODY_subtract, &in),
			 0);
	assert_int_equal(ctl_frame_next(bytes_slice(&b), &f, &used), 1);
	assert_int_equal(used, b.len);
	assert_int_equal(f.transaction, 99);
	assert_int_equal(ctl_decode(f.tlvs, CTL_BODY_subtract, &out, &arena, &error), 0);
	assert_int_equal(out.epoch, 3);
	assert_false(CTL_HAS(&out, subtract, termination));
	bytes_fini(&b);
}

static void a_body_too_large_for_a_frame_is_refused(void **state)
{
	struct bytes b = BYTES_INIT;
	struct ctl_inject msg = {0};
	char *big = calloc(1, CTL_FRAME_MAX + 1);

	(void)state;
	CTL_SET(&msg, inject, epoch, 3);
	CTL_SET(&msg, inject, content_type, SLICE_LIT("a/b"));
	CTL_SET(&msg, inject, body, slice_make(big, CTL_FRAME_MAX));
	assert_int_equal(ctl_build(&b, CTL_CMD_INJECT, 0, 1, NULL, CTL_BODY_inject, &msg),
			 -ERR_LIMIT);
	CTL_SET(&msg, inject, body, slice_make(big, CTL_FRAME_MAX + 1));
	assert_int_equal(ctl_build(&b, CTL_CMD_INJECT, 0, 1, NULL, CTL_BODY_inject, &msg),
			 -ERR_LIMIT);
	bytes_fini(&b);
	free(big);
}

static void frames_that_cannot_be_are_told(void **state)
{
	struct ctl_frame f = {.version = CTL_VERSION, .command = CTL_CMD_KEEPALIVE};
	static const char tlv[] = {0, 1, 0, 0, 0, 2, 'a', 'b'};

	(void)state;
	assert_null(ctl_frame_fault(&f));
	f.tlvs = slice_make(tlv, sizeof(tlv));
	assert_null(ctl_frame_fault(&f));
	for (size_t n = 1; n < sizeof(tlv); n++) {
		f.tlvs = slice_make(tlv, n);
		assert_non_null(ctl_frame_fault(&f));
	}
	f.tlvs = SLICE_NULL;
	f.command = 0;
	assert_non_null(ctl_frame_fault(&f));
	f.command = CTL_CMD_KEEPALIVE + 1;
	assert_non_null(ctl_frame_fault(&f));
	f.command = CTL_CMD_ADD;
	f.version = CTL_VERSION + 1;
	assert_non_null(ctl_frame_fault(&f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_that_cannot_be_are_told),
#define CTL_BEGIN(body, command, kind, text) cmocka_unit_test(every_field_of_##body##_goes_round),
#include "proto/ctl_msgs.def"
		cmocka_unit_test(mandatory_and_optional_fields_carry_the_must_bit),
		cmocka_unit_test(an_unknown_field_is_skipped_when_it_may_be),
		cmocka_unit_test(an_unknown_field_that_must_be_understood_fails_by_its_tag),
		cmocka_unit_test(a_known_field_is_known_with_and_without_the_bit),
		cmocka_unit_test(a_missing_field_is_named),
		cmocka_unit_test(a_field_that_comes_twice_is_a_bad_frame),
		cmocka_unit_test(an_integer_of_another_width_is_a_bad_frame),
		cmocka_unit_test(every_cut_of_a_body_is_a_bad_frame_or_a_missing_field),
		cmocka_unit_test(a_length_near_the_top_of_its_range_does_not_wrap),
		cmocka_unit_test(text_that_is_not_utf8_is_a_bad_frame),
		cmocka_unit_test(lists_hold_what_fits_and_fail_at_one_more),
		cmocka_unit_test(a_whole_frame_is_built_in_one_go),
		cmocka_unit_test(a_body_too_large_for_a_frame_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
