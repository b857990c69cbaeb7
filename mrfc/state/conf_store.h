/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_STATE_CONF_STORE_H
#define MRFC_STATE_CONF_STORE_H

#include "common/store.h"
#include "mrfc/state/conf_record.h"

/*
 * All that must outlive the process, as records of the store: a put or del gathers in a batch, which
 * goes to the store with the next wait or flush. Who has to answer a request waits: an answer never
 * precedes its state. Batches become durable in order. A batch that fails (-ERR_*) is not taken
 * back: its changes stay what this process believes and are written again until the store can;
 * who undoes what they stood for deletes the records as usual.
 */
struct conf_store;
typedef void conf_store_done_fn(int err, void *arg); /* from the loop, once */

struct conf_store *conf_store_new(struct store *store);
void conf_store_free(struct conf_store **cs);
/* false: commits fail at present; nothing new should be begun (503 with Retry-After). */
bool conf_store_up(const struct conf_store *cs);

void conf_store_put_conference(struct conf_store *cs, const struct conference *c);
/* With all else that is recorded under its name. */
void conf_store_del_conference(struct conf_store *cs, const char *name);
/* Who is kept out of it; uri: all his names as bars_names() gives them. */
void conf_store_put_bar(struct conf_store *cs, const char *conference, const char *uri);
void conf_store_del_bar(struct conf_store *cs, const char *conference, const char *uri);
/* By its URI. What the member is owed has functions of its own, below. */
void conf_store_put_member(struct conf_store *cs, const char *conference, const struct member *m);
void conf_store_del_member(struct conf_store *cs, const char *conference, const char *uri);
/* By its termination. */
void conf_store_put_session(struct conf_store *cs, const char *conference,
			    const struct session_record *s);
void conf_store_del_session(struct conf_store *cs, const char *conference, uint64_t termination);
/* By its local tag. Small, as a CSeq or a refreshed timer writes it anew. */
void conf_store_put_dialog(struct conf_store *cs, const char *conference,
			   const struct dialog_record *d);
void conf_store_del_dialog(struct conf_store *cs, const char *conference, const char *local_tag);
/* By a key of the caller's. */
void conf_store_put_subscription(struct conf_store *cs, const char *conference, const char *key,
				 const struct subscription_record *s);
void conf_store_del_subscription(struct conf_store *cs, const char *conference, const char *key);
/* By name and realm. */
void conf_store_put_user(struct conf_store *cs, const struct user_record *u);
void conf_store_del_user(struct conf_store *cs, const char *name, const char *realm);

/*
 * Messages owed to absent members: the body once, one small key for each member who is to have it;
 * the body goes with the last key. Number: the caller's, growing in a conference, never used twice.
 * keep and its owes belong into one turn. A body above CONF_STORE_MAX_BODY is -ERR_LIMIT.
 */
#define CONF_STORE_MAX_BODY (1u << 20)
MUST_CHECK int conf_store_keep(struct conf_store *cs, const char *conference, uint64_t number,
			       const struct kept_message *m);
void conf_store_owe(struct conf_store *cs, const char *conference, const char *member,
		    uint64_t number, size_t octets);
/* He has it, or shall not get it. */
void conf_store_owed_done(struct conf_store *cs, const char *conference, const char *member,
			  uint64_t number);
/* All of his. */
void conf_store_owed_drop(struct conf_store *cs, const char *conference, const char *member);
/*
 * What the member is owed from number `from` on, oldest first, until fn returns false; m is valid in
 * fn. fn may put and delete. 0, or -ERR_* of the store.
 */
typedef bool conf_store_owed_fn(uint64_t number, const struct kept_message *m, void *arg);
MUST_CHECK int conf_store_owed_each(struct conf_store *cs, const char *conference,
				    const char *member, uint64_t from, conf_store_owed_fn *fn,
				    void *arg);

/*
 * Read everything, in this order of tables. Any callback may be NULL; records are valid in it, and
 * it may put and delete. Records that cannot be read are counted, logged and left alone;
 * those whose conference is none are removed.
 */
struct conf_store_reader {
	void (*conference)(const struct conference *c, void *arg);
	void (*bar)(const char *conference, const char *uri, void *arg);
	void (*member)(const char *conference, const struct member *m, void *arg);
	void (*session)(const char *conference, const struct session_record *s, void *arg);
	/* May take strings out of *d and leave NULL. */
	void (*dialog)(const char *conference, struct dialog_record *d, void *arg);
	void (*subscription)(const char *conference, const char *key, struct subscription_record *s,
			     void *arg);
	/* One per message owed, in order of number. */
	void (*owed)(const char *conference, const char *member, uint64_t number, size_t octets,
		     void *arg);
	void (*user)(const struct user_record *u, void *arg);
};
/* 0, or -ERR_* of the store. *n_skipped_r: records that could not be read. */
MUST_CHECK int conf_store_load(struct conf_store *cs, const struct conf_store_reader *reader,
			       void *arg, size_t *n_skipped_r);

/* Call back when everything put so far is stored. */
void conf_store_wait(struct conf_store *cs, conf_store_done_fn *fn, void *arg);
/* Forget a waiter whose owner goes away. */
void conf_store_cancel(struct conf_store *cs, const void *arg);
/* Nobody waits, and somebody may know already of what was put: it is stored at once. */
void conf_store_flush(struct conf_store *cs);
/* Nobody waits or knows: what was put is stored with what others wait for, or soon. */
void conf_store_soon(struct conf_store *cs);

#endif
