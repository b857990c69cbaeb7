/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_WATCH_H
#define MRFP_WATCH_H

#include "mrfp/plane.h"

/* Every timer of the media plane, looked at once a tick; only what is busy is visited. */
#define WATCH_TICK_MS 100
void watch_tick(struct plane *plane);

#endif
