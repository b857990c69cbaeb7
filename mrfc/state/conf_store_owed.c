/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queues of absent members (IMS-007): table "kept" has each body once, "CONFERENCE/NUMBER";
 * table "owed" one row for each member who is to have it, "CONFERENCE/URI\tNUMBER", in whose order
 * of keys it is delivered. How many rows a body has is counted here, from the rows at start.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfc/state/conf_store_priv.h"

#define LOG_PLACE "state"

#define NUMBER_FMT    "%016" PRIx64 /* sorts as text */
#define NUMBER_DIGITS 16

static char *kept_key(const char *conference, uint64_t number)
{
	return xasprintf("%s/" NUMBER_FMT, conference, number);
}

static char *owed_prefix(const char *conference, const char *member)
{
	return xasprintf("%s/%s\t", conference, member);
}

static char *owed_key(const char *conference, const char *member, uint64_t number)
{
	return xasprintf("%s/%s\t" NUMBER_FMT, conference, member, number);
}

static bool hex(struct slice text, uint64_t *number_r)
{
	uint64_t number = 0;

	if (text.len != NUMBER_DIGITS)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		number = number << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*number_r = number;
	return true;
}

bool conf_store_owed_split(struct slice key, char **conference_r, struct slice *member_r,
			   uint64_t *number_r)
{
	ptrdiff_t tab;
	struct slice rest;

	if (key.len <= NUMBER_DIGITS || !hex(slice_from(key, key.len - NUMBER_DIGITS), number_r))
		return false;
	tab = (ptrdiff_t)(key.len - NUMBER_DIGITS - 1);
	if (key.ptr[tab] != '\t' ||
	    !conf_store_key_split(slice_first(key, (size_t)tab), conference_r, &rest))
		return false;
	*member_r = rest;
	return true;
}

static struct kept_refs *find(struct conf_store *cs, const char *key)
{
	struct kept_refs *r;

	HASH_FIND_STR(cs->kept, key, r);
	return r;
}

static void forget(struct conf_store *cs, struct kept_refs *r)
{
	HASH_DEL(cs->kept, r);
	free(r->key);
	free(r);
}

void conf_store_ref(struct conf_store *cs, const char *conference, uint64_t number)
{
	char *key = kept_key(conference, number);
	struct kept_refs *r = find(cs, key);

	if (r == NULL) {
		r = xcalloc(1, sizeof(*r));
		r->key = key;
		HASH_ADD_KEYPTR(hh, cs->kept, r->key, strlen(r->key), r);
	} else {
		free(key);
	}
	r->n++;
}

void conf_store_refs_forget(struct conf_store *cs, const char *conference)
{
	char *prefix = conf_store_key(conference, "");
	struct kept_refs *r, *next;

	HASH_ITER(hh, cs->kept, r, next) {
		if (slice_starts(slice_str(r->key), slice_str(prefix)))
			forget(cs, r);
	}
	free(prefix);
}

void conf_store_refs_free(struct conf_store *cs)
{
	struct kept_refs *r, *next;

	HASH_ITER(hh, cs->kept, r, next)
		forget(cs, r);
}

int conf_store_keep(struct conf_store *cs, const char *conference, uint64_t number,
		    const struct kept_message *m)
{
	struct bytes b = BYTES_INIT;
	char *key;

	if (m->body.len > CONF_STORE_MAX_BODY)
		return -ERR_LIMIT;
	key = kept_key(conference, number);
	record_build(&kept_spec, m, &b);
	bytes_add_char(&b, '\n');
	bytes_add_slice(&b, m->body);
	store_batch_put(conf_store_batch(cs), TABLE_KEPT, slice_str(key), bytes_slice(&b));
	bytes_fini(&b);
	free(key);
	return 0;
}

void conf_store_owe(struct conf_store *cs, const char *conference, const char *member,
		    uint64_t number, size_t octets)
{
	char *key = owed_key(conference, member, number);
	char value[24];

	snprintf(value, sizeof(value), "%zu", octets);
	store_batch_put(conf_store_batch(cs), TABLE_OWED, slice_str(key), slice_str(value));
	conf_store_ref(cs, conference, number);
	free(key);
}

static void unref(struct conf_store *cs, const char *conference, uint64_t number)
{
	char *key = kept_key(conference, number);
	struct kept_refs *r = find(cs, key);

	if (r != NULL && --r->n == 0) {
		forget(cs, r);
		store_batch_del(conf_store_batch(cs), TABLE_KEPT, slice_str(key));
	}
	free(key);
}

void conf_store_owed_done(struct conf_store *cs, const char *conference, const char *member,
			  uint64_t number)
{
	conf_store_del_record(cs, TABLE_OWED, owed_key(conference, member, number));
	unref(cs, conference, number);
}

struct drop {
	struct conf_store *cs;
	const char *conference;
};

static bool on_drop(struct slice key, struct slice value, void *arg)
{
	const struct drop *d = arg;
	uint64_t number;

	(void)value;
	store_batch_del(conf_store_batch(d->cs), TABLE_OWED, key);
	if (key.len > NUMBER_DIGITS && hex(slice_from(key, key.len - NUMBER_DIGITS), &number))
		unref(d->cs, d->conference, number);
	return true;
}

void conf_store_owed_drop(struct conf_store *cs, const char *conference, const char *member)
{
	struct drop d = {cs, conference};
	char *prefix = owed_prefix(conference, member);

	if (conf_store_walk(cs, TABLE_OWED, prefix, on_drop, &d) != 0)
		log_warn("%s: what %s is owed cannot be read", conference, member);
	free(prefix);
}

/* The numbers first: fn may take its time and change the queue. */
struct numbers {
	uint64_t from, *list;
	size_t n, room;
};

static bool on_number(struct slice key, struct slice value, void *arg)
{
	struct numbers *all = arg;
	uint64_t number;

	(void)value;
	if (key.len <= NUMBER_DIGITS || !hex(slice_from(key, key.len - NUMBER_DIGITS), &number) ||
	    number < all->from)
		return true;
	if (all->n == all->room) {
		all->room = all->room ? 2 * all->room : 16;
		all->list = xrealloc(all->list, all->room * sizeof(*all->list));
	}
	all->list[all->n++] = number;
	return true;
}

/* The record ends with an empty line; then the body. -ERR_SYNTAX. */
static int read_kept(struct slice value, struct kept_message *m_r, const char **why_r)
{
	ptrdiff_t end = slice_find(value, SLICE_LIT("\n\n"));

	*why_r = "no end of its head";
	if (end < 0)
		return -ERR_SYNTAX;
	m_r->body = slice_from(value, (size_t)end + 2);
	return record_parse(&kept_spec, slice_first(value, (size_t)end + 1), m_r, why_r);
}

/* Show one message; false: stop. */
static bool show(struct conf_store *cs, const char *conference, uint64_t number,
		 conf_store_owed_fn *fn, void *arg)
{
	char *key = kept_key(conference, number);
	struct kept_message m = {0};
	struct slice value;
	const char *why = "not there";
	char *copy = NULL;
	bool more = true;
	int err = store_get(cs->store, TABLE_KEPT, slice_str(key), &value);

	if (err == 0) {
		copy = slice_dup(value); /* fn may use the store */
		err = read_kept(slice_make(copy, value.len), &m, &why);
	}
	if (err == 0)
		more = fn(number, &m, arg);
	else
		log_error("kept message %s cannot be read: %s", key, why);
	record_fini(&kept_spec, &m);
	free(copy);
	free(key);
	return more;
}

int conf_store_owed_each(struct conf_store *cs, const char *conference, const char *member,
			 uint64_t from, conf_store_owed_fn *fn, void *arg)
{
	struct numbers all = {.from = from};
	char *prefix = owed_prefix(conference, member);
	int err = conf_store_walk(cs, TABLE_OWED, prefix, on_number, &all);

	for (size_t i = 0; err == 0 && i < all.n; i++) {
		if (!show(cs, conference, all.list[i], fn, arg))
			break;
	}
	free(all.list);
	free(prefix);
	return err;
}

static bool on_kept(struct slice key, struct slice value, void *arg)
{
	struct conf_store *cs = arg;
	char *text = slice_dup(key);

	(void)value;
	if (find(cs, text) == NULL)
		store_batch_del(conf_store_batch(cs), TABLE_KEPT, key);
	free(text);
	return true;
}

int conf_store_kept_sweep(struct conf_store *cs)
{
	return conf_store_walk(cs, TABLE_KEPT, "", on_kept, cs);
}
