/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading of session descriptions with MSRP media lines: Sofia-SIP's parser does RFC 4566, this
 * file turns its result into struct sdp_session. Directions, m= lines "as written" and the checks
 * that Sofia omits (NUL, truncated lines, missing o=) are done here. RFC 4975 section 8, RFC 6135,
 * RFC 6714, RFC 7701 section 8. Writing and the answerer's rules are in sdp_build.c.
 */
#include "proto/sdp_msrp.h"

#include <sofia-sip/sdp.h>
#include <sofia-sip/su_alloc.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/mem.h"

#define SDP_MAX_TEXT (64u << 10)

/* One m= line as written; views. */
struct sdp_line {
	struct slice type;
	struct slice proto;
	struct slice formats;
	uint16_t port;
};
struct sdp_lines {
	struct sdp_line media[SDP_MAX_MEDIA];
	size_t n;
};

static bool line_ok(struct slice line, bool strict)
{
	if (line.len < 2 || line.ptr[1] != '=' || memchr(line.ptr, '\r', line.len))
		return false;
	return !strict || (line.ptr[0] >= 'a' && line.ptr[0] <= 'z');
}

/* Visible ASCII; blanks where allowed. These words are echoed in answers. */
static bool word_ok(struct slice s, bool blanks)
{
	for (size_t i = 0; i < s.len; i++) {
		bool blank = s.ptr[i] == ' ' || s.ptr[i] == '\t';

		if ((blank && !blanks) || (!blank && (s.ptr[i] <= ' ' || s.ptr[i] > '~')))
			return false;
	}
	return true;
}

/* "9" or "9/2". */
static int port_of(struct slice word, uint16_t *port_r)
{
	struct slice rest = word, number;
	uint64_t port;

	if (!slice_next(&rest, '/', &number) || slice_u64(number, UINT16_MAX, &port) < 0)
		return -ERR_SYNTAX;
	*port_r = (uint16_t)port;
	return 0;
}

/* "message 7394 TCP/MSRP *" */
static int media_line(struct slice value, bool strict, struct sdp_line *line_r)
{
	struct slice rest = value, word[3];
	size_t n = 0;

	while (n < 3) {
		struct slice token;

		if (!slice_next(&rest, ' ', &token))
			return -ERR_SYNTAX;
		token = slice_trim(token);
		if (token.len > 0)
			word[n++] = token;
	}
	rest = slice_trim(rest);
	if (!word_ok(word[0], false) || !word_ok(word[2], false) || !word_ok(rest, true))
		return -ERR_SYNTAX;
	if (strict && slice_ieq_str(word[0], "message") && !slice_eq_str(word[0], "message"))
		return -ERR_SYNTAX;
	line_r->type = word[0];
	line_r->proto = word[2];
	line_r->formats = rest;
	return port_of(word[1], &line_r->port);
}

/*
 * Take the text apart into lines before Sofia sees it, and hand on a clean copy: it stops without
 * an error at a NUL and at a line shorter than two characters, rewrites what m= lines say, and
 * never returns from some formats in them. So m= lines are read here; the copy's carry no formats.
 */
static int sdp_scan(struct slice text, bool strict, struct sdp_lines *lines, struct bytes *clean)
{
	struct slice rest = text, line;

	if (text.len == 0 || memchr(text.ptr, '\0', text.len))
		return -ERR_SYNTAX;
	if (text.len > SDP_MAX_TEXT)
		return -ERR_LIMIT;
	while (slice_next(&rest, '\n', &line)) {
		if (strict && line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		else if (!strict)
			line = slice_trim(line);
		if (line.len == 0)
			continue;
		if (!line_ok(line, strict))
			return -ERR_SYNTAX;
		if (line.ptr[0] != 'm') {
			bytes_addf(clean, SLICE_FMT "\r\n", SLICE_ARG(line));
			continue;
		}
		if (lines->n == SDP_MAX_MEDIA)
			return -ERR_LIMIT;
		if (media_line(slice_from(line, 2), strict, &lines->media[lines->n]) < 0)
			return -ERR_SYNTAX;
		bytes_addf(clean, "m=x %u x *\r\n", (unsigned)lines->media[lines->n++].port);
	}
	return 0;
}

/* Value of an attribute, trimmed (of a surplus colon too, which Sofia may leave); NULL when empty. */
static char *attribute_dup(const sdp_attribute_t *a)
{
	struct slice v = SLICE_NULL;

	if (a && a->a_value)
		v = slice_trim(slice_str(a->a_value));
	while (v.len > 0 && v.ptr[0] == ':')
		v = slice_trim(slice_from(v, 1));
	return v.len ? slice_dup(v) : NULL;
}

static enum sdp_transport transport_of(struct slice proto)
{
	if (slice_ieq_str(proto, "TCP/MSRP"))
		return SDP_TCP_MSRP;
	if (slice_ieq_str(proto, "TCP/TLS/MSRP"))
		return SDP_TCP_TLS_MSRP;
	if (slice_ieq_str(proto, "TCP/WSS/MSRP"))
		return SDP_TCP_WSS_MSRP;
	return SDP_OTHER;
}

/* holdconn must be treated as absent (RFC 6135 4.2.1), as is what nobody defined. */
static enum sdp_setup setup_of(const sdp_attribute_t *a)
{
	struct slice v = a && a->a_value ? slice_trim(slice_str(a->a_value)) : SLICE_NULL;

	if (slice_ieq_str(v, "active"))
		return SDP_SETUP_ACTIVE;
	if (slice_ieq_str(v, "passive"))
		return SDP_SETUP_PASSIVE;
	if (slice_ieq_str(v, "actpass"))
		return SDP_SETUP_ACTPASS;
	return SDP_SETUP_NONE;
}

/* The first direction attribute of a level; false when there is none. */
static bool direction_of(const sdp_attribute_t *list, enum sdp_dir *dir_r)
{
	for (const sdp_attribute_t *a = list; a; a = a->a_next) {
		for (enum sdp_dir d = SDP_SENDRECV; d <= SDP_INACTIVE; d++) {
			if (slice_ieq_str(slice_str(a->a_name), sdp_dir_name(d))) {
				*dir_r = d;
				return true;
			}
		}
	}
	return false;
}

/* RFC 7701 section 8: the token is "nickname", its prose says "nicknames"; unknown ones are ignored. */
static unsigned chatroom_of(const sdp_attribute_t *a)
{
	struct slice rest = slice_str(a->a_value), token;
	unsigned bits = 0;

	while (slice_next(&rest, ' ', &token)) {
		token = slice_trim(token);
		if (slice_eq_str(token, "nickname") || slice_eq_str(token, "nicknames"))
			bits |= SDP_CHATROOM_NICKNAME;
		else if (slice_eq_str(token, "private-messages"))
			bits |= SDP_CHATROOM_PRIVATE;
	}
	return bits;
}

static uint64_t max_size_of(const sdp_attribute_t *a)
{
	uint64_t v = 0;

	if (!a || slice_u64(slice_trim(slice_str(a->a_value)), UINT64_MAX, &v) < 0)
		return 0;
	return v;
}

/* Only at media level (RFC 5547 section 6). */
static struct sdp_file *file_of(const sdp_attribute_t *list, bool strict)
{
	struct sdp_file *file = NULL;

	for (const sdp_attribute_t *a = list; a; a = a->a_next) {
		struct slice name = slice_str(a->a_name);

		if (!sdp_file_is_attribute(name))
			continue;
		if (!file)
			file = xcalloc(1, sizeof(*file));
		sdp_file_take(file, name, slice_trim(slice_str(a->a_value)), strict);
	}
	return file;
}

static void qos_fill(struct sdp_qos *qos, const sdp_attribute_t *list)
{
	for (const sdp_attribute_t *a = list; a; a = a->a_next) {
		if (sdp_qos_is_attribute(slice_str(a->a_name)))
			sdp_qos_take(qos, slice_str(a->a_name), slice_str(a->a_value));
	}
}

static void media_words(struct sdp_media *m, const struct sdp_line *line)
{
	m->type = slice_dup(line->type);
	for (char *c = m->type; *c; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + ('a' - 'A'));
	}
	m->is_message = slice_eq_str(slice_str(m->type), "message");
	m->proto = slice_dup(line->proto);
	m->transport = transport_of(line->proto);
	m->formats = slice_dup(line->formats);
	m->port = line->port;
}

static void media_address(struct sdp_media *m, const sdp_connection_t *c)
{
	bool known = c && c->c_nettype == sdp_net_in && c->c_address;

	m->host = xstrdup(known ? c->c_address : "");
	m->host_is_v6 = known && c->c_addrtype == sdp_addr_ip6;
}

/*
 * All values of an attribute, max at most: those of the media level, or the session's where that has
 * none (RFC 8122 5, RFC 4567 3.1). How many there are.
 */
static size_t values_fill(const sdp_attribute_t *own, const sdp_attribute_t *all, const char *name,
			  char **values, size_t max)
{
	const sdp_attribute_t *a = sdp_attribute_find2(own, all, name);
	size_t n = 0;

	for (; a && n < max; a = sdp_attribute_find(a->a_next, name)) {
		char *text = attribute_dup(a);

		values[n++] = text ? text : xstrdup("");
	}
	return n;
}

static void media_fill(struct sdp_media *m, const struct sdp_line *line, const sdp_session_t *s,
		       const sdp_media_t *sm, bool strict)
{
	const sdp_attribute_t *own = sm->m_attributes, *all = s->sdp_attributes, *a;

	media_words(m, line);
	media_address(m, sm->m_connections ? sm->m_connections : s->sdp_connection);
	m->path = attribute_dup(sdp_attribute_find(own, "path"));
	m->accept_types = attribute_dup(sdp_attribute_find(own, "accept-types"));
	m->accept_wrapped_types = attribute_dup(sdp_attribute_find(own, "accept-wrapped-types"));
	m->max_size = max_size_of(sdp_attribute_find(own, "max-size"));
	m->setup = setup_of(sdp_attribute_find2(own, all, "setup"));
	if (!direction_of(own, &m->dir))
		(void)direction_of(all, &m->dir);
	a = sdp_attribute_find(own, "chatroom");
	m->has_chatroom = a != NULL;
	m->chatroom = a ? chatroom_of(a) : 0;
	m->cema = sdp_attribute_find(own, "msrp-cema") != NULL;
	m->file = file_of(own, strict);
	qos_fill(&m->qos, own);
	m->n_fingerprints =
		values_fill(own, all, "fingerprint", m->fingerprints, ARRAY_LEN(m->fingerprints));
	m->n_key_mgmt = values_fill(own, all, "key-mgmt", m->key_mgmt, ARRAY_LEN(m->key_mgmt));
}

static int sdp_fill(struct sdp_session *sdp, const sdp_session_t *s, const struct sdp_lines *lines,
		    bool strict)
{
	const sdp_origin_t *o = s->sdp_origin;
	const sdp_media_t *sm = s->sdp_media;

	if (!o || !o->o_username || !o->o_address || !o->o_address->c_address)
		return -ERR_SYNTAX;
	/* Other networks are tolerated in c= (circuit-switched lines), not as the peer's own. */
	if (o->o_address->c_nettype != sdp_net_in || !*o->o_address->c_address)
		return -ERR_SYNTAX;
	sdp->origin_user = xstrdup(o->o_username);
	sdp->origin_id = o->o_id;
	sdp->origin_version = o->o_version;
	sdp->origin_host = xstrdup(o->o_address->c_address);
	sdp->origin_v6 = o->o_address->c_addrtype == sdp_addr_ip6;
	sdp->media = lines->n ? xcalloc(lines->n, sizeof(*sdp->media)) : NULL;
	for (; sm && sdp->n_media < lines->n; sm = sm->m_next) {
		size_t i = sdp->n_media++;

		media_fill(&sdp->media[i], &lines->media[i], s, sm, strict);
	}
	return sm || sdp->n_media != lines->n ? -ERR_SYNTAX : 0;
}

static int sdp_read(struct slice clean, const struct sdp_lines *lines, bool strict,
		    struct sdp_session *sdp)
{
	int flags =
		sdp_f_anynet | sdp_f_c_missing | sdp_f_mode_manual | (strict ? sdp_f_strict : 0);
	sdp_parser_t *parser = sdp_parse(NULL, clean.ptr, (issize_t)clean.len, flags);
	sdp_session_t *s = sdp_session(parser);
	int err = s ? sdp_fill(sdp, s, lines, strict) : -ERR_SYNTAX;

	sdp_parser_free(parser);
	return err;
}

int sdp_parse_msrp(struct slice text, bool strict, struct sdp_session *sdp_r)
{
	struct bytes clean = BYTES_INIT;
	struct sdp_lines lines = {.n = 0};
	struct sdp_session sdp = {0};
	int err = sdp_scan(text, strict, &lines, &clean);

	if (err == 0)
		err = sdp_read(bytes_slice(&clean), &lines, strict, &sdp);
	bytes_fini(&clean);
	if (err < 0)
		sdp_fini(&sdp);
	else
		*sdp_r = sdp;
	return err;
}

void sdp_fini(struct sdp_session *sdp)
{
	for (size_t i = 0; i < sdp->n_media; i++) {
		struct sdp_media *m = &sdp->media[i];

		free(m->type);
		free(m->proto);
		free(m->formats);
		free(m->host);
		free(m->path);
		free(m->accept_types);
		free(m->accept_wrapped_types);
		for (size_t k = 0; k < m->n_fingerprints; k++)
			free(m->fingerprints[k]);
		for (size_t k = 0; k < m->n_key_mgmt; k++)
			free(m->key_mgmt[k]);
		if (m->file)
			sdp_file_fini(m->file);
		free(m->file);
	}
	free(sdp->media);
	free(sdp->origin_user);
	free(sdp->origin_host);
	*sdp = (struct sdp_session){0};
}
