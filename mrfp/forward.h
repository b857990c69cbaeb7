/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_FORWARD_H
#define MRFP_FORWARD_H

#include "mrfp/inmsg.h"

/* Passing an open message on: gathers octets into chunks of 2 to 16 KiB, whatever way they come. */

#define FORWARD_CHUNK_MIN 2048u
#define FORWARD_CHAT_MAX  (64u << 10) /* known size up to this is chat, else bulk */

/*
 * Octets pos.. of the message. With keep, piece lives until forward_views_die(); else it is copied.
 */
void forward_octets(struct inmsg *m, uint64_t pos, struct slice piece, bool keep);
/* An end of a chunk came: send what is gathered. last: the message is over. */
void forward_end(struct inmsg *m, uint64_t pos, char flag, bool last);
/* The read buffer will be used again: send or copy what is only viewed. */
void forward_views_die(struct inmsg *m);
/* The message is given up: recipients get '#'. */
void forward_abort(struct inmsg *m);
/* A private message whose targets are all gone or refused it: the rest is read and dropped. */
bool forward_is_futile(const struct inmsg *m);
/* Is it, as far as known, a message of the bulk class, or a private one as large? */
bool forward_is_bulk(const struct inmsg *m);

#endif
