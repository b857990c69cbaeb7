/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SIP_SIP_H
#define MRFC_SIP_SIP_H

#include <stdbool.h>

#include "common/addr.h"
#include "common/bytes.h"
#include "mrfc/sip/overload.h"

struct event_base;

/*
 * The SIP agent: Sofia's transaction layer on one address (UDP and TCP), driven from our loop.
 * Requests outside dialogs go up through the handlers. Nothing of Sofia is visible here.
 */
struct sip_agent;
struct sip_in;
struct sip_leg;

/* SIP over TLS; zeroed: there is none. */
struct sip_tls_config {
	bool on;
	uint16_t port;                 /* on the agent's address; 0 picks one */
	const char *certificate, *key; /* PEM files; "": a self-signed one is made */
	const char *ca;                /* PEM file: authorities of peers; "": none is known */
	bool required;                 /* who connects has to show a certificate of theirs */
	const char *dir;               /* to write in while opening */
};

struct sip_config {
	struct addr at;             /* numeric; port 0 picks one */
	const char *domain;         /* host part of conference URIs */
	const char *contact;        /* "HOST[:PORT]" put in Contact; "": the real address */
	const char *outbound_proxy; /* list of next hops (hop_table.h); "": none */
	unsigned hop_timeout_ms;    /* a hop that says nothing for so long gets no more patience */
	unsigned probe_ms;          /* OPTIONS to each hop; 0: none */
	const char *contact_params; /* of each Contact, ";+g.3gpp.icsi-ref=..."; "": none */
	bool preconditions;         /* RFC 3312 is supported */
	/*
	 * TCP connections without traffic are closed after this. The only way a descriptor comes
	 * back whose peer sent what is no SIP and closed: Sofia reads no further from it.
	 */
	unsigned idle_ms;
	struct overload_config limits; /* what is taken on */
	struct sip_tls_config tls;
};

/* Each takes over the request and ends it once (sip_in_end, or a dialog made of it). */
struct sip_handlers {
	/*
	 * First of all, for each request but ACK, CANCEL and PRACK: whose is it? False: it was answered,
	 * and nobody else sees it. NULL: all are let in.
	 */
	bool (*admit)(struct sip_in *in, bool in_dialog, void *arg);
	void (*invite)(struct sip_in *in_take, void *arg);
	void (*subscribe)(struct sip_in *in_take, struct sip_leg *leg, void *arg);
	void (*refer)(struct sip_in *in_take, struct sip_leg *leg,
		      void *arg); /* leg NULL: none yet */
	void (*options)(struct sip_in *in_take, void *arg);
	/*
	 * Is it of our own network, so that it may be told what only that may know (RFC 3325)? name: in
	 * its certificate, which is checked before anything is sent; NULL: not over TLS.
	 */
	bool (*trusts)(const struct addr *peer, const char *name, void *arg);
	/* Statistics: a next hop (HOST:PORT) "answered", "failed", was given up ("failover"). */
	void (*hop)(const char *name, const char *what, bool up, void *arg);
	/* Statistics: a final answer of ours left. */
	void (*answered)(const char *method, int status, void *arg);
	/*
	 * Statistics: a request was shed (reason: overload_name, NULL: none), and whether there is a
	 * lack of capacity now.
	 */
	void (*shed)(const char *reason, bool overloaded, void *arg);
};

/* Configuration strings are copied. On failure one sentence for the operator is in why. */
MUST_CHECK int sip_agent_open(struct event_base *base, const struct sip_config *config, char *why,
			      size_t why_size, struct sip_agent **agent_r);
void sip_agent_set_handlers(struct sip_agent *a, const struct sip_handlers *handlers, void *arg);
const struct addr *sip_agent_addr(const struct sip_agent *a);
/* NULL: none. */
const struct addr *sip_agent_tls_addr(const struct sip_agent *a);
/* "HOST:PORT" as it stands in our Contact. */
const char *sip_agent_contact(const struct sip_agent *a);
/* The same for dialogs over TLS; NULL: there is none. */
const char *sip_agent_tls_contact(const struct sip_agent *a);
const char *sip_agent_domain(const struct sip_agent *a);
/* Request-URI host and port (0: none) name this server: the domain, or the contact's address. */
bool sip_agent_is_me(const struct sip_agent *a, struct slice host, uint16_t port);
/* "<sip:NAME@HOST:PORT>;isfocus..." (FOC-003, SW-011). */
void sip_agent_focus_contact(const struct sip_agent *a, const char *name, struct bytes *out);
/*
 * Route for a new request of ours to uri: *route_r is the next hop's URI, or NULL when uri itself
 * names a numeric host. -ERR_NOT_FOUND when neither is there (we do not ask DNS).
 */
MUST_CHECK int sip_agent_route(struct sip_agent *a, const char *uri, const char **route_r);
/* Preconditions may be asked of us, and are asked of nobody (RFC 3312). */
bool sip_agent_preconditions(const struct sip_agent *a);
/* A Sofia function was called outside a Sofia callback: let its timers be seen. */
void sip_agent_kick(struct sip_agent *a);
/* No requests in progress may be left. */
void sip_agent_free(struct sip_agent **a);

/* Append "Name: value\r\n"; CR and LF in the value become blanks (no header injection). */
void sip_header_add(struct bytes *headers, const char *name, const char *value);

#endif
