/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for keys, from OpenSSL's secure heap where it could be locked, else from the ordinary one.
 * The heap is small and full only when far more keys are alive than a server of its size
 * has: the ordinary one serves then, too. Freed memory is wiped in both.
 */
#include "common/secret.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define DEFAULT_HEAP (1u << 20)
#define SMALLEST     32

void secret_no_dumps(void)
{
	const struct rlimit none = {0, 0};

	/* Both are wishes: a kernel without them has no dumps to fear. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
}

bool secret_heap_init(size_t heap_size)
{
	if (CRYPTO_secure_malloc_initialized())
		return true;
	return CRYPTO_secure_malloc_init(heap_size ? heap_size : DEFAULT_HEAP, SMALLEST) == 1;
}

bool secret_init(size_t heap_size)
{
	secret_no_dumps();
	return secret_heap_init(heap_size);
}

void *secret_alloc(size_t size)
{
	void *p = OPENSSL_secure_zalloc(size);

	if (!p)
		p = OPENSSL_zalloc(size);
	if (!p) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return p;
}

void secret_free(void *p, size_t size)
{
	void **at = p;

	if (*at)
		OPENSSL_secure_clear_free(*at, size);
	*at = NULL;
}

bool secret_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

void secret_random(void *out, size_t len)
{
	if (RAND_priv_bytes_ex(NULL, out, len, 256) != 1) {
		fputs("no randomness from OpenSSL\n", stderr);
		abort();
	}
}

void secret_random_to(void *out, size_t len, void *arg)
{
	(void)arg;
	secret_random(out, len);
}
