/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session timers, RFC 4028, as arithmetic: the UAS's answer by table 2, the UAC's reading of a
 * 2xx, and the two moments that follow (refresh at half time, BYE min(32 s, a third) before the
 * end). Has no clock; the dialog arms its own timer.
 */
#include "mrfc/sip/session_timer.h"

int session_timer_answer(const struct session_timer_ask *ask, uint32_t want_s, uint32_t min_se_s,
			 struct session_timer *timer_r)
{
	struct session_timer t = {0};
	uint32_t floor_s = ask->min_se_s > min_se_s ? ask->min_se_s : min_se_s;

	/* Only a UAC that knows the extension can act on 422 (section 9). */
	if (ask->expires_s != 0 && ask->expires_s < min_se_s && ask->supported)
		return -ERR_LIMIT;
	t.expires_s = ask->expires_s != 0 ? ask->expires_s : want_s;
	if (ask->expires_s != 0 && want_s != 0 && want_s < t.expires_s)
		t.expires_s = want_s;
	if (t.expires_s != 0 && t.expires_s < floor_s &&
	    (ask->expires_s == 0 || floor_s <= ask->expires_s))
		t.expires_s = floor_s;
	if (t.expires_s == 0) {
		*timer_r = t;
		return 0;
	}
	if (!ask->supported)
		t.refresher = SESSION_REFRESHER_UAS;
	else if (ask->expires_s != 0 && ask->refresher != SESSION_REFRESHER_NONE)
		t.refresher = ask->refresher;
	else
		t.refresher = SESSION_REFRESHER_UAC;
	t.we_refresh = t.refresher == SESSION_REFRESHER_UAS;
	t.require = ask->supported;
	*timer_r = t;
	return 0;
}

void session_timer_accepted(const struct session_timer_ask *reply, uint32_t asked_s,
			    uint32_t min_se_s, struct session_timer *timer_r)
{
	struct session_timer t = {0};

	if (reply->expires_s != 0) {
		t.expires_s = reply->expires_s > min_se_s ? reply->expires_s : min_se_s;
		t.refresher = reply->refresher == SESSION_REFRESHER_UAS ? SESSION_REFRESHER_UAS
									: SESSION_REFRESHER_UAC;
	} else if (asked_s != 0) {
		/* The UAS knows no session timer: we may go on alone as refresher (7.2). */
		t.expires_s = asked_s;
		t.refresher = SESSION_REFRESHER_UAC;
	}
	t.we_refresh = t.expires_s != 0 && t.refresher == SESSION_REFRESHER_UAC;
	*timer_r = t;
}

uint64_t session_timer_end_ms(const struct session_timer *t)
{
	uint32_t early_s = t->expires_s / 3;

	if (early_s > 32)
		early_s = 32;
	return (uint64_t)(t->expires_s - early_s) * 1000;
}

uint64_t session_timer_due_ms(const struct session_timer *t)
{
	if (t->expires_s == 0)
		return 0;
	return t->we_refresh ? (uint64_t)t->expires_s * 500 : session_timer_end_ms(t);
}
