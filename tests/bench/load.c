/* SPDX-License-Identifier: Apache-2.0 */
/* The load client's command line. */
#include "load.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

void load_options(struct load *opt, int argc, char **argv)
{
	int c;

	*opt = (struct load){.receivers = 100, .body = 1000, .window = 1, .seconds = 3};

	while ((c = getopt(argc, argv, "Remp:T:n:S:b:w:r:t:s:P:B:")) != -1) {
		switch (c) {
		case 'R':
			opt->redis = true;
			break;
		case 'e':
			opt->sealed = true;
			break;
		case 'T':
			opt->pem = optarg;
			break;
		case 'm':
			opt->mix = true;
			break;
		case 'p':
			opt->port = (int)strtol(optarg, NULL, 10);
			break;
		case 'n':
			opt->receivers = (int)strtol(optarg, NULL, 10);
			break;
		case 'S':
			opt->stalled = (int)strtol(optarg, NULL, 10);
			break;
		case 'b':
			opt->body = (int)strtol(optarg, NULL, 10);
			break;
		case 'w':
			opt->window = (int)strtol(optarg, NULL, 10);
			break;
		case 'r':
			opt->rate = (int)strtol(optarg, NULL, 10);
			break;
		case 't':
			opt->seconds = strtod(optarg, NULL);
			break;
		case 's':
			opt->sessions = optarg;
			break;
		case 'P':
			opt->pid = strtol(optarg, NULL, 10);
			break;
		case 'B':
			opt->bulk = strtoull(optarg, NULL, 10);
			break;
		default:
			fputs("usage: fanload -p PORT [-R | -m | -e] [-T PEM] [-n RECEIVERS] [-S STALLED] [-b OCTETS] [-w WINDOW | -r RATE]\n"
			      "  [-t SECONDS] [-s SESSIONS] [-P SERVER_PID] [-B OCTETS]\n",
			      stderr);
			exit(2);
		}
	}
}
