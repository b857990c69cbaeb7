/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where MSRP connections come in: plain TCP, TLS, WebSocket over TLS, and plain WebSocket on
 * loopback for a TLS terminator on this machine. Each has its setting of a port; what stands in our
 * URIs follows from them.
 */
#include "mrfp/doors.h"

#include <errno.h>
#include <stdio.h>
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
	uint64_t switch_ms; /* when the announced certificate is shown; 0: none waits */
	struct slot slots[DOORS][PLACES_MAX];
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

static int open_slot(struct slot *slot, const struct addr *host, int64_t port, uint16_t *port_r)
{
	char text[ADDR_STRLEN];
	struct addr at = *host;

	addr_set_port(&at, (uint16_t)port);
	if (listener_open(slot->plane->base, &at, on_accept, slot, &slot->listener)) {
		log_error("cannot listen for MSRP on %s: %s", addr_format(&at, text),
			  errno == EADDRINUSE ? "the port is in use" : strerror(errno));
		return EXIT_RUNTIME;
	}
	*port_r = addr_port(listener_addr(slot->listener));
	return EXIT_OK;
}

/* One listener at each address. */
static int open_door(struct doors *d, struct plane *p, enum door which, int64_t port)
{
	int code = EXIT_OK;

	for (size_t i = 0; i < p->places.n && code == EXIT_OK; i++) {
		struct place *place = &p->places.item[i];
		uint16_t *port_r = which == DOOR_TCP   ? &place->port
				   : which == DOOR_TLS ? &place->tls_port
						       : &place->ws_port;

		code = open_slot(&d->slots[which][i], &place->at, port, port_r);
	}
	return code;
}

static int open_secure(struct doors *d, struct plane *p, enum door which, int64_t port,
		       struct tls **tls_r)
{
	const struct options *opt = p->opt;
	struct tls_settings set = {opt->tls_certificate, opt->tls_key,
				   .ask_peer = which == DOOR_TLS,
				   .ca = which == DOOR_TLS ? opt->tls_ca : NULL};
	char why[TLS_WHY_SIZE];

	if (tls_new(&set, tls_r, why)) {
		log_error("%s", why);
		return EXIT_CONFIG;
	}
	return open_door(d, p, which, port);
}

/* What browsers are told: as configured, or the listener itself. */
static void set_ws_places(struct plane *p, const char *address)
{
	const struct options *opt = p->opt;

	for (size_t i = 0; i < p->places.n; i++) {
		struct place *at = &p->places.item[i];
		struct slice host =
			slice_str(address && !opt->msrp_advertise[0] ? address : at->host);

		if (opt->wss_advertise[0] &&
		    addr_split(slice_str(opt->wss_advertise), &host, &at->ws_port) != 0)
			return; /* was checked */
		if (host.ptr[0] == '[')
			host = slice_make(host.ptr + 1, host.len - 2);
		free(at->ws_host);
		at->ws_host = slice_dup(host);
	}
}

static int open_websocket(struct doors *d, struct plane *p)
{
	const struct options *opt = p->opt;
	int code = EXIT_OK;
	struct addr at;
	uint16_t port;

	if (opt->ws_port >= 0) {
		if (addr_from_host(slice_str(opt->ws_address), 0, &at) != 0)
			return EXIT_CONFIG;
		code = open_slot(&d->slots[DOOR_WS][0], &at, opt->ws_port, &port);
		for (size_t i = 0; i < p->places.n && code == EXIT_OK; i++)
			p->places.item[i].ws_port = port;
		if (code == EXIT_OK)
			set_ws_places(p, opt->ws_address);
	}
	if (code == EXIT_OK && opt->wss_port >= 0) {
		code = open_secure(d, p, DOOR_WSS, opt->wss_port, &p->wss);
		if (code == EXIT_OK)
			set_ws_places(p, NULL);
	}
	return code;
}

int doors_open(struct plane *plane, struct doors **doors_r)
{
	const struct options *opt = plane->opt;
	struct doors *d = xcalloc(1, sizeof(*d));
	char why[PLACES_WHY_SIZE];
	int code;

	*doors_r = d;
	for (unsigned i = 0; i < DOORS; i++) {
		for (unsigned k = 0; k < PLACES_MAX; k++)
			d->slots[i][k] = (struct slot){.plane = plane, .which = (enum door)i};
	}
	if (places_read(opt->msrp_address, opt->msrp_advertise, &plane->places, why) != 0) {
		log_error("%s", why);
		return EXIT_CONFIG;
	}
	code = open_door(d, plane, DOOR_TCP, opt->msrp_port);
	if (code == EXIT_OK && opt->msrp_tls_port >= 0)
		code = open_secure(d, plane, DOOR_TLS, opt->msrp_tls_port, &plane->tls);
	return code == EXIT_OK ? open_websocket(d, plane) : code;
}

/* True: there is a new certificate. */
static bool reload_one(struct tls *tls, const struct options *opt, const char *what)
{
	struct tls_settings set = {.certificate = opt->tls_certificate, .key = opt->tls_key};
	char why[TLS_WHY_SIZE];

	if (!tls)
		return false;
	if (tls_reload(tls, &set, why) == 0)
		return true;
	log_error("%s: the certificate is as before: %s", what, why);
	return false;
}

void doors_reload(struct doors *d, struct plane *plane, const struct options *opt)
{
	int verify = plane->opt->tls_verify;
	char why[TLS_WHY_SIZE];

	/* Legs that wait for their peer were made by this rule; without it, or its CA, nobody would judge them. */
	if (opt->tls_verify != verify)
		log_error("tls.verify is as before: another one holds from the next start");
	if (!opt->tls_ca[0] && verify != TLS_VERIFY_FINGERPRINT)
		log_error("tls.ca is as before: tls.verify needs it until the next start");
	else if (plane->tls && tls_reload_ca(plane->tls, opt->tls_ca, why))
		log_error("tls.ca is as before: %s", why);
	if (!d || (!opt->tls_certificate[0] && !plane->opt->tls_certificate[0]))
		return; /* one of our own making lasts as long as we do */
	if (reload_one(plane->wss, opt, "msrp.wss_port"))
		(void)tls_switch(plane->wss); /* browsers know no fingerprints */
	if (!reload_one(plane->tls, opt, "msrp.tls_port"))
		return;
	d->switch_ms = clock_now_ms() + (uint64_t)opt->tls_overlap_ms;
	log_info("announced from now on: %s", tls_fingerprint(plane->tls));
}

void doors_tick(struct doors *d, struct plane *plane)
{
	if (!d || !d->switch_ms || plane->now_ms < d->switch_ms)
		return;
	d->switch_ms = 0;
	if (plane->tls && tls_switch(plane->tls))
		log_info("shown to peers from now on: %s", tls_fingerprint(plane->tls));
}

size_t doors_addrs(const struct doors *d, enum door which, const struct addr *addrs_r[PLACES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; d && i < PLACES_MAX; i++) {
		if (d->slots[which][i].listener)
			addrs_r[n++] = listener_addr(d->slots[which][i].listener);
	}
	return n;
}

const char *doors_text(const struct doors *d, enum door which, char text[DOORS_STRLEN])
{
	const struct addr *at[PLACES_MAX];
	size_t n = doors_addrs(d, which, at), len = 0;
	char one[ADDR_STRLEN];

	snprintf(text, DOORS_STRLEN, "off");
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, DOORS_STRLEN - len, "%s%s", i ? "," : "",
					addr_format(at[i], one));
	return text;
}

void doors_close(struct doors **d)
{
	if (!*d)
		return;
	for (unsigned i = 0; i < DOORS; i++) {
		for (unsigned k = 0; k < PLACES_MAX; k++)
			listener_free(&(*d)->slots[i][k].listener);
	}
	free(*d);
	*d = NULL;
}

void doors_release(struct plane *plane)
{
	tls_free(&plane->tls);
	tls_free(&plane->wss);
	places_fini(&plane->places);
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
