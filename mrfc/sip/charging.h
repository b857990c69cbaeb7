/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SIP_CHARGING_H
#define MRFC_SIP_CHARGING_H

#include "common/bytes.h"

/*
 * P-Charging-Vector, RFC 7315 5.6: what ties the charging records of one call together over all
 * networks it passes. Strings are owned by the struct; NULL: not there.
 */
struct charging_vector {
	char *icid; /* NULL: there is no vector */
	char *icid_generated_at;
	char *orig_ioi, *term_ioi;
	char *transit_ioi; /* as it came, without its quotes */
	char *related_icid, *related_icid_generated_at;
};

/* Longest value taken. */
#define CHARGING_VALUE_MAX 2048

/*
 * One header value. -ERR_SYNTAX: no icid-value, a parameter twice, or two vectors in one line;
 * -ERR_LIMIT: too long. Parameters we do not know are left out.
 */
MUST_CHECK int charging_vector_parse(struct slice value, struct charging_vector *v_r);
void charging_vector_fini(struct charging_vector *v);
void charging_vector_copy(const struct charging_vector *from, struct charging_vector *to_r);
/* The header's value; parameters in the order of RFC 7315. */
void charging_vector_build(const struct charging_vector *v, struct bytes *out);
/* One for a call that starts here: the icid is random, never used before. */
void charging_vector_make(const char *host, struct charging_vector *v_r);

#endif
