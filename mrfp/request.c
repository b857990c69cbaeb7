/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests and responses as they come off a connection: whose they are, what they deserve, when
 * the response goes. The order of checks is session, method, then the method's own (MSRP-100,
 * SW-056); what Failure-Report forbids is never sent (MSRP-093). RFC 4975 sections 5.4, 7.2, 7.3.
 */
#include "mrfp/request.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfp/admit.h"
#include "mrfp/dial.h"
#include "mrfp/fanout.h"
#include "mrfp/hangup.h"
#include "mrfp/ingress.h"
#include "mrfp/nickname.h"
#include "mrfp/relayed.h"
#include "mrfp/settle.h"

#define LOG_PLACE "request"

void request_answer(struct wire *w, struct slice tid, struct slice paths, int status)
{
	struct bytes b = BYTES_INIT;

	msrp_build_start_response(&b, tid, status, msrp_status_text(status));
	bytes_add_slice(&b, paths);
	msrp_build_end(&b, tid, false, '$');
	if (bytes_ok(&b)) {
		wire_push(w, chunk_from(bytes_slice(&b)));
		(*w->plane->stats.responses[stats_status(status)])++;
	}
	bytes_fini(&b);
}

static void answer(struct wire *w)
{
	struct request *rq = &w->rx->req;
	struct slice paths = slice_str(rq->paths);

	if (!paths.len && rq->session)
		paths = slice_make(rq->session->reply_paths, rq->session->reply_paths_len);
	rq->answered = true;
	if (rq->mute || !paths.len || w->dead)
		return;
	if (rq->status == 200 && rq->failure_report == MSRP_FR_PARTIAL)
		return;
	request_answer(w, slice_str(rq->tid), paths, rq->status);
}

/* --- whose request is it --- */

static bool same_octets(struct slice s, const char *text, size_t len)
{
	return s.len == len && len && !memcmp(s.ptr, text, len);
}

/* The bound session that wrote exactly these paths before. */
static struct session *known_session(struct wire *w, const struct msrp_head *h)
{
	struct session *s;

	LIST_FOREACH(s, &w->sessions, in_wire) {
		if (same_octets(h->to_path, s->to_raw, s->to_raw_len) &&
		    same_octets(h->from_path, s->from_raw, s->from_raw_len))
			return s;
	}
	return NULL;
}

static bool same_uri(const struct session *s, const struct msrp_uri *a, const struct msrp_uri *b)
{
	return s->match == CTL_MATCH_SESSION ? msrp_uri_same_session(a, b) : msrp_uri_equal(a, b);
}

/* A border controller rewrites the authority, never scheme or transport of our URI. */
static bool to_matches(const struct session *s, const struct msrp_uri *to)
{
	struct msrp_uri local;

	return msrp_uri_parse(slice_str(s->local_uri), &local) == 0 && same_uri(s, to, &local) &&
	       to->secure == local.secure && slice_ieq(to->transport, local.transport);
}

/* Rightmost URI of From-Path is the one in the peer's a=path (MSRP-051). */
static bool from_matches(const struct session *s, const struct msrp_path *from)
{
	struct msrp_path remote;
	struct msrp_uri a, b;

	if (!s->remote_path[0])
		return true;
	return msrp_path_parse(slice_str(s->remote_path), &remote) == 0 &&
	       msrp_uri_parse(from->items[from->n_items - 1], &a) == 0 &&
	       msrp_uri_parse(remote.items[remote.n_items - 1], &b) == 0 && same_uri(s, &a, &b);
}

#define STATUS_HOLD  1 /* of find_session(): it cannot be told yet */
#define STATUS_CLOSE 2 /* no answer, the connection is closed */

/*
 * A connection that wants a session over TLS: 0, or what is to be done with it. Before the peer's
 * description came, who it is cannot be told (RFC 8122 6.2).
 */
static int judge_peer(struct wire *w, const struct session *s)
{
	char text[ADDR_STRLEN];

	if (s->transport != CTL_TRANSPORT_TLS || s->wire)
		return 0;
	if (s->state == SESSION_IDLE && !s->pins)
		return STATUS_HOLD;
	if (session_peer_ok(s, w->conn))
		return 0;
	(*w->plane->stats.bad_peers)++;
	log_peer("%s/%llu: %s has not the announced certificate", s->ctx->name,
		 (unsigned long long)s->termination, addr_format(conn_peer(w->conn), text));
	return w->n_sessions ? 481 : STATUS_CLOSE;
}

/* 0 and the session, or the status. */
static int find_session(struct wire *w, const struct msrp_head *h, struct session **session_r)
{
	struct msrp_path to, from;
	struct msrp_uri uri;
	struct session *s;

	if (msrp_path_parse(h->to_path, &to) || msrp_path_parse(h->from_path, &from))
		return 400;
	if (msrp_uri_parse(to.items[0], &uri))
		return 400;
	if (to.n_items != 1 || !uri.has_session_id)
		return 481;
	s = session_by_local(w->plane, uri.session_id);
	if (!s && !w->served)
		admit_probe(w->plane, conn_peer(w->conn));
	if (!s || s->transport != w->transport || !to_matches(s, &uri) || !from_matches(s, &from))
		return 481;
	if (s->wire && s->wire != w)
		return 506;
	if (!s->wire && s->state != SESSION_IDLE && s->state != SESSION_WAITING)
		return 481;
	if (!s->wire && w->n_sessions >= (uint32_t)w->plane->opt->max_sessions)
		return 413;
	*session_r = s;
	return judge_peer(w, s);
}

/* --- binding --- */

/* A number for the leg among those of its context on this wire; the first goes without. */
static void choose_suffix(struct wire *w, struct session *s)
{
	char suffix[SERIES_SUFFIX_MAX + 1];
	struct session *o;
	unsigned n = 0;
	bool taken = true;

	while (taken) {
		int len = n ? snprintf(suffix, sizeof(suffix), ".%x", n) : 0;

		taken = false;
		LIST_FOREACH(o, &w->sessions, in_wire)
			taken = taken ||
				(o != s && o->ctx == s->ctx && o->block.suffix_len == len &&
				 !memcmp(o->block.suffix, suffix, (size_t)len));
		memcpy(s->block.suffix, suffix, (size_t)len);
		s->block.suffix_len = (uint8_t)len;
		n++;
	}
}

void request_bind(struct wire *w, struct session *s, struct slice to_raw, struct slice from_raw)
{
	struct plane *p = w->plane;
	struct ctl_notify n = {0};
	char peer[ADDR_STRLEN];

	if (s->wire != w)
		wire_add_session(w, s);
	session_set_paths(s, to_raw, from_raw);
	choose_suffix(w, s);
	session_set_state(s, SESSION_BOUND, "bound");
	session_join(s);
	if (s->ctx->file)
		context_touch(s->ctx); /* what came before it is for it too */
	CTL_SET(&n, notify, event, CTL_EVENT_BOUND);
	CTL_SET(&n, notify, termination, s->termination);
	CTL_SET(&n, notify, peer, slice_str(addr_format(conn_peer(w->conn), peer)));
	p->notify(s->ctx, &n, p->notify_arg);
}

/* --- heads --- */

static struct slice first_token(struct slice s)
{
	ptrdiff_t sp = slice_chr(s, ' ');

	return sp < 0 ? s : slice_first(s, (size_t)sp);
}

static void begin(struct wire *w, const struct msrp_head *h)
{
	struct request *rq = &w->rx->req;
	struct bytes b = BYTES_INIT;

	free(rq->paths);
	free(rq->mid);
	chunk_unref(&rq->report);
	memset(rq, 0, sizeof(*rq));
	rq->active = true;
	rq->method = (uint8_t)h->method;
	rq->status = 200;
	rq->failure_report = h->method == MSRP_NICKNAME ? MSRP_FR_YES : h->failure_report;
	rq->mute = h->method == MSRP_REPORT || rq->failure_report == MSRP_FR_NO;
	memcpy(rq->tid, h->tid.ptr, h->tid.len < MSRP_TID_MAX ? h->tid.len : MSRP_TID_MAX);
	rq->session = h->error ? NULL : known_session(w, h);
	if (rq->session && h->method == MSRP_SEND)
		return;
	if (h->to_path.len && h->from_path.len) { /* other methods: all of From-Path (7.2) */
		bool one = h->method == MSRP_SEND;
		msrp_build_paths(&b, one ? first_token(h->from_path) : h->from_path,
				 first_token(h->to_path));
		rq->paths = bytes_take(&b);
	}
}

static bool paths_ok(const struct msrp_head *h)
{
	struct msrp_path path;

	return msrp_path_parse(h->to_path, &path) == 0 && msrp_path_parse(h->from_path, &path) == 0;
}

/* A request that the parser could not read but whose end it can find (MSRP-022). */
static void malformed(struct wire *w, const struct msrp_head *h)
{
	struct session *s = LIST_FIRST(&w->sessions);
	char text[ADDR_STRLEN];

	log_peer("malformed request from %s: %s", addr_format(conn_peer(w->conn), text),
		 h->error_text ? h->error_text : "syntax");
	w->rx->req.status = h->error;
	if (s && s->reply_paths && !paths_ok(h)) {
		free(w->rx->req.paths);
		w->rx->req.paths = NULL;
	}
	if (!w->rx->req.paths && s && s->reply_paths)
		w->rx->req.paths = xstrndup(s->reply_paths, s->reply_paths_len);
	if (!w->rx->req.paths)
		wire_close_soon(w); /* nowhere to send an answer to (MSRP-005) */
}

static void on_report(struct wire *w, const struct msrp_head *h)
{
	struct session *s = w->rx->req.session;
	bool failed;

	if (!h->has_status || h->status_namespace != 0)
		return;
	failed = s->ctx->kind == CTL_KIND_RELAY && relayed_report(s, h);
	if (settle_report(s, h->message_id, h->status_code) == SETTLE_GONE || failed)
		hangup_and_close(s, CTL_LOST_REFUSED);
}

static void on_send(struct wire *w, const struct msrp_head *h)
{
	struct request *rq = &w->rx->req;

	if (!msrp_ident_ok(h->message_id)) {
		if (rq->session->ctx->policy & CTL_POLICY_STRICT) {
			rq->status = 400;
			return;
		}
		(*w->plane->stats.tolerated)++;
	}
	ingress_begin(rq, h);
	rq->mute = rq->failure_report == MSRP_FR_NO;
	if (rq->keepalive)
		(*w->plane->stats.keepalives)++;
	if (rq->repeat && h->success_report && rq->session->ctx->kind != CTL_KIND_RELAY)
		rq->mid = slice_dup(h->message_id);
}

static void on_nickname(struct wire *w, const struct msrp_head *h)
{
	struct request *rq = &w->rx->req;
	int status = 501; /* names belong to rooms */

	if (rq->session->ctx->kind == CTL_KIND_CHAT)
		status = nickname_ask(w->plane->nicknames, rq->session, h, slice_str(rq->paths));
	if (status)
		rq->status = status;
	else
		rq->answered = true;
}

static void count_method(struct wire *w, enum msrp_method m)
{
	static const enum stats_method index[] = {
		[MSRP_UNKNOWN] = METHOD_OTHER, [MSRP_SEND] = METHOD_SEND,
		[MSRP_REPORT] = METHOD_REPORT, [MSRP_NICKNAME] = METHOD_NICKNAME,
		[MSRP_AUTH] = METHOD_OTHER,
	};

	(*w->plane->stats.requests[index[m]])++;
	if (m == MSRP_REPORT)
		(*w->plane->stats.reports_in)++;
}

static void on_request(struct wire *w, const struct msrp_head *h)
{
	struct request *rq = &w->rx->req;
	struct session *s;
	int status;

	begin(w, h);
	s = rq->session;
	status = s || h->error ? 0 : find_session(w, h, &s);
	if (status == STATUS_HOLD) {
		rq->active = false;
		wire_hold(w);
		return;
	}
	count_method(w, h->method);
	if (h->error) {
		malformed(w, h);
		return;
	}
	if (status == STATUS_CLOSE) {
		rq->active = false;
		wire_close(w);
		w->plane->ops->lost(w, CTL_LOST_CLOSED);
		return;
	}
	if (status) {
		rq->status = status;
		rq->stranger = !w->served && (status == 481 || status == 506);
		return;
	}
	if (h->method == MSRP_UNKNOWN || h->method == MSRP_AUTH) {
		rq->status = 501;
		return;
	}
	if (!s->wire && h->method == MSRP_REPORT)
		return; /* binds nothing: a REPORT cannot come first */
	if (s->state != SESSION_BOUND)
		request_bind(w, s, h->to_path, h->from_path);
	rq->session = s;
	if (h->method == MSRP_SEND)
		on_send(w, h);
	else if (h->method == MSRP_REPORT)
		on_report(w, h);
	else
		on_nickname(w, h);
}

/* --- responses --- */

static void on_answer(struct wire *w, struct slice tid, int status)
{
	struct session *s;

	switch (settle_answer(w, tid, status, &s)) {
	case SETTLE_GONE:
		log_peer("%s/%llu: the peer answered %d", s->ctx->name,
			 (unsigned long long)s->termination, status);
		hangup_and_close(s, CTL_LOST_REFUSED);
		break;
	case SETTLE_OK:
		if (s->state == SESSION_BINDING)
			request_bind(w, s, slice_str(s->local_uri), slice_str(s->remote_path));
		break;
	case SETTLE_UNKNOWN:
		break;
	}
}

/* --- ends --- */

static void on_end(struct wire *w, const struct msrp_item *item)
{
	struct request *rq = &w->rx->req;
	struct report again = {.message_id = slice_str(rq->mid), .status = 200};

	if (!rq->active)
		return;
	rq->active = false;
	if (rq->msg)
		ingress_end(rq, item->flag);
	else if (item->error && rq->status == 200)
		rq->status = item->error;
	if (!rq->answered)
		answer(w);
	if (rq->stranger)
		wire_close_soon(w); /* what it wants is not here: nothing else is to come */
	if (rq->report) {
		wire_push(w, rq->report);
		rq->report = NULL;
	}
	if (rq->mid && rq->session && item->flag == '$') {
		again.size = again.total = rq->pos + item->body_len - 1;
		report_send(rq->session, &again);
	}
	rq->session = NULL;
	rq->msg = NULL;
}

static void on_item(struct wire *w, const struct msrp_item *item)
{
	switch (item->type) {
	case MSRP_ITEM_HEAD:
		if (item->head.is_response) {
			w->rx->req.active = false;
			w->rx->req.session = NULL;
			w->rx->req.msg = NULL;
			if (!item->head.error)
				on_answer(w, item->head.tid, item->head.status);
		} else {
			on_request(w, &item->head);
		}
		break;
	case MSRP_ITEM_BODY:
		if (!w->rx->req.msg)
			break;
		ingress_body(&w->rx->req, item->piece);
		if (w->rx->req.status == 413 && !w->rx->req.answered)
			answer(w); /* so that the sender stops at once (MSRP-075) */
		break;
	case MSRP_ITEM_END:
		on_end(w, item);
		break;
	}
}

static void on_ok(struct wire *w, struct slice tid)
{
	on_answer(w, tid, 200);
}

static void on_batch_end(struct wire *w)
{
	if (w->rx->req.active && w->rx->req.msg)
		ingress_batch_end(&w->rx->req);
}

/* The end-line will never be found: what there is to say is said now. */
static void on_broken(struct wire *w)
{
	if (!w->rx->req.active)
		return;
	if (w->rx->req.status == 200)
		w->rx->req.status = 400;
	if (!w->rx->req.answered)
		answer(w);
	w->rx->req.active = false;
}

const struct wire_ops request_ops = {
	.item = on_item,
	.ok = on_ok,
	.batch_end = on_batch_end,
	.connected = dial_connected,
	.broken = on_broken,
	.overfull = fanout_run,
	.lost = dial_lost,
};
