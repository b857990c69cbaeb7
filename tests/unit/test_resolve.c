/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/resolve against a name server of the test's own on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/resolve.h"
#include "tests/dns.h"

struct world {
	struct event_base *base;
	struct dns dns;
	struct addr got[RESOLVE_MAX];
	size_t n;
	int n_calls;
};

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	w->base = event_base_new();
	dns_open(&w->dns, w->base);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	dns_close(&w->dns, w->base);
	event_base_free(w->base);
	free(w);
	return 0;
}

static void on_found(const struct addr *addrs, size_t n, void *arg)
{
	struct world *w = arg;

	memcpy(w->got, addrs, n * sizeof(*addrs));
	w->n = n;
	w->n_calls++;
	event_base_loopbreak(w->base);
}

static void lookup(struct world *w, const char *name)
{
	struct resolver *r = resolver_new(w->base, w->dns.address);

	resolver_lookup(r, slice_str(name), 2855, on_found, w);
	assert_int_equal(w->n_calls, 0);
	event_base_dispatch(w->base);
	assert_int_equal(w->n_calls, 1);
	resolver_free(&r);
}

/* covers: MSRP-039 */
static void a_name_gives_all_its_addresses_in_order_with_the_port(void **state)
{
	struct world *w = *state;
	char text[ADDR_STRLEN];

	lookup(w, "two.example");
	assert_int_equal(w->n, 2);
	assert_string_equal(addr_format(&w->got[0], text), "127.0.0.2:2855");
	assert_string_equal(addr_format(&w->got[1], text), "127.0.0.1:2855");
}

/* covers: MSRP-039 */
static void a_numeric_host_is_used_as_it_is(void **state)
{
	struct world *w = *state;
	char text[ADDR_STRLEN];

	lookup(w, "::1");
	assert_int_equal(w->n, 1);
	assert_string_equal(addr_format(&w->got[0], text), "[::1]:2855");
}

static void an_unknown_name_has_no_address(void **state)
{
	struct world *w = *state;

	lookup(w, "nobody.example");
	assert_int_equal(w->n, 0);
}

static void a_cancelled_query_never_calls_back(void **state)
{
	struct world *w = *state;
	struct resolver *r = resolver_new(w->base, w->dns.address);
	struct resolver_query *q = resolver_lookup(r, SLICE_LIT("two.example"), 1, on_found, w);
	struct resolver_query *numeric = resolver_lookup(r, SLICE_LIT("127.0.0.1"), 1, on_found, w);

	resolver_cancel(&q);
	assert_null(q);
	resolver_cancel(&numeric);
	resolver_lookup(r, SLICE_LIT("two.example"), 7, on_found, w);
	event_base_dispatch(w->base);
	assert_int_equal(w->n_calls, 1);
	assert_int_equal(addr_port(&w->got[0]), 7);
	resolver_lookup(r, SLICE_LIT("two.example"), 8, on_found, w);
	resolver_free(&r);
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	assert_int_equal(w->n_calls, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_name_gives_all_its_addresses_in_order_with_the_port, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_numeric_host_is_used_as_it_is, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_unknown_name_has_no_address, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_cancelled_query_never_calls_back, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
