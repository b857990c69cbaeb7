/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_ADDR_H
#define COMMON_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/slice.h"

/* A numeric IPv4/IPv6 address with port, or a Unix socket path. */
struct addr {
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
};

#define ADDR_STRLEN 128

/* Numeric host ("192.0.2.1", "::1", "[::1]") and port. -ERR_SYNTAX for names. */
MUST_CHECK int addr_from_host(struct slice host, uint16_t port, struct addr *addr_r);
/* "HOST:PORT", "[v6]:PORT" into its parts; the host keeps its brackets and may be a name. */
MUST_CHECK int addr_split(struct slice text, struct slice *host_r, uint16_t *port_r);
/* "HOST:PORT", "[v6]:PORT", numeric. */
MUST_CHECK int addr_parse(struct slice text, struct addr *addr_r);
MUST_CHECK int addr_from_unix(const char *path, struct addr *addr_r);
/* Blocking getaddrinfo, for start-up and command-line tools only; first result. */
MUST_CHECK int addr_resolve(const char *host, uint16_t port, struct addr *addr_r);
/* "HOST:PORT" / "[v6]:PORT" / path. Returns buf. */
const char *addr_format(const struct addr *a, char buf[ADDR_STRLEN]);
/* Host part only, without brackets. */
const char *addr_host(const struct addr *a, char buf[ADDR_STRLEN]);
uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);
bool addr_is_v6(const struct addr *a);
/* Of this machine only: 127/8, ::1, a Unix path. */
bool addr_is_loopback(const struct addr *a);
bool addr_is_any(const struct addr *a);
/* Of a group of hosts: 224/4, 255.255.255.255, ff00::/8, also as v4-mapped v6. */
bool addr_is_multicast(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);      /* with port */
bool addr_host_equal(const struct addr *a, const struct addr *b); /* without */

/* List of networks "192.0.2.0/24,::1,10.0.0.1" (comma-separated; v4-mapped v6 match as v4). */
struct addr_set;
MUST_CHECK int addr_set_parse(const char *text,
			      struct addr_set **set_r); /* "" gives an empty set */
void addr_set_free(struct addr_set **set);
bool addr_set_has(const struct addr_set *set, const struct addr *a);

#endif
