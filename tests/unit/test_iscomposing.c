/* SPDX-License-Identifier: Apache-2.0 */
/* Typing indications: documents of the RFC, unknown states, limits, and writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/mem.h"
#include "proto/iscomposing.h"

#define NS   "urn:ietf:params:xml:ns:im-iscomposing"
#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<isComposing xmlns=\"" NS "\">"
#define TAIL "</isComposing>"

static int parse(const char *text, struct iscomposing *c)
{
	return iscomposing_parse(slice_str(text), c);
}

/* covers: COMP-001 */
static void the_documents_of_the_rfc_are_read(void **state)
{
	struct iscomposing c;

	(void)state;
	assert_int_equal(
		parse("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<isComposing xmlns=\"" NS "\"\n"
		      "  xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"\n"
		      "  xsi:schemaLocation=\"urn:ietf:params:xml:ns:im-composing\n"
		      "  iscomposing.xsd\">\n  <state>active</state>\n"
		      "  <contenttype>text/plain</contenttype>\n  <refresh>90</refresh>\n" TAIL,
		      &c),
		0);
	assert_true(c.active);
	assert_string_equal(c.content_type, "text/plain");
	assert_int_equal(c.refresh_s, 90);
	assert_null(c.last_active);
	iscomposing_fini(&c);
	assert_int_equal(parse(HEAD "<state>idle</state><lastactive>2003-01-27T10:43:00Z"
				    "</lastactive><contenttype>audio</contenttype>" TAIL,
			       &c),
			 0);
	assert_false(c.active);
	assert_string_equal(c.last_active, "2003-01-27T10:43:00Z");
	assert_string_equal(c.content_type, "audio");
	assert_int_equal(c.refresh_s, 0);
	iscomposing_fini(&c);
}

/* covers: COMP-002 */
static void unknown_states_are_idle_and_odd_refreshes_none(void **state)
{
	static const char *const idle[] = {"idle", "Active", "thinking", "", "activeidle"};
	struct bytes b = BYTES_INIT;
	struct iscomposing c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(idle); i++) {
		bytes_reset(&b);
		bytes_addf(&b, HEAD "<state> %s\n</state><refresh>-5</refresh>" TAIL, idle[i]);
		assert_int_equal(parse(bytes_cstr(&b), &c), 0);
		assert_false(c.active);
		assert_int_equal(c.refresh_s, 0);
		iscomposing_fini(&c);
	}
	bytes_fini(&b);
	assert_int_equal(parse(HEAD "<x:state xmlns:x=\"urn:x\">idle</x:state><state>active</state>"
				    "<state>idle</state><refresh>99999999999</refresh>" TAIL,
			       &c),
			 0);
	assert_true(c.active);
	assert_int_equal(c.refresh_s, 0);
	iscomposing_fini(&c);
}

static void what_is_no_indication_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"active",
		HEAD TAIL,
		HEAD "<refresh>60</refresh>" TAIL,
		HEAD "<state>active</state>",
		"<isComposing><state>active</state>" TAIL,
		"<isActive xmlns=\"" NS "\"><state>active</state></isActive>",
		"<!DOCTYPE a>" HEAD "<state>active</state>" TAIL,
	};
	static const char whole[] = HEAD "<state>active</state>" TAIL;
	struct bytes b = BYTES_INIT;
	struct iscomposing c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(parse(bad[i], &c), -ERR_SYNTAX);
	for (size_t n = 0; n + 1 < sizeof(whole) - 1; n++)
		assert_int_equal(iscomposing_parse(slice_make(whole, n), &c), -ERR_SYNTAX);
	bytes_add_str(&b, whole);
	while (b.len < ISCOMPOSING_MAX_BYTES)
		bytes_add_char(&b, ' ');
	assert_int_equal(iscomposing_parse(bytes_slice(&b), &c), 0);
	iscomposing_fini(&c);
	bytes_add_char(&b, ' ');
	assert_int_equal(iscomposing_parse(bytes_slice(&b), &c), -ERR_LIMIT);
	bytes_fini(&b);
}

/* covers: COMP-001 */
static void what_is_written_reads_the_same(void **state)
{
	struct iscomposing c = {.active = true,
				.last_active = (char[]){"2026-01-02T03:04:05Z"},
				.content_type = (char[]){"text/plain"},
				.refresh_s = 60};
	struct bytes b = BYTES_INIT;
	struct iscomposing back;

	(void)state;
	iscomposing_build(&b, &c);
	assert_string_equal(bytes_cstr(&b), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
					    "<isComposing xmlns=\"" NS "\"><state>active</state>"
					    "<lastactive>2026-01-02T03:04:05Z</lastactive>"
					    "<contenttype>text/plain</contenttype>"
					    "<refresh>60</refresh></isComposing>");
	assert_int_equal(iscomposing_parse(bytes_slice(&b), &back), 0);
	assert_true(back.active);
	assert_string_equal(back.last_active, c.last_active);
	assert_string_equal(back.content_type, c.content_type);
	assert_int_equal(back.refresh_s, 60);
	iscomposing_fini(&back);
	bytes_reset(&b);
	iscomposing_build(&b, &(struct iscomposing){0});
	assert_int_equal(iscomposing_parse(bytes_slice(&b), &back), 0);
	assert_false(back.active);
	iscomposing_fini(&back);
	bytes_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_documents_of_the_rfc_are_read),
		cmocka_unit_test(unknown_states_are_idle_and_odd_refreshes_none),
		cmocka_unit_test(what_is_no_indication_is_refused),
		cmocka_unit_test(what_is_written_reads_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
