/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of single legs, for the TLS between a member and the switch: derived from his pairwise key and the
 * message in the offer that makes the session (gke_leg). Nothing of a conference is in them.
 */
#include "common/mem.h"
#include "proto/ks/keyserver_priv.h"
#include "proto/sip_uri.h"

static bool is(struct slice id, const char *uri)
{
	return sip_uri_same(id, slice_str(uri));
}

/* His request, or a key of ours to him? */
static bool is_between(const struct keyserver *ks, const char *uri, const struct mikey *m)
{
	return m->kemac.len == 0 ? is(m->idri, uri) : is(m->idri, ks->name) && is(m->idrr, uri);
}

int keyserver_leg(const struct keyserver *ks, const char *room, const char *uri, struct slice offer,
		  struct gke_leg *leg_r)
{
	const struct member_key *key;
	struct mikey_key unwanted;
	const struct ks_room *r = ks_room_find(ks, room);
	struct mikey m;
	int rc;

	if (r == NULL || ks_person_find(r, uri) == NULL)
		return -ERR_NOT_FOUND;
	if (mikey_parse(offer, &m, NULL) != 0 || m.data_type != MIKEY_PSK_INIT || m.idrpsk.len == 0)
		return -ERR_SYNTAX;
	key = ks_key_find(ks, uri, m.idrpsk);
	if (key == NULL)
		return -ERR_NOT_FOUND;
	rc = mikey_open(&m, slice_make(key->key, MEMBER_KEY_SIZE), &unwanted);
	if (rc > 0)
		mem_wipe(&unwanted, sizeof(unwanted));
	if (rc < 0)
		return rc;
	if (!is_between(ks, uri, &m))
		return -ERR_DENIED;
	gke_leg(slice_make(key->key, MEMBER_KEY_SIZE), m.rand, m.csb_id, leg_r);
	return 0;
}
