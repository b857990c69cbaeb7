/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_STATE_CONF_STORE_H
#define MRFC_STATE_CONF_STORE_H

#include "common/store.h"
#include "mrfc/conference/conference.h"

/*
 * Conferences, sessions and subscriptions as records of the store. What is put gathers in a batch;
 * who has to answer a request waits for the batch (group commit): an answer never precedes its state.
 */
struct conf_store;
typedef void conf_store_done_fn(int err, void *arg); /* from the loop, once */

struct conf_store_session {
	const char *conference; /* name */
	uint64_t termination;
	const char *uri;
	const char *display;                          /* NULL */
	const char *call_id, *local_tag, *remote_tag; /* NULL: not known */
	const char *contact;
	bool incoming;
	const char *local_path;
};

struct conf_store *conf_store_new(struct store *store);
void conf_store_free(struct conf_store **cs);
void conf_store_put_conference(struct conf_store *cs, const struct conference *c);
void conf_store_del_conference(struct conf_store *cs, const char *name);
void conf_store_put_session(struct conf_store *cs, const struct conf_store_session *s);
void conf_store_del_session(struct conf_store *cs, const char *conference, uint64_t termination);
void conf_store_put_subscription(struct conf_store *cs, const char *conference, const char *id,
				 const char *user, uint32_t expires_s);
void conf_store_del_subscription(struct conf_store *cs, const char *conference, const char *id);
/* Call back when everything put so far is stored. */
void conf_store_wait(struct conf_store *cs, conf_store_done_fn *fn, void *arg);
/* Forget a waiter whose owner goes away. */
void conf_store_cancel(struct conf_store *cs, const void *arg);
/* Nobody waits, but what was put shall be stored. */
void conf_store_flush(struct conf_store *cs);

#endif
