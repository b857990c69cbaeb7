/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_FAKE_WATCHERS_H
#define TESTS_UNIT_FAKE_WATCHERS_H

/* An event package on a hand-cranked clock, with watchers' dialogs that answer as they are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mrfc/conference/event_pkg.h"

#define MAX_DIALOGS 64

/* What one subscriber's dialog has seen; its last document stays readable. */
struct dialog {
	struct subscription *sub;
	int n_sent;
	char header[64];
	struct confinfo_parsed *last;
	bool over;
};
struct bench {
	struct roster *roster;
	struct event_pkg *events;
	struct dialog dialogs[MAX_DIALOGS];
	uint64_t now;
	int n_sent;
	int answer; /* given from within send; 0: none */
};

static inline void on_send(void *dialog, const char *state_header, struct slice body, void *arg)
{
	struct bench *b = arg;
	struct dialog *d = dialog;

	assert_false(d->over);
	d->n_sent++;
	b->n_sent++;
	(void)snprintf(d->header, sizeof(d->header), "%s", state_header);
	confinfo_free(&d->last);
	assert_int_equal(confinfo_parse(body, &d->last), 0);
	if (b->answer)
		event_pkg_notified(b->events, d->sub, b->answer, 0, b->now);
}

static inline void on_ended(void *dialog, void *arg)
{
	struct dialog *d = dialog;

	(void)arg;
	assert_false(d->over);
	d->over = true;
	d->sub = NULL;
}

static inline struct bench *open_limited(uint32_t roster_limit)
{
	const struct event_pkg_limits limits = {100, 3, 5000, roster_limit};
	static const struct event_pkg_ops ops = {on_send, on_ended};
	struct bench *b = calloc(1, sizeof(*b));

	b->roster = roster_new("sip:room@conf.example.com");
	b->events = event_pkg_new(b->roster, &limits, &ops, b);
	b->now = 1000000;
	return b;
}

static inline struct bench *open_bench(void)
{
	return open_limited(0);
}

static inline void close_bench(struct bench *b)
{
	event_pkg_free(&b->events);
	roster_free(&b->roster);
	for (size_t i = 0; i < MAX_DIALOGS; i++)
		confinfo_free(&b->dialogs[i].last);
	free(b);
}

static inline uint64_t run(struct bench *b)
{
	return event_pkg_run(b->events, b->now);
}

/* Crank the clock, stopping wherever the package asks for. */
static inline void pass(struct bench *b, uint64_t ms)
{
	uint64_t until = b->now + ms;

	for (;;) {
		uint64_t wait = run(b);

		if (wait == 0)
			wait = 1;
		if (wait == UINT64_MAX || b->now + wait > until)
			break;
		b->now += wait;
	}
	b->now = until;
	(void)run(b);
}

static inline struct dialog *subscribe(struct bench *b, size_t i, const char *user,
				       uint32_t expires_s)
{
	struct dialog *d = &b->dialogs[i];

	d->sub = event_pkg_subscribe(b->events, d, slice_str(user), expires_s, b->now);
	(void)run(b);
	return d;
}

static inline void answer(struct bench *b, struct dialog *d, int status)
{
	event_pkg_notified(b->events, d->sub, status, 0, b->now);
	(void)run(b);
}

static inline struct dialog *subscribed(struct bench *b, size_t i, const char *user,
					uint32_t expires_s)
{
	struct dialog *d = subscribe(b, i, user, expires_s);

	answer(b, d, 200);
	return d;
}

static inline struct roster_endpoint *join(struct bench *b, const char *uri)
{
	struct participant *p = roster_user(b->roster, slice_str(uri), NULL);
	struct roster_endpoint *e = roster_endpoint_add(p, slice_str(uri), CONFINFO_CONNECTED,
							CONFINFO_DIALED_IN, NULL);

	event_pkg_changed(b->events, b->now);
	(void)run(b);
	return e;
}

static const struct confinfo_doc *doc(const struct dialog *d)
{
	return confinfo_doc(d->last);
}

#endif
