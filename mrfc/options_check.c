/* SPDX-License-Identifier: Apache-2.0 */
/* What the table of settings cannot say: one check per group, the first that fails names its setting. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/fingerprint.h"
#include "common/http.h"
#include "common/mem.h"
#include "common/peer_users.h"
#include "common/secret_box.h"
#include "common/tls.h"
#include "mrfc/conference/psi.h"
#include "mrfc/conference/service.h"
#include "mrfc/conference/trust.h"
#include "mrfc/consent_file.h"
#include "mrfc/focus/focus.h"
#include "mrfc/options.h"
#include "mrfc/sip/hop_table.h"
#include "proto/precis.h"
#include "proto/sip_uri.h"

#define STORE_MIN_SIZE (256 << 10)

struct why {
	char *text;
	size_t size;
};

static int wrong(const struct why *why, const char *fmt, ...) PRINTF_LIKE(2, 3);
static int wrong(const struct why *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, why->size, fmt, ap);
	va_end(ap);
	return -ERR_CONFIG;
}

/* HOST or HOST:PORT as it may stand after the "@" of a SIP URI. */
static bool host_ok(const char *host, bool with_port)
{
	struct sip_uri uri;
	char *text = xasprintf("sip:x@%s", host);
	bool ok = sip_uri_parse(slice_str(text), &uri) == 0 && slice_eq_str(uri.user, "x") &&
		  (with_port || uri.port == 0) && uri.params.len == 0 && uri.headers.len == 0;

	free(text);
	return ok;
}

static int check_names(const struct options *o, const struct why *why)
{
	struct sip_uri uri;
	char *text;
	bool ok;

	if (!host_ok(o->domain, false))
		return wrong(why, "domain: '%s' is no host name", o->domain);
	if (o->sip_contact[0] && !host_ok(o->sip_contact, true))
		return wrong(why, "sip.contact: '%s' is no HOST or HOST:PORT", o->sip_contact);
	if (o->sip_realm[0] && !host_ok(o->sip_realm, false))
		return wrong(why, "sip.realm: '%s' is no host name", o->sip_realm);
	for (const char *c = o->charging_ioi; *c != '\0'; c++) {
		if (*c < ' ' || *c > '~')
			return wrong(why, "charging.ioi: '%s' is no name of a network",
				     o->charging_ioi);
	}
	if (o->factory[0] == '\0')
		return 0;
	if (strcmp(o->factory, o->list_service) == 0)
		return wrong(why, "list.service: '%s' is conference.factory", o->list_service);
	text = xasprintf("sip:%s@x", o->factory);
	ok = sip_uri_parse(slice_str(text), &uri) == 0 && slice_eq_str(uri.user, o->factory);
	free(text);
	return ok ? 0
		  : wrong(why, "conference.factory: '%s' is no user part of a SIP URI", o->factory);
}

static int check_aliases(const struct options *o, const struct why *why)
{
	struct slice rest = slice_str(o->aliases), one;
	struct sip_uri uri;
	unsigned n = 0;

	while (slice_next(&rest, ',', &one)) {
		one = slice_trim(one);
		if (one.len == 0)
			continue;
		if (sip_uri_parse(one, &uri) != 0)
			return wrong(why, "conference.aliases: '" SLICE_FMT "' is no URI",
				     SLICE_ARG(one));
		if (++n > FOCUS_MAX_ALIASES)
			return wrong(why, "conference.aliases: more than %d URIs",
				     FOCUS_MAX_ALIASES);
	}
	return 0;
}

static int check_reserved(const struct options *o, const struct why *why)
{
	struct slice rest = slice_str(o->reserved_nicknames), one;
	struct bytes out = BYTES_INIT;
	int err = 0;

	while (err == 0 && slice_next(&rest, ',', &one)) {
		one = slice_trim(one);
		if (one.len != 0 && precis_nickname_enforce(one, &out) != 0)
			err = wrong(why,
				    "conference.reserved_nicknames: '" SLICE_FMT "' is no nickname",
				    SLICE_ARG(one));
	}
	bytes_fini(&out);
	return err;
}

static bool has_tls_hop(const struct hop_table *hops)
{
	for (size_t i = 0; i < hop_table_count(hops); i++) {
		if (hop_table_at(hops, i)->tls_name != NULL)
			return true;
	}
	return false;
}

static int check_tls(const struct options *o, const struct why *why)
{
	struct hop_table *hops = NULL;
	bool out = hop_table_parse(o->sip_outbound_proxy, &hops, NULL) == 0 && has_tls_hop(hops);

	hop_table_free(&hops);
	if ((o->tls_certificate[0] == '\0') != (o->tls_key[0] == '\0'))
		return wrong(why, "%s is missing",
			     o->tls_key[0] ? "sip.tls_certificate" : "sip.tls_key");
	if (out && o->sip_tls_port < 0)
		return wrong(why, "sip.outbound_proxy: a next hop over TLS needs sip.tls_port");
	if (o->tls_ca[0] == '\0' && (out || o->tls_verify))
		return wrong(why,
			     "sip.tls_ca is missing: nobody's certificate can be checked for %s",
			     out ? "sip.outbound_proxy" : "sip.tls_verify");
	return 0;
}

/* The stack looks up no names. */
static int check_hops(const char *list, const struct why *why)
{
	struct slice bad = slice_str(list);
	struct hop_table *hops = NULL;
	int err = hop_table_parse(list, &hops, &bad);

	hop_table_free(&hops);
	if (err == -ERR_LIMIT)
		return wrong(why, "sip.outbound_proxy: more than %d next hops", HOP_MAX);
	return err == 0 ? 0
			: wrong(why,
				"sip.outbound_proxy: '" SLICE_FMT
				"' is no numeric HOST:PORT or sip: URI of one "
				"(such as 192.0.2.5:5060, sip:192.0.2.5;transport=tcp or "
				"sip:NAME;maddr=192.0.2.5;transport=tls)",
				SLICE_ARG(bad));
}

static int check_numeric(const char *name, const char *value, const struct why *why)
{
	struct addr at;

	return addr_from_host(slice_str(value), 0, &at) == 0
		       ? 0
		       : wrong(why, "%s: '%s' is no numeric address (such as 127.0.0.1 or ::1)",
			       name, value);
}

static int check_services(const struct options *o, const struct why *why)
{
	const struct {
		const char *name, *value;
	} lists[] = {{"service.icsi", options_icsi(o)},
		     {"service.iari", o->iari},
		     {"service.asserted", options_asserted(o)}};
	struct psi_set *set = NULL;
	struct slice bad = SLICE_NULL;
	int err;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		if (!service_list_ok(lists[i].value))
			return wrong(why,
				     "%s: '%s' is no list of URNs (such as "
				     "urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session.group)",
				     lists[i].name, lists[i].value);
	}
	err = psi_set_parse(o->psi, o->domain, &set, &bad);
	psi_set_free(&set);
	return err == 0 ? 0
			: wrong(why,
				"conference.psi: '" SLICE_FMT
				"' is no sip:USER@%s whose user part has at most one "
				"!regular expression!, or that takes none of the names that "
				"conferences get (letters and digits)",
				SLICE_ARG(bad), o->domain);
}

static int check_sip(const struct options *o, const struct why *why)
{
	struct trust *trust;
	struct addr at;
	int err = check_numeric("sip.address", o->sip_address, why);

	if (err == 0)
		err = check_hops(o->sip_outbound_proxy, why);
	if (err == 0)
		err = check_tls(o, why);
	if (err != 0)
		return err;
	if (!o->sip_contact[0] && addr_from_host(slice_str(o->sip_address), 0, &at) == 0 &&
	    addr_is_any(&at))
		return wrong(why, "sip.address: nobody can send to %s, so sip.contact is needed",
			     o->sip_address);
	if (trust_new(o->sip_trusted, "", &trust) != 0)
		return wrong(why,
			     "sip.trusted: '%s' is no list of networks (such as 192.0.2.0/24,::1)",
			     o->sip_trusted);
	trust_free(&trust);
	if (trust_new("", o->sip_trusted_names, &trust) != 0)
		return wrong(why, "sip.trusted_names: '%s' is no list of host names",
			     o->sip_trusted_names);
	trust_free(&trust);
	if (o->session_expires != 0 && o->session_expires < o->session_min_se)
		return wrong(why, "sip.session_expires: %lld is below sip.min_se, which is %lld",
			     (long long)o->session_expires, (long long)o->session_min_se);
	return 0;
}

static int check_admin(const struct options *o, const struct why *why)
{
	struct addr at;
	int err;

	if (addr_from_host(slice_str(o->admin_address), 0, &at) != 0)
		return check_numeric("admin.address", o->admin_address, why);
	if (!addr_is_loopback(&at) && o->admin_token_file[0] == '\0')
		return wrong(why,
			     "admin.address: %s is not loopback, so admin.token_file is needed",
			     o->admin_address);
	err = o->admin_token_file[0] ? http_token_check(o->admin_token_file) : 0;
	if (err == -ERR_IO)
		return wrong(why, "admin.token_file: cannot read %s: %s", o->admin_token_file,
			     strerror(errno));
	return err == 0 ? 0
			: wrong(why, "admin.token_file: %s holds no token", o->admin_token_file);
}

static int check_operators(const struct options *o, const struct why *why)
{
	struct slice rest = slice_str(o->operators), one;
	struct sip_uri uri;

	while (slice_next(&rest, ',', &one)) {
		one = slice_trim(one);
		if (one.len != 0 && sip_uri_parse(one, &uri) != 0)
			return wrong(why, "conference.operators: '" SLICE_FMT "' is no URI",
				     SLICE_ARG(one));
	}
	return 0;
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

/* Nothing is opened: what the file holds is seen at the start. */
static int check_store(const struct options *o, const struct why *why)
{
	struct stat st;

	if (o->store_max_size != 0 && o->store_max_size < STORE_MIN_SIZE)
		return wrong(why, "store.max_size: %lld is below %d (256 KiB); 0 is no limit",
			     (long long)o->store_max_size, STORE_MIN_SIZE);
	if (o->store_path[0] == '\0')
		return 0;
	if (stat(o->store_path, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			return wrong(why, "store.path: %s: %s", o->store_path,
				     S_ISDIR(st.st_mode) ? "Is a directory" : "it is no file");
		return access(o->store_path, R_OK | W_OK) == 0
			       ? 0
			       : wrong(why, "store.path: %s: %s", o->store_path, strerror(errno));
	}
	return can_make(o->store_path)
		       ? 0
		       : wrong(why, "store.path: %s: it or its folder cannot be made: %s",
			       o->store_path, strerror(errno));
}

static int check_consent(const struct options *o, const struct why *why)
{
	struct urilist_consent *consent;
	int err = consent_file_read(o->list_consent, why->text, why->size, &consent);

	if (err == 0)
		urilist_consent_free(&consent);
	return err;
}

/* Who may come as an MRFP: by the socket, and over TLS. */
static int check_mp(const struct options *o, const struct why *why)
{
	struct tls_settings set = {.certificate = o->mp_tls_certificate, .key = o->mp_tls_key};
	struct fingerprint_list pins;
	struct peer_users users;
	char fault[TLS_WHY_SIZE];
	struct tls *tls;
	struct addr at;

	if (addr_from_unix(o->mp_socket, &at) != 0)
		return wrong(why, "mp.socket: '%s' is no path for a Unix socket (1..107 octets)",
			     o->mp_socket);
	if (peer_users_read(o->mp_users, &users) != 0)
		return wrong(why, "mp.users: '%s' names a user that does not exist", o->mp_users);
	if (o->mp_address[0] == '\0')
		return 0;
	if (addr_from_host(slice_str(o->mp_address), (uint16_t)o->mp_port, &at) != 0)
		return wrong(why, "mp.address: '%s' is no numeric address", o->mp_address);
	if (o->mp_tls_certificate[0] == '\0' || o->mp_tls_key[0] == '\0')
		return wrong(why, "mp.address: needs mp.tls_certificate and mp.tls_key");
	if (fingerprint_list_read(&pins, o->mp_pins) != 0)
		return wrong(why, "mp.pins: '%s' is no list of fingerprints", o->mp_pins);
	if (pins.n == 0)
		return wrong(why, "mp.address: needs mp.pins, the fingerprints of its MRFPs");
	if (tls_new(&set, &tls, fault) != 0)
		return wrong(why, "mp.tls_certificate, mp.tls_key: %s", fault);
	tls_free(&tls);
	return 0;
}

/* "localhost:8064" is meant as no file's name. */
static bool is_path(const char *text)
{
	return strchr(text, '/') != NULL || strchr(text, ':') == NULL;
}

static int check_key_server(const struct options *o, const struct why *why)
{
	struct fingerprint_list pins;
	struct addr at;

	if (addr_parse(slice_str(o->groupkey_connect), &at) != 0)
		return is_path(o->groupkey_connect) && addr_from_unix(o->groupkey_connect, &at) == 0
			       ? 0
			       : wrong(why,
				       "groupkey.connect: '%s' is no numeric HOST:PORT and no path",
				       o->groupkey_connect);
	if (o->groupkey_tls_certificate[0] == '\0' || o->groupkey_tls_key[0] == '\0')
		return wrong(why, "groupkey.connect: needs groupkey.tls_certificate and "
				  "groupkey.tls_key");
	if (fingerprint_list_read(&pins, o->groupkey_pins) != 0)
		return wrong(why, "groupkey.pins: '%s' is no list of fingerprints",
			     o->groupkey_pins);
	return pins.n > 0 ? 0
			  : wrong(why, "groupkey.connect: needs groupkey.pins, the key server's "
				       "fingerprint");
}

static int check_groupkey(const struct options *o, const struct why *why)
{
	uint8_t key[SECRET_BOX_KEY_SIZE];
	char text[400];
	int err;

	if (o->groupkey_server == OPTIONS_GROUPKEY_MEMBER)
		return wrong(why, "groupkey.server: member is not in this release; there are local "
				  "and external");
	if (o->groupkey_server == OPTIONS_GROUPKEY_EXTERNAL)
		return check_key_server(o, why);
	if (o->groupkey_store_key[0] == '\0' || access(o->groupkey_store_key, F_OK) != 0)
		return 0; /* it will be made */
	err = secret_box_key_file(o->groupkey_store_key, key, text, sizeof(text));
	mem_wipe(key, sizeof(key));
	return err < 0 ? wrong(why, "groupkey.store_key: %s", text) : 0;
}

int options_check(const struct options *o, char *why_r, size_t why_size)
{
	const struct why why = {why_r, why_size};
	int err = check_names(o, &why);

	if (err == 0)
		err = check_aliases(o, &why);
	if (err == 0)
		err = check_reserved(o, &why);
	if (err == 0)
		err = check_sip(o, &why);
	if (err == 0)
		err = check_services(o, &why);
	if (err == 0)
		err = check_admin(o, &why);
	if (err == 0)
		err = check_consent(o, &why);
	if (err == 0)
		err = check_operators(o, &why);
	if (err == 0)
		err = check_store(o, &why);
	if (err == 0)
		err = check_groupkey(o, &why);
	if (err == 0)
		err = check_mp(o, &why);
	return err;
}
