/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_KS_SERVER_H
#define MRFC_KS_SERVER_H

#include "mrfc/ks/options.h"

/* The whole key server: opens everything, prints the ready line, runs the loop until TERM. */
struct ks_server;
/* Reads the configuration again; fills *opts_r (zeroed by the caller) or logs why not. */
typedef int ks_server_reload_fn(struct ks_options *opts_r, void *arg);

/* EXIT_OK, or what the process ends with. */
MUST_CHECK int ks_server_open(const struct ks_options *o, ks_server_reload_fn *reload, void *arg,
			      struct ks_server **server_r);
int ks_server_run(struct ks_server *s);
void ks_server_free(struct ks_server **s);

#endif
