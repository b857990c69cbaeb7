/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SIP_SIP_TLS_H
#define MRFC_SIP_SIP_TLS_H

#include "mrfc/sip/sip_priv.h"

#include <sofia-sip/nta_tport.h>
#include <sofia-sip/tport.h>

/* SIP over TLS of the agent. For the files that speak Sofia. */

/*
 * Listen where config->tls says. The stack reads its identity from a folder that is gone when this
 * returns. -ERR_CONFIG, -ERR_IO with a sentence in why.
 */
MUST_CHECK int sip_tls_open(struct sip_agent *a, const struct sip_config *config, char *why,
			    size_t why_size);
/* Is the transport (NULL: no) TLS? What a Via says of it proves nothing. */
bool sip_tls_carries(tport_t const *tp);
/*
 * Names in the certificate of the peer whose message is being delivered, copied into home: only
 * where its chain was checked. Returns how many.
 */
size_t sip_tls_subjects(struct sip_agent *a, su_home_t *home, msg_t const *msg,
			const char *subjects_r[SIP_IN_MAX_SUBJECTS]);
/* Is this URI reached over TLS? */
bool sip_tls_is_way(url_t const *url);
/* Does the connection to the numeric host and port of this URI stand? */
bool sip_tls_stands(struct sip_agent *a, const char *hop);
/*
 * Our Contact as it is for a dialog over TLS: with that port and transport, and as a SIPS URI where
 * sips is set (RFC 3261 12.1.1). Others are returned as they are. The result lives in home.
 */
const char *sip_tls_contact(const struct sip_agent *a, su_home_t *home, const char *contact,
			    bool sips);

#endif
