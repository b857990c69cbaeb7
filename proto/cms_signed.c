/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies that are signed by one person, and bodies that are sealed to persons, by OpenSSL's CMS. What
 * OpenSSL would accept beyond the profile is refused first: encodings that are not DER, other algorithms,
 * EnvelopedData without a tag, tags that are cut short. It trusts no certificate of its own: the caller
 * says whose signature it wants. Nothing is released before all of it was checked.
 */
#include "proto/cms_signed.h"

#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "proto/cms_gcm.h"
#include "proto/cms_priv.h"
#include "proto/cms_signed_priv.h"

#define RECIPIENTS_MAX 100

/* INTEGER 3: SignedData's, its signer's and KeyAgreeRecipientInfo's */
static const uint8_t version_3[] = {DER_INTEGER, 1, 3};

/* Our own part, with keys that were checked: it fails for want of memory or randomness only. */
static void must(bool ok)
{
	if (!ok)
		abort();
}

static int add_octets(BIO *from, struct bytes *out)
{
	char *data;
	long n = BIO_get_mem_data(from, &data);

	must(n >= 0);
	bytes_add(out, data, (size_t)n);
	return bytes_ok(out) ? 0 : -ERR_LIMIT;
}

/* One object and nothing behind it, in the form in which it would be written. */
static CMS_ContentInfo *read_der(struct slice der)
{
	BIO *in = cms_reader(der), *again = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms = d2i_CMS_bio(in, NULL);
	char *data = NULL;
	long n = 0;

	must(again != NULL);
	if (cms && i2d_CMS_bio(again, cms) == 1)
		n = BIO_get_mem_data(again, &data);
	if (n <= 0 || !slice_eq(slice_make(data, (size_t)n), der)) {
		CMS_ContentInfo_free(cms);
		cms = NULL;
	}
	BIO_free(in);
	BIO_free(again);
	return cms;
}

static int write_der(CMS_ContentInfo *cms, struct bytes *out)
{
	BIO *to = BIO_new(BIO_s_mem());
	int rc;

	must(to && i2d_CMS_bio(to, cms) == 1);
	rc = add_octets(to, out);
	BIO_free(to);
	return rc;
}

/* --- signatures --- */

int cms_sign(const struct cms_signer *s, struct slice content, struct bytes *out)
{
	const unsigned int flags =
		CMS_PARTIAL | CMS_BINARY | CMS_NOCERTS | CMS_NOSMIMECAP | CMS_USE_KEYID;
	CMS_ContentInfo *cms;
	BIO *in;
	int rc;

	if (content.len > CMS_MAX_SIZE)
		return -ERR_LIMIT;
	in = cms_reader(content);
	cms = CMS_sign(NULL, NULL, NULL, NULL, flags);
	must(cms && CMS_add1_signer(cms, s->cert.x509, s->key, EVP_sha256(), flags));
	must(CMS_final(cms, in, NULL, flags) == 1);
	rc = write_der(cms, out);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	return rc;
}

/* The outermost of SignedData: version 3, content inside, one signer who is named by his key identifier. */
static int check_shape(struct slice der)
{
	static const uint8_t signed_data[] = {0x06, 9,    0x2a, 0x86, 0x48, 0x86,
					      0xf7, 0x0d, 0x01, 0x07, 0x02};
	struct der in = der_whole(der), info, content, data, part, signers, signer;
	int rc = der_take(&in, DER_SEQUENCE, &info);

	if (rc == 0)
		rc = der_take_exactly(&info, signed_data, sizeof(signed_data));
	if (rc == 0)
		rc = der_take(&info, 0xa0, &content);
	if (rc == 0)
		rc = der_take(&content, DER_SEQUENCE, &data);
	if (rc == 0 && (in.left > 0 || info.left > 0 || content.left > 0))
		rc = -ERR_SYNTAX;
	if (rc < 0)
		return rc;
	if (der_take_exactly(&data, version_3, sizeof(version_3)) < 0)
		return -ERR_UNSUPPORTED;
	rc = der_take(&data, DER_SET, &part);
	if (rc == 0)
		rc = der_take(&data, DER_SEQUENCE, &part);
	if (rc == 0 && der_is_next(&data, 0xa0))
		rc = der_take(&data, 0xa0, &part); /* certificates */
	if (rc == 0)
		rc = der_take(&data, DER_SET, &signers);
	if (rc == 0)
		rc = der_take(&signers, DER_SEQUENCE, &signer);
	if (rc == 0 && data.left > 0)
		rc = -ERR_SYNTAX;
	if (rc < 0)
		return rc;
	if (signers.left > 0 || der_take_exactly(&signer, version_3, sizeof(version_3)) < 0)
		return -ERR_UNSUPPORTED;
	return 0;
}

/* SignedData with content inside, and one signature of the kind that is used here. */
static int check_signed(CMS_ContentInfo *cms)
{
	STACK_OF(CMS_SignerInfo) * signers;
	const ASN1_OBJECT *oid;
	X509_ALGOR *digest, *signature;

	if (OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed ||
	    OBJ_obj2nid(CMS_get0_eContentType(cms)) != NID_pkcs7_data || CMS_is_detached(cms))
		return -ERR_SYNTAX;
	signers = CMS_get0_SignerInfos(cms);
	if (sk_CMS_SignerInfo_num(signers) != 1)
		return -ERR_UNSUPPORTED;
	CMS_SignerInfo_get0_algs(sk_CMS_SignerInfo_value(signers, 0), NULL, NULL, &digest,
				 &signature);
	X509_ALGOR_get0(&oid, NULL, NULL, digest);
	if (OBJ_obj2nid(oid) != NID_sha256)
		return -ERR_UNSUPPORTED;
	X509_ALGOR_get0(&oid, NULL, NULL, signature);
	return OBJ_obj2nid(oid) == NID_ecdsa_with_SHA256 ? 0 : -ERR_UNSUPPORTED;
}

/* Certificates inside are not looked at: the signer's is known. */
static int verify(CMS_ContentInfo *cms, const struct cms_cert *by, struct bytes *content)
{
	const unsigned int flags = CMS_BINARY | CMS_NOINTERN | CMS_NO_SIGNER_CERT_VERIFY;
	STACK_OF(X509) *certs = sk_X509_new_null();
	BIO *to = BIO_new(BIO_s_mem());
	int rc;

	must(certs && to && sk_X509_push(certs, by->x509) == 1);
	rc = CMS_verify(cms, certs, NULL, NULL, to, flags) == 1 ? add_octets(to, content)
								: -ERR_DENIED;
	sk_X509_free(certs);
	BIO_free(to);
	return rc;
}

int cms_verify(struct slice der, const struct cms_cert *by, struct bytes *content)
{
	CMS_ContentInfo *cms;
	int rc;

	if (der.len > CMS_MAX_SIZE)
		return -ERR_SYNTAX;
	rc = check_shape(der);
	if (rc < 0)
		return rc;
	cms = read_der(der);
	rc = cms ? check_signed(cms) : -ERR_SYNTAX;
	if (rc == 0)
		rc = verify(cms, by, content);
	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	return rc;
}

/* --- sealed to persons --- */

/* OpenSSL's own choice for the key derivation is SHA-1. */
static void add_recipient(CMS_ContentInfo *cms, const struct cms_cert *to)
{
	CMS_RecipientInfo *ri =
		CMS_add1_recipient_cert(cms, to->x509, CMS_USE_KEYID | CMS_KEY_PARAM);
	EVP_PKEY_CTX *ctx = ri ? CMS_RecipientInfo_get0_pkey_ctx(ri) : NULL;

	must(ctx && EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, EVP_sha256()) == 1);
}

int cms_seal_to(const struct cms_cert *const *to, size_t n, struct slice plaintext,
		struct bytes *out)
{
	const unsigned int flags = CMS_PARTIAL | CMS_BINARY;
	CMS_ContentInfo *cms;
	BIO *in;
	int rc;

	if (n == 0 || n > RECIPIENTS_MAX || plaintext.len > CMS_MAX_SIZE)
		return -ERR_LIMIT;
	in = cms_reader(plaintext);
	cms = CMS_encrypt(NULL, NULL, EVP_aes_128_gcm(), flags);
	must(cms != NULL);
	for (size_t i = 0; i < n; i++)
		add_recipient(cms, to[i]);
	must(CMS_final(cms, in, NULL, flags) == 1);
	rc = write_der(cms, out);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	return rc;
}

/* Who can open it. */
struct openers {
	struct slice mine; /* our subject key identifier */
	size_t n;
	bool named; /* we are among them */
};

/* { [0] { OCTET STRING ski }, OCTET STRING wrapped } of one recipient. */
static int check_wrapped(struct der *keys, struct openers *o)
{
	struct der key, id;
	struct slice octets;
	int rc = der_take(keys, DER_SEQUENCE, &key);

	if (rc == 0)
		rc = der_take(&key, 0xa0, &id);
	if (rc == 0)
		rc = der_take_slice(&id, DER_OCTETS, &octets);
	if (rc == 0 && slice_eq(octets, o->mine))
		o->named = true;
	o->n++;
	if (rc == 0)
		rc = der_take_slice(&key, DER_OCTETS, &octets);
	if (rc == 0 && (id.left > 0 || key.left > 0 || octets.len != 16 + WRAP_OVERHEAD))
		rc = -ERR_SYNTAX;
	return rc;
}

/* KeyAgreeRecipientInfo: version 3, its public key, the algorithms of ours, wrapped keys. */
static int check_recipient(struct der *recipients, struct openers *o)
{
	/* dhSinglePass-stdDH-sha256kdf-scheme, and id-aes128-wrap as its parameter */
	static const uint8_t algorithms[] = {0x30, 21,   0x06, 6,    0x2b, 0x81, 0x04, 0x01,
					     0x0b, 0x01, 0x30, 11,   0x06, 9,    0x60, 0x86,
					     0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x05};
	struct der kari, keys;
	int rc = cms_take_agreement(recipients, &kari);

	if (rc < 0)
		return rc;
	if (der_take_exactly(&kari, algorithms, sizeof(algorithms)) < 0)
		return -ERR_UNSUPPORTED;
	rc = der_take(&kari, DER_SEQUENCE, &keys);
	if (rc == 0 && kari.left > 0)
		rc = -ERR_SYNTAX;
	while (rc == 0 && keys.left > 0)
		rc = check_wrapped(&keys, o);
	return rc;
}

/* DER, a tag of 16 octets, AES-128-GCM, at most 100 recipients, each by key agreement. */
static int check_sealed(struct slice der, const struct cms_signer *mine, bool alone)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(mine->cert.x509);
	struct openers o = {
		.mine = slice_make(ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id)),
	};
	struct cms_head head = {.cipher = CMS_AES128};
	struct der in = der_whole(der), enveloped, recipients;
	int rc = cms_take_info(&in, &enveloped);

	if (rc == 0 && in.left > 0)
		rc = -ERR_SYNTAX;
	if (rc == 0)
		rc = der_take(&enveloped, DER_SET, &recipients);
	for (size_t n = 0; rc == 0 && recipients.left > 0; n++)
		rc = n < RECIPIENTS_MAX ? check_recipient(&recipients, &o) : -ERR_LIMIT;
	if (rc == 0)
		rc = cms_take_content(&enveloped, &head);
	if (rc == 0 && !o.named)
		rc = -ERR_NOT_FOUND;
	return rc == 0 && alone && o.n != 1 ? -ERR_UNSUPPORTED : rc;
}

static int open_mine(CMS_ContentInfo *cms, const struct cms_signer *mine, struct bytes *out)
{
	BIO *to = BIO_new(BIO_s_mem());
	int rc;

	must(to != NULL);
	if (CMS_decrypt(cms, mine->key, mine->cert.x509, NULL, to, CMS_BINARY) == 1)
		rc = add_octets(to, out);
	else
		rc = ERR_GET_REASON(ERR_peek_error()) == CMS_R_NO_MATCHING_RECIPIENT
			     ? -ERR_NOT_FOUND
			     : -ERR_DENIED;
	BIO_free(to);
	return rc;
}

static int open_checked(struct slice der, const struct cms_signer *mine, bool alone,
			struct bytes *out)
{
	CMS_ContentInfo *cms;
	int rc;

	if (der.len > CMS_MAX_SIZE)
		return -ERR_SYNTAX;
	rc = check_sealed(der, mine, alone);
	if (rc < 0)
		return rc;
	cms = read_der(der);
	rc = cms ? open_mine(cms, mine, out) : -ERR_SYNTAX;
	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	return rc;
}

int cms_open_mine(struct slice der, const struct cms_signer *mine, struct bytes *out)
{
	return open_checked(der, mine, false, out);
}

int cms_open_alone(struct slice der, const struct cms_signer *mine, struct bytes *out)
{
	return open_checked(der, mine, true, out);
}
