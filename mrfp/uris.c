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
	for (size_t i = 0; i < u->n; i++) {
		free(u->uri[i]);
		free(u->key[i]);
	}
	free(u->uri);
	free(u->key);
	free(u->last);
	memset(u, 0, sizeof(*u));
}

void uris_set(struct uris *u, const struct ctl_list *list)
{
	size_t n = list->n < CTL_LIST_MAX ? list->n : CTL_LIST_MAX;

	uris_fini(u);
	if (!n)
		return;
	u->uri = xcalloc(n, sizeof(*u->uri));
	u->key = xcalloc(n, sizeof(*u->key));
	for (size_t i = 0; i < n; i++) {
		u->uri[i] = slice_dup(list->items[i]);
		u->key[i] = uris_key(list->items[i]);
	}
	u->n = n;
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
