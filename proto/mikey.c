/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading of MIKEY messages, RFC 3830 section 6, of the shapes that conferences use: payloads in
 * their one order, each at most once, only extensions of unknown types skipped. Every length is
 * checked against what is left. Nothing here is secret; keys are mikey_open.c's business.
 */
#include "proto/mikey.h"

#include "proto/mikey_priv.h"

/* What is left to read. A read past the end gives zeros and breaks it for good. */
struct cursor {
	struct slice rest;
	bool broken;
};

/* Payloads in the order in which they may stand. */
enum stage { AT_T, AT_RAND, AT_IDRI, AT_IDRR, AT_IDRPSK, AT_IDRAPP, AT_ERR, AT_KEMAC, AT_V };
#define BIT(stage) (1u << (stage))

static const struct shape {
	uint8_t type;
	unsigned allowed, required; /* BIT(enum stage) */
} shapes[] = {
	{MIKEY_PSK_INIT,
	 BIT(AT_T) | BIT(AT_RAND) | BIT(AT_IDRI) | BIT(AT_IDRR) | BIT(AT_IDRPSK) | BIT(AT_IDRAPP) |
		 BIT(AT_KEMAC),
	 BIT(AT_T) | BIT(AT_RAND) | BIT(AT_KEMAC)},
	{MIKEY_PSK_VERIFY, BIT(AT_T) | BIT(AT_IDRR) | BIT(AT_V), BIT(AT_T) | BIT(AT_V)},
	{MIKEY_ERROR, BIT(AT_T) | BIT(AT_ERR) | BIT(AT_V), BIT(AT_T) | BIT(AT_ERR)},
};

struct parse {
	struct mikey *m;
	const struct shape *shape;
	struct cursor in;
	unsigned seen; /* BIT(enum stage) */
	uint8_t next;
	bool has_sdp_ids;
	enum mikey_error error;
};

static uint64_t take(struct cursor *c, size_t octets)
{
	uint64_t v = 0;

	if (c->rest.len < octets) {
		*c = (struct cursor){.broken = true};
		return 0;
	}
	for (size_t i = 0; i < octets; i++)
		v = v << 8 | (uint8_t)c->rest.ptr[i];
	c->rest = slice_from(c->rest, octets);
	return v;
}

static uint8_t take_octet(struct cursor *c)
{
	return (uint8_t)take(c, 1);
}

static struct slice take_slice(struct cursor *c, uint64_t len)
{
	struct slice s = slice_first(c->rest, (size_t)len);

	if (c->rest.len < len) {
		*c = (struct cursor){.broken = true};
		return SLICE_NULL;
	}
	c->rest = slice_from(c->rest, (size_t)len);
	return s;
}

static int refuse(struct parse *p, int err, enum mikey_error error)
{
	p->error = error;
	return err;
}

/* Is it this payload's turn? */
static bool in_turn(struct parse *p, enum stage stage)
{
	if (!(p->shape->allowed & BIT(stage)) || p->seen >= BIT(stage))
		return false;
	p->seen |= BIT(stage);
	return true;
}

/* --- payloads; the number of the next one is taken off already --- */

static int read_t(struct parse *p)
{
	uint8_t type = take_octet(&p->in);
	uint64_t t = take(&p->in, 8);

	if (p->in.broken || !in_turn(p, AT_T))
		return -ERR_SYNTAX;
	if (type != MIKEY_T_NTP_UTC)
		return refuse(p, -ERR_UNSUPPORTED, MIKEY_ERR_TS);
	p->m->t = t;
	return 0;
}

static int read_rand(struct parse *p)
{
	struct slice rand = take_slice(&p->in, take_octet(&p->in));

	if (rand.len < MIKEY_RAND_SIZE || !in_turn(p, AT_RAND))
		return -ERR_SYNTAX;
	p->m->rand = rand;
	return 0;
}

static int read_idr(struct parse *p)
{
	uint8_t role = take_octet(&p->in), type = take_octet(&p->in);
	struct slice data = take_slice(&p->in, take(&p->in, 2));
	const struct {
		uint8_t role;
		enum stage stage;
		struct slice *to;
	} roles[] = {{MIKEY_ROLE_INITIATOR, AT_IDRI, &p->m->idri},
		     {MIKEY_ROLE_RESPONDER, AT_IDRR, &p->m->idrr},
		     {MIKEY_ROLE_PSK, AT_IDRPSK, &p->m->idrpsk},
		     {MIKEY_ROLE_APP, AT_IDRAPP, &p->m->idrapp}};

	if (p->in.broken)
		return -ERR_SYNTAX;
	if (data.len < 1 || data.len > MIKEY_ID_MAX)
		return refuse(p, -ERR_SYNTAX, MIKEY_ERR_ID);
	if (type != MIKEY_ID_URI && !(type == MIKEY_ID_OCTETS && role == MIKEY_ROLE_PSK))
		return refuse(p, -ERR_UNSUPPORTED, MIKEY_ERR_ID);
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		if (roles[i].role == role && in_turn(p, roles[i].stage)) {
			*roles[i].to = data;
			p->m->idrpsk_is_octets |= type == MIKEY_ID_OCTETS;
			return 0;
		}
	}
	return refuse(p, -ERR_SYNTAX, MIKEY_ERR_ID);
}

/* May extensions stand here? */
static bool has_ext(const struct parse *p)
{
	unsigned after = p->shape->type == MIKEY_PSK_INIT ? BIT(AT_T) : BIT(AT_ERR);

	return p->shape->type != MIKEY_PSK_VERIFY && (p->seen & after) && !(p->seen & BIT(AT_V));
}

static int read_clock(struct parse *p, struct slice data)
{
	struct cursor c = {.rest = data};

	if (p->m->clock != 0 || data.len != sizeof(p->m->clock))
		return -ERR_SYNTAX;
	p->m->clock = take(&c, sizeof(p->m->clock));
	return 0;
}

/* Those of unknown types are skipped (RFC 3830 6.15). */
static int read_ext(struct parse *p)
{
	uint8_t type = take_octet(&p->in);
	struct slice data = take_slice(&p->in, take(&p->in, 2));

	if (p->in.broken || !has_ext(p))
		return -ERR_SYNTAX;
	if (p->shape->type == MIKEY_ERROR)
		return type == MIKEY_EXT_CLOCK ? read_clock(p, data) : 0;
	if (type != MIKEY_EXT_SDP_IDS)
		return 0;
	if (p->has_sdp_ids || data.len == 0)
		return -ERR_SYNTAX;
	p->has_sdp_ids = true;
	p->m->sdp_ids = data;
	return 0;
}

static int read_mac(struct parse *p)
{
	const struct mikey_suite *suite = mikey_suite(p->m->suite);

	if (take_octet(&p->in) != suite->mac)
		return refuse(p, p->in.broken ? -ERR_SYNTAX : -ERR_UNSUPPORTED, MIKEY_ERR_MAC);
	p->m->mac = take_slice(&p->in, suite->mac_size);
	return p->in.broken || p->next != MIKEY_NEXT_LAST ? -ERR_SYNTAX : 0;
}

static int read_kemac(struct parse *p)
{
	const struct mikey_suite *suite = mikey_suite(p->m->suite);
	uint8_t encr = take_octet(&p->in);
	struct slice data = take_slice(&p->in, take(&p->in, 2));

	if (p->in.broken || !in_turn(p, AT_KEMAC))
		return -ERR_SYNTAX;
	if (encr != (data.len ? suite->encr : MIKEY_ENCR_NULL))
		return refuse(p, -ERR_UNSUPPORTED, MIKEY_ERR_ENCR);
	if (data.len && data.len != mikey_key_data_size(p->m->suite))
		return refuse(p, -ERR_UNSUPPORTED, MIKEY_ERR_UNSPECIFIED);
	p->m->kemac = data;
	return read_mac(p);
}

static int read_v(struct parse *p)
{
	return in_turn(p, AT_V) ? read_mac(p) : -ERR_SYNTAX;
}

static int read_err(struct parse *p)
{
	uint8_t error = take_octet(&p->in);

	(void)take(&p->in, 2); /* reserved */
	if (p->in.broken || !in_turn(p, AT_ERR))
		return -ERR_SYNTAX;
	p->m->error = error;
	return 0;
}

static int read_payload(struct parse *p)
{
	uint8_t type = p->next;

	p->next = take_octet(&p->in);
	switch (type) {
	case MIKEY_NEXT_T:
		return read_t(p);
	case MIKEY_NEXT_RAND:
		return read_rand(p);
	case MIKEY_NEXT_IDR:
		return read_idr(p);
	case MIKEY_NEXT_EXT:
		return read_ext(p);
	case MIKEY_NEXT_KEMAC:
		return read_kemac(p);
	case MIKEY_NEXT_V:
		return read_v(p);
	case MIKEY_NEXT_ERR:
		return read_err(p);
	default:
		return -ERR_SYNTAX;
	}
}

static int read_chain(struct parse *p)
{
	for (size_t n = 0; p->next != MIKEY_NEXT_LAST; n++) {
		int err = n < MIKEY_MAX_PAYLOADS ? read_payload(p) : -ERR_LIMIT;

		if (err < 0)
			return err;
	}
	if (p->in.rest.len || (p->seen & p->shape->required) != p->shape->required)
		return -ERR_SYNTAX;
	return 0;
}

/* --- header --- */

static const struct shape *shape_of(uint8_t type)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		if (shapes[i].type == type)
			return &shapes[i];
	}
	return NULL;
}

static int read_suite(struct parse *p, uint8_t prf)
{
	for (enum gke_suite s = GKE_SUITE_B; s <= GKE_SUITE_A; s++) {
		if (mikey_suite(s)->prf == prf) {
			p->m->suite = s;
			return 0;
		}
	}
	return refuse(p, -ERR_UNSUPPORTED, MIKEY_ERR_PRF);
}

static int read_header(struct parse *p)
{
	uint8_t version = take_octet(&p->in), type = take_octet(&p->in), flags, n_cs, map;
	int err;

	p->next = take_octet(&p->in);
	flags = take_octet(&p->in);
	p->m->csb_id = (uint32_t)take(&p->in, 4);
	n_cs = take_octet(&p->in);
	map = take_octet(&p->in);
	if (p->in.broken)
		return -ERR_SYNTAX;
	if (version != MIKEY_VERSION)
		return refuse(p, -ERR_UNSUPPORTED, MIKEY_ERR_UNSPECIFIED);
	p->shape = shape_of(type);
	if (!p->shape)
		return refuse(p, -ERR_UNSUPPORTED, MIKEY_ERR_TYPE);
	p->m->data_type = type;
	p->m->v = flags & MIKEY_V_FLAG;
	err = read_suite(p, flags & (MIKEY_V_FLAG - 1));
	if (err < 0)
		return err;
	/* Keys of crypto sessions, as SRTP has them, are for other users of MIKEY. */
	return n_cs == 0 && map == MIKEY_MAP_EMPTY ? 0 : -ERR_SYNTAX;
}

int mikey_data_type(struct slice in)
{
	if (in.len < 2 || in.ptr[0] != MIKEY_VERSION)
		return -ERR_SYNTAX;
	return (uint8_t)in.ptr[1];
}

int mikey_parse(struct slice in, struct mikey *m_r, enum mikey_error *error_r)
{
	struct parse p = {.m = m_r, .in = {.rest = in}, .error = MIKEY_ERR_UNSPECIFIED};
	int err;

	*m_r = (struct mikey){.raw = in};
	err = in.len > MIKEY_MAX_SIZE ? -ERR_LIMIT : read_header(&p);
	if (err == 0)
		err = read_chain(&p);
	if (err < 0 && error_r)
		*error_r = p.error;
	return err;
}
