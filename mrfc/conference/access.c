/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy of conferences as plain decisions over facts; the focus gathers the facts and obeys. The
 * table below is the whole of it but for three things that a role cannot say: an ended conference
 * is found by nobody, who is barred may only leave, nobody acts on a higher role.
 */
#include "mrfc/conference/access.h"

/*
 * y  yes
 * -  no
 * n  as a newcomer: not while the conference is locked; never in a closed one unless listed
 * i  as conference.invite says
 * r  as conference.remove says
 * e  where conference.remove says anyone
 * w  as event.watchers says; in a closed one only if listed
 *
 * Columns, in the order of enum access_rank: stranger, absent, listener, speaker, moderator, owner,
 * operator.
 */
static const char *const table[ACCESS_N] = {
	[ACCESS_JOIN] = "nyyyyyy", [ACCESS_LEAVE] = "-yyyyyy",     [ACCESS_INVITE] = "---iiyy",
	[ACCESS_KICK] = "---rryy", [ACCESS_BAN] = "----ryy",       [ACCESS_RENAME] = "----yyy",
	[ACCESS_LOCK] = "----yyy", [ACCESS_MUTE] = "----yyy",      [ACCESS_PROMOTE] = "-----yy",
	[ACCESS_END] = "---eeyy",  [ACCESS_SUBSCRIBE] = "wyyyyyy", [ACCESS_IDENTITIES] = "------y",
};

static const char *const action_names[ACCESS_N] = {"join",    "leave",  "invite",    "kick",
						   "ban",     "rename", "lock",      "mute",
						   "promote", "end",    "subscribe", "identities"};

static const struct {
	int status;
	const char *text;
} denials[ACCESS_DENIALS] = {
	[ACCESS_GRANTED] = {0, ""},
	[ACCESS_ENDED] = {404, "The conference is over"},
	[ACCESS_BARRED] = {403, "Barred from the conference"},
	[ACCESS_LOCKED] = {403, "The conference is locked"},
	[ACCESS_CLOSED] = {403, "The conference is closed: only its members may join"},
	[ACCESS_ROLE] = {403, "Not allowed in this role"},
	[ACCESS_HIGHER] = {403, "The other user has a higher role"},
	[ACCESS_ANONYMOUS] = {433, "Anonymous participants are not admitted"},
	[ACCESS_FULL] = {486, "The conference is full"},
};

enum access_rank access_rank_of(const struct access_facts *f)
{
	if (f->is_operator)
		return ACCESS_OPERATOR;
	if (f->owner || (f->member && f->role == MEMBER_OWNER))
		return ACCESS_OWNER;
	if (f->member && f->role == MEMBER_MODERATOR)
		return ACCESS_MODERATOR;
	if (!f->present)
		return f->member ? ACCESS_ABSENT : ACCESS_STRANGER;
	return f->member && f->role == MEMBER_LISTENER ? ACCESS_LISTENER : ACCESS_SPEAKER;
}

/* Does an option that names these reach down to the rank? */
static bool named(enum access_who who, enum access_rank rank)
{
	return who >= (rank == ACCESS_MODERATOR ? ACCESS_WHO_MODERATORS : ACCESS_WHO_ANYONE);
}

static enum access_denial newcomer(const struct access_facts *f)
{
	if (f->closed && !f->listed)
		return ACCESS_CLOSED;
	return f->locked && !f->vouched ? ACCESS_LOCKED : ACCESS_GRANTED;
}

static bool watches(const struct access_facts *f)
{
	if (f->closed)
		return f->listed;
	return f->watchers == ACCESS_WATCH_ANYONE ||
	       (f->watchers == ACCESS_WATCH_TRUSTED && f->trusted);
}

static enum access_denial by_table(enum access_action action, const struct access_facts *f)
{
	enum access_rank rank = access_rank_of(f);
	bool may = false;

	switch (table[action][rank]) {
	case 'y':
		may = true;
		break;
	case 'n':
		return newcomer(f);
	case 'i':
		may = named(f->invite, rank);
		break;
	case 'r':
		may = named(f->remove, rank);
		break;
	case 'e':
		may = f->remove == ACCESS_WHO_ANYONE;
		break;
	case 'w':
		may = watches(f);
		break;
	default:
		break;
	}
	return may ? ACCESS_GRANTED : ACCESS_ROLE;
}

/* A further device of a user who is in takes no further place. */
static bool no_place(const struct access_facts *f)
{
	return !f->present && f->max_users != 0 && f->n_users >= f->max_users;
}

static bool acts_on_higher(enum access_action action, const struct access_facts *f)
{
	bool on_others = action == ACCESS_KICK || action == ACCESS_BAN || action == ACCESS_MUTE;

	if (!on_others || f->self || !f->target_member || f->target < MEMBER_MODERATOR)
		return false;
	return access_rank_of(f) < (f->target == MEMBER_OWNER ? ACCESS_OWNER : ACCESS_MODERATOR);
}

enum access_denial access_judge(enum access_action action, const struct access_facts *f)
{
	enum access_denial d;

	if (f->ending)
		return ACCESS_ENDED;
	if (f->barred && action != ACCESS_LEAVE && !f->is_operator)
		return ACCESS_BARRED;
	if (action == ACCESS_JOIN && f->anonymous && f->refuses_anonymous)
		return ACCESS_ANONYMOUS; /* RFC 5079 */
	d = by_table(action, f);
	if (d == ACCESS_GRANTED && action == ACCESS_JOIN && no_place(f))
		d = ACCESS_FULL;
	if (d == ACCESS_GRANTED && acts_on_higher(action, f))
		d = ACCESS_HIGHER;
	return d;
}

enum access_denial access_bring(const struct access_facts *target)
{
	return access_judge(ACCESS_JOIN, target);
}

bool access_vouches(const struct access_facts *f)
{
	return access_judge(ACCESS_LOCK, f) == ACCESS_GRANTED;
}

enum access_denial access_set_role(const struct access_facts *f, enum member_role from,
				   enum member_role to)
{
	struct access_facts about = *f;
	bool high = from >= MEMBER_MODERATOR || to >= MEMBER_MODERATOR;

	about.target_member = true;
	about.target = from;
	return access_judge(high ? ACCESS_PROMOTE : ACCESS_MUTE, &about);
}

int access_status(enum access_denial d)
{
	return denials[d].status;
}

const char *access_text(enum access_denial d)
{
	return denials[d].text;
}

const char *access_action_name(enum access_action action)
{
	return action_names[action];
}

int access_join(const struct access_facts *f)
{
	return access_status(access_judge(ACCESS_JOIN, f));
}

int access_remove(const struct access_facts *f)
{
	return access_status(access_judge(f->self ? ACCESS_LEAVE : ACCESS_KICK, f));
}

int access_end(const struct access_facts *f)
{
	return access_status(access_judge(ACCESS_END, f));
}

int access_subscribe(const struct access_facts *f)
{
	return access_status(access_judge(ACCESS_SUBSCRIBE, f));
}

enum access_denial access_list(const struct access_facts *f, bool nameless)
{
	return nameless ? ACCESS_ROLE : access_judge(ACCESS_INVITE, f);
}
