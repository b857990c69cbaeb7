/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/ue_held: messages that wait for their key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "common/mem.h"
#include "ue/ue_held.h"

static const uint8_t domain[GKID_DOMAIN_SIZE] = {1};

static bool is_here(const struct gkid *id, void *arg)
{
	return gkid_epoch(id) == *(uint32_t *)arg;
}

static int add(struct ue_held *h, uint32_t epoch, const char *text, uint64_t now_ms)
{
	struct gkid id = gkid_make(domain, epoch);

	return ue_held_add(h, &id, slice_str(text), now_ms, 1);
}

/* Is the next one this? NULL: there is none. */
static void expect(struct ue_held *h, uint32_t epoch, uint64_t now_ms, const char *text)
{
	struct ue_held_item *item = NULL;

	assert_int_equal(ue_held_next(h, is_here, &epoch, now_ms, &item), text != NULL);
	if (text)
		assert_true(slice_eq_str(slice_make(item->octets, item->len), text));
	ue_held_drop(&item);
}

/* covers: CMS-005 */
static void a_key_releases_its_messages_in_their_order(void **state)
{
	struct ue_held *h = ue_held_new();

	(void)state;
	assert_int_equal(add(h, 8, "one", 0), 0);
	assert_int_equal(add(h, 9, "two", 1), 0);
	assert_int_equal(add(h, 8, "three", 2), 0);
	expect(h, 7, 3, NULL);
	expect(h, 8, 3, "one");
	expect(h, 8, 3, "three");
	expect(h, 8, 3, NULL);
	expect(h, 0, 1 + UE_HELD_MS - 1, NULL);
	expect(h, 0, 1 + UE_HELD_MS, "two"); /* it waited long enough */
	ue_held_free(&h);
}

/* covers: CMS-005 */
static void no_more_than_64_messages_and_256_kib_wait(void **state)
{
	struct ue_held *h = ue_held_new();
	struct gkid id = gkid_make(domain, 8);
	char *big = xcalloc(1, UE_HELD_OCTETS + 1);

	(void)state;
	for (int i = 0; i < UE_HELD_MESSAGES; i++)
		assert_int_equal(add(h, 8, "x", 0), 0);
	assert_int_equal(add(h, 8, "x", 0), -ERR_LIMIT);
	expect(h, 8, 0, "x");
	assert_int_equal(add(h, 8, "y", 0), 0);
	ue_held_free(&h);
	h = ue_held_new();
	assert_int_equal(ue_held_add(h, &id, slice_make(big, UE_HELD_OCTETS + 1), 0, 1),
			 -ERR_LIMIT);
	assert_int_equal(ue_held_add(h, &id, slice_make(big, UE_HELD_OCTETS - 1), 0, 1), 0);
	assert_int_equal(add(h, 8, "xy", 0), -ERR_LIMIT);
	assert_int_equal(add(h, 8, "x", 0), 0);
	ue_held_free(&h);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_releases_its_messages_in_their_order),
		cmocka_unit_test(no_more_than_64_messages_and_256_kib_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
