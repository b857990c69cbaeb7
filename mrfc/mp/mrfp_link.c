/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One MRFP: transactions by number in the order of their deadlines, replies saved for its own
 * repeated requests, keepalive and the state machine
 *
 *   gone -> up <-> draining, up and draining -> lost -> up or gone, any -> gone
 *
 * docs/control-protocol.md tells the protocol. Nothing here knows contexts or conferences.
 */
#include "mrfc/mp/mrfp_link.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <uthash.h>

#include "common/log.h"
#include "common/mem.h"

#define LOG_PLACE "mrfp_link"
#define SAVED_MAX 4096

struct request {
	TAILQ_ENTRY(request) link;
	UT_hash_handle hh;
	uint32_t transaction;
	uint8_t command;
	struct chunk *frame;
	uint64_t deadline_ms;
	mrfp_reply_fn *fn;
	void *arg;
};
TAILQ_HEAD(request_list, request);

/* All of our replies is code and status: that is what is saved of one. */
struct saved_reply {
	uint32_t transaction;
	uint16_t code, status;
};

struct mrfp_link {
	char *id;
	uint64_t incarnation;
	enum mrfp_link_state state;
	const struct mrfp_timing *timing;
	const struct mrfp_link_stats *stats;
	const struct mrfp_link_ops *ops;
	void *arg;

	struct mrfp_wire *wire; /* NULL when lost or gone */
	uint64_t heard_ms;
	uint64_t keepalive_ms; /* when the next one is due */
	uint64_t lost_ms;      /* 0: the next tick sets it */
	uint64_t ticked_ms;    /* the latest tick */
	bool silent;           /* lost without a word */

	uint32_t next_transaction;
	struct request *by_transaction;
	struct request_list requests; /* by deadline, which is the order of sending */
	unsigned n_requests;

	bool later;                          /* the present request is answered later */
	struct saved_reply saved[SAVED_MAX]; /* a ring */
	unsigned n_saved;                    /* ever */
};

static const char *const state_names[] = {"up", "draining", "lost", "gone"};

/* [from][to]; attaching a wire to a link that is up replaces the wire and is no change. */
static const bool may_change[4][4] = {
	[MRFP_LINK_UP] =
		{[MRFP_LINK_DRAINING] = true, [MRFP_LINK_LOST] = true, [MRFP_LINK_GONE] = true},
	[MRFP_LINK_DRAINING] =
		{[MRFP_LINK_UP] = true, [MRFP_LINK_LOST] = true, [MRFP_LINK_GONE] = true},
	[MRFP_LINK_LOST] = {[MRFP_LINK_UP] = true, [MRFP_LINK_GONE] = true},
	[MRFP_LINK_GONE] = {[MRFP_LINK_UP] = true},
};

const char *mrfp_link_state_name(enum mrfp_link_state s)
{
	return state_names[s];
}

void mrfp_timing_default(struct mrfp_timing *t)
{
	*t = (struct mrfp_timing){.tick_ms = 250,
				  .register_ms = 5000,
				  .request_ms = 5000,
				  .keepalive_ms = 1000,
				  .silent_ms = 3000,
				  .gone_ms = 3000};
}

static void set_state(struct mrfp_link *l, enum mrfp_link_state state, const char *cause)
{
	enum mrfp_link_state old = l->state;

	if (state == old)
		return;
	assert(may_change[old][state]);
	log_info("%s: %s -> %s (%s)", l->id, state_names[old], state_names[state], cause);
	l->state = state;
	l->lost_ms = 0;
	if (state == MRFP_LINK_LOST)
		++*l->stats->lost;
	if (state == MRFP_LINK_GONE)
		++*l->stats->gone;
	l->ops->state(l, old, l->arg);
}

/* Out of the tables, then told: its callback may ask for more. */
static void complete(struct mrfp_link *l, struct request *r, const struct mrfp_reply *reply)
{
	TAILQ_REMOVE(&l->requests, r, link);
	HASH_DEL(l->by_transaction, r);
	l->n_requests--;
	--*l->stats->in_flight;
	if (reply->err == -ERR_TIMEOUT)
		++*l->stats->timeouts;
	else if (reply->err)
		++*l->stats->closed;
	if (r->fn)
		r->fn(reply, r->arg);
	if (r->frame && r->frame->refs == 1) /* as above */
		mem_wipe(r->frame->data, r->frame->len);
	chunk_unref(&r->frame);
	free(r);
}

/* Fail what was asked up to now; what callbacks ask for meanwhile stays. */
static void fail_all(struct mrfp_link *l)
{
	struct mrfp_reply reply = {.err = -ERR_CLOSED};
	uint32_t end = l->next_transaction;
	struct request *r;

	while ((r = TAILQ_FIRST(&l->requests)) && (int32_t)(r->transaction - end) < 0)
		complete(l, r, &reply);
}

static void drop_wire(struct mrfp_link *l)
{
	mrfp_wire_free(&l->wire);
}

static void lose(struct mrfp_link *l, const char *why)
{
	drop_wire(l);
	set_state(l, MRFP_LINK_LOST, why);
}

/* Build a frame and queue it on the wire; with frame_r also keep it. */
static int send_frame(struct mrfp_link *l, uint8_t command, uint8_t flags, uint32_t transaction,
		      const uint8_t *context, enum ctl_body body, const void *msg,
		      struct chunk **frame_r)
{
	struct bytes out = BYTES_INIT;
	struct chunk *frame;
	int rc = ctl_build(&out, command, flags, transaction, context, body, msg);

	if (rc == 0) {
		frame = chunk_from(bytes_slice(&out));
		if (l->wire)
			rc = mrfp_wire_send(l->wire, chunk_ref(frame));
		if (rc == 0 && frame_r)
			*frame_r = chunk_ref(frame);
		chunk_unref(&frame);
	}
	mem_wipe(out.data, out.len); /* it may have the key of a leg */
	bytes_fini(&out);
	return rc;
}

static void answer(struct mrfp_link *l, const struct ctl_frame *f, struct ctl_result *result)
{
	uint8_t flags = CTL_FLAG_REPLY;

	if (result->code != CTL_R_OK)
		flags |= CTL_FLAG_ERROR;
	if (send_frame(l, f->command, flags, f->transaction, f->context, CTL_BODY_result, result,
		       NULL) < 0)
		lose(l, "does not read");
}

static struct saved_reply *find_saved(struct mrfp_link *l, uint32_t transaction)
{
	unsigned n = l->n_saved < SAVED_MAX ? l->n_saved : SAVED_MAX;

	for (unsigned i = 0; i < n; i++)
		if (l->saved[i].transaction == transaction)
			return &l->saved[i];
	return NULL;
}

static void save(struct mrfp_link *l, uint32_t transaction, const struct ctl_result *result)
{
	l->saved[l->n_saved++ % SAVED_MAX] =
		(struct saved_reply){transaction, result->code, result->status};
}

void mrfp_link_answer_later(struct mrfp_link *l)
{
	l->later = true;
}

void mrfp_link_answer(struct mrfp_link *l, uint8_t command, uint32_t transaction,
		      const uint8_t context[CTL_CONTEXT_SIZE], uint16_t code, uint16_t status)
{
	struct ctl_frame f = {.command = command, .transaction = transaction};
	struct ctl_result result = {0};

	if (!l->wire)
		return; /* it comes again */
	memcpy(f.context, context, sizeof(f.context));
	CTL_SET(&result, result, code, code);
	if (status)
		CTL_SET(&result, result, status, status);
	save(l, transaction, &result);
	answer(l, &f, &result);
}

static void take_request(struct mrfp_link *l, const struct ctl_frame *f)
{
	struct ctl_result result = {0};
	struct saved_reply *saved = find_saved(l, f->transaction);
	uint64_t incarnation = l->incarnation;

	CTL_SET(&result, result, code, saved ? saved->code : CTL_R_OK);
	if (saved && saved->status)
		CTL_SET(&result, result, status, saved->status);
	if (!saved) {
		l->later = false;
		l->ops->request(l, f, &result, l->arg);
		if (!l->wire || l->incarnation != incarnation || l->later)
			return; /* lost in it, or not now */
		save(l, f->transaction, &result);
	}
	answer(l, f, &result);
}

static void take_keepalive(struct mrfp_link *l, const struct ctl_frame *f)
{
	struct ctl_result result = {0};
	struct ctl_keepalive msg;
	struct ctl_decode_error error;
	struct ctl_arena arena;

	arena.used = 0;
	CTL_SET(&result, result, code, CTL_R_OK);
	if (ctl_decode(f->tlvs, CTL_BODY_keepalive, &msg, &arena, &error) < 0)
		result.code = error.result;
	else if (CTL_HAS(&msg, keepalive, load))
		l->ops->load(l, msg.load, l->arg);
	answer(l, f, &result);
}

static void take_reply(struct mrfp_link *l, const struct ctl_frame *f)
{
	struct mrfp_reply reply = {.tlvs = f->tlvs};
	struct request *r;

	HASH_FIND(hh, l->by_transaction, &f->transaction, sizeof(f->transaction), r);
	if (!r) /* a keepalive's, or its request has timed out */
		return;
	if (r->command != f->command) {
		lose(l, "reply to another command");
		return;
	}
	if (f->flags & CTL_FLAG_ERROR)
		++*l->stats->refused;
	complete(l, r, &reply);
}

static void on_frame(struct mrfp_wire *w, const struct ctl_frame *f, void *arg)
{
	struct mrfp_link *l = arg;
	const char *fault = ctl_frame_fault(f);

	(void)w;
	l->heard_ms = 0; /* the next tick writes the time */
	if (fault)
		lose(l, fault);
	else if (f->flags & CTL_FLAG_REPLY)
		take_reply(l, f);
	else if (f->command == CTL_CMD_KEEPALIVE)
		take_keepalive(l, f);
	else
		take_request(l, f);
}

static void on_closed(struct mrfp_wire *w, const char *why, void *arg)
{
	(void)w;
	lose(arg, why);
}

static const struct mrfp_wire_events wire_events = {on_frame, on_closed};

struct mrfp_link *mrfp_link_new(const char *id, const struct mrfp_timing *timing,
				const struct mrfp_link_stats *stats,
				const struct mrfp_link_ops *ops, void *arg)
{
	struct mrfp_link *l = xcalloc(1, sizeof(*l));

	l->id = xstrdup(id);
	l->state = MRFP_LINK_GONE;
	l->timing = timing;
	l->stats = stats;
	l->ops = ops;
	l->arg = arg;
	l->next_transaction = 1;
	TAILQ_INIT(&l->requests);
	return l;
}

void mrfp_link_free(struct mrfp_link **l)
{
	struct mrfp_link *link = *l;

	if (!link)
		return;
	*l = NULL;
	drop_wire(link);
	link->state = MRFP_LINK_GONE;
	fail_all(link);
	free(link->id);
	free(link);
}

const char *mrfp_link_id(const struct mrfp_link *l)
{
	return l->id;
}

uint64_t mrfp_link_incarnation(const struct mrfp_link *l)
{
	return l->incarnation;
}

enum mrfp_link_state mrfp_link_state(const struct mrfp_link *l)
{
	return l->state;
}

static void resend(struct mrfp_link *l)
{
	struct request *r;

	TAILQ_FOREACH(r, &l->requests, link) {
		if (mrfp_wire_send(l->wire, chunk_ref(r->frame)) < 0)
			return; /* the rest runs into its timeout */
		++*l->stats->resent;
	}
}

void mrfp_link_attach(struct mrfp_link *l, struct mrfp_wire *wire_take, uint64_t incarnation,
		      uint64_t now_ms)
{
	if (incarnation != l->incarnation) {
		fail_all(l);
		l->n_saved = 0;
		l->incarnation = incarnation;
	}
	drop_wire(l);
	l->silent = false;
	l->wire = wire_take;
	l->heard_ms = now_ms;
	l->keepalive_ms = now_ms + l->timing->keepalive_ms;
	mrfp_wire_set_events(l->wire, &wire_events, l);
	resend(l);
	set_state(l, MRFP_LINK_UP, "registered");
}

void mrfp_link_close(struct mrfp_link *l, const char *why)
{
	if (l->wire)
		lose(l, why);
}

void mrfp_link_drain(struct mrfp_link *l, const char *why)
{
	if (l->state == MRFP_LINK_UP)
		set_state(l, MRFP_LINK_DRAINING, why);
}

void mrfp_link_undrain(struct mrfp_link *l, const char *why)
{
	if (l->state == MRFP_LINK_DRAINING)
		set_state(l, MRFP_LINK_UP, why);
}

bool mrfp_link_silent(const struct mrfp_link *l)
{
	return l->state == MRFP_LINK_LOST && l->silent;
}

void mrfp_link_give_up(struct mrfp_link *l, const char *why)
{
	drop_wire(l);
	set_state(l, MRFP_LINK_GONE, why);
	fail_all(l);
}

int mrfp_link_request(struct mrfp_link *l, uint8_t command, const uint8_t context[CTL_CONTEXT_SIZE],
		      enum ctl_body body, const void *msg, uint64_t now_ms, mrfp_reply_fn *fn,
		      void *arg)
{
	struct chunk *frame;
	struct request *r;
	int rc;

	if (l->state == MRFP_LINK_GONE)
		return -ERR_CLOSED;
	if (l->n_requests >= MRFP_LINK_IN_FLIGHT_MAX)
		return -ERR_LIMIT;
	rc = send_frame(l, command, 0, l->next_transaction, context, body, msg, &frame);
	if (rc < 0)
		return rc;
	r = xcalloc(1, sizeof(*r));
	r->transaction = l->next_transaction++;
	r->command = command;
	r->frame = frame;
	r->deadline_ms = now_ms + l->timing->request_ms;
	r->fn = fn;
	r->arg = arg;
	TAILQ_INSERT_TAIL(&l->requests, r, link);
	HASH_ADD(hh, l->by_transaction, transaction, sizeof(r->transaction), r);
	l->n_requests++;
	++*l->stats->in_flight;
	++*l->stats->requests[command];
	return 0;
}

static void tick_wire(struct mrfp_link *l, uint64_t now_ms)
{
	struct ctl_keepalive msg = {0};

	/* We did not run: what it sent meanwhile is still to be read. */
	if (!l->heard_ms || now_ms - l->ticked_ms >= l->timing->silent_ms / 2)
		l->heard_ms = now_ms;
	if (now_ms - l->heard_ms >= l->timing->silent_ms) {
		l->silent = true;
		lose(l, "silent");
		return;
	}
	if (now_ms < l->keepalive_ms)
		return;
	l->keepalive_ms = now_ms + l->timing->keepalive_ms;
	++*l->stats->requests[CTL_CMD_KEEPALIVE];
	if (send_frame(l, CTL_CMD_KEEPALIVE, 0, l->next_transaction++, NULL, CTL_BODY_keepalive,
		       &msg, NULL) < 0)
		lose(l, "does not read");
}

void mrfp_link_tick(struct mrfp_link *l, uint64_t now_ms)
{
	struct mrfp_reply timeout = {.err = -ERR_TIMEOUT};
	struct request *r;

	while ((r = TAILQ_FIRST(&l->requests)) && r->deadline_ms <= now_ms)
		complete(l, r, &timeout);
	if (l->wire)
		tick_wire(l, now_ms);
	l->ticked_ms = now_ms;
	if (l->state != MRFP_LINK_LOST)
		return;
	if (!l->lost_ms)
		l->lost_ms = now_ms;
	if (now_ms - l->lost_ms >= l->timing->gone_ms)
		mrfp_link_give_up(l, "did not come back");
}
