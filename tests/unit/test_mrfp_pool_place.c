/* SPDX-License-Identifier: Apache-2.0 */
/* Where new contexts go: capacity, load, what is needed, draining, flapping links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/mem.h"
#include "common/metrics.h"
#include "fake_pool.h"
#include "mrfc/mp/mrfp_pool_priv.h"

#define N 3

struct rig {
	struct pool_rig pool;
	struct fake_mrfp fakes[N];
	struct pool_member *m[N];
};

static int setup(void **state)
{
	struct rig *rig = xcalloc(1, sizeof(*rig));

	*state = rig;
	return pool_rig_init(&rig->pool, 5000) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	for (size_t i = 0; i < N; i++)
		fake_close(&rig->fakes[i]);
	pool_rig_fini(&rig->pool);
	free(rig);
	return 0;
}

static void register_all(struct rig *rig)
{
	struct pool_member *m;
	char name[16];

	for (size_t i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "m%zu", i);
		fake_up(&rig->fakes[i], &rig->pool, name, 100 + i);
		m = LIST_FIRST(&rig->pool.pool->members); /* the newest */
		assert_string_equal(mrfp_link_id(m->mrfp), name);
		m->max_terminations = 0;
		rig->m[i] = m;
	}
}

/* Which ones are taken in many tries, as bits; or the error. */
static int taken(struct rig *rig, const struct ctl_add *msg)
{
	struct pool_member *m = NULL;
	int bits = 0, err;

	for (unsigned n = 0; n < 200; n++) {
		err = pool_place(rig->pool.pool, msg, &m);
		if (err != 0)
			return err;
		for (unsigned i = 0; i < N; i++)
			bits |= m == rig->m[i] ? 1 << i : 0;
	}
	return bits;
}

static int taken_over(struct rig *rig, uint8_t transport)
{
	struct ctl_add msg = {0};

	CTL_SET(&msg, add, transport, transport);
	return taken(rig, &msg);
}

static void without_one_that_is_up_there_is_none(void **state)
{
	struct ctl_add msg = {0};

	assert_int_equal(taken(*state, &msg), -ERR_CLOSED);
}

static void equals_share_and_the_fullest_of_all_is_never_taken(void **state)
{
	struct rig *rig = *state;
	struct ctl_add msg = {0};

	register_all(rig);
	assert_int_equal(taken(rig, &msg), 7);
	rig->m[0]->n_terminations = 10;
	assert_int_equal(taken(rig, &msg), 6);
	rig->m[1]->load = 300;
	rig->m[2]->load = 299;
	assert_int_equal(taken(rig, &msg), 5); /* load goes before number, in coarse steps */
	/* Of its capacity: 10 of 1000 is emptier than 2 of 10. */
	rig->m[1]->load = rig->m[2]->load = 0;
	rig->m[0]->max_terminations = 1000;
	rig->m[1]->max_terminations = rig->m[2]->max_terminations = 10;
	rig->m[1]->n_terminations = rig->m[2]->n_terminations = 2;
	assert_int_equal(taken(rig, &msg) & 1, 1);
	rig->m[2]->n_terminations = 3;
	assert_int_equal(taken(rig, &msg), 3);
}

static void full_and_busy_ones_get_nothing(void **state)
{
	struct rig *rig = *state;
	struct ctl_add msg = {0};

	register_all(rig);
	rig->m[0]->max_terminations = 5;
	rig->m[0]->n_terminations = 5;
	assert_int_equal(taken(rig, &msg), 6);
	rig->m[0]->n_terminations = 4;
	rig->m[1]->n_terminations = rig->m[2]->n_terminations = 4;
	rig->m[1]->max_terminations = rig->m[2]->max_terminations = 5;
	assert_int_equal(taken(rig, &msg), 7);
	mrfp_pool_set_max_load(rig->pool.pool, 900);
	rig->m[0]->load = rig->m[1]->load = 901;
	rig->m[2]->load = 900;
	assert_int_equal(taken(rig, &msg), 4);
	rig->m[2]->load = 901;
	assert_int_equal(taken(rig, &msg), -ERR_LIMIT);
}

static void what_is_needed_decides_first(void **state)
{
	struct rig *rig = *state;
	struct ctl_add msg = {0};

	register_all(rig);
	assert_int_equal(taken_over(rig, CTL_TRANSPORT_TLS), -ERR_CLOSED);
	free(rig->m[1]->fingerprint);
	rig->m[1]->fingerprint = xstrdup("sha-256 AB");
	rig->m[2]->websocket = true;
	rig->m[1]->n_terminations = rig->m[2]->n_terminations = 100;
	assert_int_equal(taken_over(rig, CTL_TRANSPORT_TLS), 2);
	assert_int_equal(taken_over(rig, CTL_TRANSPORT_WS), 4);
	assert_int_equal(taken_over(rig, CTL_TRANSPORT_TCP) & 1, 1);
	CTL_SET(&msg, add, family, 6);
	assert_int_equal(taken(rig, &msg) & 1, 1); /* nobody has it: the less loaded will do */
	rig->m[2]->v6 = true;
	assert_int_equal(taken(rig, &msg), 4);
}

static void one_that_drains_gets_nothing_until_it_is_let(void **state)
{
	struct rig *rig = *state;
	struct mrfp_pool *p = rig->pool.pool;
	struct ctl_add msg = {0};

	assert_int_equal(mrfp_pool_drain(p, "m0", true), -ERR_NOT_FOUND);
	register_all(rig);
	assert_false(mrfp_pool_draining(p));
	assert_int_equal(mrfp_pool_drain(p, "m0", true), 0);
	assert_int_equal(mrfp_pool_drain(p, "m0", true), 0);
	assert_true(mrfp_pool_draining(p));
	assert_int_equal(taken(rig, &msg), 6);
	assert_int_equal(mrfp_pool_drain(p, "m0", false), 0);
	assert_int_equal(taken(rig, &msg), 7);
	/* One that says itself that it goes down is not held. */
	rig->m[0]->says_goodbye = true;
	assert_int_equal(mrfp_pool_drain(p, "m0", true), 0);
	assert_int_equal(mrfp_pool_drain(p, "m0", false), 0);
	assert_int_equal(taken(rig, &msg), 6);
}

static void a_context_moves_when_its_mrfp_drains_and_another_has_room_for_it(void **state)
{
	static const uint8_t id[CTL_CONTEXT_SIZE] = "room";
	struct rig *rig = *state;
	struct mrfp_pool *p = rig->pool.pool;
	struct pool_context *c;

	register_all(rig);
	assert_false(mrfp_pool_should_move(p, id));
	c = pool_context_new(rig->m[0], id);
	for (uint64_t t = 1; t <= 4; t++)
		pool_termination_add(c, t);
	assert_false(mrfp_pool_should_move(p, id));
	assert_int_equal(mrfp_pool_drain(p, "m0", true), 0);
	assert_true(mrfp_pool_should_move(p, id));
	assert_int_equal(mrfp_pool_drain(p, "m1", true), 0);
	rig->m[2]->max_terminations = 3;
	assert_false(mrfp_pool_should_move(p, id));
	rig->m[2]->max_terminations = 4;
	assert_true(mrfp_pool_should_move(p, id));
	rig->m[2]->load = 1001;
	assert_false(mrfp_pool_should_move(p, id));
}

static void a_link_that_comes_and_goes_is_the_last_choice(void **state)
{
	struct rig *rig = *state;
	struct ctl_add msg = {0};
	uint64_t now_ms;

	register_all(rig);
	now_ms = mrfp_loop_now_ms(rig->pool.pool->loop);
	/* Up for long, then lost: nothing to hold against it. */
	pool_member_steady(rig->m[0], true, now_ms);
	pool_member_steady(rig->m[0], false, now_ms + 10000);
	assert_int_equal(rig->m[0]->steady_ms, 0);
	assert_int_equal(taken(rig, &msg), 7);
	for (unsigned i = 0; i < 3; i++) {
		pool_member_steady(rig->m[0], true, now_ms + i * 1000);
		pool_member_steady(rig->m[0], false, now_ms + i * 1000 + 500);
	}
	assert_int_equal(rig->m[0]->steady_ms, now_ms + 2500 + 8000);
	assert_int_equal(taken(rig, &msg), 6);
	rig->m[1]->steady_ms = rig->m[2]->steady_ms = UINT64_MAX;
	assert_int_equal(taken(rig, &msg), 7);
	for (unsigned i = 0; i < 20; i++) {
		pool_member_steady(rig->m[0], true, now_ms);
		pool_member_steady(rig->m[0], false, now_ms);
	}
	assert_int_equal(rig->m[0]->steady_ms, now_ms + 60000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_one_that_is_up_there_is_none),
		TEST(equals_share_and_the_fullest_of_all_is_never_taken),
		TEST(full_and_busy_ones_get_nothing),
		TEST(what_is_needed_decides_first),
		TEST(one_that_drains_gets_nothing_until_it_is_let),
		TEST(a_context_moves_when_its_mrfp_drains_and_another_has_room_for_it),
		TEST(a_link_that_comes_and_goes_is_the_last_choice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
