/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connecting as the active endpoint, RFC 4975 5.4 and RFC 6135 4.2.2. Names are not resolved
 * here: the MRFC gives numeric addresses, so that nothing blocks the loop.
 */
#include "mrfp/dial.h"

#include "common/log.h"
#include "mrfp/hangup.h"

#define LOG_PLACE "dial"

int dial_target(const struct session *s, struct addr *to_r)
{
	struct msrp_path path;
	struct msrp_uri uri;
	struct addr to;

	if (s->connect[0]) {
		if (addr_parse(slice_str(s->connect), &to))
			return -ERR_SYNTAX;
	} else if (msrp_path_parse(slice_str(s->remote_path), &path) ||
		   msrp_uri_parse(path.items[0], &uri) || !uri.has_port ||
		   addr_from_host(uri.host, uri.port, &to)) {
		return -ERR_SYNTAX;
	}
	if (!addr_set_has(s->ctx->plane->connect_allow, &to))
		return -ERR_DENIED;
	*to_r = to;
	return 0;
}

static void bind_on(struct wire *w, struct session *s)
{
	char id[MSRP_TID_MAX + 1];
	struct msrp_rest rest = {.range = {true, 1, 0, 0}};
	struct tx evicted, t = {.settled = true};
	struct chunk *frame;
	uint32_t start_len;

	session_set_state(s, SESSION_BINDING, "connected");
	session_set_paths(s, slice_str(s->local_uri), slice_str(s->remote_path));
	rest.message_id = slice_make(
		id, series_format(&s->ctx->message_ids, ++s->ctx->serial, SLICE_NULL, id));
	frame = frame_send(&s->ctx->direct, SLICE_NULL,
			   slice_make(s->block.paths, s->block.paths_len), &rest, SLICE_NULL, '$',
			   &t.num, &start_len);
	if (outq_push(&s->direct, frame, t.num) == 0)
		(void)txring_push(&s->tx[STREAM_DIRECT], &t, &evicted);
	wire_touch(w);
}

/* An open connection of ours to the same place. */
static struct wire *find_open(struct plane *p, const struct addr *to)
{
	struct wire *w;

	LIST_FOREACH(w, &p->wires, in_all) {
		if (w->active && !w->closing && addr_equal(conn_peer(w->conn), to) &&
		    w->n_sessions < (uint32_t)p->opt->max_sessions)
			return w;
	}
	return NULL;
}

void dial_start(struct session *s, const struct addr *to)
{
	struct plane *p = s->ctx->plane;
	struct wire *w = find_open(p, to);
	char text[ADDR_STRLEN];

	session_set_state(s, SESSION_CONNECTING, "active");
	if (!w && wire_connect(p, to, &w)) {
		log_peer("cannot connect to %s", addr_format(to, text));
		hangup(s, CTL_LOST_CONNECT);
		return;
	}
	wire_add_session(w, s);
	if (w->connected)
		bind_on(w, s);
}

void dial_connected(struct wire *w)
{
	struct session *s;

	LIST_FOREACH(s, &w->sessions, in_wire) {
		if (s->state == SESSION_CONNECTING)
			bind_on(w, s);
	}
}
