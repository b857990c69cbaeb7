/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_ATTEMPTS_H
#define MRFC_CONFERENCE_ATTEMPTS_H

#include "common/addr.h"

/*
 * Wrong passwords by where they come from: who gave too many of them in a window of time is not
 * listened to until it is over. By IPv4 address or IPv6 /64; a bounded number of them.
 */
struct attempts;

struct attempts *attempts_new(unsigned limit, uint64_t window_ms);
void attempts_free(struct attempts **a);
/* Too many? */
bool attempts_over(const struct attempts *a, const struct addr *from, uint64_t now_ms);
/* One more. True: that was the one too many. */
bool attempts_failed(struct attempts *a, const struct addr *from, uint64_t now_ms);

#endif
