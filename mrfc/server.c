/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wiring of the MRFC: metrics, store, pool of MRFPs, media, SIP agent, focus, admin door, signals.
 * Only this file knows them all. Settings are turned into modules' own configurations here.
 */
#include "mrfc/server.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/daemon.h"
#include "common/http.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/store_file.h"
#include "mrfc/admin/api.h"
#include "mrfc/admin/api_key.h"
#include "mrfc/conference/service.h"
#include "mrfc/consent_file.h"
#include "mrfc/focus/focus.h"
#include "mrfc/mp/media.h"
#include "mrfc/mp/mrfp_pool.h"
#include "mrfc/server_keys.h"
#include "mrfc/sip/sip.h"
#include "mrfc/stats.h"
#include "mrfc/timer.h"

#define LOG_PLACE "server"

#define STOP_POLL_MS     50
#define STOP_PATIENCE_MS 5000

struct server {
	struct event_base *base;
	struct metrics *metrics;
	struct stats *stats;
	struct store *store;
	struct mrfp_pool *pool;
	struct media *media;
	struct sip_agent *sip;
	struct focus *focus;
	struct urilist_consent *consent; /* NULL: of everybody */
	struct http_server *http;
	struct api *api;
	struct server_keys *keys;
	struct api_key *api_key;
	struct daemon *signals;
	struct timer *stop_timer;
	uint64_t stop_until_ms; /* 0: running */
	char not_ready[320];
	bool all_sealed; /* conference.e2e */
	bool recovered;
	server_reload_fn *reload;
	void *reload_arg;
};

static void on_stop_timer(void *arg)
{
	struct server *s = arg;

	if (focus_idle(s->focus) || clock_now_ms() >= s->stop_until_ms)
		event_base_loopbreak(s->base);
	else
		timer_start(s->stop_timer, STOP_POLL_MS);
}

static void on_term(void *arg)
{
	struct server *s = arg;

	if (s->stop_until_ms != 0) { /* asked twice: at once */
		event_base_loopbreak(s->base);
		return;
	}
	log_info("stopping");
	daemon_stopping();
	s->stop_until_ms = clock_now_ms() + STOP_PATIENCE_MS;
	focus_stop(s->focus);
	timer_start(s->stop_timer, STOP_POLL_MS);
}

static void on_hup(void *arg)
{
	struct server *s = arg;
	struct options opts = {0};

	if (s->reload(&opts, s->reload_arg) != 0) {
		log_error("the configuration is as before");
		return;
	}
	log_set_level((enum log_level)opts.log_level);
	log_info("configuration read: log.level holds from now on, the rest from the next start");
	config_release(options_table, options_table_len, &opts);
}

/*
 * Ready is who can take new conferences of users. Without its key server it still takes those that are
 * not sealed, and live ones go on: all MRFCs of one key server at once out of service would be worse.
 */
static bool on_ready(const char **text_r, void *arg)
{
	struct server *s = arg;
	struct store_health health;
	const char *trouble = server_keys_trouble(s->keys), *why = NULL;
	char store[300];

	store_health(s->store, &health);
	if (s->stop_until_ms != 0) {
		why = "the server stops";
	} else if (health.trouble != NULL) {
		snprintf(store, sizeof(store), "the store fails: %s", health.trouble);
		why = store;
	} else if (!mrfp_pool_up(s->pool)) {
		why = "no MRFP is registered";
	} else if (s->all_sealed) {
		why = trouble;
	}
	*text_r = trouble;
	if (why == NULL)
		return true;
	snprintf(s->not_ready, sizeof(s->not_ready), "not ready: %s", why);
	*text_r = s->not_ready;
	return false;
}

static void on_collect(void *arg)
{
	struct server *s = arg;
	struct store_health health;

	focus_count(s->focus);
	store_health(s->store, &health);
	stats_set_store(s->stats, &health);
}

static enum conference_end end_policy(const struct options *o, bool ims)
{
	static const enum conference_end policies[] = {
		[OPTIONS_END_LAST_LEAVES] = CONFERENCE_END_LAST_LEAVES,
		[OPTIONS_END_CREATOR_LEAVES] = CONFERENCE_END_CREATOR_LEAVES,
		[OPTIONS_END_MIN_PARTICIPANTS] = CONFERENCE_END_MIN_PARTICIPANTS,
		[OPTIONS_END_MAX_IDLE] = CONFERENCE_END_MAX_IDLE,
	};

	if (o->conference_end == OPTIONS_END_PROFILE)
		return ims ? CONFERENCE_END_LAST_LEAVES : CONFERENCE_END_CREATOR_LEAVES;
	return policies[o->conference_end];
}

static enum conference_tls required_tls(const struct options *o)
{
	return o->require_tls == OPTIONS_REQUIRE_TLS_HOP             ? CONFERENCE_TLS_HOP
	       : o->require_tls == OPTIONS_REQUIRE_TLS_ACCESS_OR_HOP ? CONFERENCE_TLS_ACCESS_OR_HOP
								     : CONFERENCE_TLS_OFF;
}

static struct focus_config focus_settings(const struct options *o)
{
	bool ims = o->profile == OPTIONS_PROFILE_IMS;

	return (struct focus_config){
		.domain = o->domain,
		.factory = o->factory,
		.trusted = o->sip_trusted,
		.trusted_names = o->sip_trusted_names,
		.realm = o->sip_realm,
		.digest_md5 = o->digest_md5,
		.authenticate_all = o->authenticate == 1,
		.nonce_life_ms = (uint64_t)o->nonce_life,
		.auth_attempts = (unsigned)o->auth_attempts,
		.assert_to_all = o->identity_assert == OPTIONS_ASSERT_ALL,
		.refuse_anonymous = o->anonymous == OPTIONS_ANONYMOUS_REFUSE,
		.show_gruu = o->identity_gruu,
		.reveal_to_moderators = o->identity_reveal == OPTIONS_REVEAL_MODERATORS,
		.show_administrator = o->administrator,
		.charging_ioi = o->charging_ioi,
		.charging_create = o->charging_create,
		.aliases = o->aliases,
		.wrapped_types = o->wrapped_types,
		.icsi = options_icsi(o),
		.asserted = options_asserted(o),
		.psi = o->psi,
		.create_on_join = o->create_on_join,
		.end_policy = end_policy(o, ims),
		.leave_by_reason = o->leave == OPTIONS_LEAVE_REASON,
		.durable = o->membership == OPTIONS_MEMBERSHIP_DURABLE,
		.closed_rooms = o->mode == OPTIONS_MODE_CLOSED,
		.reinvite = o->reinvite,
		.offline = o->offline == OPTIONS_OFFLINE_ON ||
			   (o->offline == OPTIONS_OFFLINE_PROFILE && ims),
		.queue_messages = (uint32_t)o->queue_messages,
		.queue_octets = (uint64_t)o->queue_octets,
		.queue_expires_ms = (uint64_t)o->queue_expires,
		.reinvite_interval_ms = (uint64_t)o->reinvite_interval,
		.max_idle_ms = (uint64_t)o->max_idle,
		.nicknames = o->nicknames,
		.reserved_nicknames = o->reserved_nicknames,
		.refuse_lookalikes = o->refuse_lookalikes,
		.private_messages = o->private_messages,
		.echo = o->echo,
		.strict = o->strict,
		.session_match = o->anchor == OPTIONS_ANCHOR_SESSMATCH ||
				 (o->anchor == OPTIONS_ANCHOR_PROFILE && ims),
		.offer_tls = o->media_transport == OPTIONS_TRANSPORT_TLS,
		.require_tls = required_tls(o),
		.fingerprint_needs_sips = o->fingerprint_requires_sips,
		.tls_psk = o->tls_psk,
		.by_name = o->msrp_tls_verify == OPTIONS_VERIFY_EITHER,
		.preconditions = ims,
		.prefer_active = o->media_setup == OPTIONS_SETUP_ACTIVE,
		.cema = o->cema,
		.reject_cema_mismatch = o->cema_mismatch == OPTIONS_CEMA_REJECT,
		.anonymous_alias = ims,
		.referrer_token = o->referrer_token,
		.invite_who = (enum access_who)o->invite,
		.remove_who = (enum access_who)o->remove,
		.watchers = (enum access_watchers)o->watchers,
		.operators = o->operators,
		.owner_transfers = o->owner_leaves != 0,
		.lifetime_ms = (uint64_t)o->lifetime,
		.max_redirects = (uint32_t)o->max_redirects,
		.text_full = o->text_full,
		.text_closed = o->text_closed,
		.text_locked = o->text_locked,
		.text_barred = o->text_barred,
		.max_users = (uint32_t)o->max_users,
		.keep_on_stop = o->stop == OPTIONS_STOP_KEEP && o->store_path[0] != '\0',
		.session_expires_s = (uint32_t)o->session_expires,
		.min_se_s = (uint32_t)o->session_min_se,
		.lost_grace_ms = (uint32_t)o->lost_grace,
		.max_message = (uint64_t)o->max_message,
		.max_file = (uint64_t)o->max_file,
		.file_hold_ms = (uint32_t)o->file_hold,
		.list = o->list_service,
		.list_max_entries = (uint32_t)o->list_max_entries,
		.list_max_octets = (uint64_t)o->list_max_octets,
		.list_needs_tag = o->list_require_tag,
		.list_expand = o->list_expand_refused,
		.dialout_rate = (uint32_t)o->dialout_rate,
		.dialout_waiting = (uint32_t)o->dialout_waiting,
		.max_per_user = (uint32_t)o->max_per_user,
		.dialout_members = o->dialout_members,
		.move_rate = (uint32_t)o->mp_move_rate,
		.event_burst = (uint32_t)o->event_burst,
		.event_min_interval_ms = (uint32_t)o->event_min_interval,
		.event_expires_s = (uint32_t)o->event_expires,
		.event_roster_limit = (uint32_t)o->event_roster_limit,
		.event_subscribe_rate = (uint32_t)o->event_subscribe_rate,
		.event_max_per_user = (uint32_t)o->event_max_per_user,
		.sealed = options_sealed(o),
		.key_suite = o->groupkey_suite == OPTIONS_SUITE_A ? GKE_SUITE_A : GKE_SUITE_B,
		.key_patience_ms = (uint64_t)o->groupkey_confirm_timeout,
		.stale_stays = o->stale_member == OPTIONS_STALE_KEEP,
		.event_own = ims,
	};
}

static int open_store(struct server *s, const struct options *o)
{
	const struct store_file_config config = {.path = o->store_path,
						 .sync = o->store_sync == OPTIONS_SYNC_FULL,
						 .max_bytes = (uint64_t)o->store_max_size};
	char why[320];
	int err;

	if (o->store_path[0] == '\0') {
		s->store = store_mem_new(s->base);
		return EXIT_OK;
	}
	err = store_file_open(s->base, &config, why, sizeof(why), &s->store);
	if (err == 0)
		return EXIT_OK;
	log_error("store.path: %s", why);
	return err == -ERR_CONFIG ? EXIT_CONFIG : EXIT_RUNTIME;
}

/* Who else may register, and where those of other machines do. */
static int open_remote(struct server *s, const struct options *o)
{
	struct peer_users users;
	struct fingerprint_list pins;
	struct mrfp_remote remote = {
		.certificate = o->mp_tls_certificate, .key = o->mp_tls_key, .pins = &pins};
	char why[TLS_WHY_SIZE], text[ADDR_STRLEN];
	struct addr at;
	int err = peer_users_read(o->mp_users, &users);

	if (err != 0)
		return EXIT_CONFIG; /* options_check */
	if (mrfp_pool_set_users(s->pool, &users) != 0) {
		log_error("mp.socket cannot be opened to mp.users: %s", strerror(errno));
		return EXIT_RUNTIME;
	}
	if (o->mp_address[0] == '\0')
		return EXIT_OK;
	if (fingerprint_list_read(&pins, o->mp_pins) != 0 ||
	    addr_from_host(slice_str(o->mp_address), (uint16_t)o->mp_port, &at) != 0)
		return EXIT_CONFIG; /* options_check */
	remote.at = &at;
	err = mrfp_pool_listen_tls(s->pool, &remote, why);
	if (err != 0) {
		log_error("mp.address, mp.port: %s", why);
		return err == -ERR_CONFIG ? EXIT_CONFIG : EXIT_RUNTIME;
	}
	log_info("MRFPs of other machines register at %s",
		 addr_format(mrfp_pool_remote_addr(s->pool), text));
	return EXIT_OK;
}

static int open_pool(struct server *s, const struct options *o)
{
	int code;

	if (mrfp_pool_new(s->base, o->mp_socket, NULL, s->metrics, &s->pool) != 0) {
		log_error("cannot listen for MRFPs on %s: %s", o->mp_socket,
			  errno == EADDRINUSE ? "another mrfc uses it, or it is no socket"
					      : strerror(errno));
		return EXIT_RUNTIME;
	}
	mrfp_pool_set_max_load(s->pool, (uint32_t)o->mp_max_load);
	code = open_remote(s, o);
	if (code != EXIT_OK)
		return code;
	s->media = media_new(s->pool);
	return EXIT_OK;
}

/* That of a file, "." without one. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? xstrdup(".") : xstrndup(path, (size_t)(slash - path + 1));
}

static int open_sip(struct server *s, const struct options *o)
{
	struct focus_config config = focus_settings(o);
	struct sip_config sip = {
		.domain = o->domain,
		.contact = o->sip_contact,
		.outbound_proxy = o->sip_outbound_proxy,
		.hop_timeout_ms = (unsigned)o->hop_timeout,
		.probe_ms = (unsigned)o->probe_interval,
		.preconditions = o->profile == OPTIONS_PROFILE_IMS,
		.idle_ms = (unsigned)o->sip_idle_timeout,
		.limits = {.max_rate = (uint32_t)o->max_rate,
			   .max_lag_ms = (uint32_t)o->max_lag,
			   .max_pending = (uint32_t)o->max_pending},
		.tls = {.on = o->sip_tls_port >= 0,
			.port = (uint16_t)(o->sip_tls_port > 0 ? o->sip_tls_port : 0),
			.certificate = o->tls_certificate,
			.key = o->tls_key,
			.ca = o->tls_ca,
			.required = o->tls_verify == 1}};
	char *run = folder_of(o->mp_socket);
	struct bytes params = BYTES_INIT;
	char why[400];
	int err;

	service_feature_params(options_icsi(o), o->iari, &params);
	sip.contact_params = bytes_cstr(&params);
	err = addr_from_host(slice_str(o->sip_address), (uint16_t)o->sip_port, &sip.at);
	assert(err == 0); /* options_check */
	sip.tls.dir = run;
	err = sip_agent_open(s->base, &sip, why, sizeof(why), &s->sip);
	bytes_fini(&params);
	free(run);
	if (err != 0) {
		log_error("%s", why);
		return err == -ERR_CONFIG ? EXIT_CONFIG : EXIT_RUNTIME;
	}
	if (consent_file_read(o->list_consent, why, sizeof(why), &s->consent) != 0) {
		log_error("%s", why);
		return EXIT_CONFIG;
	}
	config.list_consent = s->consent;
	config.keys = server_keys_groupkey(s->keys);
	if (focus_new(s->base, &config, s->sip, s->media, s->store, s->stats, &s->focus) != 0) {
		log_error("sip.trusted: %s is no list of networks", o->sip_trusted);
		return EXIT_CONFIG;
	}
	return EXIT_OK;
}

static int open_admin(struct server *s, const struct options *o)
{
	char where[ADDR_STRLEN];
	struct addr at;
	int err;

	err = addr_from_host(slice_str(o->admin_address), (uint16_t)o->admin_port, &at);
	assert(err == 0); /* options_check */
	err = http_server_open(s->base, &at, o->admin_token_file, s->metrics, on_ready, s,
			       &s->http);
	if (err == -ERR_DENIED) {
		log_error("admin.address: %s is not loopback, admin.token_file is needed",
			  o->admin_address);
		return EXIT_CONFIG;
	}
	if (err == -ERR_CONFIG) {
		log_error("admin.token_file: %s holds no token", o->admin_token_file);
		return EXIT_CONFIG;
	}
	if (err != 0) {
		log_error("cannot listen for administration on %s: %s", addr_format(&at, where),
			  errno == EADDRINUSE ? "the port is in use" : strerror(errno));
		return EXIT_RUNTIME;
	}
	s->api = api_new(s->http, s->focus, s->media, s->pool);
	if (server_keys_members(s->keys) != NULL)
		s->api_key = api_key_new(s->http, server_keys_members(s->keys));
	else
		api_key_elsewhere(s->http, o->groupkey_server == OPTIONS_GROUPKEY_MEMBER);
	metrics_on_collect(s->metrics, on_collect, s);
	return EXIT_OK;
}

static void on_recovered(int err, void *arg)
{
	struct server *s = arg;

	if (err != 0)
		log_error("what was recovered cannot be stored: %s", err_name(err));
	s->recovered = true;
}

/* Conferences of an earlier process are ours before the first request is read. */
static int recover(struct server *s)
{
	int err = focus_recover(s->focus, on_recovered, s);

	if (err != 0) {
		log_error("the store cannot be read: %s", err_name(err));
		return EXIT_RUNTIME;
	}
	while (!s->recovered)
		(void)event_base_loop(s->base, EVLOOP_ONCE);
	return EXIT_OK;
}

static void tell_ready(const struct server *s)
{
	const struct addr *tls = sip_agent_tls_addr(s->sip);
	const struct addr *mp = mrfp_pool_remote_addr(s->pool);
	struct bytes line = BYTES_INIT;
	char text[ADDR_STRLEN];

	bytes_addf(&line, "ready sip=%s", addr_format(sip_agent_addr(s->sip), text));
	if (tls != NULL)
		bytes_addf(&line, " sips=%s", addr_format(tls, text));
	bytes_addf(&line, " admin=%s", addr_format(http_server_addr(s->http), text));
	if (mp != NULL)
		bytes_addf(&line, " mp=%s", addr_format(mp, text));
	daemon_ready("%s", bytes_cstr(&line));
	bytes_fini(&line);
}

int server_open(const struct options *o, server_reload_fn *reload, void *reload_arg,
		struct server **server_r)
{
	struct server *s = xcalloc(1, sizeof(*s));
	int code;

	s->base = event_base_new();
	s->reload = reload;
	s->reload_arg = reload_arg;
	s->all_sealed = options_sealed(o);
	s->metrics = metrics_new();
	s->stats = stats_new(s->metrics);
	s->stop_timer = timer_new(s->base, on_stop_timer, s);
	s->signals = daemon_new(s->base, on_term, on_hup, NULL, s);
	code = open_store(s, o);
	if (code == EXIT_OK)
		code = server_keys_open(s->base, o, s->store, s->metrics, &s->keys);
	if (code == EXIT_OK)
		code = open_pool(s, o);
	if (code == EXIT_OK)
		code = open_sip(s, o);
	if (code == EXIT_OK)
		code = open_admin(s, o);
	if (code == EXIT_OK)
		code = recover(s);
	if (code != EXIT_OK) {
		server_free(&s);
		return code;
	}
	tell_ready(s);
	*server_r = s;
	return EXIT_OK;
}

int server_run(struct server *s)
{
	return event_base_dispatch(s->base) < 0 ? EXIT_RUNTIME : EXIT_OK;
}

void server_free(struct server **sp)
{
	struct server *s = *sp;

	if (s == NULL)
		return;
	*sp = NULL;
	http_server_free(&s->http);
	api_free(&s->api);
	api_key_free(&s->api_key);
	focus_free(&s->focus);
	urilist_consent_free(&s->consent);
	media_free(&s->media);
	mrfp_pool_free(&s->pool);
	sip_agent_free(&s->sip);
	server_keys_free(&s->keys);
	store_free(&s->store);
	daemon_free(&s->signals);
	timer_free(&s->stop_timer);
	stats_free(&s->stats);
	metrics_free(&s->metrics);
	/* What was closed is freed at the end of a loop turn: give it that turn. */
	(void)event_base_loop(s->base, EVLOOP_NONBLOCK);
	event_base_free(s->base);
	free(s);
}
