/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIP over TLS: the listener with its certificate, the names that a peer's certificate proves, and
 * what our Contact looks like there. The stack checks chains and, of those we connect to, the name;
 * who is trusted for it is decided above. RFC 3261 26.2, RFC 5922, RFC 5923.
 */
#include "mrfc/sip/sip_tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include <sofia-sip/su_strlst.h>
#include <sofia-sip/tport_tag.h>

#include "common/mem.h"
#include "common/tls_files.h"
#include "proto/sip_uri.h"

/* Which port is free, or whether this one is. -ERR_IO with errno. */
static int probe_port(struct addr *at)
{
	int one = 1, fd = socket(at->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), saved;
	bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
		  bind(fd, &at->sa, at->len) == 0 && listen(fd, 1) == 0 &&
		  getsockname(fd, &at->sa, &at->len) == 0;

	saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return ok ? 0 : -ERR_IO;
}

/*
 * Who connects is asked for a certificate where one is required, or not at all: the stack knows
 * nothing between. Whom we connect to has to be of a known authority and to have the hop's name.
 */
static bool add_transport(struct sip_agent *a, const struct sip_config *config, const char *dir)
{
	unsigned policy = (unsigned)TPTLS_VERIFY_SUBJECTS_OUT |
			  (config->tls.required ? (unsigned)TPTLS_VERIFY_IN : 0u);
	char where[ADDR_STRLEN], url[ADDR_STRLEN + 8];

	snprintf(url, sizeof(url), "sips:%s", addr_format(&a->tls_at, where));
	return nta_agent_add_tport(a->nta, URL_STRING_MAKE(url), TPTAG_CERTIFICATE(dir),
				   TPTAG_TLS_VERIFY_POLICY(policy), TPTAG_QUEUESIZE(2000),
				   TPTAG_IDLE(config->idle_ms), TPTAG_TIMEOUT(32000),
				   TAG_END()) == 0;
}

static void set_contact(struct sip_agent *a, const char *contact)
{
	const char *end = strrchr(contact, ']');
	const char *colon = strchr(end != NULL ? end : contact, ':');
	int len = colon != NULL ? (int)(colon - contact) : (int)strlen(contact);

	a->tls_contact = xasprintf("%.*s:%u", len, contact, addr_port(&a->tls_at));
}

int sip_tls_open(struct sip_agent *a, const struct sip_config *config, char *why, size_t why_size)
{
	const struct tls_settings identity = {.certificate = config->tls.certificate,
					      .key = config->tls.key};
	char text[TLS_WHY_SIZE] = "", where[ADDR_STRLEN];
	char *dir = xasprintf("%s/sip-tls-XXXXXX", config->tls.dir);
	int err = mkdtemp(dir) != NULL ? 0 : -ERR_IO;

	a->tls_at = a->at;
	addr_set_port(&a->tls_at, config->tls.port);
	if (err != 0) {
		snprintf(why, why_size, "cannot make %s: %s", dir, strerror(errno));
		free(dir);
		return err;
	}
	err = tls_files_write(&identity, config->tls.ca, dir, text);
	if (err != 0)
		snprintf(why, why_size, "sip.tls: %s", text);
	if (err == 0 && (err = probe_port(&a->tls_at)) != 0)
		snprintf(why, why_size, "cannot listen for SIP over TLS on %s: %s",
			 addr_format(&a->tls_at, where),
			 errno == EADDRINUSE ? "the port is in use" : strerror(errno));
	if (err == 0 && !add_transport(a, config, dir)) {
		err = -ERR_IO;
		snprintf(why, why_size, "cannot start SIP over TLS on %s",
			 addr_format(&a->tls_at, where));
	}
	tls_files_remove(dir);
	free(dir);
	if (err == 0)
		set_contact(a, a->contact);
	return err;
}

bool sip_tls_carries(tport_t const *tp)
{
	return tp != NULL && strcasecmp(tport_name(tp)->tpn_proto, "tls") == 0;
}

size_t sip_tls_subjects(struct sip_agent *a, su_home_t *home, msg_t const *msg,
			const char *subjects_r[SIP_IN_MAX_SUBJECTS])
{
	tport_t *all = a->tls_contact != NULL ? nta_agent_tports(a->nta) : NULL;
	tport_t *from = all != NULL ? tport_delivered_by(all, msg) : NULL;
	su_strlst_t const *names;
	size_t n = 0;

	if (from == NULL || !tport_is_verified(from))
		return 0;
	names = tport_delivered_from_subjects(all, msg);
	for (usize_t i = 0; names != NULL && i < su_strlst_len(names) && n < SIP_IN_MAX_SUBJECTS;
	     i++) {
		if (su_strlst_item(names, i) != NULL)
			subjects_r[n++] = su_strdup(home, su_strlst_item(names, i));
	}
	return n;
}

bool sip_tls_is_way(url_t const *url)
{
	struct slice transport;

	return url->url_type == url_sips ||
	       (sip_uri_param(slice_str(url->url_params), "transport", &transport) &&
		slice_ieq_str(transport, "tls"));
}

bool sip_tls_stands(struct sip_agent *a, const char *hop)
{
	char host[ADDR_STRLEN], port[8];
	struct sip_uri uri;
	struct addr at;
	tport_t *found;

	if (a->tls_contact == NULL || sip_uri_parse(slice_str(hop), &uri) != 0 ||
	    addr_from_host(uri.host, uri.port, &at) != 0)
		return false;
	snprintf(port, sizeof(port), "%u", uri.port);
	addr_host(&at, host);
	tp_name_t name = {
		.tpn_proto = "tls", .tpn_canon = host, .tpn_host = host, .tpn_port = port};
	found = tport_by_name(nta_agent_tports(a->nta), &name);
	return found != NULL && tport_is_secondary(found);
}

const char *sip_tls_contact(const struct sip_agent *a, su_home_t *home, const char *contact,
			    bool sips)
{
	const char *at = strchr(contact, '@');
	size_t len = strlen(a->contact);

	if (a->tls_contact == NULL || at == NULL || strncmp(contact, "<sip:", 5) != 0 ||
	    strncmp(at + 1, a->contact, len) != 0 || at[1 + len] != '>')
		return contact;
	return su_sprintf(home, "<%s:%.*s@%s%s%s", sips ? "sips" : "sip", (int)(at - contact - 5),
			  contact + 5, a->tls_contact, sips ? "" : ";transport=tls", at + 1 + len);
}
