/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions by the names of their dialogs, as Replaces and Join give them (RFC 3891 3, RFC 3911 4). A
 * session that ended lately leaves a mark, so that who would replace it is told that it is over.
 */
#include "mrfc/sip/dialog_priv.h"
#include "mrfc/sip/sip_ref.h"

#define FNV_START 14695981039346656037u
#define FNV_PRIME 1099511628211u

static uint64_t mix(uint64_t mark, struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		mark = (mark ^ (unsigned char)text.ptr[i]) * FNV_PRIME;
	return (mark ^ 0xff) * FNV_PRIME;
}

/* A mark that is taken for another one refuses a call that would have found nothing anyway. */
static uint64_t mark_of(const struct sip_ref *ref)
{
	return mix(mix(mix(FNV_START, ref->call_id), ref->to_tag), ref->from_tag);
}

void dialog_note_over(struct dialog *d)
{
	struct sip_leg *leg = d->usage.leg;
	struct dialog_set *set = d->set;
	struct sip_ref ref = {.call_id = slice_str(d->call_id)};

	if (leg == NULL || d->call_id == NULL || sip_leg_local_tag(leg) == NULL ||
	    sip_leg_remote_tag(leg) == NULL)
		return;
	ref.to_tag = slice_str(sip_leg_local_tag(leg));
	ref.from_tag = slice_str(sip_leg_remote_tag(leg));
	set->over[set->n_over++ % DIALOG_OVER] = mark_of(&ref);
}

static bool is_over(const struct dialog_set *set, const struct sip_ref *ref)
{
	uint64_t n = set->n_over < DIALOG_OVER ? set->n_over : DIALOG_OVER, mark = mark_of(ref);

	for (uint64_t i = 0; i < n; i++) {
		if (set->over[i] == mark)
			return true;
	}
	return false;
}

int dialog_named(struct dialog_set *set, const struct sip_ref *ref, struct dialog **dialog_r)
{
	struct sip_leg *leg = sip_leg_named(set->agent, ref);
	struct sip_usage *u = leg != NULL ? sip_leg_session(leg) : NULL;
	struct dialog *d = u != NULL ? u->arg : NULL;

	if (d != NULL && u->request == dialog_request && d->set == set && !d->closed) {
		*dialog_r = d;
		return 0;
	}
	return d != NULL || is_over(set, ref) ? -ERR_CLOSED : -ERR_NOT_FOUND;
}

void *dialog_arg(const struct dialog *d)
{
	return d->arg;
}
