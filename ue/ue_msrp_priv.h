/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_MSRP_PRIV_H
#define UE_UE_MSRP_PRIV_H

/* Shared by ue_msrp.c (connection, sending) and ue_msrp_in.c (frames that come in) only. */

#include "common/buf.h"
#include "common/bytes.h"
#include "common/conn.h"
#include "common/fingerprint.h"
#include "common/listener.h"
#include "common/resolve.h"
#include "proto/msrp_parse.h"
#include "ue/ue_inbox.h"
#include "ue/ue_msrp.h"
#include "ue/ue_outbox.h"

#define UE_MSRP_READ (64u << 10)

struct event;

struct ue_msrp {
	struct event_base *base;
	struct addr host;
	const struct ue_msrp_ops *ops;
	void *arg;
	struct listener *listener;
	struct resolver *resolver;
	struct resolver_query *query;
	struct addr targets[RESOLVE_MAX]; /* addresses of the peer, tried in order */
	size_t n_targets, next_target;
	struct conn *conn;
	struct tls *tls;              /* NULL: none */
	struct fingerprint_list pins; /* of the peer's certificate; empty: plain TCP */
	const struct gke_leg *leg;    /* the peer may be known by it; NULL: none */
	bool active, connected, accepted, bound, takes_frames;
	char session[17];
	char *path;   /* ours */
	char *remote; /* the peer's, NULL before start */
	struct buf held;
	struct msrp_parser parser;
	struct bytes out;
	size_t out_done;
	struct ue_outbox *outbox;
	struct ue_inbox *inbox;
	struct ue_inbox_message *message; /* the one whose chunk is being received */
	struct msrp_head head;            /* of the frame being received; strings in head_text */
	struct bytes head_text;
	uint64_t raw_pos; /* of the next octet of a message without CPIM */
	bool raw_body;    /* the frame being received has some of it */
	int status;       /* to answer the present frame with; 0: none; -1: close after it */
	uint64_t max_out; /* octets of a message that the peer takes; 0: any */
	struct addr early_peer;
	int early_fd; /* the peer connected before its path was known; -1 */
	struct event *ev_wait;
	char read_buf[UE_MSRP_READ];
};

/* One item of the peer's stream; responses are appended to m->out. */
void ue_msrp_take(struct ue_msrp *m, const struct msrp_item *item);
/* How a message or nickname of ours fared, told upwards. */
void ue_msrp_tell(struct ue_msrp *m, const struct ue_outbox_done *done, int status,
		  const char *reason);

#endif
