/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_TLS_H
#define MRFC_FOCUS_FOCUS_TLS_H

#include "mrfc/focus/focus.h"

struct room;
struct sip_in;

/* room NULL: of no conference that exists yet. */

/* There is what our own offers have to be for. */
bool focus_can_offer(const struct focus *f, const struct room *room);
/* Our own offers are for TLS: wanted, and there is an MRFP that has it. */
bool focus_offers_tls(const struct room *room);
/* What policy wants of the description in this request; in NULL: of one in a session, nothing more. */
void focus_demand(struct focus *f, const struct room *room, const struct sip_in *in);

#endif
