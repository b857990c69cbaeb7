/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AuthEnvelopedData, RFC 5083 and RFC 5084, of the one shape that seals a conference's bodies. DER is
 * written from known lengths and read element by element; whatever differs from the shape is
 * refused before a key is touched. OpenSSL does the arithmetic (cms_gcm.c) and sees no structure.
 */
#include "proto/cms.h"

#include <assert.h>
#include <stdlib.h>

#include "common/mem.h"
#include "proto/chars.h"
#include "proto/cms_gcm.h"
#include "proto/cms_priv.h"

#define TAG_KEK_RECIPIENT 0xa2 /* [2] of RecipientInfo */
#define TAG_KEY_AGREEMENT 0xa1
#define TAG_CONTENT       0xa0 /* [0] of ContentInfo, explicit */
#define TAG_CIPHERTEXT    0x80 /* [0] of EncryptedContentInfo, implicit OCTET STRING */
#define DATE_SIZE         15

/* INTEGER 0, as AuthEnvelopedData's version, and 4, as KEKRecipientInfo's */
static const uint8_t version_0[] = {DER_INTEGER, 1, 0}, version_4[] = {DER_INTEGER, 1, 4};
/* 1.2.840.113549.1.9.16.1.23 */
static const uint8_t auth_enveloped[] = {DER_OID, 11,   0x2a, 0x86, 0x48, 0x86, 0xf7,
					 0x0d,    0x01, 0x09, 0x10, 0x01, 0x17};
/* 1.2.840.113549.1.7.1 */
static const uint8_t id_data[] = {DER_OID, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01};
/* 2.16.840.1.101.3.4.1, of which the last arc is the algorithm */
static const uint8_t aes_arc[] = {DER_OID, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01};
#define AES_OID_SIZE (sizeof(aes_arc) + 1)
/* aes-ICVlen 16 behind the nonce */
static const uint8_t icv_16[] = {DER_INTEGER, 1, GCM_TAG_SIZE};

static const struct {
	size_t key_size;
	uint8_t wrap, gcm; /* last arc */
} ciphers[] = {[CMS_AES128] = {16, 0x05, 0x06}, [CMS_AES256] = {32, 0x2d, 0x2e}};

/* --- writing --- */

/* Lengths of contents, from the inside out. */
struct lengths {
	size_t kekid, recipient, gcm, gcm_algorithm, encrypted, enveloped, info, whole;
};

static struct lengths measure(const struct cms_seal *how, size_t plain)
{
	size_t wrapped = ciphers[how->cipher].key_size + WRAP_OVERHEAD;
	struct lengths l;

	l.kekid = der_size(GKID_SIZE) + (how->date.len ? der_size(DATE_SIZE) : 0);
	l.recipient =
		sizeof(version_4) + der_size(l.kekid) + der_size(AES_OID_SIZE) + der_size(wrapped);
	l.gcm = der_size(GCM_NONCE_SIZE) + sizeof(icv_16);
	l.gcm_algorithm = AES_OID_SIZE + der_size(l.gcm);
	l.encrypted = sizeof(id_data) + der_size(l.gcm_algorithm) + der_size(plain);
	l.enveloped = sizeof(version_0) + der_size(der_size(l.recipient)) + der_size(l.encrypted) +
		      der_size(GCM_TAG_SIZE);
	l.info = sizeof(auth_enveloped) + der_size(der_size(l.enveloped));
	l.whole = der_size(l.info);
	return l;
}

static void add_aes_oid(struct bytes *out, uint8_t arc)
{
	bytes_add(out, aes_arc, sizeof(aes_arc));
	bytes_add_u8(out, arc);
}

static void add_recipient(struct bytes *out, const struct cms_seal *how, const struct lengths *l)
{
	uint8_t wrapped[GKE_TEK_MAX + WRAP_OVERHEAD];
	size_t key_size = ciphers[how->cipher].key_size;

	key_wrap(how->kek, how->cek, key_size, wrapped);
	der_add_head(out, DER_SET, der_size(l->recipient));
	der_add_head(out, TAG_KEK_RECIPIENT, l->recipient);
	bytes_add(out, version_4, sizeof(version_4));
	der_add_head(out, DER_SEQUENCE, l->kekid);
	der_add(out, DER_OCTETS, slice_make(how->gkid.octets, GKID_SIZE));
	if (how->date.len)
		der_add(out, DER_GENERALIZED_TIME, how->date);
	der_add_head(out, DER_SEQUENCE, AES_OID_SIZE);
	add_aes_oid(out, ciphers[how->cipher].wrap);
	der_add(out, DER_OCTETS, slice_make(wrapped, key_size + WRAP_OVERHEAD));
}

int cms_seal(const struct cms_seal *how, struct slice plaintext, struct bytes *out)
{
	size_t key_size = ciphers[how->cipher].key_size, before = out->len;
	uint8_t tag[GCM_TAG_SIZE];
	struct lengths l;

	assert(how->kek.len == key_size && (how->date.len == 0 || how->date.len == DATE_SIZE));
	if (plaintext.len > CMS_MAX_SIZE)
		return -ERR_LIMIT;
	l = measure(how, plaintext.len);
	if (l.whole > CMS_MAX_SIZE)
		return -ERR_LIMIT;
	der_add_head(out, DER_SEQUENCE, l.info);
	bytes_add(out, auth_enveloped, sizeof(auth_enveloped));
	der_add_head(out, TAG_CONTENT, der_size(l.enveloped));
	der_add_head(out, DER_SEQUENCE, l.enveloped);
	bytes_add(out, version_0, sizeof(version_0));
	add_recipient(out, how, &l);
	der_add_head(out, DER_SEQUENCE, l.encrypted);
	bytes_add(out, id_data, sizeof(id_data));
	der_add_head(out, DER_SEQUENCE, l.gcm_algorithm);
	add_aes_oid(out, ciphers[how->cipher].gcm);
	der_add_head(out, DER_SEQUENCE, l.gcm);
	der_add(out, DER_OCTETS, slice_make(how->nonce, GCM_NONCE_SIZE));
	bytes_add(out, icv_16, sizeof(icv_16));
	der_add_head(out, TAG_CIPHERTEXT, plaintext.len);
	gcm_seal(slice_make(how->cek, key_size), how->nonce, plaintext, out, tag);
	der_add(out, DER_OCTETS, slice_make(tag, sizeof(tag)));
	if (!bytes_ok(out))
		return -ERR_LIMIT;
	assert(out->len - before == l.whole);
	return 0;
}

/* --- reading --- */

/* AES algorithm: one of two last arcs. */
static int take_aes(struct der *algorithm, uint8_t arc128, uint8_t arc256, enum cms_cipher *c_r)
{
	struct slice oid;
	int rc = der_take_slice(algorithm, DER_OID, &oid);
	uint8_t arc;

	if (rc < 0)
		return rc;
	if (oid.len != AES_OID_SIZE - 2 || memcmp(oid.ptr, aes_arc + 2, oid.len - 1) != 0)
		return -ERR_UNSUPPORTED;
	arc = (uint8_t)oid.ptr[oid.len - 1];
	if (arc != arc128 && arc != arc256)
		return -ERR_UNSUPPORTED;
	*c_r = arc == arc128 ? CMS_AES128 : CMS_AES256;
	return 0;
}

/* KEKIdentifier: the epoch's name, and when it began. */
static int read_kekid(struct der kekid, struct cms_head *head, bool *named)
{
	struct slice id;
	int rc = der_take_slice(&kekid, DER_OCTETS, &id);

	if (rc == 0)
		rc = gkid_read(id, &head->gkid);
	if (rc < 0)
		return rc;
	*named = true;
	if (kekid.left == 0)
		return 0;
	rc = der_take_slice(&kekid, DER_GENERALIZED_TIME, &head->date);
	if (rc < 0)
		return rc;
	if (head->date.len != DATE_SIZE || head->date.ptr[DATE_SIZE - 1] != 'Z' ||
	    chars_span(head->date, CHARS_DIGIT) != DATE_SIZE - 1 || kekid.left > 0)
		return -ERR_SYNTAX;
	return 0;
}

static int read_recipient(struct der kekri, struct cms_head *head, bool *named)
{
	struct der kekid, algorithm;
	int rc = der_take_exactly(&kekri, version_4, sizeof(version_4));

	if (rc == 0)
		rc = der_take(&kekri, DER_SEQUENCE, &kekid);
	if (rc == 0)
		rc = read_kekid(kekid, head, named);
	if (rc == 0)
		rc = der_take(&kekri, DER_SEQUENCE, &algorithm);
	if (rc == 0)
		rc = take_aes(&algorithm, ciphers[CMS_AES128].wrap, ciphers[CMS_AES256].wrap,
			      &head->cipher);
	if (rc == 0 && algorithm.left > 0)
		rc = -ERR_UNSUPPORTED; /* RFC 3565 2.3.2: no parameters */
	if (rc == 0)
		rc = der_take_slice(&kekri, DER_OCTETS, &head->wrapped_key);
	if (rc < 0)
		return rc;
	if (kekri.left > 0)
		return -ERR_SYNTAX;
	if (head->wrapped_key.len != ciphers[head->cipher].key_size + WRAP_OVERHEAD)
		return -ERR_UNSUPPORTED;
	return 0;
}

/* GCMParameters: ICVlen 16 is written out, as its default is 12 (RFC 5084 3.2). */
static int read_gcm(struct der algorithm, struct cms_head *head)
{
	enum cms_cipher cipher;
	struct der parameters;
	int rc = take_aes(&algorithm, ciphers[CMS_AES128].gcm, ciphers[CMS_AES256].gcm, &cipher);

	if (rc == 0)
		rc = der_take(&algorithm, DER_SEQUENCE, &parameters);
	if (rc == 0)
		rc = der_take_slice(&parameters, DER_OCTETS, &head->nonce);
	if (rc < 0)
		return rc;
	if (algorithm.left > 0)
		return -ERR_SYNTAX;
	if (cipher != head->cipher || head->nonce.len != GCM_NONCE_SIZE)
		return -ERR_UNSUPPORTED;
	rc = der_take_exactly(&parameters, icv_16, sizeof(icv_16));
	if (rc == -ERR_SYNTAX)
		return -ERR_UNSUPPORTED;
	return rc == 0 && parameters.left > 0 ? -ERR_SYNTAX : rc;
}

static int read_encrypted(struct der encrypted, struct cms_head *head)
{
	struct der algorithm;
	int rc = der_take_exactly(&encrypted, id_data, sizeof(id_data));

	if (rc == 0)
		rc = der_take(&encrypted, DER_SEQUENCE, &algorithm);
	if (rc == 0)
		rc = read_gcm(algorithm, head);
	if (rc == 0)
		rc = der_take_slice(&encrypted, TAG_CIPHERTEXT, &head->ciphertext);
	return rc == 0 && encrypted.left > 0 ? -ERR_SYNTAX : rc;
}

int cms_take_content(struct der *enveloped, struct cms_head *head)
{
	struct der encrypted;
	int rc = der_take(enveloped, DER_SEQUENCE, &encrypted);

	if (rc == 0)
		rc = read_encrypted(encrypted, head);
	if (rc == 0)
		rc = der_take_slice(enveloped, DER_OCTETS, &head->tag);
	if (rc < 0)
		return rc;
	return enveloped->left > 0 || head->tag.len != GCM_TAG_SIZE ? -ERR_SYNTAX : 0;
}

int cms_take_info(struct der *in, struct der *enveloped_r)
{
	struct der info, content;
	int rc = der_take(in, DER_SEQUENCE, &info);

	if (rc == 0)
		rc = der_take_exactly(&info, auth_enveloped, sizeof(auth_enveloped));
	if (rc == 0)
		rc = der_take(&info, TAG_CONTENT, &content);
	if (rc == 0)
		rc = der_take(&content, DER_SEQUENCE, enveloped_r);
	if (rc == 0 && (info.left > 0 || content.left > 0))
		rc = -ERR_SYNTAX;
	return rc == 0 ? der_take_exactly(enveloped_r, version_0, sizeof(version_0)) : rc;
}

int cms_take_agreement(struct der *recipients, struct der *kari_r)
{
	static const uint8_t version_3[] = {DER_INTEGER, 1, 3}, uncompressed[] = {0, 4};
	struct der originator, key, algorithm, bits;
	int rc = der_take(recipients, TAG_KEY_AGREEMENT, kari_r);

	if (rc == 0)
		rc = der_take_exactly(kari_r, version_3, sizeof(version_3));
	if (rc == 0)
		rc = der_take(kari_r, 0xa0, &originator);
	if (rc == 0)
		rc = der_take(&originator, 0xa1, &key);
	if (rc == 0)
		rc = der_take(&key, DER_SEQUENCE, &algorithm);
	if (rc == 0)
		rc = der_take(&key, DER_BITS, &bits);
	if (rc < 0)
		return rc;
	if (originator.left > 0 || key.left > 0)
		return -ERR_SYNTAX;
	if (bits.left != 66)
		return -ERR_UNSUPPORTED;
	rc = der_take_exactly(&bits, uncompressed, sizeof(uncompressed));
	return rc == -ERR_SYNTAX ? -ERR_UNSUPPORTED : rc;
}

/* As far as it is in sight; *named: the key's name was. */
static int read_info(struct der *in, struct cms_head *head, bool *named)
{
	struct der enveloped, recipients, kekri;
	int rc = cms_take_info(in, &enveloped);

	if (rc == 0)
		rc = der_take(&enveloped, DER_SET, &recipients);
	if (rc == 0)
		rc = der_take(&recipients, TAG_KEK_RECIPIENT, &kekri);
	if (rc == 0 && recipients.left > 0)
		rc = -ERR_SYNTAX; /* more than one */
	if (rc == 0)
		rc = read_recipient(kekri, head, named);
	return rc == 0 ? cms_take_content(&enveloped, head) : rc;
}

int cms_parse(struct slice der, struct cms_head *head_r)
{
	struct der in = der_whole(der);
	struct cms_head head = {0};
	bool named = false;
	int rc;

	if (der.len > CMS_MAX_SIZE)
		return -ERR_LIMIT;
	rc = read_info(&in, &head, &named);
	if (rc < 0)
		return rc;
	if (in.left > 0)
		return -ERR_SYNTAX;
	*head_r = head;
	return 0;
}

int cms_peek(struct slice first, struct gkid *gkid_r)
{
	struct der in = {first, CMS_MAX_SIZE};
	struct cms_head head = {0};
	bool named = false;
	int rc;

	if (first.len > CMS_MAX_SIZE)
		in.seen = slice_first(first, CMS_MAX_SIZE);
	rc = read_info(&in, &head, &named);
	if ((rc < 0 && rc != -ERR_AGAIN) || !named)
		return -ERR_SYNTAX;
	*gkid_r = head.gkid;
	return 0;
}

int cms_peek_person(struct slice first)
{
	struct der in = {first, CMS_MAX_SIZE}, enveloped, recipients, kari;
	int rc;

	if (first.len > CMS_MAX_SIZE)
		in.seen = slice_first(first, CMS_MAX_SIZE);
	rc = cms_take_info(&in, &enveloped);
	if (rc == 0)
		rc = der_take(&enveloped, DER_SET, &recipients);
	if (rc == 0)
		rc = cms_take_agreement(&recipients, &kari);
	if (rc < 0)
		return -ERR_SYNTAX;
	return recipients.left > 0;
}

int cms_open(const struct cms_head *head, struct slice kek, struct bytes *out)
{
	const uint8_t *nonce = (const uint8_t *)head->nonce.ptr;
	const uint8_t *tag = (const uint8_t *)head->tag.ptr;
	size_t key_size = ciphers[head->cipher].key_size;
	uint8_t cek[GKE_TEK_MAX], *plain;
	int rc = -ERR_DENIED;

	if (kek.len != key_size)
		return -ERR_DENIED;
	plain = malloc(head->ciphertext.len + 1);
	if (!plain)
		return -ERR_LIMIT;
	if (key_unwrap(kek, head->wrapped_key, cek) &&
	    gcm_open(slice_make(cek, key_size), nonce, head->ciphertext, tag, plain)) {
		bytes_add(out, plain, head->ciphertext.len);
		rc = bytes_ok(out) ? 0 : -ERR_LIMIT;
		mem_wipe(plain, head->ciphertext.len);
	}
	free(plain);
	mem_wipe(cek, sizeof(cek));
	return rc;
}
