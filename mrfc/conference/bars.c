/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of who is kept out of a conference. Short lists, asked on a join and on what a member
 * does: comparable keys beside the URIs, looked through one by one. Owns its strings.
 */
#include "mrfc/conference/bars.h"

#include <stdlib.h>

#include "common/bytes.h"
#include "common/mem.h"
#include "proto/sip_uri.h"

struct bar_name {
	char *uri;
	struct bytes key;
};

struct bar {
	struct bar_name *names; /* the first is his own */
	size_t n;
};

struct bars {
	struct bar *all;
	size_t n;
};

struct bars *bars_new(void)
{
	return xcalloc(1, sizeof(struct bars));
}

static void bar_fini(struct bar *bar)
{
	for (size_t i = 0; i < bar->n; i++) {
		free(bar->names[i].uri);
		bytes_fini(&bar->names[i].key);
	}
	free(bar->names);
}

void bars_free(struct bars **bp)
{
	struct bars *b = *bp;

	if (b == NULL)
		return;
	*bp = NULL;
	for (size_t i = 0; i < b->n; i++)
		bar_fini(&b->all[i]);
	free(b->all);
	free(b);
}

/* Comparable, and the port that is meant without one names nobody else. */
static int key_of(struct slice uri, struct bytes *key)
{
	struct sip_uri u;
	int err = sip_uri_key(uri, key);

	if (err == 0 && sip_uri_parse(uri, &u) == 0 && u.scheme != SIP_URI_OTHER &&
	    (u.port == 5060 || u.port == 5061))
		key->data[key->len -= strlen(":5060")] = '\0';
	return err;
}

static bool is_called(const struct bar *bar, struct slice key)
{
	for (size_t i = 0; i < bar->n; i++) {
		if (slice_eq(bytes_slice(&bar->names[i].key), key))
			return true;
	}
	return false;
}

/* b->n: none. */
static size_t find(const struct bars *b, struct slice uri)
{
	struct bytes key = BYTES_INIT;
	size_t i = b->n;

	if (b->n != 0 && key_of(uri, &key) == 0) {
		for (i = 0; i < b->n; i++) {
			if (is_called(&b->all[i], bytes_slice(&key)))
				break;
		}
	}
	bytes_fini(&key);
	return i;
}

static int name_add(struct bar *bar, struct slice uri)
{
	struct bytes key = BYTES_INIT;

	if (key_of(uri, &key) != 0) {
		bytes_fini(&key);
		return -ERR_SYNTAX;
	}
	bar->names = xrealloc(bar->names, (bar->n + 1) * sizeof(*bar->names));
	bar->names[bar->n++] = (struct bar_name){slice_dup(uri), key};
	return 0;
}

int bars_add(struct bars *b, struct slice uri, const char *const *aliases, size_t n)
{
	struct bar bar = {0};
	int err;

	if (find(b, uri) < b->n)
		return 0;
	if (b->n == BARS_MAX)
		return -ERR_LIMIT;
	err = name_add(&bar, uri);
	if (err != 0)
		return err;
	for (size_t i = 0; i < n; i++)
		(void)name_add(&bar, slice_str(aliases[i])); /* what is no URI keeps nobody out */
	b->all = xrealloc(b->all, (b->n + 1) * sizeof(*b->all));
	b->all[b->n++] = bar;
	return 0;
}

int bars_remove(struct bars *b, struct slice uri)
{
	size_t i = find(b, uri);

	if (i == b->n)
		return -ERR_NOT_FOUND;
	bar_fini(&b->all[i]);
	b->n--;
	memmove(&b->all[i], &b->all[i + 1], (b->n - i) * sizeof(*b->all));
	return 0;
}

char *bars_names(const struct bars *b, struct slice uri)
{
	struct bytes text = BYTES_INIT;
	size_t at = find(b, uri);

	for (size_t i = 0; at < b->n && i < b->all[at].n; i++)
		bytes_addf(&text, "%s%s", i != 0 ? " " : "", b->all[at].names[i].uri);
	return text.len != 0 ? bytes_take(&text) : xstrdup("");
}

int bars_restore(struct bars *b, struct slice names)
{
	struct slice rest = names, one;
	size_t n = b->n;
	int err = -ERR_SYNTAX;

	while (slice_next(&rest, ' ', &one)) {
		if (err != 0)
			err = bars_add(b, one, NULL, 0);
		else if (b->n > n)
			(void)name_add(&b->all[n], one);
		if (err != 0)
			break;
	}
	return err;
}

bool bars_has(const struct bars *b, struct slice uri)
{
	return find(b, uri) < b->n;
}

size_t bars_count(const struct bars *b)
{
	return b->n;
}

const char *bars_at(const struct bars *b, size_t i)
{
	return i < b->n ? b->all[i].names[0].uri : NULL;
}
