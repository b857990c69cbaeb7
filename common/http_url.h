/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_HTTP_URL_H
#define COMMON_HTTP_URL_H

#include "common/slice.h"

/*
 * Percent-decoded heap copy, or NULL when the text has a bad escape, a NUL or malformed UTF-8.
 * plus: "+" means a space (queries). RFC 3986 section 2.1. The caller frees it.
 */
char *http_url_decode(struct slice text, bool plus);

/* One name with its value, heap strings of the owner. */
struct http_url_pair {
	char *name;
	char *value;
};

/* "a=1&b" into pairs; returns their number, or -ERR_SYNTAX, -ERR_LIMIT (nothing is left then). */
MUST_CHECK int http_url_query(struct slice query, struct http_url_pair *pairs, size_t max);

/*
 * Does path ("/v1/x%20y") fit pattern ("/v1/:name")? 1 and its *n_r values by name; 0 when it
 * does not; -ERR_SYNTAX when a segment cannot be decoded, -ERR_LIMIT over max values.
 */
MUST_CHECK int http_url_match(const char *pattern, struct slice path, struct http_url_pair *pairs,
			      size_t max, size_t *n_r);
void http_url_free_pairs(struct http_url_pair *pairs, size_t n);

#endif
