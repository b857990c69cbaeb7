/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_MIKEY_H
#define PROTO_MIKEY_H

#include "common/bytes.h"
#include "proto/gke.h"

/*
 * MIKEY, RFC 3830, of the shape that conferences use: pre-shared key, empty CS ID map (RFC 4563),
 * NTP-UTC timestamp, IDR payloads (RFC 6043 6.6), one TEK named by an SPI. Messages other than
 * these are refused, but their type can be told (tickets pass as opaque bytes elsewhere). No I/O,
 * no clock, no randomness of its own.
 */
#define MIKEY_MAX_SIZE     1024
#define MIKEY_MAX_PAYLOADS 16
#define MIKEY_ID_MAX       255
#define MIKEY_RAND_SIZE    16
#define MIKEY_TYPE         "application/mikey"

enum mikey_data_type {
	MIKEY_PSK_INIT = 0,
	MIKEY_PSK_VERIFY = 1,
	MIKEY_ERROR = 6,
	MIKEY_TICKET_FIRST = 11, /* RFC 6043 */
	MIKEY_TICKET_LAST = 18
};

/* Error numbers of the ERR payload (RFC 3830 6.12). */
enum mikey_error {
	MIKEY_ERR_AUTH = 0,
	MIKEY_ERR_TS = 1,
	MIKEY_ERR_PRF = 2,
	MIKEY_ERR_MAC = 3,
	MIKEY_ERR_ENCR = 4,
	MIKEY_ERR_ID = 7,
	MIKEY_ERR_TYPE = 11,
	MIKEY_ERR_UNSPECIFIED = 12
};

/* A parsed message; views into the input. Nothing of it is authentic before mikey_open/_check. */
struct mikey {
	struct slice raw;
	uint8_t data_type;
	bool v; /* a verification message is wanted */
	enum gke_suite suite;
	uint32_t csb_id;
	uint64_t t;                              /* NTP-UTC, 32.32 bits */
	struct slice rand;                       /* PSK_INIT */
	struct slice idri, idrr, idrpsk, idrapp; /* data of the ids; empty when missing */
	bool idrpsk_is_octets;                   /* else a URI */
	struct slice sdp_ids; /* of the extension (RFC 4567): "mikey"; empty when missing */
	struct slice kemac;   /* encrypted key data; empty in a key request */
	struct slice mac;     /* of KEMAC or V */
	uint8_t error;        /* MIKEY_ERROR */
	uint64_t clock;       /* NTP-UTC at who refused; 0: it does not say. MIKEY_ERROR */
};

/* First octets alone: enum mikey_data_type or any other number; -ERR_SYNTAX: version, or too short. */
MUST_CHECK int mikey_data_type(struct slice in);
/*
 * -ERR_SYNTAX: malformed, or of another shape (an error message with *error_r could answer it);
 * -ERR_LIMIT: too long, or too many payloads; -ERR_UNSUPPORTED: a version, type, algorithm or key
 * length that is not spoken here. error_r may be NULL. Of a message that is refused *m_r holds what
 * was read before, for mikey_build_error alone.
 */
MUST_CHECK int mikey_parse(struct slice in, struct mikey *m_r, enum mikey_error *error_r);

/* What an initiator says. The psk is MK (or gke_keys.mikey with the GKID as idrpsk). */
struct mikey_init {
	enum gke_suite suite;
	uint32_t csb_id;
	bool v;
	uint64_t t;
	const uint8_t *rand; /* MIKEY_RAND_SIZE */
	struct slice idri, idrr, idrpsk, idrapp;
	bool idrpsk_is_octets; /* else a URI; MK ids are octets */
	struct slice sdp_ids;  /* empty: none */
	struct slice tek;      /* empty: a key request, without key data */
	struct gkid gkid;      /* SPI of the TEK */
};
/* -ERR_LIMIT: an id that is too long, or empty; over MIKEY_MAX_SIZE. */
MUST_CHECK int mikey_build_init(const struct mikey_init *init, struct slice psk, struct bytes *out);

struct mikey_key {
	uint8_t tek[GKE_TEK_MAX];
	size_t tek_size;
	struct gkid gkid;
};
/*
 * Check the MAC of an initiator's message (in constant time), then decrypt. 1: *key_r is set (the
 * caller wipes it), 0: a genuine key request; -ERR_DENIED: MAC; -ERR_SYNTAX: key data or SPI malformed.
 */
MUST_CHECK int mikey_open(const struct mikey *m, struct slice psk, struct mikey_key *key_r);

/* R_MESSAGE to an authentic initiator's message with V set. */
void mikey_build_verify(const struct mikey *init, struct slice psk, struct bytes *out);
/* Does r confirm init? -ERR_DENIED: no; -ERR_SYNTAX: it is no R_MESSAGE to it. */
MUST_CHECK int mikey_check_verify(const struct mikey *r, const struct mikey *init,
				  struct slice psk);
/* Error message in answer to a message that could be parsed so far. Unauthenticated (RFC 3830 5.1.2). */
void mikey_build_error(const struct mikey *init, enum mikey_error error, struct bytes *out);

/*
 * An error message that proves who it is of, in answer to a genuine message (RFC 3830 5.1.2): of the suite
 * that is spoken there, with the time there (an extension of private use).
 */
void mikey_build_refusal(const struct mikey *init, enum gke_suite suite, enum mikey_error error,
			 uint64_t clock, struct slice psk, struct bytes *out);
/*
 * Does e, an error message, answer init? 1: and it is proven by the key; 0: it may, anybody could say so;
 * -ERR_SYNTAX: no; -ERR_DENIED: its proof is wrong.
 */
MUST_CHECK int mikey_check_refusal(const struct mikey *e, const struct mikey *init,
				   struct slice psk);

/* NTP-UTC of a wall clock in microseconds since 1970, and back. */
uint64_t mikey_time(uint64_t wall_us);
uint64_t mikey_time_us(uint64_t t);

#endif
