/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MRFPs of this MRFC: accepts their wires, registers them by name and incarnation, and hands
 * their events on. An MRFP stays in the list while it is away. docs/control-protocol.md.
 */
#include "mrfc/mp/mrfp_pool.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "common/tls.h"
#include "mrfc/mp/mrfp_pool_priv.h"

#define LOG_PLACE     "mrfp_pool"
#define MEMBERS_MAX   64
#define STRANGERS_MAX 64
#define ID_MAX        64

static void stranger_free(struct pool_stranger *s)
{
	LIST_REMOVE(s, link);
	s->pool->n_strangers--;
	mrfp_wire_free(&s->wire);
	free(s);
}

static void member_free(struct pool_member *m)
{
	struct pool_context *c;

	mrfp_link_free(&m->mrfp);
	while ((c = LIST_FIRST(&m->contexts)))
		pool_context_free(c);
	LIST_REMOVE(m, link);
	m->pool->n_members--;
	free(m->msrp);
	free(m->fingerprint);
	free(m);
}

static bool id_is_good(struct slice id)
{
	for (size_t i = 0; i < id.len; i++) {
		char c = id.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (c && strchr("._@:-", c))))
			return false;
	}
	return id.len > 0 && id.len <= ID_MAX;
}

static void set_reason(struct ctl_result *result_r, uint16_t code, const char *reason)
{
	result_r->code = code;
	CTL_SET(result_r, result, reason, slice_str(reason));
}

/* What a registered MRFP asks: drain, forced, or to register once more. */
static void take_service_change(struct pool_member *m, const struct ctl_frame *f,
				struct ctl_result *result_r)
{
	struct mrfp_pool *p = m->pool;
	struct ctl_decode_error error;
	struct ctl_service_change msg;

	p->arena.used = 0;
	if (ctl_decode(f->tlvs, CTL_BODY_service_change, &msg, &p->arena, &error) < 0) {
		log_peer("%s: SERVICE_CHANGE: %s", mrfp_link_id(m->mrfp), error.text);
		set_reason(result_r, error.result, "malformed");
	} else if (msg.method == CTL_DRAIN) {
		m->says_goodbye = true;
		mrfp_link_drain(m->mrfp, "asked by the MRFP");
		if (!mrfp_pool_up(p))
			set_reason(result_r, CTL_R_NO_RESOURCES, "there is no other MRFP");
	} else if (msg.method == CTL_FORCED) {
		m->leaving = true; /* after the reply has left */
		mrfp_loop_soon(p->loop);
	} else {
		set_reason(result_r, CTL_R_BAD_VALUE, "method");
	}
}

static bool is_mrfp_event(uint8_t event)
{
	return event == CTL_EVENT_ALARM || event == CTL_EVENT_LOAD;
}

static void take_notify(struct pool_member *m, const struct ctl_frame *f,
			struct ctl_result *result_r)
{
	struct mrfp_pool *p = m->pool;
	struct ctl_decode_error error;
	struct ctl_notify msg;
	uint16_t code;

	p->arena.used = 0;
	if (ctl_decode(f->tlvs, CTL_BODY_notify, &msg, &p->arena, &error) < 0) {
		log_peer("%s: NOTIFY: %s", mrfp_link_id(m->mrfp), error.text);
		set_reason(result_r, error.result, "malformed");
		return;
	}
	if (msg.event == 0 || msg.event >= CTL_EVENT_END) {
		set_reason(result_r, CTL_R_BAD_VALUE, "event");
		return;
	}
	++*p->stats.notifies[msg.event];
	if (msg.event == CTL_EVENT_LOAD && CTL_HAS(&msg, notify, load))
		m->load = msg.load;
	if (msg.event == CTL_EVENT_ALARM || msg.event == CTL_EVENT_SLOW)
		log_peer("%s: %s: " SLICE_FMT, mrfp_link_id(m->mrfp),
			 msg.event == CTL_EVENT_SLOW ? "slow leg" : "alarm", SLICE_ARG(msg.text));
	if (is_mrfp_event(msg.event))
		return;
	pool_audit_event(m, f->context, msg.termination);
	code = pool_trust_event(m, f->context, msg.termination);
	if (code) {
		set_reason(result_r, code, "no such context or termination");
		return;
	}
	p->asking = m->mrfp;
	p->asking_transaction = f->transaction;
	p->asking_context = f->context;
	if (p->events)
		p->events->notify(f->context, &msg, p->events_arg);
	p->asking = NULL;
}

void mrfp_pool_later(struct mrfp_pool *p, struct mrfp_later *later_r)
{
	later_r->incarnation = mrfp_link_incarnation(p->asking);
	later_r->transaction = p->asking_transaction;
	memcpy(later_r->context, p->asking_context, sizeof(later_r->context));
	mrfp_link_answer_later(p->asking);
}

void mrfp_pool_answer(struct mrfp_pool *p, const struct mrfp_later *later, bool ok, uint16_t status)
{
	struct pool_member *m;

	LIST_FOREACH(m, &p->members, link) {
		if (mrfp_link_incarnation(m->mrfp) != later->incarnation)
			continue;
		mrfp_link_answer(m->mrfp, CTL_CMD_NOTIFY, later->transaction, later->context,
				 ok ? CTL_R_OK : CTL_R_NO_RESOURCES, status);
		return;
	}
}

static void on_request(struct mrfp_link *l, const struct ctl_frame *f, struct ctl_result *result_r,
		       void *arg)
{
	(void)l;
	if (f->command == CTL_CMD_SERVICE_CHANGE)
		take_service_change(arg, f, result_r);
	else if (f->command == CTL_CMD_NOTIFY)
		take_notify(arg, f, result_r);
	else
		set_reason(result_r, CTL_R_UNKNOWN_COMMAND, "not for this side");
}

static void on_state(struct mrfp_link *l, enum mrfp_link_state old, void *arg)
{
	struct pool_member *m = arg;

	if (old <= MRFP_LINK_DRAINING && mrfp_link_state(l) >= MRFP_LINK_LOST)
		pool_member_steady(m, false, mrfp_loop_now_ms(m->pool->loop));
	if (mrfp_link_state(l) == MRFP_LINK_GONE && !m->restarting)
		pool_member_lose_contexts(m);
}

static void on_load(struct mrfp_link *l, uint32_t per_mille, void *arg)
{
	struct pool_member *m = arg;

	(void)l;
	m->load = per_mille;
}

static const struct mrfp_link_ops link_ops = {on_request, on_state, on_load};

static struct pool_member *member_find(struct mrfp_pool *p, struct slice id)
{
	struct pool_member *m;

	LIST_FOREACH(m, &p->members, link)
		if (slice_eq_str(id, mrfp_link_id(m->mrfp)))
			return m;
	return NULL;
}

/* NULL when there are too many; one that is gone makes room. */
static struct pool_member *member_new(struct mrfp_pool *p, struct slice id)
{
	struct pool_member *m;
	char name[ID_MAX + 1];

	if (slice_copy(id, name, sizeof(name)) < 0)
		return NULL;
	if (p->n_members == MEMBERS_MAX) {
		LIST_FOREACH(m, &p->members, link)
			if (mrfp_link_state(m->mrfp) == MRFP_LINK_GONE)
				break;
		if (!m)
			return NULL;
		member_free(m);
	}
	m = xcalloc(1, sizeof(*m));
	m->pool = p;
	m->msrp = xstrdup("");
	m->fingerprint = xstrdup("");
	m->mrfp = mrfp_link_new(name, &p->timing, &p->stats.link, &link_ops, m);
	LIST_INIT(&m->contexts);
	LIST_INSERT_HEAD(&p->members, m, link);
	p->n_members++;
	return m;
}

static void send_result(struct mrfp_wire *w, const struct ctl_frame *f,
			const struct ctl_result *result)
{
	uint8_t flags = CTL_FLAG_REPLY;
	struct bytes out = BYTES_INIT;

	if (result->code != CTL_R_OK)
		flags |= CTL_FLAG_ERROR;
	if (ctl_build(&out, f->command, flags, f->transaction, f->context, CTL_BODY_result,
		      result) < 0 ||
	    mrfp_wire_send(w, chunk_from(bytes_slice(&out))) < 0)
		log_peer("cannot answer a registration");
	bytes_fini(&out);
}

static void refuse(struct pool_stranger *s, const struct ctl_frame *f, uint16_t code,
		   const char *reason)
{
	struct ctl_result result = {0};

	++*s->pool->stats.refused;
	log_seldom("registration refused: %s (%s)", ctl_result_name(code), reason);
	CTL_SET(&result, result, code, code);
	set_reason(&result, code, reason);
	send_result(s->wire, f, &result);
	stranger_free(s);
}

static void enroll(struct pool_stranger *s, struct pool_member *m, const struct ctl_frame *f,
		   const struct ctl_service_change *msg)
{
	struct mrfp_pool *p = m->pool;
	struct mrfp_wire *wire = s->wire;
	struct ctl_result result = {0};

	m->restarting = mrfp_link_state(m->mrfp) != MRFP_LINK_GONE &&
			mrfp_link_incarnation(m->mrfp) != msg->incarnation;
	if (m->restarting)
		mrfp_link_give_up(m->mrfp, "restarted");
	++*p->stats.registered;
	pool_member_describe(m, msg);
	m->leaving = false;
	m->trust = (struct pool_trust){0};
	CTL_SET(&result, result, code, CTL_R_OK);
	CTL_SET(&result, result, incarnation, p->incarnation);
	CTL_SET(&result, result, version, CTL_VERSION);
	send_result(wire, f, &result);
	s->wire = NULL;
	stranger_free(s);
	mrfp_link_attach(m->mrfp, wire, msg->incarnation, mrfp_loop_now_ms(p->loop));
	pool_member_steady(m, true, mrfp_loop_now_ms(p->loop));
	if (m->held_back)
		mrfp_link_drain(m->mrfp, "by the operator");
	if (m->restarting)
		pool_member_lose_contexts(m); /* told now that they can be placed here again */
	m->restarting = false;
	pool_audit_start(m);
}

/*
 * A second process of the same name while the first answers: not a restart. They would throw each
 * other out for ever; the newcomer is refused until the first is lost.
 */
static bool is_another(const struct pool_member *m, const struct ctl_service_change *msg)
{
	enum mrfp_link_state state = mrfp_link_state(m->mrfp);

	return (state == MRFP_LINK_UP || state == MRFP_LINK_DRAINING) &&
	       mrfp_link_incarnation(m->mrfp) != msg->incarnation;
}

static void on_stranger_frame(struct mrfp_wire *w, const struct ctl_frame *f, void *arg)
{
	struct pool_stranger *s = arg;
	struct mrfp_pool *p = s->pool;
	struct ctl_decode_error error;
	struct ctl_service_change msg;
	struct pool_member *m;

	(void)w;
	if ((f->flags & CTL_FLAG_REPLY) || f->command != CTL_CMD_SERVICE_CHANGE) {
		refuse(s, f, CTL_R_NOT_REGISTERED, "SERVICE_CHANGE must come first");
		return;
	}
	p->arena.used = 0;
	if (ctl_decode(f->tlvs, CTL_BODY_service_change, &msg, &p->arena, &error) < 0) {
		refuse(s, f, error.result, error.text);
		return;
	}
	if (msg.version_max < CTL_VERSION || f->version != CTL_VERSION) {
		refuse(s, f, CTL_R_VERSION, "version 1 is spoken here");
		return;
	}
	if (msg.method != CTL_REGISTER) {
		refuse(s, f, CTL_R_NOT_REGISTERED, "method");
		return;
	}
	if (!id_is_good(msg.mrfp_id)) {
		refuse(s, f, CTL_R_BAD_VALUE, "mrfp_id");
		return;
	}
	m = member_find(p, msg.mrfp_id);
	if (m && is_another(m, &msg)) {
		refuse(s, f, CTL_R_NOT_ALLOWED,
		       "another MRFP of this mp.id is registered; each needs its own");
		return;
	}
	if (!m)
		m = member_new(p, msg.mrfp_id);
	if (m)
		enroll(s, m, f, &msg);
	else
		refuse(s, f, CTL_R_NO_RESOURCES, "too many MRFPs");
}

static void on_stranger_closed(struct mrfp_wire *w, const char *why, void *arg)
{
	const struct pool_stranger *s = arg;

	(void)w;
	if (s->remote)
		log_seldom("%s did not register over TLS: %s", s->peer, why);
	else
		log_debug("wire closed before it registered: %s", why);
	stranger_free(arg);
}

static const struct mrfp_wire_events stranger_events = {on_stranger_frame, on_stranger_closed};

struct pool_stranger *pool_stranger_new(struct mrfp_pool *p)
{
	struct pool_stranger *s, *oldest = NULL;

	if (p->n_strangers == STRANGERS_MAX) {
		LIST_FOREACH(s, &p->strangers, link)
			oldest = s;
		stranger_free(oldest);
	}
	s = xcalloc(1, sizeof(*s));
	s->pool = p;
	s->deadline_ms = mrfp_loop_now_ms(p->loop) + p->timing.register_ms;
	LIST_INSERT_HEAD(&p->strangers, s, link);
	p->n_strangers++;
	s->events = &stranger_events;
	return s;
}

static void on_tick(uint64_t now_ms, void *arg)
{
	struct mrfp_pool *p = arg;
	struct pool_stranger *s, *next;
	struct pool_member *m;

	for (s = LIST_FIRST(&p->strangers); s; s = next) {
		next = LIST_NEXT(s, link);
		if (s->deadline_ms <= now_ms)
			stranger_free(s);
	}
	LIST_FOREACH(m, &p->members, link) {
		mrfp_link_tick(m->mrfp, now_ms);
		pool_trust_tick(m, now_ms);
		if (m->audit_due_ms && m->audit_due_ms <= now_ms &&
		    mrfp_link_state(m->mrfp) <= MRFP_LINK_DRAINING)
			pool_audit_start(m);
	}
	pool_tick_silent(p);
}

static void on_turn(void *arg)
{
	struct mrfp_pool *p = arg;
	struct pool_member *m;

	LIST_FOREACH(m, &p->members, link) {
		if (m->leaving)
			mrfp_link_give_up(m->mrfp, "goes down");
		m->leaving = false;
	}
	pool_ops_turn(p);
}

static const struct mrfp_loop_events loop_events = {on_tick, on_turn};

int mrfp_pool_new(struct event_base *base, const char *socket_path,
		  const struct mrfp_timing *timing, struct metrics *metrics,
		  struct mrfp_pool **pool_r)
{
	struct mrfp_pool *p = xcalloc(1, sizeof(*p));
	int rc;

	p->base = base;
	p->incarnation = rand_u64();
	p->max_load = 1000;
	mrfp_timing_default(&p->timing);
	if (timing)
		p->timing = *timing;
	LIST_INIT(&p->members);
	LIST_INIT(&p->strangers);
	TAILQ_INIT(&p->sent);
	TAILQ_INIT(&p->failed);
	rc = pool_door_unix(p, socket_path);
	if (rc < 0) {
		free(p);
		return rc;
	}
	p->loop = mrfp_loop_new(base, p->timing.tick_ms, &loop_events, p);
	pool_stats_init(p, metrics);
	*pool_r = p;
	return 0;
}

void mrfp_pool_free(struct mrfp_pool **p)
{
	struct mrfp_pool *pool = *p;

	if (!pool)
		return;
	*p = NULL;
	pool->events = NULL;
	mrfp_pool_drop_callbacks(pool);
	pool_doors_close(pool);
	while (!LIST_EMPTY(&pool->strangers))
		stranger_free(LIST_FIRST(&pool->strangers));
	while (!LIST_EMPTY(&pool->members))
		member_free(LIST_FIRST(&pool->members));
	pool_ops_turn(pool);
	mrfp_loop_free(&pool->loop);
	tls_free(&pool->tls); /* after all its wires */
	free(pool);
}

void mrfp_pool_set_events(struct mrfp_pool *p, const struct mrfp_pool_events *events, void *arg)
{
	p->events = events;
	p->events_arg = arg;
}
