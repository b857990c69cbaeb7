/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of addresses and hosts: what belongs together, what is refused, who is told which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/err.h"
#include "mrfp/places.h"

static void expect_wrong(const char *addresses, const char *advertise, const char *part)
{
	char why[PLACES_WHY_SIZE] = "";
	struct places p;

	assert_int_equal(places_read(addresses, advertise, &p, why), -ERR_SYNTAX);
	assert_non_null(strstr(why, part));
	places_fini(&p);
}

static struct places read(const char *addresses, const char *advertise)
{
	char why[PLACES_WHY_SIZE];
	struct places p;

	assert_int_equal(places_read(addresses, advertise, &p, why), 0);
	return p;
}

/* covers: IMS-015 */
static void a_peer_is_told_the_first_of_its_family(void **state)
{
	struct places p = read("127.0.0.1, [::1],127.0.0.2", "");

	(void)state;
	assert_int_equal(p.n, 3);
	assert_string_equal(places_for(&p, 4)->host, "127.0.0.1");
	assert_string_equal(places_for(&p, 6)->host, "::1");
	assert_string_equal(places_for(&p, 0)->host, "127.0.0.1");
	places_fini(&p);
	p = read("::1", "");
	assert_string_equal(places_for(&p, 4)->host, "::1");
	places_fini(&p);
}

/* covers: IMS-015 */
static void hosts_belong_to_addresses_by_position(void **state)
{
	struct places p = read("10.0.0.1,10.0.0.2", "192.0.2.1,[2001:db8::1]");

	(void)state;
	assert_string_equal(places_for(&p, 4)->host, "192.0.2.1");
	assert_string_equal(places_for(&p, 6)->host, "2001:db8::1");
	places_fini(&p);
	p = read("127.0.0.1,::1", "v4.example.com,v6.example.com");
	assert_string_equal(places_for(&p, 6)->host, "v6.example.com");
	places_fini(&p);
	p = read("127.0.0.1,::1", "chat.example.com");
	assert_string_equal(places_for(&p, 4)->host, "chat.example.com");
	assert_string_equal(places_for(&p, 6)->host, "chat.example.com");
	assert_true(places_for(&p, 6)->v6);
	places_fini(&p);
}

static void wrong_lists_are_named(void **state)
{
	struct places p = read("127.0.0.1,127.0.0.2,127.0.0.3,127.0.0.4", "");

	(void)state;
	places_fini(&p);
	expect_wrong("127.0.0.1,127.0.0.2,127.0.0.3,127.0.0.4,127.0.0.5", "",
		     "msrp.address: 127.0.0.5 is one address too many");
	expect_wrong("", "", "msrp.address:  is no numeric address");
	expect_wrong("127.0.0.1,", "", "is no numeric address");
	expect_wrong("127.0.0.1,localhost", "", "msrp.address: localhost is no numeric address");
	expect_wrong("::1,127.0.0.1,[::1]", "", "msrp.address: [::1] stands there twice");
	expect_wrong("127.0.0.1,0.0.0.0", "",
		     "msrp.address: 0.0.0.0 is nothing to connect to, so msrp.advertise is needed");
	expect_wrong("127.0.0.1", "a.example,b.example", "b.example has no address");
	expect_wrong("127.0.0.1,::1", "192.0.2.1", "192.0.2.1 is the last");
	expect_wrong("127.0.0.1,::1,::2", "a.example,b.example", "b.example is the last");
	expect_wrong("127.0.0.1", "a b", "msrp.advertise: a b is no host");
	expect_wrong("127.0.0.1,::1", "a.example,", "msrp.advertise:  is no host");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peer_is_told_the_first_of_its_family),
		cmocka_unit_test(hosts_belong_to_addresses_by_position),
		cmocka_unit_test(wrong_lists_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
