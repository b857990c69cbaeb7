/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_ADMIN_API_KEY_H
#define MRFC_ADMIN_API_KEY_H

#include "common/http.h"
#include "mrfc/groupkey/member_keys.h"

/*
 * /v1/keys: pairwise keys of users. A key is made here and told once, in the answer to the request
 * that made it, and only where nobody else can listen (a loopback listener). Each change stands in
 * the log with who asked for it.
 */
struct api_key;
/* Both must outlive it; its routes must not be called after api_key_free(). */
struct api_key *api_key_new(struct http_server *http, struct member_keys *keys);
/* The same routes where keys are at a key server of its own, or at owners' terminals: 404s that say so. */
void api_key_elsewhere(struct http_server *http, bool owners);
void api_key_free(struct api_key **a);

#endif
