/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/admit: how many connections one address, one network and all may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_plane.h"
#include "mrfp/admit.h"

static struct addr at(const char *host)
{
	struct addr a;

	assert_int_equal(addr_from_host(slice_str(host), 9, &a), 0);
	return a;
}

static void open_plane(struct fake_plane *f)
{
	fake_plane_open(f);
	f->opt.max_connections = 1000;
	f->opt.max_unbound = 500;
	f->opt.max_per_address = 3;
	assert_int_equal(addr_set_parse("10.0.0.0/8", &f->plane.trusted), 0);
}

static void close_plane(struct fake_plane *f)
{
	assert_null(f->plane.sources);
	addr_set_free(&f->plane.trusted);
	fake_plane_close(f);
}

/* covers: MSRP-056 */
static void an_address_has_three_and_gets_another_when_one_goes(void **state)
{
	struct fake_plane f;
	struct addr a = at("192.0.2.1"), b = at("192.0.2.2");

	(void)state;
	open_plane(&f);
	for (int i = 0; i < 3; i++)
		assert_true(admit(&f.plane, &a));
	assert_false(admit(&f.plane, &a));
	assert_true(admit(&f.plane, &b));
	assert_int_equal(*f.plane.stats.turned_away[TURNED_AWAY_ADDRESS], 1);
	admit_release(&f.plane, &a);
	assert_true(admit(&f.plane, &a));
	for (int i = 0; i < 3; i++)
		admit_release(&f.plane, &a);
	admit_release(&f.plane, &b);
	close_plane(&f);
}

/* covers: MSRP-056 */
static void an_ipv6_network_is_one_source(void **state)
{
	struct fake_plane f;
	struct addr a = at("2001:db8::1"), b = at("2001:db8::ffff:1"), c = at("2001:db8:0:1::1");

	(void)state;
	open_plane(&f);
	assert_true(admit(&f.plane, &a));
	assert_true(admit(&f.plane, &b));
	assert_true(admit(&f.plane, &a));
	assert_false(admit(&f.plane, &b));
	assert_true(admit(&f.plane, &c));
	for (int i = 0; i < 3; i++)
		admit_release(&f.plane, &a);
	admit_release(&f.plane, &c);
	close_plane(&f);
}

/* covers: IMS-014 */
static void a_trusted_gateway_carries_many(void **state)
{
	struct fake_plane f;
	struct addr a = at("10.1.2.3");

	(void)state;
	open_plane(&f);
	for (int i = 0; i < 200; i++)
		assert_true(admit(&f.plane, &a));
	admit_release(&f.plane, &a);
	*f.plane.stats.unbound = 500;
	assert_false(admit(&f.plane, &a));
	*f.plane.stats.unbound = 0;
	*f.plane.stats.connections = 1000;
	assert_false(admit(&f.plane, &a));
	assert_int_equal(*f.plane.stats.turned_away[TURNED_AWAY_UNBOUND], 1);
	assert_int_equal(*f.plane.stats.turned_away[TURNED_AWAY_TOTAL], 1);
	close_plane(&f);
}

/* covers: MSRP-056 */
static void who_guesses_sessions_is_banned_for_a_while(void **state)
{
	struct fake_plane f;
	struct addr a = at("192.0.2.1"), b = at("192.0.2.2"), gateway = at("10.1.2.3");

	(void)state;
	open_plane(&f);
	f.opt.probe_limit = 5;
	f.opt.probe_ban_ms = 60000;
	assert_true(admit(&f.plane, &a)); /* stays */
	for (int i = 0; i < 4; i++)
		admit_probe(&f.plane, &a);
	assert_true(admit(&f.plane, &a));
	f.plane.now_ms += 60000; /* a minute later it begins anew */
	for (int i = 0; i < 4; i++)
		admit_probe(&f.plane, &a);
	f.plane.now_ms += 59999;
	assert_true(admit(&f.plane, &a));
	admit_probe(&f.plane, &a);
	admit_release(&f.plane, &a);
	assert_false(admit(&f.plane, &a));
	assert_true(admit(&f.plane, &b));
	assert_int_equal(*f.plane.stats.turned_away[TURNED_AWAY_BANNED], 1);
	assert_int_equal(*f.plane.stats.probes, 9);
	for (int i = 0; i < 9; i++)
		admit_probe(&f.plane, &gateway);
	assert_true(admit(&f.plane, &gateway));
	f.plane.now_ms += 59999;
	assert_false(admit(&f.plane, &a));
	f.plane.now_ms += 1;
	assert_true(admit(&f.plane, &a));
	for (int i = 0; i < 3; i++)
		admit_release(&f.plane, &a);
	admit_release(&f.plane, &b);
	close_plane(&f);
}

static void an_address_that_came_and_went_is_forgotten(void **state)
{
	struct fake_plane f;
	struct addr a = at("192.0.2.1");

	(void)state;
	open_plane(&f);
	f.opt.probe_limit = 2;
	f.opt.probe_ban_ms = 100000;
	admit_probe(&f.plane, &a);
	admit_sweep(&f.plane);
	assert_non_null(f.plane.sources);
	f.plane.now_ms += 60000;
	admit_sweep(&f.plane);
	assert_null(f.plane.sources);
	admit_probe(&f.plane, &a);
	admit_probe(&f.plane, &a);
	f.plane.now_ms += 99999;
	admit_sweep(&f.plane);
	assert_non_null(f.plane.sources);
	f.plane.now_ms += 5000;
	admit_sweep(&f.plane);
	assert_null(f.plane.sources);
	admit_probe(&f.plane, &a);
	admit_clear(&f.plane);
	close_plane(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_guesses_sessions_is_banned_for_a_while),
		cmocka_unit_test(an_address_that_came_and_went_is_forgotten),
		cmocka_unit_test(an_address_has_three_and_gets_another_when_one_goes),
		cmocka_unit_test(an_ipv6_network_is_one_source),
		cmocka_unit_test(a_trusted_gateway_carries_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
