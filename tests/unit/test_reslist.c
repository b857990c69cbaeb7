/* SPDX-License-Identifier: Apache-2.0 */
/* Recipient lists: reading with copy control, flattening, merging, and writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "proto/reslist.h"

#define HEAD                                                                                       \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                             \
	"<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\" "                         \
	"xmlns:cp=\"urn:ietf:params:xml:ns:copycontrol\">"
#define TAIL "</resource-lists>\n"

static int parse(const char *text, size_t max, struct reslist *l)
{
	return reslist_parse(slice_str(text), max, l);
}

static struct reslist read_list(const char *inner)
{
	struct bytes b = BYTES_INIT;
	struct reslist l;

	bytes_addf(&b, HEAD "%s" TAIL, inner);
	assert_int_equal(parse(bytes_cstr(&b), 100, &l), 0);
	bytes_fini(&b);
	return l;
}

/* covers: LIST-004 */
static void entries_are_read_with_their_copy_control(void **state)
{
	struct reslist l = read_list(
		"<list name=\"friends\"><display-name>Friends</display-name>"
		"<entry uri=\"sip:bob@example.com\" cp:copyControl=\"to\">"
		"<display-name xml:lang=\"en\"> Bob &amp; Co </display-name></entry>"
		"<entry uri=\"sip:carol@example.com\" cp:copyControl=\"cc\" "
		"cp:anonymize=\"true\" other=\"x\"/>"
		"<entry uri=\" tel:+15551230001 \" cp:copyControl=\"bcc\" cp:anonymize=\"0\"/>"
		"<entry uri=\"sip:dave@example.com\"/></list>");

	(void)state;
	assert_int_equal(l.n_entries, 4);
	assert_int_equal(l.n_ignored, 0);
	assert_string_equal(l.entries[0].uri, "sip:bob@example.com");
	assert_string_equal(l.entries[0].display, "Bob & Co");
	assert_int_equal(l.entries[0].copy, RESLIST_TO);
	assert_false(l.entries[0].anonymize);
	assert_int_equal(l.entries[1].copy, RESLIST_CC);
	assert_true(l.entries[1].anonymize);
	assert_null(l.entries[1].display);
	assert_string_equal(l.entries[2].uri, "tel:+15551230001");
	assert_int_equal(l.entries[2].copy, RESLIST_BCC);
	assert_false(l.entries[2].anonymize);
	assert_int_equal(l.entries[3].copy, RESLIST_NONE);
	assert_int_equal(l.entries[3].count, 0);
	reslist_fini(&l);
	assert_null(l.entries);
}

/* covers: LIST-004 */
static void lists_in_lists_are_flattened_and_references_ignored(void **state)
{
	struct reslist l = read_list(
		"<list><entry uri=\"sip:a@h\"/><list><entry uri=\"sip:b@h\"/>"
		"<entry-ref ref=\"users/x\"/><external anchor=\"http://h/\"/></list></list>"
		"<x:list xmlns:x=\"urn:x\"><x:entry uri=\"sip:x@h\"/></x:list>"
		"<list><entry uri=\"sip:c@h\"><extra xmlns=\"urn:y\"><display-name>no"
		"</display-name></extra></entry></list>");

	(void)state;
	assert_int_equal(l.n_entries, 3);
	assert_int_equal(l.n_ignored, 2);
	assert_string_equal(l.entries[1].uri, "sip:b@h");
	assert_string_equal(l.entries[2].uri, "sip:c@h");
	assert_null(l.entries[2].display);
	reslist_fini(&l);
}

/* covers: LIST-005, LIST-009 */
static void duplicates_are_merged_to_the_highest_precedence(void **state)
{
	struct reslist l =
		read_list("<list><entry uri=\"sip:bob@example.com\" cp:copyControl=\"bcc\"/>"
			  "<entry uri=\"sip:carol@example.com\" cp:copyControl=\"cc\"/>"
			  "<entry uri=\"sip:bob@EXAMPLE.com;transport=tcp\" cp:copyControl=\"to\" "
			  "cp:anonymize=\"true\"><display-name>Bob</display-name></entry>"
			  "<entry uri=\"sip:carol@example.com\"/>"
			  "<entry uri=\"sip:bob@example.com\" cp:copyControl=\"cc\"/></list>");

	(void)state;
	assert_int_equal(l.n_entries, 2);
	assert_string_equal(l.entries[0].uri, "sip:bob@example.com");
	assert_int_equal(l.entries[0].copy, RESLIST_TO);
	assert_true(l.entries[0].anonymize);
	assert_string_equal(l.entries[0].display, "Bob");
	assert_int_equal(l.entries[1].copy, RESLIST_CC);
	reslist_fini(&l);
}

static void anonymised_entries_with_a_count_may_repeat(void **state)
{
	struct reslist l = read_list(
		"<list><entry uri=\"sip:anonymous@anonymous.invalid\" cp:copyControl=\"to\" "
		"cp:count=\"2\"/>"
		"<entry uri=\"sip:anonymous@anonymous.invalid\" cp:copyControl=\"cc\" cp:count=\"1\"/>"
		"</list>");

	(void)state;
	assert_int_equal(l.n_entries, 2);
	assert_int_equal(l.entries[0].count, 2);
	assert_int_equal(l.entries[1].count, 1);
	reslist_fini(&l);
}

/* covers: LIST-012 */
static void the_number_of_entries_is_bounded(void **state)
{
	static const char text[] = HEAD "<list><entry uri=\"sip:a@h\"/><entry uri=\"sip:a@h\"/>"
					"<entry uri=\"sip:b@h\"/></list>" TAIL;
	struct reslist l = {0};

	(void)state;
	assert_int_equal(parse(text, 1, &l), -ERR_LIMIT);
	assert_null(l.entries);
	assert_int_equal(parse(text, 2, &l), 0);
	reslist_fini(&l);
}

static void the_size_is_bounded(void **state)
{
	struct bytes b = BYTES_INIT;
	struct reslist l = {0};

	(void)state;
	bytes_add_str(&b, HEAD);
	while (b.len < (1u << 20) - (sizeof(TAIL) - 1))
		bytes_add_char(&b, ' ');
	bytes_add_str(&b, TAIL);
	assert_int_equal(reslist_parse(bytes_slice(&b), 1, &l), 0);
	reslist_fini(&l);
	bytes_add_char(&b, ' ');
	assert_int_equal(reslist_parse(bytes_slice(&b), 1, &l), -ERR_SYNTAX);
	bytes_fini(&b);
}

static void nest(struct bytes *b, int levels)
{
	bytes_reset(b);
	bytes_add_str(b, HEAD);
	for (int i = 1; i < levels; i++)
		bytes_add_str(b, "<list>");
	for (int i = 1; i < levels; i++)
		bytes_add_str(b, "</list>");
	bytes_add_str(b, TAIL);
}

static void depth_elements_and_attributes_are_bounded(void **state)
{
	struct bytes b = BYTES_INIT;
	struct reslist l = {0};

	(void)state;
	nest(&b, 32);
	assert_int_equal(parse(bytes_cstr(&b), 1, &l), 0);
	reslist_fini(&l);
	nest(&b, 33);
	assert_int_equal(parse(bytes_cstr(&b), 1, &l), -ERR_SYNTAX);

	for (size_t n = 9998; n <= 9999; n++) { /* and two around them */
		bytes_reset(&b);
		bytes_add_str(&b, HEAD "<list>");
		for (size_t i = 0; i < n; i++)
			bytes_add_str(&b, "<x/>");
		bytes_add_str(&b, "</list>" TAIL);
		assert_int_equal(parse(bytes_cstr(&b), 1, &l), n == 9998 ? 0 : -ERR_SYNTAX);
		reslist_fini(&l);
	}
	for (size_t n = 4096; n <= 4097; n++) {
		bytes_reset(&b);
		bytes_add_str(&b, HEAD "<list><entry uri=\"sip:");
		for (size_t i = 6; i < n; i++)
			bytes_add_char(&b, 'a');
		bytes_add_str(&b, "@h\"/></list>" TAIL);
		assert_int_equal(parse(bytes_cstr(&b), 1, &l), n == 4096 ? 0 : -ERR_SYNTAX);
		reslist_fini(&l);
	}
	bytes_fini(&b);
}

/* covers: LIST-005, LIST-009 */
static void several_documents_are_one_list(void **state)
{
	struct reslist l = read_list("<list><entry uri=\"sip:bob@h\" cp:copyControl=\"cc\"/>"
				     "<entry uri=\"sip:carol@h\"/></list>");

	(void)state;
	assert_int_equal(reslist_merge(SLICE_LIT(HEAD "<list><entry uri=\"sip:bob@H;x=y\" "
						      "cp:copyControl=\"to\"/>"
						      "<entry uri=\"sip:dave@h\"/></list>" TAIL),
				       3, &l),
			 0);
	assert_int_equal(l.n_entries, 3);
	assert_string_equal(l.entries[0].uri, "sip:bob@h");
	assert_int_equal(l.entries[0].copy, RESLIST_TO);
	assert_string_equal(l.entries[2].uri, "sip:dave@h");
	assert_int_equal(reslist_merge(SLICE_LIT(HEAD "<list><entry uri=\"sip:erik@h\"/>"
						      "</list>" TAIL),
				       3, &l),
			 -ERR_LIMIT);
	assert_int_equal(reslist_merge(SLICE_LIT("rubbish"), 9, &l), -ERR_SYNTAX);
	assert_int_equal(l.n_entries, 3);
	reslist_fini(&l);
}

static void the_other_spelling_of_the_namespace_is_read(void **state)
{
	struct reslist l = {0};

	(void)state;
	assert_int_equal(parse("<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\" "
			       "xmlns:c=\"urn:ietf:params:xml:ns:copyControl\"><list>"
			       "<entry uri=\"sip:a@h\" c:copyControl=\"to\"/></list>" TAIL,
			       9, &l),
			 0);
	assert_int_equal(l.entries[0].copy, RESLIST_TO);
	reslist_fini(&l);
}

static void broken_lists_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		HEAD,
		"<list/>",
		"<resource-lists/>",
		HEAD "<list><entry/></list>" TAIL,
		HEAD "<list><entry uri=\" \"/></list>" TAIL,
		HEAD "<list><entry uri=\"sip:a@h\" cp:copyControl=\"all\"/></list>" TAIL,
		HEAD "<list><entry uri=\"sip:a@h\" cp:anonymize=\"perhaps\"/></list>" TAIL,
		HEAD "<list><entry uri=\"sip:a@h\" cp:count=\"-1\"/></list>" TAIL,
		"<!DOCTYPE resource-lists [<!ENTITY a \"sip:a@h\">]>" HEAD TAIL,
		HEAD "<list><entry uri=\"sip:a@h\"></list>" TAIL,
		HEAD "<list><entry uri=\"sip:a@h\" uri=\"sip:b@h\"/></list>" TAIL,
		HEAD "<list xmlns:d=\"urn:ietf:params:xml:ns:copycontrol\"><entry uri=\"sip:a@h\" "
		     "cp:copyControl=\"to\" d:copyControl=\"bcc\"/></list>" TAIL,
		HEAD "<list><entry uri=\"sip:a@h\" no:copyControl=\"to\"/></list>" TAIL,
		HEAD "<list><no:entry uri=\"sip:a@h\"/></list>" TAIL,
		HEAD "<list><entry uri=\"sip:\xc0\xaf@h\"/></list>" TAIL,
		HEAD "<list><entry uri=\"sip:a@h\">&b;</entry></list>" TAIL,
		"\xff\xfe<\0r\0/\0>\0",
	};
	struct reslist l = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i], 10, &l), -ERR_SYNTAX);
}

static void no_prefix_of_a_list_is_a_list(void **state)
{
	static const char text[] = HEAD "<list><entry uri=\"sip:a@h\"><display-name>A"
					"</display-name></entry></list></resource-lists>";
	struct reslist l = {0};

	(void)state;
	for (size_t len = 0; len + 1 < sizeof(text); len++)
		assert_int_equal(reslist_parse(slice_make(text, len), 10, &l), -ERR_SYNTAX);
}

static void what_is_written_is_read_back_the_same(void **state)
{
	static const char text[] =
		HEAD "<list><entry uri=\"sip:bob@example.com\" cp:copyControl=\"to\">"
		     "<display-name>B &lt;&quot;&gt;</display-name></entry>"
		     "<entry uri=\"sip:anonymous@anonymous.invalid\" cp:copyControl=\"cc\" "
		     "cp:anonymize=\"true\" cp:count=\"3\"/>"
		     "<entry uri=\"sip:x@h?Subject=a&amp;b\" cp:copyControl=\"bcc\"/>"
		     "<entry uri=\"sip:dave@example.com\"/></list>" TAIL;
	struct bytes out = BYTES_INIT;
	struct reslist l;

	(void)state;
	assert_int_equal(parse(text, 10, &l), 0);
	assert_int_equal(l.n_entries, 4);
	reslist_build(&out, &l);
	assert_string_equal(bytes_cstr(&out), text);
	reslist_fini(&l);
	bytes_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_read_with_their_copy_control),
		cmocka_unit_test(lists_in_lists_are_flattened_and_references_ignored),
		cmocka_unit_test(duplicates_are_merged_to_the_highest_precedence),
		cmocka_unit_test(anonymised_entries_with_a_count_may_repeat),
		cmocka_unit_test(the_number_of_entries_is_bounded),
		cmocka_unit_test(the_size_is_bounded),
		cmocka_unit_test(depth_elements_and_attributes_are_bounded),
		cmocka_unit_test(several_documents_are_one_list),
		cmocka_unit_test(the_other_spelling_of_the_namespace_is_read),
		cmocka_unit_test(broken_lists_are_refused),
		cmocka_unit_test(no_prefix_of_a_list_is_a_list),
		cmocka_unit_test(what_is_written_is_read_back_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
