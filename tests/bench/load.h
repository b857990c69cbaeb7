/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

/* What load to make. */
struct load {
	bool redis, mix, sealed;
	int port, receivers, stalled, body, window, rate;
	uint64_t bulk;
	double seconds;
	const char *sessions, *pem; /* pem: TLS, with this certificate and key */
	long pid;
};

/* From the command line; ends the process with a usage line when that is wrong. */
void load_options(struct load *opt, int argc, char **argv);

#endif
