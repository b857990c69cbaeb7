/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_MIKEY_PRIV_H
#define PROTO_MIKEY_PRIV_H

#include "proto/mikey.h"

/* What the pieces of proto/mikey share: numbers on the wire, and the algorithms of the suites. */
enum mikey_next {
	MIKEY_NEXT_LAST = 0,
	MIKEY_NEXT_KEMAC = 1,
	MIKEY_NEXT_T = 5,
	MIKEY_NEXT_V = 9,
	MIKEY_NEXT_RAND = 11,
	MIKEY_NEXT_ERR = 12,
	MIKEY_NEXT_IDR = 14,
	MIKEY_NEXT_EXT = 21
};
enum mikey_role {
	MIKEY_ROLE_INITIATOR = 1,
	MIKEY_ROLE_RESPONDER = 2,
	MIKEY_ROLE_PSK = 4,
	MIKEY_ROLE_APP = 5
};
#define MIKEY_VERSION     1
#define MIKEY_V_FLAG      0x80
#define MIKEY_MAP_EMPTY   1 /* RFC 4563 */
#define MIKEY_T_NTP_UTC   0
#define MIKEY_ID_URI      1
#define MIKEY_ID_OCTETS   2
#define MIKEY_EXT_SDP_IDS 1
#define MIKEY_EXT_CLOCK   241 /* of private use: NTP-UTC at who refused, 8 octets */
#define MIKEY_ENCR_NULL   0
#define MIKEY_KEY_TEK_SPI 0x21 /* TEK, its validity an SPI */

/* Numbers and sizes of a suite. */
struct mikey_suite {
	uint8_t prf, encr, mac;
	size_t encr_key, mac_size;
};
const struct mikey_suite *mikey_suite(enum gke_suite suite);
/* Octets of the key data of a suite: one TEK with a GKID. */
size_t mikey_key_data_size(enum gke_suite suite);
#define MIKEY_KEY_DATA_MAX (4 + GKE_TEK_MAX + 1 + GKID_SIZE)

/* Of one message, from the PSK (RFC 3830 4.1.4). The caller wipes it. */
struct mikey_keys {
	uint8_t encr[32], auth[32], salt[14];
};
void mikey_derive(enum gke_suite suite, struct slice psk, uint32_t csb_id, struct slice rand,
		  struct mikey_keys *keys_r);
#define MIKEY_MAC_MAX 32
/* MAC of the parts one after the other: mikey_suite.mac_size octets. */
void mikey_mac(enum gke_suite suite, const struct mikey_keys *keys, const struct slice *parts,
	       size_t n, uint8_t out[MIKEY_MAC_MAX]);
/* Encrypt or decrypt data in place (RFC 3830 4.2.3). */
void mikey_crypt(enum gke_suite suite, const struct mikey_keys *keys, uint32_t csb_id, uint64_t t,
		 uint8_t *data, size_t len);
/* MAC of the R_MESSAGE to init, whose octets before the MAC are given (RFC 3830 5.2). */
void mikey_verify_mac(const struct mikey *init, struct slice psk, struct slice message,
		      uint8_t out[MIKEY_MAC_MAX]);

#endif
