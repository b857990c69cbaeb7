/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_MSRP_PARSE_H
#define PROTO_MSRP_PARSE_H

#include "proto/msrp_head.h"

/*
 * Incremental MSRP parser of one stream: bytes in, items out. It keeps no bytes: the caller owns
 * the receive buffer, shows it all unconsumed bytes and drops what was used. A frame comes as one
 * HEAD, any number of BODY pieces (as they arrive, never assembled) and one END.
 */
enum msrp_item_type {
	MSRP_ITEM_HEAD,
	MSRP_ITEM_BODY, /* piece: bytes of the body, in order */
	MSRP_ITEM_END   /* flag: '$', '+' or '#' */
};

struct msrp_item {
	enum msrp_item_type type;
	struct msrp_head head; /* HEAD: views into in */
	struct slice piece;    /* BODY: view into in, never empty */
	char flag;             /* END */
	uint64_t body_len;     /* END: octets of the body, all pieces together */
	/*
	 * END: 0, or 400 for a frame that proved wrong after its head: a request other than SEND with
	 * more than max_other_body octets (the rest of them is not handed on) or not ended by '$'.
	 */
	int error;
};

extern const struct msrp_limits msrp_limits_default;

/*
 * What a caller must be able to hold unconsumed: a head at its limit and the line after it. Inside
 * a body far less is held back.
 */
#define MSRP_HEAD_SLACK 128

struct msrp_parser {
	struct msrp_limits limits;
	int state; /* private */
	bool skip_body;
	bool is_send;
	int broken; /* 0, or the -ERR_* of this and every further call */
	bool is_response;
	bool over;                               /* the body passed its limit */
	char end_line[2 + 7 + MSRP_TID_MAX * 2]; /* CRLF + hyphens + tid, private */
	uint32_t end_line_len;
	uint64_t body_len;
	size_t line;    /* where the unfinished line of the head starts */
	size_t scanned; /* bytes of in known to hold no end of head */
};

void msrp_parser_init(struct msrp_parser *p, const struct msrp_limits *limits);
/* Between frames and as good as new. */
bool msrp_parser_idle(const struct msrp_parser *p);

/*
 * Take the next item from one MSRP stream. Views in *item_r point into in and die with it;
 * nothing is copied. Returns 1 and an item, 0 when more bytes are needed, -ERR_SYNTAX or
 * -ERR_LIMIT when the stream must be closed (no end of the frame can be found). *used_r (set
 * when ≥ 0 is returned) is the number of bytes to drop from in before the next call; it may be
 * non-zero with 0. A request whose syntax is wrong but whose end-line can be found is a HEAD
 * with head.error set, no BODY, then its END. A head over max_head: HEAD with error and what of it
 * fits, then the next call fails. A response's body is skipped and its flag is '$' whatever came
 * (MSRP-025). Never blocks. RFC 4975 section 9; MSRP-001..027.
 */
MUST_CHECK int msrp_parse_next(struct msrp_parser *p, struct slice in, struct msrp_item *item_r,
			       size_t *used_r);

/*
 * Fast path: when in starts with a whole "MSRP tid 200 ..." response without body, parse just
 * its tid. Returns the length of the frame, or 0 when it is anything else (use msrp_parse_next).
 * Only between frames.
 */
size_t msrp_parse_fast_200(const struct msrp_parser *p, struct slice in, struct slice *tid_r);

#endif
