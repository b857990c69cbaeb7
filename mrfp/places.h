/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_PLACES_H
#define MRFP_PLACES_H

#include "common/addr.h"

/* The addresses that MSRP peers reach us at, by msrp.address and msrp.advertise. */

#define PLACES_MAX      4
#define PLACES_WHY_SIZE 256

struct place {
	struct addr at; /* to listen on, port 0 */
	char *host;     /* in our URIs */
	bool v6;        /* whom it is for */
	uint16_t port, tls_port;
	char *ws_host; /* in our URIs of WebSocket sessions; NULL: no WebSocket */
	uint16_t ws_port;
};

struct places {
	struct place item[PLACES_MAX];
	size_t n;
};

/*
 * Read both settings, comma-separated. -ERR_SYNTAX with a sentence in why when they are wrong;
 * *p_r is to be finished in any case. Ports and ws_host are left to who opens the listeners.
 */
MUST_CHECK int places_read(const char *addresses, const char *advertise, struct places *p_r,
			   char why[PLACES_WHY_SIZE]);
void places_fini(struct places *p);
/* The first for peers of that family (4, 6); the very first when there is none, or family is 0. */
const struct place *places_for(const struct places *p, unsigned family);

#endif
