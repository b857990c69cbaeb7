/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_ADMIN_API_POLICY_H
#define MRFC_ADMIN_API_POLICY_H

#include "mrfc/admin/api.h"

/* Adds the requests that change what a conference allows: PATCH of it and of a participant, bans. */
void api_policy_routes(struct api *a, struct http_server *http);

#endif
