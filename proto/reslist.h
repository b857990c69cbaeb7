/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_RESLIST_H
#define PROTO_RESLIST_H

#include "common/bytes.h"

/*
 * application/resource-lists+xml (RFC 4826) with the copyControl attributes of RFC 5364, over
 * libxml2. Hierarchies are flattened; entry-ref and external are ignored and counted.
 */
enum reslist_copy { RESLIST_NONE, RESLIST_TO, RESLIST_CC, RESLIST_BCC };
struct reslist_entry {
	char *uri;
	char *display; /* NULL */
	enum reslist_copy copy;
	bool anonymize;
	uint32_t count; /* 0: absent */
};
struct reslist {
	struct reslist_entry
		*entries; /* duplicates removed (sip_uri_same), highest precedence kept */
	size_t n_entries;
	size_t n_ignored;
};
/*
 * -ERR_LIMIT: more than max_entries. -ERR_SYNTAX: no list, or larger than any list is (1 MiB, 32
 * levels, 10000 elements, attributes of 4 KiB). Release with reslist_fini.
 */
MUST_CHECK int reslist_parse(struct slice text, size_t max_entries, struct reslist *list_r);
/*
 * Add what another document holds, as if both were one list (RFC 5363 4.1): duplicates are merged,
 * max_entries is for all. list stays as it is on failure; errors as above.
 */
MUST_CHECK int reslist_merge(struct slice text, size_t max_entries, struct reslist *list);
void reslist_fini(struct reslist *list);
void reslist_build(struct bytes *out, const struct reslist *list);

#endif
