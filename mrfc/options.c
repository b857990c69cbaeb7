/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of the MRFC, as one table: the reader, -t and docs/configuration.md come from it. */
#include "mrfc/options.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/addr.h"
#include "common/mem.h"
#include "proto/sip_uri.h"

#define AT(field) offsetof(struct options, field)

const struct config_opt options_table[] = {
	{"domain", CONFIG_STRING, AT(domain), "conf.example.com", 0, 0, NULL, "",
	 "Host part of the factory's and of all conference URIs.", NULL},
	{"profile", CONFIG_ENUM, AT(profile), "ims", 0, 0, "ims rfc", "",
	 "Defaults where operators' networks and the RFCs differ.", NULL},
	{"sip.address", CONFIG_STRING, AT(sip_address), "127.0.0.1", 0, 0, NULL, "",
	 "Numeric address to listen on for SIP, UDP and TCP.", NULL},
	{"sip.port", CONFIG_INT, AT(sip_port), "5060", 0, 65535, NULL, "",
	 "Port for it; 0 picks a free one.", NULL},
	{"sip.tls_port", CONFIG_INT, AT(sip_tls_port), "0", 0, 65535, NULL, "",
	 "Port for SIP over TLS.", "SIP over TLS is not in this release"},
	{"sip.contact", CONFIG_STRING, AT(sip_contact), "", 0, 0, NULL, "",
	 "HOST or HOST:PORT put in Contact; empty: the real address.", NULL},
	{"sip.trusted", CONFIG_STRING, AT(sip_trusted), "127.0.0.0/8,::1", 0, 0, NULL, "",
	 "Networks whose P-Asserted-Identity, else From, is believed; all others get 403.", NULL},
	{"sip.outbound_proxy", CONFIG_STRING, AT(sip_outbound_proxy), "", 0, 0, NULL, "",
	 "HOST:PORT or SIP URI that calls of the focus go to; empty: straight to numeric targets.",
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
	{"conference.private_messages", CONFIG_BOOL, AT(private_messages), "true", 0, 0, NULL, "",
	 "Private messages are allowed (RFC 7701).", NULL},
	{"conference.e2e", CONFIG_BOOL, AT(e2e), "false", 0, 0, NULL, "",
	 "New conferences are end-to-end protected.",
	 "end-to-end protection is not in this release"},
	{"media.anchor", CONFIG_ENUM, AT(anchor), "profile", 0, 0, "profile sessmatch rfc4975", "",
	 "How peers' MSRP URIs are matched: by session-id alone, or whole; profile: sessmatch in ims.",
	 NULL},
	{"media.setup", CONFIG_ENUM, AT(media_setup), "passive", 0, 0, "passive active", "",
	 "Who opens the MSRP connection where the offer leaves the choice: the peer, or the MRFP.",
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
	 "File with the bearer token that changes need; empty: none.", NULL},
	{"mp.socket", CONFIG_STRING, AT(mp_socket), "build/run/mp.sock", 0, 0, NULL, "",
	 "Unix socket where MRFPs register; empty: none.", NULL},
	{"mp.address", CONFIG_STRING, AT(mp_address), "", 0, 0, NULL, "",
	 "Numeric address where MRFPs of other machines register.",
	 "control links between machines are not in this release"},
	{"mp.port", CONFIG_INT, AT(mp_port), "0", 0, 65535, NULL, "", "Port for it.",
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

static int numeric(const char *name, const char *value, struct addr *addr_r, char *why,
		   size_t why_size)
{
	if (addr_from_host(slice_str(value), 0, addr_r) == 0)
		return 0;
	snprintf(why, why_size, "%s: %s is no numeric address (such as 127.0.0.1 or ::1)", name,
		 value);
	return -ERR_CONFIG;
}

static bool domain_ok(const char *domain)
{
	struct sip_uri uri;
	char *text = xasprintf("sip:x@%s", domain);
	bool ok = sip_uri_parse(slice_str(text), &uri) == 0 && uri.port == 0 &&
		  uri.params.len == 0 && slice_eq_str(uri.host, domain);

	free(text);
	return ok;
}

int options_check(const struct options *o, char *why, size_t why_size)
{
	struct addr_set *set;
	struct addr at;

	if (!domain_ok(o->domain)) {
		snprintf(why, why_size, "domain: %s is no host name", o->domain);
		return -ERR_CONFIG;
	}
	if (addr_set_parse(o->sip_trusted, &set) != 0) {
		snprintf(why, why_size,
			 "sip.trusted: %s is no list of networks (such as 192.0.2.0/24,::1)",
			 o->sip_trusted);
		return -ERR_CONFIG;
	}
	addr_set_free(&set);
	if (o->mp_socket[0] == '\0') {
		snprintf(why, why_size, "mp.socket: empty, MRFPs could not register");
		return -ERR_CONFIG;
	}
	if (numeric("sip.address", o->sip_address, &at, why, why_size) != 0 ||
	    numeric("admin.address", o->admin_address, &at, why, why_size) != 0)
		return -ERR_CONFIG;
	if (!addr_is_loopback(&at) && o->admin_token_file[0] == '\0') {
		snprintf(why, why_size,
			 "admin.address: %s is not loopback, so admin.token_file is needed",
			 o->admin_address);
		return -ERR_CONFIG;
	}
	return 0;
}
