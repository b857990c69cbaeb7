/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SERVER_H
#define MRFC_SERVER_H

#include "mrfc/options.h"

/* The whole MRFC: builds the modules, connects them, runs the loop. */
struct server;

/* Called on HUP: read the configuration again into opts_r (zeroed). */
typedef int server_reload_fn(struct options *opts_r, void *arg);

/* Open everything; the ready line is out then. EXIT_OK, or an exit code after one clear log line. */
int server_open(const struct options *opts, server_reload_fn *reload, void *reload_arg,
		struct server **server_r);
/* Until TERM, and the last answers are in. Exit code. */
int server_run(struct server *s);
void server_free(struct server **s);

#endif
