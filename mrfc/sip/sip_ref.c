/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers that name a dialog by its Call-ID and tags: which of them stands in a request, and what
 * it says. One of them at most, once (RFC 3891 3, RFC 3911 4). Reads only.
 */
#include "mrfc/sip/sip_ref.h"

static bool is_token(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == ',' || c == ';' || c == '=')
			return false;
	}
	return s.len > 0;
}

/* One parameter; a tag that stands twice is no tag (RFC 3891 6.1). */
static int take_param(struct slice param, struct sip_ref *ref)
{
	ptrdiff_t eq = slice_chr(param, '=');
	struct slice name = slice_trim(eq < 0 ? param : slice_first(param, (size_t)eq));
	struct slice value = eq < 0 ? SLICE_NULL : slice_trim(slice_from(param, (size_t)eq + 1));
	struct slice *tag = slice_ieq_str(name, "to-tag")     ? &ref->to_tag
			    : slice_ieq_str(name, "from-tag") ? &ref->from_tag
							      : NULL;

	if (!is_token(name))
		return -ERR_SYNTAX;
	if (tag != NULL) {
		if (tag->len != 0 || !is_token(value))
			return -ERR_SYNTAX;
		*tag = value;
	}
	if (slice_ieq_str(name, "early-only"))
		ref->early_only = true;
	return 0;
}

int sip_ref_parse(struct slice text, struct sip_ref *ref_r)
{
	struct sip_ref ref = {.kind = ref_r->kind};
	struct slice rest = text, part;
	int err = 0;

	if (!slice_next(&rest, ';', &part))
		return -ERR_SYNTAX;
	ref.call_id = slice_trim(part);
	while (err == 0 && slice_next(&rest, ';', &part))
		err = take_param(part, &ref);
	if (err != 0 || !is_token(ref.call_id) || ref.to_tag.len == 0 || ref.from_tag.len == 0)
		return -ERR_SYNTAX;
	*ref_r = ref;
	return 0;
}

int sip_ref_read(const struct sip_in *in, struct sip_ref *ref_r)
{
	const char *replaces = sip_in_header(in, "Replaces", 0);
	const char *join = sip_in_header(in, "Join", 0);
	const char *text = replaces != NULL ? replaces : join;

	*ref_r = (struct sip_ref){.kind = SIP_REF_NONE};
	if (text == NULL)
		return 0;
	if ((replaces != NULL && join != NULL) || sip_in_header(in, "Replaces", 1) != NULL ||
	    sip_in_header(in, "Join", 1) != NULL || in->method != SIP_IN_INVITE)
		return -ERR_SYNTAX;
	ref_r->kind = replaces != NULL ? SIP_REF_REPLACES : SIP_REF_JOIN;
	return sip_ref_parse(slice_str(text), ref_r);
}
