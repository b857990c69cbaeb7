/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What our calls carry besides the offer: the recipient-list-history of the list that asked for them
 * (RFC 5364, RFC 5366 5), or who belongs to the conference (IMS-019), the token of who referred, and
 * how far they may go.
 */
#include <stdlib.h>

#include "common/mem.h"
#include "common/rand.h"
#include "mrfc/focus/focus_list.h"
#include "mrfc/focus/focus_priv.h"

#define BOUNDARY_LEN 24

void list_headers(const struct session *s, struct bytes *headers)
{
	const struct list_call *c = &s->by_list;

	if (c->max_forwards > 0)
		bytes_addf(headers, "Max-Forwards: %u\r\n", c->max_forwards - 1);
	if (c->max_breadth > 0)
		bytes_addf(headers, "Max-Breadth: %u\r\n", c->max_breadth);
}

/* Those who belong, for a call that no list asked for (IMS-019). */
static void show_members(const struct room *room, struct bytes *out)
{
	struct reslist list = {0};
	struct member *m;

	for (m = members_first(room->c->members); m != NULL; m = members_next(m))
		urilist_show(&list, m->uri, m->display, RESLIST_TO, m->shown != NULL ? 1 : 0);
	if (list.n_entries > 0)
		reslist_build(out, &list);
	reslist_fini(&list);
}

char *list_body(const struct session *s, struct bytes *body)
{
	const struct list_call *c = &s->by_list;
	struct bytes history = BYTES_INIT;
	char boundary[BOUNDARY_LEN + 1];
	char *type = NULL;

	if (c->history != NULL)
		bytes_add_slice(&history, chunk_slice(c->history));
	else if (!c->listed && s->room->focus->config.dialout_members)
		show_members(s->room, &history);
	if (history.len > 0 || s->token != NULL) {
		rand_ident(boundary, BOUNDARY_LEN);
		bytes_addf(body, "--%s\r\nContent-Type: application/sdp\r\n\r\n", boundary);
		bytes_add_slice(body, bytes_slice(&s->local.last));
		if (history.len > 0) {
			bytes_addf(body,
				   "\r\n--%s\r\nContent-Type: " LIST_TYPE
				   "\r\nContent-Disposition: "
				   "recipient-list-history; handling=optional\r\n\r\n",
				   boundary);
			bytes_add_slice(body, bytes_slice(&history));
		}
		if (s->token != NULL) {
			bytes_addf(body, "\r\n--%s\r\n", boundary);
			bytes_add_slice(body, chunk_slice(s->token));
		}
		bytes_addf(body, "\r\n--%s--\r\n", boundary);
		type = xasprintf("multipart/mixed;boundary=\"%s\"", boundary);
	}
	bytes_fini(&history);
	return type;
}
