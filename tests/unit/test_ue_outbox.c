/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/ue_outbox: chunks, their order, transactions. Frames are read back by the parser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "proto/msrp_parse.h"
#include "ue/ue_outbox.h"

struct frame {
	char tid[40], id[40], method[16];
	struct msrp_range range;
	uint64_t len;
	char flag;
};

static struct ue_outbox *make(void)
{
	struct ue_outbox *o = ue_outbox_new();

	ue_outbox_paths(o, SLICE_LIT("msrp://127.0.0.1:2855/room;tcp"),
			SLICE_LIT("msrp://127.0.0.1:9/me;tcp"));
	return o;
}

/* The next frame of the outbox, read by the parser; body is appended to `body` when not NULL. */
static bool next(struct ue_outbox *o, struct frame *f, struct bytes *body)
{
	struct bytes out = BYTES_INIT;
	struct msrp_parser p;
	struct msrp_item item;
	size_t used, at = 0;
	bool end = false;

	if (!ue_outbox_next(o, &out))
		return false;
	memset(f, 0, sizeof(*f));
	msrp_parser_init(&p, &msrp_limits_default);
	while (!end) {
		assert_int_equal(
			msrp_parse_next(&p, slice_from(bytes_slice(&out), at), &item, &used), 1);
		at += used;
		if (item.type == MSRP_ITEM_HEAD) {
			assert_int_equal(item.head.error, 0);
			snprintf(f->tid, sizeof(f->tid), SLICE_FMT, SLICE_ARG(item.head.tid));
			snprintf(f->id, sizeof(f->id), SLICE_FMT, SLICE_ARG(item.head.message_id));
			snprintf(f->method, sizeof(f->method), SLICE_FMT,
				 SLICE_ARG(item.head.method_name));
			f->range = item.head.range;
		} else if (item.type == MSRP_ITEM_BODY && body) {
			bytes_add_slice(body, item.piece);
		} else if (item.type == MSRP_ITEM_END) {
			f->flag = item.flag;
			f->len = item.body_len;
			end = true;
		}
	}
	assert_int_equal(at, out.len);
	bytes_fini(&out);
	return true;
}

/* covers: MSRP-041, MSRP-071 */
static void a_bind_is_a_bodiless_send_before_everything_else(void **state)
{
	struct ue_outbox *o = make();
	struct frame f;

	(void)state;
	ue_outbox_message(o, SLICE_LIT("head\r\n\r\n"), SLICE_LIT("hi"), -1, 0, 1);
	ue_outbox_bind(o);
	assert_true(next(o, &f, NULL));
	assert_string_equal(f.method, "SEND");
	assert_int_equal(f.range.start, 1);
	assert_int_equal(f.range.end, 0);
	assert_int_equal(f.range.total, 0);
	assert_int_equal(f.len, 0);
	assert_int_equal(f.flag, '$');
	ue_outbox_free(&o);
}

/* covers: MSRP-060, MSRP-061, MSRP-063 */
static void a_long_message_leaves_in_true_interruptible_chunks(void **state)
{
	struct ue_outbox *o = make();
	struct frame f, first = {0};
	struct bytes body = BYTES_INIT;
	struct ue_outbox_done done;
	size_t n = 5 * UE_OUTBOX_CHUNK + 100, i;
	char *data = malloc(n);
	uint64_t at = 1;

	(void)state;
	for (i = 0; i < n; i++)
		data[i] = (char)(i * 31);
	ue_outbox_message(o, SLICE_LIT("HEAD"), slice_make(data, n), -1, 0, 7);
	do {
		assert_true(next(o, &f, &body));
		if (at == 1)
			first = f;
		assert_string_equal(f.id, first.id);
		assert_int_equal(f.range.start, at);
		assert_int_equal(f.range.total, n + 4);
		if (f.len > 2048)
			assert_true(f.range.end == MSRP_UNSPECIFIED);
		at += f.len;
		assert_int_equal(ue_outbox_response(o, slice_str(f.tid), 200, &done),
				 f.flag == '$' ? 1 : 0);
	} while (f.flag == '+');
	assert_int_equal(f.flag, '$');
	assert_int_equal(done.ticket, 7);
	assert_int_equal(body.len, n + 4);
	assert_memory_equal(body.data + 4, data, n);
	assert_true(ue_outbox_empty(o));
	bytes_fini(&body);
	free(data);
	ue_outbox_free(&o);
}

/* covers: MSRP-064 */
static void a_short_message_overtakes_a_long_one_at_a_chunk_border(void **state)
{
	struct ue_outbox *o = make();
	struct frame f;
	char *data = calloc(1, 400000);
	char long_id[40];

	(void)state;
	ue_outbox_message(o, SLICE_LIT("HEAD"), slice_make(data, 400000), -1, 0, 1);
	assert_true(next(o, &f, NULL));
	memcpy(long_id, f.id, sizeof(long_id));
	ue_outbox_message(o, SLICE_LIT("HEAD"), SLICE_LIT("chat"), -1, 0, 2);
	assert_true(next(o, &f, NULL));
	assert_string_not_equal(f.id, long_id);
	assert_int_equal(f.flag, '$');
	assert_true(next(o, &f, NULL));
	assert_string_equal(f.id, long_id);
	free(data);
	ue_outbox_free(&o);
}

static void the_window_closes_and_opens_with_responses(void **state)
{
	struct ue_outbox *o = make();
	struct frame f, first = {0};
	struct ue_outbox_done done;
	size_t n = (UE_OUTBOX_WINDOW + 2) * UE_OUTBOX_CHUNK;
	char *data = calloc(1, n);
	unsigned i;

	(void)state;
	ue_outbox_message(o, SLICE_LIT("H"), slice_make(data, n), -1, 0, 1);
	for (i = 0; i < UE_OUTBOX_WINDOW; i++) {
		assert_true(next(o, &f, NULL));
		if (i == 0)
			first = f;
	}
	assert_false(next(o, &f, NULL));
	assert_int_equal(ue_outbox_response(o, slice_str(first.tid), 200, &done), 0);
	assert_true(next(o, &f, NULL));
	free(data);
	ue_outbox_free(&o);
}

/* covers: MSRP-076, MSRP-098 */
static void a_413_ends_the_message_with_a_hash_and_nothing_more_of_it_leaves(void **state)
{
	struct ue_outbox *o = make();
	struct frame f, last;
	struct ue_outbox_done done = {0};
	char *data = calloc(1, 100000);

	(void)state;
	ue_outbox_message(o, SLICE_LIT("H"), slice_make(data, 100000), -1, 0, 3);
	assert_true(next(o, &f, NULL));
	assert_int_equal(ue_outbox_response(o, SLICE_LIT("nobody"), 413, &done), 0);
	assert_int_equal(ue_outbox_response(o, slice_str(f.tid), 413, &done), 1);
	assert_int_equal(done.ticket, 3);
	assert_true(next(o, &last, NULL));
	assert_string_equal(last.id, f.id);
	assert_int_equal(last.flag, '#');
	assert_int_equal(last.len, 0);
	assert_int_equal(last.range.start, UE_OUTBOX_CHUNK + 1);
	assert_false(next(o, &f, NULL));
	assert_true(ue_outbox_empty(o));
	free(data);
	ue_outbox_free(&o);
}

/* covers: MSRP-076 */
static void a_refusal_after_the_last_chunk_needs_no_hash(void **state)
{
	struct ue_outbox *o = make();
	struct frame f;
	struct ue_outbox_done done = {0};

	(void)state;
	ue_outbox_message(o, SLICE_LIT("H"), SLICE_LIT("short"), -1, 0, 3);
	assert_true(next(o, &f, NULL));
	assert_int_equal(f.flag, '$');
	assert_int_equal(ue_outbox_response(o, slice_str(f.tid), 413, &done), 1);
	assert_false(next(o, &f, NULL));
	assert_true(ue_outbox_empty(o));
	ue_outbox_free(&o);
}

/* covers: MSRP-094 */
static void a_frame_without_response_is_given_up_30_s_after_it_was_written(void **state)
{
	struct ue_outbox *o = make();
	struct frame f;
	struct ue_outbox_done done = {0};

	(void)state;
	ue_outbox_message(o, SLICE_LIT("H"), SLICE_LIT("a"), -1, 0, 8);
	assert_true(next(o, &f, NULL));
	assert_false(ue_outbox_expire(o, 1000000, &done)); /* not written yet */
	ue_outbox_written(o, 1000);
	ue_outbox_written(o, 20000); /* changes nothing */
	assert_false(ue_outbox_expire(o, 30999, &done));
	assert_true(ue_outbox_expire(o, 31000, &done));
	assert_int_equal(done.ticket, 8);
	assert_true(ue_outbox_empty(o));
	assert_int_equal(ue_outbox_response(o, slice_str(f.tid), 200, &done), 0);
	ue_outbox_free(&o);
}

static void a_file_that_got_shorter_is_cut_with_a_hash_and_not_told_as_sent(void **state)
{
	struct ue_outbox *o = make();
	struct frame f;
	struct ue_outbox_done done = {0};
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	assert_int_equal(fputs("ten octets", file) >= 0 && fflush(file) == 0, 1);
	ue_outbox_message(o, SLICE_LIT("H"), SLICE_NULL, dup(fileno(file)), 50000, 9);
	fclose(file);
	assert_true(next(o, &f, NULL));
	assert_int_equal(f.len, 11);
	assert_int_equal(ue_outbox_response(o, slice_str(f.tid), 200, &done), 0);
	assert_true(next(o, &f, NULL));
	assert_int_equal(f.flag, '#');
	assert_int_equal(ue_outbox_response(o, slice_str(f.tid), 200, &done), 1);
	assert_true(done.cut);
	ue_outbox_free(&o);
}

static void a_nickname_is_quoted_and_settled_by_its_response(void **state)
{
	struct ue_outbox *o = make();
	struct bytes out = BYTES_INIT;
	struct ue_outbox_done done;
	struct frame f;

	(void)state;
	ue_outbox_nickname(o, SLICE_LIT("Queen \"of\" Hearts"), 4);
	assert_true(ue_outbox_next(o, &out));
	assert_true(slice_find(bytes_slice(&out),
			       SLICE_LIT("Use-Nickname: \"Queen \\\"of\\\" Hearts\"\r\n")) > 0);
	bytes_fini(&out);
	ue_outbox_nickname(o, SLICE_LIT("x"), 5);
	assert_true(next(o, &f, NULL));
	assert_int_equal(ue_outbox_response(o, slice_str(f.tid), 425, &done), 1);
	assert_int_equal(done.kind, UE_OUTBOX_NICKNAME);
	assert_int_equal(done.ticket, 5);
	ue_outbox_free(&o);
}

static void everything_unfinished_is_given_back_when_the_session_dies(void **state)
{
	struct ue_outbox *o = make();
	struct ue_outbox_done done;

	(void)state;
	ue_outbox_message(o, SLICE_LIT("H"), SLICE_LIT("a"), -1, 0, 1);
	ue_outbox_message(o, SLICE_LIT("H"), SLICE_LIT("b"), -1, 0, 2);
	assert_true(ue_outbox_fail(o, &done));
	assert_int_equal(done.ticket, 1);
	assert_true(ue_outbox_fail(o, &done));
	assert_int_equal(done.ticket, 2);
	assert_false(ue_outbox_fail(o, &done));
	ue_outbox_free(&o);
}

static void bodies_without_cpim_go_first_and_in_their_order(void **state)
{
	static const char *const order[] = {"one", "two", "three", "head\r\n\r\nchat"};
	struct ue_outbox_done done;
	struct ue_outbox *o = make();
	struct frame f;

	(void)state;
	ue_outbox_message(o, SLICE_LIT("head\r\n\r\n"), SLICE_LIT("chat"), -1, 4, 7);
	for (unsigned i = 0; i < 3; i++)
		ue_outbox_bare(o, "application/mikey", slice_str(order[i]), i + 1);
	for (unsigned i = 0; i < ARRAY_LEN(order); i++) {
		struct bytes body = BYTES_INIT;

		assert_true(next(o, &f, &body));
		assert_string_equal(bytes_cstr(&body), order[i]);
		assert_int_equal(ue_outbox_response(o, slice_str(f.tid), 200, &done), 1);
		assert_int_equal(done.ticket, i < 3 ? i + 1 : 7);
		bytes_fini(&body);
	}
	assert_true(ue_outbox_empty(o));
	ue_outbox_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_without_cpim_go_first_and_in_their_order),
		cmocka_unit_test(a_bind_is_a_bodiless_send_before_everything_else),
		cmocka_unit_test(a_long_message_leaves_in_true_interruptible_chunks),
		cmocka_unit_test(a_short_message_overtakes_a_long_one_at_a_chunk_border),
		cmocka_unit_test(the_window_closes_and_opens_with_responses),
		cmocka_unit_test(a_413_ends_the_message_with_a_hash_and_nothing_more_of_it_leaves),
		cmocka_unit_test(a_refusal_after_the_last_chunk_needs_no_hash),
		cmocka_unit_test(a_frame_without_response_is_given_up_30_s_after_it_was_written),
		cmocka_unit_test(a_file_that_got_shorter_is_cut_with_a_hash_and_not_told_as_sent),
		cmocka_unit_test(a_nickname_is_quoted_and_settled_by_its_response),
		cmocka_unit_test(everything_unfinished_is_given_back_when_the_session_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
