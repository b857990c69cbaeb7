/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads of message/cpim objects: RFC 3862 and its example, namespaces, both places of the MIME
 * headers, what devices get wrong and strict refuses, limits, input that arrives byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/mem.h"
#include "proto/cpim.h"

#define FROM "From: <sip:alice@example.com>\r\n"
#define TO   "To: <sip:room@conf.example.com>\r\n"
#define TYPE "\r\nContent-Type: text/plain\r\n\r\n"
#define MAX  8192

#define RFC_EXAMPLE                                                                                \
	"From: MR SANDERS <im:piglet@100akerwood.com>\r\n"                                         \
	"To: Depressed Donkey <im:eeyore@100akerwood.com>\r\n"                                     \
	"DateTime: 2000-12-13T13:40:00-08:00\r\n"                                                  \
	"Subject: the weather will be fine today\r\n"                                              \
	"Subject:;lang=fr beau temps prevu pour aujourd'hui\r\n"                                   \
	"NS: MyFeatures <mid:MessageFeatures@id.foo.com>\r\n"                                      \
	"Require: MyFeatures.VitalMessageOption\r\n"                                               \
	"MyFeatures.VitalMessageOption: Confirmation-requested\r\n"                                \
	"MyFeatures.WackyMessageOption: Use-silly-font\r\n"                                        \
	"\r\n"                                                                                     \
	"Content-type: text/xml; charset=utf-8\r\n"                                                \
	"Content-ID: <1234567890@foo.com>\r\n"                                                     \
	"\r\n"

static int parse(const char *text, bool strict, struct cpim_head *h)
{
	return cpim_parse(slice_str(text), MAX, true, strict, h);
}

/* Good in both modes, with the same payload. */
static struct cpim_head good(const char *text)
{
	struct cpim_head tolerant, strict;

	assert_int_equal(parse(text, true, &strict), 1);
	assert_int_equal(parse(text, false, &tolerant), 1);
	assert_int_equal(strict.head_len, tolerant.head_len);
	return strict;
}

static void bad(const char *text)
{
	struct cpim_head h;

	if (parse(text, false, &h) != -ERR_SYNTAX)
		fail_msg("tolerant accepts: %s", text);
	if (parse(text, true, &h) != -ERR_SYNTAX)
		fail_msg("strict accepts: %s", text);
}

/* What is tolerated unless the caller is strict. */
static struct cpim_head tolerated(const char *text)
{
	struct cpim_head h;

	if (parse(text, true, &h) != -ERR_SYNTAX)
		fail_msg("strict accepts: %s", text);
	assert_int_equal(parse(text, false, &h), 1);
	return h;
}

/* covers: CPIM-005, CPIM-007, CPIM-008, CPIM-009 */
static void the_example_of_the_rfc_is_read(void **state)
{
	struct cpim_head h = good(RFC_EXAMPLE "<body>");

	(void)state;
	assert_true(slice_eq_str(h.from, "im:piglet@100akerwood.com"));
	assert_true(slice_eq_str(h.from_raw, "MR SANDERS <im:piglet@100akerwood.com>"));
	assert_true(slice_eq_str(h.to, "im:eeyore@100akerwood.com"));
	assert_true(slice_eq_str(h.date_time, "2000-12-13T13:40:00-08:00"));
	assert_true(slice_eq_str(h.subject, "the weather will be fine today"));
	assert_true(slice_eq_str(h.require, "MyFeatures.VitalMessageOption"));
	assert_true(slice_eq_str(h.content_type, "text/xml; charset=utf-8"));
	assert_int_equal(h.n_from, 1);
	assert_int_equal(h.n_to, 1);
	assert_int_equal(h.n_dup, 1); /* the second Subject */
	assert_int_equal(h.head_len, sizeof(RFC_EXAMPLE) - 1);
}

/* covers: CPIM-003 */
static void both_places_of_the_mime_headers_read_alike(void **state)
{
	struct cpim_head apart = good(FROM TO "DateTime: 2006-05-15T15:02:31-03:00\r\n"
					      "\r\nContent-Type: text/plain\r\n\r\nABCD"),
			 close = good(FROM TO "DateTime: 2006-05-15T15:02:31-03:00\r\n"
					      "Content-Type: text/plain\r\n\r\nABCD");

	(void)state;
	assert_int_equal(apart.head_len, close.head_len + 2);
	assert_true(slice_eq_str(close.content_type, "text/plain"));
	assert_true(slice_eq(apart.content_type, close.content_type));
	assert_true(slice_eq(apart.from, close.from) && slice_eq(apart.to, close.to));
	assert_int_equal(
		good(FROM TO "Content-Disposition: render\r\nContent-Type: a/b\r\n\r\n").n_to, 1);
	/* a block of its own may follow when the first one had no type */
	assert_true(slice_eq_str(good(FROM TO "Content-ID: <a@b>\r\n" TYPE).content_type,
				 "text/plain"));
}

/* covers: MSRP-020 */
static void it_waits_for_the_whole_head_and_no_longer(void **state)
{
	static const char *const texts[] = {
		RFC_EXAMPLE,
		FROM TO "Content-Type: a/b\r\n\r\n",
		FROM TO TYPE,
		"\r\n\r\n",
		FROM TO "\r\nContent-Type: a/b;\r\n c=d\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct slice all = slice_str(texts[i]);
		struct cpim_head h;

		for (size_t n = 0; n < all.len; n++) {
			assert_int_equal(cpim_parse(slice_first(all, n), MAX, false, false, &h), 0);
			assert_int_equal(cpim_parse(slice_first(all, n), MAX, true, false, &h),
					 -ERR_SYNTAX);
		}
		assert_int_equal(cpim_parse(all, MAX, false, false, &h), 1);
		assert_int_equal(h.head_len, all.len);
	}
}

static void the_head_has_its_limit(void **state)
{
	struct slice all = SLICE_LIT(RFC_EXAMPLE);
	struct cpim_head h;

	(void)state;
	assert_int_equal(cpim_parse(all, all.len, true, false, &h), 1);
	assert_int_equal(cpim_parse(all, all.len - 1, true, false, &h), -ERR_LIMIT);
	assert_int_equal(cpim_parse(slice_first(all, 101), 100, false, false, &h), -ERR_LIMIT);
	assert_int_equal(cpim_parse(slice_first(all, 100), 100, false, false, &h), 0);
	assert_int_equal(cpim_parse(SLICE_LIT("xxxxxxxxxx"), 9, false, false, &h), -ERR_LIMIT);
}

/* covers: CPIM-001 */
static void names_are_case_sensitive(void **state)
{
	struct cpim_head h = good("from: <sip:a@b>\r\nTO: <sip:c@d>\r\ndatetime: x\r\n" TYPE);

	(void)state;
	assert_int_equal(h.n_from, 0);
	assert_int_equal(h.n_to, 0);
	assert_int_equal(h.from.len, 0);
	assert_int_equal(h.date_time.len, 0);
}

/* covers: CPIM-001 */
static void lines_that_are_no_headers_are_refused(void **state)
{
	(void)state;
	bad(FROM "To <sip:c@d>\r\n" TYPE);
	bad(FROM ": <sip:c@d>\r\n" TYPE);
	bad(FROM "To : <sip:c@d>\r\n" TYPE);
	bad(FROM "T(o: <sip:c@d>\r\n" TYPE);
	bad(FROM " folded\r\n" TO TYPE);
	bad(" " FROM TO TYPE);
	bad(FROM TO "Subject: a\x01\r\n" TYPE);
	bad(FROM TO "Subject: a\nb\r\n" TYPE);
	bad(FROM TO "Subject: a\rb\r\n" TYPE);
	bad(FROM TO "Subject: \xff\r\n" TYPE);
	bad("From: <sip:a@b>\nTo: <sip:c@d>\n\nContent-Type: a/b\n\n");
	bad(FROM TO "\r\nhello, this is no MIME header\r\n\r\n");
	bad(FROM TO "\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n\r\n");
	bad(FROM TO "\r\nContent-Type: a/b\x01\r\n\r\n");
	bad(FROM TO ".x: y\r\n" TYPE);
}

/* covers: CPIM-009 */
static void addresses_have_their_uri_in_angle_brackets(void **state)
{
	struct cpim_head h = good(FROM "To: \"A, B <x> \\\" \" <sip:x@y>\r\n" TYPE);

	(void)state;
	assert_int_equal(h.n_to, 1);
	assert_true(slice_eq_str(h.to, "sip:x@y"));
	assert_true(slice_eq_str(h.to_raw, "\"A, B <x> \\\" \" <sip:x@y>"));
	assert_true(slice_eq_str(good("From: J\xc3\xb6rg <sip:j@y>\r\n" TYPE).from, "sip:j@y"));
	bad("From: sip:x@y\r\n" TYPE);
	bad("From: <sip:x@y\r\n" TYPE);
	bad("From: <>\r\n" TYPE);
	bad("From: <sip:x@y> z\r\n" TYPE);
	bad("From: <sip:x y@z>\r\n" TYPE);
	bad("From: \"open <sip:x@y>\r\n" TYPE);
	bad("cc: nobody\r\n" TYPE);
}

/* covers: MSRP-143 */
static void what_occurs_twice_is_counted(void **state)
{
	struct cpim_head h = good(FROM FROM TO TO "cc: <sip:e@f>\r\ncc: <sip:g@h>\r\n"
						  "DateTime: 2026-01-02T03:04:05Z\r\n"
						  "DateTime: 2027-01-02T03:04:05Z\r\n"
						  "Require: a\r\nRequire: b\r\n" TYPE);

	(void)state;
	assert_int_equal(h.n_from, 2);
	assert_int_equal(h.n_to, 2);
	assert_int_equal(h.n_cc, 2);
	assert_int_equal(h.n_dup, 2);
	assert_true(slice_eq_str(h.date_time, "2026-01-02T03:04:05Z"));
	assert_true(slice_eq_str(h.require, "a"));
	assert_int_equal(good(FROM TO "Subject: x\r\n" TYPE).n_dup, 0);
}

/* covers: CPIM-005 */
static void headers_belong_to_the_namespace_of_their_prefix(void **state)
{
	struct cpim_head h = good(FROM TO "NS: imdn <urn:ietf:params:imdn>\r\n"
					  "imdn.Message-ID: 34jk324j\r\n"
					  "imdn.Disposition-Notification: display\r\n" TYPE);

	(void)state;
	assert_true(slice_eq_str(h.imdn_message_id, "34jk324j"));
	assert_true(slice_eq_str(h.imdn_disposition, "display"));
	h = good(FROM TO "NS: x <urn:ietf:params:imdn>\r\nx.Message-ID: 1\r\n" TYPE);
	assert_true(slice_eq_str(h.imdn_message_id, "1"));
	h = good(FROM TO "imdn.Message-ID: 1\r\n" TYPE); /* not declared */
	assert_int_equal(h.imdn_message_id.len, 0);
	h = good(FROM TO "NS: imdn <http://example.com/>\r\nimdn.Message-ID: 1\r\n" TYPE);
	assert_int_equal(h.imdn_message_id.len, 0);
	h = good("NS: c <urn:ietf:params:cpim-headers:>\r\nc.From: <sip:a@b>\r\n" TO TYPE);
	assert_true(slice_eq_str(h.from, "sip:a@b"));
	h = good(FROM "x.From: <sip:a@b>\r\n" TO TYPE);
	assert_int_equal(h.n_from, 1);
	bad("NS: imdn\r\n" TYPE);
	bad("NS: a b <urn:x>\r\n" TYPE);
}

/* covers: CPIM-005 */
static void the_namespace_without_prefix_can_change(void **state)
{
	struct cpim_head h = good("NS: <http://example.com/x>\r\n" FROM
				  "NS: <urn:ietf:params:cpim-headers:>\r\n" TO TYPE);

	(void)state;
	assert_int_equal(h.n_from, 0);
	assert_int_equal(h.n_to, 1);
	h = good(FROM TO "NS: <urn:ietf:params:imdn>\r\nMessage-ID: 7\r\nSubject: s\r\n" TYPE);
	assert_true(slice_eq_str(h.imdn_message_id, "7"));
	assert_int_equal(h.subject.len, 0);
}

static void prefixes_have_their_limit(void **state)
{
	struct bytes text = BYTES_INIT;
	struct cpim_head h;

	(void)state;
	for (int n = 16; n <= 17; n++) {
		bytes_reset(&text);
		bytes_add_str(&text, FROM TO);
		for (int i = 0; i < n; i++)
			bytes_addf(&text, "NS: p%d <urn:ietf:params:imdn>\r\n", i);
		bytes_add_str(&text, TYPE);
		assert_int_equal(parse(bytes_cstr(&text), true, &h), n > 16 ? -ERR_LIMIT : 1);
	}
	bytes_fini(&text);
}

/* covers: CPIM-008 */
static void dates_are_those_of_rfc_3339(void **state)
{
	static const char *const dates[] = {
		"2026-13-02T03:04:05Z",
		"2026-01-32T03:04:05Z",
		"2026-01-02T24:04:05Z",
		"2026-01-02T03:60:05Z",
		"2026-01-02T03:04:61Z",
		"2026-01-02 03:04:05Z",
		"26-01-02T03:04:05Z",
		"2026-01-02T03:04Z",
		"2026-01-02T03:04:05.Z",
		"2026-01-02T03:04:05X",
		"yesterday",
		"2026-01-02T03:04:05Z ago",
		"2026-01-02T03:04:05+24:00",
	};

	(void)state;
	good(FROM TO "DateTime: 2026-01-02T03:04:05Z\r\n" TYPE);
	good(FROM TO "DateTime: 2026-12-31t23:59:60.123456z\r\n" TYPE);
	good(FROM TO "DateTime: 2026-01-02T03:04:05+05:30\r\n" TYPE);
	for (size_t i = 0; i < ARRAY_LEN(dates); i++) {
		struct bytes text = BYTES_INIT;

		bytes_addf(&text, FROM TO "DateTime: %s\r\n" TYPE, dates[i]);
		bad(bytes_cstr(&text));
		bytes_fini(&text);
	}
}

/* covers: IMS-021 */
static void what_devices_get_wrong_is_tolerated_unless_strict(void **state)
{
	struct cpim_head h =
		tolerated("From: <sip:anonymous@anonymous.invalid>\r\n"
			  "Content-type: text/plain;charset=UTF-8\r\n" TO "Content-length: 3\r\n"
			  "NS: imdn <urn:ietf:params:imdn>\r\n"
			  "imdn.Message-ID: x\r\n"
			  "DateTime: 2026-01-02T03:04:05\r\n"
			  "\r\nabc");

	(void)state;
	assert_true(slice_eq_str(h.content_type, "text/plain;charset=UTF-8"));
	assert_true(slice_eq_str(h.imdn_message_id, "x"));
	assert_int_equal(h.n_to, 1);
	assert_true(slice_eq_str(h.date_time, "2026-01-02T03:04:05"));
	tolerated(FROM TO "DateTime: 2026-01-02T03:04:05\r\n" TYPE);
	tolerated(FROM TO "DateTime: 2026-01-02T03:04:05+0530\r\n" TYPE);
	tolerated(FROM TO "Content-type: text/plain\r\n\r\n");
	tolerated(FROM TO "Content-length: 3\r\n" TYPE);
	tolerated(FROM "Content-Type: text/plain\r\n" TO "\r\n");
	assert_true(slice_eq_str(tolerated("From:<sip:a@b>\r\n" TO TYPE).from, "sip:a@b"));
	assert_true(slice_eq_str(tolerated("From:  <sip:a@b> \r\n" TO TYPE).from, "sip:a@b"));
	assert_true(slice_eq_str(tolerated("From:\t<sip:a@b>\r\n" TO TYPE).from, "sip:a@b"));
}

/* covers: IMS-021 */
static void an_oddly_written_ns_declares_imdn_and_nothing_else(void **state)
{
	struct cpim_head h;

	(void)state;
	assert_int_equal(parse(FROM TO "ns: i <urn:ietf:params:imdn>\r\ni.Message-ID: 9\r\n" TYPE,
			       false, &h),
			 1);
	assert_true(slice_eq_str(h.imdn_message_id, "9"));
	assert_int_equal(
		parse(FROM TO "ns: i <urn:ietf:params:imdn>\r\ni.Message-ID: 9\r\n" TYPE, true, &h),
		1);
	assert_int_equal(h.imdn_message_id.len, 0);
	assert_int_equal(parse("ns: <http://x/>\r\nNs: broken\r\n" FROM TO TYPE, false, &h), 1);
	assert_int_equal(h.n_from, 1);
}

static void mime_headers_may_be_folded(void **state)
{
	struct cpim_head h = good(FROM TO "\r\nContent-Type: text/plain;\r\n charset=utf-8\r\n"
					  "Content-Disposition:\r\n\tattachment\r\n\r\n");

	(void)state;
	assert_true(slice_eq_str(h.content_type, "text/plain;\r\n charset=utf-8"));
	assert_true(slice_eq_str(h.content_disposition, "attachment"));
	assert_int_equal(h.kind, CPIM_FILE);
	bad(FROM TO "\r\n Content-Type: text/plain\r\n\r\n");
}

/* covers: CPIM-010, CPIM-011 */
static void only_the_outermost_message_is_looked_at(void **state)
{
	struct cpim_head h = good(FROM TO "\r\nContent-Type: message/cpim\r\n\r\n" RFC_EXAMPLE);

	(void)state;
	assert_true(slice_eq_str(h.from, "sip:alice@example.com"));
	assert_true(slice_eq_str(h.content_type, "message/cpim"));
	assert_int_equal(good(FROM TO "\r\n\r\npayload").content_type.len, 0);
}

static enum cpim_kind kind(const char *type, const char *disposition)
{
	return cpim_kind_of(slice_str(type), slice_str(disposition));
}

/* covers: IMS-011 */
static void kinds_follow_the_type_of_the_payload(void **state)
{
	(void)state;
	assert_int_equal(kind("text/plain", ""), CPIM_CHAT);
	assert_int_equal(kind("", ""), CPIM_CHAT);
	assert_int_equal(kind("application/x-unknown", "render"), CPIM_CHAT);
	assert_int_equal(kind("Application/IM-isComposing+xml; charset=utf-8", ""), CPIM_COMPOSING);
	assert_int_equal(kind("message/imdn+xml", "notification"), CPIM_IMDN);
	assert_int_equal(kind("image/png", "attachment; filename=\"a.png\""), CPIM_FILE);
	assert_int_equal(kind("image/png", " Attachment "), CPIM_FILE);
	assert_int_equal(kind("image/png", "inline; x=attachment"), CPIM_CHAT);
	assert_int_equal(kind("application/vnd.gsma.rcs-ft-http+xml", ""), CPIM_FILE);
	assert_int_equal(kind("application/vnd.gsma.rcspushlocation+xml", ""), CPIM_GEOLOC);
	assert_int_equal(kind("application/mikey", ""), CPIM_KEY);
	assert_string_equal(cpim_kind_name(CPIM_CHAT), "chat");
	assert_string_equal(cpim_kind_name(CPIM_COMPOSING), "composing");
	assert_string_equal(cpim_kind_name(CPIM_IMDN), "imdn");
	assert_string_equal(cpim_kind_name(CPIM_FILE), "file");
	assert_string_equal(cpim_kind_name(CPIM_GEOLOC), "geoloc");
	assert_string_equal(cpim_kind_name(CPIM_KEY), "key");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc_is_read),
		cmocka_unit_test(both_places_of_the_mime_headers_read_alike),
		cmocka_unit_test(it_waits_for_the_whole_head_and_no_longer),
		cmocka_unit_test(the_head_has_its_limit),
		cmocka_unit_test(names_are_case_sensitive),
		cmocka_unit_test(lines_that_are_no_headers_are_refused),
		cmocka_unit_test(addresses_have_their_uri_in_angle_brackets),
		cmocka_unit_test(what_occurs_twice_is_counted),
		cmocka_unit_test(headers_belong_to_the_namespace_of_their_prefix),
		cmocka_unit_test(the_namespace_without_prefix_can_change),
		cmocka_unit_test(prefixes_have_their_limit),
		cmocka_unit_test(dates_are_those_of_rfc_3339),
		cmocka_unit_test(what_devices_get_wrong_is_tolerated_unless_strict),
		cmocka_unit_test(an_oddly_written_ns_declares_imdn_and_nothing_else),
		cmocka_unit_test(mime_headers_may_be_folded),
		cmocka_unit_test(only_the_outermost_message_is_looked_at),
		cmocka_unit_test(kinds_follow_the_type_of_the_payload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
