/* SPDX-License-Identifier: Apache-2.0 */
/* File attributes of a media line: reading, limits, writing back, judging a pushed file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/mem.h"
#include "proto/sdp_msrp.h"

#define HASH "sha-1:5C:0B:91:E7:3A:44:D8:16:F2:6D:88:1F:C9:B3:70:2E:A5:57:0D:64"

static struct sdp_file take(const char *name, const char *value, bool strict)
{
	struct sdp_file f = {0};

	sdp_file_take(&f, slice_str(name), slice_str(value), strict);
	return f;
}

static void bad(const char *name, const char *value)
{
	struct sdp_file f = take(name, value, true);

	if (!f.malformed)
		fail_msg("taken: %s:%s", name, value);
	sdp_file_fini(&f);
}

static void good(const char *name, const char *value)
{
	struct sdp_file f = take(name, value, true);
	struct bytes out = BYTES_INIT;
	char *line = xasprintf("a=%s:%s\r\n", name, value);

	if (f.malformed)
		fail_msg("refused: %s:%s", name, value);
	sdp_file_build(&out, &f);
	assert_string_equal(bytes_cstr(&out), line);
	bytes_fini(&out);
	free(line);
	sdp_file_fini(&f);
}

/* covers: FT-001, FT-007, FT-008 */
static void attributes_come_back_as_they_were_written(void **state)
{
	(void)state;
	good("file-selector", "name:\"plan.png\" type:image/png size:4092 hash:" HASH);
	good("file-selector", "name:\"a%22b%25c%0D%0A d/e\"");
	good("file-selector", "name:\"\xd0\xbf\xd0\xbb\xd0\xb0\xd0\xbd\"");
	good("file-selector", "type:text/plain;charset=\"utf-8\";x=\"a b;c\" size:1");
	good("file-selector", "hash:" HASH " hash:sha-256:00:FF");
	good("file-transfer-id", "q7Lw2ZkP9sXe4TbN8vHc1RgYd6JuF3mA");
	good("file-disposition", "attachment");
	good("file-date", "creation:\"Mon, 15 May 2006 15:01:31 +0300\" "
			  "read:\"Tue, 16 May 2006 15:01:31 +0300\"");
	good("file-icon", "cid:id2@alicepc.example.com");
	good("file-range", "1-1023");
	good("file-range", "2049-*");
}

/* covers: FT-002 */
static void an_empty_selector_only_says_that_files_are_understood(void **state)
{
	struct sdp_file f = take("file-selector", "", true);
	struct sdp_media m = {.file = &f};
	struct bytes out = BYTES_INIT;

	(void)state;
	assert_true(f.has_selector);
	assert_false(f.malformed);
	assert_false(sdp_is_file(&m));
	assert_false(sdp_file_is_push(&f));
	sdp_file_build(&out, &f);
	assert_string_equal(bytes_cstr(&out), "a=file-selector\r\n");
	bytes_fini(&out);
	sdp_file_fini(&f);
}

/* covers: FT-001, FT-007, FT-008 */
static void malformed_values_are_told(void **state)
{
	static const char *const selectors[] = {
		"name:plan.png",
		"name:\"plan.png",
		"name:\"\"",
		"name:\"a\"b\"",
		"name:\"a%2\"",
		"name:\"a%zz\"",
		"name:\"a%00b\"",
		"name:\"\xff\xfe\"",
		"name:\"a\" name:\"b\"",
		"type:image",
		"type:/png",
		"type:image/",
		"type:text/plain;charset=utf-8",
		"type:text/plain;=\"x\"",
		"type:text/plain;a=\"x\"y",
		"size:",
		"size:0",
		"size:-1",
		"size:4k",
		"size:9223372036854775808",
		"size:1 size:1",
		"hash:sha-1",
		"hash:sha-1:",
		"hash:sha-1:5C",
		"hash:" HASH ":00",
		"hash:sha-1:5c:0B:91:E7:3A:44:D8:16:F2:6D:88:1F:C9:B3:70:2E:A5:57:0D:64",
		"hash:sha-1:5C0B:91:E7:3A:44:D8:16:F2:6D:88:1F:C9:B3:70:2E:A5:57:0D:64",
		"hash::00",
		"what",
		"what ever:1",
		"size:1  type:a/b",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(selectors); i++)
		bad("file-selector", selectors[i]);
	bad("file-transfer-id", "");
	bad("file-transfer-id", "two words");
	bad("file-disposition", "a;b");
	bad("file-date", "");
	bad("file-date", "creation:Mon");
	bad("file-date", "someday:\"x\"");
	bad("file-icon", "http://x/");
	bad("file-icon", "cid:");
	bad("file-icon", "cid:a b");
	bad("file-range", "0-5");
	bad("file-range", "5");
	bad("file-range", "5-");
	bad("file-range", "5-4");
	bad("file-range", "*-4");
}

/* covers: FT-001, FT-008 */
static void lengths_are_limited(void **state)
{
	static const struct {
		const char *attribute, *before, *after;
		size_t max;
	} limits[] = {
		{"file-selector", "name:\"", "\"", SDP_FILE_NAME_MAX},
		{"file-transfer-id", "", "", SDP_FILE_TEXT_MAX},
		{"file-selector", "type:a/", "", SDP_FILE_TEXT_MAX - 2},
		{"file-icon", "cid:", "", SDP_FILE_TEXT_MAX - 4},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		for (size_t more = 0; more < 2; more++) {
			struct bytes v = BYTES_INIT;
			struct sdp_file f;

			bytes_add_str(&v, limits[i].before);
			for (size_t n = 0; n < limits[i].max + more; n++)
				bytes_add_char(&v, 'x');
			bytes_add_str(&v, limits[i].after);
			f = take(limits[i].attribute, bytes_cstr(&v), true);
			assert_int_equal(f.malformed, more);
			sdp_file_fini(&f);
			bytes_fini(&v);
		}
	}
}

/* covers: FT-007 */
static void tolerant_reading_mends_what_can_be_mended(void **state)
{
	struct sdp_file f = take("file-selector",
				 "size:0  hash:sha-1:5c:0b:91:e7:3a:44:d8:16:f2:6d:88:1f:c9:b3:70:"
				 "2e:a5:57:0d:64 hash:a:00 hash:b:00 hash:c:00 hash:d:00",
				 false);

	(void)state;
	assert_false(f.malformed);
	assert_true(f.has_size && f.size == 0);
	assert_int_equal(f.n_hashes, SDP_FILE_HASHES);
	assert_string_equal(f.hashes[0], HASH);
	sdp_file_fini(&f);
}

/* covers: FT-001 */
static void an_attribute_comes_once(void **state)
{
	static const char *const twice[][2] = {
		{"file-selector", "size:1"},        {"file-transfer-id", "a"},
		{"file-disposition", "attachment"}, {"file-icon", "cid:a@b"},
		{"file-date", "read:\"today\""},    {"file-range", "1-*"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(twice); i++) {
		struct sdp_file f = take(twice[i][0], twice[i][1], true);

		assert_false(f.malformed);
		sdp_file_take(&f, slice_str(twice[i][0]), slice_str(twice[i][1]), true);
		assert_true(f.malformed);
		sdp_file_fini(&f);
	}
}

static void hashes_are_written_in_upper_case(void **state)
{
	static const uint8_t value[] = {0x0a, 0xff, 0x10};
	struct bytes out = BYTES_INIT;

	(void)state;
	sdp_file_hash_text(&out, "sha-1", value, sizeof(value));
	assert_string_equal(bytes_cstr(&out), "sha-1:0A:FF:10");
	bytes_fini(&out);
}

static void a_copy_selects_the_same_file(void **state)
{
	struct sdp_file a = take("file-selector", "name:\"x\" type:a/b size:3 hash:" HASH, true);
	struct sdp_file b, c;

	(void)state;
	sdp_file_copy(&b, &a);
	assert_true(sdp_file_same(&a, &b));
	b.size++;
	assert_false(sdp_file_same(&a, &b));
	c = take("file-selector", "name:\"x\" type:a/b size:3", true);
	assert_true(sdp_file_same(&a, &c)); /* a hash may be left out (8.3.1) */
	free(c.name);
	c.name = xstrdup("y");
	assert_false(sdp_file_same(&a, &c));
	sdp_file_fini(&a);
	sdp_file_fini(&b);
	sdp_file_fini(&c);
}

static const char head[] = "v=0\r\no=alice 1 1 IN IP4 192.0.2.11\r\ns=-\r\nc=IN IP4 192.0.2.11\r\n"
			   "t=0 0\r\n";
static const char line[] = "m=message 7394 TCP/MSRP *\r\n"
			   "a=path:msrp://192.0.2.11:7394/fA81kQz0;tcp\r\n"
			   "a=accept-types:image/png\r\n";

static int push(const char *attributes, const char **why_r)
{
	char *text = xasprintf("%s%s%s", head, line, attributes);
	struct sdp_session sdp;
	int status;

	assert_int_equal(sdp_parse_msrp(slice_str(text), true, &sdp), 0);
	*why_r = "";
	status = sdp_push_problem(&sdp.media[0], false, why_r);
	sdp_fini(&sdp);
	free(text);
	return status;
}

/* covers: FT-002, FT-003 */
static void a_push_offer_needs_an_id_and_something_to_know_the_file_by(void **state)
{
	const char *why;

	(void)state;
	assert_int_equal(
		push("a=sendonly\r\na=file-selector:size:1\r\na=file-transfer-id:x\r\n", &why), 0);
	assert_int_equal(
		push("a=sendonly\r\na=file-selector:name:\"x\"\r\na=file-transfer-id:x\r\n", &why),
		488);
	assert_string_equal(why, "a=file-selector says neither type, size nor hash");
	assert_int_equal(push("a=sendonly\r\na=file-selector:size:1\r\n", &why), 488);
	assert_string_equal(why, "a=file-transfer-id is missing");
	assert_int_equal(
		push("a=recvonly\r\na=file-selector:size:1\r\na=file-transfer-id:x\r\n", &why),
		488);
	assert_string_equal(why, "no files are kept here");
	assert_int_equal(
		push("a=sendonly\r\na=file-selector:size:x\r\na=file-transfer-id:x\r\n", &why),
		488);
	assert_string_equal(why, "a file attribute is malformed");
	assert_int_equal(push("a=sendonly\r\na=file-selector\r\n", &why), 488);
	assert_string_equal(why, "no file is offered");
}

/* covers: FT-001 */
static void at_session_level_they_mean_nothing(void **state)
{
	char *text =
		xasprintf("%sa=file-transfer-id:x\r\na=file-selector:size:1\r\n%s", head, line);
	struct sdp_session sdp;

	(void)state;
	assert_int_equal(sdp_parse_msrp(slice_str(text), true, &sdp), 0);
	assert_null(sdp.media[0].file);
	sdp_fini(&sdp);
	free(text);
}

/* covers: FT-005 */
static void a_refused_line_still_names_its_file(void **state)
{
	struct sdp_file f = take("file-selector", "name:\"x\" size:3", true);
	struct sdp_media refused = {.type = (char *)"message",
				    .proto = (char *)"TCP/MSRP",
				    .formats = (char *)"*",
				    .path = (char *)"msrp://h:1/x;tcp",
				    .file = &f};
	struct sdp_session sdp = {.origin_user = (char *)"-",
				  .origin_host = (char *)"192.0.2.1",
				  .media = &refused,
				  .n_media = 1};
	struct bytes out = BYTES_INIT;

	(void)state;
	f.transfer_id = xstrdup("abc");
	sdp_build(&out, &sdp);
	assert_non_null(strstr(bytes_cstr(&out), "m=message 0 TCP/MSRP *\r\n"
						 "a=file-selector:name:\"x\" size:3\r\n"
						 "a=file-transfer-id:abc\r\n"));
	bytes_fini(&out);
	sdp_file_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_come_back_as_they_were_written),
		cmocka_unit_test(an_empty_selector_only_says_that_files_are_understood),
		cmocka_unit_test(malformed_values_are_told),
		cmocka_unit_test(lengths_are_limited),
		cmocka_unit_test(tolerant_reading_mends_what_can_be_mended),
		cmocka_unit_test(an_attribute_comes_once),
		cmocka_unit_test(hashes_are_written_in_upper_case),
		cmocka_unit_test(a_copy_selects_the_same_file),
		cmocka_unit_test(a_push_offer_needs_an_id_and_something_to_know_the_file_by),
		cmocka_unit_test(at_session_level_they_mean_nothing),
		cmocka_unit_test(a_refused_line_still_names_its_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
