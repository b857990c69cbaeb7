/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_KEYSERVER_H
#define UE_UE_KEYSERVER_H

#include "common/bytes.h"
#include "proto/ks/keyserver.h"

/*
 * The key server of a conference in the UE of its owner: frames of the focus (proto/ks/ks_frame.h) come
 * and go as bodies of KS_BODY_TYPE. Who gets keys is decided here, by the pairwise keys of a file; the
 * focus only tells who is in. No sockets; time is an argument.
 */
struct ue_keyserver;

struct ue_keyserver_config {
	const char *as;                  /* who we are, and the key server's name */
	const char *keys_file;           /* of pairwise keys (ue_keyring.h) */
	const char *times_file;          /* of timestamps (ue_times.h); NULL: none */
	uint64_t life_ms, life_messages; /* of an epoch; 0: as keyserver.h */
};

/* What is worth telling of a member. */
enum ue_key_step {
	UE_KEY_GIVEN,     /* his first key since he came */
	UE_KEY_CONFIRMED, /* he has it */
	UE_KEY_REFUSED    /* he gets none */
};
struct ue_key_news {
	enum ue_key_step step;
	const char *uri, *key_id; /* key_id: "" where none is known */
	uint32_t epoch;           /* not of UE_KEY_REFUSED */
	const char *why;          /* of UE_KEY_REFUSED */
	unsigned n_untold; /* of UE_KEY_REFUSED: others before, which were too many to tell */
};

/* A member as the key server knows him. */
struct ue_key_holder {
	const char *uri, *key_id;
	uint32_t given, confirmed; /* epochs; 0: none */
};

struct ue_keyserver_ops {
	/* Frames to the focus: one body; in order. */
	void (*send)(struct slice body, void *arg);
	/* The focus opened the conference: what is said is sealed with our keys from now on. */
	void (*serving)(const char *room, enum gke_suite suite, void *arg);
	/* What we say is sealed with this from now on; a view of the key. */
	void (*epoch)(const struct gkid *id, struct slice tek, size_t n_members, void *arg);
	void (*member)(const struct ue_key_news *news, void *arg);
	/* A sentence for the user: a file cannot be read or written, the focus talks nonsense. */
	void (*trouble)(const char *text, void *arg);
	/*
	 * There is a new epoch. The focus was asked to tell when the switch knows of it: `epoch` follows
	 * then, or in UE_KEYSERVER_PATIENCE_MS by ue_keyserver_late().
	 */
	void (*wait)(void *arg);
};
#define UE_KEYSERVER_PATIENCE_MS 1000u

/*
 * 0; -ERR_*: why (a sentence, to be freed) tells which file is wrong, and how. open_to_others_r: the
 * file of keys may be read by others than its owner.
 */
MUST_CHECK int ue_keyserver_new(const struct ue_keyserver_config *config,
				const struct keyserver_now *now, const struct ue_keyserver_ops *ops,
				void *arg, struct ue_keyserver **k_r, bool *open_to_others_r,
				char **why_r);
void ue_keyserver_free(struct ue_keyserver **k); /* keys are wiped */

/* The conference that we are in, as far as it is known: frames about another one are refused. */
void ue_keyserver_room(struct ue_keyserver *k, const char *uri);
/* A body of the focus. */
void ue_keyserver_take(struct ue_keyserver *k, struct slice body, const struct keyserver_now *now);
/* The session is gone, or the focus takes no frames of ours: keys are wiped; it may open the conference anew. */
void ue_keyserver_gone(struct ue_keyserver *k);
/* UE_KEYSERVER_PATIENCE_MS are over. */
void ue_keyserver_late(struct ue_keyserver *k);
/* Once a minute or so: epochs that have lived long enough are replaced. */
void ue_keyserver_age(struct ue_keyserver *k, const struct keyserver_now *now);

/* The conference is open here. */
bool ue_keyserver_serves(const struct ue_keyserver *k);
size_t ue_keyserver_keys(const struct ue_keyserver *k); /* in the file */
/* Who is in, in any order; fn must not change anything. */
typedef void ue_key_holder_fn(const struct ue_key_holder *holder, void *arg);
void ue_keyserver_each(const struct ue_keyserver *k, ue_key_holder_fn *fn, void *arg);

#endif
