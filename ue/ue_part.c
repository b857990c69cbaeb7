/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of sealed files: each remembers its sender, name, total and the digest of the whole, and has the
 * digest of what is here running, so that nothing is read again when it goes on. Only its own sender
 * goes on with one. They live no longer than their owner: none is taken up after a restart.
 */
#include "ue/ue_part.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/mem.h"
#include "proto/chars.h"
#include "proto/media_type.h"
#include "proto/sip_uri.h"
#include "ue/ue_records.h"

struct ue_part {
	TAILQ_ENTRY(ue_part) link;
	char *from, *name;
	struct ue_range range;
	struct digest *running; /* of what is here */
	uint64_t there;
	uint64_t skip; /* octets to come that are here already */
	int fd;
	unsigned ticket;
	uint64_t until_ms;
};

struct ue_parts {
	TAILQ_HEAD(, ue_part) all; /* the oldest first */
	size_t n;
	ue_parts_fn *gone;
	void *arg;
};

/* --- what is said of them --- */

static bool is_digest(struct slice s)
{
	if (s.len != DIGEST_HEX_SIZE - 1)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f')))
			return false;
	return true;
}

int ue_range_read(struct slice disposition, struct ue_range *r)
{
	struct slice digest = media_type_param(disposition, "sha-256");
	struct slice first = media_type_param(disposition, "first");
	struct slice size = media_type_param(disposition, "size");

	*r = (struct ue_range){.first = 1};
	if (digest.len == 0)
		return first.len == 0 ? 0 : -ERR_SYNTAX;
	if (!is_digest(digest) || slice_u64(size, INT64_MAX, &r->total) < 0)
		return -ERR_SYNTAX;
	if (first.len > 0 &&
	    (slice_u64(first, INT64_MAX, &r->first) < 0 || r->first == 0 || r->first > r->total))
		return -ERR_SYNTAX;
	memcpy(r->digest, digest.ptr, digest.len);
	return 0;
}

char *ue_range_disposition(const char *name, const struct ue_range *range)
{
	char first[32] = "", digest[DIGEST_HEX_SIZE + 16] = "";

	if (range->digest[0])
		snprintf(digest, sizeof(digest), "; sha-256=%s", range->digest);
	if (range->first > 1)
		snprintf(first, sizeof(first), "; first=%" PRIu64, range->first);
	return xasprintf("attachment; filename=\"%s\"; size=%" PRIu64 "%s%s", name, range->total,
			 digest, first);
}

/* --- one of them --- */

struct ue_part *ue_part_new(struct slice from, struct slice name, const struct ue_range *range,
			    int fd_take, unsigned ticket)
{
	struct ue_part *p = xcalloc(1, sizeof(*p));

	p->from = slice_dup(from);
	p->name = slice_dup(name);
	p->range = *range;
	p->running = digest_new();
	p->fd = fd_take;
	p->ticket = ticket;
	return p;
}

void ue_part_free(struct ue_part **pp)
{
	struct ue_part *p = *pp;
	char hex[DIGEST_HEX_SIZE];

	if (!p)
		return;
	if (p->running)
		digest_finish(&p->running, hex);
	close(p->fd);
	free(p->from);
	free(p->name);
	free(p);
	*pp = NULL;
}

unsigned ue_part_ticket(const struct ue_part *p)
{
	return p->ticket;
}

uint64_t ue_part_there(const struct ue_part *p)
{
	return p->there;
}

int ue_part_write(struct ue_part *p, struct slice plain)
{
	size_t known = p->skip < plain.len ? (size_t)p->skip : plain.len;
	int err;

	p->skip -= known;
	plain = slice_from(plain, known);
	if (plain.len > p->range.total - p->there)
		return -ERR_LIMIT;
	err = ue_records_write(p->fd, plain);
	if (err < 0)
		return err;
	digest_add(p->running, plain);
	p->there += plain.len;
	return 0;
}

bool ue_part_is_whole(struct ue_part *p)
{
	char hex[DIGEST_HEX_SIZE];

	if (p->skip > 0 || p->there != p->range.total || !p->running)
		return false;
	digest_finish(&p->running, hex);
	return strcmp(hex, p->range.digest) == 0;
}

/* --- those that broke off --- */

struct ue_parts *ue_parts_new(ue_parts_fn *gone, void *arg)
{
	struct ue_parts *ps = xcalloc(1, sizeof(*ps));

	TAILQ_INIT(&ps->all);
	ps->gone = gone;
	ps->arg = arg;
	return ps;
}

static void take_off(struct ue_parts *ps, struct ue_part *p)
{
	TAILQ_REMOVE(&ps->all, p, link);
	ps->n--;
}

static void forget(struct ue_parts *ps, struct ue_part *p)
{
	unsigned ticket = p->ticket;

	take_off(ps, p);
	ue_part_free(&p);
	ps->gone(ticket, ps->arg);
}

void ue_parts_free(struct ue_parts **psp)
{
	struct ue_parts *ps = *psp;
	struct ue_part *p;

	if (!ps)
		return;
	while ((p = TAILQ_FIRST(&ps->all))) {
		take_off(ps, p);
		ue_part_free(&p);
	}
	free(ps);
	*psp = NULL;
}

static struct ue_part *find(const struct ue_parts *ps, struct slice from, struct slice name)
{
	struct ue_part *p;

	TAILQ_FOREACH(p, &ps->all, link)
		if (sip_uri_same(slice_str(p->from), from) && slice_eq_str(name, p->name))
			return p;
	return NULL;
}

void ue_parts_begin(struct ue_parts *ps, struct slice from, struct slice name)
{
	struct ue_part *p = find(ps, from, name);

	if (p)
		forget(ps, p);
}

void ue_parts_keep(struct ue_parts *ps, struct ue_part *part_take, uint64_t now_ms)
{
	ue_parts_begin(ps, slice_str(part_take->from), slice_str(part_take->name));
	if (ps->n == UE_PARTS)
		forget(ps, TAILQ_FIRST(&ps->all));
	part_take->until_ms = now_ms + UE_PARTS_MS;
	TAILQ_INSERT_TAIL(&ps->all, part_take, link);
	ps->n++;
}

bool ue_parts_age(struct ue_parts *ps, uint64_t now_ms)
{
	struct ue_part *p;

	while ((p = TAILQ_FIRST(&ps->all)) && p->until_ms <= now_ms)
		forget(ps, p);
	return p != NULL;
}

struct ue_part *ue_parts_take(struct ue_parts *ps, struct slice from, struct slice name,
			      const struct ue_range *range, char why[UE_PART_WHY_SIZE])
{
	struct ue_part *p = find(ps, from, name);

	if (!p) {
		snprintf(why, UE_PART_WHY_SIZE,
			 "it goes on at octet %" PRIu64
			 ", and nothing of its sender's is here that "
			 "it goes on from",
			 range->first);
		return NULL;
	}
	if (p->range.total != range->total || strcmp(p->range.digest, range->digest) != 0) {
		snprintf(why, UE_PART_WHY_SIZE,
			 "it is the rest of another file than the one whose beginning was here");
		forget(ps, p);
		return NULL;
	}
	if (range->first - 1 > p->there) {
		snprintf(why, UE_PART_WHY_SIZE,
			 "it goes on at octet %" PRIu64 ", and the first %" PRIu64 " of %" PRIu64
			 " are here",
			 range->first, p->there, range->total);
		return NULL;
	}
	take_off(ps, p);
	p->skip = p->there - (range->first - 1);
	return p;
}
