/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of group keys and what is derived from a TEK: HKDF-SHA256 (RFC 5869) with the GKID as salt,
 * so that no key serves two purposes or two epochs. A door to OpenSSL's KDF.
 */
#include "proto/gke.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "proto/chars.h"

struct gkid gkid_make(const uint8_t domain[GKID_DOMAIN_SIZE], uint32_t epoch)
{
	struct gkid id;

	memcpy(id.octets, domain, GKID_DOMAIN_SIZE);
	for (size_t i = 0; i < GKID_SIZE - GKID_DOMAIN_SIZE; i++)
		id.octets[GKID_DOMAIN_SIZE + i] = (uint8_t)(epoch >> (24 - 8 * i));
	return id;
}

static uint32_t four_octets(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

int gkid_read(struct slice octets, struct gkid *id_r)
{
	struct gkid id;

	if (octets.len != GKID_SIZE)
		return -ERR_SYNTAX;
	memcpy(id.octets, octets.ptr, GKID_SIZE);
	if (gkid_epoch(&id) == 0)
		return -ERR_SYNTAX;
	*id_r = id;
	return 0;
}

uint32_t gkid_epoch(const struct gkid *id)
{
	return four_octets(id->octets + GKID_DOMAIN_SIZE);
}

bool gkid_same_domain(const struct gkid *a, const struct gkid *b)
{
	return memcmp(a->octets, b->octets, GKID_DOMAIN_SIZE) == 0;
}

bool gkid_eq(const struct gkid *a, const struct gkid *b)
{
	return memcmp(a->octets, b->octets, GKID_SIZE) == 0;
}

static void to_hex(const uint8_t *octets, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[octets[i] >> 4];
		out[2 * i + 1] = digits[octets[i] & 15];
	}
	out[2 * n] = '\0';
}

void gkid_hex(const struct gkid *id, char out[GKID_HEX_SIZE])
{
	to_hex(id->octets, GKID_SIZE, out);
}

int gkid_parse(struct slice hex, struct gkid *id_r)
{
	uint8_t octets[GKID_SIZE] = {0};

	if (hex.len != GKID_HEX_SIZE - 1)
		return -ERR_SYNTAX;
	for (size_t i = 0; i < hex.len; i++) {
		int d = chars_hex(hex.ptr[i]);

		if (d < 0)
			return -ERR_SYNTAX;
		octets[i / 2] = (uint8_t)(octets[i / 2] << 4 | d);
	}
	return gkid_read(slice_make(octets, sizeof(octets)), id_r);
}

uint32_t gkid_csb_id(const struct gkid *id)
{
	return four_octets(id->octets) + gkid_epoch(id);
}

size_t gke_tek_size(enum gke_suite suite)
{
	return suite == GKE_SUITE_A ? 16 : 32;
}

/* Only a broken OpenSSL fails here; there is no key to go on with. */
static void hkdf(EVP_KDF_CTX *ctx, struct slice key, struct slice salt, const char *info,
		 uint8_t *out, size_t size)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key.ptr, key.len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt.ptr, salt.len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, strlen(info)),
		OSSL_PARAM_construct_end(),
	};

	EVP_KDF_CTX_reset(ctx);
	if (EVP_KDF_derive(ctx, out, size, params) != 1)
		abort();
}

static EVP_KDF_CTX *hkdf_new(void)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);

	if (!ctx)
		abort();
	EVP_KDF_free(kdf);
	return ctx;
}

void gke_derive(struct slice tek, const struct gkid *id, struct gke_keys *keys_r)
{
	EVP_KDF_CTX *ctx = hkdf_new();
	struct slice salt = slice_make(id->octets, GKID_SIZE);

	hkdf(ctx, tek, salt, "GKE1 kek128", keys_r->kek128, sizeof(keys_r->kek128));
	hkdf(ctx, tek, salt, "GKE1 kek256", keys_r->kek256, sizeof(keys_r->kek256));
	hkdf(ctx, tek, salt, "GKE1 mikey", keys_r->mikey, sizeof(keys_r->mikey));
	hkdf(ctx, tek, salt, "GKE1 file", keys_r->file, sizeof(keys_r->file));
	EVP_KDF_CTX_free(ctx);
}

void gke_leg(struct slice pairwise, struct slice rand, uint32_t csb_id, struct gke_leg *leg_r)
{
	EVP_KDF_CTX *ctx = hkdf_new();
	uint8_t salt[64], id[(GKE_LEG_IDENTITY_SIZE - 1) / 2];
	size_t n = rand.len < sizeof(salt) - 4 ? rand.len : sizeof(salt) - 4;

	memcpy(salt, rand.ptr, n);
	for (size_t i = 0; i < 4; i++)
		salt[n + i] = (uint8_t)(csb_id >> (24 - 8 * i));
	hkdf(ctx, pairwise, slice_make(salt, n + 4), "GKE1 tls psk", leg_r->psk,
	     sizeof(leg_r->psk));
	hkdf(ctx, pairwise, slice_make(salt, n + 4), "GKE1 tls psk id", id, sizeof(id));
	to_hex(id, sizeof(id), leg_r->identity);
	EVP_KDF_CTX_free(ctx);
}
