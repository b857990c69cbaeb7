/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_ADMIN_API_JSON_H
#define MRFC_ADMIN_API_JSON_H

#include <jansson.h>

#include "mrfc/conference/conference.h"
#include "mrfc/mp/mrfp_pool.h"

/* Objects of the admin API; new references. Text that is not UTF-8 is mended. */
json_t *api_json_conference(const struct conference *c, const char *mrfp, enum conference_tls tls);
/* The word for it, as in the option; and back: false: it is none. */
const char *api_json_tls(enum conference_tls tls);
bool api_json_read_tls(const char *word, enum conference_tls *tls_r);
json_t *api_json_participant(const struct conference *c, const struct participant *p);
/* Who is in, is on the way in, or could not be reached within the last minute. */
json_t *api_json_participants(const struct conference *c);
json_t *api_json_mrfp(const struct mrfp_info *info);

#endif
