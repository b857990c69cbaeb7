/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SIP_SIP_REF_H
#define MRFC_SIP_SIP_REF_H

#include "mrfc/sip/sip_in.h"

/* A dialog that a header names: Replaces (RFC 3891 6.1), Join (RFC 3911 7.1). Views into the header. */
enum sip_ref_kind { SIP_REF_NONE, SIP_REF_REPLACES, SIP_REF_JOIN };

struct sip_ref {
	enum sip_ref_kind kind;
	struct slice call_id, to_tag, from_tag;
	bool early_only; /* Replaces: not when the dialog is confirmed */
};

/* Read one value of such a header; kind is left alone. -ERR_SYNTAX. */
MUST_CHECK int sip_ref_parse(struct slice text, struct sip_ref *ref_r);
/* What the request names; kind SIP_REF_NONE when neither is there. -ERR_SYNTAX: 400 (REF-025). */
MUST_CHECK int sip_ref_read(const struct sip_in *in, struct sip_ref *ref_r);

#endif
