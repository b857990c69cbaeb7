/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of names. Comparison is by sip_uri_key(); other schemes compare by octets. The text that
 * matched last is kept: a client writes its From the same way each time.
 */
#include "mrfp/uris.h"

#include <stdlib.h>

#include "common/mem.h"
#include "proto/sip_uri.h"

char *uris_key(struct slice uri)
{
	struct bytes b = BYTES_INIT;
	char *key = NULL;

	if (sip_uri_key(uri, &b) == 0 && bytes_ok(&b))
		key = bytes_take(&b);
	bytes_fini(&b);
	return key;
}

void uris_fini(struct uris *u)
{
	free(u->uri);
	free(u->last);
	memset(u, 0, sizeof(*u));
}

/* Copies text to *at, with a NUL; *at moves on. */
static char *put(char **at, struct slice text)
{
	char *copy = *at;

	if (text.len)
		memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	*at += text.len + 1;
	return copy;
}

void uris_set(struct uris *u, const struct ctl_list *list)
{
	size_t n = list->n < CTL_LIST_MAX ? list->n : CTL_LIST_MAX, size = 0;
	char *keys[CTL_LIST_MAX], *at;

	uris_fini(u);
	if (!n)
		return;
	for (size_t i = 0; i < n; i++) {
		keys[i] = uris_key(list->items[i]);
		size += list->items[i].len + 1 + (keys[i] ? strlen(keys[i]) + 1 : 0);
	}
	u->n = n;
	u->uri = xcalloc(1, 2 * n * sizeof(*u->uri) + size); /* one block for all */
	u->key = u->uri + n;
	at = (char *)(u->key + n);
	for (size_t i = 0; i < n; i++) {
		u->uri[i] = put(&at, list->items[i]);
		if (keys[i] && slice_eq_str(list->items[i], keys[i]))
			u->key[i] = u->uri[i]; /* once is enough */
		else if (keys[i])
			u->key[i] = put(&at, slice_str(keys[i]));
		free(keys[i]);
	}
}

bool uris_has_key(const struct uris *u, struct slice uri, const char *key)
{
	bool found = false;

	for (size_t i = 0; i < u->n && !found; i++)
		found = key && u->key[i] ? !strcmp(key, u->key[i]) : slice_eq_str(uri, u->uri[i]);
	return found;
}

bool uris_has(struct uris *u, struct slice uri)
{
	char *key;
	bool found;

	if (u->last && slice_eq(uri, slice_make(u->last, u->last_len)))
		return true;
	key = uris_key(uri);
	found = uris_has_key(u, uri, key);
	free(key);
	if (found) {
		free(u->last);
		u->last = slice_dup(uri);
		u->last_len = uri.len;
	}
	return found;
}
