/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading multipart bodies. A delimiter counts at the start of a line only; preamble and epilogue
 * are skipped. Linear in the body, nothing is copied.
 */
#include "proto/multipart.h"

#include "proto/chars.h"
#include "proto/media_type.h"

#define BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */

enum delimiter { DELIMITER_NONE, DELIMITER_PART, DELIMITER_END };

/* What the line at the start of s is; *line_r is its length with CRLF. */
static enum delimiter delimiter_at(struct slice s, struct slice boundary, size_t *line_r)
{
	enum delimiter kind = DELIMITER_PART;
	struct slice rest;
	ptrdiff_t crlf;

	if (!slice_starts(s, SLICE_LIT("--")) || !slice_starts(slice_from(s, 2), boundary))
		return DELIMITER_NONE;
	rest = slice_from(s, 2 + boundary.len);
	if (slice_starts(rest, SLICE_LIT("--"))) {
		rest = slice_from(rest, 2);
		kind = DELIMITER_END;
	}
	crlf = chars_crlf(rest, 0);
	if (crlf < 0 && kind == DELIMITER_PART)
		return DELIMITER_NONE;
	if (chars_trim(crlf < 0 ? rest : slice_first(rest, (size_t)crlf)).len)
		return kind == DELIMITER_END ? DELIMITER_END : DELIMITER_NONE;
	*line_r = s.len - rest.len + (crlf < 0 ? rest.len : (size_t)crlf + 2);
	return kind;
}

/* Offset of the next delimiter line in s, or -1. */
static ptrdiff_t find_delimiter(struct slice s, struct slice boundary)
{
	size_t at = 0, line;

	while (delimiter_at(slice_from(s, at), boundary, &line) == DELIMITER_NONE) {
		ptrdiff_t crlf = chars_crlf(slice_from(s, at), 0);

		if (crlf < 0)
			return -1;
		at += (size_t)crlf + 2;
	}
	return (ptrdiff_t)at;
}

int multipart_open(struct slice content_type, struct slice body, struct multipart *m_r)
{
	struct slice boundary = media_type_param(content_type, "boundary");
	ptrdiff_t at;

	if (!boundary.len || boundary.len > BOUNDARY_MAX)
		return -ERR_SYNTAX;
	at = find_delimiter(body, boundary);
	if (at < 0)
		return -ERR_SYNTAX;
	*m_r = (struct multipart){slice_from(body, (size_t)at), boundary};
	return 0;
}

static void take_header(struct multipart_part *p, struct slice name, struct slice value)
{
	if (slice_ieq_str(name, "Content-Type"))
		p->content_type = value;
	else if (slice_ieq_str(name, "Content-ID"))
		p->id = value;
	else if (slice_ieq_str(name, "Content-Transfer-Encoding"))
		p->encoding = value;
	else if (slice_ieq_str(name, "Content-Disposition"))
		p->disposition = value;
}

/* Header lines up to the blank one; takes them off *part. */
static int read_headers(struct slice *part, struct multipart_part *p)
{
	ptrdiff_t crlf;

	*p = (struct multipart_part){.content_type = SLICE_LIT("text/plain")};
	while ((crlf = chars_crlf(*part, 0)) > 0) {
		struct slice line = slice_first(*part, (size_t)crlf);
		ptrdiff_t colon = slice_chr(line, ':');

		if (colon > 0)
			take_header(p, chars_trim(slice_first(line, (size_t)colon)),
				    chars_trim(slice_from(line, (size_t)colon + 1)));
		*part = slice_from(*part, (size_t)crlf + 2);
	}
	if (crlf < 0)
		return -ERR_SYNTAX;
	*part = slice_from(*part, 2);
	return 0;
}

int multipart_next(struct multipart *m, struct multipart_part *part_r)
{
	size_t line = 0;
	struct multipart_part found;
	struct slice part;
	ptrdiff_t end;

	if (delimiter_at(m->rest, m->boundary, &line) == DELIMITER_END)
		return 0;
	part = slice_from(m->rest, line);
	end = find_delimiter(part, m->boundary);
	if (end < 0)
		return -ERR_SYNTAX;
	m->rest = slice_from(part, (size_t)end);
	part = slice_first(part, (size_t)end);
	if (read_headers(&part, &found))
		return -ERR_SYNTAX;
	/* The line break before a delimiter belongs to it. */
	found.body = slice_first(part, part.len >= 2 ? part.len - 2 : 0);
	*part_r = found;
	return 1;
}

static bool is_container(struct slice type)
{
	type = media_type_base(type);
	return slice_ieq_str(type, "multipart/mixed") || slice_ieq_str(type, "multipart/related");
}

int multipart_flatten(const struct multipart_part *body, size_t max, struct multipart_part *parts_r,
		      size_t *n_r)
{
	struct multipart open[MULTIPART_MAX_DEPTH];
	struct multipart_part part = *body;
	size_t depth = 0, n = 0;
	int found = 1;

	for (;;) {
		if (found == 0) {
			depth--;
		} else if (is_container(part.content_type)) {
			if (depth == MULTIPART_MAX_DEPTH)
				return -ERR_LIMIT;
			found = multipart_open(part.content_type, part.body, &open[depth]);
			depth++;
		} else if (n == max) {
			return -ERR_LIMIT;
		} else {
			parts_r[n++] = part;
		}
		if (found < 0)
			return found;
		if (depth == 0)
			break;
		found = multipart_next(&open[depth - 1], &part);
		if (found < 0)
			return found;
	}
	*n_r = n;
	return 0;
}
