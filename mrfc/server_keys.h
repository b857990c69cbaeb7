/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SERVER_KEYS_H
#define MRFC_SERVER_KEYS_H

#include "mrfc/groupkey/groupkey.h"
#include "mrfc/groupkey/member_keys.h"
#include "mrfc/options.h"

struct event_base;
struct metrics;
struct store;

/* The part of the wiring that makes the key server of groupkey.server and what it has at rest. */
struct server_keys;

/* EXIT_OK, or what the process ends with; the reason is logged. The store must outlive it. */
int server_keys_open(struct event_base *base, const struct options *o, struct store *store,
		     struct metrics *metrics, struct server_keys **keys_r);
void server_keys_free(struct server_keys **keys);
struct groupkey *server_keys_groupkey(const struct server_keys *keys);
/* NULL, or why sealed conferences take nobody in now; lives as long as keys. */
const char *server_keys_trouble(const struct server_keys *keys);
/* NULL: this process knows no member's key. */
struct member_keys *server_keys_members(const struct server_keys *keys);

#endif
