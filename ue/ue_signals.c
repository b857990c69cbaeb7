/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notifications and typing of a UE put together from their parts: documents (proto/imdn,
 * proto/iscomposing), counting (ue_receipts), states (ue_typing). Owns the timer that ends states.
 */
#include "ue/ue_signals.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/rand.h"
#include "proto/iscomposing.h"
#include "proto/media_type.h"
#include "proto/multipart.h"
#include "ue/ue_typing.h"

struct ue_signals {
	const struct ue_signals_ops *ops;
	void *arg;
	bool ask;
	enum ue_answers answers;
	struct ue_receipts *receipts;
	struct ue_typing *typing;
	struct ue_composer composer;
	struct event *ev; /* the next end of a state, ours or another's */
};

/* --- typing --- */

static void arm(struct ue_signals *s)
{
	uint64_t now = clock_now_ms(), next = ue_typing_next_ms(s->typing);
	struct timeval tv;

	if (s->composer.active && (!next || s->composer.idle_ms < next))
		next = s->composer.idle_ms;
	if (!next) {
		evtimer_del(s->ev);
		return;
	}
	next = next > now ? next - now : 0;
	tv = (struct timeval){(time_t)(next / 1000), (suseconds_t)(next % 1000 * 1000)};
	evtimer_add(s->ev, &tv);
}

static void tell_typing(struct ue_signals *s)
{
	struct iscomposing c = {.active = s->composer.active,
				.content_type = (char *)(uintptr_t) "text/plain",
				.refresh_s = s->composer.active ? ISCOMPOSING_REFRESH_S : 0};
	struct cpim_fields f = {.content_type = SLICE_LIT(ISCOMPOSING_TYPE)};
	struct bytes b = BYTES_INIT;

	iscomposing_build(&b, &c);
	s->ops->send(NULL, &f, bytes_slice(&b), s->arg);
	bytes_fini(&b);
}

void ue_signals_typing(struct ue_signals *s, bool active)
{
	if (ue_composer_set(&s->composer, active, clock_now_ms()))
		tell_typing(s);
	arm(s);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ue_signals *s = arg;
	uint64_t now = clock_now_ms();
	char *uri;

	(void)fd;
	(void)what;
	while ((uri = ue_typing_expired(s->typing, now))) {
		s->ops->typing(slice_str(uri), false, s->arg);
		free(uri);
	}
	if (s->composer.active && now >= s->composer.idle_ms)
		ue_signals_typing(s, false);
	arm(s);
}

static void take_composing(struct ue_signals *s, const struct ue_message *m)
{
	struct iscomposing c;

	if (!m->payload.ptr || iscomposing_parse(m->payload, &c))
		return;
	if (ue_typing_heard(s->typing, m->cpim.from, c.active, c.refresh_s, clock_now_ms()))
		s->ops->typing(m->cpim.from, c.active, s->arg);
	iscomposing_fini(&c);
	arm(s);
}

/* --- notifications about messages of ours --- */

/* One document. What the room sends for many names one of them, or tells a number. */
static const struct ue_receipt *take_document(struct ue_signals *s, struct slice text,
					      struct slice from, bool from_room)
{
	const struct ue_receipt *receipt;
	struct imdn doc;

	if (imdn_parse(text, &doc))
		return NULL;
	receipt = ue_receipts_note(s->receipts, &doc, from_room ? slice_str(doc.recipient) : from);
	imdn_fini(&doc);
	return receipt;
}

static void take_summary(struct ue_signals *s, const struct ue_message *m)
{
	const struct ue_receipt *last = NULL, *receipt;
	struct multipart_part part;
	struct multipart parts;

	if (!m->payload.ptr || multipart_open(m->cpim.content_type, m->payload, &parts))
		return;
	while (multipart_next(&parts, &part) == 1) {
		if (!slice_ieq_str(media_type_base(part.content_type), IMDN_TYPE))
			continue;
		receipt = take_document(s, part.body, m->cpim.from, true);
		if (last && receipt && receipt != last)
			s->ops->receipt(last, s->arg);
		last = receipt ? receipt : last;
	}
	if (last)
		s->ops->receipt(last, s->arg);
}

static bool is_summary(const struct ue_message *m)
{
	return slice_ieq_str(media_type_base(m->cpim.content_type), "multipart/mixed") &&
	       slice_istarts(m->cpim.content_disposition, SLICE_LIT("notification"));
}

bool ue_signals_take(struct ue_signals *s, const struct ue_message *m, bool from_room)
{
	const struct ue_receipt *receipt;

	if (m->cpim.kind == CPIM_COMPOSING) {
		take_composing(s, m);
		return true;
	}
	if (m->cpim.kind == CPIM_IMDN) {
		receipt = m->payload.ptr ? take_document(s, m->payload, m->cpim.from, from_room)
					 : NULL;
		if (receipt)
			s->ops->receipt(receipt, s->arg);
		return true;
	}
	if (is_summary(m)) {
		if (from_room)
			take_summary(s, m);
		return true;
	}
	if (ue_typing_content(s->typing, m->cpim.from)) {
		s->ops->typing(m->cpim.from, false, s->arg);
		arm(s);
	}
	return false;
}

/* --- notifications about messages of others --- */

/* The URI of a header value with or without a name; "" when there is none. */
static char *uri_of(struct slice value)
{
	ptrdiff_t open = slice_chr(value, '<'), close;

	value = open < 0 ? SLICE_NULL : slice_from(value, (size_t)open + 1);
	close = slice_chr(value, '>');
	return close <= 0 ? NULL : slice_dup(slice_first(value, (size_t)close));
}

static void notify(struct ue_signals *s, const struct cpim_head *of, enum imdn_kind kind)
{
	char *to = slice_dup(of->from), id[UE_SIGNALS_ID + 1];
	struct imdn doc = {.message_id = slice_dup(of->imdn_message_id),
			   .date_time = slice_dup(of->date_time),
			   .recipient = of->to.len ? slice_dup(of->to) : NULL,
			   .original_recipient = uri_of(of->imdn_original_to),
			   .subject = of->subject.len ? slice_dup(of->subject) : NULL,
			   .kind = kind,
			   .status = kind == IMDN_DISPLAY ? IMDN_DISPLAYED : IMDN_DELIVERED};
	struct cpim_fields f = {.content_type = SLICE_LIT(IMDN_TYPE),
				.content_disposition = SLICE_LIT("notification"),
				.imdn_routes = of->imdn_record_routes};
	struct bytes b = BYTES_INIT;

	rand_ident(id, UE_SIGNALS_ID);
	f.imdn_message_id = slice_str(id);
	f.n_imdn_routes = of->n_imdn_record_routes < CPIM_ROUTES_MAX ? of->n_imdn_record_routes
								     : CPIM_ROUTES_MAX;
	imdn_build(&b, &doc);
	s->ops->send(to, &f, bytes_slice(&b), s->arg);
	bytes_fini(&b);
	imdn_fini(&doc);
	free(to);
}

void ue_signals_shown(struct ue_signals *s, const struct ue_message *m)
{
	const struct cpim_head *h = &m->cpim;
	unsigned wanted = imdn_wanted(h->imdn_disposition);

	if (!h->imdn_message_id.len || !h->from.len || s->answers == UE_ANSWER_NONE)
		return;
	if (wanted & IMDN_WANT_POSITIVE)
		notify(s, h, IMDN_DELIVERY);
	if (wanted & IMDN_WANT_DISPLAY && s->answers == UE_ANSWER_DISPLAY)
		notify(s, h, IMDN_DISPLAY);
}

/* --- messages of ours --- */

void ue_signals_saying(struct ue_signals *s, struct cpim_fields *f, struct ue_signals_id *id)
{
	rand_ident(id->text, UE_SIGNALS_ID);
	if (!s->ask)
		return;
	f->imdn_message_id = slice_str(id->text);
	f->imdn_disposition = SLICE_LIT("positive-delivery, negative-delivery, display");
}

void ue_signals_said(struct ue_signals *s, const struct ue_signals_id *id, unsigned ticket, int err)
{
	if (err < 0)
		return;
	ue_composer_sent(&s->composer);
	arm(s);
	if (s->ask)
		ue_receipts_sent(s->receipts, id->text, ticket);
}

struct ue_signals *ue_signals_new(struct event_base *base, bool ask, enum ue_answers answers,
				  const struct ue_signals_ops *ops, void *arg)
{
	struct ue_signals *s = xcalloc(1, sizeof(*s));

	s->ops = ops;
	s->arg = arg;
	s->ask = ask;
	s->answers = answers;
	s->receipts = ue_receipts_new();
	s->typing = ue_typing_new();
	s->ev = evtimer_new(base, on_timer, s);
	return s;
}

void ue_signals_free(struct ue_signals **sp)
{
	struct ue_signals *s = *sp;

	if (!s)
		return;
	event_free(s->ev);
	ue_receipts_free(&s->receipts);
	ue_typing_free(&s->typing);
	free(s);
	*sp = NULL;
}
