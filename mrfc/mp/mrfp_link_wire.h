/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_MP_MRFP_LINK_WIRE_H
#define MRFC_MP_MRFP_LINK_WIRE_H

#include "common/addr.h"
#include "common/chunk.h"
#include "common/fingerprint.h"
#include "proto/ctl_frame.h"

struct event_base;
struct tls;

/* One accepted stream of control frames. Knows frames, not what they mean. */
struct mrfp_wire;

struct mrfp_wire_events {
	/* A frame; its views die with the call. The wire may be freed in it. */
	void (*frame)(struct mrfp_wire *w, const struct ctl_frame *frame, void *arg);
	/* The stream ended or is broken; comes once, nothing follows. The wire is to be freed. */
	void (*closed)(struct mrfp_wire *w, const char *why, void *arg);
};

struct mrfp_wire *mrfp_wire_new(struct event_base *base, int fd_take, const struct addr *peer,
				const struct mrfp_wire_events *events, void *arg);
/*
 * The same over TLS: no frame is read before the peer's certificate has shown to be one of pins (which
 * is copied). tls outlives the wire.
 */
struct mrfp_wire *mrfp_wire_new_tls(struct event_base *base, struct tls *tls,
				    const struct fingerprint_list *pins, int fd_take,
				    const struct addr *peer, const struct mrfp_wire_events *events,
				    void *arg);
void mrfp_wire_set_events(struct mrfp_wire *w, const struct mrfp_wire_events *events, void *arg);
/*
 * Queue a whole frame; it leaves from the loop, so no event comes from within. Takes the caller's
 * reference in every case. -ERR_LIMIT when the peer has not read for too long.
 */
MUST_CHECK int mrfp_wire_send(struct mrfp_wire *w, struct chunk *frame_take);
/* Tries once to send what is queued, then closes. Safe inside its own events. Nulls the pointer. */
void mrfp_wire_free(struct mrfp_wire **w);

#endif
