/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elements of DER, X.690 8.1 and 10.1: low tag numbers, definite lengths in as few octets as they
 * need. What encloses an element bounds it, whether or not all of it is in sight, so that
 * a length that a peer made up is refused before anything is done with it.
 */
#include "proto/der.h"

#define LENGTH_OCTETS_MAX 4

/* Length octets at `from` of what is in sight; *used_r: how many there are. */
static int read_length(const struct der *d, size_t from, size_t *len_r, size_t *used_r)
{
	const uint8_t *p = (const uint8_t *)d->seen.ptr;
	size_t n, len = 0;

	if (d->left <= from)
		return -ERR_SYNTAX;
	if (d->seen.len <= from)
		return -ERR_AGAIN;
	if (p[from] < 0x80) {
		*len_r = p[from];
		*used_r = 1;
		return 0;
	}
	n = p[from] & 0x7f;
	if (n == 0 || n > LENGTH_OCTETS_MAX || d->left - from - 1 < n)
		return -ERR_SYNTAX;
	if (d->seen.len - from - 1 < n)
		return -ERR_AGAIN;
	for (size_t i = 1; i <= n; i++)
		len = len << 8 | p[from + i];
	if (p[from + 1] == 0 || len < 0x80)
		return -ERR_SYNTAX; /* fewer octets would have done */
	*len_r = len;
	*used_r = n + 1;
	return 0;
}

static void advance(struct der *d, size_t n)
{
	d->seen = slice_from(d->seen, n);
	d->left -= n;
}

int der_take(struct der *d, uint8_t tag, struct der *content_r)
{
	size_t len, used;
	int rc;

	if (d->left == 0)
		return -ERR_SYNTAX;
	if (d->seen.len == 0)
		return -ERR_AGAIN;
	if ((uint8_t)d->seen.ptr[0] != tag)
		return -ERR_SYNTAX;
	rc = read_length(d, 1, &len, &used);
	if (rc < 0)
		return rc;
	if (len > d->left - 1 - used)
		return -ERR_SYNTAX;
	advance(d, 1 + used);
	*content_r = (struct der){slice_first(d->seen, len), len};
	advance(d, len);
	return 0;
}

int der_take_slice(struct der *d, uint8_t tag, struct slice *content_r)
{
	struct der content;
	int rc = der_take(d, tag, &content);

	if (rc == 0 && content.seen.len < content.left)
		rc = -ERR_AGAIN;
	if (rc == 0)
		*content_r = content.seen;
	return rc;
}

int der_take_exactly(struct der *d, const void *octets, size_t len)
{
	size_t seen = d->seen.len < len ? d->seen.len : len;

	if (d->left < len || (seen > 0 && memcmp(d->seen.ptr, octets, seen) != 0))
		return -ERR_SYNTAX;
	if (seen < len)
		return -ERR_AGAIN;
	advance(d, len);
	return 0;
}

bool der_is_next(const struct der *d, uint8_t tag)
{
	return d->seen.len > 0 && (uint8_t)d->seen.ptr[0] == tag;
}

/* Octets behind the first one of a length. */
static size_t more_octets(size_t content)
{
	size_t n = 0;

	if (content < 0x80)
		return 0;
	for (; content > 0; content >>= 8)
		n++;
	return n;
}

size_t der_size(size_t content)
{
	return 2 + more_octets(content) + content;
}

void der_add_head(struct bytes *out, uint8_t tag, size_t content)
{
	size_t n = more_octets(content);

	bytes_add_u8(out, tag);
	bytes_add_u8(out, (uint8_t)(n > 0 ? 0x80 | n : content));
	while (n-- > 0)
		bytes_add_u8(out, (uint8_t)(content >> (8 * n)));
}

void der_add(struct bytes *out, uint8_t tag, struct slice content)
{
	der_add_head(out, tag, content.len);
	bytes_add_slice(out, content);
}
