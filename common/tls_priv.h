/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_TLS_PRIV_H
#define COMMON_TLS_PRIV_H

#include <openssl/ssl.h>
#include <sys/queue.h>
#include <sys/time.h>

#include "common/buf.h"
#include "common/tls.h"

/* Between tls.c and conn_tls*.c only. */

struct conn;
struct conn_layer;
struct tls;
struct tls_peer;

/* One stream's layer. */
struct tls_stream {
	struct tls *tls;
	struct conn_layer *layer;
	SSL *ssl; /* NULL until its handshake begins */
	bool client;
	bool running, waiting; /* which list it is on */
	bool up, eof, failed;
	bool drained; /* in this call the layer below gave less than it could have */
	const char *why;
	struct buf kept; /* records that the layer below did not take */
	uint64_t begun_ms, rekeys_ms;
	unsigned n_rekeys;
	struct fingerprint_list *pins; /* NULL: any peer; of the handshake */
	struct tls_peer *peer; /* who it is (conn_tls_peer.c); NULL: showed no certificate */
	char *psk;             /* identity whose key the handshake was told; NULL: none */
	uint8_t *psk_key;      /* of a client, for the handshake; NULL: none */
	size_t psk_len;
	TAILQ_ENTRY(tls_stream) link;
};

#define TLS_RECORD     16384u
#define TLS_BATCH      (4u * TLS_RECORD) /* plain octets for one write to the socket */
#define TLS_SEND_SPACE (TLS_BATCH + 8192u)

struct tls {
	SSL_CTX *server, *client;
	SSL_CTX *next_server, *next_client; /* announced, not shown yet; NULL */
	bool only_1_3, ask_peer;
	X509_STORE *ca;     /* NULL: none */
	tls_psk_fn *psk_fn; /* NULL: no pre-shared keys */
	void *psk_arg;
	BIO_METHOD *bio; /* of conn_tls.c */
	char *fingerprint;
	uint32_t max_handshakes, n_handshakes;
	uint64_t n_ended[TLS_ENDS];
	TAILQ_HEAD(tls_streams, tls_stream) running, waiting; /* oldest first */
	struct timeval turn; /* the loop turn that steps were counted in */
	uint32_t turn_steps;
	/* Used by one call at a time. */
	char *gather; /* a record's octets from several places */
	char *send;   /* records on their way to the socket */
	size_t n_send;
};

/* The TLS layer of a stream; NULL: it has none (conn_tls.c). */
const struct tls_stream *tls_stream_of(const struct conn *c);
/* Fingerprint of a certificate. */
void tls_digest(const X509 *cert, enum fingerprint_hash hash, struct fingerprint *fp_r);
/* NULL, or what is wrong with the key of a certificate. */
const char *tls_key_problem(const X509 *cert);
/* Methods of the BIO between OpenSSL and the layer below (conn_tls.c). */
BIO_METHOD *tls_bio_new(void);
/* SSL_CTX callbacks: verification of the peer (conn_tls_peer.c), and protocol messages (conn_tls.c). */
int tls_on_verify(X509_STORE_CTX *store, void *arg);
void tls_on_message(int write, int version, int type, const void *buf, size_t len, SSL *ssl,
		    void *arg);

#endif
