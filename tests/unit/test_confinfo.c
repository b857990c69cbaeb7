/* SPDX-License-Identifier: Apache-2.0 */
/* conference-info documents: golden text, schema, escaping, and reading back what was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include <libxml/xmlschemas.h>

#include "proto/confinfo.h"

#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define NAMESPACES                                                                                 \
	"xmlns=\"urn:ietf:params:xml:ns:conference-info\" "                                        \
	"xmlns:xcon=\"urn:ietf:params:xml:ns:xcon-conference-info\""
#define INFO(attrs) XML "<conference-info " NAMESPACES " " attrs

static const struct confinfo_endpoint alice_endpoint = {
	.entity = "sip:alice@192.0.2.11:5060",
	.status = CONFINFO_CONNECTED,
	.joining = CONFINFO_DIALED_IN,
	.joined_when = "2026-02-01T10:00:00Z",
	.media_status = "sendrecv",
};
static const struct confinfo_endpoint bob_endpoints[] = {
	{
		.entity = "sip:bob@192.0.2.12:5060",
		.state = CONFINFO_FULL,
		.status = CONFINFO_DISCONNECTED,
		.joining = CONFINFO_DIALED_OUT,
		.joined_when = "2026-02-01T10:00:00Z",
		.joined_by = "sip:alice@example.com",
		.referred_by = "sip:alice@example.com",
		.leaving = CONFINFO_BOOTED,
		.left_reason = "SIP;cause=603",
		.left_by = "sip:alice@example.com",
		.media_status = "inactive",
	},
	{.entity = "sip:bob@192.0.2.99", .state = CONFINFO_DELETED},
};
static const struct confinfo_user users[] = {
	{
		.entity = "sip:alice@example.com",
		.display = "Alice",
		.nickname = "Queen of Hearts",
		.role = "owner",
		.endpoints = &alice_endpoint,
		.n_endpoints = 1,
	},
	{
		.entity = "sip:bob@example.com",
		.state = CONFINFO_PARTIAL,
		.endpoints = bob_endpoints,
		.n_endpoints = 2,
	},
	{.entity = "sip:carol@example.com", .state = CONFINFO_DELETED},
};

static struct confinfo_doc rich(void)
{
	return (struct confinfo_doc){
		.entity = "sip:room@conf.example.com",
		.state = CONFINFO_PARTIAL,
		.version = 7,
		.subject = "Lunch",
		.display = "The room",
		.max_users = 100,
		.epoch = "c0ffee010203040500000007",
		.with_description = true,
		.with_counts = true,
		.user_count = 1,
		.active = true,
		.users_state = CONFINFO_PARTIAL,
		.users = users,
		.n_users = 3,
	};
}

static void expect(const struct confinfo_doc *doc, const char *text)
{
	struct bytes out = BYTES_INIT;

	confinfo_build(&out, doc);
	assert_true(bytes_ok(&out));
	assert_string_equal(bytes_cstr(&out), text);
	bytes_fini(&out);
}

/* The document satisfies the schema of RFC 4575 section 6 (tests/data). */
static bool valid(const char *text)
{
	xmlSchemaParserCtxtPtr parser = xmlSchemaNewParserCtxt("tests/data/conference-info.xsd");
	xmlSchemaPtr schema = xmlSchemaParse(parser);
	xmlSchemaValidCtxtPtr ctx;
	xmlDocPtr doc = xmlReadMemory(text, (int)strlen(text), NULL, NULL, XML_PARSE_NONET);
	int rc;

	assert_non_null(schema);
	assert_non_null(doc);
	ctx = xmlSchemaNewValidCtxt(schema);
	rc = xmlSchemaValidateDoc(ctx, doc);
	xmlSchemaFreeValidCtxt(ctx);
	xmlFreeDoc(doc);
	xmlSchemaFree(schema);
	xmlSchemaFreeParserCtxt(parser);
	return rc == 0;
}

/* covers: CONF-009, CONF-012, CONF-015, CONF-019 */
static void a_full_document_is_written_octet_by_octet(void **state)
{
	struct confinfo_doc doc = rich();

	(void)state;
	doc.state = doc.users_state = CONFINFO_FULL;
	doc.n_users = 1;
	doc.display = NULL;
	expect(&doc,
	       INFO("entity=\"sip:room@conf.example.com\" state=\"full\" version=\"7\">") "<conference-description><subject>Lunch</subject>"
											  "<conf-uris><entry><uri>sip:room@conf.example.com</uri>"
											  "<purpose>participation</purpose></entry></conf-uris>"
											  "<maximum-user-count>100</maximum-user-count>"
											  "<available-media><entry label=\"1\"><type>message</type>"
											  "<status>sendrecv</status></entry></available-media>"
											  "<epoch xmlns=\"urn:x-mrf:conference-info:1\" id=\"c0ffee010203040500000007\"/></conference-description>"
											  "<conference-state><user-count>1</user-count><active>true</active>"
											  "<locked>false</locked></conference-state>"
											  "<users state=\"full\">"
											  "<user entity=\"sip:alice@example.com\" state=\"full\" "
											  "xcon:nickname=\"Queen of Hearts\">"
											  "<display-text>Alice</display-text><roles><entry>owner</entry></roles>"
											  "<endpoint entity=\"sip:alice@192.0.2.11:5060\" state=\"full\">"
											  "<status>connected</status><joining-method>dialed-in</joining-method>"
											  "<joining-info><when>2026-02-01T10:00:00Z</when></joining-info>"
											  "<media id=\"1\"><type>message</type><label>1</label>"
											  "<status>sendrecv</status></media>"
											  "</endpoint></user></users></conference-info>\n");
}

/* covers: CONF-010, CONF-013 */
static void a_partial_document_shows_who_left_and_deleted_ones_have_no_children(void **state)
{
	struct confinfo_doc doc = rich();

	(void)state;
	doc.with_description = doc.with_counts = false;
	doc.users++;
	doc.n_users = 2;
	expect(&doc,
	       INFO("entity=\"sip:room@conf.example.com\" state=\"partial\" version=\"7\">") "<users state=\"partial\">"
											     "<user entity=\"sip:bob@example.com\" state=\"partial\">"
											     "<endpoint entity=\"sip:bob@192.0.2.12:5060\" state=\"full\">"
											     "<referred><by>sip:alice@example.com</by></referred>"
											     "<status>disconnected</status><joining-method>dialed-out</joining-method>"
											     "<joining-info><when>2026-02-01T10:00:00Z</when>"
											     "<by>sip:alice@example.com</by></joining-info>"
											     "<disconnection-method>booted</disconnection-method>"
											     "<disconnection-info><reason>SIP;cause=603</reason>"
											     "<by>sip:alice@example.com</by></disconnection-info>"
											     "<media id=\"1\"><type>message</type><label>1</label>"
											     "<status>inactive</status></media></endpoint>"
											     "<endpoint entity=\"sip:bob@192.0.2.99\" state=\"deleted\"/></user>"
											     "<user entity=\"sip:carol@example.com\" state=\"deleted\"/>"
											     "</users></conference-info>\n");
}

/* covers: CONF-006, CONF-010 */
static void a_deleted_conference_is_one_empty_element(void **state)
{
	struct confinfo_doc doc = rich();

	(void)state;
	doc.state = CONFINFO_DELETED;
	doc.version = 4294967295u;
	expect(&doc, INFO("entity=\"sip:room@conf.example.com\" state=\"deleted\" "
			  "version=\"4294967295\"/>\n"));
}

/* covers: CONF-009, CONF-010, CONF-015 */
static void every_shape_of_document_satisfies_the_schema(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 32; i++) {
		struct confinfo_doc doc = rich();
		struct bytes out = BYTES_INIT;

		doc.with_description = i & 1;
		doc.with_counts = i & 2;
		doc.n_users = i & 4 ? 3 : 0;
		doc.state = i & 8 ? CONFINFO_PARTIAL : CONFINFO_FULL;
		if (i & 16) {
			doc.max_users = 0;
			doc.subject = doc.display = doc.epoch = NULL;
		}
		confinfo_build(&out, &doc);
		assert_true(valid(bytes_cstr(&out)));
		bytes_fini(&out);
	}
	/* The schema can tell: order and words matter. */
	assert_false(
		valid(INFO("entity=\"sip:r@h\"><users/><conference-state/></conference-info>")));
	assert_false(valid(INFO("entity=\"sip:r@h\" state=\"most\"/>")));
}

/* covers: CONF-020 */
static void markup_and_forbidden_characters_in_names_stay_text(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"<&\">", "&lt;&amp;&quot;&gt;"},
		{"a\nb\tc\rd", "a&#10;b&#9;c&#13;d"},
		{"\x01x\x1f", "\xef\xbf\xbdx\xef\xbf\xbd"},
		{"Zo\xc3\xab \xf0\x9f\x8e\x89", "Zo\xc3\xab \xf0\x9f\x8e\x89"},
		{"\xc3", "\xef\xbf\xbd"},
		{"a\xff\xc3(", "a\xef\xbf\xbd\xef\xbf\xbd("},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xef\xbf\xbe", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct confinfo_user u = {
			.entity = "sip:a@b", .nickname = cases[i].in, .display = cases[i].in};
		struct confinfo_doc doc = {.entity = "sip:r@h", .users = &u, .n_users = 1};
		struct confinfo_parsed *p;
		struct bytes out = BYTES_INIT, want = BYTES_INIT;

		bytes_addf(
			&want,
			INFO("entity=\"sip:r@h\" state=\"full\" version=\"0\">") "<users state=\"full\"><user entity=\"sip:a@b\" state=\"full\" "
										 "xcon:nickname=\"%s\"><display-text>%s</display-text></user></users>"
										 "</conference-info>\n",
			cases[i].out, cases[i].out);
		confinfo_build(&out, &doc);
		assert_string_equal(bytes_cstr(&out), bytes_cstr(&want));
		assert_true(valid(bytes_cstr(&out)));
		assert_int_equal(confinfo_parse(bytes_slice(&out), &p), 0);
		confinfo_free(&p);
		bytes_fini(&out);
		bytes_fini(&want);
	}
}

static void same_text(const char *a, const char *b)
{
	assert_true((a == NULL) == (b == NULL));
	if (a)
		assert_string_equal(a, b);
}

static void same_endpoint(const struct confinfo_endpoint *a, const struct confinfo_endpoint *b)
{
	assert_string_equal(a->entity, b->entity);
	assert_int_equal(a->state, b->state);
	if (a->state == CONFINFO_DELETED)
		return;
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->joining, b->joining);
	assert_int_equal(a->leaving, b->leaving);
	same_text(a->joined_when, b->joined_when);
	same_text(a->joined_by, b->joined_by);
	same_text(a->referred_by, b->referred_by);
	same_text(a->left_reason, b->left_reason);
	same_text(a->left_by, b->left_by);
	same_text(a->media_status, b->media_status);
}

static void what_was_written_is_read_back_the_same(void **state)
{
	struct confinfo_doc doc = rich();
	struct bytes out = BYTES_INIT, again = BYTES_INIT;
	struct confinfo_parsed *p;
	const struct confinfo_doc *r;

	(void)state;
	doc.locked = true;
	confinfo_build(&out, &doc);
	assert_int_equal(confinfo_parse(bytes_slice(&out), &p), 0);
	r = confinfo_doc(p);
	same_text(r->entity, doc.entity);
	same_text(r->subject, doc.subject);
	same_text(r->display, doc.display);
	same_text(r->epoch, doc.epoch);
	assert_int_equal(r->state, doc.state);
	assert_int_equal(r->version, doc.version);
	assert_int_equal(r->max_users, doc.max_users);
	assert_int_equal(r->user_count, doc.user_count);
	assert_true(r->with_description && r->with_counts && r->active && r->locked);
	assert_int_equal(r->users_state, CONFINFO_PARTIAL);
	assert_int_equal(r->n_users, doc.n_users);
	for (size_t i = 0; i < doc.n_users; i++) {
		assert_int_equal(r->users[i].state, users[i].state);
		same_text(r->users[i].entity, users[i].entity);
		same_text(r->users[i].display, users[i].display);
		same_text(r->users[i].nickname, users[i].nickname);
		same_text(r->users[i].role, users[i].role);
		assert_int_equal(r->users[i].n_endpoints, users[i].n_endpoints);
		for (size_t k = 0; k < users[i].n_endpoints; k++)
			same_endpoint(&r->users[i].endpoints[k], &users[i].endpoints[k]);
	}
	confinfo_build(&again, r);
	assert_string_equal(bytes_cstr(&again), bytes_cstr(&out));
	confinfo_free(&p);
	assert_null(p);
	confinfo_free(&p);
	bytes_fini(&out);
	bytes_fini(&again);
}

static int parse(const char *text)
{
	struct confinfo_parsed *p = NULL;
	int err = confinfo_parse(slice_str(text), &p);

	confinfo_free(&p);
	return err;
}

static void foreign_elements_and_absent_attributes_are_tolerated(void **state)
{
	static const char text[] =
		XML "<c:conference-info xmlns:c=\"urn:ietf:params:xml:ns:conference-info\" "
		    "xmlns:x=\"urn:x\" entity=\"sip:r@h\"><!-- note -->"
		    "<x:users><x:user entity=\"sip:nobody@h\"/></x:users>"
		    "<c:host-info><c:users><c:user entity=\"sip:host@h\"/></c:users></c:host-info>"
		    "<c:users><c:user entity=\"sip:a@h\">"
		    "<c:display-text> A<![CDATA[<b>]]>&amp;<!-- x -->c </c:display-text>"
		    "<c:endpoint entity=\"sip:e@h\"><c:status>teleporting</c:status></c:endpoint>"
		    "</c:user></c:users></c:conference-info>";
	struct confinfo_parsed *p;
	const struct confinfo_doc *d;

	(void)state;
	assert_int_equal(confinfo_parse(slice_str(text), &p), 0);
	d = confinfo_doc(p);
	assert_int_equal(d->state, CONFINFO_FULL);
	assert_int_equal(d->users_state, CONFINFO_FULL);
	assert_int_equal(d->version, 0);
	assert_int_equal(d->n_users, 1);
	assert_string_equal(d->users[0].entity, "sip:a@h");
	assert_string_equal(d->users[0].display, "A<b>&c");
	assert_int_equal(d->users[0].endpoints[0].status, CONFINFO_PENDING);
	confinfo_free(&p);
}

static void documents_that_break_the_rules_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"no xml",
		XML,
		XML "<other/>",
		XML "<conference-info entity=\"sip:r@h\"/>",
		INFO("/>"),
		INFO("entity=\"sip:r@h\" version=\"4294967296\"/>"),
		INFO("entity=\"sip:r@h\" version=\"-1\"/>"),
		INFO("entity=\"sip:r@h\" state=\"most\"/>"),
		INFO("entity=\"sip:r@h\"><users><user/></users></conference-info>"),
		INFO("entity=\"sip:r@h\"><users><user entity=\"a\"><endpoint/></user></users>"
		     "</conference-info>"),
		INFO("entity=\"sip:r@h\"><conference-state><user-count>x</user-count>"
		     "</conference-state></conference-info>"),
		INFO("entity=\"sip:r@h\"><conference-state><active>maybe</active>"
		     "</conference-state></conference-info>"),
		INFO("entity=\"sip:r@h\"><users></conference-info>"),
		INFO("entity=\"sip:r@h\"/>") "<again/>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i]), -ERR_SYNTAX);
}

static void entities_and_document_types_are_refused(void **state)
{
	(void)state;
	assert_int_equal(parse("<?xml version=\"1.0\"?><!DOCTYPE c [<!ENTITY a \"b\">]>"
			       "<conference-info " NAMESPACES " entity=\"&a;\"/>"),
			 -ERR_SYNTAX);
	assert_int_equal(parse(INFO("entity=\"sip:r@h\">&undeclared;</conference-info>")),
			 -ERR_SYNTAX);
	/* Another encoding cannot smuggle one in. */
	assert_int_equal(parse("<?xml version=\"1.0\" encoding=\"UTF-7\"?>+ADwAIQ-DOCTYPE c>"
			       "<conference-info " NAMESPACES " entity=\"x\"/>"),
			 -ERR_SYNTAX);
}

static void depth_is_bounded(void **state)
{
	struct bytes b = BYTES_INIT;

	(void)state;
	for (int depth = 31; depth <= 32; depth++) {
		bytes_reset(&b);
		bytes_add_str(&b, INFO("entity=\"sip:r@h\">"));
		for (int i = 0; i < depth; i++)
			bytes_add_str(&b, "<x>");
		for (int i = 0; i < depth; i++)
			bytes_add_str(&b, "</x>");
		bytes_add_str(&b, "</conference-info>");
		assert_int_equal(parse(bytes_cstr(&b)), depth == 31 ? 0 : -ERR_LIMIT);
	}
	bytes_fini(&b);
}

static void size_is_bounded(void **state)
{
	struct bytes b = BYTES_INIT;
	const char end[] = "--></conference-info>";

	(void)state;
	bytes_add_str(&b, INFO("entity=\"sip:r@h\"><!--"));
	while (b.len < (4u << 20) - (sizeof(end) - 1))
		bytes_add_char(&b, 'x');
	bytes_add_str(&b, end);
	assert_int_equal(parse(bytes_cstr(&b)), 0);
	bytes_add_char(&b, '\n');
	assert_int_equal(parse(bytes_cstr(&b)), -ERR_LIMIT);
	bytes_fini(&b);
}

static void no_prefix_of_a_document_is_a_document(void **state)
{
	struct confinfo_doc doc = rich();
	struct bytes out = BYTES_INIT;
	struct confinfo_parsed *p = NULL;

	(void)state;
	confinfo_build(&out, &doc);
	for (size_t len = 0; len + 1 < out.len; len++) {
		assert_int_equal(confinfo_parse(slice_make(out.data, len), &p), -ERR_SYNTAX);
		assert_null(p);
	}
	bytes_fini(&out);
}

#define HEAD                                                                                       \
	"<conference-info xmlns='urn:ietf:params:xml:ns:conference-info' entity='sip:r@x' "        \
	"version='2' state='%s'>%s</conference-info>"

static void a_partial_document_without_users_says_nothing_of_them(void **state)
{
	/* covers: CONF-021 */
	static const struct {
		const char *state, *users;
		enum confinfo_state is;
	} cases[] = {
		{"partial", "<conference-description><subject>s</subject></conference-description>",
		 CONFINFO_PARTIAL},
		{"partial", "<users/>", CONFINFO_FULL},
		{"partial", "<users state='partial'/>", CONFINFO_PARTIAL},
		{"full", "", CONFINFO_FULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct confinfo_parsed *p = NULL;
		char text[400];

		snprintf(text, sizeof(text), HEAD, cases[i].state, cases[i].users);
		assert_int_equal(confinfo_parse(slice_str(text), &p), 0);
		assert_int_equal(confinfo_doc(p)->users_state, cases[i].is);
		confinfo_free(&p);
	}
}

static void an_epoch_is_24_hex_digits_in_its_own_namespace_or_none(void **state)
{
	static const char *const not_one[] = {
		"<epoch id='c0ffee010203040500000007'/>",
		"<epoch xmlns='urn:x-mrf:conference-info:1'/>",
		"<epoch xmlns='urn:x-mrf:conference-info:1' id='c0ffee01020304050000000'/>",
		"<epoch xmlns='urn:x-mrf:conference-info:1' id='c0ffee01020304050000000g'/>",
		"<epoch xmlns='urn:x-mrf:conference-info:1' id='c0ffee0102030405000000071'/>",
		"<x:y xmlns:x='urn:x'><epoch xmlns='urn:x-mrf:conference-info:1' "
		"id='c0ffee010203040500000007'/></x:y>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(not_one) / sizeof(not_one[0]); i++) {
		struct confinfo_parsed *p = NULL;
		char text[600], inner[400];

		snprintf(inner, sizeof(inner),
			 "<conference-description>%s</conference-description>", not_one[i]);
		snprintf(text, sizeof(text), HEAD, "partial", inner);
		assert_int_equal(confinfo_parse(slice_str(text), &p), 0);
		assert_null(confinfo_doc(p)->epoch);
		confinfo_free(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_partial_document_without_users_says_nothing_of_them),
		cmocka_unit_test(an_epoch_is_24_hex_digits_in_its_own_namespace_or_none),
		cmocka_unit_test(a_full_document_is_written_octet_by_octet),
		cmocka_unit_test(
			a_partial_document_shows_who_left_and_deleted_ones_have_no_children),
		cmocka_unit_test(a_deleted_conference_is_one_empty_element),
		cmocka_unit_test(every_shape_of_document_satisfies_the_schema),
		cmocka_unit_test(markup_and_forbidden_characters_in_names_stay_text),
		cmocka_unit_test(what_was_written_is_read_back_the_same),
		cmocka_unit_test(foreign_elements_and_absent_attributes_are_tolerated),
		cmocka_unit_test(documents_that_break_the_rules_are_refused),
		cmocka_unit_test(entities_and_document_types_are_refused),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(size_is_bounded),
		cmocka_unit_test(no_prefix_of_a_document_is_a_document),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	xmlCleanupParser();
	return rc;
}
