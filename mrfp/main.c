/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MRFP program: command line, configuration, run.
 */
#include <stdio.h>

#include "common/daemon.h"
#include "common/log.h"
#include "mrfp/options.h"
#include "mrfp/server.h"

int main(int argc, char **argv)
{
	struct daemon_args args;
	struct options opt = {0};
	struct config_error err;
	int code = daemon_args(argc, argv, "mrfp", &args);

	if (code >= 0)
		return code;
	log_set_name("mrfp");
	if (config_load(options_table, options_table_len, args.config_file, args.overrides,
			args.n_overrides, &opt, &err)) {
		fprintf(stderr, "mrfp: %s\n", err.text);
		daemon_args_fini(&args);
		return EXIT_CONFIG;
	}
	log_set_level((enum log_level)opt.log_level);
	if (args.check_only) {
		code = EXIT_OK;
	} else {
		config_log_missing(options_table, options_table_len, &opt);
		code = server_run(&opt);
	}
	config_release(options_table, options_table_len, &opt);
	daemon_args_fini(&args);
	return code;
}
