/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_AUTH_H
#define MRFC_FOCUS_FOCUS_AUTH_H

#include "mrfc/focus/focus_priv.h"

/* focus_auth.c */
bool focus_admit(struct sip_in *in, bool in_dialog, void *arg); /* of sip_handlers */
/* Identity of a request's sender; after -ERR_DENIED the request is answered. */
MUST_CHECK int focus_identify(struct focus *f, struct sip_in **in, struct identity *who_r);
/* One of conference.operators. */
bool focus_is_operator(const struct focus *f, const char *user);
/* Its Referred-By says the truth, as far as we can know: a trusted peer's, or he himself. */
bool focus_believes_referrer(const struct sip_in *in, const struct identity *who);
/* Referred-By for what the request asks of us; shown: his URI as others may know it. Heap. */
char *focus_referrer(const struct sip_in *in, const struct identity *who, const char *shown);
/* May identities and charging data go to the next hop: route, or (NULL) the target itself? */
bool focus_trusts_hop(const struct focus *f, const char *route, const char *target);
/*
 * P-Asserted-Identity of the conference, and Privacy as it was asked for (NULL: it was not), among
 * the headers for everybody and those for a trusted next hop.
 */
void focus_assert_headers(const struct focus *f, const char *conference, const char *asked,
			  bool trusted_hop, struct bytes *all, struct bytes *trusted);

#endif
