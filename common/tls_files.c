/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our certificate, its key and the authorities we know as files in a folder, for a library that
 * reads them from there. Checked here first, as that library tells little of what is wrong.
 */
#include "common/tls_files.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/tls_priv.h"

#define AGENT "agent.pem"
#define CA    "cafile.pem"

static int failed(char why[TLS_WHY_SIZE], int err, const char *what, const char *text)
{
	snprintf(why, TLS_WHY_SIZE, "%s: %s", what, text);
	ERR_clear_error();
	return err;
}

/* A new file that only we can read; NULL with errno. */
static FILE *create(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (fd >= 0 && f == NULL)
		close(fd);
	free(path);
	return f;
}

static bool write_agent(FILE *f, const SSL_CTX *ctx)
{
	return PEM_write_X509(f, SSL_CTX_get0_certificate(ctx)) == 1 &&
	       PEM_write_PrivateKey(f, SSL_CTX_get0_privatekey(ctx), NULL, NULL, 0, NULL, NULL) ==
		       1;
}

/* Intermediates alone: a root of ours says nothing of whom we trust. */
static bool write_chain(FILE *f, SSL_CTX *ctx, size_t *n)
{
	STACK_OF(X509) *chain = NULL;

	SSL_CTX_get0_chain_certs(ctx, &chain);
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *cert = sk_X509_value(chain, i);

		if (X509_self_signed(cert, 0) != 0)
			continue;
		if (PEM_write_X509(f, cert) != 1)
			return false;
		(*n)++;
	}
	return true;
}

static int write_authorities(FILE *f, const char *ca, size_t *n, char why[TLS_WHY_SIZE])
{
	FILE *in = fopen(ca, "re");
	size_t before = *n;
	X509 *cert;
	int err = 0;

	if (in == NULL)
		return failed(why, -ERR_CONFIG, ca, strerror(errno));
	while (err == 0 && (cert = PEM_read_X509(in, NULL, NULL, NULL)) != NULL) {
		if (PEM_write_X509(f, cert) != 1)
			err = failed(why, -ERR_IO, CA, "cannot be written");
		X509_free(cert);
		(*n)++;
	}
	if (err == 0 && *n == before)
		err = failed(why, -ERR_CONFIG, ca, "holds no certificate (PEM)");
	fclose(in);
	ERR_clear_error();
	return err;
}

static int write_both(SSL_CTX *ctx, const char *ca, const char *dir, char why[TLS_WHY_SIZE])
{
	FILE *agent = create(dir, AGENT), *cas = create(dir, CA);
	bool ok = agent != NULL && cas != NULL;
	size_t n = 0;
	int err = 0;

	if (ok)
		ok = write_agent(agent, ctx) && write_chain(cas, ctx, &n);
	if (ok && ca[0] != '\0')
		err = write_authorities(cas, ca, &n, why);
	if (agent != NULL)
		ok = fclose(agent) == 0 && ok;
	if (cas != NULL)
		ok = fclose(cas) == 0 && ok;
	if (err == 0 && !ok)
		err = failed(why, -ERR_IO, dir, strerror(errno));
	if (n == 0 && cas != NULL) { /* an empty list is an error to who reads it */
		char *path = xasprintf("%s/" CA, dir);

		unlink(path);
		free(path);
	}
	return err;
}

int tls_files_write(const struct tls_settings *settings, const char *ca, const char *dir,
		    char why[TLS_WHY_SIZE])
{
	struct tls *t;
	int err = tls_new(settings, &t, why);

	if (err != 0)
		return err;
	err = write_both(t->server, ca, dir, why);
	tls_free(&t);
	return err;
}

void tls_files_remove(const char *dir)
{
	static const char *const names[] = {AGENT, CA};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *path = xasprintf("%s/%s", dir, names[i]);

		unlink(path);
		free(path);
	}
	rmdir(dir);
}

void tls_forget_errors(void)
{
	ERR_clear_error();
}
