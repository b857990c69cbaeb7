/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/control (with terminal, inject): requests of the MRFC in, state and replies out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_plane.h"
#include "mrfp/control.h"
#include "proto/ctl_codec.h"

#define PATH "msrp://192.0.2.1:7394/aQ9x2Lk71zT;tcp"

static const uint8_t context[CTL_CONTEXT_SIZE] = {1}; /* the fake plane's */
static const uint8_t other[CTL_CONTEXT_SIZE] = {2};

struct reply {
	struct ctl_frame f;
	uint16_t code;
	char local_path[128], address[64];
	uint64_t cursor;
	size_t n;
	uint64_t first, last; /* terminations of an audit */
};

static struct reply ask(struct fake_plane *f, uint8_t command, const uint8_t *ctx,
			enum ctl_body body, const void *msg)
{
	struct bytes in = BYTES_INIT, out = BYTES_INIT;
	struct ctl_arena *arena = xcalloc(1, sizeof(*arena));
	struct ctl_decode_error err;
	struct ctl_result result;
	struct ctl_frame frame;
	struct reply r = {0};
	size_t used;

	assert_int_equal(ctl_build(&in, command, 0, 77, ctx, body, msg), 0);
	assert_int_equal(ctl_frame_next(bytes_slice(&in), &frame, &used), 1);
	control_request(&f->plane, &frame, &out);
	assert_int_equal(ctl_frame_next(bytes_slice(&out), &r.f, &used), 1);
	assert_int_equal(used, out.len);
	assert_int_equal(r.f.transaction, 77);
	assert_true(r.f.flags & CTL_FLAG_REPLY);
	if (r.f.flags & CTL_FLAG_ERROR || command == CTL_CMD_INJECT) {
		assert_int_equal(ctl_decode(r.f.tlvs, CTL_BODY_result, &result, arena, &err), 0);
		r.code = result.code;
	} else if (command == CTL_CMD_AUDIT_VALUE) {
		struct ctl_audit_termination t;
		struct ctl_audit_reply audit;
		assert_int_equal(ctl_decode(r.f.tlvs, CTL_BODY_audit_reply, &audit, arena, &err),
				 0);
		r.cursor = audit.cursor;
		r.n = audit.terminations.n;
		for (size_t i = 0; i < r.n; i++) {
			assert_int_equal(ctl_decode(audit.terminations.items[i],
						    CTL_BODY_audit_termination, &t, arena, &err),
					 0);
			r.first = i ? r.first : t.termination;
			r.last = t.termination;
		}
	} else if (command == CTL_CMD_ADD || (command == CTL_CMD_MODIFY && r.f.tlvs.len > 20)) {
		struct ctl_add_reply add;
		assert_int_equal(ctl_decode(r.f.tlvs, CTL_BODY_add_reply, &add, arena, &err), 0);
		assert_int_equal(slice_copy(add.local_path, r.local_path, sizeof(r.local_path)), 0);
		assert_int_equal(slice_copy(add.address, r.address, sizeof(r.address)), 0);
	}
	bytes_fini(&in);
	bytes_fini(&out);
	free(arena);
	return r;
}

static struct ctl_add an_add(uint64_t termination)
{
	static const struct slice uris[] = {SLICE_LIT("sip:alice@example.com"),
					    SLICE_LIT("tel:+15551230001")};
	struct ctl_add m = {0};

	CTL_SET(&m, add, epoch, 5);
	CTL_SET(&m, add, termination, termination);
	CTL_SET(&m, add, conference, SLICE_LIT(ROOM));
	CTL_SET(&m, add, uris, ((struct ctl_list){uris, 2}));
	CTL_SET(&m, add, remote_path, SLICE_LIT(PATH));
	CTL_SET(&m, add, setup, CTL_SETUP_PASSIVE);
	return m;
}

/* covers: CMD-007, MSRP-036, SW-010 */
static void an_add_makes_context_and_termination_and_tells_where(void **state)
{
	struct fake_plane f;
	struct ctl_add m = an_add(1);
	struct context *ctx;
	struct session *s;
	struct reply r;

	(void)state;
	fake_plane_open(&f);
	r = ask(&f, CTL_CMD_ADD, other, CTL_BODY_add, &m);
	assert_int_equal(r.code, CTL_R_OK);
	assert_string_equal(r.address, "127.0.0.1:2855");
	ctx = context_find(&f.plane, other);
	assert_non_null(ctx);
	s = session_find(ctx, 1);
	assert_string_equal(r.local_path, s->local_uri);
	assert_int_equal(s->state, SESSION_WAITING);
	assert_true(uris_has(&s->uris, SLICE_LIT("tel:+1-555-123-0001")));
	r = ask(&f, CTL_CMD_ADD, other, CTL_BODY_add, &m); /* again: a Modify */
	assert_string_equal(r.local_path, s->local_uri);
	assert_int_equal(ctx->n_sessions, 1);
	control_clear(&f.plane);
	fake_plane_end(&f);
}

static void what_is_wrong_is_named_and_changes_nothing(void **state)
{
	struct fake_plane f;
	struct ctl_add m = an_add(1);

	(void)state;
	fake_plane_open(&f);
	m.conference = SLICE_NULL;
	assert_int_equal(ask(&f, CTL_CMD_ADD, other, CTL_BODY_add, &m).code, CTL_R_BAD_VALUE);
	m = an_add(0);
	assert_int_equal(ask(&f, CTL_CMD_ADD, other, CTL_BODY_add, &m).code, CTL_R_BAD_VALUE);
	m = an_add(1);
	CTL_SET(&m, add, remote_path, SLICE_LIT("http://x"));
	assert_int_equal(ask(&f, CTL_CMD_ADD, other, CTL_BODY_add, &m).code, CTL_R_BAD_VALUE);
	m = an_add(1);
	CTL_SET(&m, add, transport, CTL_TRANSPORT_TLS);
	assert_int_equal(ask(&f, CTL_CMD_ADD, other, CTL_BODY_add, &m).code, CTL_R_BAD_VALUE);
	m = an_add(1);
	CTL_SET(&m, add, setup, 9);
	assert_int_equal(ask(&f, CTL_CMD_ADD, other, CTL_BODY_add, &m).code, CTL_R_BAD_VALUE);
	m = an_add(1);
	assert_int_equal(addr_set_parse("127.0.0.0/8", &f.plane.connect_allow), 0);
	CTL_SET(&m, add, setup, CTL_SETUP_ACTIVE);
	assert_int_equal(ask(&f, CTL_CMD_ADD, other, CTL_BODY_add, &m).code, CTL_R_NOT_ALLOWED);
	assert_null(context_find(&f.plane, other));
	assert_int_equal(ask(&f, 99, other, CTL_BODY_add, &m).code, CTL_R_UNKNOWN_COMMAND);
	addr_set_free(&f.plane.connect_allow);
	control_clear(&f.plane);
	fake_plane_end(&f);
}

static void a_lower_epoch_is_stale(void **state)
{
	struct fake_plane f;
	struct ctl_add m = an_add(1);
	struct ctl_subtract sub = {0};

	(void)state;
	fake_plane_open(&f);
	assert_int_equal(ask(&f, CTL_CMD_ADD, context, CTL_BODY_add, &m).code, CTL_R_OK);
	m.epoch = 4;
	assert_int_equal(ask(&f, CTL_CMD_ADD, context, CTL_BODY_add, &m).code, CTL_R_STALE_EPOCH);
	CTL_SET(&sub, subtract, epoch, 4);
	assert_int_equal(ask(&f, CTL_CMD_SUBTRACT, context, CTL_BODY_subtract, &sub).code,
			 CTL_R_STALE_EPOCH);
	m.epoch = 6;
	assert_int_equal(ask(&f, CTL_CMD_ADD, context, CTL_BODY_add, &m).code, CTL_R_OK);
	m.epoch = 5;
	assert_int_equal(ask(&f, CTL_CMD_ADD, context, CTL_BODY_add, &m).code, CTL_R_STALE_EPOCH);
	control_clear(&f.plane);
	fake_plane_end(&f);
}

/* covers: MSRP-131, MSRP-048, SW-009 */
static void a_modify_changes_what_it_names(void **state)
{
	struct fake_plane f;
	struct session *s;
	struct wire *w;
	struct ctl_modify m = {0};
	struct reply r;
	char *old;

	(void)state;
	fake_plane_open(&f);
	s = fake_member(&f, "alice");
	w = s->wire;
	old = xstrdup(s->local_uri);
	CTL_SET(&m, modify, epoch, 1);
	CTL_SET(&m, modify, termination, s->termination);
	CTL_SET(&m, modify, caps, 0);
	CTL_SET(&m, modify, direction, CTL_DIR_RECVONLY);
	r = ask(&f, CTL_CMD_MODIFY, context, CTL_BODY_modify, &m);
	assert_string_equal(r.local_path, old);
	assert_int_equal(s->caps, 0);
	assert_int_equal(s->direction, CTL_DIR_RECVONLY);
	assert_int_equal(s->state, SESSION_BOUND);
	CTL_SET(&m, modify, new_local, 1);
	r = ask(&f, CTL_CMD_MODIFY, context, CTL_BODY_modify, &m);
	assert_string_not_equal(r.local_path, old);
	assert_int_equal(s->state, SESSION_WAITING);
	assert_null(s->wire);
	assert_int_equal(f.n_events, 0); /* the MRFC asked for it */
	m.termination = 99;
	assert_int_equal(ask(&f, CTL_CMD_MODIFY, context, CTL_BODY_modify, &m).code,
			 CTL_R_UNKNOWN_TERMINATION);
	assert_int_equal(ask(&f, CTL_CMD_MODIFY, other, CTL_BODY_modify, &m).code,
			 CTL_R_UNKNOWN_CONTEXT);
	free(old);
	fake_wire_free(w);
	control_clear(&f.plane);
	fake_plane_end(&f);
}

/* covers: SW-012 */
static void a_subtract_is_idempotent_and_the_last_one_ends_the_context(void **state)
{
	struct fake_plane f;
	struct ctl_subtract m = {0};
	struct ctl_add add = an_add(1);

	(void)state;
	fake_plane_open(&f);
	CTL_SET(&m, subtract, epoch, 5);
	CTL_SET(&m, subtract, termination, 1);
	assert_int_equal(ask(&f, CTL_CMD_SUBTRACT, other, CTL_BODY_subtract, &m).code, CTL_R_OK);
	ask(&f, CTL_CMD_ADD, other, CTL_BODY_add, &add);
	add.termination = 2;
	ask(&f, CTL_CMD_ADD, other, CTL_BODY_add, &add);
	assert_int_equal(ask(&f, CTL_CMD_SUBTRACT, other, CTL_BODY_subtract, &m).code, CTL_R_OK);
	assert_non_null(context_find(&f.plane, other));
	m.termination = 2;
	assert_int_equal(ask(&f, CTL_CMD_SUBTRACT, other, CTL_BODY_subtract, &m).code, CTL_R_OK);
	assert_null(context_find(&f.plane, other));
	m.termination = 0;
	assert_int_equal(ask(&f, CTL_CMD_SUBTRACT, context, CTL_BODY_subtract, &m).code, CTL_R_OK);
	assert_null(f.plane.contexts);
	assert_null(f.plane.sessions);
	fake_plane_end(&f);
}

/* covers: SW-045 */
static void an_injected_message_goes_to_one_or_to_all(void **state)
{
	static const char body[] = "From: <" ROOM ">\r\nTo: <" ROOM ">\r\n\r\n"
				   "Content-Type: text/plain\r\n\r\nwelcome";
	struct fake_plane f;
	struct session *a, *b;
	struct bytes out = BYTES_INIT;
	struct ctl_inject m = {0};

	(void)state;
	fake_plane_open(&f);
	a = fake_member(&f, "alice");
	b = fake_member(&f, "bob");
	CTL_SET(&m, inject, epoch, 1);
	CTL_SET(&m, inject, content_type, SLICE_LIT("message/cpim"));
	CTL_SET(&m, inject, body, SLICE_LIT(body));
	assert_int_equal(ask(&f, CTL_CMD_INJECT, context, CTL_BODY_inject, &m).code, CTL_R_OK);
	fake_pending(a, STREAM_CHAT, &out);
	fake_pending(b, STREAM_CHAT, &out);
	assert_non_null(strstr(bytes_cstr(&out), body));
	CTL_SET(&m, inject, termination, b->termination);
	assert_int_equal(ask(&f, CTL_CMD_INJECT, context, CTL_BODY_inject, &m).code, CTL_R_OK);
	assert_int_equal(a->direct.n_items, 0);
	assert_int_equal(b->direct.n_items, 1);
	m.body = SLICE_LIT("no cpim");
	assert_int_equal(ask(&f, CTL_CMD_INJECT, context, CTL_BODY_inject, &m).code,
			 CTL_R_BAD_VALUE);
	m.termination = 99;
	assert_int_equal(ask(&f, CTL_CMD_INJECT, context, CTL_BODY_inject, &m).code,
			 CTL_R_UNKNOWN_TERMINATION);
	assert_int_equal(*f.plane.stats.copies[CPIM_CHAT], 3);
	fake_check_sums(&f);
	bytes_fini(&out);
	fake_plane_close(&f);
}

static void an_audit_lists_everything_once_over_its_pages(void **state)
{
	struct fake_plane f;
	struct ctl_audit m = {0};
	struct ctl_add add;
	struct reply r;
	size_t n = 0;

	(void)state;
	fake_plane_open(&f);
	for (uint64_t t = 1; t <= 600; t++) {
		add = an_add(t);
		ask(&f, CTL_CMD_ADD, context, CTL_BODY_add, &add);
	}
	do {
		CTL_SET(&m, audit, cursor, m.cursor);
		r = ask(&f, CTL_CMD_AUDIT_VALUE, context, CTL_BODY_audit, &m);
		assert_true(r.first == n + 1);
		n += r.n;
		assert_true(r.last == n);
		m.cursor = r.cursor;
	} while (r.cursor);
	assert_int_equal(n, 600);
	control_clear(&f.plane);
	m.cursor = 0;
	assert_int_equal(ask(&f, CTL_CMD_AUDIT_VALUE, context, CTL_BODY_audit, &m).n, 0);
	fake_plane_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_add_makes_context_and_termination_and_tells_where),
		cmocka_unit_test(what_is_wrong_is_named_and_changes_nothing),
		cmocka_unit_test(a_lower_epoch_is_stale),
		cmocka_unit_test(a_modify_changes_what_it_names),
		cmocka_unit_test(a_subtract_is_idempotent_and_the_last_one_ends_the_context),
		cmocka_unit_test(an_injected_message_goes_to_one_or_to_all),
		cmocka_unit_test(an_audit_lists_everything_once_over_its_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
