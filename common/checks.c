/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of settings that several programs have. Whatever a start would stumble over is told here, so
 * that -t finds it; nothing is made or locked.
 */
#include "common/checks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/http.h"
#include "common/mem.h"
#include "common/peer_users.h"
#include "common/secret_box.h"
#include "common/tls.h"

int check_wrong(const struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->text, c->size, fmt, ap);
	va_end(ap);
	return -ERR_CONFIG;
}

int check_address(const struct check *c, const char *name, const char *value)
{
	struct addr at;

	return addr_from_host(slice_str(value), 0, &at) == 0
		       ? 0
		       : check_wrong(c, "%s: '%s' is no numeric address (such as 127.0.0.1 or ::1)",
				     name, value);
}

int check_socket(const struct check *c, const char *name, const char *path)
{
	struct addr at;

	return addr_from_unix(path, &at) == 0
		       ? 0
		       : check_wrong(c, "%s: '%s' is no path for a Unix socket (1..107 octets)",
				     name, path);
}

int check_users(const struct check *c, const char *name, const char *users)
{
	struct peer_users read;

	return peer_users_read(users, &read) == 0
		       ? 0
		       : check_wrong(c, "%s: '%s' names a user that does not exist", name, users);
}

int check_admin(const struct check *c, const char *address, const char *token_file)
{
	struct addr at;
	int err = check_address(c, "admin.address", address);

	if (err != 0)
		return err;
	if (addr_from_host(slice_str(address), 0, &at) == 0 && !addr_is_loopback(&at) &&
	    token_file[0] == '\0')
		return check_wrong(
			c, "admin.address: %s is not loopback, so admin.token_file is needed",
			address);
	err = token_file[0] != '\0' ? http_token_check(token_file) : 0;
	if (err == -ERR_IO)
		return check_wrong(c, "admin.token_file: cannot read %s: %s", token_file,
				   strerror(errno));
	return err == 0 ? 0 : check_wrong(c, "admin.token_file: %s holds no token", token_file);
}

/* The folder of a file, or the nearest above it that is there: may we make something in it? */
static bool can_make(const char *file)
{
	char *folder = xstrdup(file), *slash;
	bool ok = false, there = false;
	struct stat st;

	while (!there && (slash = strrchr(folder, '/')) != NULL) {
		slash[slash == folder ? 1 : 0] = '\0';
		there = stat(folder, &st) == 0 || errno != ENOENT || slash == folder;
	}
	if (!there)
		ok = access(".", W_OK | X_OK) == 0;
	else if (stat(folder, &st) == 0 && !S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	else
		ok = access(folder, W_OK | X_OK) == 0;
	free(folder);
	return ok;
}

static int cannot_be_made(const struct check *c, const char *name, const char *path)
{
	return check_wrong(c, "%s: %s: it or its folder cannot be made: %s", name, path,
			   strerror(errno));
}

int check_store_path(const struct check *c, const char *name, const char *path)
{
	struct stat st;

	if (path[0] == '\0')
		return 0;
	if (stat(path, &st) != 0)
		return can_make(path) ? 0 : cannot_be_made(c, name, path);
	if (!S_ISREG(st.st_mode))
		return check_wrong(c, "%s: %s: %s", name, path,
				   S_ISDIR(st.st_mode) ? strerror(EISDIR) : "it is no file");
	return access(path, R_OK | W_OK) == 0
		       ? 0
		       : check_wrong(c, "%s: %s: %s", name, path, strerror(errno));
}

int check_key_file(const struct check *c, const char *name, const char *path)
{
	uint8_t key[SECRET_BOX_KEY_SIZE];
	char why[400];
	int err;

	if (access(path, F_OK) != 0)
		return can_make(path) ? 0 : cannot_be_made(c, name, path);
	err = secret_box_key_file(path, key, why, sizeof(why));
	mem_wipe(key, sizeof(key));
	return err < 0 ? check_wrong(c, "%s: %s", name, why) : 0;
}

int check_tls_link(const struct check *c, const struct check_link *l)
{
	const struct tls_settings set = {
		.certificate = l->certificate, .key = l->key, .only_1_3 = true};
	struct fingerprint_list pins;
	char why[TLS_WHY_SIZE];
	struct tls *tls;

	if (l->certificate[0] == '\0' || l->key[0] == '\0')
		return check_wrong(c, "%s: needs %s.tls_certificate and %s.tls_key", l->wanted,
				   l->group, l->group);
	if (fingerprint_list_read(&pins, l->pins) != 0)
		return check_wrong(c,
				   "%s.pins: '%s' is no list of SHA-256 fingerprints (AA:BB:... "
				   "of 32 octets, comma-separated)",
				   l->group, l->pins);
	if (pins.n == 0)
		return check_wrong(c, "%s: needs %s.pins, the fingerprints of %s", l->wanted,
				   l->group, l->peers);
	if (tls_new(&set, &tls, why) != 0)
		return check_wrong(c, "%s.tls_certificate, %s.tls_key: %s", l->group, l->group,
				   why);
	tls_free(&tls);
	return 0;
}
