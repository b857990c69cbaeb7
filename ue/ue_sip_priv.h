/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_SIP_PRIV_H
#define UE_UE_SIP_PRIV_H

/* Shared by ue_sip*.c only. */

struct ue_sip;
struct ue_call;
#define NTA_AGENT_MAGIC_T    struct ue_sip
#define NTA_LEG_MAGIC_T      void
#define NTA_OUTGOING_MAGIC_T void
#define NTA_INCOMING_MAGIC_T void

#include <event2/event.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/sip_extra.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_protos.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/su_wait.h>
#include <sofia-sip/tport_tag.h>
#include <sys/queue.h>

#include "common/bytes.h"
#include "ue/ue_sip.h"

struct ue_sip_auth;

struct ue_sip {
	struct event_base *base;
	struct event *ev_fd, *ev_timer;
	su_root_t *root;
	su_home_t *home;
	nta_agent_t *agent;
	nta_leg_t *default_leg;
	struct addr addr;
	char *as, *display;
	char *proxy;              /* HOST:PORT, for sentences */
	char *route;              /* Route of requests outside dialogs */
	char *contact;            /* our Contact */
	struct ue_sip_auth *auth; /* NULL: no password */
	const struct ue_sip_ops *ops;
	void *arg;
	LIST_HEAD(, ue_call) calls;
};

enum ue_call_state {
	UE_CALL_CALLING, /* our INVITE is out */
	UE_CALL_RINGING, /* theirs waits for our answer */
	UE_CALL_UP,      /* answered */
	UE_CALL_ENDING,  /* our BYE or CANCEL is out */
	UE_CALL_OVER
};

struct ue_refer {
	LIST_ENTRY(ue_refer) link;
	struct ue_call *call;
	unsigned ticket;
	uint32_t cseq;
	nta_outgoing_t *orq;
};

struct ue_call {
	LIST_ENTRY(ue_call) link;
	struct ue_sip *sip;
	enum ue_call_state state;
	char *peer;   /* conference or peer URI */
	char *target; /* their Contact when they invited us: its SUBSCRIBE needs no proxy */
	nta_leg_t *leg;
	nta_incoming_t *irq; /* their INVITE */
	nta_outgoing_t *orq; /* our INVITE or BYE */
	nta_leg_t *sub_leg;
	nta_outgoing_t *sub_orq;
	struct event *ev_refresh, *ev_resub;
	uint32_t sub_expires;
	struct bytes last_answer; /* SDP we last sent, for refreshes */
	LIST_HEAD(, ue_refer) refers;
	struct event *ev_free;
	uint64_t date_s; /* of the peer, when the call began */
	bool end_by_peer;
	int end_cause;
	char end_text[256];
};

/* After any use of Sofia from a loop callback: let it look at its new timers. */
void ue_sip_kick(struct ue_sip *sip);
/* A request outside any dialog that makes a call. */
int ue_call_incoming(struct ue_sip *sip, nta_incoming_t *irq, sip_t const *sip_msg);
void ue_call_free(struct ue_call *call);
/* ue_sip_conf.c: what belongs to a call besides its dialog. */
void ue_call_drop_subscription(struct ue_call *call);
void ue_call_drop_refers(struct ue_call *call);
/* A NOTIFY of the refer package in the call's dialog; the status to answer. */
int ue_call_refer_notify(struct ue_call *call, sip_t const *sip_msg);

/* ue_sip_auth.c. user NULL: the user part of as. */
struct ue_sip_auth *ue_sip_auth_new(const char *as, const char *user, const char *password);
void ue_sip_auth_free(struct ue_sip_auth **auth); /* wipes the password */
/*
 * When the response is a challenge that we can answer: the request once more, which takes the place of
 * orq (destroyed). NULL: it is none, or was answered before; orq is untouched.
 */
nta_outgoing_t *ue_sip_again(struct ue_sip *sip, nta_leg_t *leg, nta_outgoing_t *orq,
			     nta_response_f *fn, void *magic, sip_t const *response);
/* The phrase of a final response ("" without one); a 401 to credentials is told in words of ours. */
const char *ue_sip_phrase(nta_outgoing_t *orq, sip_t const *response);

#endif
