/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: the whole table, for every action, role and option. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mrfc/conference/access.h"

/* Somebody of each rank, as the focus would describe him. */
static const struct access_facts people[ACCESS_RANKS] = {
	[ACCESS_STRANGER] = {0},
	[ACCESS_ABSENT] = {.member = true, .role = MEMBER_SPEAKER},
	[ACCESS_LISTENER] = {.member = true, .role = MEMBER_LISTENER, .present = true},
	[ACCESS_SPEAKER] = {.member = true, .role = MEMBER_SPEAKER, .present = true},
	[ACCESS_MODERATOR] = {.member = true, .role = MEMBER_MODERATOR, .present = true},
	[ACCESS_OWNER] = {.member = true, .role = MEMBER_OWNER, .present = true},
	[ACCESS_OPERATOR] = {.is_operator = true},
};

/* The least rank that may, by option (owner, moderators, anyone); written down apart from the table. */
static enum access_rank least(enum access_action action, enum access_who who)
{
	static const enum access_rank by_option[] = {ACCESS_OWNER, ACCESS_MODERATOR,
						     ACCESS_SPEAKER};

	switch (action) {
	case ACCESS_JOIN:
		return ACCESS_STRANGER;
	case ACCESS_LEAVE:
	case ACCESS_SUBSCRIBE:
		return ACCESS_ABSENT;
	case ACCESS_INVITE:
	case ACCESS_KICK:
		return by_option[who];
	case ACCESS_BAN:
		return who == ACCESS_WHO_OWNER ? ACCESS_OWNER : ACCESS_MODERATOR;
	case ACCESS_RENAME:
	case ACCESS_LOCK:
	case ACCESS_MUTE:
		return ACCESS_MODERATOR;
	case ACCESS_PROMOTE:
		return ACCESS_OWNER;
	case ACCESS_END:
		return who == ACCESS_WHO_ANYONE ? ACCESS_SPEAKER : ACCESS_OWNER;
	default:
		return ACCESS_OPERATOR;
	}
}

static void every_role_may_what_the_table_says_under_every_option(void **state)
{
	/* covers: REF-002, REF-015, FOC-011, FOC-019, CONF-004 */
	(void)state;
	for (int a = 0; a < ACCESS_N; a++) {
		for (int rank = 0; rank < ACCESS_RANKS; rank++) {
			for (int who = 0; who <= ACCESS_WHO_ANYONE; who++) {
				struct access_facts f = people[rank];
				enum access_action action = (enum access_action)a;

				f.invite = f.remove = (enum access_who)who;
				assert_int_equal(access_rank_of(&f), rank);
				assert_int_equal(access_judge(action, &f),
						 (enum access_rank)rank >=
								 least(action, (enum access_who)who)
							 ? ACCESS_GRANTED
							 : ACCESS_ROLE);
			}
		}
	}
}

static void an_option_reaches_no_other_action(void **state)
{
	struct access_facts f = people[ACCESS_SPEAKER];

	(void)state;
	f.invite = ACCESS_WHO_ANYONE;
	assert_int_equal(access_judge(ACCESS_KICK, &f), ACCESS_ROLE);
	f.invite = ACCESS_WHO_OWNER;
	f.remove = ACCESS_WHO_ANYONE;
	assert_int_equal(access_judge(ACCESS_INVITE, &f), ACCESS_ROLE);
}

static void an_ended_conference_is_not_found_by_anybody(void **state)
{
	/* covers: FOC-007, CONF-003 */
	(void)state;
	for (int a = 0; a < ACCESS_N; a++) {
		for (int rank = 0; rank < ACCESS_RANKS; rank++) {
			struct access_facts f = people[rank];

			f.ending = true;
			assert_int_equal(access_judge((enum access_action)a, &f), ACCESS_ENDED);
		}
	}
	assert_int_equal(access_status(ACCESS_ENDED), 404);
}

static void who_is_barred_may_only_leave(void **state)
{
	/* covers: FOC-008, CONF-004 */
	(void)state;
	for (int a = 0; a < ACCESS_N; a++) {
		for (int rank = 0; rank < ACCESS_OPERATOR; rank++) {
			struct access_facts f = people[rank];

			f.barred = true;
			if (a == ACCESS_LEAVE && rank != ACCESS_STRANGER)
				assert_int_equal(access_judge(ACCESS_LEAVE, &f), ACCESS_GRANTED);
			else if (a != ACCESS_LEAVE)
				assert_int_equal(access_judge((enum access_action)a, &f),
						 ACCESS_BARRED);
		}
	}
	assert_int_equal(access_status(ACCESS_BARRED), 403);
}

static void a_locked_conference_takes_members_back_and_nobody_new(void **state)
{
	/* covers: FOC-008, CONF-015 */
	(void)state;
	for (int rank = 0; rank < ACCESS_RANKS; rank++) {
		struct access_facts f = people[rank];

		f.locked = true;
		assert_int_equal(access_join(&f), rank == ACCESS_STRANGER ? 403 : 0);
		f.vouched = true; /* whom a moderator brings in passes */
		assert_int_equal(access_bring(&f), ACCESS_GRANTED);
	}
}

static void only_moderators_and_owners_bring_others_past_the_lock(void **state)
{
	/* covers: FOC-008 */
	(void)state;
	for (int rank = 0; rank < ACCESS_RANKS; rank++)
		assert_int_equal(access_vouches(&people[rank]), rank >= ACCESS_MODERATOR);
}

static void a_closed_conference_takes_its_list_and_nobody_else(void **state)
{
	/* covers: IMS-020 */
	struct access_facts f = {.closed = true, .vouched = true};

	(void)state;
	assert_int_equal(access_judge(ACCESS_JOIN, &f), ACCESS_CLOSED);
	assert_int_equal(access_bring(&f), ACCESS_CLOSED);
	assert_int_equal(access_status(ACCESS_CLOSED), 403);
	f.listed = true;
	assert_int_equal(access_join(&f), 0);
	assert_int_equal(access_bring(&f), ACCESS_GRANTED);
	f = people[ACCESS_ABSENT];
	f.closed = true;
	assert_int_equal(access_join(&f), 0);
}

static void the_last_place_is_given_and_then_the_conference_is_full(void **state)
{
	/* covers: FOC-009, FOC-024, IMS-020 */
	struct access_facts f = {.n_users = 9, .max_users = 10};

	(void)state;
	assert_int_equal(access_join(&f), 0);
	f.n_users = 10;
	assert_int_equal(access_join(&f), 486);
	assert_int_equal(access_bring(&f), ACCESS_FULL);
	f.present = true; /* a second device of who is in */
	assert_int_equal(access_join(&f), 0);
	f = (struct access_facts){.n_users = 100000};
	assert_int_equal(access_join(&f), 0);
}

static void nobody_acts_on_a_higher_role_and_everybody_on_himself(void **state)
{
	/* covers: REF-015 */
	static const enum access_action actions[] = {ACCESS_KICK, ACCESS_BAN, ACCESS_MUTE};

	(void)state;
	for (size_t a = 0; a < sizeof(actions) / sizeof(actions[0]); a++) {
		for (int rank = ACCESS_SPEAKER; rank < ACCESS_RANKS; rank++) {
			for (int target = MEMBER_LISTENER; target <= MEMBER_OWNER; target++) {
				struct access_facts f = people[rank];
				bool higher =
					(target == MEMBER_OWNER && rank < ACCESS_OWNER) ||
					(target == MEMBER_MODERATOR && rank < ACCESS_MODERATOR);
				enum access_denial plain;

				f.remove = ACCESS_WHO_ANYONE;
				plain = access_judge(actions[a], &f);
				f.target_member = true;
				f.target = (enum member_role)target;
				assert_int_equal(access_judge(actions[a], &f),
						 plain == ACCESS_GRANTED && higher ? ACCESS_HIGHER
										   : plain);
			}
		}
	}
	struct access_facts self = people[ACCESS_LISTENER];
	self.self = true;
	assert_int_equal(access_remove(&self), 0);
	assert_int_equal(access_status(ACCESS_HIGHER), 403);
}

static void moderators_mute_and_only_owners_make_moderators(void **state)
{
	/* covers: FOC-011 */
	(void)state;
	for (int rank = 0; rank < ACCESS_RANKS; rank++) {
		for (int from = MEMBER_LISTENER; from <= MEMBER_OWNER; from++) {
			for (int to = MEMBER_LISTENER; to <= MEMBER_OWNER; to++) {
				bool high = from >= MEMBER_MODERATOR || to >= MEMBER_MODERATOR;
				bool may = rank >= (high ? ACCESS_OWNER : ACCESS_MODERATOR);

				assert_int_equal(access_set_role(&people[rank],
								 (enum member_role)from,
								 (enum member_role)to),
						 may ? ACCESS_GRANTED : ACCESS_ROLE);
			}
		}
	}
}

static void strangers_watch_as_the_option_says_and_never_a_closed_one(void **state)
{
	/* covers: CONF-004 */
	static const bool may[3][2] = {{false, false}, {false, true}, {true, true}};

	(void)state;
	for (int watchers = 0; watchers < 3; watchers++) {
		for (int trusted = 0; trusted < 2; trusted++) {
			struct access_facts f = {.watchers = (enum access_watchers)watchers,
						 .trusted = trusted != 0};

			assert_int_equal(access_subscribe(&f), may[watchers][trusted] ? 0 : 403);
			f.closed = true;
			assert_int_equal(access_subscribe(&f), 403);
			f.listed = true;
			assert_int_equal(access_subscribe(&f), 0);
		}
	}
}

static void owners_and_moderators_act_without_being_there_and_others_do_not(void **state)
{
	/* covers: REF-002 */
	struct access_facts f = {.member = true, .role = MEMBER_OWNER};

	(void)state;
	assert_int_equal(access_end(&f), 0);
	f.role = MEMBER_MODERATOR;
	assert_int_equal(access_rank_of(&f), ACCESS_MODERATOR);
	f.role = MEMBER_LISTENER;
	assert_int_equal(access_rank_of(&f), ACCESS_ABSENT);
	f = (struct access_facts){.present = true}; /* in, and of no list */
	assert_int_equal(access_rank_of(&f), ACCESS_SPEAKER);
	f = (struct access_facts){.owner = true};
	assert_int_equal(access_rank_of(&f), ACCESS_OWNER);
}

static void every_denial_has_a_status_and_a_text_and_every_action_a_name(void **state)
{
	(void)state;
	for (int d = ACCESS_GRANTED + 1; d < ACCESS_DENIALS; d++) {
		assert_true(access_status((enum access_denial)d) >= 400);
		assert_true(access_text((enum access_denial)d)[0] != '\0');
	}
	assert_int_equal(access_status(ACCESS_GRANTED), 0);
	for (int a = 0; a < ACCESS_N; a++)
		assert_true(access_action_name((enum access_action)a)[0] != '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_role_may_what_the_table_says_under_every_option),
		cmocka_unit_test(an_option_reaches_no_other_action),
		cmocka_unit_test(an_ended_conference_is_not_found_by_anybody),
		cmocka_unit_test(who_is_barred_may_only_leave),
		cmocka_unit_test(a_locked_conference_takes_members_back_and_nobody_new),
		cmocka_unit_test(only_moderators_and_owners_bring_others_past_the_lock),
		cmocka_unit_test(a_closed_conference_takes_its_list_and_nobody_else),
		cmocka_unit_test(the_last_place_is_given_and_then_the_conference_is_full),
		cmocka_unit_test(nobody_acts_on_a_higher_role_and_everybody_on_himself),
		cmocka_unit_test(moderators_mute_and_only_owners_make_moderators),
		cmocka_unit_test(strangers_watch_as_the_option_says_and_never_a_closed_one),
		cmocka_unit_test(owners_and_moderators_act_without_being_there_and_others_do_not),
		cmocka_unit_test(every_denial_has_a_status_and_a_text_and_every_action_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
