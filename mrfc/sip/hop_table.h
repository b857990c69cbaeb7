/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SIP_HOP_TABLE_H
#define MRFC_SIP_HOP_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/bytes.h"

/*
 * Next hops of our own requests (RFC 3263 4.3 without its look-ups): which are there, which answer,
 * which one comes next. Pure: the owner probes them and tells what came of requests.
 */
struct hop_table;

#define HOP_MAX 16 /* fits the bits of what was tried */

struct hop {
	char *uri;         /* for Route: numeric, with ;lr, without ;priority */
	char *name;        /* HOST:PORT, for log and metrics */
	struct addr at;    /* of its maddr where it has one */
	char *tls_name;    /* over TLS: the name that its certificate has to have; NULL: not so */
	unsigned priority; /* the lowest first; equals take turns */
	bool up;
	uint64_t again_ms; /* down and not probed: not before then */
};

/*
 * Comma-separated HOST:PORT or sip: URIs with numeric hosts, each with ";priority=0..999" or its
 * place in the list. Over TLS (;transport=tls) the host may be a name, which the certificate has to
 * have, with the address in ;maddr. "" gives an empty table. -ERR_SYNTAX, -ERR_LIMIT; *bad_r is the wrong one (or NULL).
 */
MUST_CHECK int hop_table_parse(const char *list, struct hop_table **table_r, struct slice *bad_r);
void hop_table_free(struct hop_table **t);
size_t hop_table_count(const struct hop_table *t);
const struct hop *hop_table_at(const struct hop_table *t, size_t i);
/*
 * The one for the next try: not among those of the bits tried, up if any is, of the best priority.
 * -ERR_NOT_FOUND when all were tried.
 */
MUST_CHECK int hop_table_choose(struct hop_table *t, unsigned tried, uint64_t now_ms);
/*
 * It answered, or did not; a failed one is left alone until it answers or (not probed) for rest_ms.
 * True when its state changed.
 */
bool hop_table_report(struct hop_table *t, size_t i, bool ok, uint64_t now_ms, uint64_t rest_ms);
/* Index of the hop with that URI. -ERR_NOT_FOUND. */
MUST_CHECK int hop_table_find(const struct hop_table *t, const char *uri);

#endif
