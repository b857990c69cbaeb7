/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a message/cpim object, RFC 3862: message headers by namespace, then the MIME headers
 * of the payload. Reads the outermost head only and copies nothing. Devices in the field put the
 * MIME headers into the first block, vary the case of some names and forget time zones; that is
 * understood unless the caller is strict. Whether From and To are there and true is the caller's.
 */
#include "proto/cpim.h"

#include "proto/chars.h"
#include "proto/media_type.h"

#define PREFIXES_MAX 16 /* namespace prefixes of interest in one message */
#define NS_CPIM      "urn:ietf:params:cpim-headers:"
#define NS_IMDN      "urn:ietf:params:imdn"

enum ns { NS_OTHER, NS_IS_CPIM, NS_IS_IMDN };

/* The blank line that ends the head is the second one, or the first when MIME came before it. */
enum block { BLOCK_MESSAGE, BLOCK_MIXED, BLOCK_MIME };

struct prefix {
	struct slice name; /* empty: headers without a prefix */
	enum ns ns;
};

struct reader {
	struct cpim_head head;
	bool strict;
	enum block block;
	bool in_mime; /* the last line belonged to the MIME headers: a folded one may follow */
	struct slice *open_value; /* value that a folded line makes longer */
	struct prefix prefixes[PREFIXES_MAX];
	size_t n_prefixes;
	struct slice odd_imdn; /* prefix of IMDN by an oddly written NS; empty: none */
	int n_date_time, n_subject, n_require, n_type;
};

static bool is_name_char(char c)
{
	return chars_is(c, CHARS_ALNUM) || chars_in(c, "!#$%&'*+-^_`|~");
}

/* [prefix.]name before the colon; false when it is not one. */
static bool split_name(struct slice text, struct slice *prefix_r, struct slice *name_r)
{
	ptrdiff_t dot = slice_chr(text, '.');
	struct slice prefix = dot < 0 ? SLICE_NULL : slice_first(text, (size_t)dot);
	struct slice name = dot < 0 ? text : slice_from(text, (size_t)dot + 1);

	if (name.len == 0 || (dot >= 0 && prefix.len == 0))
		return false;
	for (size_t i = 0; i < prefix.len; i++) {
		if (!is_name_char(prefix.ptr[i]))
			return false;
	}
	for (size_t i = 0; i < name.len; i++) {
		/* The RFC reserves further dots; they name nothing that is known here. */
		if (!is_name_char(name.ptr[i]) && name.ptr[i] != '.')
			return false;
	}
	*prefix_r = prefix;
	*name_r = name;
	return true;
}

static struct prefix *find_prefix(struct reader *r, struct slice name)
{
	for (size_t i = 0; i < r->n_prefixes; i++) {
		if (slice_eq(r->prefixes[i].name, name))
			return &r->prefixes[i];
	}
	return NULL;
}

static enum ns ns_of(struct reader *r, struct slice prefix)
{
	struct prefix *p = find_prefix(r, prefix);

	if (p)
		return p->ns;
	if (prefix.len > 0 && slice_eq(prefix, r->odd_imdn))
		return NS_IS_IMDN;
	return prefix.len == 0 ? NS_IS_CPIM : NS_OTHER;
}

/* Offset behind a quoted string at the start of s, or 0 when it does not end. */
static size_t quoted_len(struct slice s)
{
	for (size_t i = 1; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == '"')
			return i + 1;
	}
	return 0;
}

/* [Formal-name] "<" URI ">"; what stands before is told in *name_r. */
static bool split_address(struct slice value, struct slice *name_r, struct slice *uri_r)
{
	size_t from = 0;
	ptrdiff_t open, close;
	struct slice rest;

	if (value.len > 0 && value.ptr[0] == '"') {
		from = quoted_len(value);
		if (from == 0)
			return false;
	}
	open = slice_chr(slice_from(value, from), '<');
	if (open < 0)
		return false;
	rest = slice_from(value, from + (size_t)open + 1);
	close = slice_chr(rest, '>');
	if (close <= 0 || chars_trim(slice_from(rest, (size_t)close + 1)).len > 0)
		return false;
	rest = slice_first(rest, (size_t)close);
	if (slice_chr(rest, ' ') >= 0 || slice_chr(rest, '\t') >= 0 || slice_chr(rest, '<') >= 0)
		return false;
	*name_r = chars_trim(slice_first(value, from + (size_t)open));
	*uri_r = rest;
	return true;
}

/* NS: [prefix] <uri> */
static int read_ns(struct reader *r, struct slice value)
{
	struct slice name, uri;
	struct prefix *p;
	enum ns ns = NS_OTHER;

	if (!split_address(value, &name, &uri))
		return -ERR_SYNTAX;
	for (size_t i = 0; i < name.len; i++) {
		if (!is_name_char(name.ptr[i]))
			return -ERR_SYNTAX;
	}
	if (slice_ieq_str(uri, NS_CPIM))
		ns = NS_IS_CPIM;
	else if (slice_ieq_str(uri, NS_IMDN))
		ns = NS_IS_IMDN;
	p = find_prefix(r, name);
	if (!p) {
		if (ns == NS_OTHER && name.len > 0)
			return 0; /* same as not declared: its headers are not understood */
		if (r->n_prefixes == PREFIXES_MAX)
			return -ERR_LIMIT;
		p = &r->prefixes[r->n_prefixes++];
	}
	*p = (struct prefix){name, ns};
	return 0;
}

/*
 * "ns:" and the like, which the RFC has us ignore: understood for IMDN alone, where devices write it,
 * and never against what a proper NS said.
 */
static void read_odd_ns(struct reader *r, struct slice value)
{
	struct slice name, uri;

	if (split_address(value, &name, &uri) && slice_ieq_str(uri, NS_IMDN))
		r->odd_imdn = name;
}

/* Take n digits off *s; their value must be min..max. */
static bool take_number(struct slice *s, size_t n, uint64_t min, uint64_t max)
{
	uint64_t v;

	if (s->len < n || slice_u64(slice_first(*s, n), max, &v) < 0 || v < min)
		return false;
	*s = slice_from(*s, n);
	return true;
}

static bool take_char(struct slice *s, const char *set)
{
	if (s->len == 0 || !chars_in(s->ptr[0], set))
		return false;
	*s = slice_from(*s, 1);
	return true;
}

/* time-offset; tolerant: missing, or without its colon or minutes. */
static bool zone_ok(struct slice s, bool strict)
{
	if (s.len == 0)
		return !strict;
	if (take_char(&s, "Zz"))
		return s.len == 0;
	if (!take_char(&s, "+-") || !take_number(&s, 2, 0, 23))
		return false;
	if (!strict && s.len == 0)
		return true;
	return (take_char(&s, ":") || !strict) && take_number(&s, 2, 0, 59) && s.len == 0;
}

/* date-time of RFC 3339 section 5.6; strict about the zone when asked. */
static bool date_time_ok(struct slice s, bool strict)
{
	if (!take_number(&s, 4, 0, 9999) || !take_char(&s, "-") || !take_number(&s, 2, 1, 12) ||
	    !take_char(&s, "-") || !take_number(&s, 2, 1, 31) || !take_char(&s, "Tt") ||
	    !take_number(&s, 2, 0, 23) || !take_char(&s, ":") || !take_number(&s, 2, 0, 59) ||
	    !take_char(&s, ":") || !take_number(&s, 2, 0, 60))
		return false;
	if (take_char(&s, ".")) {
		size_t n = chars_span(s, CHARS_DIGIT);

		if (n == 0)
			return false;
		s = slice_from(s, n);
	}
	return zone_ok(s, strict);
}

static int read_address(struct slice value, int *count, struct slice *uri, struct slice *raw)
{
	struct slice name, found;

	if (!split_address(value, &name, &found))
		return -ERR_SYNTAX;
	if ((*count)++ == 0 && uri) {
		*uri = found;
		*raw = value;
	}
	return 0;
}

/* Headers that may stand once; more are counted and the first one is kept. */
static void read_once(struct cpim_head *h, struct slice value, int *count, struct slice *field)
{
	if ((*count)++ == 0)
		*field = value;
	else
		h->n_dup++;
}

static int read_standard(struct reader *r, struct slice name, struct slice value)
{
	struct cpim_head *h = &r->head;
	struct slice none, found;

	if (slice_eq_str(name, "From"))
		return read_address(value, &h->n_from, &h->from, &h->from_raw);
	if (slice_eq_str(name, "To"))
		return read_address(value, &h->n_to, &h->to, &h->to_raw);
	if (slice_eq_str(name, "cc") || slice_eq_str(name, "Cc")) {
		h->n_cc++;
		return split_address(value, &none, &found) ? 0 : -ERR_SYNTAX;
	}
	if (slice_eq_str(name, "NS"))
		return read_ns(r, value);
	if (!r->strict && slice_ieq_str(name, "NS"))
		read_odd_ns(r, value);
	if (slice_eq_str(name, "Subject"))
		read_once(h, value, &r->n_subject, &h->subject);
	else if (slice_eq_str(name, "Require"))
		read_once(h, value, &r->n_require, &h->require);
	else if (slice_eq_str(name, "DateTime")) {
		if (!date_time_ok(value, r->strict))
			return -ERR_SYNTAX;
		read_once(h, value, &r->n_date_time, &h->date_time);
	}
	return 0;
}

static void add_route(struct slice *routes, size_t *n, struct slice value)
{
	if (*n < CPIM_ROUTES_MAX)
		routes[*n] = value;
	(*n)++;
}

static void read_imdn(struct cpim_head *h, struct slice name, struct slice value)
{
	if (slice_eq_str(name, "Message-ID") && h->imdn_message_id.len == 0)
		h->imdn_message_id = value;
	else if (slice_eq_str(name, "Disposition-Notification") && h->imdn_disposition.len == 0)
		h->imdn_disposition = value;
	else if (slice_eq_str(name, "Original-To") && h->imdn_original_to.len == 0)
		h->imdn_original_to = value;
	else if (slice_eq_str(name, "IMDN-Record-Route"))
		add_route(h->imdn_record_routes, &h->n_imdn_record_routes, value);
	else if (slice_eq_str(name, "IMDN-Route"))
		add_route(h->imdn_routes, &h->n_imdn_routes, value);
}

/* What follows the colon without ";lang=fr" and the blank in front. */
static int message_value(struct slice text, bool strict, struct slice *value_r)
{
	size_t n = 0;

	while (n < text.len && text.ptr[n] == ';') {
		for (n++; n < text.len && !chars_in(text.ptr[n], "; \t"); n++) {
			if (text.ptr[n] == '"') {
				size_t quoted = quoted_len(slice_from(text, n));

				if (quoted == 0)
					return -ERR_SYNTAX;
				n += quoted - 1;
			}
		}
	}
	text = slice_from(text, n);
	*value_r = chars_trim(text);
	if (strict && (text.len == 0 || text.ptr[0] != ' ' || value_r->len != text.len - 1))
		return -ERR_SYNTAX;
	return 0;
}

static int read_message_header(struct reader *r, struct slice line, size_t colon)
{
	struct slice prefix, name, value;
	int rc;

	r->in_mime = false;
	if (r->strict && r->block == BLOCK_MIXED)
		return -ERR_SYNTAX; /* CPIM-003: what follows Content-Type is MIME */
	if (!split_name(slice_first(line, colon), &prefix, &name) || !chars_is_text(line))
		return -ERR_SYNTAX;
	rc = message_value(slice_from(line, colon + 1), r->strict, &value);
	if (rc < 0)
		return rc;
	switch (ns_of(r, prefix)) {
	case NS_IS_CPIM:
		return read_standard(r, name, value);
	case NS_IS_IMDN:
		/* NS is understood whatever the default namespace is: else nothing could undo it */
		if (prefix.len == 0 && slice_eq_str(name, "NS"))
			return read_ns(r, value);
		read_imdn(&r->head, name, value);
		return 0;
	case NS_OTHER:
		break;
	}
	return prefix.len == 0 && slice_eq_str(name, "NS") ? read_ns(r, value) : 0;
}

static int read_mime_header(struct reader *r, struct slice line, size_t colon)
{
	struct slice name = chars_trim(slice_first(line, colon));
	struct slice value = chars_trim(slice_from(line, colon + 1));

	if (!chars_all(name, CHARS_TOKEN) || (chars_text_kind(line) & CHARS_TEXT_CONTROL))
		return -ERR_SYNTAX;
	r->in_mime = true;
	r->open_value = NULL;
	if (slice_ieq_str(name, "Content-Type")) {
		if (r->n_type++ > 0)
			return -ERR_SYNTAX; /* two readers could see two types */
		r->head.content_type = value;
		r->open_value = &r->head.content_type;
	} else if (slice_ieq_str(name, "Content-Disposition") &&
		   r->head.content_disposition.len == 0) {
		r->head.content_disposition = value;
		r->open_value = &r->head.content_disposition;
	} else if (slice_ieq_str(name, "Content-Encoding") && r->head.content_encoding.len == 0) {
		r->head.content_encoding = value;
	}
	return 0;
}

/* MIME headers may go on in a line that starts with a blank, message headers may not (2.2). */
static int read_folded(struct reader *r, struct slice line)
{
	struct slice text = chars_trim(line);

	if (!r->in_mime || text.len == 0 || (chars_text_kind(line) & CHARS_TEXT_CONTROL))
		return -ERR_SYNTAX;
	if (r->open_value && r->open_value->len > 0)
		r->open_value->len = (size_t)(text.ptr + text.len - r->open_value->ptr);
	else if (r->open_value)
		*r->open_value = text;
	return 0;
}

static bool is_mime_name(struct slice name)
{
	return slice_istarts(name, SLICE_LIT("Content-")) || slice_ieq_str(name, "MIME-Version");
}

/* As the examples of RFC 7701 write them when they leave out the blank line. */
static bool is_mime_name_exact(struct slice name)
{
	return slice_eq_str(name, "Content-Type") || slice_eq_str(name, "Content-ID") ||
	       slice_eq_str(name, "Content-Description") ||
	       slice_eq_str(name, "Content-Disposition");
}

static int read_line(struct reader *r, struct slice line)
{
	ptrdiff_t colon;

	if (chars_is(line.ptr[0], CHARS_BLANK))
		return read_folded(r, line);
	colon = slice_chr(line, ':');
	if (colon <= 0)
		return -ERR_SYNTAX;
	if (r->block == BLOCK_MIME)
		return read_mime_header(r, line, (size_t)colon);
	if (is_mime_name(slice_first(line, (size_t)colon))) {
		if (r->strict && !is_mime_name_exact(slice_first(line, (size_t)colon)))
			return -ERR_SYNTAX;
		r->block = BLOCK_MIXED;
		return read_mime_header(r, line, (size_t)colon);
	}
	return read_message_header(r, line, (size_t)colon);
}

/* A blank line. Returns true when it ended the head. */
static bool end_block(struct reader *r)
{
	bool done = r->block == BLOCK_MIME || (r->block == BLOCK_MIXED && r->n_type > 0);

	r->block = BLOCK_MIME;
	r->in_mime = false;
	return done;
}

int cpim_parse(struct slice in, size_t max_len, bool complete, bool strict,
	       struct cpim_head *head_r)
{
	struct reader r = {.strict = strict, .block = BLOCK_MESSAGE};
	size_t at = 0;
	ptrdiff_t crlf;

	while ((crlf = chars_crlf(slice_from(in, at), 0)) >= 0) {
		struct slice line = slice_make(in.ptr + at, (size_t)crlf);
		int rc;

		at += line.len + 2;
		if (at > max_len)
			return -ERR_LIMIT;
		if (line.len == 0) {
			if (!end_block(&r))
				continue;
			r.head.head_len = at;
			r.head.kind = cpim_kind_of(r.head.content_type, r.head.content_disposition);
			*head_r = r.head;
			return 1;
		}
		rc = read_line(&r, line);
		if (rc < 0)
			return rc;
	}
	if (in.len > max_len)
		return -ERR_LIMIT;
	return complete ? -ERR_SYNTAX : 0;
}

enum cpim_kind cpim_kind_of(struct slice content_type, struct slice content_disposition)
{
	struct slice base = media_type_base(content_type);
	struct slice disposition = content_disposition;
	ptrdiff_t semi = slice_chr(disposition, ';');

	if (slice_ieq_str(base, "application/im-iscomposing+xml"))
		return CPIM_COMPOSING;
	if (slice_ieq_str(base, "message/imdn+xml"))
		return CPIM_IMDN;
	if (slice_ieq_str(base, "application/mikey") ||
	    slice_ieq_str(base, "application/vnd.mrf.keyserver"))
		return CPIM_KEY;
	if (slice_ieq_str(base, "application/vnd.gsma.rcs-ft-http+xml"))
		return CPIM_FILE;
	if (slice_ieq_str(base, "application/vnd.gsma.rcspushlocation+xml"))
		return CPIM_GEOLOC;
	if (semi >= 0)
		disposition = slice_first(disposition, (size_t)semi);
	return slice_ieq_str(slice_trim(disposition), "attachment") ? CPIM_FILE : CPIM_CHAT;
}

const char *cpim_kind_name(enum cpim_kind k)
{
	static const char *const names[] = {
		[CPIM_CHAT] = "chat", [CPIM_COMPOSING] = "composing", [CPIM_IMDN] = "imdn",
		[CPIM_FILE] = "file", [CPIM_GEOLOC] = "geoloc",       [CPIM_KEY] = "key",
	};

	return names[k];
}
