/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_CRYPTO_H
#define UE_UE_CRYPTO_H

#include "common/bytes.h"
#include "proto/gke.h"
#include "proto/gke_body.h"

/*
 * The secrets of one UE in one sealed conference: its pairwise key, the epochs' keys it was given,
 * what it saw of others (replays). Seals and opens bodies, makes and judges key messages. No I/O;
 * time is an argument.
 */
struct ue_crypto;

/* A file with a pairwise key, as mrfctl writes it: "<id> <64 hex digits>". -ERR_IO, -ERR_SYNTAX. */
struct ue_key {
	char id[65];
	uint8_t key[32];
};
MUST_CHECK int ue_key_load(const char *path, struct ue_key *key_r);

struct ue_crypto *ue_crypto_new(const struct ue_key *key, const char *me, enum gke_suite suite);
void ue_crypto_free(struct ue_crypto **c);
/* The conference is known (before that, the URI that was called). */
void ue_crypto_room(struct ue_crypto *c, const char *uri);

/* A request for the current key: for an offer (sdp) or a message to the focus. */
MUST_CHECK int ue_crypto_request(struct ue_crypto *c, bool sdp, uint64_t wall_us,
				 struct bytes *out);
/*
 * A key message came. 1: taken, *reply_r holds what confirms it when one is wanted; 0: known already;
 * -ERR_*: dropped, *why_r says why (static text).
 */
MUST_CHECK int ue_crypto_take(struct ue_crypto *c, struct slice mikey, uint64_t wall_us,
			      struct bytes *reply_r, const char **why_r);
/* The epoch that is sent with; NULL: none yet. */
const struct gkid *ue_crypto_epoch(const struct ue_crypto *c);
/* The roster names this epoch: are we behind, for longer than 5 s? Then ask and send nothing. */
bool ue_crypto_is_behind(struct ue_crypto *c, const struct gkid *roster, uint64_t now_ms);
/* Old epochs are wiped 10 s after the next one came. */
void ue_crypto_age(struct ue_crypto *c, uint64_t now_ms);

/* Seal one message (inner.token and .seq are set here). -ERR_WRONG_STATE: no key. */
MUST_CHECK int ue_crypto_seal(struct ue_crypto *c, const struct gke_inner *inner,
			      struct bytes *out);
/*
 * Open one. outer_*: of the CPIM head it came in. 0: *inner_r, views into *plain_r; -ERR_AGAIN: its key is not
 * here (yet); -ERR_DENIED: changed, forged or pasted; -ERR_EXISTS: replayed; -ERR_STALE: too old;
 * -ERR_SYNTAX. *why_r: a sentence for the user.
 */
MUST_CHECK int ue_crypto_open(struct ue_crypto *c, struct slice der, struct slice outer_from,
			      struct slice outer_to, struct slice outer_id, uint64_t wall_us,
			      struct bytes *plain_r, struct gke_inner *inner_r, struct gkid *gkid_r,
			      const char **why_r);

#endif
