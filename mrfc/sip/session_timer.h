/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SIP_SESSION_TIMER_H
#define MRFC_SIP_SESSION_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

/* Session timers, RFC 4028: who refreshes, when, and when the session is given up. Pure. */
enum session_refresher { SESSION_REFRESHER_NONE, SESSION_REFRESHER_UAC, SESSION_REFRESHER_UAS };

#define SESSION_TIMER_DEFAULT_S 1800u
#define SESSION_TIMER_MIN_SE_S  90u

/* What a request or a 2xx says. */
struct session_timer_ask {
	bool supported;     /* Supported: timer (or Require) */
	uint32_t expires_s; /* Session-Expires; 0: absent */
	uint32_t min_se_s;  /* Min-SE; 0: absent */
	enum session_refresher refresher;
};

/* What holds for a dialog until the next refresh. */
struct session_timer {
	uint32_t expires_s; /* 0: no session timer */
	bool we_refresh;
	bool require; /* 2xx carries Require: timer */
	enum session_refresher refresher;
};

/*
 * Answer to an INVITE or UPDATE (we are UAS): RFC 4028 section 9, table 2. want_s is what we would
 * like (TIM-008), 0 none. -ERR_LIMIT: 422 with Min-SE min_se_s.
 */
MUST_CHECK int session_timer_answer(const struct session_timer_ask *ask, uint32_t want_s,
				    uint32_t min_se_s, struct session_timer *timer_r);
/*
 * What a 2xx to our INVITE or UPDATE means (we are UAC); asked_s is what we asked for (section 7.2).
 * An interval below min_se_s, which no UAS may choose (section 9), counts as min_se_s.
 */
void session_timer_accepted(const struct session_timer_ask *reply, uint32_t asked_s,
			    uint32_t min_se_s, struct session_timer *timer_r);
/* From the (re)start to our refresh, or to our BYE when the peer refreshes (TIM-005, 006); 0: never. */
uint64_t session_timer_due_ms(const struct session_timer *t);
/* From the (re)start to the BYE when our refreshes fail; 0: never. */
uint64_t session_timer_end_ms(const struct session_timer *t);

#endif
