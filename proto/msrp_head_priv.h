/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_MSRP_HEAD_PRIV_H
#define PROTO_MSRP_HEAD_PRIV_H

#include "proto/msrp_head.h"

/* What msrp_parse.c and msrp_head.c share: one head, found by the former, read by the latter. */

/*
 * The transaction id of a start line (without CRLF), well-formed or not. -ERR_SYNTAX when there is
 * none to find the end of the frame by.
 */
MUST_CHECK int msrp_start_tid(struct slice line, struct slice *tid_r);

/*
 * Read a whole head: start line and header lines, each with its CRLF, without the blank line or the
 * end-line. has_body: a blank line followed. Faults are told in head_r->error. Views into block.
 */
void msrp_head_read(struct slice block, bool has_body, const struct msrp_limits *limits,
		    struct msrp_head *head_r);

#endif
