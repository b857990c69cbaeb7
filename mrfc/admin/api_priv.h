/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_ADMIN_API_PRIV_H
#define MRFC_ADMIN_API_PRIV_H

#include "mrfc/admin/api.h"

/* Shared by the pieces of the admin API. */
struct api {
	struct focus *focus;
	const struct media *media;
	struct mrfp_pool *pool;
	LIST_HEAD(, api_pending) pending; /* replies that wait for the store */
};

/* The conference of ":name"; NULL after a 404. */
struct conference *api_find_conference(const struct api *a, struct http_req *req);
/* A failed call of the focus about uri ("": none) in the conference of that name. */
void api_reply_focus_error(struct http_req *req, int err, const char *name, const char *uri);
/* The conference as the API shows it; new reference. */
json_t *api_conference(const struct api *a, const struct conference *c);

#endif
