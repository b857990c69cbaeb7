/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way out of a session. Order matters: partial messages first (recipients get '#'), then
 * the leg's own copies, then the cursors (which frees log memory), then the wire.
 * RFC 4975 5.4; MSRP-048, MSRP-050.
 */
#include "mrfp/hangup.h"

#include "common/log.h"
#include "mrfp/ingress.h"
#include "mrfp/owed.h"
#include "mrfp/relayed.h"
#include "mrfp/sender.h"
#include "mrfp/settle.h"

#define LOG_PLACE "session"

static void tell(struct session *s, int cause, uint64_t lost)
{
	struct plane *p = s->ctx->plane;
	struct ctl_notify n = {0};

	CTL_SET(&n, notify, event, CTL_EVENT_LOST);
	CTL_SET(&n, notify, termination, s->termination);
	CTL_SET(&n, notify, cause, (uint8_t)cause);
	if (s->copies_lost > s->lost_told)
		CTL_SET(&n, notify, copies_lost, s->copies_lost - s->lost_told);
	s->lost_told = s->copies_lost;
	p->notify(s->ctx, &n, p->notify_arg);
	(*p->stats.cut[cause - 1])++;
	log_at(lost || cause != CTL_LOST_CLOSED ? LOG_INFO : LOG_DEBUG, LOG_PLACE,
	       "%s/%llu: session lost (%s), %llu copies lost with it", s->ctx->name,
	       (unsigned long long)s->termination, stats_cause_name(cause),
	       (unsigned long long)lost);
}

/*
 * keep: a relay's leg will be back, and what was not begun waits for it. missed: who goes is owed
 * what it has not answered.
 */
static void end_session(struct session *s, int cause, bool keep, bool missed)
{
	struct wire *w = s->wire;
	uint64_t lost;

	ingress_abort_all(s);
	if (s->ctx->kind == CTL_KIND_RELAY)
		relayed_leave(s, keep);
	if (missed)
		owed_leave(s);
	lost = settle_leave(s);
	if (w)
		wire_remove_session(w, s);
	if (s->ctx->kind == CTL_KIND_RELAY && keep)
		session_part_waiting(s);
	else
		session_part(s);
	if (s->ctx->file)
		context_touch(s->ctx); /* it may have been the last */
	s->block.suffix_len = 0;
	if (!cause && lost) {
		log_info("%s/%llu: leg taken away or to be joined anew, %llu copies lost with it",
			 s->ctx->name, (unsigned long long)s->termination,
			 (unsigned long long)lost);
		session_busy(s); /* if it stays, the next tick tells the MRFC */
	}
	if (!cause)
		return;
	session_set_state(s, SESSION_LOST, stats_cause_name(cause));
	tell(s, cause, lost);
}

void hangup(struct session *s, int cause)
{
	end_session(s, cause, !cause, true);
}

void hangup_wire(struct wire *w, int cause)
{
	struct session *s;

	while ((s = LIST_FIRST(&w->sessions)))
		hangup(s, cause);
}

void hangup_and_close(struct session *s, int cause)
{
	struct wire *w = s->wire;

	hangup(s, cause);
	if (w && !w->n_sessions)
		wire_close(w);
}

void hangup_free(struct session **s)
{
	struct wire *w = (*s)->wire;

	end_session(*s, 0, false, false);
	sender_forget(*s);
	if (w && !w->n_sessions && (w->active || !w->connected))
		wire_close_soon(w);
	session_free(s);
}
