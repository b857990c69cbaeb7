/* SPDX-License-Identifier: Apache-2.0 */
/* A key server's things at rest, opened in the right order: the store key first, then the rows. */
#include "mrfc/groupkey/vault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/secret.h"

#define LOG_PLACE "groupkey/vault"

#define SKEW_MS 300000

struct vault {
	struct key_rows *rows;
	struct member_keys *members;
	struct t_memory *times; /* NULL: none */
};

/* A new key is made for a store without members' keys only: others would all be lost with it. */
static int read_key(struct store *store, const struct vault_settings *s, uint8_t *key, char *why,
		    size_t why_size)
{
	char *file;
	int rc;

	if (s->store_path[0] == '\0') {
		secret_random(key, SECRET_BOX_KEY_SIZE);
		return 0;
	}
	file = s->key_file[0] != '\0' ? xstrdup(s->key_file) : xasprintf("%s.key", s->store_path);
	if (daemon_mkdir_for(file) != 0) {
		snprintf(why, why_size, "%s: %s", file, "its folder cannot be made");
		rc = -ERR_IO;
	} else if (access(file, F_OK) != 0 && errno == ENOENT && member_keys_are_in(store)) {
		snprintf(
			why, why_size,
			"%s is not there, and the store has keys of members that are sealed under it",
			file);
		rc = -ERR_CONFIG;
	} else {
		rc = secret_box_key_file(file, key, why, why_size);
	}
	if (rc > 0)
		log_info(
			"%s is made: members' keys in the store are sealed under it; keep a copy of it "
			"apart from the store's",
			file);
	free(file);
	return rc < 0 ? -ERR_CONFIG : 0;
}

static int load(struct vault *v, const struct vault_settings *s, char *why, size_t why_size)
{
	size_t n_skipped = 0;
	int err = member_keys_load(v->members, &n_skipped);

	if (err == 0 && s->store_path[0] != '\0')
		err = t_memory_new(v->rows, s->skew_ms != 0 ? s->skew_ms : SKEW_MS,
				   clock_wall_ms() * 1000, &v->times);
	if (err != 0)
		snprintf(why, why_size, "the keys in the store cannot be read: %s", err_name(err));
	else if (n_skipped > 0)
		log_error("alarm: %zu keys of members are not used", n_skipped);
	return err;
}

int vault_open(struct store *store, const struct vault_settings *s, char *why, size_t why_size,
	       struct vault **vault_r)
{
	uint8_t *key = secret_alloc(SECRET_BOX_KEY_SIZE);
	int err = read_key(store, s, key, why, why_size);
	struct vault *v;

	if (err != 0) {
		secret_free(&key, SECRET_BOX_KEY_SIZE);
		return err;
	}
	v = xcalloc(1, sizeof(*v));
	v->rows = key_rows_new(store, key);
	secret_free(&key, SECRET_BOX_KEY_SIZE);
	v->members = member_keys_new(v->rows);
	if (s->store_path[0] == '\0')
		member_keys_set_fleeting(v->members);
	err = load(v, s, why, why_size);
	if (err != 0)
		vault_free(&v);
	else
		*vault_r = v;
	return err;
}

void vault_free(struct vault **vp)
{
	struct vault *v = *vp;

	if (v == NULL)
		return;
	*vp = NULL;
	t_memory_free(&v->times);
	member_keys_free(&v->members);
	key_rows_free(&v->rows);
	free(v);
}

struct member_keys *vault_members(const struct vault *v)
{
	return v->members;
}

const struct keyserver_memory *vault_memory(const struct vault *v)
{
	return v->times != NULL ? t_memory_hooks(v->times) : NULL;
}
