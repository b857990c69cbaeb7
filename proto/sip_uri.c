/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIP, SIPS, tel and im URIs as names of users and conferences: parse into views, compare, and keys
 * that are equal where the comparison says so (RFC 3261 19.1, RFC 3966, RFC 3860). Parameters and
 * headers play no part in a name here. Routing by URI is not done in this file.
 */
#include "proto/sip_uri.h"

#include <arpa/inet.h>

#include "proto/chars.h"

/* A scheme's characters, RFC 3986 3.1. */
static bool scheme_ok(struct slice s)
{
	if (s.len == 0 || !chars_is(s.ptr[0], CHARS_ALPHA))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!chars_is(s.ptr[i], CHARS_ALNUM) && !chars_in(s.ptr[i], "+-."))
			return false;
	}
	return true;
}

static enum sip_uri_scheme scheme_of(struct slice s)
{
	if (slice_ieq_str(s, "sip"))
		return SIP_URI_SIP;
	if (slice_ieq_str(s, "sips"))
		return SIP_URI_SIPS;
	if (slice_ieq_str(s, "tel"))
		return SIP_URI_TEL;
	if (slice_ieq_str(s, "im"))
		return SIP_URI_IM;
	return SIP_URI_OTHER;
}

static bool is_v6(struct slice text, struct in6_addr *addr_r)
{
	char buf[INET6_ADDRSTRLEN];

	return slice_copy(text, buf, sizeof(buf)) == 0 && strlen(buf) == text.len &&
	       inet_pton(AF_INET6, buf, addr_r) == 1;
}

/* The address of a host in brackets. */
static bool host_v6(struct slice host, struct in6_addr *addr_r)
{
	return host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']' &&
	       is_v6(slice_make(host.ptr + 1, host.len - 2), addr_r);
}

static int read_host(struct slice *rest, struct sip_uri *u)
{
	struct in6_addr addr;
	size_t n = 0;

	if (rest->len > 0 && rest->ptr[0] == '[') {
		ptrdiff_t close = slice_chr(*rest, ']');

		if (close < 0 || !host_v6(slice_first(*rest, (size_t)close + 1), &addr))
			return -ERR_SYNTAX;
		n = (size_t)close + 1;
	} else {
		while (n < rest->len &&
		       (chars_is(rest->ptr[n], CHARS_ALNUM) || chars_in(rest->ptr[n], "-._")))
			n++;
	}
	if (n == 0)
		return -ERR_SYNTAX;
	u->host = slice_first(*rest, n);
	*rest = slice_from(*rest, n);
	return 0;
}

static int read_port(struct slice *rest, struct sip_uri *u)
{
	uint64_t port;
	size_t n;

	if (rest->len == 0 || rest->ptr[0] != ':')
		return 0;
	*rest = slice_from(*rest, 1);
	n = chars_span(*rest, CHARS_DIGIT);
	if (slice_u64(slice_first(*rest, n), UINT16_MAX, &port) < 0 || port == 0)
		return -ERR_SYNTAX;
	u->port = (uint16_t)port;
	*rest = slice_from(*rest, n);
	return 0;
}

/* What a user part may not hold: anything that another reader could take for an end. */
static bool user_ok(struct slice s)
{
	if (!chars_pct_text(s, "!*'()&=+$,;?/#"))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (chars_pct(slice_from(s, i)) == 0)
			return false;
	}
	return true;
}

static int read_userinfo(struct slice *rest, struct sip_uri *u)
{
	ptrdiff_t at = slice_chr(*rest, '@'), colon;

	if (at < 0)
		return 0;
	u->user = slice_first(*rest, (size_t)at);
	*rest = slice_from(*rest, (size_t)at + 1);
	colon = slice_chr(u->user, ':');
	if (colon >= 0) {
		u->password = slice_from(u->user, (size_t)colon + 1);
		u->user = slice_first(u->user, (size_t)colon);
	}
	if (u->user.len == 0 || !user_ok(u->user) || !chars_pct_text(u->password, "!*'()&=+$,"))
		return -ERR_SYNTAX;
	return 0;
}

/* [;params][?headers] to the end. */
static int read_tail(struct slice rest, struct sip_uri *u)
{
	ptrdiff_t question = slice_chr(rest, '?');

	if (question >= 0) {
		u->headers = slice_from(rest, (size_t)question + 1);
		rest = slice_first(rest, (size_t)question);
	}
	if (rest.len > 0) {
		if (rest.ptr[0] != ';')
			return -ERR_SYNTAX;
		u->params = slice_from(rest, 1);
	}
	if (!chars_pct_text(u->params, "!*'()[]/:&+$;=") ||
	    !chars_pct_text(u->headers, "!*'()[]/?:+$&=;"))
		return -ERR_SYNTAX;
	return 0;
}

static int read_sip(struct slice rest, struct sip_uri *u)
{
	int rc = read_userinfo(&rest, u);

	if (rc == 0)
		rc = read_host(&rest, u);
	if (rc == 0)
		rc = read_port(&rest, u);
	return rc < 0 ? rc : read_tail(rest, u);
}

static bool is_separator(char c)
{
	return chars_in(c, "-.()");
}

static int read_tel(struct slice rest, struct sip_uri *u)
{
	ptrdiff_t semi = slice_chr(rest, ';');
	size_t n_digits = 0;

	u->user = semi < 0 ? rest : slice_first(rest, (size_t)semi);
	u->params = semi < 0 ? SLICE_NULL : slice_from(rest, (size_t)semi + 1);
	for (size_t i = 0; i < u->user.len; i++) {
		char c = u->user.ptr[i];

		if (c == '+' ? i > 0 : !chars_is(c, CHARS_HEX) && !chars_in(c, "*#-.()"))
			return -ERR_SYNTAX;
		n_digits += c != '+' && !is_separator(c);
	}
	if (n_digits == 0 || !chars_pct_text(u->params, "!*'()[]/:&+$;=,"))
		return -ERR_SYNTAX;
	return 0;
}

/* Schemes that are not looked into: everything behind the colon is the user. */
static int read_other(struct slice rest, struct sip_uri *u)
{
	u->user = rest;
	return rest.len > 0 && chars_pct_text(rest, "!*'()&=+$,;?/#:@[]") ? 0 : -ERR_SYNTAX;
}

int sip_uri_parse(struct slice text, struct sip_uri *uri_r)
{
	ptrdiff_t colon = slice_chr(text, ':');
	struct sip_uri u = {0};
	struct slice rest;
	int rc;

	if (colon < 0 || !scheme_ok(slice_first(text, (size_t)colon)))
		return -ERR_SYNTAX;
	u.scheme = scheme_of(slice_first(text, (size_t)colon));
	rest = slice_from(text, (size_t)colon + 1);
	if (u.scheme == SIP_URI_TEL)
		rc = read_tel(rest, &u);
	else if (u.scheme == SIP_URI_OTHER)
		rc = read_other(rest, &u);
	else
		rc = read_sip(rest, &u);
	if (rc == 0)
		*uri_r = u;
	return rc;
}

bool sip_uri_param(struct slice params, const char *name, struct slice *r)
{
	struct slice item;

	while (slice_next(&params, ';', &item)) {
		ptrdiff_t eq = slice_chr(item, '=');
		struct slice key = eq < 0 ? item : slice_first(item, (size_t)eq);

		if (slice_ieq_str(key, name)) {
			*r = eq < 0 ? SLICE_NULL : slice_from(item, (size_t)eq + 1);
			return true;
		}
	}
	return false;
}

/* "+" means itself here. */
static bool decode_header(struct slice text, struct bytes *out)
{
	while (text.len > 0) {
		int c = chars_pct(text);

		text = slice_from(text, c < 0 ? 1 : 3);
		if (c < 0)
			c = (unsigned char)text.ptr[-1];
		if (c == '%' || c < ' ' || c == 0x7f)
			return false;
		bytes_add_char(out, (char)c);
	}
	return true;
}

bool sip_uri_header(struct slice headers, const char *name, struct bytes *value_r)
{
	struct slice item;

	while (slice_next(&headers, '&', &item)) {
		ptrdiff_t eq = slice_chr(item, '=');

		if (eq < 0 || !slice_ieq_str(slice_first(item, (size_t)eq), name))
			continue;
		bytes_reset(value_r);
		return decode_header(slice_from(item, (size_t)eq + 1), value_r);
	}
	return false;
}

/* The next character of a user part with escapes decoded, or -1 at the end. */
static int next_user_char(struct slice *s)
{
	int c = chars_pct(*s);

	if (s->len == 0)
		return -1;
	if (c < 0) {
		c = (unsigned char)s->ptr[0];
		*s = slice_from(*s, 1);
	} else {
		*s = slice_from(*s, 3);
	}
	return c;
}

/* The next digit of a number, without separators, in lower case, or -1 at the end. */
static int next_tel_char(struct slice *s)
{
	while (s->len > 0) {
		char c = s->ptr[0];

		*s = slice_from(*s, 1);
		if (!is_separator(c))
			return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
	}
	return -1;
}

static bool same_chars(struct slice a, struct slice b, int (*next)(struct slice *))
{
	int ca, cb;

	do {
		ca = next(&a);
		cb = next(&b);
	} while (ca == cb && ca >= 0);
	return ca == cb;
}

static bool same_host(struct slice a, struct slice b)
{
	struct in6_addr na, nb;

	if (slice_ieq(a, b))
		return true;
	return host_v6(a, &na) && host_v6(b, &nb) && memcmp(&na, &nb, sizeof(na)) == 0;
}

/* A local number means something in its context only. */
static struct slice tel_context(const struct sip_uri *u)
{
	struct slice context;

	if (u->user.ptr[0] == '+' || !sip_uri_param(u->params, "phone-context", &context))
		return SLICE_NULL;
	return context;
}

static bool same_tel(const struct sip_uri *a, const struct sip_uri *b)
{
	return slice_ieq(tel_context(a), tel_context(b)) &&
	       same_chars(a->user, b->user, next_tel_char);
}

static enum sip_uri_scheme name_scheme(const struct sip_uri *u)
{
	return u->scheme == SIP_URI_SIPS ? SIP_URI_SIP : u->scheme;
}

/* Scheme without regard to case, the rest byte by byte. */
static bool same_other(struct slice a, struct slice b)
{
	size_t na = (size_t)slice_chr(a, ':'), nb = (size_t)slice_chr(b, ':');

	return slice_ieq(slice_first(a, na), slice_first(b, nb)) &&
	       slice_eq(slice_from(a, na), slice_from(b, nb));
}

bool sip_uri_same(struct slice a, struct slice b)
{
	struct sip_uri ua, ub;

	if (sip_uri_parse(a, &ua) < 0 || sip_uri_parse(b, &ub) < 0 ||
	    name_scheme(&ua) != name_scheme(&ub))
		return false;
	if (ua.scheme == SIP_URI_OTHER)
		return same_other(a, b);
	if (ua.scheme == SIP_URI_TEL)
		return same_tel(&ua, &ub);
	return ua.port == ub.port && same_host(ua.host, ub.host) &&
	       same_chars(ua.user, ub.user, next_user_char);
}

static void add_lower(struct bytes *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		bytes_add_char(out, c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c);
	}
}

static void add_host_port(struct bytes *out, const struct sip_uri *u)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	if (host_v6(u->host, &addr) && inet_ntop(AF_INET6, &addr, text, sizeof(text))) {
		bytes_add_char(out, '[');
		bytes_add_str(out, text);
		bytes_add_char(out, ']');
	} else {
		add_lower(out, u->host);
	}
	if (u->port != 0)
		bytes_addf(out, ":%u", (unsigned int)u->port);
}

static void add_tel(struct bytes *out, const struct sip_uri *u)
{
	struct slice number = u->user, context = tel_context(u);
	int c;

	bytes_add_str(out, "tel:");
	while ((c = next_tel_char(&number)) >= 0)
		bytes_add_char(out, (char)c);
	if (context.len > 0) {
		bytes_add_str(out, ";phone-context=");
		add_lower(out, context);
	}
}

static void add_other(struct bytes *out, struct slice text)
{
	size_t colon = (size_t)slice_chr(text, ':');

	add_lower(out, slice_first(text, colon));
	bytes_add_slice(out, slice_from(text, colon));
}

static const char *scheme_text(enum sip_uri_scheme scheme)
{
	if (scheme == SIP_URI_IM)
		return "im:";
	return scheme == SIP_URI_SIPS ? "sips:" : "sip:";
}

int sip_uri_aor(struct slice text, struct bytes *out)
{
	struct sip_uri u;
	int rc = sip_uri_parse(text, &u);

	if (rc < 0)
		return rc;
	if (u.scheme == SIP_URI_OTHER) {
		add_other(out, text);
	} else if (u.scheme == SIP_URI_TEL) {
		add_tel(out, &u);
	} else {
		bytes_add_str(out, scheme_text(u.scheme));
		bytes_add_slice(out, u.user);
		if (u.user.len > 0)
			bytes_add_char(out, '@');
		add_host_port(out, &u);
	}
	return 0;
}

int sip_uri_key(struct slice text, struct bytes *out)
{
	struct sip_uri u;
	int rc = sip_uri_parse(text, &u), c;

	if (rc < 0)
		return rc;
	if (u.scheme == SIP_URI_OTHER) {
		add_other(out, text);
	} else if (u.scheme == SIP_URI_TEL) {
		add_tel(out, &u);
	} else {
		bytes_add_str(out, scheme_text(name_scheme(&u)));
		while ((c = next_user_char(&u.user)) >= 0)
			bytes_add_char(out, (char)c);
		bytes_add_char(out, '@');
		add_host_port(out, &u);
	}
	return 0;
}

static void add_unquoted(struct bytes *out, struct slice inner)
{
	for (size_t i = 0; i < inner.len; i++) {
		if (inner.ptr[i] == '\\' && i + 1 < inner.len)
			i++;
		bytes_add_char(out, inner.ptr[i]);
	}
}

/* Offset of the quote that ends the quoted string at the start of s, or -1. */
static ptrdiff_t quote_end(struct slice s)
{
	for (size_t i = 1; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == '"')
			return (ptrdiff_t)i;
	}
	return -1;
}

/* "<uri>" with header parameters behind it, at the start of s. */
static int read_angle(struct slice s, struct slice *uri_r)
{
	ptrdiff_t close = slice_chr(s, '>');
	struct slice rest;

	if (s.len == 0 || s.ptr[0] != '<' || close < 2)
		return -ERR_SYNTAX;
	rest = slice_trim(slice_from(s, (size_t)close + 1));
	if (rest.len > 0 && rest.ptr[0] != ';')
		return -ERR_SYNTAX;
	*uri_r = slice_trim(slice_make(s.ptr + 1, (size_t)close - 1));
	return uri_r->len > 0 ? 0 : -ERR_SYNTAX;
}

int sip_name_addr(struct slice value, struct bytes *display_r, struct slice *uri_r)
{
	struct slice v = slice_trim(value), display = SLICE_NULL, uri;
	bool quoted = v.len > 0 && v.ptr[0] == '"';
	ptrdiff_t at;

	if (quoted) {
		at = quote_end(v);
		if (at < 0)
			return -ERR_SYNTAX;
		display = slice_make(v.ptr + 1, (size_t)at - 1);
		v = slice_trim(slice_from(v, (size_t)at + 1));
	} else {
		at = slice_chr(v, '<');
		if (at < 0) { /* addr-spec: what follows a ';' belongs to the header */
			at = slice_chr(v, ';');
			*uri_r = at < 0 ? v : slice_trim(slice_first(v, (size_t)at));
			return uri_r->len > 0 ? 0 : -ERR_SYNTAX;
		}
		display = slice_trim(slice_first(v, (size_t)at));
		v = slice_from(v, (size_t)at);
	}
	if (read_angle(v, &uri) < 0 || !chars_is_text(display))
		return -ERR_SYNTAX;
	if (quoted)
		add_unquoted(display_r, display);
	else
		bytes_add_slice(display_r, display);
	*uri_r = uri;
	return 0;
}

void sip_uri_name_key(struct slice name, struct bytes *out)
{
	bytes_reset(out);
	if (sip_uri_key(name, out) < 0) {
		bytes_reset(out);
		bytes_add_slice(out, name);
	}
}

char *sip_uri_name(struct slice name)
{
	struct bytes aor = BYTES_INIT;
	char *text = sip_uri_aor(name, &aor) == 0 ? bytes_take(&aor) : slice_dup(name);

	bytes_fini(&aor);
	return text;
}
