/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of groupkey into a key server: with the vault when keys are made here, without any else. */
#include "mrfc/server_keys.h"

#include <stdlib.h>

#include "common/daemon.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/secret.h"
#include "common/tls.h"
#include "mrfc/groupkey/external.h"
#include "mrfc/groupkey/local.h"
#include "mrfc/groupkey/member_server.h"
#include "mrfc/groupkey/vault.h"

#define LOG_PLACE "server"

struct server_keys {
	struct vault *vault; /* NULL: none */
	struct groupkey *groupkey;
	struct ks_security security; /* to a key server of its own */
	char *trouble;               /* what is said while it is away; NULL: there is none */
};

/* HOST:PORT, else a path. */
static int read_place(const char *text, struct addr *at_r)
{
	return addr_parse(slice_str(text), at_r) == 0 ? 0 : addr_from_unix(text, at_r);
}

static int open_external(struct server_keys *k, struct event_base *base, const struct options *o,
			 struct metrics *metrics)
{
	const struct tls_settings tls = {o->groupkey_tls_certificate, o->groupkey_tls_key,
					 .only_1_3 = true};
	char why[TLS_WHY_SIZE];
	struct addr at;

	if (read_place(o->groupkey_connect, &at) != 0 ||
	    fingerprint_list_read(&k->security.pins, o->groupkey_pins) != 0)
		return EXIT_CONFIG; /* options_check */
	if (at.sa.sa_family != AF_UNIX && tls_new(&tls, &k->security.tls, why) != 0) {
		log_error("groupkey.tls_certificate, groupkey.tls_key: %s", why);
		return EXIT_CONFIG;
	}
	secret_no_dumps();
	k->groupkey = groupkey_external_new(base, &at, &k->security, metrics);
	k->trouble = xasprintf("sealed conferences take nobody in: no key server at %s",
			       o->groupkey_connect);
	return EXIT_OK;
}

static int open_local(struct server_keys *k, struct event_base *base, const struct options *o,
		      struct store *store, struct metrics *metrics)
{
	const struct vault_settings vault = {.store_path = o->store_path,
					     .key_file = o->groupkey_store_key,
					     .skew_ms = (uint64_t)o->groupkey_skew};
	struct keyserver_settings settings = {.skew_ms = (uint64_t)o->groupkey_skew,
					      .life_ms = (uint64_t)o->groupkey_max_age,
					      .life_messages = (uint64_t)o->groupkey_max_messages};
	char why[400], *name, *factory;
	int err;

	if (!secret_init(0))
		log_warn(
			"memory for keys cannot be locked (RLIMIT_MEMLOCK): it may be swapped out");
	err = vault_open(store, &vault, why, sizeof(why), &k->vault);
	if (err != 0) {
		log_error("groupkey.store_key: %s", why);
		return err == -ERR_CONFIG ? EXIT_CONFIG : EXIT_RUNTIME;
	}
	name = o->groupkey_name[0] != '\0' ? xstrdup(o->groupkey_name)
					   : xasprintf("sip:keys@%s", o->domain);
	factory = o->factory[0] != '\0' ? xasprintf("sip:%s@%s", o->factory, o->domain) : NULL;
	settings.name = name;
	settings.factory = factory;
	settings.memory = vault_memory(k->vault);
	k->groupkey = groupkey_local_new(base, &settings, vault_members(k->vault), metrics);
	free(name);
	free(factory);
	return EXIT_OK;
}

int server_keys_open(struct event_base *base, const struct options *o, struct store *store,
		     struct metrics *metrics, struct server_keys **keys_r)
{
	struct server_keys *k = xcalloc(1, sizeof(*k));
	int code = EXIT_OK;

	switch (o->groupkey_server) {
	case OPTIONS_GROUPKEY_MEMBER:
		k->groupkey = member_server_new(base, metrics);
		break;
	case OPTIONS_GROUPKEY_EXTERNAL:
		code = open_external(k, base, o, metrics);
		break;
	default:
		code = open_local(k, base, o, store, metrics);
		break;
	}
	if (code == EXIT_OK)
		*keys_r = k;
	else
		server_keys_free(&k);
	return code;
}

void server_keys_free(struct server_keys **kp)
{
	struct server_keys *k = *kp;

	if (k == NULL)
		return;
	*kp = NULL;
	groupkey_free(&k->groupkey);
	vault_free(&k->vault);
	tls_free(&k->security.tls);
	free(k->trouble);
	free(k);
}

struct groupkey *server_keys_groupkey(const struct server_keys *k)
{
	return k->groupkey;
}

const char *server_keys_trouble(const struct server_keys *k)
{
	return k->trouble != NULL && !k->groupkey->ops->ready(k->groupkey, "") ? k->trouble : NULL;
}

struct member_keys *server_keys_members(const struct server_keys *k)
{
	return k->vault != NULL ? vault_members(k->vault) : NULL;
}
