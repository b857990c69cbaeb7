/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_DAEMON_H
#define COMMON_DAEMON_H

#include "common/config.h"

struct event_base;

enum { EXIT_OK = 0, EXIT_RUNTIME = 1, EXIT_USAGE = 2, EXIT_CONFIG = 78 };

/* What a server's command line said. */
struct daemon_args {
	const char *config_file; /* -c; NULL when absent */
	char **overrides;        /* -o, in order */
	size_t n_overrides;
	bool check_only; /* -t */
};

/*
 * Parse -c FILE, -o PATH=VALUE, -t, -h, -V (and --help, --version). Returns -1 to go on, or an exit
 * code when the process should end (usage or version printed). The strings are argv's.
 */
int daemon_args(int argc, char **argv, const char *name, struct daemon_args *args_r);
void daemon_args_fini(struct daemon_args *args);

/* Signals as loop events: TERM and INT -> on_term, HUP -> on_hup, USR1 -> on_usr1 (NULL: ignored). */
struct daemon;
typedef void daemon_signal_fn(void *arg);
struct daemon *daemon_new(struct event_base *base, daemon_signal_fn *on_term,
			  daemon_signal_fn *on_hup, daemon_signal_fn *on_usr1, void *arg);
/* At the end of the process: TERM and INT are ignored from now on. */
void daemon_free(struct daemon **d);

/* Print one ready line on stdout, flushed, and tell systemd READY=1. */
void daemon_ready(const char *fmt, ...) PRINTF_LIKE(1, 2);
void daemon_stopping(void);

/*
 * Every connection is a descriptor: raise the limit of open files to what the system grants, or
 * to wanted where that is more and this process may. Returns the limit that holds.
 */
uint64_t daemon_raise_descriptors(uint64_t wanted);

/* Make a folder (and its parents) 0700 if absent. -ERR_IO with errno. */
MUST_CHECK int daemon_mkdir(const char *path);
/* Make the folder that `file` is to be written in. */
MUST_CHECK int daemon_mkdir_for(const char *file);

#endif
