/* SPDX-License-Identifier: Apache-2.0 */
/* What the table of settings cannot say: one check per group, the first that fails names its setting. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/checks.h"
#include "common/mem.h"
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

static int check_names(const struct options *o, const struct check *why)
{
	struct sip_uri uri;
	char *text;
	bool ok;

	if (!host_ok(o->domain, false))
		return check_wrong(why, "domain: '%s' is no host name", o->domain);
	if (o->sip_contact[0] && !host_ok(o->sip_contact, true))
		return check_wrong(why, "sip.contact: '%s' is no HOST or HOST:PORT",
				   o->sip_contact);
	if (o->sip_realm[0] && !host_ok(o->sip_realm, false))
		return check_wrong(why, "sip.realm: '%s' is no host name", o->sip_realm);
	for (const char *c = o->charging_ioi; *c != '\0'; c++) {
		if (*c < ' ' || *c > '~')
			return check_wrong(why, "charging.ioi: '%s' is no name of a network",
					   o->charging_ioi);
	}
	if (o->factory[0] == '\0')
		return 0;
	if (strcmp(o->factory, o->list_service) == 0)
		return check_wrong(why, "list.service: '%s' is conference.factory",
				   o->list_service);
	text = xasprintf("sip:%s@x", o->factory);
	ok = sip_uri_parse(slice_str(text), &uri) == 0 && slice_eq_str(uri.user, o->factory);
	free(text);
	return ok ? 0
		  : check_wrong(why, "conference.factory: '%s' is no user part of a SIP URI",
				o->factory);
}

static int check_aliases(const struct options *o, const struct check *why)
{
	struct slice rest = slice_str(o->aliases), one;
	struct sip_uri uri;
	unsigned n = 0;

	while (slice_next(&rest, ',', &one)) {
		one = slice_trim(one);
		if (one.len == 0)
			continue;
		if (sip_uri_parse(one, &uri) != 0)
			return check_wrong(why, "conference.aliases: '" SLICE_FMT "' is no URI",
					   SLICE_ARG(one));
		if (++n > FOCUS_MAX_ALIASES)
			return check_wrong(why, "conference.aliases: more than %d URIs",
					   FOCUS_MAX_ALIASES);
	}
	return 0;
}

static int check_reserved(const struct options *o, const struct check *why)
{
	struct slice rest = slice_str(o->reserved_nicknames), one;
	struct bytes out = BYTES_INIT;
	int err = 0;

	while (err == 0 && slice_next(&rest, ',', &one)) {
		one = slice_trim(one);
		if (one.len != 0 && precis_nickname_enforce(one, &out) != 0)
			err = check_wrong(why,
					  "conference.reserved_nicknames: '" SLICE_FMT
					  "' is no nickname",
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

static int check_tls(const struct options *o, const struct check *why)
{
	const struct tls_settings set = {
		.certificate = o->tls_certificate, .key = o->tls_key, .ca = o->tls_ca};
	char fault[TLS_WHY_SIZE];
	struct hop_table *hops = NULL;
	struct tls *tls;
	bool out = hop_table_parse(o->sip_outbound_proxy, &hops, NULL) == 0 && has_tls_hop(hops);

	hop_table_free(&hops);
	if ((o->tls_certificate[0] == '\0') != (o->tls_key[0] == '\0'))
		return check_wrong(why, "%s is missing",
				   o->tls_key[0] ? "sip.tls_certificate" : "sip.tls_key");
	if (out && o->sip_tls_port < 0)
		return check_wrong(why,
				   "sip.outbound_proxy: a next hop over TLS needs sip.tls_port");
	if (o->tls_ca[0] == '\0' && (out || o->tls_verify))
		return check_wrong(
			why, "sip.tls_ca is missing: nobody's certificate can be checked for %s",
			out ? "sip.outbound_proxy" : "sip.tls_verify");
	if (o->tls_certificate[0] == '\0' && o->tls_ca[0] == '\0')
		return 0;
	if (tls_new(&set, &tls, fault) != 0)
		return check_wrong(why, "sip.tls_certificate, sip.tls_key, sip.tls_ca: %s", fault);
	tls_free(&tls);
	return 0;
}

/* The stack looks up no names. */
static int check_hops(const char *list, const struct check *why)
{
	struct slice bad = slice_str(list);
	struct hop_table *hops = NULL;
	int err = hop_table_parse(list, &hops, &bad);

	hop_table_free(&hops);
	if (err == -ERR_LIMIT)
		return check_wrong(why, "sip.outbound_proxy: more than %d next hops", HOP_MAX);
	return err == 0 ? 0
			: check_wrong(why,
				      "sip.outbound_proxy: '" SLICE_FMT
				      "' is no numeric HOST:PORT or sip: URI of one "
				      "(such as 192.0.2.5:5060, sip:192.0.2.5;transport=tcp or "
				      "sip:NAME;maddr=192.0.2.5;transport=tls)",
				      SLICE_ARG(bad));
}

static int check_services(const struct options *o, const struct check *why)
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
			return check_wrong(why,
					   "%s: '%s' is no list of URNs (such as "
					   "urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session.group)",
					   lists[i].name, lists[i].value);
	}
	err = psi_set_parse(o->psi, o->domain, &set, &bad);
	psi_set_free(&set);
	return err == 0 ? 0
			: check_wrong(why,
				      "conference.psi: '" SLICE_FMT
				      "' is no sip:USER@%s whose user part has at most one "
				      "!regular expression!, or that takes none of the names that "
				      "conferences get (letters and digits)",
				      SLICE_ARG(bad), o->domain);
}

static int check_sip(const struct options *o, const struct check *why)
{
	struct trust *trust;
	struct addr at;
	int err = check_address(why, "sip.address", o->sip_address);

	if (err == 0)
		err = check_hops(o->sip_outbound_proxy, why);
	if (err == 0)
		err = check_tls(o, why);
	if (err != 0)
		return err;
	if (!o->sip_contact[0] && addr_from_host(slice_str(o->sip_address), 0, &at) == 0 &&
	    addr_is_any(&at))
		return check_wrong(why,
				   "sip.address: nobody can send to %s, so sip.contact is needed",
				   o->sip_address);
	if (trust_new(o->sip_trusted, "", &trust) != 0)
		return check_wrong(
			why, "sip.trusted: '%s' is no list of networks (such as 192.0.2.0/24,::1)",
			o->sip_trusted);
	trust_free(&trust);
	if (trust_new("", o->sip_trusted_names, &trust) != 0)
		return check_wrong(why, "sip.trusted_names: '%s' is no list of host names",
				   o->sip_trusted_names);
	trust_free(&trust);
	if (o->session_expires != 0 && o->session_expires < o->session_min_se)
		return check_wrong(why,
				   "sip.session_expires: %lld is below sip.min_se, which is %lld",
				   (long long)o->session_expires, (long long)o->session_min_se);
	return 0;
}

static int check_operators(const struct options *o, const struct check *why)
{
	struct slice rest = slice_str(o->operators), one;
	struct sip_uri uri;

	while (slice_next(&rest, ',', &one)) {
		one = slice_trim(one);
		if (one.len != 0 && sip_uri_parse(one, &uri) != 0)
			return check_wrong(why, "conference.operators: '" SLICE_FMT "' is no URI",
					   SLICE_ARG(one));
	}
	return 0;
}

static int check_store(const struct options *o, const struct check *why)
{
	if (o->store_max_size != 0 && o->store_max_size < STORE_MIN_SIZE)
		return check_wrong(why, "store.max_size: %lld is below %d (256 KiB); 0 is no limit",
				   (long long)o->store_max_size, STORE_MIN_SIZE);
	return check_store_path(why, "store.path", o->store_path);
}

static int check_consent(const struct options *o, const struct check *why)
{
	struct urilist_consent *consent;
	int err = consent_file_read(o->list_consent, why->text, why->size, &consent);

	if (err == 0)
		urilist_consent_free(&consent);
	return err;
}

/* Who may come as an MRFP: by the socket, and over TLS. */
static int check_mp(const struct options *o, const struct check *why)
{
	const struct check_link link = {
		"mp", "mp.address", "its MRFPs", o->mp_tls_certificate, o->mp_tls_key, o->mp_pins};
	int err = check_socket(why, "mp.socket", o->mp_socket);

	if (err == 0)
		err = check_users(why, "mp.users", o->mp_users);
	if (err != 0 || o->mp_address[0] == '\0')
		return err;
	err = check_address(why, "mp.address", o->mp_address);
	return err == 0 ? check_tls_link(why, &link) : err;
}

/* "localhost:8064" is meant as no file's name. */
static bool is_path(const char *text)
{
	return strchr(text, '/') != NULL || strchr(text, ':') == NULL;
}

static int check_key_server(const struct options *o, const struct check *why)
{
	const struct check_link link = {"groupkey",          "groupkey.connect",
					"the key server",    o->groupkey_tls_certificate,
					o->groupkey_tls_key, o->groupkey_pins};
	struct addr at;

	if (addr_parse(slice_str(o->groupkey_connect), &at) == 0)
		return check_tls_link(why, &link);
	return is_path(o->groupkey_connect) && addr_from_unix(o->groupkey_connect, &at) == 0
		       ? 0
		       : check_wrong(why,
				     "groupkey.connect: '%s' is no numeric HOST:PORT and no path",
				     o->groupkey_connect);
}

static int check_groupkey(const struct options *o, const struct check *why)
{
	char *beside;
	int err;

	if (o->groupkey_server == OPTIONS_GROUPKEY_MEMBER)
		return 0;
	if (o->groupkey_server == OPTIONS_GROUPKEY_EXTERNAL)
		return check_key_server(o, why);
	if (o->groupkey_store_key[0] != '\0')
		return check_key_file(why, "groupkey.store_key", o->groupkey_store_key);
	if (o->store_path[0] == '\0')
		return 0; /* keys are in memory alone */
	beside = xasprintf("%s.key", o->store_path);
	err = check_key_file(why, "groupkey.store_key", beside);
	free(beside);
	return err;
}

void options_log_idle(const struct options *o)
{
	static const struct {
		const char *path;
		int64_t server; /* the one that looks at it */
	} settings[] = {{"groupkey.name", OPTIONS_GROUPKEY_LOCAL},
			{"groupkey.skew", OPTIONS_GROUPKEY_LOCAL},
			{"groupkey.max_age", OPTIONS_GROUPKEY_LOCAL},
			{"groupkey.max_messages", OPTIONS_GROUPKEY_LOCAL},
			{"groupkey.store_key", OPTIONS_GROUPKEY_LOCAL},
			{"msrp.tls_psk", OPTIONS_GROUPKEY_LOCAL},
			{"groupkey.connect", OPTIONS_GROUPKEY_EXTERNAL},
			{"groupkey.tls_certificate", OPTIONS_GROUPKEY_EXTERNAL},
			{"groupkey.tls_key", OPTIONS_GROUPKEY_EXTERNAL},
			{"groupkey.pins", OPTIONS_GROUPKEY_EXTERNAL}};
	const char *why = o->groupkey_server == OPTIONS_GROUPKEY_LOCAL ? "groupkey.server = local"
			  : o->groupkey_server == OPTIONS_GROUPKEY_EXTERNAL
				  ? "groupkey.server = external"
				  : "groupkey.server = member";

	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		if (settings[i].server != o->groupkey_server)
			config_log_idle(options_table, options_table_len, o, settings[i].path, why);
	}
}

int options_check(const struct options *o, char *why_r, size_t why_size)
{
	const struct check why = {why_r, why_size};
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
		err = check_admin(&why, o->admin_address, o->admin_token_file);
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
