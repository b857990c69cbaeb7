/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SIP_SIP_EVENT_H
#define MRFC_SIP_SIP_EVENT_H

#include "mrfc/sip/sip_leg.h"

/*
 * One subscription as a usage of a SIP dialog, RFC 6665: made by SUBSCRIBE, or implicitly by REFER
 * (RFC 3515). It sends NOTIFYs, one at a time; what they say is the owner's.
 */
struct sip_event;
struct sip_agent;

struct sip_event_ops {
	/* SUBSCRIBE in the dialog: refresh or end. The owner answers and takes it. */
	void (*refresh)(struct sip_event *e, struct sip_in *in_take, void *arg);
	/* The NOTIFY was answered; the owner may free in it. */
	void (*notified)(struct sip_event *e, int status, uint32_t retry_after_s, void *arg);
	/* What sip_event_save() writes is no longer so; NULL: nobody records it. */
	void (*changed)(struct sip_event *e, void *arg);
};

/*
 * Subscription made by request in, in a dialog of its own or (leg not NULL) in one that exists.
 * event "conference" or "refer", id NULL or the Event's id; name is the conference's for Contact.
 */
struct sip_event *sip_event_new(struct sip_in *in, struct sip_leg *leg, const char *event,
				const char *id, const char *name, const struct sip_event_ops *ops,
				void *arg);
/* 200 or 202 to SUBSCRIBE: Contact, and Expires when expires_s is not negative. */
void sip_event_answer(struct sip_event *e, struct sip_in **in, int status, int64_t expires_s,
		      const char *headers);
/*
 * Send a NOTIFY. While one is on its way, the newest waits (owners of partial states do not send
 * before the last was answered). -ERR_IO when it cannot be sent.
 */
MUST_CHECK int sip_event_notify(struct sip_event *e, const char *state, const char *content_type,
				struct slice body);
/* What must survive of its dialog. Release with leg_record_fini. */
void sip_event_save(const struct sip_event *e, struct leg_record *record_r);
/*
 * Go on with a subscription of an earlier process, in the dialog of the record, which may be shared.
 * The rest as in sip_event_new. NULL: the record makes no dialog.
 */
struct sip_event *sip_event_restore(struct sip_agent *a, const struct leg_record *record,
				    const char *event, const char *id, const char *name,
				    const struct sip_event_ops *ops, void *arg);
/* Key of this subscription's record: unique over all. */
const char *sip_event_key(const struct sip_event *e);
void sip_event_free(struct sip_event **e);

#endif
