/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_H
#define MRFC_FOCUS_FOCUS_H

#include "mrfc/conference/access.h"
#include "mrfc/conference/conference.h"
#include "mrfc/groupkey/groupkey.h"

struct event_base;
struct sip_agent;
struct urilist_consent;
struct store;
struct stats;

/*
 * The focus: every way in and out of a conference, from SIP and from the operator. What the admin
 * API and the media events may call; SIP comes in through sip_in.
 */
struct focus;

enum { FOCUS_MAX_ALIASES = 16, FOCUS_MAX_LIST = 1000 };

struct focus_config {
	const char *domain;
	const char *factory;       /* user part; "": none */
	const char *list;          /* the same of the service for lists */
	const char *trusted;       /* networks */
	const char *trusted_names; /* of TLS certificates, comma-separated */
	const char *realm;         /* of SIP digest; "": domain */
	bool digest_md5;           /* MD5 is offered after SHA-256 */
	bool authenticate_all;     /* requests in dialogs too */
	uint64_t nonce_life_ms;
	unsigned auth_attempts; /* wrong passwords from one address in a minute */
	const char *
		aliases; /* comma-separated URIs (FOCUS_MAX_ALIASES) that mean the conference in CPIM To */
	const char *wrapped_types;
	const char *reserved_nicknames; /* comma-separated */
	const char *icsi, *asserted;    /* service.h */
	const char *psi;                /* psi.h */
	bool refuse_lookalikes;
	enum conference_end end_policy; /* of conferences that users make */
	bool referrer_token;            /* INVITEs of who was referred need their token */
	bool create_on_join, nicknames, private_messages, echo, strict;
	bool prefer_active, offer_tls, by_name, preconditions;
	bool keep_on_stop; /* the next process goes on with the conferences */
	bool session_match, reject_cema_mismatch, cema, anonymous_alias;
	bool assert_to_all;        /* P-Asserted-Identity goes to untrusted next hops too */
	bool refuse_anonymous;     /* 433 */
	bool show_gruu;            /* devices' GRUUs stand in the roster */
	bool reveal_to_moderators; /* who is anonymous, in their NOTIFYs */
	bool show_administrator;   /* a second role of owners in the roster */
	const char *charging_ioi;  /* our network in P-Charging-Vector; "": none */
	bool charging_create;      /* a vector where a trusted peer sends none */
	bool leave_by_reason;      /* a BYE ends a membership only with Reason: SIP;cause=200 */
	bool durable;              /* every conference lives on for its members without sessions */
	bool closed_rooms;         /* who makes one with a list makes it for these alone */
	bool offline;              /* what members miss who are away is kept for them (IMS-007) */
	uint32_t queue_messages;   /* for one member, the oldest give way */
	uint64_t queue_octets, queue_expires_ms;
	bool reinvite; /* who comes back has the other absent members called */
	uint64_t reinvite_interval_ms, max_idle_ms; /* max_idle 0: no end */
	uint32_t max_users;                         /* 0: no limit */
	uint64_t max_message, max_file;             /* octets; 0: what the MRFP allows */
	enum access_who invite_who, remove_who;     /* who may bring in, remove others */
	enum access_watchers watchers;
	const char *operators;  /* comma-separated URIs that may do everything everywhere */
	bool owner_transfers;   /* an owner who leaves hands his role on */
	uint64_t lifetime_ms;   /* of new conferences; 0: no end */
	uint32_t max_redirects; /* of one call of ours */
	/* Texts of Warning in refusals; "" or NULL: our own. */
	const char *text_full, *text_closed, *text_locked, *text_barred;
	uint32_t file_hold_ms;
	uint32_t list_max_entries; /* of lists in one request */
	uint64_t list_max_octets;
	const struct urilist_consent *list_consent; /* NULL: everybody has agreed */
	bool list_needs_tag, list_expand;
	uint32_t dialout_rate;      /* calls a second; 0: no limit */
	uint32_t dialout_waiting;   /* of them, in one conference; 0: no limit */
	uint32_t max_per_user;      /* conferences that one user made; 0: no limit */
	bool dialout_members;       /* calls tell who belongs */
	uint32_t move_rate;         /* re-INVITEs in a second that take sessions to another MRFP */
	uint32_t session_expires_s; /* 0: none */
	uint32_t min_se_s;
	uint32_t lost_grace_ms; /* a session without its connection lives on that long */
	uint32_t event_burst, event_min_interval_ms, event_expires_s;
	uint32_t event_roster_limit;     /* participants listed one by one; 0: all */
	uint32_t event_subscribe_rate;   /* of one user, a second; 0: no limit */
	uint32_t event_max_per_user;     /* subscriptions to one conference; 0: no limit */
	enum conference_tls require_tls; /* of every conference */
	bool fingerprint_needs_sips;     /* or a trusted peer */
	/* Sealed conferences: those that users make are; NULL: nobody makes keys, there are none. */
	bool sealed;
	struct groupkey *keys; /* outlives the focus */
	enum gke_suite key_suite;
	uint64_t key_patience_ms; /* until a new offer has an unconfirmed key */
	bool tls_psk;             /* keys of single legs for their TLS, from the key server */
	bool stale_stays;         /* who does not confirm it then stays */
	bool event_own;           /* the reader's own user is marked as clients of RCS want it */
};

/* Strings of config must outlive the focus. -ERR_SYNTAX: trusted or trusted_names is malformed. Takes over SIP and media events. */
MUST_CHECK int focus_new(struct event_base *base, const struct focus_config *config,
			 struct sip_agent *sip, struct media *media, struct store *store,
			 struct stats *stats, struct focus **focus_r);
/*
 * Go on with the conferences of an earlier process, as the store has them. fn is called from the
 * loop when they are this one's, durably (err 0), and requests may be taken. -ERR_* of the store.
 */
typedef void focus_recovered_fn(int err, void *arg);
MUST_CHECK int focus_recover(struct focus *f, focus_recovered_fn *fn, void *arg);
/*
 * Everyone gets BYE, or with keep_on_stop nobody hears of it; nothing new is taken. focus_idle()
 * tells when the last answers are in, or all is stored.
 */
void focus_stop(struct focus *f);
bool focus_idle(const struct focus *f);
void focus_free(struct focus **f);
/* Set the gauges of stats. */
void focus_count(struct focus *f);

struct conference_table *focus_conferences(struct focus *f);
/* Call back, from the loop, once all that was changed so far is stored (0) or could not be (-ERR_*). */
typedef void focus_stored_fn(int err, void *arg);
void focus_stored(struct focus *f, focus_stored_fn *fn, void *arg);
void focus_stored_forget(struct focus *f, const void *arg);
/* A conference of the operator's. */
struct focus_wanted {
	const char *name, *subject; /* NULL: one that is made; none */
	const char *owner;          /* URI of the user who owns it once he is in; NULL: nobody */
	bool sealed;
	enum conference_tls require_tls; /* off: as the server's */
};
/*
 * Operator makes a conference; lives until ended or empty for an hour. Errors of conference_create;
 * -ERR_UNSUPPORTED: sealed, and there is no key server; -ERR_CONFIG: nor can be, without an owner;
 * -ERR_DENIED: owner is no URI of a user.
 */
MUST_CHECK int focus_create(struct focus *f, const struct focus_wanted *wanted,
			    struct conference **conference_r);
/* Who has to offer MSRP over TLS in it; c NULL: in every conference. */
enum conference_tls focus_tls(const struct focus *f, const struct conference *c);
/* Hex of the newest epoch of a sealed conference; false: there is none. */
bool focus_epoch(const struct conference *c, char hex[GKID_HEX_SIZE]);
/*
 * Give a conference that was just made its members: it is kept for them and, where closed, for nobody
 * else (IMS-020). call: they are called, some at a time. -ERR_SYNTAX: one is no URI of a user, and
 * nothing is changed. Duplicates count once.
 */
MUST_CHECK int focus_set_members(struct focus *f, struct conference *c, enum conference_mode mode,
				 const char *const *uris, size_t n, bool call);
/* Everyone gets BYE (Reason 410, or 503: it could not be stored), subscriptions end, URI is freed. */
void focus_end(struct focus *f, struct conference *c, int reason_cause);
/*
 * Dial out to uri. 0: started, *participant_r shows dialing-out, or pending until its turn (dialout.rate). -ERR_EXISTS connected already,
 * -ERR_SYNTAX bad URI, -ERR_CLOSED no MRFP, -ERR_LIMIT full, -ERR_WRONG_STATE ending, -ERR_DENIED
 * barred, or the conference is closed. by: who asked (URI) or NULL.
 */
MUST_CHECK int focus_dial_out(struct focus *f, struct conference *c, struct slice uri,
			      const char *display, const char *by,
			      struct participant **participant_r);
/* Remove a participant: BYE with Reason 603 on all its dialogs, CANCEL pending dial-outs. -ERR_NOT_FOUND. */
MUST_CHECK int focus_remove(struct focus *f, struct conference *c, struct slice uri,
			    const char *by);
/* What to change of a conference; only what `what` names. */
enum {
	FOCUS_CHANGE_SUBJECT = 1,
	FOCUS_CHANGE_LOCKED = 2,
	FOCUS_CHANGE_MAX_USERS = 4,
	FOCUS_CHANGE_MODE = 8,
	FOCUS_CHANGE_UNTIL = 16
};
struct focus_change {
	unsigned what;
	const char *subject; /* NULL or "": none */
	bool locked;
	uint32_t max_users; /* 0: the configured limit; who is in stays */
	enum conference_mode mode;
	uint64_t until_wall_ms; /* 0: no end */
};
/* Tells the watchers. -ERR_WRONG_STATE: it is ending. */
MUST_CHECK int focus_change(struct focus *f, struct conference *c,
			    const struct focus_change *change);
/* Give a member a role; a listener's messages to the conference are refused (403). -ERR_NOT_FOUND, -ERR_WRONG_STATE. */
MUST_CHECK int focus_set_role(struct focus *f, struct conference *c, struct slice uri,
			      enum member_role role);
/*
 * Keep a user out from now on, by all his URIs that are known; who is in stays until removed. 0 also
 * when he is barred already. -ERR_SYNTAX bad URI, -ERR_LIMIT too many, -ERR_WRONG_STATE ending.
 */
MUST_CHECK int focus_ban(struct focus *f, struct conference *c, struct slice uri);
/* -ERR_NOT_FOUND. */
MUST_CHECK int focus_unban(struct focus *f, struct conference *c, struct slice uri);

/* Users who sign in by SIP digest: those of our realm, in order of arrival. */
struct users;
struct user;
const struct users *focus_users(const struct focus *f);
const char *focus_realm(const struct focus *f);
/*
 * From now on, and after a restart where there is a store. uri NULL: sip:NAME@realm. -ERR_EXISTS,
 * -ERR_SYNTAX name or uri, -ERR_LIMIT password, -ERR_NOT_FOUND.
 */
MUST_CHECK int focus_user_add(struct focus *f, const char *name, struct slice password,
			      const char *uri, const char *display, const struct user **user_r);
MUST_CHECK int focus_user_password(struct focus *f, const char *name, struct slice password);
MUST_CHECK int focus_user_remove(struct focus *f, const char *name);

#endif
