/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_UE_CRYPTO_RIG_H
#define TESTS_UNIT_UE_CRYPTO_RIG_H

/* A key server and two members for the tests of ue/ue_crypto: keys given, bodies sealed and opened. */

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "proto/mikey.h"
#include "ue/ue_crypto.h"

#define ALICE "sip:alice@example.com"
#define BOB   "sip:bob@example.com"
#define ROOM  "sip:room1@conf.example.com"
#define OTHER "sip:room2@conf.example.com"
#define KS    "sip:ks@conf.example.com"
#define T0    1795330800123000ull /* 2026-11-22T07:00:00.123Z */
#define S     1000000ull

static const struct ue_key mk = {.id = "mk:alice:1",
				 .key = {0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87,
					 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f,
					 0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97,
					 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f}};
static const uint8_t domain[GKID_DOMAIN_SIZE] = {0xc0, 0xff, 0xee, 1, 2, 3, 4, 5};

static inline struct slice mk_slice(void)
{
	return slice_make(mk.key, sizeof(mk.key));
}

/* What the key server sends; fields are changed by tests. */
struct server {
	uint8_t rand[MIKEY_RAND_SIZE], tek[GKE_TEK_MAX];
	struct mikey_init init;
};

static inline void server(struct server *s, uint32_t epoch, uint64_t wall_us)
{
	*s = (struct server){.init = {.suite = GKE_SUITE_B,
				      .v = true,
				      .t = mikey_time(wall_us),
				      .idri = SLICE_LIT(KS),
				      .idrr = SLICE_LIT(ALICE),
				      .idrpsk = slice_str(mk.id),
				      .idrapp = SLICE_LIT(ROOM),
				      .idrpsk_is_octets = true,
				      .gkid = gkid_make(domain, epoch)}};
	memset(s->tek, (int)epoch, sizeof(s->tek));
	s->init.rand = s->rand;
	s->init.csb_id = gkid_csb_id(&s->init.gkid);
	s->init.tek = slice_make(s->tek, sizeof(s->tek));
}

static inline void build(const struct server *s, struct slice psk, struct bytes *out)
{
	bytes_reset(out);
	assert_int_equal(mikey_build_init(&s->init, psk, out), 0);
}

/* One message taken, or not; the R_MESSAGE is checked against it. */
static inline int give(struct ue_crypto *c, const struct server *s, struct slice psk,
		       uint64_t wall_us, uint64_t now_ms, const char **why)
{
	struct bytes out = BYTES_INIT, reply = BYTES_INIT;
	struct mikey sent, back;
	int rc;

	build(s, psk, &out);
	*why = NULL;
	rc = ue_crypto_take(c, bytes_slice(&out), wall_us, now_ms, &reply, why);
	if (rc >= 0 && s->init.v) {
		assert_int_equal(mikey_parse(bytes_slice(&out), &sent, NULL), 0);
		assert_int_equal(mikey_parse(bytes_slice(&reply), &back, NULL), 0);
		assert_int_equal(mikey_check_verify(&back, &sent, psk), 0);
	} else {
		assert_int_equal(reply.len, 0);
	}
	assert_true(rc >= 0 || *why);
	bytes_fini(&out);
	bytes_fini(&reply);
	return rc;
}

static inline struct ue_crypto *member(const char *me)
{
	struct ue_crypto *c = ue_crypto_new(&mk, me, GKE_SUITE_B);

	ue_crypto_room(c, ROOM);
	return c;
}

static inline int epoch_at(struct ue_crypto *c, const char *me, uint32_t epoch, uint64_t wall_us,
			   uint64_t now_ms)
{
	const char *why;
	struct server s;

	server(&s, epoch, wall_us);
	s.init.idrr = slice_str(me);
	return give(c, &s, mk_slice(), wall_us, now_ms, &why);
}

struct pair {
	struct ue_crypto *alice, *bob;
};

/* Both have epoch 7. */
static inline int setup(void **state)
{
	struct pair *p = xcalloc(1, sizeof(*p));

	p->alice = member(ALICE);
	p->bob = member(BOB);
	assert_int_equal(epoch_at(p->alice, ALICE, 7, T0, 1000), 1);
	assert_int_equal(epoch_at(p->bob, BOB, 7, T0, 1000), 1);
	*state = p;
	return 0;
}

static inline int teardown(void **state)
{
	struct pair *p = *state;

	ue_crypto_free(&p->alice);
	ue_crypto_free(&p->bob);
	free(p);
	return 0;
}

static const struct ue_outer to_room = {SLICE_LIT(ALICE), SLICE_LIT(ROOM), SLICE_LIT("Zk3x9a")};

static inline void inner_of(const struct ue_outer *o, char when[CLOCK_RFC3339_SIZE],
			    uint64_t wall_us, struct gke_inner *in)
{
	*in = (struct gke_inner){.from = o->from,
				 .to = o->to,
				 .date_time = slice_str(clock_rfc3339_ms(wall_us / 1000, when)),
				 .message_id = o->id,
				 .content_type = SLICE_LIT("text/plain;charset=UTF-8"),
				 .payload = SLICE_LIT("hello group")};
}

static inline void seal(struct ue_crypto *c, const struct ue_outer *o, uint64_t wall_us,
			struct bytes *out)
{
	char when[CLOCK_RFC3339_SIZE];
	struct gke_inner in;

	inner_of(o, when, wall_us, &in);
	bytes_reset(out);
	assert_int_equal(ue_crypto_seal(c, &in, wall_us, out), 0);
}

/* Nothing is released when it fails. */
static inline int open_at(struct ue_crypto *c, const struct bytes *sealed, const struct ue_outer *o,
			  uint64_t wall_us)
{
	struct bytes plain = BYTES_INIT;
	struct ue_opened opened = {0};
	const char *why = NULL;
	int rc = ue_crypto_open(c, bytes_slice(sealed), o, wall_us, &plain, &opened, &why);

	if (rc == 0) {
		assert_true(slice_eq_str(opened.inner.payload, "hello group"));
		assert_false(opened.verified);
	} else {
		assert_int_equal(plain.len, 0);
		assert_null(plain.data);
		assert_null(opened.inner.payload.ptr);
		assert_non_null(why);
	}
	bytes_fini(&plain);
	return rc;
}

#endif
