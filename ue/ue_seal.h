/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_SEAL_H
#define UE_UE_SEAL_H

#include "proto/gke.h"
#include "proto/sdp_msrp.h"
#include "ue/ue_crypto.h"
#include "ue/ue_msrp.h"
#include "ue/ue_octets.h"
#include "ue/ue_state.h"

struct event_base;

/*
 * Sealed conferences as a UE takes part in them: keys asked for and confirmed (in descriptions and
 * by messages), what is said sealed, what comes opened, or held until its key is there, or dropped
 * with a reason. Owns the clocks of all this; ue_crypto has the secrets.
 */
struct ue_seal;

struct ue_seal_config {
	const char *key_file; /* of the pairwise key; NULL: none */
	const char *as;       /* who we are */
	enum gke_suite suite;
	enum cms_cipher cipher;
	bool tls_psk;                     /* TLS by keys that come of the pairwise one, too */
	const struct ue_signing *signing; /* NULL: none */
	void *signing_arg;
	struct ue_state
		*state; /* what came before; the caller's, and outlives us. NULL: nothing is kept */
	int64_t clock_off_s; /* our clock is taken for one that is wrong by this (tests) */
};

/* How a message of ours is sealed. */
struct ue_said {
	bool sealed;
	bool alone;     /* its recipient alone can open it */
	bool is_signed; /* by us */
	uint32_t
		epoch; /* of the group's key; 0: none (alone), or the one of the time when a file goes out */
};

/* A message that is not shown. */
struct ue_dropped {
	struct slice from; /* as its head in the clear says */
	uint64_t size;
	uint32_t epoch;  /* 0: none is known */
	bool replay;     /* shown before */
	const char *why; /* a sentence, static */
};

struct ue_seal_ops {
	void (*send_key)(struct slice mikey, void *arg); /* to the focus, as MIKEY_TYPE */
	/* Opened: m has its inner head; sealed, epoch, verified are set. */
	void (*opened)(const struct ue_message *m, void *arg);
	void (*dropped)(const struct ue_dropped *d, void *arg);
	void (*epoch)(const struct gkid *id, void *arg); /* is sent with from now on */
	/* A sentence: why a key message is of no use. Not again for the same before a good one came. */
	void (*trouble)(const char *text, void *arg);
	/* Our clock is behind (ahead: negative) by this: the peer's time is used from now on. */
	void (*clock)(int64_t behind_s, void *arg);
};

/* -ERR_IO with errno, -ERR_SYNTAX: of the key file. */
MUST_CHECK int ue_seal_new(struct event_base *base, const struct ue_seal_config *config,
			   const struct ue_seal_ops *ops, void *arg, struct ue_seal **seal_r);
void ue_seal_free(struct ue_seal **s);

/* The conference, as far as it is known; another name of ours. */
void ue_seal_room(struct ue_seal *s, const char *uri);
void ue_seal_alias(struct ue_seal *s, const char *uri);
/* Its name, as the members seal it; NULL: none yet. */
const char *ue_seal_conference(const struct ue_seal *s);
/* It is sealed: a key came by its description. s may be NULL. */
bool ue_seal_on(const struct ue_seal *s);
/* And its keys are ours. */
bool ue_seal_owned(const struct ue_seal *s);

/*
 * The Date of the peer's first message of a session (since 1970; 0: it has none). Where our clock is off by more than
 * UE_SEAL_CLOCK_S it is set right by this, for all that is judged and said here; later ones change nothing.
 * True: it was set.
 */
#define UE_SEAL_CLOCK_S 60
bool ue_seal_date(struct ue_seal *s, uint64_t date_s);
/* Our time, since 1970. s may be NULL: the clock's. */
uint64_t ue_seal_wall_ms(const struct ue_seal *s);

/* a=key-mgmt of an offer of ours (a request); NULL: cannot be made. The caller frees. */
char *ue_seal_offer(struct ue_seal *s);
/*
 * Our offer was refused, with this line. 1: a new offer may do better (once); 0: no. *why_r: NULL, or a
 * sentence on what is wrong.
 */
MUST_CHECK int ue_seal_refused(struct ue_seal *s, const struct sdp_media *m, const char **why_r);
/* The answer's line. 1: sealed; 0: it has no key; -ERR_*: *why_r is a sentence. */
MUST_CHECK int ue_seal_answered(struct ue_seal *s, const struct sdp_media *m, const char **why_r);
/*
 * The line of a peer's offer: as above, and *value_r is our answer's a=key-mgmt (NULL: none; the caller
 * frees).
 */
MUST_CHECK int ue_seal_offered(struct ue_seal *s, const struct sdp_media *m, char **value_r,
			       const char **why_r);
/*
 * Key for the TLS of our session, another one with each offer; NULL: none. It stays there, and
 * changes, until ue_seal_free(). s may be NULL.
 */
const struct gke_leg *ue_seal_leg(const struct ue_seal *s);
/* The session is bound: what is to be confirmed goes out. */
void ue_seal_up(struct ue_seal *s);
/* A message of MIKEY_TYPE came. */
void ue_seal_key(struct ue_seal *s, struct slice mikey);
/*
 * The peer takes us for the key server of this conference: it is sealed, with keys of ours alone. Then, when
 * its name is known, and for each key.
 */
void ue_seal_own(struct ue_seal *s);
void ue_seal_serve(struct ue_seal *s, const char *room, enum gke_suite suite);
void ue_seal_put(struct ue_seal *s, const struct gkid *id, struct slice tek);
/* What the roster says: GKID in hex; "": none. */
void ue_seal_roster(struct ue_seal *s, const char *hex);

/* May something be sealed now? 0; -ERR_AGAIN: no key yet; -ERR_STALE: behind the roster. */
MUST_CHECK int ue_seal_ready(struct ue_seal *s);
/* What is longer goes as a file. */
#define UE_SEAL_TEXT_MAX 65536u
/*
 * Seal a short message. *f (with From, To, its types) becomes that of the outer head; what it then refers to
 * in addition is in id. for_one: to him alone, when his certificate is known; else with the group's key. Errors of
 * ue_seal_ready(), -ERR_LIMIT.
 */
struct ue_seal_id {
	char text[24];
};
MUST_CHECK int ue_seal_text(struct ue_seal *s, struct cpim_fields *f, struct slice payload,
			    bool for_one, struct ue_seal_id *id, struct bytes *out);
/* What we say to him is sealed to him alone. */
bool ue_seal_reaches(const struct ue_seal *s, const char *who);
/* How the last message or file was sealed. */
struct ue_said ue_seal_said(const struct ue_seal *s);
/*
 * A long one or a file, whose fd is taken: *octets_r, *size_r are what to send, sealed with the key of the time
 * when the first of them is asked for. Errors of ue_seal_ready().
 */
MUST_CHECK int ue_seal_file(struct ue_seal *s, struct cpim_fields *f,
			    const struct ue_source *from_take, struct ue_seal_id *id,
			    struct ue_octets *octets_r, uint64_t *size_r);

/* Is this head one of a sealed body? */
bool ue_seal_is_sealed(const struct cpim_head *head);
/*
 * The first octets of a message that may be a sealed file: its key may be gone at its end, and it is opened
 * as it comes. True: tell of more. ue_seal_gone: no more comes of it.
 */
bool ue_seal_growing(struct ue_seal *s, const char *id, const struct ue_source *here);
void ue_seal_gone(struct ue_seal *s, const char *id);
/* A sealed message came: opened, dropped (now or later) follows. */
void ue_seal_take(struct ue_seal *s, const struct ue_message *m);
/* One that is not sealed came to a sealed conference: `dropped` follows. */
void ue_seal_refuse(struct ue_seal *s, const struct ue_message *m);

#endif
