/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_CORE_H
#define MRFC_FOCUS_FOCUS_CORE_H

#include "mrfc/focus/focus_priv.h"

/* focus_core.c: what an IMS core wants to see, and tells */
/* True when the service that a trusted peer asserts is not ours: answered 403 then (RFC 6050). */
bool core_refuses(struct focus *f, struct sip_in **in);
/* Headers of a call of ours: for everybody, and for a first hop of our own network alone. */
void core_call_headers(const struct focus *f, struct bytes *all, struct bytes *trusted);

#endif
