/* SPDX-License-Identifier: Apache-2.0 */
/* MIKEY messages put together by hand, payload by payload, right or wrong. */
#ifndef TESTS_UNIT_MIKEY_DRAFT_H
#define TESTS_UNIT_MIKEY_DRAFT_H

#include "mikey_rig.h"

/* A message put together by hand: each payload names the next one. */
struct draft {
	struct bytes b;
	size_t next; /* where the number of the next payload stands */
};

static inline struct draft draft_new(uint8_t type, uint8_t prf)
{
	struct draft d = {.b = BYTES_INIT, .next = 2};
	const uint8_t hdr[] = {1, type, 0, prf, 0, 0, 0, 9, 0, 1};

	bytes_add(&d.b, hdr, sizeof(hdr));
	return d;
}

static inline void draft_add(struct draft *d, uint8_t type, const void *octets, size_t len)
{
	d->b.data[d->next] = (char)type;
	d->next = d->b.len;
	bytes_add_u8(&d->b, 0);
	bytes_add(&d->b, octets, len);
}

static inline void add_t(struct draft *d)
{
	draft_add(d, MIKEY_NEXT_T, "\0\xee\xad\x3f\x80\0\0\0\1", 9);
}

static inline void add_rand(struct draft *d, uint8_t len)
{
	uint8_t octets[256] = {len};

	draft_add(d, MIKEY_NEXT_RAND, octets, 1 + (size_t)len);
}

static inline void add_id(struct draft *d, uint8_t role, uint8_t type, uint16_t len)
{
	uint8_t octets[512] = {role, type, (uint8_t)(len >> 8), (uint8_t)len};

	draft_add(d, MIKEY_NEXT_IDR, octets, 4 + (size_t)len);
}

static inline void add_ext(struct draft *d, uint8_t type, uint16_t len)
{
	uint8_t octets[512] = {type, (uint8_t)(len >> 8), (uint8_t)len};

	draft_add(d, MIKEY_NEXT_EXT, octets, 3 + (size_t)len);
}

static inline void add_kemac(struct draft *d, uint8_t encr, uint16_t len, uint8_t mac)
{
	static const size_t macs[] = {0, 20, 32};
	uint8_t octets[512] = {encr, (uint8_t)(len >> 8), (uint8_t)len};

	octets[3 + len] = mac;
	draft_add(d, MIKEY_NEXT_KEMAC, octets, 4 + (size_t)len + macs[mac]);
}

static inline void add_v(struct draft *d)
{
	uint8_t octets[33] = {2};

	draft_add(d, MIKEY_NEXT_V, octets, sizeof(octets));
}

/* Read it, and release it. */
static inline int finish(struct draft *d, enum mikey_error *error)
{
	struct mikey m;
	int err = mikey_parse(bytes_slice(&d->b), &m, error);

	bytes_fini(&d->b);
	return err;
}

/* HDR, T, RAND of suite B. */
static inline struct draft begun(void)
{
	struct draft d = draft_new(MIKEY_PSK_INIT, 1);

	add_t(&d);
	add_rand(&d, 16);
	return d;
}

/* What is there so far, ended as a key request. */
static inline int finish_request(struct draft *d, enum mikey_error *error)
{
	add_kemac(d, 0, 0, 2);
	return finish(d, error);
}

static inline int is_refused(struct draft *d, enum mikey_error wanted)
{
	enum mikey_error error = MIKEY_ERR_AUTH;
	int err = finish_request(d, &error);

	assert_true(err < 0);
	assert_int_equal(error, wanted);
	return err;
}

#endif
