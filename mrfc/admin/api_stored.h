/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_ADMIN_API_STORED_H
#define MRFC_ADMIN_API_STORED_H

#include <jansson.h>

struct api;
struct http_req;

/*
 * Reply once all that was changed so far is stored. When it cannot be: the conference `made` ends and
 * the reply is 503; with NULL the change holds all the same, as it does for live sessions.
 */
void api_reply_stored(struct api *a, struct http_req *req, int status, json_t *body_take,
		      const char *made);
/* Who waits gets 503. */
void api_stored_free(struct api *a);

#endif
