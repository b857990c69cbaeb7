/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything back from the store at start, table by table, so that a record's conference is known
 * before it. One that cannot be read costs itself alone: it is counted and logged, and stays where
 * it is, for whoever looks into it. One whose conference is none goes, as another conference may
 * get that name.
 */
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfc/state/conf_store_priv.h"

#define LOG_PLACE "state"

struct known {
	char *name;
	UT_hash_handle hh;
};

struct loading {
	struct conf_store *cs;
	const struct conf_store_reader *reader;
	void *arg;
	struct known *conferences;
	size_t n_skipped;
};

static void skip(struct loading *l, const char *what, struct slice key, const char *why)
{
	l->n_skipped++;
	log_error("%s " SLICE_FMT " in the store is skipped: %s", what, SLICE_ARG(key), why);
}

static bool known(struct loading *l, const char *conference)
{
	struct known *k;

	HASH_FIND_STR(l->conferences, conference, k);
	return k != NULL;
}

static void forget_known(struct loading *l)
{
	struct known *k, *next;

	HASH_ITER(hh, l->conferences, k, next) {
		HASH_DEL(l->conferences, k);
		free(k->name);
		free(k);
	}
}

static bool parsed(struct loading *l, const struct record_spec *spec, struct slice key,
		   struct slice value, void *rec)
{
	const char *why;

	if (record_parse(spec, value, rec, &why) == 0)
		return true;
	skip(l, spec->what, key, why);
	return false;
}

static bool on_conference(struct slice key, struct slice value, void *arg)
{
	struct conference c = {0};
	struct loading *l = arg;
	struct known *k;

	if (!parsed(l, &conference_spec, key, value, &c)) {
		;
	} else if (!slice_eq_str(key, c.name)) {
		skip(l, conference_spec.what, key, "it is another's");
	} else {
		k = xcalloc(1, sizeof(*k));
		k->name = xstrdup(c.name);
		HASH_ADD_KEYPTR(hh, l->conferences, k->name, strlen(k->name), k);
		if (l->reader->conference != NULL)
			l->reader->conference(&c, l->arg);
	}
	record_fini(&conference_spec, &c);
	return true;
}

/* The conference that a key begins with, the caller's to free; NULL: none of ours, and skipped. */
static char *owner(struct loading *l, const char *what, const char *table, struct slice key,
		   struct slice *rest_r)
{
	char *conference;

	if (!conf_store_key_split(key, &conference, rest_r)) {
		skip(l, what, key, "its key names no conference");
		return NULL;
	}
	if (known(l, conference))
		return conference;
	skip(l, what, key, "its conference is not there");
	store_batch_del(conf_store_batch(l->cs), table, key);
	free(conference);
	return NULL;
}

static bool on_bar(struct slice key, struct slice value, void *arg)
{
	struct loading *l = arg;
	struct slice rest;
	char *conference = owner(l, "bar", TABLE_BAR, key, &rest);
	char *uri;

	(void)value;
	if (conference != NULL && l->reader->bar != NULL) {
		uri = slice_dup(rest);
		l->reader->bar(conference, uri, l->arg);
		free(uri);
	}
	free(conference);
	return true;
}

static bool on_member(struct slice key, struct slice value, void *arg)
{
	struct loading *l = arg;
	struct member m = {0};
	struct slice rest;
	char *conference = owner(l, member_spec.what, TABLE_MEMBER, key, &rest);

	if (conference != NULL && parsed(l, &member_spec, key, value, &m)) {
		if (!slice_eq_str(rest, m.uri))
			skip(l, member_spec.what, key, "it is another's");
		else if (l->reader->member != NULL)
			l->reader->member(conference, &m, l->arg);
	}
	record_fini(&member_spec, &m);
	free(conference);
	return true;
}

static bool on_session(struct slice key, struct slice value, void *arg)
{
	struct session_record s = {0};
	struct loading *l = arg;
	struct slice rest;
	char *conference = owner(l, session_spec.what, TABLE_SESSION, key, &rest);
	uint64_t number;

	if (conference != NULL && parsed(l, &session_spec, key, value, &s)) {
		if (slice_u64(rest, UINT64_MAX, &number) != 0 || number != s.termination)
			skip(l, session_spec.what, key, "it is another's");
		else if (l->reader->session != NULL)
			l->reader->session(conference, &s, l->arg);
	}
	record_fini(&session_spec, &s);
	free(conference);
	return true;
}

static bool on_dialog(struct slice key, struct slice value, void *arg)
{
	struct dialog_record d = {0};
	struct loading *l = arg;
	struct slice rest;
	char *conference = owner(l, dialog_spec.what, TABLE_DIALOG, key, &rest);

	if (conference != NULL && parsed(l, &dialog_spec, key, value, &d)) {
		if (!slice_eq_str(rest, d.leg.local_tag))
			skip(l, dialog_spec.what, key, "it is another's");
		else if (l->reader->dialog != NULL)
			l->reader->dialog(conference, &d, l->arg);
	}
	record_fini(&dialog_spec, &d);
	free(conference);
	return true;
}

static bool on_subscription(struct slice key, struct slice value, void *arg)
{
	struct subscription_record s = {0};
	struct loading *l = arg;
	struct slice rest;
	char *conference = owner(l, subscription_spec.what, TABLE_SUBSCRIPTION, key, &rest);
	char *name;

	if (conference != NULL && parsed(l, &subscription_spec, key, value, &s) &&
	    l->reader->subscription != NULL) {
		name = slice_dup(rest);
		l->reader->subscription(conference, name, &s, l->arg);
		free(name);
	}
	record_fini(&subscription_spec, &s);
	free(conference);
	return true;
}

static bool on_owed(struct slice key, struct slice value, void *arg)
{
	struct loading *l = arg;
	char *conference = NULL, *member;
	uint64_t number, octets;
	struct slice who;

	if (!conf_store_owed_split(key, &conference, &who, &number) ||
	    slice_u64(value, CONF_STORE_MAX_BODY, &octets) != 0) {
		skip(l, "owed message", key, "no such form");
	} else if (!known(l, conference)) {
		skip(l, "owed message", key, "its conference is not there");
		store_batch_del(conf_store_batch(l->cs), TABLE_OWED, key);
	} else {
		conf_store_ref(l->cs, conference, number);
		member = slice_dup(who);
		if (l->reader->owed != NULL)
			l->reader->owed(conference, member, number, (size_t)octets, l->arg);
		free(member);
	}
	free(conference);
	return true;
}

static bool on_user(struct slice key, struct slice value, void *arg)
{
	struct user_record u = {0};
	struct loading *l = arg;

	if (parsed(l, &user_spec, key, value, &u) && l->reader->user != NULL)
		l->reader->user(&u, l->arg);
	record_fini(&user_spec, &u);
	return true;
}

int conf_store_load(struct conf_store *cs, const struct conf_store_reader *reader, void *arg,
		    size_t *n_skipped_r)
{
	static const struct {
		const char *table;
		store_each_fn *fn;
	} steps[] = {
		{TABLE_CONFERENCE, on_conference},
		{TABLE_BAR, on_bar},
		{TABLE_MEMBER, on_member},
		{TABLE_SESSION, on_session},
		{TABLE_DIALOG, on_dialog},
		{TABLE_SUBSCRIPTION, on_subscription},
		{TABLE_OWED, on_owed},
		{TABLE_USER, on_user},
	};
	struct loading l = {.cs = cs, .reader = reader, .arg = arg};
	int err = 0;

	conf_store_refs_free(cs); /* read before: counted anew, from the rows */
	for (size_t i = 0; err == 0 && i < ARRAY_LEN(steps); i++)
		err = conf_store_walk(cs, steps[i].table, "", steps[i].fn, &l);
	if (err == 0)
		err = conf_store_kept_sweep(cs);
	conf_store_flush(cs);
	if (err == 0)
		*n_skipped_r = l.n_skipped;
	forget_known(&l);
	return err;
}
