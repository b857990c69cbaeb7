/* SPDX-License-Identifier: Apache-2.0 */
/* SIP, tel and im URIs as names: parts, sameness, keys that agree with it, name-addr. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/mem.h"
#include "proto/sip_uri.h"

static struct sip_uri parse(const char *text)
{
	struct sip_uri uri = {0};

	assert_int_equal(sip_uri_parse(slice_str(text), &uri), 0);
	return uri;
}

static void every_part_is_taken_apart(void **state)
{
	struct sip_uri u =
		parse("sips:al;day=tue%6Eesday:pw@Atlanta.COM:5061;transport=tcp;lr?Subject=x");

	(void)state;
	assert_int_equal(u.scheme, SIP_URI_SIPS);
	assert_true(slice_eq_str(u.user, "al;day=tue%6Eesday"));
	assert_true(slice_eq_str(u.password, "pw"));
	assert_true(slice_eq_str(u.host, "Atlanta.COM"));
	assert_int_equal(u.port, 5061);
	assert_true(slice_eq_str(u.params, "transport=tcp;lr"));
	assert_true(slice_eq_str(u.headers, "Subject=x"));
	u = parse("SIP:conf.example.com");
	assert_int_equal(u.scheme, SIP_URI_SIP);
	assert_int_equal(u.user.len, 0);
	assert_int_equal(u.port, 0);
	u = parse("sip:a@[2001:db8::1]:5060");
	assert_true(slice_eq_str(u.host, "[2001:db8::1]"));
	assert_int_equal(u.port, 5060);
	assert_int_equal(parse("im:a@b").scheme, SIP_URI_IM);
	assert_int_equal(parse("urn:service:sos").scheme, SIP_URI_OTHER);
	u = parse("tel:+1-201-555-0123;ext=1");
	assert_int_equal(u.scheme, SIP_URI_TEL);
	assert_true(slice_eq_str(u.user, "+1-201-555-0123"));
	assert_true(slice_eq_str(u.params, "ext=1"));
}

static void what_is_no_uri_is_refused(void **state)
{
	static const char *const texts[] = {
		"",          "sip",         "sip:",           "sip:@h",        "sip:a@",
		"sip:a b@h", "sip:a@h h",   "sip:a@h:",       "sip:a@h:65536", "sip:a@h:0",
		"sip:a@[::", "sip:a@[x]",   "sip:a@h>",       "sip:a%4@h",     "sip:a%00@h",
		"sip:<a@h",  "sip:a@h;x=<", "sip:a@h?x=\x01", "sip:a@h:5x",    "1sip:a@h",
		":a@h",      "tel:",        "tel:+",          "tel:12+3",      "tel:12x",
		"tel:---",   "sip:\"a\"@h", "urn:a b",        "sip:a@h/x",     "sip:a@b@c",
	};
	struct sip_uri u;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (sip_uri_parse(slice_str(texts[i]), &u) != -ERR_SYNTAX)
			fail_msg("accepted: %s", texts[i]);
	}
}

static void expect_same(const char *a, const char *b, bool want)
{
	struct bytes ka = BYTES_INIT, kb = BYTES_INIT;

	assert_int_equal(sip_uri_same(slice_str(a), slice_str(b)), want);
	assert_int_equal(sip_uri_same(slice_str(b), slice_str(a)), want);
	assert_int_equal(sip_uri_key(slice_str(a), &ka), 0);
	assert_int_equal(sip_uri_key(slice_str(b), &kb), 0);
	assert_int_equal(slice_eq(bytes_slice(&ka), bytes_slice(&kb)), want);
	bytes_fini(&ka);
	bytes_fini(&kb);
}

/* covers: SW-024 */
static void names_are_the_same_whatever_the_parameters(void **state)
{
	(void)state;
	expect_same("sip:room@h", "sip:room@h;transport=tcp", true);
	expect_same("sip:room@h", "sip:room@h?Subject=x", true);
	expect_same("sip:room@h", "SIP:room@H", true);
	expect_same("sip:room@h", "sips:room@h", true);
	expect_same("sip:room:pw@h", "sip:room@h", true);
	expect_same("sip:%72oom@h", "sip:room@h", true);
	expect_same("sip:r%40m@h", "sip:r%40m@h", true);
	expect_same("sip:room@h", "sip:Room@h", false);
	expect_same("sip:room@h", "sip:room@g", false);
	expect_same("sip:room@h", "sip:room@h:5060", false);
	expect_same("sip:room@h:5060", "sip:room@h:5060;lr", true);
	expect_same("sip:room@h:5060", "sip:room@h:5061", false);
	expect_same("sip:room@h", "sip:h", false);
	expect_same("sip:room@h", "sip:roo@h", false);
	expect_same("sip:a@[::1]", "sip:a@[0:0:0:0:0:0:0:1]", true);
	expect_same("sip:a@[::1]", "sip:a@[::2]", false);
	expect_same("im:room@h", "sip:room@h", false);
	expect_same("im:a@h", "IM:a@H", true);
	expect_same("urn:a:b", "URN:a:b", true);
	expect_same("urn:a:b", "urn:a:B", false);
	assert_false(sip_uri_same(SLICE_LIT("sip:"), SLICE_LIT("sip:")));
}

static void numbers_are_the_same_without_their_separators(void **state)
{
	(void)state;
	expect_same("tel:+1-201-555-0123", "tel:+1(201)555.0123", true);
	expect_same("tel:+12015550123", "TEL:+1-201-555-0123;x=y", true);
	expect_same("tel:+12015550123", "tel:+12015550124", false);
	expect_same("tel:+12015550123", "tel:12015550123", false);
	expect_same("tel:7042;phone-context=example.com", "tel:70-42;phone-context=EXAMPLE.com",
		    true);
	expect_same("tel:7042;phone-context=example.com", "tel:7042;phone-context=example.net",
		    false);
	expect_same("tel:7042;phone-context=example.com", "tel:7042", false);
}

static void expect_aor(const char *text, const char *want)
{
	struct bytes out = BYTES_INIT;

	assert_int_equal(sip_uri_aor(slice_str(text), &out), 0);
	assert_string_equal(bytes_cstr(&out), want);
	bytes_fini(&out);
}

static void an_address_of_record_is_the_bare_name(void **state)
{
	struct bytes out = BYTES_INIT;

	(void)state;
	expect_aor("SIP:Alice:pw@Example.COM;transport=tcp?x=y", "sip:Alice@example.com");
	expect_aor("sips:a@h:5061;lr", "sips:a@h:5061");
	expect_aor("sip:H", "sip:h");
	expect_aor("sip:a@[0:0::1]", "sip:a@[::1]");
	expect_aor("im:a@B", "im:a@b");
	expect_aor("tel:+1-201-555;x=y", "tel:+1201555");
	expect_aor("tel:70-42;phone-context=Example.com", "tel:7042;phone-context=example.com");
	expect_aor("URN:Service:sos", "urn:Service:sos");
	assert_int_equal(sip_uri_aor(SLICE_LIT("sip:"), &out), -ERR_SYNTAX);
	assert_int_equal(sip_uri_key(SLICE_LIT("sip:"), &out), -ERR_SYNTAX);
	assert_int_equal(out.len, 0);
	bytes_fini(&out);
}

static void a_key_is_decoded_and_in_lower_case_where_case_does_not_count(void **state)
{
	struct bytes out = BYTES_INIT;

	(void)state;
	assert_int_equal(sip_uri_key(SLICE_LIT("SIPS:Al%69ce@Example.COM:5061;lr"), &out), 0);
	assert_string_equal(bytes_cstr(&out), "sip:Alice@example.com:5061");
	bytes_fini(&out);
}

static void parameters_are_found_by_name(void **state)
{
	struct slice params = SLICE_LIT("transport=TCP;lr;gr=urn:uuid:x"), v;

	(void)state;
	assert_true(sip_uri_param(params, "Transport", &v));
	assert_true(slice_eq_str(v, "TCP"));
	assert_true(sip_uri_param(params, "lr", &v));
	assert_int_equal(v.len, 0);
	assert_true(sip_uri_param(params, "gr", &v));
	assert_true(slice_eq_str(v, "urn:uuid:x"));
	assert_false(sip_uri_param(params, "tr", &v));
	assert_false(sip_uri_param(SLICE_NULL, "lr", &v));
}

static void expect_name(const char *value, const char *display, const char *uri)
{
	struct bytes out = BYTES_INIT;
	struct slice found;

	assert_int_equal(sip_name_addr(slice_str(value), &out, &found), 0);
	assert_string_equal(bytes_cstr(&out), display);
	assert_true(slice_eq_str(found, uri));
	bytes_fini(&out);
}

static void names_and_addresses_are_told_apart(void **state)
{
	static const char *const bad[] = {
		"",
		"<>",
		"<sip:a@b",
		"\"open <sip:a@b>",
		"\"a\" sip:a@b",
		"<sip:a@b> x",
		"\"a\"",
		"\x01 <sip:a@b>",
		";tag=1",
	};
	struct bytes out = BYTES_INIT;
	struct slice uri;

	(void)state;
	expect_name("\"A \\\"B\\\", C\" <sip:a@b;lr>;tag=1", "A \"B\", C", "sip:a@b;lr");
	expect_name("Alice B <sip:a@b>", "Alice B", "sip:a@b");
	expect_name(" <sip:a@b> ; tag=1", "", "sip:a@b");
	expect_name("sip:a@b;tag=1", "", "sip:a@b");
	expect_name("\"<sip:x@y>\" <sip:a@b>", "<sip:x@y>", "sip:a@b");
	expect_name("\"\" <tel:+1>", "", "tel:+1");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(sip_name_addr(slice_str(bad[i]), &out, &uri), -ERR_SYNTAX);
	assert_int_equal(out.len, 0);
	bytes_fini(&out);
}

static void headers_of_a_uri_are_decoded(void **state)
{
	/* covers: REF-013 */
	struct slice headers =
		SLICE_LIT("Subject=a%20b&replaces=x%40y%3Bto-tag%3D1&Bad=a%0d%0aB: c&Cut=%4");
	struct bytes value = BYTES_INIT;

	(void)state;
	assert_true(sip_uri_header(headers, "Replaces", &value));
	assert_string_equal(bytes_cstr(&value), "x@y;to-tag=1");
	assert_true(sip_uri_header(headers, "subject", &value));
	assert_string_equal(bytes_cstr(&value), "a b");
	assert_false(sip_uri_header(headers, "Bad", &value));
	assert_false(sip_uri_header(headers, "Cut", &value));
	assert_false(sip_uri_header(headers, "Route", &value));
	assert_false(sip_uri_header(SLICE_NULL, "Route", &value));
	bytes_fini(&value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_part_is_taken_apart),
		cmocka_unit_test(what_is_no_uri_is_refused),
		cmocka_unit_test(names_are_the_same_whatever_the_parameters),
		cmocka_unit_test(numbers_are_the_same_without_their_separators),
		cmocka_unit_test(an_address_of_record_is_the_bare_name),
		cmocka_unit_test(a_key_is_decoded_and_in_lower_case_where_case_does_not_count),
		cmocka_unit_test(parameters_are_found_by_name),
		cmocka_unit_test(headers_of_a_uri_are_decoded),
		cmocka_unit_test(names_and_addresses_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
