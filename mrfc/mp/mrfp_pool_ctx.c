/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool's contexts: which MRFP holds which, what terminations they have, and the requests about
 * them. A request that cannot be sent is told so in the loop's next turn, as all others are.
 */
#include <stdlib.h>

#include "common/mem.h"
#include "mrfc/mp/mrfp_pool_priv.h"

struct pool_context *pool_context_find(const struct mrfp_pool *p, const uint8_t *id)
{
	struct pool_context *c;

	HASH_FIND(hh, p->contexts, id, CTL_CONTEXT_SIZE, c);
	return c;
}

struct pool_context *pool_context_new(struct pool_member *m, const uint8_t *id)
{
	struct pool_context *c = xcalloc(1, sizeof(*c));

	c->member = m;
	c->generation = ++m->pool->next_generation;
	c->born = m->audit;
	memcpy(c->id, id, CTL_CONTEXT_SIZE);
	HASH_ADD(hh, m->pool->contexts, id, CTL_CONTEXT_SIZE, c);
	LIST_INSERT_HEAD(&m->contexts, c, link);
	m->n_contexts++;
	return c;
}

void pool_context_note(struct mrfp_pool *p, const uint8_t *id)
{
	memcpy(p->former[p->n_former++ % POOL_FORMER], id, CTL_CONTEXT_SIZE);
}

void pool_context_free(struct pool_context *c)
{
	pool_context_note(c->member->pool, c->id);
	while (c->terminations)
		pool_termination_del(c, c->terminations->id);
	c->member->n_contexts--;
	LIST_REMOVE(c, link);
	HASH_DEL(c->member->pool->contexts, c);
	free(c);
}

struct pool_termination *pool_termination_find(struct pool_context *c, uint64_t id)
{
	struct pool_termination *t;

	HASH_FIND(hh, c->terminations, &id, sizeof(id), t);
	return t;
}

void pool_termination_add(struct pool_context *c, uint64_t id)
{
	struct pool_termination *t = pool_termination_find(c, id);

	if (t)
		return;
	t = xcalloc(1, sizeof(*t));
	t->id = id;
	if (id > c->highest)
		c->highest = id;
	t->born = c->member->audit;
	HASH_ADD(hh, c->terminations, id, sizeof(t->id), t);
	c->member->n_terminations++;
}

void pool_termination_del(struct pool_context *c, uint64_t id)
{
	struct pool_termination *t = pool_termination_find(c, id);

	if (!t)
		return;
	HASH_DEL(c->terminations, t);
	free(t);
	c->member->n_terminations--;
}

void pool_member_lose_contexts(struct pool_member *m)
{
	struct mrfp_pool *p = m->pool;
	uint32_t n = m->n_contexts;
	uint8_t(*ids)[CTL_CONTEXT_SIZE] = xcalloc(n + 1, sizeof(*ids));

	/* All are out before the first is told: its user may place it anew, here even. */
	for (uint32_t i = 0; i < n; i++) {
		struct pool_context *c = LIST_FIRST(&m->contexts);

		memcpy(ids[i], c->id, sizeof(ids[i]));
		pool_context_free(c);
	}
	for (uint32_t i = 0; i < n && p->events; i++)
		p->events->context_lost(ids[i], p->events_arg);
	free(ids);
}

static int err_of_code(uint16_t code)
{
	switch (code) {
	case CTL_R_OK:
		return 0;
	case CTL_R_NO_RESOURCES:
	case CTL_R_DRAINING:
	case CTL_R_BUSY:
		return -ERR_LIMIT;
	case CTL_R_NOT_ALLOWED:
		return -ERR_DENIED;
	case CTL_R_STALE_EPOCH:
		return -ERR_STALE;
	case CTL_R_UNKNOWN_CONTEXT:
	case CTL_R_UNKNOWN_TERMINATION:
		return -ERR_NOT_FOUND;
	default:
		return -ERR_WRONG_STATE;
	}
}

static void read_reply(struct mrfp_pool *p, const struct pool_op *op,
		       const struct mrfp_reply *reply, struct mrfp_result *result_r)
{
	struct ctl_decode_error error;
	struct ctl_subtract_reply subtract;
	const struct pool_context *c = pool_context_find(p, op->context);
	struct ctl_add_reply add = {0};
	int rc;

	*result_r = (struct mrfp_result){.err = reply->err};
	if (reply->err)
		return;
	p->arena.used = 0;
	if (op->command == CTL_CMD_SUBTRACT) {
		rc = ctl_decode(reply->tlvs, CTL_BODY_subtract_reply, &subtract, &p->arena, &error);
		add = (struct ctl_add_reply){.code = subtract.code, .reason = subtract.reason};
	} else {
		rc = ctl_decode(reply->tlvs, CTL_BODY_add_reply, &add, &p->arena, &error);
	}
	if (rc < 0) {
		result_r->err = -ERR_WRONG_STATE;
		result_r->reason = SLICE_LIT("malformed reply");
		return;
	}
	result_r->err = err_of_code(add.code);
	result_r->reason = add.reason;
	result_r->local_path = add.local_path;
	result_r->address = add.address;
	if (c)
		result_r->fingerprint = slice_str(c->member->fingerprint);
	if (op->command != CTL_CMD_SUBTRACT && CTL_HAS(&add, add_reply, fingerprint))
		result_r->fingerprint = add.fingerprint;
}

/* What the answer says about the context's terminations. */
static void settle(struct pool_op *op, int err)
{
	struct pool_context *c = pool_context_find(op->pool, op->context);

	if (!c || c->generation != op->generation)
		return;
	c->n_pending--;
	if (op->command == CTL_CMD_ADD && !err)
		pool_termination_add(c, op->termination);
	if (op->command == CTL_CMD_SUBTRACT && op->termination)
		pool_termination_del(c, op->termination);
	if (op->command == CTL_CMD_SUBTRACT && !op->termination)
		pool_context_free(c);
	else if (!c->terminations && !c->n_pending &&
		 !c->lingers) /* a context ends with its last termination */
		pool_context_free(c);
}

static void on_reply(const struct mrfp_reply *reply, void *arg)
{
	struct pool_op *op = arg;
	struct mrfp_result result;

	TAILQ_REMOVE(&op->pool->sent, op, link);
	read_reply(op->pool, op, reply, &result);
	settle(op, result.err);
	if (op->fn)
		op->fn(&result, op->arg);
	free(op);
}

void pool_ops_turn(struct mrfp_pool *p)
{
	struct pool_op *op;

	while ((op = TAILQ_FIRST(&p->failed))) {
		struct mrfp_result result = {.err = op->err};

		TAILQ_REMOVE(&p->failed, op, link);
		if (op->fn)
			op->fn(&result, op->arg);
		free(op);
	}
}

static struct pool_op *op_new(struct mrfp_pool *p, uint8_t command, const uint8_t *context,
			      uint64_t termination, mrfp_result_fn *fn, void *arg)
{
	struct pool_op *op = xcalloc(1, sizeof(*op));

	op->pool = p;
	op->command = command;
	memcpy(op->context, context, CTL_CONTEXT_SIZE);
	op->termination = termination;
	op->fn = fn;
	op->arg = arg;
	return op;
}

static void op_fail(struct pool_op *op, int err)
{
	op->err = err;
	TAILQ_INSERT_TAIL(&op->pool->failed, op, link);
	mrfp_loop_soon(op->pool->loop);
}

static void op_send(struct pool_op *op, struct pool_context *c, enum ctl_body body, const void *msg)
{
	struct mrfp_pool *p = op->pool;
	int rc;

	op->generation = c->generation;
	c->n_pending++;
	if (op->command == CTL_CMD_ADD && op->termination > c->highest)
		c->highest = op->termination; /* it may speak before it answers */
	rc = mrfp_link_request(c->member->mrfp, op->command, op->context, body, msg,
			       mrfp_loop_now_ms(p->loop), on_reply, op);
	if (rc < 0) {
		settle(op, rc);
		op_fail(op, rc);
		return;
	}
	TAILQ_INSERT_TAIL(&p->sent, op, link);
}

void mrfp_pool_add(struct mrfp_pool *p, const uint8_t context[CTL_CONTEXT_SIZE],
		   const struct ctl_add *msg, mrfp_result_fn *fn, void *arg)
{
	struct pool_op *op = op_new(p, CTL_CMD_ADD, context, msg->termination, fn, arg);
	struct pool_context *c = pool_context_find(p, context);
	struct pool_member *m;

	int rc = 0;

	if (!c)
		rc = pool_place(p, msg, &m);
	else if (pool_member_full(c->member) && !pool_termination_find(c, msg->termination))
		rc = -ERR_LIMIT;
	if (rc < 0) {
		if (rc == -ERR_LIMIT)
			++*p->stats.full;
		op_fail(op, rc);
		return;
	}
	if (!c)
		c = pool_context_new(m, context);
	op_send(op, c, CTL_BODY_add, msg);
}

void mrfp_pool_modify(struct mrfp_pool *p, const uint8_t context[CTL_CONTEXT_SIZE],
		      const struct ctl_modify *msg, mrfp_result_fn *fn, void *arg)
{
	struct pool_op *op = op_new(p, CTL_CMD_MODIFY, context, msg->termination, fn, arg);
	struct pool_context *c = pool_context_find(p, context);

	if (c)
		op_send(op, c, CTL_BODY_modify, msg);
	else
		op_fail(op, -ERR_NOT_FOUND);
}

void mrfp_pool_subtract(struct mrfp_pool *p, const uint8_t context[CTL_CONTEXT_SIZE],
			const struct ctl_subtract *msg, mrfp_result_fn *fn, void *arg)
{
	struct pool_op *op = op_new(p, CTL_CMD_SUBTRACT, context, msg->termination, fn, arg);
	struct pool_context *c = pool_context_find(p, context);

	if (c && CTL_HAS(msg, subtract, grace))
		c->lingers = true;
	if (c)
		op_send(op, c, CTL_BODY_subtract, msg);
	else
		op_fail(op, 0); /* gone already is as good as done */
}

void mrfp_pool_inject(struct mrfp_pool *p, const uint8_t context[CTL_CONTEXT_SIZE],
		      const struct ctl_inject *msg, mrfp_result_fn *fn, void *arg)
{
	struct pool_op *op = op_new(p, CTL_CMD_INJECT, context, msg->termination, fn, arg);
	struct pool_context *c = pool_context_find(p, context);

	if (c)
		op_send(op, c, CTL_BODY_inject, msg);
	else
		op_fail(op, -ERR_NOT_FOUND);
}

void mrfp_pool_drop_callbacks(struct mrfp_pool *p)
{
	struct pool_op *op;

	TAILQ_FOREACH(op, &p->sent, link)
		op->fn = NULL;
	TAILQ_FOREACH(op, &p->failed, link)
		op->fn = NULL;
}
