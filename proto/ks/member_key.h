/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_KS_MEMBER_KEY_H
#define PROTO_KS_MEMBER_KEY_H

#include <stdint.h>

#include "common/slice.h"

/* Members of a room as a key server is told of them, and the keys that it shares with them. */

/*
 * A member as the key server knows it: the user and which of his keys (one per device, say). Who is
 * in with the same key twice is one member: he leaves when his last session with that key does.
 */
struct groupkey_member {
	const char *uri;
	/*
	 * Of his pairwise key. Empty in who joined: the one his request names, else the server
	 * chooses, and the first event about him tells which. Empty in who left: all of his.
	 */
	struct slice key_id;
	struct slice request; /* bytes that came with his offer; empty: we call him */
};

#define MEMBER_KEY_SIZE   32
#define MEMBER_KEY_ID_MAX 64

/* A pairwise key (MK) of a user and the key server. */
struct member_key {
	const char *uri; /* of the user, as it was given */
	const char *id;
	const uint8_t *key; /* MEMBER_KEY_SIZE octets */
};

/* Where a key server looks for them. */
struct keyserver_keys {
	/*
	 * Of any URI that means the same user. id empty: the one to use when none was named. NULL:
	 * none. It stays until the caller's call ends.
	 */
	const struct member_key *(*find)(const char *uri, struct slice id, void *arg);
	void *arg;
};

#endif
