/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the peer of a TLS stream is. Its certificate is judged in the handshake where it is known
 * beforehand, and later, as often as asked, by what is kept: fingerprints, and the certificates
 * as they came where authorities may be asked about them. RFC 8122 5.1, RFC 4975 5.4.
 */
#include "common/conn_tls_peer.h"

#include <openssl/err.h>
#include <stdlib.h>

#include "common/conn.h"
#include "common/mem.h"
#include "common/tls_ca.h"

/* Of the peer's certificate by each hash that a description may use. */
struct tls_peer {
	struct fingerprint prints[FINGERPRINT_SHA512];
	struct bytes chain; /* DER, its own first; empty without authorities */
};

int tls_on_verify(X509_STORE_CTX *store, void *arg)
{
	const X509 *cert = X509_STORE_CTX_get0_cert(store);
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_stream *ts = SSL_get_app_data(ssl);
	struct fingerprint fp;

	(void)arg;
	ts->why = tls_key_problem(cert);
	if (ts->why) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_EE_KEY_TOO_SMALL);
		return 0;
	}
	if (!ts->pins || !ts->pins->n)
		return 1;
	tls_digest(cert, fingerprint_list_hash(ts->pins), &fp);
	if (fingerprint_list_has(ts->pins, &fp))
		return 1;
	ts->why = "not the certificate that was announced";
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	return 0;
}

/*
 * OpenSSL keeps the peer's certificate and the master secret with the session until the stream is
 * freed, for sessions to be taken up again: here none is. What is read into a session takes the
 * place of what it holds (d2i), so it is made to read one that has the suite and nothing else.
 */
static void bare_session(const SSL *ssl)
{
	static const unsigned char no_secret[SSL_MAX_MASTER_KEY_LENGTH];
	SSL_SESSION *bare = SSL_SESSION_new(), *own = SSL_get_session(ssl);
	unsigned char *der = NULL;
	const unsigned char *at;
	int len = 0;

	if (bare && own && SSL_SESSION_set_protocol_version(bare, SSL_version(ssl)) == 1 &&
	    SSL_SESSION_set_cipher(bare, SSL_get_current_cipher(ssl)) == 1 &&
	    SSL_SESSION_set1_master_key(bare, no_secret, sizeof(no_secret)) == 1)
		len = i2d_SSL_SESSION(bare, &der);
	at = der;
	if (len > 0)
		(void)d2i_SSL_SESSION(&own, &at, len);
	OPENSSL_free(der);
	SSL_SESSION_free(bare);
	ERR_clear_error();
}

static void keep_der(struct bytes *out, X509 *cert)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);

	if (len > 0)
		bytes_add(out, der, (size_t)len);
	OPENSSL_free(der);
}

void tls_peer_keep(struct tls_stream *ts)
{
	X509 *cert = SSL_get0_peer_certificate(ts->ssl);
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ts->ssl);

	free(ts->pins); /* only the handshake asks */
	ts->pins = NULL;
	if (cert) {
		ts->peer = xcalloc(1, sizeof(*ts->peer));
		for (int h = FINGERPRINT_SHA256; h <= FINGERPRINT_SHA512; h++)
			tls_digest(cert, (enum fingerprint_hash)h, &ts->peer->prints[h - 1]);
	}
	if (cert && ts->tls->ca) {
		keep_der(&ts->peer->chain, cert);
		for (int i = 0; i < sk_X509_num(chain); i++)
			keep_der(&ts->peer->chain, sk_X509_value(chain, i));
	}
	bare_session(ts->ssl);
}

void tls_peer_drop(struct tls_stream *ts)
{
	if (ts->peer)
		bytes_fini(&ts->peer->chain);
	free(ts->peer);
	ts->peer = NULL;
}

bool conn_peer_is(const struct conn *c, const struct fingerprint_list *pins)
{
	const struct tls_stream *ts = tls_stream_of(c);
	const struct tls_peer *peer = ts ? ts->peer : NULL;
	enum fingerprint_hash hash = fingerprint_list_hash(pins);

	return peer && hash && fingerprint_list_has(pins, &peer->prints[hash - 1]);
}

bool conn_peer_is_named(const struct conn *c, struct slice host, const char **why_r)
{
	const struct tls_stream *ts = tls_stream_of(c);

	if (!ts || !ts->up)
		*why_r = "no TLS";
	else if (!ts->peer)
		*why_r = "no certificate";
	else if (!ts->tls->ca)
		*why_r = "no authorities are configured";
	else if (!ts->peer->chain.len)
		*why_r = "it came when no authorities were configured";
	else
		*why_r = tls_ca_problem(ts->tls->ca, bytes_slice(&ts->peer->chain), !ts->client,
					host);
	return !*why_r;
}
