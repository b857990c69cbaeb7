/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_CRYPTO_H
#define UE_UE_CRYPTO_H

#include "common/bytes.h"
#include "proto/cms.h"
#include "proto/ece.h"
#include "proto/gke.h"
#include "proto/gke_body.h"
#include "ue/ue_key.h"
#include "ue/ue_marks.h"

/*
 * The secrets of one UE in one sealed conference: its pairwise key, the epochs' keys it was given,
 * what it saw of others (replays). Seals and opens bodies, makes and judges key messages. No I/O;
 * time is an argument: wall_us since 1970, now_ms monotonic.
 */
struct ue_crypto;

#define UE_CRYPTO_SKEW_S    300   /* between clocks: of key messages and of DateTime */
#define UE_CRYPTO_RETIRE_MS 10000 /* an epoch's key lives on after the next came */
#define UE_CRYPTO_BEHIND_MS 5000  /* behind the roster: nothing is sent */
#define UE_CRYPTO_EPOCHS    64    /* keys at a time; the oldest goes */

/* key NULL: we have none with any key server. */
struct ue_crypto *ue_crypto_new(const struct ue_key *key, const char *me, enum gke_suite suite);
void ue_crypto_free(struct ue_crypto **c);
/*
 * The conference is known (before that, the URI that was called). Its first key names it as the key server
 * does (the user part must be the same); that is its name then.
 */
void ue_crypto_room(struct ue_crypto *c, const char *uri);
const char *ue_crypto_room_name(const struct ue_crypto *c);
/* Another name under which we can be called. */
void ue_crypto_alias(struct ue_crypto *c, const char *uri);
/* Of what is sealed from now on (suite A has AES-128 alone). */
void ue_crypto_cipher(struct ue_crypto *c, enum cms_cipher cipher);
/* What came before this process (the caller's, and outlives us); without it we begin with none. */
void ue_crypto_marks(struct ue_crypto *c, struct ue_marks *marks);
/*
 * Signatures inside of what is sealed, and what is sealed to one person's certificate. verify:
 * -ERR_NOT_FOUND: no certificate of his is known; -ERR_DENIED. seal_to: -ERR_NOT_FOUND: none that bodies can be
 * sealed to. open: as cms_open_alone(). knows: has he a certificate here, so that he can sign?
 */
struct ue_signing {
	int (*sign)(struct slice content, struct bytes *der,
		    void *arg); /* NULL: nothing is signed */
	int (*verify)(struct slice from, struct slice der, struct bytes *content, void *arg);
	int (*seal_to)(struct slice to, struct slice content, struct bytes *der, void *arg);
	int (*open)(struct slice der, struct bytes *content, void *arg); /* NULL: no key of ours */
	bool (*knows)(struct slice who, void *arg);
	bool (*reaches)(struct slice who, void *arg); /* seal_to would find one */
};
/* NULL: what others sign is refused. */
void ue_crypto_signing(struct ue_crypto *c, const struct ue_signing *signing, void *arg);

/* We are the key server of this conference: its name, and from now on no key of others is taken. */
void ue_crypto_serve(struct ue_crypto *c, const char *room, enum gke_suite suite);
bool ue_crypto_serves(const struct ue_crypto *c);
/* A key that we made: it is the current one. */
void ue_crypto_put(struct ue_crypto *c, const struct gkid *id, struct slice tek, uint64_t now_ms);

/*
 * A request for the current key: for an offer (sdp) or a message to the focus. -ERR_LIMIT: a name is too
 * long; -ERR_WRONG_STATE: we have no key to ask with, or are the key server.
 */
MUST_CHECK int ue_crypto_request(struct ue_crypto *c, bool sdp, uint64_t wall_us,
				 struct bytes *out);
/*
 * Our last request was refused with this error message (RFC 3830 5.1.2). 1: another request may be
 * better: of a suite that is no weaker, or with *off_us_r added to our clock, which only who proves to
 * have our key can say; 0: no. *why_r (static text) says what is wrong.
 */
MUST_CHECK int ue_crypto_refused(struct ue_crypto *c, struct slice mikey, uint64_t wall_us,
				 int64_t *off_us_r, const char **why_r);
/*
 * The key of a leg's TLS, from the message in the offer of its session (gke_leg). -ERR_SYNTAX: none. The
 * caller wipes it.
 */
MUST_CHECK int ue_crypto_leg(const struct ue_crypto *c, struct slice offer, struct gke_leg *leg_r);
/*
 * A key message came. 1: taken, its key is the current one; 0: the same octets were taken before. In
 * both cases *reply_r (appended) is what confirms it, when that is wanted. -ERR_*: dropped, *why_r says
 * why (static text).
 */
MUST_CHECK int ue_crypto_take(struct ue_crypto *c, struct slice mikey, uint64_t wall_us,
			      uint64_t now_ms, struct bytes *reply_r, const char **why_r);
/* The epoch that is sent with; NULL: none yet. */
const struct gkid *ue_crypto_epoch(const struct ue_crypto *c);
/* Is the key of this epoch here? */
bool ue_crypto_has(const struct ue_crypto *c, const struct gkid *id);
/* Where an epoch without a key stands. */
enum ue_place {
	UE_PLACE_BEFORE, /* before the first that we were given: not for us */
	UE_PLACE_OVER,   /* its key is gone, or never came and no longer comes */
	UE_PLACE_AHEAD   /* of another life, or to come */
};
enum ue_place ue_crypto_place(const struct ue_crypto *c, const struct gkid *id);
/*
 * The roster names this epoch (NULL: none): are we behind it, for longer than UE_CRYPTO_BEHIND_MS? Then ask
 * and send nothing.
 */
bool ue_crypto_is_behind(struct ue_crypto *c, const struct gkid *roster, uint64_t now_ms);
/* Old epochs' keys are wiped when their time is over. */
void ue_crypto_age(struct ue_crypto *c, uint64_t now_ms);

/* Seal one message (inner.token and .seq are set here). -ERR_WRONG_STATE: no key; -ERR_LIMIT. */
MUST_CHECK int ue_crypto_seal(struct ue_crypto *c, const struct gke_inner *inner, uint64_t wall_us,
			      struct bytes *out);

/* What stands around a sealed body, in the clear; id empty: none. */
struct ue_outer {
	struct slice from, to, id;
};
struct ue_opened {
	struct gke_inner inner;
	struct gkid gkid;
	bool verified; /* all of it is signed by its sender, not only sealed by some member */
	bool words;    /* its payload alone is: not to whom, when, how often */
};
/*
 * Open one. 0: *opened_r, views into *plain_r; -ERR_NOT_FOUND: its key is not here (gkid alone is
 * set); -ERR_DENIED: changed, forged or pasted; -ERR_EXISTS: replayed; -ERR_STALE: too old;
 * -ERR_SYNTAX, -ERR_UNSUPPORTED, -ERR_LIMIT. *why_r: a sentence for the user (static). Nothing is
 * released but with 0.
 */
MUST_CHECK int ue_crypto_open(struct ue_crypto *c, struct slice der, const struct ue_outer *outer,
			      uint64_t wall_us, struct bytes *plain_r, struct ue_opened *opened_r,
			      const char **why_r);

/* --- to one alone --- */

/* Is this body sealed to certificates (one, as it should be, or several) instead of with the group's key? */
bool ue_crypto_is_alone(struct slice der);
/* Can what we say to him be sealed to him alone? */
bool ue_crypto_reaches(const struct ue_crypto *c, struct slice who);
/* Seal to inner->to alone. -ERR_NOT_FOUND: his certificate is not known; -ERR_LIMIT. */
MUST_CHECK int ue_crypto_seal_alone(struct ue_crypto *c, const struct gke_inner *inner,
				    uint64_t wall_us, struct bytes *out);
/*
 * Open what is sealed to us alone; as ue_crypto_open. No group's key vouches for its sender: one whose
 * certificate is known must have signed all of it (-ERR_DENIED).
 */
MUST_CHECK int ue_crypto_open_alone(struct ue_crypto *c, struct slice der,
				    const struct ue_outer *outer, uint64_t wall_us,
				    struct bytes *plain_r, struct ue_opened *opened_r,
				    const char **why_r);

/* --- files, RFC 8188 --- */

/* Begin one of ours. -ERR_WRONG_STATE: no key. The caller wipes *keys_r. */
MUST_CHECK int ue_crypto_file(struct ue_crypto *c, struct ece_head *head_r,
			      struct ece_keys *keys_r);
/* The entity that stands in front of its octets: token and seq are set. */
void ue_crypto_file_inner(struct ue_crypto *c, const struct gke_inner *inner, uint64_t wall_us,
			  struct bytes *out);
/* Keys of one that came. -ERR_NOT_FOUND: its epoch's key is not here. */
MUST_CHECK int ue_crypto_file_keys(const struct ue_crypto *c, const struct ece_head *head,
				   struct ece_keys *keys_r);
/*
 * What stood inside is authentic: is it of who and where it says, fresh and of now? As ue_crypto_open;
 * begun_us: when its first octets came. -ERR_NOT_FOUND: the epoch is over and its replays forgotten.
 */
MUST_CHECK int ue_crypto_judge(struct ue_crypto *c, const struct gkid *gkid,
			       const struct gke_inner *inner, const struct ue_outer *outer,
			       uint64_t begun_us, const char **why_r);

#endif
