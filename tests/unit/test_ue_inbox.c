/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/ue_inbox: reassembly of messages whose chunks come in any order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ue/ue_inbox.h"

#define HEAD                                                                                       \
	"From: <sip:a@example.com>\r\nTo: <sip:r@example.com>\r\n\r\nContent-Type: text/plain\r\n\r\n"

static int chunk(struct ue_inbox *in, const char *id, uint64_t start, uint64_t total,
		 struct slice body, char flag, struct ue_message *out, struct ue_inbox_message **m)
{
	struct msrp_head head = {.message_id = slice_str(id),
				 .range = {true, start, MSRP_UNSPECIFIED, total}};
	int err = ue_inbox_begin(in, &head, false, m);

	if (err == 0 && body.len)
		err = ue_inbox_piece(*m, body);
	return err < 0 ? err : ue_inbox_end(*m, flag, out);
}

static struct slice part(struct slice s, size_t from, size_t to)
{
	return slice_make(s.ptr + from, to - from);
}

/* covers: MSRP-067 */
static void chunks_in_any_order_make_the_message(void **state)
{
	static const size_t cuts[] = {0, 30, 60, sizeof(HEAD "Hello all") - 1};
	static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					{1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct slice whole = SLICE_LIT(HEAD "Hello all");
	size_t o, i;

	(void)state;
	for (o = 0; o < 6; o++) {
		struct ue_inbox *in = ue_inbox_new();
		struct ue_inbox_message *m = NULL;
		struct ue_message out;
		int rc = 0;

		for (i = 0; i < 3; i++) {
			int k = orders[o][i];

			assert_int_equal(rc, 0);
			rc = chunk(in, "msg1", cuts[k] + 1, whole.len,
				   part(whole, cuts[k], cuts[k + 1]), k == 2 ? '$' : '+', &out, &m);
		}
		assert_int_equal(rc, 1);
		assert_true(slice_eq_str(out.payload, "Hello all"));
		assert_int_equal(out.size, 9);
		ue_inbox_drop(in, m);
		ue_inbox_free(&in);
	}
}

/* covers: MSRP-067 */
static void the_last_received_octets_win_an_overlap(void **state)
{
	struct slice whole = SLICE_LIT(HEAD "abcdefgh");
	size_t head = sizeof(HEAD) - 1;
	struct ue_inbox *in = ue_inbox_new();
	struct ue_inbox_message *m;
	struct ue_message out;

	(void)state;
	assert_int_equal(chunk(in, "msg1", 1, whole.len, part(whole, 0, head + 6), '+', &out, &m),
			 0);
	assert_int_equal(
		chunk(in, "msg1", head + 4 + 1, whole.len, SLICE_LIT("XYZ!"), '$', &out, &m), 1);
	assert_true(slice_eq_str(out.payload, "abcdXYZ!"));
	ue_inbox_free(&in);
}

static void an_end_before_the_gaps_are_filled_waits(void **state)
{
	struct slice whole = SLICE_LIT(HEAD "0123456789");
	struct ue_inbox *in = ue_inbox_new();
	struct ue_inbox_message *m;
	struct ue_message out;

	(void)state;
	assert_int_equal(chunk(in, "m", whole.len - 2, whole.len,
			       part(whole, whole.len - 3, whole.len), '$', &out, &m),
			 0);
	assert_int_equal(chunk(in, "m", 1, whole.len, part(whole, 0, whole.len - 3), '+', &out, &m),
			 1);
	assert_true(slice_eq_str(out.payload, "0123456789"));
	ue_inbox_free(&in);
}

/* covers: MSRP-070 */
static void an_aborted_message_is_not_delivered(void **state)
{
	struct ue_inbox *in = ue_inbox_new();
	struct ue_inbox_message *m;
	struct ue_message out;

	(void)state;
	assert_int_equal(chunk(in, "m", 1, 500, SLICE_LIT(HEAD), '+', &out, &m), 0);
	assert_int_equal(chunk(in, "m", 90, 500, SLICE_NULL, '#', &out, &m), -ERR_CLOSED);
	ue_inbox_free(&in);
}

static void a_long_message_goes_to_a_file_and_comes_back_whole(void **state)
{
	struct ue_inbox *in = ue_inbox_new();
	struct ue_inbox_message *m;
	struct ue_message out;
	size_t n = 3 * UE_INBOX_MEMORY, i, head = sizeof(HEAD) - 1;
	char *data = malloc(head + n), *back = malloc(n);

	(void)state;
	snprintf(data, head + n, "%s", HEAD);
	for (i = 0; i < n; i++)
		data[head + i] = (char)(i * 7 + i / 251);
	for (i = 0; i < head + n; i += 10000) {
		size_t len = head + n - i < 10000 ? head + n - i : 10000;
		bool last = i + len == head + n;

		assert_int_equal(chunk(in, "m", i + 1, head + n, slice_make(data + i, len),
				       last ? '$' : '+', &out, &m),
				 last ? 1 : 0);
	}
	assert_null(out.payload.ptr);
	assert_int_equal(out.size, n);
	assert_int_equal(pread(out.fd, back, n, (off_t)out.offset), (ssize_t)n);
	assert_memory_equal(back, data + head, n);
	free(data);
	free(back);
	ue_inbox_free(&in);
}

/* covers: MSRP-073, MSRP-078 */
static void limits_hold_at_n_and_n_plus_one(void **state)
{
	struct ue_inbox *in = ue_inbox_new();
	struct ue_inbox_message *m;
	struct ue_message out;
	char id[16];
	int i;

	(void)state;
	for (i = 0; i < UE_INBOX_MESSAGES; i++) {
		snprintf(id, sizeof(id), "id%d", i);
		assert_int_equal(chunk(in, id, 1, 500, SLICE_LIT("x"), '+', &out, &m), 0);
	}
	assert_int_equal(chunk(in, "more", 1, 500, SLICE_LIT("x"), '+', &out, &m), -ERR_LIMIT);
	assert_int_equal(chunk(in, "id0", 1, UE_INBOX_MAX_SIZE + 1, SLICE_LIT("x"), '+', &out, &m),
			 -ERR_LIMIT);
	assert_int_equal(chunk(in, "id0", 1, UE_INBOX_MAX_SIZE, SLICE_LIT("x"), '+', &out, &m), 0);
	ue_inbox_free(&in);
}

static void what_is_no_cpim_is_refused(void **state)
{
	struct ue_inbox *in = ue_inbox_new();
	struct ue_inbox_message *m;
	struct ue_message out;

	(void)state;
	assert_int_equal(chunk(in, "m", 1, 5, SLICE_LIT("hello"), '$', &out, &m), -ERR_SYNTAX);
	ue_inbox_free(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_in_any_order_make_the_message),
		cmocka_unit_test(the_last_received_octets_win_an_overlap),
		cmocka_unit_test(an_end_before_the_gaps_are_filled_waits),
		cmocka_unit_test(an_aborted_message_is_not_delivered),
		cmocka_unit_test(a_long_message_goes_to_a_file_and_comes_back_whole),
		cmocka_unit_test(limits_hold_at_n_and_n_plus_one),
		cmocka_unit_test(what_is_no_cpim_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
