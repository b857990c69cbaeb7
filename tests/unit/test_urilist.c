/* SPDX-License-Identifier: Apache-2.0 */
/* Lists in requests: who is called, who is refused, what each of them is told, who has agreed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mrfc/conference/urilist.h"
#include "proto/sip_uri.h"

#define HEAD                                                                                       \
	"<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\" "                         \
	"xmlns:cp=\"urn:ietf:params:xml:ns:copycontrol\"><list>"
#define TAIL "</list></resource-lists>"

static bool is_ours(const char *uri, void *arg)
{
	struct sip_uri u;

	(void)arg;
	return sip_uri_parse(slice_str(uri), &u) == 0 && slice_eq_str(u.host, "conf.example.com");
}

static bool is_self(const char *uri, void *arg)
{
	(void)arg;
	return sip_uri_same(slice_str(uri), SLICE_LIT("sip:alice@example.com"));
}

static const struct urilist_rules rules = {
	.max_entries = 5, .max_octets = 2000, .is_ours = is_ours, .is_self = is_self};

static struct urilist *read_list(const char *entries, int want)
{
	struct urilist *l = urilist_new();
	struct bytes b = BYTES_INIT;

	bytes_addf(&b, HEAD "%s" TAIL, entries);
	assert_int_equal(urilist_add(l, bytes_slice(&b), &rules), want);
	bytes_fini(&b);
	return l;
}

static int judge(const char *entries, enum urilist_use use)
{
	struct urilist *l = read_list(entries, 0);
	int status = urilist_judge(l, use, &rules);

	urilist_free(&l);
	return status;
}

/* covers: LIST-013, LIST-009, REF-019 */
static void targets_are_called_by_their_bare_uris_once(void **state)
{
	struct urilist *l = read_list(
		"<entry uri=\"sip:bob@h;transport=tcp?body=x&amp;Subject=y\"><display-name>Bob"
		"</display-name></entry><entry uri=\"sip:bob@H?method=BYE\"/>"
		"<entry uri=\"sip:carol@h;method=BYE;x=y\"/><entry uri=\"tel:+1555\"/>"
		"<entry uri=\"sip:alice@example.com\"/>",
		0);
	const struct urilist_target *t;
	size_t n;

	(void)state;
	assert_int_equal(urilist_judge(l, URILIST_INVITE, &rules), 0);
	t = urilist_targets(l, &n);
	assert_int_equal(n, 3); /* not its sender */
	assert_string_equal(t[0].uri, "sip:bob@h;transport=tcp");
	assert_string_equal(t[0].display, "Bob");
	assert_string_equal(t[1].uri, "sip:carol@h;x=y");
	assert_string_equal(t[2].uri, "tel:+1555");
	for (size_t i = 0; i < n; i++)
		assert_false(t[i].bye);
	urilist_free(&l);
	assert_null(l);
}

/* covers: REF-018 */
static void a_refer_names_the_method_of_each(void **state)
{
	struct urilist *l = read_list("<entry uri=\"sip:bob@h?method=BYE\"/>"
				      "<entry uri=\"sip:carol@h;method=bye\"/>"
				      "<entry uri=\"sip:dave@h?method=INVITE\"/>"
				      "<entry uri=\"sip:alice@example.com?method=BYE\"/>",
				      0);
	const struct urilist_target *t;
	size_t n;

	(void)state;
	assert_int_equal(urilist_judge(l, URILIST_REFER, &rules), 0);
	t = urilist_targets(l, &n);
	assert_int_equal(n, 4);
	assert_string_equal(t[0].uri, "sip:bob@h");
	assert_true(t[0].bye && t[1].bye && !t[2].bye && t[3].bye);
	urilist_free(&l);
	assert_int_equal(judge("<entry uri=\"sip:bob@h?method=MESSAGE\"/>", URILIST_REFER), 501);
	assert_int_equal(judge("<entry uri=\"sip:bob@h?method=MESSAGE\"/>", URILIST_INVITE), 0);
}

/* covers: REF-018, LIST-010 */
static void what_cannot_be_called_is_told_apart(void **state)
{
	struct urilist *l;
	const char *const *ours;
	size_t n;

	(void)state;
	assert_int_equal(judge("", URILIST_INVITE), 400);
	assert_int_equal(judge("<entry uri=\"mailto:a@h\"/><entry uri=\"sip:host\"/>"
			       "<entry uri=\"sip:a&#13;&#10;X: y@h\"/>"
			       "<entry uri=\"sip:a@anonymous.invalid\"/>",
			       URILIST_INVITE),
			 400);
	assert_int_equal(
		judge("<entry uri=\"mailto:a@h\"/><entry uri=\"sip:b@h\"/>", URILIST_INVITE), 0);
	assert_int_equal(judge("<entry uri=\"sip:b@h\"/><entry uri=\"cid:a@h\"/>", URILIST_INVITE),
			 400);
	l = read_list("<entry uri=\"sip:b@h\"/><entry uri=\"sip:list@conf.example.com?x=y\"/>", 0);
	assert_int_equal(urilist_judge(l, URILIST_INVITE, &rules), 403);
	ours = urilist_ours(l, &n);
	assert_int_equal(n, 1);
	assert_string_equal(ours[0], "sip:list@conf.example.com");
	urilist_free(&l);
}

/* covers: LIST-012, LIST-005 */
static void limits_are_for_all_documents_together(void **state)
{
	struct urilist *l = read_list("<entry uri=\"sip:a@h\"/><entry uri=\"sip:b@h\"/>"
				      "<entry uri=\"sip:c@h\"/>",
				      0);
	static const char pad[2000];
	const struct urilist_target *t;
	size_t n;

	(void)state;
	assert_int_equal(urilist_add(l,
				     SLICE_LIT(HEAD "<entry uri=\"sip:a@h\"/>"
						    "<entry uri=\"sip:d@h\"/>"
						    "<entry uri=\"sip:e@h\"/>" TAIL),
				     &rules),
			 0);
	assert_int_equal(urilist_judge(l, URILIST_INVITE, &rules), 0);
	t = urilist_targets(l, &n);
	assert_int_equal(n, 5);
	assert_string_equal(t[4].uri, "sip:e@h");
	assert_int_equal(urilist_add(l, SLICE_LIT(HEAD "<entry uri=\"sip:f@h\"/>" TAIL), &rules),
			 403);
	assert_int_equal(urilist_add(l, SLICE_LIT("rubbish"), &rules), 400);
	assert_int_equal(urilist_add(l, slice_make(pad, sizeof(pad)), &rules), 400);
	urilist_free(&l);
}

static char *history_of(const char *entries)
{
	struct urilist *l = read_list(entries, 0);
	struct chunk *history;
	char *text = NULL;

	assert_int_equal(urilist_judge(l, URILIST_INVITE, &rules), 0);
	history = urilist_history(l);
	if (history != NULL)
		text = slice_dup(chunk_slice(history));
	chunk_unref(&history);
	urilist_free(&l);
	return text;
}

/* covers: LIST-008 */
static void the_history_hides_who_asked_for_it(void **state)
{
	char *text = history_of(
		"<entry uri=\"sip:bob@h?body=x\" cp:copyControl=\"to\"/>"
		"<entry uri=\"sip:randy@h\" cp:copyControl=\"to\" cp:anonymize=\"true\"/>"
		"<entry uri=\"sip:eddy@h\" cp:copyControl=\"cc\" cp:anonymize=\"1\"/>"
		"<entry uri=\"sip:joe@h\" cp:copyControl=\"to\" cp:anonymize=\"true\"/>"
		"<entry uri=\"sip:ted@h\" cp:copyControl=\"bcc\" cp:anonymize=\"true\"/>");

	(void)state;
	assert_non_null(strstr(text, "<list><entry uri=\"sip:bob@h\" cp:copyControl=\"to\"/>"
				     "<entry uri=\"sip:anonymous@anonymous.invalid\" "
				     "cp:copyControl=\"to\" cp:count=\"2\"/>"
				     "<entry uri=\"sip:anonymous@anonymous.invalid\" "
				     "cp:copyControl=\"cc\" cp:count=\"1\"/></list>"));
	free(text);
	assert_null(history_of("<entry uri=\"sip:bob@h\"/>"
			       "<entry uri=\"sip:ted@h\" cp:copyControl=\"bcc\"/>"));
}

/* covers: LIST-007 */
static void only_who_agreed_is_called(void **state)
{
	struct urilist_rules strict = rules;
	struct urilist_consent *consent;
	const struct urilist_target *t;
	const char *const *missing;
	struct urilist *l;
	struct chunk *history;
	unsigned line;
	size_t n;

	(void)state;
	assert_int_equal(urilist_consent_parse(SLICE_LIT("# who agreed\n\nsip:bob@h # since May\n"
							 "@Example.ORG\ntel:+1-555\n"),
					       &consent, &line),
			 0);
	assert_true(urilist_consent_has(consent, "sip:bob@H;x=y"));
	assert_true(urilist_consent_has(consent, "sip:anyone@example.org"));
	assert_true(urilist_consent_has(consent, "tel:+1555"));
	assert_false(urilist_consent_has(consent, "sip:carol@h"));
	assert_false(urilist_consent_has(consent, "rubbish"));
	strict.consent = consent;
	l = read_list("<entry uri=\"sip:carol@h?x=y\" cp:copyControl=\"to\"/>"
		      "<entry uri=\"sip:bob@h\" cp:copyControl=\"to\"/>",
		      0);
	assert_int_equal(urilist_judge(l, URILIST_INVITE, &strict), 0);
	t = urilist_targets(l, &n);
	assert_int_equal(n, 1);
	assert_string_equal(t[0].uri, "sip:bob@h");
	history = urilist_history(l);
	assert_int_equal(slice_find(chunk_slice(history), SLICE_LIT("carol")), -1);
	chunk_unref(&history);
	urilist_free(&l);
	l = read_list("<entry uri=\"sip:carol@h?x=y\"/>", 0);
	assert_int_equal(urilist_judge(l, URILIST_INVITE, &strict), 470);
	missing = urilist_missing(l, &n);
	assert_int_equal(n, 1);
	assert_string_equal(missing[0], "sip:carol@h");
	urilist_free(&l);
	urilist_consent_free(&consent);
	assert_int_equal(urilist_consent_parse(SLICE_LIT("sip:a@h\nrubbish\n"), &consent, &line),
			 -ERR_SYNTAX);
	assert_int_equal(line, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_are_called_by_their_bare_uris_once),
		cmocka_unit_test(a_refer_names_the_method_of_each),
		cmocka_unit_test(what_cannot_be_called_is_told_apart),
		cmocka_unit_test(limits_are_for_all_documents_together),
		cmocka_unit_test(the_history_hides_who_asked_for_it),
		cmocka_unit_test(only_who_agreed_is_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
