/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_PSK_H
#define MRFP_PSK_H

#include "mrfp/plane.h"

struct conn;

/*
 * Pre-shared keys of terminations for their own TLS, by identity (RFC 4279, RFC 8446 4.2.11). Who
 * connects with an identity is at that termination and at no other.
 */
struct psk;

#define PSK_IDENTITY_MAX 128
#define PSK_MIN          16
#define PSK_MAX          64

/* NULL, or what is wrong with them for a termination that has own (NULL: none) now; static text. */
const char *psk_problem(const struct plane *plane, const struct psk *own, struct slice identity,
			struct slice key);
/* Instead of what was there; both are copied, the key to the secure heap. */
void psk_set(struct plane *plane, struct psk **psk, struct slice identity, struct slice key);
/* Wiped. Nulls the pointer. */
void psk_drop(struct plane *plane, struct psk **psk);
/* We connect: it is offered. psk may be NULL. */
void psk_offer(const struct psk *psk, struct conn *c);
/* Did the peer at c prove to have it? */
bool psk_is(const struct psk *psk, const struct conn *c);

#endif
