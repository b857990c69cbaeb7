/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_CTL_PRIV_H
#define PROTO_CTL_PRIV_H

#include <stddef.h>
#include <stdint.h>

/* Big-endian integers of the control protocol, read at p (the caller has checked the length). */
static inline uint64_t ctl_get_uint(const char *p, size_t width)
{
	uint64_t v = 0;

	for (size_t i = 0; i < width; i++)
		v = v << 8 | (uint8_t)p[i];
	return v;
}

#endif
