/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connecting as the active endpoint, RFC 4975 5.4 and 6.2, RFC 6135 4.2.2. Every address, given or
 * resolved, must lie in msrp.connect_allow: the switch is not sent against third parties.
 */
#include "mrfp/dial.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/resolve.h"
#include "mrfp/hangup.h"
#include "mrfp/publish.h"

#define LOG_PLACE "dial"

/* Host and port to go to, as text. */
static int target(const struct session *s, struct slice *host_r, uint16_t *port_r)
{
	struct msrp_path path;
	struct msrp_uri uri;
	struct slice text = slice_str(s->connect), port;
	uint64_t n;
	size_t at = text.len;

	if (!text.len) {
		if (msrp_path_parse(slice_str(s->remote_path), &path) ||
		    msrp_uri_parse(path.items[0], &uri) || !uri.has_port)
			return -ERR_SYNTAX;
		*host_r = uri.host;
		*port_r = uri.port;
		return 0;
	}
	while (at > 0 && text.ptr[at - 1] != ':')
		at--;
	port = slice_from(text, at);
	if (at < 2 || slice_u64(port, UINT16_MAX, &n))
		return -ERR_SYNTAX;
	*host_r = slice_first(text, at - 1);
	*port_r = (uint16_t)n;
	return 0;
}

/* A listener of this process, by whatever address of this machine that we know. */
static bool is_own(const struct plane *p, const struct addr *to)
{
	struct addr advertised;

	for (size_t i = 0; i < p->n_own; i++) {
		const struct addr *own = &p->own[i];

		if (addr_port(own) != addr_port(to))
			continue;
		if (addr_host_equal(own, to) || (addr_is_any(own) && addr_is_loopback(to)))
			return true;
		for (size_t k = 0; k < p->places.n; k++) {
			const char *host = p->places.item[k].host;
			if (addr_from_host(slice_str(host), addr_port(own), &advertised) == 0 &&
			    addr_host_equal(&advertised, to))
				return true;
		}
	}
	return false;
}

static bool is_allowed(const struct plane *p, const struct addr *to)
{
	return addr_set_has(p->connect_allow, to) && !addr_is_any(to) && !addr_is_multicast(to) &&
	       !is_own(p, to);
}

int dial_check(const struct session *s)
{
	struct slice host;
	uint16_t port;
	struct addr to;

	if (target(s, &host, &port) || !port)
		return -ERR_SYNTAX;
	if (addr_from_host(host, port, &to))
		return s->ctx->plane->resolver ? 0 : -ERR_SYNTAX;
	return is_allowed(s->ctx->plane, &to) ? 0 : -ERR_DENIED;
}

static void bind_on(struct session *s)
{
	session_set_state(s, SESSION_BINDING, "connected");
	session_set_paths(s, slice_str(s->local_uri), slice_str(s->remote_path));
	publish_empty(s);
}

/* May it go over that connection? Over TLS only when the peer there is known to be the session's. */
static bool suits(const struct wire *w, const struct session *s)
{
	if (w->transport != s->transport)
		return false;
	return s->transport == CTL_TRANSPORT_TCP || (w->connected && session_peer_ok(s, w->conn));
}

/* An open connection of ours to the same place. */
static struct wire *find_open(const struct session *s, const struct addr *to)
{
	struct plane *p = s->ctx->plane;
	struct wire *w;

	LIST_FOREACH(w, &p->wires, in_all) {
		if (w->active && !w->closing && addr_equal(conn_peer(w->conn), to) &&
		    w->n_sessions < (uint32_t)p->opt->max_sessions && suits(w, s))
			return w;
	}
	return NULL;
}

/* The next address that we may go to, or the end. */
static void try_next(struct session *s)
{
	struct plane *p = s->ctx->plane;
	char text[ADDR_STRLEN];

	while (s->next_candidate < s->n_candidates) {
		const struct addr *to = &s->candidates[s->next_candidate++];
		struct wire *w = find_open(s, to);

		if (!is_allowed(p, to)) {
			log_peer("not allowed to connect to %s", addr_format(to, text));
			continue;
		}
		if (!w && wire_connect(p, to, s->transport, s->pins, s->psk, &w)) {
			log_peer("cannot connect to %s", addr_format(to, text));
			continue;
		}
		wire_add_session(w, s);
		if (w->connected)
			bind_on(s);
		return;
	}
	hangup(s, CTL_LOST_CONNECT);
}

static void on_resolved(const struct addr *addrs, size_t n, void *arg)
{
	struct session *s = arg;

	s->query = NULL;
	if (n) {
		s->candidates = xcalloc(n, sizeof(*addrs));
		memcpy(s->candidates, addrs, n * sizeof(*addrs));
	}
	s->n_candidates = n;
	try_next(s);
}

void dial_start(struct session *s)
{
	struct slice host;
	uint16_t port;
	struct addr to;

	session_set_state(s, SESSION_CONNECTING, "active");
	session_stop_dialing(s);
	if (target(s, &host, &port)) {
		hangup(s, CTL_LOST_CONNECT);
	} else if (addr_from_host(host, port, &to) == 0) {
		on_resolved(&to, 1, s);
	} else {
		s->query = resolver_lookup(s->ctx->plane->resolver, host, port, on_resolved, s);
	}
}

/* The one who took our connection is another than the path's host: nothing is sent to him. */
static void give_up(struct wire *w, struct session *s)
{
	(*w->plane->stats.bad_peers)++;
	hangup(s, CTL_LOST_CONNECT);
}

void dial_connected(struct wire *w)
{
	struct session *s, *next;
	bool other = false;

	for (s = LIST_FIRST(&w->sessions); s; s = next) {
		next = LIST_NEXT(s, in_wire);
		if (s->state != SESSION_CONNECTING)
			continue;
		if (session_peer_ok(s, w->conn)) {
			bind_on(s);
			continue;
		}
		other = true;
		give_up(w, s);
	}
	if (other && !w->n_sessions)
		wire_close_soon(w);
}

void dial_lost(struct wire *w, int cause)
{
	struct session *s, *next;

	for (s = LIST_FIRST(&w->sessions); s && cause == CTL_LOST_CONNECT; s = next) {
		next = LIST_NEXT(s, in_wire);
		if (s->state != SESSION_CONNECTING)
			continue;
		wire_remove_session(w, s);
		try_next(s);
	}
	hangup_wire(w, cause);
}
