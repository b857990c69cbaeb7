/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offers and answers of the focus for its chat line, RFC 4975 8, RFC 6135, RFC 7701 8, RFC 3264: picks
 * the line, tells the media side about it, writes ours. Keeps a version number that only moves when
 * the text does.
 */
#include "mrfc/focus/focus_sdp.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/rand.h"
#include "proto/ks/ks_frame.h"
#include "proto/msrp_uri.h"

/* Messages, and long ones and files (RFC 8188), which members alone can open; keys. */
#define SEALED_ACCEPT     "message/cpim application/mikey"
#define KEY_SERVER_ACCEPT SEALED_ACCEPT " " KS_BODY_TYPE
#define SEALED_WRAPPED    "application/pkcs7-mime application/octet-stream"
#define PORT_OF_ACTIVE    9 /* discard: RFC 4145 4.1 */

void focus_sdp_local_set(struct focus_sdp_local *l, const struct media_result *result)
{
	free(l->path);
	free(l->host);
	l->path = xstrdup(result->local_path);
	l->host = xstrdup(result->host);
	l->port = result->port;
	free(l->fingerprint);
	l->fingerprint = NULL;
	l->ws = sdp_is_websocket(&(struct sdp_media){.path = l->path});
	if (!l->ws && slice_starts(slice_str(l->path), SLICE_LIT("msrps:")) && result->fingerprint)
		l->fingerprint = xstrdup(result->fingerprint);
}

void focus_sdp_extra_fini(struct focus_sdp_extra *e)
{
	free(e->path);
	free(e->host);
	free(e->fingerprint);
	*e = (struct focus_sdp_extra){0};
}

void focus_sdp_local_fini(struct focus_sdp_local *l)
{
	for (size_t i = 0; i < SDP_MAX_MEDIA; i++)
		focus_sdp_extra_fini(&l->extra[i]);
	free(l->path);
	free(l->host);
	free(l->fingerprint);
	free(l->key_mgmt);
	bytes_fini(&l->last);
	*l = (struct focus_sdp_local){0};
}

void focus_sdp_peer_fini(struct focus_sdp_peer *p)
{
	sdp_fini(&p->sdp);
}

/* Where the offer leaves the choice it is ours (CMD-004, CMD-011). */
enum sdp_setup focus_sdp_setup(const struct sdp_media *offered,
			       const struct focus_sdp_policy *policy)
{
	return offered->setup == SDP_SETUP_ACTPASS && policy->prefer_active &&
			       !sdp_is_websocket(offered)
		       ? SDP_SETUP_ACTIVE
		       : sdp_setup_answer(offered->setup);
}

static bool we_connect(const struct sdp_media *m, bool answer,
		       const struct focus_sdp_policy *policy)
{
	return answer ? m->setup == SDP_SETUP_PASSIVE
		      : focus_sdp_setup(m, policy) == SDP_SETUP_ACTIVE;
}

static void connect_to_line(const struct sdp_media *m, struct focus_sdp_peer *p)
{
	snprintf(p->connect, sizeof(p->connect), m->host_is_v6 ? "[%s]:%u" : "%s:%u", m->host,
		 m->port);
}

/* An answer whose path is not where c= and m= say, from a peer without CEMA: RFC 6714 4.2. */
static void judge_answer_place(const struct sdp_media *m, bool relayed, bool we_connect,
			       struct focus_sdp_peer *p)
{
	p->fall_back = !we_connect || relayed;
	if (!p->fall_back)
		connect_to_line(m, p);
}

/* Is this line's path where c= and m= say (IMS-009, CMD-006, RFC 6714)? 0, or 488. */
static int check_place(const struct sdp_media *m, bool answer,
		       const struct focus_sdp_policy *policy, struct focus_sdp_peer *p,
		       struct focus_sdp_why *why_r)
{
	bool connecting = we_connect(m, answer, policy), cema = m->cema && policy->cema;
	struct msrp_path path;
	struct msrp_uri first;

	p->connect[0] = '\0';
	p->fall_back = false;
	if (msrp_path_parse(slice_str(m->path), &path) != 0 ||
	    msrp_uri_parse(path.items[0], &first) != 0) {
		why_r->text = "a=path is malformed";
		return 488;
	}
	if (connecting && cema && m->host[0] != '\0') {
		connect_to_line(m, p); /* whatever the path says: it need not resolve (CEMA-006) */
		return 0;
	}
	if (cema || sdp_place_matches(m, &first))
		return 0;
	if (answer && m->setup == SDP_SETUP_ACTIVE && m->port == PORT_OF_ACTIVE)
		return 0; /* its port means nothing (CMD-006) */
	if ((connecting && !(answer && policy->cema)) || policy->reject_cema_mismatch) {
		why_r->text = "path and c=/m= name different addresses";
		return 488;
	}
	if (answer && policy->cema)
		judge_answer_place(m, path.n_items > 1, connecting, p);
	return 0;
}

int focus_sdp_check_line(const struct sdp_media *m, bool answer,
			 const struct focus_sdp_policy *policy, struct focus_sdp_peer *p,
			 struct focus_sdp_why *why_r)
{
	if (sdp_is_websocket(m)) {
		if (!answer && !policy->websocket)
			why_r->text = "WebSocket is not served";
		else if (we_connect(m, answer, policy))
			why_r->text = "a WebSocket is opened by the terminal";
		else
			return 0; /* c=, m= and the host of a=path say nothing (RFC 7977 A) */
		return 488;
	}
	if (m->transport != SDP_TCP_MSRP &&
	    (m->transport != SDP_TCP_TLS_MSRP || !(answer || policy->tls))) {
		why_r->text = policy->tls ? "only TCP/MSRP and TCP/TLS/MSRP are served"
					  : "only TCP/MSRP is served";
		return 488;
	}
	if (!answer && policy->tls_only && m->transport == SDP_TCP_MSRP) {
		why_r->text = "MSRP over TLS is required here";
		return 488;
	}
	if (!answer && policy->unprotected && m->transport == SDP_TCP_TLS_MSRP) {
		why_r->text = "fingerprints need SIP over TLS here";
		return 488;
	}
	return check_place(m, answer, policy, p, why_r);
}

static int judge(const struct sdp_media *m, bool answer, const struct focus_sdp_policy *policy,
		 struct focus_sdp_peer *p, struct focus_sdp_why *why_r)
{
	int status = sdp_chat_problem(m, policy->by_name, &why_r->text);

	/* Media types are tokens (RFC 4566 9); the control protocol takes no other octets. */
	if (status == 0 && (!slice_is_utf8(slice_str(m->accept_types)) ||
			    !slice_is_utf8(slice_str(m->accept_wrapped_types)))) {
		why_r->text = "a=accept-types or a=accept-wrapped-types is malformed";
		status = 488;
	}
	return status != 0 ? status : focus_sdp_check_line(m, answer, policy, p, why_r);
}

int focus_sdp_read(struct slice text, bool answer, const struct focus_sdp_policy *policy,
		   struct focus_sdp_peer *peer_r, struct focus_sdp_why *why_r)
{
	struct focus_sdp_peer p = {.chat = SIZE_MAX};
	int status = 488;
	bool broken = false;

	*why_r = (struct focus_sdp_why){304, "no m=message line"};
	if (sdp_parse_msrp(text, true, &p.sdp) != 0) {
		p.tolerated = !policy->strict && sdp_parse_msrp(text, false, &p.sdp) == 0;
		broken = !p.tolerated;
	}
	if (broken) {
		*why_r = (struct focus_sdp_why){399, "not a session description"};
		return 400;
	}
	for (size_t i = 0; i < p.sdp.n_media && p.chat == SIZE_MAX; i++) {
		const struct sdp_media *m = &p.sdp.media[i];

		if (!m->is_message || m->port == 0 || sdp_is_file(m))
			continue;
		why_r->warning = 305;
		status = judge(m, answer, policy, &p, why_r);
		if (status == 0)
			p.chat = i;
	}
	if (p.chat == SIZE_MAX) {
		focus_sdp_peer_fini(&p);
		return status;
	}
	*peer_r = p;
	return 0;
}

void focus_sdp_remote(const struct focus_sdp_peer *p, bool answer,
		      const struct focus_sdp_policy *policy, struct media_remote *remote_r)
{
	const struct sdp_media *m = &p->sdp.media[p->chat];

	*remote_r = (struct media_remote){
		.path = m->path,
		.setup = we_connect(m, answer, policy) ? MEDIA_ACTIVE : MEDIA_PASSIVE,
		.connect = p->connect[0] != '\0' ? p->connect : NULL,
		.match_session_only = policy->session_match || (policy->cema && m->cema),
		.has_chatroom = m->has_chatroom,
		.nickname = (m->chatroom & SDP_CHATROOM_NICKNAME) != 0,
		.private_messages = (m->chatroom & SDP_CHATROOM_PRIVATE) != 0,
		.accept_types = m->accept_types,
		.accept_wrapped_types = m->accept_wrapped_types,
		.max_size = m->max_size,
		.direction = (int)m->dir,
		.source = m->host,
		.v6 = m->host_is_v6,
		.ws = sdp_is_websocket(m),
	};
	remote_r->tls = m->transport == SDP_TCP_TLS_MSRP && !remote_r->ws;
	if (remote_r->tls) {
		remote_r->fingerprints = (const char *const *)m->fingerprints;
		remote_r->n_fingerprints = m->n_fingerprints;
	}
}

bool focus_sdp_answered(struct focus_sdp_peer *p, const struct focus_sdp_local *l)
{
	bool again = p->fall_back && l->cema;

	if (!l->cema)
		p->connect[0] = '\0';
	p->fall_back = false;
	return again;
}

const char *focus_sdp_misfit(const struct focus_sdp_peer *p, const struct focus_sdp_local *l)
{
	const struct sdp_media *m = &p->sdp.media[p->chat];
	bool ws = sdp_is_websocket(m), tls = m->transport == SDP_TCP_TLS_MSRP && !ws;

	return tls == (l->fingerprint != NULL) && ws == l->ws
		       ? NULL
		       : "another transport than the session's";
}

bool focus_sdp_same(const struct focus_sdp_peer *p, uint64_t id, uint64_t version)
{
	return p->sdp.origin_id == id && p->sdp.origin_version == version;
}

static struct sdp_media own_line(const struct focus_sdp_local *l,
				 const struct focus_sdp_policy *policy)
{
	bool tls = l->fingerprint != NULL, wss = l->ws && l->wss_proto;

	return (struct sdp_media){
		.type = (char *)"message",
		.is_message = true,
		.transport = wss            ? SDP_TCP_WSS_MSRP
			     : tls || l->ws ? SDP_TCP_TLS_MSRP
					    : SDP_TCP_MSRP,
		.proto = (char *)(wss            ? "TCP/WSS/MSRP"
				  : tls || l->ws ? "TCP/TLS/MSRP"
						 : "TCP/MSRP"),
		.fingerprints = {l->fingerprint},
		.n_fingerprints = tls,
		.formats = (char *)"*",
		.port = l->port,
		.host = l->host,
		.host_is_v6 = strchr(l->host, ':') != NULL,
		.path = l->path,
		.accept_types = (char *)(l->key_server ? KEY_SERVER_ACCEPT
					 : l->sealed   ? SEALED_ACCEPT
						       : "message/cpim"),
		.accept_wrapped_types =
			(char *)(l->sealed ? SEALED_WRAPPED : policy->wrapped_types),
		.key_mgmt = {l->key_mgmt},
		.n_key_mgmt = l->key_mgmt != NULL,
		.max_size = policy->max_size,
		.cema = l->cema,
		.qos = l->qos,
		.setup = l->setup,
		.dir = l->dir,
		.has_chatroom = true,
		.chatroom = (policy->nicknames ? SDP_CHATROOM_NICKNAME : 0u) |
			    (policy->private_messages ? SDP_CHATROOM_PRIVATE : 0u),
	};
}

void focus_sdp_write(struct sdp_session *s, const char *host, uint64_t *id, uint64_t *version,
		     struct bytes *text)
{
	struct bytes now = BYTES_INIT;

	if (*id == 0)
		*id = 1 + rand_u64() % 4000000000u;
	s->origin_user = (char *)"mrf";
	s->origin_id = *id;
	s->origin_host = (char *)host;
	s->origin_v6 = strchr(host, ':') != NULL;
	s->origin_version = *version;
	if (*version != 0)
		sdp_build(&now, s);
	if (*version == 0 || !slice_eq(bytes_slice(&now), bytes_slice(text))) {
		bytes_reset(&now);
		s->origin_version = ++*version;
		sdp_build(&now, s);
	}
	bytes_fini(text);
	*text = now;
}

static void write_versioned(struct focus_sdp_local *l, struct sdp_session *s)
{
	focus_sdp_write(s, l->host, &l->origin_id, &l->version, &l->last);
}

void focus_sdp_offer(struct focus_sdp_local *l, const struct focus_sdp_policy *policy)
{
	struct sdp_media line;
	struct sdp_session s = {.media = &line, .n_media = 1};

	l->setup = SDP_SETUP_ACTPASS;
	l->cema = policy->cema && !l->plain && !l->ws;
	l->qos = (struct sdp_qos){0};
	line = own_line(l, policy);
	write_versioned(l, &s);
}

bool focus_sdp_awaits(const struct focus_sdp_peer *p, const struct focus_sdp_policy *policy)
{
	return policy->preconditions && sdp_qos_waits(&p->sdp.media[p->chat].qos);
}

bool focus_sdp_confirm(struct focus_sdp_local *l, const struct focus_sdp_peer *p,
		       const struct focus_sdp_policy *policy)
{
	const struct sdp_qos *asked = &p->sdp.media[p->chat].qos;
	struct sdp_media line;
	struct sdp_session s = {.media = &line, .n_media = 1};

	if (!policy->preconditions || !sdp_qos_asks(asked))
		return false;
	l->qos = sdp_qos_reply(asked, false);
	line = own_line(l, policy);
	write_versioned(l, &s);
	return true;
}

/* A line that is not the chat: it takes a file, or is refused; files are named in any case. */
static struct sdp_media other_line(const struct focus_sdp_local *l, size_t i,
				   const struct sdp_media *theirs, enum sdp_setup setup,
				   struct sdp_file *file)
{
	const struct focus_sdp_extra *e = &l->extra[i];
	struct sdp_media m = {.type = theirs->type,
			      .is_message = theirs->is_message,
			      .transport = theirs->transport,
			      .proto = theirs->proto,
			      .formats = theirs->formats,
			      .host = l->host,
			      .host_is_v6 = strchr(l->host, ':') != NULL};

	if (theirs->file != NULL) { /* RFC 5547 8.3.1 */
		*file = *theirs->file;
		file->disposition = file->date = file->icon = NULL;
		m.file = file;
	}
	if (e->path == NULL)
		return m;
	m.port = e->port;
	m.host = e->host;
	m.host_is_v6 = strchr(e->host, ':') != NULL;
	m.path = e->path;
	m.accept_types = theirs->accept_types;
	m.accept_wrapped_types = theirs->accept_wrapped_types;
	m.setup = setup;
	m.dir = SDP_RECVONLY;
	if (e->fingerprint != NULL) {
		m.fingerprints[0] = e->fingerprint;
		m.n_fingerprints = 1;
	}
	return m;
}

void focus_sdp_reoffer(struct focus_sdp_local *l, const struct focus_sdp_peer *p,
		       const struct focus_sdp_policy *policy)
{
	struct sdp_media line[SDP_MAX_MEDIA];
	struct sdp_session s = {.media = line, .n_media = p->sdp.n_media};
	struct sdp_file file[SDP_MAX_MEDIA];

	l->setup = SDP_SETUP_ACTPASS;
	l->cema = policy->cema && !l->plain && !l->ws;
	l->qos = (struct sdp_qos){0};
	for (size_t i = 0; i < s.n_media; i++)
		line[i] = i == p->chat
				  ? own_line(l, policy)
				  : other_line(l, i, &p->sdp.media[i], SDP_SETUP_ACTPASS, &file[i]);
	write_versioned(l, &s);
}

static bool is_relayed(const struct sdp_media *m)
{
	struct msrp_path path;

	return msrp_path_parse(slice_str(m->path), &path) == 0 && path.n_items > 1;
}

void focus_sdp_answer(struct focus_sdp_local *l, const struct focus_sdp_peer *p,
		      const struct focus_sdp_policy *policy)
{
	struct sdp_media line[SDP_MAX_MEDIA];
	struct sdp_session s = {.media = line, .n_media = p->sdp.n_media};
	struct sdp_file file[SDP_MAX_MEDIA];

	for (size_t i = 0; i < s.n_media; i++) {
		const struct sdp_media *offered = &p->sdp.media[i];

		if (i != p->chat) {
			line[i] = other_line(l, i, offered, focus_sdp_setup(offered, policy),
					     &file[i]);
			continue;
		}
		l->setup = focus_sdp_setup(offered, policy);
		l->wss_proto = offered->transport == SDP_TCP_WSS_MSRP;
		/* A peer behind a relay that connects cannot do it by c= and m= (RFC 6714 4.3). */
		l->cema = policy->cema && offered->cema && !l->ws &&
			  !(l->setup == SDP_SETUP_PASSIVE && is_relayed(offered));
		l->dir = sdp_dir_answer(offered->dir, SDP_SENDRECV);
		l->qos = policy->preconditions ? sdp_qos_reply(&offered->qos, l->reserving)
					       : (struct sdp_qos){0};
		line[i] = own_line(l, policy);
	}
	write_versioned(l, &s);
}
