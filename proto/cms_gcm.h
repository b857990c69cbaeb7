/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_CMS_GCM_H
#define PROTO_CMS_GCM_H

#include "common/bytes.h"

/*
 * AES-GCM and AES key wrap (RFC 3394) by OpenSSL, as sealed bodies and files use them: nonces of 12
 * octets, tags of 16, no associated data, keys of 16 or 32 octets.
 */
#define GCM_NONCE_SIZE 12
#define GCM_TAG_SIZE   16
#define WRAP_OVERHEAD  8

/* Adds the ciphertext to out (which may fail by its ceiling). */
void gcm_seal(struct slice key, const uint8_t nonce[GCM_NONCE_SIZE], struct slice plain,
	      struct bytes *out, uint8_t tag[GCM_TAG_SIZE]);
/*
 * The plaintext into plain, which has room for ciphertext.len octets. False: the tag does not fit;
 * plain is wiped then.
 */
bool gcm_open(struct slice key, const uint8_t nonce[GCM_NONCE_SIZE], struct slice ciphertext,
	      const uint8_t tag[GCM_TAG_SIZE], uint8_t *plain);

/* out: key_len + WRAP_OVERHEAD octets. */
void key_wrap(struct slice kek, const uint8_t *key, size_t key_len, uint8_t *out);
/* out: wrapped.len - WRAP_OVERHEAD octets. False: another key, or changed. */
bool key_unwrap(struct slice kek, struct slice wrapped, uint8_t *out);

#endif
