/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_RAND_H
#define COMMON_RAND_H

#include <stddef.h>
#include <stdint.h>

/* Cryptographic randomness (OpenSSL); failure stops the process. */
void rand_bytes(void *out, size_t len);
uint64_t rand_u64(void);

/*
 * Random identifier of n characters over [A-Za-z0-9] (5.95 bits each), NUL-terminated: out holds
 * n + 1. 14 characters carry > 80 bits. Fit for MSRP ident and session-id, SIP tags and Call-IDs.
 */
void rand_ident(char *out, size_t n);

#endif
