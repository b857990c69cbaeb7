/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_CONFINFO_H
#define PROTO_CONFINFO_H

#include "common/bytes.h"

/*
 * application/conference-info+xml, RFC 4575 (with xcon:nickname of RFC 6501), over libxml2: no
 * DTD, no network, bounded. Writer for the focus, reader for the UE. Strings are the caller's when
 * writing (views), owned by the document when reading.
 */
enum confinfo_state { CONFINFO_FULL, CONFINFO_PARTIAL, CONFINFO_DELETED };
enum confinfo_status {
	CONFINFO_PENDING,
	CONFINFO_DIALING_OUT,
	CONFINFO_DIALING_IN,
	CONFINFO_ALERTING,
	CONFINFO_ON_HOLD,
	CONFINFO_CONNECTED,
	CONFINFO_MUTED,
	CONFINFO_DISCONNECTING,
	CONFINFO_DISCONNECTED
};
enum confinfo_joining {
	CONFINFO_JOIN_NONE,
	CONFINFO_DIALED_IN,
	CONFINFO_DIALED_OUT,
	CONFINFO_FOCUS_OWNER
};
enum confinfo_leaving {
	CONFINFO_LEFT_NONE,
	CONFINFO_DEPARTED,
	CONFINFO_BOOTED,
	CONFINFO_FAILED,
	CONFINFO_BUSY
};

struct confinfo_endpoint {
	const char *entity;
	enum confinfo_state state;
	enum confinfo_status status;
	enum confinfo_joining joining;
	const char *joined_when; /* RFC 3339; NULL: none */
	const char *joined_by;   /* URI; NULL */
	const char *referred_by; /* NULL */
	enum confinfo_leaving leaving;
	const char *left_reason;  /* NULL */
	const char *left_by;      /* NULL */
	const char *media_status; /* "sendrecv"; NULL: no media element */
	bool stale;               /* writing: it has not confirmed the group key of the epoch */
};
struct confinfo_user {
	const char *entity;
	enum confinfo_state state;
	const char *display;      /* NULL */
	const char *nickname;     /* NULL: none. Empty string in a partial: removed */
	const char *role;         /* NULL */
	const char *further_role; /* beside role; NULL */
	const char *aor;          /* associated-aors: who he is besides entity; NULL */
	bool yourown; /* the reader of the document himself (clients of RCS ask for it) */
	const struct confinfo_endpoint *endpoints;
	size_t n_endpoints;
};
struct confinfo_doc {
	const char *entity;
	enum confinfo_state state;
	uint32_t version;
	const char *subject;   /* NULL */
	const char *display;   /* NULL */
	uint32_t max_users;    /* 0: not written */
	const char *epoch;     /* of the group key: its id in hex; NULL: there is none */
	bool with_description; /* conference-description (always in a full document) */
	bool with_counts;      /* conference-state */
	uint32_t user_count;
	bool active, locked;
	enum confinfo_state
		users_state; /* reading: partial, too, where a partial document has none */
	const struct confinfo_user *users;
	size_t n_users;
};
/* UTF-8 is kept, control characters XML forbids become U+FFFD (CONF-020). Element order as in the schema. */
void confinfo_build(struct bytes *out, const struct confinfo_doc *doc);
/*
 * The same in steps, for documents whose users are not in one array: begin looks at all of doc but
 * users, and at n_users only for being 0; then each user; end.
 */
void confinfo_begin(struct bytes *out, const struct confinfo_doc *doc);
void confinfo_add_user(struct bytes *out, const struct confinfo_user *user);
void confinfo_end(struct bytes *out, const struct confinfo_doc *doc);

/* Reader: a whole document; -ERR_SYNTAX, -ERR_LIMIT (max 4 MiB, depth 32). Free with confinfo_free. */
struct confinfo_parsed; /* holds the strings */
MUST_CHECK int confinfo_parse(struct slice text, struct confinfo_parsed **doc_r);
const struct confinfo_doc *confinfo_doc(const struct confinfo_parsed *p);
void confinfo_free(struct confinfo_parsed **p);

const char *confinfo_status_name(enum confinfo_status s);
const char *confinfo_joining_name(enum confinfo_joining j);
const char *confinfo_leaving_name(enum confinfo_leaving l);

#endif
