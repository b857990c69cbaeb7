/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_SDP_MSRP_H
#define PROTO_SDP_MSRP_H

#include "common/fingerprint.h"
#include "proto/key_mgmt.h"
#include "proto/sdp_file.h"
#include "proto/sdp_qos.h"

/*
 * SDP for MSRP: RFC 4975 section 8, RFC 6135 (a=setup), RFC 6714 (CEMA), RFC 7701 section 8
 * (a=chatroom), RFC 3264. Parsing is Sofia's, the writer is ours. Structs own their strings.
 */
enum sdp_setup { SDP_SETUP_NONE, SDP_SETUP_ACTIVE, SDP_SETUP_PASSIVE, SDP_SETUP_ACTPASS };
/* holdconn and unknown words read as NONE (CMD-003). */
enum sdp_dir { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };
enum sdp_transport { SDP_TCP_MSRP, SDP_TCP_TLS_MSRP, SDP_TCP_WSS_MSRP, SDP_OTHER };

enum { SDP_CHATROOM_NICKNAME = 1, SDP_CHATROOM_PRIVATE = 2 };

#define SDP_MAX_FINGERPRINTS FINGERPRINT_LIST_MAX

struct sdp_media {
	char *type; /* "message", "audio" as written, lower-cased */
	bool is_message;
	enum sdp_transport transport;
	char *proto;   /* as written, to echo in refusals */
	char *formats; /* as written */
	uint16_t port; /* 0: refused */
	char *host;    /* numeric or name from c= (media level over session level); "" when none */
	bool host_is_v6;
	char *path;                 /* a=path, trimmed; NULL when missing */
	char *accept_types;         /* NULL when missing */
	char *accept_wrapped_types; /* NULL when missing */
	uint64_t max_size;          /* 0: none given */
	enum sdp_setup setup;
	enum sdp_dir dir;
	bool has_chatroom;
	unsigned chatroom; /* SDP_CHATROOM_* bits */
	bool cema;
	struct sdp_qos qos;    /* preconditions of the line */
	struct sdp_file *file; /* RFC 5547 attributes of the line; NULL when it has none */
	/* a=fingerprint of the media level, else of the session's, in order; one too many is kept. */
	char *fingerprints[SDP_MAX_FINGERPRINTS + 1];
	size_t n_fingerprints;
	/* a=key-mgmt of the media level, else of the session's, in order (RFC 4567); one too many is kept. */
	char *key_mgmt[KEY_MGMT_MAX + 1];
	size_t n_key_mgmt;
};

#define SDP_MAX_MEDIA 16
/* sdp_build only reads; who makes a session himself may point to media that he owns. */
struct sdp_session {
	char *origin_user;
	uint64_t origin_id;
	uint64_t origin_version;
	char *origin_host;
	bool origin_v6;
	struct sdp_media *media; /* NULL when none */
	size_t n_media;
};

/*
 * -ERR_SYNTAX (400), -ERR_LIMIT. Tolerant of what IMS-021 names (m=MESSAGE, missing t=) unless
 * strict. A missing c= is accepted (host ""). Release with sdp_fini.
 */
MUST_CHECK int sdp_parse_msrp(struct slice text, bool strict, struct sdp_session *sdp_r);
void sdp_fini(struct sdp_session *sdp);

/* Write the whole description, CRLF lines. Media with port 0 are written as refused lines. */
void sdp_build(struct bytes *out, const struct sdp_session *sdp);

struct msrp_uri;
/*
 * Do c= and m= name the first hop of the path (RFC 6714 4.4)? A name beside a number cannot be told
 * apart without DNS: true. So is no c= at all.
 */
bool sdp_place_matches(const struct sdp_media *m, const struct msrp_uri *first);

/*
 * What keeps an m=message line from being a chat leg, as SIP status with a Warning text; 0 when it
 * is fine. Rules MSRP-122, 123, 127, 129, 130, 036, SW-002, SEC-005; a=key-mgmt within its limits. Only lines
 * with is_message and port != 0. by_name: a peer over TLS may go without a=fingerprint, as it is known by the name
 * in its certificate (SEC-004).
 */
int sdp_chat_problem(const struct sdp_media *m, bool by_name, const char **why_r);

/*
 * What keeps a line with file attributes from being the push of one file to us, RFC 5547 8.2.1, in
 * the same way. A line that asks for a file (recvonly) is a problem too: nothing is stored here.
 */
int sdp_push_problem(const struct sdp_media *m, bool by_name, const char **why_r);
/* Does the line carry (or ask for) a file, other than by merely saying that files are understood? */
bool sdp_is_file(const struct sdp_media *m);

/*
 * Its peer is a WebSocket client of ours: the next hop of a=path has the transport "ws", whether m= says
 * TCP/TLS/MSRP (RFC 7977 5.2.2) or TCP/WSS/MSRP. False where that path does not parse.
 */
bool sdp_is_websocket(const struct sdp_media *m);

/* Answer's direction for an offered one, from what we would like (OA-003). */
enum sdp_dir sdp_dir_answer(enum sdp_dir offered, enum sdp_dir ours);
/* Answer's setup for an offered one (CMD-004, 005); prefer_passive as we are reachable. */
enum sdp_setup sdp_setup_answer(enum sdp_setup offered);
const char *sdp_dir_name(enum sdp_dir d);
const char *sdp_setup_name(enum sdp_setup s); /* "" for NONE */

#endif
