/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where MSRP connections come in: plain TCP, TLS, WebSocket over TLS, and plain WebSocket on
 * loopback for a TLS terminator on this machine. Each has its setting of a port; what stands in our
 * URIs follows from them.
 */
#include "mrfp/doors.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/daemon.h"
#include "common/listener.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/tls.h"
#include "mrfp/admit.h"
#include "mrfp/wire.h"

#define LOG_PLACE "doors"

struct slot {
	struct plane *plane;
	enum door which;
	struct listener *listener;
};

struct doors {
	struct slot slots[DOORS];
};

static void on_accept(int fd_take, const struct addr *peer, void *arg)
{
	const struct slot *slot = arg;
	struct plane *p = slot->plane;

	p->now_ms = clock_now_ms();
	if (!admit(p, peer))
		close(fd_take);
	else if (slot->which == DOOR_WSS || slot->which == DOOR_WS)
		wire_accept_ws(p, fd_take, peer, slot->which == DOOR_WSS);
	else
		wire_accept(p, fd_take, peer,
			    slot->which == DOOR_TLS ? CTL_TRANSPORT_TLS : CTL_TRANSPORT_TCP);
}

static int open_door(struct slot *slot, const char *address, int64_t port, uint16_t *port_r)
{
	char text[ADDR_STRLEN];
	struct addr at;

	if (addr_from_host(slice_str(address), (uint16_t)port, &at))
		return EXIT_CONFIG;
	if (listener_open(slot->plane->base, &at, on_accept, slot, &slot->listener)) {
		log_error("cannot listen for MSRP on %s: %s", addr_format(&at, text),
			  errno == EADDRINUSE ? "the port is in use" : strerror(errno));
		return EXIT_RUNTIME;
	}
	*port_r = addr_port(listener_addr(slot->listener));
	return EXIT_OK;
}

static int open_secure(struct slot *slot, int64_t port, bool ask_peer, struct tls **tls_r,
		       uint16_t *port_r)
{
	const struct options *opt = slot->plane->opt;
	struct tls_settings set = {opt->tls_certificate, opt->tls_key, .ask_peer = ask_peer};
	char why[TLS_WHY_SIZE];

	if (tls_new(&set, tls_r, why)) {
		log_error("%s", why);
		return EXIT_CONFIG;
	}
	return open_door(slot, opt->msrp_address, port, port_r);
}

/* What browsers are told: as configured, or the listener itself. */
static void set_ws_place(struct plane *p, const char *address)
{
	const struct options *opt = p->opt;
	struct slice host = slice_str(opt->msrp_advertise[0] ? opt->msrp_advertise : address);

	if (opt->wss_advertise[0] &&
	    addr_split(slice_str(opt->wss_advertise), &host, &p->ws_port) != 0)
		return; /* was checked */
	if (host.ptr[0] == '[')
		host = slice_make(host.ptr + 1, host.len - 2);
	free(p->ws_host);
	p->ws_host = slice_dup(host);
}

static int open_websocket(struct doors *d, struct plane *p)
{
	const struct options *opt = p->opt;
	int code = EXIT_OK;

	if (opt->ws_port >= 0) {
		code = open_door(&d->slots[DOOR_WS], opt->ws_address, opt->ws_port, &p->ws_port);
		if (code == EXIT_OK)
			set_ws_place(p, opt->ws_address);
	}
	if (code == EXIT_OK && opt->wss_port >= 0) {
		code = open_secure(&d->slots[DOOR_WSS], opt->wss_port, false, &p->wss, &p->ws_port);
		if (code == EXIT_OK)
			set_ws_place(p, opt->msrp_address);
	}
	return code;
}

int doors_open(struct plane *plane, struct doors **doors_r)
{
	const struct options *opt = plane->opt;
	struct doors *d = xcalloc(1, sizeof(*d));
	int code;

	*doors_r = d;
	for (unsigned i = 0; i < DOORS; i++)
		d->slots[i] = (struct slot){.plane = plane, .which = (enum door)i};
	plane->host = xstrdup(opt->msrp_advertise[0] ? opt->msrp_advertise : opt->msrp_address);
	code = open_door(&d->slots[DOOR_TCP], opt->msrp_address, opt->msrp_port, &plane->port);
	if (code == EXIT_OK && opt->msrp_tls_port >= 0)
		code = open_secure(&d->slots[DOOR_TLS], opt->msrp_tls_port, true, &plane->tls,
				   &plane->tls_port);
	return code == EXIT_OK ? open_websocket(d, plane) : code;
}

const struct addr *doors_addr(const struct doors *d, enum door which)
{
	const struct listener *l = d ? d->slots[which].listener : NULL;

	return l ? listener_addr(l) : NULL;
}

const char *doors_place(const struct doors *d, enum door which, char text[ADDR_STRLEN])
{
	const struct addr *at = doors_addr(d, which);

	return at ? addr_format(at, text) : "off";
}

void doors_close(struct doors **d)
{
	if (!*d)
		return;
	for (unsigned i = 0; i < DOORS; i++)
		listener_free(&(*d)->slots[i].listener);
	free(*d);
	*d = NULL;
}

void doors_release(struct plane *plane)
{
	tls_free(&plane->tls);
	tls_free(&plane->wss);
	free(plane->host);
	free(plane->ws_host);
	plane->host = plane->ws_host = NULL;
}

void doors_collect(struct plane *plane)
{
	const struct tls *all[] = {plane->tls, plane->wss};
	const struct stats *st = &plane->stats;

	*st->handshakes_now = 0;
	for (unsigned end = 0; end < TLS_ENDS; end++)
		*st->handshakes[end] = 0;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (!all[i])
			continue;
		*st->handshakes_now += tls_n_handshakes(all[i]);
		for (unsigned end = 0; end < TLS_ENDS; end++)
			*st->handshakes[end] += (int64_t)tls_n_ended(all[i], (enum tls_end)end);
	}
}
