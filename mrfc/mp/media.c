/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the focus and the MRFPs: the focus' words for media become bodies of the control protocol
 * and events come back. Knows neither links nor SIP.
 */
#include "mrfc/mp/media.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfc/mp/mrfp_pool.h"

#define LOG_PLACE "media"
#define URIS_MAX  64

/* A callback that is owed. */
struct media_op {
	TAILQ_ENTRY(media_op) link;
	struct media *media;
	bool wants_address; /* a good answer without one is none */
	media_result_fn *fn;
	void *arg;
};

struct media {
	struct mrfp_pool *pool;
	const struct media_events *events; /* NULL: nobody listens */
	void *events_arg;
	TAILQ_HEAD(, media_op) ops;
};

/* The answer to the present event is given later. */
static void take_later(struct media *m, struct media_later *later_r)
{
	struct mrfp_later at;

	mrfp_pool_later(m->pool, &at);
	later_r->incarnation = at.incarnation;
	later_r->transaction = at.transaction;
	memcpy(later_r->ctx, at.context, sizeof(later_r->ctx));
}

static void take_owed(struct media *m, const uint8_t *context, const struct ctl_notify *event)
{
	const struct media_owed o = {.missed_by = event->termination,
				     .sender = event->sender,
				     .to = event->to,
				     .message_id = event->message_id,
				     .content_type = event->content_type,
				     .body = event->body};
	struct media_later later;

	if (!m->events->owed)
		return;
	if (o.body.len == 0) {
		m->events->owed(context, &o, NULL, m->events_arg);
		return;
	}
	take_later(m, &later);
	m->events->owed(context, &o, &later, m->events_arg);
}

static void answer(struct media *m, const struct media_later *later, bool ok, uint16_t status)
{
	struct mrfp_later at = {.incarnation = later->incarnation,
				.transaction = later->transaction};

	memcpy(at.context, later->ctx, sizeof(at.context));
	mrfp_pool_answer(m->pool, &at, ok, status);
}

void media_owed_done(struct media *m, const struct media_later *later, bool ok)
{
	answer(m, later, ok, 0);
}

void media_nickname_done(struct media *m, const struct media_later *later, int status)
{
	answer(m, later, true, (uint16_t)status);
}

static void take_nickname(struct media *m, const uint8_t *context, const struct ctl_notify *event)
{
	struct media_later later;
	int status;

	take_later(m, &later);
	status = m->events->nickname(context, event->termination, event->nickname, &later,
				     m->events_arg);
	if (status)
		media_nickname_done(m, &later, status);
}

static void on_notify(const uint8_t *context, const struct ctl_notify *event, void *arg)
{
	struct media *m = arg;
	const struct media_events *e = m->events;
	char *peer;

	if (!e)
		return;
	switch (event->event) {
	case CTL_EVENT_BOUND:
		peer = slice_dup(event->peer);
		e->bound(context, event->termination, peer, m->events_arg);
		free(peer);
		break;
	case CTL_EVENT_LOST:
		e->lost(context, event->termination, event->cause, event->copies_lost,
			m->events_arg);
		break;
	case CTL_EVENT_ACCOUNTING:
		if (e->file_over)
			e->file_over(context, event->outcome, event->size, m->events_arg);
		break;
	case CTL_EVENT_SLOW:
		e->slow(context, event->termination, event->copies_lost, m->events_arg);
		break;
	case CTL_EVENT_OWED:
		take_owed(m, context, event);
		break;
	case CTL_EVENT_TOLD:
		if (e->told)
			e->told(context, event->termination, event->number, event->status,
				m->events_arg);
		break;
	case CTL_EVENT_KEY:
		if (e->key)
			e->key(context, event->termination, event->body,
			       CTL_HAS(event, notify, content_type), m->events_arg);
		break;
	case CTL_EVENT_SEALED:
		if (e->sealed)
			e->sealed(context, event->number, m->events_arg);
		break;
	case CTL_EVENT_NICKNAME:
		take_nickname(m, context, event);
		break;
	default:
		break;
	}
}

static void on_context_lost(const uint8_t *context, void *arg)
{
	struct media *m = arg;

	if (m->events)
		m->events->context_lost(context, m->events_arg);
}

static void on_termination_lost(const uint8_t *context, uint64_t termination, void *arg)
{
	struct media *m = arg;

	if (m->events)
		m->events->lost(context, termination, CTL_LOST_CLOSED, 0, m->events_arg);
}

static bool on_known(const uint8_t *context, uint64_t termination, void *arg)
{
	struct media *m = arg;

	return !m->events || m->events->known(context, termination, m->events_arg);
}

static void on_listed(const uint8_t *context, uint64_t termination, bool bound, void *arg)
{
	struct media *m = arg;

	if (m->events && m->events->listed)
		m->events->listed(context, termination, bound, m->events_arg);
}

static void on_audited(const char *mrfp, void *arg)
{
	struct media *m = arg;

	if (m->events && m->events->audited)
		m->events->audited(mrfp, m->events_arg);
}

static const struct mrfp_pool_events pool_events = {
	.notify = on_notify,
	.context_lost = on_context_lost,
	.termination_lost = on_termination_lost,
	.known = on_known,
	.listed = on_listed,
	.audited = on_audited,
};

struct media *media_new(struct mrfp_pool *pool)
{
	struct media *m = xcalloc(1, sizeof(*m));

	m->pool = pool;
	TAILQ_INIT(&m->ops);
	mrfp_pool_set_events(pool, &pool_events, m);
	return m;
}

void media_free(struct media **m)
{
	struct media_op *op;

	if (!*m)
		return;
	mrfp_pool_set_events((*m)->pool, NULL, NULL);
	mrfp_pool_drop_callbacks((*m)->pool);
	while ((op = TAILQ_FIRST(&(*m)->ops))) {
		TAILQ_REMOVE(&(*m)->ops, op, link);
		free(op);
	}
	free(*m);
	*m = NULL;
}

bool media_available(const struct media *m)
{
	return mrfp_pool_up(m->pool);
}

bool media_draining(const struct media *m)
{
	return mrfp_pool_draining(m->pool);
}

bool media_should_move(const struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE])
{
	return mrfp_pool_should_move(m->pool, ctx);
}

bool media_has_tls(const struct media *m)
{
	return mrfp_pool_has_tls(m->pool);
}

bool media_has_websocket(const struct media *m)
{
	return mrfp_pool_has_websocket(m->pool);
}

uint64_t media_max_size(const struct media *m)
{
	return mrfp_pool_max_size(m->pool);
}

const char *media_mrfp_of(const struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE])
{
	return mrfp_pool_of(m->pool, ctx);
}

void media_set_events(struct media *m, const struct media_events *events, void *arg)
{
	m->events = events;
	m->events_arg = arg;
}

void media_cancel(struct media *m, void *arg)
{
	struct media_op *op;

	TAILQ_FOREACH(op, &m->ops, link)
		if (op->arg == arg)
			op->fn = NULL;
}

/* "HOST:PORT" or "[v6]:PORT" in two; the host without brackets is the caller's. */
static int split_address(struct slice address, char **host_r, uint16_t *port_r)
{
	struct slice host = address;
	uint64_t port;

	while (host.len && host.ptr[host.len - 1] != ':')
		host.len--;
	if (host.len < 2 || slice_u64(slice_from(address, host.len), UINT16_MAX, &port) < 0)
		return -ERR_SYNTAX;
	host.len--;
	if (host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
		host = slice_from(slice_first(host, host.len - 1), 1);
	*host_r = slice_dup(host);
	*port_r = (uint16_t)port;
	return 0;
}

static void on_result(const struct mrfp_result *from, void *arg)
{
	struct media_op *op = arg;
	struct media_result result = {.err = from->err};
	char *reason = slice_dup(from->reason);
	char *path = slice_dup(from->local_path);
	char *fingerprint = slice_dup(from->fingerprint);
	char *host = NULL;

	TAILQ_REMOVE(&op->media->ops, op, link);
	if (!from->err && from->address.len)
		result.err = split_address(from->address, &host, &result.port);
	if (!result.err && op->wants_address && (!host || !path[0]))
		result.err = -ERR_SYNTAX;
	if (result.err)
		log_info("request failed: %s %s", err_name(result.err), reason);
	result.reason = reason;
	result.local_path = path[0] ? path : NULL;
	result.host = host;
	result.fingerprint = fingerprint[0] ? fingerprint : NULL;
	if (op->fn)
		op->fn(&result, op->arg);
	free(reason);
	free(path);
	free(host);
	free(fingerprint);
	free(op);
}

static struct media_op *op_new(struct media *m, bool wants_address, media_result_fn *fn, void *arg)
{
	struct media_op *op = xcalloc(1, sizeof(*op));

	op->media = m;
	op->wants_address = wants_address;
	op->fn = fn;
	op->arg = arg;
	TAILQ_INSERT_TAIL(&m->ops, op, link);
	return op;
}

static uint8_t caps_of(const struct media_remote *r)
{
	if (!r->has_chatroom)
		return 0;
	return (uint8_t)(CTL_CAPS_CHATROOM | (r->nickname ? CTL_CAPS_NICKNAME : 0) |
			 (r->private_messages ? CTL_CAPS_PRIVATE : 0));
}

static struct ctl_list list_of(const char *const *texts, size_t n, struct slice items[URIS_MAX])
{
	if (n > URIS_MAX)
		n = URIS_MAX;
	for (size_t i = 0; i < n; i++)
		items[i] = slice_str(texts[i]);
	return (struct ctl_list){items, n};
}

/* The fields that Add and Modify share; absent strings stay absent. */
#define SET_TEXT(msg, body, field, text)                                                           \
	do {                                                                                       \
		if (text)                                                                          \
			CTL_SET(msg, body, field, slice_str(text));                                \
	} while (0)
#define SET_REMOTE(msg, body, r, prints)                                                           \
	do {                                                                                       \
		if ((r)->n_fingerprints)                                                           \
			CTL_SET(msg, body, fingerprints,                                           \
				list_of((r)->fingerprints, (r)->n_fingerprints, prints));          \
		else if ((r)->tls && (r)->path)                                                    \
			CTL_SET(msg, body, by_name, 1);                                            \
		SET_TEXT(msg, body, remote_path, (r)->path);                                       \
		SET_TEXT(msg, body, connect, (r)->connect);                                        \
		SET_TEXT(msg, body, accept_types, (r)->accept_types);                              \
		SET_TEXT(msg, body, accept_wrapped_types, (r)->accept_wrapped_types);              \
		if ((r)->setup)                                                                    \
			CTL_SET(msg, body, setup, (uint8_t)(r)->setup);                            \
		CTL_SET(msg, body, match,                                                          \
			(r)->match_session_only ? CTL_MATCH_SESSION : CTL_MATCH_URI);              \
		CTL_SET(msg, body, caps, caps_of(r));                                              \
		CTL_SET(msg, body, max_size, (r)->max_size);                                       \
		CTL_SET(msg, body, direction, (uint8_t)(r)->direction);                            \
	} while (0)

#define SET_KEYS(msg, body, keys)                                                                  \
	do {                                                                                       \
		CTL_SET(msg, body, key_domain,                                                     \
			slice_make((const char *)(keys)->domain, MEDIA_KEY_DOMAIN_SIZE));          \
		CTL_SET(msg, body, key_epoch, (keys)->oldest);                                     \
		CTL_SET(msg, body, key_newest, (keys)->newest);                                    \
	} while (0)

void media_add(struct media *m, const struct media_context *ctx, uint64_t termination,
	       const char *const *uris, size_t n_uris, const struct media_remote *remote,
	       media_result_fn *fn, void *arg)
{
	struct slice aliases[URIS_MAX], users[URIS_MAX], prints[URIS_MAX];
	struct ctl_add msg = {0};

	CTL_SET(&msg, add, epoch, ctx->epoch);
	CTL_SET(&msg, add, termination, termination);
	CTL_SET(&msg, add, kind, ctx->file ? CTL_KIND_FILE : CTL_KIND_CHAT);
	CTL_SET(&msg, add, max_message, ctx->max_message);
	CTL_SET(&msg, add, max_file, ctx->max_file);
	CTL_SET(&msg, add, conference, slice_str(ctx->conference_uri));
	CTL_SET(&msg, add, aliases, list_of(ctx->aliases, ctx->n_aliases, aliases));
	CTL_SET(&msg, add, uris, list_of(uris, n_uris, users));
	CTL_SET(&msg, add, policy,
		(uint8_t)((ctx->private_messages ? CTL_POLICY_PRIVATE : 0) |
			  (ctx->nicknames ? CTL_POLICY_NICKNAME : 0) |
			  (ctx->echo ? CTL_POLICY_ECHO : 0) |
			  (ctx->strict ? CTL_POLICY_STRICT : 0) |
			  (ctx->sealed ? CTL_POLICY_SEALED : 0) |
			  (ctx->keep ? CTL_POLICY_KEEP : 0)));
	if (ctx->sealed && ctx->keys.newest)
		SET_KEYS(&msg, add, &ctx->keys);
	if (ctx->keep)
		CTL_SET(&msg, add, away, ctx->away);
	if (remote->hold)
		CTL_SET(&msg, add, hold, 1);
	CTL_SET(&msg, add, transport,
		remote->ws    ? CTL_TRANSPORT_WS
		: remote->tls ? CTL_TRANSPORT_TLS
			      : CTL_TRANSPORT_TCP);
	SET_REMOTE(&msg, add, remote, prints);
	SET_TEXT(&msg, add, source, remote->source);
	CTL_SET(&msg, add, family, remote->v6 ? 6 : 4);
	if (remote->listener)
		CTL_SET(&msg, add, listener, 1);
	mrfp_pool_add(m->pool, ctx->id, &msg, on_result, op_new(m, true, fn, arg));
}

void media_modify(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
		  uint64_t termination, const struct media_remote *remote, bool new_local,
		  media_result_fn *fn, void *arg)
{
	struct slice users[URIS_MAX], prints[URIS_MAX];
	struct ctl_modify msg = {0};

	CTL_SET(&msg, modify, epoch, epoch);
	CTL_SET(&msg, modify, termination, termination);
	SET_REMOTE(&msg, modify, remote, prints);
	if (remote->path && !remote->accept_wrapped_types) /* absent means unchanged in a Modify */
		CTL_SET(&msg, modify, accept_wrapped_types, SLICE_LIT("*"));
	if (remote->path && !remote->connect)
		CTL_SET(&msg, modify, connect, SLICE_LIT(""));
	if (remote->n_uris != 0)
		CTL_SET(&msg, modify, uris, list_of(remote->uris, remote->n_uris, users));
	if (new_local)
		CTL_SET(&msg, modify, new_local, 1);
	mrfp_pool_modify(m->pool, ctx, &msg, on_result, op_new(m, new_local, fn, arg));
}

void media_set_psk(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
		   uint64_t termination, struct slice identity, struct slice psk,
		   media_result_fn *fn, void *arg)
{
	struct ctl_modify msg = {0};

	CTL_SET(&msg, modify, epoch, epoch);
	CTL_SET(&msg, modify, termination, termination);
	CTL_SET(&msg, modify, psk_identity, identity);
	CTL_SET(&msg, modify, psk, psk);
	mrfp_pool_modify(m->pool, ctx, &msg, on_result, op_new(m, false, fn, arg));
}

void media_set_listener(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
			uint64_t termination, bool listener)
{
	struct ctl_modify msg = {0};

	CTL_SET(&msg, modify, epoch, epoch);
	CTL_SET(&msg, modify, termination, termination);
	CTL_SET(&msg, modify, listener, listener);
	mrfp_pool_modify(m->pool, ctx, &msg, on_result, op_new(m, false, NULL, NULL));
}

void media_set_key_server(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
			  uint64_t termination, bool key_server)
{
	struct ctl_modify msg = {0};

	CTL_SET(&msg, modify, epoch, epoch);
	CTL_SET(&msg, modify, termination, termination);
	CTL_SET(&msg, modify, key_server, key_server);
	mrfp_pool_modify(m->pool, ctx, &msg, on_result, op_new(m, false, NULL, NULL));
}

static void subtract(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
		     uint64_t termination, bool missed, uint32_t grace_ms, media_result_fn *fn,
		     void *arg)
{
	struct ctl_subtract msg = {0};

	CTL_SET(&msg, subtract, epoch, epoch);
	if (termination)
		CTL_SET(&msg, subtract, termination, termination);
	if (missed)
		CTL_SET(&msg, subtract, missed, 1);
	if (grace_ms)
		CTL_SET(&msg, subtract, grace, grace_ms);
	mrfp_pool_subtract(m->pool, ctx, &msg, on_result, op_new(m, false, fn, arg));
}

void media_subtract(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
		    uint64_t termination, media_result_fn *fn, void *arg)
{
	subtract(m, ctx, epoch, termination, false, 0, fn, arg);
}

void media_subtract_missed(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
			   uint64_t termination, uint32_t grace_ms, media_result_fn *fn, void *arg)
{
	subtract(m, ctx, epoch, termination, true, grace_ms, fn, arg);
}

void media_set_away(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
		    bool away, media_result_fn *fn, void *arg)
{
	struct ctl_modify msg = {0};

	CTL_SET(&msg, modify, epoch, epoch);
	CTL_SET(&msg, modify, away, away);
	mrfp_pool_modify(m->pool, ctx, &msg, on_result, op_new(m, false, fn, arg));
}

void media_set_keys(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
		    const struct media_keys *keys, media_result_fn *fn, void *arg)
{
	struct ctl_modify msg = {0};

	CTL_SET(&msg, modify, epoch, epoch);
	SET_KEYS(&msg, modify, keys);
	mrfp_pool_modify(m->pool, ctx, &msg, on_result, op_new(m, false, fn, arg));
}

void media_release(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
		   uint64_t termination)
{
	struct ctl_modify msg = {0};

	CTL_SET(&msg, modify, epoch, epoch);
	CTL_SET(&msg, modify, termination, termination);
	CTL_SET(&msg, modify, hold, 0);
	mrfp_pool_modify(m->pool, ctx, &msg, on_result, op_new(m, false, NULL, NULL));
}

void media_inject(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
		  uint64_t termination, struct slice content_type, struct slice body,
		  uint64_t number, media_result_fn *fn, void *arg)
{
	struct ctl_inject msg = {0};

	CTL_SET(&msg, inject, epoch, epoch);
	CTL_SET(&msg, inject, termination, termination);
	CTL_SET(&msg, inject, content_type, content_type);
	CTL_SET(&msg, inject, body, body);
	CTL_SET(&msg, inject, number, number);
	mrfp_pool_inject(m->pool, ctx, &msg, on_result, op_new(m, false, fn, arg));
}
