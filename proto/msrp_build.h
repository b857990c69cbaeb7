/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_MSRP_BUILD_H
#define PROTO_MSRP_BUILD_H

#include "common/bytes.h"
#include "proto/msrp_head.h"

/*
 * MSRP frames, canonical form: exact case, order and single spaces (MSRP-004, 008, 009). A frame is
 * built part by part so that the switch can share the parts between legs:
 * start line | path block | rest of the head (ends before the body) | body | end-line.
 */
void msrp_build_start(struct bytes *out, struct slice tid, struct slice method);
void msrp_build_start_response(struct bytes *out, struct slice tid, int status,
			       const char *comment);
void msrp_build_paths(struct bytes *out, struct slice to_path, struct slice from_path);

struct msrp_rest {
	struct slice message_id; /* empty: none */
	struct msrp_range range;
	bool success_report;                     /* header only when true */
	enum msrp_failure_report failure_report; /* header only when not yes */
	struct slice status;                     /* REPORT: "000 200 OK"; empty: none */
	struct slice use_nickname;               /* raw, quoted; empty: none */
	struct slice content_disposition;        /* empty: none */
	struct slice other_mime;   /* further Content-* lines, raw with their CRLFs; empty: none */
	struct slice content_type; /* empty: no body, no blank line */
};
/* With a content_type: ends with the blank line, the body's bytes come next. */
void msrp_build_rest(struct bytes *out, const struct msrp_rest *rest);
/* has_body puts the CRLF that is not part of the body in front. flag '$', '+' or '#'. */
void msrp_build_end(struct bytes *out, struct slice tid, bool has_body, char flag);

/* Whole response: To-Path is the request's leftmost From-Path URI for SEND, all of it else (7.2). */
void msrp_build_response(struct bytes *out, const struct msrp_head *request, int status,
			 const char *comment);

/* Quoted-string of RFC 4975 for Use-Nickname: escapes " and \. */
void msrp_build_quoted(struct bytes *out, struct slice text);
/*
 * Undo it: value must be DQUOTE *(qdtext / esc) DQUOTE with only \" and \\ escapes; else -ERR_SYNTAX.
 */
MUST_CHECK int msrp_unquote(struct slice value, struct bytes *text_r);

/*
 * Incremental scan of outgoing body bytes for our own end-line ("-------" tid flag), which may
 * straddle pieces (MSRP-017). Feed pieces in order; true once it occurred.
 */
struct msrp_tail_scan {
	char needle[7 + MSRP_TID_MAX];
	uint32_t needle_len;
	uint32_t matched;
	bool found;
};
void msrp_tail_scan_init(struct msrp_tail_scan *s, struct slice tid);
bool msrp_tail_scan(struct msrp_tail_scan *s, struct slice piece);

#endif
