/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/chunklog: one log, cursors of legs, what they skip and when memory goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "mrfp/chunklog.h"

static const char paths_a[] = "To-Path: a\r\nFrom-Path: x\r\n";
static const char paths_b[] = "To-Path: bb\r\nFrom-Path: y\r\n";

struct leg {
	struct cursor cur;
	struct taste taste;
	struct leg_block block;
	unsigned n_sent;
};

static struct leg leg_at(struct chunklog *l, uint32_t number, const char *paths)
{
	struct leg leg = {.taste = {.number = number}};

	leg.block.paths = paths;
	leg.block.paths_len = (uint32_t)strlen(paths);
	chunklog_attach(l, &leg.cur);
	return leg;
}

static void append(struct chunklog *l, uint32_t source, uint64_t serial, const char *body,
		   bool last)
{
	struct chunk_meta m = {
		.serial = serial, .source = source, .last = last, .flag = last ? '$' : '+'};
	struct msrp_rest rest = {.message_id = SLICE_LIT("mid1"), .content_type = SLICE_LIT("a/b")};

	chunklog_append(l, &m, &rest, slice_str(body));
}

/* Everything due for a leg, as text. */
static size_t due(struct chunklog *l, struct leg *leg, char *out, size_t size)
{
	struct iovec iov[64];
	size_t n_bytes, len = 0;
	int n = chunklog_iov(l, &leg->cur, &leg->taste, &leg->block, iov, 64, 100, 100000,
			     &n_bytes);

	for (int i = 0; i < n; i++) {
		assert_true(len + iov[i].iov_len < size);
		memcpy(out + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	out[len] = '\0';
	assert_int_equal(len, n_bytes);
	return len;
}

static void on_sent(const struct chunk_meta *m, uint64_t num, void *arg)
{
	struct leg *leg = arg;

	(void)m;
	(void)num;
	leg->n_sent++;
}

static void take(struct chunklog *l, struct leg *leg, size_t n)
{
	chunklog_advance(l, &leg->cur, &leg->taste, &leg->block, n, on_sent, leg);
}

/* covers: SW-027 */
static void legs_share_a_chunk_and_differ_in_their_paths(void **state)
{
	struct chunklog l;
	struct leg a, b;
	char ta[500], tb[500], id[MSRP_TID_MAX + 1], want[500];

	(void)state;
	chunklog_init(&l);
	a = leg_at(&l, 1, paths_a);
	b = leg_at(&l, 2, paths_b);
	append(&l, 9, 1, "hello", true);
	series_format(&l.tids, 1, SLICE_NULL, id);
	due(&l, &a, ta, sizeof(ta));
	due(&l, &b, tb, sizeof(tb));
	snprintf(
		want, sizeof(want),
		"MSRP %s SEND\r\n%sMessage-ID: mid1\r\nContent-Type: a/b\r\n\r\nhello\r\n-------%s$\r\n",
		id, paths_a, id);
	assert_string_equal(ta, want);
	snprintf(
		want, sizeof(want),
		"MSRP %s SEND\r\n%sMessage-ID: mid1\r\nContent-Type: a/b\r\n\r\nhello\r\n-------%s$\r\n",
		id, paths_b, id);
	assert_string_equal(tb, want);
	chunklog_fini(&l);
}

/* covers: MSRP-045 */
static void a_suffix_changes_the_id_at_both_ends(void **state)
{
	struct chunklog l;
	struct leg a;
	char text[500], id[MSRP_TID_MAX + 1], want[500];

	(void)state;
	chunklog_init(&l);
	a = leg_at(&l, 1, paths_a);
	memcpy(a.block.suffix, ".1", 2);
	a.block.suffix_len = 2;
	append(&l, 9, 1, "hello", true);
	series_format(&l.tids, 1, SLICE_LIT(".1"), id);
	due(&l, &a, text, sizeof(text));
	snprintf(
		want, sizeof(want),
		"MSRP %s SEND\r\n%sMessage-ID: mid1\r\nContent-Type: a/b\r\n\r\nhello\r\n-------%s$\r\n",
		id, paths_a, id);
	assert_string_equal(text, want);
	take(&l, &a, strlen(want));
	assert_int_equal(a.n_sent, 1);
	assert_int_equal(chunklog_held(&l), 0);
	chunklog_fini(&l);
}

static void a_frame_leaves_octet_by_octet(void **state)
{
	struct chunklog l;
	struct leg a;
	char all[500], rest[500];
	size_t len;

	(void)state;
	chunklog_init(&l);
	a = leg_at(&l, 1, paths_a);
	append(&l, 9, 1, "one", true);
	append(&l, 9, 2, "two", true);
	len = due(&l, &a, all, sizeof(all));
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(due(&l, &a, rest, sizeof(rest)), len - i);
		assert_string_equal(rest, all + i);
		take(&l, &a, 1);
	}
	assert_int_equal(a.n_sent, 2);
	assert_false(chunklog_pending(&l, &a.cur, &a.taste));
	chunklog_fini(&l);
}

static void memory_goes_when_the_slowest_has_passed(void **state)
{
	struct chunklog l;
	struct leg a, b;
	char text[500];
	uint64_t held;

	(void)state;
	chunklog_init(&l);
	a = leg_at(&l, 1, paths_a);
	b = leg_at(&l, 2, paths_b);
	append(&l, 9, 1, "hello", true);
	held = chunklog_held(&l);
	assert_true(held > 0);
	assert_true(chunklog_lag(&l, &a.cur) == held);
	take(&l, &a, due(&l, &a, text, sizeof(text)));
	assert_true(chunklog_lag(&l, &a.cur) == 0);
	assert_true(chunklog_held(&l) == held);
	chunklog_detach(&l, &b.cur);
	assert_true(chunklog_held(&l) == 0);
	chunklog_detach(&l, &b.cur); /* twice does no harm */
	chunklog_detach(&l, &a.cur);
	append(&l, 9, 2, "nobody is here", true);
	assert_true(chunklog_held(&l) == 0);
	chunklog_fini(&l);
}

/* covers: SW-023, SW-032 */
static void a_leg_skips_its_own_what_began_before_it_and_what_is_settled(void **state)
{
	struct chunklog l;
	struct leg a;
	char text[2000];

	(void)state;
	chunklog_init(&l);
	a = leg_at(&l, 1, paths_a);
	a.taste.since = 1;
	append(&l, 9, 1, "began before", true);
	append(&l, 1, 2, "my own", true);
	taste_settle(&a.taste, 3);
	append(&l, 9, 3, "refused begin", false);
	append(&l, 9, 4, "wanted", true);
	append(&l, 9, 3, "refused end", true);
	take(&l, &a, due(&l, &a, text, sizeof(text)));
	assert_non_null(strstr(text, "wanted"));
	assert_null(strstr(text, "before"));
	assert_null(strstr(text, "own"));
	assert_null(strstr(text, "refused"));
	assert_int_equal(a.n_sent, 1);
	assert_int_equal(a.taste.n_settled, 0); /* forgotten at the message's end */
	assert_int_equal(chunklog_held(&l), 0);
	chunklog_fini(&l);
}

static void a_chunk_ahead_of_the_cursor_is_found(void **state)
{
	struct chunklog l;
	struct leg a;
	char text[500];

	(void)state;
	chunklog_init(&l);
	a = leg_at(&l, 1, paths_a);
	append(&l, 9, 5, "x", true);
	assert_non_null(chunklog_ahead(&l, &a.cur, 5));
	assert_null(chunklog_ahead(&l, &a.cur, 6));
	take(&l, &a, due(&l, &a, text, sizeof(text)));
	assert_null(chunklog_ahead(&l, &a.cur, 5));
	chunklog_fini(&l);
}

static void many_chunks_pass_a_growing_ring(void **state)
{
	struct chunklog l;
	struct leg a, b;

	(void)state;
	chunklog_init(&l);
	a = leg_at(&l, 1, paths_a);
	b = leg_at(&l, 2, paths_b);
	for (uint64_t n = 1; n <= 5000; n++) {
		append(&l, 9, n, "x", true);
		if (n % 3 == 0) {
			struct iovec iov[64];
			size_t n_bytes;
			chunklog_iov(&l, &a.cur, &a.taste, &a.block, iov, 64, 2, 100000, &n_bytes);
			take(&l, &a, n_bytes);
		}
	}
	assert_int_equal(a.n_sent, 2 * (5000 / 3));
	chunklog_detach(&l, &a.cur);
	while (chunklog_pending(&l, &b.cur, &b.taste)) {
		struct iovec iov[64];
		size_t n_bytes;
		chunklog_iov(&l, &b.cur, &b.taste, &b.block, iov, 64, 100, 100000, &n_bytes);
		take(&l, &b, n_bytes);
	}
	assert_int_equal(b.n_sent, 5000);
	assert_int_equal(chunklog_held(&l), 0);
	chunklog_fini(&l);
}

/* covers: MSRP-126, MSRP-128, MSRP-113, SW-029 */
static void settled_messages_are_found_in_any_order(void **state)
{
	enum { N = 5000 };
	struct taste t = {.number = 1};

	(void)state;
	for (uint64_t i = 0; i < N; i++)
		taste_settle(&t, 2 * ((i * 7919) % N)); /* all even serials, stirred */
	taste_settle(&t, 10);
	assert_int_equal(t.n_settled, N);
	for (uint64_t i = 0; i < N; i++) {
		assert_true(taste_is_settled(&t, 2 * i));
		assert_false(taste_is_settled(&t, 2 * i + 1));
	}
	taste_forget(&t, 11);
	/* forgotten from the front and the back; new ones come at the end */
	for (uint64_t i = 0; i < N / 4; i++) {
		taste_forget(&t, 2 * i);
		taste_forget(&t, 2 * (N - 1 - i));
		taste_settle(&t, 4 * N + i);
		assert_false(taste_is_settled(&t, 2 * i));
		assert_false(taste_is_settled(&t, 2 * (N - 1 - i)));
	}
	for (uint64_t i = N / 4; i < N - N / 4; i += 2)
		taste_forget(&t, 2 * i);
	for (uint64_t i = N / 4; i < N - N / 4; i++)
		assert_int_equal(taste_is_settled(&t, 2 * i), (i - N / 4) % 2 != 0);
	for (uint64_t i = 0; i < 6 * N; i++)
		taste_forget(&t, i);
	assert_int_equal(t.n_settled, 0);
	assert_null(t.settled);
}

static void taste_is_type_size_and_direction(void **state)
{
	struct taste t = {.number = 1, .accept = 3, .max_size = 100};
	struct chunk_meta m = {.source = 2, .admit = 1 << 3, .size = 100};

	(void)state;
	assert_true(taste_wants(&t, &m));
	m.size = 101;
	assert_false(taste_wants(&t, &m));
	m.size = 100;
	m.admit = ~(UINT64_C(1) << 3);
	assert_false(taste_wants(&t, &m));
	m.admit = UINT64_MAX;
	t.deaf = true;
	assert_false(taste_wants(&t, &m));
	m.control = true;
	assert_true(taste_wants(&t, &m));
	m.source = 1;
	assert_false(taste_wants(&t, &m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(legs_share_a_chunk_and_differ_in_their_paths),
		cmocka_unit_test(a_suffix_changes_the_id_at_both_ends),
		cmocka_unit_test(a_frame_leaves_octet_by_octet),
		cmocka_unit_test(memory_goes_when_the_slowest_has_passed),
		cmocka_unit_test(a_leg_skips_its_own_what_began_before_it_and_what_is_settled),
		cmocka_unit_test(a_chunk_ahead_of_the_cursor_is_found),
		cmocka_unit_test(many_chunks_pass_a_growing_ring),
		cmocka_unit_test(settled_messages_are_found_in_any_order),
		cmocka_unit_test(taste_is_type_size_and_direction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
