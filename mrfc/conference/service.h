/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_SERVICE_H
#define MRFC_CONFERENCE_SERVICE_H

#include <stdbool.h>

#include "common/bytes.h"

/*
 * The IMS communication service that the focus is (RFC 6050, TS 24.229 7.2A.8, 7.9.2): what it says
 * of it in Contact and Accept-Contact, and which ones a request may be for. Pure. URNs are as in
 * P-Asserted-Service, "urn:urn-7:3gpp-service.ims.icsi.NAME"; lists are comma-separated.
 */

/*
 * Append ";+g.3gpp.icsi-ref=...", ";+g.3gpp.iari-ref=..." to a Contact or a feature set. icsi may be
 * a feature tag instead ("+g.oma.sip-im"); "" appends nothing.
 */
void service_feature_params(const char *icsi, const char *iari, struct bytes *out);
/*
 * Does one of the services that value (P-Asserted-Service, a list) names stand in allowed, by itself
 * or below ("a.b" is below "a")? An empty allowed list asks for nothing.
 */
bool service_asserted_ok(const char *allowed, struct slice value);
/* Is text what service.icsi, service.iari and service.asserted may hold? */
bool service_list_ok(const char *text);

#endif
