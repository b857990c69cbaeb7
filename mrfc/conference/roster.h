/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_ROSTER_H
#define MRFC_CONFERENCE_ROSTER_H

#include <sys/queue.h>

#include "common/bytes.h"
#include "proto/confinfo.h"

/*
 * Who is in one conference: participants (users) with their endpoints (dialogs), RFC 4575. Pure
 * state: no clock, no sockets, no SIP. Every change is remembered with a serial number, so that
 * each subscriber's next partial document can be built from "what changed since serial S".
 */
struct roster;

/* How long an endpoint that left is shown as disconnected before it is shown as deleted. */
#define ROSTER_SHOW_GONE_MS 500

struct roster_endpoint {
	LIST_ENTRY(roster_endpoint) link;
	TAILQ_ENTRY(roster_endpoint) by_end; /* private */
	struct participant *user;
	char *entity; /* contact URI, unique in the user (a suffix ";mrf-leg=N" where two are equal) */
	enum confinfo_status status;
	enum confinfo_joining joining;
	uint64_t joined_wall_ms; /* 0: not yet */
	char *joined_by;         /* NULL */
	enum confinfo_leaving leaving;
	int leave_cause; /* SIP status, 0 none */
	char *leave_why; /* the same for people; NULL */
	char *left_by;
	int media_dir; /* CTL_DIR_* from the peer's view */
	uint64_t lost; /* copies lost, told by the MRFP */
	bool ended;    /* disconnected; kept for the API, no more in use by its dialog */
	bool retired;  /* watchers are told that it is deleted */
	bool absent;   /* stands for a member without a session; its entity is his URI */
	bool holds_nickname;
	bool stale;          /* it has not confirmed the group key */
	uint64_t gone_at_ms; /* ended: when it happened */
	void *owner;         /* the dialog */
};

struct participant {
	TAILQ_ENTRY(participant) link;      /* private: in order of arrival */
	TAILQ_ENTRY(participant) by_change; /* private */
	TAILQ_ENTRY(participant) by_rank;   /* private */
	struct roster *roster;
	char *uri;      /* canonical, as in the roster and CPIM */
	char *shown;    /* anonymous URI that documents have instead; NULL: uri */
	char *display;  /* NULL */
	char *nickname; /* NULL */
	char **aliases; /* further asserted URIs (tel, ...) */
	size_t n_aliases;
	const char *role; /* NULL, "owner", ... static */
	LIST_HEAD(, roster_endpoint) endpoints;
	bool ranked; /* an owner or moderator: listed however many there are */
	char *xml;   /* private: as others see him in documents, written at serial xml_of */
	size_t xml_len;
	uint64_t xml_of;
	uint64_t changed;   /* serial of the last change; 0: watchers never saw this user */
	uint64_t lost;      /* over ended endpoints too */
	uint32_t n_live;    /* endpoints that have not ended */
	uint32_t n_present; /* of those, connected, on hold or muted */
};

struct roster *roster_new(const char *conference_uri);
void roster_free(struct roster **r);

/* By URI or alias (equal sip_uri_key); NULL. Users whose endpoints all ended are found too. */
struct participant *roster_find(struct roster *r, struct slice uri);
/* Find or make. A new one is shown to nobody before its first endpoint. */
struct participant *roster_user(struct roster *r, struct slice uri, const char *display);
struct participant *roster_first(struct roster *r);
struct participant *roster_next(struct participant *p);
/* Forget a user that never had an endpoint (a join that failed early); others are left alone. */
void roster_forget(struct participant *p);
/* Participants with a connected, on-hold or muted endpoint. */
uint32_t roster_count(const struct roster *r);
void roster_set_aliases(struct participant *p, const char *const *uris, size_t n);
void roster_set_display(struct participant *p, const char *display);
void roster_set_role(struct participant *p, const char *role);
/*
 * Documents show this URI instead of the real one and no display name (PRV-001); NULL: the real one.
 * The user is found by it too. What watchers knew of him before goes with the next, full document.
 */
void roster_set_shown(struct participant *p, const char *uri);
/* The URI that others see. */
const char *roster_shown(const struct participant *p);

struct roster_endpoint *roster_endpoint_add(struct participant *p, struct slice contact,
					    enum confinfo_status status,
					    enum confinfo_joining joining, void *owner);
/* URI of who brought the endpoint in (by REFER, by the API): joining-info/by. NULL: nobody. */
void roster_endpoint_by(struct roster_endpoint *e, const char *by);
/* The first change to connected sets joined_wall_ms. */
void roster_endpoint_status(struct roster_endpoint *e, enum confinfo_status status,
			    uint64_t wall_ms);
void roster_endpoint_dir(struct roster_endpoint *e, int media_dir);
/* It has, or has not, the group key that is in use (sealed conferences); true when that is news. */
bool roster_endpoint_stale(struct roster_endpoint *e, bool stale);
/* The MRFP could not deliver n copies. */
void roster_endpoint_lost(struct roster_endpoint *e, uint64_t n);
/*
 * The endpoint is gone: shown as disconnected with its method, after ROSTER_SHOW_GONE_MS as deleted.
 * Kept until roster_sweep() at least keep_ms later (the admin API shows failed dial-outs for 60 s),
 * or until the user comes back with the same contact: the caller must forget the pointer.
 */
void roster_endpoint_end(struct roster_endpoint *e, enum confinfo_leaving leaving, int sip_cause,
			 const char *by, uint64_t now_ms);
/*
 * Show a user who belongs here without a session (IMS-018): CONFINFO_PENDING was invited,
 * CONFINFO_DISCONNECTED was in and how he went. Stays until roster_hide_absent(); does not count as
 * present. by may be NULL.
 */
void roster_show_absent(struct participant *p, enum confinfo_status status,
			enum confinfo_leaving leaving, int sip_cause, const char *by);
/* He is in again, or belongs no more: watchers then see his other endpoints, or that he is deleted. */
void roster_hide_absent(struct participant *p, uint64_t now_ms);
/* Tell watchers that endpoints are deleted whose time has come; returns true when there were any. */
bool roster_retire(struct roster *r, uint64_t now_ms);
/* When roster_retire() has work next; UINT64_MAX: never. */
uint64_t roster_retire_at(const struct roster *r);
/*
 * Forget endpoints that ended keep_ms ago and users without any. A watcher that has not heard of
 * them yet gets a full document next.
 */
void roster_sweep(struct roster *r, uint64_t now_ms, uint64_t keep_ms);

/*
 * Nicknames, RFC 7701 7: shown and compared as RFC 8266 says. Returns the MSRP status: 200, 424
 * (malformed: over 1023 octets, not UTF-8, characters no nickname has, nothing but blanks), 425
 * (taken by another participant, reserved, or too much like another). "" removes. On failure the
 * old one stays.
 */
int roster_nickname(struct participant *p, struct slice nick);
/*
 * The same, asked for by one endpoint: the nickname ends when no endpoint that asked for it is left.
 * (roster_nickname: all live endpoints asked.) "" from an endpoint that holds none is no change.
 */
int roster_endpoint_nickname(struct roster_endpoint *e, struct slice nick);
/* Nobody may take this word (425). */
void roster_reserve_nickname(struct roster *r, struct slice word);
/* From now on names that look like another's, and words of two alphabets, are 425. Before the first name. */
void roster_refuse_lookalikes(struct roster *r);

/* Serial of the last change; never 0 (who has seen 0 has seen nothing). */
uint64_t roster_serial(const struct roster *r);
void roster_touch(struct roster *r); /* conference-level change (subject) */

/* What a document says beside the roster. Strings are the caller's; NULL: not written. */
struct roster_view {
	const char *subject;
	const char *epoch; /* id of the group key that is in use, in hex */
	uint32_t version;
	uint32_t max_users;
	bool active, locked;
	/* Only owners, moderators and the watcher are listed; the count tells of the others. */
	bool limited;
	bool own; /* the watcher's own user is marked as such, which RFC 4575 does not know */
	const struct participant *watcher; /* who reads the document; NULL: no member */
	bool reveal;        /* moderators and owners learn who anonymous users are (PRV-009) */
	bool administrator; /* owners have that role too (IMS-018) */
};
/*
 * Document for a subscriber that has seen everything up to `since` (0: full document; so is one
 * whose `since` is older than what was forgotten). A partial one costs what has changed, a limited
 * one who has a rank, not the size of the conference; each change of a user is written once for all
 * documents. The version goes in as given. RFC 4575.
 */
void roster_document(struct roster *r, uint64_t since, const struct roster_view *view,
		     struct bytes *out);
/* state="deleted" document of the whole conference (CONF-006). */
void roster_document_deleted(const struct roster *r, uint32_t version, struct bytes *out);

#endif
