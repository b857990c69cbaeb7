/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door to OpenSSL's AES for sealed bodies and files. What OpenSSL must not fail at ends the process; a
 * tag that does not fit is the peer's and leaves nothing behind, neither plaintext nor an entry in
 * the thread's queue of errors, which TLS connections read.
 */
#include "proto/cms_gcm.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "common/mem.h"

#define STEP 4096

static void must(bool ok)
{
	if (!ok)
		abort();
}

static const uint8_t *octets(struct slice s)
{
	return (const uint8_t *)s.ptr;
}

static EVP_CIPHER_CTX *begin(const EVP_CIPHER *cipher, struct slice key, const uint8_t *nonce,
			     int encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	must(ctx != NULL);
	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	must(EVP_CipherInit_ex(ctx, cipher, NULL, octets(key), nonce, encrypt) == 1);
	return ctx;
}

static const EVP_CIPHER *gcm(struct slice key)
{
	assert(key.len == 16 || key.len == 32);
	return key.len == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
}

static const EVP_CIPHER *wrap(struct slice key)
{
	assert(key.len == 16 || key.len == 32);
	return key.len == 16 ? EVP_aes_128_wrap() : EVP_aes_256_wrap();
}

void gcm_seal(struct slice key, const uint8_t nonce[GCM_NONCE_SIZE], struct slice plain,
	      struct bytes *out, uint8_t tag[GCM_TAG_SIZE])
{
	EVP_CIPHER_CTX *ctx = begin(gcm(key), key, nonce, 1);
	uint8_t step[STEP];
	int n;

	while (plain.len > 0) {
		struct slice some = slice_first(plain, STEP);

		must(EVP_EncryptUpdate(ctx, step, &n, octets(some), (int)some.len) == 1);
		must((size_t)n == some.len);
		bytes_add(out, step, some.len);
		plain = slice_from(plain, some.len);
	}
	must(EVP_EncryptFinal_ex(ctx, step, &n) == 1);
	must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_SIZE, tag) == 1);
	EVP_CIPHER_CTX_free(ctx);
}

bool gcm_open(struct slice key, const uint8_t nonce[GCM_NONCE_SIZE], struct slice ciphertext,
	      const uint8_t tag[GCM_TAG_SIZE], uint8_t *plain)
{
	EVP_CIPHER_CTX *ctx = begin(gcm(key), key, nonce, 0);
	uint8_t expected[GCM_TAG_SIZE], none[GCM_TAG_SIZE];
	int n;
	bool ok;

	assert(ciphertext.len <= INT32_MAX);
	memcpy(expected, tag, sizeof(expected));
	if (ciphertext.len > 0)
		must(EVP_DecryptUpdate(ctx, plain, &n, octets(ciphertext), (int)ciphertext.len) ==
		     1);
	must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_SIZE, expected) == 1);
	ok = EVP_DecryptFinal_ex(ctx, none, &n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!ok) {
		mem_wipe(plain, ciphertext.len);
		ERR_clear_error();
	}
	return ok;
}

void key_wrap(struct slice kek, const uint8_t *key, size_t key_len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = begin(wrap(kek), kek, NULL, 1);
	int n = 0;

	must(EVP_EncryptUpdate(ctx, out, &n, key, (int)key_len) == 1);
	must((size_t)n == key_len + WRAP_OVERHEAD);
	EVP_CIPHER_CTX_free(ctx);
}

bool key_unwrap(struct slice kek, struct slice wrapped, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = begin(wrap(kek), kek, NULL, 0);
	uint8_t room[EVP_MAX_KEY_LENGTH];
	int n = 0;
	bool ok;

	assert(wrapped.len >= 2 * WRAP_OVERHEAD && wrapped.len - WRAP_OVERHEAD <= sizeof(room));
	ok = EVP_DecryptUpdate(ctx, room, &n, octets(wrapped), (int)wrapped.len) == 1 &&
	     (size_t)n == wrapped.len - WRAP_OVERHEAD;
	EVP_CIPHER_CTX_free(ctx);
	if (ok)
		memcpy(out, room, (size_t)n);
	else
		ERR_clear_error();
	mem_wipe(room, sizeof(room));
	return ok;
}
