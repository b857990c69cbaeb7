/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths and queries of the admin API: percent-coding and matching against patterns. A path is
 * cut into segments before it is decoded, so that an escaped slash stays inside its segment.
 */
#include "common/http_url.h"

#include <stdlib.h>

#include "common/bytes.h"
#include "common/http.h"
#include "common/mem.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

char *http_url_decode(struct slice text, bool plus)
{
	char *out = xcalloc(1, text.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '%') {
			int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
			int low = i + 2 < text.len ? hex_digit(text.ptr[i + 2]) : -1;

			if (high < 0 || low < 0)
				goto bad;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (plus && c == '+') {
			c = ' ';
		}
		if (c == '\0')
			goto bad;
		out[n++] = c;
	}
	if (slice_is_utf8(slice_make(out, n)))
		return out;
bad:
	free(out);
	return NULL;
}

void http_encode_segment(struct bytes *out, struct slice segment)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					 "0123456789-._~";

	for (size_t i = 0; i < segment.len; i++) {
		char c = segment.ptr[i];

		if (c && strchr(unreserved, c))
			bytes_add_char(out, c);
		else
			bytes_addf(out, "%%%02X", (unsigned char)c);
	}
}

void http_url_free_pairs(struct http_url_pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(pairs[i].name);
		free(pairs[i].value);
		pairs[i] = (struct http_url_pair){NULL, NULL};
	}
}

int http_url_query(struct slice query, struct http_url_pair *pairs, size_t max)
{
	struct slice one;
	size_t n = 0;
	int rc = 0;

	while (rc == 0 && slice_next(&query, '&', &one)) {
		ptrdiff_t equals = slice_chr(one, '=');
		struct slice name = equals < 0 ? one : slice_first(one, (size_t)equals);
		struct slice value = equals < 0 ? SLICE_NULL : slice_from(one, (size_t)equals + 1);

		if (one.len == 0)
			continue;
		if (n == max) {
			rc = -ERR_LIMIT;
			break;
		}
		pairs[n].name = http_url_decode(name, true);
		pairs[n].value = http_url_decode(value, true);
		if (!pairs[n].name || !pairs[n].value)
			rc = -ERR_SYNTAX;
		n++;
	}
	if (rc < 0) {
		http_url_free_pairs(pairs, n);
		return rc;
	}
	return (int)n;
}

/* Shape only: the same number of segments, equal names, nothing empty where a value belongs. */
static bool same_shape(struct slice pattern, struct slice path)
{
	struct slice want, have;

	while (slice_next(&pattern, '/', &want)) {
		if (!slice_next(&path, '/', &have))
			return false;
		if (slice_starts(want, SLICE_LIT(":")) ? have.len == 0 : !slice_eq(want, have))
			return false;
	}
	return path.ptr == NULL;
}

int http_url_match(const char *pattern, struct slice path, struct http_url_pair *pairs, size_t max,
		   size_t *n_r)
{
	struct slice rest = slice_str(pattern), want, have;
	size_t n = 0;
	int rc = 1;

	if (!path.ptr || !same_shape(rest, path))
		return 0;
	while (rc == 1 && slice_next(&rest, '/', &want) && slice_next(&path, '/', &have)) {
		if (!slice_starts(want, SLICE_LIT(":")))
			continue;
		if (n == max) {
			rc = -ERR_LIMIT;
			break;
		}
		pairs[n].name = slice_dup(slice_from(want, 1));
		pairs[n].value = http_url_decode(have, false);
		if (!pairs[n++].value)
			rc = -ERR_SYNTAX;
	}
	if (rc < 0)
		http_url_free_pairs(pairs, n);
	else
		*n_r = n;
	return rc;
}
