/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the MRFC's words to a termination's state: RFC 6135 roles (CMD-005..008), paths, lists.
 * Checks change nothing, so a refused request has no effect.
 */
#include "mrfp/terminal.h"

#include <stdlib.h>

#include "common/mem.h"
#include "mrfp/dial.h"
#include "mrfp/hangup.h"
#include "mrfp/psk.h"
#include "mrfp/relay.h"
#include "mrfp/sender.h"

#define PATH_MAX_LEN 4096

/* Add and Modify have these fields by the same names. */
#define TAKE(body, flag, field, member)                                                            \
	do {                                                                                       \
		if (CTL_HAS(m, body, field)) {                                                     \
			ch.flag = true;                                                            \
			ch.member = m->field;                                                      \
		}                                                                                  \
	} while (0)
#define TAKE_ALL(body)                                                                             \
	do {                                                                                       \
		TAKE(body, has_uris, uris, uris);                                                  \
		TAKE(body, has_path, remote_path, path);                                           \
		TAKE(body, has_setup, setup, setup);                                               \
		TAKE(body, has_connect, connect, connect);                                         \
		TAKE(body, has_match, match, match);                                               \
		TAKE(body, has_caps, caps, caps);                                                  \
		TAKE(body, has_types, accept_types, types);                                        \
		TAKE(body, has_wrapped, accept_wrapped_types, wrapped);                            \
		TAKE(body, has_max_size, max_size, max_size);                                      \
		TAKE(body, has_direction, direction, direction);                                   \
		TAKE(body, has_pins, fingerprints, fingerprints);                                  \
		TAKE(body, has_psk, psk_identity, psk_identity);                                   \
		TAKE(body, has_psk, psk, psk);                                                     \
		ch.by_name = CTL_HAS(m, body, by_name) && m->by_name;                              \
		ch.new_local = CTL_HAS(m, body, new_local) && m->new_local;                        \
	} while (0)

/*
 * Does the path lead to a session of ours? Two legs of the switch joined to each other would send
 * each message round and round.
 */
static bool leads_to_us(struct plane *plane, const struct msrp_path *path)
{
	struct msrp_uri uri;

	for (size_t i = 0; i < path->n_items; i++) {
		if (msrp_uri_parse(path->items[i], &uri) == 0 && uri.has_session_id &&
		    session_by_local(plane, uri.session_id))
			return true;
	}
	return false;
}

/* NULL, or why these are not the peer's certificates (RFC 8122 5). */
static const char *read_pins(struct terminal_change *ch)
{
	ch->pins.n = 0;
	for (size_t i = 0; i < ch->fingerprints.n; i++) {
		if (fingerprint_list_add(&ch->pins, ch->fingerprints.items[i]))
			return "fingerprints";
	}
	return ch->pins.n ? NULL : "fingerprints: none of a trusted hash";
}

/* NULL, or why the session cannot have this transport, or the path over it. */
static const char *check_transport(const struct plane *plane, const struct session *s,
				   const struct terminal_change *ch)
{
	uint8_t transport = ch->has_transport ? ch->transport
			    : s               ? s->transport
					      : CTL_TRANSPORT_TCP;
	uint8_t setup = ch->has_setup ? ch->setup : s ? s->setup : CTL_SETUP_PASSIVE;
	struct msrp_path path;
	struct msrp_uri first;

	if (transport < CTL_TRANSPORT_TCP || transport > CTL_TRANSPORT_WS)
		return "transport: none of TCP, TLS and WebSocket";
	if (transport == CTL_TRANSPORT_WS && !plane->places.item[0].ws_host)
		return "transport: WebSocket is off (msrp.wss_port, msrp.ws_port)";
	if (transport == CTL_TRANSPORT_WS && setup == CTL_SETUP_ACTIVE)
		return "setup: a WebSocket is opened by the peer";
	if (transport == CTL_TRANSPORT_TLS && !plane->tls)
		return "transport: TLS is off (msrp.tls_port)";
	if (ch->by_name && plane->opt->tls_verify == TLS_VERIFY_FINGERPRINT)
		return "by_name: peers are known by fingerprint alone (tls.verify)";
	if (ch->has_psk && transport != CTL_TRANSPORT_TLS)
		return "psk: not over TLS";
	if (s && transport != s->transport)
		return "transport: it stays as it was";
	if (!ch->has_path || msrp_path_parse(ch->path, &path) ||
	    msrp_uri_parse(path.items[0], &first))
		return NULL;
	return first.secure == (transport != CTL_TRANSPORT_TCP) &&
			       slice_ieq_str(first.transport, "ws") ==
				       (transport == CTL_TRANSPORT_WS)
		       ? NULL
		       : "remote_path: not of the transport";
}

static int check_values(struct plane *plane, const struct session *s, struct terminal_change *ch,
			const char **why_r)
{
	struct msrp_path path;

	*why_r = NULL;
	if (ch->has_path && (ch->path.len > PATH_MAX_LEN || msrp_path_parse(ch->path, &path)))
		*why_r = "remote_path";
	else if (ch->has_path && leads_to_us(plane, &path))
		*why_r = "remote_path: a session of this switch";
	else if (ch->has_family && ch->family != 4 && ch->family != 6)
		*why_r = "family";
	else if (ch->has_setup && (ch->setup < CTL_SETUP_ACTIVE || ch->setup > CTL_SETUP_UNKNOWN))
		*why_r = "setup";
	else if (ch->has_match && ch->match != CTL_MATCH_URI && ch->match != CTL_MATCH_SESSION)
		*why_r = "match";
	else if (ch->has_direction && ch->direction > CTL_DIR_INACTIVE)
		*why_r = "direction";
	else if (ch->has_pins)
		*why_r = read_pins(ch);
	if (!*why_r && ch->has_psk)
		*why_r = psk_problem(plane, s ? s->psk : NULL, ch->psk_identity, ch->psk);
	if (!*why_r)
		*why_r = check_transport(plane, s, ch);
	return *why_r ? CTL_R_BAD_VALUE : CTL_R_OK;
}

/* Would connecting be allowed after this change? */
static int check_dial(struct plane *plane, const struct session *s,
		      const struct terminal_change *ch, const char **why_r)
{
	uint8_t setup = ch->has_setup ? ch->setup : s ? s->setup : CTL_SETUP_PASSIVE;
	struct context ctx = {.plane = plane};
	struct session probe = {.ctx = &ctx};
	int rc;

	if (setup != CTL_SETUP_ACTIVE || (!ch->has_path && !(s && s->remote_path[0])))
		return CTL_R_OK;
	if (s && s->wire && s->setup == CTL_SETUP_ACTIVE && !ch->has_path && !ch->has_connect)
		return CTL_R_OK;
	probe.remote_path = ch->has_path ? slice_dup(ch->path) : xstrdup(s->remote_path);
	probe.connect = ch->has_connect ? slice_dup(ch->connect) : xstrdup(s ? s->connect : "");
	rc = dial_check(&probe);
	free(probe.remote_path);
	free(probe.connect);
	if (rc == 0)
		return CTL_R_OK;
	*why_r = rc == -ERR_DENIED ? "msrp.connect_allow" : "connect";
	return rc == -ERR_DENIED ? CTL_R_NOT_ALLOWED : CTL_R_BAD_VALUE;
}

/* A context is of one kind for good. */
static bool kind_ok(const struct context *ctx, uint8_t kind)
{
	if (ctx)
		return kind == ctx->kind;
	return kind == CTL_KIND_CHAT || kind == CTL_KIND_RELAY || kind == CTL_KIND_FILE;
}

int terminal_check_add(struct plane *plane, struct context *ctx, const struct ctl_add *m,
		       struct terminal_change *ch_r, const char **why_r)
{
	const struct session *s = ctx ? session_find(ctx, m->termination) : NULL;
	struct terminal_change ch = {0};
	int code;

	*why_r = NULL;
	TAKE_ALL(add);
	TAKE(add, has_transport, transport, transport);
	TAKE(add, has_family, family, family);
	if (!m->termination)
		*why_r = "termination";
	else if (CTL_HAS(m, add, kind) && !kind_ok(ctx, m->kind))
		*why_r = "kind";
	else if (!ctx && !m->conference.len && (!CTL_HAS(m, add, kind) || m->kind == CTL_KIND_CHAT))
		*why_r = "conference";
	else if (ctx && ctx->kind == CTL_KIND_RELAY && ctx->n_sessions >= RELAY_LEGS &&
		 !session_find(ctx, m->termination))
		*why_r = "termination: a relay has two";
	if (*why_r)
		return CTL_R_BAD_VALUE;
	code = check_values(plane, s, &ch, why_r);
	if (!code)
		code = check_dial(plane, s, &ch, why_r);
	*ch_r = ch;
	return code;
}

int terminal_check_modify(struct plane *plane, struct session *s, const struct ctl_modify *m,
			  struct terminal_change *ch_r, const char **why_r)
{
	struct terminal_change ch = {0};
	int code;

	TAKE_ALL(modify);
	TAKE(modify, has_nickname, nickname, nickname);
	code = check_values(plane, s, &ch, why_r);
	if (!code && s)
		code = check_dial(plane, s, &ch, why_r);
	*ch_r = ch;
	return code;
}

static void apply_lists(struct session *s, const struct terminal_change *ch)
{
	if (ch->has_uris) {
		sender_forget(s);
		uris_set(&s->uris, &ch->uris);
	}
	if (ch->has_connect)
		session_text(&s->connect, ch->connect);
	if (ch->has_types)
		session_text(&s->accept_types, ch->types);
	if (ch->has_wrapped)
		session_text(&s->accept_wrapped, ch->wrapped);
	if (ch->has_nickname)
		session_text(&s->nickname, ch->nickname);
	if (ch->has_match)
		s->match = ch->match;
	if (ch->has_caps)
		s->caps = ch->caps;
	if (ch->has_direction)
		s->direction = ch->direction;
	if (ch->has_max_size)
		s->taste.max_size = ch->max_size;
	session_apply_taste(s);
}

/* Wait for the peer or go to it. */
static void restart(struct session *s)
{
	if (s->wire) /* connecting, or waiting for the answer to its first SEND */
		hangup(s, 0);
	if (s->ctx->kind == CTL_KIND_RELAY)
		relay_park(s);
	if (!s->remote_path[0]) {
		session_set_state(s, SESSION_IDLE, "path not known");
		return;
	}
	if (s->setup == CTL_SETUP_ACTIVE) {
		dial_start(s);
		return;
	}
	session_set_state(s, SESSION_WAITING, "passive");
}

/*
 * Another certificate than the one it showed is announced: it has to come again, RFC 8122 6.2. Who
 * came by a key stays: a later key is for later connections.
 */
static void judge_peer(struct session *s)
{
	struct wire *w = s->wire;

	if (!w || !w->connected || conn_psk(w->conn) || session_peer_ok(s, w->conn))
		return;
	(*s->ctx->plane->stats.bad_peers)++;
	hangup(s, 0);
	session_set_state(s, SESSION_IDLE, "another certificate");
	if (!w->n_sessions)
		wire_close(w);
}

void terminal_apply(struct session *s, const struct terminal_change *ch, bool fresh)
{
	bool first_path = !s->remote_path[0];
	bool moved = ch->has_path && !first_path && !slice_eq_str(ch->path, s->remote_path);
	bool turned = ch->has_setup && ch->setup != s->setup && ch->setup == CTL_SETUP_ACTIVE;

	apply_lists(s, ch);
	if (fresh && (ch->has_transport || ch->has_family))
		session_set_place(s, ch->has_transport ? ch->transport : s->transport, ch->family);
	if (ch->has_psk)
		psk_set(s->ctx->plane, &s->psk, ch->psk_identity, ch->psk);
	if (ch->has_pins) {
		session_set_pins(s, &ch->pins);
		judge_peer(s);
	}
	if (ch->has_setup)
		s->setup = ch->setup;
	if ((moved || ch->new_local) && s->wire)
		hangup(s, 0);
	if (ch->new_local)
		session_renew(s);
	if (ch->has_path)
		session_set_remote_path(s, ch->path);
	if (s->state == SESSION_BOUND && s->wire) {
		/* The peer may have bound before its path was known (MSRP-054). */
		if (ch->has_path && first_path && s->wire->mid_session != s)
			session_set_paths(s, slice_make(s->to_raw, s->to_raw_len),
					  slice_make(s->from_raw, s->from_raw_len));
		return;
	}
	if (fresh || moved || ch->new_local || turned || (ch->has_path && first_path) ||
	    (s->state == SESSION_LOST && ch->has_path) ||
	    (s->state == SESSION_IDLE && ch->has_pins))
		restart(s);
}
