/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_EVENT_PKG_H
#define MRFC_CONFERENCE_EVENT_PKG_H

#include "mrfc/conference/roster.h"

/*
 * Conference event package, RFC 4575 over RFC 6665: for one conference, who watches, what each has
 * seen, when the next NOTIFY is due. Policy only: the clock is given, NOTIFYs leave through a
 * callback (sip_event does the SIP). At most one NOTIFY outstanding per subscription; changes
 * meanwhile are coalesced; per conference 100 ms, per subscriber a burst, then a minimum interval.
 */
struct event_pkg;
struct subscription;

struct event_pkg_limits {
	uint32_t coalesce_ms;     /* 100 */
	uint32_t burst;           /* event.burst */
	uint32_t min_interval_ms; /* event.min_interval */
	uint32_t roster_limit;    /* present users listed one by one; 0: all */
};

/* All callbacks come from event_pkg_run(); they may call event_pkg_notified() but free nothing. */
struct event_pkg_ops {
	/*
	 * Send one NOTIFY in the dialog `dialog`. state_header is the value of Subscription-State
	 * ("active;expires=3599", "terminated;reason=noresource"). The answer comes by
	 * event_pkg_notified(). body is a conference-info document.
	 */
	void (*send)(void *dialog, const char *state_header, struct slice body, void *arg);
	/* The subscription is over (after its last NOTIFY was answered or failed): release the dialog. */
	void (*ended)(void *dialog, void *arg);
};

struct event_pkg *event_pkg_new(struct roster *roster, const struct event_pkg_limits *limits,
				const struct event_pkg_ops *ops, void *arg);
void event_pkg_free(struct event_pkg **e); /* no callbacks */
void event_pkg_set_view(struct event_pkg *e,
			const struct roster_view *view); /* subject etc.; strings copied */

/* A SUBSCRIBE was accepted: full NOTIFY from the next event_pkg_run() (answer first). user is the subscriber's URI. */
struct subscription *event_pkg_subscribe(struct event_pkg *e, void *dialog, struct slice user,
					 uint32_t expires_s, uint64_t now_ms);
/* It goes on from an earlier process: its documents have versions above this one. */
void event_pkg_resume(struct subscription *s, uint32_t version);
/* False once its last NOTIFY is due or sent: a SUBSCRIBE in its dialog deserves 481. */
bool event_pkg_active(const struct subscription *s);
/* Refresh: new expiry, full NOTIFY. expires_s 0: final full NOTIFY, terminated;reason=timeout. */
void event_pkg_refresh(struct event_pkg *e, struct subscription *s, uint32_t expires_s,
		       uint64_t now_ms);
/* NOTIFY was answered (SIP status; 408 timeout, 503 transport). CONF-018: 481, 408 and the like end it. */
void event_pkg_notified(struct event_pkg *e, struct subscription *s, int sip_status,
			uint32_t retry_after_s, uint64_t now_ms);
/* Something in the roster changed. */
void event_pkg_changed(struct event_pkg *e, uint64_t now_ms);
/* Terminate the subscriptions of one user (removed from the conference: FOC-019b): terminated;reason=rejected. */
void event_pkg_terminate_user(struct event_pkg *e, struct slice user, uint64_t now_ms);
/* Conference over: deleted document, terminated;reason=noresource. */
void event_pkg_terminate_all(struct event_pkg *e, uint64_t now_ms);
size_t event_pkg_count(const struct event_pkg *e);
/* Subscriptions of one user that go on. */
size_t event_pkg_count_user(const struct event_pkg *e, struct slice user);
/* Do what is due; returns ms until the next thing (UINT64_MAX: nothing). Call after every other call. */
uint64_t event_pkg_run(struct event_pkg *e, uint64_t now_ms);

#endif
