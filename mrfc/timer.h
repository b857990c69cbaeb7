/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_TIMER_H
#define MRFC_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;

/* One-shot timer in the loop, for modules that otherwise know no loop. */
struct timer;
typedef void timer_fn(void *arg);

struct timer *timer_new(struct event_base *base, timer_fn *fn, void *arg);
/* Fires once, delay_ms from now; a running one is moved. */
void timer_start(struct timer *t, uint64_t delay_ms);
void timer_stop(struct timer *t);
bool timer_running(const struct timer *t);
void timer_free(struct timer **t); /* also inside its own callback */

#endif
