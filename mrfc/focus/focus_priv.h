/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_PRIV_H
#define MRFC_FOCUS_FOCUS_PRIV_H

#include <uthash.h>

#include "mrfc/conference/identity.h"
#include "mrfc/focus/focus.h"
#include "mrfc/focus/focus_drain.h"
#include "mrfc/focus/focus_key.h"
#include "mrfc/focus/focus_owed.h"
#include "mrfc/focus/focus_sdp.h"
#include "mrfc/sip/dialog.h"
#include "mrfc/sip/sip.h"
#include "mrfc/sip/sip_event.h"
#include "mrfc/state/conf_store.h"
#include "mrfc/stats.h"
#include "mrfc/timer.h"

/*
 * Shared by the pieces of the focus, focus.c and focus_*.c: the structs, and what is done to rooms and
 * sessions everywhere. Each other piece has a header of its own, or one with those of its subject.
 */
struct focus_users;
struct list_order;
struct psi_set;
struct recovery;
struct refer;
struct session_name;
struct trust;

/* The focus' side of a conference. */
struct room {
	struct focus *focus;
	struct conference *c;
	LIST_HEAD(, session) sessions;  /* newest first */
	uint32_t n_entering;            /* of them not announced yet */
	struct session *by_termination; /* uthash; those that have one */
	struct session_name *entering;  /* uthash; names of who is not in the roster yet */
	LIST_HEAD(, watcher) watchers;
	struct timer *events_timer; /* next thing of the event package, and the room's end */
	struct timer *move_timer;   /* MRFP lost: waits for another */
	struct timer *recall_timer; /* absent members are about to be called; NULL: never were */
	struct room_owed owed;
	struct room_drain drain;
	struct room_key *key;   /* NULL: it is not sealed */
	uint32_t n_waiting;     /* calls that wait for their turn */
	char *session_replaces; /* Contribution-ID of the session that it succeeds; NULL */
	uint64_t move_until_ms; /* 0: not moving */
	bool ending_run;        /* room_end is at work */
	bool reaping;           /* over: freed when the timer fires */
	bool time_warned;       /* of the end of its lifetime */
	bool recovering;        /* of an earlier process: what media it has is not known yet */
};

/* What a session waits for. Only session_step() moves it. */
enum session_step {
	SESSION_NEW,
	SESSION_ADDING,    /* their INVITE or our call: the termination was asked for */
	SESSION_KEYING,    /* a sealed room: our description waits for the key */
	SESSION_RESERVING, /* theirs: 183 is out, the peer reserves its resources (RFC 3312) */
	SESSION_STORING,   /* the commit, then the 200 to their INVITE, or our INVITE */
	SESSION_WAITING,   /* 200 is out, the ACK is not in */
	SESSION_CALLING,   /* our INVITE is out */
	SESSION_PROVING,   /* a sealed room: is the answer of who can open the key? */
	SESSION_SETTLING,  /* the peer's answer goes to the media side */
	SESSION_UP,
	SESSION_CHANGING, /* a re-INVITE of theirs goes to the media side, then is stored */
	SESSION_MOVING    /* another MRFP: new termination, then our re-INVITE */
};

/* Charging headers of one session, RFC 7315, as values; NULL: none came. */
struct focus_charging {
	char *vector;    /* P-Charging-Vector */
	char *functions; /* P-Charging-Function-Addresses */
	char *access_network, *visited_network;
	char *related; /* a call of ours: the vector of the request that caused it */
};

#define SESSION_FILE_IDS 16

/* What a list gives each call that it asks for. Zeroed: no list did. */
struct list_call {
	bool listed;
	bool expanded;         /* of a list behind a user's name: no further one is looked into */
	struct chunk *history; /* recipient-list-history; NULL: none */
	uint32_t max_forwards; /* of the request that asks; 0: unknown */
	uint32_t max_breadth;  /* of this call; 0: unknown */
};

/* One endpoint in a conference: dialog, termination, place in the roster. */
struct session {
	LIST_ENTRY(session) link;
	struct room *room;
	enum session_step step;
	struct dialog *dialog;
	struct identity who;
	char *shown; /* anonymous URI that others see instead (PRV-001); NULL */
	char *contact;
	struct roster_endpoint *endpoint; /* NULL until it shows in the roster */
	struct session_key *key;          /* in a sealed room, once it asked; NULL */
	uint64_t termination;             /* 0: none yet; session_set_termination() */
	UT_hash_handle by_termination;
	struct session_name *names;    /* until it is in the roster */
	bool indexed;                  /* stands in the room's by_termination */
	bool stays;                    /* its termination is in the room's former context */
	uint64_t former;               /* second termination, in the former context; 0 */
	bool former_live;              /* of that one */
	uint64_t moved_ms, settled_ms; /* asked to move; bound there since */
	uint64_t recorded_as;          /* termination that its record names; 0: there is none */
	bool missing;                  /* recovering: no MRFP has told of its termination */
	bool dialled_out;
	bool bound; /* its MSRP connection is */
	bool live;  /* it gets messages since its last bound event, in the order of events */
	bool ended; /* it was live, its end mark came since: stored, other than `live` */
	bool held;  /* live messages wait at the MRFP until it has what it missed */
	uint64_t
		entered; /* the room moves: first message since the answer; 0: he is not on the way in */
	bool announced;       /* was connected once: counts as joined */
	bool we_offered;      /* in the first exchange */
	uint32_t n_redirects; /* that our call followed */
	char *by;             /* who asked for the dial-out; NULL */
	char *referred_by;
	char *asked_privacy; /* a call of ours: Privacy of the request that asked for it; NULL */
	struct focus_charging charging;
	struct chunk *token;      /* the part that vouches for it; NULL */
	char *replaces;           /* header of our INVITE: the dialog it is to replace; NULL */
	struct session *giver;    /* whose place this one takes; NULL */
	struct session *taker;    /* who takes this one's place; NULL */
	struct timer *take_timer; /* taker: its connection should be there by now; NULL */
	struct refer *refer;      /* REFER that waits for the outcome; NULL */
	char *refer_key;          /* recovering: key of that one's record; NULL */
	struct list_order *order; /* of its INVITE, until it is in; NULL */
	struct list_call by_list;
	TAILQ_ENTRY(session) turn;
	bool waits_turn;
	struct focus_sdp_local local;
	struct focus_sdp_peer peer; /* last accepted description */
	bool has_peer;
	struct focus_sdp_peer *offered; /* that is being applied; NULL: none ever was */
	bool has_offered;
	struct bytes held_offer;          /* offer that waits for the end of the recovery */
	bool reoffer;                     /* a new offer without CEMA must follow (RFC 6714 4.2) */
	bool peer_answered;               /* peer answered our offer, else it offered */
	bool cancelled;                   /* the change that is being applied was taken back */
	int dir;                          /* CTL_DIR_*, from the peer's view */
	char *file_ids[SESSION_FILE_IDS]; /* of files it has sent in lines of its own (FT-006) */
	unsigned n_file_ids;              /* ever; the oldest give way */
	struct timer *lost_timer; /* its connection is lost: time to come back; NULL: never was */
	int lost_cause;
};

/* A subscription to a conference. */
struct watcher {
	LIST_ENTRY(watcher) link;
	struct room *room;
	struct sip_event *event;
	struct subscription *sub; /* NULL until the answer is out, and after the end */
	struct sip_in *in;        /* SUBSCRIBE that waits for the commit */
	uint32_t expires_s;
	uint64_t expires_wall_ms;
	char *event_id; /* NULL */
	char *user;
};

/* What the queue of missed messages hears of members (IMS-007). */
struct member_hooks {
	/* He belongs and has no session (invited, or away): what comes from now on he misses. */
	void (*away)(struct room *room, struct member *m);
	/*
	 * A session of his is up and its connection bound, in whatever order; again for each
	 * further device, and when a lost connection came back.
	 */
	void (*bound)(struct session *s, struct member *m);
	/* He belongs no more: m is freed after this. Not called when the room ends as a whole. */
	void (*gone)(struct room *room, struct member *m);
};

struct focus {
	struct event_base *base;
	struct focus_config config;
	struct focus_sdp_policy sdp;
	struct trust *trusted;
	struct focus_users *users;
	char **aliases;
	size_t n_aliases;
	struct psi_set *psi;
	struct sip_agent *sip;
	struct dialog_set *dialogs;
	struct media *media;
	struct conf_store *store;
	LIST_HEAD(, naming) namings; /* nicknames that wait for it (focus_media.c) */
	struct stats *stats;
	struct conference_table *conferences;
	struct event_rate *subscribe_rate;
	struct timer *tick;
	unsigned n_ticks;
	LIST_HEAD(, refer) refers;
	TAILQ_HEAD(, session) turns; /* calls that wait for theirs */
	struct timer *turn_timer;
	uint64_t turn_next_us;
	const struct room *turn_room; /* had the last one; NULL */
	struct dialog_set *file_dialogs;
	LIST_HEAD(, file_share) shares; /* files under way */
	LIST_HEAD(, room) draining;     /* rooms between two MRFPs */
	struct timer *drain_timer;
	double drain_budget;                     /* re-INVITEs that may go now */
	uint64_t drain_ms;                       /* when it was filled */
	const struct member_hooks *member_hooks; /* NULL: nobody cares */
	LIST_HEAD(, owed_wait) owed_waits;       /* events that wait for the store */
	bool owed_fails;                         /* the last one was not stored */
	struct recovery *recovery;               /* NULL: over, or there was none */
	bool stopping;
	bool flushed; /* stopping silently: all is stored */
};

/* focus_room.c */
struct room *room_of(const struct conference *c);
/* Our side of a new or restored conference. */
struct room *room_new(struct focus *f, struct conference *c);
/* Makes a conference with our side of it. Errors of conference_create. */
MUST_CHECK int room_create(struct focus *f, const char *name, const char *creator,
			   const char *subject, enum conference_origin origin, bool sealed,
			   struct room **room_r);
bool room_uri_is_mine(const struct focus *f, const char *uri); /* by its host */
/* The active conference that a URI of ours names; NULL. is_factory_r may be NULL. */
struct room *room_by_uri(struct focus *f, const char *uri, bool *is_factory_r,
			 struct slice *name_r);
/* Largest message that a chat line may bring, a file in it included (a=max-size). */
uint64_t room_max_size(const struct focus *f);
void room_changed(struct room *room); /* tell the subscribers */
void room_view(struct room *room);    /* subject and limits to the event package */
struct session *session_new(struct room *room, struct identity *who_take, const char *contact);
void session_step(struct session *s, enum session_step step);
/* The one device that a URI means by its GRUU or Contact; NULL: it means a user, or nobody. */
struct session *session_of_device(struct room *room, struct slice uri);
struct media_context room_media(struct room *room, const char *aliases[], size_t max);
/* The user's URIs for the media side; views, at most 1 + IDENTITY_MAX_ALIASES. */
size_t session_uris(const struct session *s, const char *uris[]);
/* Ask for the termination (remote as the last exchange gives it, or none). */
void session_add_termination(struct session *s, const struct media_remote *remote,
			     media_result_fn *fn);
void session_set_dir(struct session *s, int dir);

/* Where the next description goes until it holds: most sessions never have one. */
struct focus_sdp_peer *session_offered(struct session *s);

/* focus_index.c: sessions of a room, found */
/* A session of a user, by any of his names. */
struct session *session_of_user(struct room *room, struct slice uri, bool connected_only);
struct session *session_by_termination(struct room *room, uint64_t termination);
/* Its number; nothing else writes it. */
void session_set_termination(struct session *s, uint64_t termination);
/* It is on the way in, and found by its names; it stands in the roster, which finds it from now on. */
void session_entering(struct session *s);
void session_entered(struct session *s);
/* It leaves the room: nothing finds it any more. The number stays. */
void session_unindex(struct session *s);

/* focus.c */
/* Answer a request with a status, Retry-After (0: none) and Warning text (NULL: none). */
void focus_refuse(struct sip_in **in, int status, uint32_t retry_after_s, const char *why);
/* The same as header lines; warning is the warn-code. The caller frees. */
char *focus_refusal_headers(uint32_t retry_after_s, int warning, const char *why);
/* Is it the URI of the factory or of an active conference? Nobody may join by such a name. */
bool focus_uri_is_ours(struct focus *f, const char *uri);
bool focus_uri_is_list(const struct focus *f, const char *uri); /* the service for lists */

#endif
