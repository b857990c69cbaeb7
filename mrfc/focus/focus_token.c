/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Referred-By token, RFC 3892 2.2 and 5: the body part that a REFER's Referred-By names goes into
 * our call as it is. Whether its signature holds is for who is called: it is his to judge.
 */
#include "mrfc/focus/focus_token.h"

#include "common/chunk.h"
#include "mrfc/focus/focus_priv.h"

/* The value of Referred-By's cid parameter, without its quotes; empty when there is none. */
static struct slice cid_of(const char *referred_by)
{
	struct slice rest = slice_str(referred_by), item;
	ptrdiff_t end = slice_chr(rest, '>');

	if (end >= 0)
		rest = slice_from(rest, (size_t)end + 1);
	while (slice_next(&rest, ';', &item)) {
		item = slice_trim(item);
		if (!slice_istarts(item, SLICE_LIT("cid=")))
			continue;
		item = slice_trim(slice_from(item, 4));
		if (item.len >= 2 && item.ptr[0] == '"' && item.ptr[item.len - 1] == '"')
			item = slice_make(item.ptr + 1, item.len - 2);
		return item;
	}
	return SLICE_NULL;
}

static const struct sip_part *token_part(const struct sip_in *in)
{
	struct slice cid = in->referred_by != NULL ? cid_of(in->referred_by) : SLICE_NULL;

	for (size_t i = 0; i < in->n_parts && cid.len > 0; i++) {
		struct slice id = in->parts[i].id != NULL ? slice_trim(slice_str(in->parts[i].id))
							  : SLICE_NULL;

		if (id.len >= 2 && id.ptr[0] == '<' && id.ptr[id.len - 1] == '>')
			id = slice_make(id.ptr + 1, id.len - 2);
		if (slice_eq(id, cid))
			return &in->parts[i];
	}
	return NULL;
}

static void add_field(struct bytes *out, const char *name, const char *value)
{
	if (value != NULL)
		sip_header_add(out, name, value);
}

struct chunk *token_of(const struct sip_in *in)
{
	const struct sip_part *p = token_part(in);
	struct bytes out = BYTES_INIT;
	struct chunk *whole;

	if (p == NULL)
		return NULL;
	add_field(&out, "Content-Type", p->type);
	add_field(&out, "Content-ID", p->id);
	add_field(&out, "Content-Disposition", p->disposition);
	add_field(&out, "Content-Transfer-Encoding", p->encoding);
	bytes_add_str(&out, "\r\n");
	bytes_add_slice(&out, p->body);
	whole = chunk_from(bytes_slice(&out));
	bytes_fini(&out);
	return whole;
}

bool token_missing(const struct focus *f, const struct sip_in *in)
{
	return f->config.referrer_token && in->referred_by != NULL && token_part(in) == NULL;
}
