/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_SECRET_H
#define COMMON_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Memory for keys (OpenSSL's secure heap: locked, not in core dumps, wiped when freed) and a
 * process that does not show it: no core dumps, no ptrace by other processes of the user.
 */

/*
 * Once, at the start of a program that holds keys: heap of so many octets (a power of two; 0: 1 MiB).
 * False: memory could not be locked (RLIMIT_MEMLOCK); keys live on the ordinary heap then, wiped all
 * the same.
 */
bool secret_init(size_t heap_size);
/* The heap alone, where dumps are wanted. */
bool secret_heap_init(size_t heap_size);
/* Programs that hold no keys call this alone: PR_SET_DUMPABLE 0, RLIMIT_CORE 0. */
void secret_no_dumps(void);

/* Zeroed; never NULL. */
void *secret_alloc(size_t size);
/* Wipes and frees; *p is nulled. */
void secret_free(void *p, size_t size);
/* In a time that depends on len alone. */
bool secret_equal(const void *a, const void *b, size_t len);
/* Random octets for keys; a failing generator stops the process. */
void secret_random(void *out, size_t len);
/* The same as a callback. */
void secret_random_to(void *out, size_t len, void *arg);

#endif
