/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of streams and lists of networks. Numeric only, except addr_resolve(), which blocks
 * and is for start-up and command-line tools. An IPv4-mapped IPv6 address counts as the IPv4 one
 * where a list of networks is asked, so that no list can be passed by writing it differently.
 */
#include "common/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"

static void set_v4(struct addr *a, struct in_addr ip, uint16_t port)
{
	*a = (struct addr){0};
	a->in4.sin_family = AF_INET;
	a->in4.sin_addr = ip;
	a->in4.sin_port = htons(port);
	a->len = sizeof(a->in4);
}

static void set_v6(struct addr *a, struct in6_addr ip, uint16_t port)
{
	*a = (struct addr){0};
	a->in6.sin6_family = AF_INET6;
	a->in6.sin6_addr = ip;
	a->in6.sin6_port = htons(port);
	a->len = sizeof(a->in6);
}

int addr_from_host(struct slice host, uint16_t port, struct addr *addr_r)
{
	char text[INET6_ADDRSTRLEN + 1];
	bool brackets = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
	struct in6_addr ip6;
	struct in_addr ip4;

	if (brackets)
		host = slice_make(host.ptr + 1, host.len - 2);
	if (slice_chr(host, '\0') >= 0 || slice_copy(host, text, sizeof(text)) < 0)
		return -ERR_SYNTAX;
	if (!brackets && inet_pton(AF_INET, text, &ip4) == 1)
		set_v4(addr_r, ip4, port);
	else if (inet_pton(AF_INET6, text, &ip6) == 1)
		set_v6(addr_r, ip6, port);
	else
		return -ERR_SYNTAX;
	return 0;
}

int addr_split(struct slice text, struct slice *host_r, uint16_t *port_r)
{
	size_t colon = text.len;
	struct slice host;
	uint64_t port;

	while (colon > 0 && text.ptr[colon - 1] != ':')
		colon--;
	if (colon < 2 || slice_u64(slice_from(text, colon), UINT16_MAX, &port) < 0)
		return -ERR_SYNTAX;
	host = slice_first(text, colon - 1);
	if (slice_chr(host, ':') >= 0 && host.ptr[0] != '[')
		return -ERR_SYNTAX;
	*host_r = host;
	*port_r = (uint16_t)port;
	return 0;
}

int addr_parse(struct slice text, struct addr *addr_r)
{
	struct slice host;
	uint16_t port;

	if (addr_split(text, &host, &port))
		return -ERR_SYNTAX;
	return addr_from_host(host, port, addr_r);
}

int addr_from_unix(const char *path, struct addr *addr_r)
{
	size_t len = strlen(path);

	if (len == 0)
		return -ERR_SYNTAX;
	if (len >= sizeof(addr_r->un.sun_path))
		return -ERR_LIMIT;
	*addr_r = (struct addr){0};
	addr_r->un.sun_family = AF_UNIX;
	memcpy(addr_r->un.sun_path, path, len + 1);
	addr_r->len = sizeof(addr_r->un);
	return 0;
}

int addr_resolve(const char *host, uint16_t port, struct addr *addr_r)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found;

	if (addr_from_host(slice_str(host), port, addr_r) == 0)
		return 0;
	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return -ERR_NOT_FOUND;
	*addr_r = (struct addr){0};
	memcpy(&addr_r->sa, found->ai_addr, found->ai_addrlen);
	addr_r->len = found->ai_addrlen;
	addr_set_port(addr_r, port);
	freeaddrinfo(found);
	return 0;
}

const char *addr_host(const struct addr *a, char buf[ADDR_STRLEN])
{
	buf[0] = '\0';
	if (a->sa.sa_family == AF_INET)
		(void)inet_ntop(AF_INET, &a->in4.sin_addr, buf, ADDR_STRLEN);
	else if (a->sa.sa_family == AF_INET6)
		(void)inet_ntop(AF_INET6, &a->in6.sin6_addr, buf, ADDR_STRLEN);
	else if (a->sa.sa_family == AF_UNIX)
		snprintf(buf, ADDR_STRLEN, "%.*s", (int)sizeof(a->un.sun_path), a->un.sun_path);
	return buf;
}

const char *addr_format(const struct addr *a, char buf[ADDR_STRLEN])
{
	char host[ADDR_STRLEN];

	addr_host(a, host);
	if (a->sa.sa_family == AF_INET)
		snprintf(buf, ADDR_STRLEN, "%.*s:%u", INET_ADDRSTRLEN, host, addr_port(a));
	else if (a->sa.sa_family == AF_INET6)
		snprintf(buf, ADDR_STRLEN, "[%.*s]:%u", INET6_ADDRSTRLEN, host, addr_port(a));
	else
		memcpy(buf, host, sizeof(host));
	return buf;
}

uint16_t addr_port(const struct addr *a)
{
	if (a->sa.sa_family == AF_INET)
		return ntohs(a->in4.sin_port);
	if (a->sa.sa_family == AF_INET6)
		return ntohs(a->in6.sin6_port);
	return 0;
}

void addr_set_port(struct addr *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET)
		a->in4.sin_port = htons(port);
	else if (a->sa.sa_family == AF_INET6)
		a->in6.sin6_port = htons(port);
}

bool addr_is_v6(const struct addr *a)
{
	return a->sa.sa_family == AF_INET6;
}

/* The IPv4 address that a is or maps; false when it has none. */
static bool as_v4(const struct addr *a, struct in_addr *ip_r)
{
	if (a->sa.sa_family == AF_INET) {
		*ip_r = a->in4.sin_addr;
		return true;
	}
	if (a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr)) {
		memcpy(ip_r, a->in6.sin6_addr.s6_addr + 12, sizeof(*ip_r));
		return true;
	}
	return false;
}

bool addr_is_loopback(const struct addr *a)
{
	struct in_addr ip;

	if (as_v4(a, &ip))
		return ntohl(ip.s_addr) >> 24 == 127;
	if (a->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
	return a->sa.sa_family == AF_UNIX;
}

bool addr_is_any(const struct addr *a)
{
	struct in_addr ip;

	if (as_v4(a, &ip))
		return ip.s_addr == INADDR_ANY;
	return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

bool addr_is_multicast(const struct addr *a)
{
	struct in_addr ip;

	if (as_v4(a, &ip))
		return IN_MULTICAST(ntohl(ip.s_addr)) || ip.s_addr == INADDR_BROADCAST;
	return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_MULTICAST(&a->in6.sin6_addr);
}

bool addr_host_equal(const struct addr *a, const struct addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
	if (a->sa.sa_family == AF_INET6)
		return IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr) &&
		       a->in6.sin6_scope_id == b->in6.sin6_scope_id;
	if (a->sa.sa_family == AF_UNIX)
		return strncmp(a->un.sun_path, b->un.sun_path, sizeof(a->un.sun_path)) == 0;
	return false;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_host_equal(a, b) && addr_port(a) == addr_port(b);
}

/* One network: n_bits of the ip_len (4 or 16) octets of ip must match. */
struct network {
	uint8_t ip[16];
	uint8_t ip_len;
	uint8_t n_bits;
};

struct addr_set {
	size_t n;
	struct network *networks;
};

static uint8_t octets(const struct addr *a, uint8_t out[16])
{
	struct in_addr ip;

	if (as_v4(a, &ip)) {
		memcpy(out, &ip, sizeof(ip));
		return 4;
	}
	if (a->sa.sa_family != AF_INET6)
		return 0;
	memcpy(out, &a->in6.sin6_addr, 16);
	return 16;
}

static int parse_network(struct slice text, struct network *net_r)
{
	ptrdiff_t slash = slice_chr(text, '/');
	struct slice host = slash < 0 ? text : slice_first(text, (size_t)slash);
	struct network net = {{0}, 0, 0};
	struct addr a;
	uint64_t bits;

	if (addr_from_host(host, 0, &a) < 0)
		return -ERR_SYNTAX;
	net.ip_len = octets(&a, net.ip);
	bits = net.ip_len * 8u;
	if (slash >= 0) {
		uint64_t max = addr_is_v6(&a) ? 128 : 32;

		if (slice_u64(slice_from(text, (size_t)slash + 1), max, &bits) < 0)
			return -ERR_SYNTAX;
		if (addr_is_v6(&a) && net.ip_len == 4) {
			if (bits < 96)
				return -ERR_SYNTAX;
			bits -= 96;
		}
	}
	net.n_bits = (uint8_t)bits;
	*net_r = net;
	return 0;
}

int addr_set_parse(const char *text, struct addr_set **set_r)
{
	struct slice rest = slice_trim(slice_str(text));
	struct addr_set *set = xcalloc(1, sizeof(*set));
	struct slice item;

	while (rest.len && slice_next(&rest, ',', &item)) {
		struct network net;

		/* A comma at the end would otherwise go unseen. */
		if (parse_network(slice_trim(item), &net) < 0 || (rest.ptr && !rest.len)) {
			addr_set_free(&set);
			return -ERR_SYNTAX;
		}
		set->networks = xrealloc(set->networks, (set->n + 1) * sizeof(*set->networks));
		set->networks[set->n++] = net;
	}
	*set_r = set;
	return 0;
}

void addr_set_free(struct addr_set **set)
{
	if (*set) {
		free((*set)->networks);
		free(*set);
	}
	*set = NULL;
}

static bool in_network(const struct network *net, const uint8_t *ip)
{
	size_t whole = net->n_bits / 8;
	unsigned left = net->n_bits % 8;

	if (memcmp(net->ip, ip, whole) != 0)
		return false;
	return left == 0 || (net->ip[whole] ^ ip[whole]) >> (8 - left) == 0;
}

bool addr_set_has(const struct addr_set *set, const struct addr *a)
{
	uint8_t ip[16];
	uint8_t len = octets(a, ip);

	for (size_t i = 0; len && i < set->n; i++)
		if (set->networks[i].ip_len == len && in_network(&set->networks[i], ip))
			return true;
	return false;
}
