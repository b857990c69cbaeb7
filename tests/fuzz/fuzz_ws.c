/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WebSocket: a request head that is accepted has an answer; a stream of frames gives the same
 * messages and the same end however it is cut.
 */
#include <stdlib.h>

#include "proto/ws.h"
#include "proto/ws_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void take(struct bytes *log, const struct ws_item *item, bool *open)
{
	check(item->type == WS_ITEM_DATA || item->len <= WS_CONTROL_MAX);
	if (item->type != WS_ITEM_DATA)
		bytes_addf(log, "<%d %u ", (int)item->type, item->code);
	else if (!*open)
		bytes_add_str(log, "<D ");
	bytes_add(log, item->piece, item->len);
	if (item->type == WS_ITEM_DATA)
		*open = !item->last;
	if (item->type != WS_ITEM_DATA || item->last)
		bytes_add_char(log, '>');
}

/* All that the parser says when it gets step octets at a time. */
static void run(struct bytes *log, const uint8_t *data, size_t size, size_t step, bool masked)
{
	struct ws_parser p;
	bool open = false;
	int rc = 0;

	ws_parser_init(&p, masked, 1000);
	for (size_t at = 0; at < size && rc >= 0; at += step) {
		size_t n = size - at < step ? size - at : step, done = 0, used;
		char *part = malloc(n);

		check(part != NULL);
		memcpy(part, data + at, n);
		while (done < n) {
			struct ws_item item;

			used = 0;
			rc = ws_parse_next(&p, part + done, n - done, &item, &used);
			done += used;
			check(done <= n);
			if (rc == 0)
				check(done == n);
			if (rc <= 0)
				break;
			take(log, &item, &open);
		}
		free(part);
	}
	if (rc < 0) {
		check(p.failed && p.code >= WS_CODE_PROTOCOL && p.code <= WS_CODE_TOO_BIG);
		bytes_addf(log, "!%u", p.code);
	}
}

static void check_frames(const uint8_t *data, size_t size, bool masked)
{
	struct bytes whole = BYTES_INIT, cut = BYTES_INIT;

	run(&whole, data, size, size, masked);
	for (size_t step = 1; step < 8; step += 3) {
		bytes_reset(&cut);
		run(&cut, data, size, step, masked);
		check(slice_eq(bytes_slice(&whole), bytes_slice(&cut)));
	}
	bytes_fini(&whole);
	bytes_fini(&cut);
}

static void check_hello(struct slice in)
{
	ptrdiff_t n = ws_hello_find(in);
	struct bytes out = BYTES_INIT;
	struct ws_hello hello;

	if (n <= 0)
		return;
	check(n <= WS_HELLO_MAX);
	if (ws_hello_read(slice_first(in, (size_t)n), SLICE_LIT("msrp"), &hello) != 101)
		return;
	ws_hello_answer(&out, 101, &hello, SLICE_LIT("msrp"));
	check(bytes_ok(&out) &&
	      slice_find(bytes_slice(&out), SLICE_LIT("\r\n\r\n")) == (ptrdiff_t)out.len - 4);
	(void)ws_hello_origin_ok(hello.host, hello.origin);
	bytes_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0) {
		check_frames(data, size, true);
		check_frames(data, size, false);
	}
	check_hello(slice_make(data, size));
	return 0;
}
