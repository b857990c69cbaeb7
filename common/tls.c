/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contexts of OpenSSL for our own certificate: the one place where versions, suites and limits of
 * TLS are chosen, RFC 8996, RFC 9325, RFC 8122. Certificates that peers show are not chained to
 * anything here. Streams over it are conn_tls.c.
 */
#include "common/tls.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/tls_ca.h"
#include "common/tls_priv.h"
#include "common/tls_why.h"

#define SUITES_1_2                                                                                 \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                               \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                               \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"                               \
	"ECDHE-PSK-CHACHA20-POLY1305:DHE-PSK-AES128-GCM-SHA256:DHE-PSK-AES256-GCM-SHA384"
#define GROUPS             "X25519:P-256"
#define MAX_CHAIN_OCTETS   16384
#define RSA_BITS_MIN       2048
#define RSA_BITS_MAX       4096
#define MAX_HANDSHAKES     200
#define SELF_SIGNED_DAYS   3650L
#define SECONDS_OF_A_DAY   86400L
#define SERIAL_OCTETS      16
#define SECURITY_LEVEL     2 /* OpenSSL's: 112 bits */
#define NO_RESUMED_SESSION 0
#define PSK_CONTEXT        ((const unsigned char[]){"psk"})

/* OpenSSL itself does not do as it should. */
static int failed(char why[TLS_WHY_SIZE], const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	snprintf(why, TLS_WHY_SIZE, "%s: %s", what, reason ? reason : "cannot be used");
	ERR_clear_error();
	return -ERR_CONFIG;
}

void tls_digest(const X509 *cert, enum fingerprint_hash hash, struct fingerprint *fp_r)
{
	const EVP_MD *md = hash == FINGERPRINT_SHA512   ? EVP_sha512()
			   : hash == FINGERPRINT_SHA384 ? EVP_sha384()
							: EVP_sha256();
	unsigned int len = 0;

	*fp_r = (struct fingerprint){.hash = hash};
	if (X509_digest(cert, md, fp_r->octets, &len) != 1 || len != fingerprint_len(hash))
		abort();
}

const char *tls_key_problem(const X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	char group[32];
	size_t len;
	int bits;

	if (!key)
		return "a key of an unknown kind";
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		bits = EVP_PKEY_get_bits(key);
		return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX
			       ? NULL
			       : "an RSA key outside 2048..4096 bits";
	case EVP_PKEY_EC:
		if (EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
		    (!strcmp(group, "prime256v1") || !strcmp(group, "secp384r1")))
			return NULL;
		return "an EC key outside P-256 and P-384";
	case EVP_PKEY_ED25519:
		return NULL;
	default:
		return "a key of another kind than RSA, EC, Ed25519";
	}
}

/* --- a certificate of our own --- */

static int fill_certificate(X509 *cert, EVP_PKEY *key)
{
	unsigned char octets[SERIAL_OCTETS];
	X509_NAME *name = X509_get_subject_name(cert);
	BIGNUM *serial;
	bool ok;

	if (RAND_bytes(octets, sizeof(octets)) != 1)
		return -ERR_CONFIG;
	octets[0] &= 0x7f; /* RFC 5280 4.1.2.2: positive */
	octets[0] |= 0x40;
	serial = BN_bin2bn(octets, sizeof(octets), NULL);
	ok = serial && BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert)) &&
	     X509_set_version(cert, X509_VERSION_3) == 1 &&
	     X509_gmtime_adj(X509_getm_notBefore(cert), -SECONDS_OF_A_DAY) &&
	     X509_gmtime_adj(X509_getm_notAfter(cert), SELF_SIGNED_DAYS * SECONDS_OF_A_DAY) &&
	     X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"mrf", -1,
					-1, 0) == 1 &&
	     X509_set_issuer_name(cert, name) == 1 && X509_set_pubkey(cert, key) == 1 &&
	     X509_sign(cert, key, EVP_sha256()) > 0;
	BN_free(serial);
	return ok ? 0 : -ERR_CONFIG;
}

static int make_identity(X509 **cert_r, EVP_PKEY **key_r)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();

	if (key && cert && fill_certificate(cert, key) == 0) {
		*cert_r = cert;
		*key_r = key;
		return 0;
	}
	EVP_PKEY_free(key);
	X509_free(cert);
	return -ERR_CONFIG;
}

/* --- contexts --- */

/* A key that needs a passphrase would have OpenSSL ask on the terminal. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

static SSL_CTX *new_ctx(const SSL_METHOD *method, struct tls *t, bool ask_peer)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (!ctx)
		return NULL;
	SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
	if (SSL_CTX_set_min_proto_version(ctx, t->only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION) !=
		    1 ||
	    SSL_CTX_set_cipher_list(ctx, SUITES_1_2) != 1 ||
	    SSL_CTX_set1_groups_list(ctx, GROUPS) != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/* A pre-shared key counts as a session that is taken up; OpenSSL wants this then. */
	(void)SSL_CTX_set_session_id_context(ctx, PSK_CONTEXT, sizeof(PSK_CONTEXT) - 1);
	SSL_CTX_set_dh_auto(ctx, 1);
	SSL_CTX_set_num_tickets(ctx, NO_RESUMED_SESSION);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_max_cert_list(ctx, MAX_CHAIN_OCTETS);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	SSL_CTX_set_verify(ctx, ask_peer ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, tls_on_verify, t);
	SSL_CTX_set_msg_callback(ctx, tls_on_message);
	return ctx;
}

static int load_files(SSL_CTX *ctx, const struct tls_settings *set, char why[TLS_WHY_SIZE])
{
	const char *problem;

	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, set->certificate) != 1)
		return tls_file_failed(why, "certificate", set->certificate);
	if (SSL_CTX_use_PrivateKey_file(ctx, set->key, SSL_FILETYPE_PEM) != 1)
		return tls_file_failed(why, "key", set->key);
	if (SSL_CTX_check_private_key(ctx) != 1)
		return tls_file_failed(why, "key", set->key);
	problem = tls_key_problem(SSL_CTX_get0_certificate(ctx));
	if (!problem)
		return 0;
	snprintf(why, TLS_WHY_SIZE, "certificate %s: %s", set->certificate, problem);
	return -ERR_CONFIG;
}

/* Both contexts show the same certificate. */
static int load_identity(SSL_CTX *both[2], const struct tls_settings *set, char why[TLS_WHY_SIZE])
{
	X509 *cert = NULL;
	EVP_PKEY *key = NULL;
	int rc = 0;

	if (set->certificate && set->certificate[0]) {
		for (size_t i = 0; i < 2 && !rc; i++)
			rc = load_files(both[i], set, why);
		return rc;
	}
	rc = make_identity(&cert, &key);
	for (size_t i = 0; i < 2 && !rc; i++) {
		if (SSL_CTX_use_certificate(both[i], cert) != 1 ||
		    SSL_CTX_use_PrivateKey(both[i], key) != 1)
			rc = -ERR_CONFIG;
	}
	X509_free(cert);
	EVP_PKEY_free(key);
	return rc ? failed(why, "certificate of our own") : 0;
}

/* A context for each side, with this identity. */
static int make_contexts(struct tls *t, const struct tls_settings *set, SSL_CTX *both_r[2],
			 char why[TLS_WHY_SIZE])
{
	SSL_CTX *both[2] = {new_ctx(TLS_server_method(), t, t->ask_peer),
			    new_ctx(TLS_client_method(), t, true)};
	int rc = both[0] && both[1] ? load_identity(both, set, why) : failed(why, "TLS library");

	if (rc) {
		SSL_CTX_free(both[0]);
		SSL_CTX_free(both[1]);
		return rc;
	}
	memcpy(both_r, both, sizeof(both));
	return 0;
}

/* What is announced: the certificate that is shown, and the one that will be. */
static void announce(struct tls *t)
{
	const SSL_CTX *all[] = {t->server, t->next_server};
	struct bytes text = BYTES_INIT;
	struct fingerprint fp;

	for (size_t i = 0; i < ARRAY_LEN(all) && all[i]; i++) {
		if (i)
			bytes_add_str(&text, ", ");
		tls_digest(SSL_CTX_get0_certificate(all[i]), FINGERPRINT_SHA256, &fp);
		fingerprint_build(&text, &fp);
	}
	free(t->fingerprint);
	t->fingerprint = bytes_take(&text);
}

int tls_reload_ca(struct tls *t, const char *ca, char why[TLS_WHY_SIZE])
{
	X509_STORE *store = NULL;
	int rc = ca && ca[0] ? tls_ca_load(ca, &store, why) : 0;

	if (rc)
		return rc;
	X509_STORE_free(t->ca);
	t->ca = store;
	return 0;
}

int tls_new(const struct tls_settings *settings, struct tls **tls_r, char why[TLS_WHY_SIZE])
{
	struct tls *t = xcalloc(1, sizeof(*t));
	SSL_CTX *both[2];
	int rc = -ERR_CONFIG;

	TAILQ_INIT(&t->running);
	TAILQ_INIT(&t->waiting);
	t->max_handshakes = settings->max_handshakes ? settings->max_handshakes : MAX_HANDSHAKES;
	t->only_1_3 = settings->only_1_3;
	t->ask_peer = settings->ask_peer;
	t->bio = tls_bio_new();
	if (!t->bio)
		failed(why, "TLS library");
	else
		rc = tls_reload_ca(t, settings->ca, why);
	if (!rc)
		rc = make_contexts(t, settings, both, why);
	if (rc) {
		tls_free(&t);
		return rc;
	}
	t->server = both[0];
	t->client = both[1];
	announce(t);
	t->gather = xcalloc(1, TLS_RECORD);
	t->send = xcalloc(1, TLS_SEND_SPACE);
	*tls_r = t;
	return 0;
}

static void drop_next(struct tls *t)
{
	SSL_CTX_free(t->next_server);
	SSL_CTX_free(t->next_client);
	t->next_server = t->next_client = NULL;
}

int tls_reload(struct tls *t, const struct tls_settings *settings, char why[TLS_WHY_SIZE])
{
	SSL_CTX *both[2];
	int rc = make_contexts(t, settings, both, why);

	if (rc)
		return rc;
	drop_next(t);
	if (X509_cmp(SSL_CTX_get0_certificate(both[0]), SSL_CTX_get0_certificate(t->server)) == 0) {
		SSL_CTX_free(both[0]);
		SSL_CTX_free(both[1]);
	} else {
		t->next_server = both[0];
		t->next_client = both[1];
	}
	announce(t);
	return 0;
}

bool tls_switch(struct tls *t)
{
	if (!t->next_server)
		return false;
	SSL_CTX_free(t->server); /* streams hold their own references */
	SSL_CTX_free(t->client);
	t->server = t->next_server;
	t->client = t->next_client;
	t->next_server = t->next_client = NULL;
	announce(t);
	return true;
}

void tls_free(struct tls **tls)
{
	struct tls *t = *tls;

	*tls = NULL;
	if (!t)
		return;
	SSL_CTX_free(t->server);
	SSL_CTX_free(t->client);
	drop_next(t);
	X509_STORE_free(t->ca);
	BIO_meth_free(t->bio);
	free(t->fingerprint);
	if (t->gather)
		mem_wipe(t->gather, TLS_RECORD);
	free(t->gather);
	free(t->send);
	free(t);
}

void tls_set_psk(struct tls *tls, tls_psk_fn *fn, void *arg)
{
	tls->psk_fn = fn;
	tls->psk_arg = arg;
}

const char *tls_fingerprint(const struct tls *tls)
{
	return tls->fingerprint;
}

uint64_t tls_n_ended(const struct tls *tls, enum tls_end end)
{
	return tls->n_ended[end];
}

uint32_t tls_n_handshakes(const struct tls *tls)
{
	return tls->n_handshakes;
}
