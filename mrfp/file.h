/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_FILE_H
#define MRFP_FILE_H

#include "mrfp/inmsg.h"

struct msrp_head;

/*
 * Contexts of kind file: one message, of any type and without CPIM, from the one leg that may send
 * to all others (RFC 5547). A receiver's cursor waits in the logs from its Add on, so that what
 * comes before it has bound is kept for it and back-pressure holds the sender.
 */

/* A termination of a file context was added. */
void file_added(struct session *s);
/* Its message begins: as route_start(). */
int file_start(struct inmsg *m, const struct msrp_head *head);
/*
 * The first octets of a sealed one, which tell its key: as seal_judge(), and its sender's rate. complete:
 * there are no more.
 */
int file_head(struct inmsg *m, struct slice octets, bool complete);
/* Nobody takes the message any more: the rest need not come. */
bool file_is_futile(const struct inmsg *m);
/* No more of the message comes; outcome is an enum ctl_outcome if nothing else is known by then. */
void file_ended(struct inmsg *m, int outcome, int status);
/* Tell the MRFC once when the last copy is settled, or when the sender went without a message. */
void file_check(struct context *ctx);

#endif
