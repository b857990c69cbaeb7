/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_SEAL_PUSH_H
#define UE_UE_SEAL_PUSH_H

#include "ue/ue_seal.h"

/*
 * A sealed file that comes in a dialog of its own (RFC 5547): records alone, no CPIM around them. It
 * is opened as it comes; who sent it, to whom and when is judged with its first record.
 */
struct ue_seal_push;

struct ue_seal_push_ops {
	/*
	 * What stands in front of the file's octets is genuine. NULL: it is taken; else a sentence that
	 * says why not, which lives as long as the owner.
	 */
	const char *(*begun)(const struct gke_inner *inner, uint32_t epoch, void *arg);
	/* Genuine octets of it, in order. < 0: -ERR_IO. */
	int (*octets)(struct slice plain, void *arg);
};

/* from: who sends it, as the focus says. */
struct ue_seal_push *ue_seal_push_new(struct ue_seal *s, const char *from,
				      const struct ue_seal_push_ops *ops, void *arg);
void ue_seal_push_free(struct ue_seal_push **p);
/*
 * The next octets. 0; -ERR_AGAIN: its key is not here yet, all is held until ue_seal_push_go() finds it
 * (give no more than was read already, and no longer than UE_HELD_MS); else it is over, ue_seal_push_why() says
 * why, and what was told of it is worth nothing.
 */
MUST_CHECK int ue_seal_push_take(struct ue_seal_push *p, struct slice piece);
MUST_CHECK int ue_seal_push_go(struct ue_seal_push *p);      /* keys have come */
MUST_CHECK int ue_seal_push_skipped(struct ue_seal_push *p); /* octets came out of their order */
/* That was all of it. */
MUST_CHECK int ue_seal_push_end(struct ue_seal_push *p);
const char *
ue_seal_push_why(const struct ue_seal_push *p);            /* a sentence, static or of ops->begun */
uint32_t ue_seal_push_epoch(const struct ue_seal_push *p); /* 0: none is known */
bool ue_seal_push_is_replay(const struct ue_seal_push *p);

#endif
