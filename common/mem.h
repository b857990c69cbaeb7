/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_MEM_H
#define COMMON_MEM_H

#include <stddef.h>

/*
 * Fixed-size allocations: never return NULL; exhaustion stops the process with one line on
 * stderr. Only for sizes that no peer chooses.
 */
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t len);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Overwrite secrets in a way the compiler keeps. */
void mem_wipe(void *p, size_t len);

#define ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
