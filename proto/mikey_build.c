/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing of MIKEY messages: what an initiator says, its confirmation, errors. The order of payloads is
 * fixed (HDR, T, RAND, IDRi, IDRr, IDRpsk, IDRapp, SDP-IDs, KEMAC), so that equal messages are
 * equal octets. Also the clock's format. RFC 3830 section 6, RFC 6043 section 6.6.
 */
#include <assert.h>

#include "common/mem.h"
#include "proto/mikey_priv.h"

#define NTP_1970   2208988800u /* seconds from 1900 to 1970 */
#define HDR_SIZE   10
#define T_SIZE     10
#define RAND_SIZE  (2 + MIKEY_RAND_SIZE)
#define IDR_HEAD   5
#define EXT_HEAD   4
#define KEMAC_HEAD 5 /* with the number of the MAC algorithm */
#define US_PER_S   1000000u
#define ERA_BORDER 0x80000000u /* NTP seconds below it are of the era that begins in 2036 */

static void add_header(struct bytes *out, uint8_t type, uint8_t flags, enum gke_suite suite,
		       uint32_t csb_id)
{
	bytes_add_u8(out, MIKEY_VERSION);
	bytes_add_u8(out, type);
	bytes_add_u8(out, MIKEY_NEXT_T);
	bytes_add_u8(out, flags | mikey_suite(suite)->prf);
	bytes_add_u32(out, csb_id);
	bytes_add_u8(out, 0); /* #CS */
	bytes_add_u8(out, MIKEY_MAP_EMPTY);
}

static void add_t(struct bytes *out, uint8_t next, uint64_t t)
{
	bytes_add_u8(out, next);
	bytes_add_u8(out, MIKEY_T_NTP_UTC);
	bytes_add_u64(out, t);
}

static void add_idr(struct bytes *out, uint8_t next, uint8_t role, uint8_t type, struct slice id)
{
	bytes_add_u8(out, next);
	bytes_add_u8(out, role);
	bytes_add_u8(out, type);
	bytes_add_u16(out, (uint16_t)id.len);
	bytes_add_slice(out, id);
}

/* Everything before KEMAC. */
static void add_names(struct bytes *out, const struct mikey_init *init)
{
	uint8_t after_ids = init->sdp_ids.len ? MIKEY_NEXT_EXT : MIKEY_NEXT_KEMAC;

	bytes_add_u8(out, MIKEY_NEXT_IDR);
	bytes_add_u8(out, MIKEY_RAND_SIZE);
	bytes_add(out, init->rand, MIKEY_RAND_SIZE);
	add_idr(out, MIKEY_NEXT_IDR, MIKEY_ROLE_INITIATOR, MIKEY_ID_URI, init->idri);
	add_idr(out, MIKEY_NEXT_IDR, MIKEY_ROLE_RESPONDER, MIKEY_ID_URI, init->idrr);
	add_idr(out, MIKEY_NEXT_IDR, MIKEY_ROLE_PSK,
		init->idrpsk_is_octets ? MIKEY_ID_OCTETS : MIKEY_ID_URI, init->idrpsk);
	add_idr(out, after_ids, MIKEY_ROLE_APP, MIKEY_ID_URI, init->idrapp);
	if (init->sdp_ids.len) {
		bytes_add_u8(out, MIKEY_NEXT_KEMAC);
		bytes_add_u8(out, MIKEY_EXT_SDP_IDS);
		bytes_add_u16(out, (uint16_t)init->sdp_ids.len);
		bytes_add_slice(out, init->sdp_ids);
	}
}

static void add_key_data(struct bytes *out, const struct mikey_init *init,
			 const struct mikey_keys *keys)
{
	uint8_t data[MIKEY_KEY_DATA_MAX] = {MIKEY_NEXT_LAST, MIKEY_KEY_TEK_SPI};
	size_t size = mikey_key_data_size(init->suite), tek = init->tek.len;

	data[3] = (uint8_t)tek;
	memcpy(data + 4, init->tek.ptr, tek);
	data[4 + tek] = GKID_SIZE;
	memcpy(data + 4 + tek + 1, init->gkid.octets, GKID_SIZE);
	mikey_crypt(init->suite, keys, init->csb_id, init->t, data, size);
	bytes_add(out, data, size);
	mem_wipe(data, sizeof(data));
}

/* KEMAC; its MAC covers what stands in out from `start` on. */
static void add_kemac(struct bytes *out, size_t start, const struct mikey_init *init,
		      struct slice psk)
{
	const struct mikey_suite *suite = mikey_suite(init->suite);
	struct slice part;
	struct mikey_keys keys;
	uint8_t mac[MIKEY_MAC_MAX];

	mikey_derive(init->suite, psk, init->csb_id, slice_make(init->rand, MIKEY_RAND_SIZE),
		     &keys);
	bytes_add_u8(out, MIKEY_NEXT_LAST);
	bytes_add_u8(out, init->tek.len ? suite->encr : MIKEY_ENCR_NULL);
	bytes_add_u16(out, init->tek.len ? (uint16_t)mikey_key_data_size(init->suite) : 0);
	if (init->tek.len)
		add_key_data(out, init, &keys);
	bytes_add_u8(out, suite->mac);
	if (bytes_ok(out)) {
		part = slice_from(bytes_slice(out), start);
		mikey_mac(init->suite, &keys, &part, 1, mac);
		bytes_add(out, mac, suite->mac_size);
	}
	mem_wipe(&keys, sizeof(keys));
}

/* Octets of the whole message; 0 when an id is too long, or empty. */
static size_t size_of(const struct mikey_init *init)
{
	const struct slice *ids[] = {&init->idri, &init->idrr, &init->idrpsk, &init->idrapp};
	size_t n = HDR_SIZE + T_SIZE + RAND_SIZE + KEMAC_HEAD + mikey_suite(init->suite)->mac_size;

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		if (ids[i]->len < 1 || ids[i]->len > MIKEY_ID_MAX)
			return 0;
		n += IDR_HEAD + ids[i]->len;
	}
	if (init->sdp_ids.len > MIKEY_MAX_SIZE)
		return 0;
	n += init->sdp_ids.len ? EXT_HEAD + init->sdp_ids.len : 0;
	return n + (init->tek.len ? mikey_key_data_size(init->suite) : 0);
}

int mikey_build_init(const struct mikey_init *init, struct slice psk, struct bytes *out)
{
	size_t start = out->len, size = size_of(init);

	assert(psk.len && (!init->tek.len || init->tek.len == gke_tek_size(init->suite)));
	if (!size || size > MIKEY_MAX_SIZE)
		return -ERR_LIMIT;
	add_header(out, MIKEY_PSK_INIT, init->v ? MIKEY_V_FLAG : 0, init->suite, init->csb_id);
	add_t(out, MIKEY_NEXT_RAND, init->t);
	add_names(out, init);
	add_kemac(out, start, init, psk);
	return bytes_ok(out) ? 0 : -ERR_LIMIT;
}

void mikey_build_verify(const struct mikey *init, struct slice psk, struct bytes *out)
{
	size_t start = out->len;
	uint8_t mac[MIKEY_MAC_MAX];

	add_header(out, MIKEY_PSK_VERIFY, 0, init->suite, init->csb_id);
	add_t(out, init->idrr.len ? MIKEY_NEXT_IDR : MIKEY_NEXT_V, init->t);
	if (init->idrr.len)
		add_idr(out, MIKEY_NEXT_V, MIKEY_ROLE_RESPONDER, MIKEY_ID_URI, init->idrr);
	bytes_add_u8(out, MIKEY_NEXT_LAST);
	bytes_add_u8(out, mikey_suite(init->suite)->mac);
	if (!bytes_ok(out))
		return;
	mikey_verify_mac(init, psk, slice_from(bytes_slice(out), start), mac);
	bytes_add(out, mac, mikey_suite(init->suite)->mac_size);
}

void mikey_build_error(const struct mikey *init, enum mikey_error error, struct bytes *out)
{
	add_header(out, MIKEY_ERROR, 0, init->suite, init->csb_id);
	add_t(out, MIKEY_NEXT_ERR, init->t);
	bytes_add_u8(out, MIKEY_NEXT_LAST);
	bytes_add_u8(out, (uint8_t)error);
	bytes_add_u16(out, 0); /* reserved */
}

void mikey_build_refusal(const struct mikey *init, enum gke_suite suite, enum mikey_error error,
			 uint64_t clock, struct slice psk, struct bytes *out)
{
	size_t start = out->len;
	struct mikey as = *init;
	uint8_t mac[MIKEY_MAC_MAX];

	as.suite = suite;
	add_header(out, MIKEY_ERROR, 0, suite, init->csb_id);
	add_t(out, MIKEY_NEXT_ERR, init->t);
	bytes_add_u8(out, MIKEY_NEXT_EXT);
	bytes_add_u8(out, (uint8_t)error);
	bytes_add_u16(out, 0); /* reserved */
	bytes_add_u8(out, MIKEY_NEXT_V);
	bytes_add_u8(out, MIKEY_EXT_CLOCK);
	bytes_add_u16(out, sizeof(clock));
	bytes_add_u64(out, clock);
	bytes_add_u8(out, MIKEY_NEXT_LAST);
	bytes_add_u8(out, mikey_suite(suite)->mac);
	if (!bytes_ok(out))
		return;
	mikey_verify_mac(&as, psk, slice_from(bytes_slice(out), start), mac);
	bytes_add(out, mac, mikey_suite(suite)->mac_size);
}

uint64_t mikey_time(uint64_t wall_us)
{
	uint64_t seconds = wall_us / US_PER_S + NTP_1970;

	return seconds << 32 | ((wall_us % US_PER_S) << 32) / US_PER_S;
}

uint64_t mikey_time_us(uint64_t t)
{
	uint64_t seconds = t >> 32, fraction = t & UINT32_MAX;

	if (seconds < ERA_BORDER)
		seconds += UINT64_C(1) << 32;
	return (seconds - NTP_1970) * US_PER_S + ((fraction * US_PER_S + ERA_BORDER) >> 32);
}
