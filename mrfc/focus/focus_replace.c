/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An INVITE that names a dialog: Replaces takes a member's place with another device (RFC 3891,
 * RFC 4579 5.9), Join means that dialog's conference (RFC 3911). The old session stays until the
 * new one has its connection, so that no message falls between the two; a failure leaves it alone.
 */
#include "mrfc/focus/focus_replace.h"

#include <stdlib.h>

#include "common/log.h"
#include "mrfc/focus/focus_auth.h"
#include "mrfc/focus/focus_leave.h"
#include "mrfc/focus/focus_member.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/sip/sip_ref.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "focus/replace"

#define BIND_PATIENCE_MS 10000 /* the old session waits that long for the new one's connection */

static bool same_user(const struct identity *a, struct slice uri)
{
	if (sip_uri_same(slice_str(a->uri), uri))
		return true;
	for (size_t i = 0; i < a->n_aliases; i++) {
		if (sip_uri_same(slice_str(a->aliases[i]), uri))
			return true;
	}
	return false;
}

/* By himself, or for him: he sent the one who comes (REF-028). */
static bool may_replace(const struct session *old, const struct identity *who,
			const char *referred_by)
{
	struct bytes display = BYTES_INIT;
	struct slice uri;
	bool may = same_user(&old->who, slice_str(who->uri));

	for (size_t i = 0; i < who->n_aliases && !may; i++)
		may = same_user(&old->who, slice_str(who->aliases[i]));
	if (!may && referred_by != NULL &&
	    sip_name_addr(slice_str(referred_by), &display, &uri) == 0)
		may = same_user(&old->who, uri);
	bytes_fini(&display);
	return may;
}

/* 0, or the status to refuse with (REF-026). */
static int judge(const struct sip_ref *ref, struct dialog *d, const struct session *old)
{
	if (old->taker != NULL)
		return 603; /* somebody was quicker */
	switch (dialog_state(d)) {
	case DIALOG_CONFIRMED:
		return ref->early_only ? 486 : 0;
	case DIALOG_CALLING:
	case DIALOG_RINGING:
		return 0; /* our own call: it is cancelled */
	case DIALOG_ACCEPTED:
		return ref->early_only ? 486 : 481; /* no ACK yet: nothing to take over */
	case DIALOG_ENDED:
	case DIALOG_LEAVING:
		return 603;
	default:
		return 481;
	}
}

static bool refuse(struct sip_in **in, const struct identity *who, int status, const char *why)
{
	log_info("INVITE by %s refused: %d, %s", who->uri, status, why);
	focus_refuse(in, status, 0, why);
	return false;
}

static bool read_replaces(struct focus *f, struct sip_in **in, const struct identity *who,
			  const struct sip_ref *ref, struct join_means *means_r)
{
	struct session *old;
	struct dialog *d;
	int status = dialog_named(f->dialogs, ref, &d);

	if (status != 0)
		return refuse(in, who, status == -ERR_CLOSED ? 603 : 481, "no such dialog");
	old = dialog_arg(d);
	status = judge(ref, d, old);
	if (status != 0)
		return refuse(in, who, status, "that dialog is not to be replaced");
	if (!may_replace(old, who, focus_believes_referrer(*in, who) ? (*in)->referred_by : NULL))
		return refuse(in, who, 403, "only the user himself is replaced, or by his order");
	*means_r = (struct join_means){.room = old->room, .replaced = old};
	return true;
}

bool replace_read(struct focus *f, struct sip_in **in, const struct identity *who,
		  struct join_means *means_r)
{
	struct sip_ref ref;
	struct dialog *d;
	bool factory;

	*means_r = (struct join_means){0};
	if (sip_ref_read(*in, &ref) != 0)
		return refuse(in, who, 400, "Replaces or Join is malformed, or not alone");
	if (ref.kind == SIP_REF_NONE)
		return true;
	if (ref.kind == SIP_REF_REPLACES)
		return read_replaces(f, in, who, &ref, means_r);
	if (dialog_named(f->dialogs, &ref, &d) == 0)
		means_r->room = ((struct session *)dialog_arg(d))->room;
	else if (room_by_uri(f, (*in)->uri, &factory, NULL) == NULL || factory)
		return refuse(in, who, 481, "no such dialog"); /* RFC 3911 4 */
	return true;
}

void replace_forget(struct session *s)
{
	if (s->giver != NULL)
		s->giver->taker = NULL;
	if (s->taker != NULL) {
		s->taker->giver = NULL;
		timer_free(&s->taker->take_timer);
	}
	s->giver = s->taker = NULL;
	timer_free(&s->take_timer);
}

static void give_way(struct session *s)
{
	struct session *giver = s->giver;

	log_info("%s: %s takes the place of %s", s->room->c->name, s->contact, giver->contact);
	if (s->endpoint != NULL && giver->endpoint != NULL)
		s->endpoint->holds_nickname = giver->endpoint->holds_nickname;
	replace_forget(s);
	focus_unwind(giver, UNWIND_REPLACED, 0, s->who.uri, NULL);
}

static void on_patience(void *arg)
{
	give_way(arg);
}

void replace_begin(struct session *s, struct session *giver)
{
	s->giver = giver;
	giver->taker = s;
}

bool replace_may_succeed(struct focus *f, const struct sip_in *in, const struct identity *who)
{
	const char *id = sip_in_header(in, "Session-Replaces", 0);
	struct conference *c = id != NULL ? conference_find_contribution(f->conferences, id) : NULL;

	return c == NULL || member_of(room_of(c), who) != NULL;
}

void replace_former(struct session *s)
{
	const char *id = s->room->session_replaces;
	struct conference *c =
		id == NULL ? NULL : conference_find_contribution(s->room->focus->conferences, id);
	struct session *former = NULL;

	if (c != NULL && c != s->room->c && c->state == CONFERENCE_ACTIVE)
		former = session_of_user(room_of(c), slice_str(s->who.uri), true);
	if (former != NULL && former->taker == NULL && s->giver == NULL)
		replace_begin(s, former);
}

void replace_go_on(struct session *s)
{
	if (s->giver == NULL || !s->announced)
		return;
	if (s->bound || !s->giver->bound) {
		give_way(s);
	} else if (s->take_timer == NULL) {
		s->take_timer = timer_new(s->room->focus->base, on_patience, s);
		timer_start(s->take_timer, BIND_PATIENCE_MS);
	}
}
