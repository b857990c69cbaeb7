/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_MRFP_POOL_H
#define MRFC_MRFP_POOL_H

#include <stdbool.h>
#include <stdint.h>

/* The MRFPs that registered. Read model for the admin API and readiness. */
struct mrfp_pool;
enum mrfp_state { MRFP_UP, MRFP_DRAINING, MRFP_DOWN };
struct mrfp_info {
	const char *id;
	enum mrfp_state state;
	const char *msrp;
	uint32_t contexts, terminations;
	uint32_t load; /* per mille */
};
typedef void mrfp_each_fn(const struct mrfp_info *info, void *arg);
void mrfp_pool_each(const struct mrfp_pool *p, mrfp_each_fn *fn, void *arg);
bool mrfp_pool_up(const struct mrfp_pool *p);

#endif
