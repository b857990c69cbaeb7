/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MSRP frames in canonical form, RFC 4975 sections 7 and 9, part by part so that a switch may share
 * the parts between its legs. Also quoted strings (Use-Nickname, RFC 7701) and the scan that keeps
 * our own end-line out of a body. Identifiers and the time come from the caller.
 */
#include "proto/msrp_build.h"

#include <assert.h>
#include <inttypes.h>

#include "proto/chars.h"

#define HYPHENS "-------"

static void add_header(struct bytes *out, const char *name, struct slice value)
{
	bytes_add_str(out, name);
	bytes_add(out, ": ", 2);
	bytes_add_slice(out, value);
	bytes_add(out, "\r\n", 2);
}

void msrp_build_start(struct bytes *out, struct slice tid, struct slice method)
{
	bytes_add(out, "MSRP ", 5);
	bytes_add_slice(out, tid);
	bytes_add_char(out, ' ');
	bytes_add_slice(out, method);
	bytes_add(out, "\r\n", 2);
}

void msrp_build_start_response(struct bytes *out, struct slice tid, int status, const char *comment)
{
	bytes_add(out, "MSRP ", 5);
	bytes_add_slice(out, tid);
	bytes_addf(out, " %03d", status);
	if (comment && comment[0]) {
		bytes_add_char(out, ' ');
		bytes_add_str(out, comment);
	}
	bytes_add(out, "\r\n", 2);
}

void msrp_build_paths(struct bytes *out, struct slice to_path, struct slice from_path)
{
	add_header(out, "To-Path", to_path);
	add_header(out, "From-Path", from_path);
}

static void add_bound(struct bytes *out, uint64_t v)
{
	if (v == MSRP_UNSPECIFIED)
		bytes_add_char(out, '*');
	else
		bytes_addf(out, "%" PRIu64, v);
}

static void add_range(struct bytes *out, const struct msrp_range *range)
{
	bytes_addf(out, "Byte-Range: %" PRIu64 "-", range->start);
	add_bound(out, range->end);
	bytes_add_char(out, '/');
	add_bound(out, range->total);
	bytes_add(out, "\r\n", 2);
}

void msrp_build_rest(struct bytes *out, const struct msrp_rest *rest)
{
	if (rest->message_id.len > 0)
		add_header(out, "Message-ID", rest->message_id);
	if (rest->range.present)
		add_range(out, &rest->range);
	if (rest->success_report)
		bytes_add_str(out, "Success-Report: yes\r\n");
	if (rest->failure_report == MSRP_FR_NO)
		bytes_add_str(out, "Failure-Report: no\r\n");
	else if (rest->failure_report == MSRP_FR_PARTIAL)
		bytes_add_str(out, "Failure-Report: partial\r\n");
	if (rest->status.len > 0)
		add_header(out, "Status", rest->status);
	if (rest->use_nickname.len > 0)
		add_header(out, "Use-Nickname", rest->use_nickname);
	if (rest->content_type.len == 0)
		return;
	if (rest->content_disposition.len > 0)
		add_header(out, "Content-Disposition", rest->content_disposition);
	bytes_add_slice(out, rest->other_mime);
	add_header(out, "Content-Type", rest->content_type);
	bytes_add(out, "\r\n", 2);
}

void msrp_build_end(struct bytes *out, struct slice tid, bool has_body, char flag)
{
	if (has_body)
		bytes_add(out, "\r\n", 2);
	bytes_add(out, HYPHENS, 7);
	bytes_add_slice(out, tid);
	bytes_add_char(out, flag);
	bytes_add(out, "\r\n", 2);
}

static struct slice first_uri(struct slice path)
{
	ptrdiff_t space = slice_chr(path, ' ');

	return space < 0 ? path : slice_first(path, (size_t)space);
}

void msrp_build_response(struct bytes *out, const struct msrp_head *request, int status,
			 const char *comment)
{
	bool hop_by_hop = request->method == MSRP_SEND;
	struct slice to = hop_by_hop ? first_uri(request->from_path) : request->from_path;

	msrp_build_start_response(out, request->tid, status,
				  comment ? comment : msrp_status_text(status));
	msrp_build_paths(out, to, first_uri(request->to_path));
	msrp_build_end(out, request->tid, false, '$');
}

void msrp_build_quoted(struct bytes *out, struct slice text)
{
	bytes_add_char(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (chars_in(text.ptr[i], "\\\""))
			bytes_add_char(out, '\\');
		bytes_add_char(out, text.ptr[i]);
	}
	bytes_add_char(out, '"');
}

/* The text between the quotes when value is a quoted string of RFC 4975. */
static bool quoted_ok(struct slice value, struct slice *inner_r)
{
	struct slice inner;

	if (value.len < 2 || value.ptr[0] != '"' || value.ptr[value.len - 1] != '"')
		return false;
	inner = slice_make(value.ptr + 1, value.len - 2);
	for (size_t i = 0; i < inner.len; i++) {
		if (inner.ptr[i] == '"')
			return false;
		if (inner.ptr[i] != '\\')
			continue;
		if (i + 1 == inner.len || !chars_in(inner.ptr[i + 1], "\\\""))
			return false;
		i++;
	}
	*inner_r = inner;
	return chars_is_text(inner);
}

int msrp_unquote(struct slice value, struct bytes *text_r)
{
	struct slice inner;

	if (!quoted_ok(value, &inner))
		return -ERR_SYNTAX;
	for (size_t i = 0; i < inner.len; i++) {
		if (inner.ptr[i] == '\\')
			i++;
		bytes_add_char(text_r, inner.ptr[i]);
	}
	return 0;
}

void msrp_tail_scan_init(struct msrp_tail_scan *s, struct slice tid)
{
	assert(tid.len <= MSRP_TID_MAX);
	*s = (struct msrp_tail_scan){.needle_len = (uint32_t)(7 + tid.len)};
	memcpy(s->needle, HYPHENS, 7);
	memcpy(s->needle + 7, tid.ptr, tid.len);
}

/* Does the needle with a flag behind it stand in text? */
static bool holds_end(const struct msrp_tail_scan *s, struct slice text)
{
	struct slice needle = slice_make(s->needle, s->needle_len);
	ptrdiff_t at;

	while ((at = slice_find(text, needle)) >= 0) {
		text = slice_from(text, (size_t)at);
		if (text.len > needle.len && chars_in(text.ptr[needle.len], "$+#"))
			return true;
		text = slice_from(text, 1);
	}
	return false;
}

/* Length of the longest end of text that the needle starts with. */
static uint32_t open_end(const struct msrp_tail_scan *s, struct slice text)
{
	if (text.len > s->needle_len)
		text = slice_from(text, text.len - s->needle_len);
	for (;;) {
		ptrdiff_t at = slice_chr(text, '-');

		if (at < 0)
			return 0;
		text = slice_from(text, (size_t)at);
		if (memcmp(text.ptr, s->needle, text.len) == 0)
			return (uint32_t)text.len;
		text = slice_from(text, 1);
	}
}

bool msrp_tail_scan(struct msrp_tail_scan *s, struct slice piece)
{
	char seam[2 * (7 + MSRP_TID_MAX) + 1];
	size_t n = piece.len <= s->needle_len ? piece.len : s->needle_len + 1;

	if (s->found || piece.len == 0)
		return s->found;
	if (s->matched > 0) { /* what the pieces before left open, and the start of this one */
		memcpy(seam, s->needle, s->matched);
		memcpy(seam + s->matched, piece.ptr, n);
		s->found = holds_end(s, slice_make(seam, s->matched + n));
	}
	if (!s->found)
		s->found = holds_end(s, piece);
	if (s->matched > 0 && piece.len < s->needle_len)
		s->matched = open_end(s, slice_make(seam, s->matched + n));
	else
		s->matched = open_end(s, piece);
	return s->found;
}
