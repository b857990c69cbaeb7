/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wiring of the MRFP: makes the loop, the media plane, the listener, the control link and the admin
 * door, connects them, and runs loop turns with the fan-out at the end of each.
 */
#include "mrfp/server.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/daemon.h"
#include "common/http.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/resolve.h"
#include "common/tls.h"
#include "mrfp/admit.h"
#include "mrfp/control.h"
#include "mrfp/ctl_client.h"
#include "mrfp/doors.h"
#include "mrfp/fanout.h"
#include "mrfp/hangup.h"
#include "mrfp/ingress.h"
#include "mrfp/nickname.h"
#include "mrfp/owed.h"
#include "mrfp/pressure.h"
#include "mrfp/request.h"
#include "mrfp/verdict.h"
#include "mrfp/watch.h"
#include "mrfp/wire_bundle.h"

#define LOG_PLACE     "server"
#define READY_WAIT_MS 2000

struct server {
	const struct options *opt;
	server_reload_fn *reload;
	void *reload_arg;
	struct event_base *base;
	struct plane plane;
	struct metrics *metrics;
	struct doors *doors;
	struct ctl_client *ctl;
	struct tls *ctl_tls; /* NULL: the Unix socket */
	struct http_server *http;
	struct daemon *daemon;
	struct event *tick, *ready_timer;
	bool ready, stop;
	bool leaving;                  /* TERM came, and the MRFC moves our contexts */
	uint64_t leave_end_ms;         /* it has until then */
	uint64_t drain_end_ms;         /* while plane.draining */
	uint64_t load_ms, load_cpu_ms; /* at the last look at the load */
	char not_ready[192];           /* the reason for /readyz */
};

/* --- what the parts tell each other --- */

static uint32_t on_notify(const struct context *ctx, const struct ctl_notify *event, void *arg)
{
	struct server *s = arg;

	return ctl_client_notify(s->ctl, ctx->id, event);
}

static void on_withdraw(uint32_t transaction, void *arg)
{
	struct server *s = arg;

	ctl_client_withdraw(s->ctl, transaction);
}

static void on_answer(struct session *s, struct slice tid, struct slice paths, int status)
{
	request_answer(s->wire, tid, paths, status);
}

/* HOST:PORT as in our URIs. */
static void format_place(char *text, size_t size, const char *host, uint16_t port)
{
	snprintf(text, size, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
}

static void on_describe(struct ctl_service_change *m, void *arg)
{
	static struct slice more[PLACES_MAX];
	static char msrp[ADDR_STRLEN + 8], msrp_tls[ADDR_STRLEN + 8], msrp_wss[ADDR_STRLEN + 8];
	struct server *s = arg;
	const struct place *at = &s->plane.places.item[0];

	format_place(msrp, sizeof(msrp), at->host, at->port);
	CTL_SET(m, service_change, msrp, slice_str(msrp));
	if (s->plane.tls) {
		format_place(msrp_tls, sizeof(msrp_tls), at->host, at->tls_port);
		CTL_SET(m, service_change, msrp_tls, slice_str(msrp_tls));
		CTL_SET(m, service_change, fingerprint, slice_str(tls_fingerprint(s->plane.tls)));
	}
	if (at->ws_host) {
		format_place(msrp_wss, sizeof(msrp_wss), at->ws_host, at->ws_port);
		CTL_SET(m, service_change, msrp_wss, slice_str(msrp_wss));
	}
	for (size_t i = 1; i < s->plane.places.n; i++)
		more[i - 1] = slice_str(s->plane.places.item[i].host);
	if (s->plane.places.n > 1)
		CTL_SET(m, service_change, advertise,
			((struct ctl_list){more, s->plane.places.n - 1}));
	CTL_SET(m, service_change, max_size, (uint64_t)s->opt->max_size);
	CTL_SET(m, service_change, max_terminations, (uint32_t)s->opt->mp_max_terminations);
	CTL_SET(m, service_change, contexts, (uint32_t)*s->plane.stats.contexts);
	CTL_SET(m, service_change, terminations, (uint32_t)*s->plane.stats.terminations);
}

static void on_request(const struct ctl_frame *f, struct bytes *out, void *arg)
{
	struct server *s = arg;

	s->plane.now_ms = clock_now_ms();
	control_request(&s->plane, f, out);
	verdict_described(s->plane.verdicts);
	wire_release_held(&s->plane);
}

static void on_event_done(uint32_t transaction, const struct ctl_result *r, void *arg)
{
	struct server *s = arg;

	s->plane.now_ms = clock_now_ms();
	if (CTL_HAS(r, result, status) || r->code != CTL_R_OK)
		nickname_reply(s->plane.nicknames, transaction,
			       CTL_HAS(r, result, status) ? r->status : 403);
	owed_reply(s->plane.owed, transaction, r->code == CTL_R_OK);
	verdict_reply(s->plane.verdicts, transaction,
		      CTL_HAS(r, result, status) && r->code == CTL_R_OK ? r->status : 403);
}

/* " NAME=HOST:PORT" of WebSocket listeners; nothing where there is none. */
static void add_door(const struct server *s, struct bytes *out, enum door which, const char *name)
{
	const struct addr *at[PLACES_MAX];
	char text[DOORS_STRLEN];

	if (doors_addrs(s->doors, which, at))
		bytes_addf(out, " %s=%s", name, doors_text(s->doors, which, text));
}

static void say_ready(struct server *s)
{
	char msrp[DOORS_STRLEN], tls[DOORS_STRLEN], admin[ADDR_STRLEN] = "off";
	struct bytes more = BYTES_INIT;

	if (s->ready)
		return;
	s->ready = true;
	if (s->http)
		addr_format(http_server_addr(s->http), admin);
	add_door(s, &more, DOOR_WSS, "wss");
	add_door(s, &more, DOOR_WS, "ws");
	daemon_ready("ready msrp=%s tls=%s%s admin=%s mp=%s", doors_text(s->doors, DOOR_TCP, msrp),
		     doors_text(s->doors, DOOR_TLS, tls), bytes_cstr(&more), admin,
		     ctl_client_up(s->ctl) ? "up" : "down");
	bytes_fini(&more);
}

static void on_ctl_changed(bool up, void *arg)
{
	struct server *s = arg;

	if (up)
		owed_tell_held(&s->plane);
	if (up && s->leaving) /* the MRFC may be another one by now */
		ctl_client_announce(s->ctl, CTL_DRAIN);
	if (up && s->ready_timer)
		event_active(s->ready_timer, EV_TIMEOUT, 0);
}

/* Of the processor or of process.memory, whichever is scarcer. */
static uint32_t on_load(void *arg)
{
	struct server *s = arg;
	const struct budget *b = &s->plane.budget;
	uint64_t now_ms = clock_now_ms(), cpu_ms = clock_cpu_ms();
	uint64_t span_ms = now_ms > s->load_ms ? now_ms - s->load_ms : 1;
	uint64_t load = s->load_ms ? (cpu_ms - s->load_cpu_ms) * 1000 / span_ms : 0;
	uint64_t memory = budget_total(b) * 1000 / b->ceiling;

	s->load_ms = now_ms;
	s->load_cpu_ms = cpu_ms;
	load = memory > load ? memory : load;
	return load < 1000 ? (uint32_t)load : 1000;
}

static void go_down(struct server *s);

static void on_announced(uint16_t code, void *arg)
{
	struct server *s = arg;

	if (!s->leaving || code == CTL_R_OK)
		return;
	log_info("the MRFC cannot move our contexts: %s", ctl_result_name(code));
	go_down(s);
}

static const struct ctl_client_ops ctl_ops = {
	.describe = on_describe,
	.request = on_request,
	.event_done = on_event_done,
	.changed = on_ctl_changed,
	.announced = on_announced,
	.load = on_load,
};

static void on_ready_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	say_ready(arg);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd;
	(void)what;
	s->plane.now_ms = clock_now_ms();
	watch_tick(&s->plane);
	doors_tick(s->doors, &s->plane);
}

static void on_collect(void *arg)
{
	struct server *s = arg;

	pressure_collect(&s->plane);
	doors_collect(&s->plane);
}

static bool on_readyz(const char **text_r, void *arg)
{
	struct server *s = arg;

	if (ctl_client_up(s->ctl))
		return true;
	snprintf(s->not_ready, sizeof(s->not_ready), "not ready: not registered at the MRFC on %s",
		 s->opt->mp_connect[0] ? s->opt->mp_connect : s->opt->mp_socket);
	*text_r = s->not_ready;
	return false;
}

/* Is anything owed that can still go out? */
static bool owes(const struct plane *p)
{
	int64_t open = 0;

	for (unsigned k = 0; k < STATS_CLASSES; k++)
		open += *p->stats.open[k];
	return open > 0 || p->budget.own.held > 0;
}

/* What is owed may go out, within a bound. */
static void go_down(struct server *s)
{
	struct plane *p = &s->plane;

	s->leaving = false;
	if (!owes(p)) {
		s->stop = true;
		return;
	}
	log_info("no new connections and messages; what is owed has %lld ms to go out",
		 (long long)s->opt->drain_ms);
	p->draining = true;
	s->drain_end_ms = clock_now_ms() + (uint64_t)s->opt->drain_ms;
	doors_close(&s->doors);
}

/* The first TERM asks the MRFC to move our contexts, if it can; the second does not wait. */
static void on_term(void *arg)
{
	struct server *s = arg;
	struct plane *p = &s->plane;

	if (s->leaving || p->draining) {
		s->stop = true;
		return;
	}
	if (*p->stats.contexts == 0 || !ctl_client_up(s->ctl)) {
		go_down(s);
		return;
	}
	log_info("the MRFC has %lld ms to move our contexts", (long long)s->opt->drain_ms);
	s->leaving = true;
	s->leave_end_ms = clock_now_ms() + (uint64_t)s->opt->drain_ms;
	ctl_client_announce(s->ctl, CTL_DRAIN);
}

/* Each turn while draining: done, or out of time? (the tick ends a turn) */
static void look_at_drain(struct server *s)
{
	if (s->leaving && (*s->plane.stats.contexts == 0 || clock_now_ms() >= s->leave_end_ms))
		go_down(s);
	if (s->plane.draining && (!owes(&s->plane) || clock_now_ms() >= s->drain_end_ms))
		s->stop = true;
}

static void on_hup(void *arg)
{
	struct server *s = arg;
	struct options opt = {0};

	if (s->reload(&opt, s->reload_arg) != 0) {
		log_error("the configuration is as before");
		return;
	}
	log_set_level((enum log_level)opt.log_level);
	doors_reload(s->doors, &s->plane, &opt);
	log_info(
		"configuration read: log.level and tls.* but tls.verify hold from now on, the rest from the next start");
	config_release(options_table, options_table_len, &opt);
}

/* --- start and end --- */

/* One system call for many connections, where the kernel and msrp.io allow it. */
static int open_bundle(struct server *s)
{
	struct plane *p = &s->plane;
	struct uring *ring;

	if (s->opt->msrp_io == IO_WRITEV)
		return EXIT_OK;
	if (uring_open(&ring) == 0) {
		log_info("msrp.io: io_uring, responses gathered for %lld us",
			 (long long)s->opt->gather_us);
		p->bundle = bundle_new(ring);
		*p->stats.uring = 1;
		return EXIT_OK;
	}
	if (s->opt->msrp_io == IO_URING) {
		log_error("msrp.io: no io_uring: %s", strerror(errno));
		return EXIT_RUNTIME;
	}
	log_info("msrp.io: writev, as there is no io_uring: %s", strerror(errno));
	return EXIT_OK;
}

/* One read must not go far past a mark: a sixteenth of the smaller limit, within bounds. */
static size_t read_size(const struct options *opt)
{
	int64_t least = opt->memory / 4 < opt->log_bytes ? opt->memory / 4 : opt->log_bytes;
	int64_t n = least / 16;

	if (n < PLANE_READ_SMALL)
		return PLANE_READ_SMALL;
	return n < PLANE_READ_SIZE ? (size_t)n : PLANE_READ_SIZE;
}

static int open_plane(struct server *s)
{
	struct plane *p = &s->plane;

	p->opt = s->opt;
	p->base = s->base;
	p->now_ms = clock_now_ms();
	p->wall_ms = clock_wall_ms;
	p->ops = &request_ops;
	p->notify = on_notify;
	p->withdraw = on_withdraw;
	p->notify_arg = s;
	stats_init(&p->stats, s->metrics);
	LIST_INIT(&p->wires);
	LIST_INIT(&p->watched);
	LIST_INIT(&p->aggregating);
	LIST_INIT(&p->throttled);
	LIST_INIT(&p->keeping);
	TAILQ_INIT(&p->dirty_wires);
	TAILQ_INIT(&p->dead_wires);
	TAILQ_INIT(&p->readable);
	TAILQ_INIT(&p->websockets);
	TAILQ_INIT(&p->dirty_contexts);
	TAILQ_INIT(&p->busy);
	budget_init(&p->budget, (uint64_t)s->opt->memory);
	p->read_most = read_size(s->opt);
	p->read_now = p->read_most;
	p->read_buf = xcalloc(1, PLANE_READ_HEADROOM + PLANE_READ_SIZE);
	p->nicknames = nicknames_new(p, on_answer);
	p->verdicts = verdicts_new(p, on_answer, ingress_resume);
	p->owed = owed_new(p, on_answer);
	p->resolver = resolver_new(s->base, NULL);
	if (addr_set_parse(s->opt->connect_allow, &p->connect_allow) ||
	    addr_set_parse(s->opt->trusted_media, &p->trusted))
		return EXIT_CONFIG;
	return open_bundle(s);
}

static int open_control(struct server *s)
{
	const struct options *o = s->opt;
	struct tls_settings set = {o->mp_tls_certificate, o->mp_tls_key, .only_1_3 = true};
	struct fingerprint_list pins;
	bool remote = o->mp_connect[0] != '\0';
	char why[TLS_WHY_SIZE];
	struct addr at;

	if (remote ? addr_parse(slice_str(o->mp_connect), &at) : addr_from_unix(o->mp_socket, &at))
		return EXIT_CONFIG;
	if (remote && fingerprint_list_read(&pins, o->mp_pins))
		return EXIT_CONFIG;
	if (remote && tls_new(&set, &s->ctl_tls, why)) {
		log_error("mp.tls_certificate, mp.tls_key: %s", why);
		return EXIT_CONFIG;
	}
	s->ctl = ctl_client_new(s->base, o, &at, &s->plane.stats, &ctl_ops, s);
	if (remote)
		ctl_client_secure(s->ctl, s->ctl_tls, &pins);
	return EXIT_OK;
}

static int open_admin(struct server *s)
{
	const struct options *opt = s->opt;
	char text[ADDR_STRLEN];
	struct addr at;
	int rc;

	if (opt->admin_port < 0)
		return EXIT_OK;
	if (addr_from_host(slice_str(opt->admin_address), (uint16_t)opt->admin_port, &at))
		return EXIT_CONFIG;
	rc = http_server_open(s->base, &at, opt->admin_token_file, s->metrics, on_readyz, s,
			      &s->http);
	if (rc == 0)
		return EXIT_OK;
	if (rc == -ERR_CONFIG)
		log_error("admin.token_file: %s holds no token", opt->admin_token_file);
	else
		log_error("cannot listen for admin HTTP on %s: %s", addr_format(&at, text),
			  errno == EADDRINUSE ? "the port is in use" : strerror(errno));
	return rc == -ERR_IO ? EXIT_RUNTIME : EXIT_CONFIG;
}

static void note_own(struct plane *p, const struct addr *at)
{
	if (p->n_own < PLANE_LISTENERS)
		p->own[p->n_own++] = *at;
}

static void note_listeners(struct server *s)
{
	for (unsigned i = 0; i < DOORS; i++) {
		const struct addr *at[PLACES_MAX];
		size_t n = doors_addrs(s->doors, (enum door)i, at);

		for (size_t k = 0; k < n; k++)
			note_own(&s->plane, at[k]);
	}
	if (s->http)
		note_own(&s->plane, http_server_addr(s->http));
}

static int open_all(struct server *s)
{
	struct timeval tick = {0, WATCH_TICK_MS * 1000};
	struct timeval wait = {READY_WAIT_MS / 1000, 0};
	int code;

	s->metrics = metrics_new();
	metrics_on_collect(s->metrics, on_collect, s);
	if ((code = open_plane(s)) || (code = doors_open(&s->plane, &s->doors)) ||
	    (code = open_control(s)) || (code = open_admin(s)))
		return code;
	note_listeners(s);
	s->daemon = daemon_new(s->base, on_term, on_hup, NULL, s);
	s->tick = event_new(s->base, -1, EV_PERSIST, on_tick, s);
	event_add(s->tick, &tick);
	s->ready_timer = evtimer_new(s->base, on_ready_timer, s);
	event_add(s->ready_timer, &wait);
	return EXIT_OK;
}

static void close_wires(struct server *s)
{
	struct wire *w;

	while ((w = LIST_FIRST(&s->plane.wires)))
		wire_close(w);
	wire_reap(&s->plane);
}

static void close_all(struct server *s)
{
	struct plane *p = &s->plane;

	daemon_stopping();
	if (s->ctl)
		ctl_client_announce(s->ctl, CTL_FORCED);
	if (p->nicknames) {
		control_clear(p);
		fanout_run(p);
		close_wires(s);
		admit_clear(p);
	}
	doors_close(&s->doors);
	http_server_free(&s->http);
	ctl_client_free(&s->ctl);
	nicknames_free(&p->nicknames);
	verdicts_free(&p->verdicts);
	owed_free(&p->owed);
	resolver_free(&p->resolver);
	if (s->tick)
		event_free(s->tick);
	if (s->ready_timer)
		event_free(s->ready_timer);
	daemon_free(&s->daemon);
	bundle_free(&p->bundle);
	wire_rx_free(&p->spare_rx);
	addr_set_free(&p->connect_allow);
	addr_set_free(&p->trusted);
	free(p->read_buf);
	metrics_free(&s->metrics);
}

int server_run(const struct options *opt, server_reload_fn *reload, void *reload_arg)
{
	struct server *s = xcalloc(1, sizeof(*s));
	int code;

	s->opt = opt;
	s->reload = reload;
	s->reload_arg = reload_arg;
	s->base = event_base_new();
	code = open_all(s);
	while (code == EXIT_OK && !s->stop) {
		if (s->plane.bundle)
			bundle_gather(&s->plane);
		if (event_base_loop(s->base, EVLOOP_ONCE) < 0) {
			log_error("the event loop failed: %s", strerror(errno));
			code = EXIT_RUNTIME;
			break;
		}
		bundle_read(&s->plane);
		fanout_run(&s->plane);
		ctl_client_flush(s->ctl);
		look_at_drain(s);
	}
	close_all(s);
	event_base_loop(s->base, EVLOOP_NONBLOCK); /* closed streams are freed by the loop */
	event_base_free(s->base);
	doors_release(&s->plane);
	tls_free(&s->ctl_tls);
	free(s);
	return code;
}
