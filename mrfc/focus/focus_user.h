/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_USER_H
#define MRFC_FOCUS_FOCUS_USER_H

#include "mrfc/focus/focus_priv.h"

/* focus_user.c: SIP digest */
struct focus_users *focus_users_new(const struct focus_config *config, struct conf_store *store);
void focus_users_free(struct focus_users **u);
/*
 * Sets in->user when its credentials prove one. False: it was answered. True without a user: there
 * are no users at all.
 */
bool focus_authenticate(struct focus *f, struct sip_in *in);

#endif
