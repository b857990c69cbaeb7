/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_HELD_H
#define UE_UE_HELD_H

#include "common/slice.h"
#include "proto/gke.h"

/* Sealed messages whose epoch's key has not come yet, in their order. Pure. */
struct ue_held;

#define UE_HELD_MESSAGES 64
#define UE_HELD_OCTETS   (256u << 10)
#define UE_HELD_MS       10000

struct ue_held_item {
	char *octets; /* of the message with its CPIM head */
	size_t len;
	struct gkid gkid;
	uint64_t since_ms, wall_us; /* when it came */
};

struct ue_held *ue_held_new(void);
void ue_held_free(struct ue_held **h);
/* octets is copied. -ERR_LIMIT: no room. */
MUST_CHECK int ue_held_add(struct ue_held *h, const struct gkid *gkid, struct slice octets,
			   uint64_t now_ms, uint64_t wall_us);
/*
 * Take the oldest one out whose key is here (ready says so), or which waited too long. False: there is
 * none. *item_r is released with ue_held_drop().
 */
bool ue_held_next(struct ue_held *h, bool (*ready)(const struct gkid *id, void *arg), void *arg,
		  uint64_t now_ms, struct ue_held_item **item_r);
void ue_held_drop(struct ue_held_item **item);

#endif
