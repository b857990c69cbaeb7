/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_RECOVER_H
#define MRFC_FOCUS_FOCUS_RECOVER_H

#include "mrfc/focus/focus_priv.h"

/* focus_recover.c: conferences of an earlier process */
/* True: the request waits until it is known what media there is (taken then). */
bool recover_holds(struct focus *f, struct sip_in **in);
void recover_on_listed(struct focus *f, const uint8_t *ctx, uint64_t termination, bool bound);
void recover_on_audited(struct focus *f, const char *mrfp);
/* The process stops: what waits is refused. */
void recover_free(struct focus *f);

#endif
