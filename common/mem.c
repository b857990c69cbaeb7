/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocations that cannot fail and the erasing of secrets. For sizes of our own choosing; what
 * a peer sizes goes through buf or bytes, which have limits.
 */
#include "common/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void exhausted(void)
{
	static const char line[] = "out of memory\n";

	if (write(STDERR_FILENO, line, sizeof(line) - 1) < 0)
		_exit(1);
	abort();
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		exhausted();
	return p;
}

void *xrealloc(void *p, size_t size)
{
	void *q = realloc(p, size ? size : 1);

	if (!q)
		exhausted();
	return q;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t len)
{
	size_t n = len ? strnlen(s, len) : 0;
	char *copy = xrealloc(NULL, n + 1);

	if (n)
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		exhausted();
	return s;
}

void mem_wipe(void *p, size_t len)
{
	if (p && len)
		explicit_bzero(p, len);
}
