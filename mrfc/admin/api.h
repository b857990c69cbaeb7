/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_ADMIN_API_H
#define MRFC_ADMIN_API_H

#include "common/http.h"
#include "mrfc/focus/focus.h"
#include "mrfc/mp/mrfp_pool.h"

/*
 * The operator's door: the routes of /v1 and the live page on an open HTTP server. docs/operations.md
 * has the table of requests.
 */
struct api;

/* All four must outlive the api; the server's routes must not be called after api_free(). */
struct api *api_new(struct http_server *http, struct focus *focus, const struct media *media,
		    struct mrfp_pool *pool);
void api_free(struct api **a);

#endif
