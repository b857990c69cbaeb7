/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_STATE_CONF_STORE_PRIV_H
#define MRFC_STATE_CONF_STORE_PRIV_H

#include <sys/queue.h>
#include <uthash.h>

#include "mrfc/state/conf_store.h"

/* Shared by conf_store.c, conf_store_owed.c and conf_store_load.c. */
struct waiter {
	STAILQ_ENTRY(waiter) link;
	conf_store_done_fn *fn; /* NULL: cancelled */
	void *arg;
};
STAILQ_HEAD(waiters, waiter);

/* A batch that is with the store. */
struct conf_commit {
	TAILQ_ENTRY(conf_commit) link;
	struct conf_store *cs;
	struct waiters waiters;
};

/* How many members are owed one body. */
struct kept_refs {
	char *key; /* of the body's record */
	uint32_t n;
	UT_hash_handle hh;
};

struct conf_store {
	struct store *store;
	struct store_batch *batch; /* what gathers; NULL: nothing */
	struct waiters waiting;    /* for batch */
	bool gathers;              /* the last one may wait for others in the store */
	TAILQ_HEAD(, conf_commit) commits;
	struct kept_refs *kept;
	unsigned n_reading; /* the store is being walked: nothing may be committed */
};

#define TABLE_CONFERENCE   "conference"
#define TABLE_BAR          "bar"
#define TABLE_MEMBER       "member"
#define TABLE_SESSION      "session"
#define TABLE_DIALOG       "dialog"
#define TABLE_SUBSCRIPTION "subscription"
#define TABLE_USER         "user"
#define TABLE_KEPT         "kept"
#define TABLE_OWED         "owed"

struct store_batch *conf_store_batch(struct conf_store *cs);
/* Takes key. */
void conf_store_put_record(struct conf_store *cs, const char *table, char *key_take,
			   const struct record_spec *spec, const void *rec);
void conf_store_del_record(struct conf_store *cs, const char *table, char *key_take);
/* Walk with everything put so far visible; fn may put and delete. */
MUST_CHECK int conf_store_walk(struct conf_store *cs, const char *table, const char *prefix,
			       store_each_fn *fn, void *arg);
/* Keys are "CONFERENCE/REST", as no conference has a "/" in its name. */
char *conf_store_key(const char *conference, const char *rest);
/* false: no such form. conference_r is the caller's to free. */
bool conf_store_key_split(struct slice key, char **conference_r, struct slice *rest_r);

/* conf_store_owed.c: the count of who is owed a body. */
void conf_store_ref(struct conf_store *cs, const char *conference, uint64_t number);
void conf_store_refs_forget(struct conf_store *cs, const char *conference);
void conf_store_refs_free(struct conf_store *cs);
/* Key of an owed record: who and what. Views into key. */
bool conf_store_owed_split(struct slice key, char **conference_r, struct slice *member_r,
			   uint64_t *number_r);
/* Bodies that nobody is owed any more go (a release may have left some). */
MUST_CHECK int conf_store_kept_sweep(struct conf_store *cs);

#endif
