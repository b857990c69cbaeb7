/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_TLS_H
#define COMMON_TLS_H

#include "common/fingerprint.h"
#include "common/slice.h"

/*
 * An identity for TLS: a certificate with its key, and what both sides of our connections demand.
 * TLS 1.2 (ECDHE with AEAD) and 1.3; no renegotiation, tickets, resumption, early data or
 * compression. Peers are asked for a certificate; any is accepted in the handshake whose key is
 * good enough (RSA 2048..4096, P-256, P-384, Ed25519) and whose chain fits into 16 KiB: who the
 * peer is follows from fingerprints (RFC 8122), checked by conn_connect_tls() or conn_peer_is(), or from
 * authorities and names (RFC 4975 5.4), checked by conn_peer_is_named().
 */
struct tls;

struct tls_settings {
	/* PEM files, chain and key; both NULL or empty: a self-signed P-256 certificate is made. */
	const char *certificate, *key;
	bool only_1_3;  /* no TLS 1.2 */
	bool ask_peer;  /* clients are asked for a certificate (not those of browsers) */
	const char *ca; /* PEM file of authorities for conn_peer_is_named(); NULL or empty: none */
	uint32_t max_handshakes; /* of peers that connect, at a time; others wait. 0: 200 */
};

#define TLS_WHY_SIZE 256
/* -ERR_CONFIG with a sentence in why. */
MUST_CHECK int tls_new(const struct tls_settings *settings, struct tls **tls_r,
		       char why[TLS_WHY_SIZE]);
/* Only after all its streams. */
void tls_free(struct tls **tls);

/*
 * Another certificate (self-signed where settings name none): announced at once, beside the present
 * one, which is shown to peers until tls_switch(). So those to whom only the old one was
 * announced can still connect. Established streams keep theirs. -ERR_CONFIG with a sentence in why: all is
 * as before. What else settings say is not looked at.
 */
MUST_CHECK int tls_reload(struct tls *tls, const struct tls_settings *settings,
			  char why[TLS_WHY_SIZE]);
/* Show the new one from now on, and announce it alone. False: there is none. */
bool tls_switch(struct tls *tls);

/* Other authorities (tls_settings.ca) for peers that are judged from now on. Failures as above. */
MUST_CHECK int tls_reload_ca(struct tls *tls, const char *ca, char why[TLS_WHY_SIZE]);

/*
 * Keys that peers who connect may show instead of a certificate: external PSK with ECDHE in TLS 1.3
 * (psk_dhe_ke), ECDHE-PSK and DHE-PSK with AEAD in 1.2. fn gives the key of an identity, or says
 * false: the peer is one with or without certificate then (1.3), or gets an alert (1.2). fn NULL:
 * there are none, and no such suites. conn_psk() tells who came by one.
 */
typedef bool tls_psk_fn(struct slice identity, struct slice *key_r, void *arg);
void tls_set_psk(struct tls *tls, tls_psk_fn *fn, void *arg);

/* Of our certificate: "sha-256 AA:BB:...", while two are announced, both, ", " between them. */
const char *tls_fingerprint(const struct tls *tls);

/* Handshakes since the start, by how they ended. */
enum tls_end {
	TLS_DONE,    /* by certificates */
	TLS_REFUSED, /* alert, bad certificate or key, or other parameters than ours */
	TLS_NOT_TLS, /* the first octet was no handshake's */
	TLS_GONE,    /* the peer went away, or was too slow */
	TLS_BY_KEY,  /* done, the peer known by a pre-shared key */
	TLS_ENDS
};
uint64_t tls_n_ended(const struct tls *tls, enum tls_end end);
/* Under way now: each has memory of its own; connections of which no octet came have none. */
uint32_t tls_n_handshakes(const struct tls *tls);

#endif
