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

void gkid_hex(const struct gkid *id, char out[GKID_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < GKID_SIZE; i++) {
		out[2 * i] = digits[id->octets[i] >> 4];
		out[2 * i + 1] = digits[id->octets[i] & 15];
	}
	out[GKID_HEX_SIZE - 1] = '\0';
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
static void hkdf(EVP_KDF_CTX *ctx, struct slice tek, const struct gkid *id, const char *info,
		 uint8_t *out, size_t size)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)tek.ptr, tek.len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)id->octets,
						  GKID_SIZE),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, strlen(info)),
		OSSL_PARAM_construct_end(),
	};

	EVP_KDF_CTX_reset(ctx);
	if (EVP_KDF_derive(ctx, out, size, params) != 1)
		abort();
}

void gke_derive(struct slice tek, const struct gkid *id, struct gke_keys *keys_r)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);

	if (!ctx)
		abort();
	hkdf(ctx, tek, id, "GKE1 kek128", keys_r->kek128, sizeof(keys_r->kek128));
	hkdf(ctx, tek, id, "GKE1 kek256", keys_r->kek256, sizeof(keys_r->kek256));
	hkdf(ctx, tek, id, "GKE1 mikey", keys_r->mikey, sizeof(keys_r->mikey));
	hkdf(ctx, tek, id, "GKE1 file", keys_r->file, sizeof(keys_r->file));
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}
