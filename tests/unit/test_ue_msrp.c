/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/ue_msrp: where an active UE connects. Sessions themselves are tested black-box. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/resolve.h"
#include "tests/dns.h"
#include "ue/ue_msrp.h"

/* One UE that connects (active) to another that listens on 127.0.0.1 (passive). */
struct world {
	struct event_base *base;
	struct dns dns;
	struct resolver *resolver;
	struct ue_msrp *active, *passive;
	int ups;
	char why[100];
};

static void on_up(void *arg)
{
	struct world *w = arg;

	if (++w->ups == 2)
		event_base_loopbreak(w->base);
}

static void on_down(const char *why, void *arg)
{
	struct world *w = arg;

	snprintf(w->why, sizeof(w->why), "%s", why);
	event_base_loopbreak(w->base);
}

static const struct ue_msrp_ops ops = {.up = on_up, .down = on_down};

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct addr host;

	w->base = event_base_new();
	dns_open(&w->dns, w->base);
	w->resolver = resolver_new(w->base, w->dns.address);
	assert_int_equal(addr_from_host(SLICE_LIT("127.0.0.1"), 0, &host), 0);
	assert_int_equal(ue_msrp_open(w->base, w->resolver, &host, NULL, &ops, w, &w->active), 0);
	assert_int_equal(ue_msrp_open(w->base, w->resolver, &host, NULL, &ops, w, &w->passive), 0);
	assert_int_equal(ue_msrp_start(w->passive, ue_msrp_path(w->active), false, NULL), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	ue_msrp_free(&w->active);
	ue_msrp_free(&w->passive);
	resolver_free(&w->resolver);
	dns_close(&w->dns, w->base);
	event_base_free(w->base);
	free(w);
	return 0;
}

/* The passive UE's path with another host in it. */
static void start(struct world *w, const char *host)
{
	const char *session = strrchr(ue_msrp_path(w->passive), '/');
	char *path = xasprintf("msrp://%s:%u%s", host, ue_msrp_port(w->passive), session);

	assert_int_equal(ue_msrp_start(w->active, path, true, NULL), 0);
	free(path);
	event_base_dispatch(w->base);
}

/* covers: MSRP-039 */
static void a_dead_address_of_a_name_is_passed_over(void **state)
{
	struct world *w = *state;

	start(w, "two.example"); /* 127.0.0.2, where nobody listens, then 127.0.0.1 */
	assert_int_equal(w->ups, 2);
	assert_string_equal(w->why, "");
}

/* covers: MSRP-039 */
static void a_name_without_an_address_ends_the_session_with_its_reason(void **state)
{
	struct world *w = *state;

	start(w, "nobody.example");
	assert_int_equal(w->ups, 0);
	assert_non_null(strstr(w->why, "address"));
}

/* covers: MSRP-039, MSRP-041 */
static void a_numeric_host_is_connected_to_as_it_is(void **state)
{
	struct world *w = *state;

	start(w, "127.0.0.1");
	assert_int_equal(w->ups, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_dead_address_of_a_name_is_passed_over, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			a_name_without_an_address_ends_the_session_with_its_reason, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(a_numeric_host_is_connected_to_as_it_is, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
