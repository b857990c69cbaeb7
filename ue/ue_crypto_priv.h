/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_CRYPTO_PRIV_H
#define UE_UE_CRYPTO_PRIV_H

/*
 * Shared by ue_crypto.c (keys), ue_crypto_body.c (what is sealed with them) and ue_crypto_alone.c (what is sealed to
 * one person) only.
 */

#include <sys/queue.h>

#include "proto/mikey.h"
#include "ue/ue_crypto.h"
#include "ue/ue_replay.h"

#define UE_CRYPTO_ALIASES 4

struct ue_epoch {
	TAILQ_ENTRY(ue_epoch) link;
	struct gkid id;
	struct gke_keys *keys; /* secret memory; NULL: over, replays of files are still known */
	struct ue_replay *seen;
	uint64_t retired_ms; /* the next one came then; 0: it is the current one */
};

/* Of what one device seals. */
struct ue_counter {
	uint32_t token;
	uint64_t seq; /* of the last; 0: none yet */
};

struct ue_crypto {
	struct ue_key *key; /* secret memory; NULL: none */
	bool serves;        /* we make the keys */
	enum gke_suite suite;
	enum cms_cipher cipher;
	char *me, *room, *ks; /* ks: NULL before its first key */
	char *aliases[UE_CRYPTO_ALIASES];
	TAILQ_HEAD(ue_epochs, ue_epoch) epochs; /* the newest first */
	size_t n_epochs;
	struct gkid first;                  /* of the present life of the conference */
	uint32_t newest;                    /* of it; 0: none yet */
	struct ue_marks *marks, *own_marks; /* the ones used; those of nobody else */
	struct bytes last_in, last_reply;   /* the key message taken last, and what confirmed it */
	struct bytes asked;                 /* our last request */
	struct ue_counter messages, files, alone;
	struct gkid behind;
	uint64_t behind_ms; /* the roster names an epoch that is not here since then; 0: no */
	const struct ue_signing *signing; /* NULL: none */
	void *signing_arg;
};

struct ue_epoch *ue_crypto_find(const struct ue_crypto *c, const struct gkid *id);
/* The one to send with; NULL: none. */
struct ue_epoch *ue_crypto_current(const struct ue_crypto *c);
bool ue_crypto_is_me(const struct ue_crypto *c, struct slice uri);

/* ue_crypto_body.c. The entity of a message, numbered, and signed where we sign. */
MUST_CHECK int ue_crypto_entity(struct ue_crypto *c, struct ue_counter *n,
				const struct gke_inner *inner, uint64_t wall_us, struct bytes *out);
/* The entity's fields, views into plain, whose signature gives way to what is signed. */
MUST_CHECK int ue_crypto_read_entity(const struct ue_crypto *c, const struct ue_outer *outer,
				     struct bytes *plain, struct ue_opened *o, const char **why_r);
/* From, To, conference and Message-ID inside are those around it. */
MUST_CHECK int ue_crypto_judge_place(const struct ue_crypto *c, const struct gke_inner *inner,
				     const struct ue_outer *outer, const char **why_r);
MUST_CHECK int ue_crypto_judge_time(const struct gke_inner *inner, uint64_t begun_us,
				    const char **why_r);
static inline int ue_crypto_refuse(int err, const char *why, const char **why_r)
{
	*why_r = why;
	return err;
}

#endif
