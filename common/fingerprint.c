/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading, writing and comparing certificate fingerprints, RFC 8122 section 5. Which hashes are
 * trusted is decided here once: SHA-256, SHA-384, SHA-512.
 */
#include "common/fingerprint.h"

#include <string.h>

static const struct {
	const char *name;
	size_t len;
} hashes[] = {
	[FINGERPRINT_SHA256] = {"sha-256", 32},
	[FINGERPRINT_SHA384] = {"sha-384", 48},
	[FINGERPRINT_SHA512] = {"sha-512", 64},
};

size_t fingerprint_len(enum fingerprint_hash hash)
{
	return hashes[hash].len;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* "AA:BB:CC" of any length up to max octets; the number of octets, or -ERR_SYNTAX. */
static int hex_pairs(struct slice text, uint8_t *octets, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i += 3) {
		int high = digit(text.ptr[i]);
		int low = i + 1 < text.len ? digit(text.ptr[i + 1]) : -1;

		if (high < 0 || low < 0 || n == max)
			return -ERR_SYNTAX;
		/* A colon between two pairs, none at the end. */
		if (i + 2 < text.len && (text.ptr[i + 2] != ':' || i + 3 == text.len))
			return -ERR_SYNTAX;
		octets[n++] = (uint8_t)(high << 4 | low);
	}
	return n ? (int)n : -ERR_SYNTAX;
}

/* Letters, digits and hyphens: what is not understood may still be passed on as text. */
static bool is_name(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    c != '-')
			return false;
	}
	return s.len > 0;
}

int fingerprint_parse(struct slice text, struct fingerprint *fp_r)
{
	struct slice rest = slice_trim(text), name;
	struct fingerprint fp = {0};
	int n;

	if (!slice_next(&rest, ' ', &name) || !is_name(name))
		return -ERR_SYNTAX;
	n = hex_pairs(slice_trim(rest), fp.octets, sizeof(fp.octets));
	if (n < 0)
		return n;
	for (enum fingerprint_hash h = FINGERPRINT_SHA256; h <= FINGERPRINT_SHA512; h++) {
		if (slice_ieq_str(name, hashes[h].name))
			fp.hash = h;
	}
	if (!fp.hash)
		return -ERR_UNSUPPORTED;
	if ((size_t)n != hashes[fp.hash].len)
		return -ERR_SYNTAX;
	*fp_r = fp;
	return 0;
}

void fingerprint_build(struct bytes *out, const struct fingerprint *fp)
{
	bytes_add_str(out, hashes[fp->hash].name);
	for (size_t i = 0; i < hashes[fp->hash].len; i++)
		bytes_addf(out, "%c%02X", i ? ':' : ' ', fp->octets[i]);
}

int fingerprint_list_add(struct fingerprint_list *list, struct slice text)
{
	struct fingerprint fp;
	int rc = fingerprint_parse(text, &fp);

	if (rc == -ERR_UNSUPPORTED)
		return 0;
	if (rc)
		return rc;
	if (list->n == FINGERPRINT_LIST_MAX)
		return -ERR_LIMIT;
	list->items[list->n++] = fp;
	return 0;
}

int fingerprint_list_read(struct fingerprint_list *list_r, const char *text)
{
	struct fingerprint_list list = {.n = 0};
	struct slice rest = slice_str(text), item;

	while (slice_next(&rest, ',', &item)) {
		struct bytes named = BYTES_INIT;
		size_t before = list.n;
		int rc;

		item = slice_trim(item);
		if (!item.len)
			continue;
		if (slice_chr(item, ' ') < 0)
			bytes_add_str(&named, "sha-256 ");
		bytes_add_slice(&named, item);
		rc = fingerprint_list_add(&list, bytes_slice(&named));
		bytes_fini(&named);
		if (rc || list.n == before)
			return rc ? rc : -ERR_SYNTAX;
	}
	*list_r = list;
	return 0;
}

enum fingerprint_hash fingerprint_list_hash(const struct fingerprint_list *list)
{
	enum fingerprint_hash best = 0;

	for (size_t i = 0; i < list->n; i++) {
		if (list->items[i].hash > best)
			best = list->items[i].hash;
	}
	return best;
}

bool fingerprint_list_has(const struct fingerprint_list *list, const struct fingerprint *fp)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->items[i].hash == fp->hash &&
		    !memcmp(list->items[i].octets, fp->octets, hashes[fp->hash].len))
			return true;
	}
	return false;
}
