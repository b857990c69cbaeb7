/* SPDX-License-Identifier: Apache-2.0 */
/* What Replaces and Join say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mrfc/sip/sip_ref.h"

static void tags_are_found_in_any_order(void **state)
{
	/* covers: REF-026 */
	struct sip_ref ref = {.kind = SIP_REF_REPLACES};

	(void)state;
	assert_int_equal(
		sip_ref_parse(
			SLICE_LIT("12@a.example ; From-Tag=f ;x=\"y\"; to-tag = t;early-only"),
			&ref),
		0);
	assert_int_equal(ref.kind, SIP_REF_REPLACES);
	assert_true(slice_eq_str(ref.call_id, "12@a.example"));
	assert_true(slice_eq_str(ref.to_tag, "t"));
	assert_true(slice_eq_str(ref.from_tag, "f"));
	assert_true(ref.early_only);
	assert_int_equal(sip_ref_parse(SLICE_LIT("a;to-tag=1;from-tag=2"), &ref), 0);
	assert_false(ref.early_only);
}

static void what_is_incomplete_or_doubled_is_refused(void **state)
{
	/* covers: REF-025 */
	static const char *const bad[] = {"",
					  ";to-tag=1;from-tag=2",
					  "a",
					  "a;to-tag=1",
					  "a;from-tag=1",
					  "a;to-tag=;from-tag=2",
					  "a;to-tag;from-tag=2",
					  "a;to-tag=1;to-tag=1;from-tag=2",
					  "a;to-tag=1;from-tag=2;from-tag=3",
					  "a b;to-tag=1;from-tag=2",
					  "a;to-tag=1 2;from-tag=2",
					  "a;to-tag=1;from-tag=2;",
					  "a,b;to-tag=1;from-tag=2"};
	struct sip_ref ref = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sip_ref_parse(slice_str(bad[i]), &ref), -ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_are_found_in_any_order),
		cmocka_unit_test(what_is_incomplete_or_doubled_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
