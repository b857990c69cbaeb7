/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The focus behind an IMS core: the service that requests are for and that calls of ours say they
 * are of. RFC 6050, RFC 3841, TS 24.229 5.7.
 */
#include "mrfc/focus/focus_core.h"

#include <stdlib.h>

#include "common/log.h"
#include "mrfc/conference/service.h"
#include "mrfc/focus/focus_priv.h"

#define LOG_PLACE "focus/core"

bool core_refuses(struct focus *f, struct sip_in **in)
{
	const char *value;
	bool any = false;

	/* Who is not of our network asserts nothing; P-Preferred-Service is for a UE's first proxy. */
	if (f->config.asserted[0] == '\0' || !(*in)->trusted)
		return false;
	for (unsigned n = 0; (value = sip_in_header(*in, "P-Asserted-Service", n)) != NULL; n++) {
		any = true;
		if (service_asserted_ok(f->config.asserted, slice_str(value)))
			return false;
	}
	if (!any)
		return false;
	log_info("%s by %s refused: it is for another service", (*in)->method_name,
		 (*in)->from_uri);
	focus_refuse(in, 403, 0, "Another service than this one is asserted");
	return true;
}

void core_call_headers(const struct focus *f, struct bytes *all, struct bytes *trusted)
{
	struct slice rest = slice_str(f->config.asserted), first;
	struct bytes tags = BYTES_INIT;

	/* Contacts that take messages are preferred, no contact is ruled out (RFC 3841 7.2.4). */
	sip_header_add(all, "Accept-Contact", "*;message");
	service_feature_params(f->config.icsi, "", &tags);
	if (tags.len > 0)
		bytes_addf(all, "Accept-Contact: *%s\r\n", bytes_cstr(&tags));
	bytes_fini(&tags);
	if (f->config.asserted[0] != '\0' && slice_next(&rest, ',', &first))
		bytes_addf(trusted, "P-Asserted-Service: " SLICE_FMT "\r\n",
			   SLICE_ARG(slice_trim(first)));
}
