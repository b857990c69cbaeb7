/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies that wait until what the request changed is stored: an answer never precedes its state,
 * for operators as for SIP. Owns what waits.
 */
#include "mrfc/admin/api_stored.h"

#include <stdlib.h>

#include "common/mem.h"
#include "mrfc/admin/api_priv.h"

struct api_pending {
	LIST_ENTRY(api_pending) link;
	struct api *api;
	struct http_req *req;
	int status;
	json_t *body; /* NULL: none */
	char *made;   /* the conference that is not to be when this fails; NULL */
};

static void pending_free(struct api_pending *p)
{
	LIST_REMOVE(p, link);
	free(p->made);
	free(p);
}

static void on_stored(int err, void *arg)
{
	struct api_pending *p = arg;
	struct conference *c;

	if (err == 0 || p->made == NULL) { /* a change of what lives holds, and is stored later */
		http_reply(p->req, p->status, p->body);
		pending_free(p);
		return;
	}
	json_decref(p->body);
	api_reply_focus_error(p->req, -ERR_IO, "", "");
	c = conference_find(focus_conferences(p->api->focus), slice_str(p->made));
	if (c != NULL)
		focus_end(p->api->focus, c, 503);
	pending_free(p);
}

void api_reply_stored(struct api *a, struct http_req *req, int status, json_t *body_take,
		      const char *made)
{
	struct api_pending *p = xcalloc(1, sizeof(*p));

	p->api = a;
	p->req = req;
	p->status = status;
	p->body = body_take;
	p->made = made != NULL ? xstrdup(made) : NULL;
	LIST_INSERT_HEAD(&a->pending, p, link);
	focus_stored(a->focus, on_stored, p);
}

void api_stored_free(struct api *a)
{
	while (!LIST_EMPTY(&a->pending)) {
		struct api_pending *p = LIST_FIRST(&a->pending);

		focus_stored_forget(a->focus, p);
		json_decref(p->body);
		http_reply_error(p->req, 503, "unavailable", "the server stops");
		pending_free(p);
	}
}
