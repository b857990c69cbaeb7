/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_GROUPKEY_KS_SERVICE_H
#define MRFC_GROUPKEY_KS_SERVICE_H

#include "mrfc/groupkey/ks_stream.h"
#include "mrfc/groupkey/member_keys.h"
#include "proto/ks/ks_serve.h"

struct event_base;
struct metrics;

/*
 * The serving end of a key server of its own: connections of MRFCs, each with the conferences that it
 * opened. They end with it, and their keys are wiped; a conference that is opened on another
 * connection is that one's from then on.
 */
struct ks_service;

/* settings.random NULL: secret_random_to. keys and what settings name must outlive it. */
struct ks_service *ks_service_new(struct event_base *base,
				  const struct keyserver_settings *settings,
				  struct member_keys *keys, struct metrics *metrics);
void ks_service_free(struct ks_service **s);
/* Take a connection; security must outlive the service. */
void ks_service_accept(struct ks_service *s, const struct ks_security *security, int fd_take,
		       const struct addr *peer);

#endif
