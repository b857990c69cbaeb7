/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CHECKS_H
#define COMMON_CHECKS_H

#include <stddef.h>

#include "common/err.h"

/*
 * What several programs check in the same way of their settings, before anything is opened: files are
 * read as the start will read them, none is made. All return 0, or -ERR_CONFIG with a sentence that
 * begins with the setting's name.
 */
struct check {
	char *text; /* the sentence; size octets with the NUL */
	size_t size;
};

/* Writes the sentence. Always -ERR_CONFIG. */
int check_wrong(const struct check *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* name: of the setting, in all that follow. A numeric address. */
MUST_CHECK int check_address(const struct check *c, const char *name, const char *value);
/* A path that a Unix socket may have. */
MUST_CHECK int check_socket(const struct check *c, const char *name, const char *path);
/* Names or numbers of users of this machine, comma-separated. */
MUST_CHECK int check_users(const struct check *c, const char *name, const char *users);
/* admin.address and admin.token_file: other machines need a token, and there has to be one in the file. */
MUST_CHECK int check_admin(const struct check *c, const char *address, const char *token_file);
/* A database file that is there and ours, or can be made. "": none. What it holds is not looked at. */
MUST_CHECK int check_store_path(const struct check *c, const char *name, const char *path);
/* A file that is made at the start when it is absent, with a key (secret_box.h). */
MUST_CHECK int check_key_file(const struct check *c, const char *name, const char *path);

/* TLS between servers: both show a certificate and know the other's. */
struct check_link {
	const char *group; /* of the settings GROUP.tls_certificate, GROUP.tls_key and GROUP.pins */
	const char *wanted; /* the setting that makes them needed */
	const char *peers;  /* whose fingerprints pins has, for people */
	const char *certificate, *key, *pins;
};
MUST_CHECK int check_tls_link(const struct check *c, const struct check_link *l);

#endif
