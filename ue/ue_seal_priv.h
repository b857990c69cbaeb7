/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_SEAL_PRIV_H
#define UE_UE_SEAL_PRIV_H

/* Shared by ue_seal.c (keys, sending) and ue_seal_in.c (what comes) only. */

#include "ue/ue_held.h"
#include "ue/ue_seal.h"

struct event;

#define UE_SEAL_FILES 32 /* under way at a time, as many as messages are put together at a time */

/* A sealed file whose first octets came: its key, though its epoch may end before the file does. */
struct ue_seal_file {
	struct ece_head head;
	struct ece_keys *keys; /* secret memory; NULL: the place is free */
	uint64_t begun_us;
};

struct ue_seal {
	const struct ue_seal_ops *ops;
	void *arg;
	struct ue_crypto *crypto;
	struct ue_held *held;
	bool on, up, has_roster;
	bool own; /* the keys are ours */
	struct gkid roster;
	struct bytes confirm; /* R_MESSAGE that waits for the session */
	struct event *ev_tick, *ev_ask;
	uint64_t asked_ms; /* the last request by message; 0: none */
	struct ue_seal_file files[UE_SEAL_FILES];
	size_t next_file;
};

/* A key is missing: ask for it, soon. */
void ue_seal_ask(struct ue_seal *s);
/* Held messages whose key has come, or whose time is over. */
void ue_seal_release(struct ue_seal *s);
void ue_seal_forget_files(struct ue_seal *s);

#endif
