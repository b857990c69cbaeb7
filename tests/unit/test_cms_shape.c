/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed bodies of other shapes, put together by hand: each is refused, and before anything is allocated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gke_vectors.h"
#include "proto/cms.h"
#include "proto/der.h"

struct shape {
	struct bytes version, recipients, data_oid, wrap, gcm, nonce, icv, ciphertext, auth_attrs,
		tag, unauth_attrs, wrapped;
	uint8_t set_tag;
};

static void set(struct bytes *b, const char *hex)
{
	bytes_fini(b);
	*b = octets_of(hex);
}

static void add_all(struct bytes *out, uint8_t tag, struct bytes *content)
{
	der_add(out, tag, bytes_slice(content));
	bytes_fini(content);
}

static struct bytes kek_recipient(const struct shape *s, const char *more_id)
{
	struct bytes id = octets_of("040cc0ffee010203040500000007"), more = octets_of(more_id);
	struct bytes content = octets_of("020104"), out = BYTES_INIT;

	bytes_add_slice(&id, bytes_slice(&more));
	bytes_fini(&more);
	add_all(&content, DER_SEQUENCE, &id);
	bytes_add_slice(&content, bytes_slice(&s->wrap));
	bytes_add_slice(&content, bytes_slice(&s->wrapped));
	add_all(&out, 0xa2, &content);
	return out;
}

/* The shape as it is accepted, in parts; each test changes one. */
static void good(struct shape *s)
{
	*s = (struct shape){.set_tag = DER_SET};
	set(&s->version, "020100");
	set(&s->data_oid, "06092a864886f70d010701");
	set(&s->wrap, "300b0609608648016503040105");
	set(&s->wrapped, "0418000000000000000000000000000000000000000000000000");
	set(&s->gcm, "0609608648016503040106");
	set(&s->nonce, "040cb0b1b2b3b4b5b6b7b8b9babb");
	set(&s->icv, "020110");
	set(&s->ciphertext, "800401020304");
	set(&s->tag, "041000000000000000000000000000000000");
	s->recipients = kek_recipient(s, "");
}

static struct bytes assemble(struct shape *s)
{
	struct bytes parameters = BYTES_INIT, encrypted = BYTES_INIT, enveloped = BYTES_INIT;
	struct bytes wrapper = BYTES_INIT, info = octets_of("060b2a864886f70d0109100117");
	struct bytes out = BYTES_INIT, sequence = BYTES_INIT;
	struct bytes *all[] = {&s->version, &s->recipients, &s->data_oid,     &s->wrap,
			       &s->gcm,     &s->nonce,      &s->icv,          &s->ciphertext,
			       &s->tag,     &s->auth_attrs, &s->unauth_attrs, &s->wrapped};

	bytes_add_slice(&parameters, bytes_slice(&s->nonce));
	bytes_add_slice(&parameters, bytes_slice(&s->icv));
	add_all(&s->gcm, DER_SEQUENCE, &parameters);
	bytes_add_slice(&encrypted, bytes_slice(&s->data_oid));
	der_add(&encrypted, DER_SEQUENCE, bytes_slice(&s->gcm));
	bytes_add_slice(&encrypted, bytes_slice(&s->ciphertext));
	bytes_add_slice(&enveloped, bytes_slice(&s->version));
	der_add(&enveloped, s->set_tag, bytes_slice(&s->recipients));
	add_all(&enveloped, DER_SEQUENCE, &encrypted);
	bytes_add_slice(&enveloped, bytes_slice(&s->auth_attrs));
	bytes_add_slice(&enveloped, bytes_slice(&s->tag));
	bytes_add_slice(&enveloped, bytes_slice(&s->unauth_attrs));
	add_all(&sequence, DER_SEQUENCE, &enveloped);
	add_all(&wrapper, 0xa0, &sequence);
	bytes_add_slice(&info, bytes_slice(&wrapper));
	bytes_fini(&wrapper);
	add_all(&out, DER_SEQUENCE, &info);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		bytes_fini(all[i]);
	return out;
}

static void expect(struct shape *s, int expected)
{
	struct bytes der = assemble(s);
	struct cms_head head;

	assert_int_equal(cms_parse(bytes_slice(&der), &head), expected);
	bytes_fini(&der);
}

#define EXPECT(expected, part, hex)                                                                \
	do {                                                                                       \
		struct shape s_;                                                                   \
		good(&s_);                                                                         \
		set(&s_.part, hex);                                                                \
		expect(&s_, expected);                                                             \
	} while (0)

static void parts_of_other_values_are_refused(void **state)
{
	struct shape s;

	(void)state;
	good(&s);
	expect(&s, 0);
	EXPECT(-ERR_SYNTAX, version, "020101");
	EXPECT(-ERR_SYNTAX, version, "020100a000"); /* originatorInfo */
	EXPECT(-ERR_SYNTAX, data_oid, "06092a864886f70d010702");
	EXPECT(-ERR_UNSUPPORTED, gcm, "0609608648016503040107"); /* CCM */
	EXPECT(-ERR_UNSUPPORTED, gcm, "060960864801650304012e"); /* 256 under a key of 128 */
	EXPECT(-ERR_UNSUPPORTED, gcm, "06082a864886f70d0307");
	EXPECT(-ERR_UNSUPPORTED, nonce, "040bb0b1b2b3b4b5b6b7b8b9ba");
	EXPECT(-ERR_UNSUPPORTED, nonce, "040db0b1b2b3b4b5b6b7b8b9babbbc");
	EXPECT(-ERR_UNSUPPORTED, nonce, "0400");
	EXPECT(-ERR_UNSUPPORTED, icv, "02010c");
	EXPECT(-ERR_UNSUPPORTED, icv, "");
	EXPECT(-ERR_UNSUPPORTED, icv, "02020010");
	EXPECT(-ERR_SYNTAX, icv, "0201100500");
	EXPECT(-ERR_SYNTAX, ciphertext, "");
	EXPECT(-ERR_SYNTAX, ciphertext, "a006040401020304"); /* constructed */
	EXPECT(-ERR_SYNTAX, ciphertext, "8004010203048000");
	EXPECT(-ERR_SYNTAX, tag, "040c000000000000000000000000");
	EXPECT(-ERR_SYNTAX, tag, "04110000000000000000000000000000000000");
}

/* covers: CMS-004 */
static void attributes_are_refused(void **state)
{
	static const char attribute[] = "301806092a864886f70d010903310b06092a864886f70d010701";
	char text[80];

	(void)state;
	snprintf(text, sizeof(text), "a11a%s", attribute);
	EXPECT(-ERR_SYNTAX, auth_attrs, text);
	snprintf(text, sizeof(text), "a21a%s", attribute);
	EXPECT(-ERR_SYNTAX, unauth_attrs, text);
	EXPECT(-ERR_SYNTAX, auth_attrs, "a100");
	EXPECT(-ERR_SYNTAX, unauth_attrs, "a200");
}

static void expect_recipient(const char *wrap, const char *wrapped, const char *more_id,
			     int expected)
{
	struct shape s;

	good(&s);
	if (wrap)
		set(&s.wrap, wrap);
	if (wrapped)
		set(&s.wrapped, wrapped);
	bytes_fini(&s.recipients);
	s.recipients = kek_recipient(&s, more_id);
	expect(&s, expected);
}

static void one_recipient_with_one_key_is_wanted(void **state)
{
	static const char other_attribute[] = "300b06092a864886f70d010701";
	struct bytes more;
	struct shape s;

	(void)state;
	/* wrap of another length, of another kind, with parameters; both in 256 bits but the content */
	expect_recipient("300b060960864801650304012d", NULL, "", -ERR_UNSUPPORTED);
	expect_recipient("300b0609608648016503040119", NULL, "", -ERR_UNSUPPORTED);
	expect_recipient("300d06096086480165030401050500", NULL, "", -ERR_UNSUPPORTED);
	expect_recipient(NULL, "041700000000000000000000000000000000000000000000ff", "",
			 -ERR_UNSUPPORTED);
	expect_recipient(NULL, "0400", "", -ERR_UNSUPPORTED);
	expect_recipient(NULL, NULL, other_attribute, -ERR_SYNTAX);
	expect_recipient(NULL, NULL, "180f32303236313132323036353530305a", 0);
	expect_recipient(NULL, NULL, "180e323032363131323230363535305a", -ERR_SYNTAX);
	expect_recipient(NULL, NULL, "180f323032363131323230363535303041", -ERR_SYNTAX);
	expect_recipient(NULL, NULL, "180f32302d36313132323036353530305a", -ERR_SYNTAX);
	expect_recipient(NULL, NULL,
			 "180f32303236313132323036353530305a180f32303236313132323036353530305a",
			 -ERR_SYNTAX);

	good(&s);
	more = kek_recipient(&s, "");
	bytes_add_slice(&s.recipients, bytes_slice(&more));
	bytes_fini(&more);
	expect(&s, -ERR_SYNTAX); /* two */
	EXPECT(-ERR_SYNTAX, recipients, "");
	EXPECT(-ERR_SYNTAX, recipients, "a303020103"); /* by password */
	EXPECT(-ERR_SYNTAX, recipients, "3003020100"); /* by transport of the key */
	EXPECT(-ERR_SYNTAX, recipients, "a203020103");
	good(&s);
	s.set_tag = DER_SEQUENCE;
	expect(&s, -ERR_SYNTAX);
}

static void names_of_keys_have_twelve_octets(void **state)
{
	static const struct {
		const char *id;
		int expected;
	} ids[] = {
		{"040cc0ffee010203040500000007", 0},
		{"040bc0ffee0102030405000007", -ERR_SYNTAX},
		{"040dc0ffee01020304050000000700", -ERR_SYNTAX},
		{"040cc0ffee010203040500000000", -ERR_SYNTAX}, /* epoch 0 */
		{"240e040cc0ffee010203040500000007", -ERR_SYNTAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct bytes id = octets_of(ids[i].id), content = octets_of("020104");
		struct shape s;

		good(&s);
		add_all(&content, DER_SEQUENCE, &id);
		bytes_add_slice(&content, bytes_slice(&s.wrap));
		bytes_add_slice(&content, bytes_slice(&s.wrapped));
		bytes_fini(&s.recipients);
		add_all(&s.recipients, 0xa2, &content);
		expect(&s, ids[i].expected);
	}
}

static void made_up_lengths_and_depths_are_refused(void **state)
{
	struct bytes deep = BYTES_INIT;
	struct cms_head head;
	struct gkid id;

	(void)state;
	set(&deep, "3084ffffffff060b2a864886f70d0109100117");
	assert_int_equal(cms_parse(bytes_slice(&deep), &head), -ERR_SYNTAX);
	assert_int_equal(cms_peek(bytes_slice(&deep), &id), -ERR_SYNTAX);
	bytes_fini(&deep);
	/* 100 levels, each of which is well-formed */
	for (int i = 0; i < 100; i++) {
		struct bytes outer = BYTES_INIT;

		add_all(&outer, DER_SEQUENCE, &deep);
		deep = outer;
	}
	assert_int_equal(cms_parse(bytes_slice(&deep), &head), -ERR_SYNTAX);
	bytes_fini(&deep);
}

/* Each length octet in a longer form than it needs. */
static void longer_forms_of_lengths_are_refused(void **state)
{
	struct cms_head head;
	struct shape s;

	(void)state;
	EXPECT(-ERR_SYNTAX, version, "02810100");
	EXPECT(-ERR_SYNTAX, ciphertext, "80810401020304");
	EXPECT(-ERR_SYNTAX, ciphertext, "808200040102030400");
	EXPECT(-ERR_SYNTAX, tag, "04811000000000000000000000000000000000");
	EXPECT(-ERR_SYNTAX, ciphertext, "8080010203040000");
	good(&s);
	{
		struct bytes der = assemble(&s), longer = BYTES_INIT;

		/* the whole, in a length of four octets */
		bytes_add(&longer, "\x30\x83\x00\x00", 4);
		bytes_add(&longer, der.data + 2, der.len - 2);
		assert_int_equal((uint8_t)der.data[1], 0x81);
		assert_int_equal(cms_parse(bytes_slice(&longer), &head), -ERR_SYNTAX);
		bytes_fini(&der);
		bytes_fini(&longer);
	}
}

static void what_is_no_sealed_body_is_seen_at_once(void **state)
{
	struct bytes der;
	struct shape s;
	struct gkid id;

	(void)state;
	assert_int_equal(
		cms_peek(SLICE_LIT("hello, this is a text of more than fifty octets, you know"),
			 &id),
		-ERR_SYNTAX);
	assert_int_equal(cms_peek(SLICE_NULL, &id), -ERR_SYNTAX);
	/* What is in sight behind the name counts, too. */
	good(&s);
	set(&s.icv, "02010c");
	der = assemble(&s);
	assert_int_equal(cms_peek(bytes_slice(&der), &id), -ERR_SYNTAX);
	bytes_fini(&der);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_of_other_values_are_refused),
		cmocka_unit_test(attributes_are_refused),
		cmocka_unit_test(one_recipient_with_one_key_is_wanted),
		cmocka_unit_test(names_of_keys_have_twelve_octets),
		cmocka_unit_test(made_up_lengths_and_depths_are_refused),
		cmocka_unit_test(longer_forms_of_lengths_are_refused),
		cmocka_unit_test(what_is_no_sealed_body_is_seen_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
