/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of a conference as a UE learns them (RFC 4579 5.2, 4575 5.2), and what they tell of a message's
 * CPIM To (RFC 7701 6.2): To is copied as the sender wrote it, so a member may have named the
 * conference or us by any URI that the focus takes. Pure.
 */
#include "ue/ue_names.h"

#include <stdlib.h>

#include "common/mem.h"
#include "proto/sip_uri.h"

void ue_names_fini(struct ue_names *n)
{
	free(n->called);
	free(n->conference);
	free(n->contact);
	free(n->entity);
	*n = (struct ue_names){0};
}

static void set(char **field, const char *uri)
{
	struct bytes aor = BYTES_INIT;

	free(*field);
	if (sip_uri_aor(slice_str(uri), &aor) < 0)
		bytes_add_str(&aor, uri);
	*field = bytes_take(&aor);
}

static bool same_user(const char *name, struct slice uri)
{
	struct sip_uri a, b;

	return name && sip_uri_parse(slice_str(name), &a) == 0 && sip_uri_parse(uri, &b) == 0 &&
	       a.user.len > 0 && slice_eq(a.user, b.user);
}

void ue_names_called(struct ue_names *n, const char *uri)
{
	set(&n->called, uri);
}

void ue_names_focus(struct ue_names *n, const char *uri)
{
	set(&n->contact, uri);
	set(&n->conference, same_user(n->called, slice_str(uri)) ? n->called : uri);
}

void ue_names_entity(struct ue_names *n, const char *uri)
{
	set(&n->entity, uri);
}

bool ue_names_private(const struct ue_names *n, struct slice to, const char *as)
{
	if (sip_uri_same(to, slice_str(as)))
		return true;
	return to.len > 0 && !sip_uri_same(to, SLICE_LIT("sip:anonymous@anonymous.invalid")) &&
	       !same_user(n->conference, to) && !same_user(n->contact, to) &&
	       !same_user(n->entity, to);
}
