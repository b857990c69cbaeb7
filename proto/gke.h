/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_GKE_H
#define PROTO_GKE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/slice.h"

/*
 * Group keys of a conference: their names and what is derived from them. Each epoch has one
 * traffic encryption key (TEK), independent of all others, and a group key id (GKID): the domain, random
 * once per life of the conference, and the epoch's number. The same 12 octets are MIKEY SPI, CMS
 * keyIdentifier and RFC 8188 keyid. Pure.
 */
#define GKID_SIZE        12
#define GKID_DOMAIN_SIZE 8
#define GKID_HEX_SIZE    (2 * GKID_SIZE + 1)

struct gkid {
	uint8_t octets[GKID_SIZE];
};

struct gkid gkid_make(const uint8_t domain[GKID_DOMAIN_SIZE], uint32_t epoch);
/* -ERR_SYNTAX: not 12 octets, or epoch 0. */
MUST_CHECK int gkid_read(struct slice octets, struct gkid *id_r);
uint32_t gkid_epoch(const struct gkid *id);
bool gkid_same_domain(const struct gkid *a, const struct gkid *b);
bool gkid_eq(const struct gkid *a, const struct gkid *b);
/* Lower-case, NUL-terminated. */
void gkid_hex(const struct gkid *id, char out[GKID_HEX_SIZE]);
/* 24 hex digits of either case. -ERR_SYNTAX. */
MUST_CHECK int gkid_parse(struct slice hex, struct gkid *id_r);
/* CSB ID of the MIKEY messages that carry this key: first half of the domain + epoch, mod 2^32. */
uint32_t gkid_csb_id(const struct gkid *id);

/* Suites of a conference, never mixed (RFC 6043 12.2): A is for interworking, AES-128 alone. */
enum gke_suite { GKE_SUITE_B, GKE_SUITE_A };
#define GKE_TEK_MAX 32
/* Octets of a TEK: 32 in suite B, 16 in A. */
size_t gke_tek_size(enum gke_suite suite);

/* HKDF-SHA256(ikm TEK, salt GKID, info "GKE1 ..."). The caller wipes it (mem_wipe). */
struct gke_keys {
	uint8_t kek128[16]; /* AES-128-KW of AES-128-GCM content */
	uint8_t kek256[32]; /* AES-256-KW of AES-256-GCM content */
	uint8_t mikey[32];  /* PSK of group messages, whose id is the GKID */
	uint8_t file[32];   /* RFC 8188 input key */
};
void gke_derive(struct slice tek, const struct gkid *id, struct gke_keys *keys_r);

/*
 * Pre-shared key of the TLS connection of one leg, from the MIKEY message in its session's offer (a key
 * request, or a member key): HKDF-SHA256(ikm pairwise key, salt RAND || CSB ID of that message, info
 * "GKE1 tls psk", 32); its identity is the hex of (the same, info "GKE1 tls psk id", 16). Who is
 * given it learns nothing of the pairwise key or of group keys. The caller wipes it.
 */
#define GKE_LEG_PSK_SIZE      32
#define GKE_LEG_IDENTITY_SIZE 33 /* with its NUL */
struct gke_leg {
	char identity[GKE_LEG_IDENTITY_SIZE];
	uint8_t psk[GKE_LEG_PSK_SIZE];
};
void gke_leg(struct slice pairwise, struct slice rand, uint32_t csb_id, struct gke_leg *leg_r);

#endif
