/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One MSRP stream cut into heads, pieces of bodies and ends, RFC 4975 sections 7.1 and 9. The end
 * of a head is looked for line by line, each byte once; msrp_head.c reads it when it is whole. A
 * body is searched for CRs only, and every byte that cannot be part of the CRLF and end-line is
 * handed on at once. The caller holds the bytes; this file keeps where it was and nothing else.
 */
#include "proto/msrp_parse.h"

#include "proto/chars.h"
#include "proto/msrp_head_priv.h"

enum state {
	ST_HEAD,       /* between frames or inside a head */
	ST_BODY_START, /* behind the blank line: no octet of the body seen */
	ST_BODY,
	ST_END /* the end-line of a frame without body comes next */
};

enum match { MATCH_NO, MATCH_PART, MATCH_WHOLE };

/* Longest end-line, CRLF in front and behind included. */
#define END_LINE_MAX (2 + 7 + MSRP_TID_SEEN_MAX + 1 + 2)
_Static_assert(END_LINE_MAX <= MSRP_HEAD_SLACK, "the slack holds an end-line");
_Static_assert(MSRP_TID_SEEN_MAX <= MSRP_TID_MAX * 2, "end_line holds every id that is followed");

const struct msrp_limits msrp_limits_default = {
	.max_start_line = 1024,
	.max_header_line = 2048,
	.max_headers = 40,
	.max_head = 8192,
	.max_other_body = 10240,
};

void msrp_parser_init(struct msrp_parser *p, const struct msrp_limits *limits)
{
	*p = (struct msrp_parser){.limits = *limits, .state = ST_HEAD};
}

bool msrp_parser_idle(const struct msrp_parser *p)
{
	return p->state == ST_HEAD && p->scanned == 0 && p->line == 0 && !p->broken;
}

static bool is_flag(char c)
{
	return c == '$' || c == '+' || c == '#';
}

/* CRLF, hyphens and tid; the CRLF is left out with from = 2. */
static struct slice end_mark(const struct msrp_parser *p, size_t from)
{
	return slice_make(p->end_line + from, p->end_line_len - from);
}

/* Is in the start of mark, flag, CRLF, or do they start in? */
static enum match match_end(struct slice mark, struct slice in)
{
	size_t n = in.len < mark.len ? in.len : mark.len;

	if (memcmp(in.ptr, mark.ptr, n) != 0)
		return MATCH_NO;
	in = slice_from(in, n);
	if (in.len == 0)
		return MATCH_PART;
	if (!is_flag(in.ptr[0]))
		return MATCH_NO;
	if (in.len < 3)
		return in.len == 2 && in.ptr[1] != '\r' ? MATCH_NO : MATCH_PART;
	return in.ptr[1] == '\r' && in.ptr[2] == '\n' ? MATCH_WHOLE : MATCH_NO;
}

static int broken(struct msrp_parser *p, int err)
{
	p->broken = err;
	return err;
}

/* The start line is whole: from now on the end of the frame can be recognised. */
static int learn_tid(struct msrp_parser *p, struct slice line)
{
	struct slice tid;
	int rc = msrp_start_tid(line, &tid);

	if (rc < 0)
		return rc;
	memcpy(p->end_line, "\r\n-------", 9);
	memcpy(p->end_line + 9, tid.ptr, tid.len);
	p->end_line_len = (uint32_t)(9 + tid.len);
	return 0;
}

static int take_head(struct msrp_parser *p, struct slice block, bool has_body, size_t used,
		     struct msrp_item *item_r, size_t *used_r)
{
	item_r->type = MSRP_ITEM_HEAD;
	msrp_head_read(block, has_body, &p->limits, &item_r->head);
	p->state = has_body ? ST_BODY_START : ST_END;
	p->is_response = item_r->head.is_response;
	p->is_send = item_r->head.method == MSRP_SEND;
	p->skip_body = p->is_response || item_r->head.error != 0;
	p->over = false;
	p->body_len = 0;
	p->line = 0;
	p->scanned = 0;
	*used_r = used;
	return 1;
}

/* No end within max_head: tell the whole lines that fit, so that a 400 finds its way. */
static int take_cut_head(struct msrp_parser *p, struct slice in, struct msrp_item *item_r,
			 size_t *used_r)
{
	if (p->line == 0)
		return broken(p, -ERR_LIMIT);
	take_head(p, slice_first(in, p->line), false, in.len, item_r, used_r);
	item_r->head.error = 400;
	item_r->head.error_text = "Header Block Too Long";
	p->broken = -ERR_LIMIT;
	return 1;
}

/* A stream that cannot be MSRP is told by its first bytes. */
static bool may_be_start(struct slice in)
{
	struct slice magic = SLICE_LIT("MSRP ");

	return slice_starts(in, magic) || (in.len < magic.len && slice_starts(magic, in));
}

/* One whole line of a head. Returns 1 when it ended the head, 0 when the next line comes. */
static int head_line(struct msrp_parser *p, struct slice in, size_t end, struct msrp_item *item_r,
		     size_t *used_r)
{
	struct slice line = slice_make(in.ptr + p->line, end - p->line);

	if (p->line == 0) {
		int rc = end > p->limits.max_head ? -ERR_LIMIT
						  : learn_tid(p, slice_first(line, line.len - 2));

		if (rc < 0)
			return broken(p, rc);
	} else if (line.len == 2) {
		if (end <= p->limits.max_head)
			return take_head(p, slice_first(in, p->line), true, end, item_r, used_r);
	} else if (match_end(end_mark(p, 2), line) == MATCH_WHOLE) {
		return take_head(p, slice_first(in, p->line), false, p->line, item_r, used_r);
	}
	if (end > p->limits.max_head)
		return take_cut_head(p, in, item_r, used_r);
	p->line = end;
	return 0;
}

static int next_head(struct msrp_parser *p, struct slice in, struct msrp_item *item_r,
		     size_t *used_r)
{
	if (p->scanned < 5 && !may_be_start(in))
		return broken(p, -ERR_SYNTAX);
	for (;;) {
		ptrdiff_t crlf = chars_crlf(in, p->scanned);
		int rc;

		if (crlf < 0)
			break;
		rc = head_line(p, in, (size_t)crlf + 2, item_r, used_r);
		if (rc != 0)
			return rc;
		p->scanned = p->line;
	}
	p->scanned = in.len;
	if (in.len >= (size_t)p->limits.max_head + END_LINE_MAX)
		return take_cut_head(p, in, item_r, used_r);
	*used_r = 0;
	return 0;
}

static int take_end(struct msrp_parser *p, char flag, size_t used, struct msrp_item *item_r,
		    size_t *used_r)
{
	item_r->type = MSRP_ITEM_END;
	item_r->flag = p->is_response ? '$' : flag;
	item_r->body_len = p->body_len;
	item_r->error = 0;
	if (!p->is_send && !p->is_response && (flag != '$' || p->over))
		item_r->error = 400;
	p->state = ST_HEAD;
	*used_r = used;
	return 1;
}

/*
 * The end-line straight behind the head: where a frame without body has it, and where a sender that
 * forgot the CRLF of an empty body puts it. Returns 1, 0 (more bytes needed), -1 (not here).
 */
static int end_here(struct msrp_parser *p, struct slice in, struct msrp_item *item_r,
		    size_t *used_r)
{
	struct slice mark = end_mark(p, 2);

	switch (match_end(mark, in)) {
	case MATCH_WHOLE:
		return take_end(p, in.ptr[mark.len], mark.len + 3, item_r, used_r);
	case MATCH_PART:
		*used_r = 0;
		return 0;
	default:
		return -1;
	}
}

/* Offset of the first byte that may begin the CRLF and end-line; in.len when there is none. */
static size_t find_end(const struct msrp_parser *p, struct slice in, enum match *match_r)
{
	struct slice mark = end_mark(p, 0);
	size_t i = 0;

	while (i < in.len) {
		const char *cr = in.ptr + i;

		if (*cr != '\r')
			cr = memchr(cr, '\r', in.len - i);
		if (!cr)
			break;
		i = (size_t)(cr - in.ptr);
		if (in.len - i >= 3 && (cr[1] != '\n' || cr[2] != '-')) { /* most of them */
			i += cr[1] == '\n' ? 2 : 1;
			continue;
		}
		*match_r = match_end(mark, slice_from(in, i));
		if (*match_r != MATCH_NO)
			return i;
		i++;
	}
	*match_r = MATCH_NO;
	return in.len;
}

/* How many of n octets that follow are handed on; the rest is skipped. */
static size_t admit(struct msrp_parser *p, size_t n)
{
	size_t room = n;

	if (!p->is_send && !p->skip_body) {
		room = p->limits.max_other_body - (size_t)p->body_len;
		p->over = n > room;
	}
	p->body_len += n;
	if (p->skip_body)
		return 0;
	p->skip_body = p->over;
	return n < room ? n : room;
}

static int next_body(struct msrp_parser *p, struct slice in, struct msrp_item *item_r,
		     size_t *used_r)
{
	enum match match;
	size_t n = find_end(p, in, &match);

	if (n > 0) {
		size_t piece = admit(p, n);

		if (piece > 0) {
			item_r->type = MSRP_ITEM_BODY;
			item_r->piece = slice_first(in, piece);
			*used_r = n;
			return 1;
		}
	}
	if (match == MATCH_WHOLE)
		return take_end(p, in.ptr[n + p->end_line_len], n + p->end_line_len + 3, item_r,
				used_r);
	*used_r = n;
	return 0;
}

int msrp_parse_next(struct msrp_parser *p, struct slice in, struct msrp_item *item_r,
		    size_t *used_r)
{
	int rc;

	if (p->broken)
		return p->broken;
	if (in.len == 0) {
		*used_r = 0;
		return 0;
	}
	switch ((enum state)p->state) {
	case ST_HEAD:
		return next_head(p, in, item_r, used_r);
	case ST_END:
		rc = end_here(p, in, item_r, used_r);
		return rc < 0 ? broken(p, -ERR_SYNTAX) : rc;
	case ST_BODY_START:
		rc = end_here(p, in, item_r, used_r);
		if (rc >= 0)
			return rc;
		p->state = ST_BODY;
		/* fall through */
	case ST_BODY:
		break;
	}
	return next_body(p, in, item_r, used_r);
}

/* The line at `from` starts with name and holds plain text: its end behind the CRLF, or 0. */
static size_t fast_line(const struct msrp_parser *p, struct slice in, size_t from,
			struct slice name)
{
	struct slice rest = slice_from(in, from);
	ptrdiff_t crlf;

	if (!slice_starts(rest, name))
		return 0;
	crlf = chars_crlf(rest, name.len);
	if (crlf <= (ptrdiff_t)name.len || crlf > (ptrdiff_t)p->limits.max_header_line ||
	    chars_is(rest.ptr[name.len], CHARS_BLANK) ||
	    chars_text_kind(slice_first(rest, (size_t)crlf)) != CHARS_TEXT_PLAIN)
		return 0;
	return from + (size_t)crlf + 2;
}

size_t msrp_parse_fast_200(const struct msrp_parser *p, struct slice in, struct slice *tid_r)
{
	struct slice tid, rest;
	size_t at;

	if (p->state != ST_HEAD || p->scanned != 0 || p->broken || in.len < 60 ||
	    memcmp(in.ptr, "MSRP ", 5) != 0)
		return 0;
	tid = slice_first(slice_from(in, 5), chars_span(slice_from(in, 5), CHARS_IDENT));
	if (!msrp_ident_ok(tid))
		return 0;
	at = 5 + tid.len;
	rest = slice_from(in, at);
	if (slice_starts(rest, SLICE_LIT(" 200 OK\r\n")))
		at += 9;
	else if (slice_starts(rest, SLICE_LIT(" 200\r\n")))
		at += 6;
	else
		return 0;
	at = fast_line(p, in, at, SLICE_LIT("To-Path: "));
	if (at > 0)
		at = fast_line(p, in, at, SLICE_LIT("From-Path: "));
	if (at == 0 || at > p->limits.max_head)
		return 0;
	rest = slice_from(in, at);
	if (rest.len < tid.len + 10 || memcmp(rest.ptr, "-------", 7) != 0 ||
	    memcmp(rest.ptr + 7, tid.ptr, tid.len) != 0 ||
	    memcmp(rest.ptr + 7 + tid.len, "$\r\n", 3) != 0)
		return 0;
	*tid_r = tid;
	return at + tid.len + 10;
}
