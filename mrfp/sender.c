/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts of participants: made with a participant's first message, shared by its sessions, gone
 * with the last of them. A connection that carries sessions of several participants is never
 * paused for one of them. RFC 7701 section 11.
 */
#include "mrfp/sender.h"

#include <stdlib.h>
#include <uthash.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/rate.h"
#include "mrfp/policy.h"
#include "mrfp/wire.h"

#define LOG_PLACE "sender"

/* Notices are no content: each member of a large room sends many without typing any. */
#define CONTROL_COST (RATE_ONE / 10)

struct sender {
	UT_hash_handle hh;
	unsigned n_sessions;
	struct rate_conduct messages;
	struct rate octets, nicknames;
	char key[];
};

static struct sender *sender_of(struct session *s)
{
	struct plane *p = s->ctx->plane;
	const struct uris *u = &s->uris;
	const char *key = u->n ? u->key[0] ? u->key[0] : u->uri[0] : s->local_id;
	size_t len = strlen(key);
	struct sender *a;

	if (s->sender)
		return s->sender;
	HASH_FIND(hh, p->senders, key, len, a);
	if (!a) {
		a = xcalloc(1, sizeof(*a) + len + 1);
		memcpy(a->key, key, len);
		HASH_ADD_KEYPTR(hh, p->senders, a->key, len, a);
	}
	a->n_sessions++;
	s->sender = a;
	return a;
}

void sender_forget(struct session *s)
{
	struct sender *a = s->sender;

	s->sender = NULL;
	if (!a || --a->n_sessions)
		return;
	HASH_DEL(s->ctx->plane->senders, a);
	free(a);
}

/* Do not read from it for a while; never another participant's connection. */
static void pause_wire(struct session *s, uint64_t for_ms)
{
	struct wire *w = s->wire;

	if (!w || w->n_sessions != 1)
		return;
	w->throttled_ms = w->plane->now_ms + for_ms;
	wire_pause(w, WIRE_PAUSE_RATE);
	wire_watch(w);
}

/* Trusted networks carry gateways, load generators and peers of ours: a limit of their own. */
static uint64_t message_rate(const struct session *s)
{
	const struct options *opt = s->ctx->plane->opt;
	bool trusted = s->wire && s->wire->trusted;

	return (uint64_t)(trusted ? opt->trusted_message_rate : opt->message_rate);
}

int sender_message(struct session *s, unsigned kind)
{
	struct plane *p = s->ctx->plane;
	uint64_t per_s = message_rate(s);
	enum rate_verdict verdict;

	if (!per_s)
		return 200;
	verdict = rate_judge(&sender_of(s)->messages, per_s,
			     policy_is_control(kind) ? CONTROL_COST : RATE_ONE, p->now_ms);
	if (verdict == RATE_PASS)
		return 200;
	(*p->stats.over_rate)++;
	if (verdict == RATE_REFUSE)
		return 413;
	log_peer("%s/%llu: %s, it sends more than %llu messages a second", s->ctx->name,
		 (unsigned long long)s->termination,
		 verdict == RATE_CLOSE ? "let go" : "not read from for a while",
		 (unsigned long long)per_s);
	pause_wire(s, RATE_PAUSE_MS);
	if (verdict == RATE_CLOSE)
		s->flooding = true;
	session_busy(s);
	return 413;
}

void sender_octets(struct session *s, size_t n)
{
	struct plane *p = s->ctx->plane;
	uint64_t wait_ms;

	if (!p->opt->octet_rate)
		return;
	wait_ms = rate_spend(&sender_of(s)->octets, (uint64_t)p->opt->octet_rate, n, p->now_ms);
	if (wait_ms)
		pause_wire(s, wait_ms);
}

bool sender_nickname(struct session *s)
{
	struct plane *p = s->ctx->plane;

	if (!p->opt->nickname_rate)
		return true;
	return rate_take(&sender_of(s)->nicknames, (uint64_t)p->opt->nickname_rate, RATE_ONE,
			 p->now_ms);
}
