/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed files in dialogs of their own, as they come: head, key, first record with what its sender says
 * of it, the rest. Nothing of one that fails is worth anything, and its sender is not told.
 */
#include "ue/ue_seal_push.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"
#include "ue/ue_records.h"
#include "ue/ue_seal_priv.h"

struct ue_seal_push {
	struct ue_seal *seal;
	char *from;
	const struct ue_seal_push_ops *ops;
	void *arg;
	uint64_t wall_us;  /* it was announced */
	struct bytes held; /* what came before its key */
	struct gkid gkid;  /* epoch number 0: its head did not come yet */
	struct ue_opener *opener;
	bool described;
	int err;
	const char *why;
};

struct ue_seal_push *ue_seal_push_new(struct ue_seal *s, const char *from,
				      const struct ue_seal_push_ops *ops, void *arg)
{
	struct ue_seal_push *p = xcalloc(1, sizeof(*p));

	p->seal = s;
	p->from = xstrdup(from);
	p->ops = ops;
	p->arg = arg;
	p->wall_us = ue_seal_wall_us(s);
	return p;
}

void ue_seal_push_free(struct ue_seal_push **pp)
{
	struct ue_seal_push *p = *pp;

	if (!p)
		return;
	ue_opener_free(&p->opener);
	bytes_fini(&p->held);
	free(p->from);
	free(p);
	*pp = NULL;
}

static int fail(struct ue_seal_push *p, int err, const char *why)
{
	ue_opener_free(&p->opener);
	bytes_fini(&p->held);
	p->err = err;
	if (!p->why)
		p->why = why;
	return err;
}

/* The first record: what its sender says, and whether he may. */
static int describe(struct ue_seal_push *p, struct slice plain)
{
	struct ue_outer outer = {.from = slice_str(p->from),
				 .to = slice_str(ue_seal_conference(p->seal))};
	struct gke_inner inner;
	struct slice more;
	int err = gke_inner_parse(plain, &inner, &more);

	if (err < 0)
		p->why = "what was sealed is malformed";
	if (err == 0)
		err = ue_crypto_judge(p->seal->crypto, &p->gkid, &inner, &outer, p->wall_us,
				      &p->why);
	if (err < 0)
		return err;
	p->described = true;
	p->why = p->ops->begun(&inner, gkid_epoch(&p->gkid), p->arg);
	if (p->why)
		return -ERR_IO;
	return p->ops->octets(inner.payload, p->arg);
}

static int on_plain(struct slice plain, void *arg)
{
	struct ue_seal_push *p = arg;

	return p->described ? p->ops->octets(plain, p->arg) : describe(p, plain);
}

/* Its head is here: the key, or why there is none. */
static int find_key(struct ue_seal_push *p)
{
	struct ece_head head;
	struct ece_keys keys;
	int err = ece_head_read(bytes_slice(&p->held), &head);
	enum ue_place place;

	if (err < 0)
		return fail(p, err, "it is not well-formed");
	p->gkid = head.gkid;
	if (ue_crypto_file_keys(p->seal->crypto, &head, &keys) == 0) {
		p->opener = ue_opener_new(&head, &keys, on_plain, p);
		mem_wipe(&keys, sizeof(keys));
		return 0;
	}
	place = ue_crypto_place(p->seal->crypto, &head.gkid);
	if (place == UE_PLACE_OVER)
		return fail(p, -ERR_STALE, "its epoch is over, and its key is gone");
	if (place == UE_PLACE_BEFORE)
		return fail(p, -ERR_NOT_FOUND,
			    "it was sealed before we came, with a key that is not for us");
	ue_seal_ask(p->seal);
	return -ERR_AGAIN;
}

int ue_seal_push_go(struct ue_seal_push *p)
{
	int err = p->err;

	if (err == 0 && !p->opener && p->held.len >= ECE_HEAD_SIZE) {
		err = find_key(p);
		if (err == 0)
			err = ue_opener_take(p->opener,
					     slice_from(bytes_slice(&p->held), ECE_HEAD_SIZE));
		if (p->opener)
			bytes_fini(&p->held);
		if (err < 0 && err != -ERR_AGAIN)
			err = fail(p, err, ue_seal_why(err));
	}
	return err;
}

int ue_seal_push_take(struct ue_seal_push *p, struct slice piece)
{
	int err;

	if (p->err < 0)
		return p->err;
	if (!p->opener) {
		bytes_add_slice(&p->held, piece);
		return ue_seal_push_go(p);
	}
	err = ue_opener_take(p->opener, piece);
	return err < 0 ? fail(p, err, ue_seal_why(err)) : 0;
}

int ue_seal_push_skipped(struct ue_seal_push *p)
{
	return fail(p, -ERR_SYNTAX, "its octets came out of order");
}

int ue_seal_push_end(struct ue_seal_push *p)
{
	int err = p->err;

	if (err == 0 && !p->opener)
		err = p->held.len < ECE_HEAD_SIZE
			      ? fail(p, -ERR_SYNTAX, ue_seal_why(-ERR_SYNTAX))
			      : fail(p, -ERR_NOT_FOUND,
				     "the key of its epoch did not come within 10 seconds");
	if (err == 0) {
		err = ue_opener_end(p->opener);
		if (err < 0)
			err = fail(p, err, ue_seal_why(err));
	}
	return err;
}

const char *ue_seal_push_why(const struct ue_seal_push *p)
{
	return p->why;
}

uint32_t ue_seal_push_epoch(const struct ue_seal_push *p)
{
	return gkid_epoch(&p->gkid);
}

bool ue_seal_push_is_replay(const struct ue_seal_push *p)
{
	return p->err == -ERR_EXISTS;
}
