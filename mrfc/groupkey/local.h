/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_GROUPKEY_LOCAL_H
#define MRFC_GROUPKEY_LOCAL_H

#include "mrfc/groupkey/groupkey.h"
#include "mrfc/groupkey/member_keys.h"
#include "proto/ks/keyserver.h"

struct event_base;
struct metrics;

/*
 * The key server in this process. Its events come from the loop, never inside a call; messages of
 * an epoch a few at a time. settings.random NULL: secret_random_to. keys and what the settings name must outlive it.
 */
struct groupkey *groupkey_local_new(struct event_base *base,
				    const struct keyserver_settings *settings,
				    struct member_keys *keys, struct metrics *metrics);

#endif
