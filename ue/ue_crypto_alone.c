/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is sealed to one person's certificate instead of with the group's key, so that the other members cannot
 * read a copy of it (RFC 5652 6.2.2). Anybody who has the certificate can seal to it: who wrote is known by a
 * signature inside, or it is not known. It belongs to no epoch; what was seen is remembered for as long as its
 * time would be right.
 */
#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"
#include "proto/sip_uri.h"
#include "ue/ue_crypto_priv.h"

#define KEEP_US (2 * (uint64_t)UE_CRYPTO_SKEW_S * 1000000u) /* clocks may be set meanwhile */

bool ue_crypto_is_alone(struct slice der)
{
	struct cms_head head;

	return cms_parse(der, &head) < 0 && cms_peek_person(der) >= 0;
}

bool ue_crypto_reaches(const struct ue_crypto *c, struct slice who)
{
	return c->signing && c->signing->reaches(who, c->signing_arg);
}

int ue_crypto_seal_alone(struct ue_crypto *c, const struct gke_inner *inner, uint64_t wall_us,
			 struct bytes *out)
{
	struct bytes plain = BYTES_INIT;
	int err = ue_crypto_reaches(c, inner->to) ? 0 : -ERR_NOT_FOUND;

	if (err == 0)
		err = ue_crypto_entity(c, &c->alone, inner, wall_us, &plain);
	if (err == 0)
		err = bytes_ok(&plain) ? c->signing->seal_to(inner->to, bytes_slice(&plain), out,
							     c->signing_arg)
				       : -ERR_LIMIT;
	if (plain.data)
		mem_wipe(plain.data, plain.len);
	bytes_fini(&plain);
	return err;
}

static int unseal(const struct ue_crypto *c, struct slice der, struct bytes *plain,
		  const char **why_r)
{
	int err = c->signing && c->signing->open ? c->signing->open(der, plain, c->signing_arg)
						 : -ERR_WRONG_STATE;

	switch (-err) {
	case 0:
		return 0;
	case ERR_WRONG_STATE:
		return ue_crypto_refuse(-ERR_DENIED,
					"it is sealed to a certificate, and we have none with its "
					"key here",
					why_r);
	case ERR_NOT_FOUND:
		return ue_crypto_refuse(-ERR_DENIED,
					"it is sealed to another certificate than ours", why_r);
	case ERR_UNSUPPORTED:
		return ue_crypto_refuse(err,
					"it is sealed in a way that is not understood here, or to "
					"others, too",
					why_r);
	case ERR_SYNTAX:
		return ue_crypto_refuse(err, "it is not well-formed", why_r);
	default:
		return ue_crypto_refuse(-ERR_DENIED, "it was changed, or sealed with another key",
					why_r);
	}
}

/* Nobody's key but a signature's stands behind who it is from. */
static int judge_sender(const struct ue_crypto *c, const struct ue_opened *o, const char **why_r)
{
	if (o->verified || !c->signing->knows(o->inner.from, c->signing_arg))
		return 0;
	return ue_crypto_refuse(
		-ERR_DENIED,
		o->words ? "its sender signed its words alone, and anybody can have sealed them"
			 : "it is not signed, and anybody can have sealed it in its sender's name",
		why_r);
}

static int judge_number(struct ue_crypto *c, const struct gke_inner *inner, uint64_t wall_us,
			const char **why_r)
{
	struct ue_marked one = {.from = inner->from,
				.id = inner->message_id,
				.token = inner->token,
				.seq = inner->seq};
	int err = clock_rfc3339_parse(inner->date_time, &one.until_us);

	if (err < 0)
		return ue_crypto_refuse(err, "it says no time", why_r);
	one.until_us += KEEP_US;
	err = ue_marks_message(c->marks, &one, wall_us);
	if (err < 0)
		*why_r = err == -ERR_EXISTS ? "shown before"
					    : "too many messages for us alone came in a short time";
	return err;
}

static int judge(struct ue_crypto *c, const struct ue_opened *o, const struct ue_outer *outer,
		 uint64_t wall_us, const char **why_r)
{
	int err = ue_crypto_judge_place(c, &o->inner, outer, why_r);

	if (err == 0 && !ue_crypto_is_me(c, o->inner.to))
		err = ue_crypto_refuse(-ERR_DENIED, "it is sealed to us alone, and says to all",
				       why_r);
	if (err == 0)
		err = judge_sender(c, o, why_r);
	if (err == 0)
		err = ue_crypto_judge_time(&o->inner, wall_us, why_r);
	return err < 0 ? err : judge_number(c, &o->inner, wall_us, why_r);
}

int ue_crypto_open_alone(struct ue_crypto *c, struct slice der, const struct ue_outer *outer,
			 uint64_t wall_us, struct bytes *plain_r, struct ue_opened *opened_r,
			 const char **why_r)
{
	struct ue_opened o = {.verified = false};
	struct bytes plain = BYTES_INIT;
	int err = unseal(c, der, &plain, why_r);

	if (err == 0)
		err = ue_crypto_read_entity(c, outer, &plain, &o, why_r);
	if (err == 0)
		err = judge(c, &o, outer, wall_us, why_r);
	if (err < 0) {
		if (plain.data)
			mem_wipe(plain.data, plain.len);
		bytes_fini(&plain);
		return err;
	}
	bytes_fini(plain_r);
	*plain_r = plain;
	*opened_r = o;
	return 0;
}
