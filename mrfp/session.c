/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Terminations: their names, state machine, path blocks and counters. Does no I/O: binding,
 * sending and ending are done by the modules above with these parts. RFC 4975 sections 5.4, 7.3;
 * RFC 6135 for who connects.
 */
#include "mrfp/session.h"

#include <stdlib.h>

#include "common/conn.h"
#include "common/fingerprint.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "common/resolve.h"
#include "mrfp/psk.h"
#include "proto/msrp_build.h"

#define LOG_PLACE "session"

static const char *const state_names[SESSION_STATES] = {"idle",    "waiting", "connecting",
							"binding", "bound",   "lost"};

#define TO(st) (1u << SESSION_##st)
static const unsigned may[SESSION_STATES] = {
	[SESSION_IDLE] = TO(WAITING) | TO(CONNECTING) | TO(BOUND) | TO(LOST),
	[SESSION_WAITING] = TO(IDLE) | TO(CONNECTING) | TO(BOUND) | TO(LOST),
	[SESSION_CONNECTING] = TO(IDLE) | TO(WAITING) | TO(BINDING) | TO(BOUND) | TO(LOST),
	[SESSION_BINDING] = TO(IDLE) | TO(WAITING) | TO(CONNECTING) | TO(BOUND) | TO(LOST),
	[SESSION_BOUND] = TO(IDLE) | TO(WAITING) | TO(CONNECTING) | TO(LOST),
	[SESSION_LOST] = TO(IDLE) | TO(WAITING) | TO(CONNECTING),
};

const char *session_state_name(enum session_state st)
{
	return st < SESSION_STATES ? state_names[st] : "?";
}

bool session_may(enum session_state from, enum session_state to)
{
	return from < SESSION_STATES && to < SESSION_STATES && (may[from] >> to & 1);
}

const char *session_place(const struct session *s, uint16_t *port_r)
{
	const struct place *at = places_for(&s->ctx->plane->places, s->family);

	if (s->transport == CTL_TRANSPORT_WS) {
		*port_r = at->ws_port;
		return at->ws_host;
	}
	*port_r = s->transport == CTL_TRANSPORT_TLS ? at->tls_port : at->port;
	return at->host;
}

static const char no_text[1]; /* most texts are empty and then cost nothing */

static void text_free(char *text)
{
	if (text != no_text)
		free(text);
}

void session_text(char **text, struct slice value)
{
	char *old = *text;

	*text = value.len ? slice_dup(value) : (char *)(uintptr_t)no_text;
	text_free(old); /* value may lie in there */
}

static void build_local_uri(struct session *s)
{
	struct slice id = slice_str(s->local_id);
	struct bytes b = BYTES_INIT;
	uint16_t port;
	const char *host = session_place(s, &port);

	msrp_uri_build(&b, s->transport != CTL_TRANSPORT_TCP, slice_str(host), port, id,
		       s->transport == CTL_TRANSPORT_WS ? SLICE_LIT("ws") : SLICE_LIT("tcp"));
	free(s->local_uri);
	s->local_uri = bytes_take(&b);
}

static void init_direct(struct session *s)
{
	outq_init(&s->direct, (size_t)s->ctx->plane->opt->private_bytes);
	s->direct.meter = &s->ctx->plane->budget.queues;
}

int session_make(struct context *ctx, uint64_t termination, struct slice local_id,
		 struct session **session_r)
{
	struct session *s;

	if (local_id.len > SESSION_ID_LEN)
		return -ERR_LIMIT;
	if (local_id.len && session_by_local(ctx->plane, local_id))
		return -ERR_EXISTS;
	s = xcalloc(1, sizeof(*s));
	s->ctx = ctx;
	s->termination = termination;
	s->taste.number = ++ctx->next_number;
	if (local_id.len)
		memcpy(s->local_id, local_id.ptr, local_id.len);
	else
		rand_ident(s->local_id, SESSION_ID_LEN);
	s->transport = CTL_TRANSPORT_TCP;
	build_local_uri(s);
	s->remote_path = xstrdup("");
	session_text(&s->connect, SLICE_NULL);
	session_text(&s->accept_types, SLICE_NULL);
	session_text(&s->refused_types, SLICE_NULL);
	session_text(&s->nickname, SLICE_NULL);
	s->setup = CTL_SETUP_PASSIVE;
	s->match = CTL_MATCH_URI;
	s->taste.accept = UINT8_MAX;
	init_direct(s);
	TAILQ_INIT(&s->inbox);
	TAILQ_INSERT_TAIL(&ctx->sessions, s, in_context);
	ctx->n_sessions++;
	legindex_add(&ctx->by_termination, termination, s);
	legindex_add(&ctx->by_number, s->taste.number, s);
	s->serial = ++ctx->plane->last_session;
	HASH_ADD_KEYPTR(by_local, ctx->plane->sessions, s->local_id, strlen(s->local_id), s);
	(*ctx->plane->stats.terminations)++;
	session_apply_taste(s);
	*session_r = s;
	return 0;
}

static void set_relayed(struct session *s, bool relayed)
{
	if (relayed && !s->relayed)
		s->ctx->n_relayed++;
	else if (!relayed && s->relayed)
		s->ctx->n_relayed--;
	s->relayed = relayed;
}

static void not_missing(struct session *s)
{
	if (s->missing)
		s->ctx->n_missing--;
	s->missing = false;
}

void session_free(struct session **sp)
{
	struct session *s = *sp;

	if (!s)
		return;
	session_unbusy(s);
	not_missing(s);
	session_stop_dialing(s);
	set_relayed(s, false);
	TAILQ_REMOVE(&s->ctx->sessions, s, in_context);
	s->ctx->n_sessions--;
	legindex_remove(&s->ctx->by_termination, s->termination);
	legindex_remove(&s->ctx->by_number, s->taste.number);
	HASH_DELETE(by_local, s->ctx->plane->sessions, s);
	(*s->ctx->plane->stats.terminations)--;
	if (s->taste.accept < ACCEPT_LISTS)
		context_accept_put(s->ctx, s->taste.accept);
	taste_fini(&s->taste);
	for (int i = 0; i < STREAM_COUNT; i++)
		txring_fini(&s->tx[i]);
	outq_fini(&s->direct);
	uris_fini(&s->uris);
	free(s->local_uri);
	free(s->pins);
	psk_drop(s->ctx->plane, &s->psk);
	free(s->remote_path);
	text_free(s->connect);
	text_free(s->accept_types);
	text_free(s->accept_wrapped);
	text_free(s->refused_types);
	text_free(s->nickname);
	free(s->reply_paths);
	free(s->seen);
	free(s);
	*sp = NULL;
}

void session_stop_dialing(struct session *s)
{
	resolver_cancel(&s->query);
	free(s->candidates);
	s->candidates = NULL;
	s->n_candidates = s->next_candidate = 0;
}

struct session *session_find(struct context *ctx, uint64_t termination)
{
	return legindex_find(&ctx->by_termination, termination);
}

struct session *session_by_number(struct context *ctx, uint32_t number)
{
	return legindex_find(&ctx->by_number, number);
}

struct session *session_by_local(struct plane *plane, struct slice session_id)
{
	struct session *s;

	HASH_FIND(by_local, plane->sessions, session_id.ptr, session_id.len, s);
	return s;
}

void session_set_place(struct session *s, uint8_t transport, uint8_t family)
{
	s->transport = transport;
	s->family = family;
	build_local_uri(s);
}

void session_set_pins(struct session *s, const struct fingerprint_list *pins)
{
	if (!s->pins)
		s->pins = xcalloc(1, sizeof(*s->pins));
	*s->pins = *pins;
}

/* Is the one at c the host that the peer's path names (RFC 4975 5.4)? */
static bool has_name(const struct session *s, const struct conn *c)
{
	struct msrp_path path;
	struct msrp_uri first;
	const char *why = "its path is not known";

	if (msrp_path_parse(slice_str(s->remote_path), &path) == 0 &&
	    msrp_uri_parse(path.items[0], &first) == 0 && conn_peer_is_named(c, first.host, &why))
		return true;
	log_peer("%s/%llu: peer over TLS: %s", s->ctx->name, (unsigned long long)s->termination,
		 why);
	return false;
}

bool session_peer_ok(const struct session *s, const struct conn *c)
{
	int verify = s->ctx->plane->opt->tls_verify;

	if (s->transport != CTL_TRANSPORT_TLS)
		return true;
	if (conn_psk(c) || (s->psk && !s->pins))
		return psk_is(s->psk, c);
	if (s->pins && !conn_peer_is(c, s->pins))
		return false;
	return verify == TLS_VERIFY_FINGERPRINT || (s->pins && verify == TLS_VERIFY_EITHER) ||
	       has_name(s, c);
}

void session_renew(struct session *s)
{
	HASH_DELETE(by_local, s->ctx->plane->sessions, s);
	rand_ident(s->local_id, SESSION_ID_LEN);
	s->serial = ++s->ctx->plane->last_session; /* the table stays in the order of serials */
	HASH_ADD_KEYPTR(by_local, s->ctx->plane->sessions, s->local_id, strlen(s->local_id), s);
	build_local_uri(s);
}

void session_set_state(struct session *s, enum session_state to, const char *cause)
{
	const struct options *opt = s->ctx->plane->opt;
	uint64_t now_ms = s->ctx->plane->now_ms;

	if (s->state == to)
		return;
	if (!session_may(s->state, to)) {
		log_error("%s/%llu: %s -> %s is no step (%s)", s->ctx->name,
			  (unsigned long long)s->termination, session_state_name(s->state),
			  session_state_name(to), cause);
		return;
	}
	log_debug("%s/%llu: %s -> %s (%s)", s->ctx->name, (unsigned long long)s->termination,
		  session_state_name(s->state), session_state_name(to), cause);
	s->state = to;
	if (to != SESSION_CONNECTING)
		session_stop_dialing(s);
	switch (to) {
	case SESSION_WAITING:
	case SESSION_BINDING:
		s->deadline_ms = now_ms + (uint64_t)opt->bind_timeout_ms;
		session_busy(s);
		break;
	default: /* a connection attempt has its own limit */
		s->deadline_ms = 0;
	}
}

void session_apply_taste(struct session *s)
{
	struct taste *t = &s->taste;
	uint8_t old = t->accept, index;

	t->deaf = s->direction == CTL_DIR_SENDONLY || s->direction == CTL_DIR_INACTIVE;
	if (context_accept_get(s->ctx, s->accept_types, s->accept_wrapped, s->refused_types,
			       &index)) {
		log_debug("%s: more than %d different accept lists", s->ctx->name, ACCEPT_LISTS);
		index = ACCEPT_OWN;
	}
	t->accept = index;
	if (old < ACCEPT_LISTS)
		context_accept_put(s->ctx, old);
}

bool session_admits(const struct session *s, unsigned kind, struct slice top, struct slice inner)
{
	const struct accept_list own = {.types = s->accept_types,
					.wrapped = s->accept_wrapped,
					.refused = s->refused_types};

	return s->taste.accept != ACCEPT_OWN || accept_list_admits(&own, kind, top, inner);
}

void session_set_remote_path(struct session *s, struct slice path)
{
	free(s->remote_path);
	s->remote_path = slice_dup(path);
	set_relayed(s, strchr(s->remote_path, ' ') != NULL);
}

/*
 * Most peers are reached directly and write paths as they are in the session descriptions: then
 * all four texts are one. So there is one block of memory, and the others are places in it.
 */
void session_set_paths(struct session *s, struct slice to_raw, struct slice from_raw)
{
	static const size_t before_to = sizeof("To-Path: ") - 1;
	struct msrp_path from;
	struct bytes reply = BYTES_INIT, ours = BYTES_INIT;
	struct slice to;
	bool one, same;
	char *at;

	if (msrp_path_parse(from_raw, &from))
		from.items[0] = from_raw;
	one = slice_eq(from.items[0], from_raw);
	msrp_build_paths(&reply, from.items[0], to_raw);
	to = s->remote_path[0] ? slice_str(s->remote_path) : from_raw;
	set_relayed(s, slice_chr(to, ' ') >= 0);
	msrp_build_paths(&ours, to, slice_str(s->local_uri));
	same = slice_eq(bytes_slice(&reply), bytes_slice(&ours));
	at = xcalloc(1, reply.len + 1 + (same ? 0 : ours.len) + (one ? 0 : from_raw.len));
	memcpy(at, reply.data, reply.len + 1);
	s->reply_paths_len = (uint32_t)reply.len;
	s->to_raw_len = (uint32_t)to_raw.len;
	s->from_raw_len = (uint32_t)from_raw.len;
	s->block.paths_len = (uint32_t)ours.len;
	s->block.paths = same ? at : at + reply.len + 1;
	s->from_raw = one ? at + before_to : s->block.paths + (same ? reply.len + 1 : ours.len);
	if (!same)
		memcpy(at + reply.len + 1, ours.data, ours.len);
	if (!one)
		memcpy((char *)(uintptr_t)s->from_raw, from_raw.ptr, from_raw.len);
	free(s->reply_paths); /* the arguments may lie in there */
	s->reply_paths = at;
	s->to_raw = at + reply.len - 2 - to_raw.len; /* in front of the last CRLF */
	bytes_fini(&reply);
	bytes_fini(&ours);
}

static void note_return(struct session *s)
{
	not_missing(s);
	s->injected = 0;
	s->returned = s->hold;
	if (!s->hold)
		return;
	s->ctx->returned_serial = s->taste.since;
	s->hold_until_ms = s->ctx->plane->now_ms + (uint64_t)s->ctx->plane->opt->keep_hold_ms;
	session_busy(s);
}

void session_join(struct session *s)
{
	bool waited = s->parked[0].attached;

	for (int i = 0; i < N_LOGS && waited; i++)
		chunklog_move(&s->ctx->log[i], &s->parked[i], &s->cur[i]);
	if (waited)
		context_touch(s->ctx);
	if (!s->cur[0].attached) { /* in a file context it may have waited there */
		for (int i = 0; i < N_LOGS; i++)
			chunklog_attach(&s->ctx->log[i], s->hold ? &s->parked[i] : &s->cur[i]);
		s->taste.since = s->ctx->serial;
	}
	note_return(s);
	memset(s->kept, 0, sizeof(s->kept));
	s->joined = true;
	s->ctx->n_bound++;
	(*s->ctx->plane->stats.bound)++;
}

void session_release(struct session *s)
{
	s->hold = false;
	if (!s->joined || s->ctx->kind == CTL_KIND_RELAY)
		return;
	for (int i = 0; i < N_LOGS; i++)
		chunklog_move(&s->ctx->log[i], &s->parked[i], &s->cur[i]);
	context_touch(s->ctx);
}

static void drop_connection_state(struct session *s)
{
	for (int i = 0; i < STREAM_COUNT; i++)
		txring_fini(&s->tx[i]);
	outq_fini(&s->direct);
	init_direct(s);
	if (!s->joined)
		return;
	s->joined = false;
	s->ctx->n_bound--;
	(*s->ctx->plane->stats.bound)--;
}

void session_part(struct session *s)
{
	for (int i = 0; i < N_LOGS; i++) {
		chunklog_detach(&s->ctx->log[i], &s->cur[i]);
		chunklog_detach(&s->ctx->log[i], &s->parked[i]);
	}
	taste_fini(&s->taste);
	drop_connection_state(s);
}

void session_part_waiting(struct session *s)
{
	for (int i = 0; i < N_LOGS; i++)
		chunklog_move(&s->ctx->log[i], &s->cur[i], &s->parked[i]);
	drop_connection_state(s);
	session_busy(s); /* not for ever */
}

void session_busy(struct session *s)
{
	if (s->busy)
		return;
	s->busy = true;
	TAILQ_INSERT_TAIL(&s->ctx->plane->busy, s, in_busy);
}

void session_unbusy(struct session *s)
{
	if (!s->busy)
		return;
	s->busy = false;
	TAILQ_REMOVE(&s->ctx->plane->busy, s, in_busy);
}

void session_settle(struct session *s, unsigned kind, enum stats_outcome outcome)
{
	if (!s->open[kind]) {
		log_error("%s/%llu: a copy was settled twice", s->ctx->name,
			  (unsigned long long)s->termination);
		return;
	}
	s->open[kind]--;
	if (outcome == OUTCOME_DELIVERED)
		s->copies_delivered += kind != CPIM_COMPOSING;
	else if (outcome == OUTCOME_LOST)
		s->copies_lost++;
	stats_settle(&s->ctx->plane->stats, kind, outcome, 1);
	if (s->ctx->file) { /* it may have been the last */
		s->ctx->file->settled[outcome]++;
		context_touch(s->ctx);
	}
}

void session_log_lost(const struct session *s, uint64_t serial, const char *why)
{
	log_peer("%s/%llu: copy of message %llu lost (%s)", s->ctx->name,
		 (unsigned long long)s->termination, (unsigned long long)serial, why);
}

void session_sent(struct session *s, int stream, const struct chunk_meta *m, uint64_t num,
		  uint64_t at_ms)
{
	struct tx evicted;
	struct tx t = {
		.num = num,
		.serial = m->serial,
		.at_ms = (uint32_t)at_ms,
		.kind = m->kind,
		.last = m->last,
		.whole = m->first && m->last,
		.aborted = m->flag == '#',
		.sent = true,
		/* Refused while it was half out. */
		.settled = s->taste.n_settled && taste_is_settled(&s->taste, m->serial),
	};

	if (t.settled && t.last)
		taste_forget(&s->taste, m->serial);

	if (txring_push(&s->tx[stream], &t, &evicted) && evicted.last && !evicted.settled) {
		session_log_lost(s, evicted.serial, "too many without response");
		session_settle(s, evicted.kind, OUTCOME_LOST);
	}
	s->ctx->plane->due++;
	s->ctx->plane->due_lately++;
	if (!s->busy)
		session_busy(s);
}

uint64_t session_held_lag(const struct session *s)
{
	return !s->hold ? 0
			: chunklog_lag(&s->ctx->log[STREAM_CHAT], &s->parked[STREAM_CHAT]) +
				  chunklog_lag(&s->ctx->log[STREAM_BULK], &s->parked[STREAM_BULK]);
}

uint64_t session_lag(const struct session *s)
{
	return chunklog_lag(&s->ctx->log[STREAM_CHAT], &s->cur[STREAM_CHAT]) +
	       chunklog_lag(&s->ctx->log[STREAM_BULK], &s->cur[STREAM_BULK]) + s->direct.n_bytes +
	       session_held_lag(s);
}

bool session_pending(struct session *s)
{
	bool chat = chunklog_pending(&s->ctx->log[STREAM_CHAT], &s->cur[STREAM_CHAT], &s->taste);
	bool bulk = chunklog_pending(&s->ctx->log[STREAM_BULK], &s->cur[STREAM_BULK], &s->taste);

	return chat || bulk || !outq_empty(&s->direct);
}

/* FNV-1a; 64 bits, so that two ids of one session do not meet by chance. */
static uint64_t hash_id(struct slice id)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < id.len; i++)
		h = (h ^ (unsigned char)id.ptr[i]) * UINT64_C(1099511628211);
	return h ? h : 1;
}

bool session_has_seen(const struct session *s, struct slice message_id)
{
	uint64_t h = hash_id(message_id);

	for (unsigned i = 0; s->seen && i < SESSION_SEEN; i++) {
		if (s->seen[i] == h)
			return true;
	}
	return false;
}

void session_see(struct session *s, struct slice message_id)
{
	if (!s->seen)
		s->seen = xcalloc(SESSION_SEEN, sizeof(*s->seen));
	s->seen[s->seen_next++ % SESSION_SEEN] = hash_id(message_id);
}
