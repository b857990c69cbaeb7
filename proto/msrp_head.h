/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_MSRP_HEAD_H
#define PROTO_MSRP_HEAD_H

#include "common/slice.h"
#include "proto/msrp_uri.h"

/* The header block of one MSRP request or response, RFC 4975 sections 7 and 9. */

enum msrp_method { MSRP_UNKNOWN, MSRP_SEND, MSRP_REPORT, MSRP_NICKNAME, MSRP_AUTH };
enum msrp_failure_report { MSRP_FR_YES, MSRP_FR_NO, MSRP_FR_PARTIAL }; /* absent is yes */

#define MSRP_UNSPECIFIED    UINT64_MAX /* '*' in a Byte-Range */
#define MSRP_TID_MAX        32
#define MSRP_MESSAGE_ID_MAX 32
/*
 * Longest transaction id whose frame is still followed to its end when the id itself is wrong: what
 * head.tid may hold beside an error, and what a 400 must repeat.
 */
#define MSRP_TID_SEEN_MAX 64

/* Limits of a parser, msrp_parse.h. */
struct msrp_limits {
	uint32_t max_start_line;  /* default 1024 */
	uint32_t max_header_line; /* 2048 */
	uint32_t max_headers;     /* 40 */
	uint32_t max_head;        /* 8192: a block over it is 400 and the end of the stream */
	uint32_t max_other_body;  /* 10240: bodies of requests other than SEND (MSRP-024) */
};

struct msrp_range {
	bool present;
	uint64_t start; /* ≥ 1 */
	uint64_t end;   /* or MSRP_UNSPECIFIED */
	uint64_t total; /* or MSRP_UNSPECIFIED */
};

struct msrp_head {
	bool is_response;
	struct slice tid;
	enum msrp_method method; /* requests */
	struct slice method_name;
	int status; /* responses: 100..999 */
	struct slice comment;

	struct slice to_path; /* raw values; empty when the header is missing */
	struct slice from_path;
	struct slice message_id; /* ident, but 1..3 characters are let through (IMS-021) */
	struct msrp_range range;
	bool success_report;
	enum msrp_failure_report failure_report;
	bool has_success_report, has_failure_report; /* the header was there */
	bool has_status;                             /* REPORT's Status header, well-formed */
	int status_namespace;
	int status_code;
	bool has_use_nickname;
	int n_use_nickname;
	struct slice use_nickname; /* raw value, quotes included */
	struct slice min_expires, max_expires, expires, use_path, www_authenticate; /* relay, raw */

	bool has_body;             /* blank line seen: body pieces follow until the end-line */
	struct slice content_type; /* raw value with parameters; empty when absent */
	struct slice content_disposition;
	struct slice content_encoding;
	struct slice
		mime_headers; /* all lines of the MIME part (Content-*), raw with CRLFs, Content-Type last */

	/*
	 * 0, or the status a request deserves for its syntax (400) while its end-line can still be
	 * found: the body is then skipped. error_text says why, static text.
	 */
	int error;
	const char *error_text;
};

/*
 * The MIME part's lines but Content-Type and Content-Disposition, raw with their CRLFs (Content-Encoding,
 * -Transfer-Encoding, -ID ...), on the heap; NULL: there are none.
 */
char *msrp_other_mime(const struct msrp_head *h);

/* Registered status codes' usual comment ("OK", "Bad Request"); "" for others. */
const char *msrp_status_text(int status);
const char *msrp_method_name(enum msrp_method m);
/* RFC 4975 ident: 4..32 characters of ALPHANUM . - + % =, the first ALPHANUM (MSRP-002). */
bool msrp_ident_ok(struct slice s);

#endif
