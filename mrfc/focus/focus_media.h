/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_MEDIA_H
#define MRFC_FOCUS_FOCUS_MEDIA_H

#include "mrfc/focus/focus_priv.h"

/* focus_media.c */
const struct media_events *focus_media_events(void);
void namings_free(struct focus *f);
void session_found(struct session *s); /* it has media again, or is about to */
/* Its connection is gone: it has conference.lost_grace to come back. */
void session_lost(struct session *s, int cause);

#endif
