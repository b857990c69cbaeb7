/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of recipients: application/resource-lists+xml of RFC 4826 with the attributes of RFC 5364.
 * Lists inside lists are flattened, references to other lists are counted and not followed (LIST-004),
 * duplicates are merged (RFC 5363 4.1, RFC 5364 4). Whom to serve is the caller's decision.
 */
#include "proto/reslist.h"

#include <inttypes.h>
#include <stdlib.h>
#include <uthash.h>

#include "common/mem.h"
#include "proto/sip_uri.h"
#include "proto/xml.h"

#define NS_LISTS  "urn:ietf:params:xml:ns:resource-lists"
#define NS_COPY   "urn:ietf:params:xml:ns:copycontrol"
#define NS_COPY_C "urn:ietf:params:xml:ns:copyControl" /* as the example of RFC 5366 6 has it */

#define MAX_BYTES    (1u << 20)
#define MAX_DEPTH    32
#define MAX_ELEMENTS 10000
#define MAX_ATTR     4096

static const char *const copy_names[] = {
	[RESLIST_NONE] = NULL,
	[RESLIST_TO] = "to",
	[RESLIST_CC] = "cc",
	[RESLIST_BCC] = "bcc",
};

/* The URIs met so far, in comparable form. */
struct seen {
	UT_hash_handle hh;
	size_t index; /* of the entry */
	size_t len;
	char key[];
};

struct reading {
	struct xml_reader *x;
	struct reslist list;
	size_t max_entries;
	struct seen *seen;
	size_t n_elements;
	int depth;
	int entry_depth;             /* of the entry that is open; 0: none */
	int display_depth;           /* of its display-name; 0: none */
	struct reslist_entry *entry; /* the one that is open; it may be a merged one */
	struct bytes text;
};

/* "to" goes over "cc" over "bcc"; none counts as bcc (RFC 5364 4). */
static int precedence(enum reslist_copy c)
{
	return c == RESLIST_NONE ? RESLIST_BCC : (int)c;
}

static char *copy_control(struct xml_reader *x, const char *name)
{
	char *value = xml_attr(x, name, NS_COPY);

	return value ? value : xml_attr(x, name, NS_COPY_C);
}

static int copy_attr(struct xml_reader *x, enum reslist_copy *copy_r)
{
	char *value = copy_control(x, "copyControl");
	enum reslist_copy copy = RESLIST_NONE;
	int err = 0;

	if (value) {
		for (copy = RESLIST_BCC; copy != RESLIST_NONE; copy--) {
			if (strcmp(value, copy_names[copy]) == 0)
				break;
		}
		if (copy == RESLIST_NONE)
			err = -ERR_SYNTAX;
	}
	free(value);
	*copy_r = copy;
	return err;
}

/* xs:boolean; false when absent. */
static int bool_attr(struct xml_reader *x, const char *name, bool *value_r)
{
	char *value = copy_control(x, name);
	bool yes = value && (strcmp(value, "true") == 0 || strcmp(value, "1") == 0);
	bool no = !value || strcmp(value, "false") == 0 || strcmp(value, "0") == 0;

	free(value);
	*value_r = yes;
	return yes || no ? 0 : -ERR_SYNTAX;
}

static int count_attr(struct xml_reader *x, uint32_t *count_r)
{
	char *value = copy_control(x, "count");
	uint64_t count = 0;
	int err = value ? slice_u64(slice_trim(slice_str(value)), UINT32_MAX, &count) : 0;

	free(value);
	*count_r = (uint32_t)count;
	return err < 0 ? -ERR_SYNTAX : 0;
}

/* Anonymised entries all have the same bogus URI: they are no duplicates (RFC 5364 4). */
static bool may_repeat(const struct reslist_entry *e)
{
	return e->count > 0;
}

static void merge(struct reslist_entry *old, const struct reslist_entry *e)
{
	if (precedence(e->copy) < precedence(old->copy)) {
		old->copy = e->copy;
		old->anonymize = e->anonymize;
	}
}

static void key_of(const struct reslist_entry *e, struct bytes *key)
{
	if (sip_uri_key(slice_str(e->uri), key) < 0) {
		bytes_reset(key);
		bytes_add_str(key, e->uri);
	}
}

static void note_seen(struct reading *r, const struct bytes *key, size_t index)
{
	struct seen *s = xcalloc(1, sizeof(*s) + key->len);

	s->index = index;
	s->len = key->len;
	memcpy(s->key, key->data, key->len);
	HASH_ADD_KEYPTR(hh, r->seen, s->key, s->len, s);
}

/* Takes e's strings. 0 and the entry that stands for it, or -ERR_LIMIT. */
static int add_entry(struct reading *r, struct reslist_entry *e)
{
	struct reslist *l = &r->list;
	struct bytes key = BYTES_INIT;
	struct seen *s = NULL;
	int err = 0;

	key_of(e, &key);
	if (!may_repeat(e))
		HASH_FIND(hh, r->seen, key.data, key.len, s);
	if (s) {
		r->entry = &l->entries[s->index];
		merge(r->entry, e);
		free(e->uri);
	} else if (l->n_entries >= r->max_entries) {
		free(e->uri);
		err = -ERR_LIMIT;
	} else {
		l->entries = xrealloc(l->entries, (l->n_entries + 1) * sizeof(*l->entries));
		r->entry = &l->entries[l->n_entries];
		*r->entry = *e;
		if (!may_repeat(e))
			note_seen(r, &key, l->n_entries);
		l->n_entries++;
	}
	bytes_fini(&key);
	return err;
}

static int start_entry(struct reading *r)
{
	struct reslist_entry e = {0};
	struct slice uri;
	char *raw = xml_attr(r->x, "uri", NULL);
	int err = -ERR_SYNTAX;

	uri = raw ? slice_trim(slice_str(raw)) : SLICE_NULL;
	if (uri.len > 0 && uri.len <= MAX_ATTR && copy_attr(r->x, &e.copy) == 0 &&
	    bool_attr(r->x, "anonymize", &e.anonymize) == 0 && count_attr(r->x, &e.count) == 0) {
		e.uri = slice_dup(uri);
		err = add_entry(r, &e);
	}
	free(raw);
	r->entry_depth = r->depth;
	return err;
}

static int on_start(struct reading *r, const struct xml_item *item)
{
	bool ours = strcmp(item->ns, NS_LISTS) == 0;

	if (++r->n_elements > MAX_ELEMENTS)
		return -ERR_SYNTAX;
	if (++r->depth == 1)
		return ours && strcmp(item->name, "resource-lists") == 0 ? 0 : -ERR_SYNTAX;
	if (!ours)
		return 0;
	if (r->entry_depth == 0 && strcmp(item->name, "entry") == 0)
		return start_entry(r);
	if (strcmp(item->name, "entry-ref") == 0 || strcmp(item->name, "external") == 0)
		r->list.n_ignored++;
	if (r->entry_depth > 0 && r->depth == r->entry_depth + 1 &&
	    strcmp(item->name, "display-name") == 0) {
		r->display_depth = r->depth;
		bytes_reset(&r->text);
	}
	return 0;
}

static void on_end(struct reading *r)
{
	if (r->depth == r->display_depth) {
		struct slice name = slice_trim(bytes_slice(&r->text));

		if (name.len > 0 && !r->entry->display)
			r->entry->display = slice_dup(name);
		r->display_depth = 0;
	}
	if (r->depth == r->entry_depth)
		r->entry_depth = 0;
	r->depth--;
}

static int read_all(struct reading *r)
{
	struct xml_item item;
	int n, err = 0;

	while (err == 0 && (n = xml_next(r->x, &item)) != 0) {
		if (n < 0)
			return -ERR_SYNTAX; /* too deep is as bad */
		if (item.type == XML_ITEM_START)
			err = on_start(r, &item);
		else if (item.type == XML_ITEM_END)
			on_end(r);
		else if (r->depth == r->display_depth)
			bytes_add_slice(&r->text, item.text);
	}
	return err;
}

static void seen_free(struct reading *r)
{
	struct seen *s, *next;

	HASH_ITER(hh, r->seen, s, next) {
		HASH_DEL(r->seen, s);
		free(s);
	}
}

/* Reads into r->list, which may have entries already. */
static int read_document(struct reading *r, struct slice text)
{
	struct bytes key = BYTES_INIT;
	int err;

	if (xml_open(text, MAX_BYTES, MAX_DEPTH, &r->x) < 0)
		return -ERR_SYNTAX;
	for (size_t i = 0; i < r->list.n_entries; i++) {
		bytes_reset(&key);
		key_of(&r->list.entries[i], &key);
		if (!may_repeat(&r->list.entries[i]))
			note_seen(r, &key, i);
	}
	bytes_fini(&key);
	err = read_all(r);
	seen_free(r);
	bytes_fini(&r->text);
	xml_close(&r->x);
	return err;
}

int reslist_parse(struct slice text, size_t max_entries, struct reslist *list_r)
{
	struct reading r = {.max_entries = max_entries};
	int err = read_document(&r, text);

	if (err < 0)
		reslist_fini(&r.list);
	else
		*list_r = r.list;
	return err;
}

static void copy_entries(const struct reslist *from, struct reslist *to)
{
	*to = (struct reslist){.n_entries = from->n_entries, .n_ignored = from->n_ignored};
	to->entries = xcalloc(from->n_entries + 1, sizeof(*to->entries));
	for (size_t i = 0; i < from->n_entries; i++) {
		const struct reslist_entry *e = &from->entries[i];

		to->entries[i] = *e;
		to->entries[i].uri = xstrdup(e->uri);
		to->entries[i].display = e->display ? xstrdup(e->display) : NULL;
	}
}

int reslist_merge(struct slice text, size_t max_entries, struct reslist *list)
{
	struct reading r = {.max_entries = max_entries};
	int err;

	copy_entries(list, &r.list);
	err = read_document(&r, text);
	if (err < 0) {
		reslist_fini(&r.list);
		return err;
	}
	reslist_fini(list);
	*list = r.list;
	return 0;
}

void reslist_fini(struct reslist *list)
{
	for (size_t i = 0; i < list->n_entries; i++) {
		free(list->entries[i].uri);
		free(list->entries[i].display);
	}
	free(list->entries);
	*list = (struct reslist){0};
}

static void build_entry(struct bytes *out, const struct reslist_entry *e)
{
	bytes_add_str(out, "<entry");
	xml_add_attr(out, "uri", e->uri);
	xml_add_attr(out, "cp:copyControl", copy_names[e->copy]);
	if (e->anonymize)
		xml_add_attr(out, "cp:anonymize", "true");
	if (e->count)
		bytes_addf(out, " cp:count=\"%" PRIu32 "\"", e->count);
	if (!e->display) {
		bytes_add_str(out, "/>");
		return;
	}
	bytes_add_char(out, '>');
	xml_add_element(out, "display-name", e->display);
	bytes_add_str(out, "</entry>");
}

void reslist_build(struct bytes *out, const struct reslist *list)
{
	bytes_add_str(out,
		      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		      "<resource-lists xmlns=\"" NS_LISTS "\" xmlns:cp=\"" NS_COPY "\"><list>");
	for (size_t i = 0; i < list->n_entries; i++)
		build_entry(out, &list->entries[i]);
	bytes_add_str(out, "</list></resource-lists>\n");
}
