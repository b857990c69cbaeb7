/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mrfc/conference/service.h"

#define ICSI "urn:urn-7:3gpp-service.ims.icsi."
#define IARI "urn:urn-7:3gpp-application.ims.iari."

static void check_params(const char *icsi, const char *iari, const char *wanted)
{
	struct bytes out = BYTES_INIT;

	service_feature_params(icsi, iari, &out);
	assert_string_equal(bytes_cstr(&out), wanted);
	bytes_fini(&out);
}

static void a_service_becomes_a_feature_tag(void **state)
{
	(void)state;
	check_params("", "", "");
	check_params(
		ICSI "oma.cpm.session.group", "",
		";+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session.group\"");
	check_params("+g.oma.sip-im", "", ";+g.oma.sip-im");
	check_params("", IARI "a, " IARI "b",
		     ";+g.3gpp.iari-ref=\"urn%3Aurn-7%3A3gpp-application.ims.iari.a,"
		     "urn%3Aurn-7%3A3gpp-application.ims.iari.b\"");
	check_params(
		"+g.oma.sip-im", IARI "a",
		";+g.oma.sip-im;+g.3gpp.iari-ref=\"urn%3Aurn-7%3A3gpp-application.ims.iari.a\"");
}

static void a_service_or_one_below_it_is_allowed(void **state)
{
	const char *allowed = ICSI "oma.cpm.session.group, " ICSI "oma.cpm";

	(void)state;
	assert_true(service_asserted_ok("", slice_str(ICSI "mmtel")));
	assert_true(service_asserted_ok(allowed, slice_str(ICSI "oma.cpm")));
	assert_true(service_asserted_ok(allowed, slice_str(ICSI "oma.cpm.filetransfer")));
	assert_true(
		service_asserted_ok(allowed, slice_str("URN:urn-7:3gpp-service.ims.icsi.oma.cpm")));
	assert_true(service_asserted_ok(allowed, slice_str(ICSI "mmtel, " ICSI "oma.cpm.msg")));
	assert_false(service_asserted_ok(allowed, slice_str(ICSI "oma.cpmx")));
	assert_false(service_asserted_ok(allowed, slice_str(ICSI "oma")));
	assert_false(service_asserted_ok(allowed, slice_str(ICSI "mmtel")));
	assert_false(service_asserted_ok(allowed, slice_str("")));
	assert_false(service_asserted_ok(",", slice_str("")));
}

static void what_would_break_a_header_is_no_service(void **state)
{
	(void)state;
	assert_true(service_list_ok(""));
	assert_true(service_list_ok(ICSI "a, " ICSI "b"));
	assert_true(service_list_ok("+g.oma.sip-im"));
	assert_false(service_list_ok("mmtel"));
	assert_false(service_list_ok(ICSI "a\"b"));
	assert_false(service_list_ok(ICSI "a;b"));
	assert_false(service_list_ok(ICSI "a\r\nb"));
	assert_false(service_list_ok(ICSI "a,"));
	assert_false(service_list_ok("+"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_becomes_a_feature_tag),
		cmocka_unit_test(a_service_or_one_below_it_is_allowed),
		cmocka_unit_test(what_would_break_a_header_is_no_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
