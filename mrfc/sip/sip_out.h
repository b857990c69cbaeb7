/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SIP_SIP_OUT_H
#define MRFC_SIP_SIP_OUT_H

#include "mrfc/sip/sip_leg.h"

/* One request of ours inside (or making) a dialog, and what came back. */
struct sip_out;

struct sip_out_request {
	const char *method;       /* "INVITE", "BYE", "NOTIFY", "UPDATE" */
	const char *uri;          /* the request that makes the dialog: Request-URI; else NULL */
	const char *route;        /* next hop for that (sip_agent_route); NULL */
	const char *contact;      /* whole Contact value; NULL */
	const char *headers;      /* block of lines; NULL */
	const char *trusted;      /* the same, for a first hop of our own network alone; NULL */
	const char *content_type; /* NULL: no body */
	struct slice body;
};

/* Strings die with the callback. */
struct sip_out_result {
	int status; /* also 408 and 503 of our own stack */
	const char *phrase;
	const char *contact; /* URI; NULL */
	const char *asserted[SIP_IN_MAX_ASSERTED];
	const char *asserted_display;
	size_t n_asserted;
	struct addr peer;                          /* who sent it; len 0 when made by our stack */
	const char *subjects[SIP_IN_MAX_SUBJECTS]; /* of its certificate, as in struct sip_in */
	size_t n_subjects;
	struct session_timer_ask timer;
	bool allows_update;
	uint32_t retry_after_s;
	bool reliable; /* a provisional answer that was acknowledged by PRACK */
	struct slice sdp;
	struct sip_part
		parts[SIP_IN_MAX_PARTS]; /* of an answer with P-Refused-URI-List (RFC 5318) */
	size_t n_parts;
};

/* Called for each response above 100; the final one is the last. sip_out_free is allowed inside. */
typedef void sip_out_fn(const struct sip_out_result *result, void *arg);

/*
 * Send. A 2xx to INVITE gives the dialog its route set and waits for sip_out_ack; a reliable
 * provisional answer gets its PRACK. A request through a next hop that does not take it goes to the
 * next one, as another transaction of the same request (RFC 3263 4.3). NULL when the request could
 * not be made (no callback then).
 */
struct sip_out *sip_out_send(struct sip_leg *leg, const struct sip_out_request *request,
			     sip_out_fn *fn, void *arg);
/* ACK the 2xx of an INVITE, once; nothing otherwise. Retransmitted 2xx are re-acknowledged. */
void sip_out_ack(struct sip_out *out);
/* CANCEL an INVITE; its final answer still comes by the callback. */
void sip_out_cancel(struct sip_out *out);
/* Stop listening; the transaction goes on by itself, a 2xx not acknowledged yet is. Nulls the pointer. */
void sip_out_free(struct sip_out **out);
/* Send and forget (a last BYE). The leg may be detached right after. */
void sip_out_fire(struct sip_leg *leg, const struct sip_out_request *request);

#endif
