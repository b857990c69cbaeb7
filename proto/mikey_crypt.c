/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The algorithms of MIKEY's suites: PRF-MIKEY-1 and PRF-HMAC-SHA-256 (RFC 3830 4.1.2, RFC 6043 6.1), MACs,
 * AES in counter mode (RFC 3830 4.2.3). A door to OpenSSL, whose failures are ours to die of: they
 * come from no peer, and there is no key to go on with.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "common/mem.h"
#include "proto/mikey_priv.h"

#define PRF_BLOCK   32 /* octets of the key that go into one P function */
#define RAND_MAX_IN 255
#define LABEL_MAX   (9 + RAND_MAX_IN)
#define CONST_ENCR  0x150533E1u
#define CONST_AUTH  0x2D22AC75u
#define CONST_SALT  0x29B88916u
#define NO_CS_ID    0xff /* keys of the message, of no crypto session */

static const struct mikey_suite suites[] = {
	[GKE_SUITE_B] = {.prf = 1, .encr = 3, .mac = 2, .encr_key = 32, .mac_size = 32},
	[GKE_SUITE_A] = {.prf = 0, .encr = 1, .mac = 1, .encr_key = 16, .mac_size = 20},
};

const struct mikey_suite *mikey_suite(enum gke_suite suite)
{
	return &suites[suite];
}

size_t mikey_key_data_size(enum gke_suite suite)
{
	return 4 + gke_tek_size(suite) + 1 + GKID_SIZE;
}

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* --- HMAC --- */

static EVP_MAC_CTX *hmac_new(enum gke_suite suite, const void *key, size_t len)
{
	const char *digest = suite == GKE_SUITE_A ? "SHA1" : "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);

	EVP_MAC_free(mac); /* the context holds it */
	must(ctx && EVP_MAC_init(ctx, key, len, params) == 1);
	return ctx;
}

/* Finish one MAC and stand ready for the next under the same key. */
static void hmac_parts(EVP_MAC_CTX *ctx, const struct slice *parts, size_t n, uint8_t *out)
{
	size_t size;

	for (size_t i = 0; i < n; i++)
		must(!parts[i].len ||
		     EVP_MAC_update(ctx, (const unsigned char *)parts[i].ptr, parts[i].len) == 1);
	must(EVP_MAC_final(ctx, out, &size, MIKEY_MAC_MAX) == 1);
	must(EVP_MAC_init(ctx, NULL, 0, NULL) == 1);
}

void mikey_mac(enum gke_suite suite, const struct mikey_keys *keys, const struct slice *parts,
	       size_t n, uint8_t out[MIKEY_MAC_MAX])
{
	EVP_MAC_CTX *ctx = hmac_new(suite, keys->auth, mikey_suite(suite)->mac_size);

	hmac_parts(ctx, parts, n, out);
	EVP_MAC_CTX_free(ctx);
}

/* --- keys of a message --- */

/* XOR P(s, label, m) onto out. */
static void prf_block(EVP_MAC_CTX *s, size_t block, struct slice label, uint8_t *out, size_t len)
{
	uint8_t a[MIKEY_MAC_MAX], p[MIKEY_MAC_MAX];
	struct slice parts[2] = {label, label};

	hmac_parts(s, parts, 1, a);
	for (size_t at = 0; at < len; at += block) {
		parts[0] = slice_make(a, block);
		hmac_parts(s, parts, 2, p);
		for (size_t i = 0; i < block && at + i < len; i++)
			out[at + i] ^= p[i];
		if (at + block < len)
			hmac_parts(s, parts, 1, a);
	}
	mem_wipe(a, sizeof(a));
	mem_wipe(p, sizeof(p));
}

static size_t build_label(uint32_t constant, uint32_t csb_id, struct slice rand, uint8_t *out)
{
	for (size_t i = 0; i < 4; i++) {
		out[i] = (uint8_t)(constant >> (24 - 8 * i));
		out[5 + i] = (uint8_t)(csb_id >> (24 - 8 * i));
	}
	out[4] = NO_CS_ID;
	memcpy(out + 9, rand.ptr, rand.len);
	return 9 + rand.len;
}

void mikey_derive(enum gke_suite suite, struct slice psk, uint32_t csb_id, struct slice rand,
		  struct mikey_keys *keys_r)
{
	const struct mikey_suite *s = mikey_suite(suite);
	const struct {
		uint32_t constant;
		uint8_t *out;
		size_t len;
	} wanted[] = {{CONST_ENCR, keys_r->encr, s->encr_key},
		      {CONST_AUTH, keys_r->auth, s->mac_size},
		      {CONST_SALT, keys_r->salt, sizeof(keys_r->salt)}};
	uint8_t label[LABEL_MAX];

	must(rand.len <= RAND_MAX_IN);
	*keys_r = (struct mikey_keys){0};
	for (size_t at = 0; at < psk.len; at += PRF_BLOCK) {
		struct slice block = slice_first(slice_from(psk, at), PRF_BLOCK);
		EVP_MAC_CTX *ctx = hmac_new(suite, block.ptr, block.len);

		for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
			size_t n = build_label(wanted[i].constant, csb_id, rand, label);

			prf_block(ctx, s->mac_size, slice_make(label, n), wanted[i].out,
				  wanted[i].len);
		}
		EVP_MAC_CTX_free(ctx);
	}
}

/* --- encryption --- */

void mikey_crypt(enum gke_suite suite, const struct mikey_keys *keys, uint32_t csb_id, uint64_t t,
		 uint8_t *data, size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t iv[16] = {0};
	int done;

	memcpy(iv, keys->salt, sizeof(keys->salt));
	for (size_t i = 0; i < 4; i++)
		iv[2 + i] ^= (uint8_t)(csb_id >> (24 - 8 * i));
	for (size_t i = 0; i < 8; i++)
		iv[6 + i] ^= (uint8_t)(t >> (56 - 8 * i));
	must(ctx &&
	     EVP_EncryptInit_ex(ctx, suite == GKE_SUITE_A ? EVP_aes_128_ctr() : EVP_aes_256_ctr(),
				NULL, keys->encr, iv) == 1);
	must(EVP_EncryptUpdate(ctx, data, &done, data, (int)len) == 1 && (size_t)done == len);
	EVP_CIPHER_CTX_free(ctx);
}
