/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every server process shares with its surroundings: the command line, signals as events,
 * the ready line and systemd's notification, limits, folders to write in. The only user of libsystemd.
 */
#include "common/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "common/log.h"
#include "common/mem.h"

#define LOG_PLACE "daemon"

static void usage(FILE *to, const char *name)
{
	fprintf(to,
		"usage: %s [-t] [-c FILE] [-o PATH=VALUE]...\n"
		"  -c FILE        read the configuration from FILE\n"
		"  -o PATH=VALUE  override one setting, repeatable\n"
		"  -t             check the configuration and exit\n"
		"  -h, --help     show this\n"
		"  -V, --version  show the version\n",
		name);
}

static int add_override(struct daemon_args *args, char *text, const char *name)
{
	if (text[0] == '=' || !strchr(text, '=')) {
		fprintf(stderr, "%s: -o %s: PATH=VALUE expected\n", name, text);
		return EXIT_USAGE;
	}
	args->overrides = xrealloc(args->overrides, (args->n_overrides + 1) * sizeof(char *));
	args->overrides[args->n_overrides++] = text;
	return -1;
}

static int one_option(int option, const char *name, struct daemon_args *args)
{
	switch (option) {
	case 'c':
		args->config_file = optarg;
		return -1;
	case 'o':
		return add_override(args, optarg, name);
	case 't':
		args->check_only = true;
		return -1;
	case 'h':
		usage(stdout, name);
		return EXIT_OK;
	case 'V':
		printf("%s %s\n", name, MRF_VERSION);
		return EXIT_OK;
	default:
		usage(stderr, name);
		return EXIT_USAGE;
	}
}

int daemon_args(int argc, char **argv, const char *name, struct daemon_args *args_r)
{
	static const struct option longs[] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	struct daemon_args args = {0};
	int option, rc;

	optind = 0; /* glibc: start afresh */
	while ((option = getopt_long(argc, argv, "c:o:thV", longs, NULL)) != -1) {
		rc = one_option(option, name, &args);
		if (rc >= 0) {
			daemon_args_fini(&args);
			return rc;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "%s: unexpected argument: %s\n", name, argv[optind]);
		usage(stderr, name);
		daemon_args_fini(&args);
		return EXIT_USAGE;
	}
	*args_r = args;
	return -1;
}

void daemon_args_fini(struct daemon_args *args)
{
	free(args->overrides);
	*args = (struct daemon_args){0};
}

enum { N_SIGNALS = 4 };
static const int signals[N_SIGNALS] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

struct daemon {
	struct event *events[N_SIGNALS];
	daemon_signal_fn *on_term, *on_hup, *on_usr1;
	void *arg;
};

static void on_signal(evutil_socket_t signal_number, short what, void *arg)
{
	const struct daemon *d = arg;
	daemon_signal_fn *fn = d->on_term;

	(void)what;
	if (signal_number == SIGHUP)
		fn = d->on_hup;
	else if (signal_number == SIGUSR1)
		fn = d->on_usr1;
	if (fn)
		fn(d->arg);
}

struct daemon *daemon_new(struct event_base *base, daemon_signal_fn *on_term,
			  daemon_signal_fn *on_hup, daemon_signal_fn *on_usr1, void *arg)
{
	struct daemon *d = xcalloc(1, sizeof(*d));

	d->on_term = on_term;
	d->on_hup = on_hup;
	d->on_usr1 = on_usr1;
	d->arg = arg;
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < N_SIGNALS; i++) {
		d->events[i] = evsignal_new(base, signals[i], on_signal, d);
		if (!d->events[i] || event_add(d->events[i], NULL) != 0) {
			perror("signal handler");
			abort();
		}
	}
	return d;
}

void daemon_free(struct daemon **d)
{
	if (*d) {
		for (int i = 0; i < N_SIGNALS; i++)
			event_free((*d)->events[i]);
		signal(SIGTERM, SIG_IGN); /* who ends already is not ended otherwise */
		signal(SIGINT, SIG_IGN);
		free(*d);
	}
	*d = NULL;
}

void daemon_ready(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	(void)sd_notify(0, "READY=1");
}

void daemon_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1");
}

static int make_one(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return -ERR_IO;
	if (stat(path, &st) != 0)
		return -ERR_IO;
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return -ERR_IO;
	}
	return 0;
}

int daemon_mkdir(const char *path)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(part)) {
		errno = ENAMETOOLONG;
		return -ERR_IO;
	}
	memcpy(part, path, len + 1);
	for (size_t i = 1; i < len; i++) {
		if (part[i] != '/')
			continue;
		part[i] = '\0';
		if (make_one(part) < 0)
			return -ERR_IO;
		part[i] = '/';
	}
	return len ? make_one(part) : 0;
}

uint64_t daemon_raise_descriptors(uint64_t wanted)
{
	struct rlimit lim, more;

	if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
		return wanted;
	more = (struct rlimit){lim.rlim_max, lim.rlim_max};
	if (wanted > lim.rlim_max) { /* needs a right that servers seldom have */
		more = (struct rlimit){wanted, wanted};
		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return wanted;
		more = (struct rlimit){lim.rlim_max, lim.rlim_max};
	}
	return setrlimit(RLIMIT_NOFILE, &more) == 0 ? more.rlim_cur : lim.rlim_cur;
}

int daemon_mkdir_for(const char *file)
{
	const char *slash = strrchr(file, '/');
	char *folder;
	int rc, err;

	if (!slash || slash == file)
		return 0;
	folder = xstrndup(file, (size_t)(slash - file));
	rc = daemon_mkdir(folder);
	err = errno;
	free(folder);
	errno = err;
	return rc;
}
