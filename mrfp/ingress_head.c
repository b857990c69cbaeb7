/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The beginning of a message: octets are held until its CPIM head is complete, or all of it where it
 * is judged as a whole, then it is decided who gets it. At most 64 KiB are held. RFC 7701 6.1.
 */
#include "common/mem.h"
#include "mrfp/absorb.h"
#include "mrfp/account.h"
#include "mrfp/file.h"
#include "mrfp/forward.h"
#include "mrfp/ingress_priv.h"
#include "mrfp/policy.h"
#include "mrfp/route.h"
#include "mrfp/seal.h"
#include "mrfp/sender.h"
#include "mrfp/uris.h"
#include "mrfp/verdict.h"
#include "proto/media_type.h"

/* What is held is passed on by the caller, then dropped. */
static void decide(struct request *rq, int status, struct slice type)
{
	struct inmsg *m = rq->msg;

	if (status != 200)
		ingress_refuse(rq, status);
	else if (m->state != INMSG_TAKEN && verdict_wanted(m))
		verdict_ask(m, type);
	else if (m->state != INMSG_TAKEN)
		m->state = INMSG_OPEN;
}

/* Look for a complete CPIM head in octets 1..; with it the message is open or refused. */
static void try_head(struct request *rq, struct slice octets, bool complete)
{
	struct inmsg *m = rq->msg;
	bool strict = m->from->ctx->policy & CTL_POLICY_STRICT;
	struct cpim_head cpim;
	int rc, status;
	bool odd;

	if (m->from->ctx->kind == CTL_KIND_FILE) {
		status = file_head(m, octets, complete);
		if (status)
			decide(rq, status, media_type_base(slice_str(m->out.content_type)));
		return;
	}
	rc = cpim_parse(octets, INGRESS_CPIM_MAX, complete, true, &cpim);
	odd = rc < 0 && !strict;
	if (odd)
		rc = cpim_parse(octets, INGRESS_CPIM_MAX, complete, false, &cpim);
	if (rc == 0 && !complete)
		return;
	if (rc <= 0) {
		ingress_refuse(rq, 400);
		return;
	}
	if (policy_is_gated(m->from, cpim.kind)) {
		m->sealed = seal_judge(&m->from->ctx->seal,
				       seal_form(cpim.content_type, cpim.content_encoding),
				       !uris_has(&m->from->ctx->room, cpim.to),
				       slice_from(octets, cpim.head_len), complete);
		if (!m->sealed)
			return;
	}
	if (!complete && absorb_waits(m, cpim.kind, octets.len)) {
		m->out.meta.kind = (uint8_t)cpim.kind;
		m->state = INMSG_GATHER;
		return;
	}
	if (policy_waits_for_peer(m->from, &cpim)) {
		verdict_await_peer(m);
		return;
	}
	status = sender_message(m->from, cpim.kind);
	if (status == 200 && (status = route_head(m, &cpim)) == 200 && m->sealed)
		account_sealed(m->from->ctx);
	if (odd)
		(*m->from->ctx->plane->stats.tolerated)++;
	decide(rq, status, cpim.content_type);
}

/* The same for an indication that comes without CPIM. */
static void try_bare(struct request *rq, bool complete)
{
	int status = complete ? route_bare(rq->msg) : 413; /* too long to wait for */

	if (status != 200)
		ingress_refuse(rq, status);
}

/* A message that is held until it is whole may have grown too long for that, or be whole. */
static void try_gathered(struct request *rq, bool complete)
{
	struct inmsg *m = rq->msg;

	if (!complete && m->head.len <= ABSORB_MAX)
		return;
	if (policy_top_type(slice_str(m->out.content_type)) == TOP_COMPOSING) {
		try_bare(rq, complete);
		return;
	}
	if (!complete)
		m->state = INMSG_HEAD; /* too long: as any other */
	try_head(rq, bytes_slice(&m->head), complete);
}

/* --- octets before the decision --- */

void ingress_hold(struct request *rq, uint64_t pos, struct slice piece)
{
	struct inmsg *m = rq->msg;
	struct held *h = TAILQ_LAST(&m->held, held_list);

	if (!h || h->pos + h->data.len != pos) {
		h = xcalloc(1, sizeof(*h));
		h->pos = pos;
		TAILQ_INSERT_TAIL(&m->held, h, link);
		m->n_held_bytes += sizeof(*h);
	}
	bytes_add_slice(&h->data, piece);
	m->n_held_bytes += piece.len;
	if (m->state == INMSG_VERDICT)
		verdict_held(m, piece.len);
	else if (m->n_held_bytes + m->head.len > INGRESS_HELD_MAX)
		ingress_refuse(rq, 413);
}

/* Take what continues the head out of piece; true when something was taken. */
static bool extend_head(struct inmsg *m, uint64_t pos, struct slice piece)
{
	uint64_t next = m->head.len + 1;

	if (pos > next || pos + piece.len <= next)
		return false;
	bytes_add_slice(&m->head, slice_from(piece, (size_t)(next - pos)));
	return true;
}

void ingress_pass_held(struct inmsg *m)
{
	struct held *h;

	if (m->head.len)
		forward_octets(m, 1, bytes_slice(&m->head), false);
	TAILQ_FOREACH(h, &m->held, link) {
		uint64_t end = h->pos + h->data.len;
		if (end <= m->head.len + 1)
			continue; /* already in the head */
		forward_octets(m, h->pos, bytes_slice(&h->data), false);
	}
	inmsg_drop_held(m);
}

void ingress_try_whole(struct request *rq, bool complete)
{
	struct inmsg *m = rq->msg;

	if (m->state == INMSG_GATHER)
		try_gathered(rq, complete);
	else
		try_head(rq, bytes_slice(&m->head), complete);
	if (m->state == INMSG_OPEN)
		ingress_pass_held(m);
}

void ingress_before_head(struct request *rq, struct slice piece)
{
	struct inmsg *m = rq->msg;
	struct held *h;
	bool more;

	if (m->state == INMSG_HEAD && !m->head.len && rq->pos == 1) {
		try_head(rq, piece, false);
		if (m->state == INMSG_OPEN) {
			forward_octets(m, 1, piece, true);
			ingress_pass_held(m);
		} else if (m->state == INMSG_VERDICT) {
			ingress_hold(rq, 1, piece);
		}
		if (m->state > INMSG_GATHER)
			return;
	}
	if (!extend_head(m, rq->pos, piece)) {
		if (rq->pos > m->head.len + 1)
			ingress_hold(rq, rq->pos, piece);
		return;
	}
	do {
		more = false;
		TAILQ_FOREACH(h, &m->held, link)
			more = more || extend_head(m, h->pos, bytes_slice(&h->data));
	} while (more);
	ingress_try_whole(rq, false);
}

void ingress_judge_again(struct request *rq, bool whole)
{
	struct inmsg *m = rq->msg;
	struct held *h;

	TAILQ_FOREACH(h, &m->held, link)
		(void)extend_head(m, h->pos, bytes_slice(&h->data));
	inmsg_go_on(m);
	m->state = INMSG_HEAD;
	try_head(rq, bytes_slice(&m->head), whole);
	if (m->state == INMSG_OPEN)
		ingress_pass_held(m);
	else if (m->state == INMSG_VERDICT) /* now of the MRFC */
		verdict_held(m, m->n_held_bytes);
}
