/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MSRP URIs, RFC 4975 sections 6 and 9: parse into views, compare, build. Addresses are compared as
 * numbers, names without regard to case after decoding what needed no percent-encoding, the
 * session-id byte by byte. Nothing is resolved here.
 */
#include "proto/msrp_uri.h"

#include <arpa/inet.h>
#include <strings.h>

#include "proto/chars.h"

#define HOST_MAX 255

/* The host with encoded unreserved characters decoded, as a string: RFC 4975 6.1 rule 2. */
static bool host_decode(struct slice host, char buf[HOST_MAX + 1])
{
	size_t n = 0;

	if (host.len > HOST_MAX)
		return false;
	for (size_t i = 0; i < host.len; i++) {
		int v = chars_pct(slice_from(host, i));

		if (v >= 0 && chars_is((char)v, CHARS_UNRESERVED)) {
			buf[n++] = (char)v;
			i += 2;
		} else {
			buf[n++] = host.ptr[i];
		}
	}
	buf[n] = '\0';
	return true;
}

static bool host_is_v4(struct slice host)
{
	char text[HOST_MAX + 1];
	struct in_addr addr;

	return host_decode(host, text) && inet_pton(AF_INET, text, &addr) == 1;
}

static bool host_is_v6(struct slice host)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	if (host.len >= sizeof(text) || memchr(host.ptr, '\0', host.len))
		return false;
	memcpy(text, host.ptr, host.len);
	text[host.len] = '\0';
	return inet_pton(AF_INET6, text, &addr) == 1;
}

static int scheme_parse(struct slice *rest, struct msrp_uri *u)
{
	if (slice_istarts(*rest, SLICE_LIT("msrp://"))) {
		u->secure = false;
		*rest = slice_from(*rest, 7);
		return 0;
	}
	if (slice_istarts(*rest, SLICE_LIT("msrps://"))) {
		u->secure = true;
		*rest = slice_from(*rest, 8);
		return 0;
	}
	return -ERR_SYNTAX;
}

/* Host, with brackets taken off, and the offset where ":port", "/" or ";" follows. */
static int host_parse(struct slice rest, struct msrp_uri *u, size_t *end_r)
{
	size_t end;

	if (rest.len > 0 && rest.ptr[0] == '[') {
		ptrdiff_t close = slice_chr(rest, ']');

		if (close < 0)
			return -ERR_SYNTAX;
		u->host = slice_make(rest.ptr + 1, (size_t)close - 1);
		u->host_is_v6 = true;
		*end_r = (size_t)close + 1;
		return host_is_v6(u->host) ? 0 : -ERR_SYNTAX;
	}
	end = chars_span(rest, CHARS_HOST);
	while (chars_pct(slice_from(rest, end)) >= 0) {
		end += 3;
		end += chars_span(slice_from(rest, end), CHARS_HOST);
	}
	if (end == 0 || end > HOST_MAX)
		return -ERR_SYNTAX;
	u->host = slice_first(rest, end);
	*end_r = end;
	return 0;
}

static int authority_parse(struct slice *rest, struct msrp_uri *u)
{
	ptrdiff_t at = slice_chr(*rest, '@');
	size_t end;
	int rc;

	if (at >= 0) { /* no later part may hold one */
		u->userinfo = slice_first(*rest, (size_t)at);
		if (!chars_pct_text(u->userinfo, "!$&'()*+,;=:"))
			return -ERR_SYNTAX;
		*rest = slice_from(*rest, (size_t)at + 1);
	}
	rc = host_parse(*rest, u, &end);
	if (rc < 0)
		return rc;
	*rest = slice_from(*rest, end);
	if (rest->len > 0 && rest->ptr[0] == ':') {
		uint64_t port;
		size_t n = 1;

		while (n < rest->len && chars_is(rest->ptr[n], CHARS_DIGIT))
			n++;
		if (slice_u64(slice_make(rest->ptr + 1, n - 1), UINT16_MAX, &port) < 0)
			return -ERR_SYNTAX;
		u->has_port = true;
		u->port = (uint16_t)port;
		*rest = slice_from(*rest, n);
	}
	if (!u->has_port && (u->host_is_v6 || host_is_v4(u->host)))
		return -ERR_SYNTAX; /* section 6: a numeric address comes with a port */
	return 0;
}

static int session_parse(struct slice *rest, struct msrp_uri *u)
{
	size_t n = 1;

	if (rest->len == 0 || rest->ptr[0] != '/')
		return 0;
	n += chars_span(slice_from(*rest, 1), CHARS_SESSION);
	if (n == 1)
		return -ERR_SYNTAX;
	u->has_session_id = true;
	u->session_id = slice_make(rest->ptr + 1, n - 1);
	*rest = slice_from(*rest, n);
	return 0;
}

static bool params_ok(struct slice params)
{
	struct slice item;

	while (slice_next(&params, ';', &item)) {
		ptrdiff_t eq = slice_chr(item, '=');

		if (eq < 0 ? !chars_all(item, CHARS_TOKEN)
			   : !chars_all(slice_first(item, (size_t)eq), CHARS_TOKEN) ||
				     !chars_all(slice_from(item, (size_t)eq + 1), CHARS_TOKEN))
			return false;
	}
	return true;
}

static int transport_parse(struct slice rest, struct msrp_uri *u)
{
	size_t n = 1;

	if (rest.len == 0 || rest.ptr[0] != ';')
		return -ERR_SYNTAX;
	while (n < rest.len && chars_is(rest.ptr[n], CHARS_ALNUM))
		n++;
	u->transport = slice_make(rest.ptr + 1, n - 1);
	if (u->transport.len == 0)
		return -ERR_SYNTAX;
	if (n == rest.len)
		return 0;
	if (rest.ptr[n] != ';')
		return -ERR_SYNTAX;
	u->params = slice_from(rest, n + 1);
	return params_ok(u->params) ? 0 : -ERR_SYNTAX;
}

int msrp_uri_parse(struct slice text, struct msrp_uri *uri_r)
{
	struct msrp_uri u = {0};
	struct slice rest = text;
	int rc = scheme_parse(&rest, &u);

	if (rc == 0)
		rc = authority_parse(&rest, &u);
	if (rc == 0)
		rc = session_parse(&rest, &u);
	if (rc == 0)
		rc = transport_parse(rest, &u);
	if (rc == 0)
		*uri_r = u;
	return rc;
}

static bool host_equal(const struct msrp_uri *a, const struct msrp_uri *b)
{
	char ta[HOST_MAX + 1], tb[HOST_MAX + 1];
	unsigned char na[sizeof(struct in6_addr)], nb[sizeof(struct in6_addr)];
	int family = a->host_is_v6 ? AF_INET6 : AF_INET;
	size_t size = a->host_is_v6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);

	if (a->host_is_v6 != b->host_is_v6)
		return false;
	if (slice_eq(a->host, b->host))
		return true;
	if (!host_decode(a->host, ta) || !host_decode(b->host, tb))
		return false;
	if (inet_pton(family, ta, na) == 1 && inet_pton(family, tb, nb) == 1)
		return memcmp(na, nb, size) == 0;
	return strcasecmp(ta, tb) == 0;
}

bool msrp_uri_equal(const struct msrp_uri *a, const struct msrp_uri *b)
{
	return a->secure == b->secure && a->has_port == b->has_port && a->port == b->port &&
	       a->has_session_id == b->has_session_id && slice_eq(a->session_id, b->session_id) &&
	       slice_ieq(a->transport, b->transport) && host_equal(a, b);
}

bool msrp_uri_same_session(const struct msrp_uri *a, const struct msrp_uri *b)
{
	return a->has_session_id && b->has_session_id && slice_eq(a->session_id, b->session_id);
}

void msrp_uri_build(struct bytes *out, bool secure, struct slice host, uint16_t port,
		    struct slice session_id, struct slice transport)
{
	bool brackets = slice_chr(host, ':') >= 0;

	bytes_add_str(out, secure ? "msrps://" : "msrp://");
	if (brackets)
		bytes_add_char(out, '[');
	bytes_add_slice(out, host);
	if (brackets)
		bytes_add_char(out, ']');
	bytes_addf(out, ":%u", (unsigned int)port);
	if (session_id.len > 0) {
		bytes_add_char(out, '/');
		bytes_add_slice(out, session_id);
	}
	bytes_add_char(out, ';');
	bytes_add_slice(out, transport);
}

int msrp_path_parse(struct slice text, struct msrp_path *path_r)
{
	struct msrp_path path = {.text = slice_trim(text)};
	struct slice rest = path.text, item;

	while (slice_next(&rest, ' ', &item)) {
		struct msrp_uri uri;
		int rc;

		if (item.len == 0)
			continue;
		if (path.n_items == MSRP_PATH_MAX)
			return -ERR_LIMIT;
		rc = msrp_uri_parse(item, &uri);
		if (rc < 0)
			return rc;
		path.items[path.n_items++] = item;
	}
	if (path.n_items == 0)
		return -ERR_SYNTAX;
	*path_r = path;
	return 0;
}
