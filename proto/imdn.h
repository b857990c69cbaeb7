/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_IMDN_H
#define PROTO_IMDN_H

#include "common/bytes.h"

/*
 * Instant message disposition notifications, RFC 5438: the document message/imdn+xml, and what a
 * Disposition-Notification header asks for. The CPIM headers themselves are proto/cpim's.
 */
#define IMDN_MAX_BYTES (8u << 10)
#define IMDN_TYPE      "message/imdn+xml"
/* Of our own extension element, which the schema allows (RFC 5438 11.1.9). */
#define IMDN_NS_COUNT "urn:x-mrf:imdn"

enum imdn_kind { IMDN_DELIVERY, IMDN_DISPLAY, IMDN_PROCESSING, IMDN_KINDS };
enum imdn_status { /* section 11.1.7; each kind has its own few */
		   IMDN_DELIVERED,
		   IMDN_FAILED,
		   IMDN_DISPLAYED,
		   IMDN_PROCESSED,
		   IMDN_STORED,
		   IMDN_FORBIDDEN,
		   IMDN_ERROR,
		   IMDN_OTHER, /* an extension, or one that this kind does not have; never built */
		   IMDN_STATUSES
};

struct imdn {
	char *message_id; /* of the message that it is about */
	char *date_time; /* of that message; NULL: none (mandatory, but not every device sends it) */
	char *recipient; /* URIs; NULL: none */
	char *original_recipient;
	char *subject; /* NULL: none */
	enum imdn_kind kind;
	enum imdn_status status;
	uint32_t count; /* recipients that it stands for: our extension; 0: none, which is one */
};

/*
 * Read a document. -ERR_SYNTAX: malformed, without message-id or notification, or with a document
 * type; -ERR_LIMIT: longer than IMDN_MAX_BYTES or too deep. Strings are the caller's: imdn_fini.
 */
MUST_CHECK int imdn_parse(struct slice text, struct imdn *imdn_r);
void imdn_fini(struct imdn *imdn);
/* Append the document; status must be one that the kind has. */
void imdn_build(struct bytes *out, const struct imdn *imdn);
/* May a notification of this kind say so (section 11.1.7)? */
bool imdn_status_fits(enum imdn_kind kind, enum imdn_status status);
const char *imdn_status_name(enum imdn_status status); /* "delivered"; "other" */

/* What a Disposition-Notification value asks for (section 10): unknown words are ignored. */
enum {
	IMDN_WANT_POSITIVE = 1,
	IMDN_WANT_NEGATIVE = 2,
	IMDN_WANT_PROCESSING = 4,
	IMDN_WANT_DISPLAY = 8,
};
unsigned imdn_wanted(struct slice disposition_notification);

#endif
