/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mrfue: chat client for one user in one conference, for people and for scripts. Turns lines into
 * what the UE library does and what it tells into events. docs/man/mrfue.1 is its contract.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/secret.h"
#include "ue/mrfue_app.h"

#define PASSWORD_SIZE 1024

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct mrfue_app *app = arg;

	(void)fd;
	(void)what;
	if (app->leaving || !app->joined)
		event_base_loopbreak(app->base);
	else
		mrfue_leave(app);
}

static void on_join_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	mrfue_on_error(0, "no answer in time (--timeout)", arg);
	ue_leave(((struct mrfue_app *)arg)->ue);
	event_base_loopbreak(((struct mrfue_app *)arg)->base);
}

/* The first line of --password-file, in buf. */
static int read_password(const char *path, char buf[PASSWORD_SIZE])
{
	FILE *f = fopen(path, "re");
	bool ok;

	if (!f) {
		fprintf(stderr, "mrfue: --password-file: cannot read %s: %s\n", path,
			strerror(errno));
		return -ERR_IO;
	}
	setvbuf(f, NULL, _IONBF, 0); /* no copy of it stays behind */
	ok = fgets(buf, PASSWORD_SIZE, f) != NULL && strlen(buf) < PASSWORD_SIZE - 1;
	fclose(f);
	if (ok)
		buf[strcspn(buf, "\r\n")] = '\0';
	if (!ok || !buf[0]) {
		fprintf(stderr, "mrfue: --password-file: no password in the first line of %s\n",
			path);
		return -ERR_SYNTAX;
	}
	return 0;
}

/* Is there a key in --key-file? */
static int check_key(const char *path)
{
	struct ue_key *key = secret_alloc(sizeof(*key));
	int err = ue_key_load(path, key);

	if (err == -ERR_IO)
		fprintf(stderr, "mrfue: --key-file: cannot read %s: %s\n", path, strerror(errno));
	else if (err < 0)
		fprintf(stderr,
			"mrfue: --key-file: the first line of %s is not ID and 64 hex digits\n",
			path);
	secret_free(&key, sizeof(*key));
	return err < 0 ? -ERR_SYNTAX : 0;
}

/* The same of the files of a key server. */
static int check_serve(const struct mrfue_options *o)
{
	struct ue_keyserver_config config = o->ue.serve;
	const struct keyserver_now now = {.wall_us = clock_wall_us()};
	struct ue_keyserver *k = NULL;
	bool shown;
	char *why = NULL;
	int err;

	config.as = o->ue.as;
	err = ue_keyserver_new(&config, &now, NULL, NULL, &k, &shown, &why);
	if (err < 0)
		fprintf(stderr, "mrfue: --serve-keys, --serve-times: %s\n", why);
	free(why);
	ue_keyserver_free(&k);
	return err < 0 ? -ERR_SYNTAX : 0;
}

/* What was seen before, in --state. */
static int open_state(struct mrfue_app *app)
{
	const char *path = app->opt.state;
	int err = path ? ue_state_open(path, &app->state) : 0;

	if (err == -ERR_IO)
		fprintf(stderr, "mrfue: --state: cannot keep %s: %s\n", path, strerror(errno));
	else if (err == -ERR_EXISTS)
		fprintf(stderr, "mrfue: --state: another process keeps %s\n", path);
	else if (err < 0)
		fprintf(stderr, "mrfue: --state: %s was not written by mrfue, or was damaged\n",
			path);
	app->opt.ue.seal.state = app->state;
	return err < 0 ? -ERR_SYNTAX : 0;
}

static int make_ue(struct mrfue_app *app)
{
	char password[PASSWORD_SIZE];
	int err, why;

	if (app->opt.ue.seal.key_file && check_key(app->opt.ue.seal.key_file) < 0)
		return -ERR_SYNTAX;
	if (app->opt.ue.serve.keys_file && check_serve(&app->opt) < 0)
		return -ERR_SYNTAX;
	if (open_state(app) < 0 || mrfue_sign_load(app) < 0)
		return -ERR_SYNTAX;
	if (app->opt.password_file) {
		if (read_password(app->opt.password_file, password) < 0)
			return -ERR_SYNTAX;
		app->opt.ue.password = password;
	}
	err = ue_new(app->base, &app->opt.ue, &mrfue_ue_ops, app, &app->ue);
	why = errno;
	app->opt.ue.password = NULL;
	mem_wipe(password, sizeof(password));
	errno = why;
	return err;
}

static int start(struct mrfue_app *app)
{
	char text[ADDR_STRLEN];
	struct timeval tv = mrfue_timeout(app);
	const char *dir = app->opt.download;
	int err;

	if (dir && (daemon_mkdir(dir) < 0 || access(dir, W_OK | X_OK) < 0)) {
		fprintf(stderr, "mrfue: --download: cannot write in %s: %s\n", dir,
			strerror(errno));
		return EXIT_RUNTIME;
	}
	err = make_ue(app);
	if (err == -ERR_SYNTAX) /* told */
		return EXIT_RUNTIME;
	if (err < 0) {
		fprintf(stderr, "mrfue: cannot listen at %s: %s\n",
			addr_format(&app->opt.ue.listen, text),
			errno == EADDRINUSE      ? "the port is in use (see --listen)"
			: errno == EADDRNOTAVAIL ? "not an address of this machine"
						 : strerror(errno));
		return EXIT_RUNTIME;
	}
	if (mrfue_input_open(app->base, app->opt.script, mrfue_on_line, app, &app->input) < 0) {
		fprintf(stderr, "mrfue: cannot read %s: %s\n", app->opt.script, strerror(errno));
		return EXIT_RUNTIME;
	}
	mrfue_input_hold(app->input, true);
	mrfue_emit(app, json_pack("{s:s, s:s}", "event", "ready", "sip",
				  addr_format(ue_addr(app->ue), text)));
	if (!app->opt.uri)
		return -1;
	evtimer_add(app->ev_join, &tv);
	if (ue_join(app->ue, app->opt.uri) < 0) {
		fprintf(stderr, "mrfue: cannot call %s\n", app->opt.uri);
		return EXIT_RUNTIME;
	}
	return -1;
}

static void app_fini(struct mrfue_app *app)
{
	while (app->n_pending)
		mrfue_forget(app, &app->pending[0]);
	mrfue_incoming_free(app);
	free(app->pending);
	free(app->wait_spec);
	mrfue_input_free(&app->input);
	mrfue_waits_free(&app->waits);
	ue_free(&app->ue);
	ue_smime_free(&app->smime);
	ue_state_close(&app->state);
	event_free(app->ev_wait);
	event_free(app->ev_join);
	event_free(app->ev_int);
	event_free(app->ev_term);
	event_base_free(app->base);
}

int main(int argc, char **argv)
{
	struct mrfue_app app = {0};
	int rc = mrfue_options(argc, argv, &app.opt);

	if (rc >= 0)
		return rc;
	secret_init(0); /* also: no dumps */
	log_set_name("mrfue");
	log_set_level(LOG_WARN);
	app.base = event_base_new();
	app.waits = mrfue_waits_new();
	app.ev_wait = evtimer_new(app.base, mrfue_on_wait_timeout, &app);
	app.ev_join = evtimer_new(app.base, on_join_timeout, &app);
	app.ev_int = evsignal_new(app.base, SIGINT, on_signal, &app);
	app.ev_term = evsignal_new(app.base, SIGTERM, on_signal, &app);
	evsignal_add(app.ev_int, NULL);
	evsignal_add(app.ev_term, NULL);
	rc = start(&app);
	if (rc < 0) {
		event_base_dispatch(app.base);
		rc = app.exit_code;
	}
	app_fini(&app);
	libevent_global_shutdown();
	return rc;
}
