/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SIP_SIP_LEG_H
#define MRFC_SIP_SIP_LEG_H

#include <sys/queue.h>

#include "mrfc/sip/sip_in.h"
#include "mrfc/sip/sip_record.h"

struct sip_agent;

/*
 * One SIP dialog (RFC 3261 12) with the usages that live in it: an INVITE session, subscriptions.
 * Requests inside the dialog go to the usage they belong to; the dialog ends with its last usage.
 */
struct sip_leg;

struct sip_usage {
	LIST_ENTRY(sip_usage) link;
	struct sip_leg *leg; /* NULL: not attached */
	bool invite;       /* gets INVITE, UPDATE, BYE, PRACK, INFO; else SUBSCRIBE of its event */
	const char *event; /* a subscription's; its strings are the owner's */
	const char *event_id;
	void (*request)(struct sip_in *in_take, void *arg);
	/* What sip_leg_save() writes is no longer so; NULL. Nothing may be freed in it. */
	void (*changed)(void *arg);
	/* The INVITE that made the dialog once more, in a new transaction; NULL: as any other. */
	void (*repeated)(struct sip_in *in_take, void *arg);
	/* ACK of a 2xx that an earlier process sent; NULL. */
	void (*acked)(void *arg);
	/*
	 * A 2xx to the INVITE that an earlier process sent, after its ACK here; NULL. The usage may
	 * be detached in it.
	 */
	void (*late)(void *arg);
	void *arg;
};

/* Dialog made by a request we answer; it takes its tag, route set and target. */
struct sip_leg *sip_leg_accept(struct sip_in *in);
/* Dialog that a request of ours will make: From (with our tag) and To. NULL: a URI is malformed. */
struct sip_leg *sip_leg_call(struct sip_agent *a, const char *from, const char *to,
			     const char *call_id);
void sip_leg_attach(struct sip_leg *leg, struct sip_usage *usage);
/* The dialog is destroyed with its last usage. Fine when not attached. */
void sip_leg_detach(struct sip_usage *usage);
/* A target refresh request came (RFC 3261 12.2.2). */
void sip_leg_refresh_target(struct sip_leg *leg, const struct sip_in *in);
struct sip_agent *sip_leg_agent(struct sip_leg *leg);
/*
 * What must survive. The bound of our CSeq is ahead of what is in use: it holds for the requests to
 * come, and `changed` tells before it does no longer. Release with leg_record_fini.
 */
void sip_leg_save(const struct sip_leg *leg, struct leg_record *record_r);
/*
 * The dialog of a record, to which usages are attached: one that is there already (of another
 * record), or made anew. Its next request takes a CSeq above the record's bound. A dialog without
 * remote tag is what a call of ours left that had no answer. NULL: the record makes no dialog.
 */
struct sip_leg *sip_leg_restore(struct sip_agent *a, const struct leg_record *record);
/* NULL when not known yet. */
const char *sip_leg_local_tag(const struct sip_leg *leg);
const char *sip_leg_remote_tag(const struct sip_leg *leg);
struct sip_ref;
/* The dialog that a header names, or NULL. */
struct sip_leg *sip_leg_named(struct sip_agent *a, const struct sip_ref *ref);
/* The INVITE session in it, or NULL. */
struct sip_usage *sip_leg_session(struct sip_leg *leg);
/* The usage of that event and id, or NULL. */
struct sip_usage *sip_leg_find(struct sip_leg *leg, const char *event, const char *id);

#endif
