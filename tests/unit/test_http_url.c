/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/http_url: percent-coding, queries, patterns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "common/bytes.h"
#include "common/http.h"
#include "common/http_url.h"
#include "common/mem.h"

static void expect(const char *text, bool plus, const char *want)
{
	char *got = http_url_decode(slice_str(text), plus);

	if (!want) {
		assert_null(got);
		return;
	}
	assert_non_null(got);
	assert_string_equal(got, want);
	free(got);
}

static void escapes_are_decoded_or_refused(void **state)
{
	(void)state;
	expect("sip%3Aalice%40example.com", false, "sip:alice@example.com");
	expect("a%2Fb%2f", false, "a/b/");
	expect("a+b", false, "a+b");
	expect("a+b", true, "a b");
	expect("%C3%A9", false, "\xc3\xa9");
	expect("", false, "");
	expect("%", false, NULL);
	expect("%4", false, NULL);
	expect("x%4g", false, NULL);
	expect("%00", false, NULL);
	expect("%C3", false, NULL);
	expect("%FF", false, NULL);
}

static void encoding_a_segment_is_undone_by_decoding(void **state)
{
	char all[256];
	struct bytes out = BYTES_INIT;
	char *back;

	(void)state;
	for (int i = 1; i < 128; i++)
		all[i - 1] = (char)i;
	all[127] = '\0';
	http_encode_segment(&out, slice_str(all));
	back = http_url_decode(bytes_slice(&out), true);
	assert_string_equal(back, all);
	free(back);
	bytes_reset(&out);
	http_encode_segment(&out, SLICE_LIT("sip:a b/\xc3\xa9?#%\0"));
	assert_string_equal(bytes_cstr(&out), "sip%3Aa%20b%2F%C3%A9%3F%23%25%00");
	bytes_fini(&out);
}

static void queries_become_pairs(void **state)
{
	struct http_url_pair p[3];
	int n = http_url_query(SLICE_LIT("ban=1&&flag&x=a%3Db+c"), p, 3);

	(void)state;
	assert_int_equal(n, 3);
	assert_string_equal(p[0].name, "ban");
	assert_string_equal(p[0].value, "1");
	assert_string_equal(p[1].name, "flag");
	assert_string_equal(p[1].value, "");
	assert_string_equal(p[2].value, "a=b c");
	http_url_free_pairs(p, 3);
	assert_int_equal(http_url_query(SLICE_LIT("a=1&b=2&c=3&d=4"), p, 3), -ERR_LIMIT);
	assert_int_equal(http_url_query(SLICE_LIT("a=1&b=%zz"), p, 3), -ERR_SYNTAX);
	assert_int_equal(http_url_query(SLICE_NULL, p, 3), 0);
}

static int match(const char *pattern, const char *path, char *first, size_t size)
{
	struct http_url_pair p[2];
	size_t n = 0;
	int rc = http_url_match(pattern, slice_str(path), p, ARRAY_LEN(p), &n);

	if (rc == 1) {
		if (n)
			assert_int_equal(slice_copy(slice_str(p[0].value), first, size), 0);
		http_url_free_pairs(p, n);
	}
	return rc;
}

static void patterns_match_whole_paths(void **state)
{
	char v[64] = "";

	(void)state;
	assert_int_equal(match("/v1/c/:name", "/v1/c/room", v, sizeof(v)), 1);
	assert_string_equal(v, "room");
	assert_int_equal(match("/v1/c/:name/p/:uri", "/v1/c/a%2Fb/p/x", v, sizeof(v)), 1);
	assert_string_equal(v, "a/b");
	assert_int_equal(match("/v1/c/:name", "/v1/c", v, sizeof(v)), 0);
	assert_int_equal(match("/v1/c/:name", "/v1/c/", v, sizeof(v)), 0);
	assert_int_equal(match("/v1/c/:name", "/v1/c/a/b", v, sizeof(v)), 0);
	assert_int_equal(match("/v1/c", "/v1/c/", v, sizeof(v)), 0);
	assert_int_equal(match("/v1/c", "/v1/C", v, sizeof(v)), 0);
	assert_int_equal(match("/v1/c", "", v, sizeof(v)), 0);
	assert_int_equal(match("/v1/c", NULL, v, sizeof(v)), 0);
	assert_int_equal(match("/", "/", v, sizeof(v)), 1);
	assert_int_equal(match("/v1/c/:name", "/v1/c/%", v, sizeof(v)), -ERR_SYNTAX);
	assert_int_equal(match("/v1/d/:name", "/v1/c/%", v, sizeof(v)), 0);
	assert_int_equal(match("/:a/:b", "/1/2", v, sizeof(v)), 1);
	assert_int_equal(match("/:a/:b/:c", "/1/2/3", v, sizeof(v)), -ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_are_decoded_or_refused),
		cmocka_unit_test(encoding_a_segment_is_undone_by_decoding),
		cmocka_unit_test(queries_become_pairs),
		cmocka_unit_test(patterns_match_whole_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
