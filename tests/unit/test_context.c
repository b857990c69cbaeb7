/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/context: accept lists shared by legs, names of the room, types of messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_plane.h"

/* covers: MSRP-124, MSRP-125, MSRP-126, SW-029, SW-030, IMS-012 */
static void what_a_leg_accepts_decides_by_type(void **state)
{
	struct fake_plane f;
	uint8_t any, pictures, nothing, refused, either;
	uint64_t text, png, imdn, top;

	(void)state;
	fake_plane_open(&f);
	assert_int_equal(context_accept_get(f.ctx, "", NULL, "", &any), 0);
	assert_int_equal(context_accept_get(f.ctx, "message/cpim", "image/*", "", &pictures), 0);
	assert_int_equal(context_accept_get(f.ctx, "text/plain", "*", "", &nothing), 0);
	assert_int_equal(context_accept_get(f.ctx, "*", NULL, "text/plain", &refused), 0);
	assert_int_equal(
		context_accept_get(f.ctx, "message/cpim text/plain", "image/*", "", &either), 0);
	text = context_admit(f.ctx, CPIM_CHAT, SLICE_LIT("message/cpim"),
			     SLICE_LIT("text/plain;charset=UTF-8"));
	png = context_admit(f.ctx, CPIM_CHAT, SLICE_LIT("message/cpim"), SLICE_LIT("IMAGE/png"));
	imdn = context_admit(f.ctx, CPIM_IMDN, SLICE_LIT("message/cpim"),
			     SLICE_LIT("message/imdn+xml"));
	top = context_admit(f.ctx, CPIM_COMPOSING, SLICE_LIT("application/im-iscomposing+xml"),
			    SLICE_NULL);
	assert_true(text >> any & 1);
	assert_false(text >> pictures & 1);
	assert_false(text >> nothing & 1);
	assert_false(text >> refused & 1);
	assert_true(text >> either & 1);
	assert_true(png >> either & 1);
	assert_true(png >> pictures & 1);
	assert_true(png >> refused & 1);
	assert_true(imdn >> pictures & 1);
	assert_false(imdn >> nothing & 1);
	assert_false(top >> pictures & 1);
	assert_true(top >> refused & 1);
	fake_plane_close(&f);
}

static void equal_lists_share_a_bit_and_their_number_is_bounded(void **state)
{
	struct fake_plane f;
	uint8_t a, b, x;
	char text[32];

	(void)state;
	fake_plane_open(&f);
	assert_int_equal(context_accept_get(f.ctx, "a/b", "c/d", "", &a), 0);
	assert_int_equal(context_accept_get(f.ctx, "a/b", "c/d", "", &b), 0);
	assert_int_equal(a, b);
	for (int i = 1; i < ACCEPT_LISTS; i++) {
		snprintf(text, sizeof(text), "a/x%d", i);
		assert_int_equal(context_accept_get(f.ctx, text, NULL, "", &x), 0);
	}
	assert_int_equal(context_accept_get(f.ctx, "one/more", NULL, "", &x), -ERR_LIMIT);
	context_accept_put(f.ctx, a);
	assert_int_equal(context_accept_get(f.ctx, "one/more", NULL, "", &x), -ERR_LIMIT);
	context_accept_put(f.ctx, a);
	assert_int_equal(context_accept_get(f.ctx, "one/more", NULL, "", &x), 0);
	fake_plane_close(&f);
}

static void the_room_keeps_what_is_not_changed(void **state)
{
	static const struct slice alias[] = {SLICE_LIT("sip:x@y"), SLICE_LIT("sip:z@y")};
	struct ctl_list both = {alias, 2}, none = {NULL, 0};
	struct fake_plane f;

	(void)state;
	fake_plane_open(&f);
	context_set_room(f.ctx, SLICE_NULL, &both);
	assert_true(uris_has(&f.ctx->room, SLICE_LIT(ROOM)));
	assert_true(uris_has(&f.ctx->room, SLICE_LIT("sip:z@y")));
	context_set_room(f.ctx, SLICE_LIT("sip:new@y"), NULL);
	assert_false(uris_has(&f.ctx->room, SLICE_LIT(ROOM)));
	assert_true(uris_has(&f.ctx->room, SLICE_LIT("sip:x@y")));
	context_set_room(f.ctx, SLICE_NULL, &none);
	assert_false(uris_has(&f.ctx->room, SLICE_LIT("sip:x@y")));
	assert_true(uris_has(&f.ctx->room, SLICE_LIT("sip:NEW@y")) == false);
	assert_true(uris_has(&f.ctx->room, SLICE_LIT("sip:new@Y")));
	fake_plane_close(&f);
}

static void a_message_type_is_remembered_for_a_while(void **state)
{
	struct fake_plane f;

	(void)state;
	fake_plane_open(&f);
	assert_int_equal(context_type_of(f.ctx, 1).len, 0);
	context_note_type(f.ctx, 1, SLICE_LIT("text/plain; x=y"));
	assert_true(slice_eq_str(context_type_of(f.ctx, 1), "text/plain"));
	context_note_type(f.ctx, 1 + RECENT_TYPES, SLICE_LIT("image/png"));
	assert_int_equal(context_type_of(f.ctx, 1).len, 0);
	fake_plane_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_leg_accepts_decides_by_type),
		cmocka_unit_test(equal_lists_share_a_bit_and_their_number_is_bounded),
		cmocka_unit_test(the_room_keeps_what_is_not_changed),
		cmocka_unit_test(a_message_type_is_remembered_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
