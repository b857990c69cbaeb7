/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of aes128gcm, RFC 8188. The caller knows which record is which, and which is the last by the
 * length of the whole: one that says otherwise is refused, and so is a file that was cut at a border of
 * records. The nonce holds the number, so a record opens in its own place only.
 */
#include "proto/ece.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "common/mem.h"
#include "proto/cms_gcm.h"

#define MORE 1 /* delimiters, section 2 */
#define LAST 2

void ece_head_build(const struct ece_head *head, uint8_t out[ECE_HEAD_SIZE])
{
	memcpy(out, head->salt, ECE_SALT_SIZE);
	for (unsigned i = 0; i < 4; i++)
		out[ECE_SALT_SIZE + i] = (uint8_t)(head->record >> (24 - 8 * i));
	out[ECE_SALT_SIZE + 4] = GKID_SIZE;
	memcpy(out + ECE_SALT_SIZE + 5, head->gkid.octets, GKID_SIZE);
}

int ece_head_read(struct slice in, struct ece_head *head_r)
{
	const uint8_t *p = (const uint8_t *)in.ptr;
	struct ece_head head = {.record = 0};
	int rc;

	if (in.len < ECE_HEAD_SIZE || p[ECE_SALT_SIZE + 4] != GKID_SIZE)
		return -ERR_SYNTAX;
	memcpy(head.salt, p, ECE_SALT_SIZE);
	for (unsigned i = 0; i < 4; i++)
		head.record = head.record << 8 | p[ECE_SALT_SIZE + i];
	rc = gkid_read(slice_make(p + ECE_SALT_SIZE + 5, GKID_SIZE), &head.gkid);
	if (rc < 0)
		return rc;
	if (head.record < ECE_RECORD_MIN || head.record > ECE_RECORD_MAX)
		return -ERR_LIMIT;
	*head_r = head;
	return 0;
}

uint64_t ece_sealed_size(uint32_t record, uint64_t plain)
{
	uint64_t room, records;

	assert(record > ECE_OVERHEAD);
	room = record - ECE_OVERHEAD;
	records = plain == 0 ? 1 : (plain - 1) / room + 1;
	if (plain > UINT64_MAX - ECE_HEAD_SIZE ||
	    records > (UINT64_MAX - ECE_HEAD_SIZE - plain) / ECE_OVERHEAD)
		return UINT64_MAX;
	return ECE_HEAD_SIZE + plain + records * ECE_OVERHEAD;
}

static void derive(const struct ece_head *head, const uint8_t file_key[32], const char *info,
		   size_t info_len, uint8_t *out, size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	struct ece_head h = *head;
	uint8_t key[32];
	char md[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, md, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key, sizeof(key)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, h.salt, sizeof(h.salt)),
		/* OpenSSL's parameters are not const; this one is read only. */
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info,
						  info_len),
		OSSL_PARAM_construct_end(),
	};

	memcpy(key, file_key, sizeof(key));
	if (!ctx || EVP_KDF_derive(ctx, out, len, params) != 1)
		abort();
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	mem_wipe(key, sizeof(key));
}

/* Section 2.2 and 2.3; the infos end in their NUL. */
void ece_keys(const struct ece_head *head, const uint8_t file_key[32], struct ece_keys *keys_r)
{
	static const char cek[] = "Content-Encoding: aes128gcm";
	static const char nonce[] = "Content-Encoding: nonce";

	derive(head, file_key, cek, sizeof(cek), keys_r->cek, sizeof(keys_r->cek));
	derive(head, file_key, nonce, sizeof(nonce), keys_r->nonce, sizeof(keys_r->nonce));
}

static void nonce_of(const struct ece_keys *keys, uint64_t n, uint8_t out[GCM_NONCE_SIZE])
{
	memcpy(out, keys->nonce, GCM_NONCE_SIZE);
	for (unsigned i = 0; i < 8; i++)
		out[4 + i] ^= (uint8_t)(n >> (56 - 8 * i));
}

int ece_seal(const struct ece_keys *keys, uint64_t n, struct slice plain, bool last,
	     struct bytes *out)
{
	uint8_t nonce[GCM_NONCE_SIZE], tag[GCM_TAG_SIZE], *inner;

	if (plain.len > ECE_RECORD_MAX - ECE_OVERHEAD)
		return -ERR_LIMIT;
	inner = malloc(plain.len + 1);
	if (!inner)
		return -ERR_LIMIT;
	if (plain.len > 0)
		memcpy(inner, plain.ptr, plain.len);
	inner[plain.len] = last ? LAST : MORE;
	nonce_of(keys, n, nonce);
	gcm_seal(slice_make(keys->cek, sizeof(keys->cek)), nonce, slice_make(inner, plain.len + 1),
		 out, tag);
	bytes_add(out, tag, sizeof(tag));
	mem_wipe(inner, plain.len + 1);
	free(inner);
	return bytes_ok(out) ? 0 : -ERR_LIMIT;
}

/* What stands before the delimiter, which padding of zeros may follow. */
static int unpad(const uint8_t *inner, size_t len, bool last, size_t *plain_r)
{
	while (len > 0 && inner[len - 1] == 0)
		len--;
	if (len == 0 || inner[len - 1] != (last ? LAST : MORE))
		return -ERR_SYNTAX;
	*plain_r = len - 1;
	return 0;
}

int ece_open(const struct ece_keys *keys, uint64_t n, struct slice record, bool last,
	     struct bytes *out)
{
	uint8_t nonce[GCM_NONCE_SIZE], *inner;
	size_t inner_len, plain;
	int rc = -ERR_DENIED;

	if (record.len < ECE_OVERHEAD)
		return -ERR_SYNTAX;
	if (record.len > ECE_RECORD_MAX)
		return -ERR_LIMIT;
	inner_len = record.len - GCM_TAG_SIZE;
	inner = malloc(inner_len);
	if (!inner)
		return -ERR_LIMIT;
	nonce_of(keys, n, nonce);
	if (gcm_open(slice_make(keys->cek, sizeof(keys->cek)), nonce,
		     slice_first(record, inner_len), (const uint8_t *)record.ptr + inner_len,
		     inner))
		rc = unpad(inner, inner_len, last, &plain);
	if (rc == 0) {
		bytes_add(out, inner, plain);
		rc = bytes_ok(out) ? 0 : -ERR_LIMIT;
	}
	mem_wipe(inner, inner_len);
	free(inner);
	return rc;
}
