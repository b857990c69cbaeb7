/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_PART_H
#define UE_UE_PART_H

#include "common/digest.h"
#include "common/slice.h"

/*
 * Parts of sealed files. What broke off is kept, as far as it was genuine, and goes on with a sealed
 * body of the rest, of which the sender says inside where it goes on and of what whole it is. No clock.
 */

/* In Content-Disposition of the sealed entity: size, sha-256 (lower-case hex), first (from 1; absent: 1). */
struct ue_range {
	uint64_t first, total;
	char digest[DIGEST_HEX_SIZE]; /* of the whole; "": not told, and then it is no part */
};
/* -ERR_SYNTAX: malformed, a part without a digest, or one behind its own end. */
MUST_CHECK int ue_range_read(struct slice disposition, struct ue_range *range_r);
/* Content-Disposition of a file; the caller frees. */
char *ue_range_disposition(const char *name, const struct ue_range *range);

/* One file while it comes, and what is here of it. */
struct ue_part;
/* fd is taken: the file to write to, empty. ticket: whatever the owner calls it. range->first is 1. */
struct ue_part *ue_part_new(struct slice from, struct slice name, const struct ue_range *range,
			    int fd_take, unsigned ticket);
void ue_part_free(struct ue_part **p);
unsigned ue_part_ticket(const struct ue_part *p);
uint64_t ue_part_there(const struct ue_part *p); /* octets of it that are here */
/*
 * Its next octets, genuine; those that are here already are left out. -ERR_LIMIT: more than its total;
 * -ERR_IO.
 */
MUST_CHECK int ue_part_write(struct ue_part *p, struct slice plain);
/* That was all: is it the file that was announced? Asked once. */
bool ue_part_is_whole(struct ue_part *p);

/* Those that broke off: UE_PARTS of them, the oldest gives way, for UE_PARTS_MS. */
#define UE_PARTS    8
#define UE_PARTS_MS (60u * 60 * 1000)
struct ue_parts;
typedef void ue_parts_fn(unsigned ticket, void *arg);
/* gone: this part is kept no longer. */
struct ue_parts *ue_parts_new(ue_parts_fn *gone, void *arg);
void ue_parts_free(struct ue_parts **ps); /* without a word */
void ue_parts_keep(struct ue_parts *ps, struct ue_part *part_take, uint64_t now_ms);
/* Those whose time is over go. False: none is left. */
bool ue_parts_age(struct ue_parts *ps, uint64_t now_ms);
/* The sender begins a file of this name anew: what is here of it goes. */
void ue_parts_begin(struct ue_parts *ps, struct slice from, struct slice name);
/*
 * The part that this goes on with; it is the caller's then. NULL: none does, why says why. One of the same
 * sender and name that is of another whole goes.
 */
#define UE_PART_WHY_SIZE 160
struct ue_part *ue_parts_take(struct ue_parts *ps, struct slice from, struct slice name,
			      const struct ue_range *range, char why[UE_PART_WHY_SIZE]);

#endif
