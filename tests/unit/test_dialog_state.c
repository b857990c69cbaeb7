/* SPDX-License-Identifier: Apache-2.0 */
/* The state table of INVITE sessions: every pair of state and event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mrfc/sip/dialog_state.h"

/* Rows: states, columns: events in the order of the enum. '.' cannot happen, else the next state. */
static const char *const expected[DIALOG_N_STATES] = {
	/* INVITE_IN INVITE_OUT ANSWER REFUSE CANCEL_IN ACK NO_ACK PROVISIONAL OK FAILED HANGUP BYE_IN */
	[DIALOG_NEW] = "14........8.",        [DIALOG_INCOMING] = "..288......8",
	[DIALOG_ACCEPTED] = ".....78...38",   [DIALOG_LEAVING] = ".....88....8",
	[DIALOG_CALLING] = ".......5786.",    [DIALOG_RINGING] = ".......5786.",
	[DIALOG_CANCELLING] = ".......688..", [DIALOG_CONFIRMED] = "..........88",
	[DIALOG_ENDED] = "............"};

static void every_pair_of_state_and_event_leads_where_the_rfc_says(void **state)
{
	/* covers: FOC-025, FOC-026 */
	(void)state;
	for (int s = 0; s < DIALOG_N_STATES; s++) {
		for (int e = 0; e < DIALOG_N_EVENTS; e++) {
			char c = expected[s][e];
			int want = c == '.' ? -ERR_WRONG_STATE : c - '0';
			int got = dialog_state_next((enum dialog_state)s, (enum dialog_event)e);

			if (got != want)
				print_error("%s, %s\n", dialog_state_name((enum dialog_state)s),
					    dialog_event_name((enum dialog_event)e));
			assert_int_equal(got, want);
		}
	}
}

static void the_digits_above_are_the_states_they_look_like(void **state)
{
	(void)state;
	assert_int_equal(DIALOG_INCOMING, 1);
	assert_int_equal(DIALOG_ACCEPTED, 2);
	assert_int_equal(DIALOG_LEAVING, 3);
	assert_int_equal(DIALOG_CALLING, 4);
	assert_int_equal(DIALOG_RINGING, 5);
	assert_int_equal(DIALOG_CANCELLING, 6);
	assert_int_equal(DIALOG_CONFIRMED, 7);
	assert_int_equal(DIALOG_ENDED, 8);
}

static void every_state_and_event_has_a_name_and_others_have_none(void **state)
{
	(void)state;
	for (int s = 0; s < DIALOG_N_STATES; s++)
		assert_string_not_equal(dialog_state_name((enum dialog_state)s), "?");
	for (int e = 0; e < DIALOG_N_EVENTS; e++)
		assert_string_not_equal(dialog_event_name((enum dialog_event)e), "?");
	assert_string_equal(dialog_state_name(DIALOG_N_STATES), "?");
	assert_int_equal(dialog_state_next(DIALOG_N_STATES, DIALOG_EV_ACK), -ERR_WRONG_STATE);
	assert_int_equal(dialog_state_next(DIALOG_NEW, DIALOG_N_EVENTS), -ERR_WRONG_STATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_of_state_and_event_leads_where_the_rfc_says),
		cmocka_unit_test(the_digits_above_are_the_states_they_look_like),
		cmocka_unit_test(every_state_and_event_has_a_name_and_others_have_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
