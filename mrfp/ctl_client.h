/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_CTL_CLIENT_H
#define MRFP_CTL_CLIENT_H

#include "common/addr.h"
#include "common/fingerprint.h"
#include "mrfp/options.h"
#include "mrfp/stats.h"
#include "proto/ctl_frame.h"

struct event_base;
struct tls;

/*
 * The MRFP's end of the control link: dials the MRFC, registers, keeps the link alive, answers
 * repeated requests from saved replies, and keeps events until the MRFC has acknowledged them.
 */
struct ctl_client;

struct ctl_client_ops {
	/* Fill in what registration tells (all but method, incarnation, version). */
	void (*describe)(struct ctl_service_change *m, void *arg);
	/* A request that was not seen before: append the whole reply frame to out. */
	void (*request)(const struct ctl_frame *f, struct bytes *out, void *arg);
	/* The reply to an event. */
	void (*event_done)(uint32_t transaction, const struct ctl_result *r, void *arg);
	/* Registered, or the link went down. */
	void (*changed)(bool up, void *arg);
	/* What the MRFC says to ctl_client_announce(), a CTL_R_*; NULL: nobody asks. */
	void (*announced)(uint16_t code, void *arg);
	/* Load since it was asked last, per mille, for a keepalive; NULL: none is told. */
	uint32_t (*load)(void *arg);
};

struct ctl_client *ctl_client_new(struct event_base *base, const struct options *opt,
				  const struct addr *mrfc, struct stats *stats,
				  const struct ctl_client_ops *ops, void *arg);
/* Before the first turn: over TLS, to whom shows one of pins (copied). tls outlives the client. */
void ctl_client_secure(struct ctl_client *c, struct tls *tls, const struct fingerprint_list *pins);
void ctl_client_free(struct ctl_client **c);
bool ctl_client_up(const struct ctl_client *c);
/*
 * Queue an event; sent at once when registered, again after each new registration until it is
 * acknowledged. Returns its transaction. The oldest is dropped (and counted) when opt->mp_events wait.
 * Messages for who is away are bounded apart: 0 when there is no room for one.
 */
uint32_t ctl_client_notify(struct ctl_client *c, const uint8_t context[CTL_CONTEXT_SIZE],
			   const struct ctl_notify *event);
/* Its reply is wanted no more: drop the event, sent or not. Unknown ones are passed over. */
void ctl_client_withdraw(struct ctl_client *c, uint32_t transaction);
/* Announce drain or the end (CTL_DRAIN, CTL_FORCED), and try to write it out. */
void ctl_client_announce(struct ctl_client *c, uint8_t method);
/* Write what this turn queued. */
void ctl_client_flush(struct ctl_client *c);

#endif
