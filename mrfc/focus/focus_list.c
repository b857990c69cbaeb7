/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of users in requests: an INVITE that brings its guests (RFC 5366), a REFER for many
 * (RFC 5368), a list that answers a call (RFC 5318). Nobody is called before the sender may call all
 * of them. What is refused and what calls carry is in the files beside.
 */
#include "mrfc/focus/focus_list.h"

#include <stdlib.h>
#include <strings.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfc/conference/privacy.h"
#include "mrfc/focus/focus_access.h"
#include "mrfc/focus/focus_auth.h"
#include "mrfc/focus/focus_dialout.h"
#include "mrfc/focus/focus_member.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_privacy.h"
#include "mrfc/focus/focus_turn.h"
#include "proto/media_type.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "focus/list"

#define HEADERS_MAX 255 /* of Max-Forwards */
#define BREADTH_MAX 1000000

/* What one request asks for. */
struct list_order {
	struct urilist *list;
	struct list_call call; /* what each call gets */
	char *asker;           /* who asks; NULL: nobody, the operator */
	char *by;              /* as others may know him; NULL: he hides */
	char *referred_by;     /* header value; NULL */
};

struct asker {
	struct focus *f;
	const struct identity *who; /* NULL: nobody */
};

void list_call_fini(struct list_call *c)
{
	chunk_unref(&c->history);
}

void list_order_free(struct list_order **op)
{
	struct list_order *o = *op;

	if (o == NULL)
		return;
	*op = NULL;
	urilist_free(&o->list);
	list_call_fini(&o->call);
	free(o->asker);
	free(o->by);
	free(o->referred_by);
	free(o);
}

bool list_is_part(const struct sip_part *p)
{
	return p->disposition != NULL &&
	       slice_ieq_str(slice_trim(slice_first(slice_str(p->disposition),
						    strcspn(p->disposition, ";"))),
			     "recipient-list");
}

static bool is_list_type(const struct sip_part *p)
{
	return slice_ieq_str(media_type_base(slice_str(p->type)), LIST_TYPE);
}

static bool is_ours(const char *uri, void *arg)
{
	const struct asker *a = arg;

	return room_uri_is_mine(a->f, uri);
}

static bool is_self(const char *uri, void *arg)
{
	const struct asker *a = arg;

	if (a->who == NULL)
		return false;
	for (size_t i = 0; i < a->who->n_aliases; i++) {
		if (sip_uri_same(slice_str(a->who->aliases[i]), slice_str(uri)))
			return true;
	}
	return sip_uri_same(slice_str(a->who->uri), slice_str(uri));
}

static struct urilist_rules rules_for(struct asker *a)
{
	return (struct urilist_rules){.max_entries = a->f->config.list_max_entries,
				      .max_octets = a->f->config.list_max_octets,
				      .consent = a->f->config.list_consent,
				      .is_ours = is_ours,
				      .is_self = is_self,
				      .arg = a};
}

/* --- reading --- */

static uint32_t number_of(const struct sip_in *in, const char *header, uint64_t max)
{
	const char *text = sip_in_header(in, header, 0);
	uint64_t n = 0;

	if (text == NULL || slice_u64(slice_trim(slice_str(text)), max, &n) != 0)
		return 0;
	return (uint32_t)n;
}

static bool hides(const struct sip_in *in)
{
	const char *privacy = sip_in_header(in, "Privacy", 0);

	return privacy != NULL && strcasecmp(privacy, "none") != 0;
}

/* Nobody in particular: trusted as a peer, but no user that could answer for many calls. */
static bool is_nameless(const struct identity *who)
{
	struct sip_uri u;

	return sip_uri_parse(slice_str(who->uri), &u) != 0 ||
	       slice_ieq_str(u.host, "anonymous.invalid");
}

/* Loops end and no request becomes more than it was allowed to be (RFC 5393 5). */
static int bound(struct list_order *o, const struct sip_in *in)
{
	bool has_breadth = sip_in_header(in, "Max-Breadth", 0) != NULL;
	uint32_t breadth = number_of(in, "Max-Breadth", BREADTH_MAX);
	size_t n;

	(void)urilist_targets(o->list, &n);
	o->call.max_forwards = number_of(in, "Max-Forwards", HEADERS_MAX);
	if (!has_breadth || n == 0)
		return 0;
	if (n > breadth)
		return 440;
	o->call.max_breadth = breadth / (uint32_t)n;
	return 0;
}

static struct list_order *order_new(const struct sip_in *in, const struct identity *who)
{
	struct list_order *o = xcalloc(1, sizeof(*o));

	o->list = urilist_new();
	o->call.listed = true;
	o->asker = xstrdup(who->uri);
	if (hides(in) || who->hidden)
		return o;
	o->by = xstrdup(who->uri);
	o->referred_by = focus_referrer(in, who, who->uri);
	return o;
}

/* Who is anonymous in the room is so in all that he asks for there (PRV-010). */
static void order_by_shown(struct list_order *o, const char *shown)
{
	if (o->by == NULL || strcmp(shown, o->asker) == 0)
		return;
	free(o->by);
	free(o->referred_by);
	o->by = xstrdup(shown);
	o->referred_by = xasprintf("<%s>", shown);
}

/* Everything but the permission: 0 or the status. */
static int judge(struct list_order *o, enum urilist_use use, struct asker *a,
		 const struct sip_in *in)
{
	const struct urilist_rules rules = rules_for(a);
	int status = urilist_judge(o->list, use, &rules);

	if (status == 0)
		status = bound(o, in);
	if (status == 0)
		o->call.history = urilist_history(o->list);
	return status;
}

/* --- carrying out --- */

/* Returns false when there is no use in going on. */
static bool call_one(struct room *room, const struct list_order *o, const struct urilist_target *t)
{
	struct access_facts facts;
	struct session *s;
	int err = turn_is_crowded(room) ? -ERR_LIMIT : 0;

	/* Whoever he is to others, his own rights count. */
	if (o->asker != NULL) {
		focus_facts_bring(room, t->uri, o->asker, &facts);
		if (err == 0 && !facts.present && access_bring(&facts) != ACCESS_GRANTED)
			err = -ERR_DENIED;
	}
	if (err == 0)
		err = dialout_start(room, slice_str(t->uri), t->display, o->by, o->referred_by,
				    NULL, &s);
	if (err == 0) {
		s->by_list = o->call;
		if (o->call.history != NULL)
			chunk_ref(o->call.history);
	} else if (err != -ERR_EXISTS) {
		log_info("%s: %s of a list is not called: %s", room->c->name, t->uri,
			 err_name(err));
	}
	return err != -ERR_WRONG_STATE && err != -ERR_CLOSED;
}

static void run(struct focus *f, const char *name, const struct list_order *o, bool makes_room)
{
	const struct urilist_target *t;
	struct conference *c;
	size_t n;

	t = urilist_targets(o->list, &n);
	for (size_t i = 0; i < n; i++) {
		/* Each removal may end the conference with its last session: look anew. */
		c = conference_find(f->conferences, slice_str(name));
		if (c == NULL || c->state != CONFERENCE_ACTIVE)
			return;
		if (t[i].bye) {
			if (focus_remove(f, c, slice_str(t[i].uri), o->by) != 0)
				log_info("%s: %s of a list is not in it", name, t[i].uri);
			continue;
		}
		if (makes_room)
			(void)room_list_member(room_of(c), slice_str(t[i].uri), t[i].display,
					       o->by);
		if (!call_one(room_of(c), o, &t[i]))
			return;
	}
}

/* --- INVITE --- */

/* What the sender may: in a conference that is there, or in the one that he makes. */
static enum access_denial may_invite(struct room *room, const struct identity *who)
{
	struct access_facts facts = {.member = true, .role = MEMBER_OWNER, .owner = true};
	enum access_denial d = ACCESS_GRANTED;

	if (room != NULL) {
		focus_facts_who(room, who, &facts);
		d = access_judge(ACCESS_JOIN, &facts);
	}
	facts.present = true; /* he will be, when his list's turn comes */
	return d != ACCESS_GRANTED ? d : access_list(&facts, is_nameless(who));
}

/* The lists of an INVITE into o; *n_r: how many there are. Without the option tag an optional one plays no part (LIST-002). */
static int read_lists(struct list_order *o, struct asker *a, const struct sip_in *in, size_t *n_r)
{
	const struct urilist_rules rules = rules_for(a);
	bool told = (in->require & SIP_OPT_RECIPIENT_LIST) != 0;
	int status = 0;

	*n_r = 0;
	for (size_t i = 0; i < in->n_parts && status == 0; i++) {
		const struct sip_part *p = &in->parts[i];

		if (!list_is_part(p))
			continue;
		if (!told && slice_ieq_str(media_type_param(slice_str(p->disposition), "handling"),
					   "optional"))
			continue;
		++*n_r;
		if ((!told && a->f->config.list_needs_tag) || !is_list_type(p))
			status = 415;
		else
			status = urilist_add(o->list, p->body, &rules);
	}
	if (status == 0 && told && *n_r == 0)
		status = 400;
	return status;
}

bool list_of_invite(struct focus *f, struct sip_in **in, const struct identity *who,
		    struct list_order **order_r)
{
	struct asker a = {f, who};
	struct list_order *o = order_new(*in, who);
	enum access_denial d = ACCESS_GRANTED;
	size_t n;
	int status;

	*order_r = NULL;
	status = read_lists(o, &a, *in, &n);
	if (status == 0 && n == 0) {
		list_order_free(&o);
		if (!focus_uri_is_list(f, (*in)->uri))
			return true;
		list_refuse(f, in, who, 405, ACCESS_GRANTED, NULL); /* it serves lists alone */
		return false;
	}
	if (status == 0) {
		d = may_invite(room_by_uri(f, (*in)->uri, NULL, NULL), who);
		status = access_status(d);
	}
	if (status == 0)
		status = judge(o, URILIST_INVITE, &a, *in);
	if (status != 0) {
		list_refuse(f, in, who, status, d, o->list);
		list_order_free(&o);
		return false;
	}
	*order_r = o;
	return true;
}

void list_run(struct session *s)
{
	struct room *room = s->room;
	struct list_order *o = s->order;
	bool makes_room = room->c->most_in == 0 && room->c->creator != NULL &&
			  sip_uri_same(slice_str(room->c->creator), slice_str(s->who.uri));
	enum access_denial d;

	if (o == NULL)
		return;
	s->order = NULL;
	if (s->shown != NULL)
		order_by_shown(o, s->shown);
	d = may_invite(room, &s->who);
	if (d == ACCESS_GRANTED)
		run(room->focus, room->c->name, o, makes_room);
	else
		log_info("%s: the list of %s is not called: %s", room->c->name, s->who.uri,
			 access_text(d));
	list_order_free(&o);
}

/* --- REFER --- */

/* The part that a cid: URL means (RFC 2392; the stack takes none with escapes); NULL. */
static const struct sip_part *part_of(const struct sip_in *in, const char *cid)
{
	char *id = xasprintf("<%s>", cid + strlen("cid:"));
	const struct sip_part *found = NULL;

	for (size_t i = 0; i < in->n_parts && found == NULL; i++) {
		if (in->parts[i].id != NULL &&
		    slice_eq_str(slice_trim(slice_str(in->parts[i].id)), id))
			found = &in->parts[i];
	}
	free(id);
	return found;
}

static enum access_denial may_refer(struct room *room, const struct list_order *o,
				    const struct identity *who)
{
	struct asker a = {room->focus, who};
	const struct urilist_target *t;
	enum access_denial d = ACCESS_GRANTED;
	struct access_facts facts;
	size_t n;

	t = urilist_targets(o->list, &n);
	for (size_t i = 0; i < n && d == ACCESS_GRANTED; i++) {
		focus_facts_who(room, who, &facts);
		if (!t[i].bye) {
			d = access_list(&facts, is_nameless(who));
			continue;
		}
		facts.self = is_self(t[i].uri, &a);
		focus_facts_target(room, slice_str(t[i].uri), &facts);
		d = access_judge(facts.self ? ACCESS_LEAVE : ACCESS_KICK, &facts);
	}
	return d;
}

static int read_refer(struct list_order *o, struct asker *a, struct room *room,
		      const struct sip_in *in)
{
	const struct urilist_rules rules = rules_for(a);
	const struct sip_part *p;
	int status;

	if (room == NULL)
		return 404;
	if ((in->require & SIP_OPT_MULTIPLE_REFER) == 0 || in->refer_to == NULL ||
	    strncasecmp(in->refer_to, "cid:", 4) != 0)
		return 400;
	p = part_of(in, in->refer_to);
	if (p == NULL || !list_is_part(p) || !is_list_type(p))
		return 400; /* REF-018 */
	status = urilist_add(o->list, p->body, &rules);
	return status != 0 ? status : judge(o, URILIST_REFER, a, in);
}

bool list_on_refer(struct focus *f, struct sip_in **in, const struct identity *who)
{
	bool cid = (*in)->refer_to != NULL && strncasecmp((*in)->refer_to, "cid:", 4) == 0;
	struct bytes contact = BYTES_INIT;
	struct asker a = {f, who};
	enum access_denial d = ACCESS_GRANTED;
	struct list_order *o;
	struct room *room;
	char *name;
	int status;

	if (!cid && ((*in)->require & SIP_OPT_MULTIPLE_REFER) == 0)
		return false;
	o = order_new(*in, who);
	room = room_by_uri(f, (*in)->uri, NULL, NULL);
	status = read_refer(o, &a, room, *in);
	if (status == 0) {
		d = may_refer(room, o, who);
		status = access_status(d);
	}
	if (status != 0) {
		list_refuse(f, in, who, status, d, o->list);
		list_order_free(&o);
		return true;
	}
	/* No subscription: the roster tells how far it got (RFC 5368 5). */
	sip_agent_focus_contact(f->sip, room->c->name, &contact);
	sip_in_end(in, &(struct sip_answer){.status = 202,
					    .contact = bytes_cstr(&contact),
					    .headers = "Refer-Sub: false\r\n"});
	bytes_fini(&contact);
	order_by_shown(o, room_shown(room, who));
	name = xstrdup(room->c->name);
	run(f, name, o, false);
	free(name);
	list_order_free(&o);
	return true;
}

/* --- a list behind a user's name --- */

void list_on_refused(struct session *s, const struct sip_out_result *result)
{
	struct focus *f = s->room->focus;
	struct asker a = {f, NULL};
	const struct urilist_rules rules = rules_for(&a);
	struct list_order o = {.by = s->by, .referred_by = s->referred_by, .call = s->by_list};
	char nobody[] = PRIVACY_ANONYMOUS;
	int status = 0;

	if (!f->config.list_expand || s->by_list.expanded || result->status != 403 ||
	    result->n_parts == 0)
		return;
	/* Who hides is no reason to let the list's members pass a lock. */
	o.asker = s->by != NULL ? s->by : s->by_list.listed ? nobody : NULL;
	o.list = urilist_new();
	for (size_t i = 0; i < result->n_parts && status == 0; i++) {
		if (is_list_type(&result->parts[i]))
			status = urilist_add(o.list, result->parts[i].body, &rules);
	}
	if (status == 0)
		status = urilist_judge(o.list, URILIST_INVITE, &rules);
	log_info("%s: %s is a list; its members are %s", s->room->c->name, s->who.uri,
		 status == 0 ? "called" : "not usable");
	o.call.expanded = true; /* once: lists may name each other */
	if (status == 0)
		run(f, s->room->c->name, &o, false);
	urilist_free(&o.list);
}
