/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/ue_keyserver: a key server of one conference behind frames, with a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "proto/ks/ks_frame.h"
#include "proto/mikey.h"
#include "ue/ue_keyserver.h"

#define ME    "sip:olga@example.com"
#define BOB   "sip:bob@example.com"
#define EVE   "sip:eve@example.com"
#define ROOM  "sip:room1@conf.example.com"
#define OTHER "sip:room2@conf.example.com"
#define T0    1795330800000000ull
#define MANY  600

static char folder[] = "/tmp/test_ue_keyserver.XXXXXX", keys_file[64], times_file[64];

/* What came of calls: bodies, and frames of all of them. */
struct rig {
	struct ue_keyserver *k;
	struct keyserver_now now;
	struct bytes sent;
	size_t n_bodies, longest;
	unsigned n_serving, n_epochs, n_trouble, n_waits;
	unsigned n_news[3], untold;
	struct gkid epoch;
	uint8_t tek[GKE_TEK_MAX];
	size_t n_members;
	char why[128];
	bool times_first; /* the file had the time of what was sent */
};

static void on_send(struct slice body, void *arg)
{
	struct rig *r = arg;
	FILE *f = fopen(times_file, "re");
	char text[4096] = "";

	if (f) {
		r->times_first = fread(text, 1, sizeof(text) - 1, f) > 0 &&
				 strstr(text, KEYSERVER_OWN_T) != NULL;
		fclose(f);
	}
	bytes_add_slice(&r->sent, body);
	r->n_bodies++;
	r->longest = body.len > r->longest ? body.len : r->longest;
}

static void on_serving(const char *room, enum gke_suite suite, void *arg)
{
	struct rig *r = arg;

	assert_string_equal(room, ROOM);
	assert_int_equal(suite, GKE_SUITE_B);
	r->n_serving++;
}

static void on_epoch(const struct gkid *id, struct slice tek, size_t n_members, void *arg)
{
	struct rig *r = arg;

	assert_int_equal(tek.len, GKE_TEK_MAX);
	r->epoch = *id;
	memcpy(r->tek, tek.ptr, tek.len);
	r->n_members = n_members;
	r->n_epochs++;
}

static void on_member(const struct ue_key_news *news, void *arg)
{
	struct rig *r = arg;

	r->n_news[news->step]++;
	if (news->step == UE_KEY_REFUSED) {
		assert_int_equal(slice_copy(slice_str(news->why), r->why, sizeof(r->why)), 0);
		r->untold = news->n_untold;
	}
}

static void on_trouble(const char *text, void *arg)
{
	struct rig *r = arg;

	assert_true(strlen(text) > 0);
	r->n_trouble++;
}

static void on_wait(void *arg)
{
	struct rig *r = arg;

	r->n_waits++;
}

static const struct ue_keyserver_ops ops = {on_send,   on_serving, on_epoch,
					    on_member, on_trouble, on_wait};

static void write_keys(void)
{
	FILE *f = fopen(keys_file, "we");

	assert_non_null(f);
	assert_int_equal(fchmod(fileno(f), S_IRUSR | S_IWUSR), 0);
	fprintf(f, BOB " b1 %064d\n", 7);
	for (int i = 0; i < MANY; i++)
		fprintf(f, "sip:user%d@example.com k%d %064d\n", i, i, i);
	assert_int_equal(fclose(f), 0);
}

static struct rig *rig_new(uint64_t life_ms, uint64_t life_messages, const char *times)
{
	const struct ue_keyserver_config config = {.as = ME,
						   .keys_file = keys_file,
						   .times_file = times,
						   .life_ms = life_ms,
						   .life_messages = life_messages};
	struct rig *r = xcalloc(1, sizeof(*r));
	char *why = NULL;
	bool shown;

	r->now = (struct keyserver_now){.mono_ms = 100000, .wall_us = T0};
	assert_int_equal(ue_keyserver_new(&config, &r->now, &ops, r, &r->k, &shown, &why), 0);
	assert_false(shown);
	ue_keyserver_room(r->k, "sip:room1@127.0.0.1:5060");
	r->now.wall_us += 1000000;
	return r;
}

static void rig_free(struct rig *r)
{
	ue_keyserver_free(&r->k);
	bytes_fini(&r->sent);
	free(r);
}

static void tell(struct rig *r, const struct ks_frame *f)
{
	struct bytes body = BYTES_INIT;

	ks_frame_build(f, &body);
	ue_keyserver_take(r->k, bytes_slice(&body), &r->now);
	bytes_fini(&body);
}

static void tell_verb(struct rig *r, uint8_t verb, const char *room, uint64_t number)
{
	tell(r, &(struct ks_frame){.verb = verb, .number = number, .room = slice_str(room)});
}

/* Takes the next frame of what was sent; false: no more. */
static bool next(struct rig *r, struct ks_frame *f)
{
	static struct bytes held;
	size_t used;

	bytes_reset(&held);
	bytes_add_slice(&held, bytes_slice(&r->sent));
	if (ks_frame_next(bytes_slice(&held), f, &used) != 1) {
		assert_int_equal(r->sent.len, 0);
		bytes_fini(&held);
		return false;
	}
	bytes_drop(&r->sent, used);
	return true;
}

/* The next frame is of this kind. */
static struct ks_frame expect(struct rig *r, uint8_t verb)
{
	struct ks_frame f = {0};

	assert_true(next(r, &f));
	assert_int_equal(f.verb, verb);
	return f;
}

static void expect_none(struct rig *r)
{
	struct ks_frame f;

	assert_false(next(r, &f));
}

static void change(struct rig *r, bool joined, const char *uri, const char *id)
{
	struct bytes list = BYTES_INIT;

	if (uri)
		ks_list_add(&list, &(struct ks_item_view){.joined = joined,
							  .uri = slice_str(uri),
							  .key_id = slice_str(id)});
	tell(r, &(struct ks_frame){
			.verb = KS_CHANGE, .room = SLICE_LIT(ROOM), .bytes = bytes_slice(&list)});
	bytes_fini(&list);
}

static void pong(struct rig *r)
{
	tell_verb(r, KS_PONG, "", 0);
}

/* Serves, and has its first key. */
static struct rig *serving(uint64_t life_ms, uint64_t life_messages, const char *times)
{
	struct rig *r = rig_new(life_ms, life_messages, times);

	tell_verb(r, KS_HELLO, "", KS_VERSION);
	assert_int_equal(expect(r, KS_HELLO).number, KS_VERSION);
	tell_verb(r, KS_OPEN, ROOM, GKE_SUITE_B);
	expect(r, KS_EPOCH);
	expect(r, KS_PING);
	expect_none(r);
	assert_int_equal(r->n_serving, 1);
	assert_int_equal(r->n_epochs, 0);
	pong(r);
	assert_int_equal(r->n_epochs, 1);
	assert_true(ue_keyserver_serves(r->k));
	return r;
}

static void the_owner_has_the_key_that_members_get(void **state)
{
	/* covers: GK-001, MIKEY-011 */
	struct rig *r = serving(0, 0, NULL);
	uint8_t mk[MEMBER_KEY_SIZE] = {0};
	struct mikey_key key;
	struct ks_frame f;
	struct gkid id;
	struct mikey m;

	(void)state;
	mk[MEMBER_KEY_SIZE - 1] = 7;
	change(r, true, BOB, "");
	f = expect(r, KS_EPOCH);
	assert_int_equal(gkid_read(f.bytes, &id), 0);
	f = expect(r, KS_MESSAGE);
	assert_true(slice_eq_str(f.uri, BOB) && slice_eq_str(f.key_id, "b1") && f.number == 1);
	assert_int_equal(mikey_parse(f.bytes, &m, NULL), 0);
	assert_true(slice_eq_str(m.idri, ME) && slice_eq_str(m.idrapp, ROOM));
	assert_int_equal(mikey_open(&m, slice_make(mk, sizeof(mk)), &key), 1);
	expect(r, KS_PING);
	expect_none(r);
	assert_int_equal(r->n_news[UE_KEY_GIVEN], 1);
	assert_int_equal(r->n_epochs, 1);
	assert_int_equal(r->n_waits, 2);
	pong(r);
	assert_int_equal(r->n_epochs, 2);
	assert_int_equal(r->n_members, 1);
	assert_true(gkid_eq(&r->epoch, &id) && gkid_eq(&id, &key.gkid));
	assert_memory_equal(r->tek, key.tek, sizeof(key.tek));
	mem_wipe(&key, sizeof(key));
	rig_free(r);
}

static void a_key_is_used_when_the_last_ping_is_answered_or_late(void **state)
{
	struct rig *r = serving(0, 0, NULL);

	(void)state;
	change(r, true, BOB, "");
	change(r, false, BOB, "");
	pong(r);
	assert_int_equal(r->n_epochs, 1);
	pong(r);
	assert_int_equal(r->n_epochs, 2);
	assert_int_equal(gkid_epoch(&r->epoch), 3);
	pong(r); /* one too many */
	change(r, false, NULL, NULL);
	assert_int_equal(r->n_epochs, 2);
	ue_keyserver_late(r->k);
	assert_int_equal(r->n_epochs, 3);
	ue_keyserver_late(r->k);
	assert_int_equal(r->n_epochs, 3);
	rig_free(r);
}

static void epochs_end_with_their_time_and_their_messages(void **state)
{
	/* covers: GK-010 */
	struct rig *r = serving(86400000, 1000, NULL);

	(void)state;
	r->now.mono_ms += 86399999;
	ue_keyserver_age(r->k, &r->now);
	expect_none(r);
	r->now.mono_ms += 1;
	ue_keyserver_age(r->k, &r->now);
	expect(r, KS_EPOCH), expect(r, KS_PING), expect_none(r);
	tell_verb(r, KS_SENT, ROOM, 999);
	expect_none(r);
	tell_verb(r, KS_SENT, ROOM, 1);
	expect(r, KS_EPOCH), expect(r, KS_PING), expect_none(r);
	rig_free(r);
}

static void bodies_are_of_whole_frames_and_no_longer_than_they_may_be(void **state)
{
	struct rig *r = serving(0, 0, NULL);
	struct bytes list = BYTES_INIT;
	char uri[64];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(uri, sizeof(uri), "sip:user%d@example.com", i);
		ks_list_add(&list, &(struct ks_item_view){.joined = true, .uri = slice_str(uri)});
	}
	r->n_bodies = r->longest = 0;
	tell(r, &(struct ks_frame){
			.verb = KS_CHANGE, .room = SLICE_LIT(ROOM), .bytes = bytes_slice(&list)});
	bytes_fini(&list);
	assert_true(r->n_bodies > 2 && r->longest <= KS_BODY_MAX && r->longest > KS_BODY_MAX - 600);
	expect(r, KS_EPOCH);
	for (int i = 0; i < MANY; i++)
		expect(r, KS_MESSAGE);
	expect(r, KS_PING);
	expect_none(r);
	rig_free(r);
}

static void refusals_are_told_once_and_ten_in_a_minute(void **state)
{
	/* covers: GK-002 */
	struct rig *r = serving(0, 0, NULL);
	char uri[64];

	(void)state;
	for (int i = 0; i < 3; i++) {
		change(r, true, EVE, "e1");
		assert_int_equal(expect(r, KS_REFUSED).number, ERR_NOT_FOUND);
		expect_none(r);
	}
	assert_int_equal(r->n_news[UE_KEY_REFUSED], 1);
	assert_string_equal(r->why, "no key of his is known");
	for (int i = 0; i < 12; i++) {
		snprintf(uri, sizeof(uri), "sip:mallory%d@example.com", i);
		change(r, true, uri, "");
	}
	assert_int_equal(r->n_news[UE_KEY_REFUSED], 10);
	r->now.mono_ms += 60000;
	change(r, true, "sip:another@example.com", "");
	assert_int_equal(r->n_news[UE_KEY_REFUSED], 11);
	assert_int_equal(r->untold, 3);
	rig_free(r);
}

static void count_holder(const struct ue_key_holder *h, void *arg)
{
	unsigned *n = arg;

	assert_string_equal(h->uri, BOB);
	assert_int_equal(h->confirmed, 0);
	++*n;
}

static unsigned holders(const struct rig *r)
{
	unsigned n = 0;

	ue_keyserver_each(r->k, count_holder, &n);
	return n;
}

static void who_is_out_is_no_holder_any_more(void **state)
{
	struct rig *r = serving(0, 0, NULL);

	(void)state;
	assert_int_equal(holders(r), 0);
	change(r, true, BOB, "b1");
	assert_int_equal(holders(r), 1);
	change(r, false, BOB, "");
	assert_int_equal(holders(r), 0);
	ue_keyserver_late(r->k);
	assert_int_equal(r->n_members, 0);
	change(r, true, BOB, "b1"); /* he is told of again */
	assert_int_equal(r->n_news[UE_KEY_GIVEN], 2);
	ue_keyserver_gone(r->k);
	assert_int_equal(holders(r), 0);
	assert_false(ue_keyserver_serves(r->k));
	rig_free(r);
}

static void what_is_cut_short_or_not_for_us_ends_the_service_till_the_next_hello(void **state)
{
	const struct ks_frame open = {.verb = KS_OPEN, .room = SLICE_LIT(ROOM)};
	struct bytes body = BYTES_INIT;

	(void)state;
	ks_frame_build(&open, &body);
	for (size_t n = 1; n < body.len; n++) {
		struct rig *r = serving(0, 0, NULL);

		ue_keyserver_take(r->k, slice_first(bytes_slice(&body), n), &r->now);
		assert_int_equal(r->n_trouble, 1);
		assert_false(ue_keyserver_serves(r->k));
		change(r, true, BOB, "");
		tell(r, &open);
		assert_int_equal(r->n_trouble, 1); /* told once */
		expect_none(r);
		tell_verb(r, KS_HELLO, "", KS_VERSION);
		expect(r, KS_HELLO);
		tell(r, &open);
		expect(r, KS_EPOCH), expect(r, KS_PING);
		rig_free(r);
	}
	for (int i = 0; i < 3; i++) {
		struct rig *r = serving(0, 0, NULL);

		if (i == 0)
			tell_verb(r, KS_OPEN, OTHER, 0);
		else if (i == 1)
			tell_verb(r, KS_OPEN, ROOM, 2);
		else
			tell_verb(r, 77, ROOM, 0);
		assert_int_equal(r->n_trouble, 1);
		assert_false(ue_keyserver_serves(r->k));
		rig_free(r);
	}
	bytes_fini(&body);
}

static void times_are_in_their_file_before_what_has_them_goes_out(void **state)
{
	/* covers: MIKEY-006 */
	struct rig *r = serving(0, 0, times_file);
	struct ks_frame f;
	struct mikey m;
	uint64_t last;

	(void)state;
	change(r, true, BOB, "");
	assert_true(r->times_first);
	expect(r, KS_EPOCH);
	f = expect(r, KS_MESSAGE);
	assert_int_equal(mikey_parse(f.bytes, &m, NULL), 0);
	last = m.t;
	rig_free(r);
	r = serving(0, 0, times_file); /* its clock has stood still since */
	change(r, true, BOB, "");
	expect(r, KS_EPOCH);
	f = expect(r, KS_MESSAGE);
	assert_int_equal(mikey_parse(f.bytes, &m, NULL), 0);
	assert_true(m.t > last);
	rig_free(r);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(keys_file, sizeof(keys_file), "%s/keys", folder);
	snprintf(times_file, sizeof(times_file), "%s/times", folder);
	write_keys();
	return 0;
}

static int tear_down(void **state)
{
	char lock[sizeof(times_file) + 8];

	(void)state;
	snprintf(lock, sizeof(lock), "%s.lock", times_file);
	unlink(lock);
	unlink(keys_file);
	unlink(times_file);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_owner_has_the_key_that_members_get),
		cmocka_unit_test(a_key_is_used_when_the_last_ping_is_answered_or_late),
		cmocka_unit_test(epochs_end_with_their_time_and_their_messages),
		cmocka_unit_test(bodies_are_of_whole_frames_and_no_longer_than_they_may_be),
		cmocka_unit_test(refusals_are_told_once_and_ten_in_a_minute),
		cmocka_unit_test(who_is_out_is_no_holder_any_more),
		cmocka_unit_test(
			what_is_cut_short_or_not_for_us_ends_the_service_till_the_next_hello),
		cmocka_unit_test(times_are_in_their_file_before_what_has_them_goes_out),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
