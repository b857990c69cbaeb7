/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of users as a room has them: one user under whichever of his URIs he comes, and the
 * anonymous URI that stands for who hides in all that others get, for as long as he belongs to the
 * room. The real names stay with us: decisions, records, logs and the admin API use them. RFC 3323,
 * RFC 4575 5.6, RFC 7701 5.2.
 */
#include "mrfc/focus/focus_privacy.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfc/conference/privacy.h"
#include "mrfc/focus/focus_member.h"
#include "mrfc/focus/focus_priv.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "focus/privacy"

static struct participant *participant_of(const struct room *room, const struct identity *who)
{
	struct participant *p = roster_find(room->c->roster, slice_str(who->uri));

	for (size_t i = 0; p == NULL && i < who->n_aliases; i++)
		p = roster_find(room->c->roster, slice_str(who->aliases[i]));
	return p;
}

/* The URI by which he is known here, with the further ones. */
static void adopt(struct identity *who, const char *uri, char *const *aliases, size_t n)
{
	char *old = who->uri;

	if (!sip_uri_same(slice_str(old), slice_str(uri))) {
		who->uri = xstrdup(uri);
		identity_add_alias(who, old);
		free(old);
	}
	for (size_t i = 0; i < n; i++)
		identity_add_alias(who, aliases[i]);
}

void room_unify(struct room *room, struct identity *who)
{
	const struct member *m = member_of(room, who);
	const struct participant *p = participant_of(room, who);

	if (m != NULL)
		adopt(who, m->uri, m->aliases, m->n_aliases);
	else if (p != NULL && p->n_live > 0)
		adopt(who, p->uri, p->aliases, p->n_aliases);
}

/* Everybody knows already that he belongs to the room. */
static bool is_known(const struct member *m, const struct participant *p)
{
	return (m != NULL && m->state != MEMBER_INVITED) || (p != NULL && p->n_present > 0);
}

char *room_hide(struct room *room, const struct identity *who)
{
	const struct member *m = member_of(room, who);
	const struct participant *p = participant_of(room, who);
	char *shown;

	if (m != NULL && m->shown != NULL)
		return xstrdup(m->shown);
	if (p != NULL && p->shown != NULL && p->n_live > 0)
		return xstrdup(p->shown);
	if (!who->hidden || is_known(m, p))
		return NULL;
	shown = privacy_make_uri();
	log_info("%s: %s is shown as %s", room->c->name, who->uri, shown);
	return shown;
}

enum access_denial focus_judge_hidden(const struct focus *f, const struct identity *who)
{
	const struct access_facts facts = {.anonymous = who->hidden,
					   .refuses_anonymous = f->config.refuse_anonymous};

	return access_judge(ACCESS_JOIN, &facts);
}

bool room_can_hide(struct room *room, const struct identity *who)
{
	const struct member *m = member_of(room, who);
	const struct participant *p = participant_of(room, who);

	return !who->hidden || (who->privacy & PRIVACY_CRITICAL) == 0 ||
	       (m != NULL && m->shown != NULL) || (p != NULL && p->shown != NULL) ||
	       !is_known(m, p);
}

const char *room_shown(struct room *room, const struct identity *who)
{
	const struct member *m = member_of(room, who);
	const struct session *s = session_of_user(room, slice_str(who->uri), false);

	if (m != NULL && m->shown != NULL)
		return m->shown;
	if (s != NULL && s->shown != NULL)
		return s->shown;
	return who->hidden && s == NULL ? PRIVACY_ANONYMOUS : who->uri;
}

/* The device's GRUU says which one it is: without its parameter (RFC 5627). */
static char *without_gruu(const char *contact)
{
	struct slice rest = slice_str(contact), one;
	struct bytes out = BYTES_INIT;
	char *text;

	while (slice_next(&rest, ';', &one)) {
		if (slice_ieq_str(one, "gr") || slice_istarts(one, SLICE_LIT("gr=")))
			continue;
		bytes_addf(&out, "%s" SLICE_FMT, out.len > 0 ? ";" : "", SLICE_ARG(one));
	}
	text = xstrdup(bytes_cstr(&out));
	bytes_fini(&out);
	return text;
}

char *session_entity(const struct session *s)
{
	if (s->shown != NULL)
		return xstrdup(s->shown);
	if (s->who.hidden)
		return xstrdup(PRIVACY_ANONYMOUS);
	return s->room->focus->config.show_gruu ? xstrdup(s->contact) : without_gruu(s->contact);
}
