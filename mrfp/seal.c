/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed bodies as a switch sees them: their media type, and the group key id in their first
 * octets. What it lets pass is opened, or not, by the members alone.
 */
#include "mrfp/seal.h"

#include "proto/cms.h"
#include "proto/ece.h"
#include "proto/media_type.h"

enum seal_form seal_form(struct slice content_type, struct slice content_encoding)
{
	struct slice base = media_type_base(content_type), smime;

	if (content_encoding.len)
		return slice_ieq_str(content_encoding, "aes128gcm") &&
				       slice_ieq_str(base, "application/octet-stream")
			       ? SEAL_ECE
			       : SEAL_NONE;
	if (!slice_ieq_str(base, "application/pkcs7-mime"))
		return SEAL_NONE;
	smime = media_type_param(content_type, "smime-type");
	return slice_ieq_str(smime, "auth-enveloped-data") ||
			       slice_ieq_str(smime, "authEnveloped-data")
		       ? SEAL_CMS
		       : SEAL_NONE;
}

static bool take(struct seal *s, bool has_domain, struct slice domain, bool has_epoch,
		 uint32_t epoch, bool has_newest, uint32_t newest)
{
	struct seal next = *s;

	if (has_domain) {
		if (domain.len != GKID_DOMAIN_SIZE)
			return false;
		memcpy(next.domain, domain.ptr, GKID_DOMAIN_SIZE);
		next.known = true;
	}
	if (has_epoch)
		next.oldest = epoch;
	if (has_newest)
		next.newest = newest;
	if (next.newest && next.newest < next.oldest)
		return false;
	*s = next;
	return true;
}

bool seal_take_add(struct seal *s, const struct ctl_add *m)
{
	return take(s, CTL_HAS(m, add, key_domain), m->key_domain, CTL_HAS(m, add, key_epoch),
		    m->key_epoch, CTL_HAS(m, add, key_newest), m->key_newest);
}

bool seal_take_modify(struct seal *s, const struct ctl_modify *m)
{
	return take(s, CTL_HAS(m, modify, key_domain), m->key_domain, CTL_HAS(m, modify, key_epoch),
		    m->key_epoch, CTL_HAS(m, modify, key_newest), m->key_newest);
}

static int read_gkid(enum seal_form form, struct slice first, struct gkid *id_r)
{
	struct ece_head head;

	if (form == SEAL_CMS)
		return cms_peek(first, id_r);
	if (ece_head_read(slice_first(first, ECE_HEAD_SIZE), &head))
		return -ERR_SYNTAX;
	*id_r = head.gkid;
	return 0;
}

/* Nobody's key of the group is in it, or it is not sealed at all. */
static int judge_person(enum seal_form form, bool for_one, struct slice first)
{
	if (form != SEAL_CMS || cms_peek_person(first) != 0)
		return 415;
	return for_one ? 200 : 403;
}

int seal_judge(const struct seal *s, enum seal_form form, bool for_one, struct slice first,
	       bool complete)
{
	struct gkid id;
	uint32_t epoch;

	if (form == SEAL_NONE)
		return 415;
	if (!s->known)
		return 200;
	if (first.len < SEAL_PEEK && !complete)
		return 0;
	first = slice_first(first, SEAL_PEEK);
	if (read_gkid(form, first, &id))
		return judge_person(form, for_one, first);
	epoch = gkid_epoch(&id);
	if (memcmp(id.octets, s->domain, GKID_DOMAIN_SIZE) != 0 || epoch < s->oldest ||
	    (s->newest && epoch > s->newest))
		return 403;
	return 200;
}

bool seal_count(struct seal *s, uint64_t *n_r)
{
	if (++s->n_passed < SEAL_TELL)
		return false;
	*n_r = s->n_passed;
	s->n_passed = 0;
	return true;
}
