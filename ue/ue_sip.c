/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SIP agent of user equipment: Sofia's NTA inside the libevent loop (its epoll descriptor is
 * one event), transports, and the dispatch of requests outside dialogs. Calls are in ue_sip_call.c.
 */
#include "ue/ue_sip_priv.h"

#include <errno.h>
#include <sofia-sip/su_log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

#define LOG_PLACE "ue_sip"

static void pump(evutil_socket_t fd, short what, void *arg)
{
	struct ue_sip *sip = arg;
	su_duration_t t;
	int n = 0;
	struct timeval tv;

	(void)fd;
	(void)what;
	do {
		t = su_root_step(sip->root, 0);
	} while (t == 0 && ++n < 3);
	if (t == 0)
		t = 1; /* never spin on a sub-millisecond rest */
	else if (t < 0 || t > 200)
		t = 200;
	tv = (struct timeval){t / 1000, (t % 1000) * 1000};
	evtimer_add(sip->ev_timer, &tv);
}

void ue_sip_kick(struct ue_sip *sip)
{
	event_active(sip->ev_fd, EV_READ, 0);
}

static void on_log(void *stream, char const *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
static void on_log(void *stream, char const *fmt, va_list ap)
{
	char line[256];

	(void)stream;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\r\n")] = '\0';
	if (line[0])
		log_debug("%s", line);
}

static int on_request(void *magic, nta_leg_t *leg, nta_incoming_t *irq, sip_t const *sip_msg)
{
	struct ue_sip *sip = magic;

	(void)leg;
	switch (sip_msg->sip_request->rq_method) {
	case sip_method_ack:
		return 0;
	case sip_method_options:
		nta_incoming_treply(
			irq, SIP_200_OK, SIPTAG_CONTACT_STR(sip->contact),
			SIPTAG_ALLOW_STR("INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, UPDATE"),
			SIPTAG_ACCEPT_STR("application/sdp"), TAG_END());
		return 0;
	case sip_method_invite:
		if (sip_msg->sip_to->a_tag)
			return 481;
		return ue_call_incoming(sip, irq, sip_msg);
	case sip_method_notify:
	case sip_method_bye:
	case sip_method_cancel:
	case sip_method_update:
		return 481;
	default:
		nta_incoming_treply(
			irq, SIP_405_METHOD_NOT_ALLOWED,
			SIPTAG_ALLOW_STR("INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, UPDATE"),
			TAG_END());
		return 0;
	}
}

/* Sofia's epoll descriptor is the lowest free one at su_root_create; -1 when it is not. */
static int sofia_fd(struct ue_sip *sip)
{
	int probe = dup(STDERR_FILENO);
	char path[64], target[64] = "";

	if (probe < 0)
		return -1;
	close(probe);
	sip->root = su_root_create(NULL);
	if (!sip->root)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", probe);
	if (readlink(path, target, sizeof(target) - 1) < 0 ||
	    strcmp(target, "anon_inode:[eventpoll]") != 0)
		return -1;
	su_root_multishot(sip->root, 0);
	return probe;
}

/* Sofia does not tell why it cannot bind: try first. -ERR_IO with errno. */
static int try_bind(const struct addr *at, int type)
{
	int fd = socket(at->sa.sa_family, type | SOCK_CLOEXEC, 0), one = 1, err = 0, why;

	if (fd < 0)
		return -ERR_IO;
	if ((type == SOCK_STREAM &&
	     setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0) ||
	    bind(fd, &at->sa, at->len) < 0)
		err = -ERR_IO;
	why = errno;
	close(fd);
	errno = why;
	return err;
}

static int bind_agent(struct ue_sip *sip, const struct ue_sip_config *config)
{
	char host[ADDR_STRLEN], text[ADDR_STRLEN];
	char *url, port[8] = "*";
	const sip_via_t *via;

	if (addr_port(&config->listen) != 0)
		snprintf(port, sizeof(port), "%u", addr_port(&config->listen));
	addr_host(&config->listen, host);
	url = addr_is_v6(&config->listen) ? xasprintf("sip:[%s]:%s", host, port)
					  : xasprintf("sip:%s:%s", host, port);
	sip->agent = nta_agent_create(sip->root, (url_string_t *)url, NULL, NULL, NTATAG_UA(1),
				      NTATAG_SERVER_RPORT(1), NTATAG_USE_NAPTR(0),
				      NTATAG_MAXSIZE(512 * 1024), TPTAG_QUEUESIZE(2000), TAG_END());
	free(url);
	if (!sip->agent)
		return -ERR_IO;
	sip->addr = config->listen;
	via = nta_agent_via(sip->agent);
	if (via && via->v_port)
		addr_set_port(&sip->addr, (uint16_t)strtoul(via->v_port, NULL, 10));
	sip->default_leg =
		nta_leg_tcreate(sip->agent, on_request, sip, NTATAG_NO_DIALOG(1), TAG_END());
	sip->proxy = xstrdup(addr_format(&config->proxy, text));
	sip->route = xasprintf("<sip:%s;%slr>", sip->proxy, config->udp ? "" : "transport=tcp;");
	return sip->default_leg ? 0 : -ERR_IO;
}

char *ue_sip_contact_uri(const struct ue_sip *sip)
{
	char text[ADDR_STRLEN];
	struct slice user = slice_str(sip->as);
	ptrdiff_t colon = slice_chr(user, ':'), at;

	user = slice_from(user, (size_t)(colon + 1));
	at = slice_chr(user, '@');
	user = at < 0 ? SLICE_LIT("ue") : slice_first(user, (size_t)at);
	return xasprintf("sip:" SLICE_FMT "@%s", SLICE_ARG(user), addr_format(&sip->addr, text));
}

int ue_sip_open(struct event_base *base, const struct ue_sip_config *config,
		const struct ue_sip_ops *ops, void *arg, struct ue_sip **sip_r)
{
	struct ue_sip *sip = xcalloc(1, sizeof(*sip));
	char *uri;
	int fd, err;

	su_init();
	sip_update_default_mclass(sip_extend_mclass(NULL));
	su_log_redirect(NULL, on_log, NULL);
	su_log_set_level(NULL, 0);
	sip->base = base;
	sip->ops = ops;
	sip->arg = arg;
	sip->as = xstrdup(config->as);
	sip->display = config->display ? xstrdup(config->display) : NULL;
	if (config->password)
		sip->auth = ue_sip_auth_new(config->as, config->user, config->password);
	LIST_INIT(&sip->calls);
	sip->home = su_home_new(sizeof(su_home_t));
	fd = sofia_fd(sip);
	err = fd < 0 ? -ERR_IO : try_bind(&config->listen, SOCK_STREAM);
	if (err == 0)
		err = try_bind(&config->listen, SOCK_DGRAM);
	if (err == 0)
		err = bind_agent(sip, config);
	if (err < 0) {
		int why = errno;

		ue_sip_free(&sip);
		errno = why;
		return err;
	}
	uri = ue_sip_contact_uri(sip);
	sip->contact = xasprintf("<%s>", uri);
	free(uri);
	sip->ev_fd = event_new(base, fd, EV_READ | EV_PERSIST, pump, sip);
	sip->ev_timer = evtimer_new(base, pump, sip);
	event_add(sip->ev_fd, NULL);
	ue_sip_kick(sip);
	*sip_r = sip;
	return 0;
}

void ue_sip_free(struct ue_sip **sip_p)
{
	struct ue_sip *sip = *sip_p;
	struct ue_call *call;

	if (!sip)
		return;
	while ((call = LIST_FIRST(&sip->calls)))
		ue_call_free(call);
	if (sip->ev_fd)
		event_free(sip->ev_fd);
	if (sip->ev_timer)
		event_free(sip->ev_timer);
	if (sip->default_leg)
		nta_leg_destroy(sip->default_leg);
	if (sip->agent)
		nta_agent_destroy(sip->agent);
	if (sip->root)
		su_root_destroy(sip->root);
	su_home_unref(sip->home);
	su_deinit();
	ue_sip_auth_free(&sip->auth);
	free(sip->as);
	free(sip->display);
	free(sip->proxy);
	free(sip->route);
	free(sip->contact);
	free(sip);
	*sip_p = NULL;
}

const struct addr *ue_sip_addr(const struct ue_sip *sip)
{
	return &sip->addr;
}
