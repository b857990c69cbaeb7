/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of one MSRP request or response, RFC 4975 sections 7 and 9: start line and header lines
 * into views. It is given a head that msrp_parse.c has found whole. A fault does not stop the
 * reading: the first one is kept, and paths and reports that follow are still read, because the
 * answer to a bad request needs them. Sessions, methods' meaning and message state are not its job.
 */
#include "proto/msrp_head.h"

#include "common/bytes.h"
#include "proto/chars.h"
#include "proto/media_type.h"
#include "proto/msrp_head_priv.h"

#define NUMBER_MAX ((uint64_t)INT64_MAX)

enum header_id {
	H_TO_PATH,
	H_FROM_PATH,
	H_MESSAGE_ID,
	H_BYTE_RANGE,
	H_SUCCESS_REPORT,
	H_FAILURE_REPORT,
	H_STATUS,
	H_USE_NICKNAME,
	H_CONTENT_TYPE,
	H_CONTENT_DISPOSITION,
	H_CONTENT_ENCODING,
	H_MIN_EXPIRES,
	H_MAX_EXPIRES,
	H_EXPIRES,
	H_USE_PATH,
	H_WWW_AUTHENTICATE,
	H_OTHER_MIME,
	H_OTHER
};

static const struct slice header_names[] = {
	[H_TO_PATH] = SLICE_LIT("To-Path"),
	[H_FROM_PATH] = SLICE_LIT("From-Path"),
	[H_MESSAGE_ID] = SLICE_LIT("Message-ID"),
	[H_BYTE_RANGE] = SLICE_LIT("Byte-Range"),
	[H_SUCCESS_REPORT] = SLICE_LIT("Success-Report"),
	[H_FAILURE_REPORT] = SLICE_LIT("Failure-Report"),
	[H_STATUS] = SLICE_LIT("Status"),
	[H_USE_NICKNAME] = SLICE_LIT("Use-Nickname"),
	[H_CONTENT_TYPE] = SLICE_LIT("Content-Type"),
	[H_CONTENT_DISPOSITION] = SLICE_LIT("Content-Disposition"),
	[H_CONTENT_ENCODING] = SLICE_LIT("Content-Encoding"),
	[H_MIN_EXPIRES] = SLICE_LIT("Min-Expires"),
	[H_MAX_EXPIRES] = SLICE_LIT("Max-Expires"),
	[H_EXPIRES] = SLICE_LIT("Expires"),
	[H_USE_PATH] = SLICE_LIT("Use-Path"),
	[H_WWW_AUTHENTICATE] = SLICE_LIT("WWW-Authenticate"),
};

static const struct {
	int status;
	const char *text;
} status_texts[] = {
	{200, "OK"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{408, "Request Timeout"},
	{413, "Message Too Large"},
	{415, "Unsupported Media Type"},
	{423, "Interval Out of Bounds"},
	{424, "Malformed Nickname"},
	{425, "Nickname Reserved or In Use"},
	{428, "Private Messages Not Supported"},
	{481, "No Such Session"},
	{501, "Unknown Method"},
	{506, "Session Already Bound"},
};

static const char *const method_names[] = {
	[MSRP_UNKNOWN] = "",          [MSRP_SEND] = "SEND", [MSRP_REPORT] = "REPORT",
	[MSRP_NICKNAME] = "NICKNAME", [MSRP_AUTH] = "AUTH",
};

/* One reading. */
struct reader {
	struct msrp_head *head;
	uint32_t seen; /* bit per enum header_id */
	uint32_t n_headers;
	const char *mime_start; /* first line of the run of Content-* lines, NULL outside one */
	bool mime_seen;
	bool type_is_last; /* the line read last was Content-Type */
};

const char *msrp_status_text(int status)
{
	for (size_t i = 0; i < sizeof(status_texts) / sizeof(status_texts[0]); i++) {
		if (status_texts[i].status == status)
			return status_texts[i].text;
	}
	return "";
}

const char *msrp_method_name(enum msrp_method m)
{
	return method_names[m];
}

/* Clients in the field number their messages from 1: short Message-IDs are for the user to judge. */
static bool message_id_ok(struct slice s)
{
	return s.len >= 1 && s.len <= MSRP_MESSAGE_ID_MAX && chars_is(s.ptr[0], CHARS_ALNUM) &&
	       chars_all(s, CHARS_IDENT);
}

bool msrp_ident_ok(struct slice s)
{
	return s.len >= 4 && s.len <= MSRP_TID_MAX && chars_is(s.ptr[0], CHARS_ALNUM) &&
	       chars_all(s, CHARS_IDENT);
}

static void fault(struct msrp_head *h, const char *text)
{
	if (h->error == 0) {
		h->error = 400;
		h->error_text = text;
	}
}

/* Exactly n digits at the start of s, or -1. */
static int digits_value(struct slice s, size_t n)
{
	int value = 0;

	if (s.len < n || chars_span(slice_first(s, n), CHARS_DIGIT) != n)
		return -1;
	for (size_t i = 0; i < n; i++)
		value = value * 10 + (s.ptr[i] - '0');
	return value;
}

int msrp_start_tid(struct slice line, struct slice *tid_r)
{
	struct slice rest = line, tid;

	if (!slice_starts(rest, SLICE_LIT("MSRP ")))
		return -ERR_SYNTAX;
	rest = slice_from(rest, 5);
	tid = slice_first(rest, 0);
	while (tid.len < rest.len && rest.ptr[tid.len] > 0x20 && rest.ptr[tid.len] < 0x7f)
		tid.len++;
	if (tid.len == 0 || tid.len > MSRP_TID_SEEN_MAX ||
	    (tid.len < rest.len && rest.ptr[tid.len] != ' '))
		return -ERR_SYNTAX;
	*tid_r = tid;
	return 0;
}

/* "200", "200 OK" */
static bool status_line(struct slice text, int *code_r, struct slice *comment_r)
{
	int code = digits_value(text, 3);

	if (code < 0 || (text.len > 3 && text.ptr[3] != ' '))
		return false;
	*code_r = code;
	*comment_r = slice_from(text, 4);
	return true;
}

static enum msrp_method method_of(struct slice name)
{
	for (int m = MSRP_SEND; m <= MSRP_AUTH; m++) {
		if (slice_eq_str(name, method_names[m]))
			return (enum msrp_method)m;
	}
	return MSRP_UNKNOWN;
}

static void read_start(struct msrp_head *h, struct slice line, const struct msrp_limits *limits)
{
	struct slice rest;

	if (msrp_start_tid(line, &h->tid) < 0) {
		fault(h, "Malformed Start Line");
		return;
	}
	rest = slice_from(line, 5 + h->tid.len + 1);
	if (rest.len > 0 && chars_is(rest.ptr[0], CHARS_DIGIT)) {
		h->is_response = true;
		if (!status_line(rest, &h->status, &h->comment) || h->status < 100)
			fault(h, "Malformed Status Code");
	} else if (chars_all(rest, CHARS_UPPER)) {
		h->method_name = rest;
		h->method = method_of(rest);
	} else {
		fault(h, "Malformed Method");
	}
	if (line.len > limits->max_start_line)
		fault(h, "Start Line Too Long");
	if (!chars_is_text(line))
		fault(h, "Not Text In Start Line");
	if (!msrp_ident_ok(h->tid))
		fault(h, "Malformed Transaction ID");
}

static enum header_id header_of(struct slice name)
{
	for (int i = 0; i < H_OTHER_MIME; i++) {
		if (name.len == header_names[i].len && slice_ieq(name, header_names[i]))
			return (enum header_id)i;
	}
	return slice_istarts(name, SLICE_LIT("Content-")) ? H_OTHER_MIME : H_OTHER;
}

static bool range_number(struct slice s, uint64_t *r)
{
	if (s.len == 1 && s.ptr[0] == '*') {
		*r = MSRP_UNSPECIFIED;
		return true;
	}
	return slice_u64(s, NUMBER_MAX, r) == 0;
}

/* Wrong ends are the receiver's to correct (7.3.1), impossible starts are not (MSRP-072). */
static bool read_range(struct slice v, struct msrp_range *range)
{
	ptrdiff_t dash = slice_chr(v, '-'), slash = slice_chr(v, '/');
	struct msrp_range r = {.present = true};

	if (dash < 0 || slash < dash)
		return false;
	if (slice_u64(slice_first(v, (size_t)dash), NUMBER_MAX, &r.start) < 0 ||
	    !range_number(slice_make(v.ptr + dash + 1, (size_t)(slash - dash - 1)), &r.end) ||
	    !range_number(slice_from(v, (size_t)slash + 1), &r.total))
		return false;
	if (r.start == 0 || (r.total != MSRP_UNSPECIFIED && r.start > r.total + 1))
		return false;
	*range = r;
	return true;
}

static bool read_failure_report(struct slice v, enum msrp_failure_report *r)
{
	if (slice_ieq_str(v, "yes"))
		*r = MSRP_FR_YES;
	else if (slice_ieq_str(v, "no"))
		*r = MSRP_FR_NO;
	else if (slice_ieq_str(v, "partial"))
		*r = MSRP_FR_PARTIAL;
	else
		return false;
	return true;
}

static bool read_success_report(struct slice v, bool *r)
{
	*r = slice_ieq_str(v, "yes");
	return *r || slice_ieq_str(v, "no");
}

static void read_status(struct slice v, struct msrp_head *h)
{
	int namespace = digits_value(v, 3);
	struct slice comment;

	if (namespace < 0 || v.len < 4 || v.ptr[3] != ' ')
		return;
	if (!status_line(slice_from(v, 4), &h->status_code, &comment))
		return;
	h->status_namespace = namespace;
	h->has_status = true;
}

/* The values of headers that must be right when they are there. */
static void read_checked(struct msrp_head *h, enum header_id id, struct slice v)
{
	switch (id) {
	case H_MESSAGE_ID:
		h->message_id = v;
		if (!h->is_response && !message_id_ok(v))
			fault(h, "Malformed Message-ID");
		break;
	case H_BYTE_RANGE:
		if (!read_range(v, &h->range) && !h->is_response)
			fault(h, "Malformed Byte-Range");
		break;
	case H_SUCCESS_REPORT:
		h->has_success_report = true;
		if (!read_success_report(v, &h->success_report))
			fault(h, "Malformed Success-Report");
		break;
	case H_FAILURE_REPORT:
		h->has_failure_report = true;
		if (!read_failure_report(v, &h->failure_report))
			fault(h, "Malformed Failure-Report");
		break;
	case H_CONTENT_TYPE:
		h->content_type = v;
		if (!media_type_ok(v))
			fault(h, "Malformed Content-Type");
		break;
	default:
		break;
	}
}

static void read_value(struct msrp_head *h, enum header_id id, struct slice v)
{
	switch (id) {
	case H_TO_PATH:
		h->to_path = v;
		break;
	case H_FROM_PATH:
		h->from_path = v;
		break;
	case H_STATUS:
		read_status(v, h);
		break;
	case H_USE_NICKNAME:
		h->use_nickname = v;
		break;
	case H_CONTENT_DISPOSITION:
		h->content_disposition = v;
		break;
	case H_CONTENT_ENCODING:
		h->content_encoding = v;
		break;
	case H_MIN_EXPIRES:
		h->min_expires = v;
		break;
	case H_MAX_EXPIRES:
		h->max_expires = v;
		break;
	case H_EXPIRES:
		h->expires = v;
		break;
	case H_USE_PATH:
		h->use_path = v;
		break;
	case H_WWW_AUTHENTICATE:
		h->www_authenticate = v;
		break;
	default:
		read_checked(h, id, v);
		break;
	}
}

/* Place of a header among the others: RFC 4975 7.1 wants the paths first and Content-Type last. */
static void check_place(struct reader *r, enum header_id id, struct slice line)
{
	bool mime = id == H_CONTENT_TYPE || id == H_CONTENT_DISPOSITION ||
		    id == H_CONTENT_ENCODING || id == H_OTHER_MIME;

	if ((r->n_headers == 1) != (id == H_TO_PATH) || (r->n_headers == 2) != (id == H_FROM_PATH))
		fault(r->head, "To-Path And From-Path Must Come First");
	if (r->type_is_last)
		fault(r->head, "Content-Type Must Be The Last Header");
	if (!mime)
		r->mime_start = NULL;
	else if (!r->mime_start)
		r->mime_start = line.ptr;
	r->mime_seen |= mime;
	r->type_is_last = id == H_CONTENT_TYPE;
}

static void read_header(struct reader *r, struct slice line, const struct msrp_limits *limits)
{
	struct msrp_head *h = r->head;
	ptrdiff_t colon = slice_chr(line, ':');
	struct slice name = slice_first(line, colon < 0 ? 0 : (size_t)colon);
	unsigned int kind = chars_text_kind(line);
	enum header_id id;

	r->n_headers++;
	if (r->n_headers > limits->max_headers)
		fault(h, "Too Many Headers");
	if (line.len > limits->max_header_line)
		fault(h, "Header Too Long");
	if (!chars_all(name, CHARS_TOKEN) || !chars_is(name.ptr[0], CHARS_ALPHA)) {
		fault(h, "Malformed Header");
		r->mime_start = NULL;
		return;
	}
	id = header_of(name);
	/* A nickname in broken UTF-8 has an answer of its own, 424 (RFC 7701 7.2). */
	if ((kind & CHARS_TEXT_CONTROL) ||
	    ((kind & CHARS_TEXT_HIGH) && id != H_USE_NICKNAME && !slice_is_utf8(line)))
		fault(h, "Not Text In Header");
	check_place(r, id, line);
	if (id == H_USE_NICKNAME)
		h->n_use_nickname++, h->has_use_nickname = true;
	if (id < H_OTHER_MIME && (r->seen & (1u << id))) {
		if (id != H_USE_NICKNAME)
			fault(h, "Header Given Twice");
		return; /* the first one counts */
	}
	r->seen |= 1u << id;
	read_value(h, id, chars_trim(slice_from(line, (size_t)colon + 1)));
}

static void check_path(struct msrp_head *h, struct slice value, const char *text)
{
	struct msrp_path path;

	if (msrp_path_parse(value, &path) < 0)
		fault(h, text);
}

static void check_request(struct reader *r)
{
	struct msrp_head *h = r->head;

	check_path(h, h->to_path, "Malformed To-Path");
	check_path(h, h->from_path, "Malformed From-Path");
	if ((h->method == MSRP_SEND || h->method == MSRP_REPORT) && h->message_id.len == 0)
		fault(h, "Missing Message-ID");
	if (h->has_body && h->content_type.len == 0)
		fault(h, "Missing Content-Type");
	if (!h->has_body && r->mime_seen)
		fault(h, "Content Headers Without Content");
}

static void check_response(struct msrp_head *h)
{
	if (h->to_path.len == 0 || h->from_path.len == 0)
		fault(h, "Missing Path");
}

static bool next_line(struct slice *rest, struct slice *line_r)
{
	ptrdiff_t end = chars_crlf(*rest, 0);

	if (end < 0)
		return false;
	*line_r = slice_first(*rest, (size_t)end);
	*rest = slice_from(*rest, (size_t)end + 2);
	return true;
}

void msrp_head_read(struct slice block, bool has_body, const struct msrp_limits *limits,
		    struct msrp_head *head_r)
{
	struct reader r = {.head = head_r};
	struct slice line;

	memset(head_r, 0, sizeof(*head_r));
	head_r->has_body = has_body;
	if (next_line(&block, &line))
		read_start(head_r, line, limits);
	while (next_line(&block, &line))
		read_header(&r, line, limits);
	if (has_body && r.type_is_last && r.mime_start)
		head_r->mime_headers =
			slice_make(r.mime_start, (size_t)(line.ptr + line.len + 2 - r.mime_start));
	if (head_r->is_response)
		check_response(head_r);
	else
		check_request(&r);
}

char *msrp_other_mime(const struct msrp_head *h)
{
	struct slice rest = h->mime_headers, line;
	struct bytes out = BYTES_INIT;

	while (next_line(&rest, &line)) {
		struct slice name = slice_first(line, (size_t)slice_chr(line, ':'));
		enum header_id id = header_of(name);

		if (id == H_CONTENT_ENCODING || id == H_OTHER_MIME) {
			bytes_add_slice(&out, line);
			bytes_add_str(&out, "\r\n");
		}
	}
	return out.len ? bytes_take(&out) : NULL;
}
