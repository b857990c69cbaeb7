/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/ue_records: files sealed and opened, and every way to cut or mix them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "ue/ue_records.h"

#define RECORD ECE_RECORD
#define PLAIN  (RECORD - ECE_OVERHEAD)

struct sealed {
	struct ece_head head;
	struct ece_keys keys;
	char *octets;
	size_t len;
};

static const uint8_t domain[GKID_DOMAIN_SIZE] = {1}, file_key[32] = {2};

static int give_key(void *arg, struct ece_head *head_r, struct ece_keys *keys_r)
{
	struct sealed *s = arg;

	s->head =
		(struct ece_head){.record = ECE_RECORD, .gkid = gkid_make(domain, 7), .salt = {3}};
	ece_keys(&s->head, file_key, &s->keys);
	*head_r = s->head;
	*keys_r = s->keys;
	return 0;
}

static int give_no_key(void *arg, struct ece_head *head_r, struct ece_keys *keys_r)
{
	(void)arg;
	(void)head_r;
	(void)keys_r;
	return -ERR_WRONG_STATE;
}

static char plain_at(size_t i)
{
	return (char)(7 * i + 3);
}

/* Read in steps of this length, as chunks are. */
static void make(struct sealed *s, const char *front, size_t size, size_t step)
{
	char *plain = xcalloc(1, size + 1);
	struct ue_octets octets;
	uint64_t len;
	size_t done = 0, n = 1;

	for (size_t i = 0; i < size; i++)
		plain[i] = plain_at(i);
	ue_records_seal(slice_str(front),
			&(struct ue_source){.mem = slice_make(plain, size), .fd = -1, .size = size},
			give_key, s, &octets, &len);
	free(plain); /* it was copied */
	assert_int_equal(len, ece_sealed_size(ECE_RECORD, strlen(front) + size));
	s->len = (size_t)len;
	s->octets = xcalloc(1, s->len + step);
	while (n > 0) {
		n = octets.read(octets.arg, done, s->octets + done, step);
		done += n;
	}
	assert_int_equal(done, s->len);
	octets.drop(octets.arg);
}

struct got {
	struct bytes plain;
	size_t n, stop_at;
};

static int on_plain(struct slice plain, void *arg)
{
	struct got *g = arg;

	bytes_add_slice(&g->plain, plain);
	return ++g->n == g->stop_at ? -ERR_CLOSED : 0;
}

/* What was told before an error was of its place all the same. */
static int open_in(const struct sealed *s, const char *octets, size_t len, size_t step,
		   const char *front, size_t size)
{
	struct got g = {.n = 0};
	struct ue_opener *o = ue_opener_new(&s->head, &s->keys, on_plain, &g);
	int rc = 0;

	for (size_t at = ECE_HEAD_SIZE; rc == 0 && at < len; at += step)
		rc = ue_opener_take(o, slice_make(octets + at, len - at < step ? len - at : step));
	if (rc == 0)
		rc = ue_opener_end(o);
	assert_int_equal(ue_opener_end(o) < 0, rc < 0 || g.n > 0);
	for (size_t i = 0; i < g.plain.len; i++)
		assert_int_equal(g.plain.data[i],
				 i < strlen(front) ? front[i] : plain_at(i - strlen(front)));
	if (rc == 0)
		assert_int_equal(g.plain.len, strlen(front) + size);
	bytes_fini(&g.plain);
	ue_opener_free(&o);
	return rc;
}

static int open_it(const struct sealed *s, const char *octets, size_t len, const char *front,
		   size_t size)
{
	return open_in(s, octets, len, 1000, front, size);
}

/* covers: GK-014 */
static void files_of_all_lengths_come_back(void **state)
{
	static const size_t sizes[] = {0,         1,         PLAIN - 6,     PLAIN - 5,
				       PLAIN - 4, PLAIN + 1, 2 * PLAIN - 5, 90000};
	static const size_t steps[] = {1, 999, 16384, 1 << 20};
	struct sealed s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		make(&s, "front", sizes[i], steps[i % 4]);
		for (size_t j = 0; j < ARRAY_LEN(steps); j++)
			assert_int_equal(open_in(&s, s.octets, s.len, steps[j], "front", sizes[i]),
					 0);
		free(s.octets);
	}
}

/* covers: GK-014 */
static void what_is_cut_anywhere_is_refused(void **state)
{
	struct sealed s;

	(void)state;
	make(&s, "front", 3 * PLAIN - 5, RECORD); /* whole records to their border */
	for (size_t records = 0; records < 3; records++)
		assert_true(open_it(&s, s.octets, ECE_HEAD_SIZE + records * RECORD, "front", 0) <
			    0);
	for (size_t len = 0; len < s.len; len += 997)
		assert_true(open_it(&s, s.octets, len, "front", 0) < 0);
	assert_true(open_it(&s, s.octets, s.len - 1, "front", 0) < 0);
	free(s.octets);
}

static void swap(char *a, char *b)
{
	char t[RECORD];

	memcpy(t, a, RECORD);
	memcpy(a, b, RECORD);
	memcpy(b, t, RECORD);
}

/* covers: GK-014 */
static void records_swapped_repeated_or_added_are_refused(void **state)
{
	struct sealed s;
	char *first, *longer;

	(void)state;
	make(&s, "front", 3 * PLAIN - 5, RECORD);
	first = s.octets + ECE_HEAD_SIZE;
	swap(first, first + RECORD);
	assert_true(open_it(&s, s.octets, s.len, "front", 0) < 0);
	swap(first, first + RECORD);
	longer = xcalloc(1, s.len + RECORD);
	memcpy(longer, s.octets, s.len);
	assert_true(open_it(&s, longer, s.len + 1, "front", 0) < 0);
	memcpy(longer + s.len, first + 2 * RECORD, RECORD); /* the last once more */
	assert_true(open_it(&s, longer, s.len + RECORD, "front", 0) < 0);
	memcpy(longer + s.len - RECORD, first + RECORD, RECORD);
	assert_true(open_it(&s, longer, s.len, "front", 0) < 0);
	for (size_t i = ECE_HEAD_SIZE; i < s.len; i += 611) {
		s.octets[i] = (char)(s.octets[i] ^ 1);
		assert_int_equal(open_it(&s, s.octets, s.len, "front", 0), -ERR_DENIED);
		s.octets[i] = (char)(s.octets[i] ^ 1);
	}
	assert_int_equal(open_it(&s, s.octets, s.len, "front", 3 * PLAIN - 5), 0);
	free(longer);
	free(s.octets);
}

static void the_receiver_may_stop_it(void **state)
{
	struct sealed s;
	struct got g = {.stop_at = 2};
	struct ue_opener *o;

	(void)state;
	make(&s, "front", 3 * PLAIN, RECORD);
	o = ue_opener_new(&s.head, &s.keys, on_plain, &g);
	assert_int_equal(ue_opener_take(o, slice_make(s.octets + ECE_HEAD_SIZE, s.len - 50)),
			 -ERR_CLOSED);
	assert_int_equal(ue_opener_take(o, SLICE_LIT("more")), -ERR_CLOSED);
	assert_int_equal(ue_opener_end(o), -ERR_CLOSED);
	assert_int_equal(g.n, 2);
	bytes_fini(&g.plain);
	ue_opener_free(&o);
	free(s.octets);
}

/* covers: GK-014 */
static void a_file_that_becomes_shorter_has_no_end(void **state)
{
	struct ue_octets octets;
	struct sealed s;
	uint64_t size;
	char out[3 * RECORD];
	int in;

	(void)state;
	assert_int_equal(ue_records_temporary(&in), 0);
	assert_int_equal(ftruncate(in, 2 * PLAIN - 1), 0);
	ue_records_seal(SLICE_NULL, &(struct ue_source){.fd = in, .size = 2 * PLAIN}, give_key, &s,
			&octets, &size);
	assert_int_equal(size, ECE_HEAD_SIZE + 2 * RECORD);
	assert_int_equal(octets.read(octets.arg, 0, out, sizeof(out)), ECE_HEAD_SIZE + RECORD);
	assert_int_equal(octets.read(octets.arg, ECE_HEAD_SIZE + RECORD, out, 1), 0);
	octets.drop(octets.arg);
	assert_int_equal(close(in), -1); /* it was taken */
}

static void without_a_key_nothing_is_sealed(void **state)
{
	struct ue_octets octets;
	uint64_t size;
	char out[10];

	(void)state;
	ue_records_seal(SLICE_LIT("front"), &(struct ue_source){.fd = -1}, give_no_key, NULL,
			&octets, &size);
	assert_int_equal(octets.read(octets.arg, 0, out, sizeof(out)), 0);
	assert_int_equal(octets.read(octets.arg, 0, out, sizeof(out)), 0);
	octets.drop(octets.arg);
}

/* A record is sealed once: what lies behind is not made again, maybe of a file that has changed. */
static void nothing_is_sealed_twice(void **state)
{
	struct ue_octets octets;
	struct sealed s;
	uint64_t size;
	char out[100], plain[2 * PLAIN] = {0};

	(void)state;
	ue_records_seal(SLICE_NULL,
			&(struct ue_source){.mem = slice_make(plain, sizeof(plain)),
					    .fd = -1,
					    .size = sizeof(plain)},
			give_key, &s, &octets, &size);
	assert_int_equal(octets.read(octets.arg, ECE_HEAD_SIZE + RECORD + 5, out, 100), 100);
	assert_int_equal(octets.read(octets.arg, ECE_HEAD_SIZE + 5, out, 100), 0);
	octets.drop(octets.arg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_of_all_lengths_come_back),
		cmocka_unit_test(what_is_cut_anywhere_is_refused),
		cmocka_unit_test(records_swapped_repeated_or_added_are_refused),
		cmocka_unit_test(the_receiver_may_stop_it),
		cmocka_unit_test(a_file_that_becomes_shorter_has_no_end),
		cmocka_unit_test(without_a_key_nothing_is_sealed),
		cmocka_unit_test(nothing_is_sealed_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
