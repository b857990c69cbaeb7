/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MIKEY messages. The input's key data counts as plaintext and its MAC is made right, so that what is
 * behind the MAC is tried, too. What is read and opened is written anew: the octets are the same. A turned
 * bit is denied.
 */
#include <stdlib.h>

#include "common/mem.h"
#include "proto/mikey_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t psk_octets[32] = {1, 2, 3};
static const struct slice psk = {(const char *)psk_octets, sizeof(psk_octets)};

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* What mikey_build_init cannot say is left alone: other lengths of RAND, missing names, skipped extensions. */
static void rebuild(const struct mikey *m, const struct mikey_key *key)
{
	struct mikey_init init = {.suite = m->suite,
				  .csb_id = m->csb_id,
				  .v = m->v,
				  .t = m->t,
				  .rand = (const uint8_t *)m->rand.ptr,
				  .idri = m->idri,
				  .idrr = m->idrr,
				  .idrpsk = m->idrpsk,
				  .idrapp = m->idrapp,
				  .idrpsk_is_octets = m->idrpsk_is_octets,
				  .sdp_ids = m->sdp_ids,
				  .tek = slice_make(key->tek, key->tek_size),
				  .gkid = key->gkid};
	struct bytes out = BYTES_INIT;

	if (m->rand.len == MIKEY_RAND_SIZE && mikey_build_init(&init, psk, &out) == 0 &&
	    out.len == m->raw.len)
		check(slice_eq(bytes_slice(&out), m->raw));
	bytes_fini(&out);
}

static void confirm(const struct mikey *m)
{
	struct bytes out = BYTES_INIT;
	struct mikey r;

	mikey_build_verify(m, psk, &out);
	check(mikey_parse(bytes_slice(&out), &r, NULL) == 0);
	check(mikey_check_verify(&r, m, psk) == (m->v ? 0 : -ERR_SYNTAX));
	out.data[out.len - 1] ^= 1;
	check(mikey_parse(bytes_slice(&out), &r, NULL) == 0);
	check(mikey_check_verify(&r, m, psk) < 0);
	bytes_fini(&out);
}

static void try_init(const struct mikey *m, uint8_t *octets)
{
	struct mikey_key key = {.tek_size = 0};
	uint8_t mac[MIKEY_MAC_MAX];
	struct mikey_keys keys;
	struct mikey turned;
	struct slice part = slice_first(m->raw, m->raw.len - m->mac.len);
	int opened;

	mikey_derive(m->suite, psk, m->csb_id, m->rand, &keys);
	if (m->kemac.len)
		mikey_crypt(m->suite, &keys, m->csb_id, m->t, octets + (m->kemac.ptr - m->raw.ptr),
			    m->kemac.len);
	mikey_mac(m->suite, &keys, &part, 1, mac);
	memcpy(octets + (m->mac.ptr - m->raw.ptr), mac, m->mac.len);
	opened = mikey_open(m, psk, &key);
	check(opened == (m->kemac.len ? 1 : 0) || (m->kemac.len && opened == -ERR_SYNTAX));
	if (opened >= 0) {
		rebuild(m, &key);
		confirm(m);
	}
	octets[m->csb_id % m->raw.len] ^= (uint8_t)(1 << m->t % 8);
	if (mikey_parse(m->raw, &turned, NULL) == 0)
		check(mikey_open(&turned, psk, &key) < 0);
}

static void try_error(const struct mikey *m)
{
	struct bytes out = BYTES_INIT;
	struct mikey e;

	mikey_build_error(m, (enum mikey_error)m->error, &out);
	check(mikey_parse(bytes_slice(&out), &e, NULL) == 0);
	check(e.error == m->error && e.t == m->t && e.csb_id == m->csb_id);
	bytes_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *octets = malloc(size ? size : 1);
	enum mikey_error error = MIKEY_ERR_UNSPECIFIED;
	struct mikey m;
	int err;

	check(octets != NULL);
	if (size)
		memcpy(octets, data, size);
	err = mikey_parse(slice_make(octets, size), &m, &error);
	check(mikey_data_type(slice_make(octets, size)) >= 0 || err < 0);
	if (err < 0) {
		check(err == -ERR_SYNTAX || err == -ERR_LIMIT || err == -ERR_UNSUPPORTED);
		try_error(&m);
	} else if (m.data_type == MIKEY_PSK_INIT) {
		try_init(&m, octets);
	} else if (m.data_type == MIKEY_ERROR) {
		try_error(&m);
	}
	free(octets);
	return 0;
}
