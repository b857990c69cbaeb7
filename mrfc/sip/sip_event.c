/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subscriptions as usages of SIP dialogs, RFC 6665 and RFC 3515: the answer to the request that
 * made them, NOTIFYs one after the other, refreshes handed up. Knows no document and no clock.
 */
#include "mrfc/sip/sip_event.h"

#include <stdlib.h>

#include "common/mem.h"
#include "mrfc/sip/sip.h"
#include "mrfc/sip/sip_out.h"

struct sip_event {
	struct sip_usage usage;
	const struct sip_event_ops *ops;
	void *arg;
	char *event, *id, *name, *key;
	struct sip_out *out;
	char *next_state; /* NOTIFY that waits; NULL: none */
	char *next_type;
	struct bytes next_body;
};

static void on_request(struct sip_in *in_take, void *arg)
{
	struct sip_event *e = arg;

	sip_leg_refresh_target(e->usage.leg, in_take);
	e->ops->refresh(e, in_take, e->arg);
}

static void on_changed(void *arg)
{
	struct sip_event *e = arg;

	if (e->ops->changed != NULL)
		e->ops->changed(e, e->arg);
}

static struct sip_event *event_new(const char *event, const char *id, const char *name,
				   const struct sip_event_ops *ops, void *arg)
{
	struct sip_event *e = xcalloc(1, sizeof(*e));

	e->ops = ops;
	e->arg = arg;
	e->event = xstrdup(event);
	e->id = id != NULL ? xstrdup(id) : NULL;
	e->name = xstrdup(name);
	e->usage = (struct sip_usage){.event = e->event,
				      .event_id = e->id,
				      .request = on_request,
				      .changed = on_changed,
				      .arg = e};
	return e;
}

static void attach(struct sip_event *e, struct sip_leg *leg, const char *call_id)
{
	e->key = xasprintf("%s;%s;%s;%s", call_id, sip_leg_local_tag(leg), e->event,
			   e->id != NULL ? e->id : "");
	sip_leg_attach(leg, &e->usage);
}

struct sip_event *sip_event_new(struct sip_in *in, struct sip_leg *leg, const char *event,
				const char *id, const char *name, const struct sip_event_ops *ops,
				void *arg)
{
	struct sip_event *e = event_new(event, id, name, ops, arg);

	if (leg == NULL)
		leg = sip_leg_accept(in);
	else
		sip_leg_refresh_target(leg, in);
	attach(e, leg, in->call_id);
	return e;
}

void sip_event_save(const struct sip_event *e, struct leg_record *record_r)
{
	sip_leg_save(e->usage.leg, record_r);
}

struct sip_event *sip_event_restore(struct sip_agent *a, const struct leg_record *record,
				    const char *event, const char *id, const char *name,
				    const struct sip_event_ops *ops, void *arg)
{
	struct sip_leg *leg = record->remote_tag != NULL && record->target != NULL
				      ? sip_leg_restore(a, record)
				      : NULL;
	struct sip_event *e;

	if (leg == NULL)
		return NULL;
	e = event_new(event, id, name, ops, arg);
	attach(e, leg, record->call_id);
	return e;
}

static char *contact_of(const struct sip_event *e)
{
	struct bytes b = BYTES_INIT;

	sip_agent_focus_contact(sip_leg_agent(e->usage.leg), e->name, &b);
	return bytes_take(&b);
}

void sip_event_answer(struct sip_event *e, struct sip_in **in, int status, int64_t expires_s,
		      const char *headers)
{
	struct bytes h = BYTES_INIT;
	char *contact = contact_of(e);

	if (expires_s >= 0)
		bytes_addf(&h, "Expires: %lld\r\n", (long long)expires_s);
	sip_header_add(&h, "Supported", sip_in_supported());
	sip_header_add(&h, "Allow-Events", "conference");
	if (headers != NULL)
		bytes_add_str(&h, headers);
	sip_in_end(in, &(struct sip_answer){
			       .status = status, .contact = contact, .headers = bytes_cstr(&h)});
	bytes_fini(&h);
	free(contact);
}

static void on_notified(const struct sip_out_result *r, void *arg);

static int send_notify(struct sip_event *e, const char *state, const char *type, struct slice body)
{
	struct bytes h = BYTES_INIT;
	char *contact = contact_of(e);

	bytes_addf(&h, "Event: %s%s%s\r\n", e->event, e->id != NULL ? ";id=" : "",
		   e->id != NULL ? e->id : "");
	sip_header_add(&h, "Subscription-State", state);
	sip_header_add(&h, "Allow", sip_in_allow());
	sip_header_add(&h, "Supported", sip_in_supported());
	e->out = sip_out_send(e->usage.leg,
			      &(struct sip_out_request){.method = "NOTIFY",
							.contact = contact,
							.headers = bytes_cstr(&h),
							.content_type = type,
							.body = body},
			      on_notified, e);
	bytes_fini(&h);
	free(contact);
	return e->out != NULL ? 0 : -ERR_IO;
}

static void on_notified(const struct sip_out_result *r, void *arg)
{
	struct sip_event *e = arg;
	int status = r->status;

	if (r->status < 200)
		return;
	sip_out_free(&e->out);
	if (e->next_state != NULL && status < 300) {
		char *state = e->next_state, *type = e->next_type;
		struct bytes body = e->next_body;

		e->next_state = e->next_type = NULL;
		e->next_body = BYTES_INIT;
		if (send_notify(e, state, type, bytes_slice(&body)) != 0)
			status = 503;
		free(state);
		free(type);
		bytes_fini(&body);
		if (status != 503)
			return;
	}
	e->ops->notified(e, status, r->retry_after_s, e->arg);
}

int sip_event_notify(struct sip_event *e, const char *state, const char *content_type,
		     struct slice body)
{
	if (e->out == NULL)
		return send_notify(e, state, content_type, body);
	free(e->next_state);
	free(e->next_type);
	bytes_reset(&e->next_body);
	e->next_state = xstrdup(state);
	e->next_type = content_type != NULL ? xstrdup(content_type) : NULL;
	bytes_add_slice(&e->next_body, body);
	return 0;
}

const char *sip_event_key(const struct sip_event *e)
{
	return e->key;
}

void sip_event_free(struct sip_event **ep)
{
	struct sip_event *e = *ep;

	if (e == NULL)
		return;
	*ep = NULL;
	sip_out_free(&e->out);
	sip_leg_detach(&e->usage);
	free(e->next_state);
	free(e->next_type);
	bytes_fini(&e->next_body);
	free(e->event);
	free(e->id);
	free(e->name);
	free(e->key);
	free(e);
}
