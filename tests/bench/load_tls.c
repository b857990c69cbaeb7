/* SPDX-License-Identifier: Apache-2.0 */
/* TLS of the load client: any certificate of the server is taken, one of ours is shown. */
#include "load_tls.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

#define SSL_OF(t) ((SSL *)(void *)(t))

static void die(const char *what)
{
	fprintf(stderr, "fanload: TLS: %s\n", what);
	exit(1);
}

static SSL_CTX *context(const char *pem)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx || SSL_CTX_use_certificate_chain_file(ctx, pem) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, pem, SSL_FILETYPE_PEM) != 1)
		die(pem);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	return ctx;
}

struct load_tls *load_tls_connect(int fd, const char *pem)
{
	static SSL_CTX *ctx;
	SSL *ssl;

	if (!ctx)
		ctx = context(pem);
	ssl = SSL_new(ctx);
	if (!ssl || SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
		die("handshake");
	return (struct load_tls *)(void *)ssl;
}

/* A return value of OpenSSL as one of send() or recv(). */
static ssize_t result(SSL *ssl, int n)
{
	int why = SSL_get_error(ssl, n);

	if (n > 0)
		return n;
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
		errno = EAGAIN;
		return -1;
	}
	return why == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

ssize_t load_tls_send(struct load_tls *t, const void *data, size_t len)
{
	return result(SSL_OF(t), SSL_write(SSL_OF(t), data, (int)len));
}

ssize_t load_tls_recv(struct load_tls *t, void *data, size_t len)
{
	size_t got = 0;
	ssize_t n = 0;

	while (got < len && (n = result(SSL_OF(t), SSL_read(SSL_OF(t), (char *)data + got,
							    (int)(len - got)))) > 0)
		got += (size_t)n;
	return got ? (ssize_t)got : n;
}
