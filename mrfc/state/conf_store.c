/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the focus in the store, one text line "name value" per field, and the group commit:
 * while one batch is on its way, the next gathers; its waiters are called when it is stored.
 */
#include "mrfc/state/conf_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/log.h"
#include "common/mem.h"

#define LOG_PLACE "store"

struct waiter {
	STAILQ_ENTRY(waiter) link;
	conf_store_done_fn *fn; /* NULL: cancelled */
	void *arg;
};
STAILQ_HEAD(waiters, waiter);

struct conf_store {
	struct store *store;
	struct store_batch *batch; /* what gathers; NULL: nothing */
	struct waiters waiting;    /* for batch */
	struct waiters committing; /* for the one on its way */
	bool busy;
};

struct conf_store *conf_store_new(struct store *store)
{
	struct conf_store *cs = xcalloc(1, sizeof(*cs));

	cs->store = store;
	STAILQ_INIT(&cs->waiting);
	STAILQ_INIT(&cs->committing);
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

	if (cs == NULL)
		return;
	*csp = NULL;
	drop(&cs->waiting);
	drop(&cs->committing);
	store_batch_free(&cs->batch);
	free(cs);
}

static void commit_next(struct conf_store *cs);

static void on_committed(int err, void *arg)
{
	struct conf_store *cs = arg;
	struct waiter *w;

	if (err != 0)
		log_error("state could not be stored: %s", err_name(err));
	while ((w = STAILQ_FIRST(&cs->committing)) != NULL) {
		conf_store_done_fn *fn = w->fn;
		void *who = w->arg;

		STAILQ_REMOVE_HEAD(&cs->committing, link);
		free(w);
		if (fn != NULL)
			fn(err, who);
	}
	cs->busy = false;
	commit_next(cs);
}

static void commit_next(struct conf_store *cs)
{
	struct store_batch *batch = cs->batch;

	if (cs->busy || (batch == NULL && STAILQ_EMPTY(&cs->waiting)))
		return;
	cs->busy = true;
	cs->batch = NULL;
	STAILQ_CONCAT(&cs->committing, &cs->waiting);
	store_commit(cs->store, batch != NULL ? batch : store_batch_new(), on_committed, cs);
}

void conf_store_flush(struct conf_store *cs)
{
	commit_next(cs);
}

void conf_store_wait(struct conf_store *cs, conf_store_done_fn *fn, void *arg)
{
	struct waiter *w = xcalloc(1, sizeof(*w));

	w->fn = fn;
	w->arg = arg;
	STAILQ_INSERT_TAIL(&cs->waiting, w, link);
	commit_next(cs);
}

void conf_store_cancel(struct conf_store *cs, const void *arg)
{
	struct waiter *w;

	STAILQ_FOREACH(w, &cs->waiting, link) {
		if (w->arg == arg)
			w->fn = NULL;
	}
	STAILQ_FOREACH(w, &cs->committing, link) {
		if (w->arg == arg)
			w->fn = NULL;
	}
}

static struct store_batch *batch_of(struct conf_store *cs)
{
	if (cs->batch == NULL)
		cs->batch = store_batch_new();
	return cs->batch;
}

static void field(struct bytes *b, const char *name, const char *value)
{
	if (value == NULL)
		return;
	bytes_addf(b, "%s ", name);
	for (const char *p = value; *p != '\0'; p++)
		bytes_add_char(b, *p == '\n' ? ' ' : *p);
	bytes_add_char(b, '\n');
}

static void put(struct conf_store *cs, const char *table, const char *key, struct bytes *record)
{
	store_batch_put(batch_of(cs), table, slice_str(key), bytes_slice(record));
	bytes_fini(record);
}

void conf_store_put_conference(struct conf_store *cs, const struct conference *c)
{
	struct bytes b = BYTES_INIT;

	field(&b, "uri", c->uri);
	field(&b, "subject", c->subject);
	field(&b, "creator", c->creator);
	bytes_addf(&b,
		   "origin %d\nend %d\ncreated %" PRIu64 "\nepoch %" PRIu64 "\nnext %" PRIu64
		   "\ncontext ",
		   (int)c->origin, (int)c->end_policy, c->created_wall_ms, c->epoch,
		   c->next_termination);
	for (size_t i = 0; i < MEDIA_CONTEXT_SIZE; i++)
		bytes_addf(&b, "%02x", c->context[i]);
	bytes_add_char(&b, '\n');
	put(cs, "conference", c->name, &b);
}

void conf_store_del_conference(struct conf_store *cs, const char *name)
{
	store_batch_del(batch_of(cs), "conference", slice_str(name));
}

static char *session_key(const char *conference, uint64_t termination)
{
	return xasprintf("%s/%" PRIu64, conference, termination);
}

void conf_store_put_session(struct conf_store *cs, const struct conf_store_session *s)
{
	struct bytes b = BYTES_INIT;
	char *key = session_key(s->conference, s->termination);

	field(&b, "uri", s->uri);
	field(&b, "display", s->display);
	field(&b, "call-id", s->call_id);
	field(&b, "local-tag", s->local_tag);
	field(&b, "remote-tag", s->remote_tag);
	field(&b, "contact", s->contact);
	field(&b, "direction", s->incoming ? "in" : "out");
	field(&b, "local-path", s->local_path);
	put(cs, "session", key, &b);
	free(key);
}

void conf_store_del_session(struct conf_store *cs, const char *conference, uint64_t termination)
{
	char *key = session_key(conference, termination);

	store_batch_del(batch_of(cs), "session", slice_str(key));
	free(key);
}

void conf_store_put_subscription(struct conf_store *cs, const char *conference, const char *id,
				 const char *user, uint32_t expires_s)
{
	struct bytes b = BYTES_INIT;
	char *key = xasprintf("%s/%s", conference, id);

	field(&b, "user", user);
	bytes_addf(&b, "expires %u\n", expires_s);
	put(cs, "subscription", key, &b);
	free(key);
}

void conf_store_del_subscription(struct conf_store *cs, const char *conference, const char *id)
{
	char *key = xasprintf("%s/%s", conference, id);

	store_batch_del(batch_of(cs), "subscription", slice_str(key));
	free(key);
}
