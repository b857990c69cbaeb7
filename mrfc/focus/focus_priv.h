/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_PRIV_H
#define MRFC_FOCUS_FOCUS_PRIV_H

#include <uthash.h>

#include "mrfc/conference/access.h"
#include "mrfc/conference/identity.h"
#include "mrfc/conference/psi.h"
#include "mrfc/conference/service.h"
#include "mrfc/conference/trust.h"
#include "mrfc/conference/unwind.h"
#include "mrfc/conference/urilist.h"
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

/* Shared by the pieces of the focus: focus.c and focus_*.c. */
struct refer;
struct session_name;
struct list_order;
struct recovery;

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

/* focus_access.c: what policy has to know, roles, bans */
/* What policy has to know of one user of a conference. */
void focus_facts(struct room *room, const char *user, struct access_facts *facts_r);
/* The same of who sent a request, by any of his names. */
void focus_facts_who(struct room *room, const struct identity *who, struct access_facts *facts_r);
/* Of whom he acts on: fills target. */
void focus_facts_target(struct room *room, struct slice uri, struct access_facts *facts);
/* The facts of a user who is to be brought in by `by` (URI; NULL: the operator). */
void focus_facts_bring(struct room *room, const char *user, const char *by,
		       struct access_facts *facts_r);
/* May this user remove the user or device that a URI means; bring in the user of a URI? */
enum access_denial focus_judge_remove(struct room *room, const struct identity *who,
				      struct slice uri);
enum access_denial focus_judge_bring(struct room *room, const struct identity *who,
				     const char *uri);
/* The role a user has or would have. */
enum member_role room_role_of(const struct room *room, const char *user);
/* As the roster shows it: NULL for the usual one. */
const char *room_role_shown(enum member_role role);
uint32_t room_max_users(const struct room *room); /* 0: no limit */
/* The text for a denial, as configured. */
const char *focus_denial_text(const struct focus *f, enum access_denial d);
/* Answer a request with what the policy says. */
void focus_deny(struct focus *f, struct sip_in **in, enum access_denial d);

/* focus_control.c: what changes while it lives */
/* End it when its lifetime is over; warn before. */
void room_check_time(struct room *room, uint64_t wall_ms);
bool room_is_listener(struct room *room, const struct identity *who);
/*
 * An owner left (from: he is still a member, NULL: he is none any more): another becomes owner, where
 * conference.owner_leaves says so.
 */
void room_hand_over(struct room *room, struct member *from);
bool room_has_owner(const struct room *room);

/* focus_record.c: what is written of it; the next flush or wait takes it along */
void session_store(struct session *s); /* with its dialog; nothing without a termination */
void session_store_dialog(struct session *s);
void session_unstore(struct session *s);
void watcher_store(struct watcher *w);

/* focus_recover.c: conferences of an earlier process */
/* True: the request waits until it is known what media there is (taken then). */
bool recover_holds(struct focus *f, struct sip_in **in);
void recover_on_listed(struct focus *f, const uint8_t *ctx, uint64_t termination, bool bound);
void recover_on_audited(struct focus *f, const char *mrfp);
/* The process stops: what waits is refused. */
void recover_free(struct focus *f);

/* focus.c */
/* Answer a request with a status, Retry-After (0: none) and Warning text (NULL: none). */
void focus_refuse(struct sip_in **in, int status, uint32_t retry_after_s, const char *why);
/* The same as header lines; warning is the warn-code. The caller frees. */
char *focus_refusal_headers(uint32_t retry_after_s, int warning, const char *why);
/* There is what our own offers have to be for. */
bool focus_can_offer(const struct focus *f);
/* What policy wants of the description in this request; in NULL: of one in a session, nothing more. */
void focus_demand(struct focus *f, const struct sip_in *in);
/* Is it the URI of the factory or of an active conference? Nobody may join by such a name. */
bool focus_uri_is_ours(struct focus *f, const char *uri);
bool focus_uri_is_list(const struct focus *f, const char *uri); /* the service for lists */

/* focus_auth.c */
bool focus_admit(struct sip_in *in, bool in_dialog, void *arg); /* of sip_handlers */
/* Identity of a request's sender; after -ERR_DENIED the request is answered. */
MUST_CHECK int focus_identify(struct focus *f, struct sip_in **in, struct identity *who_r);
/* One of conference.operators. */
bool focus_is_operator(const struct focus *f, const char *user);
/* Its Referred-By says the truth, as far as we can know: a trusted peer's, or he himself. */
bool focus_believes_referrer(const struct sip_in *in, const struct identity *who);
/* Referred-By for what the request asks of us; shown: his URI as others may know it. Heap. */
char *focus_referrer(const struct sip_in *in, const struct identity *who, const char *shown);
/* May identities and charging data go to the next hop: route, or (NULL) the target itself? */
bool focus_trusts_hop(const struct focus *f, const char *route, const char *target);
/*
 * P-Asserted-Identity of the conference, and Privacy as it was asked for (NULL: it was not), among
 * the headers for everybody and those for a trusted next hop.
 */
void focus_assert_headers(const struct focus *f, const char *conference, const char *asked,
			  bool trusted_hop, struct bytes *all, struct bytes *trusted);

/* focus_user.c: SIP digest */
struct focus_users;
struct focus_users *focus_users_new(const struct focus_config *config, struct conf_store *store);
void focus_users_free(struct focus_users **u);
/*
 * Sets in->user when its credentials prove one. False: it was answered. True without a user: there
 * are no users at all.
 */
bool focus_authenticate(struct focus *f, struct sip_in *in);

/* focus_privacy.c: names of users as a room has them */
/* Who is here already under another of his URIs is meant by that one. */
void room_unify(struct room *room, struct identity *who);
/* The anonymous URI for a session of his, heap string; NULL: he is shown as he is. */
char *room_hide(struct room *room, const struct identity *who);
/* Are participants who hide admitted? */
enum access_denial focus_judge_hidden(const struct focus *f, const struct identity *who);
/* False: he must be hidden (critical) and everybody in the room knows him. */
bool room_can_hide(struct room *room, const struct identity *who);
/* The URI for him in what others get; a view. */
const char *room_shown(struct room *room, const struct identity *who);
/* Entity of its endpoint in the roster, heap string. */
char *session_entity(const struct session *s);

/* focus_charging.c */
/* 0, or the status to refuse with. The vector goes into every answer. */
int charging_admit(struct focus *f, struct sip_in *in, bool in_dialog);
void charging_take(struct session *s, const struct sip_in *in);
/* A call of ours: the vector of the request that asked for it; NULL. */
void charging_relate(struct session *s, const char *vector);
/* trusted: headers for a trusted next hop alone. */
void charging_call(struct session *s, struct bytes *trusted);
void charging_fini(struct focus_charging *c);

/* focus_core.c: what an IMS core wants to see, and tells */
/* True when the service that a trusted peer asserts is not ours: answered 403 then (RFC 6050). */
bool core_refuses(struct focus *f, struct sip_in **in);
/* Headers of a call of ours: for everybody, and for a first hop of our own network alone. */
void core_call_headers(const struct focus *f, struct bytes *all, struct bytes *trusted);

/* focus_join.c */
void focus_on_invite(struct sip_in *in_take, void *arg);
void join_on_answer(struct session *s, struct slice sdp);
void session_enter_roster(struct session *s, enum confinfo_status status);
void session_connected(struct session *s);
/* A sealed room: the key is there; the answer's sender holds it. */
void join_describe(struct session *s);
void join_proven(struct session *s);

/* focus_reserve.c: preconditions, RFC 3312 */
/* The answer is made and stored: 183 and true if the peer's resources are still to come. */
bool reserve_start(struct session *s);
/* The peer tells of its resources, before our 200. */
void reserve_on_offer(struct session *s, struct slice offer);
/* The answer to our call came in a reliable 18x: if it asks for our resources, it is told. */
void reserve_on_early_answer(struct session *s, struct slice sdp);

/* focus_leave.c */
/* The one way out: status 0 takes the table's; by may be NULL; why (NULL: the table's text) is for log and Warning. */
void focus_unwind(struct session *s, enum unwind_cause cause, int status, const char *by,
		  const char *why);
/* Remove what a URI means: a user with all his devices, or one of them. -ERR_NOT_FOUND. */
MUST_CHECK int room_remove(struct room *room, struct slice uri, const char *by);
/* Subscriptions of that user end, under whichever of his names he made them (FOC-019b). */
void room_end_watching(struct room *room, struct slice uri);
void room_check(struct room *room); /* end it if nobody is left */
void room_end(struct room *room, enum unwind_cause cause);
void room_free(struct room *room);
bool room_name_free(struct focus *f, struct slice name); /* may free an ended conference */
void leave_on_ended(struct session *s, enum dialog_end how, int status, const char *phrase);

/* focus_member.c: who belongs, apart from who has a session (IMS-005) */
/* The member that one of these names means; NULL. */
struct member *member_of(struct room *room, const struct identity *who);
/* It lives on without sessions: conference.kept, once somebody was in. */
bool room_is_kept(const struct room *room);
/* From now on it is kept, and absent members are shown. */
void room_keep(struct room *room);
/* Makes a user a member without a session, if he is none yet. by: URI or NULL. Stored by the next flush. */
struct member *room_add_member(struct room *room, struct slice uri, const char *display,
			       const char *by);
/*
 * The same for an entry of the list that makes the room: it is kept, closed where conference.mode
 * says so, and this one may join it then. The list's sender is listed by being its creator.
 */
struct member *room_list_member(struct room *room, struct slice uri, const char *display,
				const char *by);
/* Dial out to a user, who becomes a member (if he is none); he stays one when he does not answer. Errors of dialout_start. */
MUST_CHECK int room_invite_member(struct room *room, struct slice uri, const char *display,
				  const char *by);
/* He belongs no more (his sessions are the caller's); frees m. */
void room_drop_member(struct room *room, struct member *m);
/* Call all absent members soon, each once in conference.reinvite_interval. */
void room_recall(struct room *room);
/* What sessions tell: an endpoint in the roster; up; bound; over (bye_reason: the Reason of the peer's BYE). */
void member_entering(struct session *s);
void member_came(struct session *s);
void member_bound(struct session *s);
void member_went(struct session *s, enum unwind_cause cause, int status, const char *by,
		 const char *bye_reason);
/* Of an earlier process: as recorded; then, when all sessions are there too, what they are now. */
void member_restore(struct room *room, const struct member *from);
void members_restored(struct room *room);
/* The room's media are known again: the hooks hear of who is absent. */
void members_recovered(struct room *room);
/* Write down what is new of a member, or that he is none. */
void member_store(struct room *room, const struct member *m);
void member_unstore(struct room *room, const struct member *m);

/* focus_replace.c: Replaces and Join */
struct join_means {
	struct room *room;        /* the conference that is meant; NULL: the Request-URI tells */
	struct session *replaced; /* whose place is to be taken; NULL */
};
/* What the headers of an INVITE mean. Answers the request and returns false when that may not be. */
bool replace_read(struct focus *f, struct sip_in **in, const struct identity *who,
		  struct join_means *means_r);
void replace_begin(struct session *s, struct session *giver);
/* A conference here is succeeded by one that its own members make, not by a stranger's. */
bool replace_may_succeed(struct focus *f, const struct sip_in *in, const struct identity *who);
/* The conference succeeds another one here (Session-Replaces): s takes its user's place there. */
void replace_former(struct session *s);
/* The new session is up, or its connection is bound: maybe the old one can go. */
void replace_go_on(struct session *s);
/* One of the two goes away. */
void replace_forget(struct session *s);

/* focus_token.c */
/* The whole body part that vouches for a Referred-By, for the call it causes; NULL. The caller unrefs. */
struct chunk *token_of(const struct sip_in *in);
/* Policy wants one and there is none: 429 (REF-014). */
bool token_missing(const struct focus *f, const struct sip_in *in);

/* focus_dialout.c */
MUST_CHECK int dialout_start(struct room *room, struct slice uri, const char *display,
			     const char *by, const char *referred_by, struct refer *refer,
			     struct session **session_r);
/* The callee's answer is a 3xx: call there instead, where policy has it. False: it is a refusal. */
bool dialout_follow(struct session *s, int status);
void dialout_go(struct session *s); /* its turn has come */
void dialout_describe(struct session *s);
void dialout_on_ringing(struct session *s);
void dialout_on_accepted(struct session *s, const struct sip_out_result *result);

/* focus_turn.c */
void turns_init(struct focus *f);
void turns_fini(struct focus *f);
/* So many calls of this conference wait that users may ask for no more. */
bool turn_is_crowded(const struct room *room);
bool turn_take(struct focus *f);   /* may one go at once? */
void turn_wait(struct session *s); /* dialout_go() follows */
void turn_forget(struct session *s);

/* focus_list.c */
#define LIST_TYPE "application/resource-lists+xml"
bool list_is_part(const struct sip_part *p); /* disposition recipient-list */
/*
 * The list that an INVITE brings, judged: *order_r is NULL when there is none to act on. False: the
 * request is answered. list_run() acts on it when the sender is in; nothing else does.
 */
bool list_of_invite(struct focus *f, struct sip_in **in, const struct identity *who,
		    struct list_order **order_r);
void list_run(struct session *s);
void list_order_free(struct list_order **o);
void list_call_fini(struct list_call *c);
/* True: a REFER for many, answered and carried out. */
bool list_on_refer(struct focus *f, struct sip_in **in, const struct identity *who);
/* A call is refused: if it went to a list whose members are told, they are called (LIST-011). */
void list_on_refused(struct session *s, const struct sip_out_result *result);

/* focus_list_refuse.c: answer with the status and what a list's sender may know (d: the policy's reason; l NULL: none was read). */
void list_refuse(struct focus *f, struct sip_in **in, const struct identity *who, int status,
		 enum access_denial d, const struct urilist *l);

/* focus_list_body.c */
/* Header lines of a call, and its body with the description in it: Content-Type on the heap, NULL: the description alone. */
void list_headers(const struct session *s, struct bytes *headers);
char *list_body(const struct session *s, struct bytes *body);

/* focus_reinvite.c */
/* The lines for files of the change in progress have their terminations. */
void reinvite_lines_ready(struct session *s);
/* A line for a file is closed by us: tell the peer. */
void reinvite_lines_closed(struct session *s);
void reinvite_on_change(struct session *s, struct slice offer);
/* The peer takes its change back: what is applied of it already is undone. */
void reinvite_on_cancelled(struct session *s);
void reinvite_on_answer(struct session *s, struct slice sdp);
void reinvite_on_failed(struct session *s, int status);
/* If the peer's answer asked for it: the new offer without CEMA (RFC 6714 4.2). */
void reinvite_fall_back(struct session *s);
/* What holds, with the newest key. */
void reinvite_offer_key(struct session *s);
void reinvite_move(struct session *s); /* a new termination, and the offer of it */
void room_move(struct room *room);     /* its MRFP is gone: go to another, or end the sessions */
/* The MRFP has its room but not this one: a new termination there. */
void reinvite_lost(struct session *s);
/* The change that waited for the end of the recovery. */
void reinvite_held(struct session *s);

/* focus_refer.c */
void focus_on_refer(struct sip_in *in_take, struct sip_leg *leg, void *arg);
void refer_done(struct refer *r, int status, const char *phrase);
void refer_forget(struct refer **r);          /* shutdown: its record stays */
const char *refer_key(const struct refer *r); /* of its record; NULL: it has none */
/* Of an earlier process, when the room's sessions are there. -ERR_SYNTAX: the record makes no dialog. */
MUST_CHECK int refer_restore(struct room *room, const char *key,
			     const struct subscription_record *record);

/* focus_events.c */
void focus_on_subscribe(struct sip_in *in_take, struct sip_leg *leg, void *arg);
const struct event_pkg_ops *events_ops(void);
void events_run(struct room *room);
void watcher_free(struct watcher *w);
/* Of an earlier process. -ERR_SYNTAX: the record makes no dialog. */
MUST_CHECK int watcher_restore(struct room *room, const struct subscription_record *r);

/* focus_file.c: files in dialogs of their own */
/* Takes *in (nulls it) and who when it is an offer of files alone. */
bool file_on_invite(struct focus *f, struct sip_in **in, struct identity *who);
void file_room_ends(struct room *room);
void file_user_left(struct room *room, const char *user);
void file_on_over(struct focus *f, const uint8_t *ctx, int outcome, uint64_t size);
/* True: the context is of files. */
bool file_on_lost(struct focus *f, const uint8_t *ctx, uint64_t termination, int cause);
bool file_on_context_lost(struct focus *f, const uint8_t *ctx);
bool file_knows(struct focus *f, const uint8_t *ctx, uint64_t termination);

/* focus_file_dialog.c */
const struct dialog_ops *file_dialog_ops(void);

/* focus_file_line.c: files in further lines of a member's dialog */
/* A change of the member came: true when file_lines_ready() follows, as terminations are asked for. */
bool file_lines_change(struct session *s);
void file_member_gone(struct session *s);

/* focus_media.c */
const struct media_events *focus_media_events(void);
void namings_free(struct focus *f);
void session_found(struct session *s); /* it has media again, or is about to */
/* Its connection is gone: it has conference.lost_grace to come back. */
void session_lost(struct session *s, int cause);

#endif
