/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DNS_H
#define TESTS_DNS_H

/*
 * A name server on loopback in the test's own loop: two.example has 127.0.0.2 and 127.0.0.1, nothing
 * else exists. Include after cmocka.
 */
#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/event.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

struct dns {
	struct evdns_server_port *server;
	int fd;
	char address[32]; /* HOST:PORT */
};

static inline void dns_on_query(struct evdns_server_request *req, void *arg)
{
	static const uint8_t two[] = {127, 0, 0, 2, 127, 0, 0, 1};
	bool known = strcasecmp(req->questions[0]->name, "two.example") == 0;

	(void)arg;
	if (known && req->questions[0]->type == EVDNS_TYPE_A)
		evdns_server_request_add_a_reply(req, "two.example", 2, two, 60);
	evdns_server_request_respond(req, known ? 0 : 3);
}

static inline void dns_open(struct dns *d, struct event_base *base)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t len = sizeof(sin);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	d->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(d->fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(getsockname(d->fd, (struct sockaddr *)&sin, &len), 0);
	snprintf(d->address, sizeof(d->address), "127.0.0.1:%u", ntohs(sin.sin_port));
	d->server = evdns_add_server_port_with_base(base, d->fd, 0, dns_on_query, NULL);
}

static inline void dns_close(struct dns *d, struct event_base *base)
{
	evdns_close_server_port(d->server);
	event_base_loop(base, EVLOOP_NONBLOCK);
	close(d->fd);
}

#endif
