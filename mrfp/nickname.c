/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nickname requests under way. A waiting one refers to its leg by context and termination, so the
 * leg may go meanwhile. SW-060..071.
 */
#include "mrfp/nickname.h"

#include <stdlib.h>

#include "common/mem.h"
#include "mrfp/sender.h"
#include "proto/msrp_build.h"
#include "proto/precis.h"

#define NICKNAME_WAITING_MAX 1024
#define NICKNAME_LEG_MAX     64 /* of them from one leg */
#define NICKNAME_TIMEOUT_MS  10000

struct waiting {
	TAILQ_ENTRY(waiting) link;
	uint32_t transaction;
	uint8_t context[CTL_CONTEXT_SIZE];
	uint64_t termination;
	uint64_t due_ms;
	char *name;
	char *paths;
	char tid[MSRP_TID_MAX + 1];
};

struct nicknames {
	struct plane *plane;
	nickname_answer_fn *answer;
	TAILQ_HEAD(, waiting) waiting;
	size_t n;
};

struct nicknames *nicknames_new(struct plane *plane, nickname_answer_fn *answer)
{
	struct nicknames *n = xcalloc(1, sizeof(*n));

	n->plane = plane;
	n->answer = answer;
	TAILQ_INIT(&n->waiting);
	return n;
}

static void drop(struct nicknames *n, struct waiting *w)
{
	TAILQ_REMOVE(&n->waiting, w, link);
	n->n--;
	free(w->name);
	free(w->paths);
	free(w);
}

void nicknames_free(struct nicknames **np)
{
	struct nicknames *n = *np;

	if (!n)
		return;
	while (!TAILQ_EMPTY(&n->waiting))
		drop(n, TAILQ_FIRST(&n->waiting));
	free(n);
	*np = NULL;
}

/* What cannot be a nickname at all need not be asked. */
static bool is_nickname(struct slice text)
{
	struct bytes shown = BYTES_INIT;
	bool ok = precis_nickname_enforce(text, &shown) == 0;

	bytes_fini(&shown);
	return ok;
}

/* The name asked for into name; 0 or the status. */
static int read_name(const struct msrp_head *head, struct bytes *name)
{
	struct slice text;

	if (head->has_success_report || head->has_failure_report || head->has_body)
		return 400;
	if (head->n_use_nickname != 1 || msrp_unquote(head->use_nickname, name))
		return 424;
	text = bytes_slice(name);
	return text.len && !is_nickname(text) ? 424 : 0;
}

/* May this leg have one more request under way? */
static bool has_place(const struct nicknames *n, const struct session *s)
{
	const struct waiting *w;
	unsigned own = 0;

	if (n->n >= NICKNAME_WAITING_MAX)
		return false;
	TAILQ_FOREACH(w, &n->waiting, link)
		own += w->termination == s->termination &&
		       !memcmp(w->context, s->ctx->id, sizeof(w->context));
	return own < NICKNAME_LEG_MAX;
}

int nickname_ask(struct nicknames *n, struct session *s, const struct msrp_head *head,
		 struct slice paths)
{
	struct plane *p = n->plane;
	struct bytes name = BYTES_INIT;
	struct ctl_notify event = {0};
	struct waiting *w;
	int status = read_name(head, &name);

	if (!status &&
	    (!(s->ctx->policy & CTL_POLICY_NICKNAME) || !has_place(n, s) || !sender_nickname(s)))
		status = 403;
	if (status) {
		bytes_fini(&name);
		return status;
	}
	CTL_SET(&event, notify, event, CTL_EVENT_NICKNAME);
	CTL_SET(&event, notify, termination, s->termination);
	CTL_SET(&event, notify, nickname, bytes_slice(&name));
	w = xcalloc(1, sizeof(*w));
	memcpy(w->context, s->ctx->id, sizeof(w->context));
	w->termination = s->termination;
	w->due_ms = p->now_ms + NICKNAME_TIMEOUT_MS;
	w->paths = slice_dup(paths);
	memcpy(w->tid, head->tid.ptr, head->tid.len < MSRP_TID_MAX ? head->tid.len : MSRP_TID_MAX);
	TAILQ_INSERT_TAIL(&n->waiting, w, link);
	n->n++;
	w->transaction = p->notify(s->ctx, &event, p->notify_arg);
	w->name = bytes_take(&name);
	return 0;
}

static void finish(struct nicknames *n, struct waiting *w, int status)
{
	struct context *ctx = context_find(n->plane, w->context);
	struct session *s = ctx ? session_find(ctx, w->termination) : NULL;

	if (s && s->wire) {
		if (status == 200)
			session_text(&s->nickname, slice_str(w->name));
		n->answer(s, slice_str(w->tid), slice_str(w->paths), status);
	}
	drop(n, w);
}

void nickname_reply(struct nicknames *n, uint32_t transaction, int status)
{
	struct waiting *w;

	TAILQ_FOREACH(w, &n->waiting, link) {
		if (w->transaction == transaction) {
			finish(n, w, status);
			return;
		}
	}
}

void nickname_tick(struct nicknames *n, uint64_t now_ms)
{
	struct waiting *w;

	while ((w = TAILQ_FIRST(&n->waiting)) && now_ms >= w->due_ms)
		finish(n, w, 403);
}
