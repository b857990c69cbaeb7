/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/ue_digest: which challenges are taken, and what answers them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "ue/ue_digest.h"

#define NONCE "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"

static int judge(const char *text)
{
	struct ue_digest_challenge c;
	int err = ue_digest_read(slice_str(text), &c);

	assert_true(err == 0 || (!c.realm && !c.nonce && !c.opaque));
	ue_digest_fini(&c);
	return err;
}

/* RFC 7616 3.9.1. */
static void the_example_of_the_rfc(void **state)
{
	static const char text[] =
		"Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, "
		"nonce=\"" NONCE "\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
	struct ue_digest_answer a = {
		.user = "Mufasa",
		.password = "Circle of Life",
		.method = "GET",
		.uri = "/dir/index.html",
		.cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
		.count = 1,
	};
	struct ue_digest_challenge c;
	char *value;

	(void)state;
	assert_int_equal(ue_digest_read(slice_str(text), &c), 0);
	assert_string_equal(c.realm, "http-auth@example.org");
	assert_string_equal(c.nonce, NONCE);
	assert_false(c.stale);
	value = ue_digest_answer(&c, &a);
	assert_string_equal(
		value,
		"Digest username=\"Mufasa\", realm=\"http-auth@example.org\", nonce=\"" NONCE "\", "
		"uri=\"/dir/index.html\", cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", "
		"opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\", "
		"response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", "
		"algorithm=SHA-256, qop=auth, nc=00000001");
	free(value);
	a.count = 0x1f;
	value = ue_digest_answer(&c, &a);
	assert_non_null(strstr(value, "nc=0000001f"));
	assert_null(strstr(value, "753927fa"));
	free(value);
	ue_digest_fini(&c);
}

static void stale_and_escapes_are_read_in_any_order_and_case(void **state)
{
	struct ue_digest_challenge c;
	struct ue_digest_answer a = {"a\"b", "x", "BYE", "sip:r@h", "c", 1};
	char *value;

	(void)state;
	assert_int_equal(ue_digest_read(SLICE_LIT("digest STALE=TRUE ,qop=auth,nonce = \"n,1\" , "
						  "algorithm=sha-256,realm=\"a \\\"b\\\\\""),
					&c),
			 0);
	assert_true(c.stale);
	assert_string_equal(c.nonce, "n,1");
	assert_string_equal(c.realm, "a \"b\\");
	assert_null(c.opaque);
	value = ue_digest_answer(&c, &a);
	assert_non_null(strstr(value, "username=\"a\\\"b\", realm=\"a \\\"b\\\\\", nonce=\"n,1\""));
	free(value);
	ue_digest_fini(&c);
}

static void what_we_do_not_compute_is_passed_over(void **state)
{
	(void)state;
	assert_int_equal(judge("Basic realm=\"r\""), -ERR_UNSUPPORTED);
	assert_int_equal(judge("Digest realm=\"r\", nonce=\"n\", qop=\"auth\""), -ERR_UNSUPPORTED);
	assert_int_equal(judge("Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=MD5"),
			 -ERR_UNSUPPORTED);
	assert_int_equal(judge("Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256"),
			 -ERR_UNSUPPORTED);
	assert_int_equal(
		judge("Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\", algorithm=SHA-256"),
		-ERR_UNSUPPORTED);
}

static void what_is_malformed_is_refused(void **state)
{
	static const char *const wrong[] = {
		"Digest realm",
		"Digest realm=\"r",
		"Digest realm=\"r\" nonce=\"n\"",
		"Digest qop=\"auth\", algorithm=SHA-256, realm=\"r\"",
		"Digest qop=\"auth\", algorithm=SHA-256, nonce=\"n\"",
		"Digest qop=\"auth\", algorithm=SHA-256, nonce=\"n\", nonce=\"m\", realm=\"r\"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(judge(wrong[i]), -ERR_SYNTAX);
}

static void values_have_a_limit(void **state)
{
	(void)state;
	for (size_t n = 1024; n <= 1025; n++) {
		char *nonce = xcalloc(1, n + 1), *text;

		memset(nonce, 'n', n);
		text = xasprintf(
			"Digest qop=\"auth\", algorithm=SHA-256, realm=\"r\", nonce=\"%s\"", nonce);
		assert_int_equal(judge(text), n == 1024 ? 0 : -ERR_LIMIT);
		free(nonce);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc),
		cmocka_unit_test(stale_and_escapes_are_read_in_any_order_and_case),
		cmocka_unit_test(what_we_do_not_compute_is_passed_over),
		cmocka_unit_test(what_is_malformed_is_refused),
		cmocka_unit_test(values_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
