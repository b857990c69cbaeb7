/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_RECORD_H
#define MRFC_FOCUS_FOCUS_RECORD_H

#include "mrfc/focus/focus_priv.h"

/* focus_record.c: what is written of it; the next flush or wait takes it along */
void session_store(struct session *s); /* with its dialog; nothing without a termination */
void session_store_dialog(struct session *s);
void session_unstore(struct session *s);
void watcher_store(struct watcher *w);

#endif
