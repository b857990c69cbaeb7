/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_TOKEN_H
#define MRFC_FOCUS_FOCUS_TOKEN_H

#include "mrfc/focus/focus_priv.h"

/* focus_token.c */
/* The whole body part that vouches for a Referred-By, for the call it causes; NULL. The caller unrefs. */
struct chunk *token_of(const struct sip_in *in);
/* Policy wants one and there is none: 429 (REF-014). */
bool token_missing(const struct focus *f, const struct sip_in *in);

#endif
