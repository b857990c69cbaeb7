/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_CPIM_H
#define PROTO_CPIM_H

#include "common/bytes.h"

/*
 * message/cpim, RFC 3862: the head (message headers, then the MIME headers of the payload).
 * Only the outermost message is looked at. Both forms of CPIM-003 are understood: Content-Type
 * may stand in the first block.
 */
enum cpim_kind { /* of the payload, by its Content-Type; decides class and counters (IMS-011) */
		 CPIM_CHAT,
		 CPIM_COMPOSING, /* application/im-iscomposing+xml */
		 CPIM_IMDN,      /* message/imdn+xml */
		 CPIM_FILE, /* Content-Disposition: attachment or application/vnd.gsma.rcs-ft-http+xml */
		 CPIM_GEOLOC, /* application/vnd.gsma.rcspushlocation+xml */
		 CPIM_KEY     /* application/mikey; frames of a key server */
};

#define CPIM_ROUTES_MAX 4 /* IMDN routes that are kept of one message, of each kind */

struct cpim_head {
	struct slice from;     /* the URI inside <>; empty when missing */
	struct slice from_raw; /* whole header value (display name and <uri>) */
	struct slice to;       /* first To's URI; empty when missing */
	struct slice to_raw;
	int n_from, n_to, n_cc;
	int n_dup; /* other standard headers that occur twice (MSRP-143) */
	struct slice date_time;
	struct slice subject;
	struct slice require;
	struct slice imdn_message_id; /* by the declared prefix of urn:ietf:params:imdn */
	struct slice imdn_disposition;
	struct slice imdn_original_to;                    /* whole header value */
	struct slice imdn_record_routes[CPIM_ROUTES_MAX]; /* whole values, top first */
	struct slice imdn_routes[CPIM_ROUTES_MAX];
	size_t n_imdn_record_routes,
		n_imdn_routes;     /* more than CPIM_ROUTES_MAX: some were dropped */
	struct slice content_type; /* of the payload, with parameters; empty when missing */
	struct slice content_disposition;
	struct slice content_encoding; /* of the payload, one token; empty: none */
	enum cpim_kind kind;
	size_t head_len; /* the payload starts here */
};

/*
 * Read the head from the first bytes of a message. complete tells that no more bytes come.
 * Returns 1 when it is whole, 0 when more bytes are needed, -ERR_SYNTAX (bad syntax: 400),
 * -ERR_LIMIT when it exceeds max_len. Presence of From and To is the caller's policy. Views into in.
 * strict refuses what IMS-021 tolerates (case of NS/Content-type, blanks, zone-less DateTime).
 */
MUST_CHECK int cpim_parse(struct slice in, size_t max_len, bool complete, bool strict,
			  struct cpim_head *head_r);

struct cpim_fields {
	struct slice from_display; /* empty: none; quoted as needed */
	struct slice from_uri;
	struct slice to_display;
	struct slice to_uri;
	struct slice date_time;       /* RFC 3339; empty: none */
	struct slice imdn_message_id; /* empty: no imdn headers */
	struct slice imdn_disposition;
	struct slice imdn_original_to;   /* whole value as read, as are the routes; empty: none */
	const struct slice *imdn_routes; /* IMDN-Route, top first */
	size_t n_imdn_routes;
	struct slice content_type;
	struct slice content_disposition; /* empty: none */
	struct slice content_encoding;    /* empty: none */
	struct slice transfer_encoding;   /* Content-Transfer-Encoding; empty: none */
};
/* The head, blank lines included; the payload comes next. */
void cpim_build(struct bytes *out, const struct cpim_fields *fields);

/* RFC 3862 2.3 unescaping of a header value (\n, \uXXXX, ...). -ERR_SYNTAX on a bad \u. */
MUST_CHECK int cpim_unescape(struct slice value, struct bytes *out);
/* Kind by a payload's media type and disposition. */
enum cpim_kind cpim_kind_of(struct slice content_type, struct slice content_disposition);
const char *cpim_kind_name(enum cpim_kind k); /* "chat", "composing", ... */

#endif
