/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Randomness for identifiers and keys, from OpenSSL's generator. Codecs never call this: they
 * are given their random bytes.
 */
#include "common/rand.h"

#include <limits.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

#define N_LETTERS (sizeof(alphabet) - 1)
/* Bytes from here on are thrown away: the rest divides evenly among the letters. */
#define FAIR (256u - 256u % N_LETTERS)

void rand_bytes(void *out, size_t len)
{
	unsigned char *p = out;

	while (len > 0) {
		int n = len > INT_MAX ? INT_MAX : (int)len;

		if (RAND_bytes(p, n) != 1) {
			fputs("no randomness from OpenSSL\n", stderr);
			abort();
		}
		p += n;
		len -= (size_t)n;
	}
}

uint64_t rand_u64(void)
{
	uint64_t v;

	rand_bytes(&v, sizeof(v));
	return v;
}

void rand_ident(char *out, size_t n)
{
	unsigned char raw[32];
	size_t have = 0;

	for (size_t i = 0; i < n;) {
		unsigned char byte;

		if (have == 0) {
			rand_bytes(raw, sizeof(raw));
			have = sizeof(raw);
		}
		byte = raw[--have];
		if (byte < FAIR)
			out[i++] = alphabet[byte % N_LETTERS];
	}
	out[n] = '\0';
}
