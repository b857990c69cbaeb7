/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include "common/slice.h"

/*
 * Receive buffer of one stream, three cursors:
 *   0 .. done    already handed on, may be overwritten
 *   done .. parse  looked at, waiting for more bytes of its frame
 *   parse .. end   received, not looked at
 * Memory exists only while bytes are held: buf_trim() frees an empty one, so that an idle
 * stream costs a few words. Not for parsers that work straight on a shared read buffer: they
 * keep only the unconsumed tail here (buf_keep).
 */
struct buf {
	char *data;
	size_t cap;
	size_t done;
	size_t parse;
	size_t end;
};

void buf_fini(struct buf *b);
static inline struct slice buf_held(const struct buf *b)
{
	return (struct slice){b->data + b->done, b->end - b->done};
}
/* Append; -ERR_LIMIT when more than max bytes would be held (nothing is added then). */
MUST_CHECK int buf_keep(struct buf *b, struct slice in, size_t max);
/* Consume n of the held bytes; frees the memory when none is left. */
void buf_consume(struct buf *b, size_t n);

#endif
