/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting of notifications: each person once per kind, by URI, as single notifications and
 * summaries may tell the same; numbers without names (RFC 5438 14.2) are added as they come.
 */
#include "ue/ue_receipts.h"

#include <stdlib.h>
#include <sys/queue.h>
#include <uthash.h>

#include "common/mem.h"

struct person {
	UT_hash_handle hh;
	unsigned told; /* bit per imdn_kind */
	size_t len;
	char uri[];
};

struct message {
	TAILQ_ENTRY(message) link;
	char *id;
	struct ue_receipt receipt;
	struct person *people; /* uthash */
};

struct ue_receipts {
	TAILQ_HEAD(, message) messages;
	size_t n;
};

struct ue_receipts *ue_receipts_new(void)
{
	struct ue_receipts *r = xcalloc(1, sizeof(*r));

	TAILQ_INIT(&r->messages);
	return r;
}

static void forget(struct ue_receipts *r, struct message *m)
{
	struct person *p;

	while ((p = m->people)) {
		HASH_DEL(m->people, p);
		free(p);
	}
	TAILQ_REMOVE(&r->messages, m, link);
	r->n--;
	free(m->id);
	free(m);
}

void ue_receipts_free(struct ue_receipts **rp)
{
	struct ue_receipts *r = *rp;
	struct message *m;

	if (!r)
		return;
	while ((m = TAILQ_FIRST(&r->messages)))
		forget(r, m);
	free(r);
	*rp = NULL;
}

void ue_receipts_sent(struct ue_receipts *r, const char *message_id, unsigned ticket)
{
	struct message *m = xcalloc(1, sizeof(*m));

	if (r->n == UE_RECEIPTS_MESSAGES)
		forget(r, TAILQ_FIRST(&r->messages));
	m->id = xstrdup(message_id);
	m->receipt.ticket = ticket;
	TAILQ_INSERT_TAIL(&r->messages, m, link);
	r->n++;
}

/* Was this person's notification of this kind counted? Notes it. */
static bool is_known(struct message *m, struct slice who, enum imdn_kind kind)
{
	unsigned bit = 1u << kind;
	struct person *p;
	bool told;

	HASH_FIND(hh, m->people, who.ptr, who.len, p);
	if (!p) {
		if (HASH_COUNT(m->people) >= UE_RECEIPTS_PEOPLE)
			return true;
		p = xcalloc(1, sizeof(*p) + who.len);
		p->len = who.len;
		memcpy(p->uri, who.ptr, who.len);
		HASH_ADD(hh, m->people, uri, p->len, p);
	}
	told = (p->told & bit) != 0;
	p->told |= bit;
	return told;
}

const struct ue_receipt *ue_receipts_note(struct ue_receipts *r, const struct imdn *doc,
					  struct slice who)
{
	uint32_t n = who.len || !doc->count ? 1 : doc->count;
	struct message *m;

	TAILQ_FOREACH(m, &r->messages, link) {
		if (strcmp(m->id, doc->message_id) == 0)
			break;
	}
	if (!m || doc->kind == IMDN_PROCESSING)
		return NULL;
	if (who.len && is_known(m, who, doc->kind))
		return NULL;
	if (doc->status == IMDN_DELIVERED)
		m->receipt.delivered += n;
	else if (doc->status == IMDN_DISPLAYED)
		m->receipt.displayed += n;
	else
		m->receipt.failed += n;
	return &m->receipt;
}
