/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_SEAL_PRIV_H
#define UE_UE_SEAL_PRIV_H

/* Shared by ue_seal.c (keys, sending) and ue_seal_in.c (what comes) only. */

#include "ue/ue_held.h"
#include "ue/ue_seal.h"

struct event;

#define UE_SEAL_FILES 32 /* under way at a time, as many as messages are put together at a time */

/* A sealed file that comes as a message: its key, though its epoch may end before the file does. */
struct ue_seal_file {
	struct ue_opener *opener; /* NULL: the place is free */
	struct gkid gkid;
	char *id; /* of the message; NULL: it is whole already */
	uint64_t begun_us;
	uint64_t skip;      /* octets of the message before the records' head */
	uint64_t fed;       /* of those behind them, opened or held */
	struct bytes front; /* plaintext of the first record */
	int fd;             /* of all; -1: nothing was opened yet */
	uint64_t size;      /* octets in it */
};

struct ue_seal {
	const struct ue_seal_ops *ops;
	void *arg;
	struct ue_crypto *crypto;
	struct ue_held *held;
	bool on, up, has_roster;
	bool own; /* the keys are ours */
	struct gkid roster;
	struct gke_leg *leg;   /* for TLS; NULL: not wanted, identity "": none yet */
	const char *complaint; /* told last of a key message; NULL: none since a good one */
	struct bytes confirm;  /* R_MESSAGE that waits for the session */
	struct event *ev_tick, *ev_ask;
	uint64_t asked_ms; /* the last request by message; 0: none */
	struct ue_seal_file files[UE_SEAL_FILES];
	size_t next_file;
	struct ue_state *state; /* NULL: none */
	int64_t off_us;         /* what the clock is to be set right by */
	bool dated, signs;
	struct ue_said said;
};

uint64_t ue_seal_wall_us(const struct ue_seal *s);
/* What was seen is on the disk, where it is kept. */
void ue_seal_keep(struct ue_seal *s);
/* A key is missing: ask for it, soon. */
void ue_seal_ask(struct ue_seal *s);
/* Held messages whose key has come, or whose time is over. */
void ue_seal_release(struct ue_seal *s);
void ue_seal_forget_files(struct ue_seal *s);
/* Why a file could not be opened, for its receiver. */
const char *ue_seal_why(int err);

#endif
