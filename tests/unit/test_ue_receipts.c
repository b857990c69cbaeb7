/* SPDX-License-Identifier: Apache-2.0 */
/* Who got and read a message: each person once a kind, numbers without names, what is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "ue/ue_receipts.h"

static const struct ue_receipt *note(struct ue_receipts *r, const char *id, enum imdn_kind kind,
				     enum imdn_status status, const char *who, uint32_t count)
{
	struct imdn doc = {.message_id = (char *)(uintptr_t)id,
			   .kind = kind,
			   .status = status,
			   .count = count};

	return ue_receipts_note(r, &doc, slice_str(who));
}

/* covers: IMDN-011, IMS-013 */
static void people_count_once_and_numbers_are_added(void **state)
{
	struct ue_receipts *r = ue_receipts_new();
	const struct ue_receipt *x;

	(void)state;
	ue_receipts_sent(r, "m1", 7);
	x = note(r, "m1", IMDN_DELIVERY, IMDN_DELIVERED, "sip:b@h", 0);
	assert_non_null(x);
	assert_int_equal(x->ticket, 7);
	assert_int_equal(x->delivered, 1);
	assert_null(note(r, "m1", IMDN_DELIVERY, IMDN_DELIVERED, "sip:b@h", 0));
	assert_null(note(r, "m1", IMDN_DELIVERY, IMDN_FAILED, "sip:b@h", 0)); /* one per kind */
	assert_null(note(r, "m2", IMDN_DELIVERY, IMDN_DELIVERED, "sip:c@h", 0));
	assert_null(note(r, "m1", IMDN_PROCESSING, IMDN_STORED, "sip:c@h", 0));
	x = note(r, "m1", IMDN_DELIVERY, IMDN_FAILED, "sip:c@h", 9);
	assert_int_equal(x->failed, 1); /* a name stands for one */
	x = note(r, "m1", IMDN_DELIVERY, IMDN_DELIVERED, "", 88);
	assert_int_equal(x->delivered, 89);
	x = note(r, "m1", IMDN_DISPLAY, IMDN_DISPLAYED, "", 0);
	assert_int_equal(x->displayed, 1);
	x = note(r, "m1", IMDN_DISPLAY, IMDN_DISPLAYED, "sip:b@h", 0);
	assert_int_equal(x->displayed, 2);
	ue_receipts_free(&r);
	assert_null(r);
}

static void the_oldest_message_is_forgotten(void **state)
{
	struct ue_receipts *r = ue_receipts_new();
	char id[16];

	(void)state;
	for (unsigned i = 0; i <= UE_RECEIPTS_MESSAGES; i++) {
		snprintf(id, sizeof(id), "m%u", i);
		ue_receipts_sent(r, id, i);
	}
	assert_null(note(r, "m0", IMDN_DISPLAY, IMDN_DISPLAYED, "sip:b@h", 0));
	assert_non_null(note(r, "m1", IMDN_DISPLAY, IMDN_DISPLAYED, "sip:b@h", 0));
	ue_receipts_free(&r);
}

static void people_are_limited(void **state)
{
	struct ue_receipts *r = ue_receipts_new();
	char uri[32];

	(void)state;
	ue_receipts_sent(r, "m1", 1);
	for (unsigned i = 0; i <= UE_RECEIPTS_PEOPLE; i++) {
		snprintf(uri, sizeof(uri), "sip:u%u@h", i);
		assert_int_equal(note(r, "m1", IMDN_DISPLAY, IMDN_DISPLAYED, uri, 0) != NULL,
				 i < UE_RECEIPTS_PEOPLE);
	}
	ue_receipts_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_count_once_and_numbers_are_added),
		cmocka_unit_test(the_oldest_message_is_forgotten),
		cmocka_unit_test(people_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
