/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_DER_H
#define PROTO_DER_H

#include "common/bytes.h"

/*
 * The little of DER (X.690) that sealed bodies need: one element after the other, by the tag that must
 * stand there. Lengths are definite, minimal, below 4 GiB and within what encloses them; nothing is
 * allocated, nothing recurses.
 */
#define DER_INTEGER          0x02
#define DER_BITS             0x03
#define DER_OCTETS           0x04
#define DER_OID              0x06
#define DER_GENERALIZED_TIME 0x18
#define DER_SEQUENCE         0x30
#define DER_SET              0x31

/* The content of one element: what is left of it, of which only the first octets may be in sight. */
struct der {
	struct slice seen;
	size_t left; /* >= seen.len */
};
/* All of it is in sight. */
static inline struct der der_whole(struct slice in)
{
	return (struct der){in, in.len};
}

/*
 * Take the next element, which must have this tag. -ERR_SYNTAX: other, or not DER; -ERR_AGAIN: its head
 * is out of sight.
 */
MUST_CHECK int der_take(struct der *d, uint8_t tag, struct der *content_r);
/* The same, its content being in sight whole (else -ERR_AGAIN). */
MUST_CHECK int der_take_slice(struct der *d, uint8_t tag, struct slice *content_r);
/* The next octets must be these. */
MUST_CHECK int der_take_exactly(struct der *d, const void *octets, size_t len);
/* Is there a next element, and has it this tag? False, too, when it is out of sight. */
bool der_is_next(const struct der *d, uint8_t tag);

/* Octets of an element with so much content, and its head. */
size_t der_size(size_t content);
void der_add_head(struct bytes *out, uint8_t tag, size_t content);
void der_add(struct bytes *out, uint8_t tag, struct slice content);

#endif
