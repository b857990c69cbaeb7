/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the focus in the store: keys, writers, and the commits that callers wait for. The
 * store groups what queues up while one commit is on its way, so each turn's batch goes at once.
 */
#include "mrfc/state/conf_store.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfc/state/conf_store_priv.h"

#define LOG_PLACE "state"

struct conf_store *conf_store_new(struct store *store)
{
	struct conf_store *cs = xcalloc(1, sizeof(*cs));

	cs->store = store;
	STAILQ_INIT(&cs->waiting);
	TAILQ_INIT(&cs->commits);
	return cs;
}

static void drop(struct waiters *all)
{
	struct waiter *w;

	while ((w = STAILQ_FIRST(all)) != NULL) {
		STAILQ_REMOVE_HEAD(all, link);
		free(w);
	}
}

void conf_store_free(struct conf_store **csp)
{
	struct conf_store *cs = *csp;
	struct conf_commit *commit;

	if (cs == NULL)
		return;
	*csp = NULL;
	if (cs->batch != NULL) /* nobody waits for it, but it shall be kept */
		store_commit(cs->store, cs->batch, NULL, NULL);
	drop(&cs->waiting);
	while ((commit = TAILQ_FIRST(&cs->commits)) != NULL) {
		TAILQ_REMOVE(&cs->commits, commit, link);
		drop(&commit->waiters);
		free(commit);
	}
	conf_store_refs_free(cs);
	free(cs);
}

bool conf_store_up(const struct conf_store *cs)
{
	struct store_health health;

	store_health(cs->store, &health);
	return health.trouble == NULL;
}

static void on_committed(int err, void *arg)
{
	struct conf_commit *commit = arg;
	struct conf_store *cs = commit->cs;
	struct waiter *w;

	if (err == -ERR_LIMIT)
		log_error("state is lost: too much waits to be stored");
	while ((w = STAILQ_FIRST(&commit->waiters)) != NULL) {
		conf_store_done_fn *fn = w->fn;
		void *who = w->arg;

		STAILQ_REMOVE_HEAD(&commit->waiters, link);
		free(w);
		if (fn != NULL)
			fn(err, who);
	}
	TAILQ_REMOVE(&cs->commits, commit, link);
	free(commit);
}

static void send_batch(struct conf_store *cs, bool may_wait)
{
	struct store_batch *batch = cs->batch;
	struct conf_commit *commit;

	if (cs->n_reading > 0)
		return;
	if (batch == NULL && STAILQ_EMPTY(&cs->waiting) && (may_wait || !cs->gathers))
		return;
	commit = xcalloc(1, sizeof(*commit));
	commit->cs = cs;
	STAILQ_INIT(&commit->waiters);
	STAILQ_CONCAT(&commit->waiters, &cs->waiting);
	TAILQ_INSERT_TAIL(&cs->commits, commit, link);
	cs->batch = NULL;
	cs->gathers = may_wait;
	if (batch == NULL)
		batch = store_batch_new();
	if (may_wait)
		store_batch_may_wait(batch);
	store_commit(cs->store, batch, on_committed, commit);
}

void conf_store_flush(struct conf_store *cs)
{
	send_batch(cs, false);
}

void conf_store_soon(struct conf_store *cs)
{
	send_batch(cs, true);
}

void conf_store_wait(struct conf_store *cs, conf_store_done_fn *fn, void *arg)
{
	struct waiter *w = xcalloc(1, sizeof(*w));

	w->fn = fn;
	w->arg = arg;
	STAILQ_INSERT_TAIL(&cs->waiting, w, link);
	conf_store_soon(cs);
}

static void cancel(struct waiters *all, const void *arg)
{
	struct waiter *w;

	STAILQ_FOREACH(w, all, link) {
		if (w->arg == arg)
			w->fn = NULL;
	}
}

void conf_store_cancel(struct conf_store *cs, const void *arg)
{
	struct conf_commit *commit;

	cancel(&cs->waiting, arg);
	TAILQ_FOREACH(commit, &cs->commits, link)
		cancel(&commit->waiters, arg);
}

struct store_batch *conf_store_batch(struct conf_store *cs)
{
	if (cs->batch == NULL)
		cs->batch = store_batch_new();
	return cs->batch;
}

void conf_store_put_record(struct conf_store *cs, const char *table, char *key_take,
			   const struct record_spec *spec, const void *rec)
{
	struct bytes b = BYTES_INIT;

	record_build(spec, rec, &b);
	if (b.len > RECORD_MAX_BYTES)
		log_error("%s %s: %zu octets are too many for a record, it will not be read again",
			  spec->what, key_take, b.len);
	store_batch_put(conf_store_batch(cs), table, slice_str(key_take), bytes_slice(&b));
	bytes_fini(&b);
	free(key_take);
}

void conf_store_del_record(struct conf_store *cs, const char *table, char *key_take)
{
	store_batch_del(conf_store_batch(cs), table, slice_str(key_take));
	free(key_take);
}

int conf_store_walk(struct conf_store *cs, const char *table, const char *prefix, store_each_fn *fn,
		    void *arg)
{
	int err;

	conf_store_soon(cs); /* what is read shows it */
	cs->n_reading++;
	err = store_each_prefix(cs->store, table, slice_str(prefix), fn, arg);
	cs->n_reading--;
	if (cs->n_reading == 0 && !STAILQ_EMPTY(&cs->waiting))
		conf_store_soon(cs); /* somebody began to wait meanwhile */
	return err;
}

char *conf_store_key(const char *conference, const char *rest)
{
	return xasprintf("%s/%s", conference, rest);
}

bool conf_store_key_split(struct slice key, char **conference_r, struct slice *rest_r)
{
	ptrdiff_t slash = slice_chr(key, '/');

	if (slash <= 0)
		return false;
	*conference_r = slice_dup(slice_first(key, (size_t)slash));
	*rest_r = slice_from(key, (size_t)slash + 1);
	return true;
}

static char *session_key(const char *conference, uint64_t termination)
{
	return xasprintf("%s/%" PRIu64, conference, termination);
}

void conf_store_put_conference(struct conf_store *cs, const struct conference *c)
{
	conf_store_put_record(cs, TABLE_CONFERENCE, xstrdup(c->name), &conference_spec, c);
}

struct removal {
	struct conf_store *cs;
	const char *table;
};

static bool on_removed(struct slice key, struct slice value, void *arg)
{
	const struct removal *r = arg;

	(void)value;
	store_batch_del(conf_store_batch(r->cs), r->table, key);
	return true;
}

void conf_store_del_conference(struct conf_store *cs, const char *name)
{
	static const char *const tables[] = {TABLE_BAR,    TABLE_MEMBER,       TABLE_SESSION,
					     TABLE_DIALOG, TABLE_SUBSCRIPTION, TABLE_KEPT,
					     TABLE_OWED};
	char *prefix = conf_store_key(name, "");

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		struct removal r = {cs, tables[i]};

		if (conf_store_walk(cs, tables[i], prefix, on_removed, &r) != 0)
			log_warn("%s: its records of table %s stay", name, tables[i]);
	}
	conf_store_refs_forget(cs, name);
	conf_store_del_record(cs, TABLE_CONFERENCE, xstrdup(name));
	free(prefix);
}

void conf_store_put_bar(struct conf_store *cs, const char *conference, const char *uri)
{
	char *key = conf_store_key(conference, uri);

	store_batch_put(conf_store_batch(cs), TABLE_BAR, slice_str(key), SLICE_NULL);
	free(key);
}

void conf_store_del_bar(struct conf_store *cs, const char *conference, const char *uri)
{
	conf_store_del_record(cs, TABLE_BAR, conf_store_key(conference, uri));
}

void conf_store_put_member(struct conf_store *cs, const char *conference, const struct member *m)
{
	conf_store_put_record(cs, TABLE_MEMBER, conf_store_key(conference, m->uri), &member_spec,
			      m);
}

void conf_store_del_member(struct conf_store *cs, const char *conference, const char *uri)
{
	conf_store_del_record(cs, TABLE_MEMBER, conf_store_key(conference, uri));
}

void conf_store_put_session(struct conf_store *cs, const char *conference,
			    const struct session_record *s)
{
	conf_store_put_record(cs, TABLE_SESSION, session_key(conference, s->termination),
			      &session_spec, s);
}

void conf_store_del_session(struct conf_store *cs, const char *conference, uint64_t termination)
{
	conf_store_del_record(cs, TABLE_SESSION, session_key(conference, termination));
}

void conf_store_put_dialog(struct conf_store *cs, const char *conference,
			   const struct dialog_record *d)
{
	conf_store_put_record(cs, TABLE_DIALOG, conf_store_key(conference, d->leg.local_tag),
			      &dialog_spec, d);
}

void conf_store_del_dialog(struct conf_store *cs, const char *conference, const char *local_tag)
{
	conf_store_del_record(cs, TABLE_DIALOG, conf_store_key(conference, local_tag));
}

void conf_store_put_subscription(struct conf_store *cs, const char *conference, const char *key,
				 const struct subscription_record *s)
{
	conf_store_put_record(cs, TABLE_SUBSCRIPTION, conf_store_key(conference, key),
			      &subscription_spec, s);
}

void conf_store_del_subscription(struct conf_store *cs, const char *conference, const char *key)
{
	conf_store_del_record(cs, TABLE_SUBSCRIPTION, conf_store_key(conference, key));
}

static char *user_key(const char *name, const char *realm)
{
	return xasprintf("%s\t%s", name, realm);
}

void conf_store_put_user(struct conf_store *cs, const struct user_record *u)
{
	conf_store_put_record(cs, TABLE_USER, user_key(u->name, u->realm), &user_spec, u);
}

void conf_store_del_user(struct conf_store *cs, const char *name, const char *realm)
{
	conf_store_del_record(cs, TABLE_USER, user_key(name, realm));
}
