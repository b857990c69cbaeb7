/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Summaries of notifications as messages of the room: CPIM head, then multipart or document. They
 * are notifications themselves, so nobody is asked to notify of them (RFC 5438 7.2.1).
 */
#include "mrfp/summary.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/rand.h"
#include "mrfp/publish.h"
#include "proto/cpim.h"

#define MIXED        "multipart/mixed"
#define PART_HEAD    "\r\nContent-Type: " IMDN_TYPE "\r\nContent-Disposition: notification\r\n\r\n"
#define BOUNDARY_LEN 20
#define ID_LEN       16

/* Is the type in the list by name? '*' says nothing about understanding a container. */
static bool lists(const char *list, const char *type)
{
	struct slice rest = slice_str(list ? list : ""), word;

	while (slice_next(&rest, ' ', &word)) {
		if (slice_ieq_str(word, type))
			return true;
	}
	return false;
}

static bool takes_mixed(const struct session *s)
{
	return (lists(s->accept_wrapped, MIXED) || lists(s->accept_types, MIXED)) &&
	       !lists(s->refused_types, MIXED);
}

static void add_head(struct bytes *b, const struct context *ctx, const struct aggregate *g,
		     const char *content_type)
{
	char id[ID_LEN + 1], when[CLOCK_RFC3339_SIZE];
	struct cpim_fields f = {
		.from_uri = slice_str(ctx->room.n ? ctx->room.uri[0] : ""),
		.to_uri = slice_str(g->to),
		.content_type = slice_str(content_type),
		.content_disposition = SLICE_LIT("notification"),
	};

	rand_ident(id, ID_LEN);
	f.imdn_message_id = slice_str(id);
	f.date_time = slice_str(clock_rfc3339(clock_wall_ms(), when));
	cpim_build(b, &f);
}

/* One message to one leg; a copy that finds no room is lost. */
static void send_one(struct session *to, const char *type, struct slice body)
{
	struct context *ctx = to->ctx;
	struct outmsg m = {.total = body.len};

	m.meta.kind = CPIM_IMDN;
	m.meta.control = true;
	m.meta.size = body.len;
	m.content_type = slice_dup(SLICE_LIT("message/cpim"));
	publish_begin_private(ctx, &m);
	context_note_type(ctx, m.meta.serial, slice_str(type)); /* a 415 is remembered */
	stats_owe(&ctx->plane->stats, CPIM_IMDN);
	to->open[CPIM_IMDN]++;
	(*ctx->plane->stats.imdn_summaries)++;
	if (publish_direct_whole(to, &m, body))
		session_settle(to, CPIM_IMDN, OUTCOME_LOST);
	outmsg_fini(&m);
}

/* As many parts as fit; NULL or the first that did not. */
static const struct aggregate_part *send_mixed(struct session *to, const struct aggregate *g,
					       const struct aggregate_part *p, size_t max)
{
	char boundary[BOUNDARY_LEN + 1], type[sizeof(MIXED) + sizeof(";boundary=") + BOUNDARY_LEN];
	struct bytes b = BYTES_INIT;
	size_t around = 3 * (BOUNDARY_LEN + 4) + sizeof(PART_HEAD), n = 0;

	rand_ident(boundary, BOUNDARY_LEN);
	snprintf(type, sizeof(type), MIXED ";boundary=%s", boundary);
	add_head(&b, to->ctx, g, type);
	for (; p && (!n || b.len + p->len + around <= max); p = STAILQ_NEXT(p, link), n++) {
		bytes_addf(&b, "%s--%s" PART_HEAD, n ? "\r\n" : "", boundary);
		bytes_add(&b, p->text, p->len);
	}
	bytes_addf(&b, "\r\n--%s--\r\n", boundary);
	send_one(to, MIXED, bytes_slice(&b));
	bytes_fini(&b);
	return p;
}

static void send_counts(struct session *to, const struct aggregate *g)
{
	struct imdn doc = {.message_id = g->message_id, .date_time = g->date_time};
	struct bytes b = BYTES_INIT;

	for (unsigned k = 0; k < IMDN_KINDS; k++) {
		for (unsigned s = 0; s < IMDN_OTHER; s++) {
			if (!g->counts[k][s])
				continue;
			doc.kind = (enum imdn_kind)k;
			doc.status = (enum imdn_status)s;
			doc.count = g->counts[k][s];
			bytes_reset(&b);
			add_head(&b, to->ctx, g, IMDN_TYPE);
			imdn_build(&b, &doc);
			send_one(to, IMDN_TYPE, bytes_slice(&b));
		}
	}
	bytes_fini(&b);
}

bool summary_send(struct context *ctx, const struct aggregate *g)
{
	struct session *s;
	bool any = false;

	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		size_t max = s->taste.max_size && s->taste.max_size < SUMMARY_MAX
				     ? (size_t)s->taste.max_size
				     : SUMMARY_MAX;
		const struct aggregate_part *p = STAILQ_FIRST(&g->parts);

		if (!s->joined || !uris_has(&s->uris, slice_str(g->to)))
			continue;
		any = true;
		while (p && takes_mixed(s))
			p = send_mixed(s, g, p, max);
		if (p)
			send_counts(s, g);
	}
	return any;
}
