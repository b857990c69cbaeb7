/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/policy: the order of faults, who private messages go to, types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_plane.h"
#include "mrfp/policy.h"

#define ALL UINT64_MAX

static struct cpim_head head(const char *from, const char *to)
{
	struct cpim_head h = {.kind = CPIM_CHAT, .n_from = 1, .n_to = 1};

	h.from = slice_str(from);
	h.to = slice_str(to);
	h.content_type = SLICE_LIT("text/plain");
	return h;
}

static int judge(struct session *s, const struct cpim_head *h, uint64_t admit, size_t *n_r)
{
	struct session **targets = NULL;
	enum route route;
	int status = policy_route(s, h, admit, &route, &targets, n_r);

	free(targets);
	return status;
}

/* covers: SW-056, SW-021, SW-022, SW-025, SW-051, SW-052, SW-053 */
static void each_fault_hides_those_behind_it(void **state)
{
	struct fake_plane f;
	struct session *alice, *bob;
	struct cpim_head h;
	size_t n;

	(void)state;
	fake_plane_open(&f);
	alice = fake_member(&f, "alice");
	bob = fake_member(&f, "bob");
	bob->caps = CTL_CAPS_CHATROOM;
	f.ctx->policy = 0;

	h = head("sip:mallory@example.com", "sip:ghost@example.com");
	h.n_to = 2;
	h.content_type = SLICE_NULL;
	assert_int_equal(judge(alice, &h, 0, &n), 400);
	h.content_type = SLICE_LIT("text/plain");
	assert_int_equal(judge(alice, &h, 0, &n), 403); /* From */
	h.from = SLICE_LIT("sip:alice@example.com");
	assert_int_equal(judge(alice, &h, 0, &n), 403); /* number of To */
	h.n_to = 1;
	assert_int_equal(judge(alice, &h, 0, &n), 404);
	h.to = SLICE_LIT("sip:bob@example.com");
	assert_int_equal(judge(alice, &h, 0, &n), 403); /* not allowed in this room */
	f.ctx->policy = CTL_POLICY_PRIVATE;
	assert_int_equal(judge(alice, &h, 0, &n), 428);
	bob->caps |= CTL_CAPS_PRIVATE;
	assert_int_equal(judge(alice, &h, 0, &n), 415);
	assert_int_equal(judge(alice, &h, ALL, &n), 200);
	assert_int_equal(n, 1);
	h.n_from = 2;
	assert_int_equal(judge(alice, &h, ALL, &n), 400);
	h.n_from = 0;
	assert_int_equal(judge(alice, &h, ALL, &n), 400);
	fake_plane_close(&f);
}

/* covers: SW-023, SW-024, IMS-001 */
static void the_room_has_its_uri_and_aliases(void **state)
{
	static const struct slice alias[] = {SLICE_LIT("sip:anonymous@anonymous.invalid")};
	struct ctl_list list = {alias, 1};
	struct fake_plane f;
	struct session *alice;
	struct cpim_head h;
	size_t n;

	(void)state;
	fake_plane_open(&f);
	alice = fake_member(&f, "alice");
	h = head("sip:alice@example.com", ROOM ";transport=tcp");
	assert_int_equal(judge(alice, &h, ALL, &n), 200);
	assert_int_equal(n, 0);
	h.to = SLICE_LIT("sip:anonymous@anonymous.invalid");
	assert_int_equal(judge(alice, &h, ALL, &n), 404);
	context_set_room(f.ctx, SLICE_NULL, &list);
	assert_int_equal(judge(alice, &h, ALL, &n), 200);
	h.to = SLICE_LIT(ROOM);
	assert_int_equal(judge(alice, &h, ALL, &n), 200);
	fake_plane_close(&f);
}

/* covers: SW-050, SW-054, SW-058, IMDN-002 */
static void a_private_message_goes_to_each_able_session_but_the_sending_one(void **state)
{
	struct fake_plane f;
	struct session *alice, *phone, *bob, *tablet;
	struct cpim_head h;
	size_t n;

	(void)state;
	fake_plane_open(&f);
	alice = fake_member(&f, "alice");
	bob = fake_member(&f, "bob");
	tablet = fake_member(&f, "bob");
	h = head("sip:alice@example.com", "sip:bob@example.com");
	assert_int_equal(judge(alice, &h, ALL, &n), 200);
	assert_int_equal(n, 2);
	tablet->caps = 0;
	assert_int_equal(judge(alice, &h, ALL, &n), 200);
	assert_int_equal(n, 1);
	bob->caps = 0;
	assert_int_equal(judge(alice, &h, ALL, &n), 428);
	h.kind = CPIM_IMDN;
	assert_int_equal(judge(alice, &h, ALL, &n), 200);
	assert_int_equal(n, 2);
	h = head("sip:alice@example.com", "sip:alice@example.com");
	assert_int_equal(judge(alice, &h, ALL, &n), 200); /* echo */
	assert_int_equal(n, 1);
	phone = fake_member(&f, "alice");
	assert_int_equal(judge(alice, &h, ALL, &n), 200);
	assert_int_equal(n, 1);
	assert_int_equal(judge(phone, &h, ALL, &n), 200);
	fake_plane_close(&f);
}

/* covers: MSRP-113 */
static void direction_stops_content_but_no_control(void **state)
{
	struct fake_plane f;
	struct session *s;

	(void)state;
	fake_plane_open(&f);
	s = fake_member(&f, "alice");
	assert_true(policy_may_send(s, CPIM_CHAT));
	s->direction = CTL_DIR_SENDONLY;
	assert_true(policy_may_send(s, CPIM_FILE));
	s->direction = CTL_DIR_RECVONLY;
	assert_false(policy_may_send(s, CPIM_CHAT));
	assert_true(policy_may_send(s, CPIM_IMDN));
	s->direction = CTL_DIR_INACTIVE;
	assert_false(policy_may_send(s, CPIM_CHAT));
	assert_true(policy_may_send(s, CPIM_COMPOSING));
	fake_plane_close(&f);
}

/* covers: SW-020, IMS-012, MSRP-083 */
static void types_at_the_top_and_dispositions(void **state)
{
	(void)state;
	assert_int_equal(policy_top_type(SLICE_LIT("Message/CPIM")), TOP_CPIM);
	assert_int_equal(policy_top_type(SLICE_LIT("message/cpim;x=y")), TOP_CPIM);
	assert_int_equal(policy_top_type(SLICE_LIT("application/im-iscomposing+xml")),
			 TOP_COMPOSING);
	assert_int_equal(policy_top_type(SLICE_LIT("Application/MIKEY")), TOP_KEY);
	assert_int_equal(policy_top_type(SLICE_LIT("text/plain")), TOP_OTHER);
	assert_true(policy_disposition_ok(SLICE_NULL));
	assert_true(policy_disposition_ok(SLICE_LIT("render;handling=required")));
	assert_true(policy_disposition_ok(SLICE_LIT("x-odd")));
	assert_true(policy_disposition_ok(SLICE_LIT("x-odd; handling=optional")));
	assert_false(policy_disposition_ok(SLICE_LIT("x-odd; handling=required")));
}

/* covers: CMS-006, CMS-008 */
static void where_bodies_are_sealed_only_sealed_ones_pass(void **state)
{
	static const char *const sealed[] = {
		"application/pkcs7-mime; smime-type=auth-enveloped-data; name=\"smime.p7m\"",
		"application/pkcs7-mime;smime-type=authEnveloped-data",
		"Application/PKCS7-MIME; SMIME-Type=\"authEnveloped-Data\"",
	};
	static const char *const open[] = {
		"text/plain",
		"application/octet-stream",
		"application/pkcs7-mime",
		"application/pkcs7-mime; smime-type=signed-data",
		"application/pkcs7-mime; smime-type=enveloped-data",
		"application/pkcs7-mimes; smime-type=authEnveloped-data",
		"text/plain; smime-type=authEnveloped-data",
	};
	struct fake_plane f;
	struct session *alice;
	struct cpim_head h;
	size_t n;

	(void)state;
	fake_plane_open(&f);
	alice = fake_member(&f, "alice");
	fake_member(&f, "bob");
	h = head("sip:alice@example.com", ROOM);
	assert_int_equal(judge(alice, &h, ALL, &n), 200);
	f.ctx->policy |= CTL_POLICY_SEALED;
	for (size_t i = 0; i < ARRAY_LEN(open); i++) {
		h.content_type = slice_str(open[i]);
		h.to = SLICE_LIT(ROOM);
		assert_int_equal(judge(alice, &h, ALL, &n), 415);
		h.to = SLICE_LIT("sip:bob@example.com");
		assert_int_equal(judge(alice, &h, ALL, &n), 415);
		h.to = SLICE_LIT("sip:ghost@example.com");
		assert_int_equal(judge(alice, &h, ALL, &n), 404);
	}
	for (size_t i = 0; i < ARRAY_LEN(sealed); i++) {
		h.content_type = slice_str(sealed[i]);
		h.to = SLICE_LIT(ROOM);
		assert_int_equal(judge(alice, &h, ALL, &n), 200);
		h.to = SLICE_LIT("sip:bob@example.com");
		assert_int_equal(judge(alice, &h, ALL, &n), 200);
	}
	h.to = SLICE_LIT(ROOM);
	h.content_type = SLICE_LIT("application/octet-stream");
	h.content_encoding = SLICE_LIT("AES128GCM");
	assert_int_equal(judge(alice, &h, ALL, &n), 200);
	h.content_encoding = SLICE_LIT("gzip");
	assert_int_equal(judge(alice, &h, ALL, &n), 415);
	h.content_encoding = SLICE_NULL;
	h.kind = CPIM_IMDN; /* notices are sealed as all else */
	h.content_type = SLICE_LIT("message/imdn+xml");
	assert_int_equal(judge(alice, &h, ALL, &n), 415);
	fake_plane_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fault_hides_those_behind_it),
		cmocka_unit_test(the_room_has_its_uri_and_aliases),
		cmocka_unit_test(a_private_message_goes_to_each_able_session_but_the_sending_one),
		cmocka_unit_test(direction_stops_content_but_no_control),
		cmocka_unit_test(types_at_the_top_and_dispositions),
		cmocka_unit_test(where_bodies_are_sealed_only_sealed_ones_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
