/* SPDX-License-Identifier: Apache-2.0 */
/*
 * External pre-shared keys of TLS streams beside certificates: RFC 8446 4.2.11 (psk_dhe_ke), and in
 * TLS 1.2 ECDHE-PSK and DHE-PSK (RFC 5489, RFC 4279). Whose key the peer does not know goes on with
 * certificates.
 */
#include "common/conn_tls_psk.h"

#include <stdlib.h>
#include <string.h>

#include "common/conn.h"
#include "common/mem.h"
#include "common/secret.h"

#define SUITES_1_3 "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"

static unsigned int on_server(SSL *ssl, const char *identity, unsigned char *key,
			      unsigned int max_len)
{
	struct tls_stream *ts = SSL_get_app_data(ssl);
	const struct tls *t = ts->tls;
	struct slice psk;

	if (!t->psk_fn || !t->psk_fn(slice_str(identity), &psk, t->psk_arg) || psk.len > max_len)
		return 0;
	free(ts->psk);
	ts->psk = xstrdup(identity);
	memcpy(key, psk.ptr, psk.len);
	return (unsigned int)psk.len;
}

static unsigned int on_client(SSL *ssl, const char *hint, char *identity, unsigned int max_identity,
			      unsigned char *key, unsigned int max_len)
{
	struct tls_stream *ts = SSL_get_app_data(ssl);

	(void)hint;
	if (!ts->psk_key || strlen(ts->psk) >= max_identity || ts->psk_len > max_len)
		return 0;
	memcpy(identity, ts->psk, strlen(ts->psk) + 1);
	memcpy(key, ts->psk_key, ts->psk_len);
	return (unsigned int)ts->psk_len;
}

void tls_psk_begin(struct tls_stream *ts)
{
	if (ts->client ? !ts->psk_key : !ts->tls->psk_fn)
		return;
	if (ts->client) {
		SSL_set_psk_client_callback(ts->ssl, on_client);
		/* That of servers; a key has none on this side. */
		(void)SSL_set_session_id_context(ts->ssl, (const unsigned char *)"", 0);
	} else {
		SSL_set_psk_server_callback(ts->ssl, on_server);
		SSL_set_options(ts->ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
	}
	/* In 1.3 a key is for one hash, and that is chosen before the key: its suite comes first. */
	(void)SSL_set_ciphersuites(ts->ssl, SUITES_1_3);
}

void tls_psk_over(struct tls_stream *ts)
{
	if (ts->psk_key)
		secret_free(&ts->psk_key, ts->psk_len);
}

void conn_offer_psk(struct conn *c, struct slice identity, struct slice key)
{
	struct tls_stream *ts = (struct tls_stream *)(uintptr_t)tls_stream_of(c);

	if (!ts || ts->ssl || !ts->client)
		return;
	tls_psk_over(ts);
	free(ts->psk);
	ts->psk = slice_dup(identity);
	ts->psk_len = key.len;
	ts->psk_key = secret_alloc(key.len);
	memcpy(ts->psk_key, key.ptr, key.len);
}

const char *conn_psk(const struct conn *c)
{
	const struct tls_stream *ts = tls_stream_of(c);
	const SSL_CIPHER *suite = ts && ts->up && ts->psk ? SSL_get_current_cipher(ts->ssl) : NULL;

	/* Told a key the handshake may still have gone on without it (another suite's hash). */
	return suite && (SSL_session_reused(ts->ssl) == 1 ||
			 SSL_CIPHER_get_auth_nid(suite) == NID_auth_psk)
		       ? ts->psk
		       : NULL;
}
