/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_EVENTS_H
#define MRFC_FOCUS_FOCUS_EVENTS_H

#include "mrfc/focus/focus_priv.h"

/* focus_events.c */
void focus_on_subscribe(struct sip_in *in_take, struct sip_leg *leg, void *arg);
const struct event_pkg_ops *events_ops(void);
void events_run(struct room *room);
void watcher_free(struct watcher *w);
/* Of an earlier process. -ERR_SYNTAX: the record makes no dialog. */
MUST_CHECK int watcher_restore(struct room *room, const struct subscription_record *r);

#endif
