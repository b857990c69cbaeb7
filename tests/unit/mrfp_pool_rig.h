/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_MRFP_POOL_RIG_H
#define TESTS_UNIT_MRFP_POOL_RIG_H

/*
 * A pool with two MRFPs that may come, two rooms, and a user that writes down what it is told.
 * After cmocka.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "fake_pool.h"

static const uint8_t room_a[CTL_CONTEXT_SIZE] = "ContextOfRoomA..";
static const uint8_t room_b[CTL_CONTEXT_SIZE] = "ContextOfRoomB..";

struct rig {
	struct pool_rig pool;
	struct fake_mrfp one, two;
	char log[512];      /* what the user was told, in order */
	const char *denied; /* known() says no to these: "a0 b7 " */
	bool move;          /* a lost context is placed anew at once */
};

struct outcome {
	int n;
	int err;
	char path[64];
};

static inline void tell(struct rig *rig, const char *what, const uint8_t *context,
			uint64_t termination)
{
	size_t len = strlen(rig->log);

	snprintf(rig->log + len, sizeof(rig->log) - len, "%s:%c%llu ", what,
		 memcmp(context, room_a, CTL_CONTEXT_SIZE) ? 'b' : 'a',
		 (unsigned long long)termination);
}

/* A nickname is refused. */
static inline void on_notify(const uint8_t *context, const struct ctl_notify *event, void *arg)
{
	struct rig *rig = arg;
	struct mrfp_later later;

	tell(rig, "notify", context, event->termination);
	if (event->event != CTL_EVENT_NICKNAME)
		return;
	mrfp_pool_later(rig->pool.pool, &later);
	mrfp_pool_answer(rig->pool.pool, &later, true, 425);
}

static inline void on_context_lost(const uint8_t *context, void *arg)
{
	struct rig *rig = arg;
	struct ctl_add msg = {0};

	tell(arg, "lost", context, 0);
	if (!rig->move)
		return;
	CTL_SET(&msg, add, epoch, 2);
	CTL_SET(&msg, add, termination, 8);
	mrfp_pool_add(rig->pool.pool, context, &msg, NULL, NULL);
}

static inline void on_termination_lost(const uint8_t *context, uint64_t termination, void *arg)
{
	tell(arg, "lost", context, termination);
}

static inline bool on_known(const uint8_t *context, uint64_t termination, void *arg)
{
	struct rig *rig = arg;
	char name[32];

	snprintf(name, sizeof(name), "%c%llu ",
		 memcmp(context, room_a, CTL_CONTEXT_SIZE) ? 'b' : 'a',
		 (unsigned long long)termination);
	return !strstr(rig->denied, name);
}

static const struct mrfp_pool_events rig_events = {.notify = on_notify,
						   .context_lost = on_context_lost,
						   .termination_lost = on_termination_lost,
						   .known = on_known};

static inline int setup(void **state)
{
	struct rig *rig = xcalloc(1, sizeof(*rig));

	*state = rig;
	rig->denied = "";
	if (pool_rig_init(&rig->pool, 5000) < 0)
		return -1;
	mrfp_pool_set_events(rig->pool.pool, &rig_events, rig);
	return 0;
}

static inline int teardown(void **state)
{
	struct rig *rig = *state;

	fake_close(&rig->one);
	fake_close(&rig->two);
	pool_rig_fini(&rig->pool);
	free(rig);
	return 0;
}

static inline void on_result(const struct mrfp_result *result, void *arg)
{
	struct outcome *o = arg;

	o->n++;
	o->err = result->err;
	assert_int_equal(slice_copy(result->local_path, o->path, sizeof(o->path)), 0);
}

static inline void add(struct rig *rig, const uint8_t *context, uint64_t termination,
		       struct outcome *o)
{
	struct ctl_add msg = {0};

	*o = (struct outcome){0};
	CTL_SET(&msg, add, epoch, 1);
	CTL_SET(&msg, add, termination, termination);
	mrfp_pool_add(rig->pool.pool, context, &msg, on_result, o);
	assert_int_equal(o->n, 0);
}

static inline void add_done(struct rig *rig, struct fake_mrfp *f, const uint8_t *context,
			    uint64_t termination)
{
	struct outcome o;

	add(rig, context, termination, &o);
	fake_take_add(f, CTL_R_OK, "192.0.2.9:2855");
	FAKE_WAIT(f, o.n == 1);
	assert_int_equal(o.err, 0);
}

static inline void subtract(struct rig *rig, const uint8_t *context, uint64_t termination,
			    struct outcome *o)
{
	struct ctl_subtract msg = {0};

	*o = (struct outcome){0};
	CTL_SET(&msg, subtract, epoch, 1);
	CTL_SET(&msg, subtract, termination, termination);
	mrfp_pool_subtract(rig->pool.pool, context, &msg, on_result, o);
	assert_int_equal(o->n, 0);
}

static inline void copy_info(const struct mrfp_info *info, void *arg)
{
	*(struct mrfp_info *)arg = *info;
}

static inline struct mrfp_info only_mrfp(struct rig *rig)
{
	struct mrfp_info info = {0};

	mrfp_pool_each(rig->pool.pool, copy_info, &info);
	return info;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
