/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a UE seals and opens with the group's keys. An opened body is released only when everything
 * about it holds: key, tag, what stands inside against what stands around it, its number, its time;
 * in this order, and who sent it is told nothing of what failed.
 */
#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/rand.h"
#include "common/secret.h"
#include "proto/media_type.h"
#include "proto/sip_uri.h"
#include "ue/ue_crypto_priv.h"

#define NONCE_SIZE 12
#define SKEW_US    ((uint64_t)UE_CRYPTO_SKEW_S * 1000000u)

/* --- sealing --- */

/*
 * Numbers begin at the clock's microseconds and rise by one, so that the receivers' window has room for what is
 * overtaken. Files, which everything overtakes, count apart.
 */
static void number(struct ue_counter *n, const struct gke_inner *inner, uint64_t wall_us,
		   struct bytes *out)
{
	struct gke_inner full = *inner;

	n->seq = n->seq ? n->seq + 1 : wall_us;
	full.token = n->token;
	full.seq = n->seq;
	gke_inner_build(&full, out);
}

void ue_crypto_file_inner(struct ue_crypto *c, const struct gke_inner *inner, uint64_t wall_us,
			  struct bytes *out)
{
	number(&c->files, inner, wall_us, out);
}

int ue_crypto_entity(struct ue_crypto *c, struct ue_counter *n, const struct gke_inner *inner,
		     uint64_t wall_us, struct bytes *out)
{
	struct bytes entity = BYTES_INIT, der = BYTES_INIT;
	int err = 0;

	if (!c->signing || !c->signing->sign) {
		number(n, inner, wall_us, out);
		return 0;
	}
	number(n, inner, wall_us, &entity);
	err = c->signing->sign(bytes_slice(&entity), &der, c->signing_arg);
	if (err == 0)
		gke_signed_build(bytes_slice(&der), out);
	bytes_fini(&entity);
	bytes_fini(&der);
	return err;
}

static struct slice kek_of(const struct gke_keys *keys, enum cms_cipher cipher)
{
	return cipher == CMS_AES256 ? slice_make(keys->kek256, sizeof(keys->kek256))
				    : slice_make(keys->kek128, sizeof(keys->kek128));
}

int ue_crypto_seal(struct ue_crypto *c, const struct gke_inner *inner, uint64_t wall_us,
		   struct bytes *out)
{
	const struct ue_epoch *e = ue_crypto_current(c);
	uint8_t cek[32], nonce[NONCE_SIZE];
	struct bytes plain = BYTES_INIT;
	struct cms_seal how;
	int err;

	if (!e)
		return -ERR_WRONG_STATE;
	err = ue_crypto_entity(c, &c->messages, inner, wall_us, &plain);
	if (err == 0 && !bytes_ok(&plain))
		err = -ERR_LIMIT;
	if (err == 0) {
		secret_random(cek, sizeof(cek));
		rand_bytes(nonce, sizeof(nonce));
		how = (struct cms_seal){
			.cipher = c->suite == GKE_SUITE_A ? CMS_AES128 : c->cipher,
			.gkid = e->id,
			.cek = cek,
			.nonce = nonce,
		};
		how.kek = kek_of(e->keys, how.cipher);
		err = cms_seal(&how, bytes_slice(&plain), out);
		mem_wipe(cek, sizeof(cek));
	}
	if (plain.data)
		mem_wipe(plain.data, plain.len);
	bytes_fini(&plain);
	return err;
}

int ue_crypto_file(struct ue_crypto *c, struct ece_head *head_r, struct ece_keys *keys_r)
{
	const struct ue_epoch *e = ue_crypto_current(c);

	if (!e)
		return -ERR_WRONG_STATE;
	*head_r = (struct ece_head){.record = ECE_RECORD, .gkid = e->id};
	rand_bytes(head_r->salt, sizeof(head_r->salt));
	ece_keys(head_r, e->keys->file, keys_r);
	return 0;
}

/* --- opening --- */

int ue_crypto_file_keys(const struct ue_crypto *c, const struct ece_head *head,
			struct ece_keys *keys_r)
{
	const struct ue_epoch *e = ue_crypto_find(c, &head->gkid);

	if (!e || !e->keys)
		return -ERR_NOT_FOUND;
	ece_keys(head, e->keys->file, keys_r);
	return 0;
}

int ue_crypto_judge_place(const struct ue_crypto *c, const struct gke_inner *inner,
			  const struct ue_outer *outer, const char **why_r)
{
	if (!sip_uri_same(inner->from, outer->from))
		return ue_crypto_refuse(-ERR_DENIED, "it was sealed by another sender than it says",
					why_r);
	if (!sip_uri_same(inner->to, outer->to))
		return ue_crypto_refuse(-ERR_DENIED,
					"it was sealed for another recipient than it says", why_r);
	if (!(c->room && sip_uri_same(inner->to, slice_str(c->room))) &&
	    !ue_crypto_is_me(c, inner->to))
		return ue_crypto_refuse(-ERR_DENIED,
					"it was sealed for another conference or somebody else",
					why_r);
	if (outer->id.len && !slice_eq(outer->id, inner->message_id))
		return ue_crypto_refuse(
			-ERR_DENIED, "it was sealed under another Message-ID than it bears", why_r);
	return 0;
}

int ue_crypto_judge_time(const struct gke_inner *inner, uint64_t begun_us, const char **why_r)
{
	uint64_t at;

	if (clock_rfc3339_parse(inner->date_time, &at) < 0)
		return ue_crypto_refuse(-ERR_SYNTAX, "it says no time", why_r);
	if (at > begun_us ? at - begun_us > SKEW_US : begun_us - at > SKEW_US)
		return ue_crypto_refuse(
			-ERR_STALE, "it was sealed more than five minutes ago, or a clock is wrong",
			why_r);
	return 0;
}

int ue_crypto_judge(struct ue_crypto *c, const struct gkid *gkid, const struct gke_inner *inner,
		    const struct ue_outer *outer, uint64_t begun_us, const char **why_r)
{
	const struct ue_epoch *e = ue_crypto_find(c, gkid);
	int err;

	if (!e)
		return ue_crypto_refuse(-ERR_NOT_FOUND, "its epoch is long over", why_r);
	err = ue_crypto_judge_place(c, inner, outer, why_r);
	if (err < 0)
		return err;
	err = ue_replay_take(e->seen, inner->from, inner->token, inner->seq);
	if (err == -ERR_EXISTS)
		return ue_crypto_refuse(err, "shown before", why_r);
	if (err < 0)
		return ue_crypto_refuse(err, "its sender uses too many devices", why_r);
	return ue_crypto_judge_time(inner, begun_us, why_r);
}

static int verify(const struct ue_crypto *c, const struct ue_outer *outer, struct slice der,
		  struct bytes *content, const char **why_r)
{
	int err = c->signing ? c->signing->verify(outer->from, der, content, c->signing_arg)
			     : -ERR_NOT_FOUND;

	if (err == -ERR_NOT_FOUND)
		return ue_crypto_refuse(
			-ERR_DENIED, "it is signed, and its sender's certificate is not known here",
			why_r);
	return err < 0 ? ue_crypto_refuse(-ERR_DENIED, "its signature is not its sender's", why_r)
		       : 0;
}

/* SignedData in plain gives way to what is signed, by who it is said to be from. */
static int read_signed(const struct ue_crypto *c, const struct ue_outer *outer, struct slice der,
		       struct bytes *plain, struct ue_opened *o, const char **why_r)
{
	struct bytes content = BYTES_INIT;
	struct slice type, body;
	int err = verify(c, outer, der, &content, why_r);

	if (err < 0)
		return err;
	mem_wipe(plain->data, plain->len);
	bytes_fini(plain);
	*plain = content;
	err = gke_entity_read(bytes_slice(plain), &type, &body);
	if (err == 0 && !slice_ieq_str(media_type_base(type), "message/cpim"))
		return ue_crypto_refuse(
			-ERR_DENIED,
			"its sender signed its words alone, and nothing says to whom, when and "
			"how often they were said",
			why_r);
	o->verified = true;
	return err < 0 ? err : gke_inner_parse(bytes_slice(plain), &o->inner, &body);
}

static bool is_signed_payload(struct slice type)
{
	return slice_ieq_str(media_type_base(type), "application/pkcs7-mime") &&
	       slice_ieq_str(media_type_param(type, "smime-type"), "signed-data");
}

/* What the message carries is signed, and nothing else of it (RFC 8591 9.1): what was signed is carried then. */
static int read_words(const struct ue_crypto *c, const struct ue_outer *outer, struct bytes *plain,
		      struct ue_opened *o, const char **why_r)
{
	struct bytes content = BYTES_INIT;
	size_t len = plain->len;
	struct slice none;
	int err = verify(c, outer, o->inner.payload, &content, why_r);

	if (err == 0) {
		bytes_add_slice(plain,
				bytes_slice(&content)); /* what is shown stands in one place */
		err = gke_inner_parse(slice_first(bytes_slice(plain), len), &o->inner, &none);
	}
	if (err == 0)
		err = gke_entity_read(slice_from(bytes_slice(plain), len), &o->inner.content_type,
				      &o->inner.payload);
	if (content.data)
		mem_wipe(content.data, content.len);
	bytes_fini(&content);
	o->words = err == 0;
	return err;
}

int ue_crypto_read_entity(const struct ue_crypto *c, const struct ue_outer *outer,
			  struct bytes *plain, struct ue_opened *o, const char **why_r)
{
	struct slice der;
	int err = gke_inner_parse(bytes_slice(plain), &o->inner, &der);

	*why_r = "what was sealed is malformed";
	if (err == -ERR_UNSUPPORTED)
		err = read_signed(c, outer, der, plain, o, why_r);
	else if (err == 0 && is_signed_payload(o->inner.content_type))
		err = read_words(c, outer, plain, o, why_r);
	return err == 0 || err == -ERR_DENIED ? err : -ERR_SYNTAX;
}

static int unseal(const struct ue_crypto *c, const struct cms_head *head, struct bytes *out,
		  const char **why_r)
{
	const struct ue_epoch *e = ue_crypto_find(c, &head->gkid);
	int err;

	if (!e || !e->keys)
		return ue_crypto_refuse(-ERR_NOT_FOUND, "the key of its epoch is not here", why_r);
	err = cms_open(head, kek_of(e->keys, head->cipher), out);
	return err < 0 ? ue_crypto_refuse(-ERR_DENIED, "it was changed, or sealed with another key",
					  why_r)
		       : 0;
}

int ue_crypto_open(struct ue_crypto *c, struct slice der, const struct ue_outer *outer,
		   uint64_t wall_us, struct bytes *plain_r, struct ue_opened *opened_r,
		   const char **why_r)
{
	struct ue_opened o = {.verified = false};
	struct bytes plain = BYTES_INIT;
	struct cms_head head;
	int err = cms_parse(der, &head);

	if (err < 0)
		return ue_crypto_refuse(
			err,
			err == -ERR_UNSUPPORTED
				? "it is sealed in a way that is not understood here"
				: "it is not well-formed",
			why_r);
	o.gkid = head.gkid;
	err = unseal(c, &head, &plain, why_r);
	if (err == -ERR_NOT_FOUND)
		opened_r->gkid = head.gkid;
	if (err == 0)
		err = ue_crypto_read_entity(c, outer, &plain, &o, why_r);
	if (err == 0)
		err = ue_crypto_judge(c, &head.gkid, &o.inner, outer, wall_us, why_r);
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
