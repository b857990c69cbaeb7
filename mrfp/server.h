/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_SERVER_H
#define MRFP_SERVER_H

#include "mrfp/options.h"

/*
 * Build all parts of the MRFP and run until a signal ends it. Returns the exit code; what failed
 * at start was logged in a sentence.
 */
int server_run(const struct options *opt);

#endif
