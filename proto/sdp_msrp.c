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

#include "common/mem.h"

#define SDP_MAX_TEXT (64u << 10)

static bool line_ok(struct slice line, bool strict)
{
	if (line.len < 2 || line.ptr[1] != '=')
		return false;
	return !strict || (line.ptr[0] >= 'a' && line.ptr[0] <= 'z');
}

/*
 * Sofia stops without an error at a NUL and at a line shorter than two characters, so both are
 * refused beforehand. Collects the values of the m= lines, which it rewrites.
 */
static int sdp_scan_lines(struct slice text, bool strict, struct slice media[SDP_MAX_MEDIA],
			  size_t *n_media_r)
{
	struct slice rest = text, line;
	size_t n = 0;

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
		if (!line_ok(line, strict) || memchr(line.ptr, '\r', line.len))
			return -ERR_SYNTAX;
		if (line.ptr[0] != 'm')
			continue;
		if (n == SDP_MAX_MEDIA)
			return -ERR_LIMIT;
		media[n++] = slice_trim(slice_from(line, 2));
	}
	*n_media_r = n;
	return 0;
}

/* Value of an attribute, trimmed; NULL when missing or empty. */
static char *attribute_dup(const sdp_attribute_t *a)
{
	struct slice v = SLICE_NULL;

	if (a && a->a_value)
		v = slice_trim(slice_str(a->a_value));
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

/* "message 7394 TCP/MSRP *" as written: type, (port), proto, formats. */
static int media_line(struct sdp_media *m, struct slice line, bool strict)
{
	struct slice rest = line, word[3];
	size_t n = 0;

	while (n < 3) {
		struct slice token;

		if (!slice_next(&rest, ' ', &token))
			return -ERR_SYNTAX;
		token = slice_trim(token);
		if (token.len > 0)
			word[n++] = token;
	}
	if (strict && slice_ieq_str(word[0], "message") && !slice_eq_str(word[0], "message"))
		return -ERR_SYNTAX;
	m->type = slice_dup(word[0]);
	for (char *c = m->type; *c; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + ('a' - 'A'));
	}
	m->is_message = slice_eq_str(slice_str(m->type), "message");
	m->proto = slice_dup(word[2]);
	m->transport = transport_of(word[2]);
	m->formats = slice_dup(slice_trim(rest));
	return 0;
}

static void media_address(struct sdp_media *m, const sdp_connection_t *c)
{
	bool known = c && c->c_nettype == sdp_net_in && c->c_address;

	m->host = xstrdup(known ? c->c_address : "");
	m->host_is_v6 = known && c->c_addrtype == sdp_addr_ip6;
}

static int media_fill(struct sdp_media *m, struct slice line, const sdp_session_t *s,
		      const sdp_media_t *sm, bool strict)
{
	const sdp_attribute_t *own = sm->m_attributes, *all = s->sdp_attributes, *a;
	int err = media_line(m, line, strict);

	if (err < 0)
		return err;
	if (sm->m_port > UINT16_MAX)
		return -ERR_SYNTAX;
	m->port = (uint16_t)sm->m_port;
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
	m->has_file_selector = sdp_attribute_find(own, "file-selector") != NULL;
	m->fingerprint = attribute_dup(sdp_attribute_find2(own, all, "fingerprint"));
	return 0;
}

static int sdp_fill(struct sdp_session *sdp, const sdp_session_t *s,
		    const struct slice lines[SDP_MAX_MEDIA], size_t n_lines, bool strict)
{
	const sdp_origin_t *o = s->sdp_origin;
	const sdp_media_t *sm = s->sdp_media;

	if (!o || !o->o_username || !o->o_address || !o->o_address->c_address)
		return -ERR_SYNTAX;
	sdp->origin_user = xstrdup(o->o_username);
	sdp->origin_id = o->o_id;
	sdp->origin_version = o->o_version;
	sdp->origin_host = xstrdup(o->o_address->c_address);
	sdp->origin_v6 = o->o_address->c_addrtype == sdp_addr_ip6;
	for (; sm && sdp->n_media < n_lines; sm = sm->m_next) {
		size_t i = sdp->n_media++;
		int err = media_fill(&sdp->media[i], lines[i], s, sm, strict);

		if (err < 0)
			return err;
	}
	return sm || sdp->n_media != n_lines ? -ERR_SYNTAX : 0;
}

int sdp_parse_msrp(struct slice text, bool strict, struct sdp_session *sdp_r)
{
	struct slice lines[SDP_MAX_MEDIA];
	struct sdp_session sdp = {0};
	sdp_parser_t *parser;
	sdp_session_t *s;
	size_t n_lines = 0;
	int flags =
		sdp_f_anynet | sdp_f_c_missing | sdp_f_mode_manual | (strict ? sdp_f_strict : 0);
	int err = sdp_scan_lines(text, strict, lines, &n_lines);

	if (err < 0)
		return err;
	parser = sdp_parse(NULL, text.ptr, (issize_t)text.len, flags);
	s = sdp_session(parser);
	err = s ? sdp_fill(&sdp, s, lines, n_lines, strict) : -ERR_SYNTAX;
	sdp_parser_free(parser);
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
		free(m->fingerprint);
	}
	free(sdp->origin_user);
	free(sdp->origin_host);
	*sdp = (struct sdp_session){0};
}
