/* SPDX-License-Identifier: Apache-2.0 */
/* MSRP URIs and paths: grammar, the comparison of RFC 4975 section 6.1, what we write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/mem.h"
#include "proto/msrp_uri.h"

static struct msrp_uri parse(const char *text)
{
	struct msrp_uri uri = {0};

	assert_int_equal(msrp_uri_parse(slice_str(text), &uri), 0);
	return uri;
}

static void expect_bad(const char *text)
{
	struct msrp_uri uri;

	if (msrp_uri_parse(slice_str(text), &uri) != -ERR_SYNTAX)
		fail_msg("accepted: %s", text);
}

static bool equal(const char *a, const char *b)
{
	struct msrp_uri ua = parse(a), ub = parse(b);

	assert_int_equal(msrp_uri_equal(&ua, &ub), msrp_uri_equal(&ub, &ua));
	return msrp_uri_equal(&ua, &ub);
}

static void the_example_of_the_rfc_is_taken_apart(void **state)
{
	struct msrp_uri u = parse("msrp://host.example.com:8493/asfd34;tcp");

	(void)state;
	assert_false(u.secure);
	assert_true(slice_eq_str(u.host, "host.example.com"));
	assert_false(u.host_is_v6);
	assert_true(u.has_port);
	assert_int_equal(u.port, 8493);
	assert_true(u.has_session_id);
	assert_true(slice_eq_str(u.session_id, "asfd34"));
	assert_true(slice_eq_str(u.transport, "tcp"));
	assert_int_equal(u.userinfo.len, 0);
	assert_int_equal(u.params.len, 0);
}

static void every_part_is_taken_apart(void **state)
{
	struct msrp_uri u = parse("MSRPS://al%20ice@[2001:db8::1]:65535/a-._~+=/Z;TCP;x=y;flag");

	(void)state;
	assert_true(u.secure);
	assert_true(slice_eq_str(u.userinfo, "al%20ice"));
	assert_true(slice_eq_str(u.host, "2001:db8::1"));
	assert_true(u.host_is_v6);
	assert_int_equal(u.port, 65535);
	assert_true(slice_eq_str(u.session_id, "a-._~+=/Z"));
	assert_true(slice_eq_str(u.transport, "TCP"));
	assert_true(slice_eq_str(u.params, "x=y;flag"));
	u = parse("msrp://relay;tcp");
	assert_false(u.has_port);
	assert_false(u.has_session_id);
	assert_int_equal(parse("msrp://h:0002855/s;tcp").port, 2855);
}

/* covers: MSRP-030 */
static void schemes_are_msrp_and_msrps(void **state)
{
	(void)state;
	assert_true(equal("MSRP://h:1/x;tcp", "msrp://h:1/x;tcp"));
	assert_true(equal("mSrPs://h:1/x;tcp", "MSRPS://h:1/x;tcp"));
	assert_false(equal("msrps://h:1/x;tcp", "msrp://h:1/x;tcp"));
	expect_bad("sip:h:1/x;tcp");
	expect_bad("msrp:h:1/x;tcp");
	expect_bad("msrpx://h:1/x;tcp");
	expect_bad("");
	expect_bad("msrp://");
}

/* covers: MSRP-031 */
static void authorities_compare_as_addresses_or_names(void **state)
{
	(void)state;
	assert_true(equal("msrp://[::1]:1/x;tcp", "msrp://[0:0:0:0:0:0:0:1]:1/x;tcp"));
	assert_true(equal("msrp://[2001:DB8::A]:1/x;tcp", "msrp://[2001:db8:0::a]:1/x;tcp"));
	assert_false(equal("msrp://[::1]:1/x;tcp", "msrp://[::2]:1/x;tcp"));
	assert_true(equal("msrp://alice@h:1/x;tcp", "msrp://h:1/x;tcp"));
	assert_true(equal("msrp://alice@h:1/x;tcp", "msrp://bob@h:1/x;tcp"));
	assert_true(equal("msrp://EXAMPLE.com:1/x;tcp", "msrp://example.COM:1/x;tcp"));
	assert_true(equal("msrp://ex%61mple.com:1/x;tcp", "msrp://example.com:1/x;tcp"));
	assert_true(equal("msrp://%31%32%37.0.0.1:1/x;tcp", "msrp://127.0.0.1:1/x;tcp"));
	assert_false(equal("msrp://ex%2Cample:1/x;tcp", "msrp://ex,ample:1/x;tcp"));
	assert_false(equal("msrp://127.0.0.1:1/x;tcp", "msrp://127.0.0.2:1/x;tcp"));
	assert_false(equal("msrp://a.example.com:1/x;tcp", "msrp://b.example.com:1/x;tcp"));
}

/* covers: MSRP-032 */
static void ports_match_exactly(void **state)
{
	(void)state;
	assert_false(equal("msrp://h:2855/x;tcp", "msrp://h/x;tcp"));
	assert_false(equal("msrp://h:2855/x;tcp", "msrp://h:2856/x;tcp"));
	assert_true(equal("msrp://h:2855/x;tcp", "msrp://h:02855/x;tcp"));
	assert_true(equal("msrp://h/x;tcp", "msrp://h/x;tcp"));
	assert_false(equal("msrp://h:0/x;tcp", "msrp://h/x;tcp"));
	expect_bad("msrp://h:65536/x;tcp");
	expect_bad("msrp://h:/x;tcp");
	expect_bad("msrp://h:28a/x;tcp");
	expect_bad("msrp://h:-1/x;tcp");
}

/* covers: MSRP-033, MSRP-035 */
static void session_ids_compare_byte_by_byte(void **state)
{
	(void)state;
	assert_false(equal("msrp://h:1/AbC;tcp", "msrp://h:1/abc;tcp"));
	assert_false(equal("msrp://h:1/abc;tcp", "msrp://h:1;tcp"));
	assert_true(equal("msrp://h:1;tcp", "msrp://h:1;tcp"));
	assert_false(equal("msrp://h:1/a/./b;tcp", "msrp://h:1/a/b;tcp"));
	expect_bad("msrp://h:1/;tcp");
	expect_bad("msrp://h:1/a%20b;tcp");
	expect_bad("msrp://h:1/a b;tcp");
	expect_bad("msrp://h:1/a?b;tcp");
	expect_bad("msrp://h:1/a#b;tcp");
}

/* covers: IMS-021 */
static void a_session_id_of_one_character_will_do(void **state)
{
	(void)state;
	assert_true(slice_eq_str(parse("msrp://h:1/7;tcp").session_id, "7"));
	assert_false(equal("msrp://h:1/7;tcp", "msrp://h:1/8;tcp"));
}

/* covers: MSRP-034, MSRP-035 */
static void the_transport_counts_and_other_parameters_do_not(void **state)
{
	(void)state;
	assert_true(equal("msrp://h:1/x;TCP", "msrp://h:1/x;tcp"));
	assert_false(equal("msrp://h:1/x;ws", "msrp://h:1/x;tcp"));
	assert_true(equal("msrp://h:1/x;tcp;foo=bar", "msrp://h:1/x;tcp"));
	assert_true(equal("msrp://h:1/x;tcp;foo=bar", "msrp://h:1/x;tcp;foo=baz;q"));
	expect_bad("msrp://h:1/x");
	expect_bad("msrp://h:1/x;");
	expect_bad("msrp://h:1/x;t=cp");
	expect_bad("msrp://h:1/x;tcp;");
	expect_bad("msrp://h:1/x;tcp;=y");
	expect_bad("msrp://h:1/x;tcp;a=");
	expect_bad("msrp://h:1/x;tcp;a=b=c");
	expect_bad("msrp://h:1/x;tcp x");
}

/* covers: MSRP-036 */
static void numeric_addresses_need_a_port(void **state)
{
	(void)state;
	expect_bad("msrp://127.0.0.1/x;tcp");
	expect_bad("msrp://[::1]/x;tcp");
	assert_false(parse("msrp://1.2.3.example/x;tcp").has_port);
}

static void hosts_that_are_none_are_refused(void **state)
{
	(void)state;
	expect_bad("msrp://:1/x;tcp");
	expect_bad("msrp://[::1:1/x;tcp");
	expect_bad("msrp://[]:1/x;tcp");
	expect_bad("msrp://[fe80::1%25eth0]:1/x;tcp");
	expect_bad("msrp://[127.0.0.1]:1/x;tcp");
	expect_bad("msrp://[::1]x:1/x;tcp");
	expect_bad("msrp://::1:1/x;tcp");
	expect_bad("msrp://a b:1/x;tcp");
	expect_bad("msrp://a%2:1/x;tcp");
	expect_bad("msrp://a\xc3\xa4:1/x;tcp");
	expect_bad("msrp://u@v@h:1/x;tcp");
	expect_bad("msrp://u<@h:1/x;tcp");
}

/* covers: IMS-008 */
static void sessions_match_whatever_became_of_the_authority(void **state)
{
	struct msrp_uri a = parse("msrp://10.0.0.1:1/s1Kx;tcp"),
			b = parse("msrps://sbc.example.com:2/s1Kx;tcp"),
			c = parse("msrp://10.0.0.1:1/s1kx;tcp"), d = parse("msrp://10.0.0.1:1;tcp");

	(void)state;
	assert_true(msrp_uri_same_session(&a, &b));
	assert_false(msrp_uri_same_session(&a, &c));
	assert_false(msrp_uri_same_session(&a, &d));
	assert_false(msrp_uri_same_session(&d, &d));
}

static void expect_built(const char *host, const char *want)
{
	struct bytes out = BYTES_INIT;

	msrp_uri_build(&out, false, slice_str(host), 2855, SLICE_LIT("abc"), SLICE_LIT("tcp"));
	assert_string_equal(bytes_cstr(&out), want);
	parse(bytes_cstr(&out));
	bytes_fini(&out);
}

/* covers: MSRP-036, MSRP-038 */
static void what_we_write_has_a_port_and_no_user(void **state)
{
	struct bytes out = BYTES_INIT;

	(void)state;
	expect_built("127.0.0.1", "msrp://127.0.0.1:2855/abc;tcp");
	expect_built("::1", "msrp://[::1]:2855/abc;tcp");
	expect_built("chat.example.com", "msrp://chat.example.com:2855/abc;tcp");
	msrp_uri_build(&out, true, SLICE_LIT("h"), 1, SLICE_NULL, SLICE_LIT("ws"));
	assert_string_equal(bytes_cstr(&out), "msrps://h:1;ws");
	bytes_fini(&out);
}

/* covers: MSRP-005 */
static void a_path_is_its_uris_from_left_to_right(void **state)
{
	struct msrp_path path;

	(void)state;
	assert_int_equal(msrp_path_parse(SLICE_LIT(" msrp://r:1/a;tcp   msrp://b:2/c;tcp "), &path),
			 0);
	assert_int_equal(path.n_items, 2);
	assert_true(slice_eq_str(path.items[0], "msrp://r:1/a;tcp"));
	assert_true(slice_eq_str(path.items[1], "msrp://b:2/c;tcp"));
	assert_true(slice_eq_str(path.text, "msrp://r:1/a;tcp   msrp://b:2/c;tcp"));
	assert_int_equal(msrp_path_parse(SLICE_LIT(""), &path), -ERR_SYNTAX);
	assert_int_equal(msrp_path_parse(SLICE_LIT("   "), &path), -ERR_SYNTAX);
	assert_int_equal(msrp_path_parse(SLICE_LIT("msrp://r:1/a;tcp,msrp://b:2/c;tcp"), &path),
			 -ERR_SYNTAX);
	assert_int_equal(msrp_path_parse(SLICE_LIT("msrp://r:1/a;tcp x"), &path), -ERR_SYNTAX);
}

/* covers: MSRP-021 */
static void a_path_has_at_most_sixteen_uris(void **state)
{
	struct bytes text = BYTES_INIT;
	struct msrp_path path;

	(void)state;
	for (int i = 0; i < 16; i++)
		bytes_add_str(&text, "msrp://h:1/s;tcp ");
	assert_int_equal(msrp_path_parse(bytes_slice(&text), &path), 0);
	assert_int_equal(path.n_items, 16);
	bytes_add_str(&text, "msrp://h:1/s;tcp");
	assert_int_equal(msrp_path_parse(bytes_slice(&text), &path), -ERR_LIMIT);
	bytes_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc_is_taken_apart),
		cmocka_unit_test(every_part_is_taken_apart),
		cmocka_unit_test(schemes_are_msrp_and_msrps),
		cmocka_unit_test(authorities_compare_as_addresses_or_names),
		cmocka_unit_test(ports_match_exactly),
		cmocka_unit_test(session_ids_compare_byte_by_byte),
		cmocka_unit_test(a_session_id_of_one_character_will_do),
		cmocka_unit_test(the_transport_counts_and_other_parameters_do_not),
		cmocka_unit_test(numeric_addresses_need_a_port),
		cmocka_unit_test(hosts_that_are_none_are_refused),
		cmocka_unit_test(sessions_match_whatever_became_of_the_authority),
		cmocka_unit_test(what_we_write_has_a_port_and_no_user),
		cmocka_unit_test(a_path_is_its_uris_from_left_to_right),
		cmocka_unit_test(a_path_has_at_most_sixteen_uris),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
