/* SPDX-License-Identifier: Apache-2.0 */
/* Whom we take identities from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mrfc/conference/trust.h"

static struct addr at(const char *host)
{
	struct addr a;

	assert_int_equal(addr_from_host(slice_str(host), 5060, &a), 0);
	return a;
}

static void a_peer_is_trusted_by_its_address(void **state)
{
	/* covers: ID-001 */
	struct addr in = at("10.1.2.3"), out = at("192.0.2.7"), ours = {0};
	struct trust *t;

	(void)state;
	assert_int_equal(trust_new("10.0.0.0/8,::1", "", &t), 0);
	assert_true(trust_has(t, &in, NULL, 0));
	assert_false(trust_has(t, &out, NULL, 0));
	assert_false(trust_has(t, &ours, NULL, 0));
	trust_free(&t);
	assert_null(t);
}

static void a_peer_is_trusted_by_a_name_of_its_certificate(void **state)
{
	/* covers: ID-001 */
	static const char *const good[] = {"peer", "SCSCF.home1.net"};
	static const char *const uri[] = {"sip:scscf.home1.net"};
	static const char *const bad[] = {"evil.scscf.home1.net", "scscf.home1.net.evil",
					  "*.home1.net", "sip:x@scscf.home1.net", ""};
	struct addr out = at("192.0.2.7"), ours = {0};
	struct trust *t;

	(void)state;
	assert_int_equal(trust_new("", "a.example, scscf.home1.net ,", &t), 0);
	assert_true(trust_has(t, &out, good, 2));
	assert_true(trust_has(t, &out, uri, 1));
	assert_false(trust_has(t, &out, bad, 5));
	assert_false(trust_has(t, &ours, good, 2));
	assert_false(trust_has_addr(t, &out));
	trust_free(&t);
}

static void malformed_lists_are_refused(void **state)
{
	struct trust *t;

	(void)state;
	assert_int_equal(trust_new("10.0.0.0/33", "", &t), -ERR_SYNTAX);
	assert_int_equal(trust_new("", "a b", &t), -ERR_SYNTAX);
	assert_int_equal(trust_new("", "*.example", &t), -ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peer_is_trusted_by_its_address),
		cmocka_unit_test(a_peer_is_trusted_by_a_name_of_its_certificate),
		cmocka_unit_test(malformed_lists_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
