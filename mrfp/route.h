/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_ROUTE_H
#define MRFP_ROUTE_H

#include "mrfp/inmsg.h"

struct msrp_head;

/*
 * A message begins (its outgoing Content-Type and total are set). 200 or the status that refuses
 * it. Its state becomes INMSG_OPEN when nothing of its body is needed to decide; else route_head()
 * is asked when the CPIM head is complete.
 */
int route_start(struct inmsg *m, const struct msrp_head *head);
/* A message without CPIM that was held is whole (m->head). 200, or the status that refuses it. */
int route_bare(struct inmsg *m);
/* The CPIM head is complete: who gets it? 200, or the status that refuses it. */
int route_head(struct inmsg *m, const struct cpim_head *cpim);

/* Largest message that may pass, in octets of its sender. */
uint64_t route_max_size(const struct inmsg *m);

#endif
