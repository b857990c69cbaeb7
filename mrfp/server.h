/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_SERVER_H
#define MRFP_SERVER_H

#include "mrfp/options.h"

/* Read the configuration afresh (HUP): 0 and checked options, or < 0 after having logged why not. */
typedef int server_reload_fn(struct options *opt_r, void *arg);

/*
 * Build all parts of the MRFP and run until a signal ends it. Returns the exit code; what failed
 * at start was logged in a sentence.
 */
int server_run(const struct options *opt, server_reload_fn *reload, void *reload_arg);

#endif
