/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_REKEY_H
#define MRFC_CONFERENCE_REKEY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * When a sealed conference gets a new key, and when a member's copy of one is sent again: changes of
 * membership are gathered for a while, so that churn costs a bounded number of epochs; what is not
 * confirmed is repeated, then offered by re-INVITE, then given up. Pure: the clock is given.
 */
#define REKEY_NEVER UINT64_MAX

enum rekey_change {
	REKEY_JOIN,  /* waits max(200 ms, 0.2 ms x members) */
	REKEY_LEAVE, /* max(2 s, 2 ms x members) */
	REKEY_KICK   /* at once, but for 0.2 ms x members since the last one */
};

/* Of one conference; zero-initialised. */
struct rekey {
	uint64_t due_ms; /* 0: no change waits */
	uint64_t last_ms;
	bool any; /* there was one: last_ms says when */
	uint32_t n_changes;
};
/* One more change; n_members: who has the key now. The most urgent one decides for all that wait. */
void rekey_note(struct rekey *r, enum rekey_change change, uint32_t n_members, uint64_t now_ms);
/* REKEY_NEVER: no change waits. */
uint64_t rekey_due(const struct rekey *r);
/* The changes go into one epoch, which is being made: how many they are. */
uint32_t rekey_begin(struct rekey *r, uint64_t now_ms);

enum rekey_step {
	REKEY_WAIT,
	REKEY_SEND,    /* the (same) octets */
	REKEY_REOFFER, /* in a new offer */
	REKEY_GIVE_UP
};
#define REKEY_PATIENCE_MS 30000
#define REKEY_ANSWER_MS   32000 /* for the new offer: 64*T1 */

/* A copy of a key on its way to one member; zero-initialised: none is. */
struct rekey_copy {
	uint64_t since_ms; /* this one was first sent */
	uint64_t first_ms; /* patience runs from here: the first of those that are not confirmed */
	unsigned n_sent;
	bool open;      /* sent or to be sent, not confirmed */
	bool waits;     /* first_ms counts */
	bool reoffered; /* at reoffer_ms */
	uint64_t reoffer_ms;
};
/*
 * A new key is to be sent. While the one before is not confirmed the patience with it goes on: who
 * never confirms gains no time by the changes of others.
 */
void rekey_copy_open(struct rekey_copy *c);
void rekey_copy_sent(struct rekey_copy *c, uint64_t now_ms);
void rekey_copy_reoffered(struct rekey_copy *c, uint64_t now_ms);
/* He confirmed one before this: he takes keys, and is late. Patience begins anew. */
void rekey_copy_lags(struct rekey_copy *c, uint64_t now_ms);
/* It cannot be sent now (hold, no connection): starts anew when it can. */
void rekey_copy_park(struct rekey_copy *c);
void rekey_copy_close(struct rekey_copy *c); /* confirmed, or given up */
/*
 * What is due; patience_ms: until the new offer. With REKEY_WAIT *due_ms_r says when to look again,
 * REKEY_NEVER where nothing is to come.
 */
enum rekey_step rekey_copy_next(const struct rekey_copy *c, uint64_t patience_ms, uint64_t now_ms,
				uint64_t *due_ms_r);

#endif
