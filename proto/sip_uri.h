/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_SIP_URI_H
#define PROTO_SIP_URI_H

#include "common/bytes.h"

/* SIP, SIPS, tel and im URIs as names of users and conferences. Views into the text. */
enum sip_uri_scheme { SIP_URI_SIP, SIP_URI_SIPS, SIP_URI_TEL, SIP_URI_IM, SIP_URI_OTHER };
struct sip_uri {
	enum sip_uri_scheme scheme;
	struct slice user; /* without password; tel: the number; empty when absent */
	struct slice password;
	struct slice host;    /* IPv6 with brackets */
	uint16_t port;        /* 0 when absent */
	struct slice params;  /* after the first ';', without it */
	struct slice headers; /* after '?', without it */
};

MUST_CHECK int sip_uri_parse(struct slice text, struct sip_uri *uri_r); /* -ERR_SYNTAX */
/*
 * Same user or conference: scheme (sip = sips here), user (percent-decoded, case-sensitive), host
 * (case-insensitive) and port; parameters and headers play no part (SW-024: `;transport=` and the
 * like are tolerated). tel numbers compare without visual separators. False when either is malformed.
 */
bool sip_uri_same(struct slice a, struct slice b);
/* Value of a URI parameter in params; *r empty when without value. False when absent. */
bool sip_uri_param(struct slice params, const char *name, struct slice *r);
/*
 * A header that a URI carries behind its '?' (RFC 3261 19.1.1), decoded into value_r. False: it is
 * not there, or what it decodes to is no header value (control characters).
 */
bool sip_uri_header(struct slice headers, const char *name, struct bytes *value_r);
/* Address-of-record form: scheme:user@host[:port], host lower-cased, without parameters. */
MUST_CHECK int sip_uri_aor(struct slice text, struct bytes *out);
/*
 * A hash key equal for URIs that sip_uri_same() calls the same ("sip:user@host:port" decoded and
 * lower-cased host; default ports kept as given).
 */
MUST_CHECK int sip_uri_key(struct slice text, struct bytes *out);

/* The same for any name: what is no URI compares by its letters. Replaces what is in out. */
void sip_uri_name_key(struct slice name, struct bytes *out);
/* Address-of-record form of any name; what is no URI stays as it is. The caller frees. */
char *sip_uri_name(struct slice name);

/* name-addr or addr-spec as in From/To: display name (unquoted) and URI, without header parameters. */
MUST_CHECK int sip_name_addr(struct slice value, struct bytes *display_r, struct slice *uri_r);

#endif
