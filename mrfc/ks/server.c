/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wiring of mrfks: store, members' keys, the list of who may, the service and its doors, the admin
 * port. Settings are turned into modules' own here.
 */
#include "mrfc/ks/server.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/http.h"
#include "common/listener.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/peer_users.h"
#include "common/secret.h"
#include "common/store_file.h"
#include "common/tls.h"
#include "mrfc/admin/api_key.h"
#include "mrfc/groupkey/allow.h"
#include "mrfc/groupkey/ks_service.h"
#include "mrfc/groupkey/vault.h"

#define LOG_PLACE "ks"

struct ks_server {
	struct event_base *base;
	struct metrics *metrics;
	struct store *store;
	struct vault *vault;
	struct allow *allow; /* NULL: everybody who has a key */
	struct ks_service *service;
	struct peer_users users;
	struct ks_security local, remote;
	struct listener *local_door, *remote_door; /* NULL: none */
	struct http_server *http;
	struct api_key *api;
	struct daemon *signals;
	ks_server_reload_fn *reload;
	void *reload_arg;
	char not_ready[320];
};

static void on_term(void *arg)
{
	struct ks_server *s = arg;

	log_info("stopping");
	daemon_stopping();
	event_base_loopbreak(s->base);
}

static int read_allow(struct ks_server *s, const char *file)
{
	struct allow *allow = NULL;
	char why[400];

	if (file[0] != '\0' && allow_read(file, &allow, why, sizeof(why)) != 0) {
		log_error("allow: %s", why);
		return -ERR_CONFIG;
	}
	allow_free(&s->allow);
	s->allow = allow;
	return 0;
}

static void on_hup(void *arg)
{
	struct ks_server *s = arg;
	struct ks_options o = {0};

	if (s->reload(&o, s->reload_arg) != 0 || read_allow(s, o.allow) != 0)
		log_error("the configuration is as before");
	else
		log_info("configuration read: allow and log.level hold from now on, the rest from "
			 "the next start");
	if (o.name == NULL)
		return;
	log_set_level((enum log_level)o.log_level);
	config_release(options_table, options_table_len, &o);
}

static bool may(const char *room, const char *uri, void *arg)
{
	const struct ks_server *s = arg;

	return s->allow == NULL || allow_has(s->allow, room, uri);
}

static bool on_ready(const char **text_r, void *arg)
{
	struct ks_server *s = arg;
	struct store_health health;

	store_health(s->store, &health);
	if (health.trouble == NULL)
		return true;
	snprintf(s->not_ready, sizeof(s->not_ready), "not ready: the store fails: %s",
		 health.trouble);
	*text_r = s->not_ready;
	return false;
}

/* --- doors --- */

static void on_local(int fd_take, const struct addr *peer, void *arg)
{
	struct ks_server *s = arg;
	uid_t uid;

	if (peer_users_admit(&s->users, fd_take, &uid)) {
		ks_service_accept(s->service, &s->local, fd_take, peer);
		return;
	}
	log_seldom("a process of user %u is turned away from listen.socket (listen.users)",
		   (unsigned)uid);
	(void)close(fd_take);
}

static void on_remote(int fd_take, const struct addr *peer, void *arg)
{
	struct ks_server *s = arg;

	ks_service_accept(s->service, &s->remote, fd_take, peer);
}

static int open_doors(struct ks_server *s, const struct ks_options *o)
{
	const struct tls_settings tls = {o->tls_certificate, o->tls_key, .only_1_3 = true,
					 .ask_peer = true};
	char why[TLS_WHY_SIZE];
	struct addr at;

	if (peer_users_read(o->users, &s->users) != 0)
		return EXIT_CONFIG;
	if (o->socket[0] != '\0' &&
	    (addr_from_unix(o->socket, &at) != 0 ||
	     listener_open(s->base, &at, on_local, s, &s->local_door) != 0 ||
	     (s->users.n > 0 && listener_open_to_all(s->local_door) != 0))) {
		log_error("cannot listen on %s: %s", o->socket, strerror(errno));
		return EXIT_RUNTIME;
	}
	if (o->address[0] == '\0')
		return EXIT_OK;
	if (fingerprint_list_read(&s->remote.pins, o->pins) != 0 ||
	    addr_from_host(slice_str(o->address), (uint16_t)o->port, &at) != 0)
		return EXIT_CONFIG;
	if (tls_new(&tls, &s->remote.tls, why) != 0) {
		log_error("listen.tls_certificate, listen.tls_key: %s", why);
		return EXIT_CONFIG;
	}
	if (listener_open(s->base, &at, on_remote, s, &s->remote_door) == 0)
		return EXIT_OK;
	log_error("cannot listen on %s: %s", o->address, strerror(errno));
	return EXIT_RUNTIME;
}

/* --- the rest --- */

static int open_store(struct ks_server *s, const struct ks_options *o)
{
	const struct store_file_config config = {.path = o->store_path, .sync = true};
	const struct vault_settings vault = {.store_path = o->store_path,
					     .key_file = o->store_key,
					     .skew_ms = (uint64_t)o->skew};
	char why[400];
	int err = 0;

	if (o->store_path[0] == '\0')
		s->store = store_mem_new(s->base);
	else
		err = store_file_open(s->base, &config, why, sizeof(why), &s->store);
	if (err != 0) {
		log_error("store.path: %s", why);
		return err == -ERR_CONFIG ? EXIT_CONFIG : EXIT_RUNTIME;
	}
	err = vault_open(s->store, &vault, why, sizeof(why), &s->vault);
	if (err != 0)
		log_error("store.key: %s", why);
	return err == 0 ? EXIT_OK : err == -ERR_CONFIG ? EXIT_CONFIG : EXIT_RUNTIME;
}

static int open_service(struct ks_server *s, const struct ks_options *o)
{
	const struct keyserver_settings settings = {.name = o->name,
						    .factory = o->factory[0] ? o->factory : NULL,
						    .skew_ms = (uint64_t)o->skew,
						    .allowed = may,
						    .allowed_arg = s,
						    .memory = vault_memory(s->vault)};

	if (read_allow(s, o->allow) != 0)
		return EXIT_CONFIG;
	s->service = ks_service_new(s->base, &settings, vault_members(s->vault), s->metrics);
	return open_doors(s, o);
}

static int open_admin(struct ks_server *s, const struct ks_options *o)
{
	struct addr at;
	int err = addr_from_host(slice_str(o->admin_address), (uint16_t)o->admin_port, &at);

	if (err == 0)
		err = http_server_open(s->base, &at, o->admin_token_file, s->metrics, on_ready, s,
				       &s->http);
	if (err == -ERR_CONFIG || err == -ERR_DENIED) {
		log_error("admin.token_file: %s holds no token", o->admin_token_file);
		return EXIT_CONFIG;
	}
	if (err != 0) {
		log_error("cannot listen for administration on %s: %s", o->admin_address,
			  strerror(errno));
		return EXIT_RUNTIME;
	}
	s->api = api_key_new(s->http, vault_members(s->vault));
	return EXIT_OK;
}

static void tell_ready(const struct ks_server *s, const struct ks_options *o)
{
	struct bytes line = BYTES_INIT;
	char text[ADDR_STRLEN];

	bytes_add_str(&line, "ready");
	if (s->local_door != NULL)
		bytes_addf(&line, " socket=%s", o->socket);
	if (s->remote_door != NULL)
		bytes_addf(&line, " tls=%s", addr_format(listener_addr(s->remote_door), text));
	bytes_addf(&line, " admin=%s", addr_format(http_server_addr(s->http), text));
	daemon_ready("%s", bytes_cstr(&line));
	bytes_fini(&line);
}

int ks_server_open(const struct ks_options *o, ks_server_reload_fn *reload, void *arg,
		   struct ks_server **server_r)
{
	struct ks_server *s = xcalloc(1, sizeof(*s));
	int code;

	if (!secret_init(0))
		log_warn(
			"memory for keys cannot be locked (RLIMIT_MEMLOCK): it may be swapped out");
	s->base = event_base_new();
	s->reload = reload;
	s->reload_arg = arg;
	s->metrics = metrics_new();
	s->signals = daemon_new(s->base, on_term, on_hup, NULL, s);
	code = open_store(s, o);
	if (code == EXIT_OK)
		code = open_service(s, o);
	if (code == EXIT_OK)
		code = open_admin(s, o);
	if (code != EXIT_OK) {
		ks_server_free(&s);
		return code;
	}
	tell_ready(s, o);
	*server_r = s;
	return EXIT_OK;
}

int ks_server_run(struct ks_server *s)
{
	return event_base_dispatch(s->base) < 0 ? EXIT_RUNTIME : EXIT_OK;
}

void ks_server_free(struct ks_server **sp)
{
	struct ks_server *s = *sp;

	if (s == NULL)
		return;
	*sp = NULL;
	http_server_free(&s->http);
	api_key_free(&s->api);
	listener_free(&s->local_door);
	listener_free(&s->remote_door);
	ks_service_free(&s->service);
	allow_free(&s->allow);
	vault_free(&s->vault);
	store_free(&s->store);
	daemon_free(&s->signals);
	metrics_free(&s->metrics);
	/* What was closed is freed at the end of a loop turn: give it that turn. */
	(void)event_base_loop(s->base, EVLOOP_NONBLOCK);
	tls_free(&s->remote.tls);
	event_base_free(s->base);
	free(s);
}
