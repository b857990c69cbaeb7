/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MRFC's requests on contexts and terminations: decode, check the epoch, act, reply. Owns no
 * state. Architecture: docs/control-protocol.md.
 */
#include "mrfp/control.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/tls.h"
#include "mrfp/depart.h"
#include "mrfp/file.h"
#include "mrfp/inject.h"
#include "mrfp/keep.h"
#include "mrfp/owed.h"
#include "mrfp/report.h"
#include "mrfp/seal.h"
#include "mrfp/terminal.h"
#include "proto/ctl_codec.h"

#define LOG_PLACE "control"

#define AUDIT_PAGE 256

struct call {
	struct plane *plane;
	const struct ctl_frame *f;
	struct bytes *out;
	struct ctl_arena arena;
};

static void reply(struct call *c, bool ok, enum ctl_body body, const void *msg)
{
	uint8_t flags = CTL_FLAG_REPLY | (ok ? 0 : CTL_FLAG_ERROR);

	if (ctl_build(c->out, c->f->command, flags, c->f->transaction, c->f->context, body, msg))
		log_error("reply to %s does not fit", ctl_command_name(c->f->command));
	if (!ok)
		(*c->plane->stats.ctl_errors)++;
}

static void reply_result(struct call *c, int code, const char *reason)
{
	struct ctl_result r = {0};

	CTL_SET(&r, result, code, (uint16_t)code);
	if (reason)
		CTL_SET(&r, result, reason, slice_str(reason));
	if (code && ctl_command_name(c->f->command))
		log_info("%s refused: %s%s%s", ctl_command_name(c->f->command),
			 ctl_result_name(code), reason ? ", " : "", reason ? reason : "");
	reply(c, code == CTL_R_OK, CTL_BODY_result, &r);
}

/* False after having replied. */
static bool decode(struct call *c, enum ctl_body body, void *msg)
{
	struct ctl_decode_error err;

	if (ctl_decode(c->f->tlvs, body, msg, &c->arena, &err) == 0)
		return true;
	reply_result(c, err.result, err.text);
	return false;
}

static bool epoch_ok(struct call *c, struct context *ctx, uint64_t epoch)
{
	if (ctx && epoch < ctx->epoch) {
		reply_result(c, CTL_R_STALE_EPOCH, NULL);
		return false;
	}
	if (ctx)
		ctx->epoch = epoch;
	return true;
}

static void reply_terminal(struct call *c, struct session *s)
{
	struct ctl_add_reply r = {0};
	struct bytes b = BYTES_INIT;
	uint16_t port;
	const char *host = session_place(s, &port);

	bytes_addf(&b, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
	CTL_SET(&r, add_reply, code, CTL_R_OK);
	CTL_SET(&r, add_reply, local_path, slice_str(s->local_uri));
	CTL_SET(&r, add_reply, address, bytes_slice(&b));
	if (s->transport == CTL_TRANSPORT_TLS && c->plane->tls)
		CTL_SET(&r, add_reply, fingerprint, slice_str(tls_fingerprint(c->plane->tls)));
	reply(c, true, CTL_BODY_add_reply, &r);
	bytes_fini(&b);
}

/* --- Add, Modify --- */

static void add_context_fields(struct context *ctx, const struct ctl_add *m)
{
	if (CTL_HAS(m, add, conference) || CTL_HAS(m, add, aliases))
		context_set_room(ctx, m->conference, CTL_HAS(m, add, aliases) ? &m->aliases : NULL);
	if (CTL_HAS(m, add, policy))
		ctx->policy = m->policy;
	if (CTL_HAS(m, add, max_message))
		ctx->max_message = m->max_message;
	if (CTL_HAS(m, add, max_file))
		ctx->max_file = m->max_file;
	if (CTL_HAS(m, add, away))
		ctx->away = m->away;
}

/* Only who is not there yet can be made to wait. */
static void hold(struct session *s, bool on)
{
	if (!on)
		owed_release(s);
	else if (!s->joined && keep_wanted(s->ctx))
		s->hold = true;
}

static void on_add(struct call *c)
{
	struct context *ctx = context_find(c->plane, c->f->context);
	bool fresh = false;
	struct terminal_change ch;
	struct session *s;
	struct ctl_add m;
	struct seal seal;
	const char *why;
	int code;

	if (!decode(c, CTL_BODY_add, &m) || !epoch_ok(c, ctx, m.epoch))
		return;
	seal = ctx ? ctx->seal : (struct seal){0};
	if (!seal_take_add(&seal, &m)) {
		reply_result(c, CTL_R_BAD_VALUE, "key_domain or key_epoch");
		return;
	}
	code = terminal_check_add(c->plane, ctx, &m, &ch, &why);
	if (code) {
		reply_result(c, code, why);
		return;
	}
	if (!ctx) {
		ctx = context_new(c->plane, c->f->context);
		ctx->epoch = m.epoch;
		if (CTL_HAS(&m, add, kind))
			ctx->kind = m.kind;
	}
	add_context_fields(ctx, &m);
	ctx->seal = seal;
	s = session_find(ctx, m.termination);
	if (!s) {
		struct slice id = CTL_HAS(&m, add, local_session) ? m.local_session : SLICE_NULL;
		if (session_make(ctx, m.termination, id, &s)) {
			reply_result(c, CTL_R_BAD_VALUE, "local_session");
			if (!ctx->n_sessions)
				context_free(&ctx);
			return;
		}
		fresh = true;
	}
	if (CTL_HAS(&m, add, listener))
		s->listener = m.listener;
	if (CTL_HAS(&m, add, key_server))
		s->key_server = m.key_server;
	if (CTL_HAS(&m, add, hold))
		hold(s, m.hold);
	terminal_apply(s, &ch, fresh);
	if (fresh && ctx->kind == CTL_KIND_FILE)
		file_added(s);
	reply_terminal(c, s);
}

static void on_modify(struct call *c)
{
	struct context *ctx = context_find(c->plane, c->f->context);
	struct terminal_change ch;
	struct session *s = NULL;
	struct ctl_modify m;
	const char *why;
	int code;

	if (!decode(c, CTL_BODY_modify, &m) || !epoch_ok(c, ctx, m.epoch))
		return;
	if (!ctx) {
		reply_result(c, CTL_R_UNKNOWN_CONTEXT, NULL);
		return;
	}
	if (m.termination && !(s = session_find(ctx, m.termination))) {
		reply_result(c, CTL_R_UNKNOWN_TERMINATION, NULL);
		return;
	}
	code = terminal_check_modify(c->plane, s, &m, &ch, &why);
	if (code) {
		reply_result(c, code, why);
		return;
	}
	if (!seal_take_modify(&ctx->seal, &m)) {
		reply_result(c, CTL_R_BAD_VALUE, "key_domain or key_epoch");
		return;
	}
	if (CTL_HAS(&m, modify, aliases))
		context_set_room(ctx, SLICE_NULL, &m.aliases);
	if (CTL_HAS(&m, modify, policy))
		ctx->policy = m.policy;
	if (CTL_HAS(&m, modify, max_message))
		ctx->max_message = m.max_message;
	if (CTL_HAS(&m, modify, max_file))
		ctx->max_file = m.max_file;
	if (CTL_HAS(&m, modify, away))
		ctx->away = m.away;
	if (!s) {
		reply_result(c, CTL_R_OK, NULL);
		return;
	}
	if (CTL_HAS(&m, modify, listener))
		s->listener = m.listener;
	if (CTL_HAS(&m, modify, key_server))
		s->key_server = m.key_server;
	terminal_apply(s, &ch, false);
	if (CTL_HAS(&m, modify, hold))
		hold(s, m.hold);
	reply_terminal(c, s);
}

/* --- Subtract --- */

static void add_counters(struct ctl_subtract_reply *r, const struct session *s)
{
	r->messages_in += s->messages_in;
	r->octets_in += s->octets_in;
	r->copies_delivered += s->copies_delivered;
	r->copies_lost += s->copies_lost;
	for (unsigned k = 0; k < STATS_CLASSES; k++)
		r->copies_lost += s->open[k]; /* lost with it */
}

static void on_subtract(struct call *c)
{
	struct context *ctx = context_find(c->plane, c->f->context);
	struct ctl_subtract_reply r = {0};
	struct ctl_subtract m;
	struct session *s;

	if (!decode(c, CTL_BODY_subtract, &m) || !epoch_ok(c, ctx, m.epoch))
		return;
	s = ctx && m.termination ? session_find(ctx, m.termination) : NULL;
	if (s) {
		add_counters(&r, s);
		if (!m.missed || !m.grace || !depart_later(s, m.grace))
			depart(&s, m.missed || s->depart_ms);
	} else if (ctx && !m.termination) {
		TAILQ_FOREACH(s, &ctx->sessions, in_context)
			add_counters(&r, s);
		depart_all(ctx);
	}
	CTL_SET(&r, subtract_reply, code, CTL_R_OK);
	CTL_SET(&r, subtract_reply, messages_in, r.messages_in);
	CTL_SET(&r, subtract_reply, octets_in, r.octets_in);
	CTL_SET(&r, subtract_reply, copies_delivered, r.copies_delivered);
	CTL_SET(&r, subtract_reply, copies_lost, r.copies_lost);
	reply(c, true, CTL_BODY_subtract_reply, &r);
}

/* --- Inject --- */

static void on_inject(struct call *c)
{
	struct context *ctx = context_find(c->plane, c->f->context);
	struct session *s = NULL;
	struct ctl_inject m;

	if (!decode(c, CTL_BODY_inject, &m) || !epoch_ok(c, ctx, m.epoch))
		return;
	if (!ctx) {
		reply_result(c, CTL_R_UNKNOWN_CONTEXT, NULL);
	} else if (m.termination && !(s = session_find(ctx, m.termination))) {
		reply_result(c, CTL_R_UNKNOWN_TERMINATION, NULL);
	} else {
		int err = inject(ctx, s, m.content_type, m.body, m.number);

		if (err == -ERR_WRONG_STATE)
			reply_result(c, CTL_R_UNKNOWN_TERMINATION, "not bound");
		else if (err)
			reply_result(c, CTL_R_BAD_VALUE, "content_type or body");
		else
			reply_result(c, CTL_R_OK, NULL);
	}
}

/* --- AuditValue --- */

static void audit_one(struct bytes *out, const struct session *s)
{
	struct ctl_audit_termination r = {0};

	CTL_SET(&r, audit_termination, context, slice_make(s->ctx->id, sizeof(s->ctx->id)));
	CTL_SET(&r, audit_termination, epoch, s->ctx->epoch);
	CTL_SET(&r, audit_termination, termination, s->termination);
	CTL_SET(&r, audit_termination, bound, s->state == SESSION_BOUND);
	CTL_SET(&r, audit_termination, local_path, slice_str(s->local_uri));
	CTL_SET(&r, audit_termination, messages_in, s->messages_in);
	CTL_SET(&r, audit_termination, copies_delivered, s->copies_delivered);
	CTL_SET(&r, audit_termination, copies_lost, s->copies_lost);
	ctl_encode(out, CTL_BODY_audit_termination, &r);
}

static void on_audit(struct call *c)
{
	struct slice items[AUDIT_PAGE];
	size_t begin[AUDIT_PAGE + 1], n = 0;
	struct ctl_audit_reply r = {0};
	struct bytes b = BYTES_INIT;
	uint64_t next = 0;
	struct session *s;
	struct ctl_audit m;

	if (!decode(c, CTL_BODY_audit, &m))
		return;
	/* The table is in the order of serials; the cursor is the last serial given. */
	for (s = c->plane->sessions; s; s = s->by_local.next) {
		if (s->serial <= m.cursor)
			continue;
		if (n == AUDIT_PAGE) {
			r.cursor = next;
			break;
		}
		begin[n++] = b.len;
		audit_one(&b, s);
		next = s->serial;
	}
	begin[n] = b.len;
	for (size_t i = 0; i < n; i++)
		items[i] = slice_make(b.data + begin[i], begin[i + 1] - begin[i]);
	CTL_SET(&r, audit_reply, code, CTL_R_OK);
	CTL_SET(&r, audit_reply, cursor, r.cursor);
	if (n)
		CTL_SET(&r, audit_reply, terminations, ((struct ctl_list){items, n}));
	reply(c, true, CTL_BODY_audit_reply, &r);
	bytes_fini(&b);
}

void control_request(struct plane *plane, const struct ctl_frame *f, struct bytes *out)
{
	struct call *c = xcalloc(1, sizeof(*c));

	c->plane = plane;
	c->f = f;
	c->out = out;
	(*plane->stats.ctl_requests)++;
	switch (f->command) {
	case CTL_CMD_ADD:
		on_add(c);
		break;
	case CTL_CMD_MODIFY:
		on_modify(c);
		break;
	case CTL_CMD_SUBTRACT:
		on_subtract(c);
		break;
	case CTL_CMD_INJECT:
		on_inject(c);
		break;
	case CTL_CMD_AUDIT_VALUE:
		on_audit(c);
		break;
	case CTL_CMD_KEEPALIVE:
		reply_result(c, CTL_R_OK, NULL);
		break;
	default:
		reply_result(c, CTL_R_UNKNOWN_COMMAND, NULL);
	}
	free(c);
}

void control_clear(struct plane *plane)
{
	while (plane->contexts)
		depart_all(plane->contexts);
}
