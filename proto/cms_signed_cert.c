/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates and keys of those who sign or are sealed to: P-256 only, with a subject key
 * identifier, by which the others name them. Nothing is said here about whom they belong to: the
 * caller compares hashes, no chain is looked at.
 */
#include "proto/cms_signed_priv.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "common/mem.h"
#include "proto/der.h"

#define PEM_SIZE_MAX 16384

BIO *cms_reader(struct slice octets)
{
	BIO *bio;

	if (octets.len > INT32_MAX)
		abort();
	bio = BIO_new_mem_buf(octets.len ? octets.ptr : "", (int)octets.len);
	if (!bio)
		abort();
	return bio;
}

static bool is_p256(const EVP_PKEY *key)
{
	char group[32] = "";
	size_t n;

	return key && EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), &n) == 1 &&
	       slice_eq_str(slice_str(group), "prime256v1");
}

/* A key file has no password: there is nobody to ask. */
static int no_password(char *buf, int size, int rwflag, void *arg)
{
	(void)buf, (void)size, (void)rwflag, (void)arg;
	return -1;
}

static int read_cert(struct slice text, struct cms_cert *c)
{
	BIO *in;

	if (text.len > PEM_SIZE_MAX)
		return -ERR_SYNTAX;
	in = cms_reader(text);
	if (text.len > 0 && (uint8_t)text.ptr[0] == DER_SEQUENCE) {
		c->x509 = d2i_X509_bio(in, NULL);
		if (BIO_pending(in) > 0) {
			X509_free(c->x509);
			c->x509 = NULL;
		}
	} else {
		c->x509 = PEM_read_bio_X509(in, NULL, no_password, NULL);
	}
	BIO_free(in);
	if (!c->x509) {
		ERR_clear_error();
		return -ERR_SYNTAX;
	}
	if (is_p256(X509_get0_pubkey(c->x509)) && X509_get0_subject_key_id(c->x509))
		return 0;
	X509_free(c->x509);
	c->x509 = NULL;
	ERR_clear_error();
	return -ERR_UNSUPPORTED;
}

int cms_cert_new(struct slice cert_pem_or_der, struct cms_cert **c_r)
{
	struct cms_cert c = {NULL};
	int rc = read_cert(cert_pem_or_der, &c);

	if (rc < 0)
		return rc;
	*c_r = xcalloc(1, sizeof(**c_r));
	**c_r = c;
	return 0;
}

void cms_cert_free(struct cms_cert **c)
{
	if (*c)
		X509_free((*c)->x509);
	free(*c);
	*c = NULL;
}

bool cms_cert_agrees(const struct cms_cert *c)
{
	return (X509_get_key_usage(c->x509) & KU_KEY_AGREEMENT) != 0; /* all bits without one */
}

void cms_cert_hash(const struct cms_cert *c, uint8_t out[32])
{
	unsigned int n = 0;

	if (X509_digest(c->x509, EVP_sha256(), out, &n) != 1 || n != 32)
		abort();
}

static int read_key(struct slice pem, EVP_PKEY **key_r)
{
	EVP_PKEY *key;
	BIO *in;

	if (pem.len > PEM_SIZE_MAX)
		return -ERR_SYNTAX;
	in = cms_reader(pem);
	key = PEM_read_bio_PrivateKey(in, NULL, no_password, NULL);
	BIO_free(in);
	ERR_clear_error();
	if (!key)
		return -ERR_SYNTAX;
	if (!is_p256(key)) {
		EVP_PKEY_free(key);
		return -ERR_UNSUPPORTED;
	}
	*key_r = key;
	return 0;
}

int cms_signer_new(struct slice cert_pem, struct slice key_pem, struct cms_signer **s_r)
{
	struct cms_signer *s = xcalloc(1, sizeof(*s));
	int rc = read_cert(cert_pem, &s->cert);

	if (rc == 0)
		rc = read_key(key_pem, &s->key);
	if (rc == 0 && X509_check_private_key(s->cert.x509, s->key) != 1)
		rc = -ERR_DENIED;
	if (rc == 0) {
		*s_r = s;
		return 0;
	}
	ERR_clear_error();
	cms_signer_free(&s);
	return rc;
}

void cms_signer_free(struct cms_signer **s)
{
	if (*s) {
		X509_free((*s)->cert.x509);
		EVP_PKEY_free((*s)->key);
	}
	free(*s);
	*s = NULL;
}
