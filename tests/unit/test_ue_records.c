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

#define RECORD ECE_RECORD_MIN
#define PLAIN  (RECORD - ECE_OVERHEAD)

struct sealed {
	struct ece_head head;
	struct ece_keys keys;
	char *octets;
	size_t len;
};

static const uint8_t domain[GKID_DOMAIN_SIZE] = {1}, file_key[32] = {2};

static void make(struct sealed *s, const char *front, size_t size)
{
	char *plain = xcalloc(1, size + 1);
	uint64_t len;
	int fd;

	s->head = (struct ece_head){.record = RECORD, .gkid = gkid_make(domain, 7), .salt = {3}};
	ece_keys(&s->head, file_key, &s->keys);
	for (size_t i = 0; i < size; i++)
		plain[i] = (char)(7 * i + 3);
	assert_int_equal(
		ue_records_seal(
			&s->head, &s->keys, slice_str(front),
			&(struct ue_source){.mem = slice_make(plain, size), .fd = -1, .size = size},
			&fd, &len),
		0);
	s->len = (size_t)len;
	s->octets = xcalloc(1, s->len);
	assert_int_equal(pread(fd, s->octets, s->len, 0), s->len);
	assert_int_equal(pread(fd, plain, 1, (off_t)len), 0);
	close(fd);
	free(plain);
}

static int open_it(const struct sealed *s, const char *octets, size_t len, const char *front,
		   size_t size)
{
	struct ue_source from = {.mem = slice_make(octets, len), .fd = -1, .size = len};
	struct bytes first = BYTES_INIT;
	uint64_t got = 0;
	char *plain;
	int fd = -1, rc = ue_records_open(&s->head, &s->keys, &from, &first, &fd, &got);

	if (rc < 0) {
		assert_int_equal(fd, -1);
		assert_int_equal(first.len, 0);
		bytes_fini(&first);
		return rc;
	}
	assert_int_equal(got, strlen(front) + size);
	plain = xcalloc(1, (size_t)got + 1);
	assert_int_equal(pread(fd, plain, (size_t)got + 1, 0), got);
	assert_memory_equal(plain, front, strlen(front));
	for (size_t i = 0; i < size; i++)
		assert_int_equal((unsigned char)plain[strlen(front) + i], (7 * i + 3) & 0xff);
	assert_memory_equal(first.data, plain, first.len);
	assert_true(first.len == got || first.len == PLAIN);
	close(fd);
	free(plain);
	bytes_fini(&first);
	return 0;
}

/* covers: GK-014 */
static void files_of_all_lengths_come_back(void **state)
{
	static const size_t sizes[] = {0,         1,         PLAIN - 6,     PLAIN - 5,
				       PLAIN - 4, PLAIN + 1, 2 * PLAIN - 5, 9000};
	struct sealed s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		make(&s, "front", sizes[i]);
		assert_int_equal(s.len, ece_sealed_size(RECORD, 5 + sizes[i]));
		assert_int_equal(open_it(&s, s.octets, s.len, "front", sizes[i]), 0);
		free(s.octets);
	}
}

/* covers: GK-014 */
static void what_is_cut_anywhere_is_refused(void **state)
{
	struct sealed s;

	(void)state;
	make(&s, "front", 3 * PLAIN - 5); /* whole records to their border */
	for (size_t records = 0; records < 3; records++)
		assert_true(open_it(&s, s.octets, ECE_HEAD_SIZE + records * RECORD, "front", 0) <
			    0);
	for (size_t len = 0; len < s.len; len += 97)
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
	make(&s, "front", 3 * PLAIN - 5);
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
	for (size_t i = ECE_HEAD_SIZE; i < s.len; i += 61) {
		s.octets[i] = (char)(s.octets[i] ^ 1);
		assert_int_equal(open_it(&s, s.octets, s.len, "front", 0), -ERR_DENIED);
		s.octets[i] = (char)(s.octets[i] ^ 1);
	}
	assert_int_equal(open_it(&s, s.octets, s.len, "front", 3 * PLAIN - 5), 0);
	free(longer);
	free(s.octets);
}

static void a_file_that_becomes_shorter_is_not_sealed(void **state)
{
	struct sealed s;
	uint64_t size;
	int in, out = -1;

	(void)state;
	make(&s, "front", 10);
	assert_int_equal(ue_records_temporary(&in), 0);
	assert_int_equal(write(in, "12345", 5), 5);
	assert_int_equal(ue_records_seal(&s.head, &s.keys, SLICE_NULL,
					 &(struct ue_source){.fd = in, .size = 6}, &out, &size),
			 -ERR_IO);
	assert_int_equal(out, -1);
	close(in);
	free(s.octets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_of_all_lengths_come_back),
		cmocka_unit_test(what_is_cut_anywhere_is_refused),
		cmocka_unit_test(records_swapped_repeated_or_added_are_refused),
		cmocka_unit_test(a_file_that_becomes_shorter_is_not_sealed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
