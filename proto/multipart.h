/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_MULTIPART_H
#define PROTO_MULTIPART_H

#include "common/err.h"
#include "common/slice.h"

/* Parts of a multipart body, RFC 2046 5.1: views, one after the other; parts in parts are not opened. */
struct multipart {
	struct slice rest;     /* from a delimiter line on */
	struct slice boundary; /* view into the Content-Type */
};
struct multipart_part {
	struct slice content_type; /* value, text/plain when the part has none (RFC 2046 5.1) */
	/* Values of its other headers; ptr NULL: absent. The identifier is with its angle brackets. */
	struct slice id, encoding, disposition;
	struct slice body;
};

/* Both views must outlive m. -ERR_SYNTAX: no usable boundary parameter, or no part. */
MUST_CHECK int multipart_open(struct slice content_type, struct slice body, struct multipart *m_r);
/* 1: a part; 0: no more; -ERR_SYNTAX: the closing delimiter or a part's blank line is missing. */
MUST_CHECK int multipart_next(struct multipart *m, struct multipart_part *part_r);

/*
 * The parts of a body in order, multipart/mixed and multipart/related in parts opened too; a body
 * that is neither is its own only part. -ERR_SYNTAX: one of them is broken. -ERR_LIMIT: more than max
 * parts, or nested deeper than MULTIPART_MAX_DEPTH.
 */
#define MULTIPART_MAX_DEPTH 8
MUST_CHECK int multipart_flatten(const struct multipart_part *body, size_t max,
				 struct multipart_part *parts_r, size_t *n_r);

#endif
