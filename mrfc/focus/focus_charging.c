/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Charging headers of requests, RFC 7315: what a trusted peer brings is kept with the session and
 * its vector goes back in every answer; calls of ours have a vector of their own that names the one
 * that caused them. Nothing of it goes to participants or to next hops outside the trust domain.
 */
#include "mrfc/focus/focus_charging.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/sip/charging.h"

#define LOG_PLACE "focus/charging"

#define VECTOR_HEADER "P-Charging-Vector"

static void own_vector(const struct focus *f, struct charging_vector *v_r)
{
	char host[ADDR_STRLEN];

	charging_vector_make(addr_host(sip_agent_addr(f->sip), host), v_r);
}

/* The same vector in every answer, with the network where the call ends (CHG-004). */
static void echo(const struct focus *f, struct sip_in *in, struct charging_vector *v)
{
	struct bytes value = BYTES_INIT, line = BYTES_INIT;

	charging_vector_build(v, &value);
	sip_in_set_charging(in, bytes_cstr(&value));
	bytes_reset(&value);
	if (v->term_ioi == NULL && f->config.charging_ioi[0] != '\0')
		v->term_ioi = xstrdup(f->config.charging_ioi);
	charging_vector_build(v, &value);
	sip_header_add(&line, VECTOR_HEADER, bytes_cstr(&value));
	sip_in_echo(in, bytes_cstr(&line));
	bytes_fini(&value);
	bytes_fini(&line);
}

static bool makes_something(const struct sip_in *in)
{
	return in->method == SIP_IN_INVITE || in->method == SIP_IN_SUBSCRIBE ||
	       in->method == SIP_IN_REFER;
}

int charging_admit(struct focus *f, struct sip_in *in, bool in_dialog)
{
	struct charging_vector v;
	const char *value;

	if (!in->trusted)
		return 0; /* what it wrote is not even read */
	value = sip_in_header(in, VECTOR_HEADER, 0);
	if (value == NULL) {
		if (!f->config.charging_create || in_dialog || !makes_something(in))
			return 0;
		own_vector(f, &v);
	} else if (sip_in_header(in, VECTOR_HEADER, 1) != NULL ||
		   charging_vector_parse(slice_str(value), &v) != 0) {
		log_peer("%s refused: not one well-formed " VECTOR_HEADER, in->method_name);
		return 400; /* CHG-003 */
	}
	echo(f, in, &v);
	charging_vector_fini(&v);
	return 0;
}

static char *header_copy(const struct sip_in *in, const char *name)
{
	const char *value = in->trusted ? sip_in_header(in, name, 0) : NULL;

	return value != NULL ? xstrdup(value) : NULL;
}

void charging_take(struct session *s, const struct sip_in *in)
{
	struct focus_charging *c = &s->charging;

	if (in->charging != NULL)
		c->vector = xstrdup(in->charging);
	c->functions = header_copy(in, "P-Charging-Function-Addresses");
	c->access_network = header_copy(in, "P-Access-Network-Info");
	c->visited_network = header_copy(in, "P-Visited-Network-ID");
	if (c->vector != NULL)
		log_debug("%s %s: charged under %s", s->room->c->name, s->who.uri, c->vector);
}

void charging_fini(struct focus_charging *c)
{
	free(c->vector);
	free(c->functions);
	free(c->access_network);
	free(c->visited_network);
	free(c->related);
	*c = (struct focus_charging){0};
}

void charging_relate(struct session *s, const char *vector)
{
	free(s->charging.related);
	s->charging.related = vector != NULL ? xstrdup(vector) : NULL;
}

/* Of the request that caused the call, else of the session of who asked for it; NULL. */
static const char *causing_vector(const struct session *s)
{
	const struct session *asker;

	if (s->charging.related != NULL)
		return s->charging.related;
	asker = s->by != NULL ? session_of_user(s->room, slice_str(s->by), false) : NULL;
	return asker != NULL && asker != s ? asker->charging.vector : NULL;
}

void charging_call(struct session *s, struct bytes *trusted)
{
	const struct focus *f = s->room->focus;
	const char *cause = causing_vector(s);
	struct charging_vector v, from = {0};
	struct bytes value = BYTES_INIT;

	own_vector(f, &v);
	if (f->config.charging_ioi[0] != '\0')
		v.orig_ioi = xstrdup(f->config.charging_ioi);
	if (cause != NULL && charging_vector_parse(slice_str(cause), &from) == 0) {
		v.related_icid = xstrdup(from.icid);
		v.related_icid_generated_at =
			from.icid_generated_at != NULL ? xstrdup(from.icid_generated_at) : NULL;
		charging_vector_fini(&from);
	}
	charging_vector_build(&v, &value);
	sip_header_add(trusted, VECTOR_HEADER, bytes_cstr(&value)); /* CHG-006 */
	free(s->charging.vector);
	s->charging.vector = bytes_take(&value);
	charging_vector_fini(&v);
}
