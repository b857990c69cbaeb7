/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SIP_SIP_PRIV_H
#define MRFC_SIP_SIP_PRIV_H

/* Shared by the files that speak Sofia: sip*.c and dialog*.c. */
#define NTA_AGENT_MAGIC_T    struct sip_agent
#define NTA_LEG_MAGIC_T      struct sip_leg
#define NTA_INCOMING_MAGIC_T struct sip_in_object
#define NTA_OUTGOING_MAGIC_T struct sip_out
#define NTA_RELIABLE_MAGIC_T struct sip_in_object

#include <sofia-sip/nta.h>
#include <sofia-sip/nta_stateless.h>
#include <sofia-sip/sip_extra.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/su_tag.h>
#include <sofia-sip/su_wait.h>

#include "mrfc/sip/hop_table.h"
#include "mrfc/sip/overload.h"
#include "mrfc/sip/sip.h"
#include "mrfc/sip/sip_in.h"
#include "mrfc/timer.h"
#include "proto/multipart.h"

struct sip_agent {
	su_root_t *root;
	nta_agent_t *nta;
	nta_leg_t *dialogless; /* of our own requests outside of dialogs */
	nta_outgoing_t *stray; /* gets answers of no request of ours */
	struct event *readable;
	struct event *timer;
	bool pumping;
	int listen_fd;   /* the stack's, for TCP; -1 */
	int spare_fd;    /* given up to close connections when there are no others */
	bool out_of_fds; /* an accept failed */
	struct addr at, tls_at;
	char *domain;
	char *contact;     /* HOST:PORT */
	char *tls_contact; /* the same over TLS; NULL: there is none */
	char *contact_params;
	struct event_base *base;
	struct hop_table *hops;  /* next hops; may be empty */
	struct sip_probe *probe; /* NULL: none are probed */
	unsigned hop_timeout_ms;
	bool preconditions;
	struct overload *overload;
	uint64_t asked_ms;  /* when nothing was left to read */
	uint32_t n_pending; /* INVITEs outside of dialogs without a final answer */
	const struct sip_handlers *handlers;
	void *handlers_arg;
};

/* A request that came in, with its transaction. */
struct sip_in_object {
	struct sip_in in; /* first: what others see */
	struct sip_agent *agent;
	nta_incoming_t *irq;
	msg_t *msg;
	sip_t *sip;
	su_home_t *home;
	bool answered; /* a final answer went out */
	bool pending;  /* counts in n_pending */
	char *echo;    /* header lines of all answers; NULL */
	sip_in_event_fn *event;
	void *event_arg;
	nta_reliable_t *reliable;
	struct sip_in *prack; /* with an offer, for its owner */
};

static inline struct sip_in_object *sip_in_object(struct sip_in *in)
{
	return (struct sip_in_object *)(void *)in;
}

/* Build the request object, or answer an unacceptable request and return NULL. */
struct sip_in *sip_in_new(struct sip_agent *a, nta_leg_t *leg, nta_incoming_t *irq,
			  sip_t const *sip, bool in_dialog);
/* To the handler of its method; leg NULL: it came outside of dialogs. */
void sip_in_hand_up(struct sip_in *in_take, struct sip_leg *leg);
/* Sofia's callback for messages of no dialog and no transaction. */
int sip_in_on_message(struct sip_agent *a, nta_agent_t *nta, msg_t *msg, sip_t *sip);
/* For each turn of the loop: shedding that begins or ends is told. */
void sip_in_turn(struct sip_agent *a);
/* sip_read.c: fill o->in from the message; irq, msg, sip and home are set. */
void sip_read_request(struct sip_in_object *o);
/* Who sent it; len 0: unknown. */
void sip_read_peer(msg_t *msg, struct addr *peer_r);
enum sip_in_method sip_read_method(sip_request_t const *rq);
/* Require's tags we do not have, or not there, comma-separated; NULL when there is none. */
char *sip_read_unsupported(su_home_t *home, struct sip_agent const *a, sip_t const *sip,
			   bool in_dialog);
/* Parts of a message's body, *n_r 0 without one: views into it. -ERR_*: it is broken (RFC 2046). */
MUST_CHECK int sip_read_parts(su_home_t *home, sip_t const *sip,
			      struct multipart_part parts_r[SIP_IN_MAX_PARTS], size_t *n_r);
/* All of them but session descriptions, for those above the stack; a broken body has none. */
size_t sip_read_other_parts(su_home_t *home, sip_t const *sip,
			    struct sip_part parts_r[SIP_IN_MAX_PARTS]);
/* What sip_in_header() says of any message. */
const char *sip_read_header(su_home_t *home, sip_t const *sip, const char *name, unsigned n);
/* The SDP of a message: the body, or its part in a multipart/mixed. Empty when there is none. */
struct slice sip_in_sdp(su_home_t *home, sip_t const *sip);
/* The leg keeps Sofia's object. */
nta_leg_t *sip_leg_nta(struct sip_leg *leg);
/*
 * Where the dialog's peer is by address, as a SIP URI: whence its request came, or where ours went.
 * NULL while not known.
 */
const char *sip_leg_hop(const struct sip_leg *leg);
void sip_leg_set_hop(struct sip_leg *leg, const char *uri);
/* sip_way.c: how a request gets out. */
struct sip_way {
	url_string_t const *hop; /* the leg's; NULL: as the stack finds it */
	bool tls;
	bool sips; /* for a SIPS URI: our Contact has to be one */
};
/* False: no way, and nothing may be sent. */
bool sip_find_way(struct sip_leg *leg, const char *route, const char *uri, struct sip_way *way_r);
/* Is it an address that a request to this URL would go to, or a name for the resolver? */
bool sip_is_numeric(url_t const *url);
/* sip_result.c: what an answer says; strings are the message's or home's. */
struct sip_out_result;
void sip_take_result(struct sip_agent *a, su_home_t *home, nta_outgoing_t *orq, sip_t const *sip,
		     struct sip_out_result *r);
bool sip_lists_tag(msg_list_t const *list, const char *tag);
/* The dialog that this 2xx to an INVITE belongs to; NULL. */
struct sip_leg *sip_leg_of_answer(struct sip_agent *a, sip_t const *sip);
void sip_leg_answered_late(struct sip_leg *leg);
/* Listen for answers that no request of this process asked for. */
void sip_out_open(struct sip_agent *a);
/* A request of ours went out in it: numbers for the next ones are reserved in time. */
void sip_leg_sent(struct sip_leg *leg);

#endif
