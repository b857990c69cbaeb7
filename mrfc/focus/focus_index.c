/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions of a room, found: by termination for what the media side tells, by any name of their user
 * while they are on the way in. Who is in the roster is found by its own index. No walk over a room's
 * sessions, which would make a join cost what the room's size is.
 */
#include <stdlib.h>

#include "common/mem.h"
#include "mrfc/focus/focus_priv.h"
#include "proto/sip_uri.h"

/* One name of who is on the way in. */
struct session_name {
	struct session *session;
	struct session_name *next; /* of the same session */
	UT_hash_handle hh;
	char key[];
};

static void add_name(struct session *s, const char *uri)
{
	struct bytes key = BYTES_INIT;
	struct session_name *n;

	sip_uri_name_key(slice_str(uri), &key);
	n = xcalloc(1, sizeof(*n) + key.len + 1);
	n->session = s;
	memcpy(n->key, bytes_cstr(&key), key.len);
	n->next = s->names;
	s->names = n;
	HASH_ADD_KEYPTR(hh, s->room->entering, n->key, key.len, n);
	bytes_fini(&key);
}

void session_entering(struct session *s)
{
	add_name(s, s->who.uri);
	for (size_t i = 0; i < s->who.n_aliases; i++)
		add_name(s, s->who.aliases[i]);
	if (s->shown != NULL)
		add_name(s, s->shown);
}

void session_entered(struct session *s)
{
	struct session_name *n;

	while ((n = s->names) != NULL) {
		s->names = n->next;
		HASH_DEL(s->room->entering, n);
		free(n);
	}
}

struct session *session_of_user(struct room *room, struct slice uri, bool connected_only)
{
	struct participant *p = roster_find(room->c->roster, uri);
	struct bytes key = BYTES_INIT;
	struct session_name *n = NULL;
	struct roster_endpoint *e;

	if (p != NULL) {
		LIST_FOREACH(e, &p->endpoints, link) {
			struct session *s = e->owner;

			if (s != NULL && (s->announced || !connected_only))
				return s;
		}
	}
	if (connected_only || room->entering == NULL)
		return NULL;
	sip_uri_name_key(uri, &key);
	HASH_FIND(hh, room->entering, bytes_cstr(&key), key.len, n);
	bytes_fini(&key);
	return n != NULL ? n->session : NULL;
}

struct session *session_by_termination(struct room *room, uint64_t termination)
{
	struct session *s;

	HASH_FIND(by_termination, room->by_termination, &termination, sizeof(termination), s);
	return s;
}

void session_set_termination(struct session *s, uint64_t termination)
{
	if (s->indexed)
		HASH_DELETE(by_termination, s->room->by_termination, s);
	s->indexed = termination != 0;
	s->termination = termination;
	if (s->indexed)
		HASH_ADD(by_termination, s->room->by_termination, termination, sizeof(termination),
			 s);
}

void session_unindex(struct session *s)
{
	session_entered(s);
	if (s->indexed)
		HASH_DELETE(by_termination, s->room->by_termination, s);
	s->indexed = false;
}
