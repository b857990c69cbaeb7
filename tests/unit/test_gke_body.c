/* SPDX-License-Identifier: Apache-2.0 */
/* The entity inside a sealed body: the vector, what must be there once, and the window against replays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "gke_vectors.h"
#include "proto/gke_body.h"

static const struct gke_inner vector_inner = {
	.from = {"sip:alice@example.com", 21},
	.to = {"sip:room1@conf.example.com", 26},
	.date_time = {"2026-11-22T07:00:00.123Z", 24},
	.message_id = {"Zk3x9a", 6},
	.token = 0x5f3a9c01,
	.seq = 1795330800123000,
	.content_type = {"text/plain; charset=utf-8", 25},
	.payload = {"hello group", 11},
};

static void assert_inner(const struct gke_inner *a, const struct gke_inner *b)
{
	assert_true(slice_eq(a->from, b->from));
	assert_true(slice_eq(a->to, b->to));
	assert_true(slice_eq(a->date_time, b->date_time));
	assert_true(slice_eq(a->message_id, b->message_id));
	assert_int_equal(a->token, b->token);
	assert_true(a->seq == b->seq);
	assert_true(slice_eq(a->content_type, b->content_type));
	assert_true(slice_eq(a->disposition, b->disposition));
	assert_true(slice_eq(a->payload, b->payload));
}

static int parse(const char *text, struct gke_inner *inner)
{
	struct slice der;

	return gke_inner_parse(slice_str(text), inner, &der);
}

/* covers: CMS-010 */
static void the_entity_of_the_vectors_holds_both_ways(void **state)
{
	struct bytes entity = vector_octets("V6_cms_aes128_gcm", "plaintext"), out = BYTES_INIT;
	struct gke_inner inner;
	struct slice der;

	(void)state;
	gke_inner_build(&vector_inner, &out);
	assert_string_equal(bytes_cstr(&out), bytes_cstr(&entity));
	assert_int_equal(gke_inner_parse(bytes_slice(&entity), &inner, &der), 0);
	assert_inner(&inner, &vector_inner);
	bytes_fini(&entity);
	bytes_fini(&out);
}

static void what_is_built_is_read(void **state)
{
	static const uint64_t numbers[] = {0, 1, UINT64_MAX - 1, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct gke_inner in = vector_inner, inner;
		struct bytes out = BYTES_INIT, again = BYTES_INIT;
		struct slice der;

		in.seq = numbers[i];
		in.token = (uint32_t)i;
		in.disposition =
			SLICE_LIT("attachment; filename=\"r\xc3\xa9sum\xc3\xa9.pdf\"; size=9");
		in.payload = slice_make("\0\r\n\r\n\xff", 6);
		gke_inner_build(&in, &out);
		assert_int_equal(gke_inner_parse(bytes_slice(&out), &inner, &der), 0);
		assert_inner(&inner, &in);
		gke_inner_build(&inner, &again);
		assert_true(slice_eq(bytes_slice(&out), bytes_slice(&again)));
		bytes_fini(&out);
		bytes_fini(&again);
	}
}

/* A name of a file that holds lines adds none. */
static void no_field_adds_a_header(void **state)
{
	struct gke_inner in = vector_inner, inner;
	struct bytes out = BYTES_INIT;
	struct slice der;

	(void)state;
	in.from = SLICE_LIT("sip:a@example.com>\r\nFrom: <sip:b@example.com");
	in.message_id = SLICE_LIT("1\r\nFrom: <sip:b@example.com>");
	in.disposition =
		SLICE_LIT("attachment; filename=\"../../x\r\n\r\nContent-Type: text/html\"");
	gke_inner_build(&in, &out);
	/* The id has an escape now, which no reader here would take for the same id. */
	assert_int_equal(gke_inner_parse(bytes_slice(&out), &inner, &der), -ERR_SYNTAX);
	bytes_reset(&out);
	in.message_id = SLICE_LIT("1");
	gke_inner_build(&in, &out);
	assert_int_equal(gke_inner_parse(bytes_slice(&out), &inner, &der), 0);
	assert_true(slice_eq_str(inner.content_type, "text/plain; charset=utf-8"));
	assert_true(slice_chr(inner.disposition, '\n') < 0);
	assert_true(slice_find(inner.from, SLICE_LIT("sip:b@")) > 0);
	bytes_fini(&out);
}

static void a_signed_entity_is_told(void **state)
{
	struct bytes entity = vector_octets("V9_signed_then_enveloped", "enveloped_plaintext");
	struct bytes expected = vector_octets("V9_signed_then_enveloped", "signed_data_der");
	struct bytes out = BYTES_INIT;
	struct gke_inner inner;
	struct slice der;

	(void)state;
	assert_int_equal(gke_inner_parse(bytes_slice(&entity), &inner, &der), -ERR_UNSUPPORTED);
	assert_true(slice_eq(der, bytes_slice(&expected)));
	gke_signed_build(der, &out);
	assert_true(slice_eq(bytes_slice(&out), bytes_slice(&entity)));
	bytes_fini(&entity);
	bytes_fini(&expected);
	bytes_fini(&out);
}

static void each_truncation_is_refused_or_shortens_the_payload(void **state)
{
	struct bytes entity = vector_octets("V6_cms_aes128_gcm", "plaintext");
	size_t head = entity.len - vector_inner.payload.len;
	struct gke_inner inner;
	struct slice der;

	(void)state;
	for (size_t n = 0; n < entity.len; n++) {
		char *part = malloc(n + 1);
		int rc;

		memcpy(part, entity.data, n);
		rc = gke_inner_parse(slice_make(part, n), &inner, &der);
		assert_int_equal(rc, n < head ? -ERR_SYNTAX : 0);
		if (rc == 0)
			assert_int_equal(inner.payload.len, n - head);
		free(part);
	}
	bytes_fini(&entity);
}

#define TYPE    "Content-Type: message/cpim\r\n\r\n"
#define FROM    "From: <sip:alice@example.com>\r\n"
#define TO      "To: <sip:room1@conf.example.com>\r\n"
#define DATE    "DateTime: 2026-11-22T07:00:00.123Z\r\n"
#define NS_IMDN "NS: imdn <urn:ietf:params:imdn>\r\n"
#define ID      "imdn.Message-ID: Zk3x9a\r\n"
#define NS_GKE  "NS: gke <urn:x-gke:cpim:1>\r\n"
#define SEQ     "gke.Seq: 5f3a9c01.1795330800123000\r\n"
#define REST    "\r\nContent-Type: text/plain\r\n\r\nhello"
#define HEADERS FROM TO DATE NS_IMDN ID NS_GKE SEQ

static void each_header_must_be_there_once(void **state)
{
	static const char *const bad[] = {
		TYPE TO DATE NS_IMDN ID NS_GKE SEQ REST,
		TYPE FROM DATE NS_IMDN ID NS_GKE SEQ REST,
		TYPE FROM TO NS_IMDN ID NS_GKE SEQ REST,
		TYPE FROM TO DATE NS_GKE SEQ REST,
		TYPE FROM TO DATE NS_IMDN ID REST,
		TYPE FROM TO DATE NS_IMDN ID SEQ REST,
		TYPE FROM TO DATE NS_IMDN ID SEQ NS_GKE REST,
		TYPE FROM TO DATE NS_IMDN ID "NS: gke <urn:x-gke:cpim:2>\r\n" SEQ REST,
		TYPE FROM TO DATE NS_IMDN ID NS_GKE "NS: gke <urn:other>\r\n" SEQ REST,
		TYPE FROM HEADERS REST,
		TYPE TO HEADERS REST,
		TYPE HEADERS DATE REST,
		TYPE HEADERS SEQ REST,
		TYPE HEADERS ID REST,
		TYPE HEADERS "imdn.Message-ID: other\r\n" REST,
		TYPE HEADERS "cc: <sip:x@example.com>\r\n" REST,
		TYPE HEADERS "Require: gke.Seq\r\n" REST,
		TYPE FROM TO DATE NS_IMDN "imdn.Message-ID: a\tb\r\n" NS_GKE SEQ REST,
		TYPE FROM TO DATE NS_IMDN "imdn.Message-ID: a\\b\r\n" NS_GKE SEQ REST,
		TYPE HEADERS "\r\nhello",
		TYPE HEADERS "\r\nContent-Type: nonsense\r\n\r\nhello",
		TYPE HEADERS,
		"",
		"hello",
		"\r\n" HEADERS REST,
		"Content-Type: text/html\r\n\r\n" HEADERS REST,
		"Content-Type: message/cpim\r\nContent-Type: text/plain\r\n\r\n" HEADERS REST,
		"Content-Type: message/cpim\r\nContent-Transfer-Encoding: base64\r\n\r\n" HEADERS
			REST,
		"Content-Type: message/cpim\n\n" HEADERS REST,
		"Content-Type:\r\n\r\n" HEADERS REST,
	};
	struct gke_inner inner;

	(void)state;
	assert_int_equal(parse(TYPE HEADERS REST, &inner), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i], &inner), -ERR_SYNTAX);
}

static void other_spellings_are_read(void **state)
{
	struct gke_inner inner;

	(void)state;
	assert_int_equal(
		parse("content-type: Message/CPIM; x=y\r\n"
		      "Content-Transfer-Encoding: binary\r\nMIME-Version: 1.0\r\n\r\n" HEADERS REST,
		      &inner),
		0);
	assert_int_equal(parse(TYPE FROM TO DATE NS_IMDN ID "NS: k <urn:x-gke:cpim:1>\r\n"
							    "k.Seq: 5F3A9C01.7\r\nk.Other: 1\r\n"
							    "x.Seq: 1\r\n" REST,
			       &inner),
			 0);
	assert_int_equal(inner.token, 0x5f3a9c01);
	assert_true(inner.seq == 7);
}

static void numbers_have_their_form(void **state)
{
	static const char *const bad[] = {
		"5f3a9c01",
		"5f3a9c01.",
		"5f3a9c0.1",
		"5f3a9c012.1",
		"5f3a9c0g.1",
		".1",
		"5f3a9c01.-1",
		"5f3a9c01.0x1",
		"5f3a9c01.1 2",
		"5f3a9c01,1",
		"5f3a9c01.18446744073709551616",
		"0x5f3a9c.1",
	};
	struct gke_inner inner;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct bytes text = BYTES_INIT;

		bytes_addf(&text, TYPE FROM TO DATE NS_IMDN ID NS_GKE "gke.Seq: %s\r\n" REST,
			   bad[i]);
		assert_int_equal(parse(bytes_cstr(&text), &inner), -ERR_SYNTAX);
		bytes_fini(&text);
	}
}

static void heads_are_limited(void **state)
{
	struct gke_inner inner;

	(void)state;
	for (int entity = 0; entity < 2; entity++) {
		for (int over = 0; over < 2; over++) {
			struct bytes text = BYTES_INIT;
			/* what stands before the name's text and behind it, of the limited part */
			size_t limit = entity ? 1024 : 8192;
			size_t fixed =
				entity ? strlen("X: \r\n" TYPE)
				       : strlen(HEADERS "Subject: \r\n"
							"\r\nContent-Type: text/plain\r\n\r\n");

			if (entity)
				bytes_add_str(&text, "X: ");
			else
				bytes_add_str(&text, TYPE HEADERS "Subject: ");
			for (size_t i = fixed; i < limit + (size_t)over; i++)
				bytes_add_char(&text, 'x');
			bytes_add_str(&text, entity ? "\r\n" TYPE HEADERS REST : "\r\n" REST);
			assert_int_equal(parse(bytes_cstr(&text), &inner), over ? -ERR_SYNTAX : 0);
			bytes_fini(&text);
		}
	}
}

/* --- replays --- */

/* covers: GK-009 */
static void a_number_is_taken_once(void **state)
{
	struct gke_window w = {0};

	(void)state;
	assert_true(gke_window_take(&w, 1000));
	assert_false(gke_window_take(&w, 1000));
	assert_true(gke_window_take(&w, 1001));
	assert_true(gke_window_take(&w, 1010));
	assert_true(gke_window_take(&w, 1005));
	assert_false(gke_window_take(&w, 1005));
	assert_false(gke_window_take(&w, 1001));
	assert_false(gke_window_take(&w, 1010));
}

/* covers: GK-009 */
static void the_window_is_sixty_four_wide(void **state)
{
	struct gke_window w = {0};

	(void)state;
	assert_true(gke_window_take(&w, 1000));
	assert_true(gke_window_take(&w, 1000 - 63));
	assert_false(gke_window_take(&w, 1000 - 63));
	assert_false(gke_window_take(&w, 1000 - 64));
	assert_true(gke_window_take(&w, 1001));
	assert_false(gke_window_take(&w, 1001 - 64));
	assert_true(gke_window_take(&w, 1001 + 63));
	assert_false(gke_window_take(&w, 1001)); /* at the edge, still known */
	assert_false(gke_window_take(&w, 1000)); /* beyond it */
	assert_true(gke_window_take(&w, 1064 + 64));
	assert_true(gke_window_take(&w, 1064 + 1));
	assert_false(gke_window_take(&w, 1064));
}

/* Every order of arrival within the window: each is taken once. */
static void any_order_within_the_window_is_taken(void **state)
{
	(void)state;
	for (uint64_t step = 1; step < 64; step += 2) {
		struct gke_window w = {0};

		for (uint64_t i = 0; i < 64; i++)
			assert_true(gke_window_take(&w, 500 + i * step % 64));
		for (uint64_t i = 0; i < 64; i++)
			assert_false(gke_window_take(&w, 500 + i));
	}
}

static void a_jump_to_the_end_is_taken_once(void **state)
{
	struct gke_window w = {0};

	(void)state;
	assert_true(gke_window_take(&w, 0));
	assert_false(gke_window_take(&w, 0));
	assert_true(gke_window_take(&w, UINT64_MAX));
	assert_false(gke_window_take(&w, UINT64_MAX));
	assert_false(gke_window_take(&w, 0));
	assert_false(gke_window_take(&w, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_entity_of_the_vectors_holds_both_ways),
		cmocka_unit_test(what_is_built_is_read),
		cmocka_unit_test(no_field_adds_a_header),
		cmocka_unit_test(a_signed_entity_is_told),
		cmocka_unit_test(each_truncation_is_refused_or_shortens_the_payload),
		cmocka_unit_test(each_header_must_be_there_once),
		cmocka_unit_test(other_spellings_are_read),
		cmocka_unit_test(numbers_have_their_form),
		cmocka_unit_test(heads_are_limited),
		cmocka_unit_test(a_number_is_taken_once),
		cmocka_unit_test(the_window_is_sixty_four_wide),
		cmocka_unit_test(any_order_within_the_window_is_taken),
		cmocka_unit_test(a_jump_to_the_end_is_taken_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
