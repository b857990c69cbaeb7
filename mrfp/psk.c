/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of pre-shared keys. While it is empty the TLS door knows no suites with such keys.
 * Knows neither where a key comes from nor what the termination does.
 */
#include "mrfp/psk.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/conn.h"
#include "common/mem.h"
#include "common/secret.h"
#include "common/tls.h"

struct psk {
	UT_hash_handle hh;
	char *identity;
	size_t len;
	uint8_t *key;
};

static struct psk *find(const struct plane *plane, struct slice identity)
{
	struct psk *p;

	HASH_FIND(hh, plane->psks, identity.ptr, identity.len, p);
	return p;
}

static bool on_identity(struct slice identity, struct slice *key_r, void *arg)
{
	const struct psk *p = find(arg, identity);

	if (p)
		*key_r = slice_make((const char *)p->key, p->len);
	return p != NULL;
}

const char *psk_problem(const struct plane *plane, const struct psk *own, struct slice identity,
			struct slice key)
{
	const struct psk *other;

	if (!identity.len || identity.len > PSK_IDENTITY_MAX || slice_chr(identity, '\0') >= 0)
		return "psk_identity: not 1 to 128 octets";
	if (key.len < PSK_MIN || key.len > PSK_MAX)
		return "psk: not 16 to 64 octets";
	other = find(plane, identity);
	return other && other != own ? "psk_identity: another termination's" : NULL;
}

void psk_set(struct plane *plane, struct psk **psk, struct slice identity, struct slice key)
{
	struct psk *p = xcalloc(1, sizeof(*p));

	psk_drop(plane, psk);
	p->identity = slice_dup(identity);
	p->len = key.len;
	p->key = secret_alloc(key.len);
	memcpy(p->key, key.ptr, key.len);
	HASH_ADD_KEYPTR(hh, plane->psks, p->identity, strlen(p->identity), p);
	if (plane->tls)
		tls_set_psk(plane->tls, on_identity, plane);
	*psk = p;
}

void psk_drop(struct plane *plane, struct psk **psk)
{
	struct psk *p = *psk;

	*psk = NULL;
	if (!p)
		return;
	HASH_DEL(plane->psks, p);
	if (!plane->psks && plane->tls)
		tls_set_psk(plane->tls, NULL, NULL);
	secret_free(&p->key, p->len);
	free(p->identity);
	free(p);
}

void psk_offer(const struct psk *psk, struct conn *c)
{
	if (psk)
		conn_offer_psk(c, slice_str(psk->identity),
			       slice_make((const char *)psk->key, psk->len));
}

bool psk_is(const struct psk *psk, const struct conn *c)
{
	const char *shown = conn_psk(c);

	return psk && shown && !strcmp(shown, psk->identity);
}
