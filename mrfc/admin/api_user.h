/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_ADMIN_API_USER_H
#define MRFC_ADMIN_API_USER_H

#include "common/http.h"
#include "mrfc/focus/focus.h"

/* /v1/users: who signs in by SIP digest. Secrets go in and never come out. */
void api_user_routes(struct http_server *http, struct focus *focus);

#endif
