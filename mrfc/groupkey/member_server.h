/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_GROUPKEY_MEMBER_SERVER_H
#define MRFC_GROUPKEY_MEMBER_SERVER_H

#include "mrfc/groupkey/groupkey.h"

struct event_base;
struct metrics;

/*
 * Each conference's key server is the terminal of a member, its owner: this process holds no key
 * and makes none. Calls are frames as to an external key server; whoever has the owner's session
 * carries them there and back, as bodies of whole frames. One body is under way at a time: the next
 * follows when the terminal has answered the PING at its end.
 */
struct member_carrier {
	/* Send a body to the terminal that serves this room; never calls back inside. -ERR_*: it cannot be. */
	int (*send)(const char *room, struct slice body, void *arg);
	/* It sends what it should not, again and again: end its session. From the loop. */
	void (*cut)(const char *room, const char *why, void *arg);
	void *arg;
};

struct groupkey *member_server_new(struct event_base *base, struct metrics *metrics);
/* Is it of this kind? NULL: no. */
bool member_server_is(const struct groupkey *g);
void member_server_carry(struct groupkey *g, const struct member_carrier *carrier);

/* All of a room that is open; of others nothing is known, and nothing happens. */
/* A terminal that is to serve it is on its way, another one than before. */
void member_server_expect(struct groupkey *g, const char *room);
/* It can be reached, or it has to begin anew: it is greeted, and `back` follows when it answers. */
void member_server_up(struct groupkey *g, const char *room);
/* It cannot be reached any more: `down` follows. */
void member_server_gone(struct groupkey *g, const char *room, const char *why);
/* Does it still answer? If not, it counts as silent (`ready` is false, `down` follows) in some 10 s. */
void member_server_probe(struct groupkey *g, const char *room);
/*
 * A body of the terminal. 0; -ERR_SYNTAX: something in it was not right, and is counted; when there is too much of
 * that, or of all, carrier.cut follows inside this call, at its end.
 */
MUST_CHECK int member_server_take(struct groupkey *g, const char *room, struct slice body);

#endif
