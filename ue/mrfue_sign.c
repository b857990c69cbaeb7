/* SPDX-License-Identifier: Apache-2.0 */
/* Files of certificates and of one's own key, as the command line names them, for the signatures of ue_smime. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "ue/mrfue_app.h"

#define FILE_SIZE_MAX 16384

/* A small file; what is wrong with it is told. The caller wipes. */
static int read_file(const char *option, const char *path, struct bytes *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[4096];
	ssize_t n = -1;

	bytes_init(out, FILE_SIZE_MAX);
	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		bytes_add(out, buf, (size_t)n);
	mem_wipe(buf, sizeof(buf));
	if (fd < 0 || n < 0)
		fprintf(stderr, "mrfue: %s: cannot read %s: %s\n", option, path, strerror(errno));
	else if (!bytes_ok(out))
		fprintf(stderr, "mrfue: %s: %s is longer than a certificate\n", option, path);
	if (fd >= 0)
		close(fd);
	return fd < 0 || n < 0 || !bytes_ok(out) ? -ERR_IO : 0;
}

static void wipe(struct bytes *b)
{
	if (b->data)
		mem_wipe(b->data, b->len);
	bytes_fini(b);
}

static int load_identity(struct mrfue_app *app)
{
	struct bytes cert = BYTES_INIT, key = BYTES_INIT;
	int err = read_file("--sign-cert", app->opt.sign_cert, &cert);

	if (err == 0)
		err = read_file("--sign-key", app->opt.sign_key, &key);
	if (err == 0) {
		err = ue_smime_identity(app->smime, bytes_slice(&cert), bytes_slice(&key));
		if (err < 0)
			fprintf(stderr, "mrfue: --sign-cert, --sign-key: %s\n",
				err == -ERR_DENIED ? "the key is not the certificate's"
						   : "no P-256 certificate with a subject key "
						     "identifier, and its key without a password");
	}
	wipe(&cert);
	wipe(&key);
	return err;
}

/* URI=FILE */
static int load_cert(struct mrfue_app *app, const char *text)
{
	const char *equals = strrchr(text, '=');
	struct bytes cert = BYTES_INIT;
	int err = read_file("--cert", equals + 1, &cert);

	if (err == 0) {
		err = ue_smime_believe(app->smime, slice_make(text, (size_t)(equals - text)),
				       bytes_slice(&cert));
		if (err < 0)
			fprintf(stderr,
				"mrfue: --cert: %s is no P-256 certificate with a subject key "
				"identifier\n",
				equals + 1);
	}
	bytes_fini(&cert);
	return err;
}

int mrfue_sign_load(struct mrfue_app *app)
{
	int err = 0;

	if (!app->opt.sign_cert && app->opt.n_certs == 0)
		return 0;
	app->smime = ue_smime_new();
	if (app->opt.sign_cert)
		err = load_identity(app);
	for (size_t i = 0; err == 0 && i < app->opt.n_certs; i++)
		err = load_cert(app, app->opt.certs[i]);
	app->opt.ue.seal.signing = app->opt.sign_cert ? &ue_smime_signing : &ue_smime_verifying;
	app->opt.ue.seal.signing_arg = app->smime;
	return err < 0 ? -ERR_SYNTAX : 0;
}
