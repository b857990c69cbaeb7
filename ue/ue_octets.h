/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_OCTETS_H
#define UE_UE_OCTETS_H

#include "common/slice.h"

/* Where octets come from: memory, or a file from an offset on (fd >= 0). */
struct ue_source {
	struct slice mem;
	int fd;
	uint64_t offset, size;
};

/* Octets that are made while they are sent. */
struct ue_octets {
	/* len octets from pos on, which never goes back. Fewer: there are no more. */
	size_t (*read)(void *arg, uint64_t pos, char *into, size_t len);
	void (*drop)(void *arg);
	void *arg;
};

#endif
