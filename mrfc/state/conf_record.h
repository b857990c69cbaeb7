/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_STATE_CONF_RECORD_H
#define MRFC_STATE_CONF_RECORD_H

#include "mrfc/conference/conference.h"
#include "mrfc/sip/dialog_record.h"
#include "mrfc/state/record.h"

/*
 * What is written of each thing, as tables of fields over the structs themselves: a further field
 * is one further row here. Of struct conference and struct member only the fields in the tables are
 * set when they were read; the rest is zero.
 */
extern const struct record_spec conference_spec;   /* struct conference */
extern const struct record_spec member_spec;       /* struct member */
extern const struct record_spec session_spec;      /* struct session_record */
extern const struct record_spec dialog_spec;       /* struct dialog_record */
extern const struct record_spec subscription_spec; /* struct subscription_record */
extern const struct record_spec user_spec;         /* struct user_record */
extern const struct record_spec kept_spec;         /* struct kept_message, without its body */

/*
 * An endpoint in a conference, apart from its dialog, which changes more often. To write: strings
 * are the caller's; read: valid in the callback.
 */
struct session_record {
	uint64_t termination;
	const char *dialog; /* local tag: which dialog_record is its */
	const char *uri;    /* real identity */
	const char *shown;  /* anonymous URI that others see; NULL */
	const char *display;
	const char *const *aliases;
	size_t n_aliases;
	const char *contact; /* entity in the roster */
	bool dialled_out;
	bool announced; /* was connected: counts as joined */
	bool ended;     /* its leg lost its connection: messages since then are missed */
	const char *by, *referred_by;
	const char *refer;       /* key of the REFER's subscription that waits for it; NULL */
	const char *nickname;    /* that this endpoint asked for; NULL */
	uint64_t joined_wall_ms; /* 0: not yet */
	/* Our side, as in struct focus_sdp_local. */
	uint64_t origin_id, origin_version;
	const char *path, *host, *fingerprint;
	uint32_t port;
	bool ws, wss_proto, cema, plain;
	int local_dir, local_setup;
	const char *local_sdp; /* our last description */
	/* The peer's side. */
	const char *peer_sdp; /* its last accepted description; NULL: none yet */
	bool we_offered;      /* in the first exchange */
	bool peer_answered;   /* peer_sdp is an answer, else an offer */
	int dir;              /* CTL_DIR_*, from its view */
	const char
		*key_id; /* which of his keys it came with (sealed conferences); NULL: not known */
	/* Charging headers of the request that made it, as in struct focus_charging; NULL: none. */
	const char *charging_vector, *charging_functions, *access_network, *visited_network;
	const char *related_vector;
};

/* A subscription: to the conference event, or the one that a REFER makes (RFC 3515). */
struct subscription_record {
	struct leg_record leg;
	const char *event_id; /* id of Event; NULL */
	const char *user;
	uint64_t expires_wall_ms;
	uint32_t version; /* none above it was used */
	bool refer;
	uint32_t outcome; /* of the REFER, as a SIP status; 0: not known yet */
};

/* A user who signs in by SIP digest (RFC 8760). HA1 in lower-case hex. */
struct user_record {
	const char *name, *realm;
	const char *ha1_sha256;
	const char *ha1_md5; /* NULL: SHA-256 only */
	const char *uri;     /* identity he gets */
	const char *display;
	const char *const *uris; /* further ones of his */
	size_t n_uris;
};

/* A message that is kept for members who are away (IMS-007). */
struct kept_message {
	const char *message_id; /* MSRP */
	const char *content_type;
	const char *sender; /* URI */
	uint64_t sender_termination;
	uint64_t wall_ms; /* when it came */
	struct slice body;
};

#endif
