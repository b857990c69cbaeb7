/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entity inside a sealed body: MIME headers, then message/cpim with the sender's name, the
 * conference's, the time and a rising number, then the real body; or SignedData around one of these.
 * Reading is strict: two readers must not see two senders. The window against replays is that of IPsec
 * (RFC 4303 3.4.3).
 */
#include "proto/gke_body.h"

#include <inttypes.h>

#include "proto/chars.h"
#include "proto/cpim.h"
#include "proto/media_type.h"

#define ENTITY_HEAD_MAX 1024
#define CPIM_HEAD_MAX   8192
#define TOKEN_DIGITS    8
#define WINDOW          64

#define CRLF "\r\n"

void gke_inner_build(const struct gke_inner *inner, struct bytes *out)
{
	struct cpim_fields fields = {
		.from_uri = inner->from,
		.to_uri = inner->to,
		.date_time = inner->date_time,
		.imdn_message_id = inner->message_id,
		.content_type = inner->content_type,
		.content_disposition = inner->disposition,
	};
	struct bytes head = BYTES_INIT;
	ptrdiff_t end;

	cpim_build(&head, &fields);
	end = slice_find(bytes_slice(&head), SLICE_LIT(CRLF CRLF));
	if (end < 0) {
		out->failed = true;
	} else {
		bytes_add_str(out, "Content-Type: message/cpim" CRLF CRLF);
		bytes_add(out, head.data, (size_t)end + 2);
		bytes_addf(out, "NS: gke <" GKE_CPIM_NS ">" CRLF "gke.Seq: %08" PRIx32 ".%" PRIu64,
			   inner->token, inner->seq);
		bytes_add_str(out, CRLF);
		bytes_add_slice(out, slice_from(bytes_slice(&head), (size_t)end + 2));
		bytes_add_slice(out, inner->payload);
	}
	bytes_fini(&head);
}

void gke_signed_build(struct slice der, struct bytes *out)
{
	bytes_add_str(out, "Content-Type: application/pkcs7-mime; smime-type=signed-data; "
			   "name=\"smime.p7m\"" CRLF "Content-Transfer-Encoding: binary" CRLF CRLF);
	bytes_add_slice(out, der);
}

/* --- reading --- */

/* The line at the front of *rest, which ends in CRLF; it is taken off. */
static bool take_line(struct slice *rest, struct slice *line_r)
{
	ptrdiff_t crlf = chars_crlf(*rest, 0);

	if (crlf < 0)
		return false;
	*line_r = slice_first(*rest, (size_t)crlf);
	*rest = slice_from(*rest, (size_t)crlf + 2);
	return true;
}

/* "name: value"; blanks around the value are dropped. */
static bool split_header(struct slice line, struct slice *name_r, struct slice *value_r)
{
	ptrdiff_t colon = slice_chr(line, ':');

	if (colon <= 0 || !chars_is_text(line))
		return false;
	*name_r = slice_first(line, (size_t)colon);
	*value_r = chars_trim(slice_from(line, (size_t)colon + 1));
	return true;
}

struct entity {
	struct slice type, encoding, body;
};

/* MIME headers, each once, up to a blank line. Encodings that change octets are not for sealed bodies. */
static int read_entity(struct slice text, struct entity *e)
{
	struct slice rest = text, line, name, value;

	*e = (struct entity){.type = SLICE_NULL};
	while (take_line(&rest, &line)) {
		struct slice *field = NULL;

		if (text.len - rest.len > ENTITY_HEAD_MAX)
			return -ERR_SYNTAX;
		if (line.len == 0) {
			e->body = rest;
			return e->type.len > 0 ? 0 : -ERR_SYNTAX;
		}
		if (!split_header(line, &name, &value) || !chars_all(name, CHARS_TOKEN))
			return -ERR_SYNTAX;
		if (slice_ieq_str(name, "Content-Type"))
			field = &e->type;
		else if (slice_ieq_str(name, "Content-Transfer-Encoding"))
			field = &e->encoding;
		if (field && (field->len > 0 || value.len == 0))
			return -ERR_SYNTAX;
		if (field)
			*field = value;
	}
	return -ERR_SYNTAX;
}

static bool changes_octets(struct slice encoding)
{
	return encoding.len > 0 && !slice_ieq_str(encoding, "binary") &&
	       !slice_ieq_str(encoding, "8bit") && !slice_ieq_str(encoding, "7bit");
}

static bool is_signed(struct slice type)
{
	return slice_ieq_str(media_type_base(type), "application/pkcs7-mime") &&
	       slice_ieq_str(media_type_param(type, "smime-type"), "signed-data");
}

/* <token>.<number> */
static bool read_seq(struct slice value, struct gke_inner *inner)
{
	uint32_t token = 0;
	uint64_t seq;

	if (value.len < TOKEN_DIGITS + 2 || value.ptr[TOKEN_DIGITS] != '.' ||
	    chars_span(value, CHARS_HEX) < TOKEN_DIGITS ||
	    slice_u64(slice_from(value, TOKEN_DIGITS + 1), UINT64_MAX, &seq) < 0)
		return false;
	for (size_t i = 0; i < TOKEN_DIGITS; i++)
		token = token << 4 | (uint32_t)chars_hex(value.ptr[i]);
	inner->token = token;
	inner->seq = seq;
	return true;
}

/* NS: prefix <uri>, as cpim_parse has found it to be well-formed. *prefix: of this URI; empty when it is no longer. */
static void note_namespace(struct slice value, struct slice uri, struct slice *prefix)
{
	ptrdiff_t open = slice_chr(value, '<');
	struct slice name = open < 0 ? SLICE_NULL : chars_trim(slice_first(value, (size_t)open));

	if (name.len == 0)
		return;
	if (slice_eq(slice_from(value, (size_t)open), uri))
		*prefix = name;
	else if (slice_eq(*prefix, name))
		*prefix = SLICE_NULL;
}

/* Is name "<prefix><suffix>"? */
static bool is_named(struct slice name, struct slice prefix, const char *suffix)
{
	return prefix.len > 0 && slice_starts(name, prefix) &&
	       slice_eq_str(slice_from(name, prefix.len), suffix);
}

/* Message headers once more: for the number, which must be there once, as the name must. */
static int find_seq(struct slice headers, struct gke_inner *inner)
{
	struct slice line, name, value, gke = SLICE_NULL, imdn = SLICE_NULL;
	int n_seq = 0, n_id = 0;

	while (take_line(&headers, &line) && line.len > 0) {
		if (!split_header(line, &name, &value))
			return -ERR_SYNTAX;
		if (slice_eq_str(name, "NS")) {
			note_namespace(value, SLICE_LIT("<" GKE_CPIM_NS ">"), &gke);
			note_namespace(value, SLICE_LIT("<urn:ietf:params:imdn>"), &imdn);
		}
		n_id += is_named(name, imdn, ".Message-ID");
		if (is_named(name, gke, ".Seq") && (n_seq++ > 0 || !read_seq(value, inner)))
			return -ERR_SYNTAX;
	}
	return n_seq == 1 && n_id <= 1 ? 0 : -ERR_SYNTAX;
}

/* One sender, one recipient, a time, a name of one spelling, a type; nothing that we would have to understand. */
static bool is_whole(const struct cpim_head *h)
{
	return h->n_from == 1 && h->n_to == 1 && h->n_cc == 0 && h->n_dup == 0 &&
	       h->date_time.len > 0 && h->imdn_message_id.len > 0 && h->require.len == 0 &&
	       slice_chr(h->imdn_message_id, '\\') < 0 && slice_chr(h->imdn_message_id, '\t') < 0 &&
	       media_type_ok(h->content_type);
}

static int read_cpim(struct slice text, struct gke_inner *inner_r)
{
	struct gke_inner inner = {.token = 0};
	struct cpim_head h;
	int rc = cpim_parse(text, CPIM_HEAD_MAX, true, true, &h);

	if (rc < 0)
		return -ERR_SYNTAX;
	rc = is_whole(&h) ? find_seq(text, &inner) : -ERR_SYNTAX;
	if (rc < 0)
		return rc;
	inner.from = h.from;
	inner.to = h.to;
	inner.date_time = h.date_time;
	inner.message_id = h.imdn_message_id;
	inner.content_type = h.content_type;
	inner.disposition = h.content_disposition;
	inner.payload = slice_from(text, h.head_len);
	*inner_r = inner;
	return 0;
}

int gke_entity_read(struct slice entity, struct slice *type_r, struct slice *body_r)
{
	struct entity e;
	int rc = read_entity(entity, &e);

	if (rc == 0 && changes_octets(e.encoding))
		rc = -ERR_SYNTAX;
	if (rc < 0)
		return rc;
	*type_r = e.type;
	*body_r = e.body;
	return 0;
}

int gke_inner_parse(struct slice entity, struct gke_inner *inner_r, struct slice *signed_r)
{
	struct slice type, body;
	int rc = gke_entity_read(entity, &type, &body);

	if (rc < 0)
		return rc;
	if (is_signed(type)) {
		*signed_r = body;
		return -ERR_UNSUPPORTED;
	}
	if (!slice_ieq_str(media_type_base(type), "message/cpim"))
		return -ERR_SYNTAX;
	return read_cpim(body, inner_r);
}

bool gke_window_take(struct gke_window *w, uint64_t seq)
{
	uint64_t back;

	if (!w->any || seq > w->top) {
		uint64_t ahead = w->any ? seq - w->top : WINDOW;

		w->bits = (ahead < WINDOW ? w->bits << ahead : 0) | 1;
		w->top = seq;
		w->any = true;
		return true;
	}
	back = w->top - seq;
	if (back >= WINDOW || (w->bits >> back & 1))
		return false;
	w->bits |= UINT64_C(1) << back;
	return true;
}
