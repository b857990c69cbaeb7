/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names by libevent's resolver. Its answer may come inside the call that asks: it is kept and told
 * from the loop, so that callers see one order of things.
 */
#include "common/resolve.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "common/mem.h"

struct resolver_query {
	LIST_ENTRY(resolver_query) link;
	struct event *ev_tell;
	struct evdns_getaddrinfo_request *request; /* NULL: answered */
	struct addr addrs[RESOLVE_MAX];
	size_t n;
	uint16_t port;
	bool asking;    /* evdns may still call back */
	bool cancelled; /* freed by that call */
	resolver_fn *fn;
	void *arg;
};

struct resolver {
	struct event_base *base;
	struct evdns_base *dns;
	LIST_HEAD(, resolver_query) queries;
};

struct resolver *resolver_new(struct event_base *base, const char *nameserver)
{
	struct resolver *r = xcalloc(1, sizeof(*r));
	int flags = EVDNS_BASE_DISABLE_WHEN_INACTIVE;

	r->base = base;
	LIST_INIT(&r->queries);
	if (!nameserver)
		flags |= EVDNS_BASE_INITIALIZE_NAMESERVERS;
	r->dns = evdns_base_new(base, flags);
	if (r->dns && nameserver)
		(void)evdns_base_nameserver_ip_add(r->dns, nameserver);
	if (r->dns) {
		(void)evdns_base_set_option(r->dns, "timeout", "2");
		(void)evdns_base_set_option(r->dns, "attempts", "2");
		(void)evdns_base_set_option(r->dns, "randomize-case", "0");
	}
	return r;
}

static void query_free(struct resolver_query *q)
{
	if (q->ev_tell)
		event_free(q->ev_tell);
	free(q);
}

void resolver_cancel(struct resolver_query **q_p)
{
	struct resolver_query *q = *q_p;

	if (!q)
		return;
	*q_p = NULL;
	LIST_REMOVE(q, link);
	q->cancelled = true;
	if (q->asking && q->request)
		evdns_getaddrinfo_cancel(q->request); /* calls back, then the query is freed */
	else
		query_free(q);
}

void resolver_free(struct resolver **r_p)
{
	struct resolver *r = *r_p;
	struct resolver_query *q;

	if (!r)
		return;
	while ((q = LIST_FIRST(&r->queries)))
		resolver_cancel(&q);
	if (r->dns)
		evdns_base_free(r->dns, 0);
	free(r);
	*r_p = NULL;
}

static void on_tell(evutil_socket_t fd, short what, void *arg)
{
	struct resolver_query *q = arg;

	(void)fd;
	(void)what;
	LIST_REMOVE(q, link);
	q->fn(q->addrs, q->n, q->arg);
	query_free(q);
}

static void on_answer(int result, struct evutil_addrinfo *list, void *arg)
{
	struct resolver_query *q = arg;
	const struct evutil_addrinfo *ai;

	q->asking = false;
	for (ai = result == 0 ? list : NULL; ai && q->n < RESOLVE_MAX; ai = ai->ai_next) {
		struct addr *a = &q->addrs[q->n];

		if (ai->ai_addrlen > sizeof(a->in6))
			continue;
		*a = (struct addr){.len = (socklen_t)ai->ai_addrlen};
		memcpy(&a->sa, ai->ai_addr, ai->ai_addrlen);
		addr_set_port(a, q->port);
		q->n++;
	}
	if (list)
		evutil_freeaddrinfo(list);
	if (q->cancelled)
		query_free(q);
	else
		event_active(q->ev_tell, EV_TIMEOUT, 0);
}

struct resolver_query *resolver_lookup(struct resolver *r, struct slice host, uint16_t port,
				       resolver_fn *fn, void *arg)
{
	struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct resolver_query *q = xcalloc(1, sizeof(*q));
	char *name = slice_dup(host);

	q->fn = fn;
	q->arg = arg;
	q->port = port;
	q->ev_tell = evtimer_new(r->base, on_tell, q);
	LIST_INSERT_HEAD(&r->queries, q, link);
	if (addr_from_host(host, port, &q->addrs[0]) == 0) {
		q->n = 1;
		event_active(q->ev_tell, EV_TIMEOUT, 0);
	} else if (!r->dns) {
		event_active(q->ev_tell, EV_TIMEOUT, 0);
	} else {
		q->asking = true;
		q->request = evdns_getaddrinfo(r->dns, name, NULL, &hints, on_answer, q);
	}
	free(name);
	return q;
}
