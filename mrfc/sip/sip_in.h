/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SIP_SIP_IN_H
#define MRFC_SIP_SIP_IN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "mrfc/sip/session_timer.h"

/* One SIP request that came in, as the rest of the MRFC sees it. Strings live as long as it does. */
enum sip_in_method {
	SIP_IN_INVITE,
	SIP_IN_UPDATE,
	SIP_IN_BYE,
	SIP_IN_SUBSCRIBE,
	SIP_IN_REFER,
	SIP_IN_OPTIONS,
	SIP_IN_PRACK,
	SIP_IN_OTHER
};

/* Option tags we know, RFC 3261 19.2. */
enum {
	SIP_OPT_TIMER = 1,
	SIP_OPT_100REL = 2,
	SIP_OPT_NOREFERSUB = 4,
	SIP_OPT_REPLACES = 8,
	SIP_OPT_JOIN = 16,
	SIP_OPT_PRIORITY = 256,
	SIP_OPT_PRECONDITION = 512,
	SIP_OPT_RECIPIENT_LIST = 64, /* recipient-list-invite, RFC 5366 */
	SIP_OPT_MULTIPLE_REFER = 128 /* RFC 5368 */
};

/*
 * A part of the body besides the session description (an icon, a list), or the whole body where it is
 * neither multipart nor a session description. Views; NULL: absent.
 */
struct sip_part {
	const char *type, *id, *encoding, *disposition; /* header values */
	struct slice body;
};

#define SIP_IN_MAX_ASSERTED 8
#define SIP_IN_MAX_PARTS    16 /* of one body; more are refused */
#define SIP_IN_MAX_SUBJECTS 8
struct sip_in {
	enum sip_in_method method;
	const char *method_name;
	const char *uri;                                /* Request-URI */
	const char *from_uri, *from_display, *from_tag; /* display unquoted; NULL when absent */
	const char *to_uri;
	const char *call_id;
	uint32_t cseq;
	const char *contact;                       /* URI; NULL */
	const char *asserted[SIP_IN_MAX_ASSERTED]; /* P-Asserted-Identity URIs */
	const char *asserted_display;              /* of the first; NULL */
	size_t n_asserted;
	struct addr peer; /* who sent it to us */
	bool tls;         /* over TLS */
	/* Names in the certificate of a TLS peer whose chain was checked: DNS names, URIs, CN. */
	const char *subjects[SIP_IN_MAX_SUBJECTS];
	size_t n_subjects;
	bool trusted;     /* the peer is, as `admit` found */
	const char *user; /* URI that its credentials prove (sip_in_set_user); NULL */
	/* Value of P-Charging-Vector, a trusted peer's or our own (sip_in_set_charging); NULL. */
	const char *charging;
	unsigned supported, require; /* SIP_OPT_* */
	bool allows_update;
	struct session_timer_ask timer;                /* Session-Expires, Min-SE */
	struct slice sdp;                              /* ptr NULL: none */
	const char *event, *event_id;                  /* Event; NULL */
	bool accepts_confinfo;                         /* Accept absent or naming it (CONF-001) */
	int64_t expires;                               /* -1: absent */
	const char *subject;                           /* NULL */
	const char *contribution_id, *conversation_id; /* header values; NULL */
	struct sip_part parts[SIP_IN_MAX_PARTS];
	size_t n_parts;
	const char *refer_to;      /* URI without method and headers; NULL: not exactly one */
	const char *refer_headers; /* that Refer-To's URI carries, behind its '?'; NULL */
	const char *refer_display;
	const char *refer_method; /* upper case as given; NULL: INVITE */
	const char *referred_by;  /* whole header value; NULL */
	bool refer_sub_false;
};

/*
 * The value of a header as one string, whatever the stack makes of it; n counts its lines and, where
 * it is a list, its elements. NULL when there are not so many. Lives as long as the request.
 */
const char *sip_in_header(const struct sip_in *in, const char *name, unsigned n);

/* Answers. headers is a block of "Name: value\r\n" lines (sip_header_add) or NULL. */
struct sip_answer {
	int status;
	const char *phrase;  /* NULL: the usual one */
	const char *contact; /* whole Contact value; NULL: none */
	const char *headers;
	const char *content_type; /* NULL: no body */
	struct slice body;
};

/* Header lines that every answer above 100 to it carries from now on; copied. */
void sip_in_echo(struct sip_in *in, const char *lines);
void sip_in_set_user(struct sip_in *in, const char *uri);
void sip_in_set_charging(struct sip_in *in, const char *vector);

/* Answer; a final answer may be given once (later ones are ignored). The object stays. */
void sip_in_answer(struct sip_in *in, const struct sip_answer *answer);
/* Status only. */
void sip_in_status(struct sip_in *in, int status);
/* Answer if status is not 0, and free. */
void sip_in_end(struct sip_in **in, const struct sip_answer *answer);
void sip_in_end_status(struct sip_in **in, int status);
/* Frees without answering (an INVITE whose ACK came); one not answered yet gets 500. NULL is fine. */
void sip_in_free(struct sip_in **in);
bool sip_in_answered(const struct sip_in *in);

/*
 * What happens to an INVITE afterwards. ACK of a 2xx (sdp: its body), CANCEL (the 487 is out
 * already), or no ACK within 64*T1; PRACK of our reliable provisional, or none in time.
 */
enum sip_in_event {
	SIP_IN_ACKED,
	SIP_IN_CANCELLED,
	SIP_IN_NO_ACK,
	SIP_IN_PRACKED,
	SIP_IN_NO_PRACK
};
typedef void sip_in_event_fn(enum sip_in_event event, struct slice sdp, void *arg);
void sip_in_bind(struct sip_in *in, sip_in_event_fn *fn, void *arg);
/* 18x with RSeq (RFC 3262); the events tell its end. */
void sip_in_ring_reliably(struct sip_in *in, const struct sip_answer *answer);
/* The PRACK that was told of last, if it carries an offer: the caller answers it. NULL: it has none. */
struct sip_in *sip_in_take_prack(struct sip_in *in);

/* Types of bodies that INVITEs may have: Accept's value. */
const char *sip_in_accept(void);
/* "INVITE, ACK, ..." for Allow. */
const char *sip_in_allow(void);
/* What OPTIONS, 2xx and 420 tell: Supported's value. */
const char *sip_in_supported(void);

#endif
