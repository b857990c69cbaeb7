/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two key servers that an MRFC may have, behind the one interface: in the process, and at the other
 * end of a Unix socket. What is told of the same calls is the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>
#include <unistd.h>

#include "common/listener.h"
#include "common/metrics.h"
#include "mrfc/groupkey/external.h"
#include "mrfc/groupkey/ks_service.h"
#include "mrfc/groupkey/local.h"

#define ROOM  "sip:room@conf.example.com"
#define ALICE "sip:alice@example.com"
#define BOB   "sip:bob@example.com"

struct rig {
	struct event_base *base;
	struct metrics *metrics;
	struct member_keys *keys;
	struct groupkey *g;
	struct bytes log;
	bool inside; /* a call of ours: nothing may be told */
	/* of the external one */
	char folder[40], path[64];
	struct addr at;
	struct ks_security open; /* no TLS */
	struct ks_service *service;
	struct metrics *served;
	struct listener *door;
};

static void note(struct rig *rig, const char *what, const char *room, const char *uri,
		 struct slice key_id)
{
	assert_false(rig->inside);
	if (room != NULL)
		assert_string_equal(room, ROOM);
	bytes_addf(&rig->log, "%s %s ", what, uri);
	bytes_add_slice(&rig->log, key_id);
	bytes_add_char(&rig->log, '\n');
}

static void on_epoch(const char *room, const struct gkid *id, void *arg)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", gkid_epoch(id));
	note(arg, "epoch", room, number, SLICE_NULL);
}

static void on_message(const char *room, const char *uri, struct slice key_id, struct slice bytes,
		       bool fresh, void *arg)
{
	assert_true(bytes.len > 100);
	note(arg, fresh ? "fresh" : "answer", room, uri, key_id);
}

static void on_confirmed(const char *room, const char *uri, struct slice key_id,
			 const struct gkid *id, void *arg)
{
	assert_true(gkid_epoch(id) > 0);
	note(arg, "confirmed", room, uri, key_id);
}

static void on_refused(const char *room, const char *uri, struct slice key_id, int err,
		       const char *why, void *arg)
{
	assert_true(err < 0 && strlen(why) > 3);
	note(arg, err_name(err), room, uri, key_id);
}

static void on_down(const char *room, const char *why, void *arg)
{
	(void)why;
	note(arg, "down", room, "", SLICE_NULL);
}

static void on_back(const char *room, void *arg)
{
	note(arg, "back", room, "", SLICE_NULL);
}

static const struct groupkey_events events = {.epoch = on_epoch,
					      .message = on_message,
					      .confirmed = on_confirmed,
					      .refused = on_refused,
					      .down = on_down,
					      .back = on_back};

static struct rig *rig_new(void)
{
	struct rig *rig = test_calloc(1, sizeof(*rig));
	const struct member_key *key;

	rig->base = event_base_new();
	rig->metrics = metrics_new();
	rig->keys = member_keys_new(NULL);
	assert_int_equal(member_keys_add(rig->keys, ALICE, "a", NULL, NULL, &key), 0);
	assert_int_equal(member_keys_add(rig->keys, BOB, "b", NULL, NULL, &key), 0);
	return rig;
}

static const struct keyserver_settings settings = {.name = "sip:keys@conf.example.com"};

static int set_up_local(void **state)
{
	struct rig *rig = rig_new();

	rig->g = groupkey_local_new(rig->base, &settings, rig->keys, rig->metrics);
	groupkey_set_events(rig->g, &events, rig);
	*state = rig;
	return 0;
}

static void on_accept(int fd_take, const struct addr *peer, void *arg)
{
	struct rig *rig = arg;

	ks_service_accept(rig->service, &rig->open, fd_take, peer);
}

static void serve(struct rig *rig)
{
	metrics_free(&rig->served);
	rig->served = metrics_new();
	rig->service = ks_service_new(rig->base, &settings, rig->keys, rig->served);
	assert_int_equal(listener_open(rig->base, &rig->at, on_accept, rig, &rig->door), 0);
}

static void wait_for(struct rig *rig, const char *text)
{
	alarm(20);
	while (strstr(bytes_cstr(&rig->log), text) == NULL)
		assert_int_equal(event_base_loop(rig->base, EVLOOP_ONCE), 0);
	alarm(0);
}

static int set_up_external(void **state)
{
	struct rig *rig = rig_new();

	snprintf(rig->folder, sizeof(rig->folder), "/tmp/test_groupkey.XXXXXX");
	assert_non_null(mkdtemp(rig->folder));
	snprintf(rig->path, sizeof(rig->path), "%s/ks.sock", rig->folder);
	assert_int_equal(addr_from_unix(rig->path, &rig->at), 0);
	serve(rig);
	rig->g = groupkey_external_new(rig->base, &rig->at, &rig->open, rig->metrics);
	groupkey_set_events(rig->g, &events, rig);
	assert_false(rig->g->ops->ready(rig->g, ROOM));
	wait_for(rig, "back");
	bytes_reset(&rig->log);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	groupkey_free(&rig->g);
	if (rig->folder[0] != '\0') {
		listener_free(&rig->door);
		ks_service_free(&rig->service);
		metrics_free(&rig->served);
		rmdir(rig->folder);
	}
	member_keys_free(&rig->keys);
	metrics_free(&rig->metrics);
	event_base_loop(rig->base, EVLOOP_NONBLOCK);
	event_base_free(rig->base);
	bytes_fini(&rig->log);
	test_free(rig);
	return 0;
}

static int change(struct rig *rig, const char *joins, const char *leaves)
{
	const struct groupkey_member joined = {.uri = joins}, left = {.uri = leaves};
	int err;

	rig->inside = true;
	err = rig->g->ops->change(rig->g, ROOM, &joined, joins != NULL, &left, leaves != NULL);
	rig->inside = false;
	return err;
}

static void expect(struct rig *rig, const char *log)
{
	const char *last = log, *next;

	while ((next = strchr(last, '\n')) != NULL && next[1] != '\0')
		last = next + 1;
	wait_for(rig, last);
	event_base_loop(rig->base, EVLOOP_NONBLOCK);
	assert_string_equal(bytes_cstr(&rig->log), log);
	bytes_reset(&rig->log);
}

static void members_get_keys(void **state)
{
	/* covers: GK-002 */
	const struct groupkey_policy policy = {.suite = GKE_SUITE_B};
	const struct groupkey_member stranger = {.uri = "sip:eve@example.com"};
	struct rig *rig = *state;

	assert_true(rig->g->ops->ready(rig->g, ROOM));
	assert_int_equal(rig->g->ops->open(rig->g, ROOM, &policy), 0);
	assert_int_equal(change(rig, ALICE, NULL), 0);
	expect(rig, "epoch 1 \nfresh sip:alice@example.com a\n");
	assert_int_equal(change(rig, BOB, NULL), 0);
	expect(rig, "epoch 2 \nfresh sip:alice@example.com a\nfresh sip:bob@example.com b\n");
	assert_int_equal(change(rig, NULL, ALICE), 0);
	expect(rig, "epoch 3 \nfresh sip:bob@example.com b\n");
	assert_int_equal(change(rig, "sip:eve@example.com", NULL), 0);
	expect(rig, "NOT_FOUND sip:eve@example.com \n");
	rig->inside = true;
	assert_int_equal(rig->g->ops->request(rig->g, ROOM, &stranger, SLICE_LIT("x")), 0);
	rig->g->ops->sent(rig->g, ROOM, 1 << 20);
	rig->inside = false;
	expect(rig, "DENIED sip:eve@example.com \nepoch 4 \nfresh sip:bob@example.com b\n");
	rig->g->ops->close(rig->g, ROOM);
}

static void a_key_server_that_ends_is_missed_and_comes_back(void **state)
{
	/* covers: GK-002 */
	const struct groupkey_policy policy = {.suite = GKE_SUITE_B};
	struct rig *rig = *state;

	assert_int_equal(rig->g->ops->open(rig->g, ROOM, &policy), 0);
	assert_int_equal(change(rig, ALICE, NULL), 0);
	expect(rig, "epoch 1 \nfresh sip:alice@example.com a\n");
	listener_free(&rig->door);
	ks_service_free(&rig->service);
	expect(rig, "down  \n");
	assert_false(rig->g->ops->ready(rig->g, ROOM));
	assert_int_equal(change(rig, BOB, NULL), -ERR_CLOSED);
	serve(rig);
	wait_for(rig, "back");
	bytes_reset(&rig->log);
	assert_int_equal(rig->g->ops->open(rig->g, ROOM, &policy), 0);
	assert_int_equal(change(rig, BOB, NULL), 0);
	expect(rig, "epoch 1 \nfresh sip:bob@example.com b\n"); /* it knows nobody else */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(members_get_keys, set_up_local, tear_down),
		cmocka_unit_test_setup_teardown(members_get_keys, set_up_external, tear_down),
		cmocka_unit_test_setup_teardown(a_key_server_that_ends_is_missed_and_comes_back,
						set_up_external, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
