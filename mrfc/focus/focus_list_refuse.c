/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals that lists of users have of their own: entries that are lists or conferences of this
 * server (RFC 5318), users who have not agreed (RFC 5360), too little breadth (RFC 5393).
 */
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "mrfc/focus/focus_access.h"
#include "mrfc/focus/focus_list.h"
#include "mrfc/focus/focus_priv.h"
#include "proto/sip_uri.h"

#define LOG_PLACE    "focus/list"
#define BOUNDARY_LEN 24

/* Who is in that conference, for the eyes of who is in it too, as the roster names them. */
static void add_members(struct bytes *body, const char *boundary, const char *id, struct room *room)
{
	struct reslist list = {0};
	struct participant *p;
	struct sip_uri u;

	for (p = roster_first(room->c->roster); p != NULL; p = roster_next(p)) {
		if (p->n_live > 0 && sip_uri_parse(slice_str(p->uri), &u) == 0)
			urilist_show(&list, p->uri, p->display, RESLIST_NONE,
				     p->shown != NULL || slice_ieq_str(u.host, "anonymous.invalid")
					     ? 1
					     : 0);
	}
	bytes_addf(body,
		   "--%s\r\nContent-Type: " LIST_TYPE "\r\n"
		   "Content-Disposition: recipient-list\r\nContent-ID: <%s>\r\n\r\n",
		   boundary, id);
	reslist_build(body, &list);
	bytes_add_str(body, "\r\n");
	reslist_fini(&list);
}

/* RFC 5318 6: what we cannot expand, and its members for who may know them. */
static void refuse_ours(struct focus *f, struct sip_in **in, const struct identity *who,
			const struct urilist *l)
{
	struct bytes h = BYTES_INIT, body = BYTES_INIT, type = BYTES_INIT;
	char boundary[BOUNDARY_LEN + 1], ident[21];
	const char *const *ours;
	struct access_facts facts;
	struct room *room;
	size_t n;

	rand_ident(boundary, BOUNDARY_LEN);
	ours = urilist_ours(l, &n);
	for (size_t i = 0; i < n; i++) {
		bytes_addf(&h, "P-Refused-URI-List: <%s>", ours[i]);
		room = room_by_uri(f, ours[i], NULL, NULL);
		if (room != NULL)
			focus_facts(room, who->uri, &facts);
		if (room != NULL && facts.present && !facts.barred &&
		    roster_count(room->c->roster) <= f->config.list_max_entries) {
			rand_ident(ident, 20);
			char *id = xasprintf("%s@%s", ident, f->config.domain);
			bytes_addf(&h, ";members=\"<cid:%s>\"", id);
			add_members(&body, boundary, id, room);
			free(id);
		}
		bytes_add_str(&h, "\r\n");
	}
	if (body.len > 0)
		bytes_addf(&body, "--%s--\r\n", boundary);
	bytes_addf(&type, "multipart/mixed;boundary=\"%s\"", boundary);
	sip_in_end(in, &(struct sip_answer){.status = 403,
					    .headers = bytes_cstr(&h),
					    .content_type = body.len > 0 ? bytes_cstr(&type) : NULL,
					    .body = bytes_slice(&body)});
	bytes_fini(&h);
	bytes_fini(&body);
	bytes_fini(&type);
}

/* RFC 5360 5.9.2. */
static void refuse_missing(struct sip_in **in, const struct urilist *l)
{
	struct bytes h = BYTES_INIT;
	const char *const *missing;
	size_t n;

	missing = urilist_missing(l, &n);
	for (size_t i = 0; i < n; i++)
		bytes_addf(&h, "Permission-Missing: <%s>\r\n", missing[i]);
	sip_in_end(in, &(struct sip_answer){.status = 470,
					    .phrase = "Consent Needed",
					    .headers = bytes_cstr(&h)});
	bytes_fini(&h);
}

void list_refuse(struct focus *f, struct sip_in **in, const struct identity *who, int status,
		 enum access_denial d, const struct urilist *l)
{
	size_t n_ours = 0;

	log_info("%s by %s to %s refused: %d, its list of users", (*in)->method_name, who->uri,
		 (*in)->uri, status);
	if (l != NULL)
		(void)urilist_ours(l, &n_ours);
	if (status == 403 && n_ours > 0)
		refuse_ours(f, in, who, l);
	else if (status == 470)
		refuse_missing(in, l);
	else if (status == 440)
		sip_in_end(in,
			   &(struct sip_answer){.status = 440, .phrase = "Max-Breadth Exceeded"});
	else if (status == 405)
		sip_in_end(in,
			   &(struct sip_answer){.status = 405, .headers = "Allow: OPTIONS\r\n"});
	else if (status == 400)
		focus_refuse(in, 400, 0, "No usable list of recipients");
	else
		focus_refuse(in, status, 0, d != ACCESS_GRANTED ? focus_denial_text(f, d) : NULL);
}
