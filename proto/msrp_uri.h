/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_MSRP_URI_H
#define PROTO_MSRP_URI_H

#include "common/bytes.h"

/* An MSRP URI, RFC 4975 section 6. Views into the parsed text. */
struct msrp_uri {
	bool secure;           /* msrps */
	struct slice userinfo; /* without '@'; empty when absent */
	struct slice host;     /* IPv6 without brackets */
	bool host_is_v6;
	uint16_t port; /* 0 when absent */
	bool has_port;
	struct slice session_id; /* empty when absent */
	bool has_session_id;
	struct slice transport; /* "tcp", "ws" */
	struct slice params;    /* the rest after the transport, without leading ';' */
};

/* -ERR_SYNTAX (also: no transport, numeric host without port: MSRP-034, 036). */
MUST_CHECK int msrp_uri_parse(struct slice text, struct msrp_uri *uri_r);
/* Full comparison of RFC 4975 6.1. */
bool msrp_uri_equal(const struct msrp_uri *a, const struct msrp_uri *b);
/* Only the session-id, byte-exact and present in both (border controllers rewrite the rest: IMS-008). */
bool msrp_uri_same_session(const struct msrp_uri *a, const struct msrp_uri *b);
/* "msrp://HOST:PORT/SESSION;tcp"; brackets around v6 hosts. */
void msrp_uri_build(struct bytes *out, bool secure, struct slice host, uint16_t port,
		    struct slice session_id, struct slice transport);

/* A path is 1..MSRP_PATH_MAX URIs separated by single spaces (more spaces tolerated on input). */
#define MSRP_PATH_MAX 16
struct msrp_path {
	struct slice text;                 /* whole value, trimmed */
	struct slice items[MSRP_PATH_MAX]; /* leftmost first */
	size_t n_items;
};
/* Splits and checks every URI. -ERR_SYNTAX, -ERR_LIMIT. */
MUST_CHECK int msrp_path_parse(struct slice text, struct msrp_path *path_r);

#endif
