/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What needs the pre-shared key to be read: MACs of messages, the key that a message carries, the
 * confirmation that another one was received. RFC 3830 sections 3.1, 5.3, 6.2, 6.9.
 */
#include "common/mem.h"
#include "common/secret.h"
#include "proto/mikey_priv.h"

static struct slice without_mac(const struct mikey *m)
{
	return slice_first(m->raw, m->raw.len - m->mac.len);
}

/* One TEK, named by a GKID; mikey_parse saw to the size. */
static int read_key_data(enum gke_suite suite, const uint8_t *data, struct mikey_key *key_r)
{
	const size_t tek = gke_tek_size(suite);
	const uint8_t *spi = data + 4 + tek;
	struct gkid id;

	if (data[0] != MIKEY_NEXT_LAST || data[1] != MIKEY_KEY_TEK_SPI || data[2] != 0 ||
	    data[3] != tek || spi[0] != GKID_SIZE)
		return -ERR_SYNTAX;
	if (gkid_read(slice_make(spi + 1, GKID_SIZE), &id) < 0)
		return -ERR_SYNTAX;
	*key_r = (struct mikey_key){.tek_size = tek, .gkid = id};
	memcpy(key_r->tek, data + 4, tek);
	return 1;
}

static int open_kemac(const struct mikey *m, const struct mikey_keys *keys, struct mikey_key *key_r)
{
	uint8_t data[MIKEY_KEY_DATA_MAX];
	int result;

	if (m->kemac.len == 0)
		return 0;
	memcpy(data, m->kemac.ptr, m->kemac.len);
	mikey_crypt(m->suite, keys, m->csb_id, m->t, data, m->kemac.len);
	result = read_key_data(m->suite, data, key_r);
	mem_wipe(data, sizeof(data));
	return result;
}

int mikey_open(const struct mikey *m, struct slice psk, struct mikey_key *key_r)
{
	const struct slice part = without_mac(m);
	uint8_t mac[MIKEY_MAC_MAX];
	struct mikey_keys keys;
	int result = -ERR_DENIED;

	if (m->data_type != MIKEY_PSK_INIT)
		return -ERR_SYNTAX;
	mikey_derive(m->suite, psk, m->csb_id, m->rand, &keys);
	mikey_mac(m->suite, &keys, &part, 1, mac);
	if (secret_equal(mac, m->mac.ptr, m->mac.len))
		result = open_kemac(m, &keys, key_r);
	mem_wipe(&keys, sizeof(keys));
	mem_wipe(mac, sizeof(mac));
	return result;
}

void mikey_verify_mac(const struct mikey *init, struct slice psk, struct slice message,
		      uint8_t out[MIKEY_MAC_MAX])
{
	struct mikey_keys keys;
	struct slice parts[4] = {message, init->idri, init->idrr, SLICE_NULL};
	uint8_t t[8];

	for (size_t i = 0; i < sizeof(t); i++)
		t[i] = (uint8_t)(init->t >> (56 - 8 * i));
	parts[3] = slice_make(t, sizeof(t));
	mikey_derive(init->suite, psk, init->csb_id, init->rand, &keys);
	mikey_mac(init->suite, &keys, parts, 4, out);
	mem_wipe(&keys, sizeof(keys));
}

int mikey_check_verify(const struct mikey *r, const struct mikey *init, struct slice psk)
{
	uint8_t mac[MIKEY_MAC_MAX];
	bool same;

	if (r->data_type != MIKEY_PSK_VERIFY || init->data_type != MIKEY_PSK_INIT || !init->v ||
	    r->suite != init->suite || r->csb_id != init->csb_id || r->t != init->t)
		return -ERR_SYNTAX;
	if (r->idrr.len && !slice_eq(r->idrr, init->idrr))
		return -ERR_SYNTAX;
	mikey_verify_mac(init, psk, without_mac(r), mac);
	same = secret_equal(mac, r->mac.ptr, r->mac.len);
	mem_wipe(mac, sizeof(mac));
	return same ? 0 : -ERR_DENIED;
}

int mikey_check_refusal(const struct mikey *e, const struct mikey *init, struct slice psk)
{
	struct mikey as = *init;
	uint8_t mac[MIKEY_MAC_MAX];
	bool same;

	if (e->data_type != MIKEY_ERROR || init->data_type != MIKEY_PSK_INIT ||
	    e->csb_id != init->csb_id || e->t != init->t)
		return -ERR_SYNTAX;
	if (e->mac.len == 0)
		return 0;
	as.suite = e->suite;
	mikey_verify_mac(&as, psk, without_mac(e), mac);
	same = secret_equal(mac, e->mac.ptr, e->mac.len);
	mem_wipe(mac, sizeof(mac));
	return same ? 1 : -ERR_DENIED;
}
