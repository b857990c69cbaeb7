/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_SDP_H
#define MRFC_FOCUS_FOCUS_SDP_H

#include "mrfc/mp/media.h"
#include "proto/sdp_msrp.h"

/*
 * Session descriptions of one session of the focus: which line of an offer is the chat, what the
 * media side has to know of it, and our own offer or answer. Pure.
 */
struct focus_sdp_policy {
	const char *wrapped_types;
	bool nicknames, private_messages;
	bool strict, session_match, reject_cema_mismatch;
	bool cema;          /* offer and answer RFC 6714 */
	bool preconditions; /* RFC 3312 is spoken */
	bool prefer_active; /* connect to a peer that leaves the choice (TS 23.333 6.2.20) */
	uint64_t max_size;
	bool tls;       /* the media side has it */
	bool websocket; /* it has that, too */
	bool by_name;   /* peers over TLS may be known by their certificate's name alone */
	/* Of one offer, where policy wants more of it: focus_sdp_demand(). */
	bool tls_only;    /* over TLS alone (SEC-013) */
	bool unprotected; /* nobody vouches for its fingerprints (SEC-010) */
};

/* Our side of a further line, which takes a file (RFC 5547); path NULL: the line is refused. */
struct focus_sdp_extra {
	char *path, *host, *fingerprint;
	uint16_t port;
};

/* Our side; zero-initialised. */
struct focus_sdp_local {
	uint64_t origin_id, version;
	char *path, *host; /* from the media side */
	uint16_t port;
	char *fingerprint;    /* of the media side; NULL: not over TLS */
	bool ws;              /* inside a WebSocket; no fingerprint then */
	bool wss_proto;       /* and the peer's m= says TCP/WSS/MSRP */
	bool cema;            /* a=msrp-cema stands in the last description */
	bool plain;           /* RFC 4975 alone from now on: a fall-back (RFC 6714 4.2) */
	enum sdp_dir dir;     /* ours */
	enum sdp_setup setup; /* in the last description */
	struct sdp_qos qos;   /* preconditions in it */
	bool sealed;          /* sealed bodies and keys alone */
	bool key_server;      /* and frames of the member who makes the keys */
	char *key_mgmt;       /* value of a=key-mgmt in the next description; NULL: none */
	bool reserving;       /* the peer is asked to tell when it has its resources */
	struct focus_sdp_extra extra[SDP_MAX_MEDIA]; /* by their place in the peer's description */
	struct bytes last; /* the last description: an equal one keeps its version (MSRP-131) */
};
void focus_sdp_local_set(struct focus_sdp_local *l, const struct media_result *result);
void focus_sdp_local_fini(struct focus_sdp_local *l);

/* What an offer or answer of the peer comes to. */
struct focus_sdp_peer {
	struct sdp_session sdp;
	bool tolerated;    /* understood only because we are not strict (IMS-021) */
	size_t chat;       /* index of the chat's line */
	char connect[300]; /* HOST:PORT for us as active when it is not the path's; "" else */
	bool fall_back;    /* an answer that wants a new offer without CEMA (RFC 6714 4.2) */
};
void focus_sdp_peer_fini(struct focus_sdp_peer *p);

/* Why a description is refused: text for log and Warning, with its warn-code (RFC 3261 20.43). */
struct focus_sdp_why {
	int warning;
	const char *text;
};

/*
 * Read an offer (or, with answer true, the answer to our single line). 0; 400 bad syntax; 488 no
 * chat line that we can serve. *why_r names the rule.
 */
MUST_CHECK int focus_sdp_read(struct slice text, bool answer, const struct focus_sdp_policy *policy,
			      struct focus_sdp_peer *peer_r, struct focus_sdp_why *why_r);
/*
 * Transport and place of one line, whatever it carries; p->connect is set for it. 0; 488 and why.
 */
MUST_CHECK int focus_sdp_check_line(const struct sdp_media *m, bool answer,
				    const struct focus_sdp_policy *policy, struct focus_sdp_peer *p,
				    struct focus_sdp_why *why_r);
/* Our a=setup in the answer to an offered line. */
enum sdp_setup focus_sdp_setup(const struct sdp_media *offered,
			       const struct focus_sdp_policy *policy);
/*
 * Write s into *text with the session's id and the version it deserves: an equal description keeps
 * its version (MSRP-131). host is ours. Strings of s are borrowed.
 */
void focus_sdp_write(struct sdp_session *s, const char *host, uint64_t *id, uint64_t *version,
		     struct bytes *text);
/*
 * The answer came for this offer of ours: one without CEMA lets RFC 4975 alone decide where to
 * connect. True when a new offer without CEMA must follow.
 */
bool focus_sdp_answered(struct focus_sdp_peer *p, const struct focus_sdp_local *l);
/* Views into p. setup is the MRFP's. */
void focus_sdp_remote(const struct focus_sdp_peer *p, bool answer,
		      const struct focus_sdp_policy *policy, struct media_remote *remote_r);
/* NULL, or why the peer's line does not go with our side: a leg keeps its transport. */
const char *focus_sdp_misfit(const struct focus_sdp_peer *p, const struct focus_sdp_local *l);
/* The peer repeats what we know: same session and version (MSRP-131). */
bool focus_sdp_same(const struct focus_sdp_peer *p, uint64_t id, uint64_t version);

/* Our offer, or the answer to p (every line in order, others refused: OA-001, MSRP-132). In l->last. */
void focus_sdp_offer(struct focus_sdp_local *l, const struct focus_sdp_policy *policy);
/* Does the peer still reserve what it cannot do without? (RFC 3312 6) */
bool focus_sdp_awaits(const struct focus_sdp_peer *p, const struct focus_sdp_policy *policy);
/*
 * The peer's answer asks what we have reserved: a new offer that says it (RFC 3312 6). False when it
 * does not ask.
 */
bool focus_sdp_confirm(struct focus_sdp_local *l, const struct focus_sdp_peer *p,
		       const struct focus_sdp_policy *policy);
/* Close a line for files. */
void focus_sdp_extra_fini(struct focus_sdp_extra *e);
/* Our new offer when the peer's last description is p: its lines in their places (RFC 3264 8). */
void focus_sdp_reoffer(struct focus_sdp_local *l, const struct focus_sdp_peer *p,
		       const struct focus_sdp_policy *policy);
void focus_sdp_answer(struct focus_sdp_local *l, const struct focus_sdp_peer *p,
		      const struct focus_sdp_policy *policy);

#endif
