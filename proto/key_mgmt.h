/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_KEY_MGMT_H
#define PROTO_KEY_MGMT_H

#include "common/bytes.h"

/*
 * a=key-mgmt, RFC 4567: values as they stand in a description ("mikey AQAF..."), in order of
 * preference. Pure.
 */
#define KEY_MGMT_MAX      8    /* attributes that are kept of one line */
#define KEY_MGMT_MAX_SIZE 8192 /* octets of one value */

/*
 * The MIKEY message of a list of values. 1: *message_r (appended) and *ids_r, all offered protocols
 * joined by ";" (RFC 4567 7: to compare with the SDP-IDs extension where there are several or
 * it is there), are set; 0: the list is empty; -ERR_UNSUPPORTED: no protocol of the list is known here;
 * -ERR_SYNTAX: malformed value or base64; -ERR_LIMIT.
 */
MUST_CHECK int key_mgmt_read(char *const *values, size_t n, struct bytes *message_r,
			     struct bytes *ids_r);
/* "mikey <base64>". */
void key_mgmt_build(struct slice message, struct bytes *out);

#endif
