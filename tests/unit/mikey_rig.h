/* SPDX-License-Identifier: Apache-2.0 */
/* MIKEY messages to try things on: a member key, a key request, and what they are made of. */
#ifndef TESTS_UNIT_MIKEY_RIG_H
#define TESTS_UNIT_MIKEY_RIG_H

#include "common/mem.h"
#include "proto/mikey_priv.h"

static const uint8_t rig_psk_octets[32] = {0x80, 0x81, 0x82, 0x83}, rig_other_psk[32] = {0x70},
		     rig_tek[32] = {0x40, 0x41, 0x42}, rig_rand[MIKEY_RAND_SIZE] = {0x20, 0x21},
		     rig_domain[GKID_DOMAIN_SIZE] = {0xc0, 0xff, 0xee, 1, 2, 3, 4, 5};

static inline struct slice rig_psk(void)
{
	return slice_make(rig_psk_octets, sizeof(rig_psk_octets));
}

/* From the key server to alice. */
static inline struct mikey_init rig_member_key(enum gke_suite suite)
{
	struct gkid id = gkid_make(rig_domain, 7);

	return (struct mikey_init){.suite = suite,
				   .csb_id = gkid_csb_id(&id),
				   .v = true,
				   .t = UINT64_C(0xeead3f80123456f9),
				   .rand = rig_rand,
				   .idri = SLICE_LIT("sip:ks@conf.example.com"),
				   .idrr = SLICE_LIT("sip:alice@example.com"),
				   .idrpsk = SLICE_LIT("mk:alice:1"),
				   .idrapp = SLICE_LIT("sip:room1@conf.example.com"),
				   .idrpsk_is_octets = true,
				   .tek = slice_make(rig_tek, gke_tek_size(suite)),
				   .gkid = id};
}

/* From alice to the key server, in an offer. */
static inline struct mikey_init rig_request(enum gke_suite suite)
{
	struct mikey_init init = rig_member_key(suite);
	struct slice ks = init.idri;

	init.idri = init.idrr;
	init.idrr = ks;
	init.v = false;
	init.sdp_ids = SLICE_LIT("mikey");
	init.tek = SLICE_NULL;
	return init;
}

/* Both, in both suites. */
static inline struct mikey_init rig_any(size_t i)
{
	enum gke_suite suite = i & 1 ? GKE_SUITE_A : GKE_SUITE_B;

	return i & 2 ? rig_request(suite) : rig_member_key(suite);
}
#define RIG_ALL 4

/* The octets of what an initiator says; the caller releases them. */
static inline struct bytes rig_build(const struct mikey_init *init)
{
	struct bytes out = BYTES_INIT;

	assert_int_equal(mikey_build_init(init, rig_psk(), &out), 0);
	return out;
}

static inline int rig_read(const struct bytes *b, struct mikey *m)
{
	return mikey_parse(bytes_slice(b), m, NULL);
}

#endif
