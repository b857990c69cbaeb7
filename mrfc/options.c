/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of the MRFC, as one table: the reader, -t and docs/configuration.md come from it. */
#include "mrfc/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/http.h"
#include "common/mem.h"
#include "mrfc/focus/focus.h"
#include "proto/precis.h"
#include "proto/sip_uri.h"

#define AT(field) offsetof(struct options, field)

const struct config_opt options_table[] = {
	{"domain", CONFIG_STRING, AT(domain), "conf.example.com", 0, 0, NULL, "",
	 "Host part of the factory's and of all conference URIs.", NULL},
	{"profile", CONFIG_ENUM, AT(profile), "ims", 0, 0, "ims rfc", "",
	 "Defaults where operators' networks and the RFCs differ.", NULL},
	{"sip.address", CONFIG_STRING, AT(sip_address), "127.0.0.1", 0, 0, NULL, "",
	 "Numeric address to listen on for SIP, UDP and TCP; 0.0.0.0 or ::, all of one family, needs sip.contact.",
	 NULL},
	{"sip.port", CONFIG_INT, AT(sip_port), "5060", 0, 65535, NULL, "",
	 "Port for it; 0 picks a free one.", NULL},
	{"sip.tls_port", CONFIG_INT, AT(sip_tls_port), "0", 0, 65535, NULL, "",
	 "Port for SIP over TLS; 0: none.", "SIP over TLS is not in this release"},
	{"sip.contact", CONFIG_STRING, AT(sip_contact), "", 0, 0, NULL, "",
	 "HOST or HOST:PORT put in Contact; empty: the real address.", NULL},
	{"sip.trusted", CONFIG_STRING, AT(sip_trusted), "127.0.0.0/8,::1", 0, 0, NULL, "",
	 "Networks whose P-Asserted-Identity, else From, is believed; all others get 403.", NULL},
	{"sip.outbound_proxy", CONFIG_STRING, AT(sip_outbound_proxy), "", 0, 0, NULL, "",
	 "Numeric HOST:PORT or SIP URI that calls of the focus go to; empty: straight to numeric targets.",
	 NULL},
	{"sip.idle_timeout", CONFIG_MS, AT(sip_idle_timeout), "10min", 1000, 86400000, NULL, "s",
	 "A SIP connection over TCP on which nothing came for this long is closed.", NULL},
	{"sip.session_expires", CONFIG_INT, AT(session_expires), "1800", 0, 86400, NULL, "s",
	 "Session-Expires that we ask for and grant at most (RFC 4028); 0: no session timer of ours.",
	 NULL},
	{"sip.min_se", CONFIG_INT, AT(session_min_se), "90", 90, 86400, NULL, "s",
	 "Smallest Session-Expires accepted.", NULL},
	{"conference.factory", CONFIG_STRING, AT(factory), "conference-factory", 0, 0, NULL, "",
	 "User part of the factory URI; empty: none.", NULL},
	{"conference.create_on_join", CONFIG_BOOL, AT(create_on_join), "true", 0, 0, NULL, "",
	 "The first INVITE to a free name creates the conference.", NULL},
	{"conference.end", CONFIG_ENUM, AT(conference_end), "profile", 0, 0,
	 "profile last-leaves creator-leaves", "",
	 "When a conference made by a user ends; profile: last-leaves in ims, creator-leaves in rfc.",
	 NULL},
	{"conference.max_users", CONFIG_INT, AT(max_users), "0", 0, 1000000, NULL, "",
	 "Participants admitted to one conference, more get 486; 0: no limit.", NULL},
	{"conference.max_message", CONFIG_BYTES, AT(max_message), "0", 0, INT64_MAX, NULL, "octets",
	 "Largest chat message; 0: what the MRFP allows.", NULL},
	{"conference.max_file", CONFIG_BYTES, AT(max_file), "0", 0, INT64_MAX, NULL, "octets",
	 "Largest file, as a chat message or as a transfer of its own; 0: what the MRFP allows.",
	 NULL},
	{"file.hold", CONFIG_MS, AT(file_hold), "20s", 0, 600000, NULL, "s",
	 "Once a member has taken a file, the others may still do so in this time; the sender waits for them. Keep it below 30 s, when senders give up.",
	 NULL},
	{"conference.remove", CONFIG_ENUM, AT(remove), "owner", 0, 0, "owner anyone", "",
	 "Who may remove another participant or end the conference by REFER.", NULL},
	{"conference.aliases", CONFIG_STRING, AT(aliases), "", 0, 0, NULL, "",
	 "Further URIs that mean the conference in CPIM To, besides sip:anonymous@anonymous.invalid.",
	 NULL},
	{"conference.wrapped_types", CONFIG_STRING, AT(wrapped_types),
	 "text/plain text/html image/* application/im-iscomposing+xml message/imdn+xml *", 0, 0,
	 NULL, "", "accept-wrapped-types of our session descriptions.", NULL},
	{"conference.nicknames", CONFIG_BOOL, AT(nicknames), "true", 0, 0, NULL, "",
	 "Nicknames are allowed (RFC 7701).", NULL},
	{"conference.reserved_nicknames", CONFIG_STRING, AT(reserved_nicknames), "", 0, 0, NULL, "",
	 "Names that nobody may take, comma-separated; compared as RFC 8266 says.", NULL},
	{"conference.refuse_lookalikes", CONFIG_BOOL, AT(refuse_lookalikes), "false", 0, 0, NULL,
	 "",
	 "Refuse nicknames that look like another one of the room (0 and O, Latin and Cyrillic a) or mix such alphabets in a word.",
	 NULL},
	{"conference.private_messages", CONFIG_BOOL, AT(private_messages), "true", 0, 0, NULL, "",
	 "Private messages are allowed (RFC 7701).", NULL},
	{"conference.echo", CONFIG_BOOL, AT(echo), "false", 0, 0, NULL, "",
	 "Members get their own messages to the conference too.", NULL},
	{"conference.e2e", CONFIG_BOOL, AT(e2e), "false", 0, 0, NULL, "",
	 "New conferences are end-to-end protected.",
	 "end-to-end protection is not in this release"},
	{"media.anchor", CONFIG_ENUM, AT(anchor), "profile", 0, 0, "profile sessmatch rfc4975", "",
	 "How peers' MSRP URIs are matched: by session-id alone, or whole; profile: sessmatch in ims.",
	 NULL},
	{"media.setup", CONFIG_ENUM, AT(media_setup), "passive", 0, 0, "passive active", "",
	 "Who opens the MSRP connection where the offer leaves the choice: the peer, or the MRFP.",
	 NULL},
	{"msrp.transport", CONFIG_ENUM, AT(media_transport), "tcp", 0, 0, "tcp tls", "",
	 "What our own offers of MSRP are for; tls: over TLS where an MRFP has it. Offers of others are answered as they come.",
	 NULL},
	{"media.cema", CONFIG_BOOL, AT(cema), "true", 0, 0, NULL, "",
	 "Offer and answer a=msrp-cema (RFC 6714): border controllers may rewrite c= and m=.",
	 NULL},
	{"media.cema_mismatch", CONFIG_ENUM, AT(cema_mismatch), "accept-if-active", 0, 0,
	 "accept-if-active reject", "",
	 "Offers whose path names another address than c= and m=: refused only where we would connect, or always.",
	 NULL},
	{"media.grace", CONFIG_MS, AT(lost_grace), "5s", 0, 600000, NULL, "s",
	 "A session whose connection broke may come back by a new offer in this time, then gets BYE.",
	 NULL},
	{"media.strict", CONFIG_BOOL, AT(strict), "false", 0, 0, NULL, "",
	 "Refuse the deviations that are otherwise tolerated and counted (session descriptions, CPIM).",
	 NULL},
	{"event.burst", CONFIG_INT, AT(event_burst), "3", 1, 1000, NULL, "",
	 "NOTIFYs that one subscriber may get at once.", NULL},
	{"event.min_interval", CONFIG_MS, AT(event_min_interval), "5s", 0, 3600000, NULL, "s",
	 "After a burst, one NOTIFY to one subscriber per this time.", NULL},
	{"event.expires", CONFIG_INT, AT(event_expires), "3600", 60, 86400, NULL, "s",
	 "Longest and default life of a subscription.", NULL},
	{"admin.address", CONFIG_STRING, AT(admin_address), "127.0.0.1", 0, 0, NULL, "",
	 "Numeric address of the admin API; another than loopback needs a token.", NULL},
	{"admin.port", CONFIG_INT, AT(admin_port), "8060", 0, 65535, NULL, "",
	 "Port for it; 0 picks a free one.", NULL},
	{"admin.token_file", CONFIG_STRING, AT(admin_token_file), "", 0, 0, NULL, "",
	 "File with the bearer token that changes need (reading needs none); empty: none.", NULL},
	{"mp.socket", CONFIG_STRING, AT(mp_socket), "build/run/mp.sock", 0, 0, NULL, "",
	 "Unix socket where MRFPs register, by its path.", NULL},
	{"mp.address", CONFIG_STRING, AT(mp_address), "", 0, 0, NULL, "",
	 "Numeric address where MRFPs of other machines register.",
	 "control links between machines are not in this release"},
	{"mp.port", CONFIG_INT, AT(mp_port), "0", 0, 65535, NULL, "", "Port for it; 0: none.",
	 "control links between machines are not in this release"},
	{"store.path", CONFIG_STRING, AT(store_path), "", 0, 0, NULL, "",
	 "Database file for conferences and dialogs; empty: memory only.",
	 "a durable store is not in this release"},
	{"cdr.path", CONFIG_STRING, AT(cdr_path), "", 0, 0, NULL, "",
	 "Folder for charging data records.", "charging is not in this release"},
	{"log.level", CONFIG_ENUM, AT(log_level), "info", 0, 0, "error warn info debug", "",
	 "Least important lines that are logged.", NULL},
};
const size_t options_table_len = ARRAY_LEN(options_table);

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
	if (o->factory[0] == '\0')
		return 0;
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

/* What the agent makes of it (sip.h): the stack looks up no names, and speaks UDP and TCP. */
static int check_proxy(const char *proxy, const struct why *why)
{
	struct slice bare = slice_str(proxy), value;
	bool is_uri = slice_istarts(bare, SLICE_LIT("sip:"));
	struct sip_uri uri;
	struct addr at;
	char *text;
	bool ok;

	if (proxy[0] == '\0')
		return 0;
	if (bare.len > 2 && bare.ptr[0] == '<' && bare.ptr[bare.len - 1] == '>') {
		bare = slice_make(bare.ptr + 1, bare.len - 2);
		is_uri = true;
	}
	text = xasprintf("%s" SLICE_FMT, is_uri ? "" : "sip:", SLICE_ARG(bare));
	ok = sip_uri_parse(slice_str(text), &uri) == 0 && uri.scheme == SIP_URI_SIP &&
	     addr_from_host(uri.host, 0, &at) == 0 &&
	     (!sip_uri_param(uri.params, "maddr", &value) || addr_from_host(value, 0, &at) == 0) &&
	     (!sip_uri_param(uri.params, "transport", &value) || slice_ieq_str(value, "udp") ||
	      slice_ieq_str(value, "tcp"));
	free(text);
	return ok ? 0
		  : wrong(why,
			  "sip.outbound_proxy: '%s' is no numeric HOST:PORT or sip: URI of one "
			  "(such as 192.0.2.5:5060 or sip:192.0.2.5;transport=tcp)",
			  proxy);
}

static int check_numeric(const char *name, const char *value, const struct why *why)
{
	struct addr at;

	return addr_from_host(slice_str(value), 0, &at) == 0
		       ? 0
		       : wrong(why, "%s: '%s' is no numeric address (such as 127.0.0.1 or ::1)",
			       name, value);
}

static int check_sip(const struct options *o, const struct why *why)
{
	struct addr_set *set;
	struct addr at;
	int err = check_numeric("sip.address", o->sip_address, why);

	if (err == 0)
		err = check_proxy(o->sip_outbound_proxy, why);
	if (err != 0)
		return err;
	if (!o->sip_contact[0] && addr_from_host(slice_str(o->sip_address), 0, &at) == 0 &&
	    addr_is_any(&at))
		return wrong(why, "sip.address: nobody can send to %s, so sip.contact is needed",
			     o->sip_address);
	if (addr_set_parse(o->sip_trusted, &set) != 0)
		return wrong(why,
			     "sip.trusted: '%s' is no list of networks (such as 192.0.2.0/24,::1)",
			     o->sip_trusted);
	addr_set_free(&set);
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

int options_check(const struct options *o, char *why_r, size_t why_size)
{
	const struct why why = {why_r, why_size};
	struct addr at;
	int err = check_names(o, &why);

	if (err == 0)
		err = check_aliases(o, &why);
	if (err == 0)
		err = check_reserved(o, &why);
	if (err == 0)
		err = check_sip(o, &why);
	if (err == 0)
		err = check_admin(o, &why);
	if (err == 0 && addr_from_unix(o->mp_socket, &at) != 0)
		err = wrong(&why, "mp.socket: '%s' is no path for a Unix socket (1..107 octets)",
			    o->mp_socket);
	return err;
}
