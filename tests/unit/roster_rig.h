/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_ROSTER_RIG_H
#define TESTS_UNIT_ROSTER_RIG_H

/* A roster with people in it, and what its documents show. After cmocka.h. */
#include <stdio.h>
#include <string.h>

#include "mrfc/conference/roster.h"

#define ALICE "sip:alice@example.com"
#define BOB   "sip:bob@example.com"
#define WALL  1769940000000 /* 2026-02-01T10:00:00Z */

static inline struct roster *room(void)
{
	return roster_new("sip:room@conf.example.com");
}

static inline struct roster_endpoint *join(struct roster *r, const char *uri, const char *contact)
{
	struct participant *p = roster_user(r, slice_str(uri), NULL);
	struct roster_endpoint *e = roster_endpoint_add(p, slice_str(contact), CONFINFO_DIALING_IN,
							CONFINFO_DIALED_IN, NULL);

	roster_endpoint_status(e, CONFINFO_CONNECTED, WALL);
	return e;
}

/* The document since a serial, read by a watcher's eyes. */
static inline struct confinfo_parsed *shown(struct roster *r, uint64_t since)
{
	const struct roster_view view = {.version = 5, .subject = "Lunch", .active = true};
	struct bytes out = BYTES_INIT;
	struct confinfo_parsed *p;

	roster_document(r, since, &view, &out);
	assert_int_equal(confinfo_parse(bytes_slice(&out), &p), 0);
	bytes_fini(&out);
	return p;
}

/* "alice:connected bob:deleted " of the users in the document since a serial. */
static inline const char *summary(struct roster *r, uint64_t since)
{
	static char text[512];
	struct confinfo_parsed *p = shown(r, since);
	const struct confinfo_doc *d = confinfo_doc(p);

	text[0] = '\0';
	for (size_t i = 0; i < d->n_users; i++) {
		const struct confinfo_user *u = &d->users[i];
		size_t len = strlen(text);

		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%.*s:", (int)strcspn(u->entity + 4, "@"), u->entity + 4);
		if (u->state == CONFINFO_DELETED)
			(void)snprintf(text + len, sizeof(text) - len, "deleted ");
		for (size_t k = 0; k < u->n_endpoints; k++)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s ",
						confinfo_status_name(u->endpoints[k].status));
	}
	confinfo_free(&p);
	return text;
}

#endif
