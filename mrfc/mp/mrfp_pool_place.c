/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where contexts go: to an MRFP that is up, has room and what the first termination needs; of two
 * taken by chance the less loaded one, so that a crowd of new rooms does not run to the same. One
 * that drains gets none, one whose link comes and goes only if there is no other.
 */
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "mrfc/mp/mrfp_pool_priv.h"

#define LOG_PLACE "mrfp_pool"

#define FLAP_MS       10000 /* a link that does not last so long counts as flapping */
#define STEADY_MIN_MS 2000  /* how long others are preferred then: doubled each time */
#define STEADY_MAX_MS 60000
#define LOAD_STEP     50 /* per mille: less is no difference */

static void note_family(struct pool_member *m, struct slice host)
{
	if (memchr(host.ptr, ':', host.len) != NULL)
		m->v6 = true;
	else
		m->v4 = true;
}

void pool_member_describe(struct pool_member *m, const struct ctl_service_change *msg)
{
	struct slice host = msg->msrp;

	free(m->msrp);
	m->msrp = slice_dup(msg->msrp);
	free(m->fingerprint);
	m->fingerprint = slice_dup(msg->msrp_tls.len ? msg->fingerprint : SLICE_NULL);
	m->websocket = msg->msrp_wss.len > 0;
	m->max_size = msg->max_size;
	m->max_terminations = msg->max_terminations;
	m->says_goodbye = false;
	m->v4 = m->v6 = false;
	while (host.len && host.ptr[host.len - 1] != ':')
		host.len--;
	note_family(m, slice_first(host, host.len ? host.len - 1 : 0));
	for (size_t i = 0; i < msg->advertise.n; i++)
		note_family(m, msg->advertise.items[i]);
}

bool pool_member_full(const struct pool_member *m)
{
	return m->max_terminations && m->n_terminations >= m->max_terminations;
}

void pool_member_steady(struct pool_member *m, bool up, uint64_t now_ms)
{
	uint64_t wait_ms;

	if (up) {
		m->up_ms = now_ms;
		return;
	}
	if (now_ms - m->up_ms >= FLAP_MS) {
		m->n_flaps = 0;
		return;
	}
	if (m->n_flaps < 6)
		m->n_flaps++;
	wait_ms = (uint64_t)STEADY_MIN_MS << (m->n_flaps - 1);
	m->steady_ms = now_ms + (wait_ms < STEADY_MAX_MS ? wait_ms : STEADY_MAX_MS);
}

static bool serves(const struct pool_member *m, const struct ctl_add *msg)
{
	if (!CTL_HAS(msg, add, transport))
		return true;
	if (msg->transport == CTL_TRANSPORT_TLS)
		return m->fingerprint[0] != '\0';
	return msg->transport != CTL_TRANSPORT_WS || m->websocket;
}

/* 0: not here; else the higher the better fits what is asked for but can be done without. */
static unsigned fitness(const struct mrfp_pool *p, const struct pool_member *m,
			const struct ctl_add *msg, int *err)
{
	bool v6 = CTL_HAS(msg, add, family) && msg->family == 6;

	if (mrfp_link_state(m->mrfp) != MRFP_LINK_UP || !serves(m, msg))
		return 0;
	*err = -ERR_LIMIT;
	if (pool_member_full(m) || m->load > p->max_load)
		return 0;
	return 1u + (mrfp_loop_now_ms(p->loop) >= m->steady_ms ? 1u : 0u) +
	       ((v6 ? m->v6 : m->v4) ? 2u : 0u);
}

static bool is_better(const struct pool_member *a, const struct pool_member *b)
{
	uint64_t fill_a, fill_b;

	if (a->load / LOAD_STEP != b->load / LOAD_STEP)
		return a->load < b->load;
	/* Of its capacity, where both tell theirs. */
	fill_a = a->n_terminations + a->n_contexts;
	fill_b = b->n_terminations + b->n_contexts;
	if (a->max_terminations && b->max_terminations)
		return fill_a * b->max_terminations < fill_b * a->max_terminations;
	return fill_a < fill_b;
}

/* The n-th of those that fit best. */
static struct pool_member *nth(struct mrfp_pool *p, const struct ctl_add *msg, unsigned best,
			       unsigned n)
{
	struct pool_member *m;
	int err;

	LIST_FOREACH(m, &p->members, link) {
		if (fitness(p, m, msg, &err) == best && n-- == 0)
			return m;
	}
	return NULL;
}

int pool_place(struct mrfp_pool *p, const struct ctl_add *msg, struct pool_member **member_r)
{
	struct pool_member *m, *other;
	unsigned best = 0, n = 0, first;
	int err = -ERR_CLOSED;

	LIST_FOREACH(m, &p->members, link) {
		unsigned fits = fitness(p, m, msg, &err);

		if (fits > best) {
			best = fits;
			n = 0;
		}
		n += fits == best ? 1 : 0;
	}
	if (best == 0)
		return err;
	first = (unsigned)(rand_u64() % n);
	m = nth(p, msg, best, first);
	if (n > 1) {
		other = nth(p, msg, best, (first + 1 + (unsigned)(rand_u64() % (n - 1))) % n);
		if (is_better(other, m))
			m = other;
	}
	*member_r = m;
	return 0;
}

/* --- draining --- */

static struct pool_member *by_id(const struct mrfp_pool *p, const char *id)
{
	struct pool_member *m;

	LIST_FOREACH(m, &p->members, link) {
		if (strcmp(mrfp_link_id(m->mrfp), id) == 0)
			return m;
	}
	return NULL;
}

int mrfp_pool_drain(struct mrfp_pool *p, const char *id, bool on)
{
	struct pool_member *m = by_id(p, id);

	if (!m)
		return -ERR_NOT_FOUND;
	m->held_back = on;
	if (on)
		mrfp_link_drain(m->mrfp, "by the operator");
	else if (!m->says_goodbye)
		mrfp_link_undrain(m->mrfp, "by the operator");
	return 0;
}

bool mrfp_pool_draining(const struct mrfp_pool *p)
{
	const struct pool_member *m;

	LIST_FOREACH(m, &p->members, link) {
		if (mrfp_link_state(m->mrfp) == MRFP_LINK_DRAINING)
			return true;
	}
	return false;
}

static bool takes_contexts(const struct mrfp_pool *p, const struct pool_member *m)
{
	return mrfp_link_state(m->mrfp) == MRFP_LINK_UP && !pool_member_full(m) &&
	       m->load <= p->max_load;
}

bool mrfp_pool_should_move(const struct mrfp_pool *p, const uint8_t context[CTL_CONTEXT_SIZE])
{
	const struct pool_context *c = pool_context_find(p, context);
	const struct pool_member *m;
	size_t n;

	if (!c || mrfp_link_state(c->member->mrfp) != MRFP_LINK_DRAINING)
		return false;
	n = HASH_COUNT(c->terminations);
	LIST_FOREACH(m, &p->members, link) {
		if (takes_contexts(p, m) &&
		    (!m->max_terminations || m->n_terminations + n <= m->max_terminations))
			return true;
	}
	return false;
}

void mrfp_pool_set_max_load(struct mrfp_pool *p, uint32_t per_mille)
{
	p->max_load = per_mille;
}

void pool_tick_silent(struct mrfp_pool *p)
{
	struct pool_member *m;

	LIST_FOREACH(m, &p->members, link) {
		if (mrfp_link_silent(m->mrfp) && mrfp_pool_up(p)) {
			log_warn("%s: silent, its contexts go to another", mrfp_link_id(m->mrfp));
			mrfp_link_give_up(m->mrfp, "silent");
		}
	}
}
