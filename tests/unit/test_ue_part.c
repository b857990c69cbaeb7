/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/ue_part: parts of sealed files, what goes on with them and what does not. */
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
#include "ue/ue_part.h"
#include "ue/ue_records.h"

#define ALICE SLICE_LIT("sip:alice@example.com")
#define BOB   SLICE_LIT("sip:bob@example.com")
#define NAME  SLICE_LIT("plan.bin")
#define WHOLE "0123456789"

struct seen {
	unsigned tickets[32];
	size_t n;
};

static void note(unsigned ticket, void *arg)
{
	struct seen *seen = arg;

	seen->tickets[seen->n++] = ticket;
}

/* Of WHOLE, from octet `first` on. */
static struct ue_range range_of(uint64_t first)
{
	struct ue_range r = {.first = first, .total = strlen(WHOLE)};
	struct digest *d = digest_new();

	digest_add(d, slice_str(WHOLE));
	digest_finish(&d, r.digest);
	return r;
}

static struct ue_part *part_of(struct slice from, struct slice name, unsigned ticket,
			       const char *here, int *fd_r)
{
	struct ue_range r = range_of(1);
	struct ue_part *p;
	int fd;

	assert_int_equal(ue_records_temporary(&fd), 0);
	p = ue_part_new(from, name, &r, fd, ticket);
	assert_int_equal(ue_part_write(p, slice_str(here)), 0);
	if (fd_r)
		*fd_r = dup(fd);
	return p;
}

/* covers: GK-014 */
static void what_is_said_of_a_part_is_read_as_it_is_built(void **state)
{
	struct ue_range in = range_of(4), out;
	char *text;

	(void)state;
	for (in.first = 1; in.first <= in.total; in.first += in.total - 1) {
		text = ue_range_disposition("a plan.bin", &in);
		assert_int_equal(strstr(text, "first") != NULL, in.first > 1);
		assert_int_equal(ue_range_read(slice_str(text), &out), 0);
		assert_true(out.first == in.first && out.total == in.total);
		assert_string_equal(out.digest, in.digest);
		free(text);
	}
	in = (struct ue_range){.total = 7};
	text = ue_range_disposition("x", &in);
	assert_string_equal(text, "attachment; filename=\"x\"; size=7");
	assert_int_equal(ue_range_read(slice_str(text), &out), 0);
	assert_true(out.first == 1 && out.digest[0] == '\0');
	free(text);
}

/* covers: GK-014 */
static void what_makes_no_sense_is_no_part(void **state)
{
	static const char *const bad[] = {
		"attachment; size=10; first=2",
		"attachment; sha-256=%s; first=2",
		"attachment; size=10; sha-256=%s; first=0",
		"attachment; size=10; sha-256=%s; first=11",
		"attachment; size=10; sha-256=%s; first=-1",
		"attachment; size=10; sha-256=%s; first=2x",
		"attachment; size=10; sha-256=%s; first=99999999999999999999",
		"attachment; size=10; sha-256=%sa; first=2",
		"attachment; size=x; sha-256=%s",
		"attachment; size=0; sha-256=%s; first=1",
	};
	struct ue_range r = range_of(1), out;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *at = strstr(bad[i], "%s");
		char *text =
			at ? xasprintf("%.*s%s%s", (int)(at - bad[i]), bad[i], r.digest, at + 2)
			   : xstrdup(bad[i]);

		assert_int_equal(ue_range_read(slice_str(text), &out), -ERR_SYNTAX);
		free(text);
	}
}

/* covers: GK-014, FT-001 */
static void a_part_goes_on_and_is_the_whole(void **state)
{
	struct seen seen = {.n = 0};
	struct ue_parts *ps = ue_parts_new(note, &seen);

	(void)state;
	for (uint64_t first = 1; first <= 5; first++) {
		struct ue_range r = range_of(first);
		char why[UE_PART_WHY_SIZE], got[16] = "";
		struct ue_part *p;
		int fd;

		ue_parts_keep(ps, part_of(ALICE, NAME, 7, "0123", &fd), 0);
		p = ue_parts_take(ps, ALICE, NAME, &r, why);
		assert_non_null(p);
		assert_true(ue_part_ticket(p) == 7 && ue_part_there(p) == 4);
		for (uint64_t at = first - 1; at < r.total; at++)
			assert_int_equal(ue_part_write(p, slice_make(&WHOLE[at], 1)), 0);
		assert_int_equal(ue_part_write(p, SLICE_LIT("x")), -ERR_LIMIT);
		assert_true(ue_part_is_whole(p));
		assert_int_equal(pread(fd, got, sizeof(got), 0), strlen(WHOLE));
		assert_string_equal(got, WHOLE);
		ue_part_free(&p);
		close(fd);
	}
	assert_int_equal(seen.n, 0);
	ue_parts_free(&ps);
}

/* covers: GK-014, FT-007 */
static void what_is_shorter_or_another_is_not_the_whole(void **state)
{
	static const char *const rest[] = {"45678", "45678x", "", NULL};

	(void)state;
	for (size_t i = 0; rest[i]; i++) {
		struct ue_part *p = part_of(ALICE, NAME, 1, "0123", NULL);

		assert_int_equal(ue_part_write(p, slice_str(rest[i])), 0);
		assert_false(ue_part_is_whole(p));
		ue_part_free(&p);
	}
}

/* covers: GK-014, FT-001 */
static void what_does_not_fit_is_not_taken(void **state)
{
	struct seen seen = {.n = 0};
	struct ue_parts *ps = ue_parts_new(note, &seen);
	struct ue_range r = range_of(5);
	char why[UE_PART_WHY_SIZE];
	struct ue_part *p;

	(void)state;
	ue_parts_keep(ps, part_of(ALICE, NAME, 7, "0123", NULL), 0);
	assert_null(ue_parts_take(ps, BOB, NAME, &r, why));
	assert_non_null(strstr(why, "nothing of its sender's"));
	assert_null(ue_parts_take(ps, ALICE, SLICE_LIT("other.bin"), &r, why));
	r.first = 6;
	assert_null(ue_parts_take(ps, ALICE, NAME, &r, why));
	assert_non_null(strstr(why, "octet 6, and the first 4 of 10"));
	assert_int_equal(seen.n, 0); /* it is none the worse */
	r.first = 5;
	p = ue_parts_take(ps, ALICE, NAME, &r, why);
	assert_non_null(p);
	assert_null(ue_parts_take(ps, ALICE, NAME, &r, why)); /* once at a time */
	ue_parts_keep(ps, p, 0);
	r.digest[0] = r.digest[0] == '0' ? '1' : '0';
	assert_null(ue_parts_take(ps, ALICE, NAME, &r, why));
	assert_non_null(strstr(why, "another file"));
	assert_true(seen.n == 1 && seen.tickets[0] == 7);
	ue_parts_keep(ps, part_of(ALICE, NAME, 8, "0123", NULL), 0);
	r = range_of(5);
	r.total++;
	assert_null(ue_parts_take(ps, ALICE, NAME, &r, why));
	assert_true(seen.n == 2 && seen.tickets[1] == 8);
	ue_parts_free(&ps);
}

/* covers: GK-014 */
static void parts_are_few_and_do_not_last(void **state)
{
	struct seen seen = {.n = 0};
	struct ue_parts *ps = ue_parts_new(note, &seen);

	(void)state;
	for (unsigned i = 0; i <= UE_PARTS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%u", i);
		ue_parts_keep(ps, part_of(ALICE, slice_str(name), i, "01", NULL), i);
	}
	assert_true(seen.n == 1 && seen.tickets[0] == 0);
	ue_parts_keep(ps, part_of(ALICE, SLICE_LIT("2"), 20, "01", NULL), 20);
	assert_true(seen.n == 2 && seen.tickets[1] == 2);
	ue_parts_begin(ps, ALICE, SLICE_LIT("3"));
	assert_true(seen.n == 3 && seen.tickets[2] == 3);
	assert_true(ue_parts_age(ps, UE_PARTS_MS));
	assert_int_equal(seen.n, 3);
	assert_true(ue_parts_age(ps, UE_PARTS_MS + 1));
	assert_true(seen.n == 4 && seen.tickets[3] == 1);
	assert_false(ue_parts_age(ps, UE_PARTS_MS + 20));
	assert_int_equal(seen.n, 10);
	ue_parts_free(&ps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_of_a_part_is_read_as_it_is_built),
		cmocka_unit_test(what_makes_no_sense_is_no_part),
		cmocka_unit_test(a_part_goes_on_and_is_the_whole),
		cmocka_unit_test(what_is_shorter_or_another_is_not_the_whole),
		cmocka_unit_test(what_does_not_fit_is_not_taken),
		cmocka_unit_test(parts_are_few_and_do_not_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
