/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of mrfks, as one table, and what it cannot say of them. */
#include "mrfc/ks/options.h"

#include <stdlib.h>

#include "common/checks.h"
#include "common/mem.h"
#include "mrfc/groupkey/allow.h"

#define AT(field) offsetof(struct ks_options, field)

/* One row a setting, whatever a formatter would make of a long table. */
/* clang-format off */
const struct config_opt options_table[] = {
	{"name", CONFIG_STRING, AT(name), "sip:keys@conf.example.com", 0, 0, NULL, "",
	 "URI of this key server in its messages.", NULL},
	{"factory", CONFIG_STRING, AT(factory), "", 0, 0, NULL, "",
	 "URI of the MRFC's conference factory, which an offer may name instead of a conference that is yet to be made; empty: none.", NULL},
	{"allow", CONFIG_STRING, AT(allow), "", 0, 0, NULL, "",
	 "File with lines CONFERENCE: USER..., URIs with * in them: who may have the keys of which conference, whatever the MRFC says; read again on HUP. Empty: whoever has a key here.", NULL},
	{"skew", CONFIG_MS, AT(skew), "5min", 1000, 3600000, NULL, "s",
	 "How far the clock of a member's terminal may be off.", NULL},
	{"listen.socket", CONFIG_STRING, AT(socket), "build/run/ks.sock", 0, 0, NULL, "",
	 "Unix socket for an MRFC of this machine; empty: none.", NULL},
	{"listen.users", CONFIG_STRING, AT(users), "", 0, 0, NULL, "",
	 "Users, by name or number and comma-separated, whose processes may come there besides root and our own. With any the socket has mode 0666 and each process is asked for its user; its folder must be open to them (0711), too.", NULL},
	{"listen.address", CONFIG_STRING, AT(address), "", 0, 0, NULL, "",
	 "Numeric address for MRFCs of other machines, over TLS 1.3; empty: none.", NULL},
	{"listen.port", CONFIG_INT, AT(port), "8064", 0, 65535, NULL, "",
	 "Port for it; 0 picks a free one.", NULL},
	{"listen.tls_certificate", CONFIG_STRING, AT(tls_certificate), "", 0, 0, NULL, "",
	 "PEM file: the certificate that we show MRFCs; its fingerprint belongs in groupkey.pins there.", NULL},
	{"listen.tls_key", CONFIG_STRING, AT(tls_key), "", 0, 0, NULL, "",
	 "PEM file: its key, without a passphrase.", NULL},
	{"listen.pins", CONFIG_STRING, AT(pins), "", 0, 0, NULL, "",
	 "Fingerprints of the MRFCs' certificates (groupkey.tls_certificate there), written as above, comma-separated; two of one MRFC while it changes its own.", NULL},
	{"store.path", CONFIG_STRING, AT(store_path), "", 0, 0, NULL, "",
	 "Database file for members' keys; its folder is made (0700). Empty: memory only.", NULL},
	{"store.key", CONFIG_STRING, AT(store_key), "", 0, 0, NULL, "",
	 "File with the key under which members' keys lie in the store, 64 hex digits; made when it is absent (0600). Empty: store.path with .key after it.", NULL},
	{"admin.address", CONFIG_STRING, AT(admin_address), "127.0.0.1", 0, 0, NULL, "",
	 "Numeric address for mrfctl key, health and metrics; another than loopback needs a token, and gives no keys.", NULL},
	{"admin.port", CONFIG_INT, AT(admin_port), "8063", 0, 65535, NULL, "",
	 "Port for it; 0 picks a free one.", NULL},
	{"admin.token_file", CONFIG_STRING, AT(admin_token_file), "", 0, 0, NULL, "",
	 "File with the bearer token that changes need; empty: none.", NULL},
	{"log.level", CONFIG_ENUM, AT(log_level), "info", 0, 0, "error warn info debug", "",
	 "Least important lines that are logged.", NULL},
};
/* clang-format on */
const size_t options_table_len = ARRAY_LEN(options_table);

static int check_remote(const struct check *c, const struct ks_options *o)
{
	const struct check_link link = {"listen",           "listen.address", "the MRFCs",
					o->tls_certificate, o->tls_key,       o->pins};
	int err;

	if (o->address[0] == '\0')
		return o->socket[0] != '\0'
			       ? 0
			       : check_wrong(c, "listen.socket, listen.address: one of them is "
						"needed");
	err = check_address(c, "listen.address", o->address);
	return err == 0 ? check_tls_link(c, &link) : err;
}

static int check_files(const struct check *c, const struct ks_options *o)
{
	struct allow *allow = NULL;
	char *beside, why[400];
	int err;

	if (o->allow[0] != '\0' && allow_read(o->allow, &allow, why, sizeof(why)) != 0)
		return check_wrong(c, "allow: %s", why);
	allow_free(&allow);
	err = check_store_path(c, "store.path", o->store_path);
	if (err != 0 || (o->store_path[0] == '\0' && o->store_key[0] == '\0'))
		return err;
	beside = o->store_key[0] != '\0' ? xstrdup(o->store_key)
					 : xasprintf("%s.key", o->store_path);
	err = check_key_file(c, "store.key", beside);
	free(beside);
	return err;
}

int ks_options_check(const struct ks_options *o, char *why, size_t why_size)
{
	const struct check c = {why, why_size};
	int err = o->name[0] != '\0' ? 0 : check_wrong(&c, "name: is missing");

	if (err == 0 && o->socket[0] != '\0')
		err = check_socket(&c, "listen.socket", o->socket);
	if (err == 0)
		err = check_users(&c, "listen.users", o->users);
	if (err == 0)
		err = check_admin(&c, o->admin_address, o->admin_token_file);
	if (err == 0)
		err = check_remote(&c, o);
	return err == 0 ? check_files(&c, o) : err;
}
