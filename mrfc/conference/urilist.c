/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of users in requests: reading with limits, sorting by what may be done for whom, and the
 * history for those who are called. RFC 5363, 5364, 5366, 5368; consent as in RFC 5360 5.9.
 */
#include "mrfc/conference/urilist.h"

#include <stdlib.h>
#include <uthash.h>

#include "common/mem.h"
#include "proto/sip_uri.h"

#define ANONYMOUS      "sip:anonymous@anonymous.invalid"
#define ANONYMOUS_HOST "anonymous.invalid"

struct names {
	char **uri;
	size_t n;
};

struct urilist {
	struct reslist all;
	size_t octets;
	struct urilist_target *targets;
	size_t n_targets;
	struct names ours, missing;
};

/* --- consent --- */

struct agreed {
	UT_hash_handle hh;
	char key[]; /* of a URI, or "@host" */
};

struct urilist_consent {
	struct agreed *all;
};

static void agree(struct urilist_consent *c, struct slice key)
{
	struct agreed *a;

	HASH_FIND(hh, c->all, key.ptr, key.len, a);
	if (a != NULL)
		return;
	a = xcalloc(1, sizeof(*a) + key.len + 1);
	memcpy(a->key, key.ptr, key.len);
	HASH_ADD_KEYPTR(hh, c->all, a->key, key.len, a);
}

/* "@domain" in lower case, as URIs' hosts are looked up. */
static void domain_key(struct slice host, struct bytes *key)
{
	bytes_add_char(key, '@');
	for (size_t i = 0; i < host.len; i++) {
		char c = host.ptr[i];

		bytes_add_char(key, c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c);
	}
}

static int agree_line(struct urilist_consent *c, struct slice line)
{
	ptrdiff_t remark = slice_chr(line, '#');
	struct bytes key = BYTES_INIT;
	int err = 0;

	line = slice_trim(remark >= 0 ? slice_first(line, (size_t)remark) : line);
	if (line.len == 0)
		return 0;
	if (line.ptr[0] == '@' && line.len > 1)
		domain_key(slice_from(line, 1), &key);
	else
		err = sip_uri_key(line, &key);
	if (err == 0)
		agree(c, bytes_slice(&key));
	bytes_fini(&key);
	return err;
}

int urilist_consent_parse(struct slice text, struct urilist_consent **consent_r, unsigned *line_r)
{
	struct urilist_consent *c = xcalloc(1, sizeof(*c));
	struct slice line;

	*line_r = 0;
	while (slice_next(&text, '\n', &line)) {
		++*line_r;
		if (agree_line(c, line) != 0) {
			urilist_consent_free(&c);
			return -ERR_SYNTAX;
		}
	}
	*consent_r = c;
	return 0;
}

void urilist_consent_free(struct urilist_consent **cp)
{
	struct agreed *a, *next;

	if (*cp == NULL)
		return;
	HASH_ITER(hh, (*cp)->all, a, next) {
		HASH_DEL((*cp)->all, a);
		free(a);
	}
	free(*cp);
	*cp = NULL;
}

static bool has_key(const struct urilist_consent *c, struct bytes *key)
{
	struct agreed *a;

	HASH_FIND(hh, c->all, key->data, key->len, a);
	bytes_reset(key);
	return a != NULL;
}

bool urilist_consent_has(const struct urilist_consent *c, const char *uri)
{
	struct bytes key = BYTES_INIT;
	struct sip_uri u;
	bool yes = false;

	if (sip_uri_parse(slice_str(uri), &u) == 0) {
		yes = sip_uri_key(slice_str(uri), &key) == 0 && has_key(c, &key);
		domain_key(u.host, &key);
		yes = yes || (u.host.len > 0 && has_key(c, &key));
	}
	bytes_fini(&key);
	return yes;
}

/* --- the list --- */

struct urilist *urilist_new(void)
{
	return xcalloc(1, sizeof(struct urilist));
}

static void names_fini(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->uri[i]);
	free(names->uri);
}

/* Takes uri. */
static void names_add(struct names *names, char *uri)
{
	names->uri = xrealloc(names->uri, (names->n + 1) * sizeof(*names->uri));
	names->uri[names->n++] = uri;
}

void urilist_free(struct urilist **lp)
{
	struct urilist *l = *lp;

	if (l == NULL)
		return;
	*lp = NULL;
	reslist_fini(&l->all);
	for (size_t i = 0; i < l->n_targets; i++) {
		free(l->targets[i].uri);
		free(l->targets[i].display);
	}
	free(l->targets);
	names_fini(&l->ours);
	names_fini(&l->missing);
	free(l);
}

int urilist_add(struct urilist *l, struct slice text, const struct urilist_rules *rules)
{
	int err;

	l->octets += text.len;
	if (l->octets > rules->max_octets)
		return 400;
	err = reslist_merge(text, rules->max_entries, &l->all);
	return err == 0 ? 0 : err == -ERR_LIMIT ? 403 : 400;
}

/* "name" or "name=value" items but the method, joined by sep; the method is in *method_r. */
static void without_method(struct slice items, struct bytes *out, struct slice *method_r)
{
	struct slice item;

	while (slice_next(&items, ';', &item)) {
		ptrdiff_t eq = slice_chr(item, '=');

		if (eq > 0 && slice_ieq_str(slice_first(item, (size_t)eq), "method")) {
			*method_r = slice_from(item, (size_t)eq + 1);
			continue;
		}
		bytes_add_char(out, ';');
		bytes_add_slice(out, item);
	}
}

/* The entry's URI as it is called: headers are somebody else's wishes. Heap. */
static char *clean_uri(struct slice uri, const struct sip_uri *u, struct slice *method_r)
{
	struct slice headers = u->headers, item;
	struct bytes out = BYTES_INIT;
	size_t bare = u->params.ptr != NULL    ? (size_t)(u->params.ptr - uri.ptr) - 1
		      : u->headers.ptr != NULL ? (size_t)(u->headers.ptr - uri.ptr) - 1
					       : uri.len;

	*method_r = SLICE_NULL;
	while (slice_next(&headers, '&', &item)) { /* as RFC 5368 9 writes it */
		if (slice_istarts(item, SLICE_LIT("method=")))
			*method_r = slice_from(item, strlen("method="));
	}
	bytes_add_slice(&out, slice_first(uri, bare));
	without_method(u->params, &out, method_r);
	return bytes_take(&out);
}

static bool callable(const struct sip_uri *u)
{
	if (u->scheme == SIP_URI_TEL)
		return true;
	return (u->scheme == SIP_URI_SIP || u->scheme == SIP_URI_SIPS) && u->user.len > 0 &&
	       !slice_ieq_str(u->host, ANONYMOUS_HOST);
}

/* Takes uri. */
static void add_target(struct urilist *l, char *uri, const char *display, bool bye)
{
	l->targets = xrealloc(l->targets, (l->n_targets + 1) * sizeof(*l->targets));
	l->targets[l->n_targets++] = (struct urilist_target){
		.uri = uri, .display = display != NULL ? xstrdup(display) : NULL, .bye = bye};
}

enum { USED, UNUSABLE };

/* USED, UNUSABLE, or the status to refuse all with. */
static int judge_entry(struct urilist *l, const struct reslist_entry *e, enum urilist_use use,
		       const struct urilist_rules *rules)
{
	struct slice method;
	struct sip_uri u;
	bool bye;
	char *uri;

	if (slice_istarts(slice_str(e->uri), SLICE_LIT("cid:")))
		return 400; /* lists in this request are read already */
	if (sip_uri_parse(slice_str(e->uri), &u) != 0 || !callable(&u))
		return UNUSABLE;
	uri = clean_uri(slice_str(e->uri), &u, &method);
	bye = use == URILIST_REFER && slice_ieq_str(method, "BYE");
	if (use == URILIST_REFER && !bye && method.len > 0 && !slice_ieq_str(method, "INVITE")) {
		free(uri);
		return 501;
	}
	if (rules->is_ours(uri, rules->arg)) {
		names_add(&l->ours, uri);
	} else if (bye) {
		add_target(l, uri, NULL, true);
	} else if (rules->is_self(uri, rules->arg)) {
		free(uri);
	} else if (rules->consent != NULL && !urilist_consent_has(rules->consent, uri)) {
		names_add(&l->missing, uri);
	} else {
		add_target(l, uri, e->display, false);
	}
	return USED;
}

int urilist_judge(struct urilist *l, enum urilist_use use, const struct urilist_rules *rules)
{
	size_t n_used = 0;

	for (size_t i = 0; i < l->all.n_entries; i++) {
		int status = judge_entry(l, &l->all.entries[i], use, rules);

		if (status > UNUSABLE)
			return status;
		n_used += status == USED;
	}
	if (n_used == 0)
		return 400;
	if (l->ours.n > 0)
		return 403;
	return l->n_targets == 0 && l->missing.n > 0 ? 470 : 0;
}

const struct urilist_target *urilist_targets(const struct urilist *l, size_t *n_r)
{
	*n_r = l->n_targets;
	return l->targets;
}

const char *const *urilist_ours(const struct urilist *l, size_t *n_r)
{
	*n_r = l->ours.n;
	return (const char *const *)l->ours.uri;
}

const char *const *urilist_missing(const struct urilist *l, size_t *n_r)
{
	*n_r = l->missing.n;
	return (const char *const *)l->missing.uri;
}

/* --- the history --- */

void urilist_show(struct reslist *list, const char *uri, const char *display,
		  enum reslist_copy copy, uint32_t hidden)
{
	struct reslist_entry *e;

	for (size_t i = 0; hidden > 0 && i < list->n_entries; i++) {
		e = &list->entries[i];
		if (e->count > 0 && e->copy == copy) {
			e->count += hidden < UINT32_MAX - e->count ? hidden : 0;
			return;
		}
	}
	list->entries = xrealloc(list->entries, (list->n_entries + 1) * sizeof(*list->entries));
	e = &list->entries[list->n_entries++];
	*e = (struct reslist_entry){
		.uri = xstrdup(hidden > 0 ? ANONYMOUS : uri), .copy = copy, .count = hidden};
	if (hidden == 0 && display != NULL)
		e->display = xstrdup(display);
}

static bool is_missing(const struct urilist *l, const char *uri)
{
	for (size_t i = 0; i < l->missing.n; i++) {
		if (sip_uri_same(slice_str(l->missing.uri[i]), slice_str(uri)))
			return true;
	}
	return false;
}

static void show_entry(const struct urilist *l, const struct reslist_entry *e, struct reslist *list)
{
	struct slice method;
	struct sip_uri u;
	char *uri;

	if (e->copy != RESLIST_TO && e->copy != RESLIST_CC)
		return; /* none is blind too */
	if (sip_uri_parse(slice_str(e->uri), &u) != 0)
		return;
	uri = clean_uri(slice_str(e->uri), &u, &method);
	if (slice_ieq_str(u.host, ANONYMOUS_HOST)) {
		urilist_show(list, NULL, NULL, e->copy, e->count > 0 ? e->count : 1);
	} else if (!is_missing(l, uri) && !slice_ieq_str(method, "BYE")) {
		urilist_show(list, uri, e->display, e->copy, e->anonymize);
	}
	free(uri);
}

struct chunk *urilist_history(const struct urilist *l)
{
	struct bytes out = BYTES_INIT;
	struct reslist list = {0};
	struct chunk *history = NULL;

	for (size_t i = 0; i < l->all.n_entries; i++)
		show_entry(l, &l->all.entries[i], &list);
	if (list.n_entries > 0) {
		reslist_build(&out, &list);
		history = chunk_from(bytes_slice(&out));
	}
	reslist_fini(&list);
	bytes_fini(&out);
	return history;
}
