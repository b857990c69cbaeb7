/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typing indications at both ends, RFC 3994 3.2 and 3.3. A person who does not refresh is idle after
 * the refresh told, else after 120 s.
 */
#include "ue/ue_typing.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "common/mem.h"
#include "proto/iscomposing.h"

struct typist {
	TAILQ_ENTRY(typist) link;
	char *uri;
	uint64_t until_ms;
};

struct ue_typing {
	TAILQ_HEAD(, typist) typists; /* those who are active */
	size_t n;
};

struct ue_typing *ue_typing_new(void)
{
	struct ue_typing *t = xcalloc(1, sizeof(*t));

	TAILQ_INIT(&t->typists);
	return t;
}

static void drop(struct ue_typing *t, struct typist *p)
{
	TAILQ_REMOVE(&t->typists, p, link);
	t->n--;
	free(p->uri);
	free(p);
}

void ue_typing_free(struct ue_typing **tp)
{
	struct ue_typing *t = *tp;
	struct typist *p;

	if (!t)
		return;
	while ((p = TAILQ_FIRST(&t->typists)))
		drop(t, p);
	free(t);
	*tp = NULL;
}

static struct typist *find(struct ue_typing *t, struct slice who)
{
	struct typist *p;

	TAILQ_FOREACH(p, &t->typists, link) {
		if (slice_eq_str(who, p->uri))
			return p;
	}
	return NULL;
}

bool ue_typing_content(struct ue_typing *t, struct slice who)
{
	struct typist *p = find(t, who);

	if (!p)
		return false;
	drop(t, p);
	return true;
}

bool ue_typing_heard(struct ue_typing *t, struct slice who, bool active, uint32_t refresh_s,
		     uint64_t now_ms)
{
	struct typist *p = find(t, who);
	bool known = p != NULL;

	if (!active)
		return ue_typing_content(t, who);
	if (!p) {
		if (t->n == UE_TYPING_MAX)
			return false;
		p = xcalloc(1, sizeof(*p));
		p->uri = slice_dup(who);
		TAILQ_INSERT_TAIL(&t->typists, p, link);
		t->n++;
	}
	p->until_ms =
		now_ms + (uint64_t)(refresh_s ? refresh_s : ISCOMPOSING_TIMEOUT_S) * UINT64_C(1000);
	return !known;
}

char *ue_typing_expired(struct ue_typing *t, uint64_t now_ms)
{
	struct typist *p;
	char *uri;

	TAILQ_FOREACH(p, &t->typists, link) {
		if (p->until_ms <= now_ms) {
			uri = xstrdup(p->uri);
			drop(t, p);
			return uri;
		}
	}
	return NULL;
}

uint64_t ue_typing_next_ms(const struct ue_typing *t)
{
	const struct typist *p;
	uint64_t next = 0;

	TAILQ_FOREACH(p, &t->typists, link) {
		if (!next || p->until_ms < next)
			next = p->until_ms;
	}
	return next;
}

bool ue_composer_set(struct ue_composer *c, bool active, uint64_t now_ms)
{
	bool tell = active ? !c->active || now_ms >= c->refresh_ms : c->active;

	c->active = active;
	if (!active)
		return tell;
	c->idle_ms = now_ms + ISCOMPOSING_IDLE_S * UINT64_C(1000);
	if (tell)
		c->refresh_ms = now_ms + ISCOMPOSING_REFRESH_S * UINT64_C(1000);
	return tell;
}

void ue_composer_sent(struct ue_composer *c)
{
	c->active = false;
}
