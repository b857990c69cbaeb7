/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing of session descriptions with MSRP media lines, and the rules by which a media line is
 * accepted and answered. A small writer of its own: the order of lines is fixed and equal
 * descriptions are equal octets, so that an unchanged one keeps its o= version by comparison.
 * RFC 4975 section 8, RFC 3264, RFC 6135 section 4, RFC 6714, RFC 7701 section 8.
 */
#include <inttypes.h>

#include "common/addr.h"
#include "proto/media_type.h"
#include "proto/msrp_uri.h"
#include "proto/sdp_msrp.h"

static const char *const dir_names[] = {
	[SDP_SENDRECV] = "sendrecv",
	[SDP_SENDONLY] = "sendonly",
	[SDP_RECVONLY] = "recvonly",
	[SDP_INACTIVE] = "inactive",
};
static const char *const setup_names[] = {
	[SDP_SETUP_NONE] = "",
	[SDP_SETUP_ACTIVE] = "active",
	[SDP_SETUP_PASSIVE] = "passive",
	[SDP_SETUP_ACTPASS] = "actpass",
};

const char *sdp_dir_name(enum sdp_dir d)
{
	return dir_names[d];
}

const char *sdp_setup_name(enum sdp_setup s)
{
	return setup_names[s];
}

static void add_address(struct bytes *out, const char *host, bool v6)
{
	bytes_addf(out, "IN IP%c %s\r\n", v6 ? '6' : '4', host);
}

static void add_attribute(struct bytes *out, const char *name, const char *value)
{
	if (value)
		bytes_addf(out, "a=%s:%s\r\n", name, value);
}

/* One value, or several with commas between them, a line each (RFC 8122 5.1). */
static void add_fingerprints(struct bytes *out, const char *list)
{
	struct slice rest = slice_str(list), one;

	while (slice_next(&rest, ',', &one)) {
		bytes_add_str(out, "a=fingerprint:");
		bytes_add_slice(out, slice_trim(one));
		bytes_add_str(out, "\r\n");
	}
}

static void add_keys(struct bytes *out, const struct sdp_media *m)
{
	for (size_t i = 0; i < m->n_key_mgmt; i++)
		add_attribute(out, "key-mgmt", m->key_mgmt[i]);
}

static void build_chatroom(struct bytes *out, unsigned bits)
{
	char sep = ':';

	bytes_add_str(out, "a=chatroom");
	if (bits & SDP_CHATROOM_NICKNAME) {
		bytes_addf(out, "%cnickname", sep);
		sep = ' ';
	}
	if (bits & SDP_CHATROOM_PRIVATE)
		bytes_addf(out, "%cprivate-messages", sep);
	bytes_add_str(out, "\r\n");
}

static bool has_host(const struct sdp_media *m)
{
	return m->port != 0 && m->host && *m->host;
}

static bool same_host(const struct sdp_media *a, const struct sdp_media *b)
{
	return a->host_is_v6 == b->host_is_v6 && slice_eq(slice_str(a->host), slice_str(b->host));
}

static void build_media(struct bytes *out, const struct sdp_media *m, const struct sdp_media *top)
{
	bytes_addf(out, "m=%s %u %s %s\r\n", m->type, (unsigned)m->port, m->proto,
		   m->formats && *m->formats ? m->formats : "*");
	if (m->port == 0) { /* a refused file is named all the same (RFC 5547 8.3) */
		if (m->file)
			sdp_file_build(out, m->file);
		add_keys(out, m);
		return;
	}
	if (has_host(m) && !same_host(m, top)) {
		bytes_add_str(out, "c=");
		add_address(out, m->host, m->host_is_v6);
	}
	add_attribute(out, "path", m->path);
	add_attribute(out, "accept-types", m->accept_types);
	add_attribute(out, "accept-wrapped-types", m->accept_wrapped_types);
	if (m->max_size)
		bytes_addf(out, "a=max-size:%" PRIu64 "\r\n", m->max_size);
	if (m->dir != SDP_SENDRECV)
		bytes_addf(out, "a=%s\r\n", sdp_dir_name(m->dir));
	if (m->setup != SDP_SETUP_NONE)
		add_attribute(out, "setup", sdp_setup_name(m->setup));
	for (size_t i = 0; i < m->n_fingerprints; i++)
		add_fingerprints(out, m->fingerprints[i]);
	add_keys(out, m);
	if (m->cema)
		bytes_add_str(out, "a=msrp-cema\r\n");
	if (m->has_chatroom)
		build_chatroom(out, m->chatroom);
	sdp_qos_build(out, &m->qos);
	if (m->file)
		sdp_file_build(out, m->file);
}

void sdp_build(struct bytes *out, const struct sdp_session *sdp)
{
	const struct sdp_media *top = NULL;

	for (size_t i = 0; i < sdp->n_media && !top; i++) {
		if (has_host(&sdp->media[i]))
			top = &sdp->media[i];
	}
	bytes_addf(out, "v=0\r\no=%s %" PRIu64 " %" PRIu64 " ", sdp->origin_user, sdp->origin_id,
		   sdp->origin_version);
	add_address(out, sdp->origin_host, sdp->origin_v6);
	bytes_add_str(out, "s=-\r\nc=");
	if (top)
		add_address(out, top->host, top->host_is_v6);
	else
		add_address(out, sdp->origin_host, sdp->origin_v6);
	bytes_add_str(out, "t=0 0\r\n");
	for (size_t i = 0; i < sdp->n_media; i++)
		build_media(out, &sdp->media[i], top);
}

/* Numeric hosts are compared as numbers, names by letters (RFC 6714 4.4). */
static bool host_matches(struct slice a, struct slice b)
{
	struct addr x, y;

	if (addr_from_host(a, 0, &x) == 0 && addr_from_host(b, 0, &y) == 0)
		return addr_host_equal(&x, &y);
	return slice_ieq(a, b);
}

bool sdp_place_matches(const struct sdp_media *m, const struct msrp_uri *first)
{
	struct addr x;
	bool c_number = addr_from_host(slice_str(m->host), 0, &x) == 0;
	bool path_number = addr_from_host(first->host, 0, &x) == 0;

	if (m->port != first->port)
		return false;
	if (!*m->host || c_number != path_number)
		return true;
	return host_matches(slice_str(m->host), first->host);
}

bool sdp_is_websocket(const struct sdp_media *m)
{
	struct msrp_path path;
	struct msrp_uri first;

	return m->path && msrp_path_parse(slice_str(m->path), &path) == 0 &&
	       msrp_uri_parse(path.items[0], &first) == 0 && slice_ieq_str(first.transport, "ws");
}

/* NULL, or what is wrong with the path. */
static const char *path_problem(const struct sdp_media *m, struct msrp_uri *first_r)
{
	struct msrp_path path;
	struct msrp_uri uri;
	bool tls = m->transport != SDP_TCP_MSRP;

	if (!m->path)
		return "a=path is missing";
	if (msrp_path_parse(slice_str(m->path), &path) < 0)
		return "a=path is malformed";
	for (size_t i = path.n_items; i-- > 0;) {
		if (msrp_uri_parse(path.items[i], &uri) < 0)
			return "a=path is malformed";
		if (!uri.has_port || uri.port == 0)
			return "URI in a=path has no port";
	}
	*first_r = uri;
	if (msrp_uri_parse(path.items[path.n_items - 1], &uri) < 0 || !uri.has_session_id)
		return "URI in a=path has no session id";
	if (first_r->secure != tls)
		return "a=path and m= disagree about TLS";
	if (m->transport == SDP_TCP_WSS_MSRP && !sdp_is_websocket(m))
		return "a=path and m= disagree about WebSocket";
	return NULL;
}

bool sdp_is_file(const struct sdp_media *m)
{
	const struct sdp_file *f = m->file;

	return f && (f->malformed || f->name || f->type || f->has_size || f->n_hashes > 0 ||
		     f->transfer_id);
}

/* Who the TLS peer is must be told, in a way that can be trusted (RFC 8122 5). */
static const char *fingerprint_problem(const struct sdp_media *m, bool by_name)
{
	struct fingerprint_list list = {.n = 0};

	if (m->transport != SDP_TCP_TLS_MSRP || sdp_is_websocket(m))
		return NULL; /* a browser has no certificate, and checks ours by its name */
	if (!m->n_fingerprints)
		return by_name ? NULL : "a=fingerprint is missing";
	if (m->n_fingerprints > SDP_MAX_FINGERPRINTS)
		return "too many a=fingerprint";
	for (size_t i = 0; i < m->n_fingerprints; i++) {
		if (fingerprint_list_add(&list, slice_str(m->fingerprints[i])) != 0)
			return "a=fingerprint is malformed";
	}
	return list.n ? NULL : "no a=fingerprint has a hash that is trusted";
}

static const char *key_mgmt_problem(const struct sdp_media *m)
{
	if (m->n_key_mgmt > KEY_MGMT_MAX)
		return "too many a=key-mgmt";
	for (size_t i = 0; i < m->n_key_mgmt; i++) {
		if (strlen(m->key_mgmt[i]) > KEY_MGMT_MAX_SIZE)
			return "a=key-mgmt is too long";
	}
	return NULL;
}

/* What any MSRP line must have. */
static const char *line_problem(const struct sdp_media *m, bool by_name)
{
	struct msrp_uri first;
	const char *why;

	if (m->transport == SDP_OTHER)
		return "transport is not MSRP";
	why = path_problem(m, &first);
	if (!why)
		why = fingerprint_problem(m, by_name);
	if (!why)
		why = key_mgmt_problem(m);
	if (why)
		return why;
	if (!m->accept_types)
		return "a=accept-types is missing";
	return NULL;
}

static const char *chat_problem(const struct sdp_media *m, bool by_name)
{
	static const struct slice cpim = SLICE_LIT("message/cpim");
	const char *why = line_problem(m, by_name);

	if (why)
		return why;
	if (sdp_is_file(m))
		return "no file transfer here";
	if (!media_type_listed(slice_str(m->accept_types), cpim))
		return "a=accept-types lacks message/cpim";
	return NULL;
}

static const char *push_problem(const struct sdp_media *m, bool by_name)
{
	if (!sdp_is_file(m))
		return "no file is offered";
	if (m->file->malformed)
		return "a file attribute is malformed";
	if (m->dir == SDP_RECVONLY || m->dir == SDP_INACTIVE)
		return "no files are kept here";
	if (!m->file->transfer_id)
		return "a=file-transfer-id is missing";
	if (!sdp_file_is_push(m->file))
		return "a=file-selector says neither type, size nor hash";
	return line_problem(m, by_name);
}

int sdp_push_problem(const struct sdp_media *m, bool by_name, const char **why_r)
{
	const char *why = push_problem(m, by_name);

	if (!why)
		return 0;
	*why_r = why;
	return 488;
}

int sdp_chat_problem(const struct sdp_media *m, bool by_name, const char **why_r)
{
	const char *why = chat_problem(m, by_name);

	if (!why)
		return 0;
	*why_r = why;
	return 488;
}

static bool sends(enum sdp_dir d)
{
	return d == SDP_SENDRECV || d == SDP_SENDONLY;
}

static bool receives(enum sdp_dir d)
{
	return d == SDP_SENDRECV || d == SDP_RECVONLY;
}

enum sdp_dir sdp_dir_answer(enum sdp_dir offered, enum sdp_dir ours)
{
	bool send = receives(offered) && sends(ours);
	bool recv = sends(offered) && receives(ours);

	if (send)
		return recv ? SDP_SENDRECV : SDP_SENDONLY;
	return recv ? SDP_RECVONLY : SDP_INACTIVE;
}

enum sdp_setup sdp_setup_answer(enum sdp_setup offered)
{
	return offered == SDP_SETUP_PASSIVE ? SDP_SETUP_ACTIVE : SDP_SETUP_PASSIVE;
}
