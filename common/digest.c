/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 for checking what was received; a door to OpenSSL's EVP. Not for keys. */
#include "common/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"

struct digest {
	EVP_MD_CTX *ctx;
};

static struct digest *make(const EVP_MD *algorithm)
{
	struct digest *d = xcalloc(1, sizeof(*d));

	d->ctx = EVP_MD_CTX_new();
	if (!d->ctx || EVP_DigestInit_ex(d->ctx, algorithm, NULL) != 1)
		abort();
	return d;
}

struct digest *digest_new(void)
{
	return make(EVP_sha256());
}

struct digest *digest_new_sha1(void)
{
	return make(EVP_sha1());
}

void digest_add(struct digest *d, struct slice bytes)
{
	if (bytes.len && EVP_DigestUpdate(d->ctx, bytes.ptr, bytes.len) != 1)
		abort();
}

void digest_finish(struct digest **d, char hex[DIGEST_HEX_SIZE])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n = 0, i;

	if (EVP_DigestFinal_ex((*d)->ctx, md, &n) != 1)
		abort();
	for (i = 0; i < n && i < (DIGEST_HEX_SIZE - 1) / 2; i++)
		snprintf(hex + (size_t)2 * i, 3, "%02x", md[i]);
	EVP_MD_CTX_free((*d)->ctx);
	free(*d);
	*d = NULL;
}

void digest_finish_sha1(struct digest **d, uint8_t out[DIGEST_SHA1_LEN])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (EVP_DigestFinal_ex((*d)->ctx, md, &n) != 1 || n != DIGEST_SHA1_LEN)
		abort();
	memcpy(out, md, DIGEST_SHA1_LEN);
	EVP_MD_CTX_free((*d)->ctx);
	free(*d);
	*d = NULL;
}

void digest_sha1(struct slice bytes, uint8_t out[DIGEST_SHA1_LEN])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (EVP_Digest(bytes.ptr, bytes.len, md, &n, EVP_sha1(), NULL) != 1 || n != DIGEST_SHA1_LEN)
		abort();
	memcpy(out, md, DIGEST_SHA1_LEN);
}
