/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of proto/ws: frames of RFC 6455, whole and octet by octet, and what breaks the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "proto/ws.h"

#define MAX 100000

static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};

/* One frame with the given first octet; masked as a client must. */
static void add_frame(struct bytes *b, unsigned first, const void *data, size_t len, bool masked)
{
	const uint8_t *in = data;
	unsigned mask = masked ? 0x80 : 0;

	bytes_add_u8(b, (uint8_t)first);
	if (len > UINT16_MAX) {
		bytes_add_u8(b, (uint8_t)(mask | 127));
		bytes_add_u64(b, len);
	} else if (len > 125) {
		bytes_add_u8(b, (uint8_t)(mask | 126));
		bytes_add_u16(b, (uint16_t)len);
	} else {
		bytes_add_u8(b, (uint8_t)(mask | len));
	}
	if (masked)
		bytes_add(b, key, 4);
	for (size_t i = 0; i < len; i++)
		bytes_add_u8(b, (uint8_t)(masked ? in[i] ^ key[i & 3] : in[i]));
}

static void add_text(struct bytes *b, unsigned first, const char *text)
{
	add_frame(b, first, text, strlen(text), true);
}

/*
 * What the parser says of b, fed step octets at a time, as text: "D(hello)" pieces joined to
 * messages, "P(..)" pings, "O(..)" pongs, "C1000(..)", "!1002" the end.
 */
static char *events(const struct bytes *b, size_t step, bool masked, uint64_t max)
{
	struct bytes out = BYTES_INIT;
	struct ws_parser p;
	bool open = false;
	int rc = 0;

	ws_parser_init(&p, masked, max);
	for (size_t at = 0; at < b->len && rc >= 0; at += step) {
		size_t n = b->len - at < step ? b->len - at : step, done = 0;
		char *part = xcalloc(1, n); /* its own block: a sanitizer sees each overrun */

		memcpy(part, b->data + at, n);
		do {
			struct ws_item item;
			size_t used = 0;

			rc = ws_parse_next(&p, part + done, n - done, &item, &used);
			done += used;
			if (rc < 0)
				bytes_addf(&out, "!%u", p.code);
			if (rc <= 0)
				break;
			if (item.type == WS_ITEM_DATA && !open)
				bytes_add_str(&out, "D(");
			else if (item.type == WS_ITEM_PING)
				bytes_add_str(&out, "P(");
			else if (item.type == WS_ITEM_PONG)
				bytes_add_str(&out, "O(");
			else if (item.type == WS_ITEM_CLOSE)
				bytes_addf(&out, "C%u(", item.code);
			open = item.type == WS_ITEM_DATA && !item.last;
			bytes_add(&out, item.piece, item.len);
			if (!open)
				bytes_add_char(&out, ')');
		} while (done < n);
		free(part);
	}
	return out.data ? bytes_take(&out) : xstrdup("");
}

/* Fed whole and octet by octet; consumes b. */
static void expect(struct bytes *b, const char *text)
{
	for (size_t step = 1; step <= b->len; step = step == 1 ? b->len : b->len + 1) {
		char *got = events(b, step, true, MAX);

		assert_string_equal(got, text);
		free(got);
		if (b->len == 1)
			break;
	}
	bytes_fini(b);
}

static void expect_text(const char *hex, size_t len, const char *text)
{
	struct bytes b = BYTES_INIT;

	bytes_add(&b, hex, len);
	expect(&b, text);
}
#define EXPECT(octets, text) expect_text(octets, sizeof(octets) - 1, text)

/* covers: WS-011 */
static void the_examples_of_the_rfc_are_read(void **state)
{
	struct bytes b = BYTES_INIT;
	char *got;

	(void)state;
	EXPECT("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "D(Hello)");
	EXPECT("\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "P(Hello)");
	EXPECT("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "O(Hello)");
	bytes_add(&b, "\x81\x05\x48\x65\x6c\x6c\x6f", 7); /* of a server: not masked */
	got = events(&b, 7, false, MAX);
	assert_string_equal(got, "D(Hello)");
	free(got);
	expect(&b, "!1002");
}

/* covers: WS-003, WS-005 */
static void fragments_make_one_message_and_control_frames_may_stand_between(void **state)
{
	struct bytes b = BYTES_INIT;

	(void)state;
	add_text(&b, 0x81, "text");
	add_text(&b, 0x82, "binary");
	add_text(&b, 0x82, "");
	expect(&b, "D(text)D(binary)D()");
	add_text(&b, 0x01, "Hel");
	add_text(&b, 0x00, "");
	add_text(&b, 0x00, "l");
	add_text(&b, 0x80, "o");
	add_text(&b, 0x02, "");
	add_text(&b, 0x80, "");
	expect(&b, "D(Hello)D()");
	add_text(&b, 0x02, "one");
	add_text(&b, 0x80, "two");
	add_text(&b, 0x89, "ping");
	add_text(&b, 0x8a, "");
	expect(&b, "D(onetwo)P(ping)O()");
	add_text(&b, 0x81, "\xff\xfe octets");
	expect(&b, "D(\xff\xfe octets)");
}

static void a_ping_amid_a_message_is_told_at_once(void **state)
{
	struct bytes b = BYTES_INIT;
	struct ws_parser p;
	struct ws_item item;
	size_t used;

	(void)state;
	add_text(&b, 0x02, "one");
	add_text(&b, 0x89, "!");
	add_text(&b, 0x80, "two");
	ws_parser_init(&p, true, MAX);
	assert_int_equal(ws_parse_next(&p, b.data, b.len, &item, &used), 1);
	assert_true(item.type == WS_ITEM_DATA && item.len == 3 && !item.last);
	bytes_drop(&b, used);
	assert_int_equal(ws_parse_next(&p, b.data, b.len, &item, &used), 1);
	assert_true(item.type == WS_ITEM_PING && item.len == 1);
	bytes_drop(&b, used);
	assert_int_equal(ws_parse_next(&p, b.data, b.len, &item, &used), 1);
	assert_true(item.type == WS_ITEM_DATA && item.len == 3 && item.last);
	bytes_fini(&b);
}

/* covers: WS-011 */
static void what_breaks_the_rules_is_a_protocol_error(void **state)
{
	struct bytes b = BYTES_INIT;
	char long_ping[126] = {0};

	(void)state;
	EXPECT("\xc1\x80", "!1002"); /* RSV bits */
	EXPECT("\xa1\x80", "!1002");
	EXPECT("\x91\x80", "!1002");
	for (unsigned op = 3; op < 16; op++) {
		if (op < 8 || op > 10) {
			add_text(&b, 0x80 | op, "");
			expect(&b, "!1002");
		}
	}
	add_text(&b, 0x80, "no message to go on with");
	expect(&b, "!1002");
	add_text(&b, 0x01, "");
	add_text(&b, 0x81, "new one");
	expect(&b, "!1002");
	EXPECT("\x09\x80", "!1002"); /* a control frame is never fragmented, nor long */
	add_frame(&b, 0x89, long_ping, 125, true);
	add_frame(&b, 0x89, long_ping, 126, true);
	bytes_drop(&b, 6 + 125);
	expect(&b, "!1002");
	EXPECT("\x82\xfe\x00\x7d....", "!1002"); /* lengths are minimal, and of 63 bits */
	EXPECT("\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff....", "!1002");
	EXPECT("\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00....", "!1002");
}

/* covers: WS-011 */
static void close_frames_say_why_or_nothing(void **state)
{
	static const struct {
		unsigned code;
		bool ok;
	} codes[] = {
		{0, false},    {999, false},  {1000, true}, {1003, true},  {1004, false},
		{1005, false}, {1006, false}, {1007, true}, {1014, true},  {1015, false},
		{2999, false}, {3000, true},  {4999, true}, {5000, false}, {65535, false},
	};
	struct bytes b = BYTES_INIT;

	(void)state;
	add_text(&b, 0x88, "");
	add_text(&b, 0x81, "not looked at");
	expect(&b, "C1005()");
	add_text(&b, 0x88, "x");
	expect(&b, "!1002");
	add_frame(&b, 0x88,
		  "\x03\xe8"
		  "bye",
		  5, true);
	expect(&b, "C1000(\x03\xe8"
		   "bye)");
	add_frame(&b, 0x88, "\x03\xe8\xff", 3, true);
	expect(&b, "!1007");
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		char two[2] = {(char)(codes[i].code >> 8), (char)(codes[i].code & 0xff)};
		char *got;

		add_frame(&b, 0x88, two, 2, true);
		got = events(&b, b.len, true, MAX);
		assert_int_equal(got[0], codes[i].ok ? 'C' : '!');
		if (codes[i].ok)
			assert_int_equal(strtoul(got + 1, NULL, 10), codes[i].code);
		free(got);
		bytes_fini(&b);
	}
}

/* covers: WS-011 */
static void a_message_is_bounded_with_all_its_fragments(void **state)
{
	struct bytes b = BYTES_INIT;
	const char *ten = "0123456789";
	char *got;

	(void)state;
	add_frame(&b, 0x02, ten, 10, true);
	add_frame(&b, 0x00, ten, 9, true);
	add_frame(&b, 0x80, ten, 1, true);
	add_frame(&b, 0x82, ten, 10, true);
	for (uint64_t max = 19; max <= 20; max++) {
		got = events(&b, 1, true, max);
		assert_int_equal(strstr(got, "!1009") != NULL, max == 19);
		free(got);
	}
	bytes_fini(&b);
	add_frame(&b, 0x82, ten, 10, true);
	got = events(&b, 6, true, 9); /* told by the head, before the payload */
	assert_string_equal(got, "!1009");
	free(got);
	bytes_fini(&b);
}

/* Lengths at the borders of their forms; what we build is read as what it was built from. */
static void lengths_at_every_border(void **state)
{
	static const size_t lens[] = {0, 1, 125, 126, 127, 65535, 65536, 70000};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		struct bytes b = BYTES_INIT, c = BYTES_INIT;
		char head[WS_OUT_MAX], *body = xcalloc(1, lens[i] + 1), *got, *again;

		for (size_t k = 0; k < lens[i]; k++)
			body[k] = (char)('a' + k % 23);
		add_frame(&b, 0x82, body, lens[i], true);
		bytes_add(&c, head, ws_build_head(head, WS_BINARY, lens[i]));
		bytes_add(&c, body, lens[i]);
		got = events(&b, 7, true, MAX);
		again = events(&c, 4096, false, MAX);
		assert_string_equal(got, again);
		assert_int_equal(strlen(got), lens[i] + 3);
		assert_memory_equal(got + 2, body, lens[i]);
		free(got);
		free(again);
		free(body);
		bytes_fini(&b);
		bytes_fini(&c);
	}
}

static void control_frames_of_ours_are_whole(void **state)
{
	struct bytes b = BYTES_INIT;
	char body[200], *got;

	(void)state;
	memset(body, 'x', sizeof(body));
	ws_build_control(&b, WS_PONG, slice_make(body, sizeof(body)));
	assert_int_equal(b.len, 2 + WS_CONTROL_MAX);
	bytes_fini(&b);
	ws_build_control(&b, WS_PING, SLICE_LIT("hi"));
	ws_build_close(&b, WS_CODE_PAYLOAD);
	got = events(&b, 1, false, MAX);
	assert_string_equal(got, "P(hi)C1007(\x03\xef)");
	free(got);
	bytes_fini(&b);
	ws_build_close(&b, WS_CODE_NO_STATUS);
	assert_int_equal(b.len, 2);
	bytes_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_rfc_are_read),
		cmocka_unit_test(fragments_make_one_message_and_control_frames_may_stand_between),
		cmocka_unit_test(a_ping_amid_a_message_is_told_at_once),
		cmocka_unit_test(what_breaks_the_rules_is_a_protocol_error),
		cmocka_unit_test(close_frames_say_why_or_nothing),
		cmocka_unit_test(a_message_is_bounded_with_all_its_fragments),
		cmocka_unit_test(lengths_at_every_border),
		cmocka_unit_test(control_frames_of_ours_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
