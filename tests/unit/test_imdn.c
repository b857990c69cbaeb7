/* SPDX-License-Identifier: Apache-2.0 */
/* Disposition notifications: documents of the RFC, statuses of each kind, limits, and writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/mem.h"
#include "proto/imdn_priv.h"

#define NS   "urn:ietf:params:xml:ns:imdn"
#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<imdn xmlns=\"" NS "\">"
#define ID   "<message-id>34jk324j</message-id>"
#define DONE "<delivery-notification><status><delivered/></status></delivery-notification>"

/* As all do; the XML reader must say the same where the short way is taken. */
static int parse(const char *text, struct imdn *d)
{
	int rc = imdn_parse(slice_str(text), d), full;
	struct imdn again;

	full = imdn_read_xml(slice_str(text), &again);
	assert_int_equal(rc, full);
	if (rc == 0) {
		assert_string_equal(d->message_id, again.message_id);
		assert_int_equal(d->kind, again.kind);
		assert_int_equal(d->status, again.status);
		imdn_fini(&again);
	}
	return rc;
}

/* covers: IMDN-007, IMDN-011 */
static void the_documents_of_the_rfc_are_read(void **state)
{
	struct imdn d;

	(void)state;
	assert_int_equal(parse(HEAD "\n      <message-id>34jk324j</message-id>\n"
				    "      <datetime>2008-04-04T12:16:49-05:00</datetime>\n"
				    "      <recipient-uri>im:bob@example.com</recipient-uri>\n"
				    "      <original-recipient-uri\n"
				    "        >im:bob2@example.com</original-recipient-uri>\n"
				    "      <subject>a &amp; b</subject>\n"
				    "      <delivery-notification>\n         <status>\n"
				    "            <delivered/>\n         </status>\n"
				    "      </delivery-notification>\n    </imdn>\n",
			       &d),
			 0);
	assert_string_equal(d.message_id, "34jk324j");
	assert_string_equal(d.date_time, "2008-04-04T12:16:49-05:00");
	assert_string_equal(d.recipient, "im:bob@example.com");
	assert_string_equal(d.original_recipient, "im:bob2@example.com");
	assert_string_equal(d.subject, "a & b");
	assert_int_equal(d.kind, IMDN_DELIVERY);
	assert_int_equal(d.status, IMDN_DELIVERED);
	assert_int_equal(d.count, 0);
	imdn_fini(&d);
	assert_null(d.message_id);
}

/* covers: IMDN-007 */
static void each_kind_has_its_own_statuses(void **state)
{
	static const char *const kinds[] = {"delivery", "display", "processing"};
	static const char *const allowed[] = {"delivered failed forbidden error",
					      "displayed forbidden error",
					      "processed stored forbidden error"};
	struct bytes b = BYTES_INIT;
	struct imdn d;

	(void)state;
	for (unsigned k = 0; k < IMDN_KINDS; k++) {
		for (unsigned s = 0; s < IMDN_STATUSES; s++) {
			const char *name = imdn_status_name((enum imdn_status)s);
			bool fits = strstr(allowed[k], name) != NULL;

			assert_int_equal(imdn_status_fits((enum imdn_kind)k, (enum imdn_status)s),
					 fits);
			bytes_reset(&b);
			bytes_addf(&b,
				   HEAD ID "<%s-notification><status><%s/></status>"
					   "</%s-notification></imdn>",
				   kinds[k], name, kinds[k]);
			assert_int_equal(parse(bytes_cstr(&b), &d), 0);
			assert_int_equal(d.kind, k);
			assert_int_equal(d.status, fits ? s : IMDN_OTHER);
			imdn_fini(&d);
		}
	}
	bytes_fini(&b);
}

static void extensions_and_prefixes_are_understood_or_skipped(void **state)
{
	struct imdn d;

	(void)state;
	assert_int_equal(
		parse("<x:imdn xmlns:x=\"" NS "\" xmlns:y=\"urn:other\"><y:message-id>no"
		      "</y:message-id><message-id>no</message-id><x:message-id> a<y:b>c</y:b>d "
		      "</x:message-id><x:message-id>second</x:message-id><y:z><x:message-id>deep"
		      "</x:message-id><x:status><x:failed/></x:status></y:z>"
		      "<x:delivery-notification><y:q><x:status/></y:q><x:status><x:delivered/>"
		      "<y:more/></x:status></x:delivery-notification>"
		      "<x:display-notification><x:status><x:displayed/></x:status>"
		      "</x:display-notification></x:imdn>",
		      &d),
		0);
	assert_string_equal(d.message_id, "ad");
	assert_int_equal(d.kind, IMDN_DELIVERY);
	assert_int_equal(d.status, IMDN_DELIVERED);
	imdn_fini(&d);
	assert_int_equal(parse(HEAD ID "<delivery-notification><status><e:read xmlns:e=\"urn:e\"/>"
				       "</status></delivery-notification></imdn>",
			       &d),
			 0);
	assert_int_equal(d.status, IMDN_OTHER);
	imdn_fini(&d);
	assert_int_equal(parse(HEAD ID "<delivery-notification/></imdn>", &d), 0);
	assert_int_equal(d.status, IMDN_OTHER);
	imdn_fini(&d);
}

static void what_is_no_notification_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"text",
		HEAD "</imdn>",
		HEAD ID "</imdn>",
		HEAD DONE "</imdn>",
		HEAD "<message-id> </message-id>" DONE "</imdn>",
		"<imdn>" ID DONE "</imdn>",
		"<other xmlns=\"" NS "\">" ID DONE "</other>",
		HEAD ID DONE,
		"<!DOCTYPE imdn [<!ENTITY a \"b\">]>" HEAD ID DONE "</imdn>",
		HEAD "<message-id>&a;</message-id>" DONE "</imdn>",
		HEAD "<message-id>\xff</message-id>" DONE "</imdn>",
	};
	struct imdn d;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(parse(bad[i], &d), -ERR_SYNTAX);
}

static void the_plain_form_is_read_without_an_xml_reader(void **state)
{
	static const char *const plain[] = {
		HEAD ID DONE "</imdn>",
		HEAD "\r\n\t<message-id> a </message-id>\n<subject></subject>" DONE
		     " \n</imdn>\r\n",
		"<imdn xmlns=\"" NS "\">" ID "<datetime>x</datetime>" ID DONE "</imdn>",
	};
	static const char *const other[] = {
		HEAD ID DONE "</imdn>x",
		HEAD ID "x" DONE "</imdn>",
		HEAD ID DONE DONE "</imdn>",
		HEAD ID "</imdn>",
		HEAD "<message-id>a&amp;b</message-id>" DONE "</imdn>",
		HEAD "<message-id>a]]></message-id>" DONE "</imdn>",
		HEAD "<message-id>a\nb</message-id>" DONE "</imdn>",
		HEAD "<message-id>\xc3\xa4</message-id>" DONE "</imdn>",
		HEAD "<message-id>a</datetime>" DONE "</imdn>",
		HEAD "<!-- -->" ID DONE "</imdn>",
		HEAD ID "<x:y xmlns:x=\"urn:x\"/>" DONE "</imdn>",
		HEAD ID "<delivery-notification><status><displayed/></status>"
			"</delivery-notification></imdn>",
		" " HEAD ID DONE "</imdn>",
	};
	struct imdn d, full;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		assert_true(imdn_scan(slice_str(plain[i]), &d));
		assert_int_equal(imdn_read_xml(slice_str(plain[i]), &full), 0);
		assert_string_equal(d.message_id, full.message_id);
		assert_int_equal(d.subject != NULL, full.subject != NULL);
		imdn_fini(&d);
		imdn_fini(&full);
	}
	for (size_t i = 0; i < ARRAY_LEN(other); i++)
		assert_false(imdn_scan(slice_str(other[i]), &d));
}

static void a_document_is_limited_in_length_and_depth(void **state)
{
	struct bytes b = BYTES_INIT;
	struct imdn d;

	(void)state;
	bytes_add_str(&b, HEAD ID DONE);
	while (b.len < IMDN_MAX_BYTES - 7)
		bytes_add_char(&b, ' ');
	bytes_add_str(&b, "</imdn>");
	assert_int_equal(b.len, IMDN_MAX_BYTES);
	assert_int_equal(imdn_parse(bytes_slice(&b), &d), 0);
	imdn_fini(&d);
	bytes_add_char(&b, ' ');
	assert_int_equal(imdn_parse(bytes_slice(&b), &d), -ERR_LIMIT);
	bytes_reset(&b);
	bytes_add_str(&b, HEAD ID DONE);
	for (int i = 0; i < 40; i++)
		bytes_add_str(&b, "<a>");
	assert_int_equal(imdn_parse(bytes_slice(&b), &d), -ERR_LIMIT);
	bytes_fini(&b);
}

static void no_prefix_of_a_document_is_one(void **state)
{
	static const char text[] = HEAD ID DONE "</imdn>";
	struct imdn d;

	(void)state;
	for (size_t n = 0; n + 1 < sizeof(text) - 1; n++)
		assert_int_equal(imdn_parse(slice_make(text, n), &d), -ERR_SYNTAX);
}

/* covers: IMDN-007, IMDN-011 */
static void what_is_written_reads_the_same(void **state)
{
	struct imdn d = {.message_id = (char[]){"a<b"},
			 .date_time = (char[]){"2026-01-02T03:04:05Z"},
			 .recipient = (char[]){"sip:bob@example.com"},
			 .original_recipient = (char[]){"sip:list@example.com"},
			 .subject = (char[]){"x & \"y\""},
			 .kind = IMDN_DISPLAY,
			 .status = IMDN_DISPLAYED,
			 .count = 88};
	struct bytes b = BYTES_INIT;
	struct imdn back;

	(void)state;
	imdn_build(&b, &d);
	assert_string_equal(
		bytes_cstr(&b),
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<imdn xmlns=\"" NS "\">"
		"<message-id>a&lt;b</message-id><datetime>2026-01-02T03:04:05Z</datetime>"
		"<recipient-uri>sip:bob@example.com</recipient-uri>"
		"<original-recipient-uri>sip:list@example.com</original-recipient-uri>"
		"<subject>x &amp; &quot;y&quot;</subject>"
		"<display-notification><status><displayed/></status></display-notification>"
		"<n:count xmlns:n=\"urn:x-mrf:imdn\">88</n:count></imdn>");
	assert_int_equal(imdn_parse(bytes_slice(&b), &back), 0);
	assert_string_equal(back.message_id, d.message_id);
	assert_string_equal(back.date_time, d.date_time);
	assert_string_equal(back.recipient, d.recipient);
	assert_string_equal(back.original_recipient, d.original_recipient);
	assert_string_equal(back.subject, d.subject);
	assert_int_equal(back.kind, d.kind);
	assert_int_equal(back.status, d.status);
	assert_int_equal(back.count, 88);
	imdn_fini(&back);
	bytes_fini(&b);
}

static void requests_are_read_word_by_word(void **state)
{
	(void)state;
	assert_int_equal(imdn_wanted(SLICE_NULL), 0);
	assert_int_equal(imdn_wanted(SLICE_LIT("positive-delivery")), IMDN_WANT_POSITIVE);
	assert_int_equal(imdn_wanted(SLICE_LIT("positive-delivery, negative-delivery;a=b ,"
					       "display , processing, other, Display")),
			 IMDN_WANT_POSITIVE | IMDN_WANT_NEGATIVE | IMDN_WANT_DISPLAY |
				 IMDN_WANT_PROCESSING);
	assert_int_equal(imdn_wanted(SLICE_LIT("display;positive-delivery")), IMDN_WANT_DISPLAY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_documents_of_the_rfc_are_read),
		cmocka_unit_test(each_kind_has_its_own_statuses),
		cmocka_unit_test(extensions_and_prefixes_are_understood_or_skipped),
		cmocka_unit_test(what_is_no_notification_is_refused),
		cmocka_unit_test(the_plain_form_is_read_without_an_xml_reader),
		cmocka_unit_test(a_document_is_limited_in_length_and_depth),
		cmocka_unit_test(no_prefix_of_a_document_is_one),
		cmocka_unit_test(what_is_written_reads_the_same),
		cmocka_unit_test(requests_are_read_word_by_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
